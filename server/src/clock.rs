//! Now and the time zone: the only place that asks the machine for either. Everything that decides
//! takes `now` as a value.

use std::path::Path;
use std::time::Duration;

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::schedule::{Trust, clock_trust};

/// The machine's clock, seen in the zone that people here live in.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// The machine's clock with a zone from the configuration, or with the system's own.
    #[must_use]
    pub fn new(zone: Option<TimeZone>) -> Clock {
        Clock {
            zone: zone.unwrap_or_else(TimeZone::system),
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
        self.now().to_zoned(self.zone.clone())
    }

    /// The zone that local dates are reckoned in.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

impl Clock {
    /// Whether the clock may decide what is removed, given the latest instant in the journal.
    #[must_use]
    pub fn trust(&self, latest_event: Option<Timestamp>) -> Trust {
        clock_trust(self.now(), latest_event, BUILT, synchronised(), uptime())
    }
}

/// No later than this program was built: a clock that shows less is wrong.
const BUILT: Timestamp = Timestamp::constant(1_793_491_200, 0);

/// What systemd-timesyncd knows: it makes this file once the clock was set from the network. `None` where
/// it does not run.
fn synchronised() -> Option<bool> {
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
