//! The registered claims (RFC 7519): found in one pass, kept as places in the text, judged after the signature.

use super::scan::{self, Text, Value};
use crate::error::AuthError;
use crate::token::{Span, TokenFacts};

/// Times above this are no dates: refused, so that no sum with one can overflow.
const LATEST: u64 = 1 << 53;

/// The registered claims of a payload.
pub(crate) struct Claims<'a> {
    pub(crate) iss: Option<Text<'a>>,
    sub: Option<Text<'a>>,
    sid: Option<Text<'a>>,
    jti: Option<Text<'a>>,
    scope: Option<Text<'a>>,
    aud: Option<Value<'a>>,
    pub(crate) cnf: Option<&'a str>,
    pub(crate) exp: Option<u64>,
    pub(crate) nbf: Option<u64>,
    pub(crate) iat: Option<u64>,
}

impl<'a> Claims<'a> {
    /// Finds them. The text is not proved to be JSON: the caller does that.
    pub(crate) fn scan(payload: &'a str) -> Result<Self, AuthError> {
        let mut claims = Self {
            iss: None,
            sub: None,
            sid: None,
            jti: None,
            scope: None,
            aud: None,
            cnf: None,
            exp: None,
            nbf: None,
            iat: None,
        };
        scan::members(payload, |name, value| {
            match name {
                "iss" => claims.iss = Some(string(value)?),
                "sub" => claims.sub = Some(string(value)?),
                "sid" => claims.sid = Some(string(value)?),
                "jti" => claims.jti = Some(string(value)?),
                // Some issuers write an array. It grants nothing here, which refuses rather than allows.
                "scope" => claims.scope = string(value).ok(),
                "aud" => claims.aud = Some(value),
                "exp" => claims.exp = Some(date(value)?),
                "nbf" => claims.nbf = Some(date(value)?),
                "iat" => claims.iat = Some(date(value)?),
                "cnf" => {
                    claims.cnf = Some(match value {
                        Value::Other(raw) | Value::Array(raw) | Value::Number(raw) => raw,
                        Value::String(text) => text.raw,
                    });
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(claims)
    }

    /// Whether `aud` names one of ours. Absent, empty, or not made of strings: it does not.
    pub(crate) fn names_audience(&self, ours: &[String]) -> Result<bool, AuthError> {
        let is_ours = |text: Text<'a>| -> Result<bool, AuthError> {
            let name = text.unescape()?;
            Ok(ours.iter().any(|one| *one == name))
        };
        match self.aud {
            Some(Value::String(text)) => is_ours(text),
            Some(Value::Array(array)) => {
                let mut found = false;
                scan::strings(array, |text| {
                    found |= is_ours(text)?;
                    Ok(())
                })
                .map_err(|_| AuthError::Claims)?;
                Ok(found)
            }
            Some(_) => Err(AuthError::Claims),
            None => Ok(false),
        }
    }

    /// Where each claim stands, so that the text can be moved into the facts.
    pub(crate) fn places(&self) -> Result<Places, AuthError> {
        Ok(Places {
            iss: place(self.iss)?,
            sub: place(not_empty(self.sub))?,
            sid: place(not_empty(self.sid))?,
            jti: place(not_empty(self.jti))?,
            scope: place(self.scope)?,
            exp: self.exp,
            iat: self.iat,
        })
    }
}

/// The claims that become facts, by their place in the payload.
pub(crate) struct Places {
    iss: Place,
    sub: Place,
    sid: Place,
    jti: Place,
    scope: Place,
    exp: Option<u64>,
    iat: Option<u64>,
}

enum Place {
    At(Span),
    /// What was escaped in the payload.
    Owned(String),
}

impl Places {
    /// The facts, over the payload they were found in.
    pub(crate) fn facts(self, payload: String) -> TokenFacts {
        let mut facts = TokenFacts::empty(payload);
        let mut fill = |place| match place {
            Place::At(span) => span,
            Place::Owned(name) => facts.append(&name),
        };
        let (iss, sub, sid) = (fill(self.iss), fill(self.sub), fill(self.sid));
        let (jti, scope) = (fill(self.jti), fill(self.scope));
        TokenFacts { iss, sub, sid, jti, scope, exp: self.exp, iat: self.iat, ..facts }
    }
}

fn place(text: Option<Text<'_>>) -> Result<Place, AuthError> {
    Ok(match text {
        None => Place::At(Span::NONE),
        Some(text) if text.escaped => Place::Owned(text.unescape()?.into_owned()),
        Some(text) => Place::At(Span::new(text.start, text.start + text.raw.len())),
    })
}

/// An empty name names nothing: revoking it would refuse every token that has it.
fn not_empty(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.raw.is_empty())
}

fn string(value: Value<'_>) -> Result<Text<'_>, AuthError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(AuthError::Claims),
    }
}

/// A `NumericDate` in whole seconds. `null`, strings, negative times and times past the year 285 million are
/// errors, never "absent" and never wrapped around.
fn date(value: Value<'_>) -> Result<u64, AuthError> {
    let Value::Number(raw) = value else { return Err(AuthError::Claims) };
    if raw.len() <= 15 && raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(raw.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
    }
    let seconds: f64 = raw.parse().map_err(|_| AuthError::Claims)?;
    if (0.0..LATEST as f64).contains(&seconds) { Ok(seconds as u64) } else { Err(AuthError::Claims) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exp(raw: &str) -> Result<Option<u64>, AuthError> {
        Claims::scan(&format!("{{\"exp\":{raw}}}")).map(|claims| claims.exp)
    }

    #[test]
    fn dates_are_truncated_once_and_never_wrap() {
        assert_eq!(exp("1700000000"), Ok(Some(1_700_000_000)));
        assert_eq!(exp("1700000000.999"), Ok(Some(1_700_000_000)));
        assert_eq!(exp("1.7e9"), Ok(Some(1_700_000_000)));
        assert_eq!(exp("0"), Ok(Some(0)));
        assert_eq!(exp("-0"), Ok(Some(0)));
        for raw in ["-1", "-0.5", "1e308", "1e999", "18446744073709551615", "9223372036854775808", "9007199254740992"] {
            assert_eq!(exp(raw), Err(AuthError::Claims), "{raw}");
        }
        for raw in ["\"1700000000\"", "null", "true", "[1]", "{}", "NaN", "Infinity", "-Infinity", "-"] {
            assert_eq!(exp(raw), Err(AuthError::Claims), "{raw}");
        }
    }

    #[test]
    fn audiences() {
        let ours = ["api".to_owned()];
        let names = |aud: &str| Claims::scan(&format!("{{\"aud\":{aud}}}")).unwrap().names_audience(&ours);
        assert_eq!(names("\"api\""), Ok(true));
        assert_eq!(names("\"\\u0061pi\""), Ok(true));
        assert_eq!(names("[\"web\",\"api\"]"), Ok(true));
        assert_eq!(names("[]"), Ok(false));
        assert_eq!(names("\"ap\""), Ok(false));
        assert_eq!(names("[\"api\",1]"), Err(AuthError::Claims));
        assert_eq!(names("null"), Err(AuthError::Claims));
        assert_eq!(Claims::scan("{}").unwrap().names_audience(&ours), Ok(false));
    }

    #[test]
    fn facts_hold_unescaped_names_and_no_empty_ones() {
        let payload = r#"{"iss":"i","sub":"a\u006ca","jti":"","sid":"s","exp":2,"iat":1}"#;
        let facts = Claims::scan(payload).unwrap().places().unwrap().facts(payload.to_owned());
        assert_eq!((facts.iss(), facts.sub(), facts.sid(), facts.jti()), (Some("i"), Some("ala"), Some("s"), None));
        assert_eq!((facts.exp(), facts.iat()), (Some(2), Some(1)));
        assert!(Claims::scan(r#"{"sub":7}"#).is_err());
    }
}
