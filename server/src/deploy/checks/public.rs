//! Checks what people see, and decides which of the findings are news.

use std::net::SocketAddr;
use std::sync::Arc;

use url::Url;

use crate::deploy::verdict;
use crate::journal::Severity as Gravity;
use crate::journal::checks::Check;
use crate::policy::{self, Finding, Order, Severity, Site, Verdict, web};

/// What people see, and, through a public address, what was made of it on its way there.
pub(super) async fn see(
    origin: &Url,
    behind: SocketAddr,
    public: bool,
    order: &Order,
) -> Result<policy::Report, String> {
    let site = Site::new(origin.clone(), (!public).then_some(behind));
    let behind = Site::new(origin.clone(), Some(behind));
    let seen = web::look(&site, order)
        .await
        .map_err(|silence| silence.to_string())?;
    // An app that is down for a moment is no fault of its headers, and it is told elsewhere that it is down.
    let has_page = seen.api_only || seen.pages.iter().any(web::Page::is_had);
    let mut statuses = seen.pages.iter().map(|page| page.answer.status);
    if public
        && !has_page
        && let Some(status) = statuses.find(|status| *status >= 500)
    {
        return Err(format!("{origin} answered {status}, and no page was seen"));
    }
    let seen = Arc::new(seen);
    // Where the release itself gives no answer, other looks at it say so.
    let changed = match public {
        true => web::look(&behind, order).await.ok(),
        false => None,
    };
    let changed = changed.map_or_else(Vec::new, |behind| web::compare(&behind, &seen));
    Ok(policy::judge(&site, order, &seen, changed).await)
}

/// What there is to say of a check of what people see, where it came out otherwise than the one before.
pub(super) fn news(check: &Check, before: Option<&Check>) -> Option<(Gravity, String)> {
    let failing = |check: &Check| {
        let key = |finding: &Finding| (finding.policy, finding.kind, finding.url.clone());
        let keys = check.counting(Severity::Fail).map(key);
        keys.collect::<std::collections::BTreeSet<_>>()
    };
    let outcome = |check: &Check| (check.verdict, failing(check));
    // The first one tells only what is wrong.
    let then = before.map_or((Some(Verdict::Pass), Default::default()), outcome);
    if outcome(check) == then || check.times > 1 {
        return None;
    }
    let url = check.url.trim_end_matches('/');
    let found = |severity| verdict::in_a_sentence(check, severity).unwrap_or_default();
    Some(match check.verdict {
        None => {
            let why = check.unreachable.clone().unwrap_or_default();
            (
                Gravity::Warning,
                format!("The check of {url} got no answer: {why}."),
            )
        }
        Some(Verdict::Fail) => (
            Gravity::Bad,
            format!(
                "The check of {url} found what keeps old pages or files before people's eyes: {}.",
                found(Severity::Fail)
            ),
        ),
        Some(Verdict::Warn) => (
            Gravity::Warning,
            format!(
                "The check of {url} found what somebody should look at: {}.",
                found(Severity::Warn)
            ),
        ),
        Some(Verdict::Pass) => (
            Gravity::Good,
            format!("The check of {url} found nothing wrong any more."),
        ),
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::journal::checks::{Found, Target};
    use crate::policy::{Kind, Policy};

    fn check(verdict: Option<Verdict>, urls: &[&str]) -> Check {
        let found = urls.iter().map(|url| Found {
            finding: Finding {
                policy: Policy::HtmlCache,
                kind: Kind::Reusable,
                severity: match verdict {
                    Some(Verdict::Warn) => Severity::Warn,
                    _ => Severity::Fail,
                },
                url: (*url).to_owned(),
                evidence: String::new(),
                advice: String::new(),
            },
            accepted: None,
        });
        Check {
            id: 1,
            target: Target::Public,
            url: "https://home.example/".to_owned(),
            release: None,
            run: None,
            first_at: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            times: 1,
            took_ms: 1,
            verdict,
            unreachable: verdict
                .is_none()
                .then(|| "https://home.example/ is away".to_owned()),
            findings: found.collect(),
            seen: None,
        }
    }

    #[test]
    fn only_what_came_out_otherwise_than_before_is_news() {
        let pass = check(Some(Verdict::Pass), &[]);
        let warn = check(Some(Verdict::Warn), &["a"]);
        let fail = check(Some(Verdict::Fail), &["a"]);
        let other = check(Some(Verdict::Fail), &["a", "b"]);
        let away = check(None, &[]);
        assert_eq!(news(&pass, None), None);
        for same in [&pass, &warn, &fail, &away] {
            assert_eq!(news(same, Some(same)), None);
        }
        for (now, before, gravity, says) in [
            (&fail, None, Gravity::Bad, "found what keeps old pages"),
            (
                &fail,
                Some(&pass),
                Gravity::Bad,
                "reusable at a (browsers may",
            ),
            (
                &other,
                Some(&fail),
                Gravity::Bad,
                "reusable at a and 1 more (browsers may",
            ),
            (
                &warn,
                Some(&fail),
                Gravity::Warning,
                "somebody should look at",
            ),
            (
                &away,
                Some(&fail),
                Gravity::Warning,
                "no answer: https://home.example/ is away.",
            ),
            (&pass, Some(&away), Gravity::Good, "nothing wrong any more"),
        ] {
            let (of, text) = news(now, before).unwrap();
            assert_eq!(of, gravity, "{text}");
            assert!(
                text.starts_with("The check of https://home.example "),
                "{text}"
            );
            assert!(text.contains(says), "{text}");
        }
    }
}
