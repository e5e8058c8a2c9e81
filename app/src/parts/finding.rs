//! A check in a line, and one finding as a card: what it means, what shows it, what mends it, and the form that
//! accepts it or takes that back.

use std::hash::{DefaultHasher, Hash, Hasher};

use leptos::prelude::*;

use super::{Weight, ago, post, text};
use crate::model::{Accepted, CheckBrief, CheckOutcome, CheckTarget, Finding, Frame};
use crate::words::{self, finding_title, policy_title};

/// What a check came to, with a link to it, and when: "nothing found · 2 hours ago". `path` is the app's page of
/// checks.
pub(crate) fn check_line(frame: &Frame, path: &str, check: &CheckBrief) -> AnyView {
    let (class, said) = outcome(check);
    view! {
        <a href=path.to_owned() class=class>{said}</a>
        <span class="whole soft">" · "{ago(frame, check.at)}</span>
    }
    .into_any()
}

/// What a check came to, as the class of the words and the words: "2 fail, 1 warns".
pub(crate) fn outcome(check: &CheckBrief) -> (&'static str, String) {
    let accepted = (check.accepted > 0).then(|| format!("{} accepted", check.accepted));
    let fails = (check.fails > 0).then(|| one_or_more(check.fails, "fails", "fail"));
    let warns = (check.warns > 0).then(|| one_or_more(check.warns, "warns", "warn"));
    let counts: Vec<String> = [fails, warns, accepted.clone()]
        .into_iter()
        .flatten()
        .collect();
    let or_else = |words: &str| {
        if counts.is_empty() {
            words.to_owned()
        } else {
            counts.join(", ")
        }
    };
    match check.outcome {
        CheckOutcome::Pass => match accepted {
            None => ("ok", "nothing found".to_owned()),
            Some(accepted) => ("ok", format!("nothing more found, {accepted}")),
        },
        CheckOutcome::Warn => ("caution", or_else("warns")),
        CheckOutcome::Fail => ("alarm", or_else("fails")),
        CheckOutcome::Unreachable { .. } => ("caution", "no answer".to_owned()),
    }
}

fn one_or_more(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

/// What was asked, in a few words.
pub(crate) fn target(check: &CheckBrief) -> AnyView {
    match &check.target {
        CheckTarget::BeforeSwap => "before the swap".into_any(),
        CheckTarget::Public { url } => text(url.clone()),
    }
}

/// One finding. `place` tells the cards of one page apart where two checks found the same; `path` is the app's.
pub(crate) fn finding(frame: &Frame, path: &str, place: &str, finding: &Finding) -> AnyView {
    let (class, glyph, word) = match (&finding.accepted, finding.fails) {
        (Some(_), _) => ("finding accepted", "✓", "Accepted"),
        (None, true) => ("finding fails", "✕", "Fails"),
        (None, false) => ("finding warns", "!", "Warns"),
    };
    let key = key(place, finding);
    let evidence = (!finding.evidence.trim().is_empty()).then(|| {
        let lines = finding.evidence.trim_end().to_owned();
        view! {
            <details id=format!("seen-{key}")>
                <summary>"What was seen"</summary>
                <pre dir="auto">{lines}</pre>
            </details>
        }
    });
    let settle = match &finding.accepted {
        Some(accepted) => acceptance(frame, path, accepted),
        None => accept(path, &key, finding),
    };
    view! {
        <article class=class id=key.clone()>
            <h3>
                <span class="severity"><i aria-hidden="true">{glyph}</i>{word}</span>
                <bdi>{finding_title(&finding.kind).to_owned()}</bdi>
            </h3>
            <p class="at"><bdi>{finding.url.clone()}</bdi></p>
            <p class="soft small">
                <bdi>{policy_title(&finding.policy).to_owned()}</bdi>" · "<code><bdi>{finding.kind.clone()}</bdi></code>
            </p>
            {evidence}
            {advice(&key, &finding.advice)}
            {settle}
        </article>
    }
    .into_any()
}

/// The same finding has the same key in the next check, so that what is unfolded and typed stays when the page is
/// made fresh.
fn key(place: &str, finding: &Finding) -> String {
    let mut hasher = DefaultHasher::new();
    (&finding.policy, &finding.kind, &finding.url).hash(&mut hasher);
    format!("{place}-{:x}", hasher.finish())
}

/// What to change: in sentences, and then a line for each framework, folded where there are many.
fn advice(key: &str, lines: &str) -> Option<AnyView> {
    let mut sentences = Vec::new();
    let mut for_each = Vec::new();
    for piece in words::advice(lines) {
        let text = with_code(&piece.text);
        match piece.place.map(str::to_owned) {
            Some(place) => for_each.push(view! { <li><b><bdi>{place}</bdi></b>" "{text}</li> }),
            None => sentences.push(view! { <p>{text}</p> }),
        }
    }
    let list = match for_each.len() {
        0 if sentences.is_empty() => return None,
        0 => None,
        1 | 2 => Some(view! { <ul>{for_each}</ul> }.into_any()),
        _ => Some(
            view! {
                <details id=format!("how-{key}")>
                    <summary>"How, in each framework"</summary>
                    <ul>{for_each}</ul>
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

/// A text in which what stands between backticks is code.
fn with_code(text: &str) -> AnyView {
    let parts: Vec<&str> = text.split('`').collect();
    // One backtick without another is a backtick.
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

/// The form that accepts a finding, folded, with what will come of it.
fn accept(path: &str, key: &str, finding: &Finding) -> AnyView {
    let action = format!("{path}/acceptances");
    let why = format!("why-{key}");
    let (scope, pattern) = (format!("scope-{key}"), format!("pattern-{key}"));
    let then = if finding.fails {
        "Deploys will no longer be stopped by it, and it will not count when the site is looked at."
    } else {
        "It will no longer count when the site is looked at."
    };
    view! {
        <details id=format!("accept-{key}")>
            <summary>"Accept this finding…"</summary>
            <form method="post" action=action class="fields">
                <p class="small">
                    {then}" It stays on this page, with who accepted it and why, and can be taken back here at any time."
                </p>
                <input type="hidden" name="policy" value=finding.policy.clone()/>
                <input type="hidden" name="kind" value=finding.kind.clone()/>
                <input type="hidden" name="url" value=finding.url.clone()/>
                <label for=scope.clone()>"What is accepted"</label>
                <select id=scope name="scope">
                    <option value="one">"This one. The same at another address still counts."</option>
                    <option value="pattern">"The same at addresses like the ones below"</option>
                    <option value="kind">"The same at every address of the app"</option>
                    <option value="policy">{format!("Everything that is found about: {}", policy_title(&finding.policy))}</option>
                </select>
                <label for=pattern.clone()>"Addresses (* stands for any characters)"</label>
                <input id=pattern name="pattern" type="text" maxlength="2000" autocomplete="off" value=finding.url.clone()/>
                <label for=why.clone()>"Why it may stay so"</label>
                <input id=why name="why" type="text" required maxlength="500" autocomplete="off"/>
                <button class="button">"Accept this finding"</button>
            </form>
        </details>
    }
    .into_any()
}

/// Who accepted a finding, when and why, and the button that takes it back.
pub(crate) fn acceptance(frame: &Frame, path: &str, accepted: &Accepted) -> AnyView {
    let action = format!("{path}/acceptances/{}/revoke", accepted.id);
    let broad = accepted.is_pattern.then(|| {
        let what = match accepted.kind.as_str() {
            "*" => policy_title(&accepted.policy).to_owned(),
            kind => finding_title(kind).to_owned(),
        };
        view! { <p class="soft small">"Accepted for: "<bdi>{what}</bdi>", at "<bdi>{accepted.url.clone()}</bdi></p> }
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
            (brief(CheckOutcome::Pass, 0, 0, 0), "nothing found"),
            (
                brief(CheckOutcome::Pass, 0, 0, 2),
                "nothing more found, 2 accepted",
            ),
            (brief(CheckOutcome::Warn, 0, 1, 0), "1 warns"),
            (
                brief(CheckOutcome::Fail, 1, 2, 1),
                "1 fails, 2 warn, 1 accepted",
            ),
            (brief(unreachable, 0, 0, 0), "no answer"),
        ];
        for (check, words) in table {
            assert_eq!(outcome(&check).1, words);
        }
    }
}
