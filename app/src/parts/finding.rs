//! A check in a line, and a finding as a card: what it means, its evidence, what to change, and the form that accepts it
//! or takes that back.

use std::hash::{DefaultHasher, Hash, Hasher};

use leptos::prelude::*;
use tealkeep_words::finding::{Severity, Verdict};

use super::{Weight, ago, post, text};
use crate::model::{Accepted, CheckBrief, CheckOutcome, CheckTarget, Finding, Frame};
use crate::wording::{self, accepted_title, counted, finding_title, policy_title};

/// The result of a check with a link to it, and when it ran: "nothing found · 2 hours ago". `path` is the app's page of
/// checks.
pub(crate) fn check_line(frame: &Frame, path: &str, check: &CheckBrief) -> AnyView {
    let (class, outcome) = outcome(check);
    view! {
        <a href=path.to_owned() class=class>{outcome}</a>
        <span class="whole soft">" · "{ago(frame, check.at)}</span>
    }
    .into_any()
}

/// The result of a check, as a class and as text: "2 failures, 1 warning".
pub(crate) fn outcome(check: &CheckBrief) -> (&'static str, String) {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let accepted = (check.accepted > 0).then(|| format!("{} accepted", check.accepted));
    let fails = (check.fails > 0).then(|| counted(count(check.fails), "failure", "failures"));
    let warns = (check.warns > 0).then(|| counted(count(check.warns), "warning", "warnings"));
    let counts: Vec<String> = [fails, warns, accepted.clone()]
        .into_iter()
        .flatten()
        .collect();
    let counts_or = |otherwise: &str| {
        if counts.is_empty() {
            otherwise.to_owned()
        } else {
            counts.join(", ")
        }
    };
    match check.outcome {
        CheckOutcome::Judged(Verdict::Pass) => match accepted {
            None => ("ok", "nothing found".to_owned()),
            Some(accepted) => ("ok", format!("nothing else found, {accepted}")),
        },
        CheckOutcome::Judged(Verdict::Warn) => ("caution", counts_or("warning")),
        CheckOutcome::Judged(Verdict::Fail) => ("alarm", counts_or("failed")),
        CheckOutcome::Unreachable { .. } => ("caution", "no answer".to_owned()),
    }
}

/// What was checked, in a few words.
pub(crate) fn target(check: &CheckBrief) -> AnyView {
    match &check.target {
        CheckTarget::BeforeSwap => "before going live".into_any(),
        CheckTarget::Public { url } => text(url.clone()),
    }
}

/// One finding as a card. `place` tells the cards of one page apart if two checks found the same; `path` is the app's.
pub(crate) fn finding(frame: &Frame, path: &str, place: &str, finding: &Finding) -> AnyView {
    let found = &finding.finding;
    let (class, glyph, word) = match (&finding.accepted, found.severity) {
        (Some(_), _) => ("finding accepted", "✓", "Accepted"),
        (None, Severity::Fail) => ("finding fails", "✕", "Failure"),
        (None, Severity::Warn) => ("finding warns", "!", "Warning"),
    };
    let key = key(place, finding);
    let form = match &finding.accepted {
        Some(accepted) => acceptance(frame, path, accepted),
        None => accept(path, &key, finding),
    };
    view! {
        <article class=class id=key.clone()>
            <h3>
                <span class="severity"><i aria-hidden="true">{glyph}</i>{word}</span>
                <bdi>{finding_title(found.kind)}</bdi>
            </h3>
            <p class="at"><bdi>{found.url.clone()}</bdi></p>
            <p class="soft small">
                {policy_title(found.policy)}" · "<code>{found.kind.as_str()}</code>
            </p>
            {evidence(&key, &found.evidence)}
            {advice(&key, &found.advice)}
            {form}
        </article>
    }
    .into_any()
}

/// The same finding has the same key in the next check, so that what is unfolded and typed stays when the script
/// refreshes the page.
fn key(place: &str, finding: &Finding) -> String {
    let found = &finding.finding;
    let mut hasher = DefaultHasher::new();
    (found.policy, found.kind, &found.url).hash(&mut hasher);
    format!("{place}-{:x}", hasher.finish())
}

fn evidence(key: &str, lines: &str) -> Option<AnyView> {
    let lines = lines.trim_end().to_owned();
    (!lines.trim().is_empty()).then(|| {
        view! {
            <details id=format!("seen-{key}")>
                <summary>"Evidence"</summary>
                <pre dir="auto">{lines}</pre>
            </details>
        }
        .into_any()
    })
}

/// What to change: first in sentences, then a line for each framework, folded if there are many.
fn advice(key: &str, lines: &str) -> Option<AnyView> {
    let mut sentences = Vec::new();
    let mut frameworks = Vec::new();
    for piece in wording::advice(lines) {
        let text = with_code(&piece.text);
        match piece.framework.map(str::to_owned) {
            Some(name) => frameworks.push(view! { <li><b><bdi>{name}</bdi></b>" "{text}</li> }),
            None => sentences.push(view! { <p>{text}</p> }),
        }
    }
    let list = match frameworks.len() {
        0 if sentences.is_empty() => return None,
        0 => None,
        1 | 2 => Some(view! { <ul>{frameworks}</ul> }.into_any()),
        _ => Some(
            view! {
                <details id=format!("how-{key}")>
                    <summary>"How to do it in each framework"</summary>
                    <ul>{frameworks}</ul>
                </details>
            }
            .into_any(),
        ),
    };
    Some(
        view! { <div class="advice"><p><b>"What to change"</b></p>{sentences}{list}</div> }
            .into_any(),
    )
}

/// A text in which whatever is between backticks is code.
fn with_code(text: &str) -> AnyView {
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without a partner is a plain backtick.
    if parts.len().is_multiple_of(2) {
        return super::text(text);
    }
    let shown: Vec<_> = parts
        .into_iter()
        .enumerate()
        .map(|(i, part)| match i % 2 {
            0 => super::text(part),
            _ => view! { <code><bdi>{part.to_owned()}</bdi></code> }.into_any(),
        })
        .collect();
    view! { {shown} }.into_any()
}

/// The folded form that accepts a finding, with what that means.
fn accept(path: &str, key: &str, finding: &Finding) -> AnyView {
    let found = &finding.finding;
    let action = format!("{path}/acceptances");
    let consequence = match found.severity {
        Severity::Fail => "It will no longer block deploys or count in checks of the live site.",
        Severity::Warn => "It will no longer count in checks of the live site.",
    };
    view! {
        <details id=format!("accept-{key}")>
            <summary>"Accept this finding…"</summary>
            <form method="post" action=action class="fields">
                <p class="small">
                    {consequence}" It stays on this page with who accepted it and why, and can be taken back at any time."
                </p>
                <input type="hidden" name="policy" value=found.policy.as_str()/>
                <input type="hidden" name="kind" value=found.kind.as_str()/>
                <input type="hidden" name="url" value=found.url.clone()/>
                {scope_fields(key, finding)}
                {reason_field(key)}
                <button class="button">"Accept this finding"</button>
            </form>
        </details>
    }
    .into_any()
}

fn scope_fields(key: &str, finding: &Finding) -> AnyView {
    let found = &finding.finding;
    let (scope, pattern) = (format!("scope-{key}"), format!("pattern-{key}"));
    let everything = format!("Every finding about: {}", policy_title(found.policy));
    view! {
        <label for=scope.clone()>"What to accept"</label>
        <select id=scope name="scope">
            <option value="one">"Only this finding at this address"</option>
            <option value="pattern">"The same finding at the addresses below"</option>
            <option value="kind">"The same finding at every address of the app"</option>
            <option value="policy">{everything}</option>
        </select>
        <label for=pattern.clone()>"Addresses (* stands for any characters)"</label>
        <input id=pattern name="pattern" type="text" maxlength="2000" autocomplete="off" value=found.url.clone()/>
    }
    .into_any()
}

fn reason_field(key: &str) -> AnyView {
    let why = format!("why-{key}");
    view! {
        <label for=why.clone()>"Why it is acceptable"</label>
        <input id=why name="why" type="text" required maxlength="500" autocomplete="off"/>
    }
    .into_any()
}

/// Who accepted a finding, when and why, and the button that takes it back.
pub(crate) fn acceptance(frame: &Frame, path: &str, accepted: &Accepted) -> AnyView {
    let action = format!("{path}/acceptances/{}/revoke", accepted.id);
    let broad = accepted.is_pattern.then(|| {
        let what = accepted_title(accepted.policy, accepted.kind);
        view! { <p class="soft small">"Accepted for: "{what}", at "<bdi>{accepted.url.clone()}</bdi></p> }
    });
    view! {
        <div class="accepted-by">
            {broad}
            <p>
                "Accepted by "<bdi>{accepted.by.clone()}</bdi>" "{ago(frame, accepted.at)}": "
                <q><bdi>{accepted.why.clone()}</bdi></q>
            </p>
            {post(action, "Take back", Weight::Plain, None)}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(outcome: CheckOutcome, fails: usize, warns: usize, accepted: usize) -> CheckBrief {
        CheckBrief {
            id: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            took: std::time::Duration::ZERO,
            target: CheckTarget::BeforeSwap,
            release: None,
            run: None,
            outcome,
            fails,
            warns,
            accepted,
        }
    }

    #[test]
    fn an_outcome_is_worded_by_this_table() {
        let unreachable = CheckOutcome::Unreachable {
            why: "did not answer".to_owned(),
        };
        let table = [
            (
                brief(CheckOutcome::Judged(Verdict::Pass), 0, 0, 0),
                "nothing found",
            ),
            (
                brief(CheckOutcome::Judged(Verdict::Pass), 0, 0, 2),
                "nothing else found, 2 accepted",
            ),
            (
                brief(CheckOutcome::Judged(Verdict::Warn), 0, 1, 0),
                "1 warning",
            ),
            (
                brief(CheckOutcome::Judged(Verdict::Fail), 1, 2, 1),
                "1 failure, 2 warnings, 1 accepted",
            ),
            (brief(unreachable, 0, 0, 0), "no answer"),
        ];
        for (check, expected) in table {
            assert_eq!(outcome(&check).1, expected);
        }
    }
}
