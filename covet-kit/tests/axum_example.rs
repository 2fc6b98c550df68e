//! The axum example through axum's own server and real clients, its WebSocket included.
#![cfg(all(feature = "axum-0.8", feature = "guard", feature = "pool", feature = "rows"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "../examples/axum.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod example;
mod support;

use std::net::SocketAddr;

use covet_kit::auth::Identity;
use http::Method;
use support::{eventually, ok, send};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

struct Served {
    address: SocketAddr,
    app: example::App,
    editor: String,
    reader: String,
    _folder: tempfile::TempDir,
}

async fn serve() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let (guard, issuer) = example::tokens().unwrap();
    let token = |scope: &str| {
        issuer.access_token(Identity::subject("ada"), &example::Extra { scope: scope.to_owned() }).unwrap()
    };
    let (editor, reader) = (token("edit"), token("read"));
    let app = example::App::open(&folder.path().join("db"), guard).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = example::app(app.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    Served { address, app, editor, reader, _folder: folder }
}

impl Served {
    async fn notes(&self) -> String {
        ok(send(self.address, Method::GET, "/notes", Some(&self.reader), None).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_are_added_listed_and_removed() {
    let served = serve().await;
    let (address, reader, editor) = (served.address, served.reader.as_str(), served.editor.as_str());
    let added = send(address, Method::POST, "/notes", Some(reader), Some(r#"{"text":"hello"}"#)).await;
    assert_eq!((added.status, added.text.as_str()), (201, r#"{"id":1,"text":"hello"}"#));
    assert_eq!(served.notes().await, r#"[{"id":1,"author":"ada","text":"hello"}]"#);

    send(address, Method::POST, "/notes", Some(reader), Some(r#"{"text":7}"#)).await.expect_problem(422, "json-data");
    send(address, Method::POST, "/notes", Some(reader), Some("{")).await.expect_problem(400, "json-syntax");
    let missing = send(address, Method::GET, "/notes", None, None).await;
    missing.expect_problem(401, "unauthorized");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    send(address, Method::GET, "/notes", Some("x.y.z"), None).await.expect_problem(401, "unauthorized");

    send(address, Method::DELETE, "/notes/1", None, None).await.expect_problem(401, "unauthorized");
    send(address, Method::DELETE, "/notes/1", Some(reader), None).await.expect_problem(403, "forbidden");
    assert_eq!(send(address, Method::DELETE, "/notes/1", Some(editor), None).await.status, 204);
    send(address, Method::DELETE, "/notes/1", Some(editor), None).await.expect_problem(404, "not-found");
    assert_eq!(served.notes().await, "[]");
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn import(served: &Served) -> Socket {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let mut request = format!("ws://{}/import", served.address).into_client_request().unwrap();
    let bearer = format!("Bearer {}", served.reader).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let stream = TcpStream::connect(served.address).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

/// Sends a message and gives the answer to it.
async fn say(socket: &mut Socket, text: &str) -> String {
    use futures_util::{SinkExt, StreamExt};

    socket.send(text.to_owned().into()).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_over_a_websocket_is_kept_when_it_is_done() {
    let served = serve().await;
    let mut socket = import(&served).await;
    assert_eq!(say(&mut socket, "one").await, "1");
    assert_eq!(say(&mut socket, "two").await, "2");
    assert_eq!(served.notes().await, "[]");
    assert_eq!(say(&mut socket, "done").await, "2 imported");
    assert!(served.notes().await.contains(r#""text":"two""#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_drops_in_mid_message_leaves_nothing_behind() {
    let served = serve().await;
    for round in 0..6 {
        let mut socket = import(&served).await;
        assert_eq!(say(&mut socket, "one").await, "1");
        assert_eq!(served.app.imports.status().in_use, 1);
        let stream = socket.get_mut();
        match round % 3 {
            // A text frame of 50 masked bytes, of which ten come.
            0 => stream.write_all(&[0x81, 0x80 | 50, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).await.unwrap(),
            // The first fragment of a message whose end never comes.
            1 => stream.write_all(&[0x01, 0x80 | 2, 0, 0, 0, 0, b'h', b'i']).await.unwrap(),
            // Between two messages.
            _ => {}
        }
        drop(socket);
        eventually("the connection is back", || served.app.imports.status().in_use == 0).await;
        assert_eq!(served.notes().await, "[]");
    }
    // The connections work on, and no lock is left.
    let mut socket = import(&served).await;
    assert_eq!(say(&mut socket, "kept").await, "1");
    assert_eq!(say(&mut socket, "done").await, "1 imported");
    assert_eq!(served.notes().await.matches("kept").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_no_websocket_gives_its_connection_back() {
    let served = serve().await;
    let answer = send(served.address, Method::GET, "/import", Some(&served.reader), None).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    eventually("the connection is back", || served.app.imports.status().in_use == 0).await;
}
