//! A script's folder, made here, and what becomes of each kind of file in it.

use std::io::Write;

use rusqlite::Connection;

use super::super::verify::verify_folder;
use super::super::{Cancel, checksums};
use super::*;
use crate::manifest::Reason;
use jiff::Timestamp;
use jiff::civil::Time;

/// A folder as a script leaves it, and a backups folder beside it.
struct Shelf {
    dir: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Shelf {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("old")).unwrap();
        Shelf { dir }
    }

    fn keeper(&self) -> Keeper {
        Keeper::new(Path::new(""), &self.dir.path().join("new"))
    }

    /// The bytes of a database with so many rows.
    fn database(&self, rows: u32) -> Vec<u8> {
        let path = self.dir.path().join("made.db");
        let _ = fs::remove_file(&path);
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(&format!(
            "CREATE TABLE chores(id INTEGER PRIMARY KEY, what TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO chores SELECT i, 'chore ' || i FROM n;"
        ))
        .unwrap();
        drop(conn);
        fs::read(path).unwrap()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join("old").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn order(&self) -> AdoptOptions {
        AdoptOptions {
            from: self.dir.path().join("old"),
            now: "2026-11-21T12:00:00+01:00[Europe/Berlin]".parse().unwrap(),
            at: Time::constant(3, 30, 0, 0),
            by_mtime: false,
            dry_run: false,
        }
    }

    fn adopt(&self) -> Adoption {
        adopt_by(&self.keeper(), &self.order()).unwrap()
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::read(&self.dir.path().join("new")).unwrap()
    }
}

fn adopt_by(keeper: &Keeper, order: &AdoptOptions) -> Result<Adoption, AdoptError> {
    let far = std::time::Duration::from_secs(3600);
    adopt(
        keeper,
        order,
        &mut Watch::new(&mut |_| {}, Cancel::never(), far),
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn outcomes(adoption: &Adoption) -> Vec<(&str, Outcome)> {
    let files = adoption.files.iter();
    files
        .map(|file| (file.file.as_str(), file.outcome))
        .collect()
}

#[test]
fn each_night_is_taken_once_and_a_second_call_finds_nothing_to_do() {
    let shelf = Shelf::new();
    let monday = gzip(&shelf.database(10));
    let sunday = gzip(&shelf.database(9));
    shelf.put("daily/2026-11-16/db.sqlite.gz", &monday);
    shelf.put("daily/2026-11-15/db.sqlite.gz", &sunday);
    // The same content a night later is a night of its own; in another tier it is not.
    shelf.put("daily/20261117/db.sqlite.gz", &monday);
    shelf.put("weekly/2026-W46.sqlite.gz", &sunday);
    shelf.put("weekly/2026-11-22/db.sqlite.gz", &gzip(&shelf.database(8)));
    shelf.put("monthly/2026-10.db", &shelf.database(5));
    let first = shelf.adopt();
    assert_eq!(
        outcomes(&first),
        [
            ("daily/2026-11-15/db.sqlite.gz", Outcome::Taken),
            ("daily/2026-11-16/db.sqlite.gz", Outcome::Taken),
            ("daily/20261117/db.sqlite.gz", Outcome::Taken),
            ("monthly/2026-10.db", Outcome::Taken),
            // It is dated tomorrow.
            ("weekly/2026-11-22/db.sqlite.gz", Outcome::Refused),
            ("weekly/2026-W46.sqlite.gz", Outcome::Same),
        ]
    );
    let catalogue = shelf.catalogue();
    let dates: Vec<String> = catalogue
        .entries
        .iter()
        .map(|entry| entry.manifest.local_date.to_string())
        .collect();
    assert_eq!(
        dates,
        ["2026-10-31", "2026-11-15", "2026-11-16", "2026-11-17"]
    );
    for entry in &catalogue.entries {
        assert_eq!(entry.manifest.reason, Reason::Nightly);
        assert_eq!(entry.manifest.tables.keys().collect::<Vec<_>>(), ["chores"]);
    }
    let same: Vec<u8> = fs::read(&catalogue.entries[1].path).unwrap();
    assert_eq!(same, sunday, "the file's own bytes");
    assert!(catalogue.problems.is_empty());
    let all = verify_folder(
        &shelf.dir.path().join("new"),
        None,
        &mut Watch::new(
            &mut |_| {},
            Cancel::never(),
            std::time::Duration::from_secs(3600),
        ),
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|(_, verdict)| verdict.is_whole()), "{all:?}");
    assert_eq!(
        checksums::read(&shelf.dir.path().join("new"))
            .unwrap()
            .len(),
        4
    );

    let again = shelf.adopt();
    assert_eq!(again.count(Outcome::Taken), 0);
    assert_eq!(again.count(Outcome::Already), 5);
    assert_eq!(shelf.catalogue(), catalogue);
}

#[test]
fn what_cannot_be_relied_on_is_said_and_nothing_of_it_is_taken() {
    let shelf = Shelf::new();
    let whole = shelf.database(2000);
    let packed = gzip(&whole);
    let mut flipped = packed.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let mut torn = whole.clone();
    let page = torn.len() / 2 / 4096 * 4096;
    torn[page..page + 4096].fill(0xa5);
    let mut appended = packed.clone();
    appended.extend_from_slice(b"and more");
    for (name, bytes, why) in [
        ("2026-11-01.db.gz", &flipped[..], "damaged"),
        ("2026-11-02.db.gz", &packed[..packed.len() / 2], "cut short"),
        ("2026-11-03.db.gz", b"", "empty"),
        ("2026-11-04.db.gz", &gzip(b""), "nothing in it"),
        (
            "2026-11-05.db.gz",
            &gzip(&[7; 8192]),
            "not a SQLite database",
        ),
        (
            "2026-11-06.db",
            &[0x42; 8192],
            "neither gzip nor a SQLite database",
        ),
        ("2026-11-07.db.gz", &gzip(&torn), "SQLite's check finds"),
        ("2026-11-08.db.gz", &appended, "appended"),
        ("2026-11-09.db", &whole, "lies beside it"),
        ("2031-11-09.db.gz", &packed, "still to come"),
    ] {
        shelf.put(name, bytes);
        if why == "lies beside it" {
            shelf.put(&format!("{name}-wal"), b"frames");
        }
        let adoption = shelf.adopt();
        let file = adoption
            .files
            .iter()
            .find(|file| file.file == name)
            .unwrap();
        assert_eq!(file.outcome, Outcome::Refused, "{name}");
        assert!(file.why.contains(why), "{name}: {}", file.why);
    }
    assert_eq!(shelf.catalogue(), Catalogue::default());
    let left: Vec<_> = fs::read_dir(shelf.dir.path().join("new/snapshots"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_look_writes_nothing_and_foresees_what_retention_will_keep() {
    let shelf = Shelf::new();
    for day in 1..=20 {
        let rows = day + 10;
        shelf.put(
            &format!("daily/2026-11-{day:02}/db.sqlite.gz"),
            &gzip(&shelf.database(rows)),
        );
    }
    let order = AdoptOptions {
        dry_run: true,
        ..shelf.order()
    };
    let seen = adopt_by(&shelf.keeper(), &order).unwrap();
    assert_eq!(seen.count(Outcome::Taken), 20);
    assert!(!shelf.dir.path().join("new").exists());
    let done = shelf.adopt();
    assert_eq!(seen.plan, done.plan);
    assert_eq!(done.plan.len(), 20);
    // Seven nights, and the weeks that these don't hold.
    assert_eq!(done.plan.iter().filter(|one| one.stays).count(), 9);
    assert!(done.plan[0].stays && done.plan[0].why.contains("goes on"));
    assert!(!done.plan[18].stays && done.plan[18].local_date.to_string() == "2026-11-02");
    assert_eq!(shelf.catalogue().entries.len(), 20, "nothing is removed");
}

#[test]
fn a_folder_that_holds_the_backups_folder_or_lies_in_it_is_refused() {
    let shelf = Shelf::new();
    shelf.put("daily/2026-11-20/db.db", &shelf.database(3));
    let old = shelf.dir.path().join("old");
    for folder in [old.clone(), old.join("daily"), shelf.dir.path().to_owned()] {
        let keeper = Keeper::new(Path::new(""), &folder);
        let refused = adopt_by(&keeper, &shelf.order()).unwrap_err();
        assert!(matches!(refused, AdoptError::OwnFolder { .. }), "{refused}");
    }
    let order = AdoptOptions {
        from: shelf.dir.path().join("nowhere"),
        ..shelf.order()
    };
    let refused = adopt_by(&shelf.keeper(), &order).unwrap_err();
    assert!(
        matches!(refused, AdoptError::Unreadable { .. }),
        "{refused}"
    );
    assert!(!old.join("snapshots").exists());
}

#[test]
fn another_apps_database_is_not_taken_for_this_ones() {
    let shelf = Shelf::new();
    shelf.put("2026-11-19/home.db", &shelf.database(3));
    shelf.adopt();
    let path = shelf.dir.path().join("other.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE recipe(id INTEGER PRIMARY KEY)")
        .unwrap();
    drop(conn);
    shelf.put("2026-11-20/kitchen.db", &fs::read(path).unwrap());
    let adoption = shelf.adopt();
    assert_eq!(
        outcomes(&adoption),
        [
            ("2026-11-19/home.db", Outcome::Already),
            ("2026-11-20/kitchen.db", Outcome::Refused),
        ]
    );
    assert!(adoption.files[1].why.contains("another database"));
}

#[test]
fn what_an_adoption_left_that_was_cut_off_gets_its_manifest_and_no_id_is_taken_twice() {
    let shelf = Shelf::new();
    let packed = gzip(&shelf.database(4));
    shelf.put("2026-11-20T033000.db.gz", &packed);
    let snapshots = shelf.dir.path().join("new/snapshots");
    fs::create_dir_all(&snapshots).unwrap();
    // Another snapshot's file has the second's first name; the second one is the very same file.
    fs::write(snapshots.join("2026-11-20T023000Z.sqlite.gz"), "other").unwrap();
    fs::write(snapshots.join("2026-11-20T023000Z-2.sqlite.gz"), &packed).unwrap();
    let adoption = shelf.adopt();
    assert_eq!(
        adoption.files[0].id.unwrap().to_string(),
        "2026-11-20T023000Z-2"
    );
    assert_eq!(shelf.catalogue().entries.len(), 1);
    assert_eq!(
        fs::read(snapshots.join("2026-11-20T023000Z.sqlite.gz")).unwrap(),
        b"other"
    );
}

fn why<'a>(adoption: &'a Adoption, file: &str) -> (Outcome, &'a str) {
    let found = adoption.files.iter().find(|one| one.file == file).unwrap();
    (found.outcome, &found.why)
}

#[test]
fn the_order_of_day_and_month_is_the_folders_and_without_one_a_file_is_refused_by_name() {
    let shelf = Shelf::new();
    shelf.put("home-04.05.2026.db", &shelf.database(3));
    let alone = shelf.adopt();
    let (outcome, reason) = why(&alone, "home-04.05.2026.db");
    assert_eq!(outcome, Outcome::Refused);
    assert!(reason.contains("2026-05-04 or 2026-04-05"), "{reason}");
    shelf.put("home-13.05.2026.db", &shelf.database(4));
    let together = shelf.adopt();
    let dates: Vec<String> = together
        .files
        .iter()
        .filter_map(|file| Some(file.local_date?.to_string()))
        .collect();
    assert_eq!(dates, ["2026-05-04", "2026-05-13"]);
}

#[test]
fn copies_without_a_date_are_refused_by_name_and_never_become_one_night() {
    let shelf = Shelf::new();
    let put = |name: &str, rows, changed: &str| {
        shelf.put(name, &shelf.database(rows));
        let file = fs::File::options()
            .write(true)
            .open(shelf.dir.path().join("old").join(name))
            .unwrap();
        let at: Timestamp = changed.parse().unwrap();
        file.set_modified(at.into()).unwrap();
    };
    put("one.db", 1, "2026-11-10T02:00:00Z");
    put("two.db", 2, "2026-11-11T02:00:00Z");
    put("three.db", 3, "2026-11-12T02:00:00Z");
    put("four.db", 4, "2026-11-12T09:00:00Z");
    put("home.db.bak", 5, "2026-11-12T09:00:00Z");
    put("home.sq3", 6, "2026-11-12T09:00:00Z");
    put("home.db.1", 7, "2026-11-12T09:00:00Z");
    let refused = shelf.adopt();
    assert_eq!(refused.count(Outcome::Refused), 4);
    assert!(why(&refused, "one.db").1.contains("--by-mtime"));
    assert_eq!(refused.others, ["home.db.1", "home.db.bak", "home.sq3"]);
    let asked = AdoptOptions {
        by_mtime: true,
        ..shelf.order()
    };
    let adoption = adopt_by(&shelf.keeper(), &asked).unwrap();
    for (file, expected) in [
        ("one.db", Outcome::Taken),
        ("two.db", Outcome::Taken),
        ("three.db", Outcome::Refused),
        ("four.db", Outcome::Refused),
    ] {
        assert_eq!(why(&adoption, file).0, expected, "{file}");
    }
    assert!(why(&adoption, "four.db").1.contains("2026-11-12"));
}
