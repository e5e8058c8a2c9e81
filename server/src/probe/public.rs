//! The probe of the public address: as a browser would come, by name and over TLS with this machine's own
//! roots, and every way in which that can fail told in plain words.

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use http::Uri;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::{Answer, read};
pub use tealkeep_policy::https::{Silence, in_words, trusting};

/// An app's health, asked for where the household reaches it.
#[derive(Debug)]
pub struct Public {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Public {
    /// At a path below an app's public address. The roots are the system's; `SSL_CERT_FILE` names others.
    ///
    /// # Errors
    /// This machine has no roots to trust, or the two make no address.
    pub fn at(url: &Uri, path: &str) -> anyhow::Result<Public> {
        Public::with(url, path, trusting()?)
    }

    fn with(url: &Uri, path: &str, config: ClientConfig) -> anyhow::Result<Public> {
        let base = url.to_string();
        let uri = format!("{}{path}", base.trim_end_matches('/'));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Public {
            uri: uri
                .parse()
                .with_context(|| format!("{uri} is no address"))?,
            // Each probe connects anew: a connection from before the swap would prove little.
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector),
        })
    }

    /// Asks once; a redirect is not followed.
    ///
    /// # Errors
    /// Why there was no answer.
    pub async fn ask(&self, timeout: Duration) -> Result<Answer, Silence> {
        let request = http::Request::get(self.uri.clone())
            .header(
                http::header::USER_AGENT,
                concat!("tealkeep/", env!("CARGO_PKG_VERSION"), " (probe)"),
            )
            .header(http::header::CACHE_CONTROL, "no-cache")
            .body(Empty::new())
            .map_err(|e| Silence::passing(format!("can't be asked for: {e}")))?;
        let asked = async {
            let response = self.client.request(request).await;
            match response {
                Ok(response) => Ok(read(response).await),
                Err(error) => Err(in_words(&error, self.uri.host().unwrap_or_default())),
            }
        };
        tokio::time::timeout(timeout, asked)
            .await
            .unwrap_or_else(|_| {
                Err(Silence::passing(format!(
                    "gave no answer within {timeout:?}"
                )))
            })
    }
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri)
    }
}

#[cfg(test)]
mod tests;
