//! A call to the system that fails, the n-th of its kind, n rising until nothing fails any more: the folder is
//! consistent after each, the failure is heard of, and the next run succeeds and tidies up.

use std::collections::BTreeMap;

use super::strace::{Blow, Point, Thread, points, strike};
use super::{Scene, Work, is_about};
use crate::support::backups::is_tidy;
use crate::support::random::{Random, is_long};

/// What changes something on the disk.
pub const CHANGES: [&str; 27] = [
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "copy_file_range",
    "sendfile",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "fchmod",
    "fchown",
    "fchmodat",
    "flock",
];

/// What looks at something on the disk.
const LOOKS: [&str; 9] = [
    "read",
    "readv",
    "pread64",
    "preadv",
    "preadv2",
    "openat",
    "getdents64",
    "statx",
    "readlink",
];

/// What a call fails with; what only looks never fails for want of room.
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// A call whose failure nobody may pass over in silence, where it is about the folder: without it nothing is
/// known to be on the disk.
const HEARD_OF: [&str; 11] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "linkat",
    "symlink",
    "symlinkat",
    "rename",
    "renameat",
    "renameat2",
    "getdents64",
];

#[test]
fn the_first_snapshot_survives_every_call_that_fails() {
    fail_everywhere(Work::First, 16, 8);
}

#[test]
fn a_snapshot_that_builds_on_another_survives_every_call_that_fails() {
    fail_everywhere(Work::Second, 16, 10);
}

#[test]
fn a_small_snapshot_that_builds_on_another_survives_each_call_that_fails() {
    let scene = Scene::of(Work::Second, 400);
    for (calls, errors) in [(&CHANGES[..], &ERRORS[..]), (&LOOKS, &ERRORS[..1])] {
        fail_each(&scene, calls, errors);
    }
}

#[test]
fn a_rotation_survives_every_call_that_fails() {
    fail_everywhere(Work::Rotation, 16, 6);
}

#[test]
fn a_restore_that_fails_leaves_nothing_under_its_name() {
    fail_everywhere(Work::Restore, 8, 8);
}

#[test]
fn a_folder_that_cannot_be_read_is_never_called_whole() {
    let mut random = Random::seeded();
    let scene = Scene::new(Work::Verify);
    let (_dir, place) = scene.place();
    let all = points(&scene.command(&place), &LOOKS, &place.0);
    let most = if is_long() { all.len() } else { 25 };
    for point in random.draw(all, most) {
        // One of its two snapshots has changed on the disk.
        let (_dir, place) = scene.place();
        let victim = place.folder().join("snapshots").join(format!(
            "{}.sqlite.gz",
            scene.before.keys().next().expect("two are listed")
        ));
        let mut bytes = std::fs::read(&victim).expect("it is there");
        let at = random.index(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&victim, &bytes).expect("it can be written");

        let struck = strike(&scene.command(&place), point, Blow::Fails("EIO"));
        let what = format!("{point}, seed {}: {struck:#?}", random.seed);
        assert!(struck.said.code > 0, "{what}");
        assert!(
            struck.said.stdout.matches(": whole: ").count() <= 1,
            "{what}"
        );
    }
}

#[test]
fn a_snapshot_is_taken_though_nobody_reads_along() {
    let scene = Scene::new(Work::First);
    let (_dir, place) = scene.place();
    let command = scene.command(&place);
    let (reader, writer) = std::io::pipe().expect("there are pipes");
    drop(reader);
    let status = std::process::Command::new(&command[0])
        .args(&command[1..])
        .stdout(writer.try_clone().expect("there are descriptors"))
        .stderr(writer)
        .status()
        .expect("it starts");
    assert!(status.success(), "{status}");
    is_tidy(&place.folder(), &place.0, "nobody reads along");
}

/// Lets each call fail in a long run, and so many of them in any other.
fn fail_everywhere(work: Work, changes: usize, looks: usize) {
    let mut random = Random::seeded();
    let scene = Scene::new(work);
    for (calls, errors, some) in [
        (&CHANGES[..], &ERRORS[..], changes),
        (&LOOKS, &ERRORS[..1], looks),
    ] {
        if is_long() {
            fail_each(&scene, calls, errors);
            continue;
        }
        let (_dir, place) = scene.place();
        let points = points(&scene.command(&place), calls, &place.0);
        println!("{work:?}: {} calls to strike at", points.len());
        for point in random.draw(points, some) {
            fail_at(&scene, point, errors[random.index(errors.len())]);
        }
    }
}

/// Lets each call of these kinds fail, n rising until nothing fails any more. Only a long run has each fail with each
/// error, and begins at 1, and so with what the program reads of itself before it looks at the place.
fn fail_each(scene: &Scene, calls: &[&str], errors: &[&'static str]) {
    let (_dir, place) = scene.place();
    let mut seen: BTreeMap<(Thread, &str), (u32, u32)> = BTreeMap::new();
    for Point { thread, call, nth } in points(&scene.command(&place), calls, &place.0) {
        let (first, last) = seen.entry((thread, call)).or_insert((nth, nth));
        *first = if is_long() { 1 } else { nth.min(*first) };
        *last = nth.max(*last);
    }
    for ((thread, call), (first, last)) in seen {
        for turn in 0..if is_long() { errors.len() } else { 1 } {
            // A call of the main thread may fail before the other thread is there whose call it was to be.
            let struck = (first..).take_while(|&nth| {
                let error = errors[(nth as usize + turn) % errors.len()];
                let is_struck = fail_at(scene, Point { thread, call, nth }, error);
                is_struck || nth < last
            });
            let times = struck.count();
            println!("{:?}, {thread:?}: {call} failed {times} times", scene.work);
        }
    }
}

/// Lets a call fail and judges what became of it. Answers with whether it was struck in the thread that was meant.
fn fail_at(scene: &Scene, point: Point<'_>, error: &'static str) -> bool {
    let (_dir, place) = scene.place();
    let struck = strike(&scene.command(&place), point, Blow::Fails(error));
    let what = format!("{:?}: {point} fails with {error}", scene.work);
    if struck.hits.is_empty() {
        assert_eq!(struck.said.code, 0, "{what}: {struck:#?}");
        return false;
    }
    let in_folder = |hit: &String| is_about(hit, &place.folder());
    if HEARD_OF.contains(&point.call) && struck.hits.iter().any(in_folder) {
        let is_heard_of = struck.said.code != 0 || struck.said.stderr.contains("tealkeep: ");
        assert!(is_heard_of, "{what}, and nobody is told: {struck:#?}");
    }
    // 101 is a panic.
    assert_ne!(struck.said.code, 101, "{what}: {struck:#?}");
    scene.judge(&place, &struck, &what);
    struck.threads.contains(&point.thread)
}
