//! What Caddy is asked: its admin API for what is in flight, and the site itself for the colour that it
//! sends to. Each question has a deadline, and an answer that is too long is none.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::site::{AS_STREAMS, WELL_KNOWN};

/// How long one question may take. The admin API answers at once, or something is wrong.
const DEADLINE: Duration = Duration::from_secs(2);
/// More than a few hundred sites' upstreams.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// A name that nobody has: a site that matches every Host answers to it.
const NOBODY: &str = "tealkeep-asks.invalid";

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    /// Nobody listens.
    #[error("nobody listens there")]
    Refused,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// What the admin API counts at one colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) streams: u64,
}

#[derive(Deserialize)]
struct Upstream {
    address: String,
    num_requests: i64,
}

/// Which colour the site says that it sends to.
pub(super) async fn which_colour(entrance: SocketAddr) -> Result<Reply, Silence> {
    which_colour_for(entrance, NOBODY).await
}

/// The same, for whoever asks by the name `host`.
pub(super) async fn which_colour_for(entrance: SocketAddr, host: &str) -> Result<Reply, Silence> {
    ask(entrance, WELL_KNOWN, host).await
}

/// All that Caddy has loaded, as JSON.
///
/// # Errors
/// In words: it gave no answer.
pub(super) async fn configuration(admin: SocketAddr) -> Result<String, String> {
    let said = ask(admin, "/config/", &admin.to_string())
        .await
        .map_err(|silence| unanswered(admin, &silence))?;
    match said.status {
        200 => Ok(said.body),
        status => Err(format!(
            "Caddy's admin API at {admin} answered {status}: {}",
            said.body
        )),
    }
}

fn unanswered(admin: SocketAddr, silence: &Silence) -> String {
    format!(
        "Caddy's admin API at {admin} gives no answer: {silence}. Is `admin` in Caddy's global options what app.router.admin says, and does Caddy run (`systemctl status caddy`)?"
    )
}

/// What is in flight at the colours on these ports, as `GET /reverse_proxy/upstreams` of the admin API counts it.
///
/// # Errors
/// In words: it gave no answer, or does not know these ports.
pub(super) async fn in_flight(admin: SocketAddr, ports: [u16; 2]) -> Result<[Counts; 2], String> {
    let said = ask(admin, "/reverse_proxy/upstreams", &admin.to_string())
        .await
        .map_err(|silence| unanswered(admin, &silence))?;
    if said.status != 200 {
        return Err(format!(
            "Caddy's admin API at {admin} answered {}: {}",
            said.status, said.body
        ));
    }
    counts(&said.body, ports).map_err(|wrong| format!("Caddy's admin API at {admin} {wrong}"))
}

fn counts(body: &str, ports: [u16; 2]) -> Result<[Counts; 2], String> {
    let upstreams: Vec<Upstream> = serde_json::from_str(body)
        .map_err(|error| format!("does not list its upstreams ({error})"))?;
    let at = |host: &str, port: u16| {
        let address = format!("{host}:{port}");
        upstreams
            .iter()
            .find(|upstream| upstream.address == address)
            .map(|upstream| u64::try_from(upstream.num_requests).unwrap_or_default())
            .ok_or_else(|| {
                format!("does not know {address}, so this app's Caddyfile is not what runs; print it with `tealkeep units`, import it and reload Caddy")
            })
    };
    let of = |port| {
        Ok::<_, String>(Counts {
            requests: at("127.0.0.1", port)?,
            streams: at(AS_STREAMS, port)?,
        })
    };
    Ok([of(ports[0])?, of(ports[1])?])
}

async fn ask(at: SocketAddr, path: &str, host: &str) -> Result<Reply, Silence> {
    tokio::time::timeout(DEADLINE, ask_without_limit(at, path, host))
        .await
        .unwrap_or_else(|_| Err(Silence::Other(format!("no answer within {DEADLINE:?}"))))
}

async fn ask_without_limit(at: SocketAddr, path: &str, host: &str) -> Result<Reply, Silence> {
    let other = |error: &dyn std::fmt::Display| Silence::Other(error.to_string());
    let stream = TcpStream::connect(at).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::ConnectionRefused => Silence::Refused,
        _ => other(&e),
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| other(&e))?;
    let driver = tokio::spawn(connection);
    let said = async {
        let request = http::Request::get(path)
            .header(http::header::HOST, host)
            .header(http::header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|e| other(&e))?;
        let response = sender.send_request(request).await.map_err(|e| other(&e))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|e| other(&e))?
            .to_bytes();
        let body = String::from_utf8_lossy(&body).trim().to_owned();
        Ok(Reply { status, body })
    }
    .await;
    driver.abort();
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_streams_are_told_apart_by_the_name_that_is_dialled() {
        let body = r#"[{"address":"127.0.0.1:3001","num_requests":3,"fails":0},
            {"address":"localhost:3001","num_requests":2,"fails":0},
            {"address":"127.0.0.1:3003","num_requests":9,"fails":0},
            {"address":"127.0.0.1:3002","num_requests":0,"fails":1},
            {"address":"localhost:3002","num_requests":1,"fails":0}]"#;
        let found = counts(body, [3001, 3002]).unwrap();
        let of = |requests, streams| Counts { requests, streams };
        assert_eq!(found, [of(3, 2), of(0, 1)]);
        let error = counts(body, [3001, 3004]).unwrap_err();
        assert!(error.contains("does not know 127.0.0.1:3004"), "{error}");
        assert!(counts("null", [3001, 3002]).is_err());
    }
}
