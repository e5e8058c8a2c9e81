//! Whether browsers find a new version of a worker: they compare its scripts byte by byte, and look for them in the
//! HTTP cache first where the registration or the file itself lets them (Service Workers, "Update" and
//! `updateViaCache`). At the latest a day after the last update they ask the network again.

use std::time::SystemTime;

use tealkeep_worker::play::Record;
use url::Url;

use super::super::web::{Kept, Nature, Seen};
use super::super::{Finding, Kind, Severity};
use super::answers::Answers;
use super::judge::{finding, words};
use super::registration::{Sources, ViaCache};

/// From here on an imported script that can change fails, in seconds: an hour.
const LONG_LIFETIME_SECONDS: u64 = 3600;

/// The scripts of a worker that a browser may go on using although the site has others.
pub fn judge(
    record: &Record,
    sources: &Sources,
    seen: &Seen,
    answers: &Answers<'_>,
) -> Vec<Finding> {
    let main = &record.registration.script;
    let via_cache = sources.via_cache(main);
    let mut findings = Vec::new();
    if via_cache == ViaCache::All {
        findings.push(all_through_the_cache(main, answers, seen.at));
    }
    if via_cache != ViaCache::None {
        let long = answers
            .scripts()
            .iter()
            .filter(|url| url.as_str() != main)
            .filter_map(|url| kept_import(url, main, seen, answers));
        findings.extend(long);
    }
    findings
}

fn all_through_the_cache(main: &str, answers: &Answers<'_>, at: Option<SystemTime>) -> Finding {
    let kept = answers.heard(main).and_then(|answer| Kept::of(answer, at));
    let (severity, so) = match kept {
        Some(kept) => (
            Severity::Fail,
            format!(
                "The script may be used for {} without asking, so a browser that looks for a new worker gets the old one.",
                kept.in_words()
            ),
        ),
        None => (
            Severity::Warn,
            "The script itself is asked for each time, so nothing is late today; one header makes it so.".to_owned(),
        ),
    };
    Finding {
        severity,
        ..finding(
            Kind::StaleWorkerScript,
            main.to_owned(),
            format!(
                "A page registers it with `updateViaCache: \"all\"`: when a browser looks for a new version of the \
                 worker, its HTTP cache may answer, for up to a day. {so}"
            ),
            words::advice(Kind::StaleWorkerScript),
        )
    }
}

/// A script with a stable name that is imported and kept.
fn kept_import(url: &Url, main: &str, seen: &Seen, answers: &Answers<'_>) -> Option<Finding> {
    let (Nature::Mutable(why) | Nature::ProvenMutable(why)) = answers.nature(url) else {
        return None;
    };
    let kept = Kept::of(answers.heard(url.as_str())?, seen.at)?;
    let severity = match kept.immutable || kept.seconds >= LONG_LIFETIME_SECONDS {
        true => Severity::Fail,
        false => Severity::Warn,
    };
    Some(Finding {
        severity,
        ..finding(
            Kind::StaleWorkerScript,
            url.to_string(),
            format!(
                "The service worker {main} imports it, and a browser may use it for {} without asking: until then, or \
                 for a day, it finds no new version of the worker when only this file changed. It can change under its \
                 URL: {why}.",
                kept.in_words()
            ),
            words::advice(Kind::StaleWorkerScript),
        )
    })
}
