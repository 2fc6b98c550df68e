//! A way to the server that can be cut, dammed up or made to vanish.

use super::address;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They pass.
    Open,
    /// They are swallowed in both directions, and new connections are taken and never answered.
    BlackHole,
    /// What clients send passes; what the server says is swallowed.
    HalfOpen,
    /// Connections are cut, and new ones too.
    Cut,
}

pub(crate) struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
    pub(crate) accepted: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let (_, host) = address().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let server: SocketAddr = host.split('/').next().unwrap().parse().unwrap();
        Self::to(server).await
    }

    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, watched) = watch::channel(Mode::Open);
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(client, server, watched.clone()));
            }
        });
        Self { port, mode, accepted }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The address of the server, by way of the proxy.
    pub(crate) fn address(&self) -> String {
        let address = address();
        let (user, rest) = address.rsplit_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        format!("{user}@127.0.0.1:{}/{database}", self.port)
    }
}

async fn carry(client: TcpStream, server: SocketAddr, mut mode: watch::Receiver<Mode>) {
    if *mode.borrow() == Mode::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let (up, down) = (mode.clone(), mode.clone());
    let requests = async {
        let mut bytes = vec![0; 16384];
        loop {
            match from_client.read(&mut bytes).await {
                Ok(n) if n > 0 => {
                    if *up.borrow() != Mode::BlackHole && to_server.write_all(&bytes[..n]).await.is_err() {
                        return;
                    }
                }
                // Whoever hangs up on a black hole is not heard either.
                _ if *up.borrow() == Mode::BlackHole => std::future::pending().await,
                _ => return,
            }
        }
    };
    let answers = async {
        let mut bytes = vec![0; 16384];
        loop {
            match from_server.read(&mut bytes).await {
                Ok(n) if n > 0 => {
                    if *down.borrow() == Mode::Open && to_client.write_all(&bytes[..n]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}
