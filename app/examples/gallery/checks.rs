//! The pages about checks, with plenty of data and with none.

use std::time::Duration;

use tealkeep_app::model::*;
use tealkeep_words::finding::{self, Kind, Policy, Severity, Verdict};

use super::{Sample, Text, before, frame};

/// With plenty of data.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    let two = [t("home"), t("garden")];
    vec![
        (
            "checks",
            frame("/apps/home/checks", &two),
            Page::Checks(checks(t)),
        ),
        (
            "checks-right",
            frame("/apps/home/checks", &one),
            Page::Checks(checks_right(t)),
        ),
        (
            "checks-refused",
            frame("/apps/home/checks", &one),
            Page::Checks(Checks {
                before_swap: Some(stopped_check(t)),
                checking: false,
                ..checks_right(t)
            }),
        ),
        (
            "checks-unreachable",
            frame("/apps/home/checks", &one),
            Page::Checks(checks_unreachable(t)),
        ),
        (
            "check",
            frame("/apps/home/checks/41", &one),
            Page::Check(CheckPage {
                app: t("home"),
                check: stopped_check(t),
            }),
        ),
    ]
}

/// With as little data as possible.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    let t: Text = &str::to_owned;
    vec![
        (
            "checks-no-address",
            frame("/apps/home/checks", &one),
            Page::Checks(no_checks(None)),
        ),
        (
            "checks-never",
            frame("/apps/home/checks", &one),
            Page::Checks(no_checks(Some("https://home.example.org/"))),
        ),
        (
            "check",
            frame("/apps/home/checks/1", &one),
            Page::Check(CheckPage {
                app: "home".to_owned(),
                check: Check {
                    brief: check_brief(t, 1, 3, CheckOutcome::Judged(Verdict::Pass)),
                    seen: None,
                    findings: vec![],
                },
            }),
        ),
    ]
}

pub fn check_brief(t: Text, id: u64, minutes: i64, outcome: CheckOutcome) -> CheckBrief {
    let (fails, warns) = match outcome {
        CheckOutcome::Judged(Verdict::Pass) | CheckOutcome::Unreachable { .. } => (0, 0),
        CheckOutcome::Judged(Verdict::Warn) => (0, 1),
        CheckOutcome::Judged(Verdict::Fail) => (2, 1),
    };
    CheckBrief {
        id,
        at: before(minutes),
        took: Duration::from_millis(212),
        target: CheckTarget::Public {
            url: t("https://home.example.org/"),
        },
        release: Some(t("v2")),
        run: None,
        outcome,
        fails,
        warns,
        accepted: 0,
    }
}

fn finding(t: Text, policy: Policy, kind: Kind, severity: Severity, url: &str) -> finding::Finding {
    finding::Finding {
        policy,
        kind,
        severity,
        url: t(url),
        evidence: String::new(),
        advice: String::new(),
    }
}

fn accepted(t: Text, id: u64, of: &finding::Finding, why: &str) -> Accepted {
    Accepted {
        id,
        policy: of.policy,
        kind: Some(of.kind),
        url: of.url.clone(),
        is_pattern: false,
        by: t("the dashboard"),
        why: t(why),
        at: before(60 * 24 * 6),
    }
}

/// What the check of a release found that keeps pages in its service worker.
fn stopped_check(t: Text) -> Check {
    let worker = "https://home.example.org/sw.js?v=5";
    let icons = finding(
        t,
        Policy::AssetCache,
        Kind::MutableReusable,
        Severity::Fail,
        "https://home.example.org/icons/medicine.svg",
    );
    let icons = Finding {
        accepted: Some(accepted(
            t,
            3,
            &icons,
            "The icons have not changed in years, and an old one harms nobody.",
        )),
        finding: icons,
    };
    let caches = finding::Finding {
        evidence: t(
            "On install the worker stored the answer to GET https://home.example.org/ (200, text/html; charset=utf-8) \
             in the cache \"pages-v5\", with cache.addAll.\n\
             sw.js:14:  event.waitUntil(caches.open('pages-v5').then((cache) => cache.addAll(['/', '/app.css'])));",
        ),
        advice: t(
            "Store no page in the worker, and let navigations go to the network.\n\
             Workbox: leave html out of globPatterns, and set no navigateFallback.\n\
             vite-plugin-pwa: workbox: { globPatterns: ['**/*.{js,css,woff2}'], navigateFallback: null }\n\
             SvelteKit: in src/service-worker.js store build, not files or prerendered.",
        ),
        ..finding(
            t,
            Policy::ServiceWorker,
            Kind::CachesHtml,
            Severity::Fail,
            worker,
        )
    };
    let html = finding::Finding {
        evidence: t(
            "GET https://home.example.org/medicines?person=anna&week=2026-W47&sorted-by=the-time-of-the-day answered 200.\n\
             Cache-Control: public, max-age=600, stale-while-revalidate=86400, stale-if-error=604800, s-maxage=31536000\n\
             A browser shows it for 10 minutes without asking, and for a day more while it asks.",
        ),
        advice: t("Send `Cache-Control: no-cache` with every page.\n\
             SvelteKit: in src/hooks.server.ts, response.headers.set('cache-control', 'no-cache')\n\
             Next: headers() in next.config.js, for pages that are static\n\
             Django: the decorator never_cache, or CACHE_MIDDLEWARE_SECONDS = 0\n\
             Rails: expires_now\n\
             Express: res.set('Cache-Control', 'no-cache')\n\
             Caddy: @pages not path /assets/*\n    header @pages {\n        Cache-Control no-cache\n    }"),
        ..finding(
            t,
            Policy::HtmlCache,
            Kind::Reusable,
            Severity::Fail,
            "https://home.example.org/medicines?person=anna&week=2026-W47&sorted-by=the-time-of-the-day",
        )
    };
    let hashed = finding::Finding {
        evidence: t("Cache-Control: max-age=3600"),
        advice: t(
            "Its name changes with its content, so send Cache-Control: max-age=31536000, immutable.",
        ),
        ..finding(
            t,
            Policy::AssetCache,
            Kind::HashedNotImmutable,
            Severity::Warn,
            "https://home.example.org/assets/app.4f2a90c1.js",
        )
    };
    Check {
        brief: CheckBrief {
            target: CheckTarget::BeforeSwap,
            release: Some(t("v5-caches-html")),
            run: Some(13),
            accepted: 1,
            ..check_brief(t, 41, 12, CheckOutcome::Judged(Verdict::Fail))
        },
        seen: Some(t(
            "4 pages, 9 files and the service worker https://home.example.org/sw.js?v=5, which was run through 61 events, in 31 requests.",
        )),
        findings: [html, caches, hashed]
            .map(|finding| Finding {
                finding,
                accepted: None,
            })
            .into_iter()
            .chain([icons])
            .collect(),
    }
}

fn checks(t: Text) -> Checks {
    let before_swap = stopped_check(t);
    let public = Check {
        brief: CheckBrief {
            accepted: 1,
            ..check_brief(t, 42, 3, CheckOutcome::Judged(Verdict::Fail))
        },
        seen: before_swap.seen.clone(),
        findings: before_swap.findings.clone(),
    };
    let gone = finding(
        t,
        Policy::ServiceWorker,
        Kind::CachesApiResponse,
        Severity::Fail,
        "https://home.example.org/api/recipes",
    );
    // Only the release has the worker; the live site has the other findings already.
    let public = Check {
        seen: public.seen.clone(),
        findings: public
            .findings
            .into_iter()
            .filter(|finding| finding.finding.kind != Kind::CachesHtml)
            .collect(),
        brief: CheckBrief {
            fails: 1,
            ..public.brief
        },
    };
    let mut history = vec![public.brief.clone(), before_swap.brief.clone()];
    history.extend((0..8).map(|i| {
        let outcome = match i % 4 {
            0 => CheckOutcome::Judged(Verdict::Pass),
            1 => CheckOutcome::Judged(Verdict::Warn),
            2 => CheckOutcome::Unreachable {
                why: t("did not answer within 10 s"),
            },
            _ => CheckOutcome::Judged(Verdict::Fail),
        };
        CheckBrief {
            run: (i == 5).then_some(9),
            ..check_brief(
                t,
                39 - i,
                128 + 360 * i64::try_from(i).unwrap_or(0),
                outcome,
            )
        }
    }));
    Checks {
        app: t("home"),
        url: Some(t("https://home.example.org/")),
        next: Some(before(-5 * 60)),
        checking: false,
        public: Some(public),
        before_swap: Some(before_swap),
        history,
        accepted: vec![accepted(
            t,
            2,
            &gone,
            "Recipes may be a day old in the kitchen.",
        )],
    }
}

fn checks_right(t: Text) -> Checks {
    Checks {
        checking: true,
        public: Some(Check {
            brief: check_brief(t, 42, 128, CheckOutcome::Judged(Verdict::Pass)),
            seen: Some(t("4 pages, 9 files and no service worker, in 16 requests.")),
            findings: vec![],
        }),
        before_swap: None,
        accepted: vec![],
        ..checks(t)
    }
}

fn checks_unreachable(t: Text) -> Checks {
    let unreachable = CheckOutcome::Unreachable {
        why: t("did not answer within 10 s"),
    };
    Checks {
        public: Some(Check {
            brief: check_brief(t, 42, 8, unreachable),
            seen: None,
            findings: vec![],
        }),
        ..checks_right(t)
    }
}

fn no_checks(url: Option<&str>) -> Checks {
    Checks {
        app: "home".to_owned(),
        url: url.map(str::to_owned),
        next: url.map(|_| before(-2)),
        checking: false,
        public: None,
        before_swap: None,
        history: vec![],
        accepted: vec![],
    }
}
