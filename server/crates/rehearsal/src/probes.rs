//! What the old release could do before, tried on small copies in memory: each probe runs on a sample of the database before,
//! and, if it works there, on the same rows after. Each is rolled back. The files are only read.

mod all;
mod copy;
mod explain;
pub mod frozen;
mod invent;
mod plan;
pub mod probe;
mod run;
mod sample;
mod search;
mod special;
mod state;

use std::collections::BTreeSet;

use crate::draft::Draft;
use crate::report::{Kind, Severity};
use crate::rows::{Both, Side};
use crate::schema::Object;
use probe::Schemas;

/// How many probes are tried at most, so that the time is bounded however many tables there are.
const MAX_PROBES: usize = 40_000;

/// Runs all probes, raises the findings that explain what fails, and adds what nothing explains. Returns how many counted.
///
/// # Errors
/// A database can't be read, or SQLite is out of memory.
pub fn run(both: &Both, schemas: Schemas<'_>, found: &mut Vec<Draft>) -> rusqlite::Result<usize> {
    let samples = sample::take(both, schemas)?;
    let old = copy::build(schemas.before, &samples, Side::Old)?;
    let new = copy::build(schemas.after, &samples, Side::New)?;
    if copy::make_strict(&old, schemas.before)? {
        new.conn
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    }
    tell_unbuilt(schemas, &old, &new, found);
    let mut probes = all::plan(&old, schemas, &samples)?;
    let all = probes.len();
    probes.truncate(MAX_PROBES);
    if all > MAX_PROBES {
        let text = format!(
            "{} of {all} probes were left out, since there are so many tables.",
            all - MAX_PROBES
        );
        found.push(Draft::new(Kind::NotJudged, Severity::Warn, "", text));
    }
    run::all(&old, &new, schemas, &probes, found)
}

/// What can't be made in memory can't be probed: a module, a function, a collation that only the app has.
fn tell_unbuilt(schemas: Schemas<'_>, old: &copy::Copy, new: &copy::Copy, found: &mut Vec<Draft>) {
    let told: BTreeSet<String> = found
        .iter()
        .filter(|draft| draft.kind == Kind::NotJudged)
        .map(|draft| draft.table.to_ascii_lowercase())
        .collect();
    let failures = old.unbuilt.iter().chain(&new.unbuilt);
    for (object, table, why) in failures {
        let Some(known) = schemas.before.tables.get(table) else {
            continue;
        };
        if *object != Object::Trigger && !told.contains(table) {
            let text = format!("{} could not be probed: {why}.", known.name);
            found.push(Draft::new(
                Kind::NotJudged,
                Severity::Warn,
                &known.name,
                text,
            ));
        }
    }
    let own = |key: &&crate::schema::Key| {
        key.terms
            .iter()
            .any(|term| !crate::rows::is_known(&term.collation))
    };
    for table in schemas.before.tables.values() {
        let columns = table
            .columns
            .iter()
            .any(|column| !crate::rows::is_known(&column.collation));
        if columns || table.keys.iter().any(|key| own(&key)) {
            let text = format!(
                "{} uses a collation that only the app has; it was probed with a plain one.",
                table.name
            );
            found.push(Draft::new(
                Kind::NotJudged,
                Severity::Warn,
                &table.name,
                text,
            ));
        }
    }
}
