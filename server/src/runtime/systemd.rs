//! Colours as systemd units, started and stopped over D-Bus. They run whether Tealkeep does or not: it finds
//! them as they are, and leaves them so.
//!
//! What is said of a colour comes from its unit's properties, each time it is asked; the ends of processes are
//! heard of by systemd's signals.

mod bus;
mod job;
mod messages;
mod output;
mod port;
mod unit;
mod watch;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use self::bus::{Bus, BusError};
use self::job::{JobEnd, Verb};
use self::output::Span;
use self::unit::Unit;
use super::live;
use super::{ColourState, Exit, Launch, Preparation, Runtime};
use crate::clock::seconds;
use crate::config::SystemdConfig;
use crate::durable;
use crate::names::{AppName, Colour, ReleaseId};

/// How much longer than a unit allows itself its job is waited for: systemd kills, and says so, by then.
const JOB_MARGIN: Duration = Duration::from_secs(20);
/// The longest that any start is waited for, also of a unit that allows itself for ever.
const LONGEST_START: Duration = Duration::from_secs(15 * 60);
/// How long the end of what a preparation printed is waited for.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Where the marks of a start stand unless systemd says otherwise.
const RUN_FOLDER: &str = "/run/tealkeep";

/// The `systemd` runtime of one app.
#[derive(Debug, Clone)]
pub struct SystemdRuntime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    app: AppName,
    config: SystemdConfig,
    /// `<state>/apps/<app>`
    folder: PathBuf,
    releases: PathBuf,
    run_folder: PathBuf,
    bus: Bus,
    slots: [Mutex<Slot>; 2],
    /// One look at a unit at a time: what is learnt last is what was seen last.
    looking: [tokio::sync::Mutex<()>; 2],
    exits: broadcast::Sender<Exit>,
    stop: CancellationToken,
}

/// What is remembered of a colour between two looks.
#[derive(Debug, Default)]
struct Slot {
    /// The process that was seen running last.
    pid: Option<u32>,
    /// Whether this runtime was asked to stop it, and not to start it since.
    asked_to_stop: bool,
    /// How it ended without having been asked to.
    ended: Option<String>,
    /// How often systemd restarted it by itself.
    restarts: Option<u32>,
    /// Ends that were seen and that systemd has not counted as a restart yet.
    ends_before_restart: u32,
    /// When this runtime started it.
    started_at: Option<Timestamp>,
    /// Whether the last wish to start it came to nothing before any process of it ran.
    never_ran: bool,
    /// How it stood at the last look, for when systemd can't be asked.
    state: Option<ColourState>,
}

/// What a look found to have ended since the one before.
#[derive(Debug, PartialEq, Eq)]
struct End {
    how: String,
    intended: bool,
    times: u32,
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
        // RuntimeDirectory= (systemd.exec(5)) may name several, with colons between.
        let run_folder = std::env::var("RUNTIME_DIRECTORY").ok();
        let run_folder = run_folder.as_deref().and_then(|all| all.split(':').next());
        SystemdRuntime {
            inner: Arc::new(Inner {
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
            }),
        }
    }
}

impl Inner {
    fn slot(&self, colour: Colour) -> MutexGuard<'_, Slot> {
        self.slots[colour as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn unit(&self, colour: Colour) -> &str {
        self.config.unit(colour)
    }

    async fn look_at(&self, name: &str) -> Result<Unit, BusError> {
        self.bus
            .ask(|connection| async move { Unit::look(&connection, name).await })
            .await
    }

    /// Looks at a colour's unit, remembers what it shows, and tells of a process that has ended since.
    async fn look(&self, colour: Colour) -> Result<(Unit, ColourState), BusError> {
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
    fn release(&self, colour: Colour) -> Option<ReleaseId> {
        let link = std::fs::read_link(self.releases.join(colour.as_str()));
        let named = link
            .ok()
            .and_then(|link| link.file_name()?.to_str()?.parse().ok());
        named.or_else(|| self.noted_release(colour))
    }

    /// The release that was written down at the last start.
    fn noted_release(&self, colour: Colour) -> Option<ReleaseId> {
        let text = std::fs::read_to_string(self.release_file(colour)).ok()?;
        text.trim().strip_prefix("TEALKEEP_RELEASE=")?.parse().ok()
    }

    fn release_file(&self, colour: Colour) -> PathBuf {
        self.folder.join(colour.as_str()).join("release.env")
    }

    /// The file that lets the idle colour's unit start, while it is there.
    fn start_mark(&self, colour: Colour) -> PathBuf {
        self.run_folder.join(format!("{}-{colour}.start", self.app))
    }

    async fn start(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
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
        let (mut end, mut after) = self.start_once(colour, &unit).await?;
        if was_not_even_tried(&end, &unit, &after) {
            // It was started too often, by this very wish or by systemd's own restarts; the wish is a new one.
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
            let before = after;
            (end, after) = self.start_once(colour, &before).await?;
            if was_not_even_tried(&end, &before, &after) {
                bail!(messages::start_limit(name, &after));
            }
        }
        let result = match &end {
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
        let began = after.runs().is_some() || after.invocation != unit.invocation;
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
        bail!(messages::not_started(name, result, &after, expected))
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
        let deadline =
            allowed(unit.start_timeout_us, LONGEST_START).min(LONGEST_START) + JOB_MARGIN;
        let end = job::run(&self.bus, Verb::Start, name, deadline)
            .await
            .map_err(|error| {
                anyhow::anyhow!(messages::refused(&self.app, "start", name, &error))
            })?;
        let (unit, _) = self.look(colour).await?;
        Ok((end, unit))
    }

    /// One job, so that nothing of systemd's or of anybody else's comes in between.
    async fn restart(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
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
            + allowed(before.start_timeout_us, LONGEST_START).min(LONGEST_START)
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

    async fn halt(&self, colour: Colour, unit: &Unit) -> anyhow::Result<()> {
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

impl Slot {
    /// Takes in what a unit shows now: how its colour stands, and how the process ended that ran before.
    fn learn(&mut self, unit: &Unit, release: Option<ReleaseId>) -> (ColourState, Option<End>) {
        let now = unit.runs();
        let before = self.pid.filter(|before| now != Some(*before));
        let seen = before.map(|before| {
            if unit.last_pid == Some(before) {
                unit.how_it_ended()
            } else {
                // systemd was quicker to start it again, or has forgotten a unit that is not enabled.
                "ended".to_owned()
            }
        });
        let times = u32::from(seen.is_some()) + self.count_unseen(unit, seen.is_some());
        let exit = (times > 0).then(|| End {
            how: seen.unwrap_or_else(|| unit.how_it_ended()),
            intended: self.asked_to_stop,
            times,
        });
        if let Some(exit) = exit.as_ref().filter(|exit| !exit.intended) {
            self.ended = Some(exit.how.clone());
        }
        self.pid = now;
        self.restarts = Some(unit.restarts);
        let state = match now {
            Some(pid) => {
                self.ended = None;
                ColourState::Running {
                    pid,
                    release: release.unwrap_or_else(unknown_release),
                    since: unit.active_since.unwrap_or_else(Timestamp::now),
                    memory_bytes: unit.memory_bytes,
                }
            }
            None if self.asked_to_stop => ColourState::Stopped,
            None => match unit.failure().or_else(|| self.ended.clone()) {
                Some(how) => ColourState::Ended { how },
                None => ColourState::Stopped,
            },
        };
        self.state = Some(state.clone());
        (state, exit)
    }

    /// How many ends came and went between two looks: systemd counts its restarts, and each follows an end.
    fn count_unseen(&mut self, unit: &Unit, saw_end: bool) -> u32 {
        self.ends_before_restart += u32::from(saw_end);
        match self.restarts {
            Some(before) if unit.restarts >= before => {
                let restarts = unit.restarts - before;
                let unseen = restarts.saturating_sub(self.ends_before_restart);
                self.ends_before_restart = self.ends_before_restart.saturating_sub(restarts);
                unseen
            }
            // systemd counts anew after a start that it was asked for; at the first look nothing is known of before.
            Some(_) | None => {
                self.ends_before_restart = 0;
                0
            }
        }
    }
}

fn unknown_release() -> ReleaseId {
    "unknown"
        .parse()
        .expect("the word is made of letters, as a release's id may be")
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

#[async_trait]
impl Runtime for SystemdRuntime {
    async fn adopt(&self) -> anyhow::Result<()> {
        for colour in Colour::BOTH {
            // What a start left that was cut off would let the idle colour start at any time.
            durable::remove(&self.inner.start_mark(colour))?;
            let (unit, _) =
                self.inner.look(colour).await.with_context(|| {
                    format!("cannot learn how {} stands", self.inner.unit(colour))
                })?;
            if let Some(why) = messages::unfit(&self.inner.app, self.inner.unit(colour), &unit) {
                tracing::warn!(app = %self.inner.app, "{why}");
            }
        }
        watch::begin(self.inner.clone());
        Ok(())
    }

    async fn start(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        self.inner.start(colour, launch).await
    }

    async fn stop(&self, colour: Colour) -> anyhow::Result<()> {
        let (unit, _) = self.inner.look(colour).await?;
        self.inner.slot(colour).asked_to_stop = true;
        if unit.load_state == "not-found" && unit.active_state == "inactive" {
            return Ok(());
        }
        if unit.active_state == "inactive" && !unit.has_job {
            return Ok(());
        }
        self.inner.halt(colour, &unit).await
    }

    async fn restart(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        self.inner.restart(colour, launch).await
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
        self.inner.prepare(preparation, tell).await
    }

    async fn end_preparation(&self, release: &ReleaseId) -> anyhow::Result<()> {
        let inner = &self.inner;
        let name = format!("{}-prepare@{release}.service", inner.app);
        let unit = inner
            .look_at(&name)
            .await
            .with_context(|| format!("cannot learn how {name} stands"))?;
        if matches!(&*unit.active_state, "inactive" | "failed") && !unit.has_job {
            return Ok(());
        }
        match job::run(&inner.bus, Verb::Stop, &name, JOB_MARGIN).await {
            Ok(JobEnd::Late) => {
                bail!("{name} does not end; `systemctl kill -s KILL {name}` ends it")
            }
            Ok(JobEnd::Told(_) | JobEnd::Unheard) => Ok(()),
            Err(error) => bail!(messages::refused(&inner.app, "stop", &name, &error)),
        }
    }

    async fn state(&self, colour: Colour) -> ColourState {
        match self.inner.look(colour).await {
            Ok((_, state)) => state,
            Err(error) => {
                tracing::warn!(app = %self.inner.app, "{}: {error}", self.inner.unit(colour));
                self.inner.last_known(colour)
            }
        }
    }

    async fn owns_its_port(&self, colour: Colour) -> Option<bool> {
        // The port was silent before the start; whose it is now shows by the user of its socket.
        port::belongs_to(self.inner.config.port(colour), &self.inner.config.user).await
    }

    async fn last_lines(&self, colour: Colour, count: usize) -> String {
        let inner = &self.inner;
        let name = inner.unit(colour);
        if inner.slot(colour).never_ran {
            // What an older start printed would be blamed on the wrong release.
            return String::new();
        }
        let invocation = inner.look(colour).await.map(|(unit, _)| unit.invocation);
        if let Ok(invocation) = invocation
            && !invocation.is_empty()
        {
            let span = Span::Invocation(invocation);
            let lines = output::last_lines(&inner.app, name, &span, count).await;
            if !lines.is_empty() {
                return lines;
            }
        }
        // systemd may have begun the next try, which has not said anything yet.
        let Some(since) = inner.slot(colour).started_at else {
            return String::new();
        };
        output::last_lines(&inner.app, name, &Span::Since(since), count).await
    }

    fn exits(&self) -> broadcast::Receiver<Exit> {
        self.inner.exits.subscribe()
    }

    fn restarts(&self, colour: Colour) -> Option<u32> {
        self.inner.slot(colour).restarts
    }

    fn address(&self, colour: Colour) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.inner.config.port(colour)))
    }
}

impl Inner {
    /// How a colour stood at the last look, as far as that can still be true.
    fn last_known(&self, colour: Colour) -> ColourState {
        let state = self.slot(colour).state.clone();
        match state {
            Some(ColourState::Running { pid, .. }) if !exists(pid) => ColourState::Ended {
                how: "ended while systemd could not be asked how".to_owned(),
            },
            Some(state) => state,
            None => ColourState::Stopped,
        }
    }

    async fn prepare(
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
        let mut told = 0;
        let mut unwanted = StopUnlessDone::new(self.clone(), name.clone());
        let end = {
            let job = job::run(&self.bus, Verb::Start, &name, timeout + JOB_MARGIN);
            let following = async {
                output::follow(&name, since, &tell, &mut told).await;
                std::future::pending().await
            };
            tokio::select! {
                end = async {
                    let end = job.await;
                    tokio::time::sleep(LAST_WORDS).await;
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
                bail!(messages::refused(&self.app, "start", &name, &error));
            }
        };
        // What the follower had not come to yet.
        if let Ok(lines) = output::lines(&self.app, &name, &Span::Since(since), None).await {
            for line in lines.into_iter().skip(told) {
                // Nobody may be listening.
                let _ = tell.send(line);
            }
        }
        if end == JobEnd::Late {
            unwanted.stop_now().await;
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
}

/// Whether a process is there; another user's may not be signalled, which says so too.
fn exists(pid: u32) -> bool {
    rustix::process::Pid::from_raw(pid.cast_signed())
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Stops a unit that was begun for a run which nobody carries on, also when its future is dropped.
struct StopUnlessDone {
    inner: Arc<Inner>,
    unit: Option<String>,
}

impl StopUnlessDone {
    fn new(inner: Arc<Inner>, unit: String) -> StopUnlessDone {
        StopUnlessDone {
            inner,
            unit: Some(unit),
        }
    }

    fn done(&mut self) {
        self.unit = None;
    }

    async fn stop_now(&mut self) {
        if let Some(unit) = self.unit.take() {
            stop_unit(&self.inner, &unit).await;
        }
    }
}

impl Drop for StopUnlessDone {
    fn drop(&mut self) {
        let Some(unit) = self.unit.take() else { return };
        let inner = self.inner.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { stop_unit(&inner, &unit).await });
        }
    }
}

async fn stop_unit(inner: &Inner, unit: &str) {
    if let Err(error) = job::run(&inner.bus, Verb::Stop, unit, JOB_MARGIN).await {
        tracing::warn!(app = %inner.app, "{}", messages::refused(&inner.app, "stop", unit, &error));
    }
}

#[cfg(test)]
mod tests {
    use super::unit::tests::{over, running};
    use super::*;

    /// What a slot tells of the ends that each look shows.
    fn ends(slot: &mut Slot, looks: &[(Unit, u32)]) -> Vec<u32> {
        let ends = looks.iter().map(|(unit, restarts)| {
            let unit = Unit {
                restarts: *restarts,
                ..unit.clone()
            };
            slot.learn(&unit, None).1.map_or(0, |end| end.times)
        });
        ends.collect()
    }

    fn waiting() -> Unit {
        over("activating", "auto-restart", "signal", (2, 9))
    }

    #[test]
    fn each_end_is_told_once_however_quick_systemd_is() {
        for (case, looks, expected) in [
            (
                "each step is seen",
                vec![
                    (running(7), 0),
                    (waiting(), 0),
                    (running(8), 1),
                    (waiting(), 1),
                    (running(9), 2),
                ],
                vec![0, 1, 0, 1, 0],
            ),
            (
                "the pause before the restart is missed",
                vec![(running(7), 0), (running(8), 1), (running(9), 2)],
                vec![0, 1, 1],
            ),
            (
                "whole lives are missed",
                vec![(running(7), 0), (running(12), 5), (running(13), 6)],
                vec![0, 5, 1],
            ),
            (
                "they are missed while none runs",
                vec![
                    (running(7), 0),
                    (waiting(), 0),
                    (waiting(), 3),
                    (running(11), 4),
                ],
                vec![0, 1, 2, 1],
            ),
            (
                "systemd counts from zero after a start that it was asked for",
                vec![
                    (running(7), 4),
                    (running(8), 5),
                    (running(9), 0),
                    (running(10), 1),
                ],
                vec![0, 1, 1, 1],
            ),
            (
                "what was before the first look is not known",
                vec![(running(7), 19), (running(7), 19)],
                vec![0, 0],
            ),
        ] {
            assert_eq!(ends(&mut Slot::default(), &looks), expected, "{case}");
        }
    }

    #[test]
    fn an_end_that_was_asked_for_is_told_as_such() {
        let mut slot = Slot::default();
        slot.learn(&running(7), None);
        slot.asked_to_stop = true;
        let (state, end) = slot.learn(&over("inactive", "dead", "success", (1, 0)), None);
        let expected = End {
            how: "ended with exit code 0".to_owned(),
            intended: true,
            times: 1,
        };
        assert_eq!((state, end), (ColourState::Stopped, Some(expected)));
    }
}
