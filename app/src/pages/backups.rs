//! The backups of one app: the newest proven copy, what the tiers hold, and every snapshot with why it
//! stays.

use leptos::prelude::*;

use super::{Drawn, calendar, is_under_way, proofs, sizes, snapshots};
use crate::document::app_switch;
use crate::model::{Backups, Frame, UndoOffer};
use crate::parts::{self, Weight, ago, beads, fact, facts, stamp, text};
use crate::words::{self, segment};

pub(super) fn draw(frame: &Frame, page: &Backups) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let title = match &page.latest {
        Some(latest) => format!(
            "{app}: last snapshot {}",
            words::ago(frame.now, latest.taken)
        ),
        None => format!("{app}: no snapshot yet"),
    };
    let busy = is_under_way(page.running.as_ref()) || page.drills.under_way;
    let running = page.running.as_ref().map(|run| {
        view! {
            <section class="now">
                <h3><a href=parts::run_path(run)><bdi>{parts::run_title(frame, run)}</bdi></a></h3>
                {beads(run)}
            </section>
        }
    });
    let back_up = parts::unless(page.cannot_back_up.as_deref(), || {
        parts::post(
            format!("{path}/backup"),
            "Back up now",
            Weight::Primary,
            None,
        )
    });
    let content = view! {
        {app_switch(frame, &app, "backups")}
        <h1>"Backups of "<bdi>{app}</bdi></h1>
        <div class="columns">
            <div>
                <section class="card" aria-labelledby="latest">
                    <h2 id="latest">"At a glance"</h2>
                    {running}
                    {facts(glance(frame, page))}
                    {page.problems.iter().map(|problem| view! { <p class="refusal"><bdi>{problem.clone()}</bdi>"."</p> }).collect_view()}
                    <div class="actions">{back_up}</div>
                </section>
                {page.undo.as_ref().map(|offer| undo(frame, offer, &path))}
                {page.beside.as_deref().map(beside)}
                {proofs::failed_nights(&page.failed_nights)}
                {proofs::drills(frame, &page.drills, &path)}
                {proofs::laptop(frame, &page.laptop)}
                <section class="card" aria-labelledby="tiers">
                    <h2 id="tiers">"Nights that are held"</h2>
                    {calendar::draw(frame, &page.nights)}
                    <p class="soft small">
                        "Seven nights stay as daily, then four as weekly, then six as monthly. "
                        "A coarser tier takes only what a finer one no longer holds, so "<code>"weekly/"</code>
                        " begins to fill in the second week and "<code>"monthly/"</code>" in the second month or the third. "
                        "Each snapshot below says why it stays and when it goes."
                    </p>
                </section>
                <section class="card" aria-labelledby="sizes">
                    <h2 id="sizes">"Sizes over time"</h2>
                    {sizes::draw(frame, &page.snapshots)}
                </section>
            </div>
            <section class="card" aria-labelledby="all">
                <h2 id="all">"All snapshots"</h2>
                {snapshots::list(frame, &path, &page.snapshots)}
            </section>
        </div>
    };
    Drawn::showing(title, content.into_any()).busy(busy)
}

fn beside(said: &str) -> AnyView {
    view! {
        <section class="card" aria-labelledby="beside">
            <h2 id="beside">"Not backed up"</h2>
            <p>"The app keeps more than its database, and no backup holds it: "<bdi>{said.to_owned()}</bdi>"."</p>
            <p class="soft small">
                "Copy it another way, for example from the laptop: "<code>"tealkeep doctor"</code>" prints a command for that."
            </p>
        </section>
    }
    .into_any()
}

fn glance(frame: &Frame, page: &Backups) -> Vec<parts::Fact> {
    let mut rows = parts::backup_facts(
        frame,
        page.latest.as_ref(),
        &page.laptop,
        page.drills.last.as_ref(),
        page.next_run.as_ref(),
    );
    let total: u64 = page.snapshots.iter().map(|snapshot| snapshot.bytes).sum();
    let many = u64::try_from(page.snapshots.len()).unwrap_or(u64::MAX);
    rows.push(fact(
        "Held",
        view! {
            {words::counted(many, "snapshot", "snapshots")}
            <span class="soft">" · "{words::size(total)}</span>
        }
        .into_any(),
    ));
    if let Some(said) = page.reuse.and_then(words::reused) {
        rows.push(fact("The newest one", text(said)));
    }
    if let Some(room) = page.room {
        let (said, bad) = words::room(room);
        let class = if bad { "alarm" } else { "" };
        rows.push(fact(
            "Room",
            view! { <span class=class>{said}</span> }.into_any(),
        ));
    }
    rows
}

fn undo(frame: &Frame, offer: &UndoOffer, path: &str) -> AnyView {
    let button = parts::unless(offer.cannot_undo.as_deref(), || {
        parts::go(format!("{path}/undo"), "Undo this restore…", Weight::Plain)
    });
    view! {
        <section class="card" aria-labelledby="restored">
            <h2 id="restored">"The last restore"</h2>
            <p>
                "The data was put back "{ago(frame, offer.restored_at)}", to "
                {stamp(frame, offer.restored_to)}". What was there before is still held."
            </p>
            <div class="actions">{button}</div>
        </section>
    }
    .into_any()
}
