//! The small parts that several pages are put together from.

use std::borrow::Cow;

use jiff::Timestamp;
use leptos::prelude::*;

use crate::model::{Colour, Drill, Frame, Laptop, NextRun, SnapshotBrief};
use crate::words;

mod beads;
mod finding;
mod run;

pub(crate) use beads::{beads, steps};
pub(crate) use finding::{acceptance, check_line, finding, outcome, target};
pub(crate) use run::{run_card, run_path, run_title};

/// A label and what stands beside it.
pub(crate) type Fact = (Cow<'static, str>, AnyView);

/// One pair for [`facts`].
pub(crate) fn fact(label: impl Into<Cow<'static, str>>, value: AnyView) -> Fact {
    (label.into(), value)
}

/// Pairs of label and value.
pub(crate) fn facts(facts: Vec<Fact>) -> AnyView {
    let rows: Vec<_> = facts
        .into_iter()
        .map(|(label, value)| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
        .collect();
    view! { <dl class="facts">{rows}</dl> }.into_any()
}

/// Plain text as a view, kept apart from the direction of the text around it.
pub(crate) fn text(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <bdi>{text}</bdi> }.into_any()
}

/// "3 minutes ago"; the script keeps it true.
pub(crate) fn ago(frame: &Frame, at: Timestamp) -> AnyView {
    relative(frame, at, "ago", words::ago(frame.now, at))
}

/// "3 minutes", for how long something has been so; the script keeps it true.
pub(crate) fn how_long(frame: &Frame, since: Timestamp) -> AnyView {
    relative(frame, since, "for", words::how_long(frame.now, since))
}

fn relative(frame: &Frame, at: Timestamp, how: &'static str, worded: String) -> AnyView {
    view! {
        <time datetime=at.to_string() title=words::exact(&frame.zone, at) data-rel=how>{worded}</time>
    }
    .into_any()
}

/// "Sat 21 Nov, 03:30"
pub(crate) fn stamp(frame: &Frame, at: Timestamp) -> AnyView {
    let worded = words::date_time(frame.now, &frame.zone, at);
    view! { <time datetime=at.to_string() title=words::exact(&frame.zone, at)>{worded}</time> }
        .into_any()
}

/// A dot in the colour, and its word: never the colour alone.
pub(crate) fn colour(colour: Colour) -> AnyView {
    let class = match colour {
        Colour::Blue => "colour blue",
        Colour::Green => "colour green",
    };
    view! { <span class=class><i aria-hidden="true"></i>{colour.as_str()}</span> }.into_any()
}

/// How safe an app's data is: the newest proven copy, the copy elsewhere, the last drill, and what comes next.
pub(crate) fn backup_facts(
    frame: &Frame,
    latest: Option<&SnapshotBrief>,
    laptop: &Laptop,
    drill: Option<&Drill>,
    next: Option<&NextRun>,
) -> Vec<Fact> {
    let latest = latest.map_or_else(
        || text("none yet"),
        |brief| {
            let size = words::size(brief.bytes);
            view! { {ago(frame, brief.taken)}<span class="whole soft">" · "{size}</span> }
                .into_any()
        },
    );
    let next = next.map(|next| {
        let what = next.what.clone();
        fact(
            "Next run",
            view! { <bdi>{what}</bdi>" "{ago(frame, next.at)} }.into_any(),
        )
    });
    let mut rows = vec![
        fact("Verified snapshot", latest),
        fact("The laptop's last pull", pulled(frame, laptop)),
        fact("Last restore drill", drilled(frame, drill)),
    ];
    rows.extend(next);
    rows
}

/// When a laptop last pulled, what it found, and whether that is too long ago.
fn pulled(frame: &Frame, laptop: &Laptop) -> AnyView {
    let overdue = laptop
        .overdue
        .then(|| view! { <b class="whole alarm">" · overdue"</b> });
    match &laptop.last {
        None if laptop.within.is_none() => text("none expected"),
        None => view! { "no pull seen yet"{overdue} }.into_any(),
        Some(pull) => {
            let found = words::copy_found(pull).map(|(found, bad)| outcome_note(found, bad));
            view! { {ago(frame, pull.at)}{overdue}{found} }.into_any()
        }
    }
}

fn drilled(frame: &Frame, drill: Option<&Drill>) -> AnyView {
    drill.map_or_else(
        || text("none yet"),
        |drill| {
            let (outcome, bad) = words::drill_outcome(drill);
            view! { {ago(frame, drill.at)}{outcome_note(outcome, bad)} }.into_any()
        },
    )
}

/// A short word behind a fact, loud where somebody should look.
fn outcome_note(said: String, bad: bool) -> AnyView {
    let class = if bad { "whole alarm" } else { "whole soft" };
    view! { <span class=class>" · "{said}</span> }.into_any()
}

/// How much a button asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// The one to press.
    Primary,
    /// One of several.
    Plain,
    /// It changes what users see, or their data.
    Danger,
}

impl Weight {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Weight::Primary => "button primary",
            Weight::Plain => "button",
            Weight::Danger => "button danger",
        }
    }
}

/// A button that acts: a form of its own, with an optional field that goes along.
pub(crate) fn post(
    action: String,
    label: impl Into<String>,
    weight: Weight,
    field: Option<(&'static str, String)>,
) -> AnyView {
    let label: String = label.into();
    let field = field.map(|(name, value)| view! { <input type="hidden" name=name value=value/> });
    view! {
        <form method="post" action=action>
            {field}
            <button class=weight.class()><bdi>{label}</bdi></button>
        </form>
    }
    .into_any()
}

/// A link that looks like a button: it leads to a page that asks first.
pub(crate) fn go(href: String, label: impl Into<String>, weight: Weight) -> AnyView {
    let label: String = label.into();
    view! { <a class=weight.class() href=href><bdi>{label}</bdi></a> }.into_any()
}

/// What stands in a button's place when it can't be pressed: the reason, in words.
pub(crate) fn refusal(reason: &str) -> AnyView {
    view! { <p class="refusal"><bdi>{reason.to_owned()}</bdi></p> }.into_any()
}

/// The button, or else why there is none.
pub(crate) fn unless(reason: Option<&str>, button: impl FnOnce() -> AnyView) -> AnyView {
    reason.map_or_else(button, refusal)
}

/// A sentence that says that there is nothing to show yet.
pub(crate) fn nothing(sentence: impl Into<String>) -> AnyView {
    let sentence: String = sentence.into();
    view! { <p class="nothing">{sentence}</p> }.into_any()
}
