//! Whether the backups can be relied on: the restore drills, the copy on the laptop, and the nights that failed.

use leptos::prelude::*;

use crate::model::{Drill, Drills, FailedNight, Frame, Laptop, Pull};
use crate::parts::{self, Weight, ago, fact, facts, nothing, stamp, text};
use crate::wording;

/// The last drill with its result, and the button for another one.
pub(super) fn drills(frame: &Frame, drills: &Drills, path: &str) -> AnyView {
    let last = drills.last.as_ref().map_or_else(
        || {
            nothing(
                "No restore drill yet. A drill unpacks the newest backup elsewhere, lets SQLite check all of it, and \
                 counts its rows.",
            )
        },
        |drill| one(frame, drill),
    );
    let next = drills.next.map(
        |next| view! { <p class="soft small">"The next drill runs "{ago(frame, next)}"."</p> },
    );
    let button = if drills.under_way {
        parts::refusal("A restore drill is running. Its result will appear here.")
    } else {
        parts::unless(drills.cannot_begin.as_deref(), || {
            let action = format!("{path}/drill");
            parts::post(action, "Try a restore now", Weight::Plain, None)
        })
    };
    view! {
        <section class="card" aria-labelledby="drills">
            <h2 id="drills">"Would a restore work?"</h2>
            {last}
            {next}
            <div class="actions">{button}</div>
        </section>
    }
    .into_any()
}

fn one(frame: &Frame, drill: &Drill) -> AnyView {
    let backup = drill
        .snapshot
        .map(|taken| view! { " with the backup of "{stamp(frame, taken)} });
    let took = wording::span(drill.took);
    let outcome = match &drill.failed {
        Some(why) => view! {
            <p class="alarm">"No: the drill "{ago(frame, drill.at)}{backup}" failed: "<bdi>{why.clone()}</bdi>"."</p>
            <p>"Back up now, then try again. If that fails too, the disk may be failing."</p>
        }
        .into_any(),
        None => view! {
            <p>"Yes: a drill "{ago(frame, drill.at)}{backup}" succeeded in "{took}". It did not touch the app's data."</p>
        }
        .into_any(),
    };
    let warnings = (!drill.warnings.is_empty()).then(|| {
        let items: Vec<_> = drill
            .warnings
            .iter()
            .map(|warning| view! { <li><bdi>{warning.clone()}</bdi></li> })
            .collect();
        view! {
            <p class="alarm">"Check whether this was intended:"</p>
            <ul class="plain">{items}</ul>
        }
    });
    view! { {outcome}{warnings} }.into_any()
}

/// When the laptop last pulled, the state of its copy, and what to do if it is overdue.
pub(super) fn laptop(frame: &Frame, laptop: &Laptop) -> AnyView {
    let known = match &laptop.last {
        Some(pull) => facts(pull_facts(frame, pull)),
        None if laptop.within.is_none() => nothing(
            "No laptop is set up to copy the backups. If this machine fails, only a copy elsewhere is left.",
        ),
        None => nothing("No laptop has copied the backups yet."),
    };
    let within = laptop.within.map(|within| {
        let hours = within.as_secs() / 3600;
        let hours = wording::counted(hours, "hour", "hours");
        view! { <p class="soft small">"The copy is overdue after "{hours}"."</p> }
    });
    view! {
        <section class="card" aria-labelledby="laptop">
            <h2 id="laptop">"The copy on the laptop"</h2>
            {laptop.overdue.then(|| overdue(frame, laptop))}
            {known}
            {within}
        </section>
    }
    .into_any()
}

fn overdue(frame: &Frame, laptop: &Laptop) -> AnyView {
    let sentence = match &laptop.last {
        Some(pull) => {
            view! { "The laptop has not copied the backups for "{parts::how_long(frame, pull.at)}"." }
                .into_any()
        }
        None => text("The laptop has never copied the backups."),
    };
    view! {
        <p class="alarm">{sentence}</p>
        <p>"Newer backups exist on this machine only. Switch the laptop on and run there: "<code>"tealkeep pull"</code></p>
    }
    .into_any()
}

fn pull_facts(frame: &Frame, pull: &Pull) -> Vec<parts::Fact> {
    let mut rows = vec![
        fact("Last copy", ago(frame, pull.at)),
        fact("By", text(pull.laptop.clone())),
    ];
    if let Some(newest) = pull.newest {
        rows.push(fact("Newest backup there", stamp(frame, newest)));
    }
    let outcome = wording::copy_outcome(pull).map_or_else(
        || text("not verified"),
        |(outcome, is_bad)| {
            let class = if is_bad { "alarm" } else { "" };
            view! { <span class=class>{outcome}</span> }.into_any()
        },
    );
    rows.push(fact("Backups there", outcome));
    rows
}

/// The nights that failed; `None` if none did.
pub(super) fn failed_nights(nights: &[FailedNight]) -> Option<AnyView> {
    if nights.is_empty() {
        return None;
    }
    let items: Vec<_> = nights
        .iter()
        .map(|night| {
            let date = night.date.strftime("%a %-d %b %Y").to_string();
            let later = night.made_good.then_some(" A later attempt succeeded.");
            view! { <li><b>{date}</b>": "<bdi>{night.why.clone()}</bdi>"."{later}</li> }
        })
        .collect();
    Some(
        view! {
            <section class="card" aria-labelledby="failed">
                <h2 id="failed">"Failed nights"</h2>
                <ul class="plain">{items}</ul>
                <p class="soft small">"After a failed night nothing is deleted, and the next night tries again."</p>
            </section>
        }
        .into_any(),
    )
}
