//! Confirming a restore or its undo: what will happen, how long it takes, and that it can be undone.

use std::time::Duration;

use leptos::prelude::*;

use crate::content::Content;
use crate::model::{ConfirmRestore, ConfirmUndo, Frame, Snapshot};
use crate::parts::{self, Fact, Weight, ago, fact, facts, text};
use crate::wording::{self, segment};

/// Asks whether a snapshot's content should become the live data.
pub(super) fn draw(frame: &Frame, page: &ConfirmRestore) -> Content {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let snapshot = &page.snapshot;
    let taken = wording::in_a_sentence(frame.now, &frame.zone, snapshot.taken);
    let release = page.live_release.clone().map(|release| {
        view! { <li>"Then Tealkeep starts "<b><bdi>{release}</bdi></b>" again, on the other colour."</li> }
    });
    let button = parts::unless(snapshot.cannot_restore.as_deref(), || {
        let action = format!("{path}/snapshots/{}/restore", segment(&snapshot.id));
        parts::post(action, "Restore this backup", Weight::Danger, None)
    });
    let body = view! {
        <h1>"Restore "<bdi>{app.clone()}</bdi>"?"</h1>
        <section class="card ask">
            <p class="lead">
                "The data of "<bdi>{app}</bdi>" will become what it was "<b>{taken}</b>", "
                {ago(frame, snapshot.taken)}". What was written since then will no longer be in the app."
            </p>
            <ul>
                <li>
                    "First, Tealkeep backs up the current data and pins that backup: "
                    <b>"this can be undone"</b>" with one button on the backups page."
                </li>
                <li>{interruption(page.requests_wait, page.estimate)}</li>
                {release}
            </ul>
            {facts(compare(snapshot, page.rows_now))}
            {actions(button, &path)}
        </section>
    };
    let title = format!(
        "Restore {} to {}?",
        page.app,
        wording::date_time(frame.now, &frame.zone, snapshot.taken)
    );
    Content::narrow(title, body.into_any())
}

/// Asks whether the last restore should be undone.
pub(super) fn undo(frame: &Frame, page: &ConfirmUndo) -> Content {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let restored_at = wording::in_a_sentence(frame.now, &frame.zone, page.offer.restored_at);
    let restored_to = wording::in_a_sentence(frame.now, &frame.zone, page.offer.restored_to);
    let button = parts::unless(page.offer.cannot_undo.as_deref(), || {
        let action = format!("{path}/undo");
        parts::post(action, "Undo the restore", Weight::Danger, None)
    });
    let body = view! {
        <h1>"Undo the restore of "<bdi>{app.clone()}</bdi>"?"</h1>
        <section class="card ask">
            <p class="lead">
                "The data of "<bdi>{app}</bdi>" will become what it was just before the restore that was done "
                <b>{restored_at}</b>". That restore brought back the data as it was "{restored_to}"."
            </p>
            <ul>
                <li>"What was written since the restore will no longer be in the app."</li>
                <li>
                    "First, Tealkeep backs up the current data and pins that backup: "
                    <b>"this too can be undone"</b>"."
                </li>
                <li>{interruption(page.requests_wait, page.estimate)}</li>
            </ul>
            {facts(compare(&page.snapshot, None))}
            {actions(button, &path)}
        </section>
    };
    Content::narrow(
        format!("Undo the restore of {}?", page.app),
        body.into_any(),
    )
}

fn actions(button: AnyView, path: &str) -> AnyView {
    view! {
        <div class="actions">
            {button}
            {parts::go(format!("{path}/backups"), "Cancel", Weight::Plain)}
        </div>
    }
    .into_any()
}

/// What the household notices.
fn interruption(requests_wait: bool, estimate: Option<Duration>) -> String {
    let takes = estimate.map(|estimate| format!("This takes {}. ", wording::about(estimate)));
    let takes = takes.unwrap_or_default();
    if requests_wait {
        format!("{takes}Requests wait until it is done; none will fail.")
    } else {
        format!(
            "The database is large. {takes}Everybody sees the maintenance page until it is done."
        )
    }
}

/// What the snapshot contains, with the current number of rows beside its own.
fn compare(snapshot: &Snapshot, rows_now: Option<u64>) -> Vec<Fact> {
    let mut rows = vec![fact("Backup file", text(wording::size(snapshot.bytes)))];
    rows.extend(
        snapshot
            .release
            .clone()
            .map(|release| fact("Release then", text(release))),
    );
    rows.extend(
        snapshot
            .rows
            .map(|then| fact("Rows then", text(wording::count(then)))),
    );
    rows.extend(rows_now.map(|now| fact("Rows now", text(wording::count(now)))));
    rows
}
