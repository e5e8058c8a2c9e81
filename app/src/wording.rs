//! How times, durations, sizes and counts are worded, on every page alike. The script that keeps a page fresh has the
//! same table for relative times.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

mod backups;
mod checks;
mod runs;

pub(crate) use tealkeep_words::size::human_size as size;

pub(crate) use backups::{copy_outcome, disk_space, drill_outcome, retention, reused};
pub(crate) use checks::accepted_title;
pub use checks::{Advice, advice, finding_title, policy_title};
pub(crate) use runs::{kind, run_state, step, step_state};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// "3 minutes ago", "in 2 hours", "just now".
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let far = seconds.unsigned_abs();
    if far < 45 {
        return if seconds < 0 {
            "any moment now".to_owned()
        } else {
            "just now".to_owned()
        };
    }
    if seconds < 0 {
        format!("in {}", roughly(far))
    } else {
        format!("{} ago", roughly(far))
    }
}

/// "3 minutes", "a day": how long something has lasted.
pub(crate) fn how_long(now: Timestamp, since: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second() - since.as_second()).unwrap_or(0);
    if seconds < 45 {
        "a moment".to_owned()
    } else {
        roughly(seconds)
    }
}

/// A duration in one unit, rounded. `public/fresh.js` repeats the thresholds.
fn roughly(seconds: u64) -> String {
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    if seconds < 90 {
        "a minute".to_owned()
    } else if seconds < 55 * MINUTE {
        format!("{} minutes", rounded(MINUTE))
    } else if seconds < 90 * MINUTE {
        "an hour".to_owned()
    } else if seconds < 36 * HOUR {
        format!("{} hours", rounded(HOUR))
    } else if seconds < 14 * DAY {
        format!("{} days", rounded(DAY))
    } else if seconds < 60 * DAY {
        format!("{} weeks", rounded(7 * DAY))
    } else if seconds < 700 * DAY {
        format!("{} months", rounded(30 * DAY))
    } else {
        format!("{} years", rounded(365 * DAY))
    }
}

/// "Sat 21 Nov, 03:30", with the year if it is not the current one.
pub(crate) fn date_time(now: Timestamp, zone: &TimeZone, then: Timestamp) -> String {
    let local = then.to_zoned(zone.clone());
    let format = if local.year() == now.to_zoned(zone.clone()).year() {
        "%a %-d %b, %H:%M"
    } else {
        "%a %-d %b %Y, %H:%M"
    };
    local.strftime(format).to_string()
}

/// "Saturday 21 November 2026 at 03:30:00 CET".
pub(crate) fn exact(zone: &TimeZone, then: Timestamp) -> String {
    then.to_zoned(zone.clone())
        .strftime("%A %-d %B %Y at %H:%M:%S %Z")
        .to_string()
}

/// "10:32:05"
pub(crate) fn clock(zone: &TimeZone, then: Timestamp) -> String {
    then.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// "on Saturday 21 November at 03:30", "today at 03:30", for the middle of a sentence.
pub(crate) fn in_a_sentence(now: Timestamp, zone: &TimeZone, then: Timestamp) -> String {
    let local = then.to_zoned(zone.clone());
    let today = now.to_zoned(zone.clone());
    if local.date() == today.date() {
        local.strftime("today at %H:%M").to_string()
    } else if local.year() == today.year() {
        local.strftime("on %A %-d %B at %H:%M").to_string()
    } else {
        local.strftime("on %A %-d %B %Y at %H:%M").to_string()
    }
}

/// "Today", "Yesterday", "Thursday 19 November".
pub(crate) fn day(today: Date, date: Date) -> String {
    if date == today {
        "Today".to_owned()
    } else if today.yesterday().is_ok_and(|yesterday| yesterday == date) {
        "Yesterday".to_owned()
    } else if date.year() == today.year() {
        date.strftime("%A %-d %B").to_string()
    } else {
        date.strftime("%A %-d %B %Y").to_string()
    }
}

/// "120 ms", "1.4 s", "12 s", "1 min 5 s", "2 h 3 min".
pub(crate) fn span(duration: Duration) -> String {
    let ms = duration.as_millis();
    let seconds = duration.as_secs();
    if ms < 950 {
        format!("{ms} ms")
    } else if ms < 9_950 {
        let tenths = (ms + 50) / 100;
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if ms < 59_500 {
        format!("{} s", (ms + 500) / 1000)
    } else if seconds < HOUR {
        let seconds = u64::try_from((ms + 500) / 1000).unwrap_or(seconds);
        two(seconds / MINUTE, "min", seconds % MINUTE, "s")
    } else {
        let minutes = seconds / MINUTE;
        two(minutes / 60, "h", minutes % 60, "min")
    }
}

/// "about 4 seconds", "about 2 minutes": an estimate, so without tenths.
pub(crate) fn about(duration: Duration) -> String {
    let seconds = (duration.as_millis() + 500) / 1000;
    match seconds {
        0 | 1 => "about a second".to_owned(),
        2..90 => format!("about {seconds} seconds"),
        _ => format!("about {} minutes", (seconds + 30) / 60),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// "12,345".
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 row", "12,345 rows".
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// Encodes a text as one segment of a path (RFC 3986, section 3.3).
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn relative_times_are_worded_by_this_table() {
        let now = at("2026-11-21T12:00:00Z");
        let table: &[(i64, &str)] = &[
            (0, "just now"),
            (44, "just now"),
            (45, "a minute ago"),
            (89, "a minute ago"),
            (90, "2 minutes ago"),
            (180, "3 minutes ago"),
            (54 * 60 + 59, "55 minutes ago"),
            (55 * 60, "an hour ago"),
            (89 * 60, "an hour ago"),
            (90 * 60, "2 hours ago"),
            (8 * 3600 + 1800, "9 hours ago"),
            (35 * 3600, "35 hours ago"),
            (36 * 3600, "2 days ago"),
            (13 * 86400, "13 days ago"),
            (14 * 86400, "2 weeks ago"),
            (59 * 86400, "8 weeks ago"),
            (60 * 86400, "2 months ago"),
            (365 * 86400, "12 months ago"),
            (730 * 86400, "2 years ago"),
            (-10, "any moment now"),
            (-60, "in a minute"),
            (-15 * 3600, "in 15 hours"),
        ];
        for (seconds, words) in table {
            let then = Timestamp::from_second(now.as_second() - seconds).unwrap();
            assert_eq!(ago(now, then), *words, "{seconds} seconds");
        }
        assert_eq!(how_long(now, at("2026-11-21T09:00:00Z")), "3 hours");
        assert_eq!(how_long(now, at("2026-11-21T11:59:58Z")), "a moment");
        assert_eq!(how_long(now, at("2026-11-22T00:00:00Z")), "a moment");
    }

    #[test]
    fn spans_are_worded_by_this_table() {
        let table: &[(u64, &str)] = &[
            (0, "0 ms"),
            (120, "120 ms"),
            (949, "949 ms"),
            (950, "1.0 s"),
            (1_449, "1.4 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (59_499, "59 s"),
            (59_500, "1 min"),
            (65_000, "1 min 5 s"),
            (3_600_000, "1 h"),
            (7_380_000, "2 h 3 min"),
        ];
        for (ms, words) in table {
            assert_eq!(span(Duration::from_millis(*ms)), *words, "{ms} ms");
        }
    }

    #[test]
    fn estimates_are_worded_by_this_table() {
        let table: &[(u64, &str)] = &[
            (0, "about a second"),
            (1_600, "about 2 seconds"),
            (89_000, "about 89 seconds"),
            (95_000, "about 2 minutes"),
            (600_000, "about 10 minutes"),
        ];
        for (ms, words) in table {
            assert_eq!(about(Duration::from_millis(*ms)), *words, "{ms} ms");
        }
    }

    #[test]
    fn counts_have_separators_and_segments_stay_one_piece() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(segment("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }

    #[test]
    fn dates_are_those_of_the_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = at("2026-11-21T12:00:00Z");
        let night = at("2026-11-20T23:30:00Z");
        assert_eq!(date_time(now, &zone, night), "Sat 21 Nov, 00:30");
        assert_eq!(in_a_sentence(now, &zone, night), "today at 00:30");
        assert_eq!(
            in_a_sentence(now, &zone, at("2025-12-31T22:59:00Z")),
            "on Wednesday 31 December 2025 at 23:59"
        );
        assert_eq!(
            date_time(now, &zone, at("2025-12-31T22:59:00Z")),
            "Wed 31 Dec 2025, 23:59"
        );
        let today = now.to_zoned(zone).date();
        assert_eq!(day(today, today), "Today");
        assert_eq!(day(today, "2026-11-20".parse().unwrap()), "Yesterday");
        assert_eq!(
            day(today, "2026-11-19".parse().unwrap()),
            "Thursday 19 November"
        );
    }
}
