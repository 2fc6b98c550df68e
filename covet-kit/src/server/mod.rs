//! A server for any [`tower_service::Service`] over HTTP/1.1 and HTTP/2, with the limits that a service on the open network needs.
//!
//! hyper and hyper-util speak the protocols; this module adds what they leave to the caller: a bound on connections, time limits for
//! clients that are slow at every stage, and a graceful shutdown that ends.
//!
//! | against | limit | default |
//! |---|---|---|
//! | many connections | [`Server::max_connections`]: further ones wait in the kernel's queue | 10,000 |
//! | a client that sends nothing, or its request's head byte by byte | [`Server::header_timeout`] | 10 s |
//! | an idle connection | [`Server::idle_timeout`] | 75 s |
//! | a body that stalls | [`Server::body_timeout`]: between two pieces of a request's body | 30 s |
//! | a client that does not read its response | [`Server::write_timeout`]: without any progress | 30 s |
//! | large heads | [`Server::max_header_bytes`], [`Server::max_headers`] (HTTP/1.1) | 16 KiB, 100 |
//! | many streams on one HTTP/2 connection | [`Server::max_streams`] | 128 |
//! | a shutdown that never ends | [`Server::shutdown_timeout`] | 30 s |
//!
//! The size of a request's body is the service's business: only it knows what a route takes.
//!
//! HTTP/2 works with prior knowledge on a plain listener, and by ALPN on a TLS one ([`tls`], feature `server-tls`).
//!
//! ```no_run
//! use std::convert::Infallible;
//! use covet_kit::server::{RequestBody, Server};
//! use http::{Request, Response};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let service = tower::service_fn(async |_request: Request<RequestBody>| Ok::<_, Infallible>(Response::new("hello\n".to_string())));
//! let report = Server::new().serve(listener, service, async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await;
//! eprintln!("{} connections served, {} cut off", report.served, report.cut_off);
//! # Ok(()) }
//! ```

mod activity;
mod body;
mod connection;
mod io;
#[cfg(feature = "server-tls")]
pub mod tls;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io as std_io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower_service::Service;

pub use body::{BodyError, RequestBody};

/// Settings of the server; see the [module](self) for what each is against.
#[derive(Debug, Clone)]
#[must_use = "a server does nothing until `serve`"]
pub struct Server {
    max_connections: usize,
    header_timeout: Duration,
    idle_timeout: Duration,
    body_timeout: Duration,
    write_timeout: Duration,
    max_header_bytes: usize,
    max_headers: usize,
    max_streams: u32,
    shutdown_timeout: Duration,
}

/// What a server did, told when it has shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServeReport {
    /// Connections that ended by themselves or within the shutdown's time.
    pub served: u64,
    /// Connections that were still busy when [`Server::shutdown_timeout`] passed.
    pub cut_off: u64,
}

/// The address of the connection's other end, put into each request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Turns an accepted TCP stream into the stream that HTTP is spoken on: itself, or a TLS session on it.
pub trait Accept: Clone + Send + 'static {
    /// The stream that HTTP is spoken on.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Prepares an accepted stream. The server bounds its time by [`Server::header_timeout`].
    fn accept(&self, stream: TcpStream) -> impl Future<Output = std_io::Result<Self::Stream>> + Send;
}

/// HTTP without TLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Accept for Plain {
    type Stream = TcpStream;

    async fn accept(&self, stream: TcpStream) -> std_io::Result<TcpStream> {
        Ok(stream)
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            max_header_bytes: 16 << 10,
            max_headers: 100,
            max_streams: 128,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl Server {
    /// A server with the defaults of the table above.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections are open at once; at least one.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long a new connection may stay silent, a TLS handshake may take, and a request's head may take from its first byte.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// How long a connection may stay open between two requests.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a service waits for the next piece of a request's body; past it the body ends with [`BodyError::Stalled`].
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// How long the client may take to accept any further byte of what it is sent; past it the connection is cut.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Bytes that a request's head may have, at least 8 KiB. Past it HTTP/1.1 answers 431 and HTTP/2 refuses the stream.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.max_header_bytes = bytes.clamp(8 << 10, 16 << 20);
        self
    }

    /// Fields that an HTTP/1.1 request's head may have.
    pub fn max_headers(mut self, fields: usize) -> Self {
        self.max_headers = fields;
        self
    }

    /// Requests that may be in flight on one HTTP/2 connection.
    pub fn max_streams(mut self, streams: u32) -> Self {
        self.max_streams = streams.max(1);
        self
    }

    /// How long a shutdown waits for the requests in flight before it cuts them off.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Serves `service` on `listener` until `shutdown` completes, then lets the requests in flight end.
    ///
    /// Each connection gets a clone of the service and runs as a task of its own; a panic in it ends that connection alone.
    /// `TCP_NODELAY` is set. Upgrades (WebSocket) work; an upgraded connection is out of this server's hands.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn serve<S, B>(self, listener: TcpListener, service: S, shutdown: impl Future<Output = ()>) -> ServeReport
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.serve_with(listener, Plain, service, shutdown).await
    }

    /// [`Server::serve`] on streams that `accept` has prepared, for example [`tls::Tls`].
    pub async fn serve_with<A, S, B>(
        self,
        listener: TcpListener,
        accept: A,
        service: S,
        shutdown: impl Future<Output = ()>,
    ) -> ServeReport
    where
        A: Accept,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut shutdown = pin!(shutdown);
        let room = Arc::new(Semaphore::new(self.max_connections));
        let (stop, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut report = ServeReport::default();
        let settings = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_ended) = connections.join_next() => {
                    report.served += 1;
                    continue;
                }
                accepted = accept_one(&listener, &room) => accepted,
            };
            let (stream, peer, place) = accepted;
            let (settings, accept, service, stopped) =
                (settings.clone(), accept.clone(), service.clone(), stopped.clone());
            connections.spawn(async move {
                connection::run(&settings, accept, stream, PeerAddr(peer), service, stopped).await;
                drop(place);
            });
        }
        drop(listener);
        let _ = stop.send(true);
        let all_ended = async {
            while connections.join_next().await.is_some() {
                report.served += 1;
            }
        };
        let _ = tokio::time::timeout(settings.shutdown_timeout, all_ended).await;
        report.cut_off = connections.len() as u64;
        connections.shutdown().await;
        report
    }
}

/// Waits for room and then for a connection. A failed accept (out of file descriptors, a client that went away) is retried: it must
/// not end the server.
async fn accept_one(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit) {
    let place = match room.clone().acquire_owned().await {
        Ok(place) => place,
        // Never closed.
        Err(_closed) => std::future::pending().await,
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) if is_of_the_client(&error) => {}
            // Descriptors come back when connections end; a pause keeps a full table from becoming a busy loop.
            Err(_exhausted) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn is_of_the_client(error: &std_io::Error) -> bool {
    use std_io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
