//! One value out of a document, without decoding the rest.

#![forbid(unsafe_code)]

use crate::de::{Deserializer, SliceRead};
use crate::error::{Code, Result};
use crate::pointer::Pointer;
use crate::raw::RawJson;

/// Finds the value at an RFC 6901 pointer, as [`serde_json::Value::pointer`] would find it in the decoded document.
///
/// The whole document is validated, whatever stands where. If a key occurs more than once, the last one counts.
/// Nothing is allocated unless keys have escapes; costs one pass at the speed of skipping.
///
/// [`serde_json::Value::pointer`]: https://docs.rs/serde_json/latest/serde_json/enum.Value.html#method.pointer
///
/// # Errors
///
/// `json` is not JSON, or nests deeper than 127 levels. That nothing stands at `pointer` is `Ok(None)`.
///
/// ```
/// let json = br#"{"users": [{"name": "Ada"}, {"name": "Alan"}]}"#;
/// let name = covet_json::get(json, "/users/1/name")?.expect("there are two users");
/// assert_eq!(name.as_str(), r#""Alan""#);
/// assert_eq!(name.decode::<&str>()?, "Alan");
/// # Ok::<(), covet_json::Error>(())
/// ```
pub fn get<'a>(json: &'a [u8], pointer: &str) -> Result<Option<RawJson<'a>>> {
    search(Deserializer::from_slice(json), pointer)
}

pub(crate) fn search<'a>(mut de: Deserializer<SliceRead<'a>>, pointer: &str) -> Result<Option<RawJson<'a>>> {
    let range = match Pointer::parse(pointer) {
        Some(pointer) => find(&mut de, &pointer, 0)?,
        None => {
            de.skip_value()?;
            None
        }
    };
    de.end()?;
    range.map(|(start, end)| cut(&mut de, start, end)).transpose()
}

/// Finds the value at an RFC 6901 pointer without looking at what stands behind it.
///
/// What comes before the value is validated, what comes after it is not, so this agrees with [`get`] only on valid documents without
/// duplicate keys: the first one counts here. Memory safety does not depend on the input.
///
/// # Errors
///
/// The part of `json` up to the end of the value is not JSON.
///
/// ```
/// let cut_off = br#"{"id": 17, "payload": ["#;
/// assert_eq!(covet_json::get_unchecked(cut_off, "/id")?.expect("it is there").as_str(), "17");
/// assert!(covet_json::get(cut_off, "/id").is_err());
/// # Ok::<(), covet_json::Error>(())
/// ```
pub fn get_unchecked<'a>(json: &'a [u8], pointer: &str) -> Result<Option<RawJson<'a>>> {
    let mut de = Deserializer::from_slice(json);
    let Some(pointer) = Pointer::parse(pointer) else { return Ok(None) };
    let Some((start, end)) = find_first(&mut de, &pointer)? else { return Ok(None) };
    cut(&mut de, start, end).map(Some)
}

fn cut<'a>(de: &mut Deserializer<SliceRead<'a>>, start: usize, end: usize) -> Result<RawJson<'a>> {
    match de.read.slice(start, end) {
        Ok(text) => Ok(RawJson::trusted(text)),
        Err(at) => Err(de.error_at(Code::InvalidUtf8, at)),
    }
}

/// Where the value is that the tokens from `level` on lead to; always goes past the value at hand. Recurses as deep as the pointer
/// is long, but not deeper than the limit.
fn find(de: &mut Deserializer<SliceRead<'_>>, pointer: &Pointer, level: usize) -> Result<Option<(usize, usize)>> {
    let byte = de.peek()?;
    let Some(token) = pointer.token(level) else {
        let start = de.pos;
        de.skip_value()?;
        return Ok(Some((start, de.pos)));
    };
    let mut found = None;
    match byte {
        b'{' => {
            de.enter()?;
            let mut count = 0;
            while de.next_key(count)? {
                count += 1;
                let matches = de.with_str(|key| Ok(Some(key.as_str()) == token.key()))?;
                de.colon()?;
                if matches {
                    found = find(de, pointer, level + 1)?;
                } else {
                    de.skip_value()?;
                }
            }
            de.leave();
        }
        b'[' => {
            de.enter()?;
            let mut index = 0;
            while de.next_element(index)? {
                if token.index() == Some(index) {
                    found = find(de, pointer, level + 1)?;
                } else {
                    de.skip_value()?;
                }
                index += 1;
            }
            de.leave();
        }
        _ => de.skip_value()?,
    }
    Ok(found)
}

/// Where the first value is that the pointer leads to; stops behind it.
fn find_first(de: &mut Deserializer<SliceRead<'_>>, pointer: &Pointer) -> Result<Option<(usize, usize)>> {
    for token in pointer.tokens() {
        let found = match de.peek()? {
            b'{' => {
                de.enter()?;
                seek_key(de, token.key())?
            }
            b'[' => {
                de.enter()?;
                seek_index(de, token.index())?
            }
            _ => false,
        };
        if !found {
            return Ok(None);
        }
    }
    de.peek()?;
    let start = de.pos;
    de.skip_value()?;
    Ok(Some((start, de.pos)))
}

fn seek_key(de: &mut Deserializer<SliceRead<'_>>, wanted: Option<&str>) -> Result<bool> {
    let mut count = 0;
    while de.next_key(count)? {
        count += 1;
        let matches = de.with_str(|key| Ok(Some(key.as_str()) == wanted))?;
        de.colon()?;
        if matches {
            return Ok(true);
        }
        de.skip_value()?;
    }
    Ok(false)
}

fn seek_index(de: &mut Deserializer<SliceRead<'_>>, wanted: Option<usize>) -> Result<bool> {
    let Some(wanted) = wanted else { return Ok(false) };
    let mut index = 0;
    while de.next_element(index)? {
        if index == wanted {
            return Ok(true);
        }
        de.skip_value()?;
        index += 1;
    }
    Ok(false)
}
