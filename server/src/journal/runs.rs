//! Runs in the journal: what a deploy, a rollback, a restore or an undo set out to do, and how far
//! each of its steps has come. Written before a step acts and after it has.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::{Journal, instant};
use crate::names::{AppName, ReleaseId};

pub use tealkeep_words::run::{Kind, Run, RunFacts, RunId, RunState, Step, StepRow, StepState};

/// How many runs of an app are kept, the newest of them: by these it is decided what a rollback or an undo goes back
/// to, and which release came after which. An older one stays as long as an event or a check refers to it.
const MOST_RUNS: u32 = 500;

impl Journal {
    /// Notes that a run begins, with all its steps pending.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn begin_run(
        &self,
        app: AppName,
        kind: Kind,
        facts: &RunFacts,
    ) -> anyhow::Result<RunId> {
        let facts = serde_json::to_string(facts)?;
        let began = Timestamp::now().as_millisecond();
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO run(app, kind, facts, state, began) VALUES (?1, ?2, ?3, 'running', ?4)",
                params![app.as_str(), word(&kind), facts, began],
            )?;
            let run = transaction.last_insert_rowid();
            for (position, step) in kind.steps().iter().enumerate() {
                transaction.execute(
                    "INSERT INTO step(run, position, name, state) VALUES (?1, ?2, ?3, 'pending')",
                    params![run, i64::try_from(position).unwrap_or(i64::MAX), word(step)],
                )?;
            }
            forget_old_runs(&transaction, &app)?;
            transaction.commit()?;
            Ok(run)
        })
        .await
    }

    /// Replaces what a run set out to do: it learnt the id of the snapshot that it took.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn set_run_facts(&self, run: RunId, facts: &RunFacts) -> anyhow::Result<()> {
        let facts = serde_json::to_string(facts)?;
        self.with(move |connection| {
            connection
                .execute(
                    "UPDATE run SET facts = ?2 WHERE id = ?1",
                    params![run, facts],
                )
                .map(drop)
        })
        .await
    }

    /// Notes a step's new state.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn set_step(
        &self,
        run: RunId,
        step: Step,
        state: StepState,
        detail: Option<String>,
    ) -> anyhow::Result<()> {
        let now = Timestamp::now().as_millisecond();
        self.with(move |connection| {
            let (began, ended) = match state {
                StepState::Pending => (None, None),
                StepState::Running => (Some(now), None),
                StepState::Done | StepState::Failed | StepState::Skipped | StepState::Undone => (None, Some(now)),
            };
            connection
                .execute(
                    "UPDATE step SET state = ?3, began = coalesce(?4, began), ended = coalesce(?5, ended),
                            detail = coalesce(?6, detail)
                     WHERE run = ?1 AND name = ?2",
                    params![run, word(&step), word(&state), began, ended, detail],
                )
                .map(drop)
        })
        .await
    }

    /// Notes that a run has ended.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn end_run(
        &self,
        run: RunId,
        state: RunState,
        reason: Option<String>,
        output: Option<String>,
    ) -> anyhow::Result<()> {
        let now = Timestamp::now().as_millisecond();
        self.with(move |connection| {
            connection
                .execute(
                    "UPDATE run SET state = ?2, ended = ?3, reason = ?4, output = ?5 WHERE id = ?1",
                    params![run, word(&state), now, reason, output],
                )
                .map(drop)
        })
        .await
    }

    /// A run by its number.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn run(&self, id: RunId) -> anyhow::Result<Option<Run>> {
        let rows = self.with(move |connection| {
            let run = connection
                .query_row(&format!("{RUN_COLUMNS} WHERE id = ?1"), [id], run_of)
                .optional()?;
            with_steps(connection, run.into_iter().collect())
        });
        Ok(rows.await?.into_iter().next())
    }

    /// The newest runs of an app, newest first.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn runs(&self, app: AppName, limit: u32) -> anyhow::Result<Vec<Run>> {
        self.with(move |connection| {
            let runs = connection
                .prepare_cached(&format!(
                    "{RUN_COLUMNS} WHERE app = ?1 ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map(params![app.as_str(), limit], run_of)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            with_steps(connection, runs)
        })
        .await
    }

    /// The runs of an app that no end is known of: under way, or cut off by a crash.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn unfinished_runs(&self, app: AppName) -> anyhow::Result<Vec<Run>> {
        self.with(move |connection| {
            let runs = connection
                .prepare_cached(&format!(
                    "{RUN_COLUMNS} WHERE app = ?1 AND state = 'running' ORDER BY id"
                ))?
                .query_map([app.as_str()], run_of)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            with_steps(connection, runs)
        })
        .await
    }

    /// Notes that a release is known to run on this schema.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_schema(
        &self,
        app: AppName,
        release: ReleaseId,
        schema_hash: String,
    ) -> anyhow::Result<()> {
        self.with(move |connection| {
            connection
                .execute(
                    "INSERT OR IGNORE INTO release_schema(app, release, schema_hash) VALUES (?1, ?2, ?3)",
                    params![app.as_str(), release.as_str(), schema_hash],
                )
                .map(drop)
        })
        .await
    }

    /// The releases that are known to have run on this schema.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn releases_with_schema(
        &self,
        app: AppName,
        schema_hash: String,
    ) -> anyhow::Result<Vec<ReleaseId>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT release FROM release_schema WHERE app = ?1 AND schema_hash = ?2",
                )?
                .query_map(params![app.as_str(), schema_hash], |row| {
                    row.get::<_, String>(0)
                })?
                .filter_map(|release| release.map(|name| name.parse().ok()).transpose())
                .collect()
        })
        .await
    }
}

/// Forgets the oldest runs of an app with their steps, where they have ended and nothing refers to them.
fn forget_old_runs(connection: &Connection, app: &AppName) -> rusqlite::Result<()> {
    // One row for each event and check is read only where there is a run that may go.
    let old = "SELECT id FROM run WHERE app = ?1 AND state <> 'running'
         AND id <= (SELECT id FROM run WHERE app = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
         AND id NOT IN (SELECT run FROM event WHERE run IS NOT NULL)
         AND id NOT IN (SELECT run FROM policy_check WHERE run IS NOT NULL)";
    let of = params![app.as_str(), MOST_RUNS];
    connection.execute(&format!("DELETE FROM step WHERE run IN ({old})"), of)?;
    connection
        .execute(&format!("DELETE FROM run WHERE id IN ({old})"), of)
        .map(drop)
}

const RUN_COLUMNS: &str =
    "SELECT id, app, kind, facts, state, began, ended, reason, output FROM run";

/// A unit enum's serde name, which is what stands in the database.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("only enums of words are written here, not {other:?}"),
    }
}

pub(super) fn parsed<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let wrong = |e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    };
    if text.starts_with('{') {
        serde_json::from_str(&text).map_err(wrong)
    } else {
        serde_json::from_value(serde_json::Value::String(text)).map_err(wrong)
    }
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        app: parsed(row, 1)?,
        kind: parsed(row, 2)?,
        facts: parsed(row, 3)?,
        state: parsed(row, 4)?,
        began: instant(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(instant),
        reason: row.get(7)?,
        output: row.get(8)?,
        steps: Vec::new(),
    })
}

fn with_steps(connection: &Connection, mut runs: Vec<Run>) -> rusqlite::Result<Vec<Run>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, state, began, ended, detail FROM step WHERE run = ?1 ORDER BY position",
    )?;
    for run in &mut runs {
        run.steps = statement
            .query_map([run.id], |row| {
                Ok(StepRow {
                    step: parsed(row, 0)?,
                    state: parsed(row, 1)?,
                    began: row.get::<_, Option<i64>>(2)?.map(instant),
                    ended: row.get::<_, Option<i64>>(3)?.map(instant),
                    detail: row.get(4)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{NewEvent, Severity};
    use crate::names::Colour;

    fn facts() -> RunFacts {
        RunFacts {
            from: Colour::Blue,
            to: Colour::Green,
            release: "v2".parse().unwrap(),
            previous: None,
            snapshot: None,
            before: None,
            asked_by: "the command line".to_owned(),
            troubled: false,
        }
    }

    #[tokio::test]
    async fn the_oldest_runs_go_once_nothing_refers_to_them_and_those_of_another_app_stay() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let [home, other] = ["home", "other"].map(|name| name.parse::<AppName>().unwrap());
        let begin = |app: &AppName| {
            let (journal, app) = (journal.clone(), app.clone());
            async move {
                journal
                    .begin_run(app, Kind::Deploy, &facts())
                    .await
                    .unwrap()
            }
        };
        let (of_other, told, open, free) = (
            begin(&other).await,
            begin(&home).await,
            begin(&home).await,
            begin(&home).await,
        );
        for ended in [of_other, told, free] {
            journal
                .end_run(ended, RunState::Done, None, None)
                .await
                .unwrap();
        }
        let event = NewEvent::new(Severity::Good, "v2 went live.").in_run(told);
        journal.append(event).await.unwrap();
        journal
            .with(|connection| {
                connection.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                     INSERT INTO run(app, kind, facts, state, began)
                     SELECT 'home', 'deploy', facts, 'done', 0 FROM n, run WHERE run.id = 1",
                    [MOST_RUNS - 1],
                )
            })
            .await
            .unwrap();
        assert!(journal.run(free).await.unwrap().is_some());
        let newest = begin(&home).await;
        assert!(journal.run(free).await.unwrap().is_none());
        let kept = journal.runs(home.clone(), u32::MAX).await.unwrap();
        assert_eq!(kept.len(), MOST_RUNS as usize + 2);
        assert_eq!(kept[0].id, newest);
        let unfinished = journal.unfinished_runs(home).await.unwrap();
        assert_eq!(
            unfinished.iter().map(|run| run.id).collect::<Vec<_>>(),
            [open, newest]
        );
        for stays in [of_other, told, open] {
            assert!(!journal.run(stays).await.unwrap().unwrap().steps.is_empty());
        }
        let steps = "SELECT count(*) FROM step WHERE run = ?1";
        let left = journal
            .with(move |connection| connection.query_row(steps, [free], |row| row.get::<_, i64>(0)))
            .await
            .unwrap();
        assert_eq!(left, 0);
    }
}
