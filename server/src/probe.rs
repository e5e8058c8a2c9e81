//! Probes a colour's health with one HTTP request.

mod excerpt;
pub mod public;

use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::HealthConfig;
use crate::names::ReleaseId;

/// The header in which an app says which release answers.
pub const RELEASE_HEADER: &str = "tealkeep-release";
/// The header in which an app may say which SQLite version it uses.
const SQLITE_HEADER: &str = "tealkeep-sqlite";

/// The maximum number of bytes to read of an answer's body.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The result of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The release that answered, if it says so.
    pub release: Option<String>,
    /// The version of the app's SQLite, if it says so.
    pub sqlite: Option<String>,
    /// The target of a redirect, which is not followed.
    pub location: Option<String>,
    /// The beginning of the body, as one line of text for people.
    pub body: String,
}

/// Why there was no answer, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The other side refused the connection, closed it without an answer, or took too long.
    #[error("{0}")]
    Silence(String),
    /// Anything else, possibly caused by this side, for example if descriptors run out: it is unknown whether the other side would
    /// have answered.
    #[error("{0}")]
    Unknown(String),
}

/// One probe: what to send, and where.
#[derive(Debug, Clone)]
pub struct Question {
    /// The address.
    pub at: SocketAddr,
    /// The path.
    pub path: String,
    /// The `Host` field; by default the address.
    pub host: Option<String>,
    /// The `X-Forwarded-Proto` field, as the proxy in front sends it; `None` without a proxy.
    pub forwarded_proto: Option<&'static str>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Question {
    /// A probe of an app's health, as configured.
    #[must_use]
    pub fn of_health(at: SocketAddr, health: &HealthConfig) -> Question {
        Question {
            at,
            path: health.path.clone(),
            host: health.host.clone(),
            forwarded_proto: Some(health.forwarded_proto),
            timeout: health.timeout,
        }
    }

    /// Sends the request once.
    ///
    /// # Errors
    /// Why there was no answer: refused, timed out, not HTTP.
    pub async fn ask(&self) -> Result<Answer, NoAnswer> {
        tokio::time::timeout(self.timeout, ask_without_limit(self))
            .await
            .unwrap_or_else(|_| {
                Err(NoAnswer::Silence(format!(
                    "gave no answer within {:?}",
                    self.timeout
                )))
            })
    }

    fn host(&self) -> String {
        self.host.clone().unwrap_or_else(|| self.at.to_string())
    }
}

impl fmt::Display for Question {
    /// The request, in a form that a person can repeat.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "GET http://{}{} with Host: {}",
            self.at,
            self.path,
            self.host()
        )?;
        match self.forwarded_proto {
            Some(proto) => write!(f, " and X-Forwarded-Proto: {proto}"),
            None => Ok(()),
        }
    }
}

/// Sends one request with only the path.
///
/// # Errors
/// Why there was no answer: refused, timed out, not HTTP.
pub async fn ask(at: SocketAddr, path: &str, timeout: Duration) -> Result<Answer, NoAnswer> {
    let question = Question {
        at,
        path: path.to_owned(),
        host: None,
        forwarded_proto: None,
        timeout,
    };
    question.ask().await
}

async fn ask_without_limit(question: &Question) -> Result<Answer, NoAnswer> {
    let path = question.path.as_str();
    let stream = match TcpStream::connect(question.at).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            return Err(NoAnswer::Silence(refused(question.at).await));
        }
        Err(error) => return Err(unconnected(&error)),
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| NoAnswer::Unknown(format!("did not speak HTTP: {e}")))?;
    let driver = tokio::spawn(connection);
    let answer = async {
        let mut request = http::Request::get(path)
            .header(http::header::HOST, question.host())
            .header(
                http::header::USER_AGENT,
                concat!("tealkeep/", env!("CARGO_PKG_VERSION"), " (probe)"),
            )
            .header(http::header::CONNECTION, "close");
        if let Some(proto) = question.forwarded_proto {
            request = request.header("x-forwarded-proto", proto);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|e| NoAnswer::Unknown(format!("can't be asked for {path}: {e}")))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| unanswered(&e))?;
        Ok(read(response).await)
    }
    .await;
    driver.abort();
    answer
}

/// How long to try the other loopback address.
const KNOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// Says that nobody listens there, and whether somebody listens only on IPv6's loopback address, as some servers do for
/// `localhost`.
async fn refused(at: SocketAddr) -> String {
    let other = SocketAddr::from((Ipv6Addr::LOCALHOST, at.port()));
    let is_local = at.ip() == Ipv4Addr::LOCALHOST;
    let knocked = tokio::time::timeout(KNOCK_TIMEOUT, TcpStream::connect(other));
    if is_local && matches!(knocked.await, Ok(Ok(_))) {
        format!(
            "refused the connection, but something listens on {other}: let the app listen on 127.0.0.1 in place of \
             localhost or ::1"
        )
    } else {
        "refused the connection".to_owned()
    }
}

fn unconnected(error: &std::io::Error) -> NoAnswer {
    match error.kind() {
        kind if is_an_end(kind) => NoAnswer::Silence(format!("could not be connected to: {error}")),
        _ => NoAnswer::Unknown(format!("could not be connected to: {error}")),
    }
}

fn unanswered(error: &hyper::Error) -> NoAnswer {
    let text = format!("did not answer: {error}");
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    let ended = error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || cause.is_some_and(|cause: &std::io::Error| is_an_end(cause.kind()));
    match ended {
        true => NoAnswer::Silence(text),
        // Such as an answer that is not HTTP.
        false => NoAnswer::Unknown(text),
    }
}

/// Whether the other side closed the connection or stopped answering.
fn is_an_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut
    )
}

/// Reads what matters of a response.
async fn read(response: http::Response<hyper::body::Incoming>) -> Answer {
    let status = response.status().as_u16();
    let text = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let (release, sqlite, location) = (text(RELEASE_HEADER), text(SQLITE_HEADER), text("location"));
    // If the body is truncated or too long, the status still counts.
    let (mut body, mut incoming) = (Vec::new(), response.into_body());
    while let Some(Ok(frame)) = incoming.frame().await {
        let data = frame.into_data().unwrap_or_default();
        body.extend(data.iter().take(MAX_BODY_BYTES - body.len()));
        if body.len() >= MAX_BODY_BYTES {
            break;
        }
    }
    let body = excerpt::of(&body);
    Answer {
        status,
        release,
        sqlite,
        location,
        body,
    }
}

/// Judges one answer: 200, and from the right release if the app names it.
///
/// # Errors
/// What was wrong, in words.
pub fn judge(answer: &Answer, release: &ReleaseId) -> Result<(), String> {
    if let (300..=399, Some(location)) = (answer.status, &answer.location) {
        return Err(format!(
            "answered {}, a redirect to {location}; redirects are not followed, it must answer 200 itself",
            answer.status
        ));
    }
    if answer.status != 200 {
        let said = if answer.body.is_empty() {
            String::new()
        } else {
            format!(": {}", answer.body)
        };
        return Err(format!("answered {}{said}", answer.status));
    }
    match &answer.release {
        Some(said) if said != release.as_str() => {
            Err(format!("answered as release {said}, not {release}"))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn answer(status: u16, release: Option<&str>, body: &str) -> Answer {
        Answer {
            status,
            release: release.map(str::to_owned),
            sqlite: None,
            location: None,
            body: body.to_owned(),
        }
    }

    /// What comes of asking somebody who does this with each connection.
    async fn asked<F: Future<Output = ()> + Send>(
        does: fn(TcpStream) -> F,
    ) -> Result<Answer, NoAnswer> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let serve = async {
            loop {
                does(listener.accept().await.unwrap().0).await;
            }
        };
        tokio::select! {
            () = serve => unreachable!("it goes on for ever"),
            found = ask(at, "/healthz", Duration::from_millis(300)) => found,
        }
    }

    #[tokio::test]
    async fn who_refuses_hangs_or_hangs_up_is_silent() {
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = nobody.local_addr().unwrap();
        drop(nobody);
        let refused = ask(at, "/healthz", Duration::from_secs(5)).await;
        let hangs = asked(|stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let hangs_up = asked(|stream| async move { drop(stream) }).await;
        let cuts_short = asked(|mut stream| async move {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConte").await;
        })
        .await;
        for found in [refused, hangs, hangs_up, cuts_short] {
            assert!(matches!(found, Err(NoAnswer::Silence(_))), "{found:?}");
        }
    }

    #[tokio::test]
    async fn a_probe_of_health_comes_as_people_do_and_says_what_it_asked() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut health = HealthConfig {
            path: "/alive".to_owned(),
            host: Some("home.example".to_owned()),
            forwarded_proto: "https",
            within: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
        };
        let question = Question::of_health(at, &health);
        let serve = async {
            let mut stream = listener.accept().await.unwrap().0;
            let mut read = vec![0; 4096];
            let length = stream.read(&mut read).await.unwrap();
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await;
            String::from_utf8_lossy(&read[..length]).to_lowercase()
        };
        let (asked, answer) = tokio::join!(serve, question.ask());
        assert_eq!(answer.unwrap().status, 200);
        for line in [
            "get /alive http/1.1\r\n",
            "host: home.example\r\n",
            "x-forwarded-proto: https\r\n",
        ] {
            assert!(asked.contains(line), "{line:?} is not in {asked:?}");
        }
        assert_eq!(
            question.to_string(),
            format!("GET http://{at}/alive with Host: home.example and X-Forwarded-Proto: https")
        );
        health.host = None;
        let plain = Question::of_health(at, &health).to_string();
        assert!(plain.contains(&format!("with Host: {at} and")), "{plain}");
    }

    #[tokio::test]
    async fn an_app_that_listens_on_ipv6s_loopback_only_is_hinted_at() {
        let listener = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()));
        let found = ask(at, "/healthz", Duration::from_secs(30)).await;
        let Err(NoAnswer::Silence(why)) = found else {
            panic!("{found:?}");
        };
        assert!(
            why.contains("listens on [::1]:") && why.contains("127.0.0.1"),
            "{why}"
        );
    }

    #[tokio::test]
    async fn what_is_no_silence_is_not_taken_for_it() {
        let no_http = asked(|mut stream| async move {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        })
        .await;
        assert!(matches!(no_http, Err(NoAnswer::Unknown(_))), "{no_http:?}");
        // EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS, ENOMEM: this side's own.
        for number in [24, 23, 99, 105, 12] {
            let found = unconnected(&std::io::Error::from_raw_os_error(number));
            assert!(matches!(found, NoAnswer::Unknown(_)), "{found:?}");
        }
    }

    #[test]
    fn health_from_another_release_is_no_health() {
        let v2: ReleaseId = "v2".parse().unwrap();
        assert!(judge(&answer(200, Some("v2"), ""), &v2).is_ok());
        assert!(judge(&answer(200, None, ""), &v2).is_ok());
        assert_eq!(
            judge(&answer(200, Some("v1"), ""), &v2).unwrap_err(),
            "answered as release v1, not v2"
        );
        assert_eq!(
            judge(&answer(503, Some("v2"), "migrating"), &v2).unwrap_err(),
            "answered 503: migrating"
        );
        assert_eq!(
            judge(&answer(204, Some("v2"), ""), &v2).unwrap_err(),
            "answered 204"
        );
    }
}
