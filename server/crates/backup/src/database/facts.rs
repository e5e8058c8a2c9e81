//! What is known about a database at one instant: page size, schema, row counts, and what its check noticed.

use std::collections::BTreeMap;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::integrity::{self, Concerns, Integrity};
use crate::sqlite::{TableName, lacks_something, ordinary_tables, quoted};

/// What is true of a database at one instant, for the manifest and for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Bytes a page.
    pub page_size: u32,
    /// Pages.
    pub page_count: u32,
    /// `PRAGMA user_version`, which many apps number their migrations with.
    pub user_version: i32,
    /// `wal`, `delete` and so on, as `PRAGMA journal_mode` names it.
    pub journal_mode: String,
    /// SHA-256, in hex, over the rows of `sqlite_schema`, without SQLite's own tables.
    pub schema_hash: String,
    /// Each ordinary table's number of rows (no virtual tables and none of their shadows), by name.
    /// A table that can't be counted without the app's own extensions is left out.
    pub tables: BTreeMap<String, u64>,
    /// What a check noticed about its content. Empty where nothing was checked.
    pub concerns: Concerns,
}

impl Facts {
    /// The size of the database in bytes.
    #[must_use]
    pub fn plain_bytes(&self) -> u64 {
        u64::from(self.page_size) * u64::from(self.page_count)
    }
}

/// Reads the facts of a database; within a transaction they belong together.
///
/// # Errors
/// Whatever SQLite says.
pub fn facts(conn: &Connection) -> rusqlite::Result<Facts> {
    let (tables, uncounted) = count_rows(conn)?;
    let mut facts = bare_facts(conn)?;
    facts.schema_hash = schema_hash(conn)?;
    facts.tables = tables;
    facts.concerns.unchecked = uncounted;
    Ok(facts)
}

/// The facts of a database together with what its check noticed, or the damage that the check found.
///
/// # Errors
/// Whatever SQLite says, and an interruption.
pub fn checked_facts(
    conn: &Connection,
    plain_bytes: u64,
) -> rusqlite::Result<Result<Facts, Vec<String>>> {
    let Integrity { damage, concerns } = integrity::check(conn, plain_bytes)?;
    if !damage.is_empty() {
        return Ok(Err(damage));
    }
    let mut facts = facts(conn)?;
    facts.concerns.content_findings = concerns.content_findings;
    // What the check could not do comes before what could not be counted.
    let uncounted = std::mem::replace(&mut facts.concerns.unchecked, concerns.unchecked);
    facts.concerns.unchecked.extend(uncounted);
    Ok(Ok(facts))
}

/// The facts that cost one page, without schema and rows.
///
/// # Errors
/// The database can't be read.
pub fn bare_facts(conn: &Connection) -> rusqlite::Result<Facts> {
    fn pragma<T: rusqlite::types::FromSql>(conn: &Connection, name: &str) -> rusqlite::Result<T> {
        conn.query_row(&format!("PRAGMA main.{name}"), [], |row| row.get(0))
    }
    Ok(Facts {
        page_size: pragma(conn, "page_size")?,
        page_count: pragma(conn, "page_count")?,
        user_version: pragma(conn, "user_version")?,
        journal_mode: pragma(conn, "journal_mode")?,
        schema_hash: String::new(),
        tables: BTreeMap::new(),
        concerns: Concerns::default(),
    })
}

/// A hash of the schema alone: the same for two databases whose tables, indexes, views and triggers were
/// made by the same statements. SHA-256 in hexadecimal.
///
/// # Errors
/// Whatever SQLite says.
pub fn schema_hash(conn: &Connection) -> rusqlite::Result<String> {
    let mut statement = conn.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema
         WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name, tbl_name",
    )?;
    let mut rows = statement.query([])?;
    let mut hash = Sha256::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            let text = row.get_ref(column)?.as_bytes()?;
            // Each field with its length, so that no two schemas can run together into the same bytes.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// The rows of each table, and what could not be counted.
fn count_rows(conn: &Connection) -> rusqlite::Result<(BTreeMap<String, u64>, Vec<String>)> {
    let (mut tables, mut uncounted) = (BTreeMap::new(), Vec::new());
    for table in ordinary_tables(conn)? {
        let table = match table {
            TableName::Text(table) => table,
            TableName::Bytes(shown) => {
                uncounted.push(format!(
                    "{shown}: its name is not UTF-8, and its rows were not counted"
                ));
                continue;
            }
        };
        // Without an index: one with the app's own collation can't be opened here.
        let sql = format!("SELECT count(*) FROM main.{} NOT INDEXED", quoted(&table));
        match conn.query_row(&sql, [], |row| row.get::<_, i64>(0)) {
            Ok(rows) => {
                tables.insert(table, rows.unsigned_abs());
            }
            Err(e) if lacks_something(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok((tables, uncounted))
}
