//! A few rows of every old table, the same on both sides, with the rows that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::probe::Schemas;
use crate::rows::{Both, Side};
use crate::schema::{Database, Table, is_bookkeeping};
use crate::sql::{list, quoted};

/// How many rows of a table are picked at each end, and between.
const ROWS: usize = 4;
/// How many rows of one table there are at most, with those that others refer to.
const MAX_ROWS: usize = 60;
/// Larger rows are left out.
const MAX_ROW_BYTES: usize = 256 * 1024;

/// A row: its rowid, where there is one, and its stored columns in the table's order.
#[derive(Debug, Clone)]
pub struct Row {
    /// The rowid.
    pub rowid: Option<i64>,
    /// The stored columns.
    pub values: Vec<Value>,
}

/// The rows by side and table in lower case.
#[derive(Debug, Default)]
pub struct Samples {
    rows: BTreeMap<(Side, String), Vec<Row>>,
    known: BTreeSet<(Side, String, String)>,
}

impl Samples {
    /// The rows of a table.
    pub fn of(&self, side: Side, table: &str) -> &[Row] {
        self.rows
            .get(&(side, table.to_owned()))
            .map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, side: Side, table: &str, row: Row) -> bool {
        let identity = format!("{:?}", (&row.rowid, &row.values));
        if self.of(side, table).len() >= MAX_ROWS
            || !self.known.insert((side, table.to_owned(), identity))
        {
            return false;
        }
        self.rows
            .entry((side, table.to_owned()))
            .or_default()
            .push(row);
        true
    }
}

/// Picks the rows.
///
/// # Errors
/// A table can't be read.
pub fn take(both: &Both, schemas: Schemas<'_>) -> rusqlite::Result<Samples> {
    let picker = Picker { both, schemas };
    let mut samples = Samples::default();
    for (name, table) in &schemas.before.tables {
        if is_bookkeeping(name) || !is_readable(table) {
            continue;
        }
        for row in picker.ends(Side::Old, table)? {
            picker.add_pair(name, table, row, &mut samples)?;
        }
    }
    for (name, table) in &schemas.after.tables {
        if !schemas.before.tables.contains_key(name) && is_readable(table) {
            for row in picker.ends(Side::New, table)? {
                samples.add(Side::New, name, row);
            }
        }
    }
    picker.add_parents(&mut samples)?;
    Ok(samples)
}

/// Whether a table has rows of its own that can be read back.
pub fn is_readable(table: &Table) -> bool {
    let has_content_elsewhere = table.module.as_ref().is_some_and(|(_, arguments)| {
        arguments
            .iter()
            .any(|words| words.first().is_some_and(|word| word == "content"))
    });
    table.unreadable.is_none() && !has_content_elsewhere && !table.columns.is_empty()
}

struct Picker<'a> {
    both: &'a Both,
    schemas: Schemas<'a>,
}

impl Picker<'_> {
    fn schema(&self, side: Side) -> &Database {
        match side {
            Side::Old => self.schemas.before,
            Side::New => self.schemas.after,
        }
    }

    /// The first rows, the last ones, and some between.
    fn ends(&self, side: Side, table: &Table) -> rusqlite::Result<Vec<Row>> {
        let order = match (table.rowid(), table.primary.as_slice()) {
            (Some(rowid), _) => rowid.to_owned(),
            (None, key) => list(key.iter().map(String::as_str)),
        };
        let descending = order
            .split(", ")
            .map(|term| format!("{term} DESC"))
            .collect::<Vec<_>>()
            .join(", ");
        let mut rows = self.select(side, table, &format!("ORDER BY {order} LIMIT {ROWS}"), &[])?;
        rows.extend(self.select(
            side,
            table,
            &format!("ORDER BY {descending} LIMIT {ROWS}"),
            &[],
        )?);
        if let (Some(first), Some(last), Some(rowid)) =
            (rows.first(), rows.get(ROWS), table.rowid())
        {
            let (first, last) = (first.rowid.unwrap_or(0), last.rowid.unwrap_or(0));
            let step = last.saturating_sub(first) / (ROWS as i64 + 1);
            for at in 1..=ROWS as i64 {
                let from = Value::Integer(first.saturating_add(step.saturating_mul(at)));
                rows.extend(self.select(
                    side,
                    table,
                    &format!("WHERE {rowid} >= ? ORDER BY {rowid} LIMIT 1"),
                    &[from],
                )?);
            }
        }
        Ok(rows)
    }

    fn select(
        &self,
        side: Side,
        table: &Table,
        rest: &str,
        values: &[Value],
    ) -> rusqlite::Result<Vec<Row>> {
        let columns = list(table.stored().map(|column| column.name.as_str()));
        let rowid = table.rowid().unwrap_or("NULL");
        let sql = format!(
            "SELECT {rowid}, {columns} FROM {}.{} {rest}",
            side.name(),
            quoted(&table.name)
        );
        let mut statement = self.both.conn.prepare_cached(&sql)?;
        let count = table.stored().count();
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values: Vec<Value> = (1..=count)
                .map(|at| row.get(at))
                .collect::<Result<_, _>>()?;
            let bytes: usize = values.iter().map(size).sum();
            if bytes <= MAX_ROW_BYTES {
                found.push(Row {
                    rowid: row.get(0)?,
                    values,
                });
            }
        }
        Ok(found)
    }

    /// Adds a row before and the same row after; neither, if it is not there any more.
    fn add_pair(
        &self,
        name: &str,
        table: &Table,
        row: Row,
        samples: &mut Samples,
    ) -> rusqlite::Result<bool> {
        let Some(new) = self.schemas.after.tables.get(name) else {
            return Ok(samples.add(Side::Old, name, row));
        };
        if !is_readable(new) {
            return Ok(samples.add(Side::Old, name, row));
        }
        let Some(partner) = self.partner(table, new, &row)? else {
            return Ok(false);
        };
        let is_added = samples.add(Side::Old, name, row);
        if is_added {
            samples.add(Side::New, name, partner);
        }
        Ok(is_added)
    }

    fn partner(&self, old: &Table, new: &Table, row: &Row) -> rusqlite::Result<Option<Row>> {
        let value = |name: &str| {
            let at = old.stored().position(|column| column.folded == name)?;
            row.values.get(at).cloned()
        };
        if !old.primary.is_empty() && old.primary.iter().all(|name| new.column(name).is_some()) {
            let values: Option<Vec<Value>> = old.primary.iter().map(|name| value(name)).collect();
            let condition: Vec<String> = old
                .primary
                .iter()
                .map(|name| format!("{} IS ?", quoted(name)))
                .collect();
            if let Some(values) = values {
                let rest = format!("WHERE {} LIMIT 1", condition.join(" AND "));
                return Ok(self.select(Side::New, new, &rest, &values)?.pop());
            }
        }
        let shared: Vec<&str> = old
            .stored()
            .filter(|column| new.stored().any(|other| other.folded == column.folded))
            .map(|column| column.folded.as_str())
            .collect();
        let is_same = |found: &Row| {
            shared.iter().all(|name| {
                let at = new.stored().position(|column| column.folded == *name);
                at.and_then(|at| found.values.get(at)) == value(name).as_ref()
            })
        };
        if let (Some(rowid), Some(n)) = (new.rowid(), row.rowid) {
            let found = self
                .select(
                    Side::New,
                    new,
                    &format!("WHERE {rowid} = ?"),
                    &[Value::Integer(n)],
                )?
                .pop();
            if found.as_ref().is_some_and(is_same) {
                return Ok(found);
            }
        }
        let condition: Vec<String> = shared
            .iter()
            .map(|name| format!("{} IS ?", quoted(name)))
            .collect();
        let values: Vec<Value> = shared.iter().filter_map(|name| value(name)).collect();
        let rest = format!("WHERE {} LIMIT 1", condition.join(" AND "));
        Ok(self.select(Side::New, new, &rest, &values)?.pop())
    }

    /// Until every sampled row's parents are there too.
    fn add_parents(&self, samples: &mut Samples) -> rusqlite::Result<()> {
        let mut done: BTreeMap<(Side, String), usize> = BTreeMap::new();
        loop {
            let mut is_done = true;
            for side in [Side::Old, Side::New] {
                for (name, table) in &self.schema(side).tables {
                    let seen = done.entry((side, name.clone())).or_insert(0);
                    let rows: Vec<Row> = samples.of(side, name)[*seen..].to_vec();
                    *seen += rows.len();
                    for row in rows {
                        is_done &= !self.add_parents_of(side, table, &row, samples)?;
                    }
                }
            }
            if is_done {
                return Ok(());
            }
        }
    }

    fn add_parents_of(
        &self,
        side: Side,
        table: &Table,
        row: &Row,
        samples: &mut Samples,
    ) -> rusqlite::Result<bool> {
        let mut has_added = false;
        for key in &table.foreign {
            let Some(parent) = self.schema(side).tables.get(&key.parent) else {
                continue;
            };
            let value = |name: &String| {
                let at = table.stored().position(|column| column.folded == *name)?;
                row.values
                    .get(at)
                    .filter(|value| **value != Value::Null)
                    .cloned()
            };
            let values: Option<Vec<Value>> = key.from.iter().map(value).collect();
            let is_whole = key.to.iter().all(|name| parent.column(name).is_some())
                && key.to.len() == key.from.len();
            let (Some(values), true) = (values, is_whole) else {
                continue;
            };
            let condition: Vec<String> = key
                .to
                .iter()
                .map(|name| format!("{} = ?", quoted(name)))
                .collect();
            let rest = format!("WHERE {} LIMIT 1", condition.join(" AND "));
            let Some(found) = self.select(side, parent, &rest, &values)?.pop() else {
                continue;
            };
            has_added |= match (side, self.schemas.before.tables.get(&key.parent)) {
                (Side::Old, _) => self.add_pair(&key.parent, parent, found, samples)?,
                (Side::New, Some(old)) => {
                    let condition: Vec<String> = key
                        .to
                        .iter()
                        .map(|name| format!("{} = ?", quoted(name)))
                        .collect();
                    let is_known = key.to.iter().all(|name| old.column(name).is_some());
                    let rest = format!("WHERE {} LIMIT 1", condition.join(" AND "));
                    match is_known
                        .then(|| self.select(Side::Old, old, &rest, &values))
                        .transpose()?
                        .and_then(|mut rows| rows.pop())
                    {
                        Some(row) => self.add_pair(&key.parent, old, row, samples)?,
                        None => samples.add(Side::New, &key.parent, found),
                    }
                }
                (Side::New, None) => samples.add(Side::New, &key.parent, found),
            };
        }
        Ok(has_added)
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
    }
}
