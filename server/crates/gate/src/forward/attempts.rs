//! Carries a request to the live colour, and retries as long as that is safe. No byte of its body is read before a
//! connection is open, so until then any request can be retried; one that was sent is sent again only if RFC 9110
//! section 9.2.2 allows it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::{sleep, timeout};

use super::super::client::Client;
use super::super::headers::Shape;
use super::super::pool::Upstream;
use super::super::request_body::{Continue, Progress, RequestBody};
use super::super::response_body::ResponseBody;
use super::super::switch::{Entry, HoldEnd};
use super::super::worker::Worker;
use super::held_probe;
use super::pass_on::Answered;
use tealkeep_words::names::Colour;

/// The pause between two attempts at a colour that can't be reached.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How often a request that kills its connection is given a fresh one: it may be what crashes the app.
const MAX_DEATHS: u32 = 3;

/// Why a request has no answer of a colour that can be passed on.
pub(super) enum Failure {
    /// Answered by the gate, or by a probe that was let through.
    Own(Response<ResponseBody>),
    Unavailable,
    Unreachable(Colour, String),
    /// It answered, but nothing that can be passed on: what it did, in words that continue "the app …".
    BadAnswer(Colour, String),
    /// The client broke its request's body off.
    BrokenOff,
    /// The client stopped sending its request's body, and keeps the connection open.
    Stalled,
    TooSlow(Colour),
}

/// A request's attempts, and the bounds on them.
pub(super) struct Attempts<'a> {
    worker: &'a Arc<Worker>,
    client: &'a Client,
    shape: Shape,
    /// Fresh connections that died under it.
    deaths: u32,
    /// When it is no longer retried; counted from the first failure.
    retry_until: Option<Instant>,
    /// Since when it has been held.
    held_since: Option<Instant>,
}

type Exchanged = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

impl<'a> Attempts<'a> {
    pub(super) fn new(worker: &'a Arc<Worker>, client: &'a Client, shape: Shape) -> Attempts<'a> {
        Attempts {
            worker,
            client,
            shape,
            deaths: 0,
            retry_until: None,
            held_since: None,
        }
    }

    /// Tries until there is an answer, or no further attempt may be made.
    pub(super) async fn run(
        &mut self,
        mut request: Request<RequestBody>,
        is_health: bool,
    ) -> Result<Answered, Failure> {
        loop {
            let in_flight = match self.worker.gate.switch.enter() {
                Entry::Go(in_flight) => in_flight,
                Entry::Held | Entry::Maintenance if is_health => {
                    let answer = held_probe::answer(self.worker, request, &self.shape).await;
                    return Err(Failure::Own(answer));
                }
                Entry::Maintenance => return Err(Failure::Unavailable),
                Entry::Held => {
                    self.wait_for_release().await?;
                    continue;
                }
            };
            let colour = in_flight.colour();
            let mut upstream = match self.connect(colour).await {
                Ok(upstream) => upstream,
                Err(why) => {
                    // Not in flight while it waits: draining this colour does not wait for it.
                    drop(in_flight);
                    self.pause(colour, &why).await?;
                    continue;
                }
            };
            let spare = self.shape.repeatable.then(|| copy_without_body(&request));
            let failed = match self.exchange(colour, &mut upstream, request).await? {
                Ok(response) => {
                    return Ok(Answered {
                        response,
                        upstream,
                        in_flight,
                    });
                }
                Err(failed) => failed,
            };
            drop(in_flight);
            let why = failed.error().to_string();
            request = self.next_request(colour, &upstream, failed, spare, &why)?;
            if upstream.was_used_before() {
                // Closed by its other end since; a fresh one will do, at once.
                self.worker.stats.retried();
            } else {
                self.pause(colour, &why).await?;
            }
        }
    }

    /// Sends the request once.
    async fn exchange(
        &self,
        colour: Colour,
        upstream: &mut Upstream,
        mut request: Request<RequestBody>,
    ) -> Result<Exchanged, Failure> {
        self.listen_for_interim_answers(&mut request);
        let progress = request.body().progress();
        let exchange = upstream.exchange(request);
        let patience = self.worker.gate.config.response_timeout;
        match within(patience, progress.as_deref(), exchange).await {
            Some(exchanged) => Ok(exchanged),
            None if progress.is_some_and(|progress| progress.waits_for_client()) => {
                Err(Failure::Stalled)
            }
            None => Err(Failure::TooSlow(colour)),
        }
    }

    /// What may be sent after an exchange that failed; an error when nothing may.
    #[expect(
        clippy::result_large_err,
        reason = "moved once, after an exchange that failed; boxing would allocate for every answer of the gate's own"
    )]
    fn next_request(
        &mut self,
        colour: Colour,
        upstream: &Upstream,
        mut failed: TrySendError<Request<RequestBody>>,
        spare: Option<Request<RequestBody>>,
        why: &str,
    ) -> Result<Request<RequestBody>, Failure> {
        // Handed back: not a byte of it was written.
        if let Some(unsent) = failed.take_message() {
            return Ok(unsent);
        }
        // The next answer would be no better.
        if failed.error().is_parse() {
            let fault = upstream.fault();
            let why = fault.unwrap_or_else(|| format!("did not answer in valid HTTP ({why})"));
            return Err(Failure::BadAnswer(colour, why));
        }
        // The only part of it that can fail is the client's own body.
        if failed.error().is_user() {
            return Err(Failure::BrokenOff);
        }
        let Some(spare) = spare else {
            return Err(Failure::Unreachable(colour, why.to_owned()));
        };
        if !upstream.was_used_before() {
            self.deaths += 1;
            if !self.shape.reading || self.deaths > MAX_DEATHS {
                return Err(Failure::Unreachable(colour, why.to_owned()));
            }
        }
        Ok(spare)
    }

    /// Interim answers go to the client as they come, in their order. `100 Continue` is one that hyper sends
    /// itself, as soon as the body is asked for.
    fn listen_for_interim_answers(&self, request: &mut Request<RequestBody>) {
        let awaited = self.shape.expects.then(|| {
            let awaited = Arc::new(Continue::new(Arc::clone(&self.client.interim)));
            request.body_mut().await_continue(Arc::clone(&awaited));
            awaited
        });
        let interim = self
            .shape
            .takes_interim
            .then(|| Arc::clone(&self.client.interim));
        hyper::ext::on_informational(request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                if let Some(awaited) = &awaited {
                    awaited.receive();
                }
            } else if let Some(interim) = &interim {
                interim.push(answer.status(), answer.headers());
            }
        });
    }

    /// A used connection for what may be sent twice, a fresh one for everything else: a used one can be closing
    /// at its other end already, and what is then written to it is lost without anybody knowing.
    async fn connect(&self, colour: Colour) -> Result<Upstream, String> {
        let worker = self.worker;
        let config = &worker.gate.config;
        if self.shape.repeatable {
            let take = |cx: &mut Context<'_>| {
                Poll::Ready(worker.pool.take(colour, config.idle_timeout, cx))
            };
            if let Some(upstream) = poll_fn(take).await {
                return Ok(upstream);
            }
        }
        // A queue of connections that is full for a moment drops an attempt without a word, and the kernel
        // repeats it after one second and three.
        let patience = self
            .retry_until
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

    /// A short pause before the next attempt, or the end of them.
    async fn pause(&mut self, colour: Colour, why: &str) -> Result<(), Failure> {
        let now = Instant::now();
        let retry_until = *self
            .retry_until
            .get_or_insert(now + self.worker.gate.config.retry_for);
        if now >= retry_until {
            return Err(Failure::Unreachable(colour, why.to_owned()));
        }
        self.worker.stats.retried();
        sleep(RETRY_PAUSE.min(retry_until - now)).await;
        Ok(())
    }

    async fn wait_for_release(&mut self) -> Result<(), Failure> {
        let config = &self.worker.gate.config;
        let since = *self.held_since.get_or_insert_with(|| {
            self.worker.stats.held();
            Instant::now()
        });
        let left = config.hold_timeout.saturating_sub(since.elapsed());
        let switch = &self.worker.gate.switch;
        match switch.wait_for_release(config.hold_limit, left).await {
            HoldEnd::Released => {
                // What the colour is given to come up is counted from the release on.
                self.retry_until = None;
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
    progress: Option<&Progress>,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = pin!(answer);
    let mut before = 0;
    loop {
        match timeout(patience, &mut answer).await {
            Ok(answer) => return Some(answer),
            Err(_) => {
                let now = progress.map_or(0, Progress::parts);
                if now == before {
                    return None;
                }
                before = now;
            }
        }
    }
}

/// The same request without a body, to be sent if the first one is lost.
fn copy_without_body(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::none());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
