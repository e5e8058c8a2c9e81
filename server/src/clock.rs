//! Now and the time zone: the only place that asks the machine for either. Everything that decides
//! takes `now` as a value.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::schedule::{Trust, clock_trust};

/// Where the system says which zone it is in: localtime(5).
const LOCALTIME: &str = "/etc/localtime";
/// How long systemd may take to say whether the clock was set: it starts a service to answer.
const TIMEDATE_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long its answer is believed.
const TIMEDATE_AGE: Duration = Duration::from_secs(180);

/// The machine's clock, seen in the zone that people here live in.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Zone,
    /// When it was last asked whether the clock was set, and the answer.
    synchronised: Arc<tokio::sync::Mutex<Option<Answer>>>,
}

/// What was said of whether the clock was set.
#[derive(Debug, Clone, Copy)]
struct Answer {
    at: Instant,
    synchronised: Option<bool>,
}

#[derive(Debug, Clone)]
enum Zone {
    /// The configuration's.
    Fixed(TimeZone),
    /// The system's, which may change while this process runs.
    System(Arc<SystemZone>),
}

impl Clock {
    /// The machine's clock with a zone from the configuration, or with the system's own.
    #[must_use]
    pub fn new(zone: Option<TimeZone>) -> Clock {
        let zone = match zone {
            Some(zone) => Zone::Fixed(zone),
            // What `TZ` says of this process can't change any more.
            None if std::env::var_os("TZ").is_some() => Zone::Fixed(TimeZone::system()),
            None => Zone::System(Arc::new(SystemZone::at(LOCALTIME.into()))),
        };
        Clock {
            zone,
            synchronised: Arc::default(),
        }
    }

    /// This instant, in UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// This instant as the household's wall shows it.
    #[must_use]
    pub fn local(&self) -> Zoned {
        self.now().to_zoned(self.zone())
    }

    /// The zone that local dates are reckoned in; the system's own follows `timedatectl set-timezone`.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        match &self.zone {
            Zone::Fixed(zone) => zone.clone(),
            Zone::System(system) => system.now(),
        }
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

/// The zone that a link such as `/etc/localtime` names, read again only when the link has changed.
#[derive(Debug)]
struct SystemZone {
    link: PathBuf,
    read: Mutex<Option<(Stamp, TimeZone)>>,
}

/// What changes when the link, or the file that stands in its place, does.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Stamp {
    target: Option<PathBuf>,
    modified: Option<SystemTime>,
}

impl SystemZone {
    fn at(link: PathBuf) -> SystemZone {
        SystemZone {
            link,
            read: Mutex::default(),
        }
    }

    fn now(&self) -> TimeZone {
        let stamp = Stamp {
            target: std::fs::read_link(&self.link).ok(),
            modified: self
                .link
                .symlink_metadata()
                .and_then(|meta| meta.modified())
                .ok(),
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, zone)) = &*read
            && *of == stamp
        {
            return zone.clone();
        }
        let zone = zone_of(&self.link, stamp.target.as_deref());
        *read = Some((stamp, zone.clone()));
        zone
    }
}

/// By the name that the link ends with, or else by the file's content; a system without one is in UTC.
fn zone_of(link: &Path, target: Option<&Path>) -> TimeZone {
    let name = target
        .and_then(Path::to_str)
        .and_then(|target| target.rsplit_once("zoneinfo/"))
        .map(|(_, name)| name);
    if let Some(zone) = name.and_then(|name| TimeZone::get(name).ok()) {
        return zone;
    }
    let content = std::fs::read(link).ok();
    content
        .and_then(|bytes| TimeZone::tzif("Local", &bytes).ok())
        .unwrap_or(TimeZone::UTC)
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

/// A length of time as a person says it: `0.4 s`, `12 s`, `3 min 20 s`.
#[must_use]
pub fn seconds(length: Duration) -> String {
    let whole = length.as_secs();
    match whole {
        0 if length < Duration::from_millis(50) => "less than 0.1 s".to_owned(),
        0..10 => format!("{:.1} s", length.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_systems_zone_follows_its_link() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("localtime");
        let zone = SystemZone::at(link.clone());
        assert_eq!(zone.now(), TimeZone::UTC);
        for name in ["Europe/Berlin", "Pacific/Auckland", "UTC"] {
            // As timedated does it: a new link, renamed over the old one.
            crate::durable::link_whole(Path::new(&format!("../usr/share/zoneinfo/{name}")), &link)
                .unwrap();
            assert_eq!(zone.now().iana_name(), Some(name));
        }
    }

    #[test]
    fn a_zone_that_was_copied_there_is_read_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("localtime");
        let zone = SystemZone::at(file.clone());
        assert_eq!(zone.now(), TimeZone::UTC);
        std::fs::copy("/usr/share/zoneinfo/Asia/Kolkata", &file).unwrap();
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        assert_eq!(noon.to_zoned(zone.now()).hour(), 17);
    }
}
