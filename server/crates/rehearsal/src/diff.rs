//! Compares two schemas. Pure: what only data or a probe can tell is left as a finding that can still be raised.

mod columns;
mod keys;
mod objects;

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::schema::{Database, Table};

/// Everything that differs in a way that matters, except what became of tables and columns that are gone: see
/// [`crate::gone`], which looks at the data too.
pub fn compare(before: &Database, after: &Database) -> Vec<Draft> {
    let mut found = Vec::new();
    for (name, old) in &before.tables {
        let Some(new) = after.tables.get(name) else {
            continue;
        };
        if let Some(why) = old.unreadable.as_ref().or(new.unreadable.as_ref()) {
            found.push(Draft::new(
                Kind::NotJudged,
                Severity::Warn,
                &old.name,
                format!("{} could not be judged: {why}.", old.name),
            ));
        }
        if old.is_plain() && new.is_plain() {
            columns::compare(old, new, &mut found);
            keys::compare(old, new, &mut found);
            table(before, after, name, &mut found);
        } else {
            objects::compare_virtual(old, new, &mut found);
        }
    }
    for (name, new) in &after.tables {
        if !before.tables.contains_key(name) && !before.views.contains_key(name) {
            let text = format!("The table {} is new.", new.name);
            found.push(Draft::new(
                Kind::TableAdded,
                Severity::Note,
                &new.name,
                text,
            ));
        }
    }
    objects::compare_views(before, after, &mut found);
    objects::compare_triggers(before, after, &mut found);
    found
}

/// What belongs to the table as a whole.
fn table(before: &Database, after: &Database, name: &str, found: &mut Vec<Draft>) {
    let (old, new) = (&before.tables[name], &after.tables[name]);
    let mut add = |kind, severity, text: String| {
        found.push(Draft::new(kind, severity, &old.name, text));
    };
    match (old.strict, new.strict) {
        (false, true) => add(
            Kind::StrictAdded,
            Severity::Warn,
            format!("{} is STRICT now.", old.name),
        ),
        (true, false) => add(
            Kind::StrictDropped,
            Severity::Note,
            format!("{} is no longer STRICT.", old.name),
        ),
        _ => {}
    }
    if old.without_rowid != new.without_rowid {
        let text = if new.without_rowid {
            "has no rowid any more"
        } else {
            "has a rowid now"
        };
        add(
            Kind::WithoutRowidChanged,
            Severity::Warn,
            format!("{} {text}.", old.name),
        );
    }
    autoincrement(before, after, name, &mut add);
    let lost = old.conflicts.difference(&new.conflicts);
    let gained = new.conflicts.difference(&old.conflicts);
    let clauses: Vec<String> = lost.chain(gained).map(|words| words.join(" ")).collect();
    if !clauses.is_empty() {
        let text = format!(
            "An ON CONFLICT clause of {} changed: {}.",
            old.name,
            clauses.join("; ")
        );
        add(Kind::ConflictClauseChanged, Severity::Warn, text);
    }
    order(old, new, &mut add);
}

fn autoincrement(
    before: &Database,
    after: &Database,
    name: &str,
    add: &mut impl FnMut(Kind, Severity, String),
) {
    let (old, new) = (&before.tables[name], &after.tables[name]);
    match (old.autoincrement, new.autoincrement) {
        (true, false) => {
            let text = format!(
                "{} lost AUTOINCREMENT: ids of deleted rows can be handed out again.",
                old.name
            );
            add(Kind::AutoincrementLost, Severity::Warn, text);
        }
        (false, true) => add(
            Kind::AutoincrementAdded,
            Severity::Note,
            format!("{} has AUTOINCREMENT now.", old.name),
        ),
        (true, true) => {
            let was = before.sequences.get(name).copied().unwrap_or(0);
            let is = after.sequences.get(name).copied().unwrap_or(0);
            if is < was {
                let text = format!(
                    "The next id of {} went back from {} to {}.",
                    old.name,
                    was.saturating_add(1),
                    is.saturating_add(1)
                );
                add(Kind::AutoincrementLost, Severity::Warn, text);
            }
        }
        (false, false) => {}
    }
}

fn order(old: &Table, new: &Table, add: &mut impl FnMut(Kind, Severity, String)) {
    let place = |name: &str| new.columns.iter().position(|column| column.folded == name);
    let places: Vec<usize> = old
        .columns
        .iter()
        .filter_map(|column| place(&column.folded))
        .collect();
    let is_sorted = places.windows(2).all(|two| two[0] < two[1]);
    let is_first_new = |at: &usize| {
        let name = &new.columns[*at].folded;
        old.column(name).is_none()
    };
    // A renamed column stands where the old one stood.
    let gone = old.columns.len() - places.len();
    let last = places.iter().max().map_or(0, |last| last + 1);
    let between = (0..last).filter(is_first_new).count();
    if !is_sorted || between > gone {
        let text = format!(
            "The columns of {} stand in another order, so that INSERT without column names and SELECT * mean something else.",
            old.name
        );
        add(Kind::ColumnOrderChanged, Severity::Warn, text);
    }
}
