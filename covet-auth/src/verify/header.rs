//! The protected header, judged once per distinct text.
//!
//! A service sees a handful of headers, again and again. One that stood before a good signature is remembered by
//! its exact base64 text; tokens that are refused leave nothing behind, so a flood of invented headers neither
//! grows the memory of them nor empties it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use serde::de::IgnoredAny;

use super::BASE64;
use super::scan::{self, Value};
use crate::algorithm::Algorithm;
use crate::error::AuthError;

/// Longer headers are parsed every time.
const MAX_REMEMBERED: usize = 512;
const SLOTS: usize = 64;

/// What a header says that is of use. `jwk`, `jku`, `x5u` and `x5c` are not: a token does not bring its own key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// `None` when `alg` is no algorithm that exists here, `none` included.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) kid: Option<String>,
}

/// Which `typ` is accepted.
#[derive(Clone, Debug)]
pub(crate) enum TypePolicy {
    /// Absent, `JWT` or `at+jwt`.
    Usual,
    /// Present and one of these.
    Only(Vec<String>),
}

impl TypePolicy {
    /// `typ` is a media type: compared without case, and `application/` may be left out (RFC 7515 section 4.1.9).
    fn accepts(&self, typ: Option<&str>) -> bool {
        let bare = |name: &str| match name.split_at_checked("application/".len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest.to_ascii_lowercase(),
            _ => name.to_ascii_lowercase(),
        };
        match (self, typ) {
            (Self::Usual, None) => true,
            (Self::Usual, Some(typ)) => matches!(bare(typ).as_str(), "jwt" | "at+jwt"),
            (Self::Only(_), None) => false,
            (Self::Only(names), Some(typ)) => names.iter().any(|name| bare(name) == bare(typ)),
        }
    }
}

/// Parses and judges a header's base64 text.
pub(crate) fn parse(encoded: &[u8], types: &TypePolicy) -> Result<Header, AuthError> {
    let json = BASE64.decode(encoded).map_err(|_| AuthError::Malformed)?;
    let json = std::str::from_utf8(&json).map_err(|_| AuthError::Malformed)?;
    let (mut alg, mut kid, mut typ) = (None, None, None);
    let mut critical = false;
    scan::members(json, |name, value| {
        match name {
            "alg" => alg = Some(string(value)?),
            "kid" => kid = Some(string(value)?),
            "typ" => typ = Some(string(value)?),
            // No extension is understood, so any list of critical ones names an unknown one; an empty list, or
            // one that is no list, is not allowed either.
            "crit" => critical = true,
            // RFC 7797 changes what is signed. It must be critical, and `true` is what everybody does anyway.
            "b64" => critical |= value != Value::Other("true"),
            // A JWE's member: this is no signed token.
            "enc" => return Err(AuthError::Malformed),
            _ => {}
        }
        Ok(())
    })?;
    serde_json::from_str::<IgnoredAny>(json).map_err(|_| AuthError::Malformed)?;
    if critical {
        return Err(AuthError::Critical);
    }
    if !types.accepts(typ.as_deref()) {
        return Err(AuthError::Type);
    }
    let algorithm = Algorithm::from_name(&alg.ok_or(AuthError::Malformed)?);
    Ok(Header { algorithm, kid })
}

fn string(value: Value<'_>) -> Result<String, AuthError> {
    match value {
        Value::String(text) => Ok(text.unescape()?.into_owned()),
        _ => Err(AuthError::Malformed),
    }
}

/// The headers that stood before good signatures.
pub(crate) struct HeaderMemory {
    slots: Vec<ArcSwapOption<Remembered>>,
}

pub(crate) struct Remembered {
    encoded: Box<[u8]>,
    pub(crate) header: Header,
}

impl HeaderMemory {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| ArcSwapOption::empty()).collect() }
    }

    /// Costs a short hash and a comparison of the whole text.
    #[inline]
    pub(crate) fn recall(&self, encoded: &[u8]) -> Option<arc_swap::Guard<Option<Arc<Remembered>>>> {
        let slot = self.slots[slot(encoded)].load();
        let known = slot.as_ref().is_some_and(|known| *known.encoded == *encoded);
        known.then_some(slot)
    }

    /// Call it for verified tokens only.
    pub(crate) fn remember(&self, encoded: &[u8], header: Header) {
        if encoded.len() <= MAX_REMEMBERED {
            self.slots[slot(encoded)].store(Some(Arc::new(Remembered { encoded: encoded.into(), header })));
        }
    }
}

/// Headers differ in `alg`, near the front, and in `kid`, anywhere: the length and two samples tell most apart. Two
/// that share a slot cost time, nothing else.
fn slot(encoded: &[u8]) -> usize {
    let tail = encoded.last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let middle = encoded.get(encoded.len() / 2..).and_then(|half| half.first_chunk::<8>());
    let middle = middle.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mixed = (tail ^ middle.rotate_left(23) ^ encoded.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 58) as usize % SLOTS
}

impl std::fmt::Debug for HeaderMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeaderMemory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(json: &str) -> Result<Header, AuthError> {
        parse(BASE64.encode(json).as_bytes(), &TypePolicy::Usual)
    }

    #[test]
    fn reads_alg_and_kid() {
        let header = judge(r#"{"alg":"ES256","kid":"a\"b","typ":"JWT","jku":"https://evil","x":{"y":[]}}"#).unwrap();
        assert_eq!(header, Header { algorithm: Some(Algorithm::ES256), kid: Some("a\"b".into()) });
        assert_eq!(judge(r#"{"alg":"none"}"#).unwrap().algorithm, None);
    }

    #[test]
    fn refuses_malformed_headers() {
        for json in [
            r#"{}"#,
            r#"{"alg":1}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","kid":7}"#,
            r#"{"alg":"HS256","enc":"A128GCM"}"#,
            r#"{"alg":"HS256","x":}"#,
            r#"{"alg":"HS256",}"#,
            r#"["HS256"]"#,
            "\u{feff}{\"alg\":\"HS256\"}",
        ] {
            assert_eq!(judge(json), Err(AuthError::Malformed), "{json}");
        }
        assert_eq!(parse(b"eyJhbGciOiJIUzI1NiJ9=", &TypePolicy::Usual), Err(AuthError::Malformed));
    }

    #[test]
    fn any_crit_is_refused() {
        for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", r#""exp""#, r#"["a","a"]"#, r#"["alg"]"#] {
            assert_eq!(judge(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#)), Err(AuthError::Critical), "{crit}");
        }
        assert_eq!(judge(r#"{"alg":"HS256","b64":false}"#), Err(AuthError::Critical));
        assert!(judge(r#"{"alg":"HS256","b64":true}"#).is_ok());
    }

    #[test]
    fn types() {
        for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "Application/AT+JWT"] {
            assert!(judge(&format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#)).is_ok(), "{typ}");
        }
        for typ in ["logout+jwt", "dpop+jwt", "JOSE", "", "application/", "text/jwt"] {
            assert_eq!(judge(&format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#)), Err(AuthError::Type), "{typ}");
        }
        let only = TypePolicy::Only(vec!["at+jwt".into()]);
        assert!(only.accepts(Some("application/at+JWT")));
        assert!(!only.accepts(Some("JWT")) && !only.accepts(None));
    }

    #[test]
    fn memory_recalls_exact_texts_only() {
        let memory = HeaderMemory::new();
        memory.remember(b"abcdefgh", Header { algorithm: None, kid: Some("1".into()) });
        assert!(memory.recall(b"abcdefgh").is_some());
        assert!(memory.recall(b"abcdefgi").is_none() && memory.recall(b"").is_none());
    }
}
