//! A site as it is asked: by its public URLs, wherever these are answered from. Every request has a deadline, a
//! bound on its size, and follows no redirect by itself. Each host name is resolved once for a check, and the check
//! connects to no other address under that name (see [`pins`]).

mod client;
mod pins;
mod reach;
#[cfg(test)]
mod rebinding;

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use url::Url;

use client::Clients;
pub use pins::{Resolve, SystemResolver};
pub use reach::is_public;

/// How long one answer may take.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest body that is read, in bytes; what is longer is cut there and says so.
pub const MAX_BODY_BYTES: usize = 16 << 20;
/// Who asks. It begins as browsers' names do, since some sites give others a page of their own.
pub const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (compatible; tealkeep/",
    env!("CARGO_PKG_VERSION"),
    "; policy check)"
);

/// Where a site is. Clones share the addresses that its names were resolved to: make a new one for each check.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its public address, as users see it: scheme, host and port; the path is `/`.
    pub origin: Url,
    /// Where requests for that origin really go, in plain HTTP with the public Host and `X-Forwarded-Proto`: an
    /// idle colour. Other origins are asked where they are.
    pub direct: Option<SocketAddr>,
    clients: Arc<Clients>,
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
    /// A site at the start of a check: no name of it is resolved yet.
    #[must_use]
    pub fn new(origin: Url, direct: Option<SocketAddr>) -> Site {
        Site::with_resolver(origin, direct, SystemResolver)
    }

    /// The same, with a resolver of one's own.
    #[must_use]
    pub fn with_resolver(
        origin: Url,
        direct: Option<SocketAddr>,
        resolver: impl Resolve + 'static,
    ) -> Site {
        Site {
            origin,
            direct,
            clients: Arc::new(Clients::new(resolver)),
        }
    }

    /// The same check under another origin that the site itself leads to: names stay pinned, and a site that began on
    /// the public internet stays there.
    #[must_use]
    pub fn moved_to(&self, origin: Url) -> Site {
        Site {
            origin,
            direct: self.direct,
            clients: Arc::clone(&self.clients),
        }
    }

    /// How many requests were sent in this check.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.clients.sent()
    }

    /// Asks once; a redirect is an answer. Fields that the request does not give itself are those that every
    /// browser sends: `User-Agent`, `Accept`, `Accept-Encoding`.
    ///
    /// Besides the site's own origin only hosts on the public internet are asked. Another port or scheme of the
    /// site's own host is another origin, and is not asked.
    ///
    /// # Errors
    /// There was no answer, or the URL may not be asked for, and why.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, Unreachable> {
        self.ask_within(ask, ANSWER_TIMEOUT, MAX_BODY_BYTES).await
    }

    /// The same, with bounds of one's own on the time and on the body's bytes.
    pub(super) async fn ask_within(
        &self,
        ask: &Ask,
        time: Duration,
        longest: usize,
    ) -> Result<Answer, Unreachable> {
        bounded(ask, time, self.answer(ask, longest)).await
    }

    /// Whether a URL is one of this site's.
    #[must_use]
    pub fn has(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
    }

    async fn answer(&self, ask: &Ask, longest: usize) -> Result<Answer, String> {
        let is_own = self.has(&ask.url);
        let direct = self.direct.filter(|_| is_own);
        let request = request(ask, direct)?;
        if !is_own && same_host(&ask.url, &self.origin) {
            return Err(
                "is another port or scheme of the site's own host, where a check asks for nothing"
                    .to_owned(),
            );
        }
        if direct.is_none() {
            self.clients.pins().approve(&ask.url, is_own).await?;
        }
        let host = ask.url.host_str().unwrap_or_default();
        let response = self.clients.send(request, host).await?;
        read(&ask.url, response, longest).await
    }
}

/// Whether two addresses name one host. A name with a dot at its end is the same name (RFC 1034 section 3.1).
fn same_host(one: &Url, other: &Url) -> bool {
    let name = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        host.trim_end_matches('.').to_ascii_lowercase()
    };
    name(one) == name(other)
}

impl Answer {
    /// The lines of a field, by its name in lower case.
    pub fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(its, _)| its == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first line of a field, by its name in lower case.
    #[must_use]
    pub fn line(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(its, _)| its == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it sends the browser elsewhere (RFC 9110 section 15.4).
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// Where it sends the browser; its fragment taken off.
    #[must_use]
    pub fn target(&self) -> Option<Url> {
        let mut target = self.url.join(self.line("location")?).ok()?;
        target.set_fragment(None);
        self.is_redirect().then_some(target)
    }
}

async fn bounded(
    ask: &Ask,
    time: Duration,
    answer: impl Future<Output = Result<Answer, String>>,
) -> Result<Answer, Unreachable> {
    tokio::time::timeout(time, answer)
        .await
        .unwrap_or_else(|_| {
            let whole = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            Err(format!("gave no answer within {whole:?}"))
        })
        .map_err(|why| Unreachable {
            url: ask.url.to_string(),
            why,
        })
}

/// The request as it goes over the wire.
fn request(ask: &Ask, direct: Option<SocketAddr>) -> Result<http::Request<Full<Bytes>>, String> {
    let mut url = ask.url.clone();
    url.set_fragment(None);
    let authority = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err("names no host".to_owned()),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("is not asked over HTTP but {}", url.scheme()));
    }
    let uri = match direct {
        None => url.to_string(),
        Some(at) => format!("http://{at}{}", &url[url::Position::BeforePath..]),
    };
    let mut request = http::Request::builder()
        .method(ask.method.clone())
        .uri(uri)
        .header(http::header::HOST, &authority);
    if direct.is_some() {
        request = request
            .header("x-forwarded-proto", url.scheme())
            .header("x-forwarded-host", &authority);
    }
    let usual = [
        ("user-agent", USER_AGENT),
        ("accept", "*/*"),
        ("accept-encoding", "gzip"),
    ];
    let gives = |name: &str| {
        ask.headers
            .iter()
            .any(|(its, _)| its.eq_ignore_ascii_case(name))
    };
    for (name, value) in usual.into_iter().filter(|(name, _)| !gives(name)) {
        request = request.header(name, value);
    }
    for (name, value) in &ask.headers {
        request = request.header(name, value);
    }
    request
        .body(Full::from(ask.body.clone()))
        .map_err(|e| format!("can't be asked for: {e}"))
}

/// The answer, with as much of its body as is wanted.
async fn read(
    url: &Url,
    response: http::Response<Incoming>,
    longest: usize,
) -> Result<Answer, String> {
    let (parts, mut incoming) = response.into_parts();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut body = Vec::new();
    let mut is_cut = false;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|e| format!("broke off in the middle of its answer: {e}"))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        let room = longest - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            is_cut = true;
            break;
        }
    }
    let mut answer = Answer {
        url: url.clone(),
        status: parts.status.as_u16(),
        headers,
        body,
        is_cut,
    };
    let is_packed = answer
        .line("content-encoding")
        .is_some_and(|coding| matches!(coding.trim(), "gzip" | "x-gzip"));
    if is_packed && !answer.body.is_empty() {
        let packed = std::mem::take(&mut answer.body);
        let (body, is_cut) = tokio::task::spawn_blocking(move || unpack(&packed, longest))
            .await
            .map_err(|e| format!("sent an answer that could not be unpacked: {e}"))?;
        answer.body = body;
        answer.is_cut |= is_cut;
    }
    Ok(answer)
}

/// What was packed with gzip, up to a length, and whether there was more or it is damaged.
fn unpack(packed: &[u8], longest: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let limit = longest as u64 + 1;
    let whole = MultiGzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut body)
        .is_ok();
    let is_cut = !whole || body.len() > longest;
    body.truncate(longest);
    (body, is_cut)
}

#[cfg(test)]
mod tests;
