//! One run: how far it is or how it ended, each step, and the reason of a failure.

use leptos::prelude::*;

use super::Drawn;
use crate::model::{Frame, Run, RunKind, RunOutcome, RunPage, StepState};
use crate::parts::{self, Weight, ago, beads, fact, facts, stamp, steps, text};
use crate::words::{self, segment};

pub(super) fn draw(frame: &Frame, page: &RunPage) -> Drawn {
    let run = &page.run;
    let name = parts::run_title(frame, run);
    let title = format!("{}: {name} {}", run.app, state(run));
    let (word, class) = match run.outcome {
        RunOutcome::Running => ("under way", "outcome running"),
        RunOutcome::Succeeded => ("done", "outcome succeeded"),
        RunOutcome::Failed => ("failed", "outcome failed"),
        RunOutcome::Undone => ("failed, and put back", "outcome undone"),
    };
    let sentence = (!run.sentence.is_empty())
        .then(|| view! { <p class="lead"><bdi>{run.sentence.clone()}</bdi></p> });
    let back = match run.kind {
        RunKind::Deploy | RunKind::Rollback => ("deploys", "All deploys"),
        RunKind::Restore | RunKind::Undo | RunKind::Backup => ("backups", "All backups"),
    };
    let content = view! {
        <h1><bdi>{name}</bdi>" "<span class=class>{word}</span></h1>
        <div class="columns">
            <section class="card" aria-labelledby="progress">
                <h2 id="progress">"Progress"</h2>
                {beads(run)}
                {sentence}
                {failure(run)}
                {found(run)}
                {facts(run_facts(frame, run))}
            </section>
            <section class="card" aria-labelledby="each">
                <h2 id="each">"Step by step"</h2>
                {steps(run)}
            </section>
        </div>
        {last_lines(run)}
        <div class="actions">
            {parts::go(format!("/apps/{}/{}", segment(&run.app), back.0), back.1, Weight::Plain)}
        </div>
    };
    Drawn::showing(title, content.into_any()).busy(run.outcome == RunOutcome::Running)
}

fn state(run: &Run) -> String {
    match run.outcome {
        RunOutcome::Running => run
            .steps
            .iter()
            .find(|step| step.state == StepState::Running)
            .map_or_else(
                || "under way".to_owned(),
                |step| format!("is at {}", step.name),
            ),
        RunOutcome::Succeeded => "done".to_owned(),
        RunOutcome::Failed => "failed".to_owned(),
        RunOutcome::Undone => "failed and was put back".to_owned(),
    }
}

fn failure(run: &Run) -> Option<AnyView> {
    let why = run.failure.clone()?;
    Some(
        view! {
            <div class="why">
                <h3>"Why it failed"</h3>
                <p><bdi>{why}</bdi></p>
            </div>
        }
        .into_any(),
    )
}

/// The way to what a policy found, where that is why the run stopped.
fn found(run: &Run) -> Option<AnyView> {
    let stopped = run
        .steps
        .iter()
        .any(|step| step.name == "policy" && step.state == StepState::Failed);
    stopped.then(|| {
        let href = format!("/apps/{}/checks", segment(&run.app));
        let link = parts::go(href, "See what was found", Weight::Primary);
        view! { <div class="actions">{link}</div> }.into_any()
    })
}

fn last_lines(run: &Run) -> Option<AnyView> {
    (!run.last_lines.is_empty()).then(|| {
        let lines = run.last_lines.join("\n");
        view! {
            <section class="card" aria-labelledby="lines">
                <h2 id="lines">"The last lines that the release printed"</h2>
                <pre tabindex="0" dir="auto">{lines}</pre>
            </section>
        }
        .into_any()
    })
}

fn run_facts(frame: &Frame, run: &Run) -> Vec<parts::Fact> {
    let mut rows = vec![
        fact("App", text(run.app.clone())),
        fact(
            "Began",
            view! { {stamp(frame, run.started)}<span class="soft">" · "{ago(frame, run.started)}</span> }
                .into_any(),
        ),
    ];
    if let Some(took) = run.took {
        rows.push(fact("Took", text(words::span(took))));
    }
    rows
}
