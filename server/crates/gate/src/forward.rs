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

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::time::{sleep, timeout};

use super::body::{FromColour, Leave, Outgoing, ReplyBody};
use super::client::Client;
use super::event_stream::EventStream;
use super::headers::{self, Shape};
use super::pages::{self, Wants};
use super::pool::Upstream;
use super::switch::{Entry, HoldEnd, InFlight};
use super::tunnel;
use super::worker::Worker;
use tealkeep_words::names::Colour;

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
    client.set_takes_interim(false);
    client.interim.sent().await;
    if client.gets_its_last_answer() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.body_mut().for_client(client);
    Ok(response)
}

async fn carry(
    client: &Arc<Client>,
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
    client.set_takes_interim(shape.takes_interim);
    if !shape.has_body {
        client.watch();
    }
    // Dropped before its end, this request was given up by its client, or cut for being overdue.
    let mut aborted = Aborted(Some(worker));
    let wants = Wants::of(request.headers());
    let is_health = shape.reading && request.uri().path() == worker.gate.config.health_path;
    let request = request.map(|incoming| Outgoing::new(incoming, client));
    let mut journey = Journey {
        client,
        worker,
        shape,
        deaths: 0,
        gives_up: None,
        waited: None,
    };
    let arrived = journey.go(request, is_health).await;
    aborted.0 = None;
    match arrived {
        Ok(arrived) => {
            let took = began.elapsed();
            deliver(client, arrived, &shape, wants, to_client, took)
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
        Err(Failure::BadAnswer(colour, why)) => bad_answer(worker, wants, colour, &why),
        Err(Failure::BrokenOff) => {
            worker.stats.aborted();
            pages::broken_off(wants)
        }
        Err(Failure::TooSlow(colour)) => {
            tracing::warn!(%colour, "a request got no answer in time");
            worker.stats.made(StatusCode::GATEWAY_TIMEOUT);
            pages::timed_out(wants)
        }
    }
}

/// Counts a request that ended without an answer because of its client.
struct Aborted<'a>(Option<&'a Arc<Worker>>);

impl Drop for Aborted<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.0 {
            worker.stats.aborted();
        }
    }
}

fn bad_answer(
    worker: &Arc<Worker>,
    wants: Wants,
    colour: Colour,
    why: &str,
) -> Response<ReplyBody> {
    tracing::warn!(%colour, "an answer could not be passed on: the app {why}");
    worker.stats.made(StatusCode::BAD_GATEWAY);
    pages::bad_answer(wants, why)
}

/// A colour's answer on its way to the client, if it is one that can be passed on.
fn deliver(
    client: &Client,
    arrived: Arrived,
    shape: &Shape,
    wants: Wants,
    to_client: OnUpgrade,
    took: Duration,
) -> Response<ReplyBody> {
    let worker = &client.worker;
    let Arrived {
        mut response,
        upstream,
        in_flight,
    } = arrived;
    let colour = in_flight.colour();
    let to_colour = hyper::upgrade::on(&mut response);
    if let Err(why) = headers::towards_client(&mut response, shape) {
        return bad_answer(worker, wants, colour, &why);
    }
    worker.stats.answered(colour, response.status(), took);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switch_protocols(worker, response, upstream, in_flight, to_client, to_colour);
    }
    let mut in_flight = Some(in_flight);
    let stream = in_flight
        .as_mut()
        .filter(|_| is_event_stream(&response))
        .map(|in_flight| {
            client.begin_stream();
            let told = in_flight.become_stream().cancelled_owned();
            EventStream::new(told, is_compressed(&response))
        });
    pass_on(worker, response, upstream, colour, in_flight, stream)
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
    /// It answered, but nothing that can be passed on: what it did, in words that continue "the app …".
    BadAnswer(Colour, String),
    /// The client broke its request's body off.
    BrokenOff,
    TooSlow(Colour),
}

/// A request's attempts, and the bounds on them.
struct Journey<'a> {
    client: &'a Client,
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
                    let shape = &self.shape;
                    let answer = probe_while_held(self.worker, request, shape).await;
                    return Err(Failure::Own(answer));
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
            self.listen_for_interim_answers(&mut request);
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
                // The next answer would be no better.
                (None, _) if failed.error().is_parse() => {
                    let fault = upstream.fault();
                    let why =
                        fault.unwrap_or_else(|| format!("did not answer in valid HTTP ({why})"));
                    return Err(Failure::BadAnswer(colour, why));
                }
                // The only part of it that can fail is the client's own body.
                (None, _) if failed.error().is_user() => return Err(Failure::BrokenOff),
                (None, Some(spare)) => {
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

    /// Interim answers go to the client as they come, in their order. Leave to send the body is one of them that hyper
    /// gives itself, as soon as the body is asked for.
    fn listen_for_interim_answers(&self, request: &mut Request<Outgoing>) {
        let leave = self.shape.expects.then(|| {
            let leave = Arc::new(Leave::new(Arc::clone(&self.client.interim)));
            request.body_mut().await_leave(Arc::clone(&leave));
            leave
        });
        let interim = self
            .shape
            .takes_interim
            .then(|| Arc::clone(&self.client.interim));
        hyper::ext::on_informational(request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                if let Some(leave) = &leave {
                    leave.give();
                }
            } else if let Some(interim) = &interim {
                interim.push(answer.status(), answer.headers());
            }
        });
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
async fn probe_while_held(
    worker: &Arc<Worker>,
    request: Request<Outgoing>,
    shape: &Shape,
) -> Response<ReplyBody> {
    let colour = worker.gate.switch.live();
    let asked = async {
        let config = &worker.gate.config;
        let mut upstream = worker.pool.open(colour, config, HELD_PROBE).await.ok()?;
        let mut response = upstream.exchange(request).await.ok()?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        headers::towards_client(&mut response, shape).ok()?;
        Some((response, upstream))
    };
    match timeout(HELD_PROBE, asked).await {
        Ok(Some((response, upstream))) => pass_on(worker, response, upstream, colour, None, None),
        Ok(None) | Err(_) => pages::held_health(),
    }
}

fn pass_on(
    worker: &Arc<Worker>,
    response: Response<Incoming>,
    upstream: Upstream,
    colour: Colour,
    in_flight: Option<InFlight>,
    stream: Option<EventStream>,
) -> Response<ReplyBody> {
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

fn is_compressed(response: &Response<Incoming>) -> bool {
    let codings = response.headers().get_all(CONTENT_ENCODING);
    codings
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn switch_protocols(
    worker: &Arc<Worker>,
    response: Response<Incoming>,
    upstream: Upstream,
    mut in_flight: InFlight,
    to_client: OnUpgrade,
    to_colour: OnUpgrade,
) -> Response<ReplyBody> {
    let ends = in_flight.become_stream();
    worker.tasks.spawn(async move {
        let _in_flight = in_flight;
        tunnel::run(to_client, to_colour, upstream, ends).await;
    });
    response.map(|_| ReplyBody::none())
}
