//! Every kind of finding in both directions: a migration that has it, and one of the same meaning that has not.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use rusqlite::Connection;
use tealkeep_rehearsal::report::{Report, Severity, Verdict};

const HOUSE: &str = "
  CREATE TABLE room (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, floor INTEGER NOT NULL DEFAULT 0, note TEXT);
  CREATE TABLE item (
    id INTEGER PRIMARY KEY, room_id INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE, label TEXT NOT NULL,
    tag TEXT COLLATE NOCASE, price REAL DEFAULT 1.5, made TEXT DEFAULT CURRENT_TIMESTAMP, kind TEXT CHECK (kind IN ('a', 'b', 'c')));
  CREATE INDEX item_label ON item (label);
  CREATE UNIQUE INDEX item_tag ON item (tag);
  CREATE TABLE log (text TEXT, at TEXT);
  CREATE TABLE empty (id INTEGER PRIMARY KEY, title TEXT NOT NULL, n INTEGER CHECK (n BETWEEN 3 AND 9));
  CREATE VIEW labels AS SELECT item.id, label, name FROM item JOIN room ON room.id = room_id;
  CREATE TRIGGER item_logged AFTER INSERT ON item BEGIN INSERT INTO log VALUES (NEW.label, datetime('now')); END;
  INSERT INTO room (name, note) VALUES ('Kitchen', 'big'), ('Bath', NULL), ('Attic', 'dusty');
  INSERT INTO item (room_id, label, tag, kind) VALUES (1, 'pan', 'X1', 'a'), (1, 'pot', 'x2', 'b'), (2, 'soap', NULL, NULL), (3, 'box', 'Y9', NULL);";

/// Compares a database with what a migration makes of it.
fn compare(before: &str, migration: &str, statements: Option<&str>) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.db"), dir.path().join("new.db"));
    make(&old, &[before]);
    // A default such as CURRENT_TIMESTAMP is the same in both.
    std::fs::copy(&old, &new).unwrap();
    make(&new, &[migration]);
    tealkeep_rehearsal::compare(&old, &new, statements).unwrap()
}

fn make(path: &Path, sql: &[&str]) {
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    for sql in sql {
        conn.execute_batch(sql)
            .unwrap_or_else(|e| panic!("{e}: {sql}"));
    }
}

fn found(report: &Report) -> Vec<String> {
    let lines = report.findings.iter().map(|finding| {
        let column = finding.column.as_ref().map(|column| format!(".{column}"));
        format!(
            "{} {} {}{}",
            finding.severity,
            finding.kind,
            finding.table.clone().unwrap_or_default(),
            column.unwrap_or_default()
        )
    });
    lines.collect()
}

#[track_caller]
fn assert_found(migration: &str, wanted: &str) {
    let report = compare(HOUSE, migration, None);
    let found = found(&report);
    assert!(
        found.iter().any(|line| line == wanted),
        "{migration}\nwanted {wanted}\n{report:#?}"
    );
    let severity = wanted.split(' ').next().unwrap();
    let verdict = match severity {
        "breaking" => Verdict::Breaking,
        "warn" => Verdict::Warn,
        _ => Verdict::Additive,
    };
    assert_eq!(report.verdict, verdict, "{migration}\n{report:#?}");
}

#[track_caller]
fn assert_nothing(migration: &str) {
    let report = compare(HOUSE, migration, None);
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .collect();
    assert!(bad.is_empty(), "{migration}\n{bad:#?}");
}

/// Rebuilds `item` as an ORM does, with a definition and the columns that are copied.
fn rebuilt(definition: &str, copied: &str) -> String {
    format!(
        "PRAGMA foreign_keys = OFF; BEGIN; DROP VIEW labels; CREATE TABLE \"__new_item\" ({definition});
         INSERT INTO \"__new_item\" ({copied}) SELECT {copied} FROM item; DROP TABLE item;
         ALTER TABLE \"__new_item\" RENAME TO item; COMMIT;
         CREATE VIEW labels AS SELECT item.id, label, name FROM item JOIN room ON room.id = room_id;
         CREATE INDEX item_label ON item (label); CREATE UNIQUE INDEX item_tag ON item (tag);
         CREATE TRIGGER item_logged AFTER INSERT ON item BEGIN INSERT INTO log VALUES (NEW.label, datetime('now')); END;"
    )
}

const ALL: &str = "id, room_id, label, tag, price, made, kind";
const SAME: &str = "\"id\" integer PRIMARY KEY NOT NULL, \"room_id\" bigint NOT NULL, \"label\" varchar(99) NOT NULL,
  \"tag\" text collate nocase, \"price\" double default '1.5', \"made\" text DEFAULT (datetime('now')), kind TEXT,
  CONSTRAINT k CHECK ((\"__new_item\".\"kind\" in ('c','b','a'))),
  CONSTRAINT f FOREIGN KEY (room_id) REFERENCES room ON DELETE CASCADE";

#[test]
fn a_rebuild_that_means_the_same_is_no_finding() {
    let report = compare(HOUSE, &rebuilt(SAME, ALL), None);
    assert!(report.findings.is_empty(), "{report:#?}");
    assert_eq!(report.verdict, Verdict::Additive);
    assert!(
        report.seen.probes > 100 && report.seen.tables == 4 && report.seen.rows == 11,
        "{:?}",
        report.seen
    );
}

#[test]
fn a_rebuild_is_judged_by_what_it_lost() {
    for (from, to, wanted) in [
        ("collate nocase", "", "breaking collation-changed item.tag"),
        (
            "REFERENCES room ON DELETE CASCADE",
            "REFERENCES room",
            "breaking foreign-key-changed item.room_id",
        ),
        (
            "('c','b','a')",
            "('b','a')",
            "breaking check-added item.kind",
        ),
        (
            "\"label\" varchar(99)",
            "label integer",
            "breaking type-changed item.label",
        ),
        (
            "\"id\" integer PRIMARY KEY NOT NULL",
            "id INT PRIMARY KEY NOT NULL",
            "breaking primary-key-changed item",
        ),
        (
            "double default '1.5'",
            "double default 2",
            "warn default-changed item.price",
        ),
        (
            "double default '1.5'",
            "double",
            "warn default-removed item.price",
        ),
        (
            "\"tag\" text",
            "\"tag\" text NOT NULL DEFAULT ''",
            "breaking not-null-added item.tag",
        ),
    ] {
        let definition = SAME.replace(from, to);
        assert_ne!(definition, SAME, "{from}");
        let copied = if to.contains("DEFAULT ''") {
            "id, room_id, label, price, made, kind"
        } else {
            ALL
        };
        let mut migration = rebuilt(&definition, copied);
        if to.contains("DEFAULT ''") {
            migration = migration.replace(
                "CREATE UNIQUE INDEX",
                "UPDATE item SET tag = id; CREATE UNIQUE INDEX",
            );
        }
        assert_found(&migration, wanted);
    }
}

#[test]
fn a_rebuild_can_lose_triggers_indexes_and_children() {
    let without = |what: &str| {
        let migration = rebuilt(SAME, ALL);
        let at = migration.find(what).unwrap();
        let end = at + migration[at..].find(';').unwrap() + 1;
        let end = if what.contains("TRIGGER") {
            migration.len()
        } else {
            end
        };
        format!("{}{}", &migration[..at], &migration[end..])
    };
    assert_found(&without("CREATE TRIGGER"), "breaking trigger-dropped item");
    assert_found(&without("CREATE INDEX"), "note index-dropped item.label");
    assert_found(
        &without("CREATE UNIQUE INDEX"),
        "breaking unique-dropped item.tag",
    );
    assert_found("DELETE FROM item WHERE id = 1", "breaking rows-lost item");
    assert_found(
        "UPDATE sqlite_sequence SET seq = 1",
        "warn autoincrement-lost room",
    );
}

#[test]
fn what_is_dropped_or_renamed_breaks() {
    for (migration, wanted) in [
        (
            "DROP TABLE log; DROP TRIGGER item_logged",
            "breaking table-dropped log",
        ),
        (
            "ALTER TABLE empty RENAME TO blank",
            "breaking table-renamed empty",
        ),
        (
            "ALTER TABLE room DROP COLUMN note",
            "breaking column-dropped room.note",
        ),
        (
            "ALTER TABLE room RENAME COLUMN note TO remark",
            "breaking column-renamed room.note",
        ),
        ("DROP VIEW labels", "breaking view-dropped labels"),
        (
            "DROP VIEW labels; CREATE VIEW labels AS SELECT id, label FROM item",
            "breaking view-changed labels",
        ),
        (
            "UPDATE room SET note = upper(note)",
            "breaking values-changed room.note",
        ),
        ("DELETE FROM log", "breaking rows-lost log"),
        (
            "DROP VIEW labels; CREATE VIEW labels AS SELECT item.id, label, upper(name) AS name FROM item JOIN room ON room.id = room_id",
            "breaking view-changed labels",
        ),
    ] {
        assert_found(migration, wanted);
    }
}

#[test]
fn what_is_added_may_refuse_old_writes() {
    for (migration, wanted) in [
        (
            "ALTER TABLE room ADD COLUMN size TEXT NOT NULL DEFAULT 'x'; CREATE UNIQUE INDEX u ON room (size, name)",
            "note column-added room.size",
        ),
        (
            "ALTER TABLE empty ADD COLUMN size TEXT NOT NULL DEFAULT 'x'; CREATE UNIQUE INDEX u ON empty (size)",
            "breaking unique-added empty.size",
        ),
        (
            "CREATE UNIQUE INDEX u ON item (label)",
            "breaking unique-added item.label",
        ),
        (
            "DROP TABLE empty; CREATE TABLE empty (id INTEGER PRIMARY KEY, title TEXT NOT NULL, n INTEGER CHECK (n BETWEEN 3 AND 9), kind TEXT NOT NULL)",
            "breaking not-null-without-default empty.kind",
        ),
        (
            "CREATE TRIGGER veto BEFORE DELETE ON item BEGIN SELECT RAISE(ABORT, 'no'); END",
            "breaking trigger-added item",
        ),
        (
            "CREATE TRIGGER more AFTER INSERT ON item BEGIN UPDATE item SET label = upper(label) WHERE id = NEW.id; END",
            "breaking trigger-added item",
        ),
        (
            "CREATE TABLE audit (what TEXT); CREATE TRIGGER quiet AFTER INSERT ON item BEGIN INSERT INTO audit VALUES (NEW.label); END",
            "warn trigger-added item",
        ),
        (
            "DROP TABLE empty; CREATE TABLE empty (id INTEGER PRIMARY KEY, title TEXT NOT NULL, n INTEGER CHECK (n BETWEEN 3 AND 8))",
            "breaking check-added empty.n",
        ),
        (
            "DROP TABLE log; CREATE TABLE log (text TEXT, at TEXT) STRICT; INSERT INTO log SELECT label, '2026' FROM item",
            "breaking values-changed log",
        ),
        (
            "DROP TABLE empty; CREATE TABLE empty (id INTEGER PRIMARY KEY, title TEXT NOT NULL, n INTEGER CHECK (n BETWEEN 3 AND 9)) STRICT",
            "breaking strict-added empty",
        ),
        (
            "DROP TABLE empty; CREATE TABLE empty (title TEXT NOT NULL, id INTEGER PRIMARY KEY, n INTEGER CHECK (n BETWEEN 3 AND 9))",
            "warn column-order-changed empty",
        ),
    ] {
        assert_found(migration, wanted);
    }
}

#[test]
fn what_only_adds_is_additive() {
    for migration in [
        "",
        "ALTER TABLE room ADD COLUMN size INTEGER",
        "ALTER TABLE room ADD COLUMN size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0)",
        "ALTER TABLE item ADD COLUMN owner INTEGER REFERENCES room(id)",
        "CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, room INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE)",
        "CREATE INDEX i ON item (kind); CREATE VIEW v AS SELECT 1",
        // Filled at once: the rows of room can still be deleted, updated and upserted.
        "CREATE TABLE seed (id INTEGER PRIMARY KEY, room INTEGER REFERENCES room(id) ON DELETE CASCADE); INSERT INTO seed SELECT id, id FROM room",
        "INSERT INTO room (name) VALUES ('Hall')",
        "DROP INDEX item_label; CREATE INDEX other_name ON item (\"label\" ASC)",
        "CREATE UNIQUE INDEX wider ON item (tag COLLATE NOCASE, label)",
        "DROP INDEX item_label",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "VACUUM",
    ] {
        assert_nothing(migration);
    }
}

#[test]
fn a_view_can_break_with_its_own_text_unchanged() {
    let before = "CREATE TABLE t (a TEXT, b TEXT); INSERT INTO t VALUES ('x', 'y'); CREATE VIEW v AS SELECT \"a\" FROM t;";
    let report = compare(
        before,
        "DROP VIEW v; ALTER TABLE t DROP COLUMN a; CREATE VIEW v AS SELECT \"a\" FROM t;",
        None,
    );
    assert!(
        found(&report).contains(&"breaking view-changed v".to_owned()),
        "{report:#?}"
    );
}

#[test]
fn what_no_sample_shows_is_tried_too() {
    for (before, migration, wanted) in [
        // A trigger of full text, whose table shows the same rows with and without it.
        (
            "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO note (text) VALUES ('red'), ('blue');
             CREATE VIRTUAL TABLE find USING fts5(text, content='note', content_rowid='id');
             CREATE TRIGGER ni AFTER INSERT ON note BEGIN INSERT INTO find (rowid, text) VALUES (NEW.id, NEW.text); END;",
            "DROP TRIGGER ni",
            "breaking trigger-dropped note",
        ),
        // A column that full text has in addition is found by searches for all columns.
        (
            "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, more TEXT); INSERT INTO note VALUES (1, 'red', 'green'), (2, 'green', 'blue');
             CREATE VIRTUAL TABLE find USING fts5(text, content='note', content_rowid='id'); INSERT INTO find(find) VALUES ('rebuild');",
            "DROP TABLE find; CREATE VIRTUAL TABLE find USING fts5(text, more, content='note', content_rowid='id'); INSERT INTO find(find) VALUES ('rebuild')",
            "breaking fts-changed find",
        ),
        (
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p(id) ON DELETE CASCADE);",
            "DROP TABLE c; CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p(id))",
            "breaking foreign-key-changed c.p",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER DEFAULT 1); INSERT INTO t (n) VALUES (4), (5);",
            "CREATE TRIGGER v BEFORE INSERT ON t WHEN NEW.n < -500 BEGIN SELECT RAISE(ABORT, 'no'); END",
            "breaking trigger-added t",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO t (code) VALUES (NULL), (NULL);",
            "CREATE UNIQUE INDEX u ON t (code)",
            "breaking unique-added t.code",
        ),
    ] {
        let report = compare(before, migration, None);
        assert!(found(&report).contains(&wanted.to_owned()), "{migration}\n{report:#?}");
    }
}

#[test]
fn full_text_is_searched_both_ways() {
    let before = "CREATE VIRTUAL TABLE notes USING fts5(title, body); INSERT INTO notes VALUES ('Running', 'the foxes run');";
    for (after, wanted) in [
        (
            "fts5(title, body, tokenize = 'porter')",
            "breaking fts-changed notes",
        ),
        (
            "fts5(title, body, prefix = '2 3')",
            "warn fts-changed notes",
        ),
        (
            "fts5(title, body, tokenize='trigram')",
            "breaking fts-changed notes",
        ),
    ] {
        let migration = format!(
            "CREATE VIRTUAL TABLE n2 USING {after}; INSERT INTO n2 SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n2 RENAME TO notes"
        );
        let report = compare(before, &migration, None);
        assert!(
            found(&report).contains(&wanted.to_owned()),
            "{after}\n{report:#?}"
        );
    }
    assert_eq!(compare(before, "", None).verdict, Verdict::Additive);
}

#[test]
fn a_renamed_table_with_a_whole_view_in_its_place_is_a_warning() {
    let before = "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO person (name) VALUES ('Ada'), ('Bo');";
    let view =
        "ALTER TABLE person RENAME TO human; CREATE VIEW person AS SELECT id, name FROM human;";
    let triggers = "
      CREATE TRIGGER pi INSTEAD OF INSERT ON person BEGIN INSERT INTO human (id, name) VALUES (NEW.id, NEW.name); END;
      CREATE TRIGGER pu INSTEAD OF UPDATE ON person BEGIN UPDATE human SET id = NEW.id, name = NEW.name WHERE id = OLD.id; END;
      CREATE TRIGGER pd INSTEAD OF DELETE ON person BEGIN DELETE FROM human WHERE id = OLD.id; END;";
    assert_eq!(compare(before, view, None).verdict, Verdict::Breaking);
    let report = compare(before, &format!("{view}{triggers}"), None);
    assert_eq!(report.verdict, Verdict::Warn, "{report:#?}");
}

#[test]
fn two_databases_without_a_table_are_not_additive() {
    assert_eq!(compare("", "", None).verdict, Verdict::Warn);
}

#[test]
fn what_only_the_app_has_is_said_and_never_additive() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [dir.path().join("a.db"), dir.path().join("b.db")];
    for path in &paths {
        let conn = Connection::open(path).unwrap();
        conn.create_collation("german", |a: &str, b: &str| b.cmp(a))
            .unwrap();
        conn.execute_batch("CREATE TABLE t (name TEXT COLLATE german PRIMARY KEY); INSERT INTO t VALUES ('a'), ('b'), ('c')").unwrap();
    }
    let report = tealkeep_rehearsal::compare(&paths[0], &paths[1], None).unwrap();
    assert_eq!(report.verdict, Verdict::Warn, "{report:#?}");
}

#[test]
fn the_files_are_only_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        .unwrap();
    // As a machine that lost power leaves it: a WAL that nobody has taken in.
    let dead = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        std::fs::copy(
            dir.path().join(format!("live.db{ending}")),
            dead.path().join(format!("dead.db{ending}")),
        )
        .unwrap();
    }
    let state = || {
        let mut files: Vec<_> = std::fs::read_dir(dead.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name(),
                    std::fs::read(entry.path()).unwrap(),
                    entry.metadata().unwrap().modified().unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    };
    let before = state();
    let dead_db = dead.path().join("dead.db");
    let report = tealkeep_rehearsal::compare(&dead_db, &dead_db, None).unwrap();
    assert_eq!((report.seen.tables, report.seen.rows), (1, 1));
    assert_eq!(state(), before);
    let live = tealkeep_rehearsal::compare(&path, &path, None).unwrap();
    assert_eq!((live.verdict, live.seen.rows), (Verdict::Additive, 1));
}

#[test]
fn what_is_no_database_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text");
    std::fs::write(
        &text,
        "not a database, but long enough to be one: ".repeat(40),
    )
    .unwrap();
    assert!(tealkeep_rehearsal::compare(&text, &text, None).is_err());
    assert!(tealkeep_rehearsal::compare(&dir.path().join("none"), &text, None).is_err());
}

#[test]
fn statements_show_what_fails_and_what_is_needed() {
    let log = "INSERT INTO item (room_id, label, tag, kind) VALUES (1, 'cup', 'z', 'a');\nSELECT label FROM item ORDER BY label\nSELECT count(*) FROM room";
    let report = compare(HOUSE, "DROP INDEX item_tag", Some(log));
    assert_eq!(
        (report.verdict, report.seen.statements),
        (Verdict::Warn, 3),
        "{report:#?}"
    );
    let upsert = "INSERT INTO item (room_id, label, tag) VALUES (1, 'cup', 'z') ON CONFLICT (tag) DO NOTHING";
    let report = compare(HOUSE, "DROP INDEX item_tag", Some(upsert));
    assert!(
        found(&report).contains(&"breaking statement-failed item".to_owned()),
        "{report:#?}"
    );
    let report = compare(
        HOUSE,
        "CREATE TABLE more (a)",
        Some(&format!("{log};\nATTACH '/tmp/x' AS y")),
    );
    assert_eq!(report.verdict, Verdict::Additive, "{report:#?}");
    let report = compare(
        HOUSE,
        "ALTER TABLE room ADD COLUMN size TEXT",
        Some("INSERT INTO room VALUES (9, 'Hall', 0, '')"),
    );
    assert!(
        found(&report).contains(&"breaking statement-failed room".to_owned()),
        "{report:#?}"
    );
}

#[test]
fn the_json_is_as_scripts_read_it() {
    let report = compare(HOUSE, "ALTER TABLE room DROP COLUMN note", None);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "breaking");
    let first = json["findings"][0].as_object().unwrap();
    // The order depends on what else is built with serde_json.
    let names = |object: &serde_json::Map<String, serde_json::Value>| {
        let mut names: Vec<String> = object.keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(
        names(first),
        ["advice", "column", "evidence", "kind", "severity", "table"]
    );
    assert_eq!(
        (&first["kind"], &first["severity"]),
        (&"column-dropped".into(), &"breaking".into())
    );
    let seen = json["seen"].as_object().unwrap();
    assert_eq!(names(seen), ["probes", "rows", "statements", "tables"]);
}
