//! The laptops' pulls in the journal: who came, when, and what was found whole there.

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::columns::instant;
use super::{Journal, keep_newest};
use crate::backup::SnapshotId;
use crate::names::AppName;

/// One pull, as the laptop reported it. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pull {
    /// When it ended, by this machine's clock.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The laptop's name.
    pub laptop: String,
    /// The newest snapshot in its copy, if reported.
    pub newest: Option<SnapshotId>,
    /// How many intact snapshots it has, if reported.
    pub whole: Option<u32>,
    /// How many are damaged or missing, if reported.
    pub damaged: Option<u32>,
}

impl Journal {
    /// Records a pull.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_pull(&self, app: AppName, pull: Pull) -> anyhow::Result<()> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO pull(app, at, laptop, newest, whole, damaged) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    app.as_str(),
                    pull.at.as_millisecond(),
                    pull.laptop,
                    pull.newest.map(|id| id.to_string()),
                    pull.whole,
                    pull.damaged,
                ],
            )?;
            keep_newest(&transaction, "pull", &app)?;
            transaction.commit()
        })
        .await?;
        self.touch();
        Ok(())
    }

    /// The newest pulls, newest first, `limit` at most.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn pulls(&self, app: AppName, limit: u32) -> anyhow::Result<Vec<Pull>> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT at, laptop, newest, whole, damaged FROM pull WHERE app = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![app.as_str(), limit], pull_of)?;
            rows.collect()
        })
        .await
    }
}

fn pull_of(row: &Row<'_>) -> rusqlite::Result<Pull> {
    Ok(Pull {
        at: instant(row.get(0)?),
        laptop: row.get(1)?,
        newest: row
            .get::<_, Option<String>>(2)?
            .and_then(|id| id.parse().ok()),
        whole: row.get(3)?,
        damaged: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MAX_ROWS_PER_APP;

    #[tokio::test]
    async fn whoever_leaves_word_again_and_again_fills_no_disk() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let many = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 3 * ?1)
                    INSERT INTO pull(app, at, laptop) SELECT iif(i % 3 = 0, 'other', 'home'), i, 'anna' FROM n";
        let fill = journal.with(move |connection| connection.execute(many, [MAX_ROWS_PER_APP]));
        fill.await.unwrap();
        let home: AppName = "home".parse().unwrap();
        let newest = Pull {
            at: Timestamp::from_second(1_800_000_000).unwrap(),
            laptop: "bert".to_owned(),
            newest: None,
            whole: None,
            damaged: None,
        };
        journal
            .note_pull(home.clone(), newest.clone())
            .await
            .unwrap();
        let kept = journal.pulls(home, u32::MAX).await.unwrap();
        assert_eq!(kept.len(), MAX_ROWS_PER_APP as usize);
        assert_eq!(kept[0], newest);
        let other = journal
            .pulls("other".parse().unwrap(), u32::MAX)
            .await
            .unwrap();
        assert_eq!(other.len(), MAX_ROWS_PER_APP as usize);
    }
}
