//! HTTPS as a client: whom this machine trusts, and in plain words why an address did not answer.

use anyhow::Context;
use hyper_rustls::ConfigBuilderExt;
use rustls::crypto::ring;
use rustls::{CertificateError, ClientConfig};

/// TLS as this machine trusts others: by the system's roots, or those that `SSL_CERT_FILE` names.
///
/// # Errors
/// It has none.
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
    /// Whether asking again is of no use: a certificate does not change by itself.
    pub lasts: bool,
}

impl Silence {
    /// One that may pass by itself.
    #[must_use]
    pub fn passing(why: String) -> Silence {
        Silence { why, lasts: false }
    }
}

/// What went wrong, from the innermost cause that is known.
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

/// The error of TLS, however many errors of input and output it is wrapped in.
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
