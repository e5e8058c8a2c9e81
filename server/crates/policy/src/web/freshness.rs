//! What RFC 9111 lets a browser do with an answer that it got before: a private cache, so that what is said to
//! shared ones (`s-maxage`, `public`, `proxy-revalidate`, CDN fields) is not heard here.

use std::time::{Duration, SystemTime};

use super::super::site::Answer;
use super::cache_control::{CacheControl, Seconds};

/// What a browser may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reuse {
    /// It keeps nothing: why.
    Never(String),
    /// It asks each time: why.
    Asks(String),
    /// It asks, but may show the old one when nobody answers.
    AsksUnlessCutOff(String),
    /// It shows the old one and asks meanwhile, for so many seconds.
    WhileAsking(u64),
    /// It shows the old one without asking, for so many seconds.
    Fresh {
        /// How long in all.
        seconds: u64,
        /// How much of that is left, `Age` taken off.
        left: u64,
        /// Which field says so.
        by: &'static str,
    },
    /// Nothing is said: it guesses for how long.
    Guessed {
        /// A tenth of the time since `Last-Modified`, in seconds.
        seconds: Option<u64>,
        /// Whether the status lets it guess by itself; else only a `private` lets it, as some read the RFC.
        is_sure: bool,
    },
    /// It depends on how it reads this.
    Unclear(String),
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// What a browser may do.
    pub(super) reuse: Reuse,
    /// The fields that `no-cache` is limited to, where that is what lets the rest be reused.
    pub(super) qualified: Option<String>,
    /// What contradicts itself or can't be read, without changing the outcome.
    pub(super) doubts: Vec<String>,
}

/// How long a browser may use an answer without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    /// In seconds; 0 where it guesses and nothing says for how long.
    pub(crate) seconds: u64,
    /// Whether `immutable` keeps it from asking even on a reload.
    pub(crate) immutable: bool,
}

impl Kept {
    /// `None` where a browser asks each time, or keeps nothing.
    pub(crate) fn of(answer: &Answer, at: Option<SystemTime>) -> Option<Kept> {
        let immutable = CacheControl::of(answer.lines("cache-control")).is_flagged("immutable");
        let seconds = match read(answer, at).reuse {
            Reuse::Fresh { seconds, .. } | Reuse::WhileAsking(seconds) => seconds,
            Reuse::Guessed { seconds, .. } => seconds.unwrap_or(0),
            Reuse::Unclear(_) => 0,
            Reuse::Never(_) | Reuse::Asks(_) | Reuse::AsksUnlessCutOff(_) => return None,
        };
        Some(Kept { seconds, immutable })
    }

    /// "1 hour", or that nothing says how long.
    pub(crate) fn in_words(self) -> String {
        match self.seconds {
            0 => "a time that nothing limits".to_owned(),
            seconds => duration_in_words(seconds),
        }
    }
}

/// Statuses that may be kept and guessed about without a word (RFC 9110 section 15.1; RFC 7725 section 3).
const HEURISTIC: &[u16] = &[
    200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501,
];

/// Reads an answer to a `GET` that was received at a time.
pub(super) fn read(answer: &Answer, at: Option<SystemTime>) -> Reading {
    let says = CacheControl::of(answer.lines("cache-control"));
    let mut doubts: Vec<String> = says
        .unreadable
        .iter()
        .map(|member| format!("“{member}” in Cache-Control is no directive and is ignored"))
        .collect();
    let qualified = says.qualified_no_cache().map(str::to_owned);
    let reuse = reuse(answer, &says, at, &mut doubts);
    let is_bound = matches!(
        reuse,
        Reuse::Never(_) | Reuse::Asks(_) | Reuse::AsksUnlessCutOff(_)
    );
    Reading {
        qualified: qualified.filter(|_| !is_bound),
        reuse,
        doubts,
    }
}

fn reuse(
    answer: &Answer,
    says: &CacheControl,
    at: Option<SystemTime>,
    doubts: &mut Vec<String>,
) -> Reuse {
    if says.is_flagged("no-store") {
        // RFC 9111 section 5.2.2.3: who understands the status is to ignore `no-store`.
        if !says.is_flagged("must-understand") {
            contradictions(says, "no-store", doubts);
            return Reuse::Never(
                "no-store: a browser keeps nothing (RFC 9111 section 5.2.2.5)".into(),
            );
        }
        doubts.push(
            "must-understand makes a cache that understands the status ignore no-store (RFC 9111 section 5.2.2.3)"
                .into(),
        );
    }
    if says.is_flagged("no-cache") {
        contradictions(says, "no-cache", doubts);
        return Reuse::Asks("no-cache: a browser asks each time (RFC 9111 section 5.2.2.4)".into());
    }
    let varies = answer.lines("vary").flat_map(|line| line.split(','));
    if varies.into_iter().any(|member| member.trim() == "*") {
        return Reuse::Asks(
            "Vary: * never matches another request, so a browser asks each time (RFC 9111 section 4.1)".into(),
        );
    }
    let lifetime = lifetime(answer, says, at, doubts);
    let marked = says.is_flagged("public") || says.is_flagged("private");
    let is_heuristic = HEURISTIC.contains(&answer.status);
    let must_ask = says.is_flagged("must-revalidate");
    match lifetime {
        Lifetime::Unsaid if !is_heuristic && !marked => Reuse::Never(format!(
            "a {} is not kept unless it says for how long (RFC 9111 section 3, RFC 9110 section 15.1)",
            answer.status
        )),
        Lifetime::Unsaid => Reuse::Guessed {
            seconds: tenth_of_age(answer, at),
            is_sure: is_heuristic || says.is_flagged("public"),
        },
        Lifetime::Unclear(why) => Reuse::Unclear(why),
        Lifetime::Of(0, by) => stale(says, by, must_ask, doubts),
        Lifetime::Of(seconds, by) => Reuse::Fresh {
            seconds,
            left: seconds.saturating_sub(age(answer)),
            by,
        },
    }
}

/// It is stale as soon as it is there.
fn stale(says: &CacheControl, by: &str, must_ask: bool, doubts: &mut Vec<String>) -> Reuse {
    let meanwhile = says.gives("stale-while-revalidate");
    if must_ask {
        if meanwhile.is_some() {
            doubts.push("must-revalidate forbids what stale-while-revalidate allows".into());
        }
        return Reuse::Asks(format!(
            "{by} makes it stale at once, and must-revalidate forbids to show a stale one (RFC 9111 section 5.2.2.2)"
        ));
    }
    match meanwhile {
        Some(seconds) => Reuse::WhileAsking(seconds),
        None => Reuse::AsksUnlessCutOff(by.to_owned()),
    }
}

/// What stands beside a directive that wins over it.
fn contradictions(says: &CacheControl, wins: &str, doubts: &mut Vec<String>) {
    let mut against = Vec::new();
    for name in ["max-age", "stale-while-revalidate"] {
        if says.gives(name).is_some() {
            against.push(name);
        }
    }
    if says.is_flagged("immutable") {
        against.push("immutable");
    }
    if !against.is_empty() {
        doubts.push(format!(
            "{} contradicts {wins}, which wins",
            against.join(" and ")
        ));
    }
}

/// RFC 9111 section 4.2.1.
enum Lifetime {
    Unsaid,
    Of(u64, &'static str),
    Unclear(String),
}

fn lifetime(
    answer: &Answer,
    says: &CacheControl,
    at: Option<SystemTime>,
    doubts: &mut Vec<String>,
) -> Lifetime {
    match says.seconds("max-age") {
        Some(Seconds::Of(seconds)) => return Lifetime::Of(seconds, "max-age"),
        Some(Seconds::Several(first, others)) => {
            let longest = others.iter().copied().fold(first, u64::max);
            doubts.push(format!(
                "max-age is given several times: {first} and {others:?}; a cache is to take the first or none (RFC 9111 \
                 section 4.2.1), browsers differ, and it is judged by the longest"
            ));
            return Lifetime::Of(longest, "max-age");
        }
        Some(Seconds::Unreadable(text)) => {
            return Lifetime::Unclear(format!(
                "max-age is “{}”, which is no number of seconds: a cache is only encouraged to take that as stale \
                 (RFC 9111 section 4.2.1), and some guess instead",
                text.trim()
            ));
        }
        None => {}
    }
    let Some(expires) = answer.line("expires") else {
        return Lifetime::Unsaid;
    };
    if answer.lines("expires").any(|line| line != expires) {
        doubts.push(
            "Expires is given several times; a cache takes the first or none (RFC 9111 section 4.2.1)"
                .into(),
        );
    }
    let Some(expires_at) = date(expires) else {
        // RFC 9111 section 5.3: whatever is no date, and "0" above all, is past.
        if !matches!(expires.trim(), "0" | "-1") {
            doubts.push(format!(
                "Expires is “{expires}”, which is no date and means: already expired (RFC 9111 section 5.3)"
            ));
        }
        return Lifetime::Of(0, "Expires");
    };
    let seconds = since(expires_at, received(answer, at));
    Lifetime::Of(seconds, "Expires")
}

/// What `Age` says, in seconds.
pub(super) fn age(answer: &Answer) -> u64 {
    let first = answer.line("age").unwrap_or_default();
    first
        .split(',')
        .next()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or_default()
}

/// RFC 9111 section 4.2.2: "a typical setting of this fraction might be 10%".
fn tenth_of_age(answer: &Answer, at: Option<SystemTime>) -> Option<u64> {
    let changed = date(answer.line("last-modified")?)?;
    Some(since(received(answer, at), changed) / 10)
}

/// Its `Date`, or when it was received (RFC 9110 section 6.6.1).
fn received(answer: &Answer, at: Option<SystemTime>) -> SystemTime {
    answer
        .line("date")
        .and_then(date)
        .or(at)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A date in one of the three forms of RFC 9110 section 5.6.7.
fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

fn since(later: SystemTime, earlier: SystemTime) -> u64 {
    later
        .duration_since(earlier)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// How long the answer itself says that it lives from its `Expires`, to compare two of them.
pub(super) fn expires_after(answer: &Answer, at: Option<SystemTime>) -> Option<u64> {
    let expires = answer.line("expires")?;
    Some(date(expires).map_or(0, |date| since(date, received(answer, at))))
}

/// A number of seconds in words.
pub(super) fn duration_in_words(seconds: u64) -> String {
    const UNITS: &[(u64, &str)] = &[
        (365 * 86_400, "year"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let (length, name) = UNITS
        .iter()
        .find(|(length, _)| seconds >= *length)
        .copied()
        .unwrap_or((1, "second"));
    let count = seconds / length;
    let about = if seconds.is_multiple_of(length) {
        ""
    } else {
        "about "
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{about}{count} {name}{plural}")
}
