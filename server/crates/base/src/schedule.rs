//! When the nightly run is due, and what was missed, as pure functions: once each local date, whatever the zone's clocks
//! do, and however long the machine was off.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// How late a nightly run may begin; later it counts as a catch-up.
pub const CATCH_UP_DELAY: SignedDuration = SignedDuration::from_mins(10);

/// For how long after boot an unsynchronised clock is not trusted. A Pi that stays offline is, after that.
pub const CLOCK_SYNC_TIMEOUT: Duration = Duration::from_secs(3600);

/// The pause after the first failed attempt of a night.
const MIN_RETRY_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// The longest pause between two attempts of a night.
pub const MAX_RETRY_PAUSE: SignedDuration = SignedDuration::from_hours(4);

/// How long after its `failed`th try that failed a night is tried again: each pause is twice as long as the one before,
/// since a try may take an hour and read all of the database, until the longest.
#[must_use]
pub fn pause_after(failed: u32) -> SignedDuration {
    let doublings = failed.saturating_sub(1).min(8);
    (MIN_RETRY_PAUSE * (1 << doublings)).min(MAX_RETRY_PAUSE)
}

/// The newest night that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// The local date that it counted for.
    pub local_date: Date,
}

impl LastRun {
    /// The newest of the dates that are done, leaving out those after `today`, which only a clock that
    /// was wrong can have made.
    pub fn newest(done: impl IntoIterator<Item = Date>, today: Date) -> Option<LastRun> {
        let past = done.into_iter().filter(|date| *date <= today);
        past.max().map(|local_date| LastRun { local_date })
    }
}

/// The schedule's answer at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A run is due now.
    Due {
        /// The local date that it counts for.
        local_date: Date,
        /// Whether it is late because the machine was off.
        catch_up: bool,
    },
    /// Nothing is due.
    NotYet {
        /// When the next one is.
        next: Timestamp,
    },
}

/// From when on nights are due, given what the first start wrote down: a clock that ran ahead at that moment must
/// not keep every night away until it is right. One that shows less than `build_date` is wrong now, and says
/// nothing about then.
#[must_use]
pub fn counts_from(installed_at: Timestamp, now: Timestamp, build_date: Timestamp) -> Timestamp {
    if installed_at > now && now >= build_date {
        Timestamp::MIN
    } else {
        installed_at
    }
}

/// Decides whether the run of `at`, local time, is due. However many dates were missed, only the last of them
/// is caught up. Nothing is due before the first `at` after `installed_at`.
///
/// A time that the zone's clocks leave out is taken as much later as they jump, and of one that comes
/// twice the first counts (RFC 5545, 3.3.5). A date that the zone left out altogether has no run.
///
/// `last` has to come from [`LastRun::newest`] or know otherwise that it is not in the future: one that is
/// counts as none at all.
#[must_use]
pub fn due(
    now: Timestamp,
    zone: &TimeZone,
    at: Time,
    last: Option<LastRun>,
    installed_at: Timestamp,
) -> Decision {
    let today = now.to_zoned(zone.clone()).date();
    let done = last
        .map(|last| last.local_date)
        .filter(|date| *date <= today);
    let not_yet = Decision::NotYet {
        next: next_run(now, zone, at),
    };
    // Today's, or else the last before it: yesterday's, unless the zone left that date out.
    let latest = (0..=3)
        .filter_map(|back| today.checked_sub(back.days()).ok())
        .find_map(|date| Some((date, instant(zone, date, at).filter(|when| *when <= now)?)));
    match latest {
        Some((local_date, when)) if when > installed_at && done.is_none_or(|d| d < local_date) => {
            Decision::Due {
                local_date,
                catch_up: now.duration_since(when) > CATCH_UP_DELAY,
            }
        }
        _ => not_yet,
    }
}

/// The first run after `now`.
#[must_use]
pub fn next_run(now: Timestamp, zone: &TimeZone, at: Time) -> Timestamp {
    let today = now.to_zoned(zone.clone()).date();
    (-1..=4)
        .filter_map(|ahead: i64| today.checked_add(ahead.days()).ok())
        .filter_map(|date| instant(zone, date, at))
        .find(|when| *when > now)
        // Only at the end of the calendar, in the year 9999.
        .unwrap_or(Timestamp::MAX)
}

/// When something that is done every so often is due again: at once where it never was, or where the last time is
/// in the future, which only a clock that was wrong can have made.
#[must_use]
pub fn next_check(now: Timestamp, last: Option<Timestamp>, every: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    match last {
        Some(last) if last <= now => last.checked_add(pause).unwrap_or(Timestamp::MAX),
        Some(_) | None => now,
    }
}

/// The instant of `at` on a local date; `None` where the zone has no such date.
fn instant(zone: &TimeZone, date: Date, at: Time) -> Option<Timestamp> {
    let begins = date.to_zoned(zone.clone()).ok()?;
    if begins.date() != date {
        return None;
    }
    let when = date.to_datetime(at).to_zoned(zone.clone()).ok()?;
    Some(when.timestamp())
}

/// Whether the clock may decide what is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It may.
    Trusted,
    /// It may not; why, in words.
    Untrusted(String),
}

/// Judges the clock. A Pi has none that runs while it is off: until the network has set it, it says anything.
///
/// `synchronised` is what the system knows of it, `None` where it can't be asked. A clock that the network has set
/// is right, whatever the journal says: what is dated after it was written while the clock ran ahead, and must not
/// keep everything for years.
#[must_use]
pub fn clock_trust(
    now: Timestamp,
    newest_journal_event: Option<Timestamp>,
    build_date: Timestamp,
    synchronised: Option<bool>,
    uptime: Duration,
) -> Trust {
    let contradicted =
        newest_journal_event.filter(|event| *event > now && synchronised != Some(true));
    if let Some(event) = contradicted {
        Trust::Untrusted(format!(
            "the clock says {now:.0}, and something happened at {event:.0} already"
        ))
    } else if now < build_date {
        Trust::Untrusted(format!(
            "the clock says {now:.0}, before this Tealkeep was built"
        ))
    } else if synchronised == Some(false) && uptime < CLOCK_SYNC_TIMEOUT {
        Trust::Untrusted(format!(
            "the clock has not been set by the network in the {} minutes since the start",
            uptime.as_secs() / 60
        ))
    } else {
        Trust::Trusted
    }
}

#[cfg(test)]
mod tests;
