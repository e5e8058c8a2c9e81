//! Gathers the facts: from the journal each time, from disks with a deadline, since one that hangs must not keep the
//! others from being told.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::Key;
use super::facts::{AppFacts, DiskFacts, Facts, Space};
use crate::backup::drill::{self, Lost};
use crate::clock::BUILT;
use crate::config::Dashboard;
use crate::deploy::App;
use crate::deploy::step::Kind;
use crate::deploy::verdict::as_it_stands;
use crate::http::Server;
use crate::journal::checks::Target;
use crate::journal::runs::RunState;
use crate::names::AppName;
use crate::pulls;

/// How long a disk may take to answer.
const DISK_DEADLINE: Duration = Duration::from_secs(30);
/// For how long a backups folder is not read again while nothing happens.
const FOLDER_AGE: Duration = Duration::from_secs(600);
/// How far back in the journal the newest of something is looked for.
const LOOKED_AT: u32 = 20;

/// What was found in a backups folder.
#[derive(Debug, Clone)]
struct Folder {
    read_at: Instant,
    found: Found,
}

/// What there is in one that can be read.
#[derive(Debug, Clone)]
struct Holds {
    /// The local dates of the nightly snapshots, as the schedule counts them: one that it takes again must not seem to
    /// be there.
    nights: Vec<Date>,
    /// What the newest of them has lost.
    lost: Option<Lost>,
    /// The size of the newest snapshot's file.
    newest_bytes: u64,
}

/// That, or why it can't be read.
type Found = Result<Holds, String>;

/// What is remembered between two looks; nothing that a restart may not lose.
#[derive(Debug, Default)]
pub struct Gatherer {
    folders: HashMap<AppName, Folder>,
    ailing: HashMap<AppName, Instant>,
    /// Who waits for a folder that did not answer in time. Nobody else is sent after him: each would hold a thread for
    /// as long as the disk hangs.
    reading: HashMap<AppName, JoinHandle<Found>>,
    /// The same for the disks.
    looking: Option<JoinHandle<Vec<DiskFacts>>>,
}

impl Gatherer {
    /// Everything that is known now. `anew` reads the backups folders again, since something happened.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn facts(
        &mut self,
        server: &Server,
        installed_at: Timestamp,
        disk_free: u32,
        anew: bool,
    ) -> anyhow::Result<Facts> {
        let mut apps = Vec::new();
        for app in &server.apps {
            apps.push(self.app(server, app, anew).await?);
        }
        let open = server.journal.open_notices().await?;
        let open: BTreeSet<Key> = open.iter().map(|notice| notice.key()).collect();
        Ok(Facts {
            now: server.clock.now(),
            built: BUILT,
            zone: server.clock.zone(),
            started: server.started,
            installed_at,
            dashboard: address_of(&server.dashboard),
            apps,
            disks: self.disks(server).await,
            disk_free,
            open,
        })
    }

    async fn app(
        &mut self,
        server: &Server,
        app: &Arc<App>,
        anew: bool,
    ) -> anyhow::Result<AppFacts> {
        let (journal, name) = (&server.journal, app.name());
        let folder = self.folder(app, anew).await;
        let (nightly, lost) = match folder.found {
            Ok(holds) => (Ok(holds.nights), holds.lost),
            Err(why) => (Err(why), None),
        };
        let pulls = journal.pulls(name.clone(), LOOKED_AT).await?;
        let looked = pulls.iter().find(|pull| pull.damaged.is_some()).cloned();
        let runs = journal.runs(name.clone(), LOOKED_AT).await?;
        let run = runs.into_iter().find(|run| {
            run.state != RunState::Running && matches!(run.kind, Kind::Deploy | Kind::Rollback)
        });
        let check = journal.newest_check(name.clone(), Target::Public).await?;
        let accepted = journal.acceptances(name.clone(), false).await?;
        let ailment = match app.ailment() {
            Some(what) => {
                let since = *self.ailing.entry(name.clone()).or_insert_with(Instant::now);
                let lasted = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
                Some((what, lasted))
            }
            None => {
                self.ailing.remove(name);
                None
            }
        };
        Ok(AppFacts {
            name: name.clone(),
            at: app.config.backup.at,
            deadline: app.config.backup.deadline,
            nightly,
            lost,
            night: journal.nights(name.clone(), 1).await?.pop(),
            drill: journal.drills(name.clone(), 1).await?.pop(),
            pull_within: app.config.backup.pull_within,
            pull: pulls::newest(pulls, server.clock.now()),
            looked,
            run,
            check: check.map(|check| as_it_stands(check, &accepted)),
            ailment,
        })
    }

    async fn folder(&mut self, app: &Arc<App>, anew: bool) -> Folder {
        let name = app.name();
        if let Some(known) = self.folders.get(name)
            && known.read_at.elapsed() < FOLDER_AGE
            && !anew
            && !self.reading.contains_key(name)
        {
            return known.clone();
        }
        let (waiting, patience) = match self.reading.remove(name) {
            Some(waiting) => (waiting, Duration::ZERO),
            None => (tokio::spawn(read(app.clone())), DISK_DEADLINE),
        };
        let found = match within(patience, waiting).await {
            Answer::Given(found) => found,
            Answer::Lost(why) => Err(why),
            Answer::Outstanding(waiting) => {
                self.reading.insert(name.clone(), waiting);
                Err(format!(
                    "it did not answer within {} seconds",
                    DISK_DEADLINE.as_secs()
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
    async fn disks(&mut self, server: &Server) -> Vec<DiskFacts> {
        let mut places = vec![Place {
            folder: server.journal.folder().to_owned(),
            holds: "Tealkeep's journal".to_owned(),
            need: 0,
        }];
        for app in &server.apps {
            let known = self.folders.get(app.name());
            let newest = known.and_then(|known| known.found.as_ref().ok());
            places.push(Place {
                folder: app.config.backups.clone(),
                holds: format!("the snapshots of {}", app.name()),
                need: newest.map_or(0, |holds| holds.newest_bytes),
            });
            if let Some(folder) = app.config.database.parent() {
                places.push(Place {
                    folder: folder.to_owned(),
                    holds: format!("the database of {}", app.name()),
                    need: 0,
                });
            }
        }
        let (waiting, patience) = match self.looking.take() {
            Some(waiting) => (waiting, Duration::ZERO),
            None => {
                let asked = places.clone();
                let looking = tokio::task::spawn_blocking(move || look(asked));
                (looking, DISK_DEADLINE)
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

/// Reads a backups folder.
async fn read(app: Arc<App>) -> Found {
    let said = |error: anyhow::Error| format!("{error:#}");
    let (catalogue, _) = app.data.catalogue().await.map_err(said)?;
    let misdated = app.journal.misdated().await.map_err(said)?;
    let manifests = catalogue.entries.iter().map(|entry| &entry.manifest);
    let newest = manifests.max_by_key(|manifest| manifest.taken_at);
    let (now, shrink) = (Timestamp::now(), app.config.backup.drill_shrink);
    Ok(Holds {
        lost: drill::lost_last_night(&catalogue, now, shrink),
        nights: catalogue.nights_but(&misdated).collect(),
        newest_bytes: newest.map_or(0, |manifest| manifest.bytes),
    })
}

/// A folder that must have room.
#[derive(Debug, Clone)]
struct Place {
    folder: PathBuf,
    holds: String,
    need: u64,
}

fn look(places: Vec<Place>) -> Vec<DiskFacts> {
    let mut disks: Vec<(Option<u64>, DiskFacts)> = Vec::new();
    for place in places {
        let device = place.folder.metadata().ok().map(|meta| meta.dev());
        let same = disks
            .iter_mut()
            .find(|(known, _)| device.is_some() && *known == device);
        if let Some((_, disk)) = same {
            disk.holds.push(place.holds);
            disk.need = disk.need.saturating_add(place.need);
            continue;
        }
        let space = rustix::fs::statvfs(&place.folder).ok().map(|stat| Space {
            // One in user space may have no size at all.
            free: if stat.f_blocks == 0 {
                u64::MAX
            } else {
                stat.f_bavail.saturating_mul(stat.f_frsize)
            },
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        });
        disks.push((device, disk_of(place, space)));
    }
    disks.into_iter().map(|(_, disk)| disk).collect()
}

fn unanswered(places: Vec<Place>) -> Vec<DiskFacts> {
    places
        .into_iter()
        .map(|place| disk_of(place, None))
        .collect()
}

fn disk_of(place: Place, space: Option<Space>) -> DiskFacts {
    DiskFacts {
        folder: place.folder,
        holds: vec![place.holds],
        space,
        need: place.need,
    }
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
