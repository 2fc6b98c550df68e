//! The columns of one statement, with their keys escaped once, and the punctuation that stands between values.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether each row becomes an object or an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RowShape {
    /// `{"id":7,"name":"Ada"}`. Columns of the same name give the same key twice, as the statement asked for.
    #[default]
    Object,
    /// `[7,"Ada"]`.
    Array,
}

/// How a blob becomes JSON, which has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BlobFormat {
    /// A blob is an error: it was selected by mistake.
    #[default]
    Refuse,
    /// A string in base64 (RFC 4648, section 4, padded).
    Base64,
    /// A string in lower-case hexadecimal.
    Hex,
}

/// Room that is made beforehand for a result as long as the last one; a longer one grows as it comes.
const MOST_BEFOREHAND: usize = 1 << 20;

/// What the rows of a statement look like as JSON. Cheap to keep beside the statement; made once per statement and shape.
pub(super) struct Columns {
    names: Box<[Box<str>]>,
    /// What stands before the value of each column: `{"id":`, then `,"name":`; or `[`, then `,`.
    leads: Box<[Box<[u8]>]>,
    close: u8,
    /// How long the last whole result was: the next one is likely as long, and need not be moved while it grows.
    last: AtomicUsize,
}

impl Columns {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>, shape: RowShape) -> Self {
        let names: Box<[Box<str>]> = names.map(Box::from).collect();
        let leads = names.iter().enumerate().map(|(index, name)| lead(index, name, shape)).collect();
        Self { names, leads, close: if shape == RowShape::Object { b'}' } else { b']' }, last: AtomicUsize::new(0) }
    }

    /// Room for as much as the last result took.
    pub(super) fn make_room(&self, out: &mut Vec<u8>) {
        out.reserve(self.last.load(Ordering::Relaxed));
    }

    /// Remembers how long a result has become.
    pub(super) fn remember(&self, length: usize) {
        self.last.store(length.min(MOST_BEFOREHAND), Ordering::Relaxed);
    }

    /// Whether these are the columns of a statement that may have been prepared anew since.
    pub(super) fn are<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        self.names.iter().all(|known| names.next() == Some(known)) && names.next().is_none()
    }

    /// Appends one row; `value` appends the value of the column with the given index.
    #[inline]
    pub(super) fn write_row<E>(
        &self,
        out: &mut Vec<u8>,
        mut value: impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        for (index, lead) in self.leads.iter().enumerate() {
            out.extend_from_slice(lead);
            value(index, out)?;
        }
        out.push(self.close);
        Ok(())
    }

    pub(super) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", |name| name)
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Columns").field(&self.names).finish()
    }
}

fn lead(index: usize, name: &str, shape: RowShape) -> Box<[u8]> {
    let mut lead = Vec::with_capacity(name.len() + 4);
    match shape {
        RowShape::Object => {
            lead.push(if index == 0 { b'{' } else { b',' });
            write_str(&mut lead, name);
            lead.push(b':');
        }
        RowShape::Array => lead.push(if index == 0 { b'[' } else { b',' }),
    }
    lead.into()
}

/// Appends a string with its quotes and escapes.
#[inline]
pub(super) fn write_str(out: &mut Vec<u8>, text: &str) {
    // A string always encodes, and a vector takes all.
    let _ = covet_json::to_buf(out, text);
}

/// Appends a blob by the policy; false if it refuses.
pub(super) fn write_blob(out: &mut Vec<u8>, blob: &[u8], format: BlobFormat) -> bool {
    match format {
        BlobFormat::Refuse => return false,
        BlobFormat::Base64 => {
            use base64::Engine;
            out.push(b'"');
            let start = out.len();
            out.resize(start + blob.len().div_ceil(3) * 4, 0);
            // The room is what the padded encoding takes.
            let written = base64::engine::general_purpose::STANDARD.encode_slice(blob, &mut out[start..]);
            out.truncate(start + written.unwrap_or(0));
            out.push(b'"');
        }
        BlobFormat::Hex => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            out.reserve(blob.len() * 2 + 2);
            out.push(b'"');
            out.extend(blob.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
            out.push(b'"');
        }
    }
    true
}
