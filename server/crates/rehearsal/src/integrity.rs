//! Whether SQLite's own checks find more than before.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::rows::{counted, is_known};
use crate::schema::Database;
use crate::sql::folded;

/// Compares what `PRAGMA integrity_check` and `PRAGMA foreign_key_check` find.
pub fn compare(
    old: &Connection,
    new: &Connection,
    before: &Database,
    after: &Database,
) -> Vec<Draft> {
    let mut found = Vec::new();
    let was = violations(old);
    for (table, count) in violations(new) {
        let more = count.saturating_sub(was.get(&table).copied().unwrap_or(0));
        if more > 0 {
            let shown = before
                .tables
                .get(&table)
                .map_or(table.as_str(), |table| &table.name);
            let text = format!(
                "{} of {shown} refer to rows that don't exist.",
                counted(more, "more row")
            );
            found.push(Draft::new(
                Kind::IntegrityWorse,
                Severity::Breaking,
                shown,
                text,
            ));
        }
    }
    // An index is sorted by its collation: without it, it can't be checked.
    let can_check = [before, after]
        .iter()
        .all(|database| has_own_collations_only(database));
    if can_check {
        let worse = check(new);
        if !worse.is_empty() && check(old).is_empty() {
            let text = format!("PRAGMA integrity_check reports: {}.", worse.join("; "));
            found.push(Draft::new(
                Kind::IntegrityWorse,
                Severity::Breaking,
                "",
                text,
            ));
        }
    }
    found
}

fn has_own_collations_only(database: &Database) -> bool {
    let keys = database
        .tables
        .values()
        .flat_map(|table| table.keys.iter().chain(&table.indexes));
    let mut terms = keys.flat_map(|key| &key.terms);
    terms.all(|term| is_known(&term.collation))
}

fn violations(conn: &Connection) -> BTreeMap<String, u64> {
    let mut count = BTreeMap::new();
    let Ok(mut statement) = conn.prepare("PRAGMA foreign_key_check") else {
        return count;
    };
    let Ok(mut rows) = statement.query([]) else {
        return count;
    };
    // A mismatch ends it with an error; the probes meet that too.
    while let Ok(Some(row)) = rows.next() {
        if let Ok(table) = row.get::<_, String>(0) {
            *count.entry(folded(&table)).or_insert(0) += 1;
        }
    }
    count
}

fn check(conn: &Connection) -> Vec<String> {
    let mut problems = Vec::new();
    let Ok(mut statement) = conn.prepare("PRAGMA integrity_check(5)") else {
        return problems;
    };
    let Ok(mut rows) = statement.query([]) else {
        return problems;
    };
    while let Ok(Some(row)) = rows.next() {
        if let Ok(line) = row.get::<_, String>(0)
            && line != "ok"
            // A function that only the app has.
            && !line.contains("no such function")
        {
            problems.push(line);
        }
    }
    problems
}
