//! How drills, pulls, disk space, reuse and retention are worded.

use crate::model::{DiskSpace, Drill, Pull, Retention, Reuse};

use super::{counted, size};

/// The result of a drill ("a restore would work", "2 warnings", "failed"), and whether somebody should look.
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

/// What a laptop found in its copy ("17 intact", "16 intact, 1 damaged or missing"), and whether somebody should look.
/// `None` if it did not verify the copy.
pub(crate) fn copy_outcome(pull: &Pull) -> Option<(String, bool)> {
    let intact = pull.whole.map(|n| format!("{n} intact"));
    let damaged = pull.damaged.filter(|n| *n > 0);
    let parts: Vec<String> = intact
        .into_iter()
        .chain(damaged.map(|n| format!("{n} damaged or missing")))
        .collect();
    (!parts.is_empty()).then(|| (parts.join(", "), damaged.is_some()))
}

/// "12 GB free; the next backup needs about 40 MB", and whether that is too little.
pub(crate) fn disk_space(space: DiskSpace) -> (String, bool) {
    let free = size(space.free);
    match space.next {
        Some(next) if next > space.free => {
            let short = size(next - space.free);
            let next = size(next);
            (
                format!("{short} short: {free} free, but the next backup needs about {next}"),
                true,
            )
        }
        Some(next) => (
            format!("{free} free; the next backup needs about {}", size(next)),
            false,
        ),
        None => (format!("{free} free"), false),
    }
}

/// How much of the newest backup was reused from the one before, rounded down, so that 100 % means all of it.
pub(crate) fn reused(reuse: Reuse) -> Option<String> {
    let percent = u128::from(reuse.reused.min(reuse.total)) * 100;
    let percent = percent.checked_div(u128::from(reuse.total))?;
    Some(match percent {
        0 if reuse.reused == 0 => "full (nothing reused)".to_owned(),
        0 => "less than 1 % reused from the one before".to_owned(),
        percent => format!("{percent} % reused from the one before"),
    })
}

/// What the configuration keeps: "Tealkeep keeps the last 7 nightly backups, then one a week for 4 weeks, …"
pub(crate) fn retention(keep: Retention) -> String {
    let nights = match keep.daily {
        1 => "the last nightly backup".to_owned(),
        n => format!("the last {n} nightly backups"),
    };
    format!(
        "Tealkeep keeps {nights}, then one a week for {}, then one a month for {}.",
        counted(u64::from(keep.weekly), "week", "weeks"),
        counted(u64::from(keep.monthly), "month", "months"),
    )
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
            (Some(17), Some(0), Some(("17 intact", false))),
            (
                Some(16),
                Some(1),
                Some(("16 intact, 1 damaged or missing", true)),
            ),
            (None, Some(2), Some(("2 damaged or missing", true))),
        ];
        for (whole, damaged, words) in table {
            let outcome = copy_outcome(&pull(whole, damaged));
            assert_eq!(outcome, words.map(|(words, bad)| (words.to_owned(), bad)));
        }
    }

    #[test]
    fn space_reuse_and_retention_are_worded_by_this_table() {
        let with = |free, next| disk_space(DiskSpace { free, next });
        assert_eq!(with(5_000_000, None), ("5.0 MB free".to_owned(), false));
        assert_eq!(
            with(12_000_000_000, Some(40_000_000)),
            (
                "12 GB free; the next backup needs about 40 MB".to_owned(),
                false
            )
        );
        assert_eq!(
            with(390_000_000, Some(410_000_000)),
            (
                "20 MB short: 390 MB free, but the next backup needs about 410 MB".to_owned(),
                true
            )
        );
        for (total, reused_chunks, words) in [
            (0, 0, None),
            (100, 0, Some("full (nothing reused)")),
            (1000, 9, Some("less than 1 % reused from the one before")),
            (1000, 999, Some("99 % reused from the one before")),
            (1000, 1000, Some("100 % reused from the one before")),
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
        for (daily, weekly, monthly, words) in [
            (
                7,
                4,
                6,
                "Tealkeep keeps the last 7 nightly backups, then one a week for 4 weeks, then one a month for 6 months.",
            ),
            (
                1,
                1,
                1,
                "Tealkeep keeps the last nightly backup, then one a week for 1 week, then one a month for 1 month.",
            ),
        ] {
            let keep = Retention {
                daily,
                weekly,
                monthly,
            };
            assert_eq!(retention(keep), words);
        }
    }
}
