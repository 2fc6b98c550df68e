//! JSON bodies in and out, and the crate's own responses as actix-web's.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, ResponseError};
use futures_core::Stream;
use http_body::Body as HttpBody;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::service::{Body, JsonBodies, Problem, WholeBody, expect_json, incomplete, too_large};

/// A JSON body: as an extractor the request's, as a response its own.
///
/// The limits are those of the [`JsonBodies`] in the app's data, or its defaults. Rejections are [`Problem`]s, as
/// [`JsonBodies::read`] lists them. A response that cannot be encoded is a 500.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bodies = request.app_data::<JsonBodies>().cloned().unwrap_or_default();
        let checked = expect_json(request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes));
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            if length.is_some_and(|length| length > bodies.limit()) {
                return Err(too_large());
            }
            let body = collect(payload, bodies.limit()).await?;
            bodies.decode_bytes(&body).map(Self)
        })
    }
}

async fn collect(payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut payload = std::pin::pin!(payload);
    let mut whole = WholeBody::new(limit);
    while let Some(chunk) = std::future::poll_fn(|cx| payload.as_mut().poll_next(cx)).await {
        whole.push(chunk.map_err(|_broken| incomplete())?)?;
    }
    Ok(whole.finish())
}

impl<T: Serialize> Responder for Json<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match covet_json::to_vec(&self.0) {
            Ok(document) => HttpResponse::Ok().content_type("application/json").body(document),
            Err(_) => Problem::internal().error_response(),
        }
    }
}

/// Streams go out as they are made; an error cuts the response off.
impl MessageBody for Body {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        match self.size_hint().exact() {
            Some(0) => BodySize::None,
            Some(length) => BodySize::Sized(length),
            None => BodySize::Stream,
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            return Poll::Ready(match ready!(self.as_mut().poll_frame(cx)) {
                // Trailers have no place in actix-web's bodies.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

impl Responder for Body {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().body(self)
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The same response as [`Problem::into_response`], in actix-web's types.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        for (name, value) in self.headers() {
            let name = HeaderName::from_bytes(name.as_str().as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                response.append_header((name, value));
            }
        }
        response.body(self.document())
    }
}
