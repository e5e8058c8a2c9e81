//! A call to the system that fails, the n-th of its kind, n rising until nothing fails any more: the folder is
//! consistent after each, the failure is heard of, and the next run succeeds and tidies up.

use super::strace::{Blow, count, strike};
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
    fail_everywhere(Work::First, 40, 15);
}

#[test]
fn a_snapshot_that_builds_on_another_survives_every_call_that_fails() {
    fail_everywhere(Work::Second, 25, 20);
}

#[test]
fn a_rotation_survives_every_call_that_fails() {
    fail_everywhere(Work::Rotation, 40, 15);
}

#[test]
fn a_restore_that_fails_leaves_nothing_under_its_name() {
    fail_everywhere(Work::Restore, 15, 15);
}

#[test]
fn a_folder_that_cannot_be_read_is_never_called_whole() {
    let mut random = Random::seeded();
    let scene = Scene::new(Work::Verify);
    let counts = count(&scene.command(&scene.place().1), &LOOKS);
    let all = points(&counts, &LOOKS);
    for (call, nth) in sample(&mut random, all, 40) {
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

        let struck = strike(&scene.command(&place), call, nth, Blow::Fails("EIO"));
        let what = format!("{call} {nth}, seed {}: {struck:#?}", random.seed);
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

fn fail_everywhere(work: Work, changes: usize, looks: usize) {
    let mut random = Random::seeded();
    let scene = Scene::new(work);
    for (kind, calls, some) in [("changes", &CHANGES[..], changes), ("looks", &LOOKS, looks)] {
        let counts = count(&scene.command(&scene.place().1), calls);
        println!("{work:?} {kind}: {counts:?}");
        if is_long() {
            for call in counts.keys() {
                let errors: &[_] = if kind == "changes" {
                    &["EIO", "ENOSPC"]
                } else {
                    &["EIO"]
                };
                for &error in errors {
                    // What a run does depends a little on the time and on other threads.
                    let nth = 1..;
                    nth.take_while(|&nth| fail_at(&scene, call, nth, error))
                        .for_each(drop);
                }
            }
        } else {
            let all = points(&counts, calls);
            for (call, nth) in sample(&mut random, all, some) {
                let error = ["EIO", "ENOSPC"][random.index(2)];
                fail_at(&scene, call, nth, error);
            }
        }
    }
}

/// Lets the n-th call fail and judges what became of it. Answers with whether any call was struck.
fn fail_at(scene: &Scene, call: &str, nth: u32, error: &'static str) -> bool {
    let (_dir, place) = scene.place();
    let struck = strike(&scene.command(&place), call, nth, Blow::Fails(error));
    let what = format!("{:?}: {call} number {nth} fails with {error}", scene.work);
    if struck.hits.is_empty() {
        assert_eq!(struck.said.code, 0, "{what}: {struck:#?}");
        return false;
    }
    let in_folder = |hit: &String| is_about(hit, &place.folder());
    if HEARD_OF.contains(&call) && struck.hits.iter().any(in_folder) {
        let is_heard_of = struck.said.code != 0 || struck.said.stderr.contains("tealkeep: ");
        assert!(is_heard_of, "{what}, and nobody is told: {struck:#?}");
    }
    // 101 is a panic.
    assert_ne!(struck.said.code, 101, "{what}: {struck:#?}");
    scene.judge(&place, &struck, &what);
    true
}

fn points<'a>(
    counts: &std::collections::BTreeMap<String, u32>,
    calls: &[&'a str],
) -> Vec<(&'a str, u32)> {
    let of = |call: &&'a str| {
        let call = *call;
        (1..=counts.get(call).copied().unwrap_or(0)).map(move |nth| (call, nth))
    };
    calls.iter().flat_map(of).collect()
}

/// All of them in a long run; else some, drawn by the seed.
fn sample<T>(random: &mut Random, all: Vec<T>, some: usize) -> Vec<T> {
    if is_long() {
        all
    } else {
        random.draw(all, some)
    }
}
