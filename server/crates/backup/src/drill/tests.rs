//! Drills of folders of real snapshots, whole and not.

use rusqlite::Connection;

use super::super::watch::Cancel;
use super::super::{Keeper, Order as Take, manifest};
use super::*;

struct Kept {
    dir: tempfile::TempDir,
    keeper: Keeper,
    last: Manifest,
}

const FIRST: &str = "2026-11-20T03:30:00+00:00[UTC]";
const SECOND: &str = "2026-11-21T03:30:00+00:00[UTC]";
const LATER: &str = "2026-11-21T09:00:00Z";

impl Kept {
    /// Two nights, with something done to the database between them.
    fn two_nights(between: &str) -> Kept {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("app.db");
        let conn = Connection::open(&database).unwrap();
        conn.execute_batch(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE person(id INTEGER PRIMARY KEY, name);
             CREATE TABLE dose(id INTEGER PRIMARY KEY, person REFERENCES person(id), what);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
             INSERT INTO dose SELECT i, 1, hex(randomblob(40)) FROM n;
             INSERT INTO person VALUES (1, 'Ada');",
        )
        .unwrap();
        let keeper = Keeper::new(&database, &dir.path().join("backups"));
        take(&keeper, Reason::Nightly, FIRST);
        conn.execute_batch(between).unwrap();
        let last = take(&keeper, Reason::Nightly, SECOND);
        Kept { dir, keeper, last }
    }

    fn path(&self) -> PathBuf {
        catalogue::snapshots(&self.keeper.folder).join(self.last.id.file_name())
    }

    fn drill(&self) -> Report {
        drill_of(&self.keeper.folder, LATER)
    }
}

fn take(keeper: &Keeper, reason: Reason, at: &str) -> Manifest {
    let order = Take::new(reason, at.parse().unwrap());
    let mut tell = |_| {};
    let watch = &mut Watch::new(&mut tell, Cancel::never(), Duration::from_secs(300));
    keeper.take_and_rotate(&order, watch).unwrap().manifest
}

fn order<'a>(what: &'a Path, scratch: &'a Path, now: &str) -> Order<'a> {
    Order {
        what,
        scratch: Some(scratch),
        shrink: 20,
        now: now.parse().unwrap(),
    }
}

fn drill_of(what: &Path, now: &str) -> Report {
    let scratch = tempfile::tempdir().unwrap();
    let mut tell = |_| {};
    let watch = &mut Watch::new(&mut tell, Cancel::never(), Duration::from_secs(300));
    let report = run(&order(what, scratch.path(), now), watch).unwrap();
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    report
}

#[test]
fn a_whole_one_is_proven_with_its_rows_and_those_of_the_night_before() {
    let kept = Kept::two_nights("DELETE FROM dose WHERE id > 890; CREATE TABLE new(x)");
    let report = kept.drill();
    assert!(
        report.is_proven() && report.warnings.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.snapshot, Some(kept.last.id));
    assert_eq!(report.proven(), "3 tables, 891 rows");
    assert!(report.compared_with.unwrap() < kept.last.id);
    let row = |name: &str, rows, before| Table {
        name: name.to_owned(),
        rows,
        before,
    };
    assert_eq!(
        report.tables,
        [
            row("dose", Some(890), Some(900)),
            row("new", Some(0), None),
            row("person", Some(1), Some(1)),
        ]
    );
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
    // The same by its file's name, and through a tier's link.
    assert_eq!(drill_of(&kept.path(), LATER).tables, report.tables);
    let link = kept.keeper.folder.join("daily/2026-11-21.sqlite.gz");
    assert_eq!(drill_of(&link, LATER).compared_with, report.compared_with);
}

#[test]
fn tables_that_shrank_were_emptied_or_are_gone_are_warned_of() {
    let kept = Kept::two_nights("DELETE FROM dose WHERE id > 10; DELETE FROM person");
    let report = kept.drill();
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(
        report.warnings,
        [
            "table person is empty, and had 1 row",
            "table dose has 10 rows, and had 900"
        ]
    );
    assert_eq!(
        report.notes,
        ["10 rows of table dose refer to rows of person that are not there"]
    );
    let report = Kept::two_nights("DROP TABLE dose").drill();
    assert_eq!(report.warnings, ["table dose is gone, and had 900 rows"]);
    assert_eq!(report.tables[1].rows, None);
}

#[test]
fn a_later_snapshot_of_the_day_is_compared_with_the_same_night() {
    let kept = Kept::two_nights("");
    let last = take(
        &kept.keeper,
        Reason::Manual,
        "2026-11-21T08:00:00+00:00[UTC]",
    );
    let report = kept.drill();
    assert_eq!(report.snapshot, Some(last.id));
    assert_eq!(report.compared_with, Some(kept.last.id));
}

#[test]
fn the_night_before_is_of_an_earlier_date_and_a_nightly_one() {
    let example = |id: &str, reason, date: &str| {
        let mut manifest = manifest::tests::example(id);
        manifest.reason = reason;
        manifest.local_date = date.parse().unwrap();
        manifest
    };
    let all = [
        example("2026-11-19T033000Z", Reason::Nightly, "2026-11-19"),
        example("2026-11-20T120000Z", Reason::Manual, "2026-11-20"),
        // Caught up twice by somebody who changed the time of the night.
        example("2026-11-21T033000Z", Reason::Nightly, "2026-11-21"),
        example("2026-11-21T043000Z", Reason::Nightly, "2026-11-21"),
        example("2026-11-21T150000Z", Reason::BeforeDeploy, "2026-11-21"),
    ];
    let of = |at: usize| night_before(&all[at], &all).map(|night| night.id);
    assert_eq!(of(0), None);
    assert_eq!(of(1), Some(all[0].id));
    assert_eq!(of(3), Some(all[0].id));
    assert_eq!(of(4), Some(all[3].id));
}

#[test]
fn a_damaged_one_fails_and_so_does_a_newest_one_that_is_gone_or_cut_short() {
    let kept = Kept::two_nights("");
    let whole = fs::read(kept.path()).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 8;
    fs::write(kept.path(), bytes).unwrap();
    let report = kept.drill();
    assert_eq!(report.snapshot, Some(kept.last.id));
    let why = report.failed.unwrap();
    assert!(why.starts_with("it is damaged: "), "{why}");
    assert!(report.tables.is_empty());
    // An older whole one does not hide it.
    fs::write(kept.path(), &whole[..middle]).unwrap();
    let report = kept.drill();
    assert_eq!(report.snapshot, Some(kept.last.id));
    let why = report.failed.unwrap();
    assert!(why.contains("is damaged: it has "), "{why}");
    fs::remove_file(kept.path()).unwrap();
    let why = kept.drill().failed.unwrap();
    assert!(why.contains("is missing: its manifest is there"), "{why}");
}

#[test]
fn too_little_room_is_said_with_what_is_missing() {
    let kept = Kept::two_nights("");
    let mut huge = kept.last.clone();
    huge.plain_bytes = 1 << 60;
    manifest::write(&catalogue::snapshots(&kept.keeper.folder), &huge).unwrap();
    let why = kept.drill().failed.unwrap();
    assert!(
        why.starts_with("there is no room to unpack it: ") && why.contains("too little"),
        "{why}"
    );
}

#[test]
fn an_old_newest_one_is_warned_of_and_one_from_the_future_hides_no_other() {
    let kept = Kept::two_nights("");
    let warned = drill_of(&kept.keeper.folder, "2026-11-26T09:00:00Z").warnings;
    assert_eq!(warned, ["the newest snapshot is 5 days old"]);
    take(
        &kept.keeper,
        Reason::Manual,
        "2031-01-01T03:30:00+00:00[UTC]",
    );
    assert_eq!(kept.drill().snapshot, Some(kept.last.id));
}

#[test]
fn a_folder_without_snapshots_fails_and_files_without_manifests_are_unpacked() {
    let kept = Kept::two_nights("");
    let empty = kept.dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let why = drill_of(&empty, LATER).failed.unwrap();
    assert!(why.ends_with("holds no snapshot"), "{why}");
    let inner = catalogue::snapshots(&empty);
    fs::create_dir(&inner).unwrap();
    fs::copy(kept.path(), inner.join(kept.last.id.file_name())).unwrap();
    let report = drill_of(&empty, LATER);
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.warnings, ["it has no manifest to be compared with"]);
}

#[test]
fn one_that_is_called_off_says_nothing_and_one_that_takes_too_long_failed() {
    let kept = Kept::two_nights("");
    let scratch = tempfile::tempdir().unwrap();
    let order = order(&kept.keeper.folder, scratch.path(), LATER);
    let tell = &mut |_| {};
    let called_off = &mut Watch::new(tell, Cancel::when(|| true), Duration::from_secs(300));
    assert_eq!(run(&order, called_off), Err(Stopped::Cancelled));
    let late = &mut Watch::new(tell, Cancel::never(), Duration::ZERO);
    let why = run(&order, late).unwrap().failed.unwrap();
    assert!(why.contains("deadline"), "{why}");
}

#[test]
fn the_next_one_comes_after_its_pause_and_sooner_after_a_failure() {
    let day = Duration::from_secs(24 * 3600);
    let now: Timestamp = LATER.parse().unwrap();
    let ago = |hours: i64| now - SignedDuration::from_hours(hours);
    let is_due = |last, every| next(now, last, every).is_some_and(|at| at <= now);
    assert!(is_due(None, 7 * day), "the first one at once");
    assert!(!is_due(None, Duration::ZERO), "never");
    for (hours, failed, due) in [
        (7 * 24 - 1, false, false),
        (7 * 24, false, true),
        (23, true, false),
        (24, true, true),
        (-1, false, true),
    ] {
        let last = Some((ago(hours), failed));
        assert_eq!(is_due(last, 7 * day), due, "{hours} {failed}");
    }
    let hour = Duration::from_secs(3600);
    assert!(is_due(Some((ago(1), true)), hour), "never later than usual");
}

#[test]
fn numbers_are_told_with_their_thousands() {
    for (count, text) in [
        (0, "0 rows"),
        (1, "1 row"),
        (999, "999 rows"),
        (3412, "3,412 rows"),
        (1_234_567, "1,234,567 rows"),
    ] {
        assert_eq!(counted(count, "row"), text);
    }
}

#[test]
fn a_value_that_is_too_large_for_memory_is_left_on_the_disk() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE film(name TEXT, content BLOB, \"its \"\"size\"\"\" AS (octet_length(content)));
         INSERT INTO film VALUES ('short', zeroblob(1000)), ('long', zeroblob(40 << 20)), ('last', 'x');",
    )
    .unwrap();
    let limit = Limit::SQLITE_LIMIT_LENGTH;
    conn.set_limit(limit, 20 << 20).unwrap();
    read_table(&conn, "film").unwrap();
    assert_eq!(conn.limit(limit).unwrap(), 20 << 20);
    // Where it is read, SQLite refuses; so it was not.
    let sql = "SELECT content FROM film WHERE name = 'long'";
    let refused = conn.query_row(sql, [], |_| Ok(())).unwrap_err();
    assert_eq!(
        refused.sqlite_error_code(),
        Some(rusqlite::ErrorCode::TooBig)
    );
}
