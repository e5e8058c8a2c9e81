//! Table cases for clocks that jump, dates that do not exist and machines that were off.

use jiff::civil::{date, time};

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const HALF_PAST_THREE: Time = time(3, 30, 0, 0);
const LONG_AGO: &str = "2000-01-01T00:00:00Z";

/// Ticks every five minutes from `from` to `to`, doing what is due, and answers with each run's local date and
/// instant.
fn live_through(name: &str, run_at: Time, from: &str, to: &str) -> Vec<(Date, Timestamp)> {
    let (zone, mut now, mut runs) = (zone(name), at(from), Vec::new());
    let mut last = None;
    let installed_at = now;
    while now < at(to) {
        match due(now, &zone, run_at, last, installed_at) {
            Decision::Due {
                local_date,
                catch_up,
            } => {
                assert!(
                    !catch_up,
                    "{name}: a catch-up at {now} although it never slept"
                );
                runs.push((local_date, now));
                last = Some(LastRun { local_date });
            }
            Decision::NotYet { next } => assert!(next > now, "{name}: next {next} at {now}"),
        }
        now += SignedDuration::from_mins(5);
    }
    runs
}

#[test]
fn every_local_date_has_exactly_one_run_whatever_the_clocks_do() {
    for (name, run_at, from, to) in [
        (
            "Europe/Berlin",
            time(2, 30, 0, 0),
            "2026-03-20T12:00:00Z",
            "2026-04-05T12:00:00Z",
        ),
        (
            "Europe/Berlin",
            time(2, 30, 0, 0),
            "2026-10-20T12:00:00Z",
            "2026-11-05T12:00:00Z",
        ),
        (
            "America/New_York",
            time(2, 30, 0, 0),
            "2026-03-01T12:00:00Z",
            "2026-03-15T12:00:00Z",
        ),
        (
            "America/New_York",
            time(1, 30, 0, 0),
            "2026-10-25T12:00:00Z",
            "2026-11-08T12:00:00Z",
        ),
        (
            "Asia/Tehran",
            time(0, 0, 0, 0),
            "2022-03-15T12:00:00Z",
            "2022-03-28T12:00:00Z",
        ),
        (
            "Asia/Tehran",
            time(23, 30, 0, 0),
            "2022-09-15T12:00:00Z",
            "2022-09-28T12:00:00Z",
        ),
        (
            "Australia/Lord_Howe",
            time(2, 15, 0, 0),
            "2026-09-28T12:00:00Z",
            "2026-10-10T12:00:00Z",
        ),
        (
            "Australia/Lord_Howe",
            time(1, 45, 0, 0),
            "2026-03-30T12:00:00Z",
            "2026-04-10T12:00:00Z",
        ),
        (
            "America/Nuuk",
            time(23, 30, 0, 0),
            "2026-03-20T12:00:00Z",
            "2026-04-05T12:00:00Z",
        ),
        (
            "UTC",
            HALF_PAST_THREE,
            "2028-02-25T12:00:00Z",
            "2028-03-03T12:00:00Z",
        ),
    ] {
        let runs = live_through(name, run_at, from, to);
        let dates: Vec<Date> = runs.iter().map(|(date, _)| *date).collect();
        let every: Vec<Date> = (0..dates.len())
            .map(|n| {
                dates[0]
                    .checked_add(i64::try_from(n).unwrap().days())
                    .unwrap()
            })
            .collect();
        assert_eq!(dates, every, "{name} from {from}");
        let days = at(to).duration_since(at(from)).as_hours() / 24;
        assert!(
            i64::try_from(dates.len()).unwrap() >= days,
            "{name}: {} runs in {days} days",
            dates.len()
        );
    }
}

#[test]
fn a_time_that_is_left_out_comes_later_and_of_one_that_comes_twice_the_first_counts() {
    for (name, run_at, before, next) in [
        // 02:00 becomes 03:00: 02:30 is run at 03:30 summer time.
        (
            "Europe/Berlin",
            time(2, 30, 0, 0),
            "2026-03-29T00:00:00Z",
            "2026-03-29T01:30:00Z",
        ),
        // 03:00 becomes 02:00: the first 02:30, of summer time.
        (
            "Europe/Berlin",
            time(2, 30, 0, 0),
            "2026-10-24T23:00:00Z",
            "2026-10-25T00:30:00Z",
        ),
        (
            "America/New_York",
            time(2, 30, 0, 0),
            "2026-03-08T06:00:00Z",
            "2026-03-08T07:30:00Z",
        ),
        (
            "America/New_York",
            time(1, 30, 0, 0),
            "2026-11-01T05:00:00Z",
            "2026-11-01T05:30:00Z",
        ),
        // Half an hour only: 02:00 becomes 02:30, and 02:15 is run at 02:45.
        (
            "Australia/Lord_Howe",
            time(2, 15, 0, 0),
            "2026-10-03T15:00:00Z",
            "2026-10-03T15:45:00Z",
        ),
        // Midnight itself was left out.
        (
            "Asia/Tehran",
            time(0, 0, 0, 0),
            "2022-03-21T20:00:00Z",
            "2022-03-21T20:30:00Z",
        ),
    ] {
        assert_eq!(
            next_run(at(before), &zone(name), run_at),
            at(next),
            "{name} after {before}"
        );
    }
}

#[test]
fn a_date_that_the_zone_left_out_has_no_run() {
    let runs = live_through(
        "Pacific/Apia",
        HALF_PAST_THREE,
        "2011-12-29T00:00:00Z",
        "2012-01-01T00:00:00Z",
    );
    let dates: Vec<Date> = runs.iter().map(|(date, _)| *date).collect();
    assert_eq!(
        dates,
        [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]
    );
}

#[test]
fn leap_day_has_its_own_run() {
    let runs = live_through(
        "Europe/Berlin",
        HALF_PAST_THREE,
        "2028-02-28T12:00:00Z",
        "2028-03-01T12:00:00Z",
    );
    let dates: Vec<Date> = runs.iter().map(|(date, _)| *date).collect();
    assert_eq!(dates, [date(2028, 2, 29), date(2028, 3, 1)]);
}

#[test]
fn what_was_missed_is_caught_up_once_and_only_the_last_of_it() {
    let berlin = zone("Europe/Berlin");
    let long_ago = at(LONG_AGO);
    let last = |y, m, d| {
        Some(LastRun {
            local_date: date(y, m, d),
        })
    };
    let decide = |now: &str, last| due(at(now), &berlin, HALF_PAST_THREE, last, long_ago);
    // A week off, back in the morning.
    assert_eq!(
        decide("2026-11-21T08:00:00Z", last(2026, 11, 14)),
        Decision::Due {
            local_date: date(2026, 11, 21),
            catch_up: true
        }
    );
    assert_eq!(
        decide("2026-11-21T08:01:00Z", last(2026, 11, 21)),
        Decision::NotYet {
            next: at("2026-11-22T02:30:00Z")
        }
    );
    // Back just after midnight: it is the night before that was missed, and the coming one still comes.
    assert_eq!(
        decide("2026-11-20T23:10:00Z", last(2026, 11, 14)),
        Decision::Due {
            local_date: date(2026, 11, 20),
            catch_up: true
        }
    );
    assert_eq!(
        decide("2026-11-20T23:15:00Z", last(2026, 11, 20)),
        Decision::NotYet {
            next: at("2026-11-21T02:30:00Z")
        }
    );
    assert_eq!(
        decide("2026-11-21T02:30:00Z", last(2026, 11, 20)),
        Decision::Due {
            local_date: date(2026, 11, 21),
            catch_up: false
        }
    );
    assert_eq!(
        decide("2026-11-21T02:29:59Z", last(2026, 11, 20)),
        Decision::NotYet {
            next: at("2026-11-21T02:30:00Z")
        }
    );
}

#[test]
fn nothing_is_due_before_the_first_night_after_the_installation() {
    let berlin = zone("Europe/Berlin");
    let installed = at("2026-11-21T10:00:00Z");
    let decide = |now: &str| due(at(now), &berlin, HALF_PAST_THREE, None, installed);
    let next = at("2026-11-22T02:30:00Z");
    assert_eq!(decide("2026-11-21T10:00:00Z"), Decision::NotYet { next });
    assert_eq!(decide("2026-11-22T02:29:00Z"), Decision::NotYet { next });
    assert_eq!(
        decide("2026-11-22T02:31:00Z"),
        Decision::Due {
            local_date: date(2026, 11, 22),
            catch_up: false
        }
    );
    assert_eq!(
        decide("2026-11-23T01:00:00Z"),
        Decision::Due {
            local_date: date(2026, 11, 22),
            catch_up: true
        }
    );
}

#[test]
fn a_run_that_a_wrong_clock_dated_in_the_future_does_not_stop_the_nights() {
    let today = date(2026, 11, 21);
    let done = [date(2026, 11, 20), date(2038, 1, 19), date(2026, 11, 19)];
    let last = LastRun::newest(done, today);
    assert_eq!(
        last,
        Some(LastRun {
            local_date: date(2026, 11, 20)
        })
    );
    assert_eq!(LastRun::newest([date(2038, 1, 19)], today), None);
    let now = at("2026-11-21T03:30:00Z");
    let future = Some(LastRun {
        local_date: date(2038, 1, 19),
    });
    for last in [last, future] {
        assert_eq!(
            due(now, &TimeZone::UTC, HALF_PAST_THREE, last, at(LONG_AGO)),
            Decision::Due {
                local_date: today,
                catch_up: false
            }
        );
    }
}

#[test]
fn a_clock_that_ran_ahead_at_the_first_start_keeps_no_night_away() {
    let (built, now) = (at("2026-11-01T00:00:00Z"), at("2026-11-21T03:30:00Z"));
    let (before, ahead) = (at("2026-11-20T10:00:00Z"), at("2038-01-19T03:14:07Z"));
    assert_eq!(counts_from(before, now, built), before);
    assert_eq!(counts_from(ahead, now, built), Timestamp::MIN);
    // A boot in 1970 takes no snapshot for a night of 1970.
    let booted = at("1970-01-01T00:00:10Z");
    assert_eq!(counts_from(before, booted, built), before);
}

#[test]
fn the_clock_is_trusted_unless_something_speaks_against_it() {
    let (built, now) = (at("2026-11-01T00:00:00Z"), at("2026-11-21T03:30:00Z"));
    let (young, old) = (Duration::from_secs(120), Duration::from_secs(3600));
    let later = at("2026-11-21T03:30:01Z");
    for (event, now, synchronised, uptime, against) in [
        (None, now, Some(true), young, ""),
        (Some(now), now, None, young, ""),
        // Offline for good: it still rotates.
        (Some(now), now, Some(false), old, ""),
        (
            Some(later),
            now,
            None,
            old,
            "something happened at 2026-11-21T03:30:01Z",
        ),
        (
            Some(later),
            now,
            Some(false),
            old,
            "something happened at 2026-11-21T03:30:01Z",
        ),
        // The network has set it: it ran ahead once, and is right now.
        (Some(later), now, Some(true), old, ""),
        (
            None,
            at("1970-01-01T00:00:10Z"),
            None,
            old,
            "before this Tealkeep was built",
        ),
        (
            None,
            now,
            Some(false),
            young,
            "in the 2 minutes since the start",
        ),
    ] {
        match clock_trust(now, event, built, synchronised, uptime) {
            Trust::Trusted => assert_eq!(against, "", "{now} {event:?} {synchronised:?}"),
            Trust::Untrusted(why) => {
                assert!(!against.is_empty() && why.contains(against), "{why:?}");
            }
        }
    }
}

#[test]
fn a_check_is_due_when_its_pause_is_over_and_at_once_where_there_was_none() {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let every = Duration::from_secs(6 * 3600);
    let next = |last: Option<&str>| next_check(now, last.map(|at| at.parse().unwrap()), every);
    assert_eq!(next(None), now);
    assert_eq!(
        next(Some("2026-11-21T11:00:00Z")),
        "2026-11-21T17:00:00Z".parse().unwrap()
    );
    assert!(next(Some("2026-11-20T12:00:00Z")) < now);
    assert_eq!(next(Some("2027-01-01T00:00:00Z")), now);
    let never = next_check(now, Some(now), Duration::MAX);
    assert_eq!(never, Timestamp::MAX);
}
