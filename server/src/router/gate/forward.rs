//! One request's way through the gate: counted, carried to the live colour, tried again as long as that
//! can do no harm, and answered. No byte of its body is read before a connection stands, so until then any
//! request can be tried again; what was sent is sent again only if RFC 9110 section 9.2.2 allows it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::time::{sleep, timeout};

use super::body::{EventStream, FromColour, Leave, Outgoing, ReplyBody};
use super::client::Client;
use super::headers::{self, Shape};
use super::pages::{self, Wants};
use super::pool::Upstream;
use super::switch::{Entry, HoldEnd, InFlight};
use super::tunnel;
use super::worker::Worker;
use crate::names::Colour;

/// The pause between two attempts at a colour that can't be reached.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How often a request that kills its connection is given a fresh one: it may be what crashes the app.
const DEATHS_ALLOWED: u32 = 3;

/// How long a health probe waits for the live colour while requests are held.
const HELD_PROBE: Duration = Duration::from_secs(2);

/// Answers one request of a client.
pub(super) async fn answer(
    client: Arc<Client>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    client.asked();
    let began = Instant::now();
    let mut response = carry(&client, request, began).await;
    if client.gets_its_last_answer() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.body_mut().for_client(client);
    Ok(response)
}

async fn carry(
    client: &Client,
    mut request: Request<Incoming>,
    began: Instant,
) -> Response<ReplyBody> {
    let worker = &client.worker;
    let to_client = hyper::upgrade::on(&mut request);
    let shape = match headers::towards_colour(&mut request, &client.peer) {
        Ok(shape) => shape,
        Err(refusal) => {
            worker.stats.made(refusal.0);
            return pages::refused(Wants::of(request.headers()), refusal.0, refusal.1);
        }
    };
    let wants = Wants::of(request.headers());
    let is_health = shape.reading && request.uri().path() == worker.gate.config.health_path;
    let request = request.map(Outgoing::new);
    let mut journey = Journey {
        worker,
        shape,
        deaths: 0,
        gives_up: None,
        waited: None,
    };
    match journey.go(request, is_health).await {
        Ok(Arrived {
            response,
            upstream,
            in_flight,
        }) => {
            worker
                .stats
                .answered(in_flight.colour(), response.status(), began.elapsed());
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                if shape.upgrade {
                    return switch_protocols(worker, response, upstream, in_flight, to_client);
                }
                tracing::warn!(
                    colour = %in_flight.colour(),
                    "answered 101 to a request that asked for no other protocol"
                );
                worker.stats.made(StatusCode::BAD_GATEWAY);
                return pages::bad_gateway(wants);
            }
            let colour = in_flight.colour();
            pass_on(worker, response, upstream, colour, Some(in_flight))
        }
        Err(Failure::Own(response)) => response,
        Err(Failure::Unavailable) => {
            worker.stats.made(StatusCode::SERVICE_UNAVAILABLE);
            pages::unavailable(wants, &worker.gate.maintenance.load())
        }
        Err(Failure::Unreachable(colour, why)) => {
            tracing::warn!(%colour, "a request could not be carried: {why}");
            worker.stats.made(StatusCode::BAD_GATEWAY);
            pages::bad_gateway(wants)
        }
        Err(Failure::TooSlow(colour)) => {
            tracing::warn!(%colour, "a request got no answer in time");
            worker.stats.made(StatusCode::GATEWAY_TIMEOUT);
            pages::timed_out(wants)
        }
    }
}

/// A response's head, with what it hangs on.
struct Arrived {
    response: Response<Incoming>,
    upstream: Upstream,
    in_flight: InFlight,
}

enum Failure {
    /// Answered by the gate, or by a probe that was let through.
    Own(Response<ReplyBody>),
    Unavailable,
    Unreachable(Colour, String),
    TooSlow(Colour),
}

/// A request's attempts, and the bounds on them.
struct Journey<'a> {
    worker: &'a Arc<Worker>,
    shape: Shape,
    /// Fresh connections that died under it.
    deaths: u32,
    /// When it is no longer tried again; counted from the first failure.
    gives_up: Option<Instant>,
    /// Since when it has been held.
    waited: Option<Instant>,
}

impl Journey<'_> {
    async fn go(
        &mut self,
        mut request: Request<Outgoing>,
        is_health: bool,
    ) -> Result<Arrived, Failure> {
        let gate = &self.worker.gate;
        loop {
            let in_flight = match gate.switch.enter() {
                Entry::Go(in_flight) => in_flight,
                Entry::Held | Entry::Maintenance if is_health => {
                    return Err(Failure::Own(probe_while_held(self.worker, request).await));
                }
                Entry::Maintenance => return Err(Failure::Unavailable),
                Entry::Held => {
                    self.wait_for_release().await?;
                    continue;
                }
            };
            let colour = in_flight.colour();
            let mut upstream = match self.connection(colour).await {
                Ok(upstream) => upstream,
                Err(why) => {
                    // Not in flight while it waits: whoever drains this colour need not wait for it.
                    drop(in_flight);
                    self.pause(colour, &why).await?;
                    continue;
                }
            };
            let spare = self.shape.repeatable.then(|| again(&request));
            if self.shape.expects {
                let leave = Arc::new(Leave::default());
                request.body_mut().await_leave(Arc::clone(&leave));
                hyper::ext::on_informational(&mut request, move |informational| {
                    if informational.status() == StatusCode::CONTINUE {
                        leave.give();
                    }
                });
            }
            let progress = request.body().progress();
            let exchange = upstream.exchange(request);
            let answer = within(gate.config.response_timeout, progress, exchange).await;
            let mut failed = match answer {
                None => return Err(Failure::TooSlow(colour)),
                Some(Ok(response)) => {
                    return Ok(Arrived {
                        response,
                        upstream,
                        in_flight,
                    });
                }
                Some(Err(failed)) => failed,
            };
            drop(in_flight);
            let why = failed.error().to_string();
            request = match (failed.take_message(), spare) {
                // Handed back: not a byte of it was written.
                (Some(unsent), _) => unsent,
                // A parse error is an answer, if a bad one; the next would be no better.
                (None, Some(spare)) if !failed.error().is_parse() => {
                    if !upstream.was_used_before() {
                        self.deaths += 1;
                        if !self.shape.reading || self.deaths > DEATHS_ALLOWED {
                            return Err(Failure::Unreachable(colour, why));
                        }
                    }
                    spare
                }
                (None, _) => return Err(Failure::Unreachable(colour, why)),
            };
            if upstream.was_used_before() {
                // Closed by its other end since; a fresh one will do, at once.
                self.worker.stats.retried();
            } else {
                self.pause(colour, &why).await?;
            }
        }
    }

    /// A used connection for what may be sent twice, a fresh one for everything else: a used one can be closing
    /// at its other end already, and what is then written to it is lost without anybody knowing.
    async fn connection(&self, colour: Colour) -> Result<Upstream, String> {
        let worker = self.worker;
        let config = &worker.gate.config;
        if self.shape.repeatable {
            let take = |cx: &mut std::task::Context<'_>| {
                Poll::Ready(worker.pool.take(colour, config.idle_limit, cx))
            };
            if let Some(upstream) = poll_fn(take).await {
                return Ok(upstream);
            }
        }
        // A queue of connections that is full for a moment drops an attempt without a word, and the kernel
        // repeats it after one second and three.
        let patience = self
            .gives_up
            .map_or(config.retry_for, |at| {
                at.saturating_duration_since(Instant::now())
            })
            .max(Duration::from_secs(1));
        worker
            .pool
            .open(colour, config, patience)
            .await
            .map_err(|e| format!("cannot connect to {}: {e}", config.address(colour)))
    }

    /// A short rest before the next attempt, or the end of them.
    async fn pause(&mut self, colour: Colour, why: &str) -> Result<(), Failure> {
        let now = Instant::now();
        let gives_up = *self
            .gives_up
            .get_or_insert(now + self.worker.gate.config.retry_for);
        if now >= gives_up {
            return Err(Failure::Unreachable(colour, why.to_owned()));
        }
        self.worker.stats.retried();
        sleep(RETRY_PAUSE.min(gives_up - now)).await;
        Ok(())
    }

    async fn wait_for_release(&mut self) -> Result<(), Failure> {
        let config = &self.worker.gate.config;
        let since = *self.waited.get_or_insert_with(|| {
            self.worker.stats.held();
            Instant::now()
        });
        let left = config.hold_timeout.saturating_sub(since.elapsed());
        let switch = &self.worker.gate.switch;
        match switch.wait_for_release(config.hold_limit, left).await {
            HoldEnd::Released => {
                // What the colour is given to come up is counted from the release on.
                self.gives_up = None;
                Ok(())
            }
            HoldEnd::TooMany | HoldEnd::TooLong => Err(Failure::Unavailable),
        }
    }
}

/// `None` once nothing came for `patience`, neither the answer nor more of the request's body: a long upload is
/// not cut as long as it goes on.
async fn within<T>(
    patience: Duration,
    progress: Option<Arc<AtomicU64>>,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = pin!(answer);
    let mut before = 0;
    loop {
        match timeout(patience, &mut answer).await {
            Ok(answer) => return Some(answer),
            Err(_) => {
                let now = progress.as_ref().map_or(0, |parts| parts.load(Relaxed));
                if now == before {
                    return None;
                }
                before = now;
            }
        }
    }
}

/// The same request without a body, to be sent if the first one is lost.
fn again(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut again = Request::new(Outgoing::none());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    again
}

/// A health probe from outside while requests are held: the live colour's own answer if it gives one, else the
/// gate's. It is not counted in flight, since the hold exists to bring that count to nothing.
async fn probe_while_held(worker: &Arc<Worker>, request: Request<Outgoing>) -> Response<ReplyBody> {
    let colour = worker.gate.switch.live();
    let asked = async {
        let config = &worker.gate.config;
        let mut upstream = worker.pool.open(colour, config, HELD_PROBE).await.ok()?;
        let response = upstream.exchange(request).await.ok()?;
        Some((response, upstream))
    };
    match timeout(HELD_PROBE, asked).await {
        Ok(Some((response, upstream))) if response.status() != StatusCode::SWITCHING_PROTOCOLS => {
            pass_on(worker, response, upstream, colour, None)
        }
        _ => pages::held_health(),
    }
}

fn pass_on(
    worker: &Arc<Worker>,
    mut response: Response<Incoming>,
    upstream: Upstream,
    colour: Colour,
    mut in_flight: Option<InFlight>,
) -> Response<ReplyBody> {
    headers::towards_client(&mut response);
    let stream = in_flight
        .as_mut()
        .filter(|_| is_event_stream(&response))
        .map(|in_flight| EventStream::new(in_flight.become_stream().cancelled_owned()));
    response.map(|incoming| {
        ReplyBody::from_colour(FromColour {
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

fn switch_protocols(
    worker: &Arc<Worker>,
    mut response: Response<Incoming>,
    upstream: Upstream,
    mut in_flight: InFlight,
    to_client: OnUpgrade,
) -> Response<ReplyBody> {
    let to_colour = hyper::upgrade::on(&mut response);
    headers::towards_client(&mut response);
    let ends = in_flight.become_stream();
    let is_websocket = response
        .headers()
        .get(http::header::UPGRADE)
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    worker.tasks.spawn(async move {
        let _in_flight = in_flight;
        tunnel::run(to_client, to_colour, upstream, ends, is_websocket).await;
    });
    response.map(|_| ReplyBody::none())
}
