//! Cache keys that cannot collide by accident: every part is tagged and length-prefixed, so that two different lists of parts
//! never encode to the same bytes, and who may see the answer is a part like any other.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Names one cached answer: what was asked, for whom, with which parameters.
///
/// A key that leaves out the tenant, the user or the permissions that an answer depends on serves one caller's rows to another;
/// put everything that the loader reads into the key. Parts are compared exactly, in order; nothing is hashed away.
///
/// ```
/// use covet_kit::cache::CacheKey;
///
/// let key = CacheKey::new("users.list").scope("tenant-7").param(100_u64).build();
/// let other = CacheKey::new("users.list").scope("tenant-8").param(100_u64).build();
/// assert_ne!(key, other);
/// ```
///
/// A key of few and small parts is held in place: building, cloning and dropping it allocates nothing. A longer one is shared by its
/// clones.
#[derive(Clone)]
pub struct CacheKey(Repr);

/// Bytes that a key has room for in place: the name of a query and two numbers.
const IN_PLACE: usize = 46;

#[derive(Clone)]
enum Repr {
    Short { length: u8, bytes: [u8; IN_PLACE] },
    Long(Arc<[u8]>),
}

impl CacheKey {
    /// Starts a key with the name of the query (change it when the shape of the answer changes).
    #[expect(clippy::new_ret_no_self, reason = "a key is built from its parts, and reads best as `CacheKey::new(..)`")]
    pub fn new(query: &str) -> CacheKeyBuilder {
        CacheKeyBuilder { short: [0; IN_PLACE], length: 0, long: Vec::new() }.part(b'q', query.as_bytes())
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Repr::Long(bytes) => bytes,
        }
    }

    /// Number of bytes that the key's parts take.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the key has no bytes; never true for a key from [`CacheKey::new`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for CacheKey {}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for CacheKey {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for CacheKey {
    /// Shows the length alone: parameters may hold what must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({} bytes)", self.len())
    }
}

/// Builds a [`CacheKey`] part by part.
#[derive(Clone)]
#[must_use = "a key builder does nothing until `build`"]
pub struct CacheKeyBuilder {
    short: [u8; IN_PLACE],
    /// Of what is in `short`; all is in `long` once that is in use.
    length: usize,
    long: Vec<u8>,
}

impl CacheKeyBuilder {
    /// Adds who may see the answer: a tenant, a user, a set of permissions. May be called several times.
    pub fn scope(self, scope: &str) -> Self {
        self.part(b's', scope.as_bytes())
    }

    /// Adds a parameter of the query. `1_u64`, `1_i64`, `"1"` and `true` are different parameters.
    pub fn param<P: KeyPart>(self, value: P) -> Self {
        value.append_to(self)
    }

    /// Adds raw bytes as a parameter, for types without a [`KeyPart`].
    pub fn bytes(self, value: &[u8]) -> Self {
        self.part(b'b', value)
    }

    /// Finishes the key.
    #[must_use]
    pub fn build(self) -> CacheKey {
        CacheKey(match u8::try_from(self.length) {
            Ok(length) if self.long.is_empty() => Repr::Short { length, bytes: self.short },
            _ => Repr::Long(self.long.into()),
        })
    }

    fn part(mut self, tag: u8, value: &[u8]) -> Self {
        let mut head = [tag, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut end = 1;
        // The length, seven bits to a byte, all but the last marked: short lengths are short, and none is the beginning of another.
        let mut rest = value.len() as u64;
        loop {
            head[end] = (rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 };
            end += 1;
            rest >>= 7;
            if rest == 0 {
                break;
            }
        }
        self.push(&head[..end]);
        self.push(value);
        self
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            if let Some(room) = self.short.get_mut(self.length..self.length + bytes.len()) {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
                return;
            }
            self.long.reserve(2 * IN_PLACE + bytes.len());
            self.long.extend_from_slice(&self.short[..self.length]);
        }
        self.long.extend_from_slice(bytes);
    }

    fn len(&self) -> usize {
        if self.long.is_empty() { self.length } else { self.long.len() }
    }
}

impl fmt::Debug for CacheKeyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKeyBuilder({} bytes)", self.len())
    }
}

/// A value that can be a parameter of a [`CacheKey`].
///
/// A type of one's own implements it by adding each of its fields with the builder's methods.
pub trait KeyPart {
    /// Adds the value to `key`. Different values must add different parts.
    fn append_to(self, key: CacheKeyBuilder) -> CacheKeyBuilder;
}

macro_rules! key_part {
    ($($type:ty, $tag:literal, |$value:ident| $bytes:expr;)*) => {$(
        impl KeyPart for $type {
            fn append_to(self, key: CacheKeyBuilder) -> CacheKeyBuilder {
                let $value = self;
                key.part($tag, $bytes)
            }
        }
    )*};
}

key_part! {
    &str, b't', |v| v.as_bytes();
    &String, b't', |v| v.as_bytes();
    u64, b'u', |v| &v.to_le_bytes();
    u32, b'u', |v| &u64::from(v).to_le_bytes();
    i64, b'i', |v| &v.to_le_bytes();
    i32, b'i', |v| &i64::from(v).to_le_bytes();
    bool, b'o', |v| &[u8::from(v)];
}

impl<P: KeyPart> KeyPart for Option<P> {
    fn append_to(self, key: CacheKeyBuilder) -> CacheKeyBuilder {
        match self {
            Some(value) => value.append_to(key.part(b'1', b"")),
            None => key.part(b'0', b""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CacheKey;

    #[test]
    fn parts_never_run_into_each_other() {
        let keys = [
            CacheKey::new("ab").param("c").build(),
            CacheKey::new("a").param("bc").build(),
            CacheKey::new("ab").scope("c").build(),
            CacheKey::new("ab").bytes(b"c").build(),
            CacheKey::new("ab").param("c").param("").build(),
            CacheKey::new("ab").param(Some("c")).build(),
            CacheKey::new("ab").param(None::<&str>).build(),
            CacheKey::new("ab").param(1_u64).build(),
            CacheKey::new("ab").param(1_i64).build(),
            CacheKey::new("ab").param(true).build(),
            // Around the length that fits in place, and with a length that takes two bytes.
            CacheKey::new(&"x".repeat(43)).build(),
            CacheKey::new(&"x".repeat(44)).build(),
            CacheKey::new(&"x".repeat(45)).build(),
            CacheKey::new(&"x".repeat(127)).build(),
            CacheKey::new(&"x".repeat(128)).build(),
            CacheKey::new(&"x".repeat(42)).param("").build(),
            CacheKey::new("q").param(&"x".repeat(60) as &str).param(7_u64).build(),
            CacheKey::new("q").param(&"x".repeat(60) as &str).param(8_u64).build(),
        ];
        for (i, a) in keys.iter().enumerate() {
            for (j, b) in keys.iter().enumerate() {
                assert_eq!(i == j, a == b, "{i} {j}");
            }
        }
    }

    #[test]
    fn equal_parts_make_equal_keys_and_debug_hides_them() {
        let key = || CacheKey::new("q").scope("secret").param(7_u32).build();
        assert_eq!(key(), key());
        assert!(!format!("{:?}", key()).contains("secret"));
    }
}
