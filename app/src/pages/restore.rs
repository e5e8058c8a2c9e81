//! Asking before data is put back: what will happen, how long it takes, and that it can be undone.

use std::time::Duration;

use leptos::prelude::*;

use super::Drawn;
use crate::model::{ConfirmRestore, ConfirmUndo, Frame, Snapshot};
use crate::parts::{self, Fact, Weight, ago, fact, facts, text};
use crate::words::{self, segment};

/// Asks whether a snapshot's content should become the live data.
pub(super) fn draw(frame: &Frame, page: &ConfirmRestore) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let snapshot = &page.snapshot;
    let taken = words::in_a_sentence(frame.now, &frame.zone, snapshot.taken);
    let release = page.live_release.clone().map(|release| {
        view! { <li>"Then "<b><bdi>{release}</bdi></b>" will be started again, on the other colour."</li> }
    });
    let button = parts::unless(snapshot.cannot_restore.as_deref(), || {
        let action = format!("{path}/snapshots/{}/restore", segment(&snapshot.id));
        parts::post(action, "Restore this snapshot", Weight::Danger, None)
    });
    let content = view! {
        <h1>"Restore "<bdi>{app.clone()}</bdi>"?"</h1>
        <section class="card ask">
            <p class="lead">
                "The data of "<bdi>{app}</bdi>" will become what it was "<b>{taken}</b>", "
                {ago(frame, snapshot.taken)}". What was written since then will no longer be in the app."
            </p>
            <ul>
                <li>
                    "First, a snapshot of the data as it is now will be taken and pinned: "
                    <b>"this can be undone"</b>", with one button on the backups page."
                </li>
                <li>{meanwhile(page.requests_wait, page.estimate)}</li>
                {release}
            </ul>
            {facts(compare(snapshot, page.rows_now))}
            <div class="actions">
                {button}
                {parts::go(format!("{path}/backups"), "Keep everything as it is", Weight::Plain)}
            </div>
        </section>
    };
    let title = format!(
        "Restore {} to {}?",
        page.app,
        words::date_time(frame.now, &frame.zone, snapshot.taken)
    );
    Drawn::asking(title, content.into_any())
}

/// Asks whether the last restore should be undone.
pub(super) fn undo(frame: &Frame, page: &ConfirmUndo) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let restored_at = words::in_a_sentence(frame.now, &frame.zone, page.offer.restored_at);
    let restored_to = words::in_a_sentence(frame.now, &frame.zone, page.offer.restored_to);
    let button = parts::unless(page.offer.cannot_undo.as_deref(), || {
        parts::post(
            format!("{path}/undo"),
            "Undo the restore",
            Weight::Danger,
            None,
        )
    });
    let content = view! {
        <h1>"Undo the restore of "<bdi>{app.clone()}</bdi>"?"</h1>
        <section class="card ask">
            <p class="lead">
                "The data of "<bdi>{app}</bdi>" will become what it was just before the restore that was done "
                <b>{restored_at}</b>". That restore had put it back to "{restored_to}"."
            </p>
            <ul>
                <li>"What was written since the restore will no longer be in the app."</li>
                <li>
                    "First, a snapshot of the data as it is now will be taken and pinned: "
                    <b>"this too can be undone"</b>"."
                </li>
                <li>{meanwhile(page.requests_wait, page.estimate)}</li>
            </ul>
            {facts(compare(&page.snapshot, None))}
            <div class="actions">
                {button}
                {parts::go(format!("{path}/backups"), "Keep everything as it is", Weight::Plain)}
            </div>
        </section>
    };
    Drawn::asking(
        format!("Undo the restore of {}?", page.app),
        content.into_any(),
    )
}

/// What people at home will notice.
fn meanwhile(requests_wait: bool, estimate: Option<Duration>) -> String {
    match (requests_wait, estimate) {
        (true, Some(estimate)) => format!(
            "While it happens, {}, requests will wait; none will fail.",
            words::about(estimate)
        ),
        (true, None) => "While it happens, requests will wait; none will fail.".to_owned(),
        (false, Some(estimate)) => format!(
            "The database is large: while it happens, {}, everybody will see the maintenance page.",
            words::about(estimate)
        ),
        (false, None) => {
            "The database is large: while it happens, everybody will see the maintenance page."
                .to_owned()
        }
    }
}

/// What is in the snapshot, with the rows of today beside its own.
fn compare(snapshot: &Snapshot, rows_now: Option<u64>) -> Vec<Fact> {
    let mut rows = vec![fact("File", text(words::size(snapshot.bytes)))];
    rows.extend(
        snapshot
            .release
            .clone()
            .map(|release| fact("Release then", text(release))),
    );
    rows.extend(
        snapshot
            .rows
            .map(|then| fact("Rows then", text(words::count(then)))),
    );
    rows.extend(rows_now.map(|now| fact("Rows now", text(words::count(now)))));
    rows
}
