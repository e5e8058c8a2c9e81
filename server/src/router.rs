//! Where new requests go. A router's own record of the live colour is the truth about it, not the journal's.

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

/// How long a restore lets new requests wait for those in flight, whatever a drain may take.
pub const HOLD_PATIENCE: Duration = Duration::from_secs(10);

/// What a router knows of the traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Traffic {
    /// Requests in flight at each colour, blue first, streams not counted.
    pub requests_in_flight: [u64; 2],
    /// Long streams (WebSockets, event streams) at each colour, blue first.
    pub streams: [u64; 2],
    /// Requests answered since the start, whatever the status, Tealkeep's own left out; `None` where the router does not
    /// count them.
    pub answered: Option<u64>,
    /// Of those, answered with a server error (500 to 599).
    pub failed: Option<u64>,
    /// Requests that wait in a hold now.
    pub held_now: u64,
}

/// What users got of one colour, as the router counts it. Left out are Tealkeep's own requests, those that a client sent
/// malformed or broke off, and the pages of a hold or a maintenance: they say nothing about the app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// All requests that count, the failed ones included.
    pub requests: u64,
    /// Those that the app answered with a 5xx status.
    pub errors: u64,
    /// Those that the app gave no answer to, or none that could be passed on: the user got the router's own 502 or 504.
    pub unanswered: u64,
}

impl Answers {
    /// The requests that failed, for whichever of the two reasons.
    #[must_use]
    pub fn failed(self) -> u64 {
        self.errors + self.unanswered
    }

    /// What was counted after `earlier`, which is zero again in a counter that began anew.
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
    /// Makes its own record whole after a start, before anything else is asked of it: requests are held on
    /// if `hold` says that a run which was cut off goes on, and are not otherwise.
    ///
    /// # Errors
    /// Its record can't be read or written.
    async fn begin(&self, hold: bool) -> anyhow::Result<()>;

    /// Proves, by a request that takes a user's way, that what the record says is what happens.
    ///
    /// # Errors
    /// What was found, and what to do about it, in words.
    async fn prove(&self) -> Result<(), String>;

    /// The colour that new requests go to.
    async fn live(&self) -> anyhow::Result<Colour>;

    /// From one instant on, new requests go to `to`. When it returns, a power cut does not undo it.
    ///
    /// # Errors
    /// It could not be recorded; then the old colour is still live.
    async fn swap(&self, to: Colour) -> anyhow::Result<()>;

    /// New requests wait from now on, for a bounded time. Where `estimate` says that the wait would be
    /// longer than that, they get a page that says when to come back instead.
    async fn hold(&self, estimate: Duration) -> anyhow::Result<()>;

    /// Held requests go on, to whatever is live.
    async fn release(&self) -> anyhow::Result<()>;

    /// Waits until no request (streams aside) is in flight at a colour; `false` when `deadline` came first.
    ///
    /// # Errors
    /// It could not be told until the deadline, and why not; it is never guessed.
    async fn wait_for_requests(&self, colour: Colour, deadline: Duration) -> anyhow::Result<bool>;

    /// Tells a colour's long streams to go, and waits a little for it. Where a router can't tell them, they end
    /// with the colour itself, so an open stream must not keep anything from going on.
    async fn end_streams(&self, colour: Colour);

    /// Gives up idle connections to a colour that is about to be stopped.
    async fn forget(&self, colour: Colour);

    /// What is known of the traffic.
    async fn traffic(&self) -> Traffic;

    /// What users got of each colour, blue first, since this router was made; `None` where it can't be told.
    async fn answers(&self) -> Option<[Answers; 2]>;

    /// Where a request of a user arrives, for a probe that goes through the router.
    fn entrance(&self) -> SocketAddr;
}

/// Whether requests that are held for so long get through before a hold ends by itself.
fn waits(estimate: Duration, hold_timeout: Duration) -> bool {
    estimate + HOLD_PATIENCE < hold_timeout
}

/// What people read when a restore takes longer than requests can wait.
fn maintenance_for(estimate: Duration) -> Maintenance {
    Maintenance {
        text: format!(
            "Data from a backup is being put back, which takes about {}. Nothing that was entered is lost.",
            crate::clock::seconds(estimate)
        ),
        retry_after: estimate,
    }
}

/// Where what listens there is reached from this machine: every address means loopback too.
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

/// How often the gate's count is looked at while requests in flight are waited for.
const POLL: Duration = Duration::from_millis(10);
/// How long streams that were told to go are waited for.
const STREAM_FAREWELL: Duration = Duration::from_secs(1);

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

    /// The colour that `live_file` records; blue where nothing was ever recorded.
    ///
    /// # Errors
    /// The file is there and says neither colour.
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
        if waits(estimate, self.hold_timeout) {
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
            tokio::time::sleep(POLL).await;
        }
    }

    async fn end_streams(&self, colour: Colour) {
        self.gate.end_streams(colour);
        // Whoever has not gone by then is cut when the colour stops.
        let _ = self.gate.wait_idle(colour, STREAM_FAREWELL).await;
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
