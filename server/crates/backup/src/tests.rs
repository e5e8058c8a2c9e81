//! The keeper from end to end: nights, a night that fails, a clock that is not trusted, pins.

use std::fs;
use std::process::Command;

use jiff::ToSpan;
use rusqlite::Connection;

use super::*;

fn watch(tell: &mut (dyn FnMut(Progress) + Send)) -> Watch<'_> {
    Watch::new(tell, Cancel::never(), Duration::from_secs(300))
}

fn keeper() -> (tempfile::TempDir, Keeper) {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("app.db");
    Connection::open(&database)
        .unwrap()
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1)")
        .unwrap();
    let keeper = Keeper::new(&database, &dir.path().join("backups"));
    (dir, keeper)
}

fn night(n: i64) -> Order {
    let first: Zoned = "2026-10-02T03:30:00+02:00[Europe/Berlin]".parse().unwrap();
    Order::new(Reason::Nightly, first.checked_add(n.days()).unwrap())
}

fn take(keeper: &Keeper, order: &Order) -> Taken {
    keeper
        .take_and_rotate(order, &mut watch(&mut |_| {}))
        .unwrap()
}

fn ids(keeper: &Keeper) -> Vec<String> {
    let catalogue = keeper.catalogue().unwrap();
    assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
    catalogue
        .entries
        .iter()
        .map(|entry| entry.id().to_string())
        .collect()
}

#[test]
fn nights_are_kept_rotated_and_provable_with_ordinary_tools() {
    let (_dir, keeper) = keeper();
    for n in 0..12 {
        match take(&keeper, &night(n)).rotation {
            Rotation::Done(rotated) => {
                // Until the tenth night everything fits: seven daily, and from then on a weekly one.
                let expected = usize::from(n >= 7 && n != 9);
                assert_eq!(rotated.dropped.len(), expected, "night {n}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids(&keeper).len(), 8);
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&keeper.folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(
        String::from_utf8(checked.stdout).unwrap().lines().count(),
        8
    );
    assert!(keeper.folder.join("weekly/2026-W40.sqlite.gz").exists());
    let verdicts = verify::verify_folder(
        &keeper.folder,
        None,
        &mut watch(&mut |_| {}),
        &mut |_, _| {},
    )
    .unwrap();
    assert!(verdicts.iter().all(|(_, verdict)| verdict.is_whole()));
}

#[test]
fn nothing_is_removed_on_a_night_that_failed() {
    let (_dir, keeper) = keeper();
    for n in 0..7 {
        take(&keeper, &night(n));
    }
    let before = ids(&keeper);
    fs::rename(&keeper.database, keeper.database.with_extension("away")).unwrap();
    let failed = keeper.take_and_rotate(&night(40), &mut watch(&mut |_| {}));
    assert!(
        matches!(failed, Err(BackupError::Snapshot(_))),
        "{failed:?}"
    );
    assert_eq!(ids(&keeper), before);
}

#[test]
fn a_clock_that_is_not_trusted_removes_nothing() {
    let (_dir, keeper) = keeper();
    for n in 0..7 {
        take(&keeper, &night(n));
    }
    let mut order = night(30);
    order.trust = Trust::Untrusted("the clock says 1970".to_owned());
    match take(&keeper, &order).rotation {
        Rotation::Withheld(why) => assert_eq!(why, "the clock says 1970"),
        other => panic!("{other:?}"),
    }
    assert_eq!(ids(&keeper).len(), 8);
}

#[test]
fn a_pin_outlasts_the_places() {
    let (_dir, mut keeper) = keeper();
    keeper.keep.manual = 1;
    let manual = |n| Order {
        reason: Reason::Manual,
        ..night(n)
    };
    let pinned = take(&keeper, &manual(0)).manifest;
    assert!(keeper.set_pinned(pinned.id, true).unwrap().pinned);
    let passing = take(&keeper, &manual(1)).manifest;
    let last = take(&keeper, &manual(2)).manifest;
    assert_eq!(ids(&keeper), [pinned.id.to_string(), last.id.to_string()]);
    assert!(matches!(
        keeper.set_pinned(passing.id, true),
        Err(BackupError::NoSuchSnapshot { id, .. }) if id == passing.id
    ));
    let plan = keeper.plan(&keeper.catalogue().unwrap(), &night(3).now);
    assert_eq!(plan.keep[1].reasons, ["pinned"]);
}

#[test]
fn what_a_killed_run_left_is_removed_at_the_start() {
    let (_dir, keeper) = keeper();
    take(&keeper, &night(0));
    let part = keeper.folder.join("snapshots/.tealkeep-1-0.part");
    fs::write(&part, "half").unwrap();
    assert_eq!(keeper.clean_up().unwrap(), 1);
    assert!(!part.exists());
    assert_eq!(ids(&keeper).len(), 1);
}

#[test]
fn a_manifest_that_was_cut_off_from_its_snapshot_gets_its_name_at_the_start() {
    let (_dir, keeper) = keeper();
    let first = take(&keeper, &night(0)).manifest;
    let cut = take(&keeper, &night(1)).manifest;
    let snapshots = keeper.folder.join("snapshots");
    let named = snapshots.join(cut.id.manifest_name());
    let part = snapshots.join(format!(".{}.tealkeep-part", cut.id.manifest_name()));
    let text = fs::read(&named).unwrap();
    let sums = fs::read(keeper.folder.join("SHA256SUMS")).unwrap();

    // As a power cut between the two leaves it.
    fs::rename(&named, &part).unwrap();
    let line = format!("{}  snapshots/{}\n", first.sha256, first.id.file_name());
    fs::write(keeper.folder.join("SHA256SUMS"), line).unwrap();
    assert!(keeper.catalogue().unwrap().find(cut.id).is_none());
    assert_eq!(keeper.clean_up().unwrap(), 0);
    assert_eq!(ids(&keeper), [first.id.to_string(), cut.id.to_string()]);
    assert_eq!(fs::read(&named).unwrap(), text);
    assert_eq!(fs::read(keeper.folder.join("SHA256SUMS")).unwrap(), sums);

    // A part of a manifest, one of another snapshot, and one beside a snapshot of another size prove nothing.
    let another = snapshots.join(".2026-11-01T033000Z.json.tealkeep-part");
    for (part, bytes) in [(&part, &text[..text.len() / 2]), (&another, &text)] {
        let _ = fs::remove_file(&named);
        fs::write(part, bytes).unwrap();
        assert_eq!(keeper.clean_up().unwrap(), 1);
        assert!(!part.exists() && !named.exists());
    }
    fs::write(&part, &text).unwrap();
    fs::write(snapshots.join(cut.id.file_name()), "short").unwrap();
    assert_eq!(keeper.clean_up().unwrap(), 1);
    assert!(!named.exists());
}
