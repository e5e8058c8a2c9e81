//! What to do about each kind of finding: what to ship now, and what to ship next.

use crate::report::Kind;

/// The advice for a finding.
pub fn advice(kind: Kind, table: &str, column: Option<&str>) -> String {
    let column = column.unwrap_or("the column");
    match kind {
        Kind::TableDropped => format!("Ship now: a release that no longer uses {table}. Ship next: the migration that drops it."),
        Kind::TableRenamed => format!("Ship now: the new table beside {table}, filled by triggers, and code that writes both. Ship next: the migration that drops {table}."),
        Kind::ColumnDropped => format!("Ship now: a release that neither reads nor writes {column}. Ship next: the migration that drops it."),
        Kind::ColumnRenamed => format!("Ship now: add the column under its new name, copy the values, and write both. Ship next: the migration that drops {column}."),
        Kind::NotNullWithoutDefault => format!("Ship now: {column} as nullable or with a DEFAULT in the database; a default in the ORM is not enough. Ship next: NOT NULL, when no release inserts without it."),
        Kind::NotNullAdded => format!("Ship now: a release that always writes {column}, and fill the old rows. Ship next: NOT NULL."),
        Kind::DefaultRemoved => format!("Ship now: a release that always supplies {column}. Ship next: the migration that removes the default."),
        Kind::DefaultChanged => "Check that rows with the old and the new default can live side by side.".to_owned(),
        Kind::TypeChanged => "Ship now: a second column with the new type, and write both. Ship next: read only the new one, then drop the old one.".to_owned(),
        Kind::UniqueAdded => "Ship now: a release that never writes duplicates. Ship next: the unique key.".to_owned(),
        Kind::UniqueDropped => "Ship now: a release without ON CONFLICT, OR REPLACE or OR IGNORE that relies on this key. Ship next: the migration that drops it. With --statements you can show that nothing relies on it.".to_owned(),
        Kind::CheckAdded | Kind::StrictAdded => "Ship now: a release that writes only what the new rule allows. Ship next: the rule.".to_owned(),
        Kind::ForeignKeyAdded | Kind::ForeignKeyChanged | Kind::ForeignKeyDropped => "Ship now: a release that works with either foreign key, deleting or updating children itself. Ship next: the changed key.".to_owned(),
        Kind::PrimaryKeyChanged | Kind::WithoutRowidChanged => format!("Ship now: a new table beside {table} and code that writes both. Ship next: read only the new one, then drop the old one."),
        Kind::ConflictClauseChanged => "Ship now: a release that says what to do on a conflict in each statement. Ship next: the changed constraint.".to_owned(),
        Kind::AutoincrementLost => "Rebuild the table with AUTOINCREMENT, and copy its row of sqlite_sequence, so that no id is handed out twice.".to_owned(),
        Kind::CollationChanged => "Rebuild the table with the collation that it had. If the change is meant: ship a release that works with both first.".to_owned(),
        Kind::GeneratedChanged => "Ship now: a second column with the new expression. Ship next: drop the old one.".to_owned(),
        Kind::TriggerAdded => "Let the new trigger accept and leave alone what the release from before writes, or ship it with the next release.".to_owned(),
        Kind::TriggerDropped | Kind::TriggerChanged => "Rebuild the trigger as it was: dropping a table drops its triggers. If the change is meant: ship a release that needs neither first.".to_owned(),
        Kind::ViewChanged | Kind::ViewDropped => "Ship now: a second view under a new name. Ship next: drop the old one, when no release reads it.".to_owned(),
        Kind::FtsChanged => "Ship now: a second full-text table beside the old one, filled by triggers. Ship next: drop the old one.".to_owned(),
        Kind::RowsLost => "Keep the rows, and delete them with a later release. If a rebuilt table's children lost rows: switch foreign keys off before the transaction begins.".to_owned(),
        Kind::ValuesChanged => "Write the new values into a new column, and leave the old ones until no release reads them.".to_owned(),
        Kind::ColumnOrderChanged => "Append new columns at the end, or name the columns in every INSERT and SELECT.".to_owned(),
        Kind::IntegrityWorse => "Mend the migration, so that PRAGMA integrity_check and PRAGMA foreign_key_check find no more than before.".to_owned(),
        Kind::SlowMigration => "Split the migration into short transactions, or run it with --maintenance.".to_owned(),
        Kind::ProbeFailed | Kind::StatementFailed | Kind::StatementDiffers => "Change the migration so that this still works as it did, or ship a release first that does without it.".to_owned(),
        Kind::NotJudged => "Test by hand that the release from before still works with this.".to_owned(),
        Kind::NothingSeen => "Name the app's own database.".to_owned(),
        Kind::IndexDropped => "Nothing has to change; queries may be slower.".to_owned(),
        Kind::NotNullDropped | Kind::CheckDropped | Kind::StrictDropped => "Make sure that the release from before can read what the new one may store now.".to_owned(),
        Kind::AutoincrementAdded | Kind::ColumnAdded | Kind::TableAdded | Kind::RowsAdded => "Nothing has to change.".to_owned(),
    }
}
