//! The machine's clock and time zone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The link that names the system's zone: localtime(5).
const LOCALTIME: &str = "/etc/localtime";
/// The machine's clock, in the household's time zone.
#[derive(Debug, Clone)]
pub struct WallClock {
    zone: Zone,
}

#[derive(Debug, Clone)]
enum Zone {
    /// The configuration's.
    Fixed(TimeZone),
    /// The system's, which may change while this process runs.
    System(Arc<SystemZone>),
}

impl WallClock {
    /// The machine's clock with a zone from the configuration, or with the system's own.
    #[must_use]
    pub fn new(zone: Option<TimeZone>) -> WallClock {
        let zone = match zone {
            Some(zone) => Zone::Fixed(zone),
            // What `TZ` says of this process can't change any more.
            None if std::env::var_os("TZ").is_some() => Zone::Fixed(TimeZone::system()),
            None => Zone::System(Arc::new(SystemZone::at(LOCALTIME.into()))),
        };
        WallClock { zone }
    }

    /// This instant, in UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// This instant in the household's time zone.
    #[must_use]
    pub fn local(&self) -> Zoned {
        self.now().to_zoned(self.zone())
    }

    /// The zone of local dates; the system's own follows `timedatectl set-timezone`.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        match &self.zone {
            Zone::Fixed(zone) => zone.clone(),
            Zone::System(system) => system.now(),
        }
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

/// A duration in words: `0.4 s`, `12 s`, `3 min 20 s`.
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
