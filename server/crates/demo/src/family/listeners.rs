//! The two listeners that real apps have open all day: a WebSocket and a stream of server-sent events.
//! Both come back when they are closed, which counts as a reconnection and not as a failure.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use futures_util::{SinkExt, StreamExt};

use super::browser::connect;
use super::tally::Tally;

/// The pause before a closed connection is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// How long the opening answer may take: requests may be held for 30 s.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the WebSocket sends a message, which the app echoes.
const CHAT_INTERVAL: Duration = Duration::from_secs(5);
/// The stream has a heartbeat each 10 s: this long without a byte means that it is dead.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(45);

/// Keeps a WebSocket open until `shutdown`.
pub(super) async fn websocket(address: SocketAddr, shutdown: CancellationToken, tally: Arc<Tally>) {
    keep_open(shutdown, &tally, || hear_websocket(address, &tally)).await;
}

/// Keeps an event stream open until `shutdown`.
pub(super) async fn events(address: SocketAddr, shutdown: CancellationToken, tally: Arc<Tally>) {
    keep_open(shutdown, &tally, || hear_events(address, &tally)).await;
}

async fn keep_open<F: Future<Output = anyhow::Result<()>>>(
    shutdown: CancellationToken,
    tally: &Tally,
    open: impl Fn() -> F,
) {
    let mut first = true;
    loop {
        if !std::mem::take(&mut first) {
            tally.reconnected();
        }
        tally.begun();
        tokio::select! {
            () = shutdown.cancelled() => return,
            heard = open() => if let Err(error) = heard {
                tally.failed(Timestamp::now(), format!("{error:#}"));
            },
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(RECONNECT_PAUSE) => {}
        }
    }
}

/// Fails only if it can't be opened; how it ends does not count.
async fn hear_websocket(address: SocketAddr, tally: &Tally) -> anyhow::Result<()> {
    let stream = connect(address).await.context("GET /ws")?;
    let opening = client_async(format!("ws://{address}/ws"), stream);
    let (mut socket, _) = timeout(OPEN_TIMEOUT, opening)
        .await
        .context("GET /ws: no answer within a minute")?
        .context("GET /ws")?;
    tally.answered(false);
    let mut chat = tokio::time::interval(CHAT_INTERVAL);
    let mut last_heard = Instant::now();
    loop {
        tokio::select! {
            _ = chat.tick() => {
                let said = timeout(CHAT_INTERVAL, socket.send(Message::text("is anybody home?"))).await;
                if !matches!(said, Ok(Ok(()))) || last_heard.elapsed() > SILENCE_TIMEOUT {
                    return Ok(());
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {
                    last_heard = Instant::now();
                    tally.message();
                }
            },
        }
    }
}

/// Fails only if it can't be opened; how it ends does not count.
async fn hear_events(address: SocketAddr, tally: &Tally) -> anyhow::Result<()> {
    let stream = connect(address).await.context("GET /events")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender, which this function holds.
    tokio::spawn(connection);
    let request = Request::builder()
        .uri("/events")
        .header(header::HOST, address.to_string())
        .header(header::ACCEPT, "text/event-stream")
        .body(Empty::<Bytes>::new())?;
    let answer = timeout(OPEN_TIMEOUT, sender.send_request(request))
        .await
        .context("GET /events: no answer within a minute")?
        .context("GET /events")?;
    ensure!(
        answer.status() == StatusCode::OK,
        "GET /events: answered {}",
        answer.status()
    );
    tally.answered(false);
    let mut body = answer.into_body();
    while let Ok(Some(Ok(frame))) = timeout(SILENCE_TIMEOUT, body.frame()).await {
        if frame
            .data_ref()
            .is_some_and(|data| data.starts_with(b"event:"))
        {
            tally.message();
        }
    }
    Ok(())
}
