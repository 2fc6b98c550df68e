//! The ready-made fetcher against a TLS server on this machine: what it trusts, and what it does not put up with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use covet_auth::{Algorithm, Jwks, JwksError, ManualClock};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{ISSUER, NOW, builder, claims, new_key};

/// What the server says to each request.
#[derive(Clone)]
enum Says {
    All(String),
    /// The beginning of an answer, then a byte a second.
    Slowly(String),
}

struct Site {
    url: String,
    /// The certificate, in PEM.
    root: String,
    visits: Arc<AtomicUsize>,
}

async fn site(says: Says) -> Site {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/jwks.json", listener.local_addr().unwrap().port());
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, says, visits) = (acceptor.clone(), says.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => return,
                    }
                }
                visits.fetch_add(1, Ordering::Relaxed);
                let (Says::All(text) | Says::Slowly(text)) = &says;
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.flush().await;
                if matches!(says, Says::Slowly(_)) {
                    loop {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        if stream.write_all(b" ").await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                    }
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    let root = STANDARD.encode(certified.cert.der());
    Site { url, root: format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n"), visits }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}")
}

impl Site {
    fn keys(&self, max_bytes: usize, timeout: Duration) -> Jwks {
        let builder = Jwks::builder(ISSUER).max_bytes(max_bytes).clock(ManualClock::at(NOW));
        builder.fetch_https_from(&self.url, self.root.as_bytes(), timeout).unwrap().build().unwrap()
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }
}

/// What a refresh fails with, and whether it took no longer than it may.
async fn failure(says: Says) -> String {
    let site = site(says).await;
    let keys = site.keys(1000, Duration::from_millis(1500));
    let started = Instant::now();
    let error = keys.refresh().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(30), "nobody gave up");
    assert_eq!((keys.status().keys, site.visits()), (0, 1));
    let JwksError::Fetch(error) = error else { panic!("{error}") };
    error.to_string()
}

#[tokio::test]
async fn fetches_from_a_server_whose_root_is_given_and_from_no_other() {
    let key = new_key("k1", Algorithm::ES256);
    let jwk: Value = serde_json::from_str(&key.verify_key().to_jwk().unwrap()).unwrap();
    let document = json!({ "keys": [jwk] }).to_string();
    let site = site(Says::All(answer("200 OK", "content-type: application/jwk-set+json\r\n", &document))).await;
    let keys = site.keys(65_536, Duration::from_secs(10));
    keys.refresh().await.unwrap();
    let verifier = builder().jwks(keys).build().unwrap();
    verifier.verify::<Value>(&key.sign(&claims(|_| {})).unwrap()).unwrap();
    assert_eq!(site.visits(), 1);

    // The public roots do not vouch for it, nor does another server's.
    let public = Jwks::builder(ISSUER).fetch_https(&site.url).unwrap().build().unwrap();
    assert!(public.refresh().await.is_err());
    let stranger = self::site(Says::All(String::new())).await;
    let patience = Duration::from_secs(10);
    let strange = Jwks::builder(ISSUER).fetch_https_from(&site.url, stranger.root.as_bytes(), patience).unwrap();
    assert!(strange.build().unwrap().refresh().await.is_err());
    assert_eq!(site.visits(), 1, "a request was sent to a server that is not trusted");
}

#[tokio::test]
async fn follows_no_redirect() {
    let elsewhere = site(Says::All(answer("200 OK", "", "{}"))).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}\r\n", elsewhere.url);
        let error = failure(Says::All(answer(status, &location, ""))).await;
        assert!(error.contains(&status[..3]), "{error}");
    }
    assert_eq!(elsewhere.visits(), 0);
}

#[tokio::test]
async fn takes_no_other_status() {
    for status in ["204 No Content", "206 Partial Content", "404 Not Found", "503 Service Unavailable"] {
        let error = failure(Says::All(answer(status, "", ""))).await;
        assert!(error.contains(&status[..3]), "{error}");
    }
}

#[tokio::test]
async fn reads_no_more_than_the_limit() {
    let said = failure(Says::All(answer("200 OK", "", &" ".repeat(1001)))).await;
    assert!(said.contains("larger than the limit"), "{said}");
    // Of a length that nobody told beforehand, and without end.
    let chunk = format!("1f4\r\n{}\r\n", " ".repeat(500));
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = failure(Says::Slowly(format!("{head}{}", chunk.repeat(3)))).await;
    assert!(chunked.contains("larger than the limit"), "{chunked}");
}

#[tokio::test]
async fn waits_no_longer_than_it_was_told() {
    // A body that never ends, a head that never ends.
    failure(Says::Slowly("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{".to_owned())).await;
    failure(Says::Slowly("HTTP/1.1 200 OK\r\nx:".to_owned())).await;
}

#[test]
fn asks_over_https_only_and_wants_a_root_where_one_is_named() {
    let builder = || Jwks::builder(ISSUER);
    for url in ["http://id.example/jwks", "file:///etc/passwd", "ftp://id.example/", "nonsense"] {
        assert!(builder().fetch_https(url).is_err(), "{url}");
    }
    for roots in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let set_up = builder().fetch_https_from("https://id.example/jwks", roots.as_bytes(), Duration::from_secs(1));
        assert!(set_up.is_err(), "{roots}");
    }
}
