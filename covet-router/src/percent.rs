//! Percent-decoding of captures and percent-encoding of generated URLs.

use std::borrow::Cow;

/// Why a text could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Undecodable {
    /// `%` without two hexadecimal digits, at this byte.
    Escape(usize),
    /// The decoded bytes are not UTF-8.
    Utf8,
}

/// Decodes every escape once.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, Undecodable> {
    let bytes = text.as_bytes();
    let Some(first) = bytes.iter().position(|&b| b == b'%') else {
        return Ok(Cow::Borrowed(text));
    };
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&bytes[..first]);
    let mut at = first;
    while let Some(&b) = bytes.get(at) {
        if b == b'%' {
            out.push(escaped(bytes, at).ok_or(Undecodable::Escape(at))?);
            at += 3;
        } else {
            out.push(b);
            at += 1;
        }
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| Undecodable::Utf8)
}

/// The byte that the escape at `at` stands for.
pub(crate) fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
    let value = digit(at + 1)? * 16 + digit(at + 2)?;
    u8::try_from(value).ok()
}

/// RFC 3986 `unreserved`.
pub(crate) fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

/// Appends `text` so that it stands for itself within one segment; slashes are kept if `slashes`.
pub(crate) fn encode(out: &mut String, text: &str, slashes: bool) {
    for b in text.bytes() {
        // What RFC 3986 allows in a segment (`pchar`) needs no escape.
        let plain = is_unreserved(b)
            || matches!(b, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
            || (slashes && b == b'/');
        if plain {
            out.push(char::from(b));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.extend(['%', char::from(HEX[usize::from(b >> 4)]), char::from(HEX[usize::from(b & 15)])]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_happens_once() {
        assert_eq!(decode("a%2Fb%2fc").unwrap(), "a/b/c");
        assert_eq!(decode("%252F").unwrap(), "%2F");
        assert_eq!(decode("%C3%A9é").unwrap(), "éé");
        assert!(matches!(decode("plain"), Ok(Cow::Borrowed("plain"))));
        for (text, at) in [("%", 0), ("a%", 1), ("a%2", 1), ("%zz", 0), ("%é1", 0), ("%+1", 0), ("%20%", 3)] {
            assert_eq!(decode(text), Err(Undecodable::Escape(at)), "{text}");
        }
        assert_eq!(decode("%ff"), Err(Undecodable::Utf8));
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        let all: String = (1..=0x17f).filter_map(char::from_u32).collect();
        for slashes in [false, true] {
            let mut out = String::new();
            encode(&mut out, &all, slashes);
            assert_eq!(out.contains('/'), slashes);
            assert!(
                out.is_ascii() && !out.contains(['?', '#', '\\', ' ', '%'].map(|c| c).as_slice()) || out.contains('%')
            );
            assert_eq!(decode(&out).unwrap(), all);
        }
    }
}
