//! The small parts that several pages share.

use std::borrow::Cow;

use jiff::Timestamp;
use leptos::prelude::*;
use tealkeep_words::names::Colour;

use crate::model::{Drill, Frame, Laptop, SnapshotBrief};
use crate::wording;

mod beads;
mod finding;
mod password;
mod run;

pub(crate) use beads::{beads, steps};
pub(crate) use finding::{acceptance, check_line, finding, outcome, target};
pub(crate) use password::{password_field, password_hint, problem, user_name};
pub(crate) use run::{outcome_class, run_card, run_title, running};

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

/// Plain text as a view, isolated from the direction of the text around it.
pub(crate) fn text(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <bdi>{text}</bdi> }.into_any()
}

/// "3 minutes ago"; the script keeps it current.
pub(crate) fn ago(frame: &Frame, at: Timestamp) -> AnyView {
    relative(frame, at, "ago", wording::ago(frame.now, at))
}

/// "3 minutes", for how long something has lasted; the script keeps it current.
pub(crate) fn how_long(frame: &Frame, since: Timestamp) -> AnyView {
    relative(frame, since, "for", wording::how_long(frame.now, since))
}

fn relative(frame: &Frame, at: Timestamp, how: &'static str, worded: String) -> AnyView {
    view! {
        <time datetime=at.to_string() title=wording::exact(&frame.zone, at) data-rel=how>{worded}</time>
    }
    .into_any()
}

/// "Sat 21 Nov, 03:30"
pub(crate) fn stamp(frame: &Frame, at: Timestamp) -> AnyView {
    let worded = wording::date_time(frame.now, &frame.zone, at);
    view! { <time datetime=at.to_string() title=wording::exact(&frame.zone, at)>{worded}</time> }
        .into_any()
}

/// A dot in the colour with its name: never the colour alone.
pub(crate) fn colour(colour: Colour) -> AnyView {
    let class = match colour {
        Colour::Blue => "colour blue",
        Colour::Green => "colour green",
    };
    view! { <span class=class><i aria-hidden="true"></i>{colour.as_str()}</span> }.into_any()
}

/// How safe an app's data is: the newest verified backup, the copy on the laptop, the last drill, the next backup.
pub(crate) fn backup_facts(
    frame: &Frame,
    latest: Option<&SnapshotBrief>,
    laptop: &Laptop,
    drill: Option<&Drill>,
    next: Option<Timestamp>,
) -> Vec<Fact> {
    let latest = latest.map_or_else(
        || text("none yet"),
        |brief| {
            let size = wording::size(brief.bytes);
            view! { {ago(frame, brief.taken)}<span class="whole soft">" · "{size}</span> }
                .into_any()
        },
    );
    let next = next.map(|next| fact("Next nightly backup", ago(frame, next)));
    let mut rows = vec![
        fact("Newest backup", latest),
        fact("Copy on the laptop", pulled(frame, laptop)),
        fact("Last restore drill", drilled(frame, drill)),
    ];
    rows.extend(next);
    rows
}

/// When a laptop last pulled, the state of its copy, and whether that is too long ago.
fn pulled(frame: &Frame, laptop: &Laptop) -> AnyView {
    let overdue = laptop
        .overdue
        .then(|| view! { <b class="whole alarm">" · overdue"</b> });
    match &laptop.last {
        None if laptop.within.is_none() => text("not set up"),
        None => view! { "none yet"{overdue} }.into_any(),
        Some(pull) => {
            let found = wording::copy_outcome(pull).map(|(state, bad)| outcome_note(state, bad));
            view! { {ago(frame, pull.at)}{overdue}{found} }.into_any()
        }
    }
}

fn drilled(frame: &Frame, drill: Option<&Drill>) -> AnyView {
    drill.map_or_else(
        || text("none yet"),
        |drill| {
            let (outcome, bad) = wording::drill_outcome(drill);
            view! { {ago(frame, drill.at)}{outcome_note(outcome, bad)} }.into_any()
        },
    )
}

/// A short note after a fact, highlighted if somebody should look.
fn outcome_note(note: String, bad: bool) -> AnyView {
    let class = if bad { "whole alarm" } else { "whole soft" };
    view! { <span class=class>" · "{note}</span> }.into_any()
}

/// How prominent a button is.
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

/// A button that acts: a form of its own, with an optional hidden field.
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

/// Why there is no button.
pub(crate) fn refusal(reason: &str) -> AnyView {
    view! { <p class="refusal"><bdi>{reason.to_owned()}</bdi></p> }.into_any()
}

/// The button, or why there is none.
pub(crate) fn unless(reason: Option<&str>, button: impl FnOnce() -> AnyView) -> AnyView {
    reason.map_or_else(button, refusal)
}

/// A sentence in place of a list that is still empty.
pub(crate) fn nothing(sentence: impl Into<String>) -> AnyView {
    let sentence: String = sentence.into();
    view! { <p class="nothing">{sentence}</p> }.into_any()
}
