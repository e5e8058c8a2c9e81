//! A gate's configuration: where the two colours listen, and the limits that keep one client, or one slow colour, from
//! using everything up. Each default is a documented constant.

use std::net::SocketAddr;
use std::time::Duration;

use super::heads::HeadBudget;
use tealkeep_words::names::Colour;

/// How long a held request waits before it gets the maintenance page.
pub const HOLD_TIMEOUT: Duration = Duration::from_secs(30);
/// How many requests may wait at once; those past it get the maintenance page.
pub const HOLD_LIMIT: usize = 10_000;
/// How long the gate retries while a colour refuses connections.
pub const RETRY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection to a colour is kept: well below the 5 s after which Node closes its
/// side, so that the gate is the first to close.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a colour may take to the first byte of its answer; while a request's body is still being
/// uploaded, how long that may stall.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a client may take for the head of a request, counted from its first byte.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How large the head of a request may be; past it the answer is 431 (RFC 6585 section 5). Browsers send at most some
/// KiB; what is not whole yet costs memory before anybody knows whose it is.
pub const HEADER_LIMIT: usize = 16 * 1024;
/// How long a client connection may be silent between requests. Longer than the 90 s that
/// `cloudflared` keeps its own, so that the client closes first and no request crosses a close.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a client may take nothing of what is sent to it.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many client connections may be open; the next ones wait in the listener's queue.
pub const CLIENT_LIMIT: usize = 12_000;
/// How long requests in flight may take to end once the gate shuts down.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

/// How long an idle connection stays open once the gate shuts down: a request that is on its way to it is still
/// answered, with `Connection: close`.
pub const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// A gate's configuration; [`GateConfig::new`] fills in the defaults.
#[derive(Debug, Clone)]
pub struct GateConfig {
    /// Where blue listens.
    pub blue: SocketAddr,
    /// Where green listens.
    pub green: SocketAddr,
    /// The path that is answered also while requests are held: `/healthz` by default.
    pub health_path: String,
    /// See [`HOLD_TIMEOUT`].
    pub hold_timeout: Duration,
    /// See [`HOLD_LIMIT`].
    pub hold_limit: usize,
    /// See [`RETRY_TIMEOUT`].
    pub retry_for: Duration,
    /// Whether another proxy stands in front whose `X-Forwarded-*` are to be believed and kept.
    /// Without it a client's own are replaced, so that no client can forge them.
    pub trust_forwarded: bool,
    /// See [`IDLE_TIMEOUT`].
    pub idle_timeout: Duration,
    /// See [`RESPONSE_TIMEOUT`].
    pub response_timeout: Duration,
    /// See [`HEADER_TIMEOUT`].
    pub header_timeout: Duration,
    /// See [`HEADER_LIMIT`]; at least 8 KiB.
    pub header_limit: usize,
    /// What all heads that are not whole yet may take up.
    pub head_budget: HeadBudget,
    /// See [`CLIENT_IDLE_TIMEOUT`].
    pub client_idle_timeout: Duration,
    /// See [`WRITE_TIMEOUT`].
    pub write_timeout: Duration,
    /// See [`CLIENT_LIMIT`].
    pub client_limit: usize,
    /// See [`SHUTDOWN_DEADLINE`].
    pub shutdown_deadline: Duration,
    /// See [`SHUTDOWN_GRACE`].
    pub shutdown_grace: Duration,
    /// Threads that carry requests; as many as there are processors, and at most four, by default.
    pub workers: usize,
}

impl GateConfig {
    /// A gate in front of these two addresses, with every default.
    #[must_use]
    pub fn new(blue: SocketAddr, green: SocketAddr) -> GateConfig {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        GateConfig {
            blue,
            green,
            health_path: "/healthz".to_owned(),
            hold_timeout: HOLD_TIMEOUT,
            hold_limit: HOLD_LIMIT,
            retry_for: RETRY_TIMEOUT,
            trust_forwarded: false,
            idle_timeout: IDLE_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
            header_timeout: HEADER_TIMEOUT,
            header_limit: HEADER_LIMIT,
            head_budget: HeadBudget::default(),
            client_idle_timeout: CLIENT_IDLE_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            client_limit: CLIENT_LIMIT,
            shutdown_deadline: SHUTDOWN_DEADLINE,
            shutdown_grace: SHUTDOWN_GRACE,
            workers: processors.clamp(1, 4),
        }
    }

    /// Where a colour listens.
    #[must_use]
    pub fn address(&self, colour: Colour) -> SocketAddr {
        match colour {
            Colour::Blue => self.blue,
            Colour::Green => self.green,
        }
    }
}
