use std::path::Path;

use super::*;

/// Makes a database with the functions that only an app has, and opens it again without them.
fn made(dir: &Path, sql: &str) -> Connection {
    let path = dir.join("home.db");
    let app = Connection::open(&path).unwrap();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    app.create_scalar_function("regexp", 2, flags, |_| Ok(true))
        .unwrap();
    app.create_scalar_function("fold", 1, flags, |call| call.get::<String>(0))
        .unwrap();
    app.create_collation("german", |one, other| one.cmp(other))
        .unwrap();
    app.execute_batch(sql).unwrap();
    drop(app);
    Connection::open(path).unwrap()
}

fn rewritten(conn: &Connection, name: &str, sql: &str) {
    conn.pragma_update(None, "writable_schema", true).unwrap();
    conn.execute(
        "UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1",
        [name, sql],
    )
    .unwrap();
}

#[test]
fn what_breaks_the_apps_own_rules_is_content_and_no_damage() {
    let cases = [
        (
            "CREATE TABLE doses (at TEXT); INSERT INTO doses VALUES (NULL), (NULL)",
            Some(("doses", "CREATE TABLE doses (at TEXT NOT NULL)")),
            "NULL value in doses.at (2 times)",
        ),
        (
            "CREATE TABLE doses (mg CHECK (mg > 0)); PRAGMA ignore_check_constraints = ON;
             INSERT INTO doses VALUES (-1)",
            None,
            "CHECK constraint failed in doses",
        ),
        (
            "CREATE TABLE doses (mg); INSERT INTO doses VALUES ('12')",
            Some(("doses", "CREATE TABLE doses (mg INTEGER)")),
            "TEXT value in doses.mg",
        ),
        (
            "CREATE VIRTUAL TABLE notes USING fts5 (text); INSERT INTO notes VALUES ('milk');
             UPDATE notes_content SET c0 = 'bread'",
            None,
            "fts5: checksum mismatch for table \"notes\"",
        ),
    ];
    for (sql, schema, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = made(dir.path(), sql);
        if let Some((name, sql)) = schema {
            rewritten(&conn, name, sql);
            conn = Connection::open(dir.path().join("home.db")).unwrap();
        }
        let found = check(&conn, 0).unwrap();
        assert_eq!(found.damage, Vec::<String>::new(), "{sql}");
        assert_eq!(found.concerns.content_findings, [expected], "{sql}");
        assert_eq!(found.concerns.unchecked, Vec::<String>::new(), "{sql}");
    }
}

#[test]
fn a_damaged_index_is_found_behind_any_number_of_rows_that_break_a_rule() {
    let dir = tempfile::tempdir().unwrap();
    let conn = made(
        dir.path(),
        "CREATE TABLE a (x, y CHECK (x > 1000)); CREATE INDEX i ON a (x);
         PRAGMA ignore_check_constraints = ON;
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO a SELECT i, i FROM n; INSERT INTO a VALUES (2000, 501)",
    );
    rewritten(&conn, "i", "CREATE INDEX i ON a (y)");
    drop(conn);
    let conn = Connection::open(dir.path().join("home.db")).unwrap();
    let found = check(&conn, 0).unwrap();
    assert!(
        found.damage.iter().any(|line| line.contains("index i")),
        "{found:?}"
    );
    assert_eq!(
        found.concerns.content_findings,
        ["CHECK constraint failed in a (500 times)"]
    );
}

#[test]
fn a_schema_that_only_the_app_can_evaluate_is_checked_as_far_as_possible() {
    let cases = [
        (
            "CREATE TABLE t (a CHECK (a REGEXP 'x')); INSERT INTO t VALUES (1)",
            "t: unknown function: REGEXP()",
        ),
        (
            "CREATE TABLE t (a); CREATE INDEX i ON t (fold(a)); INSERT INTO t VALUES ('a')",
            "t: unknown function: fold()",
        ),
        (
            "CREATE TABLE t (a); CREATE INDEX i ON t (a) WHERE fold(a) > 'b'; INSERT INTO t VALUES ('a')",
            "t: unknown function: fold()",
        ),
        (
            "CREATE TABLE t (a, b AS (fold(a)) STORED, c AS (fold(a)) NOT NULL); INSERT INTO t VALUES ('a')",
            "t: unknown function: fold()",
        ),
        (
            "CREATE TABLE t (a COLLATE german PRIMARY KEY, b); CREATE INDEX i ON t (b COLLATE german);
             INSERT INTO t VALUES ('a', 'b')",
            "t: no such collation sequence: german",
        ),
        (
            "CREATE TABLE t (a COLLATE german PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES ('a', 'b')",
            "t: no such collation sequence: german",
        ),
    ];
    for (sql, expected) in cases {
        for plain_bytes in [0, FULL_CHECK_LIMIT_BYTES] {
            let dir = tempfile::tempdir().unwrap();
            let conn = made(
                dir.path(),
                &format!("{sql}; CREATE TABLE u (x); INSERT INTO u VALUES (1)"),
            );
            let found = check(&conn, plain_bytes).unwrap();
            assert_eq!(found.damage, Vec::<String>::new(), "{sql}");
            // The quick check leaves the content of indexes out, and with it what they would need.
            let quick_can_do_it =
                plain_bytes > 0 && sql.contains("CREATE TABLE t (a); CREATE INDEX");
            let expected: &[&str] = if quick_can_do_it { &[] } else { &[expected] };
            assert_eq!(found.concerns.unchecked, expected, "{sql}");
        }
    }
}

#[test]
fn pages_are_checked_although_the_schema_needs_the_app() {
    let dir = tempfile::tempdir().unwrap();
    let conn = made(
        dir.path(),
        "CREATE TABLE t (a COLLATE german PRIMARY KEY, b CHECK (b REGEXP 'x'));
         INSERT INTO t VALUES ('a', hex(zeroblob(9000)));
         CREATE TABLE gone (x); INSERT INTO gone VALUES (hex(zeroblob(9000)))",
    );
    // Its pages belong to nothing now.
    conn.pragma_update(None, "writable_schema", true).unwrap();
    conn.execute("DELETE FROM sqlite_schema WHERE name = 'gone'", [])
        .unwrap();
    drop(conn);
    let conn = Connection::open(dir.path().join("home.db")).unwrap();
    let found = check(&conn, 0).unwrap();
    assert!(
        found.damage.iter().any(|line| line.contains("never used")),
        "{found:?}"
    );
}

#[test]
fn a_module_that_only_the_app_brings_is_named_and_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let conn = made(
        dir.path(),
        "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE VIRTUAL TABLE v USING fts5 (x)",
    );
    rewritten(&conn, "v", "CREATE VIRTUAL TABLE v USING nearest (x)");
    drop(conn);
    let conn = Connection::open(dir.path().join("home.db")).unwrap();
    let facts = super::super::database::checked_facts(&conn, 0)
        .unwrap()
        .unwrap();
    assert_eq!(facts.tables["t"], 1);
    assert_eq!(facts.concerns.unchecked, ["v: no such module: nearest"]);
}

#[test]
fn a_name_that_is_not_utf8_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let conn = made(
        dir.path(),
        "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE TABLE cafX (a NOT NULL)",
    );
    conn.pragma_update(None, "writable_schema", true).unwrap();
    conn.execute_batch(
        "UPDATE sqlite_schema SET name = CAST(x'636166E9' AS TEXT), tbl_name = CAST(x'636166E9' AS TEXT),
         sql = CAST(x'435245415445205441424C4520636166E920286129' AS TEXT) WHERE name = 'cafX'",
    )
    .unwrap();
    drop(conn);
    let conn = Connection::open(dir.path().join("home.db")).unwrap();
    let facts = super::super::database::checked_facts(&conn, 0)
        .unwrap()
        .unwrap();
    assert_eq!(facts.tables["t"], 1);
    assert_eq!(facts.tables.len(), 1);
    assert_eq!(
        facts.concerns.unchecked,
        ["caf\u{fffd}: its name is not UTF-8, and its rows were not counted"]
    );
}
