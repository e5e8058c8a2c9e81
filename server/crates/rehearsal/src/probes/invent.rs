//! Rows that a table would accept: a copy of a row under keys that are free, and for an empty table one that is made up.

use rusqlite::types::Value;

use super::copy::Copy;
use super::probe::{Schemas, Step};
use super::sample::Samples;
use crate::rows::Side;
use crate::schema::{Affinity, Table};
use crate::sql::words::literals;
use crate::sql::{list, quoted};

/// How many combinations are tried until a table's checks accept a row.
const MAX_TRIES: usize = 300;

/// An insert of all stored columns.
pub fn insert(verb: &str, table: &Table, values: &[Value], leave_out: &[&str], rest: &str) -> Step {
    let kept: Vec<(usize, &str)> = table
        .stored()
        .enumerate()
        .filter(|(_, column)| !leave_out.contains(&column.folded.as_str()))
        .map(|(at, column)| (at, column.name.as_str()))
        .collect();
    let name = quoted(&table.name);
    if kept.is_empty() {
        return Step::new(format!("{verb} INTO {name} DEFAULT VALUES"), Vec::new());
    }
    let columns = list(kept.iter().map(|(_, name)| *name));
    let marks = vec!["?"; kept.len()].join(", ");
    let values = kept.iter().map(|(at, _)| values[*at].clone()).collect();
    Step::new(
        format!("{verb} INTO {name}({columns}) VALUES ({marks}){rest}"),
        values,
    )
}

/// Runs steps; they are a savepoint's work.
pub fn do_all(conn: &rusqlite::Connection, steps: &[Step]) -> rusqlite::Result<()> {
    for step in steps {
        let mut statement = conn.prepare_cached(&step.sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(&step.values))?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}

/// A copy of a row with fresh values in every unique key, except in the columns that are to be kept. `salt` makes
/// different ones. `None` if nothing was found that the old table accepts after `setup`.
pub fn fresh(
    old: &Copy,
    table: &Table,
    base: &[Value],
    salt: i64,
    keep: &[&str],
    setup: &[Step],
) -> Option<Vec<Value>> {
    for attempt in 0..6 {
        let row = vary(table, base, salt, keep, attempt);
        let step = insert("INSERT", table, &row, &[], "");
        let works = old.try_out(|conn| {
            do_all(conn, setup)?;
            do_all(conn, std::slice::from_ref(&step))
        });
        if works.is_ok() {
            return Some(row);
        }
    }
    None
}

pub fn vary(table: &Table, base: &[Value], salt: i64, keep: &[&str], attempt: usize) -> Vec<Value> {
    let mut row = base.to_vec();
    let mut changed: Vec<&str> = Vec::new();
    for key in &table.keys {
        let columns: Vec<&str> = if key.terms.iter().all(|term| term.is_column) {
            key.columns().collect()
        } else {
            // An expression: any column that it names.
            let words = || key.terms.iter().flat_map(|term| &term.expression.words);
            let is_named = |name: &str| words().any(|word| word == name);
            table
                .stored()
                .map(|column| column.folded.as_str())
                .filter(|name| is_named(name))
                .collect()
        };
        if columns.iter().any(|name| changed.contains(name)) {
            continue;
        }
        let is_foreign = |name: &&&str| {
            table
                .foreign
                .iter()
                .any(|key| key.from.iter().any(|from| from == **name))
        };
        let free = columns.iter().filter(|name| !keep.contains(*name));
        let mut free: Vec<&&str> = free.collect();
        free.sort_by_key(is_foreign);
        let rotation = if attempt >= 3 { 1 } else { 0 };
        let Some(name) = free.get(rotation % free.len().max(1)).map(|name| **name) else {
            continue;
        };
        if let Some(at) = table.stored().position(|column| column.folded == name) {
            row[at] = other(&row[at], salt, attempt % 3);
            changed.push(name);
        }
    }
    row
}

/// Another value of the same form.
fn other(value: &Value, salt: i64, attempt: usize) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Integer(n) => Value::Integer(match attempt {
            0 => n.saturating_add(1_000_003 + salt * 17),
            1 => n.saturating_add(7 + salt * 100),
            _ => 90 + salt,
        }),
        Value::Real(n) => Value::Real(n + 1000.5 + salt as f64),
        Value::Text(text) => Value::Text(match attempt {
            0 => shift(text, salt),
            1 => format!("{text}{salt}"),
            _ => format!("k{salt}{text}"),
        }),
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            match bytes.last_mut() {
                Some(last) => *last = last.wrapping_add(101 + salt as u8),
                None => bytes.push(salt as u8),
            }
            Value::Blob(bytes)
        }
    }
}

/// Letters stay letters and digits digits, hexadecimal ones too.
fn shift(text: &str, salt: i64) -> String {
    let by = (salt.rem_euclid(5) + 3) as u8;
    let mut left = 6;
    let turn = |c: char, start: u8, size: u8| char::from(start + (c as u8 - start + by) % size);
    let shifted: Vec<char> = text
        .chars()
        .rev()
        .map(|c| {
            if left == 0 {
                return c;
            }
            left -= usize::from(c.is_ascii_alphanumeric());
            match c {
                '0'..='9' => turn(c, b'0', 10),
                'a'..='f' => turn(c, b'a', 6),
                'g'..='z' => turn(c, b'g', 20),
                'A'..='F' => turn(c, b'A', 6),
                'G'..='Z' => turn(c, b'G', 20),
                other => other,
            }
        })
        .collect();
    let shifted: String = shifted.into_iter().rev().collect();
    if shifted == text {
        format!("{text}{salt}")
    } else {
        shifted
    }
}

/// For an empty table: the steps that insert a row that the old table accepts, parents first, and the row.
pub fn row(
    old: &Copy,
    schemas: Schemas<'_>,
    samples: &Samples,
    name: &str,
    depth: usize,
) -> Option<(Vec<Step>, Vec<Value>)> {
    let table = schemas.before.tables.get(name)?;
    let mut setup = Vec::new();
    let mut given: Vec<(String, Value)> = Vec::new();
    for key in table.foreign.iter().filter(|key| key.parent != name) {
        let parent = schemas.before.tables.get(&key.parent)?;
        let values = match samples.of(Side::Old, &key.parent).first() {
            Some(row) => row.values.clone(),
            None if depth > 0 => {
                let (mut steps, values) = row(old, schemas, samples, &key.parent, depth - 1)?;
                steps.retain(|step| !setup.iter().any(|done: &Step| done.sql == step.sql));
                setup.append(&mut steps);
                values
            }
            None => continue,
        };
        for (from, to) in key.from.iter().zip(&key.to) {
            if let Some(at) = parent.stored().position(|column| column.folded == *to) {
                given.push((from.clone(), values[at].clone()));
            }
        }
    }
    let candidates: Vec<Vec<Value>> = table
        .stored()
        .map(
            |column| match given.iter().find(|(from, _)| *from == column.folded) {
                Some((_, value)) => vec![value.clone()],
                None => candidates(table, &column.folded, column.affinity, &column.declared),
            },
        )
        .collect();
    let checked: Vec<usize> = (0..candidates.len())
        .filter(|at| candidates[*at].len() > 1)
        .collect();
    let mut choice = vec![0_usize; candidates.len()];
    for _ in 0..MAX_TRIES {
        let values: Vec<Value> = candidates
            .iter()
            .zip(&choice)
            .map(|(all, at)| all[*at].clone())
            .collect();
        let step = insert("INSERT", table, &values, &[], "");
        let mut steps = setup.clone();
        steps.push(step);
        if old.try_out(|conn| do_all(conn, &steps)).is_ok() {
            return Some((steps, values));
        }
        // The next combination.
        let next = checked
            .iter()
            .find(|at| choice[**at] + 1 < candidates[**at].len())?;
        for at in checked.iter().take_while(|at| *at != next) {
            choice[*at] = 0;
        }
        choice[*next] += 1;
    }
    None
}

fn candidates(table: &Table, name: &str, affinity: Affinity, declared: &str) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let checks: Vec<_> = table
        .checks
        .iter()
        .filter(|check| check.iter().any(|word| word == name))
        .collect();
    let mut found = match affinity {
        Affinity::Integer => vec![Value::Integer(1)],
        Affinity::Real => vec![Value::Real(1.5)],
        Affinity::Numeric if declared.contains("DATE") || declared.contains("TIME") => {
            vec![text("2026-01-02 03:04:05")]
        }
        Affinity::Numeric => vec![Value::Integer(1)],
        Affinity::Blob if declared == "BLOB" => vec![Value::Blob(vec![1, 2, 3])],
        Affinity::Text | Affinity::Blob => vec![text("abc")],
    };
    if checks.is_empty() {
        return found;
    }
    for check in checks {
        let (whole, real, texts) = literals(check);
        found.extend(texts.into_iter().map(Value::Text));
        for n in whole {
            found.extend([n, n.saturating_add(1), n.saturating_sub(1)].map(Value::Integer));
            if (1..200).contains(&n) && check.iter().any(|word| word == "length") {
                found.push(Value::Text("a".repeat(n as usize)));
            }
        }
        found.extend(real.into_iter().map(Value::Real));
    }
    found.extend([
        Value::Integer(0),
        text("{}"),
        text("[]"),
        text("a@b.example"),
        text("2026-01-02"),
        Value::Null,
    ]);
    found
}
