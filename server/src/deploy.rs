//! Deploys, rollbacks, restores and undos of one app: one machine, one run at a time. [`App`] is what
//! everything else asks; the steps themselves are in `pipeline`.

pub use crate::clock::seconds;

mod adoptions;
mod checks;
pub mod data;
mod drills;
pub mod live;
mod pipeline;
pub mod release;
mod schema;
pub mod step;
mod upkeep;
pub mod verdict;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backup::{Manifest, Reason, SnapshotId, Taken};
use crate::config::AppConfig;
use crate::faults;
use crate::house::observed::{self, Observations, Observed, Sources};
use crate::journal::runs::{Run, RunFacts, RunId, RunState};
use crate::journal::{Journal, NewEvent, Severity};
use crate::names::{AppName, Colour, ReleaseId};
use crate::router::Router;
use crate::runtime::{ColourState, Launch, Runtime};
use data::{Data, Quiet};
use release::{Releases, Source};
use step::{Kind, OnBoot, Step};

/// How many of the newest runs are looked through for the release to go back to.
const RUNS_LOOKED_AT: u32 = 50;

/// How many of the lines that a preparation printed are kept.
const LINES_KEPT: usize = 200;

/// How many of them stand in the status.
const LINES_SHOWN: usize = 10;

/// How long a run waits for the one before to give its turn back, before it is refused.
const TURN_PATIENCE: Duration = Duration::from_millis(500);

/// One supervised app: its parts, and the machine that changes it.
pub struct App {
    /// Its section of the configuration.
    pub config: AppConfig,
    /// The record of what happened.
    pub journal: Journal,
    /// What starts and stops its colours.
    pub runtime: Arc<dyn Runtime>,
    /// What its users' requests go through.
    pub router: Arc<dyn Router>,
    /// Its releases.
    pub releases: Releases,
    /// Its database and its snapshots.
    pub data: Data,
    /// `<state>/apps/<app>`
    pub folder: PathBuf,
    /// How often its live colour was started again, blue first.
    restarts: [std::sync::atomic::AtomicU32; 2],
    /// Whoever holds it may change what is live.
    turn: Arc<Mutex<()>>,
    /// What belongs to a run that was cut off, until that goes on or is taken back.
    reserved: std::sync::Mutex<Option<Reserved>>,
    /// Who holds it, for the refusal of a second one.
    underway: std::sync::Mutex<Option<Underway>>,
    /// What the newest run's preparation printed.
    printed: std::sync::Mutex<Printed>,
    /// When the warm old colour is stopped.
    warm: std::sync::Mutex<Option<Warm>>,
    /// Woken when a run has ended: what is live may need somebody to look after it.
    changed: Notify,
    /// Whether the live colour is stopped on purpose, or not begun with yet: nobody starts it then but the run.
    resting: AtomicBool,
    /// Held while the live colour is started or stopped outside of a deploy's own steps.
    hands: Mutex<()>,
    /// What is known of how it does.
    observed: Arc<Observed>,
    /// What is wrong with the live colour, as the last look found it.
    ailment: std::sync::Mutex<Option<String>>,
    /// What is wrong with the router, as it was last proved.
    misrouted: std::sync::Mutex<Option<String>>,
    /// Held while what people see is checked.
    checking: Mutex<()>,
    /// Held while a drill is under way; since when the last one's end could not be written down, if it could not.
    drilling: Mutex<Option<Instant>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A run under way.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Underway {
    /// Its number; 0 in the instant before the journal has given it one.
    pub run: RunId,
    /// What it is for.
    pub kind: Kind,
    /// Of which release or snapshot.
    pub subject: String,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The last lines that its preparation has printed, oldest first.
    #[serde(default)]
    pub output: Vec<String>,
}

/// What a run's preparation has printed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Printed {
    /// Which run; 0 for none.
    pub run: RunId,
    /// How many lines there were before those that are kept.
    pub before: u64,
    /// The newest lines, oldest first.
    pub lines: VecDeque<String>,
}

#[derive(Debug)]
struct Warm {
    colour: Colour,
    until: Timestamp,
    cancel: CancellationToken,
}

/// The right to change what is live; when it is dropped, the next one may.
struct Turn {
    app: Arc<App>,
    _guard: OwnedMutexGuard<()>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.app.set_underway(None);
        self.app.resting.store(false, Ordering::Release);
        self.app.changed.notify_one();
        self.app.journal.touch();
    }
}

/// What a run that was cut off gets back before anybody else can have it: its turn, and the right to take a snapshot
/// with the app stopped and wait for nobody's.
struct Reserved {
    turn: OwnedMutexGuard<()>,
    quiet: Quiet,
}

/// Why a run was not even begun. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// One at a time.
    #[error("{app} is busy: the {} of {} has been under way for {age}. Wait for its end, then try again", .underway.kind.noun(), .underway.subject)]
    Busy {
        /// Whose.
        app: AppName,
        /// With what.
        underway: Underway,
        /// For how long, in words.
        age: String,
    },
    /// There is no such release on this machine.
    #[error("{app} has no release called {release}; on this machine are: {known}")]
    NoRelease {
        /// Whose.
        app: AppName,
        /// What was asked for.
        release: ReleaseId,
        /// What there is.
        known: String,
    },
    /// There is no such snapshot.
    #[error(
        "{app} has no snapshot {snapshot}; `tealkeep snapshots {app}` lists those that there are"
    )]
    NoSnapshot {
        /// Whose.
        app: AppName,
        /// What was asked for.
        snapshot: SnapshotId,
    },
    /// It can't be done as things are.
    #[error("{0}")]
    Impossible(String),
    /// A fault of this machine.
    #[error("{0:#}")]
    Fault(#[from] anyhow::Error),
}

/// The parts that [`App::new`] puts together.
pub struct Parts {
    /// Its section of the configuration.
    pub config: AppConfig,
    /// The record of what happened.
    pub journal: Journal,
    /// What starts and stops its colours.
    pub runtime: Arc<dyn Runtime>,
    /// What its users' requests go through.
    pub router: Arc<dyn Router>,
    /// Its database and its snapshots.
    pub data: Data,
    /// `<state>/apps/<app>`
    pub folder: PathBuf,
    /// Where its tasks are counted.
    pub tasks: TaskTracker,
    /// Ends them.
    pub stop: CancellationToken,
}

impl App {
    /// Puts the parts together; nothing runs yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<App> {
        let Parts {
            config,
            journal,
            runtime,
            router,
            data,
            folder,
            tasks,
            stop,
        } = parts;
        let releases = Releases::new(config.releases.clone());
        Arc::new(App {
            config,
            journal,
            runtime,
            router,
            releases,
            data,
            folder,
            restarts: Default::default(),
            turn: Arc::default(),
            reserved: std::sync::Mutex::default(),
            underway: std::sync::Mutex::default(),
            printed: std::sync::Mutex::default(),
            warm: std::sync::Mutex::default(),
            changed: Notify::new(),
            resting: AtomicBool::new(true),
            hands: Mutex::default(),
            observed: Arc::default(),
            ailment: std::sync::Mutex::default(),
            misrouted: std::sync::Mutex::default(),
            checking: Mutex::default(),
            drilling: Mutex::default(),
            tasks,
            stop,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &AppName {
        &self.config.name
    }

    /// Gives a run that was cut off its turn back, as nobody can ask for anything yet. Says whether it held requests, so
    /// that they must wait from the first moment.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn look_back(&self) -> anyhow::Result<bool> {
        let runs = self.journal.unfinished_runs(self.name().clone()).await?;
        let live = self.router.live().await?;
        if !runs.is_empty()
            && let Ok(turn) = self.turn.clone().try_lock_owned()
            && let Some(quiet) = self.data.quiet_now()
        {
            *self.reserved() = Some(Reserved { turn, quiet });
        }
        // One that is taken back has stopped the live colour perhaps: they wait until that answers again.
        Ok(runs.last().is_some_and(|run| {
            matches!(
                decide(run, live),
                OnBoot::Continue(Step::Stop) | OnBoot::Unwind(Step::Hold | Step::Stop)
            )
        }))
    }

    /// Brings the app to a state that can be explained: adopts what runs, finishes or unwinds what was
    /// cut off, starts the live colour, and from then on keeps it running.
    ///
    /// # Errors
    /// The machine or the journal can't be asked.
    pub async fn begin(self: &Arc<Self>) -> anyhow::Result<()> {
        let (exits, crashes) = (self.runtime.exits(), self.runtime.exits());
        self.runtime.adopt().await?;
        live::sweep(&self.folder)?;
        // Leftovers cost room, not correctness: the household's app comes up all the same.
        if let Err(error) = self.releases.sweep() {
            self.note(
                Severity::Warning,
                format!("What a cut-off receive left could not be removed: {error:#}."),
            )
            .await;
        }
        if let Err(error) = self.data.sweep().await {
            self.note(
                Severity::Bad,
                format!("No snapshot can be taken: {error:#}."),
            )
            .await;
        }
        let live = self.router.live().await?;
        live::mark_live(&self.folder, live)?;
        for colour in Colour::BOTH {
            live::set_draining(&self.folder, colour, false)?;
            if let ColourState::Running { pid, release, .. } = self.runtime.state(colour).await {
                let role = if colour == live { "live" } else { "idle" };
                self.note(Severity::Info, format!("The {role} colour {colour} ({release}) was still running as process {pid} and goes on.")).await;
            }
        }
        let sources = Sources {
            router: self.router.clone(),
            runtime: self.runtime.clone(),
            health: self.config.health.clone(),
            clock: self.data.clock().clone(),
        };
        let observed = self.observed.clone();
        self.tasks.spawn(observed::watch(
            observed,
            sources,
            crashes,
            self.stop.clone(),
        ));
        self.tasks.spawn(upkeep::run(self.clone(), exits));
        self.tasks.spawn(upkeep::prove_router(self.clone()));
        let reserved = self.reserved().take();
        let (guard, quiet) = match reserved {
            Some(Reserved { turn, quiet }) => (turn, Some(quiet)),
            None => (self.turn.clone().lock_owned().await, None),
        };
        let turn = Turn {
            app: self.clone(),
            _guard: guard,
        };
        let mut cut_off = self.journal.unfinished_runs(self.name().clone()).await?;
        // Only one run is ever under way; should an older one be found open, the newest says what is true.
        let newest = cut_off.pop();
        for stray in cut_off {
            self.journal
                .end_run(
                    stray.id,
                    RunState::Failed,
                    Some("it was cut off, and another run came after it".to_owned()),
                    None,
                )
                .await?;
        }
        let restore_goes_on = newest
            .as_ref()
            .is_some_and(|run| matches!(decide(run, live), OnBoot::Continue(Step::Stop)));
        let quiet = quiet.filter(|_| restore_goes_on);
        if !restore_goes_on {
            live::unmark_live(&self.folder, live.other())?;
            self.start_live(live).await;
        }
        match newest {
            Some(run) => {
                self.set_underway(Some(Underway {
                    run: run.id,
                    kind: run.kind,
                    subject: subject(&run.facts),
                    since: run.began,
                    output: Vec::new(),
                }));
                let app = self.clone();
                self.tasks
                    .spawn(async move { app.resume(run, live, turn, quiet).await });
            }
            None => {
                drop(turn);
                self.keep_warm_on(live.other()).await;
            }
        }
        Ok(())
    }

    /// Makes a release live, with a snapshot before it; returns as soon as the run has its number.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn deploy(
        self: &Arc<Self>,
        source: Source,
        asked_by: &str,
    ) -> Result<RunId, Refusal> {
        let (release, directory) = match source {
            Source::Named(release) if self.releases.has(&release) => (release, None),
            Source::Named(release) if self.releases.is_pushed(&release) => {
                return Err(Refusal::Impossible(format!(
                    "{release} is being sent, or a push of it was cut off, so it may not be whole; `tealkeep push` of it goes on where it was. \
                     If it was sent by hand and is whole: `tealkeep deploy {} {release} --pushed`",
                    self.name()
                )));
            }
            Source::Pushed(release) => {
                let (releases, id) = (self.releases.clone(), release.clone());
                tokio::task::spawn_blocking(move || releases.check_same(&id))
                    .await
                    .context("the comparison ended")?
                    .map_err(|e| Refusal::Impossible(format!("{e:#}")))?;
                if !self.releases.has(&release) && !self.releases.is_pushed(&release) {
                    return Err(Refusal::Impossible(format!(
                        "nothing was sent for {release}; `tealkeep push` sends a release"
                    )));
                }
                (release, None)
            }
            Source::Named(release) => {
                let known = self
                    .releases
                    .list()?
                    .into_iter()
                    .map(|known| known.id.to_string())
                    .collect::<Vec<_>>();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                return Err(Refusal::NoRelease {
                    app: self.name().clone(),
                    release,
                    known,
                });
            }
            Source::Directory(path) => match self.releases.holding(&path) {
                Some(here) => (here, None),
                None => {
                    let id = self.releases.id_for(&path, Timestamp::now());
                    (
                        id.map_err(|e| Refusal::Impossible(format!("{e:#}")))?,
                        Some(path),
                    )
                }
            },
        };
        let turn = self.take_turn(Kind::Deploy, release.to_string()).await?;
        let from = self.router.live().await?;
        let facts = RunFacts {
            from,
            to: from.other(),
            release,
            previous: self.releases.of_colour(from),
            snapshot: None,
            before: None,
            asked_by: asked_by.to_owned(),
            troubled: false,
        };
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
        let facts = RunFacts {
            from,
            to: from.other(),
            release,
            previous: self.releases.of_colour(from),
            snapshot: None,
            before: None,
            asked_by: asked_by.to_owned(),
            troubled: false,
        };
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
            from,
            to: from.other(),
            previous: Some(release.clone()),
            release,
            snapshot: Some(snapshot),
            before: None,
            asked_by: asked_by.to_owned(),
            troubled: false,
        };
        self.launch_run(kind, facts, None, turn).await
    }

    /// Takes a snapshot now, and rotates.
    ///
    /// # Errors
    /// The snapshot failed; nothing that was there before has changed.
    pub async fn backup(self: &Arc<Self>, reason: Reason) -> anyhow::Result<Manifest> {
        Ok(self.backup_for(reason, None).await?.manifest)
    }

    /// The same, counted for a local date: a catch-up's is the night that was missed. Says what came of the rotation
    /// too.
    ///
    /// # Errors
    /// The snapshot failed; nothing that was there before has changed.
    pub async fn backup_for(
        self: &Arc<Self>,
        reason: Reason,
        local_date: Option<Date>,
    ) -> anyhow::Result<Taken> {
        // A task of its own: a phone that goes to sleep meanwhile does not call the snapshot off.
        let app = self.clone();
        let task = self
            .tasks
            .spawn(async move { app.take_backup(reason, local_date).await });
        task.await.context("the snapshot's task ended")?
    }

    async fn take_backup(&self, reason: Reason, local_date: Option<Date>) -> anyhow::Result<Taken> {
        let live = self.router.live().await?;
        let release = self.releases.of_colour(live);
        let taken = self
            .data
            .snapshot_for(reason, release.clone(), false, local_date)
            .await;
        match &taken {
            Ok(Taken { manifest, .. }) => {
                if let Some(release) = release {
                    let noted = self
                        .journal
                        .note_schema(self.name().clone(), release, manifest.schema_hash.clone())
                        .await;
                    // The snapshot is there all the same. A restore of it may be refused for want of this knowledge,
                    // which is the safe side.
                    if let Err(error) = noted {
                        tracing::error!(app = %self.name(), "{error:#}");
                    }
                }
                let how = format!(
                    "A {} snapshot, {}, was taken and read back: {} in {}.",
                    reason.as_str(),
                    manifest.id,
                    crate::backup::human(manifest.bytes),
                    seconds(Duration::from_millis(manifest.took_ms)),
                );
                self.note(Severity::Good, how).await;
                if reason == Reason::Nightly {
                    self.warn_of_shrunk_tables(manifest).await;
                }
            }
            // A night that fails is tried again and again: who tries it says so, once for each cause.
            Err(_) if reason == Reason::Nightly => {}
            Err(error) => {
                let how = format!(
                    "A {} snapshot failed: {error:#}. Nothing was deleted.",
                    reason.as_str()
                );
                self.note(Severity::Bad, how).await;
            }
        }
        taken
    }

    /// What a rollback would make live, or why there is nothing, in words.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn rollback_target(&self) -> anyhow::Result<Result<ReleaseId, String>> {
        let live = self.releases.of_colour(self.router.live().await?);
        let Some(live) = live else {
            return Ok(Err(format!("{} has no live release yet", self.name())));
        };
        let runs = self
            .journal
            .runs(self.name().clone(), RUNS_LOOKED_AT)
            .await?;
        let previous = runs
            .into_iter()
            .filter(|run| run.state == RunState::Done && run.facts.release == live)
            .filter_map(|run| run.facts.previous)
            .find(|previous| *previous != live);
        Ok(match previous {
            None => Err(format!(
                "{live} is the first release of {}; there is none to go back to",
                self.name()
            )),
            Some(previous) if !self.releases.has(&previous) => Err(format!(
                "the release from before, {previous}, is not on this machine any more; deploy it anew"
            )),
            Some(previous) => Ok(previous),
        })
    }

    /// The restore that an undo would take back, or why there is none, in words.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn undo_target(&self) -> anyhow::Result<Result<Run, String>> {
        let runs = self
            .journal
            .runs(self.name().clone(), RUNS_LOOKED_AT)
            .await?;
        let restored = runs.into_iter().find(|run| {
            (run.state == RunState::Done || run.facts.troubled)
                && matches!(run.kind, Kind::Restore | Kind::Undo)
                && run.facts.before.is_some()
        });
        let Some(restored) = restored else {
            return Ok(Err(format!(
                "there was no restore of {} that could be undone",
                self.name()
            )));
        };
        let Some(before) = restored.facts.before else {
            return Ok(Err("there was no restore".to_owned()));
        };
        Ok(match self.data.manifest(before).await? {
            Some(_) => Ok(restored),
            None => Err(format!(
                "the snapshot from before the restore, {before}, is not in the backups folder any more"
            )),
        })
    }

    /// The releases in the order in which each first went live by a deploy; the very first one, which was
    /// there before any deploy, is not among them.
    async fn order_of_going_live(&self) -> anyhow::Result<Vec<ReleaseId>> {
        let runs = self
            .journal
            .runs(self.name().clone(), RUNS_LOOKED_AT * 20)
            .await?;
        let mut order: Vec<ReleaseId> = Vec::new();
        for run in runs.into_iter().rev() {
            if run.kind == Kind::Deploy
                && run.state == RunState::Done
                && !order.contains(&run.facts.release)
            {
                order.push(run.facts.release);
            }
        }
        Ok(order)
    }

    /// The releases that have run on tables of this hash: those that the journal knows, and those that were live when
    /// a snapshot with them was taken.
    async fn releases_that_ran_on(&self, schema_hash: &str) -> anyhow::Result<Vec<ReleaseId>> {
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

    /// The run under way, if one is.
    #[must_use]
    pub fn underway(&self) -> Option<Underway> {
        let underway = self
            .underway
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        underway.map(|underway| {
            let printed = self.printed(underway.run);
            let skip = printed.lines.len().saturating_sub(LINES_SHOWN);
            Underway {
                output: printed.lines.into_iter().skip(skip).collect(),
                ..underway
            }
        })
    }

    /// What a run's preparation has printed; nothing where that is another run's.
    #[must_use]
    pub fn printed(&self, run: RunId) -> Printed {
        let printed = self
            .printed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if printed.run == run {
            printed.clone()
        } else {
            Printed::default()
        }
    }

    /// Keeps a line that a run's preparation printed.
    fn print_line(&self, run: RunId, line: String) {
        let mut printed = self
            .printed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if printed.run != run {
            *printed = Printed {
                run,
                ..Printed::default()
            };
        }
        if printed.lines.len() >= LINES_KEPT {
            printed.lines.pop_front();
            printed.before += 1;
        }
        printed.lines.push_back(line);
    }

    /// The colour that is kept warm, and until when.
    #[must_use]
    pub fn warm(&self) -> Option<(Colour, Timestamp)> {
        let warm = self
            .warm
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        warm.as_ref().map(|warm| (warm.colour, warm.until))
    }

    /// How often a colour was started again after it had ended by itself.
    #[must_use]
    pub fn restarts(&self, colour: Colour) -> u32 {
        let own = self.restarts[colour as usize].load(std::sync::atomic::Ordering::Relaxed);
        // Where both look after a colour, both count the same ends.
        own.max(self.runtime.restarts(colour).unwrap_or_default())
    }

    /// Stops both colours, at the end of a supervisor whose children they are; others go on.
    pub async fn stop_colours(&self) {
        for colour in Colour::BOTH {
            if let Err(error) = self.runtime.leave(colour).await {
                tracing::error!(app = %self.name(), "{error:#}");
            }
        }
    }

    /// A run that has just said that it is done gives its turn back an instant later: that much is waited for.
    async fn take_turn(self: &Arc<Self>, kind: Kind, subject: String) -> Result<Turn, Refusal> {
        let now = Timestamp::now();
        let turn = tokio::time::timeout(TURN_PATIENCE, self.turn.clone().lock_owned()).await;
        match (turn, self.underway()) {
            (Ok(guard), _) => {
                self.set_underway(Some(Underway {
                    run: 0,
                    kind,
                    subject,
                    since: now,
                    output: Vec::new(),
                }));
                Ok(Turn {
                    app: self.clone(),
                    _guard: guard,
                })
            }
            (Err(_), Some(underway)) => {
                let age = Timestamp::now().duration_since(underway.since);
                Err(Refusal::Busy {
                    app: self.name().clone(),
                    age: seconds(Duration::try_from(age).unwrap_or_default()),
                    underway,
                })
            }
            (Err(_), None) => Err(Refusal::Impossible(format!(
                "{} is busy for a moment, starting or stopping a colour; try again",
                self.name()
            ))),
        }
    }

    fn reserved(&self) -> std::sync::MutexGuard<'_, Option<Reserved>> {
        self.reserved
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set_underway(&self, underway: Option<Underway>) {
        *self
            .underway
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = underway;
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
        let (tell, told) = tokio::sync::oneshot::channel();
        self.tasks.spawn(async move {
            let run = match app
                .journal
                .begin_run(app.name().clone(), kind, &facts)
                .await
            {
                Ok(run) => run,
                Err(error) => return drop(tell.send(Err(error))),
            };
            app.set_underway(Some(Underway {
                run,
                kind,
                subject: subject(&facts),
                since: Timestamp::now(),
                output: Vec::new(),
            }));
            let begun = format!(
                "The {} of {} began; {} asked for it.",
                kind.noun(),
                subject(&facts),
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
            let _ = tell.send(Ok(run));
            pipeline::Pipeline::new(app, run, kind, facts, directory)
                .drive(kind.steps()[0])
                .await;
            faults::point(&format!("{}.turn", kind.noun()));
            drop(turn);
        });
        Ok(told.await.context("the run's task ended")??)
    }

    async fn resume(self: &Arc<Self>, run: Run, live: Colour, turn: Turn, quiet: Option<Quiet>) {
        let decision = decide(&run, live);
        let found = match decision {
            OnBoot::Unwind(step) => format!(
                "Tealkeep had been cut off during the {} of {}, at the step {}; what it had begun is taken back.",
                run.kind.noun(),
                subject(&run.facts),
                step.as_str()
            ),
            OnBoot::Continue(step) => format!(
                "Tealkeep had been cut off during the {} of {}; it goes on with the step {}.",
                run.kind.noun(),
                subject(&run.facts),
                step.as_str()
            ),
            OnBoot::Close => format!(
                "The {} of {} had failed and was taken back before Tealkeep ended; only that had not been written.",
                run.kind.noun(),
                subject(&run.facts)
            ),
        };
        self.journal
            .note(
                NewEvent::new(Severity::Warning, found)
                    .of(self.name())
                    .in_run(run.id),
            )
            .await;
        let pipeline =
            pipeline::Pipeline::resumed(self.clone(), run.id, run.kind, run.facts, quiet);
        match decision {
            OnBoot::Unwind(step) => pipeline.unwind_after_crash(step).await,
            OnBoot::Continue(step) => pipeline.drive(step).await,
            OnBoot::Close => pipeline.close().await,
        }
        if let Ok(live) = self.router.live().await
            && self.warm().is_none()
        {
            self.keep_warm_on(live.other()).await;
        }
        drop(turn);
    }

    /// Starts the live colour on the release that its link names, unless it runs, and says how it went.
    async fn start_live(&self, live: Colour) {
        let Some(release) = self.releases.of_colour(live) else {
            self.note(
                Severity::Warning,
                format!("{} has no release yet; deploy one.", self.name()),
            )
            .await;
            return;
        };
        if !matches!(self.runtime.state(live).await, ColourState::Running { .. })
            && let Err(error) = self
                .runtime
                .start(live, &self.launch_of(live, release.clone()))
                .await
        {
            self.note(
                Severity::Bad,
                format!("The live colour {live} ({release}) could not be started: {error:#}."),
            )
            .await;
            self.set_ailment(Some(format!("{error:#}")));
            return;
        }
        match self.await_healthy(live, &release).await {
            Ok(took) => {
                self.note(
                    Severity::Good,
                    format!(
                        "The live colour {live} ({release}) answers, {} after the start.",
                        seconds(took)
                    ),
                )
                .await;
                self.note_schema(&release).await;
            }
            Err(wrong) => {
                self.note(
                    Severity::Bad,
                    format!("The live colour {live} ({release}) does not answer: {wrong}."),
                )
                .await;
                self.set_ailment(Some(wrong));
            }
        }
    }

    async fn await_healthy(&self, colour: Colour, release: &ReleaseId) -> Result<Duration, String> {
        let at = self.runtime.address(colour);
        let expected = crate::probe::Expected {
            question: &crate::probe::Question::of_health(at, &self.config.health),
            release,
        };
        let within = self.config.health.within;
        let found = crate::probe::await_healthy(&*self.runtime, colour, &expected, within).await;
        if found.is_ok() && self.router.live().await.is_ok_and(|live| live == colour) {
            self.set_ailment(None);
        }
        // A start migrates the data that the live colour works on.
        self.observed.ask_soon();
        found
    }

    fn launch_of(&self, colour: Colour, release: ReleaseId) -> Launch {
        Launch {
            release,
            directory: self.releases.colour_path(colour),
            live_file: live::live_file(&self.folder, colour),
        }
    }

    /// Notes which schema the database has now that this release runs on it.
    async fn note_schema(&self, release: &ReleaseId) {
        match self.data.schema_hash().await {
            Ok(Some(hash)) => {
                if let Err(error) = self
                    .journal
                    .note_schema(self.name().clone(), release.clone(), hash)
                    .await
                {
                    tracing::error!("{error:#}");
                }
            }
            Ok(None) => {}
            // A restore is then refused for want of this knowledge, which is the safe side.
            Err(error) => {
                tracing::warn!(app = %self.name(), "the schema of {release} is not known: {error:#}")
            }
        }
    }

    /// Goes on keeping an idle colour warm after a start of Tealkeep: for what is left of `keep_warm` since the run
    /// that made it idle.
    async fn keep_warm_on(self: &Arc<Self>, colour: Colour) {
        let runs = self.journal.runs(self.name().clone(), RUNS_LOOKED_AT).await;
        let runs = runs.unwrap_or_else(|error| {
            // It is kept for the whole time then, which does no harm.
            tracing::warn!(app = %self.name(), "since when {colour} is kept warm is not known: {error:#}");
            Vec::new()
        });
        let keep = self.config.deploy.keep_warm;
        let left = left_of(keep, idle_since(&runs, colour), Timestamp::now());
        self.keep_warm_for(colour, left).await;
    }

    /// Lets an idle colour run on for `keep_warm`, then stops it.
    async fn keep_warm(self: &Arc<Self>, colour: Colour) {
        self.keep_warm_for(colour, self.config.deploy.keep_warm)
            .await;
    }

    async fn keep_warm_for(self: &Arc<Self>, colour: Colour, keep: Duration) {
        self.end_warmth();
        if !matches!(
            self.runtime.state(colour).await,
            ColourState::Running { .. }
        ) {
            return;
        }
        let until = Timestamp::now() + jiff::SignedDuration::try_from(keep).unwrap_or_default();
        let cancel = self.stop.child_token();
        *self
            .warm
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Warm {
            colour,
            until,
            cancel: cancel.clone(),
        });
        let app = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(keep) => {}
            }
            // A run that begins in this instant has cancelled the token before it touches the colour.
            let turn = tokio::select! {
                () = cancel.cancelled() => return,
                turn = app.turn.clone().lock_owned() => turn,
            };
            if cancel.is_cancelled() || app.router.live().await.is_ok_and(|live| live == colour) {
                return;
            }
            app.cool(colour).await;
            drop(turn);
        });
    }

    /// Stops an idle colour that is not needed any more.
    async fn cool(&self, colour: Colour) {
        self.router.forget(colour).await;
        match self.runtime.stop(colour).await {
            Ok(()) => {
                self.note(
                    Severity::Info,
                    format!("The old colour {colour} was stopped; a rollback starts it again."),
                )
                .await
            }
            Err(error) => {
                self.note(
                    Severity::Warning,
                    format!("The old colour {colour} could not be stopped: {error:#}."),
                )
                .await
            }
        }
        self.end_warmth();
    }

    /// The colour that is to run, with its release and how it stands; `None` while a run has stopped it on
    /// purpose, and before the first deploy.
    async fn wanted(&self) -> Option<(Colour, ReleaseId, ColourState)> {
        let live = self.router.live().await.ok()?;
        let release = self.releases.of_colour(live)?;
        let state = self.runtime.state(live).await;
        (!self.resting.load(Ordering::Acquire)).then_some((live, release, state))
    }

    /// How the app does, as far as that is known: its requests, its crashes, its health.
    ///
    /// # Errors
    /// Which colour is live can't be told.
    pub async fn observations(&self) -> anyhow::Result<Observations> {
        let live = self.router.live().await?;
        let (router, clock) = (&*self.router, self.data.clock());
        Ok(self.observed.now(live, router, clock).await)
    }

    /// Writes down what was counted of each date since this was last called: with the night's work, and at the end.
    pub async fn write_traffic_days(&self) {
        self.observed.look(&*self.router, self.data.clock()).await;
        if let Err(error) = self.observed.write_days(self.name(), &self.journal).await {
            tracing::error!(app = %self.name(), "the requests of the last days could not be noted: {error:#}");
        }
    }

    /// What is wrong with the live colour, in words, if something is.
    #[must_use]
    pub fn ailment(&self) -> Option<String> {
        self.ailment
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// What is wrong with the way to the live colour, in words, as the router was last proved.
    #[must_use]
    pub fn misrouted(&self) -> Option<String> {
        self.misrouted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Proves the router by a request that takes a user's way, and keeps what was found for [`App::misrouted`].
    async fn prove_router(&self) -> Result<(), String> {
        let proved = self.router.prove().await;
        *self
            .misrouted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = proved.clone().err();
        proved
    }

    fn set_ailment(&self, wrong: Option<String>) {
        *self
            .ailment
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = wrong;
    }

    /// New requests go to a colour from now on, and its live file says so.
    async fn swap_to(&self, to: Colour) -> anyhow::Result<()> {
        live::mark_live(&self.folder, to)?;
        self.router.swap(to).await?;
        self.set_ailment(None);
        self.observed
            .begin(to, &*self.router, self.data.clock())
            .await;
        live::unmark_live(&self.folder, to.other())?;
        Ok(())
    }

    fn end_warmth(&self) {
        let warm = self
            .warm
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(warm) = warm {
            warm.cancel.cancel();
        }
    }

    async fn note(&self, severity: Severity, text: String) {
        self.journal
            .note(NewEvent::new(severity, text).of(self.name()))
            .await;
    }
}

/// When a colour that is idle became so: with the end of the newest run that took the requests from it.
fn idle_since(runs: &[Run], colour: Colour) -> Option<Timestamp> {
    let newest = runs.iter().find(|run| run.state == RunState::Done)?;
    (newest.facts.to != colour)
        .then_some(newest.ended)
        .flatten()
}

/// What is left of a time that began then; all of it where nobody knows, or the clock was set back.
fn left_of(keep: Duration, since: Option<Timestamp>, now: Timestamp) -> Duration {
    let passed = since.map(|since| now.duration_since(since));
    let passed = passed.and_then(|passed| Duration::try_from(passed).ok());
    keep.saturating_sub(passed.unwrap_or_default())
}

fn decide(run: &Run, live: Colour) -> OnBoot {
    let steps: Vec<_> = run.steps.iter().map(|row| (row.step, row.state)).collect();
    step::on_boot(run.kind, &steps, live == run.facts.to)
}

/// What a run is about, as it stands in sentences.
#[must_use]
pub fn subject(facts: &RunFacts) -> String {
    facts.snapshot.map_or_else(
        || facts.release.to_string(),
        |snapshot| snapshot.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_warm_time_counts_from_the_run_that_made_a_colour_idle() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let keep = minutes(30);
        assert_eq!(left_of(keep, Some(at(0)), at(600)), minutes(20));
        assert_eq!(left_of(keep, Some(at(0)), at(86_400)), Duration::ZERO);
        assert_eq!(left_of(keep, Some(at(600)), at(0)), keep);
        assert_eq!(left_of(keep, None, at(0)), keep);
    }
}
