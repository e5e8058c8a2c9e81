//! `tealkeep deploy` and `tealkeep rollback`, and watching a run.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::outcome::{FAILED, Failure, Outcome};
use super::output::print;
use super::progress::Steps;
use super::terminal;
use crate::deploy::Printed;
use crate::http::api::{Begun, DeployRequest};
use crate::journal::runs::Step;
use crate::journal::runs::{Run, RunId, RunState, StepState};

#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The app's name.
    app: String,
    /// A release on the machine, or the path of a directory with a new one (with a `/` in it).
    release: String,
    /// The release was sent by hand and is complete in `.push-RELEASE` in the folder of the releases.
    #[arg(long)]
    pushed: bool,
    /// Print progress as lines of JSON on standard output, for another program.
    #[arg(long, hide = true)]
    lines: bool,
}

impl DeployArgs {
    /// Whether a directory on this machine was given.
    pub fn is_path(&self) -> bool {
        is_path(&self.release)
    }
}

/// `tealkeep deploy`
pub async fn deploy(client: &Client, args: &DeployArgs, json: bool) -> Outcome {
    let request = match as_directory(&args.release)? {
        Some(directory) => DeployRequest::Directory(directory),
        None => {
            let id = args.release.parse();
            let id = id.map_err(|e| Failure::Usage(format!("{e}")))?;
            if args.pushed {
                DeployRequest::Pushed(id)
            } else {
                DeployRequest::Release(id)
            }
        }
    };
    if args.pushed && matches!(request, DeployRequest::Directory(_)) {
        return Err(Failure::Usage(
            "--pushed needs the name of a release, not a path".to_owned(),
        ));
    }
    let begun = client
        .post::<Begun>(&format!("/api/v1/apps/{}/deploys", args.app), &request)
        .await
        .map_err(|failure| match failure {
            Failure::Usage(text)
                if matches!(request, DeployRequest::Release(_))
                    && Path::new(&args.release).is_dir() =>
            {
                Failure::Usage(format!(
                    "{text}. To deploy the directory {0} in this folder, write ./{0}",
                    args.release
                ))
            }
            other => other,
        })?;
    if args.lines {
        return watch_as_lines(client, begun.run).await;
    }
    watch(client, begun.run, json).await
}

fn is_path(given: &str) -> bool {
    given.contains('/') || given == "." || given == ".."
}

fn as_directory(given: &str) -> Result<Option<PathBuf>, Failure> {
    if !is_path(given) {
        return Ok(None);
    }
    let path = Path::new(given);
    match path.canonicalize() {
        Ok(full) if full.is_dir() => Ok(Some(full)),
        Ok(_) => Err(Failure::Usage(format!(
            "{given} is not a directory; name the directory of the release"
        ))),
        Err(error) => Err(Failure::Usage(format!("{given} can't be read: {error}"))),
    }
}

/// `tealkeep rollback`
pub async fn rollback(client: &Client, app: Option<String>, json: bool) -> Outcome {
    let app = client.app(app).await?;
    let begun: Begun = client
        .post(&format!("/api/v1/apps/{app}/rollbacks"), &())
        .await?;
    watch(client, begun.run, json).await
}

/// Follows a run to its end and prints the result.
pub async fn watch(client: &Client, id: RunId, json: bool) -> Outcome {
    let mut steps = Steps::new();
    let ended = client
        .follow(id, |run, printed| steps.show(run, printed))
        .await;
    steps.clear();
    print_result(&ended?, json)
}

/// One state of a run, as [`watch_as_lines`] writes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct RunView {
    /// The run.
    pub run: Run,
    /// The output of its preparation.
    pub printed: Printed,
}

/// Follows a run to its end and writes each state as a line of JSON, for a program that shows it elsewhere.
async fn watch_as_lines(client: &Client, id: RunId) -> Outcome {
    let ended = client
        .follow(id, |run, printed| {
            let view = RunView {
                run: run.clone(),
                printed: printed.clone(),
            };
            if let Ok(line) = serde_json::to_string(&view) {
                let line = terminal::json(&line).into_owned() + "\n";
                // If the reader is gone, the run continues without it.
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            }
        })
        .await;
    match ended?.state {
        RunState::Done => Ok(()),
        RunState::Running | RunState::Failed => Err(Failure::Reported(FAILED)),
    }
}

/// Prints the result of a run, and fails if the run did.
pub fn print_result(run: &Run, json: bool) -> Outcome {
    let text = match run.state {
        RunState::Done => format!(
            "The {} of {} is done: {} is live on {}.",
            run.kind.noun(),
            run.facts.subject(),
            run.facts.release,
            run.facts.to
        ),
        RunState::Running | RunState::Failed => {
            let reason = run.reason.as_deref().unwrap_or("it was interrupted");
            let prepared = run
                .steps
                .iter()
                .any(|row| row.step == Step::Prepare && row.state == StepState::Failed);
            let printer = if prepared {
                format!("the preparation of {}", run.facts.release)
            } else {
                run.facts.release.to_string()
            };
            let output = run
                .output
                .as_deref()
                .map(|lines| format!("\n\nThe last lines that {printer} printed:\n{lines}"));
            format!(
                "the {} of {} failed: {reason}{}",
                run.kind.noun(),
                run.facts.subject(),
                output.unwrap_or_default()
            )
        }
    };
    if run.state == RunState::Done {
        return print(json, run, || text);
    }
    if json {
        print(true, run, String::new)?;
    }
    Err(Failure::Operation(anyhow::anyhow!(text)))
}
