//! A database in memory with one side's schema and the sampled rows.

use std::sync::atomic::Ordering;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::frozen::{self, Chance};
use super::sample::{Row, Samples, is_readable};
use crate::rows::Side;
use crate::schema::{Database, Object, Table};
use crate::sql::{list, quoted};

/// A small copy.
#[derive(Debug)]
pub struct Copy {
    /// The database in memory.
    pub conn: Connection,
    /// What could not be made: what it is, its table in lower case, and why.
    pub unbuilt: Vec<(Object, String, String)>,
    chance: Chance,
}

impl Copy {
    /// Starts chance anew, so that the next probe meets the same on both copies.
    pub fn begin(&self) {
        self.chance.store(0, Ordering::Relaxed);
    }

    /// Switches foreign keys on or off.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn set_foreign_keys(&self, on: bool) -> rusqlite::Result<()> {
        self.conn
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, on)
            .map(drop)
    }

    /// Does something, and takes it back.
    pub fn try_out<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.begin();
        self.conn.execute_batch("SAVEPOINT probe")?;
        let done = work(&self.conn);
        // A conflict may have rolled everything back already.
        if !self.conn.is_autocommit() {
            self.conn
                .execute_batch("ROLLBACK TO probe; RELEASE probe")?;
        }
        done
    }
}

/// Builds a copy.
///
/// # Errors
/// SQLite can't make a database in memory. What of the schema can't be made is listed in the copy.
pub fn build(schema: &Database, samples: &Samples, side: Side) -> rusqlite::Result<Copy> {
    let conn = Connection::open_in_memory()?;
    conn.collation_needed(|conn, name| conn.create_collation(name, |a, b| a.cmp(b)))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    conn.execute_batch("PRAGMA ignore_check_constraints = ON")?;
    let chance = frozen::freeze(&conn)?;
    let mut copy = Copy {
        conn,
        unbuilt: Vec::new(),
        chance,
    };
    let shadows = shadow_names(schema);
    let make = |copy: &mut Copy, object: Object| {
        for statement in schema
            .statements
            .iter()
            .filter(|made| made.object == object)
        {
            let is_shadow = object == Object::Table && shadows(&statement.name);
            if is_shadow {
                continue;
            }
            if let Err(e) = copy.conn.execute_batch(&statement.sql) {
                copy.unbuilt
                    .push((object, statement.table.clone(), e.to_string()));
            }
        }
    };
    make(&mut copy, Object::Table);
    for (name, table) in &schema.tables {
        if is_readable(table) {
            for row in samples.of(side, name) {
                insert(&copy.conn, table, row).ok();
            }
        }
    }
    make(&mut copy, Object::Index);
    for table in schema
        .tables
        .values()
        .filter(|table| table.module.is_some() && !is_readable(table))
    {
        // Only those with their content in another table can be rebuilt.
        let name = quoted(&table.name);
        copy.conn
            .execute_batch(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"))
            .ok();
    }
    for table in schema.tables.values() {
        add_vocabulary(&copy.conn, table);
    }
    make(&mut copy, Object::View);
    make(&mut copy, Object::Trigger);
    copy.conn
        .execute_batch("PRAGMA ignore_check_constraints = OFF")?;
    Ok(copy)
}

/// Whether everything in the schema compiles without reading `"no_such_column"` as a string; the copy stays strict then.
///
/// # Errors
/// SQLite refuses the setting.
pub fn make_strict(copy: &Copy, schema: &Database) -> rusqlite::Result<bool> {
    let failures = || {
        let views = schema
            .views
            .values()
            .map(|view| format!("SELECT * FROM {}", quoted(&view.name)));
        let writes = schema.triggers.values().flat_map(|trigger| {
            let table = quoted(&trigger.table);
            let set = schema
                .tables
                .get(&trigger.table)
                .and_then(|table| table.stored().next());
            let update =
                set.map(|column| format!("UPDATE {table} SET {0} = {0}", quoted(&column.name)));
            [
                Some(format!("INSERT INTO {table} DEFAULT VALUES")),
                Some(format!("DELETE FROM {table}")),
                update,
            ]
            .into_iter()
            .flatten()
        });
        views
            .chain(writes)
            .filter(|sql| copy.conn.prepare(sql).is_err())
            .count()
    };
    let loosely = failures();
    copy.conn
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    let is_strict = failures() == loosely;
    copy.conn
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, !is_strict)?;
    Ok(is_strict)
}

/// The index of a full-text table as rows: with its content elsewhere, its own rows say nothing of what it finds.
fn add_vocabulary(conn: &Connection, table: &Table) {
    let (Some((module, _)), name) = (&table.module, &table.name) else {
        return;
    };
    let made = quoted(&vocabulary(&table.name));
    let sql = match module.as_str() {
        "fts5" => format!("fts5vocab('main', {}, 'instance')", quoted(name)),
        "fts3" | "fts4" => format!("fts4aux('main', {})", quoted(name)),
        _ => return,
    };
    // Without one, only the rows are compared.
    conn.execute_batch(&format!("CREATE VIRTUAL TABLE temp.{made} USING {sql}"))
        .ok();
}

/// The name of the table that shows an index.
pub fn vocabulary(table: &str) -> String {
    format!("tealkeep vocabulary of {}", table.to_ascii_lowercase())
}

/// Tables that a virtual table makes for itself: in the list of statements, but not among the tables.
fn shadow_names(schema: &Database) -> impl Fn(&str) -> bool {
    move |name: &str| !schema.tables.contains_key(name)
}

/// Inserts a sampled row under its own rowid.
pub fn insert(conn: &Connection, table: &Table, row: &Row) -> rusqlite::Result<()> {
    let mut columns = list(table.stored().map(|column| column.name.as_str()));
    let mut values = row.values.clone();
    if let (Some(rowid), Some(n), None) = (table.rowid(), row.rowid, &table.alias) {
        columns = format!("{rowid}, {columns}");
        values.insert(0, rusqlite::types::Value::Integer(n));
    }
    let marks = vec!["?"; values.len()].join(", ");
    let sql = format!(
        "INSERT INTO {}({columns}) VALUES ({marks})",
        quoted(&table.name)
    );
    conn.prepare_cached(&sql)?
        .execute(rusqlite::params_from_iter(values))
        .map(drop)
}
