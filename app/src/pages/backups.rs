//! The backups of one app: the newest verified one, whether a restore would work, what the tiers keep, and every
//! snapshot with why it is kept.

use leptos::prelude::*;

use super::{calendar, proofs, sizes, snapshots};
use crate::content::Content;
use crate::model::{Backups, Frame, Run, UndoOffer};
use crate::navigation::app_switch;
use crate::parts::{self, Weight, ago, fact, facts, stamp, text};
use crate::wording::{self, segment};

pub(super) fn draw(frame: &Frame, page: &Backups) -> Content {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let title = match &page.latest {
        Some(latest) => format!(
            "{app}: last backup {}",
            wording::ago(frame.now, latest.taken)
        ),
        None => format!("{app}: no backup yet"),
    };
    let busy = page.running.as_ref().is_some_and(Run::is_running) || page.drills.under_way;
    let body = view! {
        {app_switch(frame, &app, "backups")}
        <h1>"Backups of "<bdi>{app}</bdi></h1>
        <div class="columns">
            <div>
                {glance(frame, page, &path)}
                {page.undo.as_ref().map(|offer| undo(frame, offer, &path))}
                {page.beside.as_deref().map(not_backed_up)}
                {proofs::failed_nights(&page.failed_nights)}
                {proofs::drills(frame, &page.drills, &path)}
                {proofs::laptop(frame, &page.laptop)}
                {nights(frame, page)}
                <section class="card" aria-labelledby="sizes">
                    <h2 id="sizes">"Sizes over time"</h2>
                    {sizes::draw(frame, &page.snapshots)}
                </section>
            </div>
            <section class="card" aria-labelledby="all">
                <h2 id="all">"All backups"</h2>
                {snapshots::list(frame, &path, &page.snapshots)}
            </section>
        </div>
    };
    Content::wide(title, body.into_any()).busy(busy)
}

/// The facts to know first, what is wrong in the folder, and the button that takes a backup.
fn glance(frame: &Frame, page: &Backups, path: &str) -> AnyView {
    let back_up = parts::unless(page.cannot_back_up.as_deref(), || {
        let action = format!("{path}/backup");
        parts::post(action, "Back up now", Weight::Primary, None)
    });
    let problems: Vec<_> = page
        .problems
        .iter()
        .map(|problem| view! { <p class="refusal"><bdi>{problem.clone()}</bdi>"."</p> })
        .collect();
    view! {
        <section class="card" aria-labelledby="latest">
            <h2 id="latest">"At a glance"</h2>
            {page.running.as_ref().map(|run| parts::running(frame, run))}
            {facts(glance_facts(frame, page))}
            {problems}
            <div class="actions">{back_up}</div>
        </section>
    }
    .into_any()
}

fn glance_facts(frame: &Frame, page: &Backups) -> Vec<parts::Fact> {
    let mut rows = parts::backup_facts(
        frame,
        page.latest.as_ref(),
        &page.laptop,
        page.drills.last.as_ref(),
        page.next_nightly,
    );
    let total: u64 = page.snapshots.iter().map(|snapshot| snapshot.bytes).sum();
    let many = u64::try_from(page.snapshots.len()).unwrap_or(u64::MAX);
    rows.push(fact(
        "Stored",
        view! {
            {wording::counted(many, "backup", "backups")}
            <span class="soft">" · "{wording::size(total)}</span>
        }
        .into_any(),
    ));
    if let Some(reused) = page.reuse.and_then(wording::reused) {
        rows.push(fact("Content of the newest", text(reused)));
    }
    if let Some(space) = page.space {
        let (space, is_short) = wording::disk_space(space);
        let class = if is_short { "alarm" } else { "" };
        rows.push(fact(
            "Disk space",
            view! { <span class=class>{space}</span> }.into_any(),
        ));
    }
    rows
}

fn not_backed_up(beside: &str) -> AnyView {
    view! {
        <section class="card" aria-labelledby="beside">
            <h2 id="beside">"Not backed up"</h2>
            <p>"The app stores more than its database, and no backup contains it: "<bdi>{beside.to_owned()}</bdi>"."</p>
            <p class="soft small">
                "Copy it some other way, for example to a laptop: "<code>"tealkeep doctor"</code>" prints a command for that."
            </p>
        </section>
    }
    .into_any()
}

fn nights(frame: &Frame, page: &Backups) -> AnyView {
    view! {
        <section class="card" aria-labelledby="tiers">
            <h2 id="tiers">"Nightly backups"</h2>
            {calendar::draw(frame, &page.nights, page.next_nightly)}
            <p class="soft small">
                {wording::retention(page.retention)}
                " A week or a month counts only once its days are no longer among the daily ones, so at first there are "
                "only daily backups. Each backup on this page says why it is kept and when it will be deleted."
            </p>
        </section>
    }
    .into_any()
}

fn undo(frame: &Frame, offer: &UndoOffer, path: &str) -> AnyView {
    let button = parts::unless(offer.cannot_undo.as_deref(), || {
        parts::go(format!("{path}/undo"), "Undo this restore…", Weight::Plain)
    });
    view! {
        <section class="card" aria-labelledby="restored">
            <h2 id="restored">"The last restore"</h2>
            <p>
                "The data was restored "{ago(frame, offer.restored_at)}" to the backup of "
                {stamp(frame, offer.restored_to)}". The data from before the restore is still stored."
            </p>
            <div class="actions">{button}</div>
        </section>
    }
    .into_any()
}
