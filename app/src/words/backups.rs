//! How drills, pulls, room and reuse are worded.

use crate::model::{Drill, Pull, Reuse, Room};

use super::{counted, size};

/// "a restore would work", "2 warnings", "failed": what came of a drill, and whether it calls for somebody.
pub(crate) fn drill_outcome(drill: &Drill) -> (String, bool) {
    match (&drill.failed, drill.warnings.len()) {
        (Some(_), _) => ("failed".to_owned(), true),
        (None, 0) => ("a restore would work".to_owned(), false),
        (None, n) => {
            let n = u64::try_from(n).unwrap_or(u64::MAX);
            let warnings = counted(n, "warning", "warnings");
            (warnings, true)
        }
    }
}

/// "17 whole", "16 whole, 1 damaged": what a laptop found in its copy, and whether it calls for somebody. `None` where
/// it did not look.
pub(crate) fn copy_found(pull: &Pull) -> Option<(String, bool)> {
    let whole = pull.whole.map(|n| format!("{n} whole"));
    let damaged = pull.damaged.filter(|n| *n > 0);
    let said: Vec<String> = whole
        .into_iter()
        .chain(damaged.map(|n| format!("{n} damaged or missing")))
        .collect();
    (!said.is_empty()).then(|| (said.join(", "), damaged.is_some()))
}

/// "12 GB free, the next one needs about 40 MB", and whether that is too little.
pub(crate) fn room(room: Room) -> (String, bool) {
    let free = size(room.free);
    let said = match room.next {
        Some(next) => format!("{free} free, the next one needs about {}", size(next)),
        None => format!("{free} free"),
    };
    (said, room.is_too_little())
}

/// "98 % of it was the same as the night before": rounded down, so that all means all.
pub(crate) fn reused(reuse: Reuse) -> Option<String> {
    let percent = u128::from(reuse.reused.min(reuse.total)) * 100;
    let percent = percent.checked_div(u128::from(reuse.total))?;
    Some(match percent {
        0 if reuse.reused == 0 => "all packed anew".to_owned(),
        0 => "less than 1 % copied from the one before".to_owned(),
        percent => format!("{percent} % copied from the one before"),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn outcomes_are_worded_by_this_table() {
        let mut drill = Drill {
            at: jiff::Timestamp::UNIX_EPOCH,
            snapshot: None,
            took: Duration::ZERO,
            failed: None,
            warnings: vec![],
        };
        assert_eq!(
            drill_outcome(&drill),
            ("a restore would work".to_owned(), false)
        );
        drill.warnings = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(drill_outcome(&drill), ("2 warnings".to_owned(), true));
        drill.failed = Some("damaged".to_owned());
        assert_eq!(drill_outcome(&drill), ("failed".to_owned(), true));

        let pull = |whole, damaged| Pull {
            at: jiff::Timestamp::UNIX_EPOCH,
            laptop: "a laptop".to_owned(),
            newest: None,
            whole,
            damaged,
        };
        let table = [
            (None, None, None),
            (Some(17), Some(0), Some(("17 whole", false))),
            (
                Some(16),
                Some(1),
                Some(("16 whole, 1 damaged or missing", true)),
            ),
            (None, Some(2), Some(("2 damaged or missing", true))),
        ];
        for (whole, damaged, words) in table {
            let said = copy_found(&pull(whole, damaged));
            assert_eq!(said, words.map(|(words, bad)| (words.to_owned(), bad)));
        }
    }

    #[test]
    fn room_and_reuse_are_worded_by_this_table() {
        let with = |free, next| room(Room { free, next });
        assert_eq!(with(5_000_000, None), ("5.0 MB free".to_owned(), false));
        assert_eq!(
            with(12_000_000_000, Some(40_000_000)),
            (
                "12 GB free, the next one needs about 40 MB".to_owned(),
                false
            )
        );
        assert!(with(1, Some(2)).1);
        for (total, reused_chunks, words) in [
            (0, 0, None),
            (100, 0, Some("all packed anew")),
            (1000, 9, Some("less than 1 % copied from the one before")),
            (1000, 999, Some("99 % copied from the one before")),
            (1000, 1000, Some("100 % copied from the one before")),
        ] {
            let reuse = Reuse {
                total,
                reused: reused_chunks,
            };
            assert_eq!(
                reused(reuse).as_deref(),
                words,
                "{reused_chunks} of {total}"
            );
        }
    }
}
