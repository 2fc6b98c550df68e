//! The actix-web adapter through actix-web itself.
#![cfg(feature = "actix-web-4")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{App, test, web};
use covet_kit::actix::Json;
use covet_kit::service::JsonBodies;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    name: String,
    roles: Vec<String>,
}

async fn echo(Json(mut user): Json<User>) -> Json<User> {
    user.roles.push("seen".to_owned());
    Json(user)
}

async fn send(content_type: &str, body: String) -> (u16, String, String) {
    let app = App::new().app_data(JsonBodies::default().max_bytes(1000)).route("/", web::post().to(echo));
    let app = test::init_service(app).await;
    let request = test::TestRequest::post().uri("/").insert_header((CONTENT_TYPE, content_type)).set_payload(body);
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
    if status != 200 {
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    }
    (status, content_type, String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
}

#[actix_web::test]
async fn json_goes_in_and_comes_out() {
    let answer = send("application/json", r#"{"name":"Ada","roles":[]}"#.to_owned()).await;
    assert_eq!(answer, (200, "application/json".into(), r#"{"name":"Ada","roles":["seen"]}"#.into()));
}

#[actix_web::test]
async fn rejections_are_problem_documents() {
    for (content_type, body, status, code) in [
        ("text/plain", "{}".to_owned(), 415, "json-expected"),
        ("application/json", "{".to_owned(), 400, "json-syntax"),
        ("application/json", r#"{"name":7}"#.to_owned(), 422, "json-data"),
        ("application/json", " ".repeat(1001), 413, "body-too-large"),
    ] {
        let (answered, content_type, text) = send(content_type, body).await;
        assert_eq!((answered, content_type.as_str()), (status, "application/problem+json"));
        assert!(text.contains(code), "{text}");
    }
}
