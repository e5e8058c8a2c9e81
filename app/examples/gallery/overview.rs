//! The first page, with plenty of data and with none.

use tealkeep_app::model::*;
use tealkeep_words::condition::{Acknowledgement, Action, Condition, Key, Severity};
use tealkeep_words::finding;
use tealkeep_words::names::Colour;

use super::backups::{brief, drill, laptop};
use super::checks::check_brief;
use super::deploys::running;
use super::{Sample, Text, before, frame};

/// With plenty of data.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    let two = [t("home"), t("garden")];
    vec![
        (
            "overview",
            frame("/", &one),
            Page::Overview(overview(t, VerdictKind::Good)),
        ),
        (
            "overview-busy",
            frame("/", &one),
            Page::Overview(overview(t, VerdictKind::Busy)),
        ),
        (
            "overview-attention",
            frame("/", &two),
            Page::Overview(overview(t, VerdictKind::Attention)),
        ),
        (
            "overview-bad",
            frame("/", &two),
            Page::Overview(overview(t, VerdictKind::Bad)),
        ),
    ]
}

/// With as little data as possible.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    let card = AppCard {
        live: None,
        release: None,
        live_since: None,
        colours: vec![],
        last_snapshot: None,
        laptop: Laptop::default(),
        last_drill: None,
        next_nightly: None,
        running: None,
        traffic: None,
        url: None,
        last_check: None,
        cannot_back_up: Some("There is no database yet. The first deploy creates it.".to_owned()),
        name: "home".to_owned(),
    };
    let verdict = Verdict {
        kind: VerdictKind::Attention,
        sentence: "Nothing is live yet.".to_owned(),
        action: None,
    };
    vec![
        (
            "overview",
            frame("/", &one),
            Page::Overview(Overview {
                verdict: verdict.clone(),
                conditions: vec![],
                apps: vec![card],
                as_of: before(0),
            }),
        ),
        (
            "overview-none",
            frame("/", &[]),
            Page::Overview(Overview {
                verdict,
                conditions: vec![],
                apps: vec![],
                as_of: before(0),
            }),
        ),
    ]
}

fn overview(t: Text, kind: VerdictKind) -> Overview {
    let (sentence, action) = match kind {
        VerdictKind::Good => (
            "All is well. The last backup is 9 hours old and verified.",
            None,
        ),
        VerdictKind::Busy => (
            "home is being deployed: Tealkeep is checking the health of v3.",
            None,
        ),
        VerdictKind::Attention => (
            "garden was not backed up last night, because the machine was off.",
            Some(("Back up garden now", true, "/apps/garden/backup")),
        ),
        VerdictKind::Bad => (
            "home does not answer: v2 crashed on blue four times in a minute.",
            Some(("Roll back to v1…", false, "/apps/home/rollback")),
        ),
    };
    let action = action.map(|(label, acts, path)| Action {
        label: t(label),
        acts,
        path: path.to_owned(),
    });
    let mut apps = vec![card(t, "home", kind)];
    if matches!(kind, VerdictKind::Attention | VerdictKind::Bad) {
        apps.push(card(t, "garden", VerdictKind::Good));
    }
    Overview {
        verdict: Verdict {
            kind,
            sentence: t(sentence),
            action,
        },
        conditions: conditions(t, kind),
        apps,
        as_of: before(0),
    }
}

fn conditions(t: Text, kind: VerdictKind) -> Vec<Condition> {
    let one = |key: &str, severity, sentence: &str| {
        let mut key: Key = key.parse().expect("it is a key");
        key.subject = t(&key.subject);
        Condition {
            key,
            severity,
            title: t(sentence),
            sentence: t(sentence),
            text: t(
                "The nightly backup of 2026-11-21 was due at 03:30 and did not run. `tealkeep backup garden` takes one \
                 now.",
            ),
            page: "/apps/home/backups".to_owned(),
            action: Action::go(t("Look at it"), "/apps/home/backups"),
            is_news: false,
            is_lasting: true,
            since: Some(before(90)),
            acknowledged: None,
        }
    };
    let hint = one(
        "home/elsewhere/",
        Severity::Hint,
        "There is no copy of home's backups on any other machine.",
    );
    match kind {
        VerdictKind::Good => vec![hint],
        VerdictKind::Busy => vec![],
        VerdictKind::Attention => vec![one(
            "garden/snapshot/",
            Severity::Warning,
            "garden was not backed up last night, because the machine was off.",
        )],
        VerdictKind::Bad => vec![
            one(
                "home/live/",
                Severity::Failure,
                "home does not answer: v2 crashed on blue four times in a minute.",
            ),
            one(
                "home/drill/",
                Severity::Failure,
                "A restore of home would fail: the last drill found row 12 missing from index chore_due.",
            ),
            one(
                "home/deploy/11",
                Severity::Warning,
                "The last deploy of home failed; nothing changed for your household.",
            ),
            one(
                "-/disk//var/lib/a folder",
                Severity::Warning,
                "The disk that holds the backups of home is nearly full: 2.0 GB free.",
            ),
            one(
                "home/pull/",
                Severity::Warning,
                "The laptop has not copied the backups of home for 5 days.",
            ),
            one(
                "garden/content/",
                Severity::Warning,
                "Some rows of garden break the app's own rules: CHECK constraint failed in doses.",
            ),
            Condition {
                acknowledged: Some(Acknowledgement {
                    at: before(30),
                    by: t("the dashboard"),
                }),
                ..one(
                    "garden/rows/2026-11-21T033000Z",
                    Severity::Warning,
                    "Rows of garden have disappeared since the night before: table doses has 10 rows, down from 900.",
                )
            },
            hint,
        ],
    }
}

fn card(t: Text, name: &str, kind: VerdictKind) -> AppCard {
    let bad = kind == VerdictKind::Bad;
    let busy = kind == VerdictKind::Busy;
    AppCard {
        name: t(name),
        url: Some("http://raspberrypi.local:3000/".to_owned()),
        live: Some(Colour::Blue),
        release: Some(t("v2")),
        live_since: Some(before(185)),
        colours: vec![
            ColourView {
                colour: Colour::Blue,
                state: if bad {
                    ColourState::Restarting
                } else {
                    ColourState::Running
                },
                live: true,
                release: Some(t("v2")),
                since: Some(before(185)),
                restarts: if bad { 4 } else { 0 },
                pid: Some(4121),
                memory_bytes: Some(48_200_000),
                in_flight: Some(2),
            },
            ColourView {
                colour: Colour::Green,
                state: if busy {
                    ColourState::Starting
                } else {
                    ColourState::Stopped
                },
                live: false,
                release: Some(t(if busy { "v3" } else { "v1" })),
                since: None,
                restarts: 0,
                pid: None,
                memory_bytes: None,
                in_flight: None,
            },
        ],
        last_snapshot: Some(brief(t)),
        laptop: laptop(t, bad),
        last_drill: Some(drill(t, bad)),
        next_nightly: Some(before(-15 * 60 - 26)),
        running: busy.then(|| running(t)),
        traffic: Some(Traffic {
            in_flight: 2,
            answered: Some(183_402),
            failed: Some(if bad { 37 } else { 0 }),
        }),
        last_check: Some(check_brief(
            t,
            40,
            128,
            if bad {
                CheckOutcome::Judged(finding::Verdict::Fail)
            } else {
                CheckOutcome::Judged(finding::Verdict::Pass)
            },
        )),
        cannot_back_up: busy.then(|| t("A deploy is in progress. It takes a backup of its own.")),
    }
}
