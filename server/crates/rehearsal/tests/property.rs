//! Any schema, and any changes that only add: additive. The same with one change that breaks: that finding.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use rusqlite::Connection;
use tealkeep_rehearsal::report::{Kind, Report, Verdict};

/// A column: its type, and its constraints.
type Column = (usize, usize);

const TYPES: [&str; 5] = ["INTEGER", "TEXT", "VARCHAR(20)", "REAL", "BLOB"];
const RULES: [&str; 6] = [
    "",
    "NOT NULL",
    "DEFAULT 5",
    "NOT NULL DEFAULT 'x'",
    "COLLATE NOCASE",
    "CHECK (length({}) < 90)",
];
/// Nothing that a release from before could notice.
const ADDITIONS: [&str; 7] = [
    "ALTER TABLE t0 ADD COLUMN extra_{} TEXT",
    "ALTER TABLE t0 ADD COLUMN more_{} INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE added_{} (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t0(id) ON DELETE SET NULL)",
    "CREATE INDEX i_{} ON t0 (c0, id)",
    "CREATE VIEW v_{} AS SELECT * FROM t0",
    "CREATE UNIQUE INDEX u_{} ON t0 (id, c0)",
    "ALTER TABLE t0 ADD COLUMN link_{} INTEGER REFERENCES t0(id)",
];
/// A change, and the finding that it must come to.
const BREAKS: [(&str, Kind); 6] = [
    ("ALTER TABLE t0 RENAME TO gone", Kind::TableRenamed),
    (
        "UPDATE t0 SET c0 = 'changed' WHERE id = 1",
        Kind::ValuesChanged,
    ),
    ("DELETE FROM t0 WHERE id = 2", Kind::RowsLost),
    (
        "CREATE TRIGGER veto BEFORE INSERT ON t0 BEGIN SELECT RAISE(ABORT, 'no'); END",
        Kind::TriggerAdded,
    ),
    (
        "ALTER TABLE t0 RENAME COLUMN c0 TO other",
        Kind::ColumnRenamed,
    ),
    ("CREATE UNIQUE INDEX broken ON t0 (c0)", Kind::UniqueAdded),
];

fn schema(tables: &[Vec<Column>]) -> String {
    let mut sql = String::new();
    for (at, columns) in tables.iter().enumerate() {
        let columns: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(n, (kind, rule))| {
                format!(
                    "c{n} {} {}",
                    TYPES[*kind],
                    RULES[*rule].replace("{}", &format!("c{n}"))
                )
            })
            .collect();
        let names: Vec<String> = (0..columns.len())
            .map(|n| format!("'value {n} ' || i"))
            .collect();
        sql.push_str(&format!(
            "CREATE TABLE t{at} (id INTEGER PRIMARY KEY, {});
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
             INSERT INTO t{at} SELECT i, {} FROM n;",
            columns.join(", "),
            at * 3 + 5,
            names.join(", ")
        ));
    }
    sql
}

fn compare(before: &str, changes: &[String]) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let paths = [dir.path().join("old.db"), dir.path().join("new.db")];
    for (path, changes) in paths.iter().zip([&[][..], changes]) {
        let conn = Connection::open(path).unwrap();
        conn.execute_batch(before).unwrap();
        for change in changes {
            conn.execute_batch(change)
                .unwrap_or_else(|e| panic!("{e}: {change}"));
        }
    }
    tealkeep_rehearsal::compare(&paths[0], &paths[1], None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn additions_are_additive_and_one_break_is_found(
        tables in prop::collection::vec(prop::collection::vec((0..TYPES.len(), 0..RULES.len()), 1..5), 1..4),
        additions in prop::collection::vec(0..ADDITIONS.len(), 0..5),
        broken in 0..BREAKS.len(),
    ) {
        let before = schema(&tables);
        let mut changes: Vec<String> = additions
            .iter()
            .enumerate()
            .map(|(n, at)| ADDITIONS[*at].replace("{}", &n.to_string()))
            .collect();
        let report = compare(&before, &changes);
        prop_assert_eq!(report.verdict, Verdict::Additive, "{:#?} {:?} {:#?}", before, changes, report);

        let (change, kind) = BREAKS[broken];
        changes.push(change.to_owned());
        let report = compare(&before, &changes);
        prop_assert_eq!(report.verdict, Verdict::Breaking, "{:#?} {:?} {:#?}", before, changes, report);
        let is_found = report.findings.iter().any(|finding| finding.kind == kind);
        prop_assert!(is_found, "{:#?} {:?} {:#?}", before, changes, report);
    }
}
