//! What proves that the snapshots can be relied on: the restore drills, the laptop's copy, and the nights that gave none.

use leptos::prelude::*;

use crate::model::{Drill, Drills, FailedNight, Frame, Laptop, Pull};
use crate::parts::{self, Weight, ago, fact, facts, nothing, stamp, text};
use crate::words;

/// The last drill with all that it said, and the button for another one.
pub(super) fn drills(frame: &Frame, drills: &Drills, path: &str) -> AnyView {
    let last = drills.last.as_ref().map_or_else(
        || nothing("No snapshot was tried yet. A drill unpacks the newest one elsewhere, has SQLite check all of it, and counts its rows."),
        |drill| one(frame, drill),
    );
    let next = drills
        .next
        .map(|next| view! { <p class="soft small">"The next one comes by itself "{ago(frame, next)}"."</p> });
    let button = if drills.under_way {
        view! { <p class="refusal">"A drill is under way; what it finds appears here."</p> }
            .into_any()
    } else {
        parts::unless(drills.cannot_begin.as_deref(), || {
            parts::post(
                format!("{path}/drill"),
                "Try a restore now",
                Weight::Plain,
                None,
            )
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
    let of = drill
        .snapshot
        .map(|taken| view! { " with the snapshot of "{stamp(frame, taken)} });
    let took = words::span(drill.took);
    let said = match &drill.failed {
        Some(why) => view! {
            <p class="alarm">"No: the drill "{ago(frame, drill.at)}{of}" failed: "<bdi>{why.clone()}</bdi>"."</p>
            <p>"Back up now, then try again; if that fails as well, the disk may be failing."</p>
        }
        .into_any(),
        None => view! {
            <p>"Yes: it was tried "{ago(frame, drill.at)}{of}", and took "{took}". The data that the app uses was not touched."</p>
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
            <p class="alarm">"Look at this, in case it was not meant:"</p>
            <ul class="plain">{items}</ul>
        }
    });
    view! { {said}{warnings} }.into_any()
}

/// When the laptop was here, what it found, and what to do where it stays away.
pub(super) fn laptop(frame: &Frame, laptop: &Laptop) -> AnyView {
    let late = laptop.overdue.then(|| {
        let sentence = match &laptop.last {
            Some(pull) => view! { "The laptop has not pulled for "{parts::how_long(frame, pull.at)}"." }.into_any(),
            None => text("The laptop has never pulled."),
        };
        view! {
            <p class="alarm">{sentence}</p>
            <p>"Until it does, every snapshot is on this machine only. Switch it on, and run there: "<code>"tealkeep pull"</code></p>
        }
    });
    let known = match &laptop.last {
        Some(pull) => facts(pull_facts(frame, pull)),
        None if laptop.within.is_none() => nothing(
            "No laptop is expected here. A copy elsewhere is what is left when this machine is not.",
        ),
        None => nothing("No laptop has fetched the snapshots yet."),
    };
    let within = laptop.within.map(|within| {
        let hours = within.as_secs() / 3600;
        let hours = words::counted(hours, "hour", "hours");
        view! { <p class="soft small">"It is overdue after "{hours}" without a pull."</p> }
    });
    view! {
        <section class="card" aria-labelledby="laptop">
            <h2 id="laptop">"The copy on the laptop"</h2>
            {late}
            {known}
            {within}
        </section>
    }
    .into_any()
}

fn pull_facts(frame: &Frame, pull: &Pull) -> Vec<parts::Fact> {
    let mut rows = vec![
        fact("Last pull", ago(frame, pull.at)),
        fact("By", text(pull.laptop.clone())),
    ];
    if let Some(newest) = pull.newest {
        rows.push(fact("Its newest snapshot", stamp(frame, newest)));
    }
    let found = words::copy_found(pull).map_or_else(
        || text("it did not look"),
        |(found, bad)| {
            let class = if bad { "alarm" } else { "" };
            view! { <span class=class>{found}</span> }.into_any()
        },
    );
    rows.push(fact("What it found there", found));
    rows
}

/// The nights that gave no snapshot; nothing where there are none.
pub(super) fn failed_nights(nights: &[FailedNight]) -> Option<AnyView> {
    if nights.is_empty() {
        return None;
    }
    let items: Vec<_> = nights
        .iter()
        .map(|night| {
            let date = night.date.strftime("%a %-d %b %Y").to_string();
            let after = if night.made_good {
                " A later try gave one."
            } else {
                ""
            };
            view! { <li><b>{date}</b>": "<bdi>{night.why.clone()}</bdi>"."{after}</li> }
        })
        .collect();
    Some(
        view! {
            <section class="card" aria-labelledby="failed">
                <h2 id="failed">"Nights that failed"</h2>
                <ul class="plain">{items}</ul>
                <p class="soft small">"On a night that fails nothing is deleted, and the next night tries again."</p>
            </section>
        }
        .into_any(),
    )
}
