//! `gunzip`, `zcat | sqlite3`, `pigz`, Python's gzip and zlib, and `sha256sum -c` on snapshots of every page
//! size and mode, those that build on another one included: all find what the database holds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{shell, tempdir};
use crate::copies::run;
use crate::support::TEALKEEP;
use crate::support::backups::{newest, sha256, sums};

/// Reads every snapshot of a folder in two ways, and prints the SHA-256 of what is in it, with its name.
const PYTHON: &str = r#"
import gzip, hashlib, pathlib, sys, zlib
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.sqlite.gz")):
    with gzip.open(path) as unpacked:
        whole = hashlib.sha256(unpacked.read()).hexdigest()
    streamed = hashlib.sha256()
    with open(path, "rb") as packed:
        decoder = zlib.decompressobj(31)
        while piece := packed.read(5000):
            while piece:
                streamed.update(decoder.decompress(piece))
                piece = decoder.unused_data
                if decoder.eof:
                    decoder = zlib.decompressobj(31)
    assert streamed.hexdigest() == whole, path
    print(whole, path.name)
"#;

#[test]
fn what_a_household_has_at_hand_finds_what_the_database_holds() {
    for (nth, page_size) in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
        .into_iter()
        .enumerate()
    {
        for journal in ["wal", "delete"] {
            let vacuum = ["none", "full", "incremental"][(nth + usize::from(journal == "wal")) % 3];
            let what = format!("pages of {page_size}, {journal}, auto_vacuum {vacuum}");
            let dir = tempdir();
            let database = dir.path().join("home.sqlite");
            let conn = Connection::open(&database).unwrap();
            conn.execute_batch(&format!(
                "PRAGMA page_size = {page_size};
                 PRAGMA auto_vacuum = {vacuum};
                 PRAGMA journal_mode = {journal};
                 CREATE TABLE chores (id INTEGER PRIMARY KEY, text TEXT, at REAL, photo BLOB);
                 CREATE INDEX by_text ON chores (text);"
            ))
            .unwrap();
            fill(&conn, 1500);
            let mut kept = Vec::new();
            for _ in 0..2 {
                kept.push((snapshot(&database, dir.path()), dump(&database)));
                // Pages become free, and others are written anew.
                conn.execute("DELETE FROM chores WHERE id % 7 = 0", [])
                    .unwrap();
                fill(&conn, 100);
            }
            drop(conn);
            for (path, dumped) in &kept {
                reads_the_same(path, dumped, &what);
            }
            checksums_agree(dir.path(), 2);
        }
    }
}

#[test]
fn a_database_of_nothing_and_one_of_a_single_page_are_read_by_everything_too() {
    for sql in ["", "PRAGMA user_version = 7; PRAGMA journal_mode = wal"] {
        let dir = tempdir();
        let database = dir.path().join("home.sqlite");
        fs::write(&database, "").unwrap();
        Connection::open(&database)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        for _ in 0..2 {
            let path = snapshot(&database, dir.path());
            reads_the_same(&path, &dump(&database), sql);
        }
        checksums_agree(dir.path(), 2);
    }
}

fn fill(conn: &Connection, rows: u32) {
    conn.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO chores (text, at, photo)
         SELECT 'Fenster putzen, Zimmer ' || i, i / 7.0, CASE i % 50 WHEN 0 THEN randomblob(9000)
             ELSE randomblob(150) END FROM n",
        [rows],
    )
    .unwrap();
}

/// Takes a snapshot with the program, and answers with its file.
fn snapshot(database: &Path, dir: &Path) -> PathBuf {
    let folder = dir.join("backups");
    run(
        TEALKEEP,
        [
            "backup".as_ref(),
            "--database".as_ref(),
            database.as_os_str(),
            "--folder".as_ref(),
            folder.as_os_str(),
        ],
    )
    .succeeds();
    newest(&folder)
}

fn dump(database: &Path) -> String {
    run("sqlite3", [database.as_os_str(), ".dump".as_ref()])
        .succeeds()
        .stdout
}

fn reads_the_same(path: &Path, dumped: &str, what: &str) {
    let dir = tempdir();
    let at = dir.path();
    for unpack in [
        r#"gunzip --stdout "$1""#,
        r#"cp "$1" copy.gz && gunzip copy.gz && cat copy"#,
        r#"zcat "$1""#,
        r#"pigz --decompress --stdout "$1""#,
    ] {
        let ask = r#"sqlite3 db "PRAGMA integrity_check" .dump && rm -f copy db db-*"#;
        let said = shell(at, &format!("{{ {unpack}; }} > db && {ask}"), &[path]);
        assert_eq!(said, format!("ok\n{dumped}"), "{what}: {unpack}");
    }
    shell(at, r#"gzip --test "$1" && pigz --test "$1""#, &[path]);
}

/// `sha256sum -c` is content, and Python reads what the manifests say.
fn checksums_agree(dir: &Path, count: usize) {
    let folder = dir.join("backups");
    let said = shell(&folder, "sha256sum --strict --check SHA256SUMS", &[]);
    assert_eq!(said.matches(": OK\n").count(), count, "{said}");
    assert_eq!(sums(&folder).len(), count);
    let snapshots = folder.join("snapshots");
    let read = run("python3", ["-c", PYTHON, &snapshots.to_string_lossy()]).succeeds();
    assert_eq!(read.stdout.lines().count(), count, "{read:#?}");
    for line in read.stdout.lines() {
        let (sum, name) = line.split_once(' ').unwrap();
        let unpacked = dir.join("unpacked");
        shell(
            dir,
            r#"gunzip --stdout "$1" > unpacked"#,
            &[&snapshots.join(name)],
        );
        assert_eq!(sha256(&unpacked).unwrap(), sum);
    }
}
