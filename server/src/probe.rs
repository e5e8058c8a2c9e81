//! One HTTP request made to learn a colour's health, and the wait for a colour that is starting.

pub mod public;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::names::{Colour, ReleaseId};
use crate::runtime::{ColourState, Runtime};

/// The header in which an app says which release answers.
pub const RELEASE_HEADER: &str = "tealkeep-release";
/// The header in which an app may say which SQLite it has.
const SQLITE_HEADER: &str = "tealkeep-sqlite";

/// How much of an unhealthy answer's body is shown to a person.
const SHOWN_BYTES: usize = 300;
/// A colour that starts is asked soon and then ever more rarely, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The first pause between two probes of a colour that starts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The release that answered, if it says so.
    pub release: Option<String>,
    /// The version of the app's SQLite, if it says so.
    pub sqlite: Option<String>,
    /// Where a redirect would lead; it is not followed.
    pub location: Option<String>,
    /// The beginning of the body, for a person.
    pub body: String,
}

/// Asks once.
///
/// # Errors
/// Why there was no answer, in words: refused, timed out, not HTTP.
pub async fn ask(at: SocketAddr, path: &str, timeout: Duration) -> Result<Answer, String> {
    tokio::time::timeout(timeout, ask_without_limit(at, path))
        .await
        .unwrap_or_else(|_| Err(format!("gave no answer within {timeout:?}")))
}

async fn ask_without_limit(at: SocketAddr, path: &str) -> Result<Answer, String> {
    let stream = TcpStream::connect(at).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::ConnectionRefused => "refused the connection".to_owned(),
        _ => format!("could not be connected to: {e}"),
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| format!("did not speak HTTP: {e}"))?;
    let driver = tokio::spawn(connection);
    let answer = async {
        let request = http::Request::get(path)
            .header(http::header::HOST, at.to_string())
            .header(
                http::header::USER_AGENT,
                concat!("tealkeep/", env!("CARGO_PKG_VERSION"), " (probe)"),
            )
            .header(http::header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|e| format!("can't be asked for {path}: {e}"))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| format!("did not answer: {e}"))?;
        Ok(read(response).await)
    }
    .await;
    driver.abort();
    answer
}

/// What there is to know of a response.
async fn read(response: http::Response<hyper::body::Incoming>) -> Answer {
    let status = response.status().as_u16();
    let text = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let (release, sqlite, location) = (text(RELEASE_HEADER), text(SQLITE_HEADER), text("location"));
    // A body that is cut off or too long still leaves the status, which is what counts.
    let body = Limited::new(response.into_body(), 64 * 1024)
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let body = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)])
        .trim()
        .to_owned();
    Answer {
        status,
        release,
        sqlite,
        location,
        body,
    }
}

/// What a colour must show to count as healthy.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// Where it listens.
    pub at: SocketAddr,
    /// The path that answers 200 when it can serve.
    pub path: &'a str,
    /// The release that must answer.
    pub release: &'a ReleaseId,
    /// How long one probe may take.
    pub timeout: Duration,
}

/// Judges one answer: 200, and from the right release where the app says which it is.
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

/// Waits until a colour that was just started is healthy, and returns how long that took.
///
/// An app that does not name its release is believed only if the port belongs to the process that was
/// started, as far as the machine can tell.
///
/// # Errors
/// In words: the process ended, or `within` passed, with what the last probe found.
pub async fn await_healthy(
    runtime: &dyn Runtime,
    colour: Colour,
    expected: &Expected<'_>,
    within: Duration,
) -> Result<Duration, String> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let found = ask(expected.at, expected.path, expected.timeout).await;
        match runtime.state(colour).await {
            ColourState::Running { .. } => {}
            ColourState::Stopped => return Err("it was stopped before it was healthy".to_owned()),
            ColourState::Ended { how } => return Err(format!("it {how} before it was healthy")),
        }
        let verdict = match &found {
            Ok(answer) => match judge(answer, expected.release) {
                Ok(())
                    if answer.release.is_none()
                        && runtime.owns_its_port(colour).await == Some(false) =>
                {
                    Err("was answered by another process's port".to_owned())
                }
                other => other,
            },
            Err(silence) => Err(silence.clone()),
        };
        match verdict {
            Ok(()) => return Ok(began.elapsed()),
            Err(wrong) if began.elapsed() + pause > within => {
                return Err(format!(
                    "it was not healthy within {within:?}: {} {wrong}",
                    expected.path
                ));
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
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
