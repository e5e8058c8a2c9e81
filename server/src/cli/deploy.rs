//! `tealkeep deploy` and `tealkeep rollback`, and how a run is watched.

use std::path::{Path, PathBuf};

use clap::Args;

use super::client::Client;
use super::progress::Steps;
use super::{Failure, Outcome, print};
use crate::deploy::subject;
use crate::http::api::{Begun, DeployRequest};
use crate::journal::runs::{RunId, RunState};

#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The app's name.
    app: String,
    /// A release on the machine, or the directory that holds a new one (with a `/` in it).
    release: String,
}

/// `tealkeep deploy`
pub async fn deploy(client: &Client, args: &DeployArgs, json: bool) -> Outcome {
    let request = match as_directory(&args.release)? {
        Some(directory) => DeployRequest::Directory(directory),
        None => DeployRequest::Release(
            args.release
                .parse()
                .map_err(|e| Failure::Call(format!("{e}")))?,
        ),
    };
    let begun = client
        .post::<Begun>(&format!("/api/v1/apps/{}/deploys", args.app), &request)
        .await
        .map_err(|failure| match failure {
            Failure::Call(text)
                if matches!(request, DeployRequest::Release(_))
                    && Path::new(&args.release).is_dir() =>
            {
                Failure::Call(format!(
                    "{text}. To deploy the directory {0} that lies here, write ./{0}",
                    args.release
                ))
            }
            other => other,
        })?;
    watch(client, begun.run, json).await
}

fn as_directory(given: &str) -> Result<Option<PathBuf>, Failure> {
    if !given.contains('/') && given != "." && given != ".." {
        return Ok(None);
    }
    let path = Path::new(given);
    match path.canonicalize() {
        Ok(full) if full.is_dir() => Ok(Some(full)),
        Ok(_) => Err(Failure::Call(format!(
            "{given} is not a directory; give the one that holds the release"
        ))),
        Err(error) => Err(Failure::Call(format!("{given} can't be read: {error}"))),
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

/// Follows a run to its end and says how it ended.
pub async fn watch(client: &Client, id: RunId, json: bool) -> Outcome {
    let mut steps = Steps::new();
    let ended = client.follow(id, |run| steps.show(run)).await;
    steps.clear();
    let run = ended?;
    let said = match run.state {
        RunState::Done => format!(
            "The {} of {} is done: {} is live on {}.",
            run.kind.noun(),
            subject(&run.facts),
            run.facts.release,
            run.facts.to
        ),
        RunState::Running | RunState::Failed => {
            let reason = run.reason.as_deref().unwrap_or("it was cut off");
            let output = run.output.as_deref().map(|lines| {
                format!(
                    "\n\nThe last lines that {} printed:\n{lines}",
                    run.facts.release
                )
            });
            format!(
                "the {} of {} failed: {reason}{}",
                run.kind.noun(),
                subject(&run.facts),
                output.unwrap_or_default()
            )
        }
    };
    if run.state == RunState::Done {
        return print(json, &run, || said);
    }
    if json {
        print(true, &run, String::new)?;
    }
    Err(Failure::Tried(anyhow::anyhow!(said)))
}
