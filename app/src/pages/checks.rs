//! The checks of an app: whether the live site is set up correctly, the findings with their evidence, and the earlier
//! checks.

use leptos::prelude::*;

use crate::content::Content;
use crate::model::{
    Accepted, Check, CheckBrief, CheckOutcome, CheckPage, CheckTarget, Checks, Finding, Frame,
};
use crate::navigation::app_switch;
use crate::parts::{self, Weight, ago, fact, facts, nothing, stamp, text};
use crate::wording::{self, accepted_title, policy_title, segment};

mod sentence;

/// All checks of one app.
pub(super) fn draw(frame: &Frame, page: &Checks) -> Content {
    let app = page.app.clone();
    let path = format!("/apps/{}", segment(&app));
    let (class, sentence) = sentence::sentence(frame, page);
    let title = format!("{app}: {}", sentence::title(page));
    let body = view! {
        {app_switch(frame, &app, "checks")}
        <h1>"Checks of "<bdi>{app}</bdi></h1>
        <p class=format!("summary {class}")><bdi>{sentence}</bdi></p>
        <div class="columns">
            <div>
                <section class="card" aria-labelledby="public">
                    <h2 id="public">"The live site"</h2>
                    {public(frame, page, &path)}
                </section>
                {page.before_swap.as_ref().map(|check| before_swap(frame, page, check, &path))}
            </div>
            <div>
                {accepted(frame, page, &path)}
                <section class="card" aria-labelledby="history">
                    <h2 id="history">"All checks"</h2>
                    {history(frame, &page.history, &path)}
                </section>
                {rules()}
            </div>
        </div>
    };
    Content::wide(title, body.into_any()).busy(page.checking)
}

fn rules() -> AnyView {
    view! {
        <section class="card" aria-labelledby="rules">
            <h2 id="rules">"What is checked"</h2>
            <ul class="plain">
                <li>"Browsers ask for every page again, so that everybody sees a new release at once."</li>
                <li>"Browsers keep a file for good only if its name changes with its content."</li>
                <li>"The service worker stores no other files. Tealkeep runs it to see what it does."</li>
            </ul>
        </section>
    }
    .into_any()
}

/// One check in full.
pub(super) fn one(frame: &Frame, page: &CheckPage) -> Content {
    let path = format!("/apps/{}", segment(&page.app));
    let check = &page.check;
    let (class, outcome) = parts::outcome(&check.brief);
    let when = wording::date_time(frame.now, &frame.zone, check.brief.at);
    let title = format!("{}: check of {when}, {outcome}", page.app);
    let body = view! {
        <h1>"Check of "<bdi>{page.app.clone()}</bdi>" "<span class="whole">{when}</span></h1>
        <section class="card" aria-labelledby="check">
            <h2 id="check" class=class>{outcome}</h2>
            {facts(check_facts(frame, &page.app, &check.brief))}
            {seen(check)}
            {no_answer(&check.brief)}
        </section>
        {findings(frame, &check.findings, &path, "one")}
        <div class="actions">{parts::go(format!("{path}/checks"), "All checks", Weight::Plain)}</div>
    };
    Content::middle(title, body.into_any())
}

/// The newest check of the live site, or why there is none, and the button that starts one.
fn public(frame: &Frame, page: &Checks, path: &str) -> AnyView {
    let button = if page.checking {
        parts::refusal("A check is running. Its result will appear here.")
    } else {
        parts::post(format!("{path}/checks"), "Check now", Weight::Primary, None)
    };
    let button = view! {
        {page.url.is_none().then(no_url)}
        <div class="actions">{button}</div>
    }
    .into_any();
    match &page.public {
        Some(check) => view! {
            {facts(newest_facts(frame, page, check))}
            {seen(check)}
            {no_answer(&check.brief)}
            {button}
            {findings(frame, &check.findings, path, "public")}
        }
        .into_any(),
        None => view! {
            {nothing("Not checked yet.")}
            {facts(address_facts(frame, page))}
            {button}
        }
        .into_any(),
    }
}

fn no_url() -> AnyView {
    view! {
        <p class="soft">
            "Tealkeep does not know the public address, so it does not check the site by itself. Set "<code>"url"</code>
            " in the app's section of the configuration, such as "<code>"url = \"https://home.example.org\""</code>
            ", and restart Tealkeep. It then checks the site every few hours and after each deploy."
        </p>
    }
    .into_any()
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
        .map(|next| fact("Next check", ago(frame, next)));
    address.into_iter().chain(next).collect()
}

fn newest_facts(frame: &Frame, page: &Checks, check: &Check) -> Vec<parts::Fact> {
    let href = format!("/apps/{}/checks/{}", segment(&page.app), check.brief.id);
    let mut rows = result_facts(frame, &href, &check.brief);
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

/// The result of a check with a link to it, and when it ran.
fn result_facts(frame: &Frame, href: &str, check: &CheckBrief) -> Vec<parts::Fact> {
    let (class, outcome) = parts::outcome(check);
    let link = view! { <a href=href.to_owned() class=class>{outcome}</a> };
    vec![
        fact("Result", link.into_any()),
        fact("When", ago(frame, check.at)),
    ]
}

/// The newest check of a release. Findings that the live site has too are listed there only.
fn before_swap(frame: &Frame, page: &Checks, check: &Check, path: &str) -> AnyView {
    let is_live = |one: &Finding| {
        let mut live = page.public.iter().flat_map(|public| &public.findings);
        live.any(|other| {
            let (one, other) = (&one.finding, &other.finding);
            (one.policy, one.kind, &one.url) == (other.policy, other.kind, &other.url)
        })
    };
    let (live, own): (Vec<&Finding>, Vec<&Finding>) =
        check.findings.iter().partition(|finding| is_live(finding));
    let also = match live.len() {
        0 => None,
        1 => Some("One of these findings is also on the live site and is listed there.".to_owned()),
        n => Some(format!(
            "{n} of these findings are also on the live site and are listed there."
        )),
    };
    let href = format!("{path}/checks/{}", check.brief.id);
    let mut rows = result_facts(frame, &href, &check.brief);
    rows.extend(release_fact(path, &check.brief));
    view! {
        <section class="card" aria-labelledby="before-swap">
            <h2 id="before-swap">"The newest release, before going live"</h2>
            {facts(rows)}
            {seen(check)}
            {no_answer(&check.brief)}
            {also.map(|also| view! { <p class="soft">{also}</p> })}
            {findings(frame, own, path, "release")}
        </section>
    }
    .into_any()
}

/// The release that was checked, with a link to its run.
fn release_fact(path: &str, check: &CheckBrief) -> Option<parts::Fact> {
    let release = check.release.clone()?;
    let release = match check.run {
        Some(run) => {
            view! { <a href=format!("{path}/runs/{run}")><bdi>{release}</bdi></a> }.into_any()
        }
        None => text(release),
    };
    Some(fact("Release", release))
}

/// What the result is based on.
fn seen(check: &Check) -> Option<AnyView> {
    let seen = check.seen.clone()?;
    Some(view! { <p class="soft small">"Checked "<bdi>{seen}</bdi></p> }.into_any())
}

/// Why there is no result.
fn no_answer(check: &CheckBrief) -> Option<AnyView> {
    match &check.outcome {
        CheckOutcome::Unreachable { why } => Some(
            view! { <p class="refusal">"No answer: the address "<bdi>{why.clone()}</bdi>"."</p> }
                .into_any(),
        ),
        CheckOutcome::Judged(_) => None,
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

/// The accepted findings that the newest checks did not find. The others are shown beside their finding.
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
                <h2 id="accepted">"Accepted, but not found recently"</h2>
                {rows}
            </section>
        }
        .into_any()
    })
}

fn row(frame: &Frame, path: &str, accepted: &Accepted) -> AnyView {
    view! {
        <article class="finding accepted" id=format!("accepted-{}", accepted.id)>
            <h3>{accepted_title(accepted.policy, accepted.kind)}</h3>
            <p class="at">{policy_title(accepted.policy)}</p>
            <p class="at"><bdi>{accepted.url.clone()}</bdi></p>
            {parts::acceptance(frame, path, accepted)}
        </article>
    }
    .into_any()
}

fn history(frame: &Frame, checks: &[CheckBrief], path: &str) -> AnyView {
    if checks.is_empty() {
        return nothing("Nothing has been checked yet. Each check appears here with its result.");
    }
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            let (class, outcome) = parts::outcome(check);
            let release = check
                .release
                .clone()
                .map(|release| view! { <bdi>{release}</bdi>", " });
            let run = check.run.map(|run| {
                view! { " · "<a href=format!("{path}/runs/{run}")>"run"</a> }
            });
            view! {
                <li id=format!("check-{}", check.id)>
                    <p>
                        <a href=format!("{path}/checks/{}", check.id)>{stamp(frame, check.at)}</a>
                        <span class=class>{outcome}</span>
                    </p>
                    <p class="soft small">{release}{parts::target(check)}{run}</p>
                </li>
            }
        })
        .collect();
    view! { <ol class="history">{rows}</ol> }.into_any()
}

fn check_facts(frame: &Frame, app: &str, check: &CheckBrief) -> Vec<parts::Fact> {
    let target = match &check.target {
        CheckTarget::BeforeSwap => text("a release before going live"),
        CheckTarget::Public { url } => text(url.clone()),
    };
    let mut rows = vec![
        fact("Checked", target),
        fact(
            "When",
            view! { {stamp(frame, check.at)}<span class="soft">" · "{ago(frame, check.at)}</span> }
                .into_any(),
        ),
        fact("Took", text(wording::span(check.took))),
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
