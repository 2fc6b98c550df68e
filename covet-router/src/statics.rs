//! The static short-cut: paths without parameters, found by the whole path in one probe.

use crate::bytes;

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
    shift: u32,
}

impl Statics {
    /// `paths` gives the position of each path in `text`, its length, and its leaf.
    pub(crate) fn new(paths: &[(u32, u32, u32)], text: Vec<u8>) -> Self {
        if paths.is_empty() {
            return Self::default();
        }
        let size = (paths.len() * 3).next_power_of_two().max(4);
        let slots = vec![Slot::default(); size].into();
        let mut this = Self { slots, text: text.into(), lengths: [0; 4], shift: 64 - size.trailing_zeros() };
        for &(start, len, leaf) in paths {
            let path = &this.text[start as usize..(start + len) as usize];
            this.lengths[(path.len() >> 6) & 3] |= 1 << (path.len() & 63);
            let key = key(path);
            let mut at = this.home(key);
            while this.slots[at].leaf != 0 {
                at = (at + 1) & (size - 1);
            }
            this.slots[at] = Slot { key, text: start, leaf };
        }
        this
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than there are slots")]
    fn home(&self, key: u64) -> usize {
        (key >> (self.shift & 63)) as usize
    }

    /// Whether there may be a path of this length.
    #[inline(always)]
    pub(crate) fn may_have(&self, len: usize) -> bool {
        self.lengths[(len >> 6) & 3] >> (len & 63) & 1 != 0
    }

    /// The leaf of this very path, or 0.
    #[inline(always)]
    pub(crate) fn get(&self, path: &[u8]) -> u32 {
        let key = key(path);
        let first = self.home(key);
        let Some(slot) = self.slots.get(first) else {
            return 0;
        };
        if slot.key == key && same_text(&self.text, slot.text as usize, path) {
            return slot.leaf;
        }
        if slot.leaf == 0 { 0 } else { self.probe(first, path) }
    }

    /// Looks at the slots after the first one.
    #[inline(never)]
    fn probe(&self, first: usize, path: &[u8]) -> u32 {
        let key = key(path);
        let mut at = first;
        loop {
            at = (at + 1) & (self.slots.len() - 1);
            match self.slots.get(at) {
                Some(slot) if slot.leaf != 0 => {
                    if slot.key == key && same_text(&self.text, slot.text as usize, path) {
                        return slot.leaf;
                    }
                }
                _ => return 0,
            }
        }
    }

    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.slots) + self.text.len()
    }
}

/// 48 bits of a hash of the first, middle and last eight bytes, and the length in the lowest 16. Equality is decided on the whole path.
#[inline(always)]
fn key(path: &[u8]) -> u64 {
    const A: u64 = 0x9e37_79b9_7f4a_7c15;
    const B: u64 = 0xd6e8_feb8_6659_fd93;
    let n = path.len();
    let (words, _) = path.as_chunks::<8>();
    let hash = match (words.first(), words.get(words.len() / 2), path.last_chunk::<8>()) {
        (Some(first), Some(middle), Some(last)) => {
            let [first, middle, last] = [first, middle, last].map(|word| u64::from_le_bytes(*word));
            (first ^ middle.rotate_left(29)).wrapping_mul(A) ^ last.rotate_left(17).wrapping_mul(B)
        }
        _ => bytes::short_word(path).wrapping_mul(A),
    };
    // The upper half is the well mixed one.
    (hash & !0xffff) | n as u64
}

/// Whether `path` stands in `text` at `at`.
#[inline(always)]
fn same_text(text: &[u8], at: usize, path: &[u8]) -> bool {
    let Some(stored) = text.get(at..at + path.len()) else {
        return false;
    };
    if let (Some(a), Some(b)) = (stored.last_chunk::<16>(), path.last_chunk::<16>()) {
        let firsts = stored.first_chunk::<16>() == path.first_chunk::<16>();
        return (a == b) & firsts && (path.len() <= 32 || stored == path);
    }
    match (stored.last_chunk::<8>(), path.last_chunk::<8>()) {
        (Some(a), Some(b)) => a == b && stored.first_chunk::<8>() == path.first_chunk::<8>(),
        _ => bytes::short_word(stored) == bytes::short_word(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(statics.get(path.as_bytes()), leaf, "{path}");
            for i in 0..path.len() {
                let mut other = path.clone().into_bytes();
                other[i] ^= 1;
                assert_eq!(statics.get(&other), 0, "{path} {i}");
            }
        }
        assert_eq!(statics.get(b""), 0);
        assert_eq!(Statics::default().get(b"/"), 0);
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
        assert_eq!(key(texts[0].as_bytes()), key(texts[7].as_bytes()));
        let text = texts.concat();
        let place = |i: u32| (i * 61, 61, i + 1);
        let statics = Statics::new(&(0..20).map(place).collect::<Vec<_>>(), text.into_bytes());
        for (path, leaf) in texts.iter().zip(1..) {
            assert_eq!(statics.get(path.as_bytes()), leaf);
        }
        assert_eq!(statics.get(base.as_bytes()), 0);
    }
}
