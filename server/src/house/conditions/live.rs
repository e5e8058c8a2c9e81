//! Whether people can use the app: whether anything is deployed, runs, and is reached.

use jiff::SignedDuration;

use super::assessment::{About, Assessment, Words};
use crate::house::facts::Trouble;
use crate::house::redact::redacted;
use tealkeep_words::condition::{Action, Condition, Kind, Severity};

/// For how long the live colour may be in trouble before a message says so: one that is started again at once is not
/// worth one.
const MIN_TROUBLE: SignedDuration = SignedDuration::from_mins(2);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let live = &about.app.live;
    if live.release.is_none() && live.misrouted.is_none() {
        found.add(nothing_deployed(about));
    }
    if let Some(down) = &live.down {
        found.add(is_down(about, down));
    }
    if let Some(misrouted) = &live.misrouted {
        found.add(is_misrouted(about, misrouted));
    }
}

fn nothing_deployed(about: &About<'_>) -> Condition {
    let name = about.name();
    let words = Words {
        title: "nothing is deployed yet",
        sentence: format!("Nothing is deployed to {name} yet, so nobody can use it."),
        text: format!(
            "{name} has no release yet. `tealkeep push {name} DIRECTORY` on your laptop sends one and makes it live."
        ),
    };
    let page = about.page("/deploys");
    Condition {
        action: Action::go("Deploys", page.clone()),
        page,
        is_lasting: false,
        ..about.condition(about.key(Kind::Release), Severity::Warning, words)
    }
}

fn is_down(about: &About<'_>, down: &Trouble) -> Condition {
    let name = about.name();
    let what = redacted(&down.what);
    let words = Words {
        title: "the app does not run as it should",
        sentence: format!("{name} is down: {what}."),
        text: format!(
            "{name} is down: {what}. Tealkeep keeps starting it. `tealkeep status` shows the current state, and \
             `tealkeep rollback {name}` makes the previous release live."
        ),
    };
    let action = match &about.app.live.previous {
        Some(previous) => Action::go(format!("Roll back to {previous}"), about.page("/rollback")),
        None => Action::go("See the journal", format!("/journal?app={name}")),
    };
    let key = about.key(Kind::Live);
    Condition {
        is_lasting: lasts(about, &key, down),
        action,
        page: "/".to_owned(),
        ..about.condition(key, Severity::Failure, words)
    }
}

fn is_misrouted(about: &About<'_>, misrouted: &Trouble) -> Condition {
    let name = about.name();
    let what = redacted(&misrouted.what);
    let words = Words {
        title: "requests do not reach the app",
        sentence: format!("{name} is down: requests don't go the way they should: {what}."),
        text: format!(
            "{name} runs, and requests for it don't reach it: {what}. `tealkeep doctor` checks the way to the app and \
             says what to change."
        ),
    };
    let key = about.key(Kind::Route);
    Condition {
        is_lasting: lasts(about, &key, misrouted),
        action: Action::go("See the journal", format!("/journal?app={name}")),
        page: format!("/journal?app={name}"),
        ..about.condition(key, Severity::Failure, words)
    }
}

fn lasts(about: &About<'_>, key: &crate::house::Key, trouble: &Trouble) -> bool {
    trouble.lasted >= MIN_TROUBLE || about.is_open(key)
}
