//! JSON Pointer (RFC 6901), read as `serde_json::Value::pointer` reads it.

#![forbid(unsafe_code)]

use std::borrow::Cow;

/// A pointer, split and unescaped.
#[derive(Debug, Default)]
pub(crate) struct Pointer {
    tokens: Vec<Token>,
}

/// One step: a key of an object or an index of an array.
#[derive(Debug)]
pub(crate) struct Token {
    /// `None` for a step that no document has.
    key: Option<String>,
    index: Option<usize>,
}

impl Pointer {
    /// `None` for a pointer that is neither empty nor starts with a slash: it leads nowhere.
    pub(crate) fn parse(text: &str) -> Option<Pointer> {
        if text.is_empty() {
            return Some(Pointer::default());
        }
        let tokens = text.strip_prefix('/')?.split('/').map(|token| {
            let key = if token.contains('~') {
                Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
            } else {
                Cow::Borrowed(token)
            };
            Token { index: index(&key), key: Some(key.into_owned()) }
        });
        Some(Pointer { tokens: tokens.collect() })
    }

    /// A pointer to what no document has.
    pub(crate) fn nowhere() -> Pointer {
        Pointer { tokens: vec![Token { key: None, index: None }] }
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(crate) fn token(&self, level: usize) -> Option<&Token> {
        self.tokens.get(level)
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }
}

impl Token {
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub(crate) fn index(&self) -> Option<usize> {
        self.index
    }
}

/// Array indices have neither a sign nor leading zeros.
fn index(text: &str) -> Option<usize> {
    if text.starts_with('+') || (text.starts_with('0') && text.len() != 1) {
        return None;
    }
    text.parse().ok()
}
