//! The live release, the releases on the machine, and every run; and the pages that confirm a deploy or a rollback.

use leptos::prelude::*;

use crate::content::Content;
use crate::model::{
    ConfirmDeploy, ConfirmRollback, Deploys, Frame, LiveRelease, PreviousRelease, Release,
    ReleaseRole, Run,
};
use crate::navigation::app_switch;
use crate::parts::{self, Weight, ago, colour, fact, facts, how_long, nothing, run_card, text};
use crate::wording::{self, segment};

/// The deploys of one app.
pub(super) fn draw(frame: &Frame, page: &Deploys) -> Content {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let running = page.runs.iter().find(|run| run.is_running());
    let title = match (running, &page.live) {
        (Some(run), _) => format!("{app}: {} in progress", parts::run_title(frame, run)),
        (None, Some(live)) => format!(
            "{app}: {} is live on {}",
            live.release,
            live.colour.as_str()
        ),
        (None, None) => format!("{app}: nothing is live yet"),
    };
    let busy = running.is_some();
    let body = view! {
        {app_switch(frame, &app, "deploys")}
        <h1>"Deploys of "<bdi>{app}</bdi></h1>
        <div class="columns">
            <div>
                {live(frame, page, &path)}
                {releases(frame, page, &path)}
            </div>
            {runs(frame, &page.runs)}
        </div>
    };
    Content::wide(title, body.into_any()).busy(busy)
}

fn live(frame: &Frame, page: &Deploys, path: &str) -> AnyView {
    let roll_back = parts::unless(page.cannot_roll_back.as_deref(), || {
        let label = page.previous.as_ref().map_or_else(
            || "Roll back…".to_owned(),
            |previous| format!("Roll back to {}…", previous.release),
        );
        parts::go(format!("{path}/rollback"), label, Weight::Plain)
    });
    view! {
        <section class="card" aria-labelledby="live">
            <h2 id="live">"Live"</h2>
            {facts(live_facts(frame, page.live.as_ref(), page.previous.as_ref()))}
            <div class="actions">{roll_back}</div>
        </section>
    }
    .into_any()
}

fn releases(frame: &Frame, page: &Deploys, path: &str) -> AnyView {
    let rows: Vec<_> = page
        .releases
        .iter()
        .map(|release| row(frame, path, release))
        .collect();
    let empty = rows
        .is_empty()
        .then(|| nothing("There is no release on this machine yet."));
    let command = format!("tealkeep deploy {} DIRECTORY", page.app);
    view! {
        <section class="card" aria-labelledby="releases">
            <h2 id="releases">"Releases on this machine"</h2>
            {empty}
            <ul class="releases">{rows}</ul>
            <p class="soft small">"Deploy a new one with "<code>{command}</code></p>
        </section>
    }
    .into_any()
}

fn runs(frame: &Frame, runs: &[Run]) -> AnyView {
    let cards: Vec<_> = runs.iter().map(|run| run_card(frame, run)).collect();
    let empty = cards.is_empty().then(|| {
        nothing(
            "Nothing was deployed yet. Deploys, rollbacks and restores appear here, step by step.",
        )
    });
    view! {
        <section class="card" aria-labelledby="runs">
            <h2 id="runs">"Runs"</h2>
            {empty}
            {cards}
        </section>
    }
    .into_any()
}

fn live_facts(
    frame: &Frame,
    live: Option<&LiveRelease>,
    previous: Option<&PreviousRelease>,
) -> Vec<parts::Fact> {
    let live = match live {
        None => text("nothing yet"),
        Some(live) => {
            let since = live
                .since
                .map(|since| view! { <span class="soft">" for "{how_long(frame, since)}</span> });
            view! { {colour(live.colour)}" "<b><bdi>{live.release.clone()}</bdi></b>{since} }
                .into_any()
        }
    };
    let previous = match previous {
        None => text("none"),
        Some(previous) => {
            let warm = match previous.warm_until {
                Some(until) if until > frame.now => {
                    view! { <span class="soft">" · still running, stops "{ago(frame, until)}</span> }
                        .into_any()
                }
                _ => view! { <span class="soft">" · stopped"</span> }.into_any(),
            };
            view! { {colour(previous.colour)}" "<bdi>{previous.release.clone()}</bdi>{warm} }
                .into_any()
        }
    };
    vec![fact("Live now", live), fact("Previous release", previous)]
}

fn row(frame: &Frame, path: &str, release: &Release) -> AnyView {
    let role = match release.role {
        ReleaseRole::Live => Some(view! { <span class="chip live">"live"</span> }.into_any()),
        ReleaseRole::Previous => Some(view! { <span class="chip">"previous"</span> }.into_any()),
        ReleaseRole::Waiting => None,
    };
    let received = release
        .received
        .map(|at| view! { <span class="soft">"received "{ago(frame, at)}</span> });
    let size = release
        .bytes
        .map(|bytes| view! { <span class="soft">" · "{wording::size(bytes)}</span> });
    let button = match release.role {
        ReleaseRole::Live => None,
        ReleaseRole::Previous | ReleaseRole::Waiting => {
            Some(parts::unless(release.cannot_deploy.as_deref(), || {
                let href = format!("{path}/deploys/{}", segment(&release.id));
                parts::go(href, format!("Deploy {}…", release.id), Weight::Plain)
            }))
        }
    };
    view! {
        <li id=format!("release-{}", release.id)>
            <div>
                <h3><bdi>{release.id.clone()}</bdi>" "{role}</h3>
                <p class="small">{received}{size}</p>
                {note(release)}
            </div>
            {button}
        </li>
    }
    .into_any()
}

fn note(release: &Release) -> Option<AnyView> {
    let note = release.note.clone()?;
    Some(view! { <p class="small"><bdi>{note}</bdi></p> }.into_any())
}

/// Asks whether a release on the machine should go live.
pub(super) fn confirm(frame: &Frame, page: &ConfirmDeploy) -> Content {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let id = page.release.id.clone();
    let until_then = match &page.live {
        Some(live) => view! {
            "Until then, "<b><bdi>{live.release.clone()}</bdi></b>" stays live on "{colour(live.colour)}
            ". If the new release does not answer, nothing changes for anybody."
        }
        .into_any(),
        None => view! { "Nothing is live yet: this is the first release." }.into_any(),
    };
    let button = parts::unless(page.release.cannot_deploy.as_deref(), || {
        parts::post(
            format!("{path}/deploys"),
            format!("Deploy {id}"),
            Weight::Primary,
            Some(("release", id.clone())),
        )
    });
    let received = page
        .release
        .received
        .map_or_else(|| text("unknown"), |at| ago(frame, at));
    let body = view! {
        <h1>"Deploy "<bdi>{id.clone()}</bdi>"?"</h1>
        <section class="card ask">
            <p class="lead">
                "The release "<b><bdi>{id.clone()}</bdi></b>" of "<bdi>{app}</bdi>" will be started on "
                {colour(page.to)}". New requests will go to it once it is healthy."
            </p>
            <ul>
                <li>"First, Tealkeep backs up the data, so that it can be restored."</li>
                <li>{until_then}</li>
                <li>"Requests in progress finish where they are. "<b>"It can be rolled back"</b>" afterwards."</li>
            </ul>
            {facts(vec![fact("Received", received)])}
            {note(&page.release)}
            {actions(button, &path)}
        </section>
    };
    Content::narrow(format!("Deploy {}?", page.release.id), body.into_any())
}

/// Asks whether the previous release should go live again.
pub(super) fn rollback(frame: &Frame, page: &ConfirmRollback) -> Content {
    let path = format!("/apps/{}", segment(&page.app));
    let consequences = page
        .previous
        .as_ref()
        .map(|previous| rollback_consequences(frame, page, previous));
    let button = parts::unless(page.cannot_roll_back.as_deref(), || match &page.previous {
        Some(previous) => parts::post(
            format!("{path}/rollback"),
            format!("Roll back to {}", previous.release),
            Weight::Primary,
            None,
        ),
        None => parts::refusal("There is no previous release to roll back to."),
    });
    let body = view! {
        <h1>"Roll back "<bdi>{page.app.clone()}</bdi>"?"</h1>
        <section class="card ask">
            {consequences}
            {actions(button, &path)}
        </section>
    };
    Content::narrow(format!("Roll back {}?", page.app), body.into_any())
}

fn rollback_consequences(
    frame: &Frame,
    page: &ConfirmRollback,
    previous: &PreviousRelease,
) -> AnyView {
    let instead = page.live.as_ref().map(|live| {
        view! { " instead of "<b><bdi>{live.release.clone()}</bdi></b>" on "{colour(live.colour)} }
    });
    let soon = match previous.warm_until {
        Some(until) if until > frame.now => "It is still running, so this takes an instant.",
        _ => "It was stopped. Tealkeep starts it first, and nothing changes until it is healthy.",
    };
    view! {
        <p class="lead">
            "New requests to "<bdi>{page.app.clone()}</bdi>" will go to "
            <b><bdi>{previous.release.clone()}</bdi></b>" on "{colour(previous.colour)}{instead}"."
        </p>
        <ul>
            <li>{soon}</li>
            <li>
                "The data stays as it is: a rollback changes which release answers, not what was written. "
                "To restore data, use the backups page."
            </li>
            <li>"Requests in progress finish where they are. "<b>"It can be undone"</b>" by deploying the release again."</li>
        </ul>
    }
    .into_any()
}

fn actions(button: AnyView, path: &str) -> AnyView {
    view! {
        <div class="actions">
            {button}
            {parts::go(format!("{path}/deploys"), "Cancel", Weight::Plain)}
        </div>
    }
    .into_any()
}
