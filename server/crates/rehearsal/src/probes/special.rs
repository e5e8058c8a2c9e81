//! Probes of what differs from table to table: checks and types, new keys, views.

use rusqlite::types::Value;

use super::invent::insert;
use super::plan::Plan;
use super::probe::{Probe, Schemas, Step};
use super::state::shown;
use crate::schema::{Affinity, Database, Key};
use crate::sql::words::{Words, literals};
use crate::sql::{list, quoted};

/// How many values are tried in one column.
const MAX_VALUES: usize = 60;

/// Every value that a new check, a type or STRICT might refuse, in each column that it is about.
pub fn checks(plan: &Plan<'_>, probes: &mut Vec<Probe>) {
    let Some(new) = plan.schemas.after.tables.get(plan.name) else {
        return;
    };
    let Some(base) = plan.bases.first() else {
        return;
    };
    let mut added: Vec<&Words> = new.checks.difference(&plan.table.checks).collect();
    added.extend(new_triggers(plan));
    for (at, column) in plan.table.stored().enumerate() {
        let is_checked = added.iter().any(|check| check.contains(&column.folded));
        let is = new.column(&column.name);
        let is_retyped = is.is_some_and(|is| {
            is.affinity != column.affinity || is.declared != column.declared && new.strict
        });
        if !is_checked && !is_retyped && plan.is_stricter().is_none() {
            continue;
        }
        let mut values = plain_values();
        let all = added.iter().copied().chain(&plan.table.checks);
        all.filter(|check| is_checked && check.contains(&column.folded))
            .for_each(|check| add_values(check, &mut values));
        values.truncate(MAX_VALUES);
        for value in values {
            let what = format!("{} in {}", shown((&value).into()), column.name);
            if let Some(copy) = plan.copy(0, 5, &[&column.folded]) {
                let mut row = copy;
                row[at] = value.clone();
                let steps = vec![insert("INSERT", plan.table, &row, &[], "")];
                probes.push(plan.probe(format!("an insert of {what}"), steps, &[&column.folded]));
            }
            if let Some((condition, key)) = plan.condition(base) {
                let sql = format!(
                    "UPDATE {} SET {} = ? WHERE {condition}",
                    quoted(&plan.table.name),
                    quoted(&column.name)
                );
                let mut bound = vec![value];
                bound.extend(key);
                probes.push(plan.probe(
                    format!("an update to {what}"),
                    vec![Step::new(sql, bound)],
                    &[&column.folded],
                ));
            }
        }
    }
}

/// The text of triggers that are new on a table: what they compare with is worth trying.
fn new_triggers<'a>(plan: &Plan<'a>) -> Vec<&'a Words> {
    let of = |database: &'a Database| {
        let triggers = database.triggers.values();
        triggers
            .filter(|trigger| trigger.table == plan.name)
            .map(|trigger| &trigger.body)
    };
    let old: Vec<&Words> = of(plan.schemas.before).collect();
    of(plan.schemas.after)
        .filter(|body| !old.contains(body))
        .collect()
}

/// Two rows with the same values in a key that is new, whatever the sample has there.
pub fn duplicates(plan: &Plan<'_>, probes: &mut Vec<Probe>) {
    let Some(new) = plan.schemas.after.tables.get(plan.name) else {
        return;
    };
    let is_new = |key: &&Key| !plan.table.keys.iter().any(|old| key.follows_from(old));
    for key in new.keys.iter().filter(is_new) {
        let columns: Vec<&str> = key
            .columns()
            .filter(|name| plan.table.column(name).is_some())
            .collect();
        let (Some(mut one), Some(mut two)) = (plan.copy(0, 6, &columns), plan.copy(0, 7, &columns))
        else {
            continue;
        };
        for (at, column) in plan.table.stored().enumerate() {
            if columns.contains(&column.folded.as_str()) && one[at] == Value::Null {
                let value = match column.affinity {
                    Affinity::Text | Affinity::Blob => Value::Text("same".to_owned()),
                    Affinity::Integer | Affinity::Numeric | Affinity::Real => Value::Integer(1),
                };
                (one[at], two[at]) = (value.clone(), value);
            }
        }
        let steps = [one, two]
            .map(|row| insert("INSERT", plan.table, &row, &[], ""))
            .to_vec();
        let what = format!("two inserts with the same {}", columns.join(", "));
        probes.push(plan.probe(what, steps, &columns));
    }
}

fn plain_values() -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    vec![
        Value::Null,
        Value::Integer(0),
        Value::Integer(-1),
        Value::Integer(12),
        Value::Real(1.5),
        Value::Real(3.0),
        text(""),
        text("text"),
        text("12"),
        text("1.50"),
        text(" x "),
        text("2026-01-02"),
        Value::Blob(vec![0, 255]),
    ]
}

fn add_values(check: &Words, values: &mut Vec<Value>) {
    let (whole, real, texts) = literals(check);
    for text in texts {
        values.push(Value::Text(super::plan::swap_case(&text)));
        values.push(Value::Text(text));
    }
    for n in whole {
        values.extend([n, n.saturating_add(1), n.saturating_sub(1)].map(Value::Integer));
        if (0..=2000).contains(&n) && check.iter().any(|word| word == "length") {
            let lengths = [n.saturating_sub(1), n, n + 1];
            values
                .extend(lengths.map(|n| Value::Text("a".repeat(usize::try_from(n).unwrap_or(0)))));
        }
    }
    for n in real {
        values.extend([n, n + 1.0, n - 1.0].map(Value::Real));
    }
}

/// Every old view is read, and written where triggers take that.
pub fn views(schemas: Schemas<'_>, probes: &mut Vec<Probe>) {
    for (name, view) in &schemas.before.views {
        let Ok(columns) = &view.columns else { continue };
        let table = quoted(&view.name);
        let probe = |what: &str, sql: String| Probe {
            table: name.clone(),
            what: what.to_owned(),
            steps: vec![Step::new(sql, Vec::new())],
            columns: Vec::new(),
        };
        let all = list(columns.iter().map(String::as_str));
        probes.push(probe(
            "a read of the view",
            format!("SELECT {all} FROM {table}"),
        ));
        if !schemas
            .before
            .triggers
            .values()
            .any(|trigger| trigger.table == *name)
        {
            continue;
        }
        let first = columns
            .first()
            .map(|column| quoted(column))
            .unwrap_or_default();
        probes.push(probe(
            "a delete through the view",
            format!("DELETE FROM {table}"),
        ));
        for column in columns {
            let column = quoted(column);
            probes.push(probe(
                "an update through the view",
                format!("UPDATE {table} SET {column} = {column}"),
            ));
        }
        let shifted: Vec<String> = columns
            .iter()
            .map(|column| format!("CASE typeof({0}) WHEN 'integer' THEN {0} + 1000003 WHEN 'text' THEN {0} || '~' ELSE {0} END", quoted(column)))
            .collect();
        let as_is = format!(
            "INSERT INTO {table}({all}) SELECT {all} FROM {table} ORDER BY {first} LIMIT 1"
        );
        let fresh = format!(
            "INSERT INTO {table}({all}) SELECT {} FROM {table} ORDER BY {first} LIMIT 1",
            shifted.join(", ")
        );
        probes.push(probe("an insert through the view", as_is));
        probes.push(probe("an insert through the view", fresh));
    }
}
