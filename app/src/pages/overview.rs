//! The first page: whether all is well, what to press if not, and a card for each app.

use leptos::prelude::*;

use super::{Drawn, conditions, is_under_way};
use crate::model::{AppCard, CheckTarget, ColourState, ColourView, Frame, Overview, VerdictKind};
use crate::parts::{self, Weight, beads, colour, fact, facts, how_long, nothing, text};
use crate::words::{self, segment};

pub(super) fn draw(frame: &Frame, page: &Overview) -> Drawn {
    let title = match page.verdict.kind {
        VerdictKind::Good => "All is well",
        VerdictKind::Busy => "At work",
        VerdictKind::Attention => "Needs a look",
        VerdictKind::Bad => "Something is wrong",
    };
    let cards: Vec<_> = page.apps.iter().map(|app| card(frame, app)).collect();
    let empty = page.apps.is_empty().then(|| {
        nothing(
            "No app is configured yet. Add one to the configuration file and start Tealkeep again.",
        )
    });
    let busy = page.verdict.kind == VerdictKind::Busy
        || page
            .apps
            .iter()
            .any(|app| is_under_way(app.running.as_ref()));
    let content = view! {
        {verdict(frame, page)}
        {conditions::others(frame, &page.conditions)}
        {empty}
        <div class="cards">{cards}</div>
        {conditions::notes(frame, &page.conditions)}
    };
    Drawn {
        as_of: Some(page.as_of),
        ..Drawn::showing(title, content.into_any()).busy(busy)
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
    let path = format!("/apps/{}", segment(&app.name));
    let live = match app.live {
        Some(live) => view! { <p class="live">{colour(live)}" is live"</p> }.into_any(),
        None => view! { <p class="live soft">"nothing is live yet"</p> }.into_any(),
    };
    let release = app.release.clone().map(|release| {
        let since = app
            .live_since
            .map(|since| view! { <span class="soft">" for "{how_long(frame, since)}</span> });
        view! { <p class="release"><b><bdi>{release}</bdi></b>{since}</p> }
    });
    let visit = app
        .url
        .clone()
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
        .map(|url| view! { <a class="visit" href=url rel="noreferrer">"Open the app"</a> });
    let running = app.running.as_ref().map(|run| {
        view! {
            <section class="now">
                <h3><a href=parts::run_path(run)><bdi>{parts::run_title(frame, run)}</bdi></a></h3>
                {beads(run)}
            </section>
        }
    });
    let colours: Vec<_> = app
        .colours
        .iter()
        .map(|slot| colour_row(frame, slot))
        .collect();
    let back_up = parts::unless(app.cannot_back_up.as_deref(), || {
        parts::post(
            format!("{path}/backup"),
            "Back up now",
            Weight::Primary,
            None,
        )
    });
    view! {
        <article class="card" id=id.clone() aria-labelledby=format!("{id}-name")>
            <div class="head">
                <h2 id=format!("{id}-name")><bdi>{app.name.clone()}</bdi></h2>
                {live}
            </div>
            <div class="head">{release}{visit}</div>
            {running}
            {facts(card_facts(frame, app))}
            <ul class="slots" aria-label="Colours">{colours}</ul>
            <div class="actions">
                {back_up}
                {parts::go(format!("{path}/backups"), "Backups", Weight::Plain)}
                {parts::go(format!("{path}/deploys"), "Deploys", Weight::Plain)}
                {parts::go(format!("{path}/checks"), "Checks", Weight::Plain)}
            </div>
        </article>
    }
    .into_any()
}

fn card_facts(frame: &Frame, app: &AppCard) -> Vec<parts::Fact> {
    let mut rows = parts::backup_facts(
        frame,
        app.last_snapshot.as_ref(),
        &app.laptop,
        app.last_drill.as_ref(),
        app.next_run.as_ref(),
    );
    if let Some(check) = &app.last_check {
        let label = match check.target {
            CheckTarget::Public { .. } => "What browsers get",
            CheckTarget::BeforeSwap => "Checked before the swap",
        };
        let path = format!("/apps/{}/checks", segment(&app.name));
        rows.push(fact(label, parts::check_line(frame, &path, check)));
    }
    if let Some(traffic) = app.traffic {
        if let (Some(answered), Some(failed)) = (traffic.answered, traffic.failed) {
            let failed = if failed == 0 {
                view! { <span class="whole soft">"none failed"</span> }.into_any()
            } else {
                view! { <b class="whole alarm">{words::count(failed)}" failed"</b> }.into_any()
            };
            rows.push(fact(
                "Requests since the start",
                view! { {words::count(answered)}<span class="soft">" · "</span>{failed} }
                    .into_any(),
            ));
        }
        // Where each colour tells its own share, the sum would only repeat it.
        if app.colours.iter().all(|slot| slot.in_flight.is_none()) {
            rows.push(fact("In flight now", text(words::count(traffic.in_flight))));
        }
    }
    rows
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
    let mut details: Vec<String> = Vec::new();
    if slot.restarts > 0 {
        details.push(words::counted(
            u64::from(slot.restarts),
            "restart",
            "restarts",
        ));
    }
    details.extend(slot.memory_bytes.map(words::size));
    details.extend(
        slot.in_flight
            .map(|n| format!("{} in flight", words::count(n))),
    );
    details.extend(slot.pid.map(|pid| format!("pid {pid}")));
    let details = details.join(" · ");
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
