//! However a request ends, its connection comes back to the pool and nothing of an open transaction remains: the handler panics,
//! the client hangs up. Over real sockets, for each framework, with a pool that has a single connection.
#![cfg(all(feature = "pool", feature = "rows", feature = "server", feature = "service"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use covet_pool::Pool;
use http::Method;
use support::{Sqlite, begin, count, eventually, ok, one_connection, send, try_send};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// What the handlers share.
#[derive(Clone)]
struct App {
    pool: Pool<Sqlite>,
    /// Told when a handler that never ends has opened its transaction.
    begun: Arc<Notify>,
}

impl App {
    fn new(folder: &std::path::Path) -> Self {
        Self { pool: one_connection(folder), begun: Arc::default() }
    }

    /// Goes through everything that can go wrong, against a server with the four routes.
    async fn attack(&self, server: SocketAddr) {
        let count = async || ok(send(server, Method::GET, "/count", None, None).await);
        // That a committed row is seen shows that the counts below mean something.
        assert_eq!(send(server, Method::POST, "/commit", None, None).await.status, 200);
        assert_eq!(count().await, "1");

        for _ in 0..3 {
            if let Ok(answer) = try_send(server, Method::POST, "/panic", None, None).await {
                assert_eq!(answer.status, 500);
            }
            assert_eq!(count().await, "1");
        }
        for _ in 0..3 {
            let mut client = TcpStream::connect(server).await.unwrap();
            client.write_all(b"POST /hang HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            self.begun.notified().await;
            assert_eq!(self.pool.status().in_use, 1);
            drop(client);
            assert_eq!(count().await, "1");
        }
        eventually("the connection is back", || self.pool.status().in_use == 0).await;
        assert_eq!(self.pool.status().max_size, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_service() {
    use covet_kit::server::{RequestBody, Server};
    use covet_kit::service::{Problem, Routes};
    use http::Request;

    let folder = tempfile::tempdir().unwrap();
    let app = App::new(folder.path());
    let pool = app.pool.clone();
    let counted = move |_: Request<RequestBody>| {
        let pool = pool.clone();
        async move { Ok::<_, Problem>(count(&*pool.get().await?)) }
    };
    let pool = app.pool.clone();
    let committed = move |_: Request<RequestBody>| {
        let pool = pool.clone();
        async move {
            let conn = pool.get().await?;
            begin(&conn);
            conn.execute_batch("COMMIT").unwrap();
            Ok::<_, Problem>("")
        }
    };
    let pool = app.pool.clone();
    let panicking = move |_: Request<RequestBody>| {
        let pool = pool.clone();
        async move {
            let conn = pool.get().await?;
            begin(&conn);
            tokio::task::yield_now().await;
            if !conn.is_autocommit() {
                panic!("on purpose");
            }
            Ok::<_, Problem>("")
        }
    };
    let shared = app.clone();
    let hanging = move |_: Request<RequestBody>| {
        let app = shared.clone();
        async move {
            let conn = app.pool.get().await?;
            begin(&conn);
            app.begun.notify_one();
            std::future::pending::<()>().await;
            drop(conn);
            Ok::<_, Problem>("")
        }
    };
    let routes = Routes::new()
        .get("/count", counted)
        .post("/commit", committed)
        .post("/panic", panicking)
        .post("/hang", hanging)
        .build()
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(Server::new().serve(listener, routes, std::future::pending()));
    app.attack(server).await;
}

#[cfg(feature = "axum-0.8")]
impl axum::extract::FromRef<App> for Pool<Sqlite> {
    fn from_ref(app: &App) -> Self {
        app.pool.clone()
    }
}

#[cfg(feature = "axum-0.8")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_axum() {
    use axum::Router;
    use axum::extract::State;
    use axum::routing::{get, post};
    use covet_kit::axum::Conn;

    async fn panicking(conn: Conn<Sqlite>) {
        begin(&conn);
        tokio::task::yield_now().await;
        if !conn.is_autocommit() {
            panic!("on purpose");
        }
    }

    async fn committed(conn: Conn<Sqlite>) {
        begin(&conn);
        conn.execute_batch("COMMIT").unwrap();
    }

    async fn hanging(State(app): State<App>, conn: Conn<Sqlite>) {
        begin(&conn);
        app.begun.notify_one();
        std::future::pending::<()>().await;
    }

    let folder = tempfile::tempdir().unwrap();
    let app = App::new(folder.path());
    let routes = Router::new()
        .route("/count", get(async |conn: Conn<Sqlite>| count(&conn)))
        .route("/commit", post(committed))
        .route("/panic", post(panicking))
        .route("/hang", post(hanging))
        .with_state(app.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    app.attack(server).await;
}

#[cfg(feature = "actix-web-4")]
#[actix_web::test]
async fn in_actix_web() {
    use actix_web::{App as Actix, HttpServer, web};
    use covet_kit::actix::Conn;

    async fn panicking(conn: Conn<Sqlite>) -> &'static str {
        begin(&conn);
        tokio::task::yield_now().await;
        if !conn.is_autocommit() {
            panic!("on purpose");
        }
        ""
    }

    async fn committed(conn: Conn<Sqlite>) -> &'static str {
        begin(&conn);
        conn.execute_batch("COMMIT").unwrap();
        ""
    }

    async fn hanging(app: web::Data<App>, conn: Conn<Sqlite>) -> &'static str {
        begin(&conn);
        app.begun.notify_one();
        std::future::pending().await
    }

    let folder = tempfile::tempdir().unwrap();
    let app = App::new(folder.path());
    let shared = app.clone();
    let server = HttpServer::new(move || {
        Actix::new()
            .app_data(web::Data::new(shared.clone()))
            .app_data(web::Data::new(shared.pool.clone()))
            .route("/count", web::get().to(async |conn: Conn<Sqlite>| count(&conn)))
            .route("/commit", web::post().to(committed))
            .route("/panic", web::post().to(panicking))
            .route("/hang", web::post().to(hanging))
    });
    // Without it actix-web runs a handler to its end, whether or not its client is there.
    let server = server.workers(2).disable_signals().h1_allow_half_closed(false).bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let serving = tokio::spawn(server);
    app.attack(address).await;
    handle.stop(false).await;
    serving.await.unwrap().unwrap();
}
