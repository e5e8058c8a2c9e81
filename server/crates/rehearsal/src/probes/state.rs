//! What a probe leaves: the old columns of every old table and view that it could reach.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::probe::Schemas;
use crate::schema::{Database, is_bookkeeping};
use crate::sql::{list, quoted};

/// Rows in no order, by table or view in lower case.
pub type State = BTreeMap<String, Vec<Vec<String>>>;

/// Longer texts count by their beginning and length.
const MAX_SHOWN: usize = 200;

/// Which tables and views a write to a table can change.
#[derive(Debug, Default)]
pub struct Reach {
    reached: BTreeMap<String, BTreeSet<String>>,
}

impl Reach {
    /// By triggers, foreign keys and views of either schema.
    pub fn new(schemas: Schemas<'_>) -> Reach {
        let mut steps: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for database in [schemas.before, schemas.after] {
            add_steps(database, &mut steps);
        }
        let names = schemas
            .before
            .tables
            .keys()
            .chain(schemas.before.views.keys());
        let reached = names
            .map(|name| (name.clone(), closure(name, &steps)))
            .collect();
        Reach { reached }
    }

    /// Everything that a write to this table or view can change, itself included.
    pub fn of(&self, name: &str) -> BTreeSet<String> {
        self.reached.get(name).cloned().unwrap_or_default()
    }
}

fn add_steps(database: &Database, steps: &mut BTreeMap<String, BTreeSet<String>>) {
    let is_known =
        |word: &&String| database.tables.contains_key(*word) || database.views.contains_key(*word);
    for trigger in database.triggers.values() {
        let names = trigger.body.iter().filter(is_known).cloned();
        steps
            .entry(trigger.table.clone())
            .or_default()
            .extend(names);
    }
    for (name, table) in &database.tables {
        for key in &table.foreign {
            steps
                .entry(key.parent.clone())
                .or_default()
                .insert(name.clone());
        }
        let content = table.module.iter().flat_map(|(_, arguments)| arguments);
        let content = content.filter(|words| words.first().is_some_and(|word| word == "content"));
        for word in content.flatten().filter(is_known) {
            steps.entry(word.clone()).or_default().insert(name.clone());
        }
    }
    for (name, view) in &database.views {
        for word in view.body.iter().filter(is_known) {
            steps.entry(word.clone()).or_default().insert(name.clone());
        }
    }
}

fn closure(name: &str, steps: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::from([name.to_owned()]);
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        for next in steps.get(&name).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

/// Reads what the named tables and views hold now, in the columns that they had before.
pub fn read(conn: &Connection, schemas: Schemas<'_>, names: &BTreeSet<String>) -> State {
    let mut state = State::new();
    for name in names {
        if is_bookkeeping(name) {
            continue;
        }
        let Some(columns) = shared_columns(schemas, name) else {
            continue;
        };
        let sql = format!(
            "SELECT {} FROM {}",
            list(columns.iter().map(String::as_str)),
            quoted(name)
        );
        if let Ok(mut rows) = dump(conn, &sql, &[]) {
            if has_same_module(schemas, name) {
                rows.extend(index(conn, name, &columns));
            }
            rows.sort();
            state.insert(name.clone(), rows);
        }
    }
    state
}

/// Whether a full-text table is defined as it was. Otherwise its index differs anyway, and searches tell what that does.
fn has_same_module(schemas: Schemas<'_>, name: &str) -> bool {
    let module = |database: &Database| {
        database
            .tables
            .get(name)
            .and_then(|table| table.module.clone())
    };
    let was = module(schemas.before);
    was.is_some() && was == module(schemas.after)
}

/// What a full-text table has indexed of some columns; nothing for other tables.
fn index(conn: &Connection, name: &str, columns: &[String]) -> Vec<Vec<String>> {
    let vocabulary = quoted(&super::copy::vocabulary(name));
    let marks = vec!["?"; columns.len()].join(", ");
    let values: Vec<_> = columns
        .iter()
        .map(|column| rusqlite::types::Value::Text(column.clone()))
        .collect();
    let fts5 = format!("SELECT term, doc, col FROM temp.{vocabulary} WHERE col IN ({marks})");
    let fts4 = format!("SELECT term, occurrences FROM temp.{vocabulary} WHERE col = '*'");
    let found = dump(conn, &fts5, &values).or_else(|_| dump(conn, &fts4, &[]));
    found.unwrap_or_default()
}

/// The columns of an old table or view that are there on both sides.
pub fn shared_columns(schemas: Schemas<'_>, name: &str) -> Option<Vec<String>> {
    let columns = |database: &Database| -> Option<Vec<String>> {
        if let Some(table) = database.tables.get(name) {
            return Some(
                table
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect(),
            );
        }
        database
            .views
            .get(name)
            .and_then(|view| view.columns.clone().ok())
    };
    let (old, new) = (columns(schemas.before)?, columns(schemas.after)?);
    let is_there = |column: &String| new.iter().any(|other| other.eq_ignore_ascii_case(column));
    let shared: Vec<String> = old.into_iter().filter(is_there).collect();
    (!shared.is_empty()).then_some(shared)
}

/// The rows of a query, each value with its type.
///
/// # Errors
/// The query fails.
pub fn dump(
    conn: &Connection,
    sql: &str,
    values: &[rusqlite::types::Value],
) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut statement = conn.prepare_cached(sql)?;
    let count = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values: rusqlite::Result<Vec<String>> =
            (0..count).map(|at| row.get_ref(at).map(shown)).collect();
        found.push(values?);
    }
    Ok(found)
}

/// A value as it is compared and told: with its type.
pub fn shown(value: ValueRef<'_>) -> String {
    let long = |bytes: &[u8]| {
        let hash = blake3::hash(bytes);
        format!(
            "{}… ({} bytes, {})",
            String::from_utf8_lossy(&bytes[..MAX_SHOWN]),
            bytes.len(),
            hash.to_hex()
        )
    };
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => format!("{n:?}"),
        ValueRef::Text(text) if text.len() <= MAX_SHOWN => {
            format!("'{}'", String::from_utf8_lossy(text))
        }
        ValueRef::Blob(bytes) if bytes.len() <= MAX_SHOWN => format!("x{bytes:02x?}"),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => long(bytes),
    }
}
