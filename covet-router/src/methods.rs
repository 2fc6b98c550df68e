//! Methods as small numbers and bit sets, and `Allow` values rendered at build.

use std::collections::BTreeSet;

use http::{HeaderValue, Method};

/// The nine methods of the standards, in the order `Allow` lists them.
pub(crate) const STANDARD: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

pub(crate) const GET: usize = 0;
pub(crate) const HEAD: usize = 1;
pub(crate) const OPTIONS: usize = 6;

/// The most extension methods one router can hold: with the standard ones they fill a 64-bit set.
pub(crate) const MAX_EXTENSIONS: usize = 64 - STANDARD.len();

/// The most distinct `Allow` values one table can need.
pub(crate) const MAX_ALLOW: usize = 1 << 14;

/// The index of a standard method in [`STANDARD`].
#[inline(always)]
pub(crate) fn standard(method: &Method) -> Option<usize> {
    Some(match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        Method::TRACE => 7,
        Method::CONNECT => 8,
        _ => return None,
    })
}

/// Every `Allow` value that a router can answer with, by the set of methods.
#[derive(Debug, Default)]
pub(crate) struct AllowTable {
    values: Vec<(u64, HeaderValue)>,
    /// Position in `values` plus one for sets of standard methods only.
    direct: Vec<u16>,
}

impl AllowTable {
    /// Renders the values of all unions of `sets`; `None` if there are too many.
    pub(crate) fn new(sets: &BTreeSet<u64>, extensions: &[Method]) -> Option<Self> {
        let mut all: BTreeSet<u64> = BTreeSet::new();
        for set in sets {
            let unions: Vec<u64> = all.iter().map(|other| other | set).collect();
            all.insert(*set);
            all.extend(unions);
            if all.len() > MAX_ALLOW {
                return None;
            }
        }
        let values: Vec<_> = all.iter().map(|&set| Some((set, render(set, extensions)?))).collect::<Option<_>>()?;
        let mut direct = vec![0; 1 << STANDARD.len()];
        for (i, (set, _)) in values.iter().enumerate() {
            if let (Some(slot), Ok(i)) =
                (usize::try_from(*set).ok().and_then(|s| direct.get_mut(s)), u16::try_from(i + 1))
            {
                *slot = i;
            }
        }
        Some(Self { values, direct })
    }

    /// The rendered value of a set that some union of leaves produced.
    pub(crate) fn get(&self, set: u64) -> Option<&HeaderValue> {
        let direct = usize::try_from(set).ok().and_then(|s| self.direct.get(s)).map(|&i| usize::from(i));
        let at = match direct {
            Some(0) => return None,
            Some(i) => i - 1,
            None => self.values.binary_search_by_key(&set, |(set, _)| *set).ok()?,
        };
        self.values.get(at).map(|(_, value)| value)
    }
}

fn render(set: u64, extensions: &[Method]) -> Option<HeaderValue> {
    let names = STANDARD.iter().chain(extensions).enumerate().filter(|(i, _)| set >> i & 1 == 1);
    let list: Vec<&str> = names.map(|(_, m)| m.as_str()).collect();
    HeaderValue::from_str(&list.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_agree_with_the_list() {
        for (i, method) in STANDARD.iter().enumerate() {
            assert_eq!(standard(method), Some(i));
        }
        assert_eq!(standard(&Method::from_bytes(b"PURGE").unwrap()), None);
        assert_eq!(
            (&STANDARD[GET], &STANDARD[HEAD], &STANDARD[OPTIONS]),
            (&Method::GET, &Method::HEAD, &Method::OPTIONS)
        );
    }

    #[test]
    fn unions_are_rendered() {
        let purge = Method::from_bytes(b"PURGE").unwrap();
        let table = AllowTable::new(&BTreeSet::from([0b11, 0b100, 1 << 9]), &[purge]).unwrap();
        assert_eq!(table.get(0b111).unwrap(), "GET, HEAD, POST");
        assert_eq!(table.get(0b100 | 1 << 9).unwrap(), "POST, PURGE");
        assert_eq!(table.get(0b1000), None);
    }
}
