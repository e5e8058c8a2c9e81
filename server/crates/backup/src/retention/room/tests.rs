//! What is proposed frees what it says, names no pinned one and never the newest, and is what a rotation does.

use proptest::prelude::*;

use super::super::tests::{any_folder, noon};
use super::super::{Reason, plan};
use super::*;
use jiff::civil::date;

const TODAY: Date = date(2026, 11, 21);

fn ask(entries: &[Entry], missing: u64) -> CouldGo {
    could_go(entries, noon(TODAY), TODAY, &Keep::default(), missing)
}

/// Ten manual ones and twenty nights of a mebibyte each.
fn house() -> Vec<Entry> {
    let days = |n: i64| TODAY.checked_sub(jiff::ToSpan::days(n)).unwrap();
    let night = |n| super::super::tests::entry(Reason::Nightly, days(n), 210);
    let manual = |n| super::super::tests::entry(Reason::Manual, days(n), 700);
    let mut entries: Vec<Entry> = (0..7).map(night).chain((1..11).map(manual)).collect();
    for entry in &mut entries {
        entry.bytes = 1 << 20;
    }
    entries
}

#[test]
fn manual_ones_go_first_the_oldest_of_them_and_only_as_many_as_are_needed() {
    let house = house();
    let could = ask(&house, 5 << 19);
    assert_eq!(could.lower, [("keep_manual", 7)]);
    assert_eq!(could.frees(), 3 << 20);
    let oldest: Vec<String> = could
        .snapshots
        .iter()
        .map(|(id, _)| id.to_string())
        .collect();
    assert_eq!(
        oldest,
        [
            "2026-11-11T114000Z",
            "2026-11-12T114000Z",
            "2026-11-13T114000Z"
        ]
    );
    assert_eq!(
        could.to_string(),
        "what could go are 2026-11-11T114000Z (1.0 MB), 2026-11-12T114000Z (1.0 MB), \
         2026-11-13T114000Z (1.0 MB), 3.1 MB together. For that set keep_manual = 7 and restart Tealkeep. \
         `tealkeep snapshots --plan` says what would go, `tealkeep snapshots --rotate` removes it"
    );
}

#[test]
fn what_is_pinned_is_told_apart_and_the_newest_is_never_proposed() {
    let mut house = house();
    house[9].pinned = true;
    let could = ask(&house, 1 << 40);
    assert!(!could.is_enough());
    let proposed: Vec<SnapshotId> = could.snapshots.iter().map(|(id, _)| *id).collect();
    assert!(!proposed.contains(&house[9].id) && !proposed.contains(&house[0].id));
    assert_eq!(could.pinned, (1, 1 << 20));
    let said = could.to_string();
    assert!(
        said.contains("which is not enough") && said.contains("keep_daily = 1"),
        "{said}"
    );
    assert!(
        said.ends_with("The pinned one (1.0 MB) stays until somebody takes its pin out"),
        "{said}"
    );
    let alone = ask(&house[..1], 1);
    assert!(
        alone.to_string().starts_with("no snapshot here could go"),
        "{alone}"
    );
}

proptest! {
    #[test]
    fn what_is_proposed_is_what_a_rotation_would_then_do(entries in any_folder(), missing in 0_u64..200) {
        let mut entries = entries;
        for (n, entry) in entries.iter_mut().enumerate() {
            entry.bytes = 1 + n as u64 % 7;
        }
        let could = ask(&entries, missing);
        let mut keep = Keep::default();
        for (key, to) in &could.lower {
            let (_, number) = STEPS.iter().find(|(name, _)| name == key).unwrap();
            *number(&mut keep) = *to;
        }
        prop_assert!(keep.validate().is_ok());
        let carried = plan(&entries, noon(TODAY), TODAY, &keep);
        let mut dropped: Vec<SnapshotId> = carried.drop.iter().map(|dropped| dropped.id).collect();
        dropped.sort_unstable();
        let proposed: Vec<SnapshotId> = could.snapshots.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(&proposed, &dropped);
        let pinned = entries.iter().filter(|entry| entry.pinned);
        prop_assert!(pinned.clone().all(|entry| !proposed.contains(&entry.id)));
    }
}
