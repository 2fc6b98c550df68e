//! PostgreSQL: encrypted connections, to a real server with a certificate that it signed itself.

#![cfg(feature = "postgres-tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod pg;

use covet_pool::postgres::{PostgresConfig, SslMode};
use pg::builder;
use pg::server::Server;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A server whose certificate is for `localhost` alone, and the file with that certificate.
fn server() -> (Server, PathBuf) {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut server = Server::start("scram-sha-256", &[]);
    server.write("server.crt", &own.cert.pem());
    server.write("server.key", &own.signing_key.serialize_pem());
    let root = server.path("root.crt");
    std::fs::write(&root, own.cert.pem()).unwrap();
    server.stop();
    let file = |name: &str| server.path(name).display().to_string();
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("server.crt")),
        format!("ssl_key_file={}", file("server.key")),
    ];
    server.set(settings);
    server.run();
    (server, root)
}

fn at(server: &Server, host: &str) -> PostgresConfig {
    server.address().replace("127.0.0.1", host).parse().unwrap()
}

/// Whether the session is encrypted, or why there is none.
async fn encrypted(config: PostgresConfig) -> Result<bool, String> {
    let pool = builder(config, 1).build().unwrap();
    let conn = pool.get().await.map_err(|error| error.to_string())?;
    let row = conn.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    Ok(row.get(0))
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn each_mode_demands_what_it_says() {
    let (server, root) = server();
    let by_name = at(&server, "localhost");
    let by_number = at(&server, "127.0.0.1");
    assert_eq!(encrypted(by_number.clone().ssl_mode(SslMode::Disable)).await, Ok(false));
    assert_eq!(encrypted(by_number.clone()).await, Ok(true), "prefer");
    assert_eq!(encrypted(by_number.clone().ssl_mode(SslMode::Require)).await, Ok(true));
    // Nobody that the world trusts has signed it.
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let error = encrypted(by_name.clone().ssl_mode(mode)).await.unwrap_err();
        assert!(error.contains("certificate"), "{mode:?}: {error}");
    }
    let trusts = |config: &PostgresConfig, mode| config.clone().ssl_mode(mode).root_certificate_file(&root);
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        assert_eq!(encrypted(trusts(&by_name, mode)).await, Ok(true), "{mode:?}");
    }
    // The certificate does not hold for the number.
    assert_eq!(encrypted(trusts(&by_number, SslMode::VerifyCa)).await, Ok(true));
    let error = encrypted(trusts(&by_number, SslMode::VerifyFull)).await.unwrap_err();
    assert!(error.contains("certificate") && error.contains("name"), "{error}");
    // The root of another.
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let path = server.path("other.crt");
    std::fs::write(&path, other.cert.pem()).unwrap();
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let config = by_name.clone().ssl_mode(mode).root_certificate_file(&path);
        assert!(encrypted(config).await.unwrap_err().contains("certificate"), "{mode:?}");
    }
    let address = format!("{}?sslmode=verify-full&sslrootcert={}", server.address(), root.display());
    assert_eq!(encrypted(address.replace("127.0.0.1", "localhost").parse().unwrap()).await, Ok(true));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn passwords_are_tied_to_the_certificate() {
    use covet_pool::postgres::tokio_postgres::config::ChannelBinding;
    let (server, _) = server();
    let mut config = at(&server, "localhost");
    config.driver_mut().channel_binding(ChannelBinding::Require);
    assert_eq!(encrypted(config.clone()).await, Ok(true));
    assert!(encrypted(config.ssl_mode(SslMode::Disable)).await.is_err());
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_configuration_of_the_callers_own_is_obeyed() {
    let (server, root) = server();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let own = |roots| {
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider));
        builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth()
    };
    let mut roots = rustls::RootCertStore::empty();
    let refused = at(&server, "localhost").ssl_mode(SslMode::Require).tls_config(own(roots.clone()));
    assert!(encrypted(refused).await.unwrap_err().contains("certificate"));
    use rustls::pki_types::pem::PemObject;
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(root).unwrap()).unwrap();
    let config = at(&server, "localhost").ssl_mode(SslMode::Require).tls_config(own(roots));
    assert_eq!(encrypted(config).await, Ok(true));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn statements_are_cancelled_through_encryption_too() {
    let (server, _) = server();
    let pool = builder(at(&server, "localhost").ssl_mode(SslMode::Require), 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    let first = pg::pid(&conn).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), conn.query("SELECT pg_sleep(60)", &[])).await.is_err());
    drop(conn);
    assert_eq!(pg::pid(&pool.get().await.unwrap()).await, first);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_server_without_tls() {
    assert_eq!(encrypted(pg::config()).await, Ok(false), "prefer");
    let error = encrypted(pg::config().ssl_mode(SslMode::Require)).await.unwrap_err();
    assert!(error.contains("does not offer TLS"), "{error}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_socket_in_the_file_system() {
    let server = Server::start("trust", &[]);
    let folder = server.path("data").display().to_string();
    let config: PostgresConfig =
        format!("host={folder} port={} user=covet dbname=postgres", server.port).parse().unwrap();
    assert_eq!(encrypted(config.clone()).await, Ok(false));
    // Cancelling takes the same way.
    let pool = builder(config.clone(), 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    let first = pg::pid(&conn).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), conn.query("SELECT pg_sleep(60)", &[])).await.is_err());
    drop(conn);
    assert_eq!(pg::pid(&pool.get().await.unwrap()).await, first);
    let error = covet_pool::postgres::Postgres::with(config.ssl_mode(SslMode::VerifyFull)).unwrap_err();
    assert!(error.to_string().contains("socket"), "{error}");
}
