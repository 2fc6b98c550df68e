//! The actix-web example through actix-web's own server and a real client.
#![cfg(all(feature = "actix-web-4", feature = "guard", feature = "rows"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "../examples/actix.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod example;
mod support;

use actix_web::{App, HttpServer};
use covet_kit::auth::Identity;
use covet_kit::rows::RowsJson;
use http::Method;
use support::{ok, send};

#[actix_web::test]
async fn notes_are_added_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, issuer) = example::tokens().unwrap();
    let token = |scope: &str| {
        issuer.access_token(Identity::subject("ada"), &example::Extra { scope: scope.to_owned() }).unwrap()
    };
    let (editor, reader) = (token("edit"), token("read"));
    let (editor, reader) = (Some(editor.as_str()), Some(reader.as_str()));
    let db = example::open(&folder.path().join("db")).unwrap();
    let rows = RowsJson::objects();
    let server = HttpServer::new(move || App::new().configure(|config| example::configure(config, &db, &rows, &guard)));
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let serving = tokio::spawn(server);

    let added = send(address, Method::POST, "/notes", reader, Some(r#"{"text":"hello"}"#)).await;
    assert_eq!((added.status, added.text.as_str()), (201, r#"{"id":1,"text":"hello"}"#));
    let notes = ok(send(address, Method::GET, "/notes", reader, None).await);
    assert_eq!(notes, r#"[{"id":1,"author":"ada","text":"hello"}]"#);

    send(address, Method::POST, "/notes", reader, Some(r#"{"text":7}"#)).await.expect_problem(422, "json-data");
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(70_000));
    send(address, Method::POST, "/notes", reader, Some(&long)).await.expect_problem(413, "body-too-large");
    let missing = send(address, Method::GET, "/notes", None, None).await;
    missing.expect_problem(401, "unauthorized");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    send(address, Method::GET, "/notes", Some("x.y.z"), None).await.expect_problem(401, "unauthorized");

    send(address, Method::DELETE, "/admin/notes/1", None, None).await.expect_problem(401, "unauthorized");
    send(address, Method::DELETE, "/admin/notes/1", reader, None).await.expect_problem(403, "forbidden");
    assert_eq!(send(address, Method::DELETE, "/admin/notes/1", editor, None).await.status, 204);
    send(address, Method::DELETE, "/admin/notes/1", editor, None).await.expect_problem(404, "not-found");

    handle.stop(false).await;
    serving.await.unwrap().unwrap();
}
