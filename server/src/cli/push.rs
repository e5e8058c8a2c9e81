//! `tealkeep push`: sends a release to the machine at home with rsync over ssh, and makes it live there.
//! If it is interrupted before the deploy, the same command continues; once the deploy has begun, the machine finishes it
//! by itself.

pub(super) mod errors;
mod left_out;
mod send;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, anyhow};
use clap::Args;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::deploy::{RunView, print_result};
use super::outcome::{Failure, Outcome};
use super::output::print_text;
use super::progress::{Steps, say};
use super::remote::{SSH_FAILED, ssh_words};
use crate::http::incoming::Incoming;
use crate::journal::runs::Step;
use crate::journal::runs::{Run, RunState, StepState};
use crate::names::{AppName, ReleaseId};

/// With less free space than this, nothing is sent.
const MIN_FREE_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, Args)]
pub struct PushArgs {
    /// The directory of the release. Not sent: `.git`, `.env`, `.env.local`, `.env.*.local`, and what its
    /// `.tealkeepignore` names; if the app has a `prepare`, which makes them there, also `node_modules` and `.venv`.
    ///
    /// `.tealkeepignore` has one pattern per line, as for rsync's --exclude-from: `*.log` at any depth, `/notes`
    /// at the top only, `cache/` for folders. A line `+ node_modules` sends what is excluded by default.
    directory: PathBuf,
    /// The app's name.
    app: AppName,
    /// The name of the release, such as a tag or a commit: letters, digits, `.`, `_` and `-`. Default: the directory's
    /// name, plus the time if that is taken. A given name that is taken is refused unless the content is the same.
    #[arg(long, value_name = "ID")]
    name: Option<ReleaseId>,
    /// The rsync program on the other machine.
    #[arg(long, default_value = "rsync", value_name = "PROGRAM")]
    rsync_path: String,
}

/// The machine at home, and how to reach it.
struct Remote<'a> {
    host: &'a str,
    ssh: Vec<String>,
}

impl Remote<'_> {
    /// `tealkeep` there, with these arguments.
    fn tealkeep(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.ssh[0]);
        command
            .args(&self.ssh[1..])
            .arg(self.host)
            .arg(format!("tealkeep {}", shell_words::join(words)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// `tealkeep push`
pub async fn run(args: &PushArgs, host: &str, ssh: &str, json: bool) -> Outcome {
    let remote = Remote {
        host,
        ssh: ssh_words(ssh, host)?,
    };
    let directory = check_directory(args)?;
    let incoming = tokio::select! {
        asked = ask(args, &remote) => asked?,
        () = wait_for_cancel() => return Err(anyhow!("cancelled; nothing has changed at {host}").into()),
    };
    check_content(args, &directory, incoming.prepares)?;
    let id = incoming.id.clone();
    let changed = errors::warn_changed_configuration(&incoming, host);
    let outdated = errors::warn_outdated_units(&incoming, &args.app, host);
    changed.iter().chain(&outdated).for_each(say);
    tokio::select! {
        sent = send::send(&directory, &remote, &incoming, &args.rsync_path) => sent?,
        () = wait_for_cancel() => {
            let text = format!("cancelled while sending; nothing has changed at {host}, and the same command continues where this one stopped");
            return Err(Failure::Operation(anyhow!(text)));
        }
    }
    let run = deploy(args, &remote, &id).await?;
    print_result(&run, json)?;
    if !json {
        let verified = run
            .steps
            .iter()
            .find(|row| row.step == Step::Verify && row.state == StepState::Done)
            .and_then(|row| row.detail.as_deref());
        match (&incoming.url, verified) {
            (Some(_), Some(verified)) => print_text(&format!("Verified: {verified}."))?,
            (None, Some(verified)) => print_text(&format!(
                "Verified: {verified}. With `url` in the configuration, the public address is checked too."
            ))?,
            (_, None) => {}
        }
    }
    Ok(())
}

/// The directory, if it can be a release.
fn check_directory(args: &PushArgs) -> Result<PathBuf, Failure> {
    let given = args.directory.display();
    let full = args
        .directory
        .canonicalize()
        .map_err(|e| Failure::Usage(format!("{given} can't be read: {e}")))?;
    if !full.is_dir() {
        return Err(Failure::Usage(format!(
            "{given} is not a directory; name the directory of the release"
        )));
    }
    check_content(args, &full, false)?;
    Ok(full)
}

/// Refuses an empty directory.
fn check_content(args: &PushArgs, directory: &Path, prepares: bool) -> Outcome {
    let given = args.directory.display();
    let mut entries = directory
        .read_dir()
        .map_err(|e| Failure::Usage(format!("{given} can't be read: {e}")))?;
    let stays_here = |name: &OsStr| left_out::by_default(prepares).any(|kept| name == kept);
    if entries.all(|entry| entry.is_ok_and(|entry| stays_here(&entry.file_name()))) {
        return Err(Failure::Usage(format!(
            "{given} is empty; was the release built?"
        )));
    }
    Ok(())
}

/// Asks where to send the release.
async fn ask(args: &PushArgs, remote: &Remote<'_>) -> Result<Incoming, Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(args)?,
    };
    let mut words = vec!["incoming", args.app.as_str(), name.as_str()];
    if args.name.is_some() {
        words.push("--exact");
    }
    let output = remote
        .tealkeep(&words)
        .output()
        .await
        .with_context(|| format!("{} can't be run; is it installed?", remote.ssh[0]))?;
    if !output.status.success() {
        return Err(errors::explain_ssh(&output, remote.host));
    }
    let incoming: Incoming = serde_json::from_slice(&output.stdout).map_err(|_| {
        anyhow!(
            "this version ({1}) does not understand the answer of the Tealkeep at {0}; install the same version on both: {2}",
            remote.host,
            env!("CARGO_PKG_VERSION"),
            String::from_utf8_lossy(&output.stdout).trim()
        )
    })?;
    if incoming.version != env!("CARGO_PKG_VERSION") {
        say(format_args!(
            "The Tealkeep at {} is version {}, this one is {}; install the same version on both to be safe.",
            remote.host,
            incoming.version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    if incoming.free_bytes < MIN_FREE_BYTES {
        return Err(Failure::Operation(anyhow!(
            "the disk at {} is full ({} free); nothing was sent. A lower `keep_releases` removes older releases",
            remote.host,
            crate::backup::human(incoming.free_bytes)
        )));
    }
    Ok(incoming)
}

fn name_of(args: &PushArgs) -> Result<ReleaseId, Failure> {
    let full = args.directory.canonicalize();
    let name = full
        .ok()
        .and_then(|full| Some(full.file_name()?.to_str()?.to_owned()))
        .unwrap_or_default();
    name.parse()
        .map_err(|e| Failure::Usage(format!("{e}. Give it another name with --name")))
}

/// Starts the deploy there and shows it to its end.
async fn deploy(args: &PushArgs, remote: &Remote<'_>, id: &ReleaseId) -> Result<Run, Failure> {
    let words = [
        "deploy",
        args.app.as_str(),
        id.as_str(),
        "--pushed",
        "--lines",
    ];
    let mut child = remote
        .tealkeep(&words)
        // Ctrl-C in this terminal only ends the watching, cleanly.
        .process_group(0)
        .spawn()
        .with_context(|| format!("{} can't be run", remote.ssh[0]))?;
    let mut lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
    let mut stderr = child.stderr.take().context("it has an error output")?;
    let mut steps = Steps::new();
    let mut last: Option<Run> = None;
    let mut error_output = Vec::new();
    let watched = async {
        let shown = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(view) = serde_json::from_str::<RunView>(&line) else {
                    continue;
                };
                steps.show(&view.run, &view.printed);
                last = Some(view.run);
            }
        };
        let (_, read) = tokio::join!(shown, stderr.read_to_end(&mut error_output));
        read?;
        child.wait().await
    };
    let ended = tokio::select! {
        ended = watched => Some(ended),
        () = wait_for_cancel() => None,
    };
    steps.clear();
    if let Some(run) = last.take_if(|run| run.state != RunState::Running) {
        return Ok(run);
    }
    Err(explain_end(
        args,
        remote.host,
        id,
        ended,
        error_output,
        last.is_some(),
    ))
}

/// Why the end of a deploy was not seen. `ended` is `None` if the person stopped watching; `has_begun` says whether the
/// other machine had reported anything.
fn explain_end(
    args: &PushArgs,
    host: &str,
    id: &ReleaseId,
    ended: Option<std::io::Result<std::process::ExitStatus>>,
    error_output: Vec<u8>,
    has_begun: bool,
) -> Failure {
    let app = &args.app;
    let resume_hint = format!(
        "{host} continues by itself. `tealkeep status {app} --host {host} --follow` shows the rest"
    );
    let text = match ended {
        None => format!("no longer watched: {resume_hint}"),
        Some(Ok(status)) if status.code() == Some(SSH_FAILED) || has_begun => {
            let why = String::from_utf8_lossy(&error_output);
            let why = match why.trim() {
                "" => String::new(),
                why => format!(" ({why})"),
            };
            format!("the connection was lost{why}. If the deploy of {id} had begun, {resume_hint}")
        }
        Some(Ok(status)) => {
            let output = std::process::Output {
                status,
                stdout: Vec::new(),
                stderr: error_output,
            };
            return errors::explain_ssh(&output, host);
        }
        Some(Err(error)) => format!("the connection was lost ({error}). {resume_hint}"),
    };
    Failure::Operation(anyhow!(text))
}

/// Ctrl-C, or the end of the terminal or of the session.
async fn wait_for_cancel() {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).ok();
    let (interrupt, terminate, hangup) = (
        listen(SignalKind::interrupt()),
        listen(SignalKind::terminate()),
        listen(SignalKind::hangup()),
    );
    let (Some(mut interrupt), Some(mut terminate), Some(mut hangup)) =
        (interrupt, terminate, hangup)
    else {
        // Without a handler they end this process as usual.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
