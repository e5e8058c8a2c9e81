//! The verdict on what pages load: kept for good where its name changes with its content, and only there.

use std::time::SystemTime;

use super::super::site::Answer;
use super::super::{Finding, Kind, Policy, Severity};
use super::advice::{self, Aim};
use super::cache_control::{CacheControl, Seconds};
use super::freshness::{self, Kept, Reuse, duration_in_words};
use super::{Asset, Nature, content, evidence};

/// From here on a life is long: thirty days, in seconds. A year is what to send.
pub const LONG_LIFETIME_SECONDS: u64 = 30 * 86_400;
/// So long a picture, a font or a film may be an old one, in seconds: a day. A script or a style sheet may not at
/// all, since an old one meets a new page.
pub const MAX_PICTURE_AGE_SECONDS: u64 = 86_400;

/// An hour and a day, in seconds: so long an error in a file's place is kept before it is told, and before it fails.
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// What is wrong with an asset, or nothing.
pub(super) fn judge(asset: &Asset, at: Option<SystemTime>) -> Option<Finding> {
    let answer = asset.answer.as_ref()?;
    if let Some(finding) = long_lived_error(asset, answer, at) {
        return Some(finding);
    }
    // A manifest is read when the app is installed and then by rules of its own.
    if answer.status != 200 || content::is_html(answer) || asset.destination == "manifest" {
        return None;
    }
    let says = CacheControl::of(answer.lines("cache-control"));
    let reading = freshness::read(answer, at);
    let (kind, severity, sentence, aim) = match &asset.nature {
        Nature::Immutable(why) => {
            let sentence = not_for_good(&says, &reading.reuse)?;
            (
                Kind::HashedNotImmutable,
                Severity::Warn,
                format!("Its name changes with its content: {why}. {sentence}"),
                Aim::KeepForGood,
            )
        }
        Nature::Mutable(why) | Nature::ProvenMutable(why) => {
            let proof = matches!(asset.nature, Nature::ProvenMutable(_));
            let (kind, severity, sentence) = reused(asset, answer, &says, &reading.reuse)?;
            let can = if proof {
                "It did change under its URL"
            } else {
                "It can change under its URL"
            };
            (
                kind,
                severity,
                format!("{can}: {why}. {sentence}"),
                Aim::Revalidate,
            )
        }
    };
    Some(Finding {
        policy: Policy::AssetCache,
        kind,
        severity,
        url: asset.url.to_string(),
        evidence: format!("{}\n{sentence}", evidence::of(answer, false)),
        advice: advice::lines(aim),
    })
}

/// An answer that is not the file, under a name that means one file for good: kept for long, it keeps an outage.
fn long_lived_error(asset: &Asset, answer: &Answer, at: Option<SystemTime>) -> Option<Finding> {
    let Nature::Immutable(why) = &asset.nature else {
        return None;
    };
    // A 304 to a question that did not compare says nothing of the file.
    if matches!(answer.status, 200 | 304) {
        return None;
    }
    let kept = Kept::of(answer, at)?;
    let severity = match (kept.immutable, kept.seconds) {
        (true, _) | (false, DAY..) => Severity::Fail,
        (false, HOUR..) => Severity::Warn,
        (false, _) => return None,
    };
    let what = match answer.status {
        300..=399 => "a redirect",
        206 => "a part of the file",
        _ => "an error",
    };
    Some(Finding {
        policy: Policy::AssetCache,
        kind: Kind::LongLivedError,
        severity,
        url: asset.url.to_string(),
        evidence: format!(
            "{}\nIts name changes with its content ({why}), so pages ask for it by this name only; {what} in its place is \
             used for {} without asking (RFC 9111 section 4.2.1). Whoever meets it, during a deploy or an outage, keeps it \
             although the file is there again.",
            evidence::of(answer, false),
            kept.in_words()
        ),
        advice: advice::lines(Aim::ErrorsAskAgain),
    })
}

/// Why something that never changes is asked for again all the same.
fn not_for_good(says: &CacheControl, reuse: &Reuse) -> Option<String> {
    let is_immutable = says.is_flagged("immutable");
    // Some browsers take the shortest.
    if let Some(Seconds::Several(first, others)) = says.seconds("max-age") {
        let shortest = others.into_iter().fold(first, u64::min);
        if shortest < LONG_LIFETIME_SECONDS {
            return Some(format!(
                "max-age is given several times, and some browsers ask for it again after {}, for nothing.",
                duration_in_words(shortest)
            ));
        }
    }
    Some(match reuse {
        Reuse::Fresh { seconds, .. } if *seconds >= LONG_LIFETIME_SECONDS && is_immutable => return None,
        Reuse::Fresh { seconds, .. } if *seconds >= LONG_LIFETIME_SECONDS => format!(
            "It is kept for {}, and yet asked for again on each reload: `immutable` is missing (RFC 8246 section 2).",
            duration_in_words(*seconds)
        ),
        Reuse::Fresh { seconds, .. } => {
            format!("A browser asks for it again after {} for nothing.", duration_in_words(*seconds))
        }
        Reuse::Never(_) => "A browser keeps nothing of it and loads it with each page.".to_owned(),
        Reuse::Asks(_) | Reuse::AsksUnlessCutOff(_) | Reuse::WhileAsking(_) => {
            "A browser asks for it again with each page, for nothing.".to_owned()
        }
        Reuse::Guessed { .. } => {
            "Nothing says how long it is fresh, so a browser guesses (RFC 9111 section 4.2.2) and asks again soon, for \
             nothing."
                .to_owned()
        }
        Reuse::Unclear(why) => format!("{why}."),
    })
}

/// How an old one is shown although it can change.
fn reused(
    asset: &Asset,
    answer: &Answer,
    says: &CacheControl,
    reuse: &Reuse,
) -> Option<(Kind, Severity, String)> {
    let is_code = matches!(asset.destination.as_str(), "script" | "style" | "worker");
    let mix = if is_code {
        " After a deploy yesterday's code meets today's page."
    } else {
        ""
    };
    match reuse {
        Reuse::Fresh { seconds, .. } if says.is_flagged("immutable") => Some((
            Kind::MutableImmutable,
            Severity::Fail,
            format!(
                "`immutable` tells a browser not to ask for {}, not even on a reload (RFC 8246 section 2).{mix}",
                duration_in_words(*seconds)
            ),
        )),
        Reuse::Guessed { .. } if says.is_flagged("immutable") => Some((
            Kind::MutableImmutable,
            Severity::Fail,
            format!(
                "`immutable` tells a browser not to ask while it is fresh, not even on a reload (RFC 8246 section 2), \
                 and how long that is it guesses (RFC 9111 section 4.2.2).{mix}"
            ),
        )),
        Reuse::Fresh { seconds, .. } if is_code || *seconds > MAX_PICTURE_AGE_SECONDS => Some((
            Kind::MutableReusable,
            Severity::Warn,
            format!(
                "A browser uses it for {} without asking (RFC 9111 section 4.2.1).{mix}",
                duration_in_words(*seconds)
            ),
        )),
        Reuse::WhileAsking(seconds) if is_code || *seconds > MAX_PICTURE_AGE_SECONDS => Some((
            Kind::MutableReusable,
            Severity::Warn,
            format!(
                "For {} a browser uses the old one and asks meanwhile (RFC 5861 section 3).{mix}",
                duration_in_words(*seconds)
            ),
        )),
        Reuse::Guessed { seconds, .. } if is_code => Some((
            Kind::MutableReusable,
            Severity::Warn,
            format!(
                "Nothing says how long it is fresh, so a browser guesses{} (RFC 9111 section 4.2.2).{mix}",
                match seconds {
                    Some(seconds) if *seconds > 0 => format!(
                        ", usually {} by its Last-Modified",
                        duration_in_words(*seconds)
                    ),
                    Some(_) | None => String::new(),
                }
            ),
        )),
        Reuse::Unclear(why) if is_code => Some((
            Kind::Ambiguous,
            Severity::Warn,
            format!("{why}. The answer was {}.{mix}", answer.status),
        )),
        Reuse::Fresh { .. }
        | Reuse::WhileAsking(_)
        | Reuse::Guessed { .. }
        | Reuse::Unclear(_)
        | Reuse::Never(_)
        | Reuse::Asks(_)
        | Reuse::AsksUnlessCutOff(_) => None,
    }
}
