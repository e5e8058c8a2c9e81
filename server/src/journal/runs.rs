//! Runs in the journal: what a deploy, a rollback, a restore or an undo set out to do, and how far
//! each of its steps has come. Written before a step acts and after it has.

mod change;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Journal;
use super::columns::{instant, parse_column};
use crate::names::{AppName, ReleaseId};

pub use tealkeep_words::run::{Kind, Run, RunFacts, RunId, RunState, Step, StepRow, StepState};

/// How a run failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// At which step, and why; `None` if that was recorded before.
    pub step: Option<(Step, String)>,
    /// The steps that were undone.
    pub undone: Vec<Step>,
    /// The facts of the run, if they have changed.
    pub facts: Option<RunFacts>,
    /// Why, in words.
    pub reason: String,
    /// The last lines that the release printed, when that matters.
    pub output: Option<String>,
}

impl Journal {
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

    /// The runs of an app without a recorded end: under way, or interrupted by a crash.
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

    /// Records that a release has run on this schema.
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

    /// The releases that have run on this schema.
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

const RUN_COLUMNS: &str =
    "SELECT id, app, kind, facts, state, began, ended, reason, output FROM run";

fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        app: parse_column(row, 1)?,
        kind: parse_column(row, 2)?,
        facts: parse_column(row, 3)?,
        state: parse_column(row, 4)?,
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
                    step: parse_column(row, 0)?,
                    state: parse_column(row, 1)?,
                    began: row.get::<_, Option<i64>>(2)?.map(instant),
                    ended: row.get::<_, Option<i64>>(3)?.map(instant),
                    detail: row.get(4)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
    }
    Ok(runs)
}
