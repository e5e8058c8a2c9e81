//! Counts the requests that Caddy has answered, from the reports that the printed site has it send: one UDP datagram for each
//! answered request. A report counts only if it comes from the user whose process listens on the app's port. Tealkeep loses
//! what Caddy reports while it does not run, and nothing ever waits for it.

mod lives;
mod report;
mod sender;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reports::reports_requests;
use super::site::reports_address;
use crate::config::CaddySection;
use crate::names::Colour;
use crate::router::Answers;
use lives::Lives;
use report::{MAX_BYTES, Outcome, Report};
use sender::Senders;

/// How long to wait before the port is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// For how long a report shows that Caddy sends them; after that Caddy is asked what it has loaded.
const MAX_SILENCE: Duration = Duration::from_secs(120);

/// What is known of the requests of one app behind Caddy.
#[derive(Debug)]
pub struct Requests {
    section: CaddySection,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    answers: [Answers; 2],
    lives: Lives,
    /// When the newest report arrived.
    newest: Option<Instant>,
    /// How many datagrams were no report.
    malformed: u64,
    /// How many reports came from somebody else than Caddy.
    foreign: u64,
    /// Why none can arrive.
    trouble: Option<String>,
}

impl Requests {
    /// Receives reports until `stop`, from now on. If the port can't be used now, it is tried again; nothing else depends on it.
    #[must_use]
    pub fn receive(
        section: &CaddySection,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Requests> {
        let requests = Arc::new(Requests {
            section: section.clone(),
            known: Mutex::new(Known {
                answers: [Answers::default(); 2],
                lives: Lives::new(Colour::Blue),
                newest: None,
                malformed: 0,
                foreign: 0,
                trouble: None,
            }),
        });
        let bound = bind(reports_address(section));
        tasks.spawn({
            let requests = requests.clone();
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = requests.run(bound) => {}
                }
            }
        });
        requests
    }

    async fn run(&self, mut bound: io::Result<UdpSocket>) {
        let address = reports_address(&self.section);
        loop {
            let error = match bound {
                Ok(socket) => {
                    self.known().trouble = None;
                    self.read(&socket).await
                }
                Err(error) => error,
            };
            let trouble = format!(
                "Tealkeep can't receive what Caddy reports to {address}: {error}; stop whatever uses that UDP port, or give \
                 `hold_listen` another one"
            );
            tracing::warn!("{trouble}");
            self.known().trouble = Some(trouble);
            tokio::time::sleep(RETRY_INTERVAL).await;
            bound = bind(address);
        }
    }

    /// Takes in what arrives until the socket fails.
    async fn read(&self, socket: &UdpSocket) -> io::Error {
        let mut senders = Senders::new(self.section.listen.port());
        let mut buffer = [0; MAX_BYTES + 1];
        loop {
            let (length, from) = match socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(error) => return error,
            };
            let report = Report::read(&buffer[..length]);
            // Only what would count is worth a look at who sent it.
            let is_caddys = report.is_some() && senders.is_caddy(from, Instant::now()).await;
            self.take_in(report, is_caddys);
        }
    }

    fn take_in(&self, report: Option<Report>, is_caddys: bool) {
        let mut known = self.known();
        let Some(report) = report else {
            known.malformed = known.malformed.saturating_add(1);
            return;
        };
        if !is_caddys {
            known.foreign = known.foreign.saturating_add(1);
            return;
        }
        known.newest = Some(Instant::now());
        let (errors, unanswered) = match report.outcome {
            Outcome::Uncounted => return,
            Outcome::Answered => (0, 0),
            Outcome::Error => (1, 0),
            Outcome::Unanswered => (0, 1),
        };
        let colour = known.lives.of(report.began, report.ended);
        let count = &mut known.answers[colour as usize];
        *count = *count
            + Answers {
                requests: 1,
                errors,
                unanswered,
            };
    }

    /// New requests go to `live` from this instant on, in seconds since 1970, or once they are no longer held. What begins in the
    /// milliseconds between the swap and this call may count for the other colour.
    pub(super) fn go_live(&self, at: f64, live: Colour) {
        self.known().lives.go_live(at, live);
    }

    /// New requests wait from this instant on, or go on to what is live.
    pub(super) fn hold(&self, at: f64, is_held: bool) {
        self.known().lives.hold(at, is_held);
    }

    /// What users got of each colour, blue first; `None` before the first report.
    pub(super) fn answers(&self) -> Option<[Answers; 2]> {
        let known = self.known();
        known.newest.is_some().then_some(known.answers)
    }

    /// Why requests are not counted, in words that end no sentence; `None` where they are.
    pub(super) async fn reason_uncounted(&self) -> Option<String> {
        let (newest, foreign) = {
            let known = self.known();
            if let Some(trouble) = &known.trouble {
                return Some(trouble.clone());
            }
            (known.newest, known.foreign)
        };
        if newest.is_some_and(|newest| newest.elapsed() < MAX_SILENCE) {
            return None;
        }
        match reports_requests(&self.section).await {
            Ok(true) if newest.is_none() && foreign > 0 => Some(format!(
                "the reports that arrive do not come from the user that listens on port {}",
                self.section.listen.port()
            )),
            // Nobody has asked the app for anything.
            Ok(true) => None,
            Ok(false) => Some(
                "Caddy has loaded a site that does not report them, which an older Tealkeep printed or somebody changed"
                    .to_owned(),
            ),
            Err(_) if newest.is_some() => None,
            Err(error) => Some(format!("no report of Caddy has arrived, and {error}")),
        }
    }

    /// How many datagrams counted for nothing: those that were no report, and those that were not Caddy's.
    #[must_use]
    pub fn dropped(&self) -> (u64, u64) {
        let known = self.known();
        (known.malformed, known.foreign)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
