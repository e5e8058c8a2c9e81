//! Primary keys, unique keys, other indexes and foreign keys of a table that is still there.

use std::collections::BTreeSet;

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::schema::{ForeignKey, Key, Table};

pub fn compare(old: &Table, new: &Table, found: &mut Vec<Draft>) {
    primary(old, new, found);
    unique(old, new, found);
    indexes(old, new, found);
    foreign(old, new, found);
}

fn set(columns: &[String]) -> BTreeSet<&String> {
    columns.iter().collect()
}

fn primary(old: &Table, new: &Table, found: &mut Vec<Draft>) {
    // A primary key without a rowid's name is a unique key of columns that may be NULL.
    let is_same_key = old.alias.is_none()
        && new.alias.is_none()
        && (old.primary.is_empty() || new.primary.is_empty());
    let is_same = set(&old.primary) == set(&new.primary) && old.alias == new.alias;
    if is_same || is_same_key {
        return;
    }
    let name = |table: &Table| match (table.primary.as_slice(), &table.alias) {
        ([], _) => "no primary key".to_owned(),
        (columns, Some(_)) => format!("the INTEGER PRIMARY KEY {}", columns.join(", ")),
        (columns, None) => format!("the primary key ({})", columns.join(", ")),
    };
    let text = format!("{} had {} and has {} now.", old.name, name(old), name(new));
    let columns = old.primary.iter().chain(&new.primary).map(String::as_str);
    let draft = Draft::new(Kind::PrimaryKeyChanged, Severity::Warn, &old.name, text);
    found.push(Draft {
        column: None,
        ..draft.of_columns(columns)
    });
}

fn unique(old: &Table, new: &Table, found: &mut Vec<Draft>) {
    let is_primary_told = found
        .iter()
        .any(|draft| draft.kind == Kind::PrimaryKeyChanged && draft.table == old.name);
    for (at, key) in new.keys.iter().enumerate() {
        let is_known = old.keys.iter().any(|was| key.follows_from(was));
        let is_double = new.keys[..at]
            .iter()
            .any(|other| other.identity() == key.identity());
        if is_known || is_double || (key.is_primary && is_primary_told) {
            continue;
        }
        let is_of_new = |name: &str| old.column(name).is_none();
        let is_filled = |name: &str| {
            new.column(name)
                .is_some_and(|column| column.default != crate::schema::Default::None)
        };
        let breaks = key.terms.iter().all(|term| term.is_column)
            && key.condition.is_none()
            && key.columns().all(|name| is_of_new(name) && is_filled(name));
        let severity = if breaks {
            Severity::Breaking
        } else {
            Severity::Warn
        };
        let text = format!("{} must be unique in {} now.", key.in_words(), old.name);
        found.push(
            Draft::new(Kind::UniqueAdded, severity, &old.name, text).of_columns(key.columns()),
        );
    }
    for (at, key) in old.keys.iter().enumerate() {
        let is_kept = new.keys.iter().any(|is| is.identity() == key.identity());
        let is_double = old.keys[..at]
            .iter()
            .any(|other| other.identity() == key.identity());
        if is_kept
            || is_double
            || (key.is_primary && is_primary_told)
            || is_recollated(key, old, new)
        {
            continue;
        }
        let text = format!(
            "{} is no longer a unique key of {}, so that ON CONFLICT on it fails, and OR REPLACE and OR IGNORE store duplicates.",
            key.in_words(),
            old.name
        );
        found.push(
            Draft::new(Kind::UniqueDropped, Severity::Breaking, &old.name, text)
                .of_columns(key.columns()),
        );
    }
}

/// Whether only the columns' own collation changed a key: that is told as such, and the probes say what it does.
fn is_recollated(key: &Key, old: &Table, new: &Table) -> bool {
    let words = |key: &Key| {
        key.terms
            .iter()
            .map(|term| term.expression.words.clone())
            .collect::<BTreeSet<_>>()
    };
    let follows = |key: &Key, table: &Table| {
        let own = |name: &str| table.column(name).map(|column| column.collation.clone());
        let mut terms = key.terms.iter();
        terms.all(|term| {
            !term.is_column || own(&term.expression.words[0]).as_ref() == Some(&term.collation)
        })
    };
    let is_partner = |is: &&Key| words(is) == words(key) && is.identity().1 == key.identity().1;
    let has_changed = |name: &str| {
        let (was, is) = (old.column(name), new.column(name));
        was.zip(is)
            .is_some_and(|(was, is)| was.collation != is.collation)
    };
    new.keys
        .iter()
        .filter(is_partner)
        .any(|is| follows(is, new))
        && follows(key, old)
        && key.columns().any(has_changed)
}

fn indexes(old: &Table, new: &Table, found: &mut Vec<Draft>) {
    for index in &old.indexes {
        let serves = |other: &&Key| other.identity() == index.identity();
        if !new
            .indexes
            .iter()
            .chain(&new.keys)
            .any(|other| serves(&other))
        {
            let name = index.name.as_deref().unwrap_or("An index");
            let text = format!(
                "The index {name} on {} {} is gone.",
                old.name,
                index.in_words()
            );
            found.push(
                Draft::new(Kind::IndexDropped, Severity::Note, &old.name, text)
                    .of_columns(index.columns()),
            );
        }
    }
}

fn foreign(old: &Table, new: &Table, found: &mut Vec<Draft>) {
    let is_partner =
        |one: &ForeignKey, other: &ForeignKey| one.from == other.from && one.parent == other.parent;
    let lost: Vec<&ForeignKey> = old
        .foreign
        .iter()
        .filter(|key| !new.foreign.contains(key))
        .collect();
    let gained: Vec<&ForeignKey> = new
        .foreign
        .iter()
        .filter(|key| !old.foreign.contains(key))
        .collect();
    for key in &lost {
        let columns = key.from.iter().map(String::as_str);
        let draft = match gained.iter().find(|other| is_partner(key, other)) {
            Some(other) => {
                let text = format!(
                    "{} was {} and is {} now.",
                    ends(old, key),
                    rules(key),
                    rules(other)
                );
                Draft::new(Kind::ForeignKeyChanged, Severity::Warn, &old.name, text)
            }
            None if key.from.iter().any(|name| new.column(name).is_none()) => continue,
            None => {
                let text = format!("{} is gone.", ends(old, key));
                Draft::new(Kind::ForeignKeyDropped, Severity::Warn, &old.name, text)
            }
        };
        found.push(draft.of_columns(columns));
    }
    for key in gained {
        if lost.iter().any(|other| is_partner(key, other)) {
            continue;
        }
        let is_of_new = key.from.iter().any(|name| old.column(name).is_none());
        let severity = if is_of_new {
            Severity::Note
        } else {
            Severity::Warn
        };
        let text = format!("{} is new.", ends(old, key));
        let draft = Draft::new(Kind::ForeignKeyAdded, severity, &old.name, text);
        found.push(
            draft
                .of_columns(key.from.iter().map(String::as_str))
                .breakable(),
        );
    }
}

fn ends(table: &Table, key: &ForeignKey) -> String {
    format!(
        "The foreign key {}({}) to {}({})",
        table.name,
        key.from.join(", "),
        key.parent,
        key.to.join(", ")
    )
}

fn rules(key: &ForeignKey) -> String {
    let when = if key.is_deferred {
        ", checked at the end of the transaction"
    } else {
        ""
    };
    format!(
        "ON DELETE {} ON UPDATE {}{when}, to ({})",
        key.on_delete,
        key.on_update,
        key.to.join(", ")
    )
}
