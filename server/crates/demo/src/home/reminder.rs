//! The app's timer: notes each dose that fell due, once, whichever colour sees it first. It runs only in
//! the colour that is live.

use std::sync::Arc;
use std::time::Duration;

use jiff::{ToSpan, Zoned};
use rusqlite::Transaction;

use super::app::Home;
use super::changes::{Change, Kind};
use super::log::log;
use super::store::StoreError;

/// How often the live colour checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Checks until shut down. A check that fails is logged and tried again.
pub(super) async fn run(home: Arc<Home>) {
    loop {
        if home.settings.is_live() {
            let now = home.clock.local();
            match home.store.write(move |t| note_due(t, &now)).await {
                Ok(noted) => {
                    for id in noted {
                        home.changes.publish(Change {
                            kind: Kind::Reminder,
                            id,
                        });
                    }
                }
                Err(error) => log(&format!(
                    "error: the reminders could not be checked: {error}"
                )),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
            () = home.shutdown.cancelled() => return,
        }
    }
}

/// Notes what fell due today up to `now` and returns the medicines whose reminder is new.
fn note_due(transaction: &Transaction<'_>, now: &Zoned) -> Result<Vec<i64>, StoreError> {
    let mut noted = Vec::new();
    let mut statement =
        transaction.prepare_cached("SELECT id, times FROM medicines ORDER BY id")?;
    let medicines = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, String)>, _>>()?;
    for (medicine, times) in medicines {
        for due_at in times.split(',').filter_map(|time| due(time, now)) {
            // The unique key is what makes it once; two colours may both be live for an instant.
            let new = transaction
                .prepare_cached(
                    "INSERT INTO reminders (medicine_id, due_at, noted_at) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO NOTHING",
                )?
                .execute((medicine, due_at, now.timestamp().as_second()))?;
            if new == 1 {
                noted.push(medicine);
            }
        }
    }
    Ok(noted)
}

/// The instant of the newest `HH:MM` that is not after `now`, if it is less than a day ago; `None` for
/// anything that is no time.
fn due(time: &str, now: &Zoned) -> Option<i64> {
    let time: jiff::civil::Time = format!("{}:00", time.trim()).parse().ok()?;
    let today = now.with().time(time).build().ok()?;
    let latest = if today <= *now {
        today
    } else {
        let yesterday = now.checked_sub(1.days()).ok()?;
        yesterday.with().time(time).build().ok()?
    };
    Some(latest.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dose_is_due_at_its_newest_time_of_day() {
        let now: Zoned = "2026-03-01T07:30:00[Europe/Berlin]".parse().unwrap();
        let hours_ago =
            |time| due(time, &now).map(|at| (now.timestamp().as_second() - at) as f64 / 3600.0);
        assert_eq!(hours_ago("07:00"), Some(0.5));
        assert_eq!(hours_ago("07:30"), Some(0.0));
        assert_eq!(hours_ago("20:00"), Some(11.5));
        assert_eq!(hours_ago("noon"), None);
    }

    #[test]
    fn each_due_dose_is_noted_once() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        connection
            .execute_batch(concat!(
                include_str!("../content/base/migrations/001-people-and-chores.sql"),
                include_str!("../content/base/migrations/002-medicine.sql"),
                "INSERT INTO people VALUES (1, 'Ada');
                 INSERT INTO medicines VALUES (5, 'M', 1, '1', '07:00,20:00');"
            ))
            .unwrap();
        let mut look = |now: &str| {
            let transaction = connection.transaction().unwrap();
            let noted = note_due(&transaction, &now.parse().unwrap()).unwrap();
            transaction.commit().unwrap();
            noted.len()
        };
        assert_eq!(look("2026-03-01T07:30:00[Europe/Berlin]"), 2);
        assert_eq!(look("2026-03-01T07:31:00[Europe/Berlin]"), 0);
        assert_eq!(look("2026-03-01T20:00:00[Europe/Berlin]"), 1);
    }
}
