//! JSON bodies through `JsonBodies`: every failure has its status and code, none repeats what the client sent.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use covet_kit::service::{Body, JsonBodies, Problem, json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Login {
    name: String,
    age: u8,
}

fn headers(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))])
}

/// A body in given pieces, which promises a length of its choice.
struct Pieces {
    pieces: VecDeque<Result<Bytes, &'static str>>,
    promised: SizeHint,
}

impl Pieces {
    fn of(pieces: impl IntoIterator<Item = Result<&'static [u8], &'static str>>) -> Self {
        Self {
            pieces: pieces.into_iter().map(|piece| piece.map(Bytes::from_static)).collect(),
            promised: SizeHint::new(),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(self.pieces.pop_front().map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.promised
    }
}

async fn read(body: &'static str) -> Result<Login, Problem> {
    JsonBodies::default().read(&headers("application/json"), Full::new(Bytes::from_static(body.as_bytes()))).await
}

async fn document(problem: Problem) -> serde_json::Value {
    let response = problem.into_response();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let status = response.status().as_u16();
    let document: serde_json::Value =
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(document["status"], status);
    document
}

#[tokio::test]
async fn a_body_in_any_number_of_pieces_is_read() {
    let whole = br#"{"name":"Ada","age":36}"#;
    for cut in 0..whole.len() {
        let (a, b) = whole.split_at(cut);
        let body = Pieces::of([Ok(a), Ok(&b""[..]), Ok(b)]);
        let login: Login = JsonBodies::default().read(&headers("application/json"), body).await.unwrap();
        assert_eq!(login, Login { name: "Ada".into(), age: 36 });
    }
}

#[tokio::test]
async fn only_json_content_types_are_taken() {
    let taken = [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        " application/json ",
        "application/merge-patch+json",
        "application/vnd.example.v1+json; x=y",
    ];
    let refused = [
        "",
        "text/plain",
        "application/jsonp",
        "application/+json",
        "text/json",
        "json",
        "application/x-www-form-urlencoded",
        "application/json+xml",
    ];
    for (content_type, is_taken) in taken.map(|t| (t, true)).into_iter().chain(refused.map(|t| (t, false))) {
        let body = Full::new(Bytes::from_static(b"1"));
        let result = JsonBodies::default().read::<u8, _>(&headers(content_type), body).await;
        assert_eq!(result.is_ok(), is_taken, "{content_type:?}");
        if let Err(problem) = result {
            assert_eq!((problem.status(), problem.code()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "json-expected"));
        }
    }
    let none = JsonBodies::default().read::<u8, _>(&HeaderMap::new(), Full::new(Bytes::from_static(b"1"))).await;
    assert_eq!(none.unwrap_err().code(), "json-expected");
}

#[tokio::test]
async fn syntax_data_and_limits_are_told_apart_with_their_place() {
    let syntax = document(read("{\"name\":\"Ada\",\n \"age\": x}").await.unwrap_err()).await;
    assert_eq!((&syntax["code"], &syntax["status"]), (&"json-syntax".into(), &400.into()));
    assert_eq!((&syntax["line"], &syntax["path"]), (&2.into(), &"$.age".into()));

    let data = document(read("{\"name\":\"Ada\",\"age\":\"36\"}").await.unwrap_err()).await;
    assert_eq!((&data["code"], &data["status"], &data["path"]), (&"json-data".into(), &422.into(), &"$.age".into()));

    let cut = document(read("{\"name\":\"A").await.unwrap_err()).await;
    assert_eq!((&cut["code"], &cut["status"]), (&"json-syntax".into(), &400.into()));

    let deep: &'static str = Box::leak("[".repeat(100_000).into_boxed_str());
    let body = Full::new(Bytes::from_static(deep.as_bytes()));
    let limit = JsonBodies::default().read::<serde_json::Value, _>(&headers("application/json"), body).await;
    assert_eq!(limit.unwrap_err().code(), "json-limit");
}

#[tokio::test]
async fn no_problem_repeats_what_the_client_sent() {
    let secrets = [
        "{\"name\":\"hunter2\",\"age\":\"hunter2\"}",
        "{\"name\":{\"hunter2\":1}}",
        "{\"name\":\"hunter2\",\"age\":hunter2}",
        "\"hunter2\"",
    ];
    for body in secrets {
        let document = document(read(body).await.unwrap_err()).await.to_string();
        assert!(!document.contains("hunter2"), "{document}");
    }
}

#[tokio::test]
async fn a_path_with_the_clients_keys_is_short_and_plain() {
    let body = format!("{{\"{}\\u0007é\":{{\"age\":}}}}", "k".repeat(4000));
    let body = Full::new(Bytes::from(body));
    let map = JsonBodies::default()
        .read::<std::collections::HashMap<String, Login>, _>(&headers("application/json"), body)
        .await;
    let document = document(map.unwrap_err()).await;
    let path = document["path"].as_str().unwrap();
    assert!(path.len() <= 128 && path.is_ascii() && !path.bytes().any(|byte| byte.is_ascii_control()), "{path}");
}

#[tokio::test]
async fn bodies_past_the_limit_are_refused_as_early_as_possible() {
    let bodies = JsonBodies::default().max_bytes(16);
    let exact = Full::new(Bytes::from_static(b"[1,2,3,4,5,6,78]"));
    assert_eq!(bodies.read::<Vec<u8>, _>(&headers("application/json"), exact).await.unwrap().len(), 7);

    let mut promised = Pieces::of([Err("the body must not be read")]);
    promised.promised = SizeHint::with_exact(17);
    let endless = Pieces::of(std::iter::repeat_n(Ok(&b"[1,2,3,"[..]), 1000));
    for body in [promised, endless] {
        let problem = bodies.read::<Vec<u8>, _>(&headers("application/json"), body).await.unwrap_err();
        assert_eq!((problem.status(), problem.code()), (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"));
    }
    let limited = http_body_util::Limited::new(Full::new(Bytes::from_static(b"[1,2,3]")), 3);
    let problem = JsonBodies::default().read::<Vec<u8>, _>(&headers("application/json"), limited).await.unwrap_err();
    assert_eq!(problem.code(), "body-too-large");
}

#[tokio::test]
async fn a_connection_that_fails_is_the_clients_fault() {
    let body = Pieces::of([Ok(&b"[1"[..]), Err("reset by peer at 10.0.0.7")]);
    let problem = JsonBodies::default().read::<Vec<u8>, _>(&headers("application/json"), body).await.unwrap_err();
    assert_eq!((problem.status(), problem.code()), (StatusCode::BAD_REQUEST, "body-incomplete"));
    assert!(!document(problem).await.to_string().contains("10.0.0.7"));
}

#[tokio::test]
async fn responses_are_json_or_a_problem() {
    let response = json(StatusCode::CREATED, &Login { name: "Ada".into(), age: 36 });
    assert_eq!(
        (response.status(), &response.headers()[header::CONTENT_TYPE]),
        (StatusCode::CREATED, &HeaderValue::from_static("application/json"))
    );
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), r#"{"name":"Ada","age":36}"#);

    let unwritable = std::collections::HashMap::from([(vec![1], 1)]);
    assert_eq!(json(StatusCode::OK, &unwritable).status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn bodies_pass_their_bytes_and_cut_off_at_an_error() {
    assert!(Body::from("").is_end_stream() && Body::empty().is_end_stream());
    let chunks =
        Body::from_chunks(vec![Ok::<_, std::io::Error>(Bytes::from_static(b"[1,")), Ok(Bytes::from_static(b"2]"))]);
    assert_eq!(Body::new(Body::new(chunks)).collect().await.unwrap().to_bytes(), "[1,2]");
    let mut broken = Body::from_chunks(vec![Ok(Bytes::from_static(b"[1,")), Err(std::io::Error::other("gone"))]);
    assert!(broken.frame().await.unwrap().is_ok());
    assert_eq!(broken.frame().await.unwrap().unwrap_err().to_string(), "gone");
    assert_eq!(Body::new(Full::new(Bytes::from_static(b"abc"))).size_hint().exact(), Some(3));
}
