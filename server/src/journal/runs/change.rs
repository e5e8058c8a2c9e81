//! How a run changes: it begins, takes its steps and ends, each as [`transition::next`] allows, in one transaction.

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Failure, Kind, RunFacts, RunId, Step, StepState};
use crate::journal::Journal;
use crate::journal::columns::{parse_column, to_word};
use crate::journal::transition::{self, Event, Illegal, Progress};
use crate::names::AppName;

/// How many of an app's newest runs are kept: they decide what a rollback or an undo goes back to, and which release came
/// after which. An older one stays as long as an event or a check refers to it.
const MAX_RUNS_PER_APP: u32 = 500;

impl Journal {
    /// Records a new run, with all its steps pending.
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
                params![app.as_str(), to_word(&kind), facts, began],
            )?;
            let run = transaction.last_insert_rowid();
            for (position, step) in kind.steps().iter().enumerate() {
                transaction.execute(
                    "INSERT INTO step(run, position, name, state) VALUES (?1, ?2, ?3, 'pending')",
                    params![run, i64::try_from(position).unwrap_or(i64::MAX), to_word(step)],
                )?;
            }
            forget_old_runs(&transaction, &app)?;
            transaction.commit()?;
            Ok(run)
        })
        .await
    }

    /// Replaces the facts of a run, for example when it has taken its snapshot.
    ///
    /// # Errors
    /// The journal can't be written, or the run is not under way.
    pub async fn set_run_facts(&self, run: RunId, facts: &RunFacts) -> anyhow::Result<()> {
        let facts = serde_json::to_string(facts)?;
        self.change_run(run, move |change| change.set_facts(&facts))
            .await
            .map(drop)
    }

    /// Records an event of a run, with a detail for the step that it concerns. Returns the new progress.
    ///
    /// # Errors
    /// The journal can't be written, or [`transition::next`] refuses the event; the run is unchanged then.
    pub async fn advance(
        &self,
        run: RunId,
        event: Event,
        detail: Option<String>,
    ) -> anyhow::Result<Progress> {
        self.change_run(run, move |change| change.apply(event, detail.as_deref()))
            .await
    }

    /// Records in one transaction that a run has failed, and what was undone. A step that is still under way counts as
    /// interrupted.
    ///
    /// # Errors
    /// As for [`Journal::advance`].
    pub async fn fail_run(&self, run: RunId, failure: Failure) -> anyhow::Result<()> {
        let facts = failure.facts.as_ref().map(serde_json::to_string);
        let facts = facts.transpose()?;
        self.change_run(run, move |change| {
            if let Some(facts) = facts {
                change.set_facts(&facts)?;
            }
            if let Some((step, why)) = failure.step {
                let event = match change.progress.of_step(step) {
                    Some(StepState::Running | StepState::Failed) => Event::Fail(step),
                    None
                    | Some(
                        StepState::Pending
                        | StepState::Done
                        | StepState::Skipped
                        | StepState::Undone,
                    ) => Event::CutOff(step),
                };
                change.apply(event, Some(&why))?;
            }
            for undone in failure.undone {
                change.apply(Event::Undo(undone), None)?;
            }
            while let Some(open) = change.progress.first_in(StepState::Running) {
                change.apply(Event::CutOff(open), None)?;
            }
            change.apply(Event::GiveUp, None)?;
            change.explain(&failure.reason, failure.output.as_deref())
        })
        .await
        .map(drop)
    }

    /// Reads the progress of a run, lets `work` change it, and writes it, in one transaction.
    async fn change_run(
        &self,
        run: RunId,
        work: impl FnOnce(&mut Change<'_>) -> Result<(), NotChanged> + Send + 'static,
    ) -> anyhow::Result<Progress> {
        let changed = self
            .with(move |connection| {
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let changed = Change::of(&transaction, run).and_then(|mut change| {
                    work(&mut change)?;
                    Ok(change.progress)
                });
                match changed {
                    Ok(progress) => transaction.commit().map(|()| Ok(progress)),
                    Err(NotChanged::Sql(error)) => Err(error),
                    Err(refused) => Ok(Err(refused)),
                }
            })
            .await?;
        changed.with_context(|| format!("run {run} was not changed in the journal"))
    }
}

/// Why a run was not changed.
#[derive(Debug, thiserror::Error)]
enum NotChanged {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error("there is no such run under way")]
    NotUnderWay,
    #[error("its step {step} is not in the journal", step = .0.as_str())]
    NoRow(Step),
}

/// A run that is being changed, in a transaction that holds the journal.
struct Change<'a> {
    connection: &'a Connection,
    run: RunId,
    now: i64,
    progress: Progress,
}

impl<'a> Change<'a> {
    fn of(connection: &'a Connection, run: RunId) -> Result<Change<'a>, NotChanged> {
        let state = connection
            .query_row("SELECT state FROM run WHERE id = ?1", [run], |row| {
                parse_column(row, 0)
            })
            .optional()?
            .ok_or(NotChanged::NotUnderWay)?;
        let steps = connection
            .prepare_cached("SELECT name, state FROM step WHERE run = ?1 ORDER BY position")?
            .query_map([run], |row| {
                Ok((parse_column(row, 0)?, parse_column(row, 1)?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Change {
            connection,
            run,
            now: Timestamp::now().as_millisecond(),
            progress: Progress { state, steps },
        })
    }

    /// Applies an event and stores the new state.
    fn apply(&mut self, event: Event, detail: Option<&str>) -> Result<(), NotChanged> {
        self.progress = transition::next(&self.progress, event)?;
        match event {
            Event::Begin(step) => self.store(
                step,
                "UPDATE step SET state = ?3, began = ?4, ended = NULL, detail = ?5 WHERE run = ?1 AND name = ?2",
                detail,
            ),
            Event::Complete(step)
            | Event::Skip(step)
            | Event::Fail(step)
            | Event::CutOff(step)
            | Event::Undo(step) => self.store(
                step,
                "UPDATE step SET state = ?3, ended = ?4, detail = coalesce(?5, detail) WHERE run = ?1 AND name = ?2",
                detail,
            ),
            Event::Finish | Event::GiveUp => {
                let changed = self.connection.execute(
                    "UPDATE run SET state = ?2, ended = ?3 WHERE id = ?1 AND state = 'running'",
                    params![self.run, to_word(&self.progress.state), self.now],
                )?;
                expect_one(changed, NotChanged::NotUnderWay)
            }
        }
    }

    fn store(&self, step: Step, sql: &str, detail: Option<&str>) -> Result<(), NotChanged> {
        let state = self.progress.of_step(step).ok_or(NotChanged::NoRow(step))?;
        let changed = self.connection.prepare_cached(sql)?.execute(params![
            self.run,
            to_word(&step),
            to_word(&state),
            self.now,
            detail
        ])?;
        expect_one(changed, NotChanged::NoRow(step))
    }

    fn set_facts(&self, facts: &str) -> Result<(), NotChanged> {
        let changed = self.connection.execute(
            "UPDATE run SET facts = ?2 WHERE id = ?1 AND state = 'running'",
            params![self.run, facts],
        )?;
        expect_one(changed, NotChanged::NotUnderWay)
    }

    fn explain(&self, reason: &str, output: Option<&str>) -> Result<(), NotChanged> {
        let changed = self.connection.execute(
            "UPDATE run SET reason = ?2, output = ?3 WHERE id = ?1",
            params![self.run, reason, output],
        )?;
        expect_one(changed, NotChanged::NotUnderWay)
    }
}

/// Fails if an update changed no row.
fn expect_one(changed: usize, otherwise: NotChanged) -> Result<(), NotChanged> {
    match changed {
        1 => Ok(()),
        _ => Err(otherwise),
    }
}

/// Removes the oldest runs of an app with their steps, if they have ended and nothing refers to them.
fn forget_old_runs(connection: &Connection, app: &AppName) -> rusqlite::Result<()> {
    // One row for each event and check is read only where there is a run that may go.
    let old = "SELECT id FROM run WHERE app = ?1 AND state <> 'running'
         AND id <= (SELECT id FROM run WHERE app = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
         AND id NOT IN (SELECT run FROM event WHERE run IS NOT NULL)
         AND id NOT IN (SELECT run FROM policy_check WHERE run IS NOT NULL)";
    let of = params![app.as_str(), MAX_RUNS_PER_APP];
    connection.execute(&format!("DELETE FROM step WHERE run IN ({old})"), of)?;
    connection
        .execute(&format!("DELETE FROM run WHERE id IN ({old})"), of)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::runs::RunState;
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

    async fn finish(journal: &Journal, run: RunId) {
        for step in Kind::Deploy.steps() {
            for event in [Event::Begin(*step), Event::Complete(*step)] {
                journal.advance(run, event, None).await.unwrap();
            }
        }
        journal.advance(run, Event::Finish, None).await.unwrap();
    }

    #[tokio::test]
    async fn what_can_not_happen_to_a_run_is_not_stored_and_nothing_happens_to_one_that_has_ended()
    {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let home: AppName = "home".parse().unwrap();
        let run = journal
            .begin_run(home, Kind::Rollback, &facts())
            .await
            .unwrap();
        let before = journal.run(run).await.unwrap().unwrap();
        for event in [
            Event::Begin(Step::Swap),
            Event::Complete(Step::Start),
            Event::Begin(Step::Copy),
            Event::Finish,
        ] {
            let refused = journal.advance(run, event, None).await.unwrap_err();
            assert!(format!("{refused:#}").starts_with("run 1 was not changed in the journal: "));
            assert_eq!(journal.run(run).await.unwrap().unwrap(), before);
        }
        for event in [Event::Begin(Step::Start), Event::Complete(Step::Start)] {
            journal
                .advance(run, event, Some("v2 was started".to_owned()))
                .await
                .unwrap();
        }
        journal
            .advance(run, Event::Begin(Step::Probe), None)
            .await
            .unwrap();
        let failure = Failure {
            step: Some((Step::Probe, "it is ill".to_owned())),
            undone: vec![Step::Start],
            facts: Some(RunFacts {
                troubled: true,
                ..facts()
            }),
            reason: "it is ill".to_owned(),
            output: None,
        };
        // What can't be stored whole is not stored in part.
        let wrong = Failure {
            undone: vec![Step::Start, Step::Swap],
            ..failure.clone()
        };
        let before = journal.run(run).await.unwrap().unwrap();
        assert!(journal.fail_run(run, wrong).await.is_err());
        assert_eq!(journal.run(run).await.unwrap().unwrap(), before);
        journal.fail_run(run, failure.clone()).await.unwrap();
        let ended = journal.run(run).await.unwrap().unwrap();
        let states: Vec<StepState> = ended.steps.iter().map(|row| row.state).collect();
        use StepState::{Failed, Pending, Undone};
        assert_eq!(states, [Undone, Failed, Pending, Pending, Pending]);
        assert_eq!(
            (ended.state, ended.reason.as_deref(), ended.facts.troubled),
            (RunState::Failed, Some("it is ill"), true)
        );
        assert_eq!(ended.steps[0].detail.as_deref(), Some("v2 was started"));
        // Neither does anything happen to a run that has ended, or to one that was never begun.
        for run in [run, 77] {
            assert!(journal.fail_run(run, failure.clone()).await.is_err());
            assert!(journal.set_run_facts(run, &facts()).await.is_err());
            let event = Event::Begin(Step::Start);
            assert!(journal.advance(run, event, None).await.is_err());
        }
        assert_eq!(journal.run(run).await.unwrap().unwrap(), ended);
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
            finish(&journal, ended).await;
        }
        let event = NewEvent::new(Severity::Good, "v2 went live.").in_run(told);
        journal.append(event).await.unwrap();
        journal
            .with(|connection| {
                connection.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                     INSERT INTO run(app, kind, facts, state, began)
                     SELECT 'home', 'deploy', facts, 'done', 0 FROM n, run WHERE run.id = 1",
                    [MAX_RUNS_PER_APP - 1],
                )
            })
            .await
            .unwrap();
        assert!(journal.run(free).await.unwrap().is_some());
        let newest = begin(&home).await;
        assert!(journal.run(free).await.unwrap().is_none());
        let kept = journal.runs(home.clone(), u32::MAX).await.unwrap();
        assert_eq!(kept.len(), MAX_RUNS_PER_APP as usize + 2);
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
