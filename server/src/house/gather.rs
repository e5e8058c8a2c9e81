//! Gathers the facts: from the journal each time, and from disks with a deadline, so that one that hangs does not delay the
//! others.

mod disks;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::facts::{AppFacts, BeforeDeploy, DiskFacts, Facts, FolderFacts, LiveFacts, Trouble};
use super::parts::House;
use crate::backup::{Reason, SnapshotId, drill};
use crate::clock::BUILT;
use crate::config::Dashboard;
use crate::deploy::verdict::as_it_stands;
use crate::deploy::{App, Underway};
use crate::journal::checks::Target;
use crate::journal::runs::{Kind, Run, RunState};
use crate::names::{AppName, Colour};
use crate::pulls;
use crate::runtime::ColourState;
use disks::{Place, look, unanswered};

/// How long a disk may take to answer.
const DISK_TIMEOUT: Duration = Duration::from_secs(30);
/// For how long a backups folder is not read again while nothing happens.
const MAX_FOLDER_AGE: Duration = Duration::from_secs(600);
/// How far back in the journal the newest of something is looked for.
const MAX_ROWS: u32 = 64;

/// What was found in a backups folder, and when.
#[derive(Debug, Clone)]
struct Folder {
    read_at: Instant,
    found: Found,
}

/// What there is in one that can be read, or why it can't be read.
type Found = Result<FolderFacts, String>;

/// What can trouble a live colour for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ailing {
    Down,
    Misrouted,
}

/// What is remembered between two looks; nothing that a restart may not lose.
#[derive(Debug, Default)]
pub struct Gatherer {
    folders: HashMap<AppName, Folder>,
    ailing: HashMap<(AppName, Ailing), Instant>,
    /// Reads that did not end in time. No second one is started beside them: each would hold a thread for as long as
    /// the disk hangs.
    reading: HashMap<AppName, JoinHandle<Found>>,
    /// The same for the disks.
    looking: Option<JoinHandle<Vec<DiskFacts>>>,
}

impl Gatherer {
    /// Everything that is known now. `anew` reads the backups folders again, since something happened or somebody
    /// looks.
    ///
    /// # Errors
    /// The journal or a router can't be asked.
    pub async fn facts(&mut self, house: &House, anew: bool) -> anyhow::Result<Facts> {
        let mut apps = Vec::new();
        for app in &house.apps {
            apps.push(self.app(house, app, anew).await?);
        }
        let open = house.journal.open_notices().await?;
        Ok(Facts {
            now: house.clock.now(),
            built: BUILT,
            zone: house.clock.zone(),
            started: house.started,
            installed_at: house.journal.installed_at().await?,
            apps,
            disks: self.disks(house).await,
            disk_free: house.config.notify.disk_free,
            open: open
                .into_iter()
                .map(|notice| (notice.key(), notice))
                .collect(),
        })
    }

    async fn app(&mut self, house: &House, app: &Arc<App>, anew: bool) -> anyhow::Result<AppFacts> {
        let (journal, name) = (&house.journal, app.name());
        // First: when no run is under way at this moment, what is read after it belongs together.
        let underway = app.underway();
        let live = self.live(app, underway.as_ref()).await;
        let folder = self.folder(app, anew).await.found;
        if let Err(error) = pulls::collect(house, name).await {
            tracing::debug!("{error:#}");
        }
        let pulls = journal.pulls(name.clone(), MAX_ROWS).await?;
        let looked = pulls.iter().find(|pull| pull.damaged.is_some()).cloned();
        let runs = journal.runs(name.clone(), MAX_ROWS).await?;
        let before_deploy = before_deploy(&live, &folder, &runs);
        let run = runs.into_iter().find(|run| run.state != RunState::Running);
        let check = journal.newest_check(name.clone(), Target::Public).await?;
        let accepted = journal.acceptances(name.clone(), false).await?;
        Ok(AppFacts {
            name: name.clone(),
            underway,
            live,
            at: app.config.backup.at,
            deadline: app.config.backup.deadline,
            folder,
            night: journal.nights(name.clone(), 1).await?.pop(),
            drill: app.last_drill().await?,
            pull_within: app.config.backup.pull_within,
            pull: pulls::newest(pulls, house.clock.now()),
            looked,
            run,
            check: check.map(|check| as_it_stands(check, &accepted)),
            before_deploy,
        })
    }

    async fn live(&mut self, app: &App, underway: Option<&Underway>) -> LiveFacts {
        let colour = match app.router.live().await {
            Ok(colour) => colour,
            Err(error) => {
                let what = Some(format!("nobody can tell which colour is live: {error:#}"));
                return LiveFacts {
                    colour: Colour::Blue,
                    release: None,
                    previous: None,
                    down: None,
                    misrouted: self.trouble(app, Ailing::Misrouted, what),
                    observed: None,
                };
            }
        };
        let release = app.releases.of_colour(colour);
        // A restore stops the live colour on purpose, and users wait meanwhile.
        let is_at_rest = underway.is_some_and(|run| matches!(run.kind, Kind::Restore | Kind::Undo));
        let (down, misrouted) = match release {
            Some(_) if !is_at_rest => what_is_down(app, colour).await,
            _ => (None, None),
        };
        LiveFacts {
            colour,
            previous: app.rollback_target().await.ok().and_then(Result::ok),
            down: self.trouble(app, Ailing::Down, down),
            misrouted: self.trouble(app, Ailing::Misrouted, misrouted),
            observed: match release {
                Some(_) if !is_at_rest => app.observations().await.ok(),
                _ => None,
            },
            release,
        }
    }

    /// For how long something has been wrong by now.
    fn trouble(&mut self, app: &App, kind: Ailing, what: Option<String>) -> Option<Trouble> {
        let key = (app.name().clone(), kind);
        let Some(what) = what else {
            self.ailing.remove(&key);
            return None;
        };
        let since = *self.ailing.entry(key).or_insert_with(Instant::now);
        let lasted = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
        Some(Trouble { what, lasted })
    }

    async fn folder(&mut self, app: &Arc<App>, anew: bool) -> Folder {
        let name = app.name();
        if let Some(known) = self.folders.get(name)
            && known.read_at.elapsed() < MAX_FOLDER_AGE
            && !anew
            && !self.reading.contains_key(name)
        {
            return known.clone();
        }
        let (waiting, patience) = match self.reading.remove(name) {
            Some(waiting) => (waiting, Duration::ZERO),
            None => (tokio::spawn(read(app.clone())), DISK_TIMEOUT),
        };
        let found = match within(patience, waiting).await {
            Answer::Given(found) => found,
            Answer::Lost(why) => Err(why),
            Answer::Outstanding(waiting) => {
                self.reading.insert(name.clone(), waiting);
                Err(format!(
                    "it did not answer within {} seconds",
                    DISK_TIMEOUT.as_secs()
                ))
            }
        };
        let folder = Folder {
            read_at: Instant::now(),
            found,
        };
        self.folders.insert(name.clone(), folder.clone());
        folder
    }

    /// The file systems of everything that Tealkeep and the apps write, one entry each.
    async fn disks(&mut self, house: &House) -> Vec<DiskFacts> {
        let mut places = vec![Place {
            folder: house.journal.folder().to_owned(),
            holds: "Tealkeep's journal".to_owned(),
            backups_of: None,
            need: 0,
        }];
        for app in &house.apps {
            let known = self.folders.get(app.name());
            let newest = known.and_then(|known| known.found.as_ref().ok());
            places.push(Place {
                folder: app.config.backups.clone(),
                holds: format!("the snapshots of {}", app.name()),
                backups_of: Some(app.name().clone()),
                need: newest.map_or(0, |folder| folder.newest_bytes),
            });
            if let Some(folder) = app.config.database.parent() {
                places.push(Place {
                    folder: folder.to_owned(),
                    holds: format!("the database of {}", app.name()),
                    backups_of: None,
                    need: 0,
                });
            }
        }
        let (waiting, patience) = match self.looking.take() {
            Some(waiting) => (waiting, Duration::ZERO),
            None => {
                let asked = places.clone();
                let looking = tokio::task::spawn_blocking(move || look(asked));
                (looking, DISK_TIMEOUT)
            }
        };
        match within(patience, waiting).await {
            Answer::Given(disks) => disks,
            Answer::Lost(_) => unanswered(places),
            Answer::Outstanding(waiting) => {
                self.looking = Some(waiting);
                unanswered(places)
            }
        }
    }
}

/// What came of waiting for something that may hang.
enum Answer<T> {
    Given(T),
    /// There will be none; why, in words.
    Lost(String),
    /// It has not come yet.
    Outstanding(JoinHandle<T>),
}

async fn within<T>(patience: Duration, mut waiting: JoinHandle<T>) -> Answer<T> {
    match tokio::time::timeout(patience, &mut waiting).await {
        Ok(Ok(given)) => Answer::Given(given),
        Ok(Err(error)) => Answer::Lost(format!("it could not be read: {error}")),
        Err(_) => Answer::Outstanding(waiting),
    }
}

/// The snapshot from before the newest deploy, where the live colour says that it is not healthy, nothing was restored
/// since, and the snapshot is still there.
fn before_deploy(live: &LiveFacts, folder: &Found, runs: &[Run]) -> Option<BeforeDeploy> {
    let health = live.observed.as_ref()?.health.as_ref()?;
    let snapshots = &folder.as_ref().ok()?.before_deploys;
    if health.verdict.is_well() {
        return None;
    }
    let taken_in = |run: &Run| {
        // An id tells the second, and no more.
        let began = run.began.checked_sub(SignedDuration::from_secs(1));
        let (began, ended) = (
            began.unwrap_or(run.began),
            run.ended.unwrap_or(Timestamp::MAX),
        );
        let within = |id: &&SnapshotId| (began..=ended).contains(&id.taken_at());
        snapshots.iter().rev().find(within).copied()
    };
    let touched_data = |run: &&Run| match run.kind {
        Kind::Deploy => run.state != RunState::Running && taken_in(run).is_some(),
        Kind::Restore | Kind::Undo => run.state == RunState::Done,
        Kind::Rollback => false,
    };
    let newest = runs.iter().find(touched_data)?;
    Some(BeforeDeploy {
        release: newest.facts.release.clone(),
        snapshot: taken_in(newest).filter(|_| newest.kind == Kind::Deploy)?,
    })
}

/// Why nobody can use the app now, and why requests don't reach it, in words that end no sentence.
async fn what_is_down(app: &App, live: Colour) -> (Option<String>, Option<String>) {
    let down = match app.runtime.state(live).await {
        ColourState::Running { .. } => app
            .unhealthy_reason()
            .map(|wrong| format!("its live colour {live} is not healthy: {wrong}")),
        ColourState::Ended { how } => Some(format!(
            "its live colour {live} {how}, and is being started again"
        )),
        ColourState::Stopped => {
            let why = app
                .unhealthy_reason()
                .map_or_else(String::new, |wrong| format!(": {wrong}"));
            Some(format!("its live colour {live} does not run{why}"))
        }
    };
    match down {
        Some(down) => (Some(down), None),
        None => (None, app.misrouted_reason()),
    }
}

/// Reads a backups folder.
async fn read(app: Arc<App>) -> Found {
    let in_words = |error: anyhow::Error| format!("{error:#}");
    let (catalogue, _) = app.data.catalogue().await.map_err(in_words)?;
    let misdated = app.journal.misdated().await.map_err(in_words)?;
    let (now, shrink) = (Timestamp::now(), app.config.backup.drill_shrink);
    let newest = catalogue.newest_by(now).map(|entry| &entry.manifest);
    Ok(FolderFacts {
        lost: drill::lost_last_night(&catalogue, now, shrink),
        nights: catalogue.nights_but(&misdated).collect(),
        newest: newest.map(|newest| (newest.id, newest.taken_at)),
        newest_bytes: newest.map_or(0, |newest| newest.bytes),
        content_findings: newest
            .map_or_else(Vec::new, |newest| newest.concerns.content_findings.clone()),
        before_deploys: catalogue
            .entries
            .iter()
            .filter(|entry| entry.manifest.reason == Reason::BeforeDeploy)
            .map(|entry| entry.manifest.id)
            .collect(),
        problems: catalogue.problems.iter().map(ToString::to_string).collect(),
    })
}

/// Where the dashboard is reached, if the configuration says by which name.
#[must_use]
pub fn address_of(dashboard: &Dashboard) -> Option<String> {
    let host = dashboard.hosts.first()?;
    Some(if dashboard.https {
        format!("https://{host}")
    } else {
        format!("http://{host}:{}", dashboard.listen.port())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_hangs_is_asked_once_and_heard_when_it_answers() {
        let (answer, asked) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(async move { asked.await.unwrap_or(0) });
        let Answer::Outstanding(waiting) = within(Duration::ZERO, waiting).await else {
            panic!("it has answered");
        };
        let Answer::Outstanding(waiting) = within(Duration::ZERO, waiting).await else {
            panic!("it has answered");
        };
        answer.send(7).unwrap();
        let Answer::Given(7) = within(Duration::from_secs(60), waiting).await else {
            panic!("its answer was lost");
        };
    }

    #[tokio::test]
    async fn what_ends_without_an_answer_is_said_to_have() {
        let waiting = tokio::spawn(std::future::pending::<()>());
        waiting.abort();
        let answer = within(Duration::from_secs(60), waiting).await;
        assert!(matches!(answer, Answer::Lost(why) if why.contains("could not be read")));
    }
}
