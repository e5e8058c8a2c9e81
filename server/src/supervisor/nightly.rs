//! Looks at the pure schedule once a minute, in UTC: takes the snapshots that are due, notes what came of each night, and
//! checks the public addresses whose time has come. Each app has a turn of its own, so a long snapshot of one delays no
//! other's. A look that finds nothing due writes nothing.

mod minutes;
mod slots;
mod tries;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reserve;
use crate::backup::{Catalogue, Reason, Rotation, SnapshotId, Taken};
use crate::clock::BUILT;
use crate::deploy::App;
use crate::house::House;
use crate::journal::nights::Night;
use crate::journal::{NewEvent, Severity};
use crate::schedule::{Decision, LastRun, Trust, counts_from, due};
use minutes::Minutes;
use slots::Slots;
use tries::Tries;

/// Starts to look; ends with `stop`.
///
/// # Errors
/// The scheduler can't be started.
pub async fn tick(
    house: Arc<House>,
    installed_at: Timestamp,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let minutes = Minutes::start().await?;
    let slots = Arc::new(Slots::default());
    let turns = house.apps.iter().map(|app| {
        Arc::new(Turn {
            house: house.clone(),
            stop: stop.clone(),
            app: app.clone(),
            installed_at,
            slots: slots.clone(),
            pending: Mutex::default(),
        })
    });
    let turns: Vec<Arc<Turn>> = turns.collect();
    let looks = tasks.clone();
    tasks.spawn(async move {
        loop {
            // The first look is at once: what was missed while the machine was off waits for no minute.
            for turn in &turns {
                let turn = turn.clone();
                looks.spawn(async move { turn.look().await });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = minutes.next() => {}
            }
        }
    });
    Ok(())
}

/// One app's nights.
struct Turn {
    house: Arc<House>,
    app: Arc<App>,
    stop: CancellationToken,
    installed_at: Timestamp,
    slots: Arc<Slots>,
    /// Held while its snapshot is taken: the next look finds it taken, and does nothing.
    pending: Mutex<Pending>,
}

/// The night's snapshot failed; that was said already.
struct Failed;

/// What is known of an app's night that has no snapshot yet.
#[derive(Debug, Default)]
struct Pending {
    /// When it failed last.
    failed_at: Option<Timestamp>,
    /// What was said of it.
    tries: Tries,
    /// Whether the journal was asked what an earlier run had said.
    has_asked: bool,
    /// The snapshots that were dated in the future once; `None` until the journal was asked.
    misdated: Option<BTreeSet<SnapshotId>>,
}

impl Turn {
    /// Begins what is due, and takes the night's snapshot if that is.
    async fn look(&self) {
        let (house, app) = (&*self.house, &self.app);
        // Only begun here: a slow site keeps no snapshot waiting.
        if let Err(error) = app.check_if_due(house.clock.now()).await {
            tracing::error!(app = %app.name(), "whether a check is due could not be told: {error:#}");
        }
        if let Err(error) = app.drill_if_due(house.clock.now()).await {
            tracing::error!(app = %app.name(), "whether a drill is due could not be told: {error:#}");
        }
        let Ok(mut pending) = self.pending.try_lock() else {
            return;
        };
        let now = house.clock.now();
        let zone = house.clock.zone();
        let from = counts_from(self.installed_at, now, BUILT);
        // The newest night that is due, unless it is done, which only the folder says.
        let pause = match due(now, &zone, app.config.backup.at, None, from) {
            Decision::Due { local_date, .. } => pending.tries.pause(local_date),
            Decision::NotYet { .. } => SignedDuration::ZERO,
        };
        // A clock that was set meanwhile may say that it failed in the future.
        let paused = |at: Timestamp| now.duration_since(at).abs() < pause;
        if pending.failed_at.is_some_and(paused) {
            return;
        }
        pending.failed_at = None;
        if self.look_at(&mut pending).await.is_err() {
            pending.failed_at = Some(house.clock.now());
        }
    }

    async fn look_at(&self, pending: &mut Pending) -> Result<(), Failed> {
        let (house, app) = (&*self.house, &self.app);
        let local = house.clock.local();
        let (now, today) = (local.timestamp(), local.date());
        let zone = house.clock.zone();
        let at = app.config.backup.at;
        let from = counts_from(self.installed_at, now, BUILT);
        let (last, unreadable) = match app.data.catalogue().await {
            Ok((catalogue, _)) => {
                let misdated = misdated(house, &catalogue, now, pending).await;
                let last = LastRun::newest(catalogue.nights_but(misdated), today);
                (last, None)
            }
            // Whether the night is done can't be told; that it can't is the night's failure, if one is due at all.
            Err(error) => (None, Some(error)),
        };
        let Decision::Due {
            local_date,
            catch_up,
        } = due(now, &zone, at, last, from)
        else {
            return Ok(());
        };
        recall(house, app, pending).await;
        let taken = match unreadable {
            Some(error) => Err(error),
            None => {
                if catch_up && !pending.tries.has_begun(local_date) {
                    let text = format!(
                        "The snapshot of the night to {local_date} had been missed; it is caught up now."
                    );
                    note(house, app, Severity::Info, text).await;
                }
                let _slot = tokio::select! {
                    () = self.stop.cancelled() => return Ok(()),
                    slot = self.slots.wait() => slot,
                };
                app.backup_for(Reason::Nightly, Some(local_date)).await
            }
        };
        // The night is not over: the next start catches it up.
        if taken.is_err() && self.stop.is_cancelled() {
            return Ok(());
        }
        self.settle(pending, local_date, taken).await
    }

    /// Notes what came of a night, and says it where it is news.
    async fn settle(
        &self,
        pending: &mut Pending,
        local_date: Date,
        taken: anyhow::Result<Taken>,
    ) -> Result<(), Failed> {
        let (house, app) = (&*self.house, &self.app);
        let (snapshot, failed, said) = match taken {
            Ok(taken) => {
                let failed = match &taken.rotation {
                    Rotation::Failed(error) => Some(format!("the rotation ({error})")),
                    Rotation::Done(_) | Rotation::Withheld(_) => None,
                };
                let said = pending.tries.done(local_date);
                (Some(taken.manifest.id), failed, said)
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::error!(app = %app.name(), "the nightly snapshot failed: {why}");
                let said = pending.tries.failed(local_date, &why);
                (None, Some(why), said)
            }
        };
        self.keep_room(snapshot.is_some()).await;
        let is_new = said.is_some();
        if let Some(text) = said {
            let severity = match snapshot {
                Some(_) => Severity::Info,
                None => Severity::Bad,
            };
            note(house, app, severity, text).await;
        }
        // A cause that was told before is no news, and makes no row either.
        if snapshot.is_some() || is_new {
            let night = Night {
                local_date,
                at: house.clock.now(),
                snapshot,
                failed,
            };
            if let Err(error) = house.journal.note_night(app.name().clone(), night).await {
                tracing::error!(app = %app.name(), "the night could not be noted: {error:#}");
            }
            app.write_traffic_days().await;
        }
        snapshot.map(drop).ok_or(Failed)
    }

    /// Keeps room aside on the disk of the journal after a good night, and gives it up after a bad one if that disk is
    /// full.
    async fn keep_room(&self, is_taken: bool) {
        // `<state>/apps/<app>`
        let Some(state) = self.app.folder.parent().and_then(Path::parent) else {
            return;
        };
        // Both wait for the disk.
        let folder = state.to_owned();
        let gave = tokio::task::spawn_blocking(move || {
            if is_taken {
                reserve::lay_up(&folder);
            }
            !is_taken && reserve::make_room(&folder)
        });
        if gave.await.unwrap_or(false) {
            let text = format!(
                "The disk of {} is full; Tealkeep uses the last of the room that it keeps aside there for what it \
                 writes down. Make room.",
                state.display()
            );
            note(&self.house, &self.app, Severity::Bad, text).await;
        }
    }
}

/// Which snapshots a clock that ran ahead has dated, as far as that was ever seen. It is written down when it is
/// seen, since later nothing tells them from others.
async fn misdated<'a>(
    house: &House,
    catalogue: &Catalogue,
    now: Timestamp,
    pending: &'a mut Pending,
) -> &'a BTreeSet<SnapshotId> {
    let known = match pending.misdated.take() {
        Some(known) => known,
        None => written_down(house).await,
    };
    let known = pending.misdated.insert(known);
    let ahead: Vec<SnapshotId> = catalogue
        .entries
        .iter()
        .filter(|entry| entry.manifest.taken_at > now && !known.contains(&entry.id()))
        .map(|entry| entry.id())
        .collect();
    // A clock that is behind sees every snapshot in the future.
    if ahead.is_empty() || now < BUILT || !may_judge(house).await {
        return known;
    }
    known.extend(ahead);
    match house.journal.add_misdated(known.clone()).await {
        Ok(all) => *known = all,
        Err(error) => {
            tracing::error!("which snapshots are misdated could not be kept: {error:#}");
        }
    }
    known
}

/// The misdated snapshots that the journal knows, of whichever app.
async fn written_down(house: &House) -> BTreeSet<SnapshotId> {
    house.journal.misdated().await.unwrap_or_else(|error| {
        tracing::error!("which snapshots are misdated could not be read: {error:#}");
        BTreeSet::new()
    })
}

/// Whether the clock is trusted, by all that is known.
async fn may_judge(house: &House) -> bool {
    match house.journal.latest_instant().await {
        Ok(newest) => house.clock.trust(newest).await == Trust::Trusted,
        Err(error) => {
            tracing::error!("the newest event could not be read: {error:#}");
            false
        }
    }
}

/// Before the first try since the start: a cause that the journal told of this night already is not told again.
async fn recall(house: &House, app: &App, pending: &mut Pending) {
    if std::mem::replace(&mut pending.has_asked, true) {
        return;
    }
    match house.journal.nights(app.name().clone(), 1).await {
        Ok(nights) => {
            if let Some((night, why)) = nights
                .first()
                .filter(|night| night.snapshot.is_none())
                .and_then(|night| Some((night, night.failed.as_ref()?)))
            {
                pending.tries = Tries::known(night.local_date, why);
            }
        }
        Err(error) => {
            tracing::error!(app = %app.name(), "the nights could not be read: {error:#}");
        }
    }
}

async fn note(house: &House, app: &App, severity: Severity, text: String) {
    house
        .journal
        .note(NewEvent::new(severity, text).of(app.name()))
        .await;
}
