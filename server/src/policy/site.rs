//! A site as it is asked: by its public URLs, wherever these are answered from. Every request has a deadline, a
//! bound on its size, and follows no redirect by itself.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

/// How long one answer may take.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The longest body that is read, in bytes; what is longer is cut there and says so.
pub const LONGEST_BODY: usize = 16 << 20;

/// Where a site is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its public address, as users see it: scheme, host and port; the path is `/`.
    pub origin: Url,
    /// Where requests for that origin really go, in plain HTTP with the public Host and `X-Forwarded-Proto`: an
    /// idle colour. Other origins are asked where they are.
    pub direct: Option<SocketAddr>,
}

/// A request to a site.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The absolute URL.
    pub url: Url,
    /// The method: `GET`, or what a page's script sends.
    pub method: http::Method,
    /// Further fields.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The URL that was asked for.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// Its fields as received, names in lower case, one entry for each line, in order.
    pub headers: Vec<(String, String)>,
    /// Its body, content codings taken off.
    pub body: Vec<u8>,
    /// Whether the body was longer than is read.
    pub is_cut: bool,
}

/// Why a site gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url} {why}")]
pub struct Unreachable {
    /// What was asked for.
    pub url: String,
    /// In words that continue "the address …".
    pub why: String,
}

impl Site {
    /// Asks once; a redirect is an answer.
    ///
    /// # Errors
    /// There was no answer, and why.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, Unreachable> {
        Err(Unreachable {
            url: ask.url.to_string(),
            why: "is not asked yet".to_owned(),
        })
    }
}
