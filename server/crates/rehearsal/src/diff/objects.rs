//! Views, triggers and virtual tables.

use std::collections::BTreeSet;

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::schema::{Database, Table, Trigger, View, lost_columns};

pub fn compare_views(before: &Database, after: &Database, found: &mut Vec<Draft>) {
    for (name, old) in &before.views {
        // A view that never compiled can't break.
        let Ok(columns) = &old.columns else { continue };
        match (after.views.get(name), after.tables.get(name)) {
            (Some(new), _) => view(old, columns, new, found),
            (None, Some(table)) => {
                let names: Vec<String> = table
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect();
                let lost = lost_columns(columns, &names);
                let severity = if lost.is_empty() {
                    Severity::Warn
                } else {
                    Severity::Breaking
                };
                let text = format!("The view {} is a table now.{}", old.name, without(&lost));
                found.push(Draft::new(Kind::ViewChanged, severity, &old.name, text));
            }
            (None, None) => {
                let text = format!("The view {} is gone.", old.name);
                found.push(Draft::new(
                    Kind::ViewDropped,
                    Severity::Breaking,
                    &old.name,
                    text,
                ));
            }
        }
    }
}

fn view(old: &View, columns: &[String], new: &View, found: &mut Vec<Draft>) {
    let mut add =
        |severity, text| found.push(Draft::new(Kind::ViewChanged, severity, &old.name, text));
    match &new.columns {
        Err(why) => add(
            Severity::Breaking,
            format!("The view {} no longer works: {why}.", old.name),
        ),
        Ok(_) if new.needs_string_names && !old.needs_string_names => add(
            Severity::Breaking,
            format!(
                "The view {} names a column that is gone, in double quotes, so that SQLite silently reads it as a string.",
                old.name
            ),
        ),
        Ok(names) => {
            let lost = lost_columns(columns, names);
            if !lost.is_empty() {
                add(
                    Severity::Breaking,
                    format!("The view {} changed.{}", old.name, without(&lost)),
                );
            } else if old.body != new.body {
                add(
                    Severity::Warn,
                    format!("The view {} is defined otherwise.", old.name),
                );
            }
        }
    }
}

fn without(lost: &[&str]) -> String {
    match lost {
        [] => String::new(),
        lost => format!(" It no longer offers {}.", lost.join(", ")),
    }
}

pub fn compare_triggers(before: &Database, after: &Database, found: &mut Vec<Draft>) {
    let of = |database: &'_ Database, table: &str| -> Vec<Trigger> {
        let triggers = database.triggers.values();
        triggers
            .filter(|trigger| trigger.table == table)
            .cloned()
            .collect()
    };
    let names: BTreeSet<&String> = before.tables.keys().chain(before.views.keys()).collect();
    for table in names {
        let shown = before.tables.get(table).map(|table| &table.name);
        let shown = shown
            .or_else(|| before.views.get(table).map(|view| &view.name))
            .unwrap_or(table);
        let is_there = after.tables.contains_key(table) || after.views.contains_key(table);
        let (old, new) = (of(before, table), of(after, table));
        let has = |all: &[Trigger], one: &Trigger| all.iter().any(|other| other.body == one.body);
        for was in old.iter().filter(|was| is_there && !has(&new, was)) {
            let is_changed = new.iter().any(|is| is.name == was.name);
            let (kind, text) = if is_changed {
                (Kind::TriggerChanged, "does something else now")
            } else {
                (Kind::TriggerDropped, "is gone")
            };
            let text = format!("The trigger {} on {shown} {text}.", was.name);
            found.push(Draft::new(kind, Severity::Warn, shown, text));
        }
        for is in new.iter().filter(|is| !has(&old, is)) {
            if !old.iter().any(|was| was.name == is.name) {
                let text = format!("The trigger {} on {shown} is new.", is.name);
                let is_of_new_view =
                    !before.tables.contains_key(table) && !before.views.contains_key(table);
                let severity = if is_of_new_view {
                    Severity::Note
                } else {
                    Severity::Warn
                };
                found.push(Draft::new(Kind::TriggerAdded, severity, shown, text));
            }
        }
    }
}

pub fn compare_virtual(old: &Table, new: &Table, found: &mut Vec<Draft>) {
    let text = match (&old.module, &new.module) {
        (Some((was, before)), Some((is, after))) => {
            if was == is && before == after {
                return;
            }
            let set = |arguments: &[Vec<String>]| {
                arguments
                    .iter()
                    .map(|words| words.join(" "))
                    .collect::<BTreeSet<_>>()
            };
            let (had, has) = (set(before), set(after));
            let lost: Vec<String> = had.difference(&has).cloned().collect();
            let gained: Vec<String> = has.difference(&had).cloned().collect();
            if lost.is_empty() && gained.is_empty() && was == is {
                // The same columns and options; the order of columns matters to bm25 and to positional inserts.
                "its columns stand in another order".to_owned()
            } else {
                format!(
                    "it lost [{}] and gained [{}]",
                    lost.join(", "),
                    gained.join(", ")
                )
            }
        }
        (Some(_), None) => "it is an ordinary table now".to_owned(),
        _ => "it is a virtual table now".to_owned(),
    };
    let text = format!("The table {} changed: {text}.", old.name);
    found.push(Draft::new(
        Kind::FtsChanged,
        Severity::Warn,
        &old.name,
        text,
    ));
}
