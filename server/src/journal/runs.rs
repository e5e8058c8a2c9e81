//! Runs in the journal: what a deploy, a rollback, a restore or an undo set out to do, and how far
//! each of its steps has come. Written before a step acts and after it has.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Journal, instant};
use crate::backup::SnapshotId;
use crate::deploy::step::{Kind, Step};
use crate::names::{AppName, Colour, ReleaseId};

/// The number of a run, unique on this machine.
pub type RunId = i64;

/// What a run set out to do: written once, as it begins, so that a later start can resume it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunFacts {
    /// The colour that was live as it began.
    pub from: Colour,
    /// The colour that is to be live when it ends.
    pub to: Colour,
    /// The release that is to be live when it ends.
    pub release: ReleaseId,
    /// The release that was live as it began.
    pub previous: Option<ReleaseId>,
    /// The snapshot whose content a restore puts into the database.
    #[schemars(with = "Option<String>")]
    pub snapshot: Option<SnapshotId>,
    /// The snapshot that it took of the content from before.
    #[schemars(with = "Option<String>")]
    pub before: Option<SnapshotId>,
    /// Who asked for it, in words.
    pub asked_by: String,
    /// Whether it failed and could not be taken back whole.
    #[serde(default)]
    pub troubled: bool,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It is under way.
    Running,
    /// It did what it set out to do.
    Done,
    /// It did not, and what it had begun was unwound.
    Failed,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun; after a crash: in doubt.
    Running,
    /// Done.
    Done,
    /// It failed.
    Failed,
    /// It was not needed.
    Skipped,
    /// It had been done, and was taken back.
    Undone,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepRow {
    /// Which.
    pub step: Step,
    /// How it stands.
    pub state: StepState,
    /// When it began.
    #[schemars(with = "Option<String>")]
    pub began: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// What there is to say of it, in words.
    pub detail: Option<String>,
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Whose.
    pub app: AppName,
    /// Deploy, rollback, restore or undo.
    pub kind: Kind,
    /// What it set out to do.
    pub facts: RunFacts,
    /// How it stands.
    pub state: RunState,
    /// When it began.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// Why it failed, in words.
    pub reason: Option<String>,
    /// The last lines that the release printed, when that matters.
    pub output: Option<String>,
    /// Its steps in order.
    pub steps: Vec<StepRow>,
}

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

fn with_steps(connection: &rusqlite::Connection, mut runs: Vec<Run>) -> rusqlite::Result<Vec<Run>> {
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
