//! The current time, the time zone, and whether the clock can be trusted. This is the only place that asks the machine for them;
//! everything that decides takes `now` as a value.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::schedule::{Trust, clock_trust};

use tealkeep_base::clock::WallClock;
pub use tealkeep_base::clock::seconds;

/// How long systemd may take to say whether the clock was set: it starts a service to answer.
const TIMEDATE_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long its answer is believed.
const TIMEDATE_AGE: Duration = Duration::from_secs(180);

/// The machine's clock, seen in the zone that people here live in.
#[derive(Debug, Clone)]
pub struct Clock {
    wall: WallClock,
    /// When it was last asked whether the clock was set, and the answer.
    synchronised: Arc<tokio::sync::Mutex<Option<Answer>>>,
}

/// What was said of whether the clock was set.
#[derive(Debug, Clone, Copy)]
struct Answer {
    at: Instant,
    synchronised: Option<bool>,
}

/// An instant in the machine's zone, as commands print it: `2026-11-21 03:30`.
#[must_use]
pub fn local_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

impl Clock {
    /// The machine's clock with a zone from the configuration, or with the system's own.
    #[must_use]
    pub fn new(zone: Option<TimeZone>) -> Clock {
        Clock {
            wall: WallClock::new(zone),
            synchronised: Arc::default(),
        }
    }

    /// This instant, in UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall.now()
    }

    /// This instant as the household's wall shows it.
    #[must_use]
    pub fn local(&self) -> Zoned {
        self.wall.local()
    }

    /// The zone that local dates are reckoned in; see [`WallClock::zone`].
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.wall.zone()
    }

    /// Whether the clock may decide what is removed, given the latest instant in the journal.
    pub async fn trust(&self, latest_event: Option<Timestamp>) -> Trust {
        let synchronised = self.synchronised().await;
        clock_trust(self.now(), latest_event, BUILT, synchronised, uptime())
    }

    /// Whether the clock was set from the network; `None` where nobody knows. It wakes systemd's service, which
    /// otherwise sleeps: for when something is about to be decided, not for each tick.
    pub async fn synchronised(&self) -> Option<bool> {
        let mut known = self.synchronised.lock().await;
        if let Some(answer) = *known
            && answer.at.elapsed() < TIMEDATE_AGE
        {
            return answer.synchronised;
        }
        let asked = tokio::time::timeout(TIMEDATE_TIMEOUT, ask_timedate()).await;
        let synchronised = match asked {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                tracing::debug!("systemd does not say whether the clock was set: {error}");
                timesyncd()
            }
            Err(_) => timesyncd(),
        };
        *known = Some(Answer {
            at: Instant::now(),
            synchronised,
        });
        synchronised
    }
}

/// `NTPSynchronized` of org.freedesktop.timedate1(5): the kernel's own word for it, whoever sets the clock.
async fn ask_timedate() -> zbus::Result<bool> {
    let connection = zbus::Connection::system().await?;
    let timedate = TimedateProxy::builder(&connection)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    timedate.ntp_synchronized().await
}

#[zbus::proxy(
    interface = "org.freedesktop.timedate1",
    default_service = "org.freedesktop.timedate1",
    default_path = "/org/freedesktop/timedate1"
)]
trait Timedate {
    #[zbus(property, name = "NTPSynchronized")]
    fn ntp_synchronized(&self) -> zbus::Result<bool>;
}

/// No later than this program was built: a clock that shows less is wrong.
pub const BUILT: Timestamp = instant(env!("TEALKEEP_BUILT"));

/// An instant that `build.rs` has written down.
const fn instant(seconds: &str) -> Timestamp {
    match i64::from_str_radix(seconds, 10) {
        Ok(seconds) => Timestamp::constant(seconds, 0),
        Err(_) => panic!("build.rs writes seconds since 1970"),
    }
}

/// What systemd-timesyncd knows: it makes this file once the clock was set from the network. `None` where
/// it does not run.
fn timesyncd() -> Option<bool> {
    let folder = Path::new("/run/systemd/timesync");
    folder
        .is_dir()
        .then(|| folder.join("synchronized").exists())
}

fn uptime() -> Duration {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok());
    // Without an answer the machine counts as up for long: a Pi that is offline for good still rotates.
    Duration::from_secs_f64(seconds.unwrap_or(f64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn the_program_knows_when_it_was_built() {
        assert_eq!(instant("1793491200").to_string(), "2026-11-01T00:00:00Z");
        assert!(BUILT <= Timestamp::now());
        // It is asked for anew whenever this file has changed; a packager may name an earlier instant.
        if option_env!("SOURCE_DATE_EPOCH").is_none() {
            let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
            let changed = lock.metadata().unwrap().modified().unwrap();
            let changed = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            assert!(BUILT.as_second().unsigned_abs() >= changed.as_secs());
        }
    }
}
