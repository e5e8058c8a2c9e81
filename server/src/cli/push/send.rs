//! Sends the files with the real rsync. Files that the live release has too are copied there instead of being sent,
//! whatever their times are, and an interrupted push continues where it stopped.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::process::Command;

use super::super::outcome::Failure;
use super::super::progress::{RsyncLines, Sending, hundredths, say};
use super::left_out::{LeftOut, by_default};
use super::{Remote, errors};
use crate::http::incoming::Incoming;
use crate::prepare::RECORD_FILE;

/// In a release's directory: patterns of what is not sent, and of what is sent anyway.
const IGNORE_FILE: &str = ".tealkeepignore";

/// Sends everything and reports how much that was.
///
/// # Errors
/// rsync's, in words. What was sent stays there, and the next push continues with it.
pub(super) async fn send(
    directory: &Path,
    remote: &Remote<'_>,
    incoming: &Incoming,
    rsync_path: &str,
) -> Result<(), Failure> {
    let host = remote.host;
    let resume_hint = if incoming.resumes {
        ", continuing an interrupted push"
    } else {
        ""
    };
    let sending = Sending::new(format!("sending {} to {host}{resume_hint}", incoming.id));
    let mut child = command(directory, remote, incoming, rsync_path)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                anyhow!("rsync is not installed here; install it first")
            }
            _ => anyhow!("cannot run rsync: {error}"),
        })?;
    let stdout = child.stdout.take().context("it has an output")?;
    let mut stderr = child.stderr.take().context("it has an error output")?;
    let mut error_output = Vec::new();
    let (lines, read) = tokio::join!(
        follow(stdout, &sending),
        stderr.read_to_end(&mut error_output)
    );
    read?;
    let mut left_out = LeftOut::default();
    let own = own_files();
    let stats: Vec<String> = lines
        .into_iter()
        .filter(|line| !left_out.take(line, &own))
        .collect();
    let status = child.wait().await?;
    drop(sending);
    if !status.success() {
        return Err(errors::explain_rsync(status, &error_output, host));
    }
    let number = |begin: &str| -> u64 {
        stats
            .iter()
            .find_map(|line| line.strip_prefix(begin))
            .map(|rest| {
                let digits = rest.trim_start().split(' ').next().unwrap_or_default();
                digits.replace(',', "").parse().unwrap_or(0)
            })
            .unwrap_or(0)
    };
    left_out.lines().iter().for_each(say);
    say(format_args!(
        "{} was sent: {} of its {} files were new or changed, {} over the wire",
        incoming.id,
        number("Number of regular files transferred:"),
        regular_files(&stats),
        crate::backup::human(number("Total bytes sent:"))
    ));
    Ok(())
}

fn command(
    directory: &Path,
    remote: &Remote<'_>,
    incoming: &Incoming,
    rsync_path: &str,
) -> Command {
    let mut command = Command::new("rsync");
    // By checksum and without times: a build touches every file but changes few. Of the modes only the executable bit: the
    // machine sets the modes itself.
    command
        .args(["-rlcE", "--partial", "--delete", "--delete-excluded"])
        .args([
            "--stats",
            "--info=progress2",
            "--debug=FILTER",
            "--outbuf=N",
        ])
        .arg(format!("--rsync-path={rsync_path}"))
        .arg("-e")
        .arg(shell_words::join(&remote.ssh))
        .args(own_files().iter().map(|own| format!("--exclude={own}")));
    // The first matching rule counts, so the file's rules come before the defaults.
    let ignored = directory.join(IGNORE_FILE);
    if ignored.is_file() {
        command.arg("--exclude-from").arg(ignored);
    }
    command.args(by_default(incoming.prepares).map(|pattern| format!("--exclude={pattern}")));
    if let Some(basis) = &incoming.basis {
        command.arg(format!("--copy-dest=../{basis}"));
    }
    let mut source = directory.as_os_str().to_owned();
    source.push("/");
    command
        .arg("--")
        .arg(source)
        .arg(format!("{}:{}/", remote.host, incoming.folder.display()))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Patterns of Tealkeep's own files, which are never sent.
fn own_files() -> [String; 2] {
    [IGNORE_FILE, RECORD_FILE].map(|file| format!("/{file}"))
}

/// Shows rsync's progress and returns the lines that it prints at the end.
async fn follow(stdout: impl tokio::io::AsyncRead + Unpin, sending: &Sending) -> Vec<String> {
    let mut reader = BufReader::new(stdout);
    let (mut lines, mut stats) = (Vec::new(), RsyncLines::default());
    // A read error ends with rsync, whose exit code says how it went.
    while let Ok(byte) = reader.read_u8().await {
        match stats.take(byte).map(|text| (hundredths(&text), text)) {
            Some((Some(hundredths), _)) => sending.show(hundredths),
            Some((None, text)) => lines.push(text),
            None => {}
        }
    }
    lines
}

/// `Number of files: 12 (reg: 10, dir: 2)`
fn regular_files(stats: &[String]) -> String {
    stats
        .iter()
        .find(|line| line.starts_with("Number of files:"))
        .and_then(|line| Some(line.split_once("reg: ")?.1))
        .map_or_else(
            || "0".to_owned(),
            |rest| {
                rest.chars()
                    .take_while(|c| c.is_ascii_digit() || *c == ',')
                    .filter(char::is_ascii_digit)
                    .collect()
            },
        )
}
