//! Values stored by name, such as the time of the installation.

use rusqlite::{OptionalExtension, params};

use super::Journal;

impl Journal {
    /// The value stored under a name.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn setting(&self, key: &'static str) -> anyhow::Result<Option<String>> {
        self.with(move |connection| {
            connection
                .query_row("SELECT value FROM setting WHERE key = ?1", [key], |row| {
                    row.get(0)
                })
                .optional()
        })
        .await
    }

    /// Stores a value under a name; `None` removes it.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn set_setting(
        &self,
        key: &'static str,
        value: Option<String>,
    ) -> anyhow::Result<()> {
        self.with(move |connection| {
            match value {
                Some(value) => connection.execute(
                    "INSERT INTO setting(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                    params![key, value],
                )?,
                None => connection.execute("DELETE FROM setting WHERE key = ?1", [key])?,
            };
            Ok(())
        })
        .await
    }
}
