//! Colours as systemd units, started and stopped over D-Bus.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{ColourState, Exit, Launch, Preparation, Runtime};
use crate::config::SystemdConfig;
use crate::names::{AppName, Colour};

/// The `systemd` runtime of one app.
#[derive(Debug)]
pub struct SystemdRuntime {
    app: AppName,
    config: SystemdConfig,
    /// `<state>/apps/<app>`
    folder: PathBuf,
    releases: PathBuf,
    exits: broadcast::Sender<Exit>,
    stop: CancellationToken,
}

impl SystemdRuntime {
    /// For one app; its colours' links stand in `releases`. Its tasks end with `stop`.
    #[must_use]
    pub fn new(
        app: AppName,
        config: SystemdConfig,
        folder: PathBuf,
        releases: PathBuf,
        stop: CancellationToken,
    ) -> SystemdRuntime {
        let (exits, _) = broadcast::channel(64);
        SystemdRuntime {
            app,
            config,
            folder,
            releases,
            exits,
            stop,
        }
    }
}

#[async_trait]
impl Runtime for SystemdRuntime {
    async fn adopt(&self) -> anyhow::Result<()> {
        anyhow::bail!(
            "{} {:?} {:?} {:?}",
            self.app,
            self.folder,
            self.releases,
            self.stop
        )
    }

    async fn start(&self, _colour: Colour, _launch: &Launch) -> anyhow::Result<()> {
        anyhow::bail!("")
    }

    async fn stop(&self, _colour: Colour) -> anyhow::Result<()> {
        anyhow::bail!("")
    }

    async fn leave(&self, _colour: Colour) -> anyhow::Result<()> {
        // Traffic does not depend on Tealkeep's own life.
        Ok(())
    }

    async fn prepare(
        &self,
        _preparation: &Preparation,
        _tell: UnboundedSender<String>,
    ) -> anyhow::Result<()> {
        anyhow::bail!("")
    }

    async fn state(&self, _colour: Colour) -> ColourState {
        ColourState::Stopped
    }

    async fn owns_its_port(&self, _colour: Colour) -> Option<bool> {
        None
    }

    async fn last_lines(&self, _colour: Colour, _count: usize) -> String {
        String::new()
    }

    fn exits(&self) -> broadcast::Receiver<Exit> {
        self.exits.subscribe()
    }

    fn address(&self, colour: Colour) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.config.port(colour)))
    }
}
