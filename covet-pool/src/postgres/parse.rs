//! Connection strings, as `libpq` writes them: `postgres://user:password@host:port/database?option=value` and
//! `host=... user=...`.
//!
//! The driver has a parser of its own, but it knows neither `verify-full` nor root certificates, and what it does not
//! understand may end up in an error message: half of a password with an unescaped `@`, for instance. Here no message
//! repeats what it was given, except the names of options.

use super::config::{PostgresConfig, SslMode};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs};

/// What is wrong with a connection string or with settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The connection string is not written as it should be.
    Syntax(&'static str),
    /// An option has a value that it cannot have.
    Value {
        /// The option.
        option: &'static str,
        /// What it can be.
        expected: &'static str,
    },
    /// An option that `libpq` knows and we do not.
    Unsupported(&'static str),
    /// An option that nobody knows. It is not named, because it may be a piece of a password.
    UnknownOption,
    /// No host was given.
    NoHost,
    /// Settings that exclude each other.
    Conflict(&'static str),
    /// The certificates cannot be used.
    Tls(String),
}

const ENCODE: &str = "if the password holds one of @ : / ? # %, write it percent-encoded, such as %40 for @";

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgreSQL settings: ")?;
        match self {
            Self::Syntax(what) => write!(f, "{what} ({ENCODE})"),
            Self::Value { option, expected } => write!(f, "`{option}` must be {expected} ({ENCODE})"),
            Self::Unsupported(option) => write!(f, "the option `{option}` of libpq is not supported"),
            Self::UnknownOption => {
                f.write_str("there is an unknown option; known are")?;
                OPTIONS.iter().try_for_each(|(name, _)| write!(f, " {name}"))?;
                write!(f, " ({ENCODE})")
            }
            Self::NoHost => f.write_str("no host is given: postgres://user@host/database, or host=/path/of/the/socket"),
            Self::Conflict(what) => f.write_str(what),
            Self::Tls(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ConfigError {}

type Set = fn(&mut PostgresConfig, &str) -> Result<(), ConfigError>;

fn value(option: &'static str, expected: &'static str) -> ConfigError {
    ConfigError::Value { option, expected }
}

fn seconds(text: &str, option: &'static str) -> Result<Option<Duration>, ConfigError> {
    match text.parse::<i64>() {
        Ok(seconds) => Ok(u64::try_from(seconds).ok().filter(|&n| n > 0).map(Duration::from_secs)),
        Err(_) => Err(value(option, "a number of seconds")),
    }
}

const OPTIONS: &[(&str, Set)] = &[
    ("host", |to, text| {
        for host in text.split(',') {
            to.driver.host(host);
        }
        Ok(())
    }),
    ("hostaddr", |to, text| {
        for address in text.split(',') {
            let address: IpAddr = address.parse().map_err(|_| value("hostaddr", "an IP address"))?;
            to.driver.hostaddr(address);
        }
        Ok(())
    }),
    ("port", |to, text| {
        for port in text.split(',') {
            to.driver.port(self::port(port)?);
        }
        Ok(())
    }),
    ("user", |to, text| {
        to.driver.user(text);
        Ok(())
    }),
    ("password", |to, text| {
        to.driver.password(text);
        Ok(())
    }),
    ("dbname", |to, text| {
        to.driver.dbname(text);
        Ok(())
    }),
    ("options", |to, text| {
        to.driver.options(text);
        Ok(())
    }),
    ("application_name", |to, text| {
        to.driver.application_name(text);
        Ok(())
    }),
    ("sslmode", |to, text| {
        to.ssl_mode = match text {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => return Err(value("sslmode", "one of disable, prefer, require, verify-ca, verify-full")),
        };
        Ok(())
    }),
    ("sslrootcert", |to, text| {
        to.root_certificate_file = Some(text.into());
        Ok(())
    }),
    ("sslnegotiation", |to, text| {
        to.direct_tls = match text {
            "postgres" => false,
            "direct" => true,
            _ => return Err(value("sslnegotiation", "one of postgres, direct")),
        };
        Ok(())
    }),
    ("connect_timeout", |to, text| {
        seconds(text, "connect_timeout")?.map(|limit| to.driver.connect_timeout(limit));
        Ok(())
    }),
    ("tcp_user_timeout", |to, text| {
        // In milliseconds, as in libpq.
        let limit: u64 = text.parse().map_err(|_| value("tcp_user_timeout", "a number of milliseconds"))?;
        if limit > 0 {
            to.driver.tcp_user_timeout(Duration::from_millis(limit));
        }
        Ok(())
    }),
    ("keepalives", |to, text| {
        let on: u64 = text.parse().map_err(|_| value("keepalives", "0 or 1"))?;
        to.driver.keepalives(on != 0);
        Ok(())
    }),
    ("keepalives_idle", |to, text| {
        seconds(text, "keepalives_idle")?.map(|limit| to.driver.keepalives_idle(limit));
        Ok(())
    }),
    ("keepalives_interval", |to, text| {
        seconds(text, "keepalives_interval")?.map(|limit| to.driver.keepalives_interval(limit));
        Ok(())
    }),
    ("keepalives_count", |to, text| {
        to.driver.keepalives_retries(text.parse().map_err(|_| value("keepalives_count", "a number"))?);
        Ok(())
    }),
    ("target_session_attrs", |to, text| {
        to.driver.target_session_attrs(match text {
            "any" => TargetSessionAttrs::Any,
            "read-write" => TargetSessionAttrs::ReadWrite,
            "read-only" => TargetSessionAttrs::ReadOnly,
            _ => return Err(value("target_session_attrs", "one of any, read-write, read-only")),
        });
        Ok(())
    }),
    ("channel_binding", |to, text| {
        to.driver.channel_binding(match text {
            "disable" => ChannelBinding::Disable,
            "prefer" => ChannelBinding::Prefer,
            "require" => ChannelBinding::Require,
            _ => return Err(value("channel_binding", "one of disable, prefer, require")),
        });
        Ok(())
    }),
    ("load_balance_hosts", |to, text| {
        to.driver.load_balance_hosts(match text {
            "disable" => LoadBalanceHosts::Disable,
            "random" => LoadBalanceHosts::Random,
            _ => return Err(value("load_balance_hosts", "one of disable, random")),
        });
        Ok(())
    }),
];

/// Options of `libpq` that somebody may well have in a string: named in the error, because they are no secret.
const UNSUPPORTED: &[&str] = &[
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslpassword",
    "sslsni",
];

fn set(to: &mut PostgresConfig, name: &str, text: &str) -> Result<(), ConfigError> {
    if let Some((_, set)) = OPTIONS.iter().find(|(option, _)| *option == name) {
        return set(to, text);
    }
    let unsupported = UNSUPPORTED.iter().find(|option| **option == name);
    Err(unsupported.map_or(ConfigError::UnknownOption, |option| ConfigError::Unsupported(option)))
}

fn port(text: &str) -> Result<u16, ConfigError> {
    if text.is_empty() {
        return Ok(5432);
    }
    text.parse().map_err(|_| value("port", "a number up to 65535"))
}

/// Reads a connection string of either form.
pub(super) fn parse(text: &str) -> Result<PostgresConfig, ConfigError> {
    let mut config = PostgresConfig::new();
    match ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme)) {
        Some(rest) => url(rest, &mut config)?,
        None if text.contains("://") => {
            return Err(ConfigError::Syntax("the address must begin with postgres:// or postgresql://"));
        }
        None => words(text, &mut config)?,
    }
    Ok(config)
}

fn url(text: &str, to: &mut PostgresConfig) -> Result<(), ConfigError> {
    let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    let (user, hosts) = match authority.split_once('@') {
        Some((user, hosts)) => (Some(user), hosts),
        None => (None, authority),
    };
    if hosts.contains('@') {
        return Err(ConfigError::Syntax("there is more than one @ before the host"));
    }
    if let Some(user) = user {
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (user, None),
        };
        if !name.is_empty() {
            to.driver.user(decode_text(name)?);
        }
        password.map(decode).transpose()?.map(|password| to.driver.password(password));
    }
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let end = ConfigError::Syntax("an address in [ ] is not written as it should be");
                let (name, port) = rest.split_once(']').ok_or_else(|| end.clone())?;
                match port.strip_prefix(':') {
                    Some(port) => (name, port),
                    None if port.is_empty() => (name, ""),
                    None => return Err(end),
                }
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        to.driver.host(decode_text(name)?);
        to.driver.port(self::port(port)?);
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let database = path.strip_prefix('/').unwrap_or(path);
    if !database.is_empty() {
        to.driver.dbname(decode_text(database)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, text)) = pair.split_once('=') else {
            return Err(ConfigError::Syntax("an option after the ? has no ="));
        };
        set(to, &decode_text(name)?, &decode_text(text)?)?;
    }
    Ok(())
}

fn decode(text: &str) -> Result<Vec<u8>, ConfigError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => decoded.push((high * 16 + low) as u8),
            _ => return Err(ConfigError::Syntax("a % is not followed by two hexadecimal digits")),
        }
    }
    Ok(decoded)
}

fn decode_text(text: &str) -> Result<String, ConfigError> {
    String::from_utf8(decode(text)?).map_err(|_| ConfigError::Syntax("it is not UTF-8 once it is decoded"))
}

/// `name = value` pairs; a value may stand in quotes, and a backslash takes the next character as it is.
fn words(text: &str, to: &mut PostgresConfig) -> Result<(), ConfigError> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err(ConfigError::Syntax("an option has no =; a value with a space in it must stand in 'quotes'"));
        };
        let after = after.trim_start();
        let quoted = after.starts_with('\'');
        let (mut value, mut escaped, mut end) = (String::new(), false, None);
        for (at, letter) in after.char_indices().skip(usize::from(quoted)) {
            let ends = if quoted { letter == '\'' } else { letter.is_whitespace() };
            match letter {
                _ if escaped => {
                    value.push(letter);
                    escaped = false;
                }
                '\\' => escaped = true,
                _ if ends => {
                    end = Some(at + letter.len_utf8());
                    break;
                }
                _ => value.push(letter),
            }
        }
        if quoted && end.is_none() {
            return Err(ConfigError::Syntax("a value in 'quotes' does not end"));
        }
        set(to, name.trim_end(), &value)?;
        rest = after.get(end.unwrap_or(after.len())..).unwrap_or_default().trim_start();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use proptest::prelude::*;
    use tokio_postgres::config::Host;

    #[test]
    fn addresses_are_read() {
        let config =
            parse("postgres://me:p%40ss%3A@[::1]:5433,db.example.com/shop%20a?sslmode=verify-full&application_name=x")
                .unwrap();
        assert_eq!(config.driver.get_user(), Some("me"));
        assert_eq!(config.driver.get_password(), Some(&b"p@ss:"[..]));
        assert_eq!(config.driver.get_hosts(), [Host::Tcp("::1".into()), Host::Tcp("db.example.com".into())]);
        assert_eq!(config.driver.get_ports(), [5433, 5432]);
        assert_eq!(config.driver.get_dbname(), Some("shop a"));
        assert_eq!(config.driver.get_application_name(), Some("x"));
        assert_eq!(config.ssl_mode, SslMode::VerifyFull);
    }

    #[test]
    fn words_are_read() {
        let config = parse(r"host = /run/pg  user='it\'s me' password=a\ b dbname=''").unwrap();
        assert_eq!(config.driver.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(config.driver.get_user(), Some("it's me"));
        assert_eq!(config.driver.get_password(), Some(&b"a b"[..]));
    }

    #[test]
    fn mistakes_are_named_and_passwords_are_not() {
        for (text, part) in [
            ("postgres://me:sec@ret@host/db", "%40"),
            ("postgres://me:sec/ret@host/db", "percent-encoded"),
            ("postgres://me:sec%ret@host/db", "hexadecimal"),
            ("postgres://me:secret@host:54x/db", "`port`"),
            ("postgres://me:secret@host/db?sslmode=strict", "verify-full"),
            ("postgres://me:secret@host/db?sslcert=a", "`sslcert`"),
            ("postgres://me:secret@host/db?secret=a", "unknown option"),
            ("host=h password=sec ret", "no ="),
            ("host=h password=sec ret=x", "unknown option"),
            ("host=h password='secret", "does not end"),
            ("mysql://me:secret@host", "postgres://"),
        ] {
            let error = parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("sec") || error.contains("seconds"), "{text}: {error}");
            assert!(!error.contains("ret"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(postgres://)?[a-z@:/?%=&',\\[\\] \\\\é0-9]{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_encoded_comes_back(password in any::<String>()) {
            let password = format!("\u{a7}{password}");
            let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let config = parse(&format!("postgres://u:{encoded}@h")).unwrap();
            prop_assert_eq!(config.driver.get_password(), Some(password.as_bytes()));
            let shown = format!("{config:?}");
            prop_assert!(!shown.contains("\u{a7}"), "{}", shown);
        }
    }
}
