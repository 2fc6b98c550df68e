//! The eight endpoints: what is asked, and what a right answer is. The rows follow from their keys by the formulas that the
//! service example seeds its database with, so every answer can be judged without asking another server.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;

/// Rows of the tables.
pub(crate) const WORLDS: u32 = 10_000;
pub(crate) const USERS: u32 = 10_000;

/// Rows per request of the endpoints that work on many.
pub(crate) const MANY: usize = 20;

/// In the order of measuring: what changes rows comes last, so that the others find the rows as they were seeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    Plaintext,
    Json,
    Row,
    Queries,
    Cached,
    Authenticated,
    Insert,
    Update,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 8] = [
        Self::Plaintext,
        Self::Json,
        Self::Row,
        Self::Queries,
        Self::Cached,
        Self::Authenticated,
        Self::Insert,
        Self::Update,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Json => "json",
            Self::Row => "row",
            Self::Queries => "queries",
            Self::Cached => "cached",
            Self::Authenticated => "authenticated",
            Self::Insert => "insert",
            Self::Update => "update",
        }
    }

    /// What it does, for a reader of the table.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Plaintext => "GET /plaintext: 13 bytes",
            Self::Json => "GET /json: one object, serialised anew",
            Self::Row => "GET /db: one random row",
            Self::Queries => "GET /queries?n=20: 20 random rows, a query each",
            Self::Cached => "GET /cached?n=20: 20 random rows from the cache",
            Self::Authenticated => "GET /users/{id} with a bearer token (ES256, one of 100): one random row",
            Self::Insert => "POST /users with a bearer token: one row, answered after its commit",
            Self::Update => "GET /updates?n=20: 20 rows read and changed in one transaction, answered after its commit",
        }
    }

    pub(crate) fn find(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|endpoint| endpoint.name() == name);
        found.with_context(|| format!("no endpoint `{name}`; there are {}", Self::ALL.map(Self::name).join(", ")))
    }

    /// Judges an answer to what [`Asker::ask`] asked.
    pub(crate) fn check(self, asked: u32, answer: &Answer) -> Result<()> {
        let wanted = if self == Self::Insert { StatusCode::CREATED } else { StatusCode::OK };
        ensure!(answer.status == wanted, "status {} instead of {wanted}", answer.status);
        let media = if self == Self::Plaintext { "text/plain" } else { "application/json" };
        let said = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        ensure!(said.starts_with(media), "content type `{said}` instead of `{media}`");
        let body = &answer.body[..];
        match self {
            Self::Plaintext => ensure!(body == b"Hello, World!", "another text"),
            Self::Json => {
                let message: Message = serde_json::from_slice(body)?;
                ensure!(message.message == "Hello, World!", "another message");
            }
            Self::Row => serde_json::from_slice::<World>(body)?.check()?,
            Self::Queries | Self::Cached => worlds(body)?.iter().try_for_each(World::check)?,
            Self::Update => {
                let fits =
                    |world: &World| (1..=WORLDS).contains(&world.id) && (1..=WORLDS).contains(&world.random_number);
                ensure!(worlds(body)?.iter().all(fits), "numbers out of range");
            }
            Self::Authenticated => serde_json::from_slice::<User>(body)?.check(asked)?,
            Self::Insert => {
                let id = serde_json::from_slice::<Id>(body)?.id;
                ensure!(id > i64::from(USERS), "a new row has the key {id}, which another has");
            }
        }
        Ok(())
    }
}

/// A response, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    message: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct World {
    pub(crate) id: u32,
    pub(crate) random_number: u32,
}

impl World {
    fn check(&self) -> Result<()> {
        ensure!((1..=WORLDS).contains(&self.id), "no row has the key {}", self.id);
        let wanted = self.id.wrapping_mul(2_246_822_519) % WORLDS + 1;
        ensure!(self.random_number == wanted, "row {} holds {wanted}, not {}", self.id, self.random_number);
        Ok(())
    }
}

/// The rows of an answer: [`MANY`] of them.
pub(crate) fn worlds(body: &[u8]) -> Result<Vec<World>> {
    let worlds: Vec<World> = serde_json::from_slice(body)?;
    ensure!(worlds.len() == MANY, "{} rows instead of {MANY}", worlds.len());
    Ok(worlds)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: u32,
    name: String,
    email: String,
    score: f64,
    active: u8,
}

impl User {
    fn check(&self, id: u32) -> Result<()> {
        let score = f64::from(id.wrapping_mul(2_654_435_761) % 10_000) / 100.0;
        let same = self.id == id
            && self.name == format!("User {id}")
            && self.email == format!("user{id}@example.com")
            && (self.score - score).abs() < 1e-9
            && self.active == u8::from(!id.is_multiple_of(7));
        if same { Ok(()) } else { bail!("user {id} is another: {} {} {}", self.id, self.name, self.email) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Id {
    pub(crate) id: i64,
}

/// Makes requests for one endpoint of one server.
#[derive(Debug)]
pub(crate) struct Asker {
    endpoint: Endpoint,
    origin: String,
    /// HTTP/2 wants the whole address, HTTP/1.1 the path and a header.
    whole: bool,
    fixed: Uri,
    host: HeaderValue,
    tokens: Vec<HeaderValue>,
    asked: u32,
}

impl Asker {
    /// `address` is host and port; `first` keeps the inserted rows of several askers apart.
    pub(crate) fn new(endpoint: Endpoint, address: &str, whole: bool, tokens: &[String], first: u32) -> Result<Self> {
        let origin = if whole { format!("http://{address}") } else { String::new() };
        let path = match endpoint {
            Endpoint::Plaintext => "/plaintext",
            Endpoint::Json => "/json",
            Endpoint::Row => "/db",
            Endpoint::Queries => "/queries?n=20",
            Endpoint::Cached => "/cached?n=20",
            Endpoint::Update => "/updates?n=20",
            Endpoint::Authenticated | Endpoint::Insert => "/users",
        };
        let bearer = |token: &String| Ok(HeaderValue::try_from(format!("Bearer {token}"))?);
        Ok(Self {
            endpoint,
            fixed: format!("{origin}{path}").parse()?,
            origin,
            whole,
            host: HeaderValue::try_from(address)?,
            tokens: tokens.iter().map(bearer).collect::<Result<_>>()?,
            asked: first,
        })
    }

    /// The next request, and the number that [`Endpoint::check`] needs.
    pub(crate) fn ask(&mut self) -> Result<(u32, Request<Full<Bytes>>)> {
        self.asked = self.asked.wrapping_add(1);
        let mut number = self.asked;
        let mut uri = self.fixed.clone();
        let (mut method, mut body) = (Method::GET, Bytes::new());
        match self.endpoint {
            Endpoint::Authenticated => {
                // Odd and so prime to any power of two: neighbours in time are far apart in the table.
                number = self.asked.wrapping_mul(2_654_435_761) % USERS + 1;
                uri = format!("{}/users/{number}", self.origin).parse()?;
            }
            Endpoint::Insert => {
                method = Method::POST;
                body = format!(r#"{{"name":"Grace","email":"g{number}@load.example","score":1.5}}"#).into();
            }
            _ => {}
        }
        let is_post = method == Method::POST;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if !self.whole {
            headers.insert(HOST, self.host.clone());
        }
        if is_post {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if matches!(self.endpoint, Endpoint::Authenticated | Endpoint::Insert)
            && let Some(token) = self.tokens.get(self.asked as usize % self.tokens.len().max(1))
        {
            headers.insert(AUTHORIZATION, token.clone());
        }
        Ok((number, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, media: &'static str, body: &'static str) -> Answer {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media))]);
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from_static(body.as_bytes()) }
    }

    const JSON: &str = "application/json";

    #[test]
    fn right_answers_pass() {
        let text = answer(200, "text/plain; charset=utf-8", "Hello, World!");
        Endpoint::Plaintext.check(0, &text).unwrap();
        Endpoint::Json.check(0, &answer(200, JSON, r#"{"message":"Hello, World!"}"#)).unwrap();
        Endpoint::Row.check(0, &answer(200, JSON, r#"{"id":1,"random_number":2520}"#)).unwrap();
        let user = r#"{"id":7,"name":"User 7","email":"user7@example.com","score":11.43,"active":0}"#;
        Endpoint::Authenticated.check(7, &answer(200, JSON, user)).unwrap();
        Endpoint::Insert.check(7, &answer(201, JSON, r#"{"id":10001}"#)).unwrap();
    }

    #[test]
    fn wrong_answers_do_not() {
        let wrong = [
            (Endpoint::Plaintext, answer(200, "text/html", "Hello, World!")),
            (Endpoint::Plaintext, answer(200, "text/plain", "Hello, World")),
            (Endpoint::Json, answer(500, JSON, r#"{"message":"Hello, World!"}"#)),
            (Endpoint::Json, answer(200, JSON, r#"{"message":"Hello, World!","x":1}"#)),
            (Endpoint::Row, answer(200, JSON, r#"{"id":1,"random_number":1}"#)),
            (Endpoint::Queries, answer(200, JSON, r#"[{"id":1,"random_number":2520}]"#)),
            (Endpoint::Update, answer(200, JSON, "[]")),
            (Endpoint::Authenticated, answer(401, JSON, "{}")),
            (Endpoint::Insert, answer(200, JSON, r#"{"id":10001}"#)),
            (Endpoint::Insert, answer(201, JSON, r#"{"id":1}"#)),
        ];
        for (endpoint, answer) in wrong {
            assert!(endpoint.check(7, &answer).is_err(), "{endpoint:?} {answer:?}");
        }
    }

    #[test]
    fn requests_are_what_the_protocol_wants() {
        let tokens = ["a".to_owned(), "b".to_owned()];
        let mut one = Asker::new(Endpoint::Authenticated, "127.0.0.1:80", false, &tokens, 0).unwrap();
        let (id, request) = one.ask().unwrap();
        assert_eq!(request.uri().path(), format!("/users/{id}"));
        assert!(request.uri().authority().is_none() && request.headers()[HOST] == "127.0.0.1:80");
        let next = one.ask().unwrap().1;
        assert_ne!(request.headers()[AUTHORIZATION], next.headers()[AUTHORIZATION]);
        let mut two = Asker::new(Endpoint::Insert, "127.0.0.1:80", true, &tokens, 9).unwrap();
        let request = two.ask().unwrap().1;
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "http://127.0.0.1:80/users")
        );
        assert!(!request.headers().contains_key(HOST));
    }

    #[test]
    fn endpoints_are_found_by_name() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::find(endpoint.name()).unwrap(), endpoint);
            assert!(!endpoint.about().is_empty());
        }
        assert!(Endpoint::find("other").is_err());
    }
}
