//! Which night a file is of: read from its path, and where that leaves something open, from the time of its last
//! change. Pure: the same path, times and zone give the same night.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use regex::{Captures, Regex};

/// The years that a number in a name is taken for: others are something else.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;

/// What a path says of the night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// A day, and perhaps a time of that day.
    Day(Date, Option<At>),
    /// An ISO week, a month: from the one date to the other.
    Span(Date, Date),
    /// Nothing.
    Nothing,
}

impl Said {
    /// Whether it names one night and no other.
    pub(super) fn is_exact(self) -> bool {
        matches!(self, Said::Day(..))
    }
}

/// A time of day in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// By the household's clock.
    Local(Time),
    /// In UTC, as a `Z` behind it says.
    Utc(Time),
}

/// The night that a file stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Night {
    /// The local date.
    pub date: Date,
    /// The instant.
    pub at: Zoned,
}

/// Reads a relative path: `daily/2026-11-21/db.sqlite.gz`, `home-20261121.db`, `2026/11/21/x.db.gz`,
/// `weekly/2026-W47.sqlite.gz`, `monthly/2026-11.sqlite.gz`. A day says more than a week or a month, and what stands
/// further to the right more than what stands before it.
pub(super) fn said(path: &str) -> Said {
    let days = all(&DAY, path).into_iter().rev();
    if let Some(day) = days.filter_map(|found| day(&found)).next() {
        return day;
    }
    let weeks = all(&WEEK, path).into_iter().rev();
    if let Some(week) = weeks.filter_map(|found| week(&found)).next() {
        return week;
    }
    let months = all(&MONTH, path).into_iter().rev();
    months
        .filter_map(|found| month(&found))
        .next()
        .unwrap_or(Said::Nothing)
}

/// The night of a file, given when it was last changed (in the household's zone), now, and the time of the nightly
/// snapshot.
///
/// # Errors
/// It lies in the future, or nothing says when it was; in words.
pub(super) fn night(
    said: Said,
    changed: &Zoned,
    now: &Zoned,
    nightly: Time,
) -> Result<Night, String> {
    let today = now.date();
    let zone = now.time_zone();
    let (date, time) = match said {
        Said::Day(date, None) => (date, None),
        Said::Day(date, Some(At::Local(time))) => (date, Some(instant(zone, date, time))),
        Said::Day(date, Some(At::Utc(time))) => {
            let at = instant(&TimeZone::UTC, date, time)
                .timestamp()
                .to_zoned(zone.clone());
            (at.date(), Some(at))
        }
        Said::Span(first, _) if first > today => (first, None),
        Said::Span(first, last) if (first..=last).contains(&changed.date()) => {
            (changed.date(), None)
        }
        Said::Span(_, last) => (last.min(today), None),
        Said::Nothing if YEARS.contains(&changed.year()) => (changed.date(), None),
        Said::Nothing => {
            return Err(format!(
                "neither its path nor its time of change ({}) says which night it is of; put the date into its name",
                changed.date()
            ));
        }
    };
    if date > today {
        return Err(format!(
            "it would be of {date}, which is still to come; is a clock wrong?"
        ));
    }
    let at = match time {
        Some(at) => at,
        None if changed.date() == date => changed.clone(),
        None => instant(zone, date, nightly),
    };
    // Later today at the most, by a clock that differs a little.
    let at = if at > *now { now.clone() } else { at };
    Ok(Night { date, at })
}

/// A local time that does not exist, or comes twice, is taken as RFC 5545 takes it.
fn instant(zone: &TimeZone, date: Date, time: Time) -> Zoned {
    let local = DateTime::from_parts(date, time);
    zone.to_ambiguous_zoned(local)
        .compatible()
        .unwrap_or_else(|_| Timestamp::UNIX_EPOCH.to_zoned(zone.clone()))
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant, and a test uses it")
}

/// The year, month and day, with or without one separator; behind them perhaps hour, minute and second.
static DAY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?:^|[^0-9])(?<found>(?<y>[0-9]{4})[-_./]?(?<m>[0-9]{2})(?<last>[-_./]?)(?<d>[0-9]{2})(?:[T_ -]?(?<hour>[0-9]{2})[:.h_-]?(?<minute>[0-9]{2})(?:[:._-]?(?<second>[0-9]{2}))?(?<utc>Z)?)?)(?:[^0-9]|$)",
    )
});
static WEEK: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?:^|[^0-9])(?<found>(?<y>[0-9]{4})[-_]?[Ww](?<w>[0-9]{2}))(?:[^0-9]|$)")
});
static MONTH: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?:^|[^0-9])(?<found>(?<y>[0-9]{4})[-_./](?<m>[0-9]{2}))(?:[^0-9]|$)")
});

/// Every place where a pattern matches, those included that begin within another one.
fn all<'t>(pattern: &Regex, text: &'t str) -> Vec<Captures<'t>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(captures) = pattern.captures_at(text, from) {
        from = captures
            .name("found")
            .map_or(text.len(), |date| date.start() + 1);
        found.push(captures);
    }
    found
}

fn number<T: std::str::FromStr>(captures: &Captures<'_>, name: &str) -> Option<T> {
    captures.name(name)?.as_str().parse().ok()
}

fn year(captures: &Captures<'_>) -> Option<i16> {
    number(captures, "y").filter(|year| YEARS.contains(year))
}

fn day(captures: &Captures<'_>) -> Option<Said> {
    let date = Date::new(
        year(captures)?,
        number(captures, "m")?,
        number(captures, "d")?,
    )
    .ok()?;
    // `2026-10/2026-11-21` has no time of day behind a 20th of October.
    if captures
        .name("last")
        .is_some_and(|last| last.as_str() == "/")
        && captures.name("hour").is_some()
    {
        return None;
    }
    let time = number(captures, "hour").and_then(|hour| {
        let second = number(captures, "second").unwrap_or(0);
        Time::new(hour, number(captures, "minute")?, second, 0).ok()
    });
    let at = time.map(|time| match captures.name("utc") {
        Some(_) => At::Utc(time),
        None => At::Local(time),
    });
    Some(Said::Day(date, at))
}

fn week(captures: &Captures<'_>) -> Option<Said> {
    let on = |weekday| {
        let date = ISOWeekDate::new(year(captures)?, number(captures, "w")?, weekday).ok()?;
        Some(date.date())
    };
    Some(Said::Span(on(Weekday::Monday)?, on(Weekday::Sunday)?))
}

fn month(captures: &Captures<'_>) -> Option<Said> {
    let first = Date::new(year(captures)?, number(captures, "m")?, 1).ok()?;
    Some(Said::Span(first, first.last_of_month()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn zoned(text: &str) -> Zoned {
        format!("{text}[Europe/Berlin]").parse().unwrap()
    }

    #[test]
    fn dates_are_read_however_the_script_wrote_them() {
        let day = Said::Day(date(2026, 11, 21), None);
        for path in [
            "daily/2026-11-21/db.sqlite.gz",
            "daily/20261121/db.sqlite.gz",
            "daily/2026_11_21.db.gz",
            "2026/11/21/home.sqlite3.gz",
            "2026-11/21.db",
            "home-2026-11-21.sqlite.gz",
            "home20261121.db",
            "2025-01-01/2026-11-21/x.db",
            "2026-11-21-2.db",
            "monthly/2026-10/2026-11-21.db",
            "2026-11-21/2026-13-40.db",
            "2026-11-21/9999999999.db",
        ] {
            assert_eq!(said(path), day, "{path}");
        }
        let at = |hour, minute, second| At::Local(Time::constant(hour, minute, second, 0));
        for (path, time) in [
            ("home-20261121-0330.db", at(3, 30, 0)),
            ("home-20261121033005.db", at(3, 30, 5)),
            ("2026-11-21T03:30.db", at(3, 30, 0)),
            ("2026-11-21_03-30-05.sqlite.gz", at(3, 30, 5)),
            (
                "2026-11-21T033000Z.sqlite.gz",
                At::Utc(Time::constant(3, 30, 0, 0)),
            ),
        ] {
            assert_eq!(
                said(path),
                Said::Day(date(2026, 11, 21), Some(time)),
                "{path}"
            );
        }
        let week = Said::Span(date(2024, 12, 30), date(2025, 1, 5));
        for path in ["weekly/2025-W01.sqlite.gz", "weekly/2025w01/db.gz"] {
            assert_eq!(said(path), week, "{path}");
        }
        let month = Said::Span(date(2024, 2, 1), date(2024, 2, 29));
        for path in ["monthly/2024-02.sqlite.gz", "monthly/2024_02/db.sqlite.gz"] {
            assert_eq!(said(path), month, "{path}");
        }
        for path in [
            "home.sqlite.gz",
            "1234-56-78.db",
            "backup-1763695800.db",
            "v2026.db",
            "2026-W60.db",
        ] {
            assert_eq!(said(path), Said::Nothing, "{path}");
        }
    }

    #[test]
    fn a_night_is_the_paths_date_at_the_files_own_time_or_else_the_nightly_one() {
        let now = zoned("2026-11-21T12:00:00+01:00");
        let nightly = Time::constant(3, 30, 0, 0);
        let of = |path: &str, changed: &str| night(said(path), &zoned(changed), &now, nightly);
        for (path, changed, expected) in [
            (
                "2026-11-20.db",
                "2026-11-20T03:31:07+01:00",
                "2026-11-20T03:31:07+01:00",
            ),
            // Copied about since: its time of change says nothing.
            (
                "2026-11-20.db",
                "2026-11-21T09:00:00+01:00",
                "2026-11-20T03:30:00+01:00",
            ),
            (
                "2026-07-01-0215.db",
                "2026-07-02T09:00:00+02:00",
                "2026-07-01T02:15:00+02:00",
            ),
            // In UTC it was still the day before.
            (
                "2026-07-01T231500Z.db",
                "2026-07-02T09:00:00+02:00",
                "2026-07-02T01:15:00+02:00",
            ),
            (
                "2026-W46.db",
                "2026-11-12T03:30:00+01:00",
                "2026-11-12T03:30:00+01:00",
            ),
            (
                "2026-W46.db",
                "2026-11-17T03:30:00+01:00",
                "2026-11-15T03:30:00+01:00",
            ),
            (
                "2026-W47.db",
                "2026-01-01T03:30:00+01:00",
                "2026-11-21T03:30:00+01:00",
            ),
            (
                "2026-02.db",
                "2026-03-01T03:30:00+01:00",
                "2026-02-28T03:30:00+01:00",
            ),
            (
                "home.db",
                "2026-03-01T04:00:00+01:00",
                "2026-03-01T04:00:00+01:00",
            ),
            // 03:30 does not exist that night where clocks jump then; here 02:30 does not.
            (
                "2026-03-29-0230.db",
                "2026-04-01T00:00:00+02:00",
                "2026-03-29T03:30:00+02:00",
            ),
            // Later today by a clock that is ahead.
            (
                "2026-11-21-1300.db",
                "2026-11-21T13:00:00+01:00",
                "2026-11-21T12:00:00+01:00",
            ),
        ] {
            let expected = zoned(expected);
            let night = of(path, changed).unwrap();
            assert_eq!(night.at, expected, "{path} {changed}");
            assert_eq!(night.date, expected.date(), "{path} {changed}");
        }
        for (path, changed, why) in [
            (
                "2026-11-22.db",
                "2026-11-20T03:30:00+01:00",
                "still to come",
            ),
            ("2026-W48.db", "2026-11-20T03:30:00+01:00", "still to come"),
            ("home.db", "2027-01-01T03:30:00+01:00", "still to come"),
            ("home.db", "1970-01-01T01:00:00+01:00", "put the date into"),
        ] {
            let said = of(path, changed).unwrap_err();
            assert!(said.contains(why), "{path}: {said}");
        }
    }
}
