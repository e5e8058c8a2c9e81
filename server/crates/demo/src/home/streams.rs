//! Changes as they happen: over a WebSocket (which also echoes) and as server-sent events. Both end
//! in an orderly way when the app stops, and a listener that does not read is disconnected.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::app::Home;
use super::changes::Change;

/// How long one message may take to send; a listener that reads more slowly is disconnected.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle event stream sends a comment, so that its client knows that it is still there.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// The largest message that is echoed, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// `GET /ws`.
pub(super) async fn websocket(
    State(home): State<Arc<Home>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let owner = Arc::clone(&home);
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| owner.sockets.clone().track_future(talk(home, socket)))
}

async fn talk(home: Arc<Home>, mut socket: WebSocket) {
    let mut changes = home.changes.subscribe();
    if !send(&mut socket, hello(&home).to_string()).await {
        return;
    }
    loop {
        let sent = tokio::select! {
            () = home.shutdown.cancelled() => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the app stops".into() };
                // Whoever is gone already needs no goodbye.
                let _ = timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
                return;
            }
            change = changes.recv() => match change {
                Ok(change) => send(&mut socket, to_json(change)).await,
                Err(RecvError::Lagged(missed)) => {
                    send(&mut socket, json!({ "kind": "missed", "count": missed }).to_string()).await
                }
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => send(&mut socket, text.to_string()).await,
                Some(Ok(Message::Binary(bytes))) => {
                    let sent = timeout(SEND_TIMEOUT, socket.send(Message::Binary(bytes))).await;
                    matches!(sent, Ok(Ok(())))
                }
                // Pings are answered by the protocol's implementation.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        };
        if !sent {
            return;
        }
    }
}

async fn send(socket: &mut WebSocket, text: String) -> bool {
    let sent = timeout(SEND_TIMEOUT, socket.send(Message::Text(text.into()))).await;
    matches!(sent, Ok(Ok(())))
}

/// `GET /events`.
pub(super) async fn events(State(home): State<Arc<Home>>) -> Response {
    let mut response = Sse::new(change_events(&home))
        .keep_alive(
            KeepAlive::new()
                .interval(HEARTBEAT_INTERVAL)
                .text("still here"),
        )
        .into_response();
    let no_store = axum::http::HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(axum::http::header::CACHE_CONTROL, no_store);
    response
}

fn change_events(
    home: &Arc<Home>,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let first = Event::default()
        .event("hello")
        .retry(Duration::from_secs(1))
        .data(hello(home).to_string());
    let changes = stream::unfold(home.changes.subscribe(), |mut changes| async move {
        let event = match changes.recv().await {
            Ok(change) => Event::default().event("change").data(to_json(change)),
            Err(RecvError::Lagged(missed)) => {
                let data = json!({ "kind": "missed", "count": missed }).to_string();
                Event::default().event("change").data(data)
            }
            Err(RecvError::Closed) => return None,
        };
        Some((event, changes))
    });
    let shutdown = home.shutdown.clone();
    stream::once(async { first })
        .chain(changes)
        .map(Ok)
        .take_until(shutdown.cancelled_owned())
}

fn hello(home: &Home) -> serde_json::Value {
    json!({
        "kind": "hello",
        "release": home.settings.release_id,
        "colour": home.settings.colour,
    })
}

fn to_json(change: Change) -> String {
    // Two plain fields can't fail to be written; an empty object would still be a message.
    serde_json::to_string(&change).unwrap_or_else(|_| "{}".to_owned())
}
