//! A revocation in the form that is stored and sent: fingerprints and times.

use crate::blacklist::{Change, Fingerprint};

/// One revocation. At most 33 bytes; equal revocations have equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub(crate) change: Change,
}

/// The longest encoding.
pub(crate) const MAX_BYTES: usize = 33;

impl Record {
    pub(crate) fn new(change: Change) -> Self {
        Self { change }
    }

    /// The second, since 1970, from which on no token that this record refuses can be valid, leeway and skew
    /// aside; `None` if there is no such time.
    #[must_use]
    pub fn lapses_at(&self) -> Option<u64> {
        match self.change {
            Change::Token(_, exp) => Some(exp),
            Change::Id(_, until) | Change::Cutoff { until, .. } => Some(until),
            Change::InBucket { last_second, .. } => Some(last_second),
            Change::Forever(_) | Change::Key(_) => None,
        }
    }

    /// The record's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_BYTES);
        let (kind, fingerprint) = match self.change {
            Change::Token(fingerprint, _) => (1, fingerprint),
            Change::Id(fingerprint, _) => (2, fingerprint),
            Change::Forever(fingerprint) => (3, fingerprint),
            Change::Cutoff { scope, .. } => (4, scope),
            Change::Key(fingerprint) => (5, fingerprint),
            Change::InBucket { fingerprint, level, .. } => (16 + level, fingerprint),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&fingerprint.to_bytes());
        match self.change {
            Change::Token(_, time) | Change::Id(_, time) => bytes.extend_from_slice(&time.to_le_bytes()),
            Change::InBucket { last_second, .. } => bytes.extend_from_slice(&last_second.to_le_bytes()),
            Change::Cutoff { at, until, .. } => {
                bytes.extend_from_slice(&until.to_le_bytes());
                bytes.extend_from_slice(&at.to_le_bytes());
            }
            Change::Forever(_) | Change::Key(_) => {}
        }
        bytes
    }

    /// The record of these bytes, or `None` if they are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (fingerprint, rest) = rest.split_first_chunk::<16>()?;
        let fingerprint = Fingerprint::from_bytes(*fingerprint);
        let times = match rest.len() {
            0 => [None, None],
            8 => [rest.first_chunk(), None],
            16 => [rest.first_chunk(), rest.last_chunk()],
            _ => return None,
        };
        let change = match (kind, times.map(|time| time.map(|time: &[u8; 8]| u64::from_le_bytes(*time)))) {
            (1, [Some(exp), None]) => Change::Token(fingerprint, exp),
            (2, [Some(until), None]) => Change::Id(fingerprint, until),
            (3, [None, None]) => Change::Forever(fingerprint),
            (4, [Some(until), Some(at)]) => Change::Cutoff { scope: fingerprint, at, until },
            (5, [None, None]) => Change::Key(fingerprint),
            (16..=19, [Some(last_second), None]) => Change::InBucket { fingerprint, level: kind - 16, last_second },
            _ => return None,
        };
        Some(Self { change })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_nothing_else_is_read() {
        let fingerprint = Fingerprint::from_bytes(*b"0123456789abcdef");
        let changes = [
            Change::Token(fingerprint, 7),
            Change::Id(fingerprint, 8),
            Change::Forever(fingerprint),
            Change::Cutoff { scope: fingerprint, at: 9, until: 10 },
            Change::Key(fingerprint),
            Change::InBucket { fingerprint, level: 3, last_second: 11 },
        ];
        for change in changes {
            let bytes = Record::new(change).to_bytes();
            assert!(bytes.len() <= MAX_BYTES);
            assert_eq!(Record::from_bytes(&bytes), Some(Record::new(change)));
            assert_eq!(Record::from_bytes(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(Record::from_bytes(&[]), None);
        assert_eq!(Record::from_bytes(&[0; 17]), None);
        assert_eq!(Record::from_bytes(&[20; 25]), None);
    }
}
