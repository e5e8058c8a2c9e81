//! Sends one request to a server outside, with a deadline for all of it.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use crate::house::redact::redacted;
use crate::probe::public;

/// How long one try may take, from the name's lookup to the end of the answer.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// How much of an answer that refuses is shown to a person.
const SHOWN_CHARS: usize = 160;

/// Sends it, and returns the status if that says that it was taken: any from 200 to 299. A redirect is not followed,
/// since a message and its signature are for one receiver only.
///
/// # Errors
/// Why it was not taken, in words that continue "the host …", without the address's path.
pub async fn send(request: Request<Full<Bytes>>, deadline: Duration) -> Result<u16, String> {
    tokio::time::timeout(deadline, without_limit(request))
        .await
        .unwrap_or_else(|_| {
            Err(format!(
                "gave no answer within {}",
                crate::clock::seconds(deadline)
            ))
        })
}

async fn without_limit(request: Request<Full<Bytes>>) -> Result<u16, String> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let builder = Client::builder(TokioExecutor::new());
    let answered = if request.uri().scheme_str() == Some("https") {
        // The roots are read now: a machine that was given one meanwhile needs no restart.
        let trust = tokio::task::spawn_blocking(public::trusting).await;
        let config = trust
            .map_err(anyhow::Error::from)
            .and_then(|config| config)
            .map_err(|e| format!("was not asked: {e:#}"))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        let client = { builder }.pool_max_idle_per_host(0).build(connector);
        client.request(request).await
    } else {
        let client: Client<HttpConnector, Full<Bytes>> =
            { builder }.pool_max_idle_per_host(0).build_http();
        client.request(request).await
    };
    let response = answered.map_err(|error| public::in_words(&error, &host).why)?;
    let status = response.status();
    // What it says does not matter where the status is good; a body that never ends still has the deadline.
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    if status.is_success() {
        return Ok(status.as_u16());
    }
    if status.is_redirection() {
        return Err(format!(
            "answered {}, a redirect, which is not followed; name the address that it leads to",
            status.as_u16()
        ));
    }
    let said: String = redacted(&String::from_utf8_lossy(&body))
        .chars()
        .filter(|character| !character.is_control())
        .take(SHOWN_CHARS)
        .collect();
    Err(if said.is_empty() {
        format!("answered {}", status.as_u16())
    } else {
        format!("answered {}: {said}", status.as_u16())
    })
}
