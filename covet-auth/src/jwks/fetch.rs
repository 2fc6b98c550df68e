//! A fetch function for those who have reqwest: https alone, no redirects, limits on time and size.

use std::fmt;
use std::time::Duration;

use super::{BoxedError, JwksBuilder};

impl JwksBuilder {
    /// Fetches the set from this URL: over https, without following redirects, within ten seconds, reading no more
    /// than [`max_bytes`](Self::max_bytes) (set it before). Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the URL is not https, or the TLS client cannot be set up.
    pub fn fetch_https(self, url: &str) -> Result<Self, FetchSetupError> {
        self.fetch_with(url, reqwest::Client::builder(), Duration::from_secs(10))
    }

    /// As [`fetch_https`](Self::fetch_https), for a server inside: trusts the certificates of `roots` (PEM, one or
    /// more) and no others, and gives up after `timeout`.
    ///
    /// # Errors
    ///
    /// As [`fetch_https`](Self::fetch_https), and when `roots` holds no certificate.
    pub fn fetch_https_from(self, url: &str, roots: &[u8], timeout: Duration) -> Result<Self, FetchSetupError> {
        let roots = reqwest::Certificate::from_pem_bundle(roots).unwrap_or_default();
        if roots.is_empty() {
            return Err(FetchSetupError { reason: "the roots hold no certificate" });
        }
        self.fetch_with(url, reqwest::Client::builder().tls_certs_only(roots), timeout)
    }

    fn fetch_with(self, url: &str, client: reqwest::ClientBuilder, timeout: Duration) -> Result<Self, FetchSetupError> {
        let url = reqwest::Url::parse(url).map_err(|_| FetchSetupError { reason: "the URL cannot be read" })?;
        if url.scheme() != "https" {
            return Err(FetchSetupError { reason: "keys are fetched over https only" });
        }
        let client = client
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .user_agent(concat!("covet-auth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| FetchSetupError { reason: "the TLS client could not be set up" })?;
        let max_bytes = self.max_bytes;
        Ok(self.fetch(move || download(client.clone(), url.clone(), max_bytes)))
    }
}

async fn download(client: reqwest::Client, url: reqwest::Url, max_bytes: usize) -> Result<Vec<u8>, BoxedError> {
    let mut response = client.get(url).header("accept", "application/jwk-set+json, application/json").send().await?;
    if response.status() != 200 {
        return Err(format!("the server answered {}", response.status()).into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err("the document is larger than the limit".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why [`JwksBuilder::fetch_https`] could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchSetupError {
    reason: &'static str,
}

impl fmt::Display for FetchSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for FetchSetupError {}
