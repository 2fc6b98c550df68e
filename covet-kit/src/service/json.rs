//! JSON bodies: read with limits into a type, written from one, and every failure a [`Problem`].

use bytes::{Buf, BufMut, Bytes, BytesMut};
use covet_json::DecodeOptions;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Body, Problem};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How JSON bodies are read: how large they may be, and how they are decoded.
///
/// ```
/// use covet_kit::service::JsonBodies;
/// use http::{HeaderMap, HeaderValue, header};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut headers = HeaderMap::new();
/// headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
/// let body = http_body_util::Full::new(bytes::Bytes::from_static(b"[1, 2, \"three\"]"));
///
/// let problem = JsonBodies::default().read::<Vec<u32>, _>(&headers, body).await.unwrap_err();
/// assert_eq!((problem.status().as_u16(), problem.code()), (422, "json-data"));
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct JsonBodies {
    max_bytes: usize,
    decode: DecodeOptions,
}

impl Default for JsonBodies {
    /// 1 MiB, and covet-json's default limits.
    fn default() -> Self {
        Self { max_bytes: 1 << 20, decode: DecodeOptions::new() }
    }
}

impl JsonBodies {
    /// Bytes that a body may have; past it the answer is 413, at once if `Content-Length` says so.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How bodies are decoded: depth, duplicate keys and the other limits of covet-json.
    #[must_use]
    pub fn decode(mut self, options: DecodeOptions) -> Self {
        self.decode = options;
        self
    }

    /// Reads a request's body into `T`. Takes memory as the body comes in, never by what `Content-Length` promises alone.
    ///
    /// # Errors
    ///
    /// | status | code | when |
    /// |---|---|---|
    /// | 415 | `json-expected` | `Content-Type` is neither `application/json` nor `application/…+json` |
    /// | 413 | `body-too-large` | the body is longer than [`JsonBodies::max_bytes`] |
    /// | 408 | `body-stalled` | the client stopped sending ([`server`](crate::server)'s time limit) |
    /// | 400 | `body-incomplete` | the connection failed before the body's end |
    /// | 400 | `json-syntax` | the body is not JSON; with line, column and path |
    /// | 400 | `json-limit` | the JSON is deeper or larger than a limit of [`DecodeOptions`] |
    /// | 422 | `json-data` | the JSON does not fit `T`; with line, column and path |
    pub async fn read<T, B>(&self, headers: &HeaderMap, body: B) -> Result<T, Problem>
    where
        T: DeserializeOwned,
        B: HttpBody,
        B::Error: Into<BoxError>,
    {
        expect_json(headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes))?;
        let bytes = self.collect(body).await?;
        self.decode_bytes(&bytes)
    }

    /// Decodes a whole body that is at hand.
    pub(crate) fn decode_bytes<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Problem> {
        self.decode.from_slice(bytes).map_err(|error| describe(&error))
    }

    #[cfg(feature = "actix-web-4")]
    pub(crate) fn limit(&self) -> usize {
        self.max_bytes
    }

    /// The whole body.
    async fn collect<B>(&self, body: B) -> Result<Bytes, Problem>
    where
        B: HttpBody,
        B::Error: Into<BoxError>,
    {
        if body.size_hint().lower() > self.max_bytes as u64 {
            return Err(too_large());
        }
        let mut body = std::pin::pin!(body);
        let mut whole = WholeBody::new(self.max_bytes);
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(|error| interrupted(&error.into()))?.into_data() {
                whole.push(data)?;
            }
        }
        Ok(whole.finish())
    }
}

/// Puts a body together from its pieces, up to a limit; without a copy when there is only one, as with most small bodies.
pub(crate) struct WholeBody {
    limit: usize,
    first: Bytes,
    all: BytesMut,
}

impl WholeBody {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, first: Bytes::new(), all: BytesMut::new() }
    }

    pub(crate) fn push(&mut self, mut piece: impl Buf) -> Result<(), Problem> {
        if self.first.len() + self.all.len() + piece.remaining() > self.limit {
            return Err(too_large());
        }
        if self.first.is_empty() && self.all.is_empty() {
            self.first = piece.copy_to_bytes(piece.remaining());
        } else {
            self.all.put(std::mem::take(&mut self.first));
            self.all.put(piece);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

/// A response with `value` as its JSON body; 500 when it cannot be encoded (a map key that is no string, an error of its own).
///
/// ```
/// let response = covet_kit::service::json(http::StatusCode::OK, &[1, 2, 3]);
/// assert_eq!(response.headers()["content-type"], "application/json");
/// ```
pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response<Body> {
    match covet_json::to_vec(value) {
        Ok(document) => json_bytes(status, document.into()),
        Err(_) => Problem::internal().into_response(),
    }
}

/// A response with an encoded JSON document as its body.
#[must_use]
pub fn json_bytes(status: StatusCode, document: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(document));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Refuses a body that does not say that it is JSON.
pub(crate) fn expect_json(content_type: Option<&[u8]>) -> Result<(), Problem> {
    if content_type.is_some_and(is_json) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json-expected", "The body must be application/json"))
}

pub(crate) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
}

pub(crate) fn incomplete() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body-incomplete", "The body ended early")
}

/// `application/json` or `application/…+json`, whatever the parameters and the case.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    match essence.strip_prefix(b"application/") {
        Some(subtype) => subtype == b"json" || subtype.strip_suffix(b"+json").is_some_and(|name| !name.is_empty()),
        None => false,
    }
}

fn interrupted(error: &BoxError) -> Problem {
    #[cfg(feature = "server")]
    if matches!(error.downcast_ref(), Some(crate::server::BodyError::Stalled)) {
        return Problem::new(StatusCode::REQUEST_TIMEOUT, "body-stalled", "The body did not arrive in time");
    }
    if error.is::<http_body_util::LengthLimitError>() {
        return too_large();
    }
    incomplete()
}

fn describe(error: &covet_json::Error) -> Problem {
    let problem = if error.is_data() {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "json-data", "The JSON does not have the expected form")
    } else if error.is_limit() {
        Problem::new(StatusCode::BAD_REQUEST, "json-limit", "The JSON exceeds a limit")
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "json-syntax", "The body is not valid JSON")
    };
    problem.at(error.line(), error.column(), &error.path())
}
