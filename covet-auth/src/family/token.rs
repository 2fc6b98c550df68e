//! The refresh token: the family's name, a counter, and a MAC over both. The store keeps the counter alone, so a
//! family takes the same room after ten thousand rotations, and the successor of a token is always the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use zeroize::Zeroizing;

const PREFIX: &str = "cvr1.";
const LEN: usize = 16 + 8 + 32;

/// Makes and reads the refresh tokens of one issuer.
pub(super) struct TokenMint {
    /// The first one makes tokens; all of them read.
    keys: Vec<Zeroizing<[u8; 32]>>,
}

/// What a genuine refresh token says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct RefreshToken {
    pub(super) family: [u8; 16],
    pub(super) counter: u64,
}

impl TokenMint {
    /// The issuer's name is mixed into the keys: a token of one issuer is none of another's, even with one secret.
    pub(super) fn new<'a>(issuer: &str, secrets: impl Iterator<Item = &'a [u8]>) -> Self {
        let derive = |secret: &[u8]| {
            let mut hasher = blake3::Hasher::new_derive_key("covet-auth 2026 refresh token");
            hasher.update(&(issuer.len() as u64).to_le_bytes());
            hasher.update(issuer.as_bytes());
            hasher.update(secret);
            Zeroizing::new(*hasher.finalize().as_bytes())
        };
        Self { keys: secrets.map(derive).collect() }
    }

    pub(super) fn write(&self, token: RefreshToken) -> String {
        let mut bytes = [0; LEN];
        let body = body(token);
        bytes[..24].copy_from_slice(&body);
        if let Some(key) = self.keys.first() {
            bytes[24..].copy_from_slice(blake3::keyed_hash(key, &body).as_bytes());
        }
        format!("{PREFIX}{}", BASE64.encode(bytes))
    }

    /// `None` for anything that was not written with one of the secrets. Compares in constant time.
    pub(super) fn read(&self, text: &str) -> Option<RefreshToken> {
        let encoded = text.strip_prefix(PREFIX)?;
        let mut bytes = [0; LEN + 2];
        if BASE64.decode_slice(encoded, &mut bytes).ok()? != LEN {
            return None;
        }
        let (body, rest) = bytes.split_first_chunk::<24>()?;
        let (mac, _) = rest.split_first_chunk::<32>()?;
        let mac = blake3::Hash::from_bytes(*mac);
        if !self.keys.iter().any(|key| blake3::keyed_hash(key, body) == mac) {
            return None;
        }
        let (family, counter) = body.split_first_chunk::<16>()?;
        Some(RefreshToken { family: *family, counter: u64::from_be_bytes(counter.try_into().ok()?) })
    }
}

fn body(token: RefreshToken) -> [u8; 24] {
    let mut body = [0; 24];
    body[..16].copy_from_slice(&token.family);
    body[16..].copy_from_slice(&token.counter.to_be_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: RefreshToken = RefreshToken { family: [9; 16], counter: 3 };

    fn mint(issuer: &str, secrets: &[&[u8]]) -> TokenMint {
        TokenMint::new(issuer, secrets.iter().copied())
    }

    #[test]
    fn round_trips_and_every_changed_character_is_refused() {
        let mint = mint("i", &[b"secret"]);
        let text = mint.write(TOKEN);
        assert!(mint.read(&text).is_some_and(|token| token == TOKEN));
        for at in 0..text.len() {
            for replacement in ['A', 'B', '.'] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, &replacement.to_string());
                assert_eq!(mint.read(&changed).is_some(), changed == text, "{at}");
            }
        }
        for text in ["", "cvr1.", "cvr1.AAAA", &text[..text.len() - 1], &format!("{text}A")] {
            assert!(mint.read(text).is_none());
        }
    }

    #[test]
    fn another_issuer_or_secret_is_refused_and_an_old_secret_still_reads() {
        let text = mint("i", &[b"old"]).write(TOKEN);
        assert!(mint("j", &[b"old"]).read(&text).is_none());
        assert!(mint("i", &[b"new"]).read(&text).is_none());
        assert!(mint("i", &[b"new", b"old"]).read(&text).is_some());
    }
}
