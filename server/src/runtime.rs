//! Starts and stops colours and says how they are. A runtime knows processes; which colour is live is none of its business.

pub mod live;
pub mod process;
pub mod systemd;

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;

use crate::names::{Colour, ReleaseId};

/// What a colour is started with.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The release that the colour's link points to.
    pub release: ReleaseId,
    /// The directory that it starts in.
    pub directory: PathBuf,
    /// The file that exists while the colour is live (`TEALKEEP_LIVE_FILE`).
    pub live_file: PathBuf,
}

/// How a colour's process stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ColourState {
    /// Its process runs; whether it is healthy is learnt by probing.
    Running {
        /// The process id of its main process.
        pid: u32,
        /// The release that it was started with.
        release: ReleaseId,
        /// Since when.
        #[schemars(with = "String")]
        since: Timestamp,
        /// Its resident memory, where it can be read.
        memory_bytes: Option<u64>,
    },
    /// It was stopped on purpose, or never started.
    Stopped,
    /// It ended by itself.
    Ended {
        /// How, in words: `exit code 1`, `killed by SIGSEGV`.
        how: String,
    },
}

/// A colour's process ended.
#[derive(Debug, Clone)]
pub struct Exit {
    /// Whose.
    pub colour: Colour,
    /// How, in words.
    pub how: String,
    /// Whether this runtime was asked to stop it.
    pub intended: bool,
    /// How many ends this tells of: more than one where something else restarted it so quickly that only their number is
    /// known. `how` is that of the last.
    pub times: u32,
    /// When this was learnt.
    pub at: std::time::Instant,
}

/// A release that is to be made ready before it starts.
#[derive(Debug, Clone)]
pub struct Preparation {
    /// The release.
    pub release: ReleaseId,
    /// Its directory, which the app's user may write to until the preparation has ended.
    pub directory: PathBuf,
    /// The folder of all releases, where an earlier one's result may be taken from.
    pub releases: PathBuf,
    /// What is to be done; a runtime whose units say so themselves goes by those, and by its deadline.
    pub config: crate::config::PrepareConfig,
}

/// Starts and stops the two colours of one app.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Finds what already runs, from before this process began: those colours go on as they are.
    ///
    /// # Errors
    /// The machine can't be asked.
    async fn adopt(&self) -> anyhow::Result<()>;

    /// Starts a colour that does not run. It returns when the process exists; health is not waited for.
    ///
    /// # Errors
    /// It runs already, its port is taken, or it can't be started.
    async fn start(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()>;

    /// Stops a colour and waits for its end; one that does not run is no error.
    ///
    /// # Errors
    /// It can't be stopped, not even by force.
    async fn stop(&self, colour: Colour) -> anyhow::Result<()>;

    /// Stops a colour that runs, if it does, and starts it anew.
    ///
    /// # Errors
    /// It can't be stopped, or not be started then.
    async fn restart(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        self.stop(colour).await?;
        self.start(colour, launch).await
    }

    /// Stops a colour at the end of the supervisor, where it could not outlive that; another goes on serving.
    ///
    /// # Errors
    /// It can't be stopped.
    async fn leave(&self, colour: Colour) -> anyhow::Result<()>;

    /// Runs `tealkeep prepare` for a release as the app's user, with a deadline, and tells each line that it
    /// prints as it comes.
    ///
    /// # Errors
    /// It failed or took too long; the message says how, and what it printed was told.
    async fn prepare(
        &self,
        preparation: &Preparation,
        tell: UnboundedSender<String>,
    ) -> anyhow::Result<()>;

    /// Ends a preparation that an earlier Tealkeep began and did not see end; where none can have outlived it,
    /// there is nothing to do.
    ///
    /// # Errors
    /// It can't be ended.
    async fn end_preparation(&self, _release: &ReleaseId) -> anyhow::Result<()> {
        Ok(())
    }

    /// How a colour stands.
    async fn state(&self, colour: Colour) -> ColourState;

    /// Whether this port is listened on by the colour's own process, where that can be known.
    async fn owns_its_port(&self, colour: Colour) -> Option<bool>;

    /// The last lines that the colour printed, oldest first.
    async fn last_lines(&self, colour: Colour, count: usize) -> String;

    /// Every end of a process from now on.
    fn exits(&self) -> broadcast::Receiver<Exit>;

    /// How often something else than Tealkeep (systemd) restarted the colour, as of the last look; `None` where
    /// nothing else does.
    fn restarts(&self, _colour: Colour) -> Option<u32> {
        None
    }

    /// Where a colour listens.
    fn address(&self, colour: Colour) -> SocketAddr;
}
