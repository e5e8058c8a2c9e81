//! One request's way through the gate: counted, carried to the live colour, retried as long as that is safe, and answered.

mod attempts;
mod held_probe;
mod pass_on;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::client::Client;
use super::headers::{self, Shape};
use super::pages::{self, Wants};
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use super::worker::Worker;
use attempts::{Attempts, Failure};
use tealkeep_words::names::Colour;

/// Answers one request of a client.
pub(super) async fn answer(
    worker: &Arc<Worker>,
    client: &Arc<Client>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    client.begin_request();
    let began = Instant::now();
    let mut response = carry(worker, client, request, began).await;
    client.set_takes_interim(false);
    client.interim.sent().await;
    if client.must_announce_close() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.body_mut().set_client(Arc::clone(client));
    Ok(response)
}

async fn carry(
    worker: &Arc<Worker>,
    client: &Arc<Client>,
    mut request: Request<Incoming>,
    began: Instant,
) -> Response<ResponseBody> {
    let to_client = hyper::upgrade::on(&mut request);
    let shape = match headers::towards_colour(&mut request, &client.peer) {
        Ok(shape) => shape,
        Err(refusal) => {
            worker.stats.refused();
            return pages::refused(Wants::of(request.headers()), refusal.status, refusal.why);
        }
    };
    client.set_takes_interim(shape.takes_interim);
    if !shape.has_body {
        client.watch_socket();
    }
    let mut aborted = CountAborted(Some(worker));
    let wants = Wants::of(request.headers());
    let is_health = shape.reading && request.uri().path() == worker.gate.config.health_path;
    let request = request.map(|incoming| RequestBody::new(incoming, client));
    let answered = Attempts::new(worker, client, shape)
        .run(request, is_health)
        .await;
    aborted.0 = None;
    let answered = match answered {
        Ok(answered) => answered,
        Err(failure) => return answer_failure(worker, &shape, wants, failure),
    };
    let colour = answered.in_flight.colour();
    let took = began.elapsed();
    pass_on::pass_on(worker, client, answered, &shape, to_client, took).unwrap_or_else(|why| {
        answer_failure(worker, &shape, wants, Failure::BadAnswer(colour, why))
    })
}

/// Counts a request as given up by its client, or cut for being overdue, when it is dropped before its end.
struct CountAborted<'a>(Option<&'a Arc<Worker>>);

impl Drop for CountAborted<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.0 {
            worker.stats.aborted();
        }
    }
}

fn answer_failure(
    worker: &Worker,
    shape: &Shape,
    wants: Wants,
    failure: Failure,
) -> Response<ResponseBody> {
    match failure {
        Failure::Own(response) => response,
        Failure::Unavailable => {
            worker.stats.unavailable();
            pages::unavailable(wants, &worker.gate.maintenance.load())
        }
        Failure::Unreachable(colour, why) => {
            tracing::warn!(%colour, "a request could not be carried: {why}");
            count_unanswered(worker, shape, colour);
            pages::bad_gateway(wants)
        }
        Failure::BadAnswer(colour, why) => {
            tracing::warn!(%colour, "an answer could not be passed on: the app {why}");
            count_unanswered(worker, shape, colour);
            pages::bad_answer(wants, &why)
        }
        Failure::BrokenOff => {
            worker.stats.aborted();
            pages::broken_off(wants)
        }
        Failure::Stalled => {
            tracing::debug!("a client stopped in the middle of its request's body");
            worker.stats.aborted();
            pages::timed_out(wants)
        }
        Failure::TooSlow(colour) => {
            tracing::warn!(%colour, "a request got no answer in time");
            count_unanswered(worker, shape, colour);
            pages::timed_out(wants)
        }
    }
}

fn count_unanswered(worker: &Worker, shape: &Shape, colour: Colour) {
    if shape.is_own {
        worker.stats.own();
    } else {
        worker.stats.unanswered(colour);
    }
}
