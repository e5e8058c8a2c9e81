//! What a database holds, to be compared with what it should hold.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::types::Value;

/// Every row of every table, read in one transaction. The app's timer writes reminders by itself; they are
/// left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(pub BTreeMap<String, BTreeSet<String>>);

impl Content {
    /// Of a database, which may be in use.
    pub fn of(database: &Path) -> Content {
        let mut connection = rusqlite::Connection::open(database).unwrap();
        connection.busy_timeout(super::PATIENCE).unwrap();
        let transaction = connection.transaction().unwrap();
        let tables: Vec<String> = transaction
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'reminders'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let rows = |table: &String| {
            let mut statement = transaction
                .prepare(&format!("SELECT * FROM {table}"))
                .unwrap();
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<Value>> {
                (0..columns).map(|n| row.get(n)).collect()
            };
            statement
                .query_map([], row)
                .unwrap()
                .map(|row| format!("{:?}", row.unwrap()))
                .collect()
        };
        Content(
            tables
                .iter()
                .map(|table| (table.clone(), rows(table)))
                .collect(),
        )
    }

    /// What stands here and not in `other`, by table.
    pub fn beyond(&self, other: &Content) -> BTreeMap<String, Vec<String>> {
        let mut beyond = BTreeMap::new();
        for (table, rows) in &self.0 {
            let others = other.0.get(table).cloned().unwrap_or_default();
            let more: Vec<String> = rows.difference(&others).cloned().collect();
            if !more.is_empty() {
                beyond.insert(table.clone(), more);
            }
        }
        beyond
    }
}
