//! Runs the old release's own statements on copies of both databases, and compares what they give and leave.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use tempfile::TempDir;

use crate::draft::Draft;
use crate::error::CompareError;
use crate::probes::frozen::freeze;
use crate::report::{Kind, Severity};
use crate::rows::{Measure, Sum, hash, measure};
use crate::schema::{Database, is_bookkeeping};
use crate::source::Source;
use crate::sql::{folded, split, tokens};

/// How many findings are listed; the rest is counted.
const MAX_LISTED: usize = 20;
/// How much of a statement is shown.
const MAX_SHOWN: usize = 160;

/// Runs a log. Returns how many statements worked before.
///
/// # Errors
/// A copy can't be made.
pub fn run(
    (before, was): (&Source, &Database),
    (after, is): (&Source, &Database),
    log: &str,
    found: &mut Vec<Draft>,
) -> Result<usize, CompareError> {
    let dir = tempfile::Builder::new()
        .prefix("tealkeep-compare-")
        .tempdir()
        .map_err(CompareError::Room)?;
    let (old, new) = (copy(before, &dir, "old")?, copy(after, &dir, "new")?);
    let is_incomplete = |sql: &str| {
        old.prepare(sql)
            .is_err_and(|e| e.to_string().contains("incomplete input"))
    };
    let statements = split(log, is_incomplete);
    let start = measures(was, is, &old, &new);
    let (mut counted, mut bad) = (0, 0);
    for sql in &statements {
        let shown: String = sql
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(MAX_SHOWN)
            .collect();
        let (one, other) = (
            outcome(&old, sql, None),
            outcome(&new, sql, old.prepare(sql).ok().map(|made| names(&made))),
        );
        let table = table_of(sql, was);
        let draft = match (one, other) {
            (Ok(one), Ok(other)) => {
                counted += 1;
                one.difference(&other)
                    .map(|text| (Kind::StatementDiffers, format!("{shown}: {text}.")))
            }
            (Ok(_), Err(e)) => {
                counted += 1;
                Some((Kind::StatementFailed, format!("{shown}: {e}.")))
            }
            (Err(e), Ok(_)) if is_constraint(&e) => Some((
                Kind::StatementDiffers,
                format!("{shown}: it failed before ({e}), and works now."),
            )),
            (Err(_), _) => None,
        };
        let Some((kind, text)) = draft else { continue };
        bad += 1;
        if bad <= MAX_LISTED {
            found.push(Draft::new(kind, Severity::Breaking, &table, text));
        }
    }
    if bad == 0 {
        bad += compare_ends(was, &start, &measures(was, is, &old, &new), found);
    }
    if bad == 0 && counted > 0 {
        spare_keys(&statements, found);
    }
    Ok(counted)
}

/// A copy of a whole database, in a file: it may not fit into memory.
fn copy(source: &Source, dir: &TempDir, name: &str) -> Result<Connection, CompareError> {
    let from = source.open()?;
    let make = || -> rusqlite::Result<Connection> {
        let mut conn = Connection::open(dir.path().join(name))?;
        rusqlite::backup::Backup::new(&from, &mut conn)?.run_to_completion(
            256,
            std::time::Duration::ZERO,
            None,
        )?;
        crate::source::calm(&conn)?;
        conn.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")?;
        freeze(&conn)?;
        // Nothing but the copies.
        conn.authorizer(Some(|call: AuthContext<'_>| match call.action {
            AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
            _ => Authorization::Allow,
        }))?;
        Ok(conn)
    };
    make().map_err(CompareError::Copy)
}

/// What a statement gave.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    names: Vec<String>,
    rows: u64,
    /// In any order, or, under ORDER BY, in the order that they came in.
    sum: Sum,
    changes: u64,
}

impl Given {
    fn difference(&self, other: &Given) -> Option<String> {
        let missing: Vec<&str> = self
            .names
            .iter()
            .filter(|name| !other.names.contains(name))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return Some(format!("the columns {} are gone", missing.join(", ")));
        }
        if self.rows != other.rows {
            return Some(format!(
                "it gave {} rows, and gives {} now",
                self.rows, other.rows
            ));
        }
        if self.sum != other.sum {
            return Some("it gives other rows".to_owned());
        }
        (self.changes != other.changes).then(|| {
            format!(
                "it changed {} rows, and changes {} now",
                self.changes, other.changes
            )
        })
    }
}

fn names(statement: &rusqlite::Statement<'_>) -> Vec<String> {
    statement.column_names().map(folded).collect()
}

/// Runs a statement and reads all of it; only the columns that are wanted count.
fn outcome(conn: &Connection, sql: &str, wanted: Option<Vec<String>>) -> rusqlite::Result<Given> {
    let mut statement = conn.prepare(sql)?;
    let all = names(&statement);
    let kept: Vec<usize> = match &wanted {
        Some(wanted) => wanted
            .iter()
            .filter_map(|name| all.iter().position(|other| other == name))
            .collect(),
        None => (0..all.len()).collect(),
    };
    let is_ordered = is_ordered(sql);
    let total = conn.total_changes();
    let mut given = Given {
        names: all,
        ..Given::default()
    };
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let place =
            rusqlite::types::ValueRef::Integer(if is_ordered { given.rows as i64 } else { 0 });
        let mut values = vec![place];
        for &at in &kept {
            values.push(row.get_ref(at)?);
        }
        given.rows += 1;
        given.sum.add(hash(values));
    }
    let is_change = conn.total_changes() != total;
    given.changes = if is_change { conn.changes() } else { 0 };
    Ok(given)
}

/// Whether the outermost query has an ORDER BY.
fn is_ordered(sql: &str) -> bool {
    let mut depth = 0_usize;
    let tokens = tokens(sql);
    tokens.windows(2).any(|two| {
        if two[0].is_symbol("(") {
            depth += 1;
        } else if two[0].is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && two[0].is_word("order") && two[1].is_word("by")
    })
}

fn is_constraint(e: &rusqlite::Error) -> bool {
    e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// The first known table that a statement names, as written in the schema.
fn table_of(sql: &str, was: &Database) -> String {
    let named = tokens(sql)
        .into_iter()
        .find_map(|token| was.tables.get(&token.text).map(|table| table.name.clone()));
    named.unwrap_or_default()
}

type Measures = BTreeMap<String, (Measure, Measure)>;

/// The old columns of all old tables, on both sides.
fn measures(was: &Database, is: &Database, old: &Connection, new: &Connection) -> Measures {
    let tables = was
        .tables
        .iter()
        .filter(|(name, table)| !is_bookkeeping(name) && table.unreadable.is_none());
    let both = tables.filter_map(|(name, table)| {
        let other = is.tables.get(name)?;
        let columns = table
            .columns
            .iter()
            .filter(|column| other.column(&column.name).is_some());
        // Ids that SQLite hands out are not compared.
        let columns = columns.filter(|column| table.alias.as_ref() != Some(&column.folded));
        let columns: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        let one = measure(old, "main", &table.name, &columns).ok()?;
        let two = measure(new, "main", &other.name, &columns).ok()?;
        Some((name.clone(), (one, two)))
    });
    both.collect()
}

/// Sums have no order, so what the statements did is the difference of two sums.
fn compare_ends(was: &Database, start: &Measures, end: &Measures, found: &mut Vec<Draft>) -> usize {
    let mut bad = 0;
    for (name, (one, two)) in end {
        let Some((first, second)) = start.get(name) else {
            continue;
        };
        let did = (one.rows.wrapping_sub(first.rows), one.sum.since(first.sum));
        let does = (
            two.rows.wrapping_sub(second.rows),
            two.sum.since(second.sum),
        );
        if did != does {
            let shown = &was.tables[name].name;
            let text = format!(
                "After all statements, {shown} does not hold what it held after them before."
            );
            found.push(Draft::new(
                Kind::StatementDiffers,
                Severity::Breaking,
                shown,
                text,
            ));
            bad += 1;
        }
    }
    bad
}

/// A key that no statement relies on may go.
fn spare_keys(statements: &[String], found: &mut [Draft]) {
    let relies = |sql: &String, table: &str| {
        let tokens = tokens(sql);
        let names = tokens
            .iter()
            .any(|token| token.is_name() && token.text == table);
        let has = |one: &str, two: &str| {
            tokens
                .windows(2)
                .any(|pair| pair[0].is_word(one) && pair[1].is_word(two))
        };
        let is_replace = tokens
            .iter()
            .any(|token| token.is_word("replace") && tokens.first() == Some(token));
        names
            && (has("on", "conflict") || has("or", "replace") || has("or", "ignore") || is_replace)
    };
    for draft in found
        .iter_mut()
        .filter(|draft| draft.kind == Kind::UniqueDropped)
    {
        let table = folded(&draft.table);
        if !statements.iter().any(|sql| relies(sql, &table)) {
            draft.severity = Severity::Warn;
            draft
                .evidence
                .push_str(" None of the statements relies on it.");
        }
    }
}
