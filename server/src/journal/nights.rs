//! The nights in the journal: whether each attempted nightly snapshot succeeded, and if not, why. A night without an attempt
//! is not here: the schedule knows what was due.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::instant;
use super::{Journal, keep_newest};
use crate::backup::SnapshotId;
use crate::names::AppName;

/// The setting that lists the snapshots dated by a clock that ran ahead. They don't count for their dates.
const MISDATED: &str = "misdated-snapshots";

/// One attempt of one night. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Night {
    /// The local date that it counts for.
    #[schemars(with = "String")]
    pub local_date: Date,
    /// When it ended.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The snapshot, if there is one.
    pub snapshot: Option<SnapshotId>,
    /// What failed, as a phrase: why there is no snapshot or, if there is one, what failed after it.
    pub failed: Option<String>,
}

impl Journal {
    /// Records the result of a night.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_night(&self, app: AppName, night: Night) -> anyhow::Result<()> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO night(app, local_date, at, snapshot, failed) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    app.as_str(),
                    night.local_date.to_string(),
                    night.at.as_millisecond(),
                    night.snapshot.map(|id| id.to_string()),
                    night.failed,
                ],
            )?;
            keep_newest(&transaction, "night", &app)?;
            transaction.commit()
        })
        .await?;
        self.touch();
        Ok(())
    }

    /// The snapshots, of whichever app, that were seen while they were dated in the future.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn misdated(&self) -> anyhow::Result<BTreeSet<SnapshotId>> {
        let text = self.setting(MISDATED).await?;
        Ok(text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    /// Adds snapshots to those, and returns all of them. The apps share the setting, and add to it at the same time.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn add_misdated(
        &self,
        more: BTreeSet<SnapshotId>,
    ) -> anyhow::Result<BTreeSet<SnapshotId>> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let mut all = more;
            let known: Option<String> = transaction
                .query_row(
                    "SELECT value FROM setting WHERE key = ?1",
                    [MISDATED],
                    |row| row.get(0),
                )
                .optional()?;
            all.extend(
                known
                    .and_then(|text| serde_json::from_str::<BTreeSet<SnapshotId>>(&text).ok())
                    .unwrap_or_default(),
            );
            let text = serde_json::to_string(&all)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
            transaction.execute(
                "INSERT INTO setting(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                params![MISDATED, text],
            )?;
            transaction.commit()?;
            Ok(all)
        })
        .await
    }

    /// Whether any night gave a snapshot, as far as the journal goes back.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn has_good_night(&self, app: AppName) -> anyhow::Result<bool> {
        self.with(move |connection| {
            let any = "SELECT EXISTS (SELECT 1 FROM night WHERE app = ?1 AND snapshot IS NOT NULL)";
            connection.query_row(any, [app.as_str()], |row| row.get(0))
        })
        .await
    }

    /// The newest attempts, newest first, `limit` at most.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn nights(&self, app: AppName, limit: u32) -> anyhow::Result<Vec<Night>> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT local_date, at, snapshot, failed FROM night WHERE app = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![app.as_str(), limit], night_of)?;
            rows.collect()
        })
        .await
    }
}

fn night_of(row: &Row<'_>) -> rusqlite::Result<Night> {
    Ok(Night {
        local_date: row.get::<_, String>(0)?.parse().unwrap_or(Date::ZERO),
        at: instant(row.get(1)?),
        snapshot: row
            .get::<_, Option<String>>(2)?
            .and_then(|id| id.parse().ok()),
        failed: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_several_apps_find_misdated_at_once_is_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let ids: Vec<SnapshotId> = (1..=8)
            .map(|day| format!("2099-01-0{day}T033000Z").parse().unwrap())
            .collect();
        let adding = ids.iter().map(|id| journal.add_misdated([*id].into()));
        futures_util::future::try_join_all(adding).await.unwrap();
        let all: BTreeSet<SnapshotId> = ids.into_iter().collect();
        assert_eq!(journal.misdated().await.unwrap(), all);
        assert_eq!(journal.add_misdated(BTreeSet::new()).await.unwrap(), all);
    }
}
