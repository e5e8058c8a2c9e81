//! The conditions on the first page: each with one sentence and one button. Everything else about it is folded,
//! including the form that acknowledges it.

use leptos::prelude::*;
use tealkeep_words::condition::{Action, Condition, Severity};

use crate::model::Frame;
use crate::parts::{self, Weight, stamp};
use crate::wording;

/// How many are shown before the rest is folded.
const MAX_SHOWN: usize = 3;

/// The gravest condition, which the sentence at the top reports; `None` if all is well.
pub(super) fn gravest(all: &[Condition]) -> Option<&Condition> {
    all.first().filter(|first| first.needs_a_person())
}

/// The other conditions that need a person.
pub(super) fn others(frame: &Frame, all: &[Condition]) -> Option<AnyView> {
    let others: Vec<_> = all
        .iter()
        .filter(|one| one.needs_a_person())
        .skip(1)
        .collect();
    section(frame, "also", "Also needs attention", &others)
}

/// Hints and acknowledged conditions.
pub(super) fn notes(frame: &Frame, all: &[Condition]) -> Option<AnyView> {
    let notes: Vec<_> = all.iter().filter(|one| !one.needs_a_person()).collect();
    section(frame, "notes", "Good to know", &notes)
}

fn section(
    frame: &Frame,
    id: &'static str,
    heading: &'static str,
    all: &[&Condition],
) -> Option<AnyView> {
    if all.is_empty() {
        return None;
    }
    let list = |some: &[&Condition]| {
        let rows: Vec<_> = some.iter().map(|one| row(frame, one)).collect();
        view! { <ul class="conditions">{rows}</ul> }.into_any()
    };
    let (shown, folded) = all.split_at(all.len().min(MAX_SHOWN));
    let folded = (!folded.is_empty()).then(|| {
        view! {
            <details id=format!("{id}-more")>
                <summary>{format!("and {} more", folded.len())}</summary>
                {list(folded)}
            </details>
        }
    });
    Some(
        view! {
            <section class="card" aria-labelledby=id>
                <h2 id=id>{heading}</h2>
                {list(shown)}
                {folded}
            </section>
        }
        .into_any(),
    )
}

fn row(frame: &Frame, condition: &Condition) -> AnyView {
    let (class, word) = match (condition.severity, &condition.acknowledged) {
        (_, Some(_)) => ("known", "Acknowledged"),
        (Severity::Hint, None) => ("hint", "Hint"),
        (Severity::Warning, None) => ("warning", "Warning"),
        (Severity::Failure, None) => ("failure", "Failure"),
    };
    view! {
        <li class=class>
            <p><span class="unseen">{word}": "</span><bdi>{condition.sentence.clone()}</bdi></p>
            {press(&condition.action, Weight::Plain)}
            {more(frame, condition)}
        </li>
    }
    .into_any()
}

/// The button of an action.
pub(super) fn press(action: &Action, weight: Weight) -> AnyView {
    let (path, label) = (action.path.clone(), action.label.clone());
    if action.acts {
        parts::post(path, label, weight, None)
    } else {
        parts::go(path, label, weight)
    }
}

/// The details of a condition, folded.
pub(super) fn more(frame: &Frame, condition: &Condition) -> AnyView {
    let since = condition
        .since
        .map(|since| view! { <p class="soft small">"Since "{stamp(frame, since)}"."</p> });
    let acknowledged = condition.acknowledged.as_ref().map(|by| {
        view! {
            <p class="soft small">"Acknowledged "{stamp(frame, by.at)}" by "<bdi>{by.by.clone()}</bdi>"."</p>
        }
    });
    let id = condition.key.to_string();
    let anchor = format!("c-{}", wording::segment(&id));
    view! {
        <details id=anchor>
            <summary>"More"</summary>
            <p><bdi>{condition.text.clone()}</bdi></p>
            {since}
            {acknowledged}
            {acknowledge(condition, id)}
        </details>
    }
    .into_any()
}

/// The button that acknowledges a condition; `None` if it can't be acknowledged.
fn acknowledge(condition: &Condition, id: String) -> Option<AnyView> {
    let label = if condition.key.kind.is_of_a_run() {
        "Mark as seen"
    } else {
        "I know, that is fine"
    };
    condition.can_be_acknowledged().then(|| {
        parts::post(
            "/conditions/acknowledge".to_owned(),
            label,
            Weight::Plain,
            Some(("condition", id)),
        )
    })
}
