//! What the pages and `/api/state` read. Every statement names its columns, so that columns which another release added
//! do no harm.

use rusqlite::{Row, Transaction, params};
use serde::Serialize;

use super::release::Features;
use super::store::StoreError;

const DAY_S: i64 = 86_400;
/// A reminder is shown this long, and met by a dose taken up to two hours before it.
const REMINDER_SHOWN_S: i64 = 12 * 3600;
const MAX_EARLY_DOSE_S: i64 = 2 * 3600;

/// Somebody who lives here.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Person {
    pub id: i64,
    pub name: String,
}

/// A chore and when it was last done.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Chore {
    pub id: i64,
    pub name: String,
    pub every_days: i64,
    pub person_id: i64,
    pub person: String,
    /// Seconds since 1970.
    pub last_done_at: Option<i64>,
    pub last_done_by: Option<String>,
    pub due: bool,
}

/// A medicine that somebody takes.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Medicine {
    pub id: i64,
    pub name: String,
    pub person_id: i64,
    pub person: String,
    pub amount: String,
    /// Local times of day, `HH:MM`, separated by commas.
    pub times: String,
}

/// A dose that was taken.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Dose {
    pub id: i64,
    pub taken_at: i64,
    pub person: String,
    pub medicine: String,
    pub amount: String,
    /// Empty in releases without notes.
    pub note: String,
}

/// A dose that fell due and was not taken yet.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Reminder {
    pub medicine_id: i64,
    pub due_at: i64,
}

/// Something on the shopping list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Item {
    pub id: i64,
    pub name: String,
    pub person: String,
    pub added_at: i64,
    pub bought_at: Option<i64>,
}

/// How many rows the growing tables hold.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Counts {
    pub chore_runs: i64,
    pub doses: i64,
    pub shopping_items: i64,
    pub entries: i64,
}

/// Everything that a page shows, read in one transaction.
#[derive(Debug, Clone, Serialize)]
pub(super) struct State {
    pub people: Vec<Person>,
    pub chores: Vec<Chore>,
    pub medicines: Vec<Medicine>,
    pub doses: Vec<Dose>,
    pub reminders: Vec<Reminder>,
    pub shopping: Vec<Item>,
    pub bought: Vec<Item>,
}

impl Person {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Person> {
        Ok(Person {
            id: row.get(0)?,
            name: row.get(1)?,
        })
    }
}

impl Medicine {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Medicine> {
        Ok(Medicine {
            id: row.get(0)?,
            name: row.get(1)?,
            person_id: row.get(2)?,
            person: row.get(3)?,
            amount: row.get(4)?,
            times: row.get(5)?,
        })
    }
}

impl Dose {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Dose> {
        Ok(Dose {
            id: row.get(0)?,
            taken_at: row.get(1)?,
            person: row.get(2)?,
            medicine: row.get(3)?,
            amount: row.get(4)?,
            note: row.get(5)?,
        })
    }
}

impl Reminder {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Reminder> {
        Ok(Reminder {
            medicine_id: row.get(0)?,
            due_at: row.get(1)?,
        })
    }
}

impl Chore {
    fn from_row(row: &Row<'_>, now: i64) -> rusqlite::Result<Chore> {
        let every_days: i64 = row.get(2)?;
        let last_done_at: Option<i64> = row.get(5)?;
        Ok(Chore {
            id: row.get(0)?,
            name: row.get(1)?,
            every_days,
            person_id: row.get(3)?,
            person: row.get(4)?,
            last_done_at,
            last_done_by: row.get(6)?,
            due: last_done_at.is_none_or(|last| last + every_days * DAY_S <= now),
        })
    }
}

impl State {
    /// Reads the state at `now` (seconds since 1970), with the newest few rows of what grows.
    pub(super) fn read(
        transaction: &Transaction<'_>,
        features: Features,
        now: i64,
    ) -> Result<State, StoreError> {
        let own_columns = dose_columns(features);
        let doses = format!(
            "SELECT d.id, d.taken_at, p.name, m.name, {own_columns}
             FROM doses d JOIN people p ON p.id = d.person_id JOIN medicines m ON m.id = d.medicine_id
             ORDER BY d.id DESC LIMIT 12"
        );
        Ok(State {
            people: rows(transaction, "SELECT id, name FROM people ORDER BY id", [], Person::from_row)?,
            chores: rows(
                transaction,
                "SELECT c.id, c.name, c.every_days, c.person_id, p.name, r.done_at, d.name
                 FROM chores c JOIN people p ON p.id = c.person_id
                 LEFT JOIN chore_runs r ON r.id = (
                     SELECT id FROM chore_runs WHERE chore_id = c.id ORDER BY done_at DESC, id DESC LIMIT 1)
                 LEFT JOIN people d ON d.id = r.person_id
                 ORDER BY c.id",
                [],
                |row| Chore::from_row(row, now),
            )?,
            medicines: rows(
                transaction,
                "SELECT m.id, m.name, m.person_id, p.name, m.amount, m.times
                 FROM medicines m JOIN people p ON p.id = m.person_id ORDER BY m.id",
                [],
                Medicine::from_row,
            )?,
            doses: rows(transaction, &doses, [], Dose::from_row)?,
            reminders: rows(
                transaction,
                "SELECT r.medicine_id, max(r.due_at) FROM reminders r
                 WHERE r.due_at > ?1 AND NOT EXISTS (
                     SELECT 1 FROM doses d WHERE d.medicine_id = r.medicine_id AND d.taken_at >= r.due_at - ?2)
                 GROUP BY r.medicine_id ORDER BY r.medicine_id",
                params![now - REMINDER_SHOWN_S, MAX_EARLY_DOSE_S],
                Reminder::from_row,
            )?,
            shopping: items(transaction, "i.bought_at IS NULL ORDER BY i.id DESC LIMIT 30")?,
            bought: items(transaction, "i.bought_at IS NOT NULL ORDER BY i.id DESC LIMIT 6")?,
        })
    }

    /// The medicine with this id.
    pub(super) fn medicine(&self, id: i64) -> Option<&Medicine> {
        self.medicines.iter().find(|medicine| medicine.id == id)
    }
}

impl Counts {
    /// Counts them, which takes longer the more there are.
    pub(super) fn read(transaction: &Transaction<'_>) -> Result<Counts, StoreError> {
        let counts = transaction.query_row(
            "SELECT (SELECT count(*) FROM chore_runs), (SELECT count(*) FROM doses),
                    (SELECT count(*) FROM shopping_items), (SELECT count(*) FROM entries)",
            [],
            |row| {
                Ok(Counts {
                    chore_runs: row.get(0)?,
                    doses: row.get(1)?,
                    shopping_items: row.get(2)?,
                    entries: row.get(3)?,
                })
            },
        )?;
        Ok(counts)
    }
}

/// Whether this release can read what it shows: a cheap query for the columns that differ by release.
pub(super) fn check(transaction: &Transaction<'_>, features: Features) -> Result<(), StoreError> {
    let sql = format!("SELECT {} FROM doses d LIMIT 1", dose_columns(features));
    // An empty table is as good as a full one.
    transaction.prepare_cached(&sql)?.exists([])?;
    Ok(())
}

/// A dose's amount and note, whatever this release calls them.
fn dose_columns(features: Features) -> String {
    let amount = match features.doses_in_milligrams {
        true => "d.milligrams || ' mg'",
        false => "d.amount",
    };
    let note = match features.dose_notes {
        true => "d.note",
        false => "''",
    };
    format!("{amount}, {note}")
}

fn items(transaction: &Transaction<'_>, which: &str) -> Result<Vec<Item>, StoreError> {
    let sql = format!(
        "SELECT i.id, i.name, p.name, i.added_at, i.bought_at
         FROM shopping_items i JOIN people p ON p.id = i.person_id WHERE {which}"
    );
    rows(transaction, &sql, [], |row| {
        Ok(Item {
            id: row.get(0)?,
            name: row.get(1)?,
            person: row.get(2)?,
            added_at: row.get(3)?,
            bought_at: row.get(4)?,
        })
    })
}

fn rows<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    values: impl rusqlite::Params,
    make: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = transaction.prepare_cached(sql)?;
    let made = statement
        .query_map(values, make)?
        .collect::<Result<_, _>>()?;
    Ok(made)
}
