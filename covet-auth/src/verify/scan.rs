//! One pass over the members of a small JSON object, without building anything.
//!
//! The scanner finds where each name and each value begins and ends; it does not prove that the text is JSON. Its
//! callers do that with `serde_json` over the same text, and on valid JSON the two read the same members: strings
//! end at the first unescaped quote, nested values at their matching bracket, everything else at a delimiter.

use std::borrow::Cow;

use crate::error::AuthError;

/// Deeper nesting than this is refused before `serde_json` recurses into it.
const MAX_DEPTH: usize = 32;

/// A value, by its place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string: what stands between the quotes, and where that begins.
    String(Text<'a>),
    /// A number, as written.
    Number(&'a str),
    /// An array, with its brackets.
    Array(&'a str),
    /// `true`, `false`, `null`, an object, or nothing that JSON has.
    Other(&'a str),
}

/// What stands between a pair of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a str,
    /// The offset of `raw` in the scanned text.
    pub(crate) start: usize,
    pub(crate) escaped: bool,
}

impl<'a> Text<'a> {
    /// The string itself. Borrowed unless something in it is escaped.
    pub(crate) fn unescape(self) -> Result<Cow<'a, str>, AuthError> {
        if !self.escaped {
            return Ok(Cow::Borrowed(self.raw));
        }
        let quoted = format!("\"{}\"", self.raw);
        serde_json::from_str(&quoted).map(Cow::Owned).map_err(|_| AuthError::Malformed)
    }
}

/// Hands every member of the object to `visit`, and refuses an object that names a member twice.
pub(crate) fn members<'a>(
    text: &'a str,
    mut visit: impl FnMut(&str, Value<'a>) -> Result<(), AuthError>,
) -> Result<(), AuthError> {
    let suspicious =
        walk(text, |name, value| if name.escaped { visit(&name.unescape()?, value) } else { visit(name.raw, value) })?;
    if suspicious { distinct(text) } else { Ok(()) }
}

/// The strings of an array; anything else in it is an error.
pub(crate) fn strings<'a>(
    array: &'a str,
    mut visit: impl FnMut(Text<'a>) -> Result<(), AuthError>,
) -> Result<(), AuthError> {
    let mut cursor = Cursor { text: array, at: 0 };
    cursor.expect(b'[')?;
    if cursor.skip_space() == Some(b']') {
        return Ok(());
    }
    loop {
        cursor.expect(b'"')?;
        visit(cursor.string()?)?;
        match cursor.next_token()? {
            b',' => {}
            b']' => return Ok(()),
            _ => return Err(AuthError::Malformed),
        }
    }
}

/// Visits the members, and says whether two names may be equal. Names are told apart by a 64-bit filter first, so
/// that an ordinary object costs a shift per member and a crowded one costs one sort.
fn walk<'a>(
    text: &'a str,
    mut visit: impl FnMut(Text<'a>, Value<'a>) -> Result<(), AuthError>,
) -> Result<bool, AuthError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut seen = 0u64;
    let mut suspicious = false;
    cursor.expect(b'{')?;
    if cursor.skip_space() == Some(b'}') {
        cursor.at += 1;
        cursor.end()?;
        return Ok(false);
    }
    loop {
        cursor.expect(b'"')?;
        let name = cursor.string()?;
        let bit = 1 << (filter(name.raw.as_bytes()) & 63);
        suspicious |= seen & bit != 0 || name.escaped;
        seen |= bit;
        cursor.expect(b':')?;
        let value = cursor.value()?;
        visit(name, value)?;
        match cursor.next_token()? {
            b',' => {}
            b'}' => break,
            _ => return Err(AuthError::Malformed),
        }
    }
    cursor.end()?;
    Ok(suspicious)
}

fn filter(name: &[u8]) -> u32 {
    let (first, middle, last) = match name {
        [] => (0, 0, 0),
        [first, ..] => (*first, name[name.len() / 2], name[name.len() - 1]),
    };
    u32::from(first) ^ u32::from(middle).wrapping_mul(7) ^ u32::from(last).wrapping_mul(29) ^ (name.len() as u32) << 3
}

fn distinct(text: &str) -> Result<(), AuthError> {
    let mut names = Vec::new();
    walk(text, |name, _| {
        names.push(name.unescape()?);
        Ok(())
    })?;
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) { Err(AuthError::Malformed) } else { Ok(()) }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other,
            }
        }
    }

    #[inline]
    fn next_token(&mut self) -> Result<u8, AuthError> {
        let byte = self.skip_space().ok_or(AuthError::Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), AuthError> {
        if self.next_token()? == byte { Ok(()) } else { Err(AuthError::Malformed) }
    }

    fn end(&mut self) -> Result<(), AuthError> {
        if self.skip_space().is_none() { Ok(()) } else { Err(AuthError::Malformed) }
    }

    /// The rest of a string whose opening quote was taken.
    #[inline]
    fn string(&mut self) -> Result<Text<'a>, AuthError> {
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return Err(AuthError::Malformed),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let raw = self.slice(start, self.at)?;
        self.at += 1;
        Ok(Text { raw, start, escaped })
    }

    #[inline]
    fn value(&mut self) -> Result<Value<'a>, AuthError> {
        let first = self.skip_space().ok_or(AuthError::Malformed)?;
        let start = self.at;
        match first {
            b'"' => {
                self.at += 1;
                self.string().map(Value::String)
            }
            b'[' | b'{' => {
                self.nested()?;
                let raw = self.slice(start, self.at)?;
                Ok(if first == b'[' { Value::Array(raw) } else { Value::Other(raw) })
            }
            _ => {
                while !matches!(self.peek(), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')) {
                    self.at += 1;
                }
                let raw = self.slice(start, self.at)?;
                Ok(if matches!(first, b'0'..=b'9' | b'-') { Value::Number(raw) } else { Value::Other(raw) })
            }
        }
    }

    /// Skips an array or object; stands on its first bracket, and ends behind its last.
    fn nested(&mut self) -> Result<(), AuthError> {
        let mut depth = 0usize;
        loop {
            let byte = self.peek().ok_or(AuthError::Malformed)?;
            self.at += 1;
            match byte {
                b'"' => {
                    self.string()?;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
            if depth > MAX_DEPTH {
                return Err(AuthError::Malformed);
            }
        }
    }

    /// Every range ends at ASCII, except after a backslash before a multi-byte character, which is no JSON.
    fn slice(&self, start: usize, end: usize) -> Result<&'a str, AuthError> {
        self.text.get(start..end).ok_or(AuthError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, AuthError> {
        let mut names = Vec::new();
        members(text, |name, _| {
            names.push(name.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    #[test]
    fn finds_members_and_values() {
        let text = r#" { "a" : "x\"y" , "b":[1,{"]":"}"}],"c":-1.5e3, "d":null,"":{"e":[]} } "#;
        let mut found = Vec::new();
        members(text, |name, value| {
            found.push((name.to_owned(), value));
            Ok(())
        })
        .unwrap();
        assert_eq!(found.len(), 5);
        assert!(matches!(found[0].1, Value::String(text) if text.escaped && text.unescape().unwrap() == "x\"y"));
        assert_eq!(found[1].1, Value::Array(r#"[1,{"]":"}"}]"#));
        assert_eq!(found[2].1, Value::Number("-1.5e3"));
        assert_eq!(found[3].1, Value::Other("null"));
        assert_eq!(found[4], (String::new(), Value::Other(r#"{"e":[]}"#)));
        assert_eq!(names("{}").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn refuses_a_member_named_twice_however_it_is_written() {
        assert_eq!(names(r#"{"exp":1,"exp":2}"#), Err(AuthError::Malformed));
        assert_eq!(names(r#"{"exp":1,"\u0065xp":2}"#), Err(AuthError::Malformed));
        assert_eq!(names(r#"{"a":1,"b":2,"c":3,"a":4}"#), Err(AuthError::Malformed));
        // Names that share the filter's bit are no duplicates.
        let many: Vec<String> = (0..200).map(|i| format!("\"k{i:03}\":0")).collect();
        assert_eq!(names(&format!("{{{}}}", many.join(","))).unwrap().len(), 200);
    }

    #[test]
    fn refuses_what_is_no_object() {
        for text in
            ["", "[]", "null", "\"\"", "{", "{\"", "{\"a", "{\"a\"}", "{\"a\":}x", "{\"a\":1", "{\"a\":1}}", "{,}"]
        {
            assert!(names(text).is_err(), "{text}");
        }
        assert!(names(&format!("{{\"a\":{}}}", "[".repeat(100_000))).is_err());
    }

    #[test]
    fn a_backslash_before_a_wide_character_is_refused_and_does_not_panic() {
        assert_eq!(names("{\"a\\é\":1}"), Err(AuthError::Malformed));
        assert_eq!(names("{\"a\":\"\\é\"}").map(|names| names.len()), Ok(1));
    }

    #[test]
    fn strings_of_an_array() {
        let mut found = Vec::new();
        strings(r#"[ "a", "b\n" ]"#, |text| {
            found.push(text.unescape()?.into_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(found, ["a", "b\n"]);
        assert!(strings("[]", |_| Ok(())).is_ok());
        for text in ["[1]", "[\"a\",]", "[\"a\" \"b\"]", "[null]", "[[\"a\"]]"] {
            assert!(strings(text, |_| Ok(())).is_err(), "{text}");
        }
    }
}
