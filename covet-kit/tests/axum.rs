//! The axum adapter through axum itself.
#![cfg(feature = "axum-0.8")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use axum::body::Body;
use axum::routing::post;
use axum::{Extension, Router};
use covet_kit::axum::Json;
use covet_kit::service::JsonBodies;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

#[derive(Serialize, Deserialize)]
struct User {
    name: String,
    roles: Vec<String>,
}

async fn echo(Json(mut user): Json<User>) -> Json<User> {
    user.roles.push("seen".to_owned());
    Json(user)
}

fn app() -> Router {
    Router::new().route("/", post(echo)).layer(Extension(JsonBodies::default().max_bytes(1000)))
}

async fn send(content_type: &str, body: impl Into<Body>) -> (StatusCode, String, String) {
    let request = Request::post("/").header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap();
    let response = app().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let content_type = parts.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (parts.status, content_type, text)
}

#[tokio::test]
async fn json_goes_in_and_comes_out() {
    let answer = send("application/json", r#"{"name":"Ada","roles":[]}"#).await;
    assert_eq!(answer, (StatusCode::OK, "application/json".into(), r#"{"name":"Ada","roles":["seen"]}"#.into()));
}

#[tokio::test]
async fn rejections_are_problem_documents() {
    for (content_type, body, status, code) in [
        ("text/plain", "{}".to_owned(), 415, "json-expected"),
        ("application/json", "{".to_owned(), 400, "json-syntax"),
        ("application/json", r#"{"name":7}"#.to_owned(), 422, "json-data"),
        ("application/json", " ".repeat(1001), 413, "body-too-large"),
    ] {
        let (answered, content_type, text) = send(content_type, body).await;
        assert_eq!((answered.as_u16(), content_type.as_str()), (status, "application/problem+json"));
        assert!(text.contains(code), "{text}");
    }
}
