//! Passes a colour's answer on to the client: as a body, as an event stream that can be ended, or as a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::super::client::Client;
use super::super::event_stream::EventStream;
use super::super::headers::{self, Shape};
use super::super::pool::Upstream;
use super::super::response_body::{ColourBody, ResponseBody};
use super::super::switch::InFlight;
use super::super::tunnel;
use super::super::worker::Worker;
use tealkeep_words::names::Colour;

/// A response's head, with what it depends on.
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    pub(super) upstream: Upstream,
    pub(super) in_flight: InFlight,
}

/// A colour's answer as the client gets it.
///
/// # Errors
/// Why it can't be passed on, in words that continue "the app …".
pub(super) fn pass_on(
    worker: &Arc<Worker>,
    client: &Client,
    answered: Answered,
    shape: &Shape,
    to_client: OnUpgrade,
    took: Duration,
) -> Result<Response<ResponseBody>, String> {
    let Answered {
        mut response,
        upstream,
        mut in_flight,
    } = answered;
    let colour = in_flight.colour();
    let to_colour = hyper::upgrade::on(&mut response);
    headers::towards_client(&mut response, shape)?;
    if shape.is_own {
        worker.stats.own();
    } else {
        worker.stats.answered(colour, response.status(), took);
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let ends = in_flight.become_stream();
        worker.tasks.spawn(async move {
            let _in_flight = in_flight;
            tunnel::run(to_client, to_colour, upstream, ends).await;
        });
        return Ok(response.map(|_| ResponseBody::none()));
    }
    let stream = is_event_stream(&response).then(|| {
        client.begin_stream();
        let ends = in_flight.become_stream().cancelled_owned();
        EventStream::new(ends, is_compressed(&response))
    });
    let in_flight = Some(in_flight);
    Ok(with_body(
        worker, response, upstream, colour, in_flight, stream,
    ))
}

/// The response with the body that comes from its connection.
pub(super) fn with_body(
    worker: &Arc<Worker>,
    response: Response<Incoming>,
    upstream: Upstream,
    colour: Colour,
    in_flight: Option<InFlight>,
    stream: Option<EventStream>,
) -> Response<ResponseBody> {
    response.map(|incoming| {
        ResponseBody::from_colour(ColourBody {
            incoming,
            upstream: Some(upstream),
            in_flight,
            stream,
            worker: Arc::clone(worker),
            colour,
            bytes: 0,
            broke_off: None,
        })
    })
}

/// One of a length that is known beforehand is no stream: it ends by itself, and ending it early would break it.
fn is_event_stream(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    !headers.contains_key(CONTENT_LENGTH)
        && headers.get(CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes()
                .get(..17)
                .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
        })
}

fn is_compressed(response: &Response<Incoming>) -> bool {
    let codings = response.headers().get_all(CONTENT_ENCODING);
    codings
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
