//! One run: how far it is or how it ended, each step, and why it failed.

use leptos::prelude::*;
use tealkeep_words::run::{Kind, Step, StepState};

use crate::content::Content;
use crate::model::{Frame, Run, RunPage};
use crate::parts::{self, Weight, ago, beads, fact, facts, stamp, steps, text};
use crate::wording::{self, segment};

pub(super) fn draw(frame: &Frame, page: &RunPage) -> Content {
    let run = &page.run;
    let name = parts::run_title(frame, run);
    let state = wording::run_state(run);
    let step = run
        .first_in(StepState::Running)
        .filter(|_| run.is_running());
    let step = step.map(|row| format!(" ({})", wording::step(row.step)));
    let title = format!("{}: {name} {state}{}", run.app, step.unwrap_or_default());
    let (section, all) = match run.kind {
        Kind::Deploy | Kind::Rollback => ("deploys", "All deploys"),
        Kind::Restore | Kind::Undo => ("backups", "All backups"),
    };
    let body = view! {
        <h1><bdi>{name}</bdi>" "<span class=format!("outcome {}", parts::outcome_class(run))>{state}</span></h1>
        <div class="columns">
            {progress(frame, run)}
            <section class="card" aria-labelledby="each">
                <h2 id="each">"Step by step"</h2>
                {steps(run)}
            </section>
        </div>
        {last_lines(run)}
        <div class="actions">
            {parts::go(format!("/apps/{}/{section}", segment(&run.app)), all, Weight::Plain)}
        </div>
    };
    Content::wide(title, body.into_any()).busy(run.is_running())
}

fn progress(frame: &Frame, run: &Run) -> AnyView {
    let sentence = (!run.sentence.is_empty())
        .then(|| view! { <p class="lead"><bdi>{run.sentence.clone()}</bdi></p> });
    view! {
        <section class="card" aria-labelledby="progress">
            <h2 id="progress">"Progress"</h2>
            {beads(run)}
            {sentence}
            {failure(run)}
            {findings(run)}
            {facts(run_facts(frame, run))}
        </section>
    }
    .into_any()
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

/// A link to the findings, if they are why the run stopped.
fn findings(run: &Run) -> Option<AnyView> {
    let stopped = run
        .steps
        .iter()
        .any(|row| row.step == Step::Policy && row.state == StepState::Failed);
    stopped.then(|| {
        let href = format!("/apps/{}/checks", segment(&run.app));
        let link = parts::go(href, "See the findings", Weight::Primary);
        view! { <div class="actions">{link}</div> }.into_any()
    })
}

fn last_lines(run: &Run) -> Option<AnyView> {
    (!run.last_lines.is_empty()).then(|| {
        let lines = run.last_lines.join("\n");
        view! {
            <section class="card" aria-labelledby="lines">
                <h2 id="lines">"Last output of the release"</h2>
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
        rows.push(fact("Took", text(wording::span(took))));
    }
    if matches!(run.kind, Kind::Restore | Kind::Undo) {
        let id = run.subject.clone();
        rows.push(fact(
            "Backup",
            view! { <code><bdi>{id}</bdi></code> }.into_any(),
        ));
    }
    rows
}
