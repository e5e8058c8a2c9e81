//! The list of snapshots: each folded to one line, with why it is kept and its buttons inside.

use leptos::prelude::*;
use tealkeep_words::snapshot::Reason;

use crate::model::{Frame, Snapshot};
use crate::parts::{self, Fact, Weight, ago, fact, facts, nothing, stamp, text};
use crate::wording::{self, segment};

/// Every snapshot, in the order given.
pub(super) fn list(frame: &Frame, path: &str, snapshots: &[Snapshot]) -> AnyView {
    if snapshots.is_empty() {
        return nothing("No backup yet. The first one appears here once it is verified.");
    }
    let items: Vec<_> = snapshots
        .iter()
        .enumerate()
        .map(|(at, snapshot)| item(frame, path, snapshot, at == 0))
        .collect();
    view! { <ul class="snapshots">{items}</ul> }.into_any()
}

fn item(frame: &Frame, path: &str, snapshot: &Snapshot, open: bool) -> AnyView {
    let own = format!("{path}/snapshots/{}", segment(&snapshot.id));
    let restore = parts::unless(snapshot.cannot_restore.as_deref(), || {
        parts::go(format!("{own}/restore"), "Restore…", Weight::Plain)
    });
    let pin = if snapshot.pinned {
        parts::post(format!("{own}/unpin"), "Unpin", Weight::Plain, None)
    } else {
        parts::post(format!("{own}/pin"), "Pin", Weight::Plain, None)
    };
    let size = wording::size(snapshot.bytes);
    view! {
        <li id=anchor(&snapshot.id)>
            <details id=format!("d-{}", snapshot.id) open=open>
                <summary>
                    <span class="when">{stamp(frame, snapshot.taken)}</span>
                    <span class="soft size">{size}</span>
                    <span class="chips">{chips(snapshot)}</span>
                </summary>
                <div class="inside">
                    <p><bdi>{snapshot.fate.clone()}</bdi></p>
                    {facts(details(frame, snapshot))}
                    <div class="actions row">{restore}{pin}</div>
                </div>
            </details>
        </li>
    }
    .into_any()
}

/// The `id` that the links of the calendar point to.
pub(super) fn anchor(id: &str) -> String {
    format!("s-{id}")
}

/// Why a snapshot was taken, its tiers, and what is special about it.
fn chips(snapshot: &Snapshot) -> AnyView {
    let tiers: Vec<_> = snapshot
        .tiers
        .iter()
        .map(|tier| view! { <span class=format!("chip {}", tier.as_str())>{tier.as_str()}</span> })
        .collect();
    let pinned = snapshot
        .pinned
        .then(|| view! { <span class="chip pinned">"pinned"</span> });
    let unverified = snapshot
        .verified
        .is_none()
        .then(|| view! { <span class="chip bad">"not verified"</span> });
    view! { <span class="chip">{reason(snapshot.reason)}</span>{tiers}{pinned}{unverified} }
        .into_any()
}

/// The facts about a snapshot.
fn details(frame: &Frame, snapshot: &Snapshot) -> Vec<Fact> {
    let mut rows: Vec<Fact> = vec![fact("Taken", ago(frame, snapshot.taken))];
    rows.push(fact(
        "Verified",
        snapshot
            .verified
            .map_or_else(|| text("not yet"), |at| ago(frame, at)),
    ));
    if let Some(bytes) = snapshot.database_bytes {
        rows.push(fact("Database", text(wording::size(bytes))));
    }
    if let Some(rows_total) = snapshot.rows {
        rows.push(fact("Rows", text(wording::count(rows_total))));
    }
    if let Some(release) = &snapshot.release {
        rows.push(fact("Release", text(release.clone())));
    }
    let id = snapshot.id.clone();
    rows.push(fact(
        "ID",
        view! { <code><bdi>{id}</bdi></code> }.into_any(),
    ));
    rows
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Nightly => "nightly",
        Reason::Manual => "manual",
        Reason::BeforeDeploy => "before a deploy",
        Reason::BeforeRestore => "before a restore",
    }
}
