//! All probes of all old tables and views.

use rusqlite::types::Value;

use super::copy::Copy;
use super::invent::row;
use super::plan::Plan;
use super::probe::{Probe, Schemas};
use super::sample::Samples;
use super::state::Reach;
use super::{search, special};
use crate::rows::Side;
use crate::schema::is_bookkeeping;

/// Plans the probes of all old tables and views.
///
/// # Errors
/// A copy can't be used.
pub fn plan(old: &Copy, schemas: Schemas<'_>, samples: &Samples) -> rusqlite::Result<Vec<Probe>> {
    let mut probes = Vec::new();
    let reach = Reach::new(schemas);
    for (name, table) in &schemas.before.tables {
        let is_there =
            schemas.after.tables.contains_key(name) || schemas.after.views.contains_key(name);
        if !is_there || is_bookkeeping(name) || table.unreadable.is_some() {
            continue;
        }
        if !table.is_plain() {
            search::plan(schemas, samples, &reach, table, &mut probes);
            continue;
        }
        old.set_foreign_keys(true)?;
        let mut bases: Vec<Vec<Value>> = samples
            .of(Side::Old, name)
            .iter()
            .map(|row| row.values.clone())
            .collect();
        let mut setup = Vec::new();
        if bases.is_empty()
            && let Some((steps, values)) = row(old, schemas, samples, name, 4)
        {
            setup = steps;
            bases.push(values);
        }
        let plan = Plan {
            old,
            schemas,
            table,
            name,
            bases,
            setup,
        };
        plan.add_all(&mut probes);
        special::checks(&plan, &mut probes);
        special::duplicates(&plan, &mut probes);
    }
    special::views(schemas, &mut probes);
    Ok(probes)
}
