//! Probes the public address like a browser, by name and over TLS with this machine's roots, and explains every failure in plain
//! words.

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use http::Uri;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{CertificateError, ClientConfig};

use super::{Answer, read};

/// Probes an app's health at its public address.
#[derive(Debug)]
pub struct Public {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Public {
    /// Probes a path below an app's public address. The roots are the system's; `SSL_CERT_FILE` names others.
    ///
    /// # Errors
    /// This machine has no trusted roots, or the two are not a valid address.
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
            // Each probe opens a new connection: one from before the swap would prove little.
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector),
        })
    }

    /// Sends the request once and follows no redirect.
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

/// TLS with the system's roots, or those that `SSL_CERT_FILE` names.
///
/// # Errors
/// There are none.
pub fn trusting() -> anyhow::Result<ClientConfig> {
    Ok(
        ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_native_roots()
            .context(
                "this machine trusts no certificates at all; install the package ca-certificates",
            )?
            .with_no_client_auth(),
    )
}

/// Why the public address did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// In words that continue "the address …".
    pub why: String,
    /// Whether a retry is useless: a certificate does not change by itself.
    pub lasts: bool,
}

impl Silence {
    fn passing(why: String) -> Silence {
        Silence { why, lasts: false }
    }
}

/// What went wrong, from the innermost known cause.
#[must_use]
pub fn in_words(error: &hyper_util::client::legacy::Error, host: &str) -> Silence {
    let mut causes: Vec<&(dyn std::error::Error + 'static)> = vec![error];
    while let Some(cause) = causes.last().and_then(|cause| cause.source()) {
        causes.push(cause);
    }
    for cause in &causes {
        if let Some(tls) = tls_in(*cause) {
            return Silence {
                why: of_tls(tls, host),
                lasts: matches!(tls, rustls::Error::InvalidCertificate(_)),
            };
        }
    }
    Silence::passing(of_connection(&causes, host))
}

/// The TLS error, however many I/O errors it is wrapped in.
fn tls_in<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let io = match error.downcast_ref::<rustls::Error>() {
        Some(tls) => return Some(tls),
        None => error.downcast_ref::<std::io::Error>()?,
    };
    tls_in(io.get_ref()?)
}

fn of_connection(causes: &[&(dyn std::error::Error + 'static)], host: &str) -> String {
    for cause in causes {
        if cause.to_string().contains("dns error") {
            let why = causes.last().map(ToString::to_string).unwrap_or_default();
            return format!("was not found: the name {host} can't be looked up ({why})");
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused => {
                    return "refused the connection".to_owned();
                }
                std::io::ErrorKind::ConnectionReset => {
                    return "cut the connection".to_owned();
                }
                std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => {
                    return "can't be reached from this machine; is it on the internet?".to_owned();
                }
                _ => {}
            }
        }
    }
    let innermost = causes.last().map(ToString::to_string).unwrap_or_default();
    format!("did not answer: {innermost}")
}

fn of_tls(error: &rustls::Error, host: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "has a certificate that has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "has a certificate that is not valid yet; is this machine's clock right?".to_owned()
            }
            // The second: an issuer of the same name as one that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "has a certificate from an issuer that this machine does not trust".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("has a certificate that is not for {host}")
            }
            CertificateError::Revoked => "has a certificate that was revoked".to_owned(),
            other => format!("has a certificate that is not valid: {other}"),
        },
        other => format!("could not agree on TLS: {other}"),
    }
}

#[cfg(test)]
mod tests;
