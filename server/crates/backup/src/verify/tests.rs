//! Each way of damaging a snapshot, and that it is told apart from the others.

use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;

use super::super::catalogue;
use super::super::snapshot::{self, Request};
use super::super::watch::Cancel;
use super::*;

pub(super) struct Kept {
    pub(super) dir: tempfile::TempDir,
    pub(super) manifest: Manifest,
}

impl Kept {
    pub(super) fn new() -> Kept {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("app.db");
        let conn = Connection::open(&database).unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t(x);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO t SELECT hex(randomblob(40)) FROM n;",
        )
        .unwrap();
        let now = "2026-11-21T03:30:00+00:00[UTC]".parse().unwrap();
        let request = Request::new(&database, &dir.path().join("backups"), now);
        let manifest = snapshot::take(&request, &mut watch(&mut |_| {})).unwrap();
        Kept { dir, manifest }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    pub(super) fn path(&self) -> PathBuf {
        catalogue::snapshots(&self.folder()).join(self.manifest.id.file_name())
    }

    pub(super) fn manifest_path(&self) -> PathBuf {
        catalogue::snapshots(&self.folder()).join(self.manifest.id.manifest_name())
    }

    fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) -> Verdict {
        let mut bytes = fs::read(self.path()).unwrap();
        change(&mut bytes);
        fs::write(self.path(), bytes).unwrap();
        verdict(&self.path())
    }
}

pub(super) fn watch(tell: &mut (dyn FnMut(super::super::watch::Progress) + Send)) -> Watch<'_> {
    Watch::new(tell, Cancel::never(), Duration::from_secs(300))
}

fn verdict(path: &Path) -> Verdict {
    let verdict = verify_file(path, None, &mut watch(&mut |_| {})).unwrap();
    let left: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.') || name.ends_with("-wal") || name.ends_with("-shm"))
        .collect();
    assert!(left.is_empty(), "{left:?} was left");
    verdict
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_whole_one_is_whole_with_its_manifest_without_it_and_through_a_link() {
    let kept = Kept::new();
    let whole = |compared| Verdict::Whole {
        plain_bytes: kept.manifest.plain_bytes,
        tables: 1,
        rows: 3000,
        compared,
    };
    assert_eq!(verdict(&kept.path()), whole(true));
    let link = kept.folder().join("daily/2026-11-21.sqlite.gz");
    let target = format!("../snapshots/{}", kept.manifest.id.file_name());
    std::os::unix::fs::symlink(target, &link).unwrap();
    assert_eq!(verdict(&link), whole(true));
    fs::remove_file(kept.manifest_path()).unwrap();
    assert_eq!(verdict(&kept.path()), whole(false));
    // Gzip of two members is as good as one.
    let plain = Command::new("gunzip")
        .arg("-c")
        .arg(kept.path())
        .output()
        .unwrap()
        .stdout;
    let (first, second) = plain.split_at(5000);
    fs::write(kept.path(), [gzip(first), gzip(second)].concat()).unwrap();
    assert_eq!(verdict(&kept.path()), whole(false));
}

#[test]
fn the_quick_look_finds_every_flipped_byte_and_writes_nothing() {
    let kept = Kept::new();
    let quick = || verify_members(&kept.path(), &mut watch(&mut |_| {})).unwrap();
    let intact = |compared| Verdict::Intact {
        plain_bytes: kept.manifest.plain_bytes,
        compared,
    };
    assert_eq!(quick(), intact(true));
    let whole = fs::read(kept.path()).unwrap();
    let step = (whole.len() / 60).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x04;
        fs::write(kept.path(), bytes).unwrap();
        assert!(matches!(quick(), Verdict::Damaged(_)), "byte {at}");
    }
    fs::write(kept.path(), &whole[..whole.len() - 1]).unwrap();
    let said = quick().to_string();
    assert!(said.starts_with("damaged: it is cut short"), "{said}");
    fs::write(kept.path(), &whole).unwrap();
    fs::remove_file(kept.manifest_path()).unwrap();
    assert_eq!(quick(), intact(false));
    let names = fs::read_dir(kept.path().parent().unwrap()).unwrap();
    assert_eq!(names.count(), 1, "something was written beside it");
}

#[test]
fn each_kind_of_damage_has_its_own_words() {
    let half = |bytes: &Vec<u8>| bytes.len() / 2;
    type Change = fn(&mut Vec<u8>);
    let cases: [(&str, Change); 8] = [
        ("damaged: it is empty", |b| b.clear()),
        ("damaged: it is not gzip", |b| {
            *b = b"SQLite format 3\0".repeat(512)
        }),
        ("damaged: it is cut short: it ends at byte 5,", |b| {
            b.truncate(5)
        }),
        ("damaged: it is cut short: it ends at byte", |b| {
            b.truncate(b.len() / 2)
        }),
        ("damaged: it is cut short: it ends at byte", |b| {
            b.truncate(b.len() - 1)
        }),
        ("damaged: something was appended to it: from byte", |b| {
            b.extend(b"\0\0\0x")
        }),
        ("damaged: it unpacks to more than", |b| {
            *b = gzip(&vec![0; 50 << 20])
        }),
        (
            "damaged: its checksum differs from the one in its manifest",
            |b| {
                *b = gzip(b"another one");
            },
        ),
    ];
    for (words, change) in cases {
        let said = Kept::new().damage(change).to_string();
        assert!(said.starts_with(words), "{said:?} is not {words:?}");
    }
    // Padding is no damage in itself, but these are not the bytes that the manifest is of.
    let padded = Kept::new();
    let said = padded.damage(|b| b.extend(b"\0\0\0\0")).to_string();
    assert!(said.starts_with("damaged: its checksum differs"), "{said}");
    fs::remove_file(padded.manifest_path()).unwrap();
    assert!(verdict(&padded.path()).is_whole());
    // A flipped byte, wherever it is: never whole. In the header's time stamp only the checksum tells.
    let kept = Kept::new();
    let whole = fs::read(kept.path()).unwrap();
    for at in [0, 4, 9, 10, half(&whole), whole.len() - 8, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(kept.path(), bytes).unwrap();
        assert!(
            matches!(verdict(&kept.path()), Verdict::Damaged(_)),
            "byte {at}"
        );
    }
    fs::write(kept.path(), &whole).unwrap();
    assert!(verdict(&kept.path()).is_whole());
}

#[test]
fn without_a_manifest_the_content_still_has_to_be_a_sound_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.gz");
    let database = dir.path().join("x.db");
    let conn = Connection::open(&database).unwrap();
    conn.execute_batch(
        "CREATE TABLE t(x); CREATE INDEX i ON t(x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT hex(randomblob(40)) FROM n;",
    )
    .unwrap();
    drop(conn);
    let sound = fs::read(&database).unwrap();
    let mut unsound = sound.clone();
    let middle = unsound.len() / 2 / 4096 * 4096;
    unsound[middle..middle + 4096].fill(0x5a);
    for (plain, words) in [
        (sound, "whole: "),
        (unsound, "damaged: SQLite's check finds: "),
        (
            b"Dear diary".repeat(1000),
            "damaged: what it holds is not a SQLite database",
        ),
        (
            Vec::new(),
            "damaged: what it holds is not a SQLite database",
        ),
    ] {
        fs::write(&path, gzip(&plain)).unwrap();
        let said = verdict(&path).to_string();
        assert!(said.starts_with(words), "{said:?} is not {words:?}");
    }
}

#[test]
fn a_manifest_that_lies_or_cannot_be_read_is_found_out() {
    let kept = Kept::new();
    let good = fs::read_to_string(kept.manifest_path()).unwrap();
    fs::write(
        kept.manifest_path(),
        good.replace("\"t\": 3000", "\"t\": 2999"),
    )
    .unwrap();
    assert_eq!(
        verdict(&kept.path()).to_string(),
        "damaged: its content is not what the manifest says: table `t` has 3000 rows, and had 2999"
    );
    fs::write(kept.manifest_path(), &good[..20]).unwrap();
    let said = verdict(&kept.path()).to_string();
    assert!(
        said.starts_with("damaged: its manifest can't be read: "),
        "{said}"
    );
}

#[test]
fn a_folder_is_judged_one_by_one_and_what_is_missing_is_said() {
    let kept = Kept::new();
    let snapshots = catalogue::snapshots(&kept.folder());
    let other = |id: &str, damage: bool| {
        let id: SnapshotId = id.parse().unwrap();
        let mut manifest = kept.manifest.clone();
        manifest.id = id;
        manifest::write(&snapshots, &manifest).unwrap();
        let mut bytes = fs::read(kept.path()).unwrap();
        if damage {
            let half = bytes.len() / 2;
            bytes[half] ^= 1;
        }
        fs::write(snapshots.join(id.file_name()), bytes).unwrap();
        id
    };
    let damaged = other("2026-11-22T033000Z", true);
    let otherwise_named = other("2026-11-23T033000Z", false);
    let missing: SnapshotId = "2026-11-20T033000Z".parse().unwrap();
    let sums = [
        (missing, &kept.manifest.sha256),
        (kept.manifest.id, &kept.manifest.sha256),
        (otherwise_named, &"0".repeat(64)),
    ]
    .map(|(id, sum)| format!("{sum}  snapshots/{}\n", id.file_name()));
    fs::write(kept.folder().join("SHA256SUMS"), sums.concat()).unwrap();

    for dir in [kept.folder(), snapshots] {
        let mut told = Vec::new();
        let mut each = |id: SnapshotId, verdict: &Verdict| told.push((id, verdict.clone()));
        let verdicts = verify_folder(&dir, None, &mut watch(&mut |_| {}), &mut each).unwrap();
        assert_eq!(told, verdicts);
        let ids: Vec<SnapshotId> = verdicts.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [missing, kept.manifest.id, damaged, otherwise_named]);
        assert_eq!(verdicts[0].1, Verdict::Missing);
        assert!(verdicts[1].1.is_whole());
        assert!(
            matches!(verdicts[2].1, Verdict::Damaged(Damage::File(_))),
            "{:?}",
            verdicts[2]
        );
        assert_eq!(
            verdicts[3].1,
            Verdict::Damaged(Damage::Checksum("SHA256SUMS"))
        );
    }
}

#[test]
fn snapshots_that_were_copied_somewhere_by_hand_are_judged_too() {
    let kept = Kept::new();
    let stick = kept.dir.path().join("stick");
    fs::create_dir(&stick).unwrap();
    fs::copy(kept.path(), stick.join(kept.manifest.id.file_name())).unwrap();
    let verdicts = verify_folder(&stick, None, &mut watch(&mut |_| {}), &mut |_, _| {}).unwrap();
    assert!(
        matches!(
            verdicts[..],
            [(
                _,
                Verdict::Whole {
                    compared: false,
                    ..
                }
            )]
        ),
        "{verdicts:?}"
    );
}

#[test]
fn a_folder_without_snapshots_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let said = verify_folder(dir.path(), None, &mut watch(&mut |_| {}), &mut |_, _| {})
        .unwrap_err()
        .to_string();
    assert!(said.contains("holds no snapshots"), "{said}");
}
