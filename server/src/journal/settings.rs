//! Values that are kept under a name, such as the instant of the installation.

use rusqlite::{OptionalExtension, params};

use super::Journal;

impl Journal {
    /// A value that is kept under a name, such as the instant of the installation.
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

    /// Keeps a value under a name; `None` forgets it.
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
