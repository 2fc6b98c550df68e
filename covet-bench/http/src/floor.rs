//! The trivial server that shows how much the client can do: it answers every request with the same bytes, looking for
//! nothing but where a request ends. What the client reaches against it, no server can be shown to exceed.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 13\r\n\r\nHello, World!";

/// Serves for ever, on one thread.
pub(crate) fn run(address: SocketAddr) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move { drop(answer(stream).await) });
        }
    })
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut ends = Ends::default();
    let mut answers = Vec::new();
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        answers.clear();
        for _ in 0..ends.count(&buffer[..read]) {
            answers.extend_from_slice(ANSWER);
        }
        stream.write_all(&answers).await?;
    }
}

/// Counts empty lines, across reads.
#[derive(Default)]
struct Ends {
    matched: usize,
}

impl Ends {
    fn count(&mut self, bytes: &[u8]) -> usize {
        const END: &[u8; 4] = b"\r\n\r\n";
        let mut count = 0;
        for byte in bytes {
            self.matched = match *byte {
                byte if byte == END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == END.len() {
                self.matched = 0;
                count += 1;
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found_wherever_the_reads_cut() {
        let requests = b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\r\n\r\n";
        assert_eq!(Ends::default().count(requests), 2);
        for cut in 0..requests.len() {
            let mut ends = Ends::default();
            assert_eq!(ends.count(&requests[..cut]) + ends.count(&requests[cut..]), 2, "{cut}");
        }
    }
}
