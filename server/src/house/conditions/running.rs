//! How well the live app runs: how many requests fail, how often it crashes, and what its health check says.

use std::time::Duration;

use jiff::SignedDuration;

use super::assessment::{About, Assessment, Words};
use crate::house::health::{Health, Verdict};
use crate::house::observed::Observations;
use crate::house::redact::redacted;
use tealkeep_words::condition::{Action, Condition, Key, Kind, Severity};

/// How many requests must have failed in the last 5 minutes before the app counts as failing: fewer are no evidence.
const MIN_FAILED: u64 = 5;
/// From which share of failed requests on it counts as failing, in percent.
const MIN_FAILED_PERCENT: u64 = 5;
/// Below which share it counts as well again, so that it does not flap.
const MAX_WELL_PERCENT: u64 = 2;
/// From which share on that is a failure and no warning.
const MIN_FAILURE_PERCENT: u64 = 20;
/// From how many crashes in the last 10 minutes on an app keeps crashing.
const MIN_CRASHES: usize = 3;
/// The time that crashes are counted over.
const CRASHES_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// For how long an app may give no answer to its health check before that is told: a busy one is slow for a moment.
const MIN_SILENCE: Duration = Duration::from_secs(10);
/// For how long its health check must have failed before a message says so.
const MIN_UNWELL: Duration = Duration::from_secs(60);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let Some(observed) = &about.app.live.observed else {
        // Nobody knows: what was known to be wrong stays so.
        let kinds = [Kind::Failing, Kind::Crashing, Kind::Health, Kind::Requests];
        found.keep(about, &kinds);
        return;
    };
    failing(about, observed, found);
    if let Some(why) = &observed.uncounted {
        found.add(uncounted(about, why));
    }
    crashing(about, observed, found);
    if let Some(health) = &observed.health
        && about.app.live.down.is_none()
    {
        unwell(about, health, found);
    }
}

/// A condition of the release that is live: with another one it begins anew.
fn key(about: &About<'_>, kind: Kind) -> Key {
    Key {
        subject: about
            .app
            .live
            .release
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        ..about.key(kind)
    }
}

fn failing(about: &About<'_>, observed: &Observations, found: &mut Assessment) {
    let key = key(about, Kind::Failing);
    let is_open = about.is_open(&key);
    let Some(recent) = observed.recent.filter(|recent| recent.answers.requests > 0) else {
        // Nobody asked for anything, which is no sign that it is well again.
        if is_open {
            found.unknown.insert(key);
        }
        return;
    };
    let (failed, requests) = (recent.answers.failed(), recent.answers.requests);
    let percent = failed * 100 / requests;
    let holds = if is_open {
        percent >= MAX_WELL_PERCENT
    } else {
        failed >= MIN_FAILED && percent >= MIN_FAILED_PERCENT
    };
    if !holds {
        return;
    }
    let name = about.name();
    let minutes = (recent.over.as_secs() / 60).clamp(1, 5);
    let span = if minutes == 1 {
        "minute".to_owned()
    } else {
        format!("{minutes} minutes")
    };
    let unanswered = match recent.answers.unanswered {
        0 => String::new(),
        n => format!(", {n} of them without any answer of the app"),
    };
    let words = Words {
        title: "the app is failing",
        sentence: format!(
            "{name} is failing: {failed} of the last {requests} requests ended with an error."
        ),
        text: format!(
            "In the last {span} {failed} of {requests} requests to {name} ended with a server error{unanswered} \
             ({percent} %). {}",
            way_back(about)
        ),
    };
    found.add(Condition {
        action: roll_back(about),
        is_news: true,
        ..about.condition(
            key,
            if percent >= MIN_FAILURE_PERCENT {
                Severity::Failure
            } else {
                Severity::Warning
            },
            words,
        )
    });
}

/// The page must not say that all is well as if somebody had looked.
fn uncounted(about: &About<'_>, why: &str) -> Condition {
    let name = about.name();
    let words = Words {
        title: "Tealkeep does not see the app's requests",
        sentence: format!(
            "Tealkeep does not see the requests to {name}, so it can't tell when many of them fail."
        ),
        text: format!(
            "Tealkeep does not know how the requests to {name} end: {}. `tealkeep units {name}` prints the site with which Caddy \
             reports them, unless `count_requests = false` is set under [app.router]. `tealkeep doctor` checks what Caddy has \
             loaded.",
            redacted(why)
        ),
    };
    about.condition(about.key(Kind::Requests), Severity::Hint, words)
}

fn crashing(about: &About<'_>, observed: &Observations, found: &mut Assessment) {
    let count = observed.crashes.count;
    let key = key(about, Kind::Crashing);
    if count < MIN_CRASHES {
        // What happened before this process began is not known.
        let is_young = about.facts.now.duration_since(about.facts.started) < CRASHES_WITHIN;
        if is_young && about.is_open(&key) {
            found.unknown.insert(key);
        }
        return;
    }
    let name = about.name();
    let how = observed
        .crashes
        .newest
        .as_ref()
        .map_or_else(String::new, |crash| {
            format!(" The last time it {}.", redacted(&crash.how))
        });
    let words = Words {
        title: "the app keeps crashing",
        sentence: format!("{name} keeps crashing: {count} times in the last 10 minutes."),
        text: format!(
            "{name} crashed {count} times in the last 10 minutes, and Tealkeep started it again each time.{how} {}",
            way_back(about)
        ),
    };
    found.add(Condition {
        action: roll_back(about),
        is_news: true,
        ..about.condition(key, Severity::Failure, words)
    });
}

fn unwell(about: &About<'_>, health: &Health, found: &mut Assessment) {
    let wrong = match &health.verdict {
        Verdict::Well => return,
        Verdict::Badly { wrong, .. } => wrong,
        Verdict::Silent { wrong } if health.lasted >= MIN_SILENCE => wrong,
        Verdict::Silent { .. } => return,
    };
    let wrong = redacted(wrong);
    let name = about.name();
    let key = key(about, Kind::Health);
    let snapshot = about.app.before_deploy.as_ref().map(|before| {
        format!(
            " If the data is to blame, the snapshot {}, taken before {} was deployed, brings the data from then back.",
            before.snapshot, before.release
        )
    });
    let words = Words {
        title: "the app says that it is not healthy",
        sentence: format!("{name} runs, but its health check fails: it {wrong}."),
        text: format!(
            "The live release of {name}, {}, was asked for its health and {wrong}. {}{}",
            health.release,
            way_back(about),
            snapshot.unwrap_or_default()
        ),
    };
    // The release that was deployed goes back by a rollback; what it did to the data does not.
    let is_deployed = about
        .app
        .before_deploy
        .as_ref()
        .filter(|before| before.release != health.release);
    let action = match is_deployed {
        Some(before) => Action::go(
            format!("Restore the data from before {}", before.release),
            about.page(&format!("/snapshots/{}/restore", before.snapshot)),
        ),
        None => roll_back(about),
    };
    found.add(Condition {
        action,
        is_lasting: health.lasted >= MIN_UNWELL || about.is_open(&key),
        is_news: true,
        ..about.condition(key, Severity::Failure, words)
    });
}

/// What to do, in a sentence.
fn way_back(about: &About<'_>) -> String {
    let name = about.name();
    match &about.app.live.previous {
        Some(previous) => {
            format!("`tealkeep rollback {name}` makes the previous release, {previous}, live.")
        }
        None => "There is no earlier release to go back to: deploy a corrected one.".to_owned(),
    }
}

fn roll_back(about: &About<'_>) -> Action {
    match &about.app.live.previous {
        Some(previous) => Action::go(format!("Roll back to {previous}"), about.page("/rollback")),
        None => Action::go("See the journal", format!("/journal?app={}", about.name())),
    }
}
