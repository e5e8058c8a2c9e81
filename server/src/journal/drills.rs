//! The restore drills in the journal: which snapshot was unpacked, and what came of it.

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::columns::instant;
use super::{Journal, keep_newest};
use crate::backup::SnapshotId;
use crate::names::AppName;

/// One drill. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Drill {
    /// When it ended.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The snapshot; none if there was none to unpack.
    pub snapshot: Option<SnapshotId>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it failed, as a phrase; none if it did not.
    pub failed: Option<String>,
    /// What a person should look at, each as a phrase: `table doses has 10 rows, and had 900`.
    pub warnings: Vec<String>,
}

impl Journal {
    /// Records the result of a drill.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_drill(&self, app: AppName, drill: Drill) -> anyhow::Result<()> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO drill(app, at, snapshot, took_ms, failed, warnings) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    app.as_str(),
                    drill.at.as_millisecond(),
                    drill.snapshot.map(|id| id.to_string()),
                    i64::try_from(drill.took_ms).unwrap_or(i64::MAX),
                    drill.failed,
                    drill.warnings.join("\n"),
                ],
            )?;
            keep_newest(&transaction, "drill", &app)?;
            transaction.commit()
        })
        .await?;
        self.touch();
        Ok(())
    }

    /// The newest drills, newest first, `limit` at most.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn drills(&self, app: AppName, limit: u32) -> anyhow::Result<Vec<Drill>> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT at, snapshot, took_ms, failed, warnings FROM drill WHERE app = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![app.as_str(), limit], drill_of)?;
            rows.collect()
        })
        .await
    }
}

fn drill_of(row: &Row<'_>) -> rusqlite::Result<Drill> {
    Ok(Drill {
        at: instant(row.get(0)?),
        snapshot: row
            .get::<_, Option<String>>(1)?
            .and_then(|id| id.parse().ok()),
        took_ms: row.get::<_, i64>(2)?.unsigned_abs(),
        failed: row.get(3)?,
        warnings: row
            .get_ref(4)?
            .as_str()?
            .lines()
            .map(str::to_owned)
            .collect(),
    })
}
