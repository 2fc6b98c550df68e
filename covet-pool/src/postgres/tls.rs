//! Encryption by rustls, and what each `sslmode` demands of the server's certificate.

use super::config::{PostgresConfig, SslMode};
use super::connect::{Failure, Security, Transport};
use super::parse::ConfigError;
use aws_lc_rs::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_postgres::Socket;
use tokio_postgres::tls::ChannelBinding;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name under which PostgreSQL is spoken inside TLS; direct negotiation demands it.
const PROTOCOL: &[u8] = b"postgresql";

/// What connections of these settings need; `None` if none is encrypted.
pub(super) fn connector(config: &PostgresConfig) -> Result<Option<TlsConnector>, ConfigError> {
    if config.ssl_mode == SslMode::Disable || config.sockets() {
        return Ok(None);
    }
    let mut client = match &config.tls {
        Some(own) => ClientConfig::clone(own),
        None => by_mode(config)?,
    };
    client.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Some(TlsConnector::from(Arc::new(client))))
}

fn by_mode(config: &PostgresConfig) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(provider::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| ConfigError::Tls(error.to_string()))?;
    // With a root at hand, `require` checks it: so does libpq.
    let trusting = match config.ssl_mode {
        SslMode::Prefer => true,
        SslMode::Require => config.root_certificate_file.is_none(),
        _ => false,
    };
    if trusting {
        let verifier = Arc::new(Anyone(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let roots = Arc::new(roots(config)?);
    if config.ssl_mode == SslMode::VerifyFull {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
    let inner = inner.map_err(|error| ConfigError::Tls(error.to_string()))?;
    let verifier = Arc::new(AnyName(inner));
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn roots(config: &PostgresConfig) -> Result<RootCertStore, ConfigError> {
    let Some(path) = &config.root_certificate_file else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let bad = |what: String| ConfigError::Tls(format!("root certificates in {}: {what}", path.display()));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        store.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if store.is_empty() { Err(bad("there is none".to_owned())) } else { Ok(store) }
}

pub(super) async fn handshake(security: &Security, socket: Socket, host: &str) -> Result<Transport, Failure> {
    let Some(connector) = &security.tls else { return Ok(Transport::Plain(socket)) };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{host} is no name that a certificate could have"))?;
    let stream = connector.connect(name, socket).await?;
    Ok(Transport::Tls(Box::new(stream)))
}

/// Takes whoever answers for the server. What it signs must still fit its certificate.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Demands a certificate from a trusted root, whatever its name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The chain is checked first, and the name after it.
        match self.0.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The hash of the server's certificate, to which SCRAM ties the password's proof: an impostor in the middle cannot pass it on.
pub(super) fn channel_binding(stream: &TlsStream<Socket>) -> ChannelBinding {
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let Some(certificate) = certificates.first() else { return ChannelBinding::none() };
    match signature_digest(certificate) {
        Some(algorithm) => {
            ChannelBinding::tls_server_end_point(digest::digest(algorithm, certificate).as_ref().to_vec())
        }
        None => ChannelBinding::none(),
    }
}

/// The hash function of a certificate's own signature (RFC 5929), with SHA-256 in the place of MD5 and SHA-1. `None` if the
/// signature has none of its own, as Ed25519.
fn signature_digest(certificate: &[u8]) -> Option<&'static digest::Algorithm> {
    // Certificate ::= SEQUENCE { tbsCertificate, SEQUENCE { OBJECT IDENTIFIER, .. }, .. }
    let (whole, _) = element(certificate, 0x30)?;
    let (_, rest) = element(whole, 0x30)?;
    let (algorithm, _) = element(rest, 0x30)?;
    let (name, _) = element(algorithm, 0x06)?;
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    match (name.strip_prefix(RSA), name.strip_prefix(ECDSA)) {
        (Some([0x04 | 0x05 | 0x0b]), _) | (_, Some([0x01] | [0x03, 0x02])) => Some(&digest::SHA256),
        (Some([0x0c]), _) | (_, Some([0x03, 0x03])) => Some(&digest::SHA384),
        (Some([0x0d]), _) | (_, Some([0x03, 0x04])) => Some(&digest::SHA512),
        _ => None,
    }
}

/// The content of the DER element that `bytes` begin with, and what comes after it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first != tag {
        return None;
    }
    let (&short, mut rest) = rest.split_first()?;
    let mut length = usize::from(short);
    if short & 0x80 != 0 {
        let digits = rest.get(..usize::from(short & 0x7f).min(9))?;
        rest = &rest[digits.len()..];
        length =
            digits.iter().try_fold(0_usize, |sum, &digit| sum.checked_mul(256)?.checked_add(usize::from(digit)))?;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x82];
        bytes.extend((content.len() as u16).to_be_bytes());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (name, expected) in [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05][..], Some(&digest::SHA256)),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], Some(&digest::SHA384)),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], Some(&digest::SHA256)),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], Some(&digest::SHA512)),
            (&[0x2b, 0x65, 0x70], None),
        ] {
            let body = [der(0x30, &[0; 300]), der(0x30, &der(0x06, name)), der(0x03, &[1])].concat();
            assert_eq!(signature_digest(&der(0x30, &body)), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(prop_oneof![Just(0x30), Just(6), Just(0x84), any::<u8>()], 0..60)) {
            let _ = signature_digest(&bytes);
        }
    }
}
