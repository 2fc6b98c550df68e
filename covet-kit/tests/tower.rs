//! The stack of the tower example through the server and a real client: tower-http's layers and ours, one around the other.
#![cfg(all(feature = "server", feature = "tower"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "../examples/tower.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod example;
mod support;

use covet_kit::auth::Identity;
use covet_kit::server::Server;
use http::Method;
use support::{ok, send};

#[tokio::test]
async fn each_layer_does_its_part() {
    let (guard, issuer) = example::tokens().unwrap();
    let token = |scope: &str| {
        issuer.access_token(Identity::subject("ada"), &example::Extra { scope: scope.to_owned() }).unwrap()
    };
    let (reader, other) = (token("read"), token("write"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Server::new().serve(listener, example::stack(guard).unwrap(), std::future::pending()));
    let get = async |path: &str, token: Option<&str>| send(address, Method::GET, path, token, None).await;

    for path in ["/shares/4", "/%73hares/%34"] {
        assert_eq!(ok(get(path, Some(&reader)).await), r#"{"of":"ada","parts":4,"each":250}"#);
    }
    get("/shares/4", None).await.expect_problem(401, "unauthorized");
    get("/shares/4", Some(&other)).await.expect_problem(403, "forbidden");
    // Refused before the guard is asked.
    get("/shares//4", None).await.expect_problem(400, "path-malformed");
    get("/%2e%2e/shares/4", None).await.expect_problem(400, "path-malformed");
    get("/shares/0", Some(&reader)).await.expect_problem(500, "internal");
    get("/shares/x", Some(&reader)).await.expect_problem(404, "not-found");
}
