//! The two units of an app's colours, and what is known of them.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::bus::{Bus, BusError};
use super::slot::{End, Slot};
use super::unit::Unit;
use crate::config::SystemdConfig;
use crate::names::{AppName, Colour, ReleaseId};
use crate::runtime::{ColourState, Exit};

/// Where the marks of a start stand unless systemd says otherwise.
const RUN_FOLDER: &str = "/run/tealkeep";

/// The units of one app's colours.
#[derive(Debug)]
pub(super) struct Colours {
    pub app: AppName,
    pub config: SystemdConfig,
    /// `<state>/apps/<app>`
    pub folder: PathBuf,
    releases: PathBuf,
    run_folder: PathBuf,
    pub bus: Bus,
    slots: [Mutex<Slot>; 2],
    /// One look at a unit at a time: what is learnt last is what was seen last.
    looking: [tokio::sync::Mutex<()>; 2],
    pub exits: broadcast::Sender<Exit>,
    pub stop: CancellationToken,
}

impl Colours {
    /// Of one app; its colours' links stand in `releases`.
    pub(super) fn new(
        app: AppName,
        config: SystemdConfig,
        folder: PathBuf,
        releases: PathBuf,
        stop: CancellationToken,
    ) -> Colours {
        let (exits, _) = broadcast::channel(64);
        // RuntimeDirectory= (systemd.exec(5)) may name several, with colons between.
        let run_folder = std::env::var("RUNTIME_DIRECTORY").ok();
        let run_folder = run_folder.as_deref().and_then(|all| all.split(':').next());
        Colours {
            app,
            config,
            folder,
            releases,
            run_folder: PathBuf::from(run_folder.unwrap_or(RUN_FOLDER)),
            bus: Bus::default(),
            slots: Default::default(),
            looking: Default::default(),
            exits,
            stop,
        }
    }

    pub(super) fn slot(&self, colour: Colour) -> MutexGuard<'_, Slot> {
        self.slots[colour as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unit(&self, colour: Colour) -> &str {
        self.config.unit(colour)
    }

    pub(super) async fn look_at(&self, name: &str) -> Result<Unit, BusError> {
        self.bus
            .ask(|connection| async move { Unit::look(&connection, name).await })
            .await
    }

    /// Looks at a colour's unit, remembers what it shows, and tells of a process that has ended since.
    pub(super) async fn look(&self, colour: Colour) -> Result<(Unit, ColourState), BusError> {
        let _one_at_a_time = self.looking[colour as usize].lock().await;
        let unit = self.look_at(self.unit(colour)).await?;
        let release = self.release(colour);
        let mut slot = self.slot(colour);
        let (state, exit) = slot.learn(&unit, release);
        drop(slot);
        if let Some(End {
            how,
            intended,
            times,
        }) = exit
        {
            // Without a listener nobody needs to know.
            let _ = self.exits.send(Exit {
                colour,
                how,
                intended,
                times,
                at: std::time::Instant::now(),
            });
        }
        Ok((unit, state))
    }

    /// The release that a colour's unit starts in: what its link points to.
    pub(super) fn release(&self, colour: Colour) -> Option<ReleaseId> {
        let link = std::fs::read_link(self.releases.join(colour.as_str()));
        let named = link
            .ok()
            .and_then(|link| link.file_name()?.to_str()?.parse().ok());
        named.or_else(|| self.noted_release(colour))
    }

    /// The release that was written down at the last start.
    pub(super) fn noted_release(&self, colour: Colour) -> Option<ReleaseId> {
        let text = std::fs::read_to_string(self.release_file(colour)).ok()?;
        text.trim().strip_prefix("TEALKEEP_RELEASE=")?.parse().ok()
    }

    pub(super) fn release_file(&self, colour: Colour) -> PathBuf {
        self.folder.join(colour.as_str()).join("release.env")
    }

    /// The file that lets the idle colour's unit start, while it is there.
    pub(super) fn start_mark(&self, colour: Colour) -> PathBuf {
        self.run_folder.join(format!("{}-{colour}.start", self.app))
    }

    /// How a colour stood at the last look, as far as that can still be true.
    pub(super) fn last_known(&self, colour: Colour) -> ColourState {
        let state = self.slot(colour).state.clone();
        match state {
            Some(ColourState::Running { pid, .. }) if !exists(pid) => ColourState::Ended {
                how: "ended while systemd could not be asked how".to_owned(),
            },
            Some(state) => state,
            None => ColourState::Stopped,
        }
    }
}

/// Whether a process is there; another user's may not be signalled, which says so too.
fn exists(pid: u32) -> bool {
    rustix::process::Pid::from_raw(pid.cast_signed())
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}
