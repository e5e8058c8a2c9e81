//! What findings come to for one app: its configuration may lower or leave out a policy's, and a person may have
//! accepted some. Pure.

use crate::config::PolicyConfig;
use crate::config::policy::Action;
use crate::journal::checks::{Acceptance, Check, Found};
use crate::policy::{Finding, Kind, Severity, Verdict};

/// How many kinds of findings stand in a sentence.
const NAMED: usize = 4;

/// The findings as they count for an app, and the worst of those that nobody accepted.
///
/// Those of a policy that is off are left out; those of one that warns only warn. Accepted ones are among them.
#[must_use]
pub fn judge(
    findings: Vec<Finding>,
    config: &PolicyConfig,
    accepted: &[Acceptance],
) -> (Verdict, Vec<Found>) {
    let counted = findings.into_iter().filter_map(|mut finding| {
        match config.action(finding.policy) {
            Action::Fail => {}
            Action::Warn => finding.severity = Severity::Warn,
            Action::Off => return None,
        }
        Some(Found {
            accepted: acceptance_of(&finding, accepted),
            finding,
        })
    });
    let counted: Vec<Found> = counted.collect();
    (verdict(&counted), counted)
}

/// A check as it would come out now, by what is accepted now.
#[must_use]
pub fn as_it_stands(mut check: Check, accepted: &[Acceptance]) -> Check {
    for found in &mut check.findings {
        found.accepted = acceptance_of(&found.finding, accepted);
    }
    check.verdict = check.verdict.map(|_| verdict(&check.findings));
    check
}

fn acceptance_of(finding: &Finding, accepted: &[Acceptance]) -> Option<Acceptance> {
    accepted
        .iter()
        .find(|acceptance| acceptance.revoked_at.is_none() && acceptance.covers(finding))
        .cloned()
}

fn verdict(findings: &[Found]) -> Verdict {
    let counts = findings.iter().filter(|found| found.accepted.is_none());
    match counts.map(|found| found.finding.severity).max() {
        None => Verdict::Pass,
        Some(Severity::Warn) => Verdict::Warn,
        Some(Severity::Fail) => Verdict::Fail,
    }
}

/// What counts of a check and has this severity, kind by kind, as part of a sentence; `None` where there is nothing.
#[must_use]
pub fn in_a_sentence(check: &Check, severity: Severity) -> Option<String> {
    let mut kinds: Vec<(&Finding, usize)> = Vec::new();
    for finding in check.counting(severity) {
        match kinds.iter_mut().find(|(of, _)| of.kind == finding.kind) {
            Some((_, more)) => *more += 1,
            None => kinds.push((finding, 0)),
        }
    }
    let named = kinds.iter().take(NAMED);
    let mut said: Vec<String> = named
        .map(|(finding, more)| {
            let (kind, url) = (finding.kind, &finding.url);
            let others = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{kind} at {url}{others} ({})", meaning(kind))
        })
        .collect();
    if kinds.len() > NAMED {
        said.push(format!(
            "and {} more kinds of findings",
            kinds.len() - NAMED
        ));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// What a kind of finding means for people, in half a sentence.
fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::NothingSeen => "no page of the app was seen",
        Kind::LongLivedError => "an error or a redirect in a file's place is kept for long",
        Kind::StaleWorkerScript => "browsers may go on running an old service worker",
        Kind::HeuristicFreshness => "it says nothing of its freshness, so browsers guess",
        Kind::Reusable => "browsers may show it again without asking",
        Kind::MayBeStale => "browsers may show a stale one",
        Kind::QualifiedNoCache => "its no-cache is for some fields only",
        Kind::Ambiguous => "what it says of caching is contradictory or unreadable",
        Kind::KeptByProxy => "a proxy may keep it",
        Kind::ChangedOnTheWay => "something in between changed what the release says",
        Kind::HashedNotImmutable => "it can't change, yet is not kept for long",
        Kind::MutableImmutable => "it can change, yet browsers keep it for good",
        Kind::MutableReusable => "it can change, yet browsers may use it again without asking",
        Kind::CachesHtml => "the service worker keeps pages",
        Kind::CachesNavigation => "the service worker keeps what a navigation got",
        Kind::CachesMutableAsset => "the service worker keeps a file that can change",
        Kind::CachesApiResponse => "the service worker keeps the app's data",
        Kind::ServesStaleNavigation => "the service worker answers with a page that it kept",
        Kind::Unparsable => "the service worker does not parse",
        Kind::CannotEvaluate => "it can't be told what the service worker does",
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::journal::checks::Target;
    use crate::policy::Policy;

    fn finding(policy: Policy, kind: Kind, severity: Severity) -> Finding {
        Finding {
            policy,
            kind,
            severity,
            url: "https://home.example/".to_owned(),
            evidence: "seen".to_owned(),
            advice: "mend".to_owned(),
        }
    }

    fn all() -> Vec<Finding> {
        vec![
            finding(Policy::HtmlCache, Kind::Reusable, Severity::Fail),
            finding(Policy::AssetCache, Kind::HashedNotImmutable, Severity::Warn),
            finding(Policy::ServiceWorker, Kind::CachesHtml, Severity::Fail),
        ]
    }

    fn accepted(finding: &Finding) -> Acceptance {
        Acceptance {
            id: 1,
            policy: finding.policy,
            kind: Some(finding.kind),
            url: finding.url.clone(),
            is_pattern: false,
            by: "me".to_owned(),
            why: "so".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            revoked_at: None,
            revoked_by: None,
        }
    }

    fn check(verdict: Verdict, findings: Vec<Found>) -> Check {
        Check {
            id: 1,
            target: Target::Idle,
            url: "https://home.example/".to_owned(),
            release: None,
            run: None,
            first_at: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            times: 1,
            took_ms: 1,
            verdict: Some(verdict),
            unreachable: None,
            findings,
            seen: None,
        }
    }

    #[test]
    fn the_worst_finding_that_counts_is_the_verdict() {
        let config = PolicyConfig::default();
        assert_eq!(judge(vec![], &config, &[]).0, Verdict::Pass);
        assert_eq!(judge(all(), &config, &[]).0, Verdict::Fail);
        assert_eq!(judge(all()[1..2].to_vec(), &config, &[]).0, Verdict::Warn);
    }

    #[test]
    fn a_policy_that_warns_stops_nothing_and_one_that_is_off_says_nothing() {
        let warns = PolicyConfig {
            html_cache: Action::Warn,
            service_worker: Action::Warn,
            ..PolicyConfig::default()
        };
        let (verdict, findings) = judge(all(), &warns, &[]);
        assert_eq!((verdict, findings.len()), (Verdict::Warn, 3));
        assert!(
            findings
                .iter()
                .all(|f| f.finding.severity == Severity::Warn)
        );
        let off = PolicyConfig {
            html_cache: Action::Off,
            asset_cache: Action::Off,
            ..PolicyConfig::default()
        };
        let (verdict, findings) = judge(all(), &off, &[]);
        assert_eq!(verdict, Verdict::Fail);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].finding.policy, Policy::ServiceWorker);
    }

    #[test]
    fn an_accepted_finding_is_told_and_counts_for_nothing_until_that_is_taken_back() {
        let config = PolicyConfig::default();
        let mut acceptances = vec![accepted(&all()[0]), accepted(&all()[2])];
        let (verdict, findings) = judge(all(), &config, &acceptances);
        assert_eq!((verdict, findings.len()), (Verdict::Warn, 3));
        assert_eq!(findings.iter().filter(|f| f.accepted.is_some()).count(), 2);

        let then = check(verdict, findings);
        acceptances[1].revoked_at = Some(Timestamp::UNIX_EPOCH);
        let now = as_it_stands(then.clone(), &acceptances);
        assert_eq!(now.verdict, Some(Verdict::Fail));
        assert_eq!(now.counting(Severity::Fail).count(), 1);
        let back = as_it_stands(now, &[accepted(&all()[0]), accepted(&all()[2])]);
        assert_eq!(back, then);
        // A whole policy, a kind everywhere, and a pattern of addresses.
        let broad = |kind, url: &str| Acceptance {
            kind,
            url: url.to_owned(),
            is_pattern: true,
            ..accepted(&all()[0])
        };
        for (covers, acceptance) in [
            (true, broad(None, "*")),
            (true, broad(Some(Kind::Reusable), "*")),
            (true, broad(Some(Kind::Reusable), "https://home.example/*")),
            (true, broad(None, "*.example*")),
            (false, broad(Some(Kind::MayBeStale), "*")),
            (false, broad(None, "https://home.example")),
            (false, broad(None, "*.org/*")),
        ] {
            assert_eq!(acceptance.covers(&all()[0]), covers, "{acceptance:?}");
            assert!(!acceptance.covers(&all()[2]), "{acceptance:?}");
        }
        // Another page is another finding.
        let mut elsewhere = accepted(&all()[0]);
        elsewhere.url.push('x');
        assert_eq!(judge(all(), &config, &[elsewhere]).0, Verdict::Fail);
    }

    #[test]
    fn a_sentence_names_the_first_of_each_kind_and_counts_the_rest() {
        let mut many: Vec<Finding> = (0..5)
            .map(|number| Finding {
                url: format!("https://home.example/{number}"),
                ..all().remove(0)
            })
            .collect();
        many.push(all().remove(2));
        let (verdict, findings) = judge(many, &PolicyConfig::default(), &[]);
        let check = check(verdict, findings);
        let said = in_a_sentence(&check, Severity::Fail).unwrap();
        assert_eq!(
            said,
            "reusable at https://home.example/0 and 4 more (browsers may show it again without asking); \
             caches-html at https://home.example/ (the service worker keeps pages)"
        );
        assert_eq!(in_a_sentence(&check, Severity::Warn), None);
    }
}
