//! The changes that the forms ask for, each inside a transaction of its caller. A person, chore, medicine
//! or item that is not there is an error, and then nothing is changed.

use rusqlite::{OptionalExtension, Transaction, params};

use super::release::Features;
use super::store::StoreError;

/// Takes a dose; without an amount it is the medicine's usual one.
pub(super) fn take_dose(
    transaction: &Transaction<'_>,
    features: Features,
    (person, medicine): (i64, i64),
    amount: Option<&str>,
    note: &str,
    now: i64,
) -> Result<i64, StoreError> {
    exists(transaction, "people", "person", person)?;
    exists(transaction, "medicines", "medicine", medicine)?;
    let usual: String = transaction.query_row(
        "SELECT amount FROM medicines WHERE id = ?1",
        [medicine],
        |row| row.get(0),
    )?;
    let amount = amount.unwrap_or(&usual);
    let (column, amount): (_, Box<dyn rusqlite::ToSql>) = match features.doses_in_milligrams {
        true => ("milligrams", Box::new(leading_number(amount))),
        false => ("amount", Box::new(amount.to_owned())),
    };
    if features.dose_notes {
        let sql = format!(
            "INSERT INTO doses (taken_at, person_id, medicine_id, {column}, note) VALUES (?1, ?2, ?3, ?4, ?5)"
        );
        transaction
            .prepare_cached(&sql)?
            .execute(params![now, person, medicine, amount, note])?;
    } else {
        let sql = format!(
            "INSERT INTO doses (taken_at, person_id, medicine_id, {column}) VALUES (?1, ?2, ?3, ?4)"
        );
        transaction
            .prepare_cached(&sql)?
            .execute(params![now, person, medicine, amount])?;
    }
    Ok(transaction.last_insert_rowid())
}

/// Notes that a chore was done, by `person` or by whose turn it is.
pub(super) fn finish_chore(
    transaction: &Transaction<'_>,
    chore: i64,
    person: Option<i64>,
    now: i64,
) -> Result<i64, StoreError> {
    exists(transaction, "chores", "chore", chore)?;
    if let Some(person) = person {
        exists(transaction, "people", "person", person)?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO chore_runs (chore_id, person_id, done_at)
             SELECT id, coalesce(?2, person_id), ?3 FROM chores WHERE id = ?1",
        )?
        .execute(params![chore, person, now])?;
    Ok(transaction.last_insert_rowid())
}

/// Puts something on the list.
pub(super) fn add_item(
    transaction: &Transaction<'_>,
    name: &str,
    person: i64,
    now: i64,
) -> Result<i64, StoreError> {
    exists(transaction, "people", "person", person)?;
    transaction
        .prepare_cached(
            "INSERT INTO shopping_items (name, person_id, added_at) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![name, person, now])?;
    Ok(transaction.last_insert_rowid())
}

/// Takes something off the list. What was bought before stays bought at that time.
pub(super) fn buy_item(
    transaction: &Transaction<'_>,
    item: i64,
    now: i64,
) -> Result<i64, StoreError> {
    exists(transaction, "shopping_items", "item on the list", item)?;
    transaction
        .prepare_cached(
            "UPDATE shopping_items SET bought_at = ?2 WHERE id = ?1 AND bought_at IS NULL",
        )?
        .execute(params![item, now])?;
    Ok(item)
}

fn exists(
    transaction: &Transaction<'_>,
    table: &str,
    what: &'static str,
    id: i64,
) -> Result<(), StoreError> {
    let found: Option<i64> = transaction
        .prepare_cached(&format!("SELECT 1 FROM {table} WHERE id = ?1"))?
        .query_row([id], |row| row.get(0))
        .optional()?;
    found.map(|_| ()).ok_or(StoreError::NoSuch(what))
}

/// `500` of `500 mg`; 0 if it begins with no number.
fn leading_number(text: &str) -> i64 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
