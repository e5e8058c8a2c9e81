//! Starting, restarting and stopping a colour's unit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::bus::{self, BusError};
use super::colours::Colours;
use super::job::{self, JobEnd, Verb};
use super::unit::Unit;
use super::{messages, port};
use crate::durable;
use crate::names::{Colour, ReleaseId};
use crate::runtime::{Launch, live};

/// How much longer than a unit allows itself its job is waited for: systemd kills, and says so, by then.
pub(super) const JOB_MARGIN: Duration = Duration::from_secs(20);
/// The longest that any start is waited for, also of a unit that allows itself for ever.
const MAX_START: Duration = Duration::from_secs(15 * 60);

impl Colours {
    pub(super) async fn start(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        let name = self.unit(colour);
        self.slot(colour).never_ran = true;
        let (mut unit, _) = self.look(colour).await?;
        if unit.active_state == "deactivating" {
            self.halt(colour, &unit).await?;
            (unit, _) = self.look(colour).await?;
        }
        if let Some(pid) = unit.runs() {
            return self.runs_already(colour, launch, &unit, pid);
        }
        if let Some(why) = messages::unfit(&self.app, name, &unit) {
            bail!(why);
        }
        let port = self.config.port(colour);
        if port::is_answered(port).await {
            let (unit, _) = self.look(colour).await?;
            if let Some(pid) = unit.runs() {
                return self.runs_already(colour, launch, &unit, pid);
            }
            bail!(
                "port {port} of {colour} is already answered by another process; stop it, or give {colour} another port"
            );
        }
        self.write_release(colour, &launch.release).await?;
        let _mark = StartMark::set(self.start_mark(colour))?;
        {
            let mut slot = self.slot(colour);
            slot.asked_to_stop = false;
            slot.ended = None;
            slot.ends_before_restart = 0;
            slot.started_at = Some(Timestamp::now());
        }
        let (end, after) = self.start_despite_limit(colour, &unit).await?;
        self.judge_start(colour, &end, &unit, &after)
    }

    /// Starts the unit; if systemd refuses because of its start limit, resets that and starts it once more: it was started too
    /// often by this request or by systemd's own restarts, and the request is a new one.
    async fn start_despite_limit(
        &self,
        colour: Colour,
        unit: &Unit,
    ) -> anyhow::Result<(JobEnd, Unit)> {
        let name = self.unit(colour);
        let (end, before) = self.start_once(colour, unit).await?;
        if !was_not_even_tried(&end, unit, &before) {
            return Ok((end, before));
        }
        self.bus
            .ask(|connection| async move {
                bus::manager(&connection)
                    .await?
                    .reset_failed_unit(name)
                    .await
            })
            .await
            .map_err(|error| {
                anyhow::anyhow!(messages::refused(&self.app, "reset", name, &error))
            })?;
        let (end, after) = self.start_once(colour, &before).await?;
        if was_not_even_tried(&end, &before, &after) {
            bail!(messages::start_limit(name, &after));
        }
        Ok((end, after))
    }

    /// Whether a start worked, by its job's end and by the unit before and after.
    fn judge_start(
        &self,
        colour: Colour,
        end: &JobEnd,
        before: &Unit,
        after: &Unit,
    ) -> anyhow::Result<()> {
        let name = self.unit(colour);
        let result = match end {
            JobEnd::Told(result) => result.as_str(),
            JobEnd::Unheard => "unheard",
            JobEnd::Late => {
                bail!(
                    "{name} was told to start, and systemd has not done so yet ({}); `systemctl list-jobs` shows what it waits for",
                    after.sub_state
                )
            }
        };
        // One that ended at once all the same has been started; the probe finds how it ended.
        let began = after.runs().is_some() || after.invocation != before.invocation;
        self.slot(colour).never_ran = !began;
        let worked = match result {
            "done" | "unheard" => began && (after.condition_met || after.runs().is_some()),
            _ => false,
        };
        if worked {
            return Ok(());
        }
        let live_file = live::live_file(&self.folder, colour);
        let expected: [&Path; 2] = [&live_file, &self.start_mark(colour)];
        bail!(messages::not_started(name, result, after, expected))
    }

    pub(super) async fn restart(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        let name = self.unit(colour);
        let (before, _) = self.look(colour).await?;
        if before.runs().is_none() {
            return self.start(colour, launch).await;
        }
        if let Some(why) = messages::unfit(&self.app, name, &before) {
            bail!(why);
        }
        self.write_release(colour, &launch.release).await?;
        let _mark = StartMark::set(self.start_mark(colour))?;
        {
            let mut slot = self.slot(colour);
            // The end that comes now is meant.
            slot.asked_to_stop = true;
            slot.ended = None;
            slot.started_at = Some(Timestamp::now());
        }
        let deadline = allowed(before.stop_timeout_us, self.config.stop_timeout)
            + allowed(before.start_timeout_us, MAX_START).min(MAX_START)
            + JOB_MARGIN;
        let end = job::run(&self.bus, Verb::Restart, name, deadline).await;
        let looked = self.look(colour).await;
        self.slot(colour).asked_to_stop = false;
        let end = end.map_err(|error| {
            anyhow::anyhow!(messages::refused(&self.app, "restart", name, &error))
        })?;
        let (after, _) = looked?;
        if after.runs().is_some() && after.invocation != before.invocation {
            return Ok(());
        }
        match end {
            JobEnd::Late => bail!(messages::not_stopped(name, &after, deadline)),
            JobEnd::Told(result) => {
                let live_file = live::live_file(&self.folder, colour);
                let expected: [&Path; 2] = [&live_file, &self.start_mark(colour)];
                bail!(messages::not_started(name, &result, &after, expected))
            }
            JobEnd::Unheard => bail!("{name} did not restart: it {}", after.how_it_ended()),
        }
    }

    pub(super) async fn halt(&self, colour: Colour, unit: &Unit) -> anyhow::Result<()> {
        let name = self.unit(colour);
        let allowed = allowed(unit.stop_timeout_us, self.config.stop_timeout);
        let deadline = allowed + JOB_MARGIN;
        self.slot(colour).asked_to_stop = true;
        match job::run(&self.bus, Verb::Stop, name, deadline).await {
            Ok(_) => {}
            Err(BusError::Refused { name: error, .. })
                if error == "org.freedesktop.systemd1.NoSuchUnit" =>
            {
                return Ok(());
            }
            Err(error) => bail!(messages::refused(&self.app, "stop", name, &error)),
        }
        let (after, _) = self.look(colour).await?;
        if after.runs().is_some() || matches!(&*after.active_state, "active" | "deactivating") {
            bail!(messages::not_stopped(name, &after, deadline));
        }
        if after.result == "timeout" {
            tracing::warn!(app = %self.app, "{}", messages::stopped_by_force(name, &after));
        }
        if after.active_state == "failed" {
            // It was stopped on purpose; that it ended badly on the way is no state to keep.
            let reset = self.bus.ask(|connection| async move {
                bus::manager(&connection)
                    .await?
                    .reset_failed_unit(name)
                    .await
            });
            if let Err(error) = reset.await {
                tracing::debug!(app = %self.app, "{name} stays failed: {error}");
            }
        }
        Ok(())
    }

    /// systemd's own restart may have been quicker than a wish to start.
    fn runs_already(
        &self,
        colour: Colour,
        launch: &Launch,
        unit: &Unit,
        pid: u32,
    ) -> anyhow::Result<()> {
        self.slot(colour).never_ran = false;
        if unit.restarts > 0 && self.noted_release(colour).as_ref() == Some(&launch.release) {
            return Ok(());
        }
        bail!("{colour} already runs as process {pid}")
    }

    async fn start_once(&self, colour: Colour, unit: &Unit) -> anyhow::Result<(JobEnd, Unit)> {
        let name = self.unit(colour);
        let deadline = allowed(unit.start_timeout_us, MAX_START).min(MAX_START) + JOB_MARGIN;
        let end = job::run(&self.bus, Verb::Start, name, deadline)
            .await
            .map_err(|error| {
                anyhow::anyhow!(messages::refused(&self.app, "start", name, &error))
            })?;
        let (unit, _) = self.look(colour).await?;
        Ok((end, unit))
    }

    async fn write_release(&self, colour: Colour, release: &ReleaseId) -> anyhow::Result<()> {
        let (folder, path) = (self.folder.clone(), self.release_file(colour));
        let line = format!("TEALKEEP_RELEASE={release}\n");
        tokio::task::spawn_blocking(move || {
            live::make_folder(&folder, colour)?;
            durable::write_whole(&path, line.as_bytes(), 0o644)
        })
        .await?
        .with_context(|| format!("cannot write down which release {colour} is started with"))
    }
}

/// Whether systemd refused a start without trying: the unit's start limit. Its result still says how the start
/// before ended, so that only the number of the invocation tells.
fn was_not_even_tried(end: &JobEnd, before: &Unit, after: &Unit) -> bool {
    matches!(end, JobEnd::Told(result) if result == "failed")
        && after.active_state == "failed"
        && (after.result == "start-limit-hit"
            || (after.invocation == before.invocation && after.last_pid == before.last_pid))
}

/// What a unit allows itself; one without a limit gets the other.
fn allowed(microseconds: u64, otherwise: Duration) -> Duration {
    match microseconds {
        0 | u64::MAX => otherwise,
        some => Duration::from_micros(some),
    }
}

/// Stands while Tealkeep starts a colour, and is gone afterwards, however the start ended.
#[derive(Debug)]
struct StartMark(Option<PathBuf>);

impl StartMark {
    fn set(path: PathBuf) -> anyhow::Result<StartMark> {
        match std::fs::write(&path, b"") {
            Ok(()) => Ok(StartMark(Some(path))),
            // Units without such a condition need no mark.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(StartMark(None)),
            Err(error) => Err(error).with_context(|| {
                format!("cannot make {}, which lets the unit start", path.display())
            }),
        }
    }
}

impl Drop for StartMark {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!("{} stays: {error}", path.display());
        }
    }
}
