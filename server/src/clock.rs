//! Now and the time zone: the only place that asks the machine for either. Everything that decides
//! takes `now` as a value.

use jiff::{Timestamp, Zoned, tz::TimeZone};

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
