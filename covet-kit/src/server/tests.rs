//! The limits against real sockets: each client misbehaves in one way, and a well-behaved one is served beside it.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::service_fn;

use super::{BodyError, PeerAddr, RequestBody, ServeReport, Server};

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(150);

type BoxBody = http_body_util::combinators::BoxBody<Bytes, Infallible>;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<ServeReport>,
}

impl Running {
    async fn start<F, Fut>(settings: Server, handler: F) -> Self
    where
        F: Fn(Request<RequestBody>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Response<BoxBody>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let service = service_fn(move |request| {
            let response = handler(request);
            async move { Ok::<_, Infallible>(response.await) }
        });
        let server = tokio::spawn(settings.serve(listener, service, async move {
            let _ = stopped.await;
        }));
        Self { address, stop, server }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> ServeReport {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.server).await.unwrap().unwrap()
    }

    /// A good client is served.
    async fn assert_serves(&self) {
        let mut client = self.connect().await;
        assert!(exchange(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    }
}

async fn hello(_: Request<RequestBody>) -> Response<BoxBody> {
    Response::new(Full::new(Bytes::from_static(b"hello")).boxed())
}

/// Sends a request and reads one short response (all of ours fit one piece and end with their body).
async fn exchange(client: &mut TcpStream, request: &str) -> String {
    client.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let mut piece = [0; 4096];
    while !response.ends_with(b"hello") {
        match timeout(PATIENCE, client.read(&mut piece)).await.unwrap() {
            Ok(0) | Err(_) => break,
            Ok(n) => response.extend_from_slice(&piece[..n]),
        }
    }
    String::from_utf8(response).unwrap()
}

/// Waits for the server to close the connection.
async fn closed(client: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is a close as well.
    let _ = timeout(PATIENCE, client.read_to_end(&mut rest)).await.expect("the server keeps the connection open");
}

async fn still_open(client: &mut TcpStream, time: Duration) -> bool {
    timeout(time, client.read(&mut [0; 16])).await.is_err()
}

#[tokio::test]
async fn one_connection_serves_many_requests_and_knows_its_peer() {
    let server = Running::start(Server::new(), async |request: Request<RequestBody>| {
        assert!(request.extensions().get::<PeerAddr>().is_some_and(|peer| peer.0.ip().is_loopback()));
        hello(request).await
    })
    .await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        assert!(exchange(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    }
    drop(client);
    assert_eq!(server.stop().await, ServeReport { served: 1, cut_off: 0 });
}

#[tokio::test]
async fn a_silent_client_is_closed() {
    let server = Running::start(Server::new().header_timeout(SOON), hello).await;
    closed(&mut server.connect().await).await;
    server.assert_serves().await;
}

#[tokio::test]
async fn a_head_sent_byte_by_byte_is_closed_however_steadily_it_comes() {
    let server = Running::start(Server::new().header_timeout(SOON), hello).await;
    let mut client = server.connect().await;
    let drip = async {
        loop {
            if client.write_all(b"x").await.is_err() {
                break;
            }
            tokio::time::sleep(SOON / 10).await;
        }
    };
    timeout(PATIENCE, drip).await.expect("the server keeps reading");
    // The same on a connection that has been good before.
    let mut client = server.connect().await;
    exchange(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    client.write_all(b"GET / HT").await.unwrap();
    closed(&mut client).await;
    server.assert_serves().await;
}

#[tokio::test]
async fn an_idle_connection_has_its_own_longer_time() {
    let server = Running::start(Server::new().header_timeout(SOON).idle_timeout(SOON * 8), hello).await;
    let mut client = server.connect().await;
    exchange(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(still_open(&mut client, SOON * 3).await);
    closed(&mut client).await;
}

#[tokio::test]
async fn a_slow_handler_is_nobodys_fault() {
    let server =
        Running::start(Server::new().header_timeout(SOON).idle_timeout(SOON).write_timeout(SOON), async |request| {
            tokio::time::sleep(SOON * 4).await;
            hello(request).await
        })
        .await;
    server.assert_serves().await;
}

#[tokio::test]
async fn a_stalled_body_is_an_error_for_the_service() {
    let (told, outcome) = tokio::sync::mpsc::unbounded_channel();
    let mut outcome = outcome;
    let server = Running::start(Server::new().body_timeout(SOON), move |request: Request<RequestBody>| {
        let told = told.clone();
        async move {
            told.send(request.into_body().collect().await.map(|body| body.to_bytes())).unwrap();
            Response::new(Full::new(Bytes::from_static(b"hello")).boxed())
        }
    })
    .await;
    let mut stalling = server.connect().await;
    stalling.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345").await.unwrap();
    assert!(matches!(timeout(PATIENCE, outcome.recv()).await.unwrap(), Some(Err(BodyError::Stalled))));

    // Slow, but never for too long at once.
    let mut steady = server.connect().await;
    steady.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n").await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(SOON / 4).await;
        steady.write_all(b"x").await.unwrap();
    }
    assert_eq!(timeout(PATIENCE, outcome.recv()).await.unwrap().unwrap().unwrap().len(), 10);
}

/// A body without end, which says when it is dropped.
struct Endless(Arc<Notify>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 << 10])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_the_body_dropped() {
    let dropped = Arc::new(Notify::new());
    let on_drop = dropped.clone();
    let server = Running::start(Server::new().write_timeout(SOON), move |_| {
        let body = Endless(on_drop.clone()).boxed();
        async move { Response::new(body) }
    })
    .await;
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    timeout(PATIENCE, dropped.notified()).await.expect("the response goes on for ever");
    drop(client);
}

#[tokio::test]
async fn connections_past_the_limit_wait_their_turn() {
    let server = Running::start(Server::new().max_connections(1), hello).await;
    let mut first = server.connect().await;
    exchange(&mut first, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut second = server.connect().await;
    second.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(still_open(&mut second, SOON).await);
    drop(first);
    assert!(exchange(&mut second, "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn heads_past_the_limits_are_refused() {
    let server = Running::start(Server::new().max_header_bytes(8 << 10).max_headers(10), hello).await;
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(64 << 10));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(11));
    for head in [long, many] {
        let mut client = server.connect().await;
        let (mut read, mut write) = client.split();
        let mut answer = Vec::new();
        // The refusal may come while the head is still being sent.
        let (_, _) = tokio::join!(write.write_all(head.as_bytes()), timeout(PATIENCE, read.read_to_end(&mut answer)));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    server.assert_serves().await;
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_then_ends_itself() {
    let started = Arc::new(Notify::new());
    let begun = started.clone();
    let settings = Server::new().shutdown_timeout(SOON * 6);
    let server = Running::start(settings, move |request: Request<RequestBody>| {
        let begun = begun.clone();
        async move {
            begun.notify_one();
            match request.uri().path() {
                "/soon" => tokio::time::sleep(SOON).await,
                _ => pending().await,
            }
            hello(request).await
        }
    })
    .await;
    let mut idle = server.connect().await;
    let mut soon = server.connect().await;
    let mut never = server.connect().await;
    soon.write_all(b"GET /soon HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    started.notified().await;
    never.write_all(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    started.notified().await;
    let address = server.address;
    let report = tokio::spawn(server.stop());
    assert!(exchange(&mut soon, "").await.contains("connection: close"));
    closed(&mut idle).await;
    let report = report.await.unwrap();
    assert_eq!(report.cut_off, 1);
    closed(&mut never).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_panic_ends_its_connection_alone() {
    let server = Running::start(Server::new(), async |request: Request<RequestBody>| {
        assert!(request.uri().path() != "/panic", "the handler's own panic");
        hello(request).await
    })
    .await;
    let mut client = server.connect().await;
    assert_eq!(exchange(&mut client, "GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await, "");
    server.assert_serves().await;
}

#[tokio::test]
async fn http2_with_prior_knowledge_runs_requests_side_by_side() {
    let together = Arc::new(tokio::sync::Barrier::new(8));
    let seen = Arc::new(AtomicUsize::new(0));
    let (barrier, count) = (together.clone(), seen.clone());
    let server = Running::start(Server::new(), move |request: Request<RequestBody>| {
        let (barrier, count) = (barrier.clone(), count.clone());
        async move {
            assert_eq!(request.version(), Version::HTTP_2);
            barrier.wait().await;
            count.fetch_add(1, Ordering::SeqCst);
            hello(request).await
        }
    })
    .await;
    let io = TokioIo::new(server.connect().await);
    let (client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let requests = (0..8).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let request = Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
            client.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes()
        })
    });
    for response in requests.collect::<Vec<_>>() {
        assert_eq!(timeout(PATIENCE, response).await.unwrap().unwrap(), "hello");
    }
    assert_eq!(seen.load(Ordering::SeqCst), 8);
    drop(client);
    assert_eq!(server.stop().await.cut_off, 0);
}

#[cfg(feature = "server-tls")]
#[tokio::test]
async fn tls_speaks_http2_by_alpn_and_a_failed_handshake_harms_nobody() {
    use super::tls::Tls;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(async |request: Request<RequestBody>| Ok::<_, Infallible>(hello(request).await));
    tokio::spawn(Server::new().serve_with(listener, Tls::new(config), service, pending()));

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    closed(&mut plain).await;

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/").body(Empty::<Bytes>::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
}
