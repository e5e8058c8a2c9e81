//! The first page: whether all is well, what to press if not, and a card for each app.

use leptos::prelude::*;

use super::conditions;
use crate::content::Content;
use crate::model::{
    AppCard, CheckTarget, ColourState, ColourView, Frame, Overview, Run, Traffic, VerdictKind,
};
use crate::parts::{self, Weight, colour, fact, facts, how_long, nothing, text};
use crate::wording::{self, segment};

pub(super) fn draw(frame: &Frame, page: &Overview) -> Content {
    let title = match page.verdict.kind {
        VerdictKind::Good => "All is well",
        VerdictKind::Busy => "Working",
        VerdictKind::Attention => "Needs attention",
        VerdictKind::Bad => "Something is wrong",
    };
    let cards: Vec<_> = page.apps.iter().map(|app| card(frame, app)).collect();
    let empty = page.apps.is_empty().then(|| {
        nothing("No app is configured yet. Add one to the configuration file and restart Tealkeep.")
    });
    let is_running = |app: &AppCard| app.running.as_ref().is_some_and(Run::is_running);
    let busy = page.verdict.kind == VerdictKind::Busy || page.apps.iter().any(is_running);
    let body = view! {
        {verdict(frame, page)}
        {conditions::others(frame, &page.conditions)}
        {empty}
        <div class="cards">{cards}</div>
        {conditions::notes(frame, &page.conditions)}
    };
    Content {
        as_of: Some(page.as_of),
        ..Content::wide(title, body.into_any()).busy(busy)
    }
}

fn verdict(frame: &Frame, page: &Overview) -> AnyView {
    let verdict = &page.verdict;
    let gravest = conditions::gravest(&page.conditions);
    let (class, icon) = match verdict.kind {
        VerdictKind::Good => ("verdict good", "M5 12.500l4.500 4.500L19 7.500"),
        VerdictKind::Busy => ("verdict busy", "M12 6v6l4 2.500M12 3a9 9 0 1 0 9 9"),
        VerdictKind::Attention => ("verdict attention", "M12 6v8M12 17.500v.5"),
        VerdictKind::Bad => ("verdict bad", "M7 7l10 10M17 7L7 17"),
    };
    view! {
        <section class=class aria-labelledby="verdict">
            <svg viewBox="0 0 24 24" width="40" height="40" aria-hidden="true"><path d=icon/></svg>
            <h1 id="verdict"><bdi>{verdict.sentence.clone()}</bdi></h1>
            {verdict.action.as_ref().map(|action| conditions::press(action, Weight::Primary))}
            {gravest.map(|gravest| conditions::more(frame, gravest))}
        </section>
    }
    .into_any()
}

fn card(frame: &Frame, app: &AppCard) -> AnyView {
    let id = format!("app-{}", app.name);
    let colours: Vec<_> = app
        .colours
        .iter()
        .map(|slot| colour_row(frame, slot))
        .collect();
    view! {
        <article class="card" id=id.clone() aria-labelledby=format!("{id}-name")>
            {card_head(frame, app, format!("{id}-name"))}
            {app.running.as_ref().map(|run| parts::running(frame, run))}
            {facts(card_facts(frame, app))}
            <ul class="slots" aria-label="Colours">{colours}</ul>
            {card_actions(app)}
        </article>
    }
    .into_any()
}

fn card_head(frame: &Frame, app: &AppCard, id: String) -> AnyView {
    let live = match app.live {
        Some(live) => view! { <p class="live">{colour(live)}" is live"</p> }.into_any(),
        None => view! { <p class="live soft">"nothing is live yet"</p> }.into_any(),
    };
    let release = app.release.clone().map(|release| {
        let since = app
            .live_since
            .map(|since| view! { <span class="soft">" for "{how_long(frame, since)}</span> });
        view! { <p class="release"><b><bdi>{release}</bdi></b>{since}</p> }.into_any()
    });
    let visit = app
        .url
        .clone()
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
        .map(|url| view! { <a class="visit" href=url rel="noreferrer">"Open the app"</a> });
    view! {
        <div class="head">
            <h2 id=id><bdi>{app.name.clone()}</bdi></h2>
            {live}
        </div>
        <div class="head">{release}{visit}</div>
    }
    .into_any()
}

fn card_actions(app: &AppCard) -> AnyView {
    let path = format!("/apps/{}", segment(&app.name));
    let back_up = parts::unless(app.cannot_back_up.as_deref(), || {
        let action = format!("{path}/backup");
        parts::post(action, "Back up now", Weight::Primary, None)
    });
    view! {
        <div class="actions">
            {back_up}
            {parts::go(format!("{path}/backups"), "Backups", Weight::Plain)}
            {parts::go(format!("{path}/deploys"), "Deploys", Weight::Plain)}
            {parts::go(format!("{path}/checks"), "Checks", Weight::Plain)}
        </div>
    }
    .into_any()
}

fn card_facts(frame: &Frame, app: &AppCard) -> Vec<parts::Fact> {
    let mut rows = parts::backup_facts(
        frame,
        app.last_snapshot.as_ref(),
        &app.laptop,
        app.last_drill.as_ref(),
        app.next_nightly,
    );
    if let Some(check) = &app.last_check {
        let label = match check.target {
            CheckTarget::Public { .. } => "Check of the site",
            CheckTarget::BeforeSwap => "Check before going live",
        };
        let path = format!("/apps/{}/checks", segment(&app.name));
        rows.push(fact(label, parts::check_line(frame, &path, check)));
    }
    if let Some(traffic) = app.traffic {
        rows.extend(requests(traffic));
        // If each colour shows its own requests, their sum adds nothing.
        if app.colours.iter().all(|slot| slot.in_flight.is_none()) {
            let now = wording::count(traffic.in_flight);
            rows.push(fact("Requests in progress", text(now)));
        }
    }
    rows
}

/// The requests that were counted; `None` if the router does not count them.
fn requests(traffic: Traffic) -> Option<parts::Fact> {
    let (answered, failed) = (traffic.answered?, traffic.failed?);
    let failed = if failed == 0 {
        view! { <span class="whole soft">"none failed"</span> }.into_any()
    } else {
        view! { <b class="whole alarm">{wording::count(failed)}" failed"</b> }.into_any()
    };
    let answered = wording::count(answered);
    Some(fact(
        "Requests since Tealkeep started",
        view! { {answered}<span class="soft">" · "</span>{failed} }.into_any(),
    ))
}

fn colour_row(frame: &Frame, slot: &ColourView) -> AnyView {
    let (state, class) = match slot.state {
        ColourState::Running => ("running", "ok"),
        ColourState::Starting => ("starting", "soft"),
        ColourState::Restarting => ("restarting", "alarm"),
        ColourState::Stopping => ("stopping", "soft"),
        ColourState::Stopped => ("stopped", "soft"),
        ColourState::Failed => ("crashed", "alarm"),
    };
    let details = colour_details(slot).join(" · ");
    let since = slot
        .since
        .map(|since| view! { <span class="soft">" for "{how_long(frame, since)}</span> });
    let release = slot
        .release
        .clone()
        .map(|release| view! { <span class="of"><bdi>{release}</bdi></span> });
    let role = if slot.live { "live" } else { "idle" };
    view! {
        <li>
            <p>
                {colour(slot.colour)}
                {release}
                <span class="role">{role}</span>
                <span class="what"><span class=class>{state}</span>{since}</span>
            </p>
            {(!details.is_empty()).then(|| view! { <p class="soft small">{details}</p> })}
        </li>
    }
    .into_any()
}

fn colour_details(slot: &ColourView) -> Vec<String> {
    let mut details: Vec<String> = Vec::new();
    if slot.restarts > 0 {
        let restarts = u64::from(slot.restarts);
        details.push(wording::counted(restarts, "restart", "restarts"));
    }
    details.extend(slot.memory_bytes.map(wording::size));
    details.extend(
        slot.in_flight
            .map(|n| format!("{} in progress", wording::counted(n, "request", "requests"))),
    );
    details.extend(slot.pid.map(|pid| format!("pid {pid}")));
    details
}
