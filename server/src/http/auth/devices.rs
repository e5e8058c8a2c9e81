//! Browsers that have signed in before. Each holds a cookie with 256 random bits that is worth a sign-in budget of its
//! own, and nothing else: it opens no page and signs nobody in. Only its hash is kept, beside the sessions.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{hash_of, random_token};
use crate::journal::Journal;

/// How long a browser is remembered, in seconds: a year.
pub const DEVICE_LIFETIME_SECONDS: i64 = 365 * 24 * 60 * 60;
/// How many browsers are remembered; the oldest are forgotten first.
const MAX_DEVICES: u32 = 100;
/// What tells them from sessions, whose handles never hold a colon.
const PREFIX: &str = "device:";

/// The browsers that are remembered.
#[derive(Debug, Clone)]
pub struct Devices {
    journal: Journal,
}

/// A browser that was remembered just now.
#[derive(Debug)]
pub struct NewDevice {
    /// The cookie's value, known to the browser alone.
    pub token: String,
    /// What it is forgotten by.
    pub handle: String,
}

impl Devices {
    pub(super) fn new(journal: Journal) -> Devices {
        Devices { journal }
    }

    /// Remembers a browser.
    ///
    /// # Errors
    /// The journal can't be written, or the machine has no randomness.
    pub async fn remember(&self) -> anyhow::Result<NewDevice> {
        let token = random_token()?;
        let handle = handle_of(&token);
        let row = handle.clone();
        self.journal
            .with(move |connection| {
                let now = Timestamp::now().as_second();
                let transaction = connection.transaction()?;
                transaction.execute(
                    "INSERT INTO session(id, data, expires) VALUES (?1, '{}', ?2)",
                    params![row, now + DEVICE_LIFETIME_SECONDS],
                )?;
                transaction.execute(
                    "DELETE FROM session WHERE substr(id, 1, length(?1)) = ?1 AND (expires <= ?2 OR id NOT IN
                     (SELECT id FROM session WHERE substr(id, 1, length(?1)) = ?1
                      ORDER BY expires DESC, id = ?3 DESC LIMIT ?4))",
                    params![PREFIX, now, row, MAX_DEVICES],
                )?;
                transaction.commit()
            })
            .await?;
        Ok(NewDevice { token, handle })
    }

    /// The handle of the browser that holds this cookie, if it is remembered.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn known(&self, token: &str) -> anyhow::Result<Option<String>> {
        let handle = handle_of(token);
        self.journal
            .with(move |connection| {
                connection
                    .prepare_cached("SELECT id FROM session WHERE id = ?1 AND expires > ?2")?
                    .query_row(params![handle, Timestamp::now().as_second()], |row| {
                        row.get(0)
                    })
                    .optional()
            })
            .await
    }

    /// Forgets a browser.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn forget(&self, handle: String) -> anyhow::Result<()> {
        self.journal
            .with(move |connection| {
                connection.execute(
                    "DELETE FROM session WHERE id = ?1 AND substr(id, 1, length(?2)) = ?2",
                    params![handle, PREFIX],
                )
            })
            .await
            .map(drop)
    }
}

fn handle_of(token: &str) -> String {
    format!("{PREFIX}{}", hash_of(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_browser_is_known_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let devices = Devices::new(Journal::open(dir.path()).unwrap());
        let device = devices.remember().await.unwrap();
        let known = devices.known(&device.token).await.unwrap();
        assert_eq!(known.as_ref(), Some(&device.handle));
        assert!(!device.handle.contains(&device.token));
        assert_eq!(devices.known("a guess").await.unwrap(), None);
        devices.forget(device.handle).await.unwrap();
        assert_eq!(devices.known(&device.token).await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_number_of_browsers_is_bounded_and_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let devices = Devices::new(journal.clone());
        let mut newest = devices.remember().await.unwrap();
        for _ in 0..MAX_DEVICES {
            newest = devices.remember().await.unwrap();
        }
        let rows: u32 = journal
            .with(|connection| {
                connection.query_row("SELECT count(*) FROM session", [], |row| row.get(0))
            })
            .await
            .unwrap();
        assert_eq!(rows, MAX_DEVICES);
        assert!(devices.known(&newest.token).await.unwrap().is_some());
    }
}
