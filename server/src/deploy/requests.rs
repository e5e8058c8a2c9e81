//! What people ask for: a deploy, a rollback, a restore, an undo. Each request is refused with nothing changed, or begins a run
//! that continues by itself.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;

use super::kinds::Context;
use super::release::Source;
use super::targets::{self, RUNS_LOOKED_AT};
use super::turn::Turn;
use super::{App, Refusal, Underway, runner};
use crate::backup::SnapshotId;
use crate::faults;
use crate::journal::runs::{Kind, Run, RunFacts, RunId};
use crate::journal::transition::Progress;
use crate::journal::{NewEvent, Severity};
use crate::names::{Colour, ReleaseId};

impl App {
    /// Makes a release live, with a snapshot before it; returns as soon as the run has its number.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn deploy(
        self: &Arc<Self>,
        source: Source,
        asked_by: &str,
    ) -> Result<RunId, Refusal> {
        let (release, directory) = self.release_of(source).await?;
        let turn = self.take_turn(Kind::Deploy, release.to_string()).await?;
        let from = self.router.live().await?;
        let facts = self.facts(from, release, asked_by);
        self.launch_run(Kind::Deploy, facts, directory, turn).await
    }

    /// Makes the release from before live again.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn rollback(self: &Arc<Self>, asked_by: &str) -> Result<RunId, Refusal> {
        let turn = self
            .take_turn(Kind::Rollback, "the release from before".to_owned())
            .await?;
        let from = self.router.live().await?;
        let release = self.rollback_target().await?.map_err(Refusal::Impossible)?;
        let facts = self.facts(from, release, asked_by);
        self.launch_run(Kind::Rollback, facts, None, turn).await
    }

    /// Puts a snapshot's content into the live database.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn restore(
        self: &Arc<Self>,
        snapshot: SnapshotId,
        asked_by: &str,
    ) -> Result<RunId, Refusal> {
        let turn = self.take_turn(Kind::Restore, snapshot.to_string()).await?;
        self.begin_restore(Kind::Restore, snapshot, asked_by, turn)
            .await
    }

    /// Puts the content from before the last restore back.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn undo(self: &Arc<Self>, asked_by: &str) -> Result<RunId, Refusal> {
        let turn = self
            .take_turn(Kind::Undo, "the last restore".to_owned())
            .await?;
        let restored = self.undo_target().await?.map_err(Refusal::Impossible)?;
        let snapshot = restored
            .facts
            .before
            .context("a restore that is done has a snapshot from before")?;
        self.begin_restore(Kind::Undo, snapshot, asked_by, turn)
            .await
    }

    async fn begin_restore(
        self: &Arc<Self>,
        kind: Kind,
        snapshot: SnapshotId,
        asked_by: &str,
        turn: Turn,
    ) -> Result<RunId, Refusal> {
        let from = self.router.live().await?;
        let Some(release) = self.releases.of_colour(from) else {
            return Err(Refusal::Impossible(format!(
                "{0} has no live release yet; deploy one first, or unpack the snapshot with `tealkeep restore --file`",
                self.name()
            )));
        };
        if self.data.manifest(snapshot).await?.is_none() {
            if let Some(trouble) = self.data.trouble_with(snapshot).await? {
                let text = format!("{snapshot} can't be restored: {trouble}");
                return Err(Refusal::Impossible(text));
            }
            return Err(Refusal::NoSnapshot {
                app: self.name().clone(),
                snapshot,
            });
        }
        let facts = RunFacts {
            snapshot: Some(snapshot),
            ..self.facts(from, release, asked_by)
        };
        self.launch_run(kind, facts, None, turn).await
    }

    /// The release that a deploy makes live, and the directory that it is copied from where it is not here yet.
    async fn release_of(&self, source: Source) -> Result<(ReleaseId, Option<PathBuf>), Refusal> {
        let impossible = |error: anyhow::Error| Refusal::Impossible(format!("{error:#}"));
        match source {
            Source::Named(release) if self.releases.has(&release) => Ok((release, None)),
            Source::Named(release) if self.releases.is_pushed(&release) => {
                Err(Refusal::Impossible(format!(
                    "{release} is being sent, or a push of it was cut off, so it may not be whole; `tealkeep push` of it goes on where it was. \
                     If it was sent by hand and is whole: `tealkeep deploy {} {release} --pushed`",
                    self.name()
                )))
            }
            Source::Named(release) => Err(self.unknown(release)?),
            Source::Pushed(release) => {
                let (releases, id) = (self.releases.clone(), release.clone());
                tokio::task::spawn_blocking(move || releases.check_same(&id))
                    .await
                    .context("the comparison ended")?
                    .map_err(impossible)?;
                if !self.releases.has(&release) && !self.releases.is_pushed(&release) {
                    return Err(Refusal::Impossible(format!(
                        "nothing was sent for {release}; `tealkeep push` sends a release"
                    )));
                }
                Ok((release, None))
            }
            Source::Directory(path) => match self.releases.holding(&path) {
                Some(here) => Ok((here, None)),
                None => {
                    let id = self.releases.id_for(&path, Timestamp::now());
                    Ok((id.map_err(impossible)?, Some(path)))
                }
            },
        }
    }

    /// That there is no such release, and which there are.
    fn unknown(&self, release: ReleaseId) -> anyhow::Result<Refusal> {
        let known = self.releases.list()?.into_iter();
        let known: Vec<String> = known.map(|known| known.id.to_string()).collect();
        Ok(Refusal::NoRelease {
            app: self.name().clone(),
            release,
            known: match &*known {
                [] => "none".to_owned(),
                known => known.join(", "),
            },
        })
    }

    /// What a run sets out to do that makes a release live on the other colour.
    fn facts(&self, from: Colour, release: ReleaseId, asked_by: &str) -> RunFacts {
        RunFacts {
            from,
            to: from.other(),
            release,
            previous: self.releases.of_colour(from),
            snapshot: None,
            before: None,
            asked_by: asked_by.to_owned(),
            troubled: false,
        }
    }

    /// What a rollback would make live, or why there is nothing, in words.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn rollback_target(&self) -> anyhow::Result<Result<ReleaseId, String>> {
        let live = self.releases.of_colour(self.router.live().await?);
        let runs = self.newest_runs(RUNS_LOOKED_AT).await?;
        let is_here = |release: &ReleaseId| self.releases.has(release);
        let target = targets::rollback(self.name(), live, &runs, is_here);
        Ok(target.map_err(|none| none.to_string()))
    }

    /// The restore that an undo would take back, or why there is none, in words.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn undo_target(&self) -> anyhow::Result<Result<Run, String>> {
        let runs = self.newest_runs(RUNS_LOOKED_AT).await?;
        let Some((restored, before)) = targets::undo(&runs) else {
            return Ok(Err(format!(
                "there was no restore of {} that could be undone",
                self.name()
            )));
        };
        Ok(match self.data.manifest(before).await? {
            Some(_) => Ok(restored.clone()),
            None => Err(format!(
                "the snapshot from before the restore, {before}, is not in the backups folder any more"
            )),
        })
    }

    /// The releases in the order in which each first went live by a deploy.
    pub(super) async fn order_of_going_live(&self) -> anyhow::Result<Vec<ReleaseId>> {
        let runs = self.newest_runs(RUNS_LOOKED_AT * 20).await?;
        Ok(targets::order_of_going_live(&runs))
    }

    /// The releases that have run on tables of this hash: those that the journal knows, and those that were live when
    /// a snapshot with them was taken.
    pub(super) async fn releases_that_ran_on(
        &self,
        schema_hash: &str,
    ) -> anyhow::Result<Vec<ReleaseId>> {
        let mut known = self
            .journal
            .releases_with_schema(self.name().clone(), schema_hash.to_owned())
            .await?;
        let (catalogue, _) = self.data.catalogue().await?;
        for entry in catalogue.entries {
            let manifest = entry.manifest;
            let release = manifest
                .release
                .filter(|_| manifest.schema_hash == schema_hash);
            known.extend(release.filter(|release| !known.contains(release)));
        }
        Ok(known)
    }

    async fn newest_runs(&self, many: u32) -> anyhow::Result<Vec<Run>> {
        self.journal.runs(self.name().clone(), many).await
    }

    async fn launch_run(
        self: &Arc<Self>,
        kind: Kind,
        facts: RunFacts,
        directory: Option<PathBuf>,
        turn: Turn,
    ) -> Result<RunId, Refusal> {
        // A task of its own: a run that the journal knows of is carried out, whoever asked and went away.
        let app = self.clone();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.tasks.spawn(async move {
            let run = match app
                .journal
                .begin_run(app.name().clone(), kind, &facts)
                .await
            {
                Ok(run) => run,
                Err(error) => return drop(sender.send(Err(error))),
            };
            app.set_underway(Some(Underway {
                run,
                kind,
                subject: facts.subject(),
                since: Timestamp::now(),
                output: Vec::new(),
            }));
            let begun = format!(
                "The {} of {} began; {} asked for it.",
                kind.noun(),
                facts.subject(),
                facts.asked_by
            );
            app.journal
                .note(
                    NewEvent::new(Severity::Info, begun)
                        .of(app.name())
                        .in_run(run),
                )
                .await;
            // Who asked may have gone away.
            let _ = sender.send(Ok(run));
            let context = Context {
                app,
                run,
                kind,
                facts,
                progress: Progress::of(kind),
            };
            runner::begin(context, directory).await;
            faults::point(&format!("{}.turn", kind.noun()));
            drop(turn);
        });
        Ok(receiver.await.context("the run's task ended")??)
    }
}
