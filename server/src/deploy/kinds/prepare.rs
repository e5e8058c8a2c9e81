//! The preparation as a step of a deploy: the app's user builds what the release needs besides its own files, and its output is
//! shown meanwhile.

use std::time::Duration;

use anyhow::Context as _;

use super::colours::OUTPUT_LINES;
use super::{Context, Outcome};
use crate::prepare::{RECORD_FILE, Record};
use crate::runtime::Preparation;

/// How often those who watch a preparation are told that it has printed something.
const PRINT_PAUSE: Duration = Duration::from_millis(200);

/// Makes the release ready, where something is configured and it was not done before.
pub(super) async fn prepare(run: &Context) -> anyhow::Result<Outcome> {
    let (app, facts) = (&run.app, &run.facts);
    let Some(config) = app.config.deploy.prepare.clone() else {
        return Ok(Outcome::Skipped("no `prepare` is configured".to_owned()));
    };
    let release = facts.release.clone();
    let directory = app.releases.path(&release);
    if facts.previous.as_ref() == Some(&release) && record(run).await?.is_some() {
        // To make it anew would take it from under the colour that is live with it.
        return Ok(Outcome::Skipped(format!(
            "{release} is live as it was prepared"
        )));
    }
    let preparation = Preparation {
        directory: directory.clone(),
        releases: app.config.releases.clone(),
        release,
        config,
    };
    open_to_group(run, true).await?;
    let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
    let preparing = app.runtime.prepare(&preparation, sender);
    let (prepared, ()) = tokio::join!(preparing, keep_lines(run, lines));
    open_to_group(run, false).await?;
    prepared.with_context(|| format!("{} was not made ready", preparation.release))?;
    let record = record(run).await?.with_context(|| {
        format!(
            "the preparation left no {RECORD_FILE} in {}; does its unit run `tealkeep prepare`?",
            directory.display()
        )
    })?;
    Ok(Outcome::Done(record.describe()))
}

/// Ends a preparation that failed: a crash may have left it running on, and the directories open. Returns the last lines
/// that it printed.
pub(super) async fn end(run: &Context) -> Option<String> {
    let app = &run.app;
    if let Err(error) = app.runtime.end_preparation(&run.facts.release).await {
        tracing::warn!(app = %app.name(), run = run.run, "{error:#}");
    }
    if let Err(error) = open_to_group(run, false).await {
        tracing::warn!(app = %app.name(), run = run.run, "{error:#}");
    }
    let lines: Vec<String> = app.printed(run.run).lines.into();
    let last = &lines[lines.len().saturating_sub(OUTPUT_LINES)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

/// What the preparation of the release has recorded, if it ended well.
async fn record(run: &Context) -> anyhow::Result<Option<Record>> {
    let directory = run.app.releases.path(&run.facts.release);
    tokio::task::spawn_blocking(move || Record::of(&directory)).await?
}

/// Lets the app's user write into the release's directories, or no more.
async fn open_to_group(run: &Context, open: bool) -> anyhow::Result<()> {
    let (releases, id) = (run.app.releases.clone(), run.facts.release.clone());
    tokio::task::spawn_blocking(move || releases.open_to_group(&id, open)).await?
}

/// Keeps the lines that a preparation prints, until there will be no more.
async fn keep_lines(run: &Context, mut lines: tokio::sync::mpsc::UnboundedReceiver<String>) {
    let mut beat = tokio::time::interval(PRINT_PAUSE);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut has_news = false;
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => {
                    run.app.print_line(run.run, line);
                    has_news = true;
                }
                None => break,
            },
            // Those who watch are not woken for each line.
            _ = beat.tick(), if has_news => {
                run.app.journal.touch();
                has_news = false;
            }
        }
    }
    run.app.journal.touch();
}
