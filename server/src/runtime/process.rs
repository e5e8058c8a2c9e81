//! Colours as child processes of the supervisor, for the demo, laptops and tests.
//!
//! A colour outlives a supervisor that was killed: it writes to a file, not into a pipe, and the next
//! supervisor finds it by the `TEALKEEP_LIVE_FILE` in its environment and adopts it.

mod proc;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, broadcast, watch};

use super::{ColourState, Exit, Launch, Preparation, Runtime};
use crate::config::ProcessConfig;
use crate::names::{Colour, ReleaseId};

/// How much of a colour's output is looked at for its last lines.
const TAIL_BYTES: u64 = 64 * 1024;
/// How large a colour's output file may grow before it begins anew.
const OUTPUT_LIMIT_BYTES: u64 = 4 * 1024 * 1024;
/// How long the end is waited for after SIGKILL: the kernel delivers it at once, a disk may not.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a port that should be silent may take to refuse a connection.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// What a colour inherits of the supervisor's own environment.
const INHERITED: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// The `process` runtime of one app.
#[derive(Debug)]
pub struct ProcessRuntime {
    config: ProcessConfig,
    database: PathBuf,
    /// `<state>/apps/<app>`: a folder for each colour's output and live file.
    folder: PathBuf,
    slots: Mutex<HashMap<Colour, Slot>>,
    exits: broadcast::Sender<Exit>,
}

#[derive(Debug)]
struct Slot {
    pid: Pid,
    release: ReleaseId,
    since: Timestamp,
    stopping: watch::Sender<bool>,
    ended: watch::Receiver<Option<String>>,
}

impl ProcessRuntime {
    /// For one app, whose colours keep their files in `folder`.
    #[must_use]
    pub fn new(config: ProcessConfig, database: PathBuf, folder: PathBuf) -> ProcessRuntime {
        let (exits, _) = broadcast::channel(64);
        ProcessRuntime {
            config,
            database,
            folder,
            slots: Mutex::default(),
            exits,
        }
    }

    fn output(&self, colour: Colour) -> PathBuf {
        self.folder.join(colour.as_str()).join("output.log")
    }

    fn live_file(&self, colour: Colour) -> PathBuf {
        super::live::live_file(&self.folder, colour)
    }

    /// Follows a process to its end, tells whoever listens, and keeps how it ended.
    fn follow(
        &self,
        colour: Colour,
        pid: Pid,
        release: ReleaseId,
        since: Timestamp,
        end: impl Future<Output = String> + Send + 'static,
    ) -> Slot {
        let (stopping, was_stopping) = watch::channel(false);
        let (tell_end, ended) = watch::channel(None);
        let exits = self.exits.clone();
        let live_file = self.live_file(colour);
        // The task ends with the process; it holds nothing that a shutdown would have to wait for.
        tokio::spawn(async move {
            let how = end.await;
            // Helpers that the process left behind in its group hold its port and its database. Later the
            // group's number may be somebody else's.
            signal_group(pid, Signal::KILL);
            end_strays(live_file).await;
            let intended = *was_stopping.borrow();
            tell_end.send_replace(Some(how.clone()));
            // Without a listener nobody needs to know.
            let _ = exits.send(Exit {
                colour,
                how,
                intended,
                times: 1,
                at: std::time::Instant::now(),
            });
        });
        Slot {
            pid,
            release,
            since,
            stopping,
            ended,
        }
    }
}

#[async_trait]
impl Runtime for ProcessRuntime {
    async fn adopt(&self) -> anyhow::Result<()> {
        let mut slots = self.slots.lock().await;
        for colour in Colour::BOTH {
            let live_file = self.live_file(colour);
            let found =
                tokio::task::spawn_blocking(move || proc::find_by_live_file(&live_file)).await?;
            let Some(found) = found else { continue };
            let Ok(pidfd) = pidfd_open(found.pid, PidfdFlags::empty()) else {
                continue;
            };
            let end = end_of_stranger(pidfd);
            let slot = self.follow(colour, found.pid, found.release, found.since, end);
            slots.insert(colour, slot);
        }
        Ok(())
    }

    async fn start(&self, colour: Colour, launch: &Launch) -> anyhow::Result<()> {
        let mut slots = self.slots.lock().await;
        if let Some(slot) = slots
            .get(&colour)
            .filter(|slot| slot.ended.borrow().is_none())
        {
            bail!(
                "{colour} already runs as process {}",
                slot.pid.as_raw_nonzero()
            );
        }
        end_strays(self.live_file(colour)).await;
        let port = self.config.port(colour);
        let connected = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        if !matches!(
            tokio::time::timeout(KNOCK_TIMEOUT, connected).await,
            Ok(Err(_))
        ) {
            bail!(
                "port {port} of {colour} is already answered by another process; stop it, or give {colour} another port"
            );
        }
        let output = self.output(colour);
        let file =
            open_output(&output).with_context(|| format!("cannot write {}", output.display()))?;
        let (program, arguments) = self
            .config
            .command
            .split_first()
            .context("the runtime's command names no program")?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .current_dir(&launch.directory)
            .env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .envs(&self.config.env)
            .env(&self.config.port_variable, port.to_string())
            .env(&self.config.database_variable, &self.database)
            .env("TEALKEEP_RELEASE", launch.release.as_str())
            .env("TEALKEEP_COLOUR", colour.as_str())
            .env("TEALKEEP_LIVE_FILE", &launch.live_file)
            .stdin(Stdio::null())
            .stdout(Stdio::from(file.try_clone()?))
            .stderr(Stdio::from(file))
            // A group of its own: a Ctrl-C in the supervisor's terminal is not meant for the colours.
            .process_group(0);
        let mut child = command.spawn().with_context(|| {
            format!(
                "cannot start `{program}` in {}; is the program there?",
                launch.directory.display()
            )
        })?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .context("the process ended at once")?;
        let end = async move {
            match child.wait().await {
                Ok(status) => how_it_ended(status),
                Err(error) => format!("was lost sight of: {error}"),
            }
        };
        let slot = self.follow(colour, pid, launch.release.clone(), Timestamp::now(), end);
        slots.insert(colour, slot);
        Ok(())
    }

    async fn stop(&self, colour: Colour) -> anyhow::Result<()> {
        let (pid, mut ended) = {
            let slots = self.slots.lock().await;
            let Some(slot) = slots.get(&colour) else {
                return Ok(());
            };
            slot.stopping.send_replace(true);
            (slot.pid, slot.ended.clone())
        };
        if ended.borrow().is_none() {
            signal_group(pid, Signal::TERM);
            if tokio::time::timeout(self.config.stop_timeout, ended.wait_for(Option::is_some))
                .await
                .is_err()
            {
                tracing::warn!(%colour, "did not end {:?} after SIGTERM; it is killed", self.config.stop_timeout);
                signal_group(pid, Signal::KILL);
                if tokio::time::timeout(KILL_TIMEOUT, ended.wait_for(Option::is_some))
                    .await
                    .is_err()
                {
                    bail!(
                        "{colour} (process {}) does not end, not even by SIGKILL",
                        pid.as_raw_nonzero()
                    );
                }
            }
        }
        self.slots.lock().await.remove(&colour);
        Ok(())
    }

    async fn leave(&self, colour: Colour) -> anyhow::Result<()> {
        self.stop(colour).await
    }

    async fn prepare(
        &self,
        preparation: &Preparation,
        tell: UnboundedSender<String>,
    ) -> anyhow::Result<()> {
        crate::prepare::run_in_child(preparation, tell).await
    }

    async fn state(&self, colour: Colour) -> ColourState {
        let slots = self.slots.lock().await;
        let Some(slot) = slots.get(&colour) else {
            return ColourState::Stopped;
        };
        match &*slot.ended.borrow() {
            Some(how) => ColourState::Ended { how: how.clone() },
            None => ColourState::Running {
                pid: slot.pid.as_raw_nonzero().get().unsigned_abs(),
                release: slot.release.clone(),
                since: slot.since,
                memory_bytes: proc::resident_bytes(slot.pid),
            },
        }
    }

    async fn owns_its_port(&self, colour: Colour) -> Option<bool> {
        let pid = self.slots.lock().await.get(&colour)?.pid;
        let port = self.config.port(colour);
        tokio::task::spawn_blocking(move || proc::group_listens_on(pid, port))
            .await
            .ok()?
    }

    async fn last_lines(&self, colour: Colour, count: usize) -> String {
        let path = self.output(colour);
        tokio::task::spawn_blocking(move || tail(&path, count).unwrap_or_default())
            .await
            .unwrap_or_default()
    }

    fn exits(&self) -> broadcast::Receiver<Exit> {
        self.exits.subscribe()
    }

    fn address(&self, colour: Colour) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.config.port(colour)))
    }
}

/// Waits for the end of a process that is not this one's child. A pidfd becomes readable then
/// (pidfd_open(2)); a thread of its own waits, since it may wait for as long as this process lives.
async fn end_of_stranger(pidfd: OwnedFd) -> String {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let ended = loop {
            match rustix::event::poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other,
            }
        };
        // Nobody listens any more when the supervisor is about to end.
        let _ = tell.send(ended);
    });
    match told.await {
        Ok(Ok(_)) => "ended; how is not known, since an earlier Tealkeep had started it".to_owned(),
        Ok(Err(error)) => format!("was lost sight of: {error}"),
        Err(_) => "was lost sight of".to_owned(),
    }
}

/// Ends what a colour left behind in groups of its own, as systemd ends all that is in a unit's control group: it would
/// hold the port and the database. Some may be left of a colour that ended while no Tealkeep ran.
async fn end_strays(live_file: PathBuf) {
    let ended = tokio::task::spawn_blocking(move || {
        let until = std::time::Instant::now() + KILL_TIMEOUT;
        loop {
            let strays = proc::all_by_live_file(&live_file);
            if strays.is_empty() || std::time::Instant::now() >= until {
                return;
            }
            for stray in strays {
                // It may have ended by itself meanwhile.
                let _ = rustix::process::kill_process(stray, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    // It can't panic, and is not cancelled.
    let _ = ended.await;
}

fn open_output(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::options().create(true).append(true).open(path)?;
    if file.metadata()?.len() > OUTPUT_LIMIT_BYTES {
        file.set_len(0)?;
    }
    let mut marked = &file;
    std::io::Write::write_all(
        &mut marked,
        format!("{MARK}{}\n", Timestamp::now()).as_bytes(),
    )?;
    Ok(file)
}

/// Begins the line that separates one start's output from the next one's.
const MARK: &str = "--- started ";

fn tail(path: &Path, count: usize) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // Only what this start printed: an older start's last words would be blamed on the wrong release.
    let own = text.rfind(MARK).map_or(&*text, |at| {
        text[at..].split_once('\n').map_or("", |(_, rest)| rest)
    });
    let lines: Vec<&str> = own.lines().collect();
    Ok(lines[lines.len().saturating_sub(count)..].join("\n"))
}

fn signal_group(pid: Pid, signal: Signal) {
    // The only failure is that nobody is left in the group, which is what was wanted.
    let _ = kill_process_group(pid, signal);
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was killed by {}", signal_name(signal)),
        (None, None) => "ended".to_owned(),
    }
}

pub(super) fn signal_name(signal: i32) -> String {
    match signal {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        6 => "SIGABRT".to_owned(),
        7 => "SIGBUS".to_owned(),
        9 => "SIGKILL".to_owned(),
        11 => "SIGSEGV".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves a process behind in a session of its own, which no signal to its group reaches.
    const LEAVES_ONE_BEHIND: &str = "setsid sleep 300 & exec sleep 300";

    async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let began = std::time::Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn what_a_colour_leaves_behind_ends_with_it_or_before_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = ProcessRuntime::new(
            ProcessConfig {
                command: ["sh", "-c", LEAVES_ONE_BEHIND].map(str::to_owned).to_vec(),
                // Nobody listens on a port that needs a capability here.
                blue_port: 1,
                green_port: 2,
                stop_timeout: Duration::from_secs(5),
                port_variable: "PORT".to_owned(),
                database_variable: "DATABASE_PATH".to_owned(),
                env: std::collections::BTreeMap::new(),
            },
            dir.path().join("d.sqlite"),
            dir.path().to_owned(),
        );
        let live_file = runtime.live_file(Colour::Blue);
        let running = || proc::all_by_live_file(&live_file).len();
        let mut left = std::process::Command::new("setsid")
            .args(["sleep", "300"])
            .env("TEALKEEP_LIVE_FILE", &live_file)
            .spawn()
            .unwrap();
        until("one is left from before", || running() == 1).await;
        let launch = Launch {
            release: "v1".parse().unwrap(),
            directory: dir.path().to_owned(),
            live_file: live_file.clone(),
        };
        runtime.start(Colour::Blue, &launch).await.unwrap();
        assert!(!left.wait().unwrap().success());
        until("it and its child run", || running() == 2).await;
        runtime.stop(Colour::Blue).await.unwrap();
        assert_eq!(running(), 0);
    }

    #[test]
    fn the_last_lines_are_those_of_the_last_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blue/output.log");
        for word in ["old", "new"] {
            use std::io::Write;
            let mut file = open_output(&path).unwrap();
            for number in 0..5 {
                writeln!(file, "{word} {number}").unwrap();
            }
        }
        assert_eq!(tail(&path, 2).unwrap(), "new 3\nnew 4");
        assert_eq!(tail(&path, 50).unwrap().lines().count(), 5);
    }
}
