//! The checks of an app: whether what users get is right, what the policies found, with the evidence folded under
//! each finding, and the checks before.

use leptos::prelude::*;

use super::Drawn;
use crate::document::app_switch;
use crate::model::{
    Accepted, Check, CheckBrief, CheckOutcome, CheckPage, CheckTarget, Checks, Finding, Frame,
};
use crate::parts::{self, Weight, ago, fact, facts, nothing, stamp, text};
use crate::words::{self, finding_title, segment};

mod sentence;

/// All checks of one app.
pub(super) fn draw(frame: &Frame, page: &Checks) -> Drawn {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let (kind, said) = sentence::of(frame, page);
    let title = format!("{app}: {}", sentence::title(page));
    let content = view! {
        {app_switch(frame, &app, "checks")}
        <h1>"Checks of "<bdi>{app}</bdi></h1>
        <p class=format!("said {kind}")><bdi>{said}</bdi></p>
        <div class="columns">
            <div>
                <section class="card" aria-labelledby="public">
                    <h2 id="public">"What browsers at home get"</h2>
                    {public(frame, page, &path)}
                </section>
                {page.before_swap.as_ref().map(|check| before_swap(frame, page, check, &path))}
            </div>
            <div>
                {accepted(frame, page, &path)}
                <section class="card" aria-labelledby="history">
                    <h2 id="history">"Checks until now"</h2>
                    {history(frame, &page.history, &path)}
                </section>
                <section class="card" aria-labelledby="asked">
                    <h2 id="asked">"What is checked"</h2>
                    <ul class="plain">
                        <li>"Browsers ask for each page again, so that a deploy is seen at once."</li>
                        <li>"Only files whose names change with what is in them are kept for good."</li>
                        <li>"The service worker keeps nothing else. It is run, to see what it does."</li>
                    </ul>
                </section>
            </div>
        </div>
    };
    Drawn::showing(title, content.into_any()).busy(page.checking)
}

/// One check in full.
pub(super) fn one(frame: &Frame, page: &CheckPage) -> Drawn {
    let path = format!("/apps/{}", segment(&page.app));
    let check = &page.check;
    let (class, said) = parts::outcome(&check.brief);
    let when = words::date_time(frame.now, &frame.zone, check.brief.at);
    let title = format!("{}: check of {when}, {said}", page.app);
    let content = view! {
        <h1>"Check of "<bdi>{page.app.clone()}</bdi>" "<span class="whole">{when}</span></h1>
        <section class="card" aria-labelledby="check">
            <h2 id="check" class=class>{said}</h2>
            {facts(check_facts(frame, &page.app, &check.brief))}
            {seen(check)}
            {no_answer(&check.brief)}
        </section>
        {findings(frame, &check.findings, &path, "one")}
        <div class="actions">{parts::go(format!("{path}/checks"), "All checks", Weight::Plain)}</div>
    };
    Drawn {
        class: "middle",
        ..Drawn::showing(title, content.into_any())
    }
}

/// The newest check of the public address, or why there is none, and the button that makes one.
fn public(frame: &Frame, page: &Checks, path: &str) -> AnyView {
    let by_itself = page.url.is_none().then(|| {
        view! {
            <p class="soft">
                "No address is known that people use, so this is not looked at by itself. Set "<code>"url"</code>
                " in the app's table of the configuration, such as "<code>"url = \"https://home.example.org\""</code>
                ", and start Tealkeep again: it is then looked at every few hours, and after each swap."
            </p>
        }
    });
    let again = if page.checking {
        parts::refusal("A check is under way. What it finds will stand here.")
    } else {
        parts::post(format!("{path}/checks"), "Check now", Weight::Primary, None)
    };
    let again = view! { {by_itself}<div class="actions">{again}</div> };
    match &page.public {
        Some(check) => view! {
            {facts(newest_facts(frame, page, check))}
            {seen(check)}
            {no_answer(&check.brief)}
            {again}
            {findings(frame, &check.findings, path, "public")}
        }
        .into_any(),
        None => view! {
            {nothing("It was not looked at yet.")}
            {facts(address_facts(frame, page))}
            {again}
        }
        .into_any(),
    }
}

fn address_facts(frame: &Frame, page: &Checks) -> Vec<parts::Fact> {
    let asked = page
        .public
        .as_ref()
        .and_then(|check| match &check.brief.target {
            CheckTarget::Public { url } => Some(url.clone()),
            CheckTarget::BeforeSwap => None,
        });
    let address = page
        .url
        .clone()
        .or(asked)
        .map(|url| fact("Address", text(url)));
    let next = page
        .next
        .filter(|_| !page.checking)
        .map(|next| fact("Looked at again", ago(frame, next)));
    address.into_iter().chain(next).collect()
}

fn newest_facts(frame: &Frame, page: &Checks, check: &Check) -> Vec<parts::Fact> {
    let href = format!("/apps/{}/checks/{}", segment(&page.app), check.brief.id);
    let mut rows = found(frame, &href, &check.brief);
    rows.extend(
        check
            .brief
            .release
            .clone()
            .map(|release| fact("Release", text(release))),
    );
    rows.extend(address_facts(frame, page));
    rows
}

/// What a check came to, with the way to it, and when.
fn found(frame: &Frame, href: &str, check: &CheckBrief) -> Vec<parts::Fact> {
    let (class, said) = parts::outcome(check);
    let link = view! { <a href=href.to_owned() class=class>{said}</a> };
    vec![
        fact("Found", link.into_any()),
        fact("When", ago(frame, check.at)),
    ]
}

/// The newest check of a release. What users get as well stands above already.
fn before_swap(frame: &Frame, page: &Checks, check: &Check, path: &str) -> AnyView {
    let is_above = |finding: &Finding| {
        let of_public = page.public.iter().flat_map(|public| &public.findings);
        of_public
            .filter(|above| above.kind == finding.kind)
            .any(|above| above.policy == finding.policy && above.url == finding.url)
    };
    let (above, own): (Vec<&Finding>, Vec<&Finding>) =
        check.findings.iter().partition(|finding| is_above(finding));
    let also = match above.len() {
        0 => None,
        1 => Some("One of them is what browsers get as well, and stands with it.".to_owned()),
        n => Some(format!(
            "{n} of them are what browsers get as well, and stand with it."
        )),
    };
    let href = format!("{path}/checks/{}", check.brief.id);
    let mut rows = found(frame, &href, &check.brief);
    rows.extend(check.brief.release.clone().map(|release| {
        let release = match check.brief.run {
            Some(run) => {
                view! { <a href=format!("{path}/runs/{run}")><bdi>{release}</bdi></a> }.into_any()
            }
            None => text(release),
        };
        fact("Release", release)
    }));
    view! {
        <section class="card" aria-labelledby="before-swap">
            <h2 id="before-swap">"The newest release, before its swap"</h2>
            {facts(rows)}
            {seen(check)}
            {no_answer(&check.brief)}
            {also.map(|also| view! { <p class="soft">{also}</p> })}
            {findings(frame, own, path, "release")}
        </section>
    }
    .into_any()
}

/// What the verdict rests on.
fn seen(check: &Check) -> Option<AnyView> {
    let seen = check.seen.clone()?;
    Some(view! { <p class="soft small">"Looked at "<bdi>{seen}</bdi></p> }.into_any())
}

/// Why nothing could be found.
fn no_answer(check: &CheckBrief) -> Option<AnyView> {
    match &check.outcome {
        CheckOutcome::Unreachable { why } => Some(
            view! { <p class="refusal">"There was no answer: the address "<bdi>{why.clone()}</bdi>"."</p> }
                .into_any(),
        ),
        CheckOutcome::Pass | CheckOutcome::Warn | CheckOutcome::Fail => None,
    }
}

fn findings<'a>(
    frame: &Frame,
    findings: impl IntoIterator<Item = &'a Finding>,
    path: &str,
    place: &str,
) -> AnyView {
    findings
        .into_iter()
        .map(|finding| parts::finding(frame, path, place, finding))
        .collect_view()
        .into_any()
}

/// What was accepted and is not seen in the newest checks: there it stands beside the finding.
fn accepted(frame: &Frame, page: &Checks, path: &str) -> Option<AnyView> {
    let shown: Vec<u64> = [&page.public, &page.before_swap]
        .into_iter()
        .flatten()
        .flat_map(|check| &check.findings)
        .filter_map(|finding| Some(finding.accepted.as_ref()?.id))
        .collect();
    let rows: Vec<_> = page
        .accepted
        .iter()
        .filter(|accepted| !shown.contains(&accepted.id))
        .map(|accepted| row(frame, path, accepted))
        .collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="accepted">
                <h2 id="accepted">"Accepted, and not found of late"</h2>
                {rows}
            </section>
        }
        .into_any()
    })
}

fn row(frame: &Frame, path: &str, accepted: &Accepted) -> AnyView {
    view! {
        <article class="finding accepted" id=format!("accepted-{}", accepted.id)>
            <h3><bdi>{finding_title(&accepted.kind).to_owned()}</bdi></h3>
            <p class="at"><bdi>{words::policy_title(&accepted.policy).to_owned()}</bdi></p>
            <p class="at"><bdi>{accepted.url.clone()}</bdi></p>
            {parts::acceptance(frame, path, accepted)}
        </article>
    }
    .into_any()
}

fn history(frame: &Frame, checks: &[CheckBrief], path: &str) -> AnyView {
    if checks.is_empty() {
        return nothing("Nothing was checked yet. Each check will stand here, with what it found.");
    }
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            let (class, said) = parts::outcome(check);
            let release = check
                .release
                .clone()
                .map(|release| view! { <bdi>{release}</bdi>", " });
            let run = check.run.map(|run| {
                view! { " · "<a href=format!("{path}/runs/{run}")>"the run"</a> }
            });
            view! {
                <li id=format!("check-{}", check.id)>
                    <p>
                        <a href=format!("{path}/checks/{}", check.id)>{stamp(frame, check.at)}</a>
                        <span class=class>{said}</span>
                    </p>
                    <p class="soft small">{release}{parts::target(check)}{run}</p>
                </li>
            }
        })
        .collect();
    view! { <ol class="history">{rows}</ol> }.into_any()
}

fn check_facts(frame: &Frame, app: &str, check: &CheckBrief) -> Vec<parts::Fact> {
    let asked = match &check.target {
        CheckTarget::BeforeSwap => text("a release before its swap"),
        CheckTarget::Public { url } => text(url.clone()),
    };
    let mut rows = vec![
        fact("Asked", asked),
        fact(
            "When",
            view! { {stamp(frame, check.at)}<span class="soft">" · "{ago(frame, check.at)}</span> }
                .into_any(),
        ),
        fact("Took", text(words::span(check.took))),
    ];
    rows.extend(
        check
            .release
            .clone()
            .map(|release| fact("Release", text(release))),
    );
    rows.extend(check.run.map(|run| {
        let href = format!("/apps/{}/runs/{run}", segment(app));
        fact("Run", view! { <a href=href>"See the run"</a> }.into_any())
    }));
    rows
}
