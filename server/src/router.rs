//! Routers, which send new requests to the live colour. A router's own record decides which colour is live, not the
//! journal's.

pub mod caddy;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use tealkeep_gate as gate;

use crate::durable;
use crate::names::Colour;
use gate::{Gate, InFlight, Maintenance};

/// How long new requests wait for those in flight during a restore, whatever `drain_timeout` allows.
pub const HOLD_TIMEOUT: Duration = Duration::from_secs(10);

/// The traffic, as far as a router counts it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Traffic {
    /// Requests in flight at each colour, blue first, streams not counted.
    pub requests_in_flight: [u64; 2],
    /// Long streams (WebSockets, event streams) at each colour, blue first.
    pub streams: [u64; 2],
    /// Requests answered since the start, whatever the status, without Tealkeep's own; `None` if the router does not
    /// count them.
    pub answered: Option<u64>,
    /// Of those, answered with a server error (500 to 599).
    pub failed: Option<u64>,
    /// Requests that wait in a hold now.
    pub held_now: u64,
}

/// The answers of one colour to users, as the router counts them. It leaves out Tealkeep's own requests, malformed or
/// cancelled ones, and the pages of a hold or a maintenance: they say nothing about the app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// All requests that count, the failed ones included.
    pub requests: u64,
    /// Those that the app answered with a 5xx status.
    pub errors: u64,
    /// Those to which the app gave no usable answer: the user got the router's own 502 or 504.
    pub unanswered: u64,
}

impl Answers {
    /// The requests that failed, for either reason.
    #[must_use]
    pub fn failed(self) -> u64 {
        self.errors + self.unanswered
    }

    /// What was counted after `earlier`; everything, if the counter was reset since.
    #[must_use]
    pub fn since(self, earlier: Answers) -> Answers {
        if self.requests < earlier.requests {
            return self;
        }
        Answers {
            requests: self.requests - earlier.requests,
            errors: self.errors.saturating_sub(earlier.errors),
            unanswered: self.unanswered.saturating_sub(earlier.unanswered),
        }
    }
}

impl std::ops::Add for Answers {
    type Output = Answers;

    fn add(self, other: Answers) -> Answers {
        Answers {
            requests: self.requests + other.requests,
            errors: self.errors + other.errors,
            unanswered: self.unanswered + other.unanswered,
        }
    }
}

/// Sends new requests to one of two colours.
#[async_trait]
pub trait Router: Send + Sync {
    /// Repairs its record after a start; called before anything else. Requests stay held if `hold` says that an interrupted
    /// run continues, and are released otherwise.
    ///
    /// # Errors
    /// Its record can't be read or written.
    async fn begin(&self, hold: bool) -> anyhow::Result<()>;

    /// Verifies with a request that takes a user's route that the recorded colour really answers.
    ///
    /// # Errors
    /// What is wrong, and what to do, as a sentence.
    async fn prove(&self) -> Result<(), String>;

    /// The colour that new requests go to.
    async fn live(&self) -> anyhow::Result<Colour>;

    /// Sends new requests to `to`, atomically. When it returns, the change survives a power cut.
    ///
    /// # Errors
    /// It could not be recorded; then the old colour is still live.
    async fn swap(&self, to: Colour) -> anyhow::Result<()>;

    /// Holds new requests, for a limited time. If `estimate` is longer than that, they get a page that says when to come
    /// back instead.
    async fn hold(&self, estimate: Duration) -> anyhow::Result<()>;

    /// Releases held requests to the live colour.
    async fn release(&self) -> anyhow::Result<()>;

    /// Waits until no request (except streams) is in flight at a colour; `false` if `deadline` passes first.
    ///
    /// # Errors
    /// The router does not know, for this reason; it never guesses.
    async fn wait_for_requests(&self, colour: Colour, deadline: Duration) -> anyhow::Result<bool>;

    /// Asks a colour's long streams to end and waits briefly. If the router can't do that, they end with the colour
    /// itself, so an open stream must not block anything.
    async fn end_streams(&self, colour: Colour);

    /// Closes idle connections to a colour that is about to be stopped.
    async fn forget(&self, colour: Colour);

    /// The current traffic.
    async fn traffic(&self) -> Traffic;

    /// The answers of each colour since this router was created, blue first; `None` if it does not count them.
    async fn answers(&self) -> Option<[Answers; 2]>;

    /// Why the answers are not counted, as a clause without a full stop; `None` where they are.
    async fn reason_uncounted(&self) -> Option<String> {
        None
    }

    /// Where users' requests arrive, for a probe that goes through the router.
    fn entrance(&self) -> SocketAddr;
}

/// Whether requests held for this long are released before a hold times out.
fn can_wait(estimate: Duration, hold_timeout: Duration) -> bool {
    estimate + HOLD_TIMEOUT < hold_timeout
}

/// The page for people when a restore takes longer than requests can wait.
fn maintenance_for(estimate: Duration) -> Maintenance {
    Maintenance {
        text: format!(
            "Data from a backup is being put back, which takes about {}. Nothing that was entered is lost.",
            crate::clock::seconds(estimate)
        ),
        retry_after: estimate,
    }
}

/// The address at which this machine reaches a listener; an unspecified one includes loopback.
fn within_reach(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, listen.port())
}

/// The `gate` router: Tealkeep's own proxy, its live colour recorded in a file.
pub struct GateRouter {
    gate: Arc<Gate>,
    live_file: PathBuf,
    entrance: SocketAddr,
    hold_timeout: Duration,
}

/// How often to read the gate's count while waiting for requests in flight.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long to wait for streams that were asked to end.
const STREAM_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl GateRouter {
    /// A gate that listens on `listen`, with its live colour recorded in `live_file`.
    #[must_use]
    pub fn new(
        gate: Arc<Gate>,
        live_file: PathBuf,
        listen: SocketAddr,
        hold_timeout: Duration,
    ) -> GateRouter {
        GateRouter {
            gate,
            live_file,
            entrance: within_reach(listen),
            hold_timeout,
        }
    }

    /// The colour that `live_file` records; blue if nothing was recorded yet.
    ///
    /// # Errors
    /// The file exists and names neither colour.
    pub fn recorded(live_file: &std::path::Path) -> anyhow::Result<Colour> {
        match std::fs::read_to_string(live_file) {
            Ok(text) => text
                .trim()
                .parse()
                .with_context(|| format!("{} must hold the live colour", live_file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Colour::Blue),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", live_file.display()))
            }
        }
    }
}

#[async_trait]
impl Router for GateRouter {
    async fn begin(&self, hold: bool) -> anyhow::Result<()> {
        if hold {
            self.gate.hold();
        }
        Ok(())
    }

    async fn prove(&self) -> Result<(), String> {
        // The pointer that decides is this process's own.
        Ok(())
    }

    async fn live(&self) -> anyhow::Result<Colour> {
        Ok(self.gate.live())
    }

    async fn swap(&self, to: Colour) -> anyhow::Result<()> {
        let path = self.live_file.clone();
        // The record first: a crash between the two leaves what the next start will make true.
        tokio::task::spawn_blocking(move || {
            durable::write_whole(&path, format!("{to}\n").as_bytes(), 0o644)
        })
        .await??;
        self.gate.swap(to);
        Ok(())
    }

    async fn hold(&self, estimate: Duration) -> anyhow::Result<()> {
        if can_wait(estimate, self.hold_timeout) {
            self.gate.hold();
        } else {
            self.gate.set_maintenance(Some(maintenance_for(estimate)));
        }
        Ok(())
    }

    async fn release(&self) -> anyhow::Result<()> {
        self.gate.set_maintenance(None);
        self.gate.release();
        Ok(())
    }

    async fn wait_for_requests(&self, colour: Colour, deadline: Duration) -> anyhow::Result<bool> {
        let until = tokio::time::Instant::now() + deadline;
        loop {
            let InFlight { requests, .. } = self.gate.in_flight(colour);
            if requests == 0 {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn end_streams(&self, colour: Colour) {
        self.gate.end_streams(colour);
        // Whoever has not gone by then is cut when the colour stops.
        let _ = self.gate.wait_idle(colour, STREAM_CLOSE_TIMEOUT).await;
    }

    async fn forget(&self, colour: Colour) {
        self.gate.forget_connections(colour);
    }

    async fn traffic(&self) -> Traffic {
        let [blue, green] = Colour::BOTH.map(|colour| self.gate.in_flight(colour));
        let stats = self.gate.stats();
        let statuses = [stats.blue.statuses, stats.green.statuses];
        let own = stats.bad_gateway + stats.unavailable;
        Traffic {
            requests_in_flight: [blue.requests, green.requests],
            streams: [blue.streams, green.streams],
            answered: Some(statuses.iter().flatten().sum::<u64>() + own + stats.refused),
            failed: Some(statuses[0][4] + statuses[1][4] + own),
            held_now: self.gate.is_held().map_or(0, |held| held.waiting as u64),
        }
    }

    async fn answers(&self) -> Option<[Answers; 2]> {
        let stats = self.gate.stats();
        Some(Colour::BOTH.map(|colour| {
            let counted = stats.colour(colour);
            Answers {
                requests: counted.answers() + counted.unanswered,
                errors: counted.server_errors(),
                unanswered: counted.unanswered,
            }
        }))
    }

    fn entrance(&self) -> SocketAddr {
        self.entrance
    }
}
