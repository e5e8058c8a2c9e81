//! Snapshots of real files under real writers, checked with the tools that people will use: `gunzip`,
//! `sqlite3`.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::params;

use super::super::verify::{self, Verdict};
use super::super::watch::Stopped;
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

    fn database(&self) -> PathBuf {
        self.dir.path().join("app/app.db")
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    fn open(&self) -> Connection {
        fs::create_dir_all(self.dir.path().join("app")).unwrap();
        Connection::open(self.database()).unwrap()
    }

    fn request(&self) -> Request {
        let now = "2026-11-21T04:30:00.25+01:00[Europe/Berlin]"
            .parse()
            .unwrap();
        Request::new(&self.database(), &self.folder(), now)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(catalogue::snapshots(&self.folder()))
            .map(|list| {
                list.map(|item| item.unwrap().file_name().into_string().unwrap())
                    .collect()
            })
            .unwrap_or_default();
        names.sort();
        names
    }

    fn packed(&self, manifest: &Manifest) -> PathBuf {
        catalogue::snapshots(&self.folder()).join(manifest.id.file_name())
    }

    /// Unpacks with the real `gunzip`, to a file of its own.
    fn gunzip(&self, manifest: &Manifest) -> PathBuf {
        let out = self.dir.path().join(format!("{}.db", manifest.id));
        let status = Command::new("gunzip")
            .arg("-c")
            .arg(self.packed(manifest))
            .stdout(fs::File::create(&out).unwrap())
            .status()
            .unwrap();
        assert!(status.success());
        out
    }
}

fn take_now(request: &Request) -> Result<Manifest, SnapshotError> {
    take(
        request,
        &mut Watch::new(&mut |_| {}, Cancel::never(), PLENTY),
    )
}

fn verdict(path: &Path) -> Verdict {
    verify::verify_file(
        path,
        None,
        &mut Watch::new(&mut |_| {}, Cancel::never(), PLENTY),
    )
    .unwrap()
}

/// Asks the real `sqlite3` where there is one, and the bundled SQLite otherwise.
fn ask(database: &Path, sql: &str) -> String {
    match Command::new("sqlite3").arg(database).arg(sql).output() {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }
        Err(_) => Connection::open(database)
            .unwrap()
            .query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| match value {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(n) => n.to_string(),
                other => format!("{other:?}"),
            })
            .unwrap(),
    }
}

fn fill(conn: &Connection, rows: i64) {
    conn.execute_batch("CREATE TABLE IF NOT EXISTS doses(id INTEGER PRIMARY KEY, what TEXT)")
        .unwrap();
    let transaction = conn.unchecked_transaction().unwrap();
    for n in 0..rows {
        conn.execute(
            "INSERT INTO doses(what) VALUES (?1)",
            params![format!(
                "dose {n} {}",
                "x".repeat(usize::try_from(n % 300).unwrap())
            )],
        )
        .unwrap();
    }
    transaction.commit().unwrap();
}

#[test]
fn a_snapshot_under_busy_writers_is_one_state_that_existed_and_no_writer_waits() {
    let place = Place::new();
    let conn = place.open();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
         CREATE TABLE one(n INTEGER, pad BLOB); CREATE TABLE two(n INTEGER, pad BLOB);",
    )
    .unwrap();
    fill(&conn, 40_000);
    // One writer at a time is SQLite's rule; two of ours take turns so that neither can see the other's lock.
    let turn = std::sync::Mutex::new(());
    let (stop, commits) = (AtomicBool::new(false), AtomicU64::new(0));
    struct StopWhenDone<'a>(&'a AtomicBool);
    impl Drop for StopWhenDone<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let manifest = std::thread::scope(|scope| {
        let stop_when_done = StopWhenDone(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                let writer = Connection::open(place.database()).unwrap();
                writer.busy_timeout(Duration::ZERO).unwrap();
                writer.pragma_update(None, "synchronous", "OFF").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    {
                        let _mine = turn.lock().unwrap();
                        writer
                            .execute_batch(
                                "BEGIN IMMEDIATE;
                                 INSERT INTO one SELECT coalesce(max(n), 0) + 1, randomblob(500) FROM one;
                                 INSERT INTO two SELECT coalesce(max(n), 0) + 1, randomblob(500) FROM two;
                                 COMMIT;",
                            )
                            .expect("a writer saw BUSY");
                        commits.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
        // The snapshot begins when writing is under way, and each of its stages sees more commits.
        let patience = Instant::now() + PLENTY;
        while commits.load(Ordering::Relaxed) < 20 {
            assert!(Instant::now() < patience, "the writers stand still");
            std::thread::yield_now();
        }
        let mut stages = Vec::new();
        let mut tell = |progress: Progress| {
            let seen = commits.load(Ordering::Relaxed);
            if stages
                .last()
                .is_none_or(|(stage, _)| *stage != progress.stage)
            {
                stages.push((progress.stage, seen));
            }
            let patience = Instant::now() + PLENTY;
            while commits.load(Ordering::Relaxed) == seen {
                assert!(Instant::now() < patience, "the writers stand still");
                std::thread::yield_now();
            }
        };
        let manifest = take(
            &place.request(),
            &mut Watch::new(&mut tell, Cancel::never(), PLENTY),
        );
        let after = commits.load(Ordering::Relaxed);
        drop(stop_when_done);
        let expected = [Stage::Checking, Stage::Compressing, Stage::ReadingBack];
        assert_eq!(
            stages.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(),
            expected
        );
        assert!(
            after > stages[0].1 + 20,
            "the writers stood still: {stages:?}, {after}"
        );
        manifest.unwrap()
    });

    let unpacked = place.gunzip(&manifest);
    assert_eq!(ask(&unpacked, "PRAGMA integrity_check"), "ok");
    assert_eq!(
        ask(
            &unpacked,
            "SELECT (SELECT max(n) FROM one) = (SELECT max(n) FROM two)
             AND (SELECT count(*) FROM one) = (SELECT count(*) FROM two)
             AND (SELECT max(n) FROM one) = (SELECT count(*) FROM one)"
        ),
        "1"
    );
    let rows: u64 = ask(&unpacked, "SELECT count(*) FROM one").parse().unwrap();
    assert_eq!(manifest.tables["one"], rows);
    assert!(rows >= 20 && rows <= commits.load(Ordering::Relaxed));
    assert!(verdict(&place.packed(&manifest)).is_whole());
    assert!(
        catalogue::snapshots(&place.folder())
            .read_dir()
            .unwrap()
            .count()
            == 2
    );
}

#[test]
fn every_page_size_and_mode_comes_out_byte_for_byte() {
    for page_size in [512_u32, 1024, 4096, 8192, 32768, 65536] {
        for (mode, vacuum) in [("wal", "full"), ("delete", "none"), ("wal", "incremental")] {
            let place = Place::new();
            let conn = place.open();
            conn.execute_batch(&format!(
                "PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {vacuum};
                 PRAGMA journal_mode = {mode}; PRAGMA user_version = 7;"
            ))
            .unwrap();
            fill(&conn, 500);
            conn.execute("DELETE FROM doses WHERE id % 3 = 0", [])
                .unwrap();
            let manifest = take_now(&place.request()).unwrap();
            assert_eq!((manifest.page_size, manifest.user_version), (page_size, 7));
            // With everything checkpointed, the file itself is what SQLite's pages are.
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .unwrap();
            drop(conn);
            let unpacked = fs::read(place.gunzip(&manifest)).unwrap();
            let live = fs::read(place.database()).unwrap();
            assert_eq!(unpacked.len(), live.len(), "{page_size} {mode}");
            assert!(unpacked == live, "{page_size} {mode}: other bytes");
            assert!(
                verdict(&place.packed(&manifest)).is_whole(),
                "{page_size} {mode}"
            );
        }
    }
}

#[test]
fn the_backup_api_serves_where_sqlite_shows_no_pages() {
    for mode in ["wal", "delete"] {
        let place = Place::new();
        let conn = place.open();
        conn.pragma_update(None, "journal_mode", mode).unwrap();
        fill(&conn, 5_000);
        let mut ignore = |_: Progress| {};
        let mut watch = Watch::new(&mut ignore, Cancel::never(), PLENTY);
        let manifest = take_by(&place.request(), &mut watch, Way::BackupApi).unwrap();
        assert_eq!(manifest.tables["doses"], 5_000);
        assert!(verdict(&place.packed(&manifest)).is_whole());
        assert_eq!(place.files().len(), 2, "{:?}", place.files());
        assert_eq!(
            ask(&place.gunzip(&manifest), "SELECT count(*) FROM doses"),
            "5000"
        );
        let at_top: Vec<_> = fs::read_dir(place.folder())
            .unwrap()
            .map(|i| i.unwrap().file_name())
            .collect();
        assert_eq!(at_top.len(), 4, "{at_top:?}");
    }
}

#[test]
fn databases_of_no_page_and_of_one_page_are_kept_too() {
    let place = Place::new();
    drop(place.open());
    fs::File::create(place.database()).unwrap();
    let empty = take_now(&place.request()).unwrap();
    assert_eq!((empty.plain_bytes, empty.page_count), (0, 0));
    assert!(verdict(&place.packed(&empty)).is_whole());

    place.open().pragma_update(None, "user_version", 3).unwrap();
    let one = take_now(&place.request()).unwrap();
    assert_eq!((one.page_count, one.user_version), (1, 3));
    assert_eq!(one.id.to_string(), "2026-11-21T033000Z-2");
    assert!(verdict(&place.packed(&one)).is_whole());
}

#[test]
fn the_lock_byte_page_at_one_gibibyte_is_zeros_and_the_pages_around_it_are_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA page_size = 65536; CREATE TABLE t(x);")
        .unwrap();
    drop(conn);
    // A sparse file with a page before the lock-byte page and one after it, and their number in the header
    // (sqlite.org/fileformat.html, 1.3.7).
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let lock_page: u32 = (1 << 30) / 65536 + 1;
    for (pgno, fill) in [(lock_page - 1, 1_u8), (lock_page + 1, 3)] {
        file.write_all_at(&vec![fill; 65536], u64::from(pgno - 1) * 65536)
            .unwrap();
    }
    file.write_all_at(&(lock_page + 1).to_be_bytes(), 28)
        .unwrap();
    let conn = Connection::open(&path).unwrap();
    let count: u32 = conn
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, lock_page + 1);
    let mut statement = pages::statement(&conn).unwrap();
    let mut pages = LivePages::new(&mut statement, 0).unwrap();
    let mut around = Vec::new();
    for pgno in 1..=count {
        let page = super::super::gzip::PageSource::next_page(&mut pages)
            .unwrap()
            .unwrap();
        assert_eq!(page.len(), 65536);
        if pgno + 1 >= lock_page {
            assert!(page.iter().all(|byte| *byte == page[0]));
            around.push(page[0]);
        }
    }
    assert_eq!(around, [1, 0, 3]);
    assert!(
        super::super::gzip::PageSource::next_page(&mut pages)
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_manifest_says_what_is_in_it() {
    let place = Place::new();
    let conn = place.open();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA user_version = 12;
         CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('milk');
         CREATE TABLE \"odd \"\" name\"(x); INSERT INTO \"odd \"\" name\" VALUES (1), (2);
         CREATE TABLE idle(x INTEGER PRIMARY KEY AUTOINCREMENT); ANALYZE;",
    )
    .unwrap();
    fill(&conn, 10);
    let mut request = place.request();
    request.app = Some("home".parse().unwrap());
    request.reason = Reason::Nightly;
    request.release = Some("v1".parse().unwrap());
    request.local_date = Some("2026-11-20".parse().unwrap());
    let manifest = take_now(&request).unwrap();
    let tables: Vec<(&str, u64)> = manifest
        .tables
        .iter()
        .map(|(t, n)| (t.as_str(), *n))
        .collect();
    assert_eq!(tables, [("doses", 10), ("idle", 0), ("odd \" name", 2)]);
    assert_eq!(manifest.offset, "+01:00");
    assert_eq!(manifest.taken_at.to_string(), "2026-11-21T03:30:00Z");
    assert_eq!(manifest.local_date.to_string(), "2026-11-20");
    assert_eq!(
        place.files(),
        ["2026-11-21T033000Z.json", "2026-11-21T033000Z.sqlite.gz"]
    );

    // The hash is the schema's alone: neither rows nor statistics change it, a column does.
    conn.execute_batch("INSERT INTO idle DEFAULT VALUES; ANALYZE;")
        .unwrap();
    let same = take_now(&request).unwrap();
    assert_eq!(same.schema_hash, manifest.schema_hash);
    conn.execute_batch("ALTER TABLE idle ADD COLUMN y").unwrap();
    let other = take_now(&request).unwrap();
    assert_ne!(other.schema_hash, manifest.schema_hash);

    let printed = Command::new("sha256sum")
        .arg(place.packed(&manifest))
        .output()
        .unwrap();
    assert!(
        String::from_utf8(printed.stdout)
            .unwrap()
            .starts_with(&manifest.sha256)
    );
    use std::os::unix::fs::PermissionsExt;
    for name in place.files() {
        let meta = fs::metadata(catalogue::snapshots(&place.folder()).join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o640);
    }
}

#[test]
fn a_database_nobody_uses_is_left_as_it_was_and_one_in_use_keeps_its_wal() {
    let place = Place::new();
    let conn = place.open();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    fill(&conn, 10);
    let names = || {
        let mut names: Vec<String> = fs::read_dir(place.database().parent().unwrap())
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let wal_bytes = || {
        fs::metadata(place.database().with_extension("db-wal"))
            .unwrap()
            .len()
    };
    let before = wal_bytes();
    assert!(before > 0);
    take_now(&place.request()).unwrap();
    assert_eq!(
        (names(), wal_bytes()),
        (
            vec!["app.db".into(), "app.db-shm".into(), "app.db-wal".into()],
            before
        )
    );
    drop(conn);
    assert_eq!(names(), ["app.db"]);
    take_now(&place.request()).unwrap();
    assert_eq!(names(), ["app.db"]);
}

#[test]
fn what_is_no_database_is_refused_in_words_and_nothing_is_made() {
    let place = Place::new();
    let said = |request: &Request| take_now(request).unwrap_err().to_string();
    let missing = said(&place.request());
    assert!(missing.starts_with("there is no database at"), "{missing}");
    drop(place.open());
    for content in [
        b"Dear diary, today nothing happened at all, and that is how it should be.".repeat(20),
        // What an encrypted database looks like: noise from the first byte on.
        (0..8192_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect(),
        b"SQLite format 2\0".repeat(64),
    ] {
        fs::write(place.database(), content).unwrap();
        let said = said(&place.request());
        assert!(
            said.contains("is not a SQLite database, or it is encrypted"),
            "{said}"
        );
    }
    let mut request = place.request();
    request.database = place.database().parent().unwrap().to_owned();
    assert!(said(&request).contains("is not a file"));
    assert!(!place.folder().exists());
}

#[test]
fn a_damaged_database_is_named_as_such_and_not_kept() {
    let place = Place::new();
    let conn = place.open();
    fill(&conn, 2_000);
    drop(conn);
    let mut bytes = fs::read(place.database()).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(place.database(), bytes).unwrap();
    let said = take_now(&place.request()).unwrap_err().to_string();
    assert!(said.contains("is damaged, says its own check"), "{said}");
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_database_that_stays_locked_is_given_up_after_a_while() {
    let place = Place::new();
    let conn = place.open();
    fill(&conn, 10);
    conn.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut request = place.request();
    request.busy_timeout = Duration::from_millis(50);
    match take_now(&request) {
        Err(SnapshotError::Database(DatabaseError::Locked { waited, .. })) => {
            assert_eq!(waited, request.busy_timeout);
        }
        other => panic!("{other:?}"),
    }
    conn.execute_batch("COMMIT").unwrap();
    take_now(&request).unwrap();
}

#[test]
fn called_off_or_too_late_it_leaves_nothing() {
    let place = Place::new();
    let conn = place.open();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    fill(&conn, 20_000);
    for stage in [Stage::Checking, Stage::Compressing, Stage::ReadingBack] {
        let asked = Arc::new(AtomicBool::new(false));
        let (set, get) = (Arc::clone(&asked), asked);
        let mut tell = move |progress: Progress| {
            if progress.stage == stage {
                set.store(true, Ordering::Relaxed);
            }
        };
        let cancel = Cancel::when(move || get.load(Ordering::Relaxed));
        let result = take(&place.request(), &mut Watch::new(&mut tell, cancel, PLENTY));
        match result {
            Err(SnapshotError::Stopped(Stopped::Cancelled)) => {}
            other => panic!("{stage}: {other:?}"),
        }
        assert_eq!(place.files(), [""; 0], "{stage}");
    }
    let late = take(
        &place.request(),
        &mut Watch::new(&mut |_| {}, Cancel::never(), Duration::ZERO),
    );
    assert!(late.unwrap_err().to_string().contains("deadline"));
    assert_eq!(place.files(), [""; 0]);
    // And the database is free again.
    conn.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
    take_now(&place.request()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    fill(&place.open(), 1);
    let mut request = place.request();
    // Even root makes nothing there.
    request.folder = PathBuf::from("/proc/tealkeep-backups");
    let said = take_now(&request).unwrap_err().to_string();
    assert!(
        said.starts_with("cannot use the folder /proc/tealkeep-backups"),
        "{said}"
    );
}

#[test]
fn the_room_needed_is_judged_by_the_last_one() {
    let mib = |n: u64| n << 20;
    assert_eq!(estimate(mib(100), None), mib(50));
    assert_eq!(estimate(mib(100), Some((mib(20), mib(100)))), mib(25));
    assert_eq!(estimate(mib(200), Some((mib(20), mib(100)))), mib(50));
    // What was deleted meanwhile still lies in the file, as free pages.
    assert_eq!(estimate(mib(30), Some((mib(20), mib(100)))), mib(25));
    // And of a database that was made small there is no more to write than it has.
    let small = estimate(mib(10), Some((mib(20), mib(100))));
    assert!((mib(10)..mib(11)).contains(&small), "{small}");
    assert_eq!(estimate(mib(10), Some((20, 0))), mib(5));
}

/// What the child of the next test does: takes a snapshot, and kills itself at the given report of progress.
#[test]
fn child_that_dies_in_the_middle_of_a_snapshot() {
    let Ok(order) = std::env::var("TEALKEEP_TEST_DIE_IN_SNAPSHOT") else {
        return;
    };
    let mut parts = order.splitn(3, ':');
    let mut next = || parts.next().unwrap().to_owned();
    let (mut left, database, folder) = (next().parse::<u32>().unwrap(), next(), next());
    let mut tell = |_: Progress| {
        left -= 1;
        if left == 0 {
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
        }
    };
    let now = "2026-11-21T03:30:00+00:00[UTC]".parse().unwrap();
    let request = Request::new(Path::new(&database), Path::new(&folder), now);
    take(
        &request,
        &mut Watch::new(&mut tell, Cancel::never(), PLENTY),
    )
    .unwrap();
}

#[test]
fn killed_at_any_instant_a_snapshot_leaves_nothing_and_the_database_is_free() {
    use std::os::unix::process::ExitStatusExt;
    for mode in ["wal", "delete"] {
        let place = Place::new();
        let conn = place.open();
        conn.pragma_update(None, "journal_mode", mode).unwrap();
        fill(&conn, 8_000);
        let mut die_at = 0;
        loop {
            die_at += 1;
            let order = format!(
                "{die_at}:{}:{}",
                place.database().display(),
                place.folder().display()
            );
            let status = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "snapshot::tests::child_that_dies_in_the_middle_of_a_snapshot",
                ])
                .env("TEALKEEP_TEST_DIE_IN_SNAPSHOT", order)
                .output()
                .unwrap()
                .status;
            conn.execute_batch("BEGIN IMMEDIATE; INSERT INTO doses(what) VALUES ('after'); COMMIT")
                .unwrap();
            if status.signal() != Some(9) {
                assert!(status.success(), "{status:?}");
                break;
            }
            assert_eq!(place.files(), [""; 0], "{mode}, killed at report {die_at}");
            assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 4);
        }
        assert!(die_at > 6, "{mode}: only {die_at} reports");
        assert_eq!(place.files().len(), 2);
    }
}

#[test]
fn a_tables_own_collation_does_not_keep_the_rest_from_being_kept() {
    let place = Place::new();
    let conn = place.open();
    // As the app made it, with a collation that only the app has.
    conn.execute_batch(
        "CREATE TABLE names(n TEXT COLLATE NOCASE); CREATE INDEX by_name ON names(n);
         INSERT INTO names VALUES ('a'), ('bb');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'household');
         PRAGMA writable_schema = RESET;",
    )
    .unwrap();
    fill(&conn, 10);
    let manifest = take_now(&place.request()).unwrap();
    assert_eq!(manifest.tables["doses"], 10);
    assert!(verdict(&place.packed(&manifest)).is_whole());
}

/// What the file holds once everything is in it: for comparing with what comes out of a snapshot.
fn live_bytes(place: &Place, conn: &Connection) -> Vec<u8> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    fs::read(place.database()).unwrap()
}

#[test]
fn the_second_night_copies_what_did_not_change_whatever_the_page_size_and_mode() {
    for page_size in [512_u32, 4096, 65536] {
        for (mode, vacuum) in [("wal", "none"), ("delete", "full")] {
            let place = Place::new();
            let conn = place.open();
            conn.execute_batch(&format!(
                "PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {vacuum};
                 PRAGMA journal_mode = {mode};"
            ))
            .unwrap();
            fill(&conn, 8000);
            let first = take_now(&place.request()).unwrap().chunks.unwrap();
            assert_eq!(first.reused, 0);
            fill(&conn, 50);
            let second = take_now(&place.request()).unwrap();
            let chunks = second.chunks.unwrap();
            // The first chunk has the header, which counts changes; the last ones have the new rows.
            assert!(
                chunks.reused >= first.total - 4 && chunks.reused < chunks.total,
                "{page_size} {mode}: {chunks:?} after {first:?}"
            );
            assert!(verdict(&place.packed(&second)).is_whole());
            let unpacked = fs::read(place.gunzip(&second)).unwrap();
            assert!(unpacked == live_bytes(&place, &conn), "{page_size} {mode}");
        }
    }
}

#[test]
fn a_damaged_snapshot_before_costs_time_and_nothing_else() {
    let place = Place::new();
    let conn = place.open();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    fill(&conn, 8000);
    let first = take_now(&place.request()).unwrap();
    let total = first.chunks.unwrap().total;
    let file = fs::OpenOptions::new()
        .write(true)
        .open(place.packed(&first))
        .unwrap();
    // In the middle of some chunk's data; its size, which would have the catalogue pass it over, stays.
    file.write_all_at(b"not what was written", first.bytes / 2)
        .unwrap();
    let second = take_now(&place.request()).unwrap();
    let reused = second.chunks.unwrap().reused;
    assert!(reused >= total - 3 && reused < total, "{reused} of {total}");
    assert!(verdict(&place.packed(&second)).is_whole());
    assert!(!verdict(&place.packed(&first)).is_whole());
    assert_eq!(second.content_blake3, first.content_blake3);
    assert_eq!(second.sha256, first.sha256);

    file.write_all_at(&[0; 200], 0).unwrap();
    fs::remove_file(place.packed(&second)).unwrap();
    let third = take_now(&place.request()).unwrap();
    assert_eq!(third.chunks.unwrap().reused, 0);
    assert_eq!(third.sha256, first.sha256);
}

#[test]
fn a_database_that_another_file_took_the_place_of_is_kept_as_it_is_now() {
    let place = Place::new();
    let conn = place.open();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    fill(&conn, 3000);
    take_now(&place.request()).unwrap();
    drop(conn);
    fs::remove_file(place.database()).unwrap();
    let conn = place.open();
    conn.execute_batch("PRAGMA page_size = 1024; CREATE TABLE other(x)")
        .unwrap();
    fill(&conn, 700);
    let manifest = take_now(&place.request()).unwrap();
    assert_eq!((manifest.page_size, manifest.tables.len()), (1024, 2));
    assert!(verdict(&place.packed(&manifest)).is_whole());
    let unpacked = fs::read(place.gunzip(&manifest)).unwrap();
    assert!(unpacked == fs::read(place.database()).unwrap());
}

/// Makes the file grow to so many pages of 65536 bytes, all of them free and none of them on the disk: the
/// free-list is written as sqlite.org/fileformat2.html ("The Freelist") has it.
fn grow_with_holes(path: &Path, pages: u32) {
    const PAGE: u64 = 65536;
    const LOCK_BYTE_PAGE: u32 = (1 << 30) / 65536 + 1;
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let before = u32::try_from(file.metadata().unwrap().len() / PAGE).unwrap();
    file.set_len(u64::from(pages) * PAGE).unwrap();
    let free: Vec<u32> = (before + 1..=pages)
        .filter(|&page| page != LOCK_BYTE_PAGE)
        .collect();
    let trunks: Vec<&[u32]> = free.chunks(16_000).collect();
    for (nth, trunk) in trunks.iter().enumerate() {
        let next = trunks.get(nth + 1).map_or(0, |next| next[0]);
        let leaves = &trunk[1..];
        let mut page = next.to_be_bytes().to_vec();
        page.extend(u32::try_from(leaves.len()).unwrap().to_be_bytes());
        page.extend(leaves.iter().flat_map(|leaf| leaf.to_be_bytes()));
        file.write_all_at(&page, u64::from(trunk[0] - 1) * PAGE)
            .unwrap();
    }
    for (at, number) in [
        (28, pages),
        (32, trunks[0][0]),
        (36, u32::try_from(free.len()).unwrap()),
    ] {
        file.write_all_at(&number.to_be_bytes(), at).unwrap();
    }
}

#[test]
fn a_database_with_holes_is_kept_and_with_more_than_four_gibibytes_too() {
    let long = std::env::var_os("TEALKEEP_LONG").is_some();
    let pages: u32 = if long { 65_536 + 300 } else { 600 };
    let place = Place::new();
    let conn = place.open();
    conn.pragma_update(None, "page_size", 65536).unwrap();
    fill(&conn, 100);
    drop(conn);
    grow_with_holes(&place.database(), pages);
    let conn = place.open();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    let manifest = take_now(&place.request()).unwrap();
    assert_eq!(
        (
            manifest.page_size,
            manifest.page_count,
            manifest.plain_bytes
        ),
        (65536, pages, u64::from(pages) * 65536)
    );
    assert_eq!(manifest.chunks.unwrap().total, u64::from(pages));
    assert!(manifest.bytes < manifest.plain_bytes / 100);
    assert!(verdict(&place.packed(&manifest)).is_whole());
    let again = take_now(&place.request()).unwrap();
    assert_eq!(again.chunks.unwrap().reused, u64::from(pages));
    assert_eq!(again.sha256, manifest.sha256);
}

#[test]
fn the_newest_of_a_second_sorts_after_all_others_also_where_a_number_is_free_again() {
    let dir = tempfile::tempdir().unwrap();
    let at = "2026-11-21T03:30:00.7Z".parse().unwrap();
    let next = || free_id(dir.path(), at).unwrap().to_string();
    assert_eq!(next(), "2026-11-21T033000Z");
    fs::write(dir.path().join("2026-11-21T033001Z.json"), "").unwrap();
    fs::write(dir.path().join("2026-11-21T033000Z-2.sqlite.gz"), "").unwrap();
    assert_eq!(next(), "2026-11-21T033000Z-3");
    fs::write(dir.path().join("2026-11-21T033000Z-65535.json"), "").unwrap();
    let refused = free_id(dir.path(), at).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
}

fn watch(tell: &mut (dyn FnMut(Progress) + Send)) -> Watch<'_> {
    Watch::new(tell, Cancel::never(), PLENTY)
}

#[test]
fn rows_that_break_the_apps_own_rules_are_noted_and_are_in_the_snapshot() {
    for mode in ["WAL", "DELETE"] {
        rows_that_break_a_rule_are_noted_and_kept(mode);
    }
}

fn rows_that_break_a_rule_are_noted_and_kept(mode: &str) {
    let place = Place::new();
    let conn = place.open();
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = {mode}; PRAGMA ignore_check_constraints = ON;
         CREATE TABLE doses (mg CHECK (mg > 0)); INSERT INTO doses VALUES (-1), (-2)",
    ))
    .unwrap();
    let manifest = take(&place.request(), &mut watch(&mut |_| {})).unwrap();
    assert_eq!(
        manifest.concerns.content_findings,
        ["CHECK constraint failed in doses (2 times)"]
    );
    let file = place.packed(&manifest);
    let json: serde_json::Value = serde_json::from_slice(
        &fs::read(file.with_file_name(manifest.id.manifest_name())).unwrap(),
    )
    .unwrap();
    assert_eq!(
        json["content_findings"][0],
        "CHECK constraint failed in doses (2 times)"
    );
    assert_eq!(json.get("unchecked"), None);
    let verdict = verify::verify_file(&file, None, &mut watch(&mut |_| {})).unwrap();
    assert!(verdict.is_whole(), "{verdict}");

    // And back: into the live database, whose rows have changed since.
    conn.execute_batch("DELETE FROM doses").unwrap();
    let unpacked = place.dir.path().join("unpacked.db");
    super::super::restore::unpack(&file, &unpacked, &mut watch(&mut |_| {})).unwrap();
    super::super::restore::copy_into(&unpacked, &place.database(), &mut watch(&mut |_| {}))
        .unwrap();
    let rows: i64 = conn
        .query_row("SELECT count(*) FROM doses", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 2);
}

#[test]
fn a_schema_that_needs_the_apps_own_functions_is_kept_and_what_was_not_checked_is_said() {
    let place = Place::new();
    let conn = place.open();
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8
        | rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("regexp", 2, flags, |_| Ok(true))
        .unwrap();
    conn.create_collation("german", |one, other| one.cmp(other))
        .unwrap();
    for (mode, level) in [("WAL", 1), ("DELETE", 2)] {
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE t{level} (a COLLATE german PRIMARY KEY, b CHECK (b REGEXP 'x'));
             INSERT INTO t{level} VALUES ('a', 'b')"
        ))
        .unwrap();
        let manifest = take(&place.request(), &mut watch(&mut |_| {})).unwrap();
        assert_eq!(manifest.tables[&format!("t{level}")], 1, "{mode}");
        assert!(
            manifest
                .concerns
                .unchecked
                .iter()
                .any(|what| what.starts_with("t1: ")),
            "{mode}: {:?}",
            manifest.concerns
        );
        let file = place.packed(&manifest);
        let verdict = verify::verify_file(&file, None, &mut watch(&mut |_| {})).unwrap();
        assert!(verdict.is_whole(), "{verdict}");
    }
}

#[test]
fn a_database_that_stays_locked_is_refused_with_who_holds_it_and_what_to_do() {
    for hold in [
        "PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE IF NOT EXISTS more (x)",
        "BEGIN EXCLUSIVE",
    ] {
        let place = Place::new();
        place
            .open()
            .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
            .unwrap();
        let script = format!(
            "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
             for part in '{hold}'.split(';'): db.execute(part)\nprint('held', flush=True)\nsys.stdin.read()"
        );
        let mut holder = Command::new("python3")
            .args(["-c", &script])
            .arg(place.database())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = holder.stdout.as_mut().unwrap();
        io::BufRead::read_line(&mut io::BufReader::new(out), &mut line).unwrap();
        assert_eq!(line, "held\n");
        let mut request = place.request();
        request.busy_timeout = Duration::from_millis(50);
        let said = take(&request, &mut watch(&mut |_| {}))
            .unwrap_err()
            .to_string();
        let who = format!("python3 (process {}) holds it", holder.id());
        assert!(said.contains(&who), "{said}");
        assert!(said.contains("PRAGMA locking_mode = EXCLUSIVE"), "{said}");
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }
}
