//! The allowed ranges of counts and durations.

use std::time::Duration;

use super::reader::{Placed, Table};

/// The maximum for every count; more is a typo.
pub(super) const MAX_COUNT: u32 = 1000;

/// Refuses a duration out of bounds, which are written as in the file.
pub(super) fn check_duration(table: &Table<'_>, length: &Placed<Duration>, min: &str, max: &str) {
    let bound = |text: &str| {
        let parsed: Option<jiff::SignedDuration> = text.parse().ok();
        parsed
            .and_then(|bound| Duration::try_from(bound).ok())
            .expect("the bounds are durations")
    };
    let wrong = if length.value < bound(min) {
        "short"
    } else if length.value > bound(max) {
        "long"
    } else {
        return;
    };
    table.problem_at(
        length,
        format!("is too {wrong}; it must be from `\"{min}\"` to `\"{max}\"`"),
    );
}
