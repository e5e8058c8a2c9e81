//! The other side: the real rsync and `tealkeep pulled`, both through ssh, each with a timeout.

use std::io::{BufReader, IsTerminal, Read};
use std::ops::AddAssign;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde::Serialize;

use super::dest::{ARRIVING, Dest, PARTIAL};
use super::error_output::ErrorOutput;
use super::errors;
use super::source::Source;
use crate::backup::{SnapshotId, Tier, scratch};
use crate::cli::outcome::Failure;
use crate::cli::progress::{RsyncLines, Sending, hundredths};
use crate::cli::remote::ssh_words;
use crate::config::copy;

/// How long rsync waits for any data from the other side (rsync(1), `--timeout`).
const TIMEOUT_OPTION: &str = "--timeout=300";
/// Far more than any manifest has; larger files are ignored.
const MAX_SIZE_OPTION: &str = "--max-size=4m";
/// How long the report of a pull may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(60);
/// rsync(1): some files vanished meanwhile.
const VANISHED: i32 = 24;
/// A changed member of some 20 KB costs itself and a block's rest at each end; each block costs six bytes of checksums
/// the other way. Measured on a file of 31 MB: with 0.1 % new rows at the end, 4096 took 177 KB, 8192 took 143 and
/// 16384 took 125; with thirty changed rows all over it, 1064, 1260 and 1528 KB.
const BLOCK_BYTES: u32 = 8192;

/// The other machine, and how to reach it.
pub struct Remote<'a> {
    source: &'a Source,
    ssh: Vec<String>,
    rsync_path: &'a str,
    block_bytes: u32,
}

/// The bytes on the wire, as rsync counts them: without ssh's overhead.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Traffic {
    /// From there.
    pub received_bytes: u64,
    /// To there.
    pub sent_bytes: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Traffic) {
        self.received_bytes += other.received_bytes;
        self.sent_bytes += other.sent_bytes;
    }
}

/// Whether a file arrived.
pub enum Arrival {
    /// Completely, with the sender's checksum.
    Whole,
    /// It no longer exists there.
    Gone,
    /// It exists there but can't be read, for this reason; others may be readable.
    Unreadable(String),
}

impl<'a> Remote<'a> {
    /// # Errors
    /// `--ssh` can't be understood.
    pub fn new(
        source: &'a Source,
        ssh: &str,
        rsync_path: &'a str,
        block_bytes: Option<u32>,
    ) -> Result<Remote<'a>, Failure> {
        let mut ssh = ssh_words(ssh, &source.host)?;
        // Under a timer nobody can type a passphrase; ssh should fail instead of waiting.
        if !std::io::stdin().is_terminal() && ssh[0].rsplit('/').next() == Some("ssh") {
            ssh.extend(["-o", "BatchMode=yes"].map(str::to_owned));
        }
        Ok(Remote {
            source,
            ssh,
            rsync_path,
            block_bytes: block_bytes.unwrap_or(BLOCK_BYTES),
        })
    }

    /// Fetches what describes the snapshots there: everything but the snapshots themselves. Also returns why some of it did
    /// not arrive, if the other side could not read all of it.
    ///
    /// # Errors
    /// rsync's or ssh's, in words.
    pub fn fetch_index(&self, dest: &Dest) -> Result<(Traffic, Option<String>), Failure> {
        let mut command = self.rsync();
        // Only plain files and links, with modes of our own.
        command.args(["-rlt", "--chmod=D700,F600", "--delete", MAX_SIZE_OPTION]);
        command.args(["--include=/snapshots/", "--include=/snapshots/*.json"]);
        command.arg(format!("--include=/{}", copy::FILE));
        for tier in Tier::ALL {
            command.arg(format!("--include=/{tier}/"));
            command.arg(format!("--include=/{tier}/*.sqlite.gz"));
        }
        command.args(["--exclude=*", "--"]);
        command.arg(self.source.path("")).arg(dest.index());
        let ended = run(command, None)?;
        match ended.status.code() {
            Some(0 | VANISHED) => Ok((ended.traffic(), None)),
            _ => match errors::unreadable_reason(&ended) {
                Some(why) => Ok((ended.traffic(), Some(why))),
                None => Err(errors::explain_rsync(&ended, self.source)),
            },
        }
    }

    /// Fetches one snapshot into its place of arrival, as differences to what is there.
    ///
    /// # Errors
    /// What would also stop the next one, in words: ssh's problem, an unreadable folder, too little disk space.
    pub fn fetch(
        &self,
        id: SnapshotId,
        bytes: u64,
        dest: &Dest,
    ) -> Result<(Arrival, Traffic), Failure> {
        let arrivals = dest.arrivals();
        scratch::has_room(&arrivals, bytes)?.map_err(|e| anyhow!("{e}"))?;
        let mut command = self.rsync();
        // What is there must be compared, even if size and time are equal; a file that is gone shows in the count.
        command.args([
            "-t",
            "--ignore-times",
            "--no-whole-file",
            "--ignore-missing-args",
        ]);
        command.arg(format!("--block-size={}", self.block_bytes));
        command.arg(format!("--partial-dir={PARTIAL}"));
        command.args(["--info=progress2", "--outbuf=N", "--"]);
        command.arg(self.source.path(&format!("snapshots/{}", id.file_name())));
        command.arg(arrivals.join(ARRIVING));
        let shown = Sending::new(format!("fetching {id} from {}", self.source.host));
        let ended = run(command, Some(&shown))?;
        drop(shown);
        let arrival = match ended.status.code() {
            Some(0 | VANISHED) => match ended.number("Number of regular files transferred:") {
                0 => Arrival::Gone,
                _ => Arrival::Whole,
            },
            _ => match errors::unreadable_reason(&ended) {
                Some(why) => Arrival::Unreadable(why),
                None => return Err(errors::explain_rsync(&ended, self.source)),
            },
        };
        Ok((arrival, ended.traffic()))
    }

    /// Runs `tealkeep` there with these arguments.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub fn tealkeep(&self, words: &[String]) -> anyhow::Result<()> {
        let mut child = Command::new(&self.ssh[0])
            .args(&self.ssh[1..])
            .arg(self.source.ssh_host())
            .arg(format!("tealkeep {}", shell_words::join(words)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.ssh[0]))?;
        let error_output = child.stderr.take().context("it has an error output")?;
        let error_output = ErrorOutput::read(error_output);
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if began.elapsed() > REPORT_TIMEOUT {
                child.kill()?;
                child.wait()?;
                return Err(anyhow!("no answer within {} s", REPORT_TIMEOUT.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if status.success() {
            return Ok(());
        }
        Err(anyhow!(
            "{}",
            errors::explain_report(status, &error_output.collect())
        ))
    }

    fn rsync(&self) -> Command {
        let mut command = Command::new("rsync");
        command
            .arg("--stats")
            .arg(TIMEOUT_OPTION)
            .arg(format!("--rsync-path={}", self.rsync_path))
            .arg("-e")
            .arg(shell_words::join(&self.ssh))
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// How an rsync ended.
pub struct Ended {
    /// Its exit.
    pub status: ExitStatus,
    /// Its error output.
    pub error_output: String,
    lines: Vec<String>,
}

impl Ended {
    /// The number after this beginning of a line of `--stats`; 0 if there is none.
    fn number(&self, begin: &str) -> u64 {
        let line = self.lines.iter().find_map(|line| line.strip_prefix(begin));
        let digits: String = line
            .unwrap_or_default()
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap_or(0)
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            received_bytes: self.number("Total bytes received:"),
            sent_bytes: self.number("Total bytes sent:"),
        }
    }
}

/// Runs rsync to its end and shows its progress.
fn run(mut command: Command, shown: Option<&Sending>) -> anyhow::Result<Ended> {
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            anyhow!("rsync is not installed here; install it first: sudo apt install rsync")
        }
        _ => anyhow!("cannot run rsync: {error}"),
    })?;
    let error_output = child.stderr.take().context("it has an error output")?;
    let error_output = ErrorOutput::read(error_output);
    let stdout = child.stdout.take().context("it has an output")?;
    let (mut lines, mut parts) = (Vec::new(), RsyncLines::default());
    // A read error ends with rsync, whose exit code says how it went.
    let bytes = BufReader::new(stdout).bytes().map_while(Result::ok);
    for text in bytes.filter_map(|byte| parts.take(byte)) {
        match (hundredths(&text), shown) {
            (Some(hundredths), Some(shown)) => shown.show(hundredths),
            _ => lines.push(text),
        }
    }
    let status = child.wait()?;
    // After a success nobody needs it, so there is no need to wait for it.
    let error_output = match status.success() {
        true => String::new(),
        false => error_output.collect(),
    };
    Ok(Ended {
        status,
        error_output,
        lines,
    })
}
