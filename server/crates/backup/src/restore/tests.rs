//! Content put back into databases that others have open, and a process that is killed in the middle of it.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::super::snapshot::{self, Request};
use super::super::watch::{Cancel, Progress};
use super::*;

const PLENTY: Duration = Duration::from_secs(3600);

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A database of `rows` rows that all say `word`, left open.
    fn database(&self, name: &str, setup: &str, word: &str, rows: u32) -> Connection {
        let conn = Connection::open(self.path(name)).unwrap();
        conn.execute_batch(setup).unwrap();
        conn.execute_batch(&format!(
            "CREATE TABLE t(word TEXT, pad BLOB); CREATE TABLE {word}_only(x);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO t SELECT '{word}', randomblob(400) FROM n;"
        ))
        .unwrap();
        conn
    }

    fn snapshot_of(&self, name: &str) -> PathBuf {
        let now = "2026-11-21T03:30:00+00:00[UTC]".parse().unwrap();
        let folder = self.path("backups");
        let request = Request::new(&self.path(name), &folder, now);
        let manifest = snapshot::take(&request, &mut watch(&mut |_| {})).unwrap();
        folder.join("snapshots").join(manifest.id.file_name())
    }

    fn unpacked(&self, name: &str) -> PathBuf {
        let to = self.path("unpacked.db");
        unpack(&self.snapshot_of(name), &to, &mut watch(&mut |_| {})).unwrap();
        to
    }
}

fn watch(tell: &mut (dyn FnMut(Progress) + Send)) -> Watch<'_> {
    Watch::new(tell, Cancel::never(), PLENTY)
}

fn words(conn: &Connection) -> (String, u32) {
    conn.query_row(
        "SELECT min(word) || max(word), count(*) FROM t",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .unwrap()
}

fn sound(conn: &Connection) -> String {
    conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}

const WAL: &str = "PRAGMA journal_mode = WAL";
const DELETE: &str = "PRAGMA journal_mode = DELETE";

#[test]
fn unpacked_it_is_a_plain_database_with_nothing_beside_it() {
    let place = Place::new();
    let _live = place.database("live.db", WAL, "old", 500);
    let packed = place.snapshot_of("live.db");
    let to = place.path("restored/new.db");
    fs::create_dir(place.path("restored")).unwrap();
    let facts = unpack(&packed, &to, &mut watch(&mut |_| {})).unwrap();
    assert_eq!(facts.tables["t"], 500);
    assert_eq!(fs::read_dir(place.path("restored")).unwrap().count(), 1);
    let conn = Connection::open(&to).unwrap();
    assert_eq!(
        (words(&conn), sound(&conn)),
        (("oldold".to_owned(), 500), "ok".to_owned())
    );
}

#[test]
fn an_existing_target_is_refused_and_so_is_what_another_database_left_beside_it() {
    let place = Place::new();
    let _live = place.database("live.db", WAL, "old", 50);
    let packed = place.snapshot_of("live.db");
    for ending in ["", "-wal", "-shm", "-journal"] {
        let to = place.path("new.db");
        let standing = beside(&to, ending);
        fs::write(&standing, "precious").unwrap();
        match unpack(&packed, &to, &mut watch(&mut |_| {})) {
            Err(RestoreError::TargetExists(path)) => assert_eq!(path, standing),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&standing).unwrap(), b"precious");
        fs::remove_file(&standing).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", place.path("new.db")).unwrap();
    assert!(unpack(&packed, &place.path("new.db"), &mut watch(&mut |_| {})).is_err());
}

#[test]
fn a_damaged_snapshot_is_refused_and_nothing_appears() {
    let place = Place::new();
    let _live = place.database("live.db", WAL, "old", 500);
    let packed = place.snapshot_of("live.db");
    let whole = fs::read(&packed).unwrap();
    let (half, cut) = (whole.len() / 2, whole.len() - 10);
    let mut flipped = whole.clone();
    flipped[half] ^= 1;
    for bytes in [
        flipped,
        whole[..cut].to_vec(),
        b"no gzip".to_vec(),
        Vec::new(),
    ] {
        fs::write(&packed, bytes).unwrap();
        let to = place.path("new.db");
        match unpack(&packed, &to, &mut watch(&mut |_| {})) {
            Err(RestoreError::Damaged { path, .. }) => assert_eq!(path, packed),
            other => panic!("{other:?}"),
        }
        assert!(!to.exists());
    }
    let left = fs::read_dir(place.dir.path()).unwrap().filter(|item| {
        item.as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.')
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn content_goes_back_while_others_have_the_database_open() {
    for setup in [
        WAL,
        DELETE,
        "PRAGMA page_size = 65536; PRAGMA journal_mode = WAL",
        "PRAGMA page_size = 512",
    ] {
        for rows in [(50, 2000), (2000, 50)] {
            let place = Place::new();
            let live = place.database("live.db", setup, "old", rows.0);
            let unpacked = place.unpacked("live.db");
            let before = fs::metadata(place.path("live.db")).unwrap();
            // What happened since the snapshot.
            live.execute_batch(&format!(
                "DROP TABLE old_only; CREATE TABLE new_only(x); DELETE FROM t;
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
                 INSERT INTO t SELECT 'new', randomblob(400) FROM n;",
                rows.1
            ))
            .unwrap();
            // Prepared before, used after.
            let mut count = live
                .prepare("SELECT count(*) FROM t WHERE word = 'old'")
                .unwrap();
            let mut stages = Vec::new();
            let mut tell = |progress: Progress| stages.push(progress.stage);
            let copied =
                copy_into(&unpacked, &place.path("live.db"), &mut watch(&mut tell)).unwrap();
            assert!(stages.iter().all(|stage| *stage == Stage::Restoring));
            assert!(copied.checkpointed, "{setup}");
            assert_eq!(copied.facts.tables["t"], u64::from(rows.0));
            assert_eq!(
                count.query_row([], |row| row.get::<_, u32>(0)).unwrap(),
                rows.0,
                "{setup}"
            );
            assert_eq!(words(&live), ("oldold".to_owned(), rows.0), "{setup}");
            assert_eq!(sound(&live), "ok");
            live.execute_batch("INSERT INTO old_only VALUES (1)")
                .unwrap();
            use std::os::unix::fs::MetadataExt;
            assert_eq!(
                fs::metadata(place.path("live.db")).unwrap().ino(),
                before.ino()
            );
        }
    }
}

#[test]
fn a_reader_in_the_middle_keeps_its_view_and_the_checkpoint_waits_for_another_time() {
    let place = Place::new();
    let live = place.database("live.db", WAL, "old", 100);
    let unpacked = place.unpacked("live.db");
    live.execute_batch("UPDATE t SET word = 'new'").unwrap();
    let reader = Connection::open(place.path("live.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(words(&reader).0, "newnew");
    let copied = copy_into(&unpacked, &place.path("live.db"), &mut watch(&mut |_| {})).unwrap();
    assert!(!copied.checkpointed);
    assert_eq!(words(&reader).0, "newnew");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(words(&reader).0, "oldold");
}

#[test]
fn a_writer_that_does_not_end_is_waited_for_until_the_deadline_and_nothing_changes() {
    let place = Place::new();
    let live = place.database("live.db", WAL, "old", 100);
    let unpacked = place.unpacked("live.db");
    live.execute_batch("UPDATE t SET word = 'new'; BEGIN IMMEDIATE")
        .unwrap();
    let mut ignore = |_: Progress| {};
    let mut short = Watch::new(&mut ignore, Cancel::never(), Duration::from_millis(300));
    let refused = copy_into(&unpacked, &place.path("live.db"), &mut short).unwrap_err();
    // On a slow machine the deadline passes before the lock is even asked for.
    assert!(
        matches!(
            refused,
            RestoreError::Database(DatabaseError::Locked { .. })
                | RestoreError::Stopped(Stopped::TooLong(_))
        ),
        "{refused:?}"
    );
    live.execute_batch("COMMIT").unwrap();
    assert_eq!(words(&live).0, "newnew");
}

#[test]
fn another_page_size_is_refused_before_anything_changes() {
    let place = Place::new();
    let _source = place.database("source.db", "PRAGMA page_size = 8192", "old", 10);
    let unpacked = place.unpacked("source.db");
    let live = place.database("live.db", WAL, "new", 10);
    match copy_into(&unpacked, &place.path("live.db"), &mut watch(&mut |_| {})) {
        Err(RestoreError::PageSize { snapshot, database }) => {
            assert_eq!((snapshot, database), (8192, 4096));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(words(&live).0, "newnew");
}

#[test]
fn a_snapshot_of_one_journal_mode_goes_into_a_database_of_another() {
    for (then, now) in [(WAL, DELETE), (DELETE, WAL)] {
        let place = Place::new();
        let source = place.database("source.db", then, "old", 300);
        let unpacked = place.unpacked("source.db");
        drop(source);
        let live = place.database("live.db", now, "new", 700);
        copy_into(&unpacked, &place.path("live.db"), &mut watch(&mut |_| {})).unwrap();
        for conn in [live, Connection::open(place.path("live.db")).unwrap()] {
            assert_eq!(
                words(&conn),
                ("oldold".to_owned(), 300),
                "{then} into {now}"
            );
            assert_eq!(sound(&conn), "ok");
            conn.execute_batch("INSERT INTO old_only VALUES (1)")
                .unwrap();
        }
    }
}

#[test]
fn an_empty_file_takes_the_snapshots_page_size() {
    let place = Place::new();
    let _source = place.database("source.db", "PRAGMA page_size = 16384", "old", 300);
    let unpacked = place.unpacked("source.db");
    fs::File::create(place.path("live.db")).unwrap();
    copy_into(&unpacked, &place.path("live.db"), &mut watch(&mut |_| {})).unwrap();
    let live = Connection::open(place.path("live.db")).unwrap();
    assert_eq!(words(&live), ("oldold".to_owned(), 300));
}

#[test]
fn a_missing_live_database_is_not_made() {
    let place = Place::new();
    let _source = place.database("source.db", WAL, "old", 10);
    let unpacked = place.unpacked("source.db");
    let gone = place.path("gone.db");
    let refused = copy_into(&unpacked, &gone, &mut watch(&mut |_| {})).unwrap_err();
    assert!(matches!(
        refused,
        RestoreError::Database(DatabaseError::Missing(_))
    ));
    assert!(!gone.exists());
}

#[test]
fn called_off_in_the_middle_the_old_content_stays() {
    let place = Place::new();
    let live = place.database("live.db", WAL, "old", 3000);
    let unpacked = place.unpacked("live.db");
    live.execute_batch("UPDATE t SET word = 'new'").unwrap();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (set, get) = (asked.clone(), asked);
    let mut tell = move |progress: Progress| {
        if progress.done > 0 {
            set.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let cancel = Cancel::when(move || get.load(std::sync::atomic::Ordering::Relaxed));
    let refused = copy_into(
        &unpacked,
        &place.path("live.db"),
        &mut Watch::new(&mut tell, cancel, PLENTY),
    );
    assert!(
        matches!(refused, Err(RestoreError::Stopped(Stopped::Cancelled))),
        "{refused:?}"
    );
    assert_eq!(
        (words(&live).0.as_str(), sound(&live).as_str()),
        ("newnew", "ok")
    );
    live.execute_batch("INSERT INTO new_only VALUES (1)")
        .unwrap_err();
    live.execute_batch("INSERT INTO old_only VALUES (1)")
        .unwrap();
}

/// What the child of the next test does: restores, and kills itself at the given report of progress.
#[test]
fn child_that_dies_in_the_middle_of_a_restore() {
    let Ok(order) = std::env::var("TEALKEEP_TEST_DIE_IN_RESTORE") else {
        return;
    };
    let mut parts = order.splitn(3, ':');
    let mut next = || parts.next().unwrap().to_owned();
    let (mut left, unpacked, database) = (next().parse::<u32>().unwrap(), next(), next());
    let mut tell = |_: Progress| {
        left -= 1;
        if left == 0 {
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
        }
    };
    copy_into(
        Path::new(&unpacked),
        Path::new(&database),
        &mut watch(&mut tell),
    )
    .unwrap();
}

#[test]
fn killed_at_any_instant_the_database_holds_the_old_content_or_the_new() {
    for setup in [WAL, DELETE] {
        let mut after_kills = Vec::new();
        loop {
            let die_at = after_kills.len() + 1;
            let place = Place::new();
            let live = place.database("live.db", setup, "old", 4000);
            let unpacked = place.unpacked("live.db");
            live.execute_batch("UPDATE t SET word = 'new'").unwrap();
            if die_at % 2 == 0 {
                // Somebody else has it open, so the WAL is not the dead process's alone.
                words(&live);
            } else {
                drop(live);
            }
            let order = format!(
                "{die_at}:{}:{}",
                unpacked.display(),
                place.path("live.db").display()
            );
            let status = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "restore::tests::child_that_dies_in_the_middle_of_a_restore",
                ])
                .env("TEALKEEP_TEST_DIE_IN_RESTORE", order)
                .output()
                .unwrap()
                .status;
            let now = Connection::open(place.path("live.db")).unwrap();
            assert_eq!(sound(&now), "ok", "{setup}, killed at report {die_at}");
            let (word, rows) = words(&now);
            assert_eq!(rows, 4000, "{setup}, killed at report {die_at}");
            if status.signal() != Some(9) {
                assert!(status.success(), "{status:?}");
                assert_eq!(word, "oldold");
                break;
            }
            after_kills.push(word);
        }
        // Until the commit it is what it was; the last report comes after the commit.
        let (last, before) = after_kills.split_last().unwrap();
        assert!(before.len() >= 4, "{setup}: {after_kills:?}");
        assert!(
            before.iter().all(|word| word == "newnew"),
            "{setup}: {after_kills:?}"
        );
        assert_eq!(last, "oldold", "{setup}");
    }
}
