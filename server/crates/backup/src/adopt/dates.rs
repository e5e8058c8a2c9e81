//! Which night a file is of, by the date in its path, which may be written in several orders. The modification time
//! counts only on request. Pure: the same paths, times and zone give the same nights.

mod order;

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use regex::{Captures, Regex};

pub(super) use order::{Order, order_of};

/// The years that a number in a name can stand for.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;

/// The date in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathDate {
    /// A day, and perhaps a time of that day.
    Day(Date, Option<TimeOfDay>),
    /// A day whose number and month could be either: `04.05.2026` is of 4 May or of 5 April.
    Either {
        /// The day comes first.
        day_first: Option<Date>,
        /// The month comes first.
        month_first: Option<Date>,
        /// Perhaps a time of that day.
        at: Option<TimeOfDay>,
    },
    /// An ISO week, a month: from the one date to the other.
    Span(Date, Date),
    /// No date.
    Nothing,
}

impl PathDate {
    /// Whether it names one night and no other.
    pub(super) fn is_exact(self) -> bool {
        matches!(self, PathDate::Day(..))
    }

    /// The day that is meant where the folder writes dates in `order`. Without one it stays open, unless it can be read
    /// in one way only.
    pub(super) fn settled(self, order: Option<Order>) -> PathDate {
        let PathDate::Either {
            day_first,
            month_first,
            at,
        } = self
        else {
            return self;
        };
        let meant = match (day_first, month_first, order) {
            // There is no other way to read it.
            (Some(only), None, _) | (None, Some(only), _) => Some(only),
            (Some(day_first), Some(_), Some(Order::DayFirst)) => Some(day_first),
            (Some(_), Some(month_first), Some(Order::MonthFirst)) => Some(month_first),
            (Some(_), Some(_), None) | (None, None, _) => None,
        };
        meant.map_or(self, |date| PathDate::Day(date, at))
    }
}

/// A time of day in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeOfDay {
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
/// `home-21.11.2026.db`, `home-1763696400.db` (seconds or milliseconds since 1970, UTC), `weekly/2026-W47.sqlite.gz`,
/// `monthly/2026-11.sqlite.gz`. A day says more than a week or a month, and what stands further to the right more than
/// what stands before it.
pub(super) fn date_in_path(path: &str) -> PathDate {
    if let Some(day) = last_day(path) {
        return day;
    }
    let seconds = all(&EPOCH, path).into_iter().rev();
    if let Some(instant) = seconds.filter_map(|found| epoch(&found)).next() {
        return instant;
    }
    let weeks = all(&WEEK, path).into_iter().rev();
    if let Some(week) = weeks.filter_map(|found| week(&found)).next() {
        return week;
    }
    let months = all(&MONTH, path).into_iter().rev();
    months
        .filter_map(|found| month(&found))
        .next()
        .unwrap_or(PathDate::Nothing)
}

/// The day that stands furthest to the right, whichever way it is written.
fn last_day(path: &str) -> Option<PathDate> {
    type Found = (std::ops::Range<usize>, PathDate);
    let read = |pattern, parse: fn(&Captures<'_>) -> Option<PathDate>| -> Vec<Found> {
        all(pattern, path)
            .iter()
            .filter_map(|found| Some((found.name("found")?.range(), parse(found)?)))
            .collect()
    };
    let begins_within = |inner: &Found, outer: &[Found]| {
        let at = inner.0.start;
        outer
            .iter()
            .any(|(range, _)| range.start < at && at < range.end)
    };
    let mut year_first = read(&DAY, day);
    let mut year_last = read(&NUMERIC, either);
    // `2025-01-01/2026-11-21` holds no 1 January 2026, and `21.11.2026_03-30` no 30 March.
    year_last.retain(|found| !begins_within(found, &year_first));
    year_first.retain(|found| !begins_within(found, &year_last));
    let all = year_first.into_iter().chain(year_last);
    all.max_by_key(|(range, _)| range.start)
        .map(|(_, date)| date)
}

/// The night of a file, given when it was last changed (in the household's zone), now, and the time of the nightly
/// snapshot. Where its path says nothing, the time of its last change is taken only if `by_mtime` says so.
///
/// # Errors
/// It lies in the future, or nothing says when it was; in words.
pub(super) fn night(
    path_date: PathDate,
    changed: &Zoned,
    now: &Zoned,
    nightly: Time,
    by_mtime: bool,
) -> Result<Night, String> {
    let today = now.date();
    let zone = now.time_zone();
    let (date, time) = match path_date {
        PathDate::Day(date, None) => (date, None),
        PathDate::Day(date, Some(TimeOfDay::Local(time))) => {
            (date, Some(instant(zone, date, time)))
        }
        PathDate::Day(date, Some(TimeOfDay::Utc(time))) => {
            let at = instant(&TimeZone::UTC, date, time)
                .timestamp()
                .to_zoned(zone.clone());
            (at.date(), Some(at))
        }
        PathDate::Span(first, _) if first > today => (first, None),
        PathDate::Span(first, last) if (first..=last).contains(&changed.date()) => {
            (changed.date(), None)
        }
        PathDate::Span(_, last) => (last.min(today), None),
        PathDate::Either {
            day_first,
            month_first,
            ..
        } => {
            let dates = [day_first, month_first].into_iter().flatten();
            let dates: Vec<String> = dates.map(|date| date.to_string()).collect();
            return Err(format!(
                "its date could be {}, and the other files of the folder do not say which; write it as year, month, day",
                dates.join(" or ")
            ));
        }
        PathDate::Nothing if by_mtime && YEARS.contains(&changed.year()) => (changed.date(), None),
        PathDate::Nothing if by_mtime => {
            return Err(format!(
                "neither its path nor its time of change ({}) says which night it is of; put the date into its name",
                changed.date()
            ));
        }
        PathDate::Nothing => {
            return Err(format!(
                "its path has no date; put one into its name, such as {changed}, or use --by-mtime if the day of its \
                 last change ({changed}) is the day of the backup",
                changed = changed.date()
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

/// Day, month and year, or month, day and year, with or without one separator; behind them perhaps a time.
static NUMERIC: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?:^|[^0-9])(?<found>(?:(?<a>[0-9]{1,2})[-_./ ](?<b>[0-9]{1,2})[-_./ ]|(?<a2>[0-9]{2})(?<b2>[0-9]{2}))(?<y>[0-9]{4})(?:[T_ -]?(?<hour>[0-9]{2})[:.h_-]?(?<minute>[0-9]{2})(?:[:._-]?(?<second>[0-9]{2}))?(?<utc>Z)?)?)(?:[^0-9]|$)",
    )
});
/// Seconds or milliseconds since 1970.
static EPOCH: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?:^|[^0-9])(?<found>(?<seconds>[0-9]{10})(?<thousandths>[0-9]{3})?)(?:[^0-9]|$)")
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

fn day(captures: &Captures<'_>) -> Option<PathDate> {
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
    Some(PathDate::Day(date, time_of_day(captures)))
}

fn time_of_day(captures: &Captures<'_>) -> Option<TimeOfDay> {
    let hour = number(captures, "hour")?;
    let second = number(captures, "second").unwrap_or(0);
    let time = Time::new(hour, number(captures, "minute")?, second, 0).ok()?;
    Some(match captures.name("utc") {
        Some(_) => TimeOfDay::Utc(time),
        None => TimeOfDay::Local(time),
    })
}

fn either(captures: &Captures<'_>) -> Option<PathDate> {
    let year = year(captures)?;
    let a: i8 = number(captures, "a").or_else(|| number(captures, "a2"))?;
    let b: i8 = number(captures, "b").or_else(|| number(captures, "b2"))?;
    let at = time_of_day(captures);
    match (Date::new(year, b, a).ok(), Date::new(year, a, b).ok()) {
        (None, None) => None,
        (Some(day_first), Some(month_first)) if day_first == month_first => {
            Some(PathDate::Day(day_first, at))
        }
        (day_first, month_first) => Some(PathDate::Either {
            day_first,
            month_first,
            at,
        }),
    }
}

fn epoch(captures: &Captures<'_>) -> Option<PathDate> {
    if captures.name("thousandths").is_none()
        && let Some(date) = ten_digits(captures.name("seconds")?.as_str())
    {
        return date;
    }
    let at = Timestamp::new(number(captures, "seconds")?, 0).ok()?;
    let at = at.to_zoned(TimeZone::UTC);
    let is_one = YEARS.contains(&at.year());
    is_one.then(|| PathDate::Day(at.date(), Some(TimeOfDay::Utc(at.time()))))
}

fn week(captures: &Captures<'_>) -> Option<PathDate> {
    let on = |weekday| {
        let date = ISOWeekDate::new(year(captures)?, number(captures, "w")?, weekday).ok()?;
        Some(date.date())
    };
    Some(PathDate::Span(on(Weekday::Monday)?, on(Weekday::Sunday)?))
}

fn month(captures: &Captures<'_>) -> Option<PathDate> {
    let first = Date::new(year(captures)?, number(captures, "m")?, 1).ok()?;
    Some(PathDate::Span(first, first.last_of_month()))
}

/// Ten digits that are a date and an hour with the year in front. `Some(None)` where they could be a date written in
/// another order as well as seconds: then nothing is said. `None` where they can be seconds only.
fn ten_digits(text: &str) -> Option<Option<PathDate>> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let short = |range| part(range).and_then(|number| i8::try_from(number).ok());
    let is_time = |hour: Option<i8>, minute: Option<i8>| {
        hour.is_some_and(|hour| hour < 24) && minute.is_some_and(|minute| minute < 60)
    };
    let date = |year: Option<i16>, month: Option<i8>, day: Option<i8>| {
        let year = year.filter(|year| YEARS.contains(year))?;
        Date::new(year, month?, day?).ok()
    };
    // YYYYMMDDHH
    let hour = short(8..10);
    if let Some(day) = date(part(0..4), short(4..6), short(6..8))
        && let Some(time) = hour.and_then(|hour| Time::new(hour, 0, 0, 0).ok())
    {
        return Some(Some(PathDate::Day(day, Some(TimeOfDay::Local(time)))));
    }
    let year = part(0..2).map(|year| 2000 + year);
    let is_short_year =
        date(year, short(2..4), short(4..6)).is_some() && is_time(short(6..8), short(8..10));
    let is_year_last = is_time(hour, Some(0))
        && (date(part(4..8), short(2..4), short(0..2)).is_some()
            || date(part(4..8), short(0..2), short(2..4)).is_some());
    (is_short_year || is_year_last).then_some(None)
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
        let day = PathDate::Day(date(2026, 11, 21), None);
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
            assert_eq!(date_in_path(path), day, "{path}");
        }
        let at = |hour, minute, second| TimeOfDay::Local(Time::constant(hour, minute, second, 0));
        for (path, time) in [
            ("home-20261121-0330.db", at(3, 30, 0)),
            ("home-20261121033005.db", at(3, 30, 5)),
            ("2026-11-21T03:30.db", at(3, 30, 0)),
            ("2026-11-21_03-30-05.sqlite.gz", at(3, 30, 5)),
            (
                "2026-11-21T033000Z.sqlite.gz",
                TimeOfDay::Utc(Time::constant(3, 30, 0, 0)),
            ),
        ] {
            assert_eq!(
                date_in_path(path),
                PathDate::Day(date(2026, 11, 21), Some(time)),
                "{path}"
            );
        }
        let week = PathDate::Span(date(2024, 12, 30), date(2025, 1, 5));
        for path in ["weekly/2025-W01.sqlite.gz", "weekly/2025w01/db.gz"] {
            assert_eq!(date_in_path(path), week, "{path}");
        }
        let month = PathDate::Span(date(2024, 2, 1), date(2024, 2, 29));
        for path in ["monthly/2024-02.sqlite.gz", "monthly/2024_02/db.sqlite.gz"] {
            assert_eq!(date_in_path(path), month, "{path}");
        }
        for path in ["home.sqlite.gz", "1234-56-78.db", "v2026.db", "2026-W60.db"] {
            assert_eq!(date_in_path(path), PathDate::Nothing, "{path}");
        }
    }

    #[test]
    fn a_night_is_the_paths_date_at_the_files_own_time_or_else_the_nightly_one() {
        let now = zoned("2026-11-21T12:00:00+01:00");
        let nightly = Time::constant(3, 30, 0, 0);
        let of = |path: &str, changed: &str| {
            night(date_in_path(path), &zoned(changed), &now, nightly, true)
        };
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

    #[test]
    fn a_day_may_come_before_its_month_or_behind_it_and_seconds_count_from_1970() {
        let either = |day_first, month_first| PathDate::Either {
            day_first,
            month_first,
            at: None,
        };
        let (may, april) = (date(2026, 5, 4), date(2026, 4, 5));
        for (path, expected) in [
            ("home-21.11.2026.db", either(Some(date(2026, 11, 21)), None)),
            ("11-21-2026/home.db", either(None, Some(date(2026, 11, 21)))),
            ("11/21/2026/home.db", either(None, Some(date(2026, 11, 21)))),
            (
                "home_21112026.db.gz",
                either(Some(date(2026, 11, 21)), None),
            ),
            (
                "home_11212026.db.gz",
                either(None, Some(date(2026, 11, 21))),
            ),
            ("4.5.2026.db", either(Some(may), Some(april))),
            ("home-04-05-2026.db", either(Some(may), Some(april))),
            ("05.05.2026.db", PathDate::Day(date(2026, 5, 5), None)),
            (
                "04-05-2026/2026-11-21.db",
                PathDate::Day(date(2026, 11, 21), None),
            ),
            ("31.02.2026.db", PathDate::Nothing),
            ("home-12.13.14.db", PathDate::Nothing),
        ] {
            assert_eq!(date_in_path(path), expected, "{path}");
        }
        assert_eq!(
            date_in_path("home-21.11.2026_03-30.db"),
            PathDate::Either {
                day_first: Some(date(2026, 11, 21)),
                month_first: None,
                at: Some(TimeOfDay::Local(Time::constant(3, 30, 0, 0))),
            }
        );
        let utc = PathDate::Day(
            date(2025, 11, 21),
            Some(TimeOfDay::Utc(Time::constant(3, 40, 0, 0))),
        );
        for path in ["home-1763696400.db", "1763696400123/home.db"] {
            assert_eq!(date_in_path(path), utc, "{path}");
        }
        assert_eq!(
            date_in_path("home-2026112103.db"),
            PathDate::Day(
                date(2026, 11, 21),
                Some(TimeOfDay::Local(Time::constant(3, 0, 0, 0)))
            )
        );
        // 21 November 2016, 03:30, or 21 January 2021; 12 November 2026, or 19 May 2008.
        for path in ["home-1611210330.db", "home-1211202603.db"] {
            assert_eq!(date_in_path(path), PathDate::Nothing, "{path}");
        }
        for path in [
            "home-9999999999.db",
            "home-176369640.db",
            "home-0763696400.db",
        ] {
            assert_eq!(date_in_path(path), PathDate::Nothing, "{path}");
        }
    }

    #[test]
    fn without_a_date_the_time_of_change_counts_only_where_that_was_asked_for() {
        let now = zoned("2026-11-21T12:00:00+01:00");
        let changed = zoned("2026-11-20T03:31:00+01:00");
        let at = Time::constant(3, 30, 0, 0);
        let refused = night(date_in_path("home.db"), &changed, &now, at, false).unwrap_err();
        assert!(
            refused.contains("no date") && refused.contains("2026-11-20"),
            "{refused}"
        );
        let open = night(date_in_path("04.05.2026.db"), &changed, &now, at, true).unwrap_err();
        assert!(open.contains("2026-05-04 or 2026-04-05"), "{open}");
    }
}
