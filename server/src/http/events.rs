//! The event stream: what is appended to the journal, as server-sent events (WHATWG HTML, 9.2). Each
//! event carries the journal's id, so that a phone that reconnects gets what it has missed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::{self, error::RecvError};
use tower_sessions::Session;

use super::auth::Sessions;
use super::caller::Caller;
use super::problem::Problem;
use super::server::Server;
use crate::journal::{Event, Journal, Signal};

/// The most events that are sent anew to one that comes back; whoever missed more reloads anyway.
const MAX_MISSED_EVENTS: u32 = 500;
/// How often a quiet stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// `GET /api/v1/events`
pub async fn stream(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let whose = match session.id() {
        Some(id) => Sessions::handle(id),
        None => caller.as_str().to_owned(),
    };
    let place = server.streams.admit(Some(whose));
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    // Subscribed before the missed ones are read, so that nothing falls between the two.
    let live = server.house.journal.subscribe();
    let newest = server.house.journal.newest().await?.map_or(0, |(id, _)| id);
    let missed = match last {
        Some(last) => {
            server
                .house
                .journal
                .events_after(last, MAX_MISSED_EVENTS)
                .await?
        }
        None => Vec::new(),
    };
    let sent = missed
        .last()
        .map_or(last.unwrap_or(newest), |event| event.id);
    let stop = server.stop.clone();
    let mut sessions_ended = server.auth.sessions.ended();
    let events =
        following(server.house.journal.clone(), live, missed.into(), sent).take_until(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                // Whoever is still signed in comes back, and is let in again.
                _ = sessions_ended.changed() => {}
                // The oldest of too many; if it is still wanted, it comes back too.
                () = place.lost() => {}
            }
        });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx and its kin hold a stream back otherwise.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn following(
    journal: Journal,
    live: broadcast::Receiver<Signal>,
    queue: VecDeque<Event>,
    sent: i64,
) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    stream::unfold(
        (journal, live, queue, sent),
        |(journal, mut live, mut queue, mut sent)| async move {
            loop {
                if let Some(event) = queue.pop_front() {
                    sent = event.id;
                    return Some((Ok(as_sse(&event)), (journal, live, queue, sent)));
                }
                match live.recv().await {
                    Ok(Signal::Event(event)) if event.id > sent => queue.push_back(event),
                    Ok(Signal::Event(_)) => {}
                    Ok(Signal::Changed) => {
                        return Some((
                            Ok(SseEvent::default().data("{}")),
                            (journal, live, queue, sent),
                        ));
                    }
                    // Too slow for the memory: the journal has it all.
                    Err(RecvError::Lagged(_)) => {
                        match journal.events_after(sent, MAX_MISSED_EVENTS).await {
                            Ok(missed) => queue.extend(missed),
                            Err(_) => return None,
                        }
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        },
    )
}

fn as_sse(event: &Event) -> SseEvent {
    let data = serde_json::to_string(event).unwrap_or_else(|_| "{}".to_owned());
    SseEvent::default().id(event.id.to_string()).data(data)
}
