//! Preparing a release in its own unit, which runs as the app's user.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::colours::Colours;
use super::job::{self, JobEnd, Verb};
use super::output::Span;
use super::start::JOB_MARGIN;
use super::{messages, output};
use crate::clock::seconds;
use crate::names::ReleaseId;
use crate::runtime::Preparation;

/// How long the end of what a preparation printed is waited for.
const LAST_LINES_TIMEOUT: Duration = Duration::from_millis(300);

impl Colours {
    pub(super) async fn prepare(
        self: &Arc<Self>,
        preparation: &Preparation,
        tell: UnboundedSender<String>,
    ) -> anyhow::Result<()> {
        let name = format!("{}-prepare@{}.service", self.app, preparation.release);
        let timeout = preparation.config.timeout;
        let before = self
            .look_at(&name)
            .await
            .with_context(|| format!("cannot learn how {name} stands"))?;
        if let Some(why) = messages::unfit(&self.app, &name, &before) {
            bail!(why);
        }
        let since = Timestamp::now();
        let end = self.run_and_follow(&name, timeout, since, &tell).await?;
        if end == JobEnd::Late {
            bail!(
                "prepare_timeout ({}) passed, so the preparation was ended",
                seconds(timeout)
            );
        }
        let after = self
            .look_at(&name)
            .await
            .with_context(|| format!("cannot learn how {name} ended"))?;
        if after.result == "timeout" {
            bail!(
                "prepare_timeout ({}) passed, so the preparation was ended",
                seconds(timeout)
            );
        }
        match end {
            JobEnd::Told(result) if result == "done" && after.active_state != "failed" => Ok(()),
            JobEnd::Unheard if after.active_state != "failed" => Ok(()),
            JobEnd::Told(result) if result == "canceled" => {
                bail!("the preparation was called off by somebody else's `systemctl stop`")
            }
            _ => bail!("the preparation {}", after.how_it_ended()),
        }
    }

    /// Runs the unit and passes on what it prints. A unit that is late is stopped.
    async fn run_and_follow(
        self: &Arc<Self>,
        name: &str,
        timeout: Duration,
        since: Timestamp,
        tell: &UnboundedSender<String>,
    ) -> anyhow::Result<JobEnd> {
        let mut told = 0;
        let mut unwanted = StopUnlessDone::new(self.clone(), name.to_owned());
        let end = {
            let job = job::run(&self.bus, Verb::Start, name, timeout + JOB_MARGIN);
            let following = async {
                output::follow(name, since, tell, &mut told).await;
                std::future::pending().await
            };
            tokio::select! {
                end = async {
                    let end = job.await;
                    tokio::time::sleep(LAST_LINES_TIMEOUT).await;
                    end
                } => end,
                never = following => never,
            }
        };
        let end = match end {
            Ok(JobEnd::Late) => JobEnd::Late,
            Ok(end) => {
                unwanted.done();
                end
            }
            Err(error) => {
                unwanted.done();
                bail!(messages::refused(&self.app, "start", name, &error));
            }
        };
        // What the follower had not come to yet.
        if let Ok(lines) = output::lines(&self.app, name, &Span::Since(since), None).await {
            for line in lines.into_iter().skip(told) {
                // Nobody may be listening.
                let _ = tell.send(line);
            }
        }
        if end == JobEnd::Late {
            unwanted.stop_now().await;
        }
        Ok(end)
    }

    pub(super) async fn end_preparation(&self, release: &ReleaseId) -> anyhow::Result<()> {
        let name = format!("{}-prepare@{release}.service", self.app);
        let unit = self
            .look_at(&name)
            .await
            .with_context(|| format!("cannot learn how {name} stands"))?;
        if matches!(&*unit.active_state, "inactive" | "failed") && !unit.has_job {
            return Ok(());
        }
        match job::run(&self.bus, Verb::Stop, &name, JOB_MARGIN).await {
            Ok(JobEnd::Late) => {
                bail!("{name} does not end; `systemctl kill -s KILL {name}` ends it")
            }
            Ok(JobEnd::Told(_) | JobEnd::Unheard) => Ok(()),
            Err(error) => bail!(messages::refused(&self.app, "stop", &name, &error)),
        }
    }
}

/// Stops a unit that was begun for a run which nobody carries on, also when its future is dropped.
struct StopUnlessDone {
    colours: Arc<Colours>,
    unit: Option<String>,
}

impl StopUnlessDone {
    fn new(colours: Arc<Colours>, unit: String) -> StopUnlessDone {
        StopUnlessDone {
            colours,
            unit: Some(unit),
        }
    }

    fn done(&mut self) {
        self.unit = None;
    }

    async fn stop_now(&mut self) {
        if let Some(unit) = self.unit.take() {
            stop_unit(&self.colours, &unit).await;
        }
    }
}

impl Drop for StopUnlessDone {
    fn drop(&mut self) {
        let Some(unit) = self.unit.take() else { return };
        let colours = self.colours.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { stop_unit(&colours, &unit).await });
        }
    }
}

async fn stop_unit(colours: &Colours, unit: &str) {
    if let Err(error) = job::run(&colours.bus, Verb::Stop, unit, JOB_MARGIN).await {
        tracing::warn!(app = %colours.app, "{}", messages::refused(&colours.app, "stop", unit, &error));
    }
}
