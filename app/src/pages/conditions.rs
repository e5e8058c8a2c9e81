//! The conditions on the first page: each with one sentence and one button; what there is to know besides, and the
//! form by which a person says that they can live with it, are folded behind it.

use leptos::prelude::*;

use crate::model::{Action, Condition, ConditionSeverity, Frame, Method};
use crate::parts::{self, Weight, stamp};
use crate::words;

/// How many are shown before the rest is folded.
const MAX_SHOWN: usize = 3;

/// Whether a person should do something about it.
fn needs_a_person(condition: &Condition) -> bool {
    condition.severity != ConditionSeverity::Hint && condition.acknowledged.is_none()
}

/// The gravest condition, which the sentence at the top tells; `None` where all is well.
pub(super) fn gravest(all: &[Condition]) -> Option<&Condition> {
    all.first().filter(|first| needs_a_person(first))
}

/// What needs a person besides the gravest, which the sentence at the top tells.
pub(super) fn others(frame: &Frame, all: &[Condition]) -> Option<AnyView> {
    let others: Vec<_> = all
        .iter()
        .filter(|one| needs_a_person(one))
        .skip(1)
        .collect();
    section(frame, "also", "This needs a look, too", &others)
}

/// Hints, and what somebody can live with.
pub(super) fn notes(frame: &Frame, all: &[Condition]) -> Option<AnyView> {
    let notes: Vec<_> = all.iter().filter(|one| !needs_a_person(one)).collect();
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
        view! { <ul class="conditions">{rows}</ul> }
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
        (ConditionSeverity::Hint, None) => ("hint", "Hint"),
        (ConditionSeverity::Warning, None) => ("warning", "Warning"),
        (ConditionSeverity::Failure, None) => ("failure", "Failure"),
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
    match action.method {
        Method::Get => parts::go(action.href.clone(), action.label.clone(), weight),
        Method::Post => parts::post(action.href.clone(), action.label.clone(), weight, None),
    }
}

/// What there is to know besides the sentence.
pub(super) fn more(frame: &Frame, condition: &Condition) -> AnyView {
    let since = condition
        .since
        .map(|since| view! { <p class="soft small">"Known since "{stamp(frame, since)}"."</p> });
    let acknowledged = condition.acknowledged.as_ref().map(|(at, by)| {
        view! {
            <p class="soft small">"Acknowledged "{stamp(frame, *at)}" by "<bdi>{by.clone()}</bdi>"."</p>
        }
    });
    let acknowledge = condition.acknowledge.clone().map(|label| {
        let field = Some(("condition", condition.id.clone()));
        parts::post(
            "/conditions/acknowledge".to_owned(),
            label,
            Weight::Plain,
            field,
        )
    });
    view! {
        <details id=format!("c-{}", words::segment(&condition.id))>
            <summary>"More"</summary>
            <p><bdi>{condition.detail.clone()}</bdi></p>
            {since}
            {acknowledged}
            {acknowledge}
        </details>
    }
    .into_any()
}
