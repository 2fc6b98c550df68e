//! The types a parameter can have: what text each accepts, and how they rank against each other.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A user-registered test of raw parameter text.
pub(crate) struct Predicate {
    pub(crate) name: Box<str>,
    pub(crate) rank: u32,
    pub(crate) test: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (rank {})", self.name, self.rank)
    }
}

/// The type of one parameter. Constraints look at the raw text, before percent-decoding.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// One of a sorted list of texts.
    OneOf(Arc<[Box<str>]>),
    Uuid,
    U64,
    I64,
    Hex,
    Alpha,
    Alnum,
    Predicate(Arc<Predicate>),
    Plain,
}

impl Kind {
    /// The built-in type of this name.
    pub(crate) fn built_in(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "u64" => Self::U64,
            "i64" => Self::I64,
            "hex" => Self::Hex,
            "alpha" => Self::Alpha,
            "alnum" => Self::Alnum,
            _ => return None,
        })
    }

    /// Whether the raw text (never empty) satisfies the type.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        match self {
            Self::Plain => !bytes.is_empty(),
            Self::OneOf(list) => list.iter().any(|s| s.as_bytes() == bytes),
            Self::Uuid => is_uuid(bytes),
            Self::U64 => is_u64(bytes),
            Self::I64 => is_i64(bytes),
            Self::Hex => all(bytes, u8::is_ascii_hexdigit),
            Self::Alpha => all(bytes, u8::is_ascii_alphabetic),
            Self::Alnum => all(bytes, u8::is_ascii_alphanumeric),
            Self::Predicate(p) => !bytes.is_empty() && (p.test)(text),
        }
    }

    /// As [`accepts`](Self::accepts), with the letters of an alternation in either case.
    pub(crate) fn accepts_folded(&self, text: &str) -> bool {
        match self {
            Self::OneOf(list) => list.iter().any(|s| s.eq_ignore_ascii_case(text)),
            _ => self.accepts(text),
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Whether no other type has its place in the order of precedence.
    pub(crate) fn is_alone(&self) -> bool {
        !matches!(self, Self::OneOf(_) | Self::Predicate(_))
    }

    /// Position in the order of precedence; predicates are told apart by their own rank.
    pub(crate) fn level(&self) -> (u8, u32) {
        match self {
            Self::OneOf(_) => (1, 0),
            Self::Uuid => (2, 0),
            Self::U64 => (3, 0),
            Self::I64 => (4, 0),
            Self::Hex => (5, 0),
            Self::Alpha => (6, 0),
            Self::Alnum => (7, 0),
            Self::Predicate(p) => (8, p.rank),
            Self::Plain => (9, 0),
        }
    }

    /// Compares two types by precedence alone; `Equal` does not mean the same type.
    pub(crate) fn rank_cmp(&self, other: &Self) -> Ordering {
        self.level().cmp(&other.level())
    }

    /// Whether both are one and the same type.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(a), Self::OneOf(b)) => a == b,
            (Self::Predicate(a), Self::Predicate(b)) => a.name == b.name,
            _ => self.level() == other.level(),
        }
    }

    /// Whether every text that `other` accepts is accepted here; `false` when that is not known.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain, _)
            | (Self::I64, Self::U64)
            | (Self::Hex | Self::Alnum, Self::U64)
            | (Self::Alnum, Self::Hex | Self::Alpha) => true,
            (_, Self::OneOf(list)) => list.iter().all(|s| self.accepts(s)),
            _ => self.same(other),
        }
    }

    /// Total order that also separates different types of equal precedence, for a fixed arrangement of the trie.
    pub(crate) fn total_cmp(&self, other: &Self) -> Ordering {
        self.rank_cmp(other).then_with(|| match (self, other) {
            (Self::OneOf(a), Self::OneOf(b)) => a.cmp(b),
            (Self::Predicate(a), Self::Predicate(b)) => a.name.cmp(&b.name),
            _ => Ordering::Equal,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneOf(list) => {
                for (i, s) in list.iter().enumerate() {
                    if i > 0 {
                        f.write_str("|")?;
                    }
                    f.write_str(s)?;
                }
                return Ok(());
            }
            Self::Uuid => "uuid",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::Hex => "hex",
            Self::Alpha => "alpha",
            Self::Alnum => "alnum",
            Self::Predicate(p) => &p.name,
            Self::Plain => "",
        })
    }
}

fn all(bytes: &[u8], test: impl Fn(&u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(test)
}

/// Decimal digits whose value fits; leading zeros are allowed, a sign is not.
pub(crate) fn is_u64(bytes: &[u8]) -> bool {
    decimal_at_most(bytes, u64::MAX)
}

/// As [`is_u64`] with an optional `-`.
pub(crate) fn is_i64(bytes: &[u8]) -> bool {
    match bytes.strip_prefix(b"-") {
        Some(digits) => decimal_at_most(digits, i64::MIN.unsigned_abs()),
        None => decimal_at_most(bytes, i64::MAX.unsigned_abs()),
    }
}

fn decimal_at_most(bytes: &[u8], max: u64) -> bool {
    if !all(bytes, u8::is_ascii_digit) {
        return false;
    }
    if bytes.len() < 19 {
        return true;
    }
    let mut value = 0u64;
    for &b in bytes {
        match value.checked_mul(10).and_then(|v| v.checked_add(u64::from(b - b'0'))) {
            Some(v) if v <= max => value = v,
            _ => return false,
        }
    }
    true
}

/// The 8-4-4-4-12 form with digits in either case; any version.
pub(crate) fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_that_parse() {
        for text in [
            "0",
            "7",
            "007",
            "18446744073709551615",
            "18446744073709551616",
            "00000000000000000000018446744073709551615",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "-0",
            "-",
            "",
            "1a",
            "99999999999999999999",
        ] {
            assert_eq!(Kind::U64.accepts(text), text.parse::<u64>().is_ok(), "{text}");
            assert_eq!(Kind::I64.accepts(text), text.parse::<i64>().is_ok(), "{text}");
        }
        assert!(!Kind::U64.accepts("+1") && !Kind::I64.accepts("+1"), "a sign that only std accepts");
    }

    #[test]
    fn uuid_shape() {
        assert!(Kind::Uuid.accepts("67e55044-10b1-426f-9247-bb680e5fe0c8"));
        assert!(!Kind::Uuid.accepts("67e55044-10b1-426f-9247-bb680e5fe0c"));
        assert!(!Kind::Uuid.accepts("67e55044x10b1-426f-9247-bb680e5fe0c8"));
    }

    #[test]
    fn covering_is_sound() {
        let kinds = [Kind::Uuid, Kind::U64, Kind::I64, Kind::Hex, Kind::Alpha, Kind::Alnum, Kind::Plain];
        let texts = ["1", "-1", "a", "z", "aZ9", "ff", "67e55044-10b1-426f-9247-bb680e5fe0c8", "é", "a.b"];
        for a in &kinds {
            for b in &kinds {
                if a.covers(b) {
                    assert!(texts.iter().all(|t| !b.accepts(t) || a.accepts(t)), "{a} covers {b}");
                }
            }
        }
    }
}
