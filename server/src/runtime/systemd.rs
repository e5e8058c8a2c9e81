//! Colours as systemd units, started and stopped over D-Bus. They run whether Tealkeep does or not: it finds
//! them as they are, and leaves them so.
//!
//! What is said of a colour comes from its unit's properties, each time it is asked; the ends of processes are
//! heard of by systemd's signals.

mod bus;
mod colours;
mod job;
mod messages;
mod output;
mod port;
mod preparation;
mod slot;
mod start;
mod unit;
mod watch;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use self::colours::Colours;
use self::output::Span;
use super::{ColourState, Exit, Launch, Preparation, Runtime};
use crate::config::SystemdConfig;
use crate::durable;
use crate::names::{AppName, Colour, ReleaseId};

/// The `systemd` runtime of one app.
#[derive(Debug, Clone)]
pub struct SystemdRuntime {
    colours: Arc<Colours>,
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
        SystemdRuntime {
            colours: Arc::new(Colours::new(app, config, folder, releases, stop)),
        }
    }
}

#[async_trait]
impl Runtime for SystemdRuntime {
    async fn adopt(&self) -> anyhow::Result<()> {
        for colour in Colour::BOTH {
            // What a start left that was cut off would let the idle colour start at any time.
            durable::remove(&self.colours.start_mark(colour))?;
            let (unit, _) = self.colours.look(colour).await.with_context(|| {
                format!("cannot learn how {} stands", self.colours.unit(colour))
            })?;
            if let Some(why) = messages::unfit(&self.colours.app, self.colours.unit(colour), &unit)
            {
                tracing::warn!(app = %self.colours.app, "{why}");
            }
        }
        watch::begin(self.colours.clone());
        Ok(())
    }

    async fn start(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        self.colours.start(colour, launch).await
    }

    async fn stop(&self, colour: Colour) -> anyhow::Result<()> {
        let (unit, _) = self.colours.look(colour).await?;
        self.colours.slot(colour).asked_to_stop = true;
        if unit.load_state == "not-found" && unit.active_state == "inactive" {
            return Ok(());
        }
        if unit.active_state == "inactive" && !unit.has_job {
            return Ok(());
        }
        self.colours.halt(colour, &unit).await
    }

    async fn restart(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        self.colours.restart(colour, launch).await
    }

    async fn leave(&self, _colour: Colour) -> anyhow::Result<()> {
        // Traffic does not depend on Tealkeep's own life.
        Ok(())
    }

    async fn prepare(
        &self,
        preparation: &Preparation,
        tell: UnboundedSender<String>,
    ) -> anyhow::Result<()> {
        self.colours.prepare(preparation, tell).await
    }

    async fn end_preparation(&self, release: &ReleaseId) -> anyhow::Result<()> {
        self.colours.end_preparation(release).await
    }

    async fn state(&self, colour: Colour) -> ColourState {
        match self.colours.look(colour).await {
            Ok((_, state)) => state,
            Err(error) => {
                tracing::warn!(app = %self.colours.app, "{}: {error}", self.colours.unit(colour));
                self.colours.last_known(colour)
            }
        }
    }

    async fn owns_its_port(&self, colour: Colour) -> Option<bool> {
        // The port was silent before the start; whose it is now shows by the user of its socket.
        port::belongs_to(self.colours.config.port(colour), &self.colours.config.user).await
    }

    async fn last_lines(&self, colour: Colour, count: usize) -> String {
        let colours = &self.colours;
        let name = colours.unit(colour);
        if colours.slot(colour).never_ran {
            // What an older start printed would be blamed on the wrong release.
            return String::new();
        }
        let invocation = colours.look(colour).await.map(|(unit, _)| unit.invocation);
        if let Ok(invocation) = invocation
            && !invocation.is_empty()
        {
            let span = Span::Invocation(invocation);
            let lines = output::last_lines(&colours.app, name, &span, count).await;
            if !lines.is_empty() {
                return lines;
            }
        }
        // systemd may have begun the next try, which has not said anything yet.
        let Some(since) = colours.slot(colour).started_at else {
            return String::new();
        };
        output::last_lines(&colours.app, name, &Span::Since(since), count).await
    }

    fn exits(&self) -> broadcast::Receiver<Exit> {
        self.colours.exits.subscribe()
    }

    fn restarts(&self, colour: Colour) -> Option<u32> {
        self.colours.slot(colour).restarts
    }

    fn address(&self, colour: Colour) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.colours.config.port(colour)))
    }
}
