//! What the newest check of the public pages found.

use super::assessment::{About, Assessment, Words};
use crate::deploy::verdict;
use crate::house::redact::redacted;
use crate::journal::checks::Check;
use crate::policy;
use tealkeep_words::condition::{Action, Condition, Kind, Severity};

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let Some(check) = &about.app.check else {
        return;
    };
    match check.verdict {
        Some(policy::Verdict::Fail) => found.add(fails(about, check)),
        Some(policy::Verdict::Pass | policy::Verdict::Warn) => {}
        None => {
            found.add(unreachable(about, check));
            // What is served there may be as it was.
            found.unknown.insert(about.key(Kind::Check));
        }
    }
}

fn fails(about: &About<'_>, check: &Check) -> Condition {
    let name = about.name();
    let count = check.counting(policy::Severity::Fail).count();
    let what = if count == 1 {
        "a finding that fails"
    } else {
        "findings that fail"
    };
    let found = verdict::in_a_sentence(check, policy::Severity::Fail).unwrap_or_default();
    let words = Words {
        title: "what people see fails a check",
        sentence: format!("People may be shown old pages or files of {name}: {found}."),
        text: format!(
            "The check of {} on {} has {count} {what}. The page of the check says what each is, and what to change.",
            check.url,
            about.local(check.at)
        ),
    };
    Condition {
        action: Action::go("See the checks", about.page("/checks")),
        page: about.page(&format!("/checks/{}", check.id)),
        ..about.condition(about.key(Kind::Check), Severity::Warning, words)
    }
}

fn unreachable(about: &About<'_>, check: &Check) -> Condition {
    let name = about.name();
    let why = redacted(check.unreachable.as_deref().unwrap_or_default());
    let words = Words {
        title: "the app's address gives no answer",
        sentence: format!("{name} could not be checked where people reach it: {why}."),
        text: format!(
            "Nobody answered at {} on {}: {why}. If people at home can't open it either, look at the router, at DNS and \
             at the proxy; `tealkeep doctor` helps with that.",
            check.url,
            about.local(check.at)
        ),
    };
    let page = about.page("/checks");
    Condition {
        action: Action::go("See the checks", page.clone()),
        page,
        ..about.condition(about.key(Kind::Reach), Severity::Warning, words)
    }
}
