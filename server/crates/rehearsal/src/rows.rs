//! The rows of both databases: counts, checksums in no order, and where those differ, which rows are gone and which values
//! changed. Everything is streamed; SQLite's sorting goes to temporary files.

mod hash;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::schema::{Database, Table, is_bookkeeping};
use crate::source::{Source, SourceError, calm};
use crate::sql::{list, quoted};

pub use hash::{Sum, hash};

/// A connection to both databases, under the names `old` and `new`.
#[derive(Debug)]
pub struct Both {
    /// The connection.
    pub conn: Connection,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Before the migration.
    Old,
    /// After it.
    New,
}

impl Side {
    /// The name that it is attached under.
    pub fn name(self) -> &'static str {
        match self {
            Side::Old => "old",
            Side::New => "new",
        }
    }
}

/// How many rows, and their checksum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measure {
    /// How many.
    pub rows: u64,
    /// The sum of a hash per row.
    pub sum: Sum,
}

impl Both {
    /// Attaches both.
    ///
    /// # Errors
    /// One of them can't be read.
    pub fn open(before: &Source, after: &Source) -> Result<Both, SourceError> {
        let conn = Connection::open("").map_err(|e| before.error(e))?;
        calm(&conn).map_err(|e| before.error(e))?;
        before.attach(&conn, Side::Old.name())?;
        after.attach(&conn, Side::New.name())?;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let define = || {
            conn.create_scalar_function("row_hash", -1, flags, |row| {
                let values = (0..row.len()).map(|at| row.get_raw(at));
                Ok(hash(values).to_vec())
            })?;
            conn.create_scalar_function("is_same", 2, flags, |row| {
                Ok(hash([row.get_raw(0)]) == hash([row.get_raw(1)]))
            })
        };
        define().map_err(|e| before.error(e))?;
        Ok(Both { conn })
    }

    /// Counts rows and adds up their hashes.
    ///
    /// # Errors
    /// SQLite can't read the table.
    pub fn measure(&self, side: Side, table: &str, columns: &[&str]) -> rusqlite::Result<Measure> {
        measure(&self.conn, side.name(), table, columns)
    }

    fn count(&self, sql: &str) -> rusqlite::Result<u64> {
        self.conn.query_row(sql, [], count_of)
    }
}

/// Counts the rows of a table of any connection, and adds up the hashes of some columns.
///
/// # Errors
/// SQLite can't read the table.
pub fn measure(
    conn: &Connection,
    schema: &str,
    table: &str,
    columns: &[&str],
) -> rusqlite::Result<Measure> {
    let mut found = Measure::default();
    if columns.is_empty() {
        let sql = format!("SELECT count(*) FROM {schema}.{}", quoted(table));
        found.rows = conn.query_row(&sql, [], count_of)?;
        return Ok(found);
    }
    let sql = format!(
        "SELECT {} FROM {schema}.{}",
        list(columns.iter().copied()),
        quoted(table)
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values: Vec<ValueRef<'_>> = (0..columns.len())
            .map(|at| row.get_ref(at))
            .collect::<Result<_, _>>()?;
        found.rows += 1;
        found.sum.add(hash(values));
    }
    Ok(found)
}

fn count_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, i64>(0).map(i64::unsigned_abs)
}

/// What became of the rows of the tables that are still there.
#[derive(Debug, Default)]
pub struct Compared {
    /// The findings.
    pub found: Vec<Draft>,
    /// How many rows there were.
    pub rows: u64,
    /// Tables in lower case whose old rows are not what they were, or that could not be read.
    pub differing: Vec<String>,
}

/// Compares the rows of every old table. `renamed` gives a table's name after, where that changed.
pub fn compare(
    both: &Both,
    before: &Database,
    after: &Database,
    renamed: &dyn Fn(&str) -> Option<String>,
) -> Compared {
    let mut done = Compared::default();
    for (name, old) in &before.tables {
        let target = renamed(name).unwrap_or_else(|| name.clone());
        let Some(new) = after.tables.get(&target) else {
            done.rows += both
                .measure(Side::Old, &old.name, &[])
                .map_or(0, |measure| measure.rows);
            continue;
        };
        if old.unreadable.is_some() || new.unreadable.is_some() {
            continue;
        }
        let pair = Pair { both, old, new };
        let start = done.found.len();
        if let Err(e) = pair.compare(&mut done) {
            let text = format!("The rows of {} could not be compared: {e}.", old.name);
            done.found
                .push(Draft::new(Kind::NotJudged, Severity::Warn, &old.name, text));
        }
        if done.found[start..]
            .iter()
            .any(|draft| draft.severity > Severity::Note)
        {
            done.differing.push(name.clone());
        }
    }
    done
}

struct Pair<'a> {
    both: &'a Both,
    old: &'a Table,
    new: &'a Table,
}

impl Pair<'_> {
    fn compare(&self, done: &mut Compared) -> rusqlite::Result<()> {
        if is_bookkeeping(&self.old.name) || self.is_contentless() {
            done.rows += self.both.measure(Side::Old, &self.old.name, &[])?.rows;
            return Ok(());
        }
        let columns: Vec<&str> = self
            .old
            .columns
            .iter()
            .filter(|column| self.new.column(&column.name).is_some())
            .map(|column| column.name.as_str())
            .collect();
        let was = self.both.measure(Side::Old, &self.old.name, &columns)?;
        done.rows += was.rows;
        let is = self.both.measure(Side::New, &self.new.name, &columns)?;
        if was == is {
            return Ok(());
        }
        match self.key() {
            Some(key) => self.by_key(&key, &columns, was, is, done),
            None => self.by_content(&columns, was, is, done),
        }
    }

    /// A full-text table without content of its own: its rows are other tables' rows, or can't be read.
    fn is_contentless(&self) -> bool {
        self.old.module.as_ref().is_some_and(|(_, arguments)| {
            arguments
                .iter()
                .any(|words| words.first().is_some_and(|word| word == "content"))
        })
    }

    /// What tells a row on both sides: the primary key, or the rowid where nothing else does.
    fn key(&self) -> Option<Vec<String>> {
        let is_plain = |name: &String| {
            self.new
                .column(name)
                .is_some_and(|column| is_known(&column.collation))
        };
        if !self.old.primary.is_empty() {
            let is_kept = self.old.primary.iter().all(is_plain);
            return is_kept.then(|| self.old.primary.clone());
        }
        if !self.old.is_plain() && !self.new.without_rowid {
            return self.old.rowid().map(|name| vec![name.to_owned()]);
        }
        None
    }

    fn by_key(
        &self,
        key: &[String],
        columns: &[&str],
        was: Measure,
        is: Measure,
        done: &mut Compared,
    ) -> rusqlite::Result<()> {
        let (old, new) = (quoted(&self.old.name), quoted(&self.new.name));
        let name = |column: &str| {
            if self.old.column(column).is_some() {
                quoted(column)
            } else {
                column.to_owned()
            }
        };
        let on: Vec<String> = key
            .iter()
            .map(|column| format!("n.{0} IS o.{0}", name(column)))
            .collect();
        let on = on.join(" AND ");
        let shown = format!("o.{}", name(&key[0]));
        let gone =
            format!("FROM old.{old} o WHERE NOT EXISTS (SELECT 1 FROM new.{new} n WHERE {on})");
        let lost = self.both.count(&format!("SELECT count(*) {gone}"))?;
        if lost > 0 {
            let example = self.example(&format!("SELECT {shown} {gone} LIMIT 1"))?;
            self.lost(
                lost,
                was,
                is,
                &format!(", for example {} = {example}", key[0]),
                done,
            );
        }
        let mut changed = 0;
        for column in columns {
            let column_name = quoted(column);
            let differ = format!(
                "FROM old.{old} o JOIN new.{new} n ON {on} WHERE NOT is_same(o.{column_name}, n.{column_name})"
            );
            let count = self.both.count(&format!("SELECT count(*) {differ}"))?;
            if count == 0 {
                continue;
            }
            changed += count;
            let example = format!(
                "SELECT 'where {} is ' || quote({shown}) || ', ' || substr(quote(o.{column_name}), 1, 60) || ' became ' || substr(quote(n.{column_name}), 1, 60) {differ} LIMIT 1",
                key[0]
            );
            let example: String = self.both.conn.query_row(&example, [], |row| row.get(0))?;
            let text = format!(
                "{} of {}.{column} changed: {example}.",
                counted(count, "value"),
                self.old.name
            );
            done.found.push(
                Draft::new(
                    Kind::ValuesChanged,
                    Severity::Breaking,
                    &self.old.name,
                    text,
                )
                .of_column(column),
            );
        }
        if lost == 0 && changed == 0 {
            self.added(was, is, done);
        }
        Ok(())
    }

    fn by_content(
        &self,
        columns: &[&str],
        was: Measure,
        is: Measure,
        done: &mut Compared,
    ) -> rusqlite::Result<()> {
        let hash = format!("row_hash({})", list(columns.iter().copied()));
        let gone: u64 = self.both.count(&format!(
            "SELECT coalesce(sum(n), 0) FROM (SELECT sum(d) AS n FROM (
               SELECT {hash} AS h, 1 AS d FROM old.{} UNION ALL SELECT {hash}, -1 FROM new.{}) GROUP BY h) WHERE n > 0",
            quoted(&self.old.name),
            quoted(&self.new.name)
        ))?;
        if gone == 0 {
            self.added(was, is, done);
        } else if is.rows < was.rows {
            self.lost(gone, was, is, "", done);
        } else {
            let text = format!(
                "{} of {} are not what they were, or are gone.",
                counted(gone, "row"),
                self.old.name
            );
            done.found.push(Draft::new(
                Kind::ValuesChanged,
                Severity::Breaking,
                &self.old.name,
                text,
            ));
        }
        Ok(())
    }

    fn lost(&self, lost: u64, was: Measure, is: Measure, example: &str, done: &mut Compared) {
        let text = format!(
            "{} of {} {} gone{example}: there were {}, and there are {}.",
            counted(lost, "row"),
            self.old.name,
            if lost == 1 { "is" } else { "are" },
            was.rows,
            is.rows
        );
        done.found.push(Draft::new(
            Kind::RowsLost,
            Severity::Breaking,
            &self.old.name,
            text,
        ));
    }

    fn added(&self, was: Measure, is: Measure, done: &mut Compared) {
        let more = is.rows.saturating_sub(was.rows);
        if more > 0 {
            let text = format!("{} has {} more.", self.old.name, counted(more, "row"));
            done.found.push(Draft::new(
                Kind::RowsAdded,
                Severity::Note,
                &self.old.name,
                text,
            ));
        }
    }

    fn example(&self, sql: &str) -> rusqlite::Result<String> {
        let shown = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
            Ok(match row.get_ref(0)? {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(n) => n.to_string(),
                ValueRef::Real(n) => n.to_string(),
                ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                ValueRef::Blob(_) => "a blob".to_owned(),
            })
        };
        Ok(self
            .both
            .conn
            .query_row(sql, [], shown)
            .optional()?
            .unwrap_or_default())
    }
}

/// Whether SQLite itself has this collation.
pub fn is_known(collation: &str) -> bool {
    matches!(collation, "binary" | "nocase" | "rtrim")
}

/// `1 row`, `2 rows`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
