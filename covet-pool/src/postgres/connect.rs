//! The way to the server: encryption if it is asked for, and the stream that reads along.
//!
//! The driver finds the hosts, opens the socket and calls what it takes for a TLS connector. Ours negotiates encryption by itself, or
//! leaves it, and in both cases answers with a stream that reads along. (Told that it may negotiate, the driver would keep
//! the plain socket to itself.)

use super::config::{PostgresConfig, SslMode};
use super::wire::{Tap, Wire};
use parking_lot::Mutex;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// Encrypted or not.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(Socket),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    #[cfg(feature = "postgres-tls")]
    Tls(Box<tokio_rustls::client::TlsStream<Socket>>),
}

/// One way to do each thing, whatever the transport is.
macro_rules! with {
    ($transport:expr, $stream:ident => $then:expr) => {
        match $transport {
            Transport::Plain($stream) => $then,
            #[cfg(unix)]
            Transport::Unix($stream) => $then,
            #[cfg(feature = "postgres-tls")]
            Transport::Tls($stream) => $then,
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        with!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        with!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// What the driver talks through.
#[derive(Debug)]
pub(super) struct Line {
    tap: Tap<Transport>,
    /// A request to cancel is over when the server hangs up: only then has it been passed on, and can no longer hit whatever
    /// the session does next.
    lingers: bool,
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tap).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tap).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tap).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.lingers {
            let mut scratch = [0; 64];
            let mut scratch = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut this.tap).poll_read(cx, &mut scratch));
            this.lingers = read.is_ok() && !scratch.filled().is_empty();
        }
        Pin::new(&mut this.tap).poll_shutdown(cx)
    }
}

impl TlsStream for Line {
    fn channel_binding(&self) -> ChannelBinding {
        #[cfg(feature = "postgres-tls")]
        if let Transport::Tls(stream) = self.tap.get_ref() {
            return super::tls::channel_binding(stream);
        }
        ChannelBinding::none()
    }
}

/// How encryption is done, made once per pool.
pub(super) struct Security {
    pub(super) mode: SslMode,
    /// Encryption begins without asking whether the server can.
    pub(super) direct: bool,
    #[cfg(feature = "postgres-tls")]
    pub(super) tls: Option<tokio_rustls::TlsConnector>,
}

impl Security {
    fn encrypts(&self) -> bool {
        self.mode != SslMode::Disable && (self.mode != SslMode::Prefer || cfg!(feature = "postgres-tls"))
    }

    async fn secure(&self, mut socket: Socket, host: &str) -> Result<Transport, Failure> {
        if !self.encrypts() {
            return Ok(Transport::Plain(socket));
        }
        if !self.direct {
            // Asks for encryption; the answer is one byte, and nothing may follow it before the handshake.
            socket.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await?;
            match socket.read_u8().await? {
                b'S' => {}
                b'N' if self.mode == SslMode::Prefer => return Ok(Transport::Plain(socket)),
                b'N' => return Err("the server does not offer TLS, and `sslmode` insists on it".into()),
                _ => return Err("the server does not know what TLS is; `sslmode=disable` connects without".into()),
            }
        }
        #[cfg(feature = "postgres-tls")]
        return super::tls::handshake(self, socket, host).await;
        #[cfg(not(feature = "postgres-tls"))]
        Err(format!("no TLS to {host} without the feature `postgres-tls`").into())
    }
}

/// What the driver takes for a TLS connector.
#[derive(Clone)]
pub(super) struct Connector {
    security: Arc<Security>,
    host: String,
    lingers: bool,
    /// What reads along with the latest attempt: one that fails has its own.
    latest: Arc<Mutex<Option<Arc<Wire>>>>,
}

impl Connector {
    pub(super) fn new(security: &Arc<Security>, lingers: bool) -> Self {
        Self { security: Arc::clone(security), host: String::new(), lingers, latest: Arc::default() }
    }

    pub(super) fn wire(&self) -> Option<Arc<Wire>> {
        self.latest.lock().take()
    }

    fn line(&self, transport: Transport) -> Line {
        let wire = Arc::new(Wire::default());
        *self.latest.lock() = Some(Arc::clone(&wire));
        Line { tap: Tap::new(transport, wire), lingers: self.lingers }
    }
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Line;
    type TlsConnect = Self;
    type Error = Failure;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self, Failure> {
        Ok(Self { host: host.to_owned(), ..self.clone() })
    }
}

impl TlsConnect<Socket> for Connector {
    type Stream = Line;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Line, Failure>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let transport = self.security.secure(socket, &self.host).await?;
            Ok(self.line(transport))
        })
    }
}

/// Sockets in the file system are never encrypted, and the driver's connector is not asked: we open them.
#[cfg(unix)]
pub(super) async fn open_socket(config: &PostgresConfig, connector: &Connector) -> io::Result<Line> {
    use tokio_postgres::config::Host;
    let (hosts, ports) = (config.driver.get_hosts(), config.driver.get_ports());
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for (at, host) in hosts.iter().enumerate() {
        let Host::Unix(folder) = host else { continue };
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match tokio::net::UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await {
            Ok(stream) => return Ok(connector.line(Transport::Unix(stream))),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// For a stream that is ready to be talked through: the driver is told to encrypt, and this hands the stream back.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct AsItIs;

#[cfg(unix)]
impl TlsConnect<Line> for AsItIs {
    type Stream = Line;
    type Error = Failure;
    type Future = std::future::Ready<Result<Line, Failure>>;

    fn connect(self, line: Line) -> Self::Future {
        std::future::ready(Ok(line))
    }
}
