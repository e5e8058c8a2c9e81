//! Does a release that worked on one database keep working on another, and is its data still there? Two SQLite files in, a
//! verdict out: [`compare`]. The files are only read. What has to be tried is tried on samples in memory, or on
//! temporary copies.

pub mod advice;
mod diff;
mod draft;
mod error;
mod gone;
mod integrity;
mod probes;
pub mod report;
mod rows;
mod schema;
mod source;
mod sql;
mod statements;

use std::path::Path;

use draft::Draft;
use report::{Kind, Report, Seen, Severity};
use rows::Both;
use source::Source;

pub use error::CompareError;
pub use source::SourceError;

/// Compares two databases: does a release that worked on `before` keep working on `after`, and is its data still there?
/// `statements` is a log of the statements of that release, as SQL.
///
/// # Errors
/// A file can't be read as a database, or there is no room for the copies that the statements run on.
pub fn compare(
    before: &Path,
    after: &Path,
    statements: Option<&str>,
) -> Result<Report, CompareError> {
    let (before, after) = (Source::new(before)?, Source::new(after)?);
    let (old, new) = (before.open()?, after.open()?);
    let was = schema::read::read(&old).map_err(|e| before.error(e))?;
    let is = schema::read::read(&new).map_err(|e| after.error(e))?;
    let both = Both::open(&before, &after)?;
    let mut found = diff::compare(&was, &is);
    let gone = gone::look(&both, &was, &is, &mut found);
    let rows = rows::compare(&both, &was, &is, &|name| gone.renamed.get(name).cloned());
    found.extend(rows.found);
    found.extend(integrity::compare(&old, &new, &was, &is));
    let schemas = probes::probe::Schemas {
        before: &was,
        after: &is,
        differing: &rows.differing,
    };
    let probes = probes::run(&both, schemas, &mut found).map_err(CompareError::Probes)?;
    let statements = match statements {
        Some(log) => statements::run((&before, &was), (&after, &is), log, &mut found)?,
        None => 0,
    };
    let seen = Seen {
        statements,
        probes,
        tables: was.tables.len(),
        rows: rows.rows,
    };
    if was.tables.is_empty() && is.tables.is_empty() {
        let text = "Neither database has a table, so nothing could be compared.";
        found.push(Draft::new(Kind::NothingSeen, Severity::Warn, "", text));
    }
    Ok(Report::new(
        found.into_iter().map(Draft::finish).collect(),
        seen,
    ))
}
