//! What became of tables and columns that are gone: dropped, or there under another name with the same content.

use std::collections::BTreeMap;

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::rows::{Both, Measure, Side};
use crate::schema::{Column, Database, Table, lost_columns};

/// What is gone.
#[derive(Debug, Default)]
pub struct Gone {
    /// Tables in lower case, with their names after the migration in lower case.
    pub renamed: BTreeMap<String, String>,
    /// Renamed tables in lower case, in whose place a view offers all old columns.
    pub covered: Vec<String>,
}

/// Looks for everything that is gone, and adds it to the findings.
pub fn look(both: &Both, before: &Database, after: &Database, found: &mut Vec<Draft>) -> Gone {
    let mut gone = Gone::default();
    for (name, old) in &before.tables {
        match after.tables.get(name) {
            Some(new) => columns(both, old, new, found),
            None => table(both, before, after, (name, old), &mut gone, found),
        }
    }
    gone
}

fn table(
    both: &Both,
    before: &Database,
    after: &Database,
    (name, old): (&String, &Table),
    gone: &mut Gone,
    found: &mut Vec<Draft>,
) {
    let candidates = after
        .tables
        .iter()
        .filter(|(other, _)| !before.tables.contains_key(*other));
    let is_taken = |name: &String| gone.renamed.values().any(|taken| taken == name);
    let target = candidates
        .filter(|(other, new)| !is_taken(other) && is_same_table(both, old, new))
        .map(|(other, new)| (other.clone(), new))
        .next();
    let Some((other, new)) = target else {
        let text = format!("The table {} is gone.", old.name);
        found.push(Draft::new(
            Kind::TableDropped,
            Severity::Breaking,
            &old.name,
            text,
        ));
        return;
    };
    let view = after
        .views
        .get(name)
        .and_then(|view| view.columns.as_ref().ok());
    let names: Vec<String> = old
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let is_covered = view.is_some_and(|columns| lost_columns(&names, columns).is_empty());
    let text = format!("The table {} is called {} now.", old.name, new.name);
    let draft = if is_covered {
        let text = format!("{text} A view offers its columns under the old name.");
        Draft::new(Kind::TableRenamed, Severity::Warn, &old.name, text).breakable()
    } else {
        Draft::new(Kind::TableRenamed, Severity::Breaking, &old.name, text)
    };
    if is_covered {
        gone.covered.push(name.clone());
    }
    found.push(draft);
    found.retain(|draft| draft.kind != Kind::TableAdded || draft.table != new.name);
    gone.renamed.insert(name.clone(), other);
}

fn is_same_table(both: &Both, old: &Table, new: &Table) -> bool {
    let names = |table: &Table| {
        table
            .columns
            .iter()
            .map(|column| (column.folded.clone(), column.affinity))
            .collect::<Vec<_>>()
    };
    let has = |pair: &(String, crate::schema::Affinity)| names(new).contains(pair);
    if old.columns.is_empty() || !names(old).iter().all(has) {
        return false;
    }
    let columns: Vec<&str> = old
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let measure = |side, table: &Table| both.measure(side, &table.name, &columns).ok();
    measure(Side::Old, old).is_some_and(|was| measure(Side::New, new) == Some(was))
}

fn columns(both: &Both, old: &Table, new: &Table, found: &mut Vec<Draft>) {
    if old.unreadable.is_some() || new.unreadable.is_some() {
        return;
    }
    let mut taken: Vec<&str> = Vec::new();
    for (at, was) in old.columns.iter().enumerate() {
        if new.column(&was.name).is_some() {
            continue;
        }
        let is_free =
            |is: &&Column| old.column(&is.name).is_none() && !taken.contains(&is.name.as_str());
        let mut candidates = new
            .columns
            .iter()
            .enumerate()
            .filter(|(_, is)| is_free(is) && is.affinity == was.affinity);
        let target = candidates
            .find(|(place, is)| is_same_column(both, (old, was), (new, is), *place == at));
        let draft = match target {
            Some((_, is)) => {
                taken.push(&is.name);
                let text = format!("{}.{} is called {} now.", old.name, was.name, is.name);
                Draft::new(Kind::ColumnRenamed, Severity::Breaking, &old.name, text)
            }
            None => {
                let text = format!("The column {}.{} is gone.", old.name, was.name);
                Draft::new(Kind::ColumnDropped, Severity::Breaking, &old.name, text)
            }
        };
        found.push(draft.of_column(&was.name));
    }
    // What has only another name is not new.
    let is_renamed = |draft: &Draft| {
        draft.table == old.name
            && matches!(draft.kind, Kind::NotNullWithoutDefault | Kind::ColumnAdded)
            && draft
                .column
                .as_deref()
                .is_some_and(|name| taken.contains(&name))
    };
    found.retain(|draft| !is_renamed(draft));
}

/// Whether a column has the values of another. Without values to tell by, the place decides.
fn is_same_column(
    both: &Both,
    (old, was): (&Table, &Column),
    (new, is): (&Table, &Column),
    is_in_place: bool,
) -> bool {
    let measure = |side, table: &Table, column: &Column| {
        both.measure(side, &table.name, &[&column.name]).ok()
    };
    let (Some(had), Some(has)) = (measure(Side::Old, old, was), measure(Side::New, new, is)) else {
        return false;
    };
    let is_blank = |side, table: &Table, column: &Column, measure: Measure| {
        let sql = format!(
            "SELECT count({}) FROM {}.{}",
            crate::sql::quoted(&column.name),
            side,
            crate::sql::quoted(&table.name)
        );
        measure.rows == 0
            || both
                .conn
                .query_row(&sql, [], |row| row.get::<_, i64>(0))
                .is_ok_and(|n| n == 0)
    };
    had == has && (is_in_place || !is_blank("old", old, was, had))
}
