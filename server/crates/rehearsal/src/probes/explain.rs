//! Which finding explains that a probe no longer does what it did: by the error's class, the table, the columns, the trigger.

use std::collections::BTreeSet;

use rusqlite::ffi;

use super::probe::Schemas;
use super::state::Reach;
use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::sql::folded;

/// How a probe ended that worked before.
#[derive(Debug)]
pub struct Failure<'a> {
    /// The probe's table, in lower case.
    pub table: &'a str,
    /// The columns that it is about, in lower case.
    pub columns: &'a [String],
    /// The error, if it failed.
    pub error: Option<&'a rusqlite::Error>,
    /// Where something else is than before, if it did not fail.
    pub differs_in: Option<&'a str>,
    /// Whether it only reads: no trigger and no constraint explains that.
    pub is_read: bool,
    /// Whether it gives a row another id.
    pub is_rekey: bool,
    /// A sentence.
    pub text: String,
}

/// Raises the finding that explains the failure, or adds `probe-failed`.
pub fn explain(schemas: Schemas<'_>, reach: &Reach, failure: &Failure<'_>, found: &mut Vec<Draft>) {
    let reached = reach.of(failure.table);
    let message = failure.error.map(ToString::to_string).unwrap_or_default();
    let kinds = match (failure.is_read, failure.error) {
        (true, None) => READ_KINDS.to_vec(),
        (_, error) => kinds(error, &message),
    };
    let best = (0..found.len())
        .filter(|&at| {
            kinds.contains(&found[at].kind) && is_near(&found[at], failure, &reached, &message)
        })
        .max_by_key(|&at| rank(&found[at], failure, &kinds, &message));
    if let Some(at) = best {
        found[at].raise(&failure.text);
        return;
    }
    // Anything else that was found on the same table.
    let any = (0..found.len())
        .filter(|&at| found[at].can_break || found[at].severity == Severity::Breaking)
        .filter(|&at| {
            found[at].kind != Kind::ProbeFailed && is_near(&found[at], failure, &reached, &message)
        })
        .max_by_key(|&at| rank(&found[at], failure, &kinds, &message));
    if let Some(at) = any {
        found[at].raise(&failure.text);
        return;
    }
    if failure.is_rekey && message.contains("FOREIGN KEY") {
        return;
    }
    let shown = schemas
        .before
        .tables
        .get(failure.table)
        .map(|table| table.name.as_str());
    let shown = shown.or_else(|| {
        schemas
            .before
            .views
            .get(failure.table)
            .map(|view| view.name.as_str())
    });
    let shown = shown.unwrap_or(failure.table);
    let is_told = found
        .iter()
        .any(|draft| draft.kind == Kind::ProbeFailed && draft.table == shown);
    if !is_told {
        found.push(Draft::new(
            Kind::ProbeFailed,
            Severity::Breaking,
            shown,
            failure.text.clone(),
        ));
    }
}

/// What explains that a read gives other rows.
const READ_KINDS: [Kind; 7] = [
    Kind::CollationChanged,
    Kind::TypeChanged,
    Kind::GeneratedChanged,
    Kind::ViewChanged,
    Kind::FtsChanged,
    Kind::TableRenamed,
    Kind::PrimaryKeyChanged,
];

/// Whether a finding is about something that the probe could reach.
fn is_near(
    draft: &Draft,
    failure: &Failure<'_>,
    reached: &BTreeSet<String>,
    message: &str,
) -> bool {
    let table = folded(&draft.table);
    table == failure.table
        || reached.contains(&table)
        || (!table.is_empty() && message.to_ascii_lowercase().contains(&table))
}

/// How well a finding explains a failure; the greatest is the one.
fn rank(
    draft: &Draft,
    failure: &Failure<'_>,
    kinds: &[Kind],
    message: &str,
) -> (usize, bool, bool, bool, bool) {
    let table = folded(&draft.table);
    let message = message.to_ascii_lowercase();
    let is_named = draft
        .columns
        .iter()
        .any(|name| message.contains(&format!("{table}.{name}")));
    let is_of_columns = draft
        .columns
        .iter()
        .any(|name| failure.columns.contains(name));
    let order = kinds
        .iter()
        .position(|kind| *kind == draft.kind)
        .map_or(0, |at| kinds.len() - at);
    let is_there = failure.differs_in == Some(table.as_str());
    (
        order,
        is_named,
        is_of_columns,
        is_there || table == failure.table,
        draft.can_break,
    )
}

/// The kinds that can explain an error, the most likely first.
fn kinds(error: Option<&rusqlite::Error>, message: &str) -> Vec<Kind> {
    use Kind as K;
    let code = match error {
        Some(rusqlite::Error::SqliteFailure(e, _)) => e.extended_code,
        Some(rusqlite::Error::SqlInputError { error, .. }) => error.extended_code,
        Some(_) => -1,
        None => {
            return vec![
                K::GeneratedChanged,
                K::TriggerAdded,
                K::TriggerDropped,
                K::TriggerChanged,
                K::ForeignKeyChanged,
                K::ForeignKeyDropped,
                K::ForeignKeyAdded,
                K::CollationChanged,
                K::UniqueDropped,
                K::UniqueAdded,
                K::TypeChanged,
                K::PrimaryKeyChanged,
                K::WithoutRowidChanged,
                K::ConflictClauseChanged,
                K::StrictAdded,
                K::NotNullAdded,
                K::ViewChanged,
                K::FtsChanged,
                K::TableRenamed,
            ];
        }
    };
    match code {
        ffi::SQLITE_CONSTRAINT_NOTNULL => vec![
            K::NotNullWithoutDefault,
            K::NotNullAdded,
            K::DefaultRemoved,
            K::PrimaryKeyChanged,
            K::WithoutRowidChanged,
            K::TriggerAdded,
            K::TriggerChanged,
            K::ColumnRenamed,
        ],
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => vec![
            K::UniqueAdded,
            K::CollationChanged,
            K::PrimaryKeyChanged,
            K::ConflictClauseChanged,
            K::TypeChanged,
            K::UniqueDropped,
            K::TriggerAdded,
            K::TriggerChanged,
        ],
        ffi::SQLITE_CONSTRAINT_CHECK => vec![
            K::CheckAdded,
            K::TypeChanged,
            K::DefaultRemoved,
            K::TriggerAdded,
            K::TriggerChanged,
        ],
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => vec![
            K::ForeignKeyAdded,
            K::ForeignKeyChanged,
            K::ForeignKeyDropped,
            K::RowsLost,
            K::TriggerAdded,
            K::TriggerChanged,
        ],
        ffi::SQLITE_CONSTRAINT_TRIGGER => vec![
            K::TriggerAdded,
            K::TriggerChanged,
            K::ForeignKeyChanged,
            K::ForeignKeyAdded,
        ],
        ffi::SQLITE_CONSTRAINT_DATATYPE | ffi::SQLITE_MISMATCH => vec![
            K::StrictAdded,
            K::TypeChanged,
            K::PrimaryKeyChanged,
            K::FtsChanged,
        ],
        _ if message.contains("ON CONFLICT clause does not match") => {
            vec![
                K::UniqueDropped,
                K::PrimaryKeyChanged,
                K::CollationChanged,
                K::TableRenamed,
            ]
        }
        _ if message.contains("foreign key mismatch") => {
            vec![
                K::ForeignKeyChanged,
                K::ForeignKeyAdded,
                K::UniqueDropped,
                K::PrimaryKeyChanged,
                K::CollationChanged,
            ]
        }
        _ if message.contains("generated column") => vec![K::GeneratedChanged],
        _ if message.contains("no such column") || message.contains("has no column") => {
            vec![
                K::ColumnDropped,
                K::ColumnRenamed,
                K::ViewChanged,
                K::FtsChanged,
                K::TriggerAdded,
                K::TriggerChanged,
            ]
        }
        _ if message.contains("no such table") => vec![
            K::TableDropped,
            K::TableRenamed,
            K::ViewDropped,
            K::TriggerAdded,
            K::TriggerChanged,
            K::ForeignKeyAdded,
        ],
        _ if message.contains("because it is a view") => {
            vec![K::TableRenamed, K::TriggerDropped, K::ViewChanged]
        }
        _ => vec![
            K::TriggerAdded,
            K::TriggerChanged,
            K::FtsChanged,
            K::ViewChanged,
        ],
    }
}
