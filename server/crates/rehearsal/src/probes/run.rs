//! Runs the probes on both copies, and compares how they end.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::copy::Copy;
use super::explain::{Failure, explain};
use super::probe::{Probe, Schemas};
use super::state::{self, Reach, State};
use crate::draft::Draft;

/// Rows that refer to nothing.
type Orphans = BTreeSet<Vec<String>>;

/// What a probe did on one copy.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    /// What its queries gave.
    results: Vec<Vec<Vec<String>>>,
    /// What it left.
    state: State,
    /// Rows that refer to nothing, where foreign keys are on: they would make COMMIT fail.
    orphans: Orphans,
}

/// Runs all probes, with foreign keys off and on. Returns how many worked before.
///
/// # Errors
/// SQLite refuses to switch foreign keys.
pub fn all(
    old: &Copy,
    new: &Copy,
    schemas: Schemas<'_>,
    probes: &[Probe],
    found: &mut Vec<Draft>,
) -> rusqlite::Result<usize> {
    let reach = Reach::new(schemas);
    let everything: BTreeSet<String> = schemas
        .before
        .tables
        .keys()
        .chain(schemas.before.views.keys())
        .cloned()
        .collect();
    let tables: BTreeSet<String> = schemas.before.tables.keys().cloned().collect();
    let (was, is) = (
        state::read(&old.conn, schemas, &everything),
        state::read(&new.conn, schemas, &everything),
    );
    // What differs before any probe is told by the rows themselves, or by the view that shows them.
    let differing: BTreeSet<String> = everything
        .into_iter()
        .filter(|name| was.get(name) != is.get(name))
        .collect();
    let dangling = (orphans(&old.conn, &tables)?, orphans(&new.conn, &tables)?);
    let runner = Runner {
        old,
        new,
        schemas,
        reach: &reach,
        differing: &differing,
        dangling,
    };
    runner.tell_views(&was, &is, found);
    let mut counted = 0;
    for foreign_keys in [false, true] {
        old.set_foreign_keys(foreign_keys)?;
        new.set_foreign_keys(foreign_keys)?;
        for probe in probes {
            counted += usize::from(runner.run(probe, foreign_keys, found));
        }
    }
    Ok(counted)
}

struct Runner<'a> {
    old: &'a Copy,
    new: &'a Copy,
    schemas: Schemas<'a>,
    reach: &'a Reach,
    differing: &'a BTreeSet<String>,
    /// Rows that refer to nothing before any probe, on both sides.
    dangling: (Orphans, Orphans),
}

impl Runner<'_> {
    /// A view that shows other rows although its tables hold the same.
    fn tell_views(&self, was: &State, is: &State, found: &mut Vec<Draft>) {
        for name in self.schemas.before.views.keys() {
            let mut told = self.schemas.differing.iter().chain(self.differing);
            let is_told = told.any(|table| table != name && self.reach.of(table).contains(name));
            if was.get(name) == is.get(name) || is_told {
                continue;
            }
            let text = match is.get(name) {
                Some(_) => "A read of the view gives other rows than before.",
                None => "A read of the view fails.",
            };
            let failure = Failure {
                table: name,
                columns: &[],
                error: None,
                differs_in: Some(name),
                is_read: true,
                is_rekey: false,
                text: text.to_owned(),
            };
            explain(self.schemas, self.reach, &failure, found);
        }
    }

    /// Whether it gives a row another id, which apps hardly do: a new table that refers to the row may forbid it.
    fn is_rekey(&self, probe: &Probe) -> bool {
        let table = self.schemas.before.tables.get(&probe.table);
        let alias = table.and_then(|table| table.alias.as_ref());
        let is_update = probe.what.starts_with("an update")
            && probe.columns.first() == alias
            && alias.is_some();
        is_update || probe.what.starts_with("a new key")
    }

    /// Whether it counted.
    fn run(&self, probe: &Probe, foreign_keys: bool, found: &mut Vec<Draft>) -> bool {
        let reached = self.reach.of(&probe.table);
        let work = |copy: &Copy, dangling: &Orphans| {
            let dangling = foreign_keys.then_some(dangling);
            copy.try_out(|conn| self.done(conn, probe, &reached, dangling))
        };
        let Ok(was) = work(self.old, &self.dangling.0) else {
            return false;
        };
        if !was.orphans.is_empty() {
            return false;
        }
        let keys = if foreign_keys {
            " with foreign keys on"
        } else {
            ""
        };
        match work(self.new, &self.dangling.1) {
            Err(e) => {
                let text = format!("{}{keys} fails: {e}.", capital(&probe.what));
                self.explain_error(probe, &e, text, found);
            }
            Ok(is) => self.compare(probe, &was, &is, keys, found),
        }
        true
    }

    fn explain_error(
        &self,
        probe: &Probe,
        error: &rusqlite::Error,
        text: String,
        found: &mut Vec<Draft>,
    ) {
        let failure = Failure {
            table: &probe.table,
            columns: &probe.columns,
            error: Some(error),
            differs_in: None,
            is_read: probe.is_read(),
            is_rekey: self.is_rekey(probe),
            text,
        };
        explain(self.schemas, self.reach, &failure, found);
    }

    fn compare(&self, probe: &Probe, was: &Done, is: &Done, keys: &str, found: &mut Vec<Draft>) {
        if !is.orphans.is_empty() {
            let text = format!(
                "{}{keys} leaves rows that refer to nothing, so that its COMMIT fails.",
                capital(&probe.what)
            );
            let e = rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
                Some("FOREIGN KEY constraint failed".to_owned()),
            );
            self.explain_error(probe, &e, text, found);
            return;
        }
        let differs = |name: &&String| {
            !self.differing.contains(*name) && was.state.get(*name) != is.state.get(*name)
        };
        let place = was.state.keys().find(differs);
        let is_read_told = self.differing.contains(&probe.table);
        let text = match place {
            Some(name) => {
                let example = example(&was.state, &is.state, name);
                format!(
                    "After {}{keys}, {name} holds something else than before: {example}.",
                    probe.what
                )
            }
            None if was.results != is.results && !is_read_told => {
                format!(
                    "{}{keys} gives other rows than before.",
                    capital(&probe.what)
                )
            }
            None => return,
        };
        let differs_in = place.map(String::as_str).or(Some(&probe.table));
        let failure = Failure {
            table: &probe.table,
            columns: &probe.columns,
            error: None,
            differs_in,
            is_read: probe.is_read(),
            is_rekey: self.is_rekey(probe),
            text,
        };
        explain(self.schemas, self.reach, &failure, found);
    }

    fn done(
        &self,
        conn: &Connection,
        probe: &Probe,
        reached: &BTreeSet<String>,
        dangling: Option<&Orphans>,
    ) -> rusqlite::Result<Done> {
        let mut results = Vec::new();
        for step in &probe.steps {
            let mut rows = state::dump(conn, &step.sql, &step.values)?;
            if !step.sql.contains(" ORDER BY ") {
                rows.sort();
            }
            results.push(rows);
        }
        let orphans = match dangling {
            Some(dangling) => orphans(conn, reached)?
                .difference(dangling)
                .cloned()
                .collect(),
            None => Orphans::new(),
        };
        let is_read = probe
            .steps
            .iter()
            .all(|step| step.sql.starts_with("SELECT"));
        let state = if is_read {
            State::new()
        } else {
            state::read(conn, self.schemas, reached)
        };
        Ok(Done {
            results,
            state,
            orphans,
        })
    }
}

fn orphans(conn: &Connection, reached: &BTreeSet<String>) -> rusqlite::Result<Orphans> {
    let mut found = Orphans::new();
    for name in reached {
        let sql = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check(?1)";
        found.extend(
            state::dump(conn, sql, &[rusqlite::types::Value::Text(name.clone())])
                .unwrap_or_default(),
        );
    }
    Ok(found)
}

fn example(was: &State, is: &State, name: &str) -> String {
    let (empty, none) = (Vec::new(), Vec::new());
    let (was, is) = (
        was.get(name).unwrap_or(&empty),
        is.get(name).unwrap_or(&none),
    );
    let only = |one: &[Vec<String>], other: &[Vec<String>]| {
        let row = one.iter().find(|row| !other.contains(row));
        row.map(|row| format!("({})", row.join(", ").chars().take(120).collect::<String>()))
    };
    match (only(was, is), only(is, was)) {
        (Some(was), Some(is)) => format!("{is} instead of {was}"),
        (Some(was), None) => format!("{was} is missing"),
        (None, Some(is)) => format!("{is} is there too"),
        (None, None) => format!("{} rows instead of {}", is.len(), was.len()),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
