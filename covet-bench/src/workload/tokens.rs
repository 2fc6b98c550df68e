//! Tokens and revocations. Identifiers are a function of their number, so ten million of them need no memory and any of them
//! can be asked for: the first `n` are revoked, those after are not.

use serde::{Deserialize, Serialize};

use crate::Rng;

/// Seconds since 1970 at which all tokens here are looked at: the clock that benches set.
pub const NOW: u64 = 1_760_000_000;

/// The lifetime of a token in seconds.
pub const LIFETIME: u64 = 3_600;

/// Who issues.
pub const ISSUER: &str = "https://id.example.com";

/// Whom tokens are for.
pub const AUDIENCE: &str = "https://api.example.com";

/// The claims of an access token, RFC 9068 style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// [`ISSUER`].
    pub iss: String,
    /// One of a million subjects.
    pub sub: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// Issued within the last [`LIFETIME`] before [`NOW`].
    pub iat: u64,
    /// [`LIFETIME`] later, hence in the future.
    pub exp: u64,
    /// [`id`] of the token's number.
    pub jti: String,
    /// Session, shared by few tokens.
    pub sid: String,
    /// Space-separated words.
    pub scope: String,
}

/// The sixteen random-looking bytes of the identifier `n`. Different numbers have different identifiers.
#[must_use]
pub fn id_bytes(n: u64) -> [u8; 16] {
    // SplitMix64's output function is a bijection, so the first half alone never repeats.
    let mut rng = Rng::new(n);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
    bytes[8..].copy_from_slice(&rng.next_u64().to_be_bytes());
    bytes
}

/// The identifier `n` as text, in the form of a UUID (36 bytes).
#[must_use]
pub fn id(n: u64) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in id_bytes(n).into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

/// When the token `n` expires: within [`LIFETIME`] after [`NOW`].
#[must_use]
pub fn expiry(n: u64) -> u64 {
    NOW + 1 + Rng::new(n ^ 0xE791).below(LIFETIME)
}

/// The first `count` identifiers with their expiry, made one by one.
pub fn revocations(count: u64) -> impl Iterator<Item = (String, u64)> {
    (0..count).map(|n| (id(n), expiry(n)))
}

/// Numbers to look up in a list of `revoked` identifiers: on average one in `hit_every` is revoked, the others are not. In an
/// ordinary service nearly every token is good.
#[must_use]
pub fn probes(revoked: u64, hit_every: u64, count: usize, seed: u64) -> Vec<u64> {
    let mut rng = Rng::new(seed);
    (0..count)
        .map(|_| {
            let n = rng.below(revoked.max(1));
            if revoked > 0 && rng.one_in(hit_every) { n } else { revoked + n }
        })
        .collect()
}

/// The claims of the token `n`.
#[must_use]
pub fn claims(n: u64) -> Claims {
    let mut rng = Rng::new(n ^ 0xC1A1);
    let exp = expiry(n);
    Claims {
        iss: ISSUER.to_owned(),
        sub: format!("user-{}", rng.below(1_000_000)),
        aud: AUDIENCE.to_owned(),
        iat: exp - LIFETIME,
        exp,
        jti: id(n),
        sid: format!("s{:012x}", rng.below(1 << 40)),
        scope: (*rng.pick(&["read", "read write", "read write admin", "orders:read orders:write"])).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    #[test]
    fn the_tokens_are_pinned() {
        let claims: Vec<Claims> = (0..100).map(claims).collect();
        let revocations: String = revocations(1_000).map(|(id, exp)| format!("{id} {exp}\n")).collect();
        let seen = [digest(&super::super::compact(&claims)), digest(revocations.as_bytes())];
        assert_eq!(
            seen,
            [0x1024_751a_6c38_7cb9, 0xc61c_d2e9_9f62_e597],
            "changed tokens need a new workload::VERSION: {seen:#x?}"
        );
    }

    #[test]
    fn identifiers_do_not_repeat() {
        let ids: std::collections::HashSet<[u8; 16]> = (0..100_000).map(id_bytes).collect();
        assert_eq!(ids.len(), 100_000);
        assert_eq!(id(7).len(), 36);
    }

    #[test]
    fn tokens_are_alive_and_probes_are_as_asked() {
        assert!((0..1_000).map(claims).all(|c| c.iat <= NOW && NOW < c.exp));
        let probes = probes(1_000, 100, 10_000, 1);
        let hits = probes.iter().filter(|n| **n < 1_000).count();
        assert!((50..200).contains(&hits), "{hits}");
    }
}
