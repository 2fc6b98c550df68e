//! Days, for the names of records and the age of claims.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day of the civil calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    /// Days since 1970.
    days: i64,
}

impl Date {
    pub(crate) fn from_unix(seconds: u64) -> Self {
        Self { days: (seconds / 86_400) as i64 }
    }

    pub(crate) fn today() -> Self {
        Self::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// Reads `2026-11-23`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        // Howard Hinnant's days_from_civil: years begin in March, so that the leap day is the last of a year.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let date = Self { days: era * 146_097 + of_era - 719_468 };
        (date.to_string() == text).then_some(date)
    }

    /// Days from `earlier` to this one.
    pub(crate) fn since(self, earlier: Self) -> i64 {
        self.days - earlier.days
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shifted = self.days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day = shifted.rem_euclid(146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_calendars() {
        for (seconds, text) in [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_760_000_000, "2025-10-09")] {
            assert_eq!(Date::from_unix(seconds).to_string(), text);
            assert_eq!(Date::parse(text), Some(Date::from_unix(seconds)));
        }
        assert_eq!(Date::parse("2026-02-30"), None);
        assert_eq!(Date::parse("soon"), None);
        assert_eq!(Date::parse("2026-03-01").unwrap().since(Date::parse("2026-02-01").unwrap()), 28);
    }
}
