//! What is live, what could be, and every run that changed it; and asking before it changes again.

use leptos::prelude::*;

use super::Drawn;
use crate::document::app_switch;
use crate::model::{
    ConfirmDeploy, ConfirmRollback, Deploys, Frame, LiveRelease, PreviousRelease, Release,
    ReleaseRole, RunOutcome,
};
use crate::parts::{self, Weight, ago, colour, fact, facts, how_long, nothing, run_card, text};
use crate::words::{self, segment};

/// The deploys of one app.
pub(super) fn draw(frame: &Frame, page: &Deploys) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let running = page
        .runs
        .iter()
        .find(|run| run.outcome == RunOutcome::Running);
    let title = match (running, &page.live) {
        (Some(run), _) => format!("{app}: {} under way", parts::run_title(frame, run)),
        (None, Some(live)) => format!(
            "{app}: {} is live on {}",
            live.release,
            live.colour.as_str()
        ),
        (None, None) => format!("{app}: nothing is live yet"),
    };
    let busy = running.is_some();
    let roll_back = parts::unless(page.cannot_roll_back.as_deref(), || {
        let label = page.previous.as_ref().map_or_else(
            || "Roll back…".to_owned(),
            |previous| format!("Roll back to {}…", previous.release),
        );
        parts::go(format!("{path}/rollback"), label, Weight::Plain)
    });
    let releases: Vec<_> = page
        .releases
        .iter()
        .map(|release| row(frame, &path, release))
        .collect();
    let no_releases = releases
        .is_empty()
        .then(|| nothing("No release is on the machine yet."));
    let runs: Vec<_> = page.runs.iter().map(|run| run_card(frame, run)).collect();
    let no_runs = runs
        .is_empty()
        .then(|| nothing("Nothing was deployed yet. What happens will stand here, step by step."));
    let command = format!("tealkeep deploy {app} DIRECTORY");
    let content = view! {
        {app_switch(frame, &app, "deploys")}
        <h1>"Deploys of "<bdi>{app}</bdi></h1>
        <div class="columns">
            <div>
                <section class="card" aria-labelledby="live">
                    <h2 id="live">"Live"</h2>
                    {facts(live_facts(frame, page.live.as_ref(), page.previous.as_ref()))}
                    <div class="actions">{roll_back}</div>
                </section>
                <section class="card" aria-labelledby="releases">
                    <h2 id="releases">"Releases on the machine"</h2>
                    {no_releases}
                    <ul class="releases">{releases}</ul>
                    <p class="soft small">"A new one comes from the laptop: "<code>{command}</code></p>
                </section>
            </div>
            <section class="card" aria-labelledby="runs">
                <h2 id="runs">"Runs"</h2>
                {no_runs}
                {runs}
            </section>
        </div>
    };
    Drawn::showing(title, content.into_any()).busy(busy)
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
                    view! { <span class="soft">" · warm, stops "{ago(frame, until)}</span> }
                        .into_any()
                }
                _ => view! { <span class="soft">" · stopped"</span> }.into_any(),
            };
            view! { {colour(previous.colour)}" "<bdi>{previous.release.clone()}</bdi>{warm} }
                .into_any()
        }
    };
    vec![fact("Live now", live), fact("Before it", previous)]
}

fn row(frame: &Frame, path: &str, release: &Release) -> AnyView {
    let role = match release.role {
        ReleaseRole::Live => Some(view! { <span class="chip live">"live"</span> }.into_any()),
        ReleaseRole::Previous => Some(view! { <span class="chip">"live before"</span> }.into_any()),
        ReleaseRole::Waiting => None,
    };
    let received = release
        .received
        .map(|at| view! { <span class="soft">"received "{ago(frame, at)}</span> });
    let size = release
        .bytes
        .map(|bytes| view! { <span class="soft">" · "{words::size(bytes)}</span> });
    let note = release
        .note
        .clone()
        .map(|note| view! { <p class="small"><bdi>{note}</bdi></p> });
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
                {note}
            </div>
            {button}
        </li>
    }
    .into_any()
}

/// Asks whether a release on the machine should go live.
pub(super) fn confirm(frame: &Frame, page: &ConfirmDeploy) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let id = page.release.id.clone();
    let now = match &page.live {
        Some(live) => view! {
            "Until it has answered, "<b><bdi>{live.release.clone()}</bdi></b>" stays live on "
            {colour(live.colour)}", and if it does not answer, nothing changes for anybody."
        }
        .into_any(),
        None => view! { "Nothing is live yet, so this will be the first." }.into_any(),
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
        .map_or_else(|| text("not known"), |at| ago(frame, at));
    let note = page
        .release
        .note
        .clone()
        .map(|note| view! { <p class="small"><bdi>{note}</bdi></p> });
    let content = view! {
        <h1>"Deploy "<bdi>{id.clone()}</bdi>"?"</h1>
        <section class="card ask">
            <p class="lead">
                "The release "<b><bdi>{id.clone()}</bdi></b>" of "<bdi>{app}</bdi>" will be started on "
                {colour(page.to)}", and new requests will go to it when it has answered."
            </p>
            <ul>
                <li>"First, a snapshot will be taken, so that the data too has a way back."</li>
                <li>{now}</li>
                <li>"Requests under way will be finished where they are. "<b>"It can be rolled back"</b>" afterwards."</li>
            </ul>
            {facts(vec![fact("Received", received)])}
            {note}
            <div class="actions">
                {button}
                {parts::go(format!("{path}/deploys"), "Not now", Weight::Plain)}
            </div>
        </section>
    };
    Drawn::asking(format!("Deploy {}?", page.release.id), content.into_any())
}

/// Asks whether the release from before should go live again.
pub(super) fn rollback(frame: &Frame, page: &ConfirmRollback) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let asked = page.previous.as_ref().map(|previous| {
        let live = page.live.as_ref().map(|live| {
            view! { " instead of "<b><bdi>{live.release.clone()}</bdi></b>" on "{colour(live.colour)} }
        });
        let soon = match previous.warm_until {
            Some(until) if until > frame.now => "Its process is still warm, so this will take an instant.",
            _ => "Its process was stopped: it will be started and probed first, and nothing changes until it has answered.",
        };
        view! {
            <p class="lead">
                "New requests to "<bdi>{app.clone()}</bdi>" will go to "
                <b><bdi>{previous.release.clone()}</bdi></b>" on "{colour(previous.colour)}{live}"."
            </p>
            <ul>
                <li>{soon}</li>
                <li>
                    "The data stays as it is: a rollback changes which release answers, not what was written. "
                    "Data is put back on the backups page."
                </li>
                <li>"Requests under way will be finished where they are. "<b>"It can be undone"</b>" by deploying the release again."</li>
            </ul>
        }
    });
    let button = parts::unless(page.cannot_roll_back.as_deref(), || match &page.previous {
        Some(previous) => parts::post(
            format!("{path}/rollback"),
            format!("Roll back to {}", previous.release),
            Weight::Primary,
            None,
        ),
        None => parts::refusal("There is no release from before to roll back to."),
    });
    let content = view! {
        <h1>"Roll back "<bdi>{app.clone()}</bdi>"?"</h1>
        <section class="card ask">
            {asked}
            <div class="actions">
                {button}
                {parts::go(format!("{path}/deploys"), "Stay with what is live", Weight::Plain)}
            </div>
        </section>
    };
    Drawn::asking(format!("Roll back {}?", page.app), content.into_any())
}
