//! Rotations over folders of small files, with `sha256sum -c` as the judge, killed after every one of their
//! steps and begun again.

use std::process::Command;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan};

use super::super::checksums;
use super::super::hex::hex;
use super::super::manifest::tests::example;
use super::super::manifest::{self, Manifest, Reason};
use super::super::retention::{self, Keep};
use super::super::{
    layout::{self, ensure_layout},
    lock,
};
use super::*;

fn put(folder: &Path, on: Date, reason: Reason) -> Manifest {
    let mut manifest = example(&format!("{on}T033000Z"));
    let content = format!("the content of {on}");
    manifest.reason = reason;
    manifest.bytes = content.len() as u64;
    manifest.sha256 = {
        use sha2::Digest;
        hex(&sha2::Sha256::digest(content.as_bytes()))
    };
    let snapshots = layout::snapshots(folder);
    fs::write(snapshots.join(manifest.id.file_name()), content).unwrap();
    manifest::write(&snapshots, &manifest).unwrap();
    manifest
}

fn rotate(folder: &Path, today: Date) -> Rotated {
    let catalogue = Catalogue::read(folder).unwrap();
    let now = today.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let now = now + SignedDuration::from_hours(4);
    let plan = retention::plan(
        &retention::entries(&catalogue),
        now,
        today,
        &Keep::default(),
    );
    let lock = lock::lock_for_changes(folder, Duration::ZERO).unwrap();
    carry_out(folder, &plan, &catalogue, &lock).unwrap()
}

fn sums_hold(folder: &Path) {
    let output = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn links(folder: &Path, tier: Tier) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.join(tier.as_str()))
        .unwrap()
        .map(|item| {
            let path = item.unwrap().path();
            assert!(path.exists(), "{} leads nowhere", path.display());
            path.file_name().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn sixty_nights_leave_links_checksums_and_files_that_agree() {
    let dir = tempfile::tempdir().unwrap();
    ensure_layout(dir.path()).unwrap();
    let first = date(2026, 9, 23);
    let mut today = first;
    for n in 0..60 {
        today = first.checked_add(i64::from(n).days()).unwrap();
        put(dir.path(), today, Reason::Nightly);
        rotate(dir.path(), today);
        sums_hold(dir.path());
    }
    assert_eq!(today, date(2026, 11, 21));
    let daily = links(dir.path(), Tier::Daily);
    assert_eq!(daily.len(), 7);
    assert_eq!(daily[6], "2026-11-21.sqlite.gz");
    assert_eq!(
        links(dir.path(), Tier::Weekly),
        ["2026-W42", "2026-W43", "2026-W44", "2026-W45"].map(|w| format!("{w}.sqlite.gz"))
    );
    assert_eq!(
        links(dir.path(), Tier::Monthly),
        ["2026-09.sqlite.gz", "2026-10.sqlite.gz"]
    );
    assert_eq!(
        fs::read_link(dir.path().join("daily/2026-11-21.sqlite.gz")).unwrap(),
        Path::new("../snapshots/2026-11-21T033000Z.sqlite.gz")
    );
    let catalogue = Catalogue::read(dir.path()).unwrap();
    assert_eq!(catalogue.entries.len(), 13);
    assert!(catalogue.problems.is_empty() && catalogue.half_removed.is_empty());
    assert_eq!(
        fs::read_dir(layout::snapshots(dir.path())).unwrap().count(),
        26
    );
}

#[test]
fn doing_it_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    ensure_layout(dir.path()).unwrap();
    let today = date(2026, 11, 21);
    for n in 0..9 {
        put(
            dir.path(),
            today.checked_sub(i64::from(n).days()).unwrap(),
            Reason::Nightly,
        );
    }
    let first = rotate(dir.path(), today);
    // The fifteenth, a Sunday, stands for its week and is held by its daily place, so the two before it go.
    assert_eq!((first.dropped.len(), first.links_changed), (2, 7));
    let before = fs::metadata(dir.path().join("SHA256SUMS")).unwrap();
    assert_eq!(rotate(dir.path(), today), Rotated::default());
    let after = fs::metadata(dir.path().join("SHA256SUMS")).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(before.ino(), after.ino());
}

#[test]
fn cut_off_between_any_two_steps_the_folder_makes_sense_and_the_next_rotation_finishes() {
    let today = date(2026, 11, 21);
    let old = date(2026, 11, 9);
    for step in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        ensure_layout(dir.path()).unwrap();
        put(dir.path(), old, Reason::Nightly);
        rotate(dir.path(), old);
        for n in 0..8 {
            put(
                dir.path(),
                today.checked_sub(i64::from(n).days()).unwrap(),
                Reason::Nightly,
            );
        }
        let id = example(&format!("{old}T033000Z")).id;
        let snapshots = layout::snapshots(dir.path());
        // What carry_out does, up to `step`.
        let catalogue = Catalogue::read(dir.path()).unwrap();
        if step >= 1 {
            fs::remove_file(dir.path().join(format!("daily/{old}.sqlite.gz"))).unwrap();
        }
        if step >= 2 {
            write_sums(dir.path(), &catalogue, |going| going == id).unwrap();
        }
        if step >= 3 {
            fs::remove_file(snapshots.join(id.file_name())).unwrap();
        }
        sums_hold(dir.path());
        let seen = Catalogue::read(dir.path()).unwrap();
        assert!(seen.problems.is_empty(), "step {step}: {:?}", seen.problems);

        // A coarser policy than the usual one, so that the old one surely goes.
        let plan_now = today.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
            + SignedDuration::from_hours(4);
        let policy = Keep {
            weekly: 1,
            ..Keep::default()
        };
        let mut plan = retention::plan(&retention::entries(&seen), plan_now, today, &policy);
        plan.keep.retain(|kept| kept.id != id);
        if seen.find(id).is_some() && plan.drop.iter().all(|dropped| dropped.id != id) {
            plan.drop.push(retention::Dropped {
                id,
                why: String::new(),
            });
        }
        let lock = lock::lock_for_changes(dir.path(), Duration::ZERO).unwrap();
        let rotated = carry_out(dir.path(), &plan, &seen, &lock).unwrap();
        assert!(rotated.dropped.contains(&id), "step {step}");
        sums_hold(dir.path());
        let end = Catalogue::read(dir.path()).unwrap();
        assert!(end.find(id).is_none() && end.problems.is_empty() && end.half_removed.is_empty());
        assert!(!snapshots.join(id.manifest_name()).exists());
    }
}

#[test]
fn a_deleted_snapshot_stays_named_so_that_the_check_of_a_copy_fails() {
    let dir = tempfile::tempdir().unwrap();
    ensure_layout(dir.path()).unwrap();
    let today = date(2026, 11, 21);
    let lost = put(dir.path(), date(2026, 11, 20), Reason::Manual);
    put(dir.path(), today, Reason::Nightly);
    rotate(dir.path(), today);
    fs::remove_file(layout::snapshots(dir.path()).join(lost.id.file_name())).unwrap();
    rotate(dir.path(), today);
    assert!(checksums::read(dir.path()).unwrap().contains_key(&lost.id));
    let catalogue = Catalogue::read(dir.path()).unwrap();
    assert_eq!(
        catalogue.problems,
        [Problem::NoFile {
            manifest: Box::new(lost)
        }]
    );
}

#[test]
fn a_snapshot_whose_manifest_went_bad_keeps_its_checksum_as_long_as_its_file_is_there() {
    let dir = tempfile::tempdir().unwrap();
    ensure_layout(dir.path()).unwrap();
    let today = date(2026, 11, 21);
    let bad = put(dir.path(), date(2026, 11, 19), Reason::Nightly);
    let bare = put(dir.path(), date(2026, 11, 20), Reason::Nightly);
    put(dir.path(), today, Reason::Nightly);
    rotate(dir.path(), today);
    let before = checksums::read(dir.path()).unwrap();
    let snapshots = layout::snapshots(dir.path());
    fs::write(snapshots.join(bad.id.manifest_name()), "{").unwrap();
    fs::remove_file(snapshots.join(bare.id.manifest_name())).unwrap();
    rotate(dir.path(), today);
    assert_eq!(checksums::read(dir.path()).unwrap(), before);
    sums_hold(dir.path());
    for gone in [bad.id, bare.id] {
        fs::remove_file(snapshots.join(gone.file_name())).unwrap();
    }
    rotate(dir.path(), today);
    assert_eq!(checksums::read(dir.path()).unwrap().len(), 1);
}

#[test]
fn with_a_clock_that_is_not_trusted_only_the_checksums_grow() {
    let dir = tempfile::tempdir().unwrap();
    ensure_layout(dir.path()).unwrap();
    let one = put(dir.path(), date(2026, 11, 20), Reason::Nightly);
    rotate(dir.path(), date(2026, 11, 20));
    let other = put(dir.path(), date(1970, 1, 2), Reason::Nightly);
    let lock = lock::lock_for_changes(dir.path(), Duration::ZERO).unwrap();
    add_to_sums(dir.path(), &Catalogue::read(dir.path()).unwrap(), &lock).unwrap();
    let named: Vec<SnapshotId> = checksums::read(dir.path()).unwrap().into_keys().collect();
    assert_eq!(named, [other.id, one.id]);
    sums_hold(dir.path());
    assert_eq!(links(dir.path(), Tier::Daily), ["2026-11-20.sqlite.gz"]);
}
