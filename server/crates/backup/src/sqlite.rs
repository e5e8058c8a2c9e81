//! What several modules need of SQLite: its error codes, the tables of a schema, and how it names its files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

/// A table's name. SQLite takes any bytes for one; statements, which are text here, can name only what is UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableName {
    /// As it stands in the schema.
    Text(String),
    /// It is not UTF-8: what of it can be shown.
    Bytes(String),
}

/// The ordinary tables, in the order of their names: no virtual ones and none of their shadows.
pub(crate) fn ordinary_tables(conn: &Connection) -> rusqlite::Result<Vec<TableName>> {
    tables_of_type(conn, "table")
}

/// The tables of one type: `table`, `virtual` or `shadow` (sqlite.org/pragma.html#pragma_table_list).
pub(crate) fn tables_of_type(conn: &Connection, kind: &str) -> rusqlite::Result<Vec<TableName>> {
    let mut statement = conn.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = ?1
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement.query_map([kind], |row| {
        let name = row.get_ref(0)?.as_bytes()?;
        Ok(match std::str::from_utf8(name) {
            Ok(text) => TableName::Text(text.to_owned()),
            Err(_) => TableName::Bytes(String::from_utf8_lossy(name).into_owned()),
        })
    })?;
    names.collect()
}

/// SQLite's primary code of an error, whether it came of running a statement or of preparing one.
pub(crate) fn error_code(e: &rusqlite::Error) -> Option<ErrorCode> {
    match e {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.code)
        }
        _ => None,
    }
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The path with an ending appended, as SQLite names the files beside a database.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Whether SQLite lacks something that the app registers for itself: SQLITE_ERROR, as in "no such collation sequence".
pub(crate) fn lacks_something(e: &rusqlite::Error) -> bool {
    error_code(e) == Some(ErrorCode::Unknown)
}
