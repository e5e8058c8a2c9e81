//! Reads a schema with SQLite's pragmas, and from its statements what the pragmas don't tell.

use std::collections::BTreeMap;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use super::{
    Affinity, Column, Database, ForeignKey, Key, Object, Statement, Table, Term, Trigger, View,
    default,
};
use crate::sql::table::{Expression, TableText, read_body, read_index, read_module, read_table};
use crate::sql::{folded, quoted};

/// Reads the schema of a database.
///
/// # Errors
/// SQLite can't read the schema itself. A view, a trigger or a module that does not work is data.
pub fn read(conn: &Connection) -> rusqlite::Result<Database> {
    let mut found = Database {
        tables: BTreeMap::new(),
        views: BTreeMap::new(),
        triggers: BTreeMap::new(),
        statements: statements(conn)?,
        sequences: sequences(conn)?,
    };
    let scratch = Connection::open_in_memory()?;
    let mut list =
        conn.prepare("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")?;
    let rows = list.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get(2)?,
            row.get(3)?,
        ))
    })?;
    for row in rows {
        let (name, kind, without_rowid, strict) = row?;
        let key = folded(&name);
        if key.starts_with("sqlite_") {
            continue;
        }
        match kind.as_str() {
            "view" => {
                let body = read_body(text_of(&found.statements, Object::View, &key), &name);
                found.views.insert(key, view(conn, name, body)?);
            }
            "shadow" => {}
            _ => {
                let sql = text_of(&found.statements, Object::Table, &key);
                let reader = Reader {
                    conn,
                    scratch: &scratch,
                    statements: &found.statements,
                    name: &name,
                };
                let table = reader.read(sql, kind == "virtual", without_rowid, strict)?;
                found.tables.insert(key, table);
            }
        }
    }
    for statement in found
        .statements
        .iter()
        .filter(|made| made.object == Object::Trigger)
    {
        let trigger = Trigger {
            name: statement.name.clone(),
            table: statement.table.clone(),
            body: read_body(&statement.sql, &statement.name),
        };
        found.triggers.insert(statement.name.clone(), trigger);
    }
    remove_foreign_shadows(&mut found);
    resolve_parents(&mut found);
    Ok(found)
}

fn text_of<'a>(statements: &'a [Statement], object: Object, name: &str) -> &'a str {
    let made = statements
        .iter()
        .find(|made| made.object == object && made.name == name);
    made.map_or("", |made| &made.sql)
}

fn statements(conn: &Connection) -> rusqlite::Result<Vec<Statement>> {
    let mut all = conn.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid",
    )?;
    let rows = all.query_map([], |row| {
        let kind: String = row.get(0)?;
        Ok(Statement {
            object: match kind.as_str() {
                "table" => Object::Table,
                "index" => Object::Index,
                "view" => Object::View,
                _ => Object::Trigger,
            },
            name: folded(&row.get::<_, String>(1)?),
            table: folded(&row.get::<_, String>(2)?),
            sql: row.get(3)?,
        })
    })?;
    let mut found: Vec<Statement> = rows.collect::<Result<_, _>>()?;
    found.retain(|made| !made.name.starts_with("sqlite_"));
    found.sort_by_key(|made| made.object);
    Ok(found)
}

fn sequences(conn: &Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let exists = conn
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'",
            [],
            |_| Ok(()),
        )
        .optional()?;
    if exists.is_none() {
        return Ok(BTreeMap::new());
    }
    let mut all = conn.prepare("SELECT name, CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name IS NOT NULL AND seq IS NOT NULL")?;
    let rows = all.query_map([], |row| {
        Ok((folded(&row.get::<_, String>(0)?), row.get(1)?))
    })?;
    rows.collect()
}

/// What a view gives, judged without SQLite's habit of reading `"no_such_column"` as a string, where it compiles so.
fn view(conn: &Connection, name: String, body: Vec<String>) -> rusqlite::Result<View> {
    let sql = format!("SELECT * FROM {} LIMIT 0", quoted(&name));
    let columns = || -> rusqlite::Result<Vec<String>> {
        let statement = conn.prepare(&sql)?;
        Ok(statement.column_names().map(str::to_owned).collect())
    };
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    let strictly = columns();
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
    let needs_string_names = strictly.is_err();
    let columns = strictly.or_else(|_| columns()).map_err(|e| e.to_string());
    Ok(View {
        name,
        needs_string_names: needs_string_names && columns.is_ok(),
        columns,
        body,
    })
}

struct Reader<'a> {
    conn: &'a Connection,
    scratch: &'a Connection,
    statements: &'a [Statement],
    name: &'a str,
}

impl Reader<'_> {
    fn read(
        &self,
        sql: &str,
        is_virtual: bool,
        without_rowid: bool,
        strict: bool,
    ) -> rusqlite::Result<Table> {
        let module = is_virtual.then(|| read_module(sql));
        let text = match module {
            Some(_) => TableText::default(),
            None => read_table(sql, self.name),
        };
        let columns = self.columns(&text, strict, is_virtual);
        let (columns, primary, unreadable) = match columns {
            Ok((columns, primary)) => (columns, primary, None),
            Err(e) => (Vec::new(), Vec::new(), Some(e.to_string())),
        };
        let mut table = Table {
            name: self.name.to_owned(),
            columns,
            primary,
            alias: None,
            autoincrement: false,
            strict,
            without_rowid,
            keys: Vec::new(),
            indexes: Vec::new(),
            foreign: Vec::new(),
            checks: text.checks.clone(),
            conflicts: text.conflicts.clone(),
            module,
            unreadable,
        };
        if table.is_plain() {
            self.add_keys(&mut table)?;
            self.add_alias(&mut table)?;
            self.add_foreign(&mut table, &text)?;
        }
        Ok(table)
    }

    fn columns(
        &self,
        text: &TableText,
        strict: bool,
        is_virtual: bool,
    ) -> rusqlite::Result<(Vec<Column>, Vec<String>)> {
        let mut info = self.conn.prepare(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main')",
        )?;
        let mut rows = info.query([self.name])?;
        let (mut columns, mut primary) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let (name, declared): (String, String) = (row.get(0)?, row.get(1)?);
            let (position, hidden): (i64, i64) = (row.get(4)?, row.get(5)?);
            if hidden == 1 {
                continue;
            }
            let key = folded(&name);
            // GENERATED ALWAYS stands in what the pragma gives as the type.
            let declared = declared
                .to_ascii_uppercase()
                .replace("GENERATED ALWAYS", "")
                .trim()
                .to_owned();
            let affinity = if is_virtual {
                Affinity::Blob
            } else {
                Affinity::of(&declared, strict)
            };
            let default: Option<String> = row.get(3)?;
            let metadata = self
                .conn
                .column_metadata(Some("main"), self.name, name.as_str())?;
            let collation = metadata.1.map_or("binary".into(), |name| {
                name.to_string_lossy().to_ascii_lowercase()
            });
            if position > 0 {
                primary.push((position, key.clone()));
            }
            columns.push(Column {
                default: default::read(self.scratch, default.as_deref(), affinity),
                generated: (hidden >= 2)
                    .then(|| text.generated.get(&key).cloned().unwrap_or_default()),
                name,
                folded: key,
                declared,
                affinity,
                not_null: row.get(2)?,
                collation,
            });
        }
        primary.sort();
        Ok((columns, primary.into_iter().map(|(_, name)| name).collect()))
    }

    fn add_keys(&self, table: &mut Table) -> rusqlite::Result<()> {
        let mut list = self
            .conn
            .prepare("SELECT name, \"unique\", origin FROM pragma_index_list(?1, 'main')")?;
        let rows = list.query_map([self.name], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, bool>(1)?,
                row.get::<_, String>(2)?,
            ))
        })?;
        for row in rows {
            let (name, is_unique, origin) = row?;
            let sql = text_of(self.statements, Object::Index, &folded(&name));
            let (texts, condition) = match sql {
                "" => (Vec::new(), None),
                sql => read_index(sql, self.name),
            };
            let key = Key {
                terms: self.terms(&name, &texts)?,
                name: Some(name),
                is_primary: origin == "pk",
                condition,
            };
            if is_unique {
                table.keys.push(key);
            } else {
                table.indexes.push(key);
            }
        }
        Ok(())
    }

    fn terms(&self, index: &str, texts: &[Expression]) -> rusqlite::Result<Vec<Term>> {
        let mut info = self
            .conn
            .prepare("SELECT seqno, name, coll FROM pragma_index_xinfo(?1, 'main') WHERE key = 1 ORDER BY seqno")?;
        let rows = info.query_map([index], |row| {
            let (at, column): (u32, Option<String>) = (row.get(0)?, row.get(1)?);
            let collation: Option<String> = row.get(2)?;
            let is_column = column.is_some();
            let expression = match column {
                Some(column) => Expression {
                    words: vec![folded(&column)],
                    text: quoted(&column),
                },
                None => texts.get(at as usize).cloned().unwrap_or(Expression {
                    words: Vec::new(),
                    text: String::new(),
                }),
            };
            Ok(Term {
                expression,
                is_column,
                collation: collation.unwrap_or_default().to_ascii_lowercase(),
            })
        })?;
        rows.collect()
    }

    /// The rowid under another name is a key too.
    fn add_alias(&self, table: &mut Table) -> rusqlite::Result<()> {
        let [only] = table.primary.as_slice() else {
            return Ok(());
        };
        let Some(at) = table
            .columns
            .iter()
            .position(|column| &column.folded == only)
        else {
            return Ok(());
        };
        let is_indexed = table.keys.iter().any(|key| key.is_primary);
        if table.without_rowid || is_indexed {
            return Ok(());
        }
        let column = &mut table.columns[at];
        column.not_null = true;
        let metadata = self
            .conn
            .column_metadata(Some("main"), self.name, column.name.as_str())?;
        table.autoincrement = metadata.4;
        table.alias = Some(column.folded.clone());
        table.keys.push(Key {
            name: None,
            is_primary: true,
            terms: vec![Term {
                expression: Expression {
                    words: vec![column.folded.clone()],
                    text: quoted(&column.name),
                },
                is_column: true,
                collation: "binary".to_owned(),
            }],
            condition: None,
        });
        Ok(())
    }

    fn add_foreign(&self, table: &mut Table, text: &TableText) -> rusqlite::Result<()> {
        let mut list = self.conn.prepare(
            "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
        )?;
        let mut rows = list.query([self.name])?;
        let mut found: BTreeMap<i64, ForeignKey> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let parent = folded(&row.get::<_, String>(1)?);
            let key = found.entry(row.get(0)?).or_insert(ForeignKey {
                from: Vec::new(),
                parent,
                to: Vec::new(),
                on_update: row.get(4)?,
                on_delete: row.get(5)?,
                is_deferred: false,
            });
            key.from.push(folded(&row.get::<_, String>(2)?));
            if let Some(to) = row.get::<_, Option<String>>(3)? {
                key.to.push(folded(&to));
            }
        }
        table.foreign = found
            .into_values()
            .map(|mut key| {
                key.is_deferred = text
                    .deferred
                    .contains(&(key.from.clone(), key.parent.clone()));
                key
            })
            .collect();
        table.foreign.sort();
        table.foreign.dedup();
        Ok(())
    }
}

/// `REFERENCES parent` means its primary key.
fn resolve_parents(found: &mut Database) {
    let primaries: BTreeMap<String, Vec<String>> = found
        .tables
        .iter()
        .map(|(name, table)| (name.clone(), table.primary.clone()))
        .collect();
    for table in found.tables.values_mut() {
        for key in &mut table.foreign {
            if key.to.is_empty()
                && let Some(primary) = primaries.get(&key.parent)
            {
                key.to.clone_from(primary);
            }
        }
    }
}

/// SQLite knows the shadow tables of its own modules only.
fn remove_foreign_shadows(found: &mut Database) {
    let unknown: Vec<String> = found
        .tables
        .iter()
        .filter(|(_, table)| table.unreadable.is_some() && table.module.is_some())
        .map(|(name, _)| format!("{name}_"))
        .collect();
    found
        .tables
        .retain(|name, _| !unknown.iter().any(|start| name.starts_with(start)));
}
