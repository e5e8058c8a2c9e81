//! What a site serves: a bounded look around as a browser would take it, and the judgement of its pages and
//! assets by their headers.

mod advice;
mod ask;
mod assets;
mod cache_control;
mod compare;
mod content;
mod crawl;
mod css;
mod evidence;
mod fields;
mod freshness;
mod html;
mod names;
mod nature;
mod pages;
mod refresh;
mod script;
mod seen;

use std::collections::BTreeMap;
use url::Url;

use super::site::{Answer, Site, Unreachable};
use super::{Finding, Kind, Order, Policy, Severity};

pub use assets::{LONG_LIFETIME_SECONDS, MAX_PICTURE_AGE_SECONDS};
pub use compare::compare;
pub(super) use crawl::leave::{alone as is_left_alone, is_file};
pub use crawl::{MAX_ASSETS, MAX_DEPTH, MAX_PAGES};
pub(super) use freshness::Kept;
pub use names::Names;
pub use names::Nature;
pub use seen::{Asset, Page, Refreshed, Seen};

/// How many findings of one kind are told one by one.
const MAX_SIMILAR_FINDINGS: usize = 20;

/// Looks around, within bounds: pages breadth first from `/` and the ordered paths, and one that does not exist;
/// then what they load. Nothing is asked for but with GET, nothing of another origin, nothing that sounds as if
/// asking did something.
///
/// # Errors
/// `/` gave no answer at all.
pub async fn look(site: &Site, order: &Order) -> Result<Seen, Unreachable> {
    crawl::look(site, order).await
}

/// Judges pages and assets by their headers. Of many findings of one kind the last says how many there are.
#[must_use]
pub fn judge(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in &seen.pages {
        findings.extend(pages::judge(&page.answer, page.with_cookie, seen.at));
    }
    for asset in &seen.assets {
        findings.extend(assets::judge(asset, seen.at));
        // A page in an asset's place is a page: an app that answers every URL with its first one.
        let answer = asset.answer.iter().filter(|answer| !answer.is_redirect());
        findings.extend(answer.flat_map(|answer| pages::judge(answer, false, seen.at)));
    }
    findings.extend(seen.probes.iter().flat_map(|probe| {
        // An app that answers every path with its page. Of other errors the page that does not exist tells already.
        let answer = probe.answer.iter().filter(|answer| answer.status == 200);
        let as_page = answer.flat_map(|answer| pages::judge(answer, false, seen.at));
        assets::judge(probe, seen.at).into_iter().chain(as_page)
    }));
    findings.extend(
        seen.refreshed
            .iter()
            .flat_map(|refreshed| judge_refreshed(seen, refreshed)),
    );
    findings.extend(seen.unanswered.iter().map(silent));
    findings.extend(unseen(seen));
    bounded(findings)
}

/// What is wrong with what a conditional request left in a browser's store. Of findings that the first answer has as well
/// that one is told.
fn judge_refreshed(seen: &Seen, refreshed: &Refreshed) -> Vec<Finding> {
    let mut findings = match refreshed.asset.and_then(|at| seen.assets.get(at)) {
        Some(asset) => {
            let asset = Asset {
                answer: Some(refreshed.answer.clone()),
                ..asset.clone()
            };
            assets::judge(&asset, seen.at).into_iter().collect()
        }
        None => pages::judge(&refreshed.answer, refreshed.with_cookie, seen.at),
    };
    let how = match refreshed.status {
        304 => {
            "Asked whether it changed (If-None-Match, If-Modified-Since), it answered 304, whose fields update what a browser \
             stored (RFC 9111 section 4.3.4). What it has then:"
        }
        _ => "Asked whether it changed (If-None-Match, If-Modified-Since), it answered anew:",
    };
    for finding in &mut findings {
        finding.evidence = format!("{how}\n{}", finding.evidence);
    }
    findings
}

/// A page that gave no answer can't be judged, and is not passed over.
fn silent(unreachable: &Unreachable) -> Finding {
    Finding {
        policy: Policy::HtmlCache,
        kind: Kind::Ambiguous,
        severity: Severity::Warn,
        url: unreachable.url.clone(),
        evidence: format!("It gave no answer to judge: it {}.", unreachable.why),
        advice: "See in the app's own log why it did not answer, and check again.".to_owned(),
    }
}

/// A site of which no page was seen: nothing wrong was found, because there was nothing to look at.
fn unseen(seen: &Seen) -> Option<Finding> {
    if seen.api_only || seen.pages.iter().any(Page::is_had) {
        return None;
    }
    let of_pages = seen.pages.iter().find(|page| {
        page.answer.url.path() == "/" && page.answer.url.query().is_none() && !page.with_cookie
    });
    let home = seen.home.as_ref().or(of_pages.map(|page| &page.answer))?;
    let leads = home.target().map(|target| {
        if target.origin() == home.url.origin() {
            format!("It leads to {target}, and no page came of it.")
        } else {
            format!("It leads to {target}, another site, where a check does not follow.")
        }
    });
    let (kind, severity, why) = match leads {
        Some(why) => (Kind::Ambiguous, Severity::Warn, why),
        None => (Kind::NothingSeen, Severity::Fail, no_page(home)),
    };
    Some(Finding {
        policy: Policy::HtmlCache,
        kind,
        severity,
        url: home.url.to_string(),
        evidence: format!(
            "{}\n{why} No page of this site was seen, so nothing of it can be vouched for.",
            evidence::of(home, false)
        ),
        advice: "Check the address at which a browser ends, name pages that everybody may see, or give the cookie of \
                 somebody who signed in.\n\
                 If the app is only an API, say so: `pages = \"none\"` in `[app.policy]`, or `tealkeep check URL \
                 --pages none`."
            .to_owned(),
    })
}

/// Why an answer of `/` is no page.
fn no_page(home: &Answer) -> String {
    match home.status {
        304 => "It says that nothing changed, although nobody asked it to compare (RFC 9110 section 15.4.5).".to_owned(),
        204 | 205 => "It has no content.".to_owned(),
        400.. => "It is an error, and so is everything that was found from there.".to_owned(),
        _ if home.body.trim_ascii().is_empty() => "Its body is empty.".to_owned(),
        _ => match home.line("content-type") {
            Some(kind) => format!("It is of type `{kind}`, which is no page."),
            None => "It has no Content-Type and does not look like a page.".to_owned(),
        },
    }
}

/// Each once, and no more than a person reads.
fn bounded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    let mut counts: BTreeMap<(Policy, Kind, Severity), usize> = BTreeMap::new();
    for finding in findings {
        let is_known = kept.iter().any(|known| {
            known.policy == finding.policy && known.kind == finding.kind && known.url == finding.url
        });
        if is_known {
            continue;
        }
        let count = counts
            .entry((finding.policy, finding.kind, finding.severity))
            .or_default();
        *count += 1;
        if *count <= MAX_SIMILAR_FINDINGS {
            kept.push(finding);
        }
    }
    for ((policy, kind, severity), count) in counts {
        let more = count.saturating_sub(MAX_SIMILAR_FINDINGS);
        let last = kept.iter_mut().rfind(|finding| {
            finding.policy == policy && finding.kind == kind && finding.severity == severity
        });
        if let Some(last) = last.filter(|_| more > 0) {
            last.evidence.push_str(&format!(
                "\nThe same holds for {more} more that are not listed."
            ));
        }
    }
    kept
}

impl Seen {
    /// Whether the bytes under a URL can change, also of one that no page refers to: then by what older releases
    /// answered and by its name.
    #[must_use]
    pub fn nature(&self, url: &Url) -> Nature {
        let mut plain = url.clone();
        plain.set_fragment(None);
        self.assets
            .iter()
            .find(|asset| asset.url == plain)
            .map_or_else(|| self.names.nature(&plain), |asset| asset.nature.clone())
    }

    /// The same where the answer is at hand: its bytes and its headers are heard as well.
    #[must_use]
    pub fn nature_of(&self, answer: &Answer) -> Nature {
        let mut plain = answer.url.clone();
        plain.set_fragment(None);
        self.assets
            .iter()
            .find(|asset| asset.url == plain && asset.answer.is_some())
            .map_or_else(
                || nature::of_answer(&plain, answer, &self.names),
                |asset| asset.nature.clone(),
            )
    }
}

#[cfg(test)]
mod tests;
