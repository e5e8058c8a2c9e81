use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use proptest::prelude::*;

use super::*;
use crate::backup::drill::{Lost, Shrunk};
use crate::house::crashes::{Crash, Crashes};
use crate::house::facts::{
    AppFacts, BeforeDeploy, DiskFacts, FolderFacts, LiveFacts, Space, Trouble,
};
use crate::house::health::{Health, Verdict};
use crate::house::observed::Observations;
use crate::house::traffic::Recent;
use crate::house::{sample, sentence};
use crate::journal::drills::Drill;
use crate::journal::nights::Night;
use crate::journal::pulls::Pull;
use crate::journal::runs::{self, Run, RunFacts, RunState, Step, StepRow, StepState};
use crate::names::{AppName, Colour};
use crate::router::Answers;
use tealkeep_words::condition::{Acknowledgement, Key, Kind, title};

const GIB: u64 = 1 << 30;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn home() -> AppName {
    "home".parse().unwrap()
}

/// A home where all is well, on a Saturday at ten; it was installed in spring and has run for a month.
fn well() -> Facts {
    Facts {
        now: at("2026-11-21T10:00:00Z"),
        built: at("2026-03-01T00:00:00Z"),
        zone: TimeZone::UTC,
        started: at("2026-10-20T00:00:00Z"),
        installed_at: at("2026-04-01T00:00:00Z"),
        apps: vec![AppFacts {
            name: home(),
            underway: None,
            live: LiveFacts {
                colour: Colour::Blue,
                release: Some("v2".parse().unwrap()),
                previous: Some("v1".parse().unwrap()),
                down: None,
                misrouted: None,
                observed: Some(observed()),
            },
            at: jiff::civil::time(3, 30, 0, 0),
            deadline: Duration::from_secs(3600),
            folder: Ok(FolderFacts {
                newest: Some((
                    "2026-11-21T033000Z".parse().unwrap(),
                    at("2026-11-21T03:30:00Z"),
                )),
                newest_bytes: GIB,
                ..nights(&[20, 21])
            }),
            night: Some(night(21, None)),
            drill: Some(Drill {
                at: at("2026-11-18T03:40:00Z"),
                snapshot: None,
                took_ms: 900,
                failed: None,
                warnings: vec![],
            }),
            pull_within: Duration::from_secs(48 * 3600),
            pull: Some(pull("2026-11-20T20:00:00Z", Some(0))),
            looked: Some(pull("2026-11-20T20:00:00Z", Some(0))),
            run: Some(run(7, RunState::Done, &[])),
            check: None,
            before_deploy: None,
        }],
        disks: vec![DiskFacts {
            folder: "/var/lib/tealkeep".into(),
            holds: vec![
                "Tealkeep's journal".to_owned(),
                "the snapshots of home".to_owned(),
            ],
            backups_of: Some(home()),
            space: Some(Space {
                free: 20 * GIB,
                total: 60 * GIB,
            }),
            need: GIB,
        }],
        disk_free: 5,
        open: Default::default(),
    }
}

/// A live app in use that does well.
fn observed() -> Observations {
    Observations {
        live: Colour::Blue,
        recent: Some(Recent {
            answers: answers(900, 3, 1),
            over: Duration::from_secs(280),
        }),
        uncounted: None,
        last_day: None,
        crashes: crashes(2),
        health: Some(health(Verdict::Well, 3600)),
    }
}

fn answers(requests: u64, errors: u64, unanswered: u64) -> Answers {
    Answers {
        requests,
        errors,
        unanswered,
    }
}

fn crashes(count: usize) -> Crashes {
    let crash = Crash {
        how: "was killed by SIGKILL".to_owned(),
        at: at("2026-11-21T09:59:00Z"),
    };
    Crashes {
        count,
        newest: (count > 0).then_some(crash),
    }
}

fn health(verdict: Verdict, lasted: u64) -> Health {
    Health {
        colour: Colour::Blue,
        release: "v2".parse().unwrap(),
        verdict,
        lasted: Duration::from_secs(lasted),
        age: Duration::from_secs(4),
    }
}

fn sick(status: u16, lasted: u64) -> Option<Health> {
    let badly = Verdict::Badly {
        status,
        excerpt: "no such table: todo".to_owned(),
        wrong: format!("answered {status}: no such table: todo"),
    };
    Some(health(badly, lasted))
}

/// What is observed of the live app.
fn seen(facts: &mut Facts) -> &mut Observations {
    facts.apps[0].live.observed.as_mut().unwrap()
}

/// A folder with the nights of these days of November.
fn nights(days: &[i8]) -> FolderFacts {
    FolderFacts {
        nights: days.iter().map(|day| date(2026, 11, *day)).collect(),
        newest: Some((
            "2026-11-20T033000Z".parse().unwrap(),
            at("2026-11-20T03:30:00Z"),
        )),
        ..FolderFacts::default()
    }
}

/// What is in the folder, which can be read then.
fn folder(facts: &mut Facts) -> &mut FolderFacts {
    if facts.apps[0].folder.is_err() {
        facts.apps[0].folder = Ok(nights(&[20, 21]));
    }
    facts.apps[0].folder.as_mut().unwrap()
}

fn trouble(what: &str, seconds: i64) -> Option<Trouble> {
    Some(Trouble {
        what: what.to_owned(),
        lasted: SignedDuration::from_secs(seconds),
    })
}

/// What the journal has of a condition that is known.
fn notice(condition: &Condition) -> Notice {
    Notice {
        id: 1,
        app: condition.key.app.clone(),
        kind: condition.key.kind,
        subject: condition.key.subject.clone(),
        severity: condition.severity.into(),
        title: condition.title.clone(),
        text: condition.text.clone(),
        link: None,
        raised_at: at("2026-11-21T09:30:00Z"),
        cleared_at: None,
        acknowledged: None,
    }
}

/// The facts, with something known to be wrong.
fn know(facts: &mut Facts, condition: &Condition) {
    facts.open.insert(condition.key.clone(), notice(condition));
}

fn night(day: i8, failed: Option<&str>) -> Night {
    Night {
        local_date: date(2026, 11, day),
        at: at(&format!("2026-11-{day:02}T03:31:00Z")),
        snapshot: failed
            .is_none()
            .then(|| format!("2026-11-{day:02}T033000Z").parse().unwrap()),
        failed: failed.map(str::to_owned),
    }
}

fn lost(night: &str) -> Lost {
    Lost {
        night: night.parse().unwrap(),
        before: "2026-11-20T033000Z".parse().unwrap(),
        tables: vec![Shrunk {
            table: "doses".to_owned(),
            before: 900,
            now: Some(10),
        }],
    }
}

fn pull(when: &str, damaged: Option<u32>) -> Pull {
    Pull {
        at: at(when),
        laptop: "annas-laptop".to_owned(),
        newest: None,
        whole: damaged.map(|_| 17),
        damaged,
    }
}

fn run(id: i64, state: RunState, steps: &[(Step, StepState)]) -> Run {
    Run {
        id,
        app: home(),
        kind: runs::Kind::Deploy,
        facts: RunFacts {
            from: Colour::Blue,
            to: Colour::Green,
            release: "v2".parse().unwrap(),
            previous: Some("v1".parse().unwrap()),
            snapshot: None,
            before: None,
            asked_by: "the command line".to_owned(),
            troubled: false,
        },
        state,
        began: at("2026-11-21T09:00:00Z"),
        ended: Some(at("2026-11-21T09:01:00Z")),
        reason: (state == RunState::Failed).then(|| "/healthz answered 503: TOKEN=abc".to_owned()),
        output: None,
        steps: steps
            .iter()
            .map(|(step, state)| StepRow {
                step: *step,
                state: *state,
                began: None,
                ended: None,
                detail: None,
            })
            .collect(),
    }
}

/// The facts, changed.
fn but(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = well();
    change(&mut facts);
    facts
}

fn titles(facts: &Facts) -> Vec<String> {
    let found = assess(facts).found.into_values();
    found.map(|condition| condition.title).collect()
}

/// The same with everything open that is found.
fn opened(mut facts: Facts) -> Facts {
    for condition in assess(&facts).found.into_values() {
        know(&mut facts, &condition);
    }
    assert!(!facts.open.is_empty());
    facts
}

#[test]
fn where_all_is_well_nothing_is_told_and_nothing_is_unknown() {
    assert_eq!(assess(&well()), Assessment::default());
}

type Change = fn(&mut Facts);

/// One thing that is wrong, by the facts that say so, and the title that it gets.
const WRONG: &[(Change, &str)] = &[
    (
        |f| {
            f.apps[0].folder = Ok(nights(&[20]));
            f.apps[0].night = Some(night(21, Some("the disk is full")));
        },
        "home: last night's snapshot failed",
    ),
    (
        |f| f.apps[0].folder = Ok(nights(&[20])),
        "home: last night's snapshot did not happen",
    ),
    (
        |f| f.apps[0].folder = Err("Input/output error".to_owned()),
        "home: the backups folder can't be read",
    ),
    (
        |f| f.apps[0].night.as_mut().unwrap().failed = Some("the rotation (no space)".to_owned()),
        "home: the night ended with a problem",
    ),
    (
        |f| folder(f).lost = Some(lost("2026-11-21T033000Z")),
        "home: rows are gone since last night",
    ),
    (
        |f| f.apps[0].drill.as_mut().unwrap().failed = Some("it can't be opened".to_owned()),
        "home: the restore drill failed",
    ),
    (
        |f| f.apps[0].drill.as_mut().unwrap().warnings = vec!["table doses is empty".to_owned()],
        "home: the restore drill warns",
    ),
    (
        |f| f.apps[0].pull = Some(pull("2026-11-19T09:59:00Z", None)),
        "home: no laptop has pulled for too long",
    ),
    (|f| f.apps[0].pull = None, "home: no laptop has pulled yet"),
    (
        |f| f.apps[0].looked = Some(pull("2026-11-20T20:00:00Z", Some(2))),
        "home: the laptop's copy is not whole",
    ),
    (
        |f| {
            f.apps[0].run = Some(run(
                8,
                RunState::Failed,
                &[(Step::Policy, StepState::Failed)],
            ))
        },
        "home: the deploy of v2 was refused",
    ),
    (
        |f| {
            f.apps[0].run = Some(run(
                8,
                RunState::Failed,
                &[(Step::Prepare, StepState::Failed)],
            ))
        },
        "home: the deploy of v2 failed",
    ),
    (
        |f| {
            let steps = [
                (Step::Swap, StepState::Undone),
                (Step::Verify, StepState::Failed),
            ];
            f.apps[0].run = Some(run(8, RunState::Failed, &steps));
        },
        "home: the deploy of v2 was taken back",
    ),
    (
        |f| f.apps[0].live.down = trouble("it ended with 1", 120),
        "home: the app does not run as it should",
    ),
    (
        |f| f.disks[0].space.as_mut().unwrap().free = 2 * GIB,
        "a disk is nearly full: 2.1 GB free",
    ),
    (
        |f| f.apps[0].live.misrouted = trouble("Caddy does not answer", 120),
        "home: requests do not reach the app",
    ),
    (
        |f| folder(f).problems = vec!["x.sqlite.gz has no manifest".to_owned()],
        "home: the backups folder is inconsistent",
    ),
    (
        |f| folder(f).newest.as_mut().unwrap().1 = at("2031-01-01T00:00:00Z"),
        "home: every snapshot is dated in the future",
    ),
    (
        |f| folder(f).content_findings = vec!["CHECK failed in doses: TOKEN=abc".to_owned()],
        "home: rows break the app's own rules",
    ),
    (
        |f| {
            let mut failed = run(8, RunState::Failed, &[(Step::Copy, StepState::Failed)]);
            failed.kind = runs::Kind::Restore;
            f.apps[0].run = Some(failed);
        },
        "home: the restore of v2 failed",
    ),
    (
        |f| f.disks[0].need = 30 * GIB,
        "a disk is nearly full: 21 GB free",
    ),
    (
        |f| {
            f.disk_free = 0;
            f.disks[0].space.as_mut().unwrap().free = GIB;
        },
        "a disk is nearly full: 1.1 GB free",
    ),
];

#[test]
fn each_thing_that_is_wrong_is_told_as_itself_and_alone() {
    for (change, title) in WRONG {
        let facts = but(change);
        assert_eq!(titles(&facts), [*title]);
        assert!(title.chars().count() < 60, "{title}");
        let found = assess(&facts).found;
        let condition = found.values().next().unwrap();
        assert!(condition.text.ends_with('.'), "{}", condition.text);
        assert!(!condition.text.contains(".."), "{}", condition.text);
        assert!(!condition.text.contains("abc"), "{}", condition.text);
        for path in [&condition.page, &condition.action.path] {
            assert!(path.starts_with('/'), "{path}");
        }
        assert!(condition.sentence.ends_with('.'), "{}", condition.sentence);
        assert!(
            !condition.sentence.contains("abc"),
            "{}",
            condition.sentence
        );
        // It is told by the same key again and again, until it is over.
        let again = opened(facts);
        assert_eq!(assess(&again).found, found);
    }
}

#[test]
fn a_night_is_missed_only_after_it_had_its_time_and_was_due_at_all() {
    let missing = |now: &str, started: &str, installed: &str| {
        let facts = but(|f| {
            (f.now, f.started, f.installed_at) = (at(now), at(started), at(installed));
            f.apps[0].folder = Ok(nights(&[20]));
            f.apps[0].night = Some(night(20, None));
            f.apps[0].pull_within = Duration::ZERO;
        });
        !titles(&facts).is_empty()
    };
    let (long_ago, spring) = ("2026-10-20T00:00:00Z", "2026-04-01T00:00:00Z");
    assert!(
        !missing("2026-11-21T03:29:00Z", long_ago, spring),
        "not due yet"
    );
    assert!(
        !missing("2026-11-21T05:29:00Z", long_ago, spring),
        "it may be taken now"
    );
    assert!(missing("2026-11-21T05:31:00Z", long_ago, spring));
    let ahead = "2027-06-01T00:00:00Z";
    assert!(
        missing("2026-11-21T05:31:00Z", long_ago, ahead),
        "a clock that ran ahead at the first start keeps nothing from being told"
    );
    let just_on = "2026-11-21T10:00:00Z";
    assert!(
        !missing("2026-11-21T11:59:00Z", just_on, spring),
        "it is caught up"
    );
    assert!(missing("2026-11-21T12:01:00Z", just_on, spring));
    let today = "2026-11-21T08:00:00Z";
    assert!(
        !missing("2026-11-21T12:00:00Z", today, today),
        "none was due yet"
    );
}

#[test]
fn a_failed_night_stays_open_until_a_snapshot_is_there_also_over_the_next_night() {
    let failed = opened(but(|f| {
        f.apps[0].folder = Ok(nights(&[20]));
        f.apps[0].night = Some(night(21, Some("the disk is full")));
    }));
    let key = Key::of(&home(), Kind::Snapshot);
    let mut next = failed.clone();
    next.now = at("2026-11-22T03:30:30Z");
    let found = assess(&next);
    assert!(found.unknown.contains(&key) && found.found.is_empty());
    next.apps[0].folder = Ok(nights(&[20, 22]));
    next.apps[0].night = Some(night(22, None));
    assert_eq!(assess(&next), Assessment::default());
}

#[test]
fn rows_that_a_night_lost_are_told_until_the_next_one_and_stay_told_while_nobody_can_look() {
    let facts = opened(but(|f| folder(f).lost = Some(lost("2026-11-21T033000Z"))));
    let mut next = facts.clone();
    folder(&mut next).lost = Some(lost("2026-11-22T033000Z"));
    let found: Vec<Key> = assess(&next).found.into_keys().collect();
    assert!(!facts.open.contains_key(&found[0]), "it is told anew");
    folder(&mut next).lost = None;
    assert_eq!(assess(&next), Assessment::default());
    next.apps[0].folder = Err("Input/output error".to_owned());
    let open: BTreeSet<Key> = facts.open.into_keys().collect();
    assert_eq!(assess(&next).unknown, open);
}

#[test]
fn a_disk_does_not_flap_around_its_threshold() {
    let with = |free: u64, open: bool| {
        let mut facts = but(|f| f.disks[0].space.as_mut().unwrap().free = free);
        if open {
            let disk = sample(Key {
                app: None,
                kind: Kind::Disk,
                subject: "/var/lib/tealkeep".to_owned(),
            });
            know(&mut facts, &disk);
        }
        !assess(&facts).found.is_empty()
    };
    let least = 60 * GIB / 20;
    assert!(with(least - 1, false) && with(least - 1, true));
    assert!(!with(least, false) && with(least, true));
    assert!(with(least + least / 5 - 1, true));
    assert!(!with(least + least / 5, true));
}

#[test]
fn a_large_disk_and_one_without_a_size_are_not_nearly_full_for_their_share() {
    let large = but(|f| {
        f.disks[0].space = Some(Space {
            free: 11 * GIB,
            total: 8 << 40,
        });
    });
    assert_eq!(titles(&large), Vec::<String>::new());
    let endless = but(|f| {
        f.disks[0].space = Some(Space {
            free: u64::MAX,
            total: 0,
        });
    });
    assert_eq!(titles(&endless), Vec::<String>::new());
}

#[test]
fn what_can_t_be_asked_stays_as_it_was() {
    let facts = but(|f| f.disks[0].space = None);
    let found = assess(&facts);
    assert!(found.found.is_empty());
    assert_eq!(found.unknown.len(), 1);
}

#[test]
fn a_pull_is_expected_only_where_it_is_configured_and_never_too_early() {
    let ahead = but(|f| f.apps[0].pull = Some(pull("2031-01-01T00:00:00Z", None)));
    assert_eq!(titles(&ahead), Vec::<String>::new());
    let old = but(|f| {
        f.apps[0].pull_within = Duration::ZERO;
        f.apps[0].pull = Some(pull("2026-05-01T00:00:00Z", None));
    });
    assert_eq!(titles(&old), Vec::<String>::new());
}

#[test]
fn a_home_without_any_copy_elsewhere_gets_a_hint_and_after_a_week_a_warning() {
    let alone = |hours: i64, pull_within: Duration| {
        let facts = but(|f| {
            f.installed_at = f.now - hours.hours();
            f.apps[0].pull_within = pull_within;
            (f.apps[0].pull, f.apps[0].looked) = (None, None);
        });
        let mut all = conditions(&facts);
        assert_eq!(all.len(), 1, "{all:#?}");
        let only = all.remove(0);
        (only.key.kind, only.severity)
    };
    let two_days = Duration::from_secs(48 * 3600);
    assert_eq!(alone(47, two_days), (Kind::Elsewhere, Severity::Hint));
    assert_eq!(alone(49, two_days), (Kind::Pull, Severity::Warning));
    assert_eq!(
        alone(168, Duration::ZERO),
        (Kind::Elsewhere, Severity::Hint)
    );
    assert_eq!(
        alone(169, Duration::ZERO),
        (Kind::Elsewhere, Severity::Warning)
    );
}

#[test]
fn a_failed_night_is_not_forgotten_because_somebody_took_a_snapshot_by_hand() {
    let mut facts = but(|f| {
        f.apps[0].folder = Ok(nights(&[20]));
        f.apps[0].night = Some(night(21, Some("the disk is full")));
    });
    folder(&mut facts).newest = Some(("2026-11-21T095900Z".parse().unwrap(), facts.now));
    assert_eq!(titles(&facts), ["home: last night's snapshot failed"]);
    // And one that is as old as the schedule allows is no missed night.
    let mut monthly = well();
    monthly.now = at("2026-11-22T03:29:00Z");
    folder(&mut monthly).newest = Some((
        "2026-11-01T033000Z".parse().unwrap(),
        at("2026-11-01T03:30:00Z"),
    ));
    assert_eq!(titles(&monthly), Vec::<String>::new());
}

#[test]
fn where_nothing_is_deployed_that_is_said_and_nothing_is_said_to_be_down() {
    let facts = but(|f| {
        let live = &mut f.apps[0].live;
        (live.release, live.previous) = (None, None);
        f.apps[0].pull = None;
        f.apps[0].pull_within = Duration::ZERO;
        folder(f).newest = None;
    });
    let all = conditions(&facts);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert!(!all[0].is_lasting, "no message comes of it");
    let said = sentence(&facts, &all);
    assert_eq!(
        said.text,
        "Nothing is deployed to home yet, so nobody can use it."
    );
    assert!(!said.is_well());
}

#[test]
fn what_somebody_can_live_with_leaves_the_sentence_until_it_gets_worse() {
    let mut facts = but(|f| f.disks[0].space.as_mut().unwrap().free = 2 * GIB);
    let warning = conditions(&facts).remove(0);
    assert!(
        !warning.can_be_acknowledged(),
        "the journal does not know it yet"
    );
    let mut known = notice(&warning);
    facts.open.insert(warning.key.clone(), known.clone());
    assert!(conditions(&facts)[0].can_be_acknowledged());
    known.acknowledged = Some(Acknowledgement {
        at: facts.now,
        by: "the dashboard".to_owned(),
    });
    facts.open.insert(warning.key.clone(), known);
    let all = conditions(&facts);
    assert_eq!(all.len(), 1, "it is still listed");
    assert!(sentence(&facts, &all).is_well());
    facts.disks[0].space.as_mut().unwrap().free = GIB / 2;
    let all = conditions(&facts);
    assert_eq!(all[0].severity, Severity::Failure);
    assert!(!sentence(&facts, &all).is_well(), "it got worse");
    assert!(!all[0].can_be_acknowledged());
}

#[test]
fn what_can_t_be_told_now_is_listed_as_the_journal_has_it() {
    let facts = opened(but(|f| folder(f).lost = Some(lost("2026-11-21T033000Z"))));
    let mut next = facts;
    next.apps[0].folder = Err("Input/output error".to_owned());
    let kinds: Vec<Kind> = conditions(&next).iter().map(|one| one.key.kind).collect();
    assert_eq!(kinds, [Kind::Snapshot, Kind::Rows]);
}

#[test]
fn a_deploy_that_failed_long_ago_is_no_news_but_stays_open_where_it_was_told() {
    let mut facts = but(|f| f.apps[0].run = Some(run(8, RunState::Failed, &[])));
    facts.now += 80.hours();
    facts.apps[0].folder = Ok(nights(&[24]));
    facts.apps[0].pull_within = Duration::ZERO;
    assert_eq!(titles(&facts), Vec::<String>::new());
    let deploy = sample(Key {
        subject: "8".to_owned(),
        ..Key::of(&home(), Kind::Deploy)
    });
    know(&mut facts, &deploy);
    assert_eq!(titles(&facts), ["home: the deploy of v2 failed"]);
    facts.apps[0].run = Some(run(9, RunState::Done, &[]));
    assert_eq!(titles(&facts), Vec::<String>::new());
}

#[test]
fn a_colour_that_is_started_again_at_once_is_not_worth_a_message() {
    let ailing = |seconds| {
        let facts = but(|f| {
            f.apps[0].live.down = trouble("it ended", seconds);
        });
        let all = conditions(&facts);
        assert!(
            !sentence(&facts, &all).is_well(),
            "the page says it at once"
        );
        all[0].is_lasting
    };
    assert!(!ailing(119));
    assert!(ailing(120));
}

/// The condition of a kind among all that hold.
fn of_kind(facts: &Facts, kind: Kind) -> Option<Condition> {
    let mut all = conditions(facts);
    all.retain(|one| one.key.kind == kind);
    all.pop()
}

#[test]
fn an_app_fails_by_a_share_of_its_requests_and_not_without_evidence() {
    let failing = |requests, errors, unanswered, is_open: bool| {
        let count = answers(requests, errors, unanswered);
        let mut facts = but(|f| seen(f).recent.as_mut().unwrap().answers = count);
        if is_open {
            let key = Key {
                subject: "v2".to_owned(),
                ..Key::of(&home(), Kind::Failing)
            };
            know(&mut facts, &sample(key));
        }
        of_kind(&facts, Kind::Failing).map(|one| one.severity)
    };
    for (requests, errors, unanswered, severity) in [
        (4, 4, 0, None),
        (5, 5, 0, Some(Severity::Failure)),
        (100, 4, 0, None),
        (101, 5, 0, None),
        (100, 5, 0, Some(Severity::Warning)),
        (100, 2, 3, Some(Severity::Warning)),
        (100, 19, 0, Some(Severity::Warning)),
        (100, 20, 0, Some(Severity::Failure)),
        (2336, 806, 0, Some(Severity::Failure)),
    ] {
        assert_eq!(failing(requests, errors, unanswered, false), severity);
    }
    // Once it is known it needs less evidence to go on, and more to end; nobody asking is no evidence.
    assert_eq!(failing(100, 2, 0, true), Some(Severity::Warning));
    assert_eq!(failing(100, 1, 0, true), None);
    assert_eq!(failing(1, 0, 0, true), None);
    assert!(failing(0, 0, 0, true).is_some());
    assert_eq!(failing(0, 0, 0, false), None);
}

#[test]
fn an_app_whose_requests_nobody_sees_gets_a_hint_that_changes_no_sentence() {
    let facts = but(|f| {
        seen(f).recent = None;
        seen(f).uncounted = Some("Caddy has loaded another site".to_owned());
    });
    let hint = of_kind(&facts, Kind::Requests).unwrap();
    assert_eq!(hint.severity, Severity::Hint);
    assert!(
        hint.text.contains("Caddy has loaded another site") && hint.title.len() < 60,
        "{hint:#?}"
    );
    assert!(sentence(&facts, &conditions(&facts)).is_well());
    assert_eq!(of_kind(&well(), Kind::Requests), None);
}

#[test]
fn what_is_wrong_with_a_release_ends_when_another_one_is_live() {
    let failing = opened(but(|f| {
        seen(f).recent.as_mut().unwrap().answers = answers(100, 90, 0);
        seen(f).crashes = crashes(20);
        seen(f).health = sick(500, 60);
    }));
    assert_eq!(failing.open.len(), 3);
    let mut next = failing.clone();
    next.apps[0].live.release = Some("v1".parse().unwrap());
    next.apps[0].live.observed = Some(Observations {
        recent: Some(Recent::default()),
        crashes: Crashes::default(),
        health: None,
        ..observed()
    });
    assert_eq!(assess(&next), Assessment::default());
    // While nobody can look, it stays as it was.
    let mut blind = failing;
    blind.apps[0].live.observed = None;
    assert_eq!(assess(&blind).unknown.len(), 3);
    assert_eq!(conditions(&blind).len(), 3);
}

#[test]
fn crashes_from_before_a_restart_of_tealkeep_are_remembered_for_as_long_as_they_count() {
    let mut facts = opened(but(|f| seen(f).crashes = crashes(3)));
    seen(&mut facts).crashes = Crashes::default();
    facts.started = facts.now - 9.minutes();
    assert!(of_kind(&facts, Kind::Crashing).is_some());
    facts.started = facts.now - 10.minutes();
    assert!(of_kind(&facts, Kind::Crashing).is_none());
}

#[test]
fn a_health_check_that_fails_names_the_way_back() {
    let mut facts = but(|f| seen(f).health = sick(500, 0));
    let first = of_kind(&facts, Kind::Health).unwrap();
    assert!(!first.is_lasting, "a message can wait for a minute");
    assert_eq!(first.action.label, "Roll back to v1");
    let said = "home runs, but its health check fails: it answered 500: no such table: todo.";
    assert_eq!(first.sentence, said);
    // The release that broke the data was taken back, and the data was not.
    facts.apps[0].before_deploy = Some(BeforeDeploy {
        release: "v4".parse().unwrap(),
        snapshot: "2026-11-21T085900Z".parse().unwrap(),
    });
    seen(&mut facts).health = sick(500, 60);
    let lasting = of_kind(&facts, Kind::Health).unwrap();
    assert!(lasting.is_lasting && lasting.text.contains("2026-11-21T085900Z"));
    let path = "/apps/home/snapshots/2026-11-21T085900Z/restore";
    assert_eq!(lasting.action.path, path);
    // One that is slow for a moment is not unhealthy, and one that is down is said to be down.
    let silent = |seconds| {
        let wrong = "gave no answer within 2s".to_owned();
        Some(health(Verdict::Silent { wrong }, seconds))
    };
    seen(&mut facts).health = silent(9);
    assert!(of_kind(&facts, Kind::Health).is_none());
    seen(&mut facts).health = silent(10);
    assert!(of_kind(&facts, Kind::Health).is_some());
    facts.apps[0].live.down = trouble("it does not run", 0);
    assert!(of_kind(&facts, Kind::Health).is_none());
}

#[test]
fn a_long_name_makes_no_long_title() {
    let name: AppName = "a-very-long-name-of-an-app-at-31"
        .parse()
        .or_else(|_| "a-very-long-name-of-an-app-at-3".parse())
        .unwrap();
    let title = title(Some(&name), "last night's snapshot did not happen");
    assert_eq!(title.chars().count(), 59);
}

/// What the journal knows of a condition: nothing, or that it holds, as what, and whether somebody can live with it.
fn knowledge() -> impl Strategy<Value = Option<(Severity, bool)>> {
    let severity = prop_oneof![Just(Severity::Warning), Just(Severity::Failure)];
    proptest::option::of((severity, any::<bool>()))
}

proptest! {
    #[test]
    fn all_is_well_exactly_where_nothing_grave_holds_that_nobody_can_live_with(
        wrong in proptest::sample::subsequence(WRONG, 0..=4),
        known in proptest::collection::vec(knowledge(), 8),
        installed_hours_ago in 0_i64..400,
        has_pulled in any::<bool>(),
        is_deployed in any::<bool>(),
        is_busy in any::<bool>(),
    ) {
        let mut facts = but(|f| {
            f.installed_at = f.now - installed_hours_ago.hours();
            if !has_pulled {
                (f.apps[0].pull, f.apps[0].looked) = (None, None);
            }
            if !is_deployed {
                f.apps[0].live.release = None;
            }
            if is_busy {
                f.apps[0].underway = Some(crate::deploy::Underway {
                    run: 7,
                    kind: runs::Kind::Deploy,
                    subject: "v3".to_owned(),
                    since: f.now,
                    output: Vec::new(),
                });
            }
            for (change, _) in &wrong {
                change(f);
            }
        });
        for (condition, known) in conditions(&facts).iter().zip(known) {
            if let Some((severity, is_acknowledged)) = known {
                let mut notice = notice(condition);
                notice.severity = severity.into();
                notice.acknowledged = is_acknowledged.then(|| Acknowledgement {
                    at: facts.now,
                    by: "the dashboard".to_owned(),
                });
                facts.open.insert(condition.key.clone(), notice);
            }
        }
        let all = conditions(&facts);
        let said = sentence(&facts, &all);
        let grave = all.iter().any(|one| one.severity > Severity::Hint && one.acknowledged.is_none());
        prop_assert_eq!(said.is_well(), !grave, "{:#?}", all);
        prop_assert_eq!(said.text.starts_with("All is well"), !grave, "{}", said.text);
        // The gravest of what needs a person speaks, and is listed first.
        if grave {
            prop_assert_eq!(&said.text, &all[0].sentence);
            let gravest = all.iter().filter(|one| one.needs_a_person()).map(|one| one.severity).max();
            prop_assert_eq!(gravest, Some(all[0].severity));
        }
    }
}
