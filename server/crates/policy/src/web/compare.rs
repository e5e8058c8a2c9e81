//! Two looks at one site: what the release says, and what arrives at the public address.

use super::super::site::Answer;
use super::super::{Finding, Kind, Policy, Severity};
use super::cache_control::CacheControl;
use super::{Seen, content, evidence, freshness};

/// Two lifetimes this close are the same: a clock's tick and the way between, in seconds.
const TOLERANCE_SECONDS: u64 = 5;

/// What something in between changed: the same URL, other headers that say what may be kept. Warnings.
#[must_use]
pub fn compare(behind: &Seen, public: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in &public.pages {
        let before = behind
            .pages
            .iter()
            .find(|p| p.answer.url == page.answer.url && p.with_cookie == page.with_cookie);
        let changed = before.and_then(|before| {
            changed(
                behind,
                &before.answer,
                public,
                &page.answer,
                page.with_cookie,
            )
        });
        findings.extend(changed);
    }
    for asset in &public.assets {
        let before = behind.assets.iter().find(|a| a.url == asset.url);
        let both =
            before.and_then(|before| Some((before.answer.as_ref()?, asset.answer.as_ref()?)));
        findings
            .extend(both.and_then(|(before, after)| changed(behind, before, public, after, false)));
    }
    super::bounded(findings)
}

fn changed(
    behind: &Seen,
    before: &Answer,
    public: &Seen,
    after: &Answer,
    with_cookie: bool,
) -> Option<Finding> {
    // Another answer altogether is no changed header: the app changed its mind, or a guard stands in front.
    if before.status != after.status {
        return None;
    }
    let mut names = Vec::new();
    let says = |answer: &Answer| CacheControl::of(answer.lines("cache-control")).normal();
    if says(before) != says(after) {
        names.push("Cache-Control");
    }
    let lives = |seen: &Seen, answer: &Answer| freshness::expires_after(answer, seen.at);
    let is_other_life = match (lives(behind, before), lives(public, after)) {
        (None, None) => false,
        (Some(a), Some(b)) => a.abs_diff(b) > TOLERANCE_SECONDS,
        (Some(_), None) | (None, Some(_)) => true,
    };
    if is_other_life {
        names.push("Expires");
    }
    if pragma(before) != pragma(after) {
        names.push("Pragma");
    }
    if varies(before) != varies(after) {
        names.push("Vary");
    }
    if names.is_empty() {
        return None;
    }
    let is_page = content::is_html(after) || after.is_redirect();
    let changed = names.join(" and ");
    Some(Finding {
        policy: if is_page {
            Policy::HtmlCache
        } else {
            Policy::AssetCache
        },
        kind: Kind::ChangedOnTheWay,
        severity: Severity::Warn,
        url: after.url.to_string(),
        evidence: format!(
            "Something between the release and the public address changed {changed}.\nThe release itself: {}\nAt the public \
             address: {}",
            evidence::of(before, with_cookie),
            evidence::of(after, with_cookie)
        ),
        advice: format!(
            "Look in the configuration of the proxy or the CDN for what sets {changed}, and have it pass on what the app \
             says. Cloudflare: Caching, Configuration, Browser Cache TTL: Respect Existing Headers. nginx: remove \
             `expires` and `add_header Cache-Control`. Caddy: remove the `header` directive that names it."
        ),
    })
}

fn pragma(answer: &Answer) -> Vec<String> {
    sorted(answer.lines("pragma"), &[])
}

/// Whoever compresses adds `Accept-Encoding`, rightly; `Origin` tells apart nothing that a page of its own sees.
fn varies(answer: &Answer) -> Vec<String> {
    sorted(answer.lines("vary"), &["accept-encoding"])
}

fn sorted<'a>(lines: impl Iterator<Item = &'a str>, without: &[&str]) -> Vec<String> {
    let mut members: Vec<String> = lines
        .flat_map(|line| line.split(','))
        .map(|member| member.trim().to_ascii_lowercase())
        .filter(|member| !member.is_empty() && !without.contains(&member.as_str()))
        .collect();
    members.sort();
    members.dedup();
    members
}
