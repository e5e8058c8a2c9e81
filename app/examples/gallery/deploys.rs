//! The pages about releases and runs, with plenty of data and with none.

use std::time::Duration;

use tealkeep_app::model::*;
use tealkeep_words::names::Colour;
use tealkeep_words::run::{Kind, RunState, Step, StepState};

use super::{Sample, Text, before, frame};

/// With plenty of data.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    let mut refused = frame("/apps/home/deploys", &one);
    refused.notice = Some(Notice {
        kind: NoticeKind::Bad,
        text: t(
            "The deploy of v3 was refused: a restore of home started 12 s ago and is still in progress.",
        ),
    });
    vec![
        ("deploys", refused, Page::Deploys(deploys(t))),
        (
            "deploy",
            frame("/apps/home/deploys/v2", &one),
            Page::Deploy(ConfirmDeploy {
                app: t("home"),
                release: release(t, "v2", ReleaseRole::Waiting),
                live: Some(live(t)),
                to: Colour::Green,
            }),
        ),
        (
            "rollback",
            frame("/apps/home/rollback", &one),
            Page::Rollback(ConfirmRollback {
                app: t("home"),
                live: Some(live(t)),
                previous: Some(previous(t)),
                cannot_roll_back: None,
            }),
        ),
        (
            "run",
            frame("/apps/home/runs/12", &one),
            Page::Run(RunPage { run: running(t) }),
        ),
        (
            "run-failed",
            frame("/apps/home/runs/11", &one),
            Page::Run(RunPage { run: failed(t) }),
        ),
        (
            "run-done",
            frame("/apps/home/runs/10", &one),
            Page::Run(RunPage {
                run: done(t, 10, "v2", 190),
            }),
        ),
        (
            "run-stopped-by-policy",
            frame("/apps/home/runs/13", &one),
            Page::Run(RunPage { run: stopped(t) }),
        ),
    ]
}

/// With as little data as possible.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    let t: Text = &str::to_owned;
    let bare_run = Run {
        took: None,
        steps: vec![],
        sentence: String::new(),
        ..done(t, 1, "v1", 1)
    };
    vec![
        (
            "deploys",
            frame("/apps/home/deploys", &one),
            Page::Deploys(Deploys {
                app: "home".to_owned(),
                live: None,
                previous: None,
                cannot_roll_back: Some("There is no previous release to roll back to.".to_owned()),
                releases: vec![],
                runs: vec![],
            }),
        ),
        (
            "deploy",
            frame("/apps/home/deploys/v1", &one),
            Page::Deploy(ConfirmDeploy {
                app: "home".to_owned(),
                release: Release {
                    received: None,
                    bytes: None,
                    note: None,
                    ..release(t, "v1", ReleaseRole::Waiting)
                },
                live: None,
                to: Colour::Blue,
            }),
        ),
        (
            "rollback",
            frame("/apps/home/rollback", &one),
            Page::Rollback(ConfirmRollback {
                app: "home".to_owned(),
                live: None,
                previous: None,
                cannot_roll_back: None,
            }),
        ),
        (
            "run",
            frame("/apps/home/runs/1", &one),
            Page::Run(RunPage { run: bare_run }),
        ),
    ]
}

fn live(t: Text) -> LiveRelease {
    LiveRelease {
        colour: Colour::Blue,
        release: t("v2"),
        since: Some(before(185)),
    }
}

fn previous(t: Text) -> PreviousRelease {
    PreviousRelease {
        colour: Colour::Green,
        release: t("v1"),
        warm_until: Some(before(-6)),
    }
}

fn release(t: Text, id: &str, role: ReleaseRole) -> Release {
    Release {
        id: t(id),
        received: Some(before(240)),
        bytes: Some(18_400_000),
        role,
        note: None,
        cannot_deploy: None,
    }
}

fn deploys(t: Text) -> Deploys {
    let waiting = Release {
        note: Some(t("Refused 20 minutes ago: /healthz answered 503.")),
        ..release(t, "v3-unhealthy", ReleaseRole::Waiting)
    };
    let blocked = Release {
        cannot_deploy: Some(t("Its folder is incomplete. Push it again.")),
        ..release(t, "20261121T101500-4f2a", ReleaseRole::Waiting)
    };
    Deploys {
        app: t("home"),
        live: Some(live(t)),
        previous: Some(previous(t)),
        cannot_roll_back: None,
        releases: vec![
            waiting,
            blocked,
            release(t, "v2", ReleaseRole::Live),
            release(t, "v1", ReleaseRole::Previous),
        ],
        runs: vec![
            running(t),
            failed(t),
            Run {
                kind: Kind::Restore,
                subject: t("2026-11-18T023000Z"),
                sentence: t("48,120 rows were restored. Requests waited for 3.1 s."),
                ..done(t, 9, "", 52)
            },
            undone(t),
            done(t, 7, "v2", 185),
        ],
    }
}

fn step(t: Text, step: Step, state: StepState, ms: u64, note: &str) -> RunStep {
    RunStep {
        step,
        state,
        took: (ms > 0).then(|| Duration::from_millis(ms)),
        note: (!note.is_empty()).then(|| t(note)),
    }
}

fn steps(t: Text, reached: usize, at: StepState) -> Vec<RunStep> {
    let all = [
        (Step::Receive, 340, "212 files, 18 MB"),
        (Step::Snapshot, 1_210, "48,120 rows, verified"),
        (Step::Start, 95, "green, port 3002, pid 4307"),
        (Step::Probe, 2_040, "answered 200 at the third attempt"),
        (Step::Swap, 1, ""),
        (Step::Verify, 24, "v3 answered through the gate"),
        (Step::Drain, 870, "3 requests finished on blue"),
    ];
    all.into_iter()
        .enumerate()
        .map(|(i, (which, ms, note))| match i.cmp(&reached) {
            std::cmp::Ordering::Less => step(t, which, StepState::Done, ms, note),
            std::cmp::Ordering::Equal => step(t, which, at, ms, ""),
            std::cmp::Ordering::Greater => step(t, which, StepState::Pending, 0, ""),
        })
        .collect()
}

pub fn running(t: Text) -> Run {
    Run {
        id: t("12"),
        app: t("home"),
        kind: Kind::Deploy,
        subject: t("v3"),
        state: RunState::Running,
        started: before(0),
        took: None,
        steps: steps(t, 3, StepState::Running),
        sentence: t(
            "Tealkeep checks the health of green every second. Meanwhile blue answers all requests.",
        ),
        failure: None,
        last_lines: vec![],
    }
}

fn failed(t: Text) -> Run {
    Run {
        id: t("11"),
        subject: t("v3-unhealthy"),
        state: RunState::Failed,
        started: before(20),
        took: Some(Duration::from_millis(31_900)),
        steps: steps(t, 3, StepState::Failed),
        sentence: t("v2 stayed live on blue. Nobody noticed."),
        failure: Some(t(
            "/healthz did not answer 200 within 30 s. It answered 503 thirty times. Look at the last output of the release, \
             fix it, and deploy again.",
        )),
        last_lines: vec![
            t("listening on 127.0.0.1:3002"),
            t("migration 4 of 4 applied"),
            t("healthz: 503 the dose table can't be read: no such column: taken_at"),
        ],
        ..running(t)
    }
}

fn undone(t: Text) -> Run {
    let mut steps = steps(t, 5, StepState::Failed);
    steps[4].state = StepState::Undone;
    steps[6].state = StepState::Skipped;
    Run {
        id: t("8"),
        subject: t("v7-slow-leak"),
        state: RunState::Failed,
        started: before(100),
        steps,
        failure: Some(t(
            "After the swap v7-slow-leak answered 500. Tealkeep made v2 live again 1.2 s later.",
        )),
        ..failed(t)
    }
}

fn done(t: Text, id: u32, release: &str, minutes: i64) -> Run {
    Run {
        id: t(&id.to_string()),
        subject: t(release),
        state: RunState::Done,
        started: before(minutes),
        took: Some(Duration::from_millis(4_580)),
        steps: steps(t, 7, StepState::Done),
        sentence: t("v2 went live on blue. No request was lost."),
        ..running(t)
    }
}

/// A run that the policies stopped.
fn stopped(t: Text) -> Run {
    let mut steps = steps(t, 3, StepState::Done);
    steps[4] = RunStep {
        step: Step::Policy,
        state: StepState::Failed,
        took: Some(Duration::from_millis(212)),
        note: None,
    };
    Run {
        id: t("13"),
        subject: t("v5-caches-html"),
        steps,
        failure: Some(t(
            "2 findings would keep old pages on phones. Fix the release or accept them, then deploy again.",
        )),
        last_lines: vec![],
        ..failed(t)
    }
}
