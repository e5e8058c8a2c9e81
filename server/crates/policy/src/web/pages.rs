//! The verdict on a page by its headers: whether a browser asks for it again each time, and whether something in
//! between was told, or was seen, to keep it.

use std::time::SystemTime;

use super::super::site::Answer;
use super::super::{Finding, Kind, Policy, Severity};
use super::advice::{self, Aim};
use super::cache_control::CacheControl;
use super::freshness::{self, Reading, Reuse, duration_in_words};
use super::{content, evidence};

/// What is wrong with a page, or nothing. An answer that is neither HTML nor a redirect has nothing wrong.
pub(super) fn judge(answer: &Answer, with_cookie: bool, at: Option<SystemTime>) -> Vec<Finding> {
    if !content::is_html(answer) && !answer.is_redirect() {
        return Vec::new();
    }
    let finding = |(kind, severity, sentence): Wrong, aim| Finding {
        policy: Policy::HtmlCache,
        kind,
        severity,
        url: answer.url.to_string(),
        evidence: format!("{}\n{sentence}", evidence::of(answer, with_cookie)),
        advice: advice::lines(aim),
    };
    let reading = freshness::read(answer, at);
    let mut findings: Vec<Finding> = by_browser(answer, &reading)
        .into_iter()
        .map(|wrong| finding(wrong, Aim::AskAgain))
        .collect();
    if content::is_sniffed(answer) {
        let sentence = "It has no Content-Type; a browser takes it for HTML by its first bytes (MIME Sniffing section 7.1), \
                        and shows the source where it is told not to guess.";
        let wrong = (Kind::Ambiguous, Severity::Warn, sentence.to_owned());
        findings.push(finding(wrong, Aim::AskAgain));
    }
    findings.extend(by_proxy(answer).map(|wrong| finding(wrong, Aim::NotByProxies)));
    findings
}

type Wrong = (Kind, Severity, String);

fn by_browser(answer: &Answer, reading: &Reading) -> Option<Wrong> {
    let doubts = || {
        let doubts = reading.doubts.join("; ");
        if doubts.is_empty() {
            doubts
        } else {
            format!(" Besides: {doubts}.")
        }
    };
    let (kind, severity, sentence) = match &reading.reuse {
        Reuse::Never(how) | Reuse::Asks(how) => {
            if reading.doubts.is_empty() {
                return None;
            }
            let sentence = format!(
                "As it stands it is right, by {how}. {}.",
                reading.doubts.join("; ")
            );
            return Some((Kind::Ambiguous, Severity::Warn, sentence));
        }
        Reuse::AsksUnlessCutOff(by) => (
            Kind::MayBeStale,
            Severity::Warn,
            format!(
                "{by} makes it stale at once, and nothing forbids to show a stale one: a browser that is cut off from \
                 the site may show the old page (RFC 9111 section 4.2.4). must-revalidate or no-cache would forbid it."
            ),
        ),
        Reuse::WhileAsking(seconds) => (
            Kind::MayBeStale,
            Severity::Fail,
            format!(
                "For {} a browser shows the old page and asks for the new one meanwhile, which is seen the next time \
                 (RFC 5861 section 3).",
                duration_in_words(*seconds)
            ),
        ),
        Reuse::Fresh { seconds, left, by } => (
            Kind::Reusable,
            Severity::Fail,
            if left == seconds {
                format!(
                    "{by} lets a browser show it for the next {} without asking (RFC 9111 section 4.2.1).",
                    duration_in_words(*seconds)
                )
            } else {
                format!(
                    "{by} lets a browser show it for {} without asking (RFC 9111 section 4.2.1); it is {} old already \
                     (section 4.2.3), which leaves {}.",
                    duration_in_words(*seconds),
                    duration_in_words(freshness::age(answer)),
                    duration_in_words(*left)
                )
            },
        ),
        Reuse::Guessed { seconds, is_sure } => (
            Kind::HeuristicFreshness,
            if *is_sure {
                Severity::Fail
            } else {
                Severity::Warn
            },
            guessed(answer, *seconds, *is_sure),
        ),
        Reuse::Unclear(why) => (Kind::Ambiguous, Severity::Fail, format!("{why}.")),
    };
    match &reading.qualified {
        Some(fields) => Some((
            Kind::QualifiedNoCache,
            Severity::Fail,
            format!(
                "no-cache=\"{fields}\" makes a browser ask again for these fields only, not for the page (RFC 9111 \
                 section 5.2.2.4). {sentence}{}",
                doubts()
            ),
        )),
        None => Some((kind, severity, format!("{sentence}{}", doubts()))),
    }
}

fn guessed(answer: &Answer, seconds: Option<u64>, is_sure: bool) -> String {
    let pragma = if answer.line("cache-control").is_none() && answer.line("pragma").is_some() {
        " What Pragma means in an answer is not specified (RFC 9111 section 5.4)."
    } else {
        ""
    };
    let how_long = match seconds {
        Some(seconds) if seconds > 0 => format!(
            "a tenth of the time since Last-Modified is usual, which makes {} without asking",
            duration_in_words(seconds)
        ),
        Some(_) | None => "how long is its own affair".to_owned(),
    };
    let may = if is_sure {
        format!("A {} may be kept", answer.status)
    } else {
        format!(
            "A {} is not kept by itself, and `private` can be read as leave to do so (RFC 9111 section 3); then it may \
             be kept",
            answer.status
        )
    };
    format!(
        "Nothing says how long it is fresh. {may}, and a browser guesses for how long: {how_long} (RFC 9111 section \
         4.2.2).{pragma}"
    )
}

/// Fields that only a CDN reads (RFC 9213, and those from before it).
const TARGETED: &[&str] = &[
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "vercel-cdn-cache-control",
    "netlify-cdn-cache-control",
    "surrogate-control",
];

/// What shared caches were told, and what they were seen to do. A browser hears none of it.
fn by_proxy(answer: &Answer) -> Option<Wrong> {
    let says = CacheControl::of(answer.lines("cache-control"));
    let is_forbidden = says.is_flagged("no-store") || says.is_flagged("no-cache");
    let mut told = Vec::new();
    let mut is_targeted = false;
    for name in TARGETED {
        let targeted = CacheControl::of(answer.lines(name));
        is_targeted |= !targeted.is_empty();
        if targeted.is_flagged("no-store") || targeted.is_flagged("no-cache") {
            continue;
        }
        if let Some(seconds) = targeted.gives("max-age").or(targeted.gives("s-maxage")) {
            told.push(format!(
                "{name} tells a CDN to keep it for {}",
                duration_in_words(seconds)
            ));
        }
    }
    if let Some(seconds) = says.gives("s-maxage")
        && !is_forbidden
        && !says.is_flagged("private")
    {
        told.push(format!(
            "s-maxage lets proxies keep it for {} (RFC 9111 section 5.2.2.10)",
            duration_in_words(seconds)
        ));
    }
    let age = freshness::age(answer);
    let (hit, is_stale) = hit(answer);
    if let Some(hit) = &hit {
        told.push(format!("{hit}: a cache on the way answered"));
    }
    if age > 0 {
        told.push(format!(
            "Age says that this copy was kept on the way for {} (RFC 9111 section 5.1)",
            duration_in_words(age)
        ));
    }
    if told.is_empty() {
        return None;
    }
    // A cache that was told to ask each time and did not, or that says itself that its copy is an old one.
    let was_disobeyed = age > 0 && is_forbidden && !is_targeted;
    let severity = if is_stale || was_disobeyed {
        Severity::Fail
    } else {
        Severity::Warn
    };
    let so = match (is_stale, was_disobeyed) {
        (true, _) => "It says itself that the copy is an old one.",
        (false, true) => "It was told to ask each time (RFC 9111 section 5.2.2.4), and did not.",
        (false, false) => {
            "After a deploy a browser that asks gets the old page from there, unless the deploy empties it."
        }
    };
    let sentence = format!(
        "{}. {so} This is not about the browser's own cache.",
        told.join("; ")
    );
    Some((Kind::KeptByProxy, severity, sentence))
}

/// What a cache on the way says of its answer, and whether it says that the copy is an old one.
fn hit(answer: &Answer) -> (Option<String>, bool) {
    for name in [
        "cf-cache-status",
        "x-vercel-cache",
        "x-cache",
        "cache-status",
    ] {
        for line in answer.lines(name) {
            let upper = line.to_ascii_uppercase();
            let mut words = upper.split(|c: char| !c.is_ascii_alphanumeric());
            let is_stale = words
                .clone()
                .any(|word| matches!(word, "STALE" | "UPDATING"));
            if is_stale || words.any(|word| word == "HIT") {
                return (Some(format!("{name} is {line}")), is_stale);
            }
        }
    }
    (None, false)
}
