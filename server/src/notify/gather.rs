//! Gathers the facts: from the journal each time, from disks with a deadline, since one that hangs must not keep the
//! others from being told.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::Key;
use super::facts::{AppFacts, DiskFacts, Facts, Space};
use crate::backup::Reason;
use crate::config::Dashboard;
use crate::deploy::App;
use crate::deploy::step::Kind;
use crate::deploy::verdict::as_it_stands;
use crate::http::Server;
use crate::journal::checks::Target;
use crate::journal::runs::RunState;
use crate::names::AppName;

/// How long a disk may take to answer.
const DISK_DEADLINE: Duration = Duration::from_secs(30);
/// For how long a backups folder is not read again while nothing happens, and never after it did not answer.
const FOLDER_AGE: Duration = Duration::from_secs(600);
/// How far back in the journal the newest of something is looked for.
const LOOKED_AT: u32 = 20;

/// What was found in a backups folder.
#[derive(Debug, Clone)]
struct Folder {
    read_at: Instant,
    hangs: bool,
    /// The local dates of the nightly snapshots, and the size of the newest snapshot's file.
    found: Result<(Vec<Date>, u64), String>,
}

/// What is remembered between two looks; nothing that a restart may not lose.
#[derive(Debug, Default)]
pub struct Gatherer {
    folders: HashMap<AppName, Folder>,
    ailing: HashMap<AppName, Instant>,
    /// When the disks last did not answer.
    hung: Option<Instant>,
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
            nightly: folder.found.map(|(dates, _)| dates),
            night: journal.nights(name.clone(), 1).await?.pop(),
            drill: journal.drills(name.clone(), 1).await?.pop(),
            pull_within: app.config.backup.pull_within,
            pull: pulls.into_iter().next(),
            looked,
            run,
            check: check.map(|check| as_it_stands(check, &accepted)),
            ailment,
        })
    }

    async fn folder(&mut self, app: &Arc<App>, anew: bool) -> Folder {
        if let Some(known) = self.folders.get(app.name())
            && known.read_at.elapsed() < FOLDER_AGE
            && (known.hangs || !anew)
        {
            return known.clone();
        }
        let read = tokio::time::timeout(DISK_DEADLINE, app.data.catalogue()).await;
        let hangs = read.is_err();
        let found = match read {
            Ok(Ok((catalogue, _))) => {
                let manifests = || catalogue.entries.iter().map(|entry| &entry.manifest);
                let nightly = manifests().filter(|manifest| manifest.reason == Reason::Nightly);
                let dates = nightly.map(|manifest| manifest.local_date).collect();
                let newest = manifests().max_by_key(|manifest| manifest.taken_at);
                Ok((dates, newest.map_or(0, |manifest| manifest.bytes)))
            }
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err(format!(
                "it did not answer within {} seconds",
                DISK_DEADLINE.as_secs()
            )),
        };
        let folder = Folder {
            read_at: Instant::now(),
            hangs,
            found,
        };
        self.folders.insert(app.name().clone(), folder.clone());
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
                need: newest.map_or(0, |(_, bytes)| *bytes),
            });
            if let Some(folder) = app.config.database.parent() {
                places.push(Place {
                    folder: folder.to_owned(),
                    holds: format!("the database of {}", app.name()),
                    need: 0,
                });
            }
        }
        if self.hung.is_some_and(|at| at.elapsed() < FOLDER_AGE) {
            return unanswered(places);
        }
        let asked = places.clone();
        let looked = tokio::task::spawn_blocking(move || look(asked));
        match tokio::time::timeout(DISK_DEADLINE, looked).await {
            Ok(Ok(disks)) => disks,
            Ok(Err(_)) => unanswered(places),
            Err(_) => {
                self.hung = Some(Instant::now());
                unanswered(places)
            }
        }
    }
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
