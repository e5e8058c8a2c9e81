//! Connections to the colours. The task that uses a connection also drives it, so a request costs no hand-over between
//! tasks. Only requests that may be sent twice use a connection again: its other end may be closing it at this moment,
//! which the gate can't know.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::answer_fault::{self, MAX_ANSWER_HEAD, MAX_FIELDS};
use super::config::GateConfig;
use super::recorder::{Recorder, Recording};
use super::request_body::RequestBody;
use super::switch::lock;
use tealkeep_words::names::Colour;

/// How many unused connections one worker keeps to one colour.
const MAX_UNUSED: usize = 256;

/// One worker's unused connections, by colour, the newest last.
#[derive(Default)]
pub(super) struct Pool {
    by_colour: [Mutex<Unused>; 2],
}

#[derive(Default)]
struct Unused {
    /// How often connections were forgotten: one opened before that is not taken back.
    forgotten: u64,
    connections: Vec<(Instant, Upstream)>,
}

impl Pool {
    /// A connection that was used before and looks open, or none.
    pub(super) fn take(
        &self,
        colour: Colour,
        idle_timeout: Duration,
        cx: &mut Context<'_>,
    ) -> Option<Upstream> {
        let mut unused = lock(&self.by_colour[colour as usize]);
        while let Some((since, mut upstream)) = unused.connections.pop() {
            if since.elapsed() >= idle_timeout {
                // All below it are older still.
                unused.connections.clear();
                return None;
            }
            upstream.drive(cx);
            if upstream.is_reusable() {
                upstream.used_before = true;
                return Some(upstream);
            }
        }
        None
    }

    /// Takes a connection back whose exchange is over.
    pub(super) fn put(&self, upstream: Upstream) {
        let mut unused = lock(&self.by_colour[upstream.colour as usize]);
        if unused.forgotten == upstream.opened_after && unused.connections.len() < MAX_UNUSED {
            unused.connections.push((Instant::now(), upstream));
        }
    }

    /// Opens a new connection within `patience`.
    pub(super) async fn open(
        &self,
        colour: Colour,
        config: &GateConfig,
        patience: Duration,
    ) -> io::Result<Upstream> {
        let opened_after = lock(&self.by_colour[colour as usize]).forgotten;
        let connecting = TcpStream::connect(config.address(colour));
        let stream = tokio::time::timeout(patience, connecting).await??;
        stream.set_nodelay(true)?;
        let recording = Recording::default();
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_ANSWER_HEAD)
            .max_headers(MAX_FIELDS)
            // Two faults that a proxy has to mend (RFC 9112 sections 5.1 and 5.2).
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake(TokioIo::new(Recorder::new(stream, recording.clone())))
            .await
            .map_err(io::Error::other)?;
        Ok(Upstream {
            sender,
            connection: Box::pin(connection.with_upgrades()),
            recording,
            ended: false,
            colour,
            opened_after,
            used_before: false,
        })
    }

    /// Closes every unused connection to a colour, and those in use after their exchange.
    pub(super) fn forget(&self, colour: Colour) {
        let mut unused = lock(&self.by_colour[colour as usize]);
        unused.forgotten += 1;
        unused.connections.clear();
    }

    /// Whether there is an unused connection to either colour.
    pub(super) fn has_unused(&self) -> bool {
        self.by_colour
            .iter()
            .any(|unused| !lock(unused).connections.is_empty())
    }

    /// Closes what was unused for `idle_timeout`.
    pub(super) fn sweep(&self, idle_timeout: Duration) {
        for unused in &self.by_colour {
            let mut unused = lock(unused);
            let old = unused
                .connections
                .partition_point(|(since, _)| since.elapsed() >= idle_timeout);
            unused.connections.drain(..old);
        }
    }
}

/// One connection to a colour. Nothing moves on it unless it is driven.
pub(super) struct Upstream {
    sender: SendRequest<RequestBody>,
    connection: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    /// The bytes of the answer's head, as long as it is not understood.
    recording: Recording,
    ended: bool,
    colour: Colour,
    opened_after: u64,
    used_before: bool,
}

impl Upstream {
    /// Whether it carried a request before this one.
    pub(super) fn was_used_before(&self) -> bool {
        self.used_before
    }

    /// Sends a request and drives the connection until the head of the response is here.
    pub(super) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        self.recording.begin();
        let mut answer = pin!(self.sender.try_send_request(request));
        let (connection, ended) = (&mut self.connection, &mut self.ended);
        let answer = poll_fn(move |cx| {
            if !*ended && connection.as_mut().poll(cx).is_ready() {
                *ended = true;
            }
            answer.as_mut().poll(cx)
        })
        .await;
        if answer.is_ok() {
            self.recording.end();
        }
        answer
    }

    /// What was wrong with the answer that [`Upstream::exchange`] could not understand.
    pub(super) fn fault(&self) -> Option<String> {
        answer_fault::find(&self.recording.take())
    }

    /// Moves whatever can be moved.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        // The exchange that was on a connection learns how it ended.
        if !self.ended && self.connection.as_mut().poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// Moves whatever can be moved, and wakes no task when there is more.
    pub(super) fn drive_once(&mut self) {
        self.drive(&mut Context::from_waker(Waker::noop()));
    }

    /// Whether the last exchange is over on both sides, and the connection is open.
    pub(super) fn is_reusable(&self) -> bool {
        !self.ended && self.sender.is_ready()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Drives it until it ends: closed, or handed over after an upgrade.
    pub(super) async fn run_to_end(mut self) {
        poll_fn(|cx| {
            self.drive(cx);
            if self.ended {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Drives it until the exchange is over on both sides, or it ends.
    pub(super) async fn finish(&mut self) {
        poll_fn(|cx| {
            self.drive(cx);
            if self.ended || self.sender.is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
