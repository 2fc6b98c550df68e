//! The static short-cut: paths without parameters, found by the whole path in one probe.

use crate::bytes;
use crate::compile::splitmix;

/// Where a path without parameters leads.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Hash and length of the path; see [`key`].
    key: u64,
    /// Where it stands in the text.
    text: u32,
    /// 0 for an unused slot.
    leaf: u32,
}

/// Paths without parameters, by the whole path.
#[derive(Debug, Default)]
pub(crate) struct Statics {
    slots: Box<[Slot]>,
    text: Box<[u8]>,
    /// One bit per length (modulo 256) that occurs.
    lengths: [u64; 4],
    /// Chosen at build so that few paths are away from home.
    mult: u64,
    shift: u32,
}

/// The answer of the first slot when it takes more to tell.
pub(crate) const UNSURE: u32 = u32::MAX;

impl Statics {
    /// `paths` gives the position of each path in `text`, its length, and its leaf.
    pub(crate) fn new(paths: &[(u32, u32, u32)], text: Vec<u8>) -> Self {
        if paths.is_empty() {
            return Self::default();
        }
        let size = (paths.len() * 4).next_power_of_two();
        let path_of = |&(start, len, _): &(u32, u32, u32)| &text[start as usize..(start + len) as usize];
        let mut lengths = [0; 4];
        let shift = 64 - size.trailing_zeros();
        let mut used = vec![0u64; size.div_ceil(64)];
        let mut away = |mult: u64| {
            used.fill(0);
            let taken = |path| {
                let home = home(key(path_of(path), mult), shift);
                let bit = 1 << (home & 63);
                let taken = used[home >> 6] & bit != 0;
                used[home >> 6] |= bit;
                taken
            };
            paths.iter().map(taken).filter(|t| *t).count()
        };
        let mult = (1..=TRIES).map(|n| splitmix(n) | 1).min_by_key(|mult| away(*mult)).unwrap_or(1);
        let mut slots = vec![Slot::default(); size];
        for place @ &(start, _, leaf) in paths {
            let path = path_of(place);
            lengths[(path.len() >> 6) & 3] |= 1 << (path.len() & 63);
            let key = key(path, mult);
            let mut at = home(key, shift);
            while slots[at].leaf != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = Slot { key, text: start, leaf };
        }
        Self { slots: slots.into(), text: text.into(), lengths, mult, shift }
    }

    /// Whether there may be a path of this length.
    #[inline(always)]
    pub(crate) fn may_have(&self, len: usize) -> bool {
        self.lengths[(len >> 6) & 3] >> (len & 63) & 1 != 0
    }

    /// The leaf of this very path, or 0, or [`UNSURE`]: then [`get`](Self::get) tells. Makes no call.
    #[inline(always)]
    pub(crate) fn first(&self, path: &[u8]) -> u32 {
        let key = key(path, self.mult);
        let Some(slot) = self.slots.get(home(key, self.shift)) else {
            return 0;
        };
        if slot.key == key && same_text(&self.text, slot.text as usize, path) {
            return slot.leaf;
        }
        if slot.leaf == 0 { 0 } else { UNSURE }
    }

    /// The leaf of this very path, or 0.
    pub(crate) fn get(&self, path: &[u8]) -> u32 {
        let key = key(path, self.mult);
        let mut at = home(key, self.shift);
        while let Some(slot) = self.slots.get(at)
            && slot.leaf != 0
        {
            let text = slot.text as usize;
            if slot.key == key && self.text.get(text..text + path.len()) == Some(path) {
                return slot.leaf;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        0
    }

    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.slots) + self.text.len()
    }
}

/// So many multipliers are tried.
const TRIES: u64 = 12;

/// The slot where a key belongs.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than there are slots")]
fn home(key: u64, shift: u32) -> usize {
    (key >> (shift & 63)) as usize
}

/// 48 bits of a hash of the first, middle and last eight bytes, and the length in the lowest 16. Equality is decided on the whole path.
#[inline(always)]
fn key(path: &[u8], mult: u64) -> u64 {
    let n = path.len();
    let (words, _) = path.as_chunks::<8>();
    let hash = match (words.first(), words.get(words.len() / 2), path.last_chunk::<8>()) {
        (Some(first), Some(middle), Some(last)) => {
            let [first, middle, last] = [first, middle, last].map(|word| u64::from_le_bytes(*word));
            (first ^ middle.rotate_left(29)).wrapping_mul(mult) ^ last.rotate_left(17).wrapping_mul(LAST)
        }
        _ => bytes::short_word(path).wrapping_mul(mult),
    };
    // The upper half is the well mixed one.
    (hash & !0xffff) | n as u64
}

/// Multiplier of the last eight bytes.
const LAST: u64 = 0xd6e8_feb8_6659_fd93;

/// Whether `path` stands in `text` at `at`. False may also mean that the path is too long to say without a call.
#[inline(always)]
fn same_text(text: &[u8], at: usize, path: &[u8]) -> bool {
    let Some(stored) = text.get(at..at + path.len()) else {
        return false;
    };
    if let (Some(a), Some(b)) = (stored.last_chunk::<16>(), path.last_chunk::<16>()) {
        let ends = (a == b) & (stored.first_chunk::<16>() == path.first_chunk::<16>());
        if path.len() <= 32 || !ends {
            return ends;
        }
        return match (
            stored.first_chunk::<32>(),
            path.first_chunk::<32>(),
            stored.last_chunk::<32>(),
            path.last_chunk::<32>(),
        ) {
            (Some(a), Some(b), Some(c), Some(d)) => path.len() <= 64 && (a[16..] == b[16..]) & (c[..16] == d[..16]),
            _ => false,
        };
    }
    match (stored.last_chunk::<8>(), path.last_chunk::<8>()) {
        (Some(a), Some(b)) => a == b && stored.first_chunk::<8>() == path.first_chunk::<8>(),
        _ => bytes::short_word(stored) == bytes::short_word(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways of asking agree.
    fn look(statics: &Statics, path: &[u8]) -> u32 {
        if !statics.may_have(path.len()) {
            return 0;
        }
        let (first, leaf) = (statics.first(path), statics.get(path));
        assert!(first == leaf || first == UNSURE);
        leaf
    }

    /// Texts of every length up to 70, and for each those that differ in one byte.
    #[test]
    fn finds_these_paths_and_no_others() {
        let texts: Vec<String> = (1..70).map(|n| format!("/{}", "abcdefghijk".repeat(7).split_at(n - 1).0)).collect();
        let (mut text, mut paths) = (Vec::new(), Vec::new());
        for (path, leaf) in texts.iter().zip(1..) {
            paths.push((u32::try_from(text.len()).unwrap(), u32::try_from(path.len()).unwrap(), leaf));
            text.extend_from_slice(path.as_bytes());
        }
        let statics = Statics::new(&paths, text);
        for (path, leaf) in texts.iter().zip(1..) {
            assert_eq!(look(&statics, path.as_bytes()), leaf, "{path}");
            for i in 0..path.len() {
                let mut other = path.clone().into_bytes();
                other[i] ^= 1;
                assert_eq!(look(&statics, &other), 0, "{path} {i}");
            }
        }
        assert_eq!(look(&statics, b""), 0);
        assert_eq!(look(&Statics::default(), b"/"), 0);
    }

    /// Paths of one key are told apart by their text.
    #[test]
    fn equal_keys_are_probed() {
        let base = format!("/{}", "x".repeat(60));
        let texts: Vec<String> = (0..20)
            .map(|i| {
                let mut path = base.clone();
                path.replace_range(10..12, &format!("{i:02}"));
                path
            })
            .collect();
        assert_eq!(key(texts[0].as_bytes(), 5), key(texts[7].as_bytes(), 5));
        let text = texts.concat();
        let place = |i: u32| (i * 61, 61, i + 1);
        let statics = Statics::new(&(0..20).map(place).collect::<Vec<_>>(), text.into_bytes());
        for (path, leaf) in texts.iter().zip(1..) {
            assert_eq!(look(&statics, path.as_bytes()), leaf);
        }
        assert_eq!(look(&statics, base.as_bytes()), 0);
    }
}
