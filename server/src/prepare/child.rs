//! Runs `tealkeep prepare` as a child of this process, for runtimes without units: with a time limit, and ended with everything
//! that it started when nobody waits for it any more.

use std::process::Stdio;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::seconds;
use crate::runtime::Preparation;

/// The beginning of the line with which the child says why it failed.
const REASON: &str = "tealkeep: ";

/// Runs `tealkeep prepare` as a child of this process and passes on each line of its output as it arrives.
///
/// # Errors
/// It failed, with its reason, or took longer than the configuration allows.
pub async fn run_in_child(
    preparation: &Preparation,
    report: UnboundedSender<String>,
) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot find this program's own path")?;
    let config = &preparation.config;
    let mut command = tokio::process::Command::new(program);
    command
        .arg("prepare")
        .arg("--releases")
        .arg(&preparation.releases);
    command.arg("--release").arg(preparation.release.as_str());
    for input in &config.inputs {
        command.arg("--input").arg(input);
    }
    for version in &config.versions {
        command.arg("--version").arg(shell_words::join(version));
    }
    command
        .arg("--")
        .args(&config.command)
        .current_dir(&preparation.directory);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start `tealkeep prepare`")?;
    let group = ProcessGroup::of(&child)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let said = tokio::join!(
            forward_output(stdout, report.clone(), false),
            forward_output(stderr, report, true)
        );
        Ok::<_, std::io::Error>((child.wait().await?, said.1))
    };
    let Ok(ended) = tokio::time::timeout(config.timeout, ended).await else {
        drop(group);
        bail!(
            "it did not finish within {} and was stopped; a longer `prepare_timeout` allows more",
            seconds(config.timeout)
        );
    };
    let (status, reason) = ended.context("cannot tell how `tealkeep prepare` ended")?;
    match (status.success(), reason) {
        (true, _) => Ok(()),
        (false, Some(reason)) => bail!(reason),
        (false, None) => bail!("`tealkeep prepare` ended with {status}"),
    }
}

/// Passes on each line, except reasons; returns the last reason.
async fn forward_output(
    from: Option<impl AsyncRead + Unpin>,
    report: UnboundedSender<String>,
    has_reason: bool,
) -> Option<String> {
    let mut reader = BufReader::new(from?);
    let (mut reason, mut line) = (None, Vec::new());
    // A read error ends with the process, whose exit code says how it went.
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(read) if read > 0) {
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        line.clear();
        match text.strip_prefix(REASON) {
            Some(said) if has_reason => reason = Some(said.to_owned()),
            // A missing reader is no reason to stop.
            _ => drop(report.send(text)),
        }
    }
    reason
}

/// A child's process group, killed when this is dropped.
struct ProcessGroup(Pid);

impl ProcessGroup {
    fn of(child: &tokio::process::Child) -> anyhow::Result<ProcessGroup> {
        child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .map(ProcessGroup)
            .context("`tealkeep prepare` ended at once")
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // The only possible failure is that the group is empty, which is the goal.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}
