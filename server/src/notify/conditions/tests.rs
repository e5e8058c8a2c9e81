use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;
use crate::backup::drill::{Lost, Shrunk};
use crate::deploy::step::{self, Step};
use crate::journal::drills::Drill;
use crate::journal::nights::Night;
use crate::journal::pulls::Pull;
use crate::journal::runs::{Run, RunFacts, RunState, StepRow, StepState};
use crate::names::{AppName, Colour};
use crate::notify::facts::{DiskFacts, Space};

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
        dashboard: Some("https://tealkeep.example.org".to_owned()),
        apps: vec![AppFacts {
            name: home(),
            at: jiff::civil::time(3, 30, 0, 0),
            deadline: Duration::from_secs(3600),
            nightly: Ok(vec![date(2026, 11, 20), date(2026, 11, 21)]),
            lost: None,
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
            ailment: None,
        }],
        disks: vec![DiskFacts {
            folder: "/var/lib/tealkeep".into(),
            holds: vec![
                "Tealkeep's journal".to_owned(),
                "the snapshots of home".to_owned(),
            ],
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
        kind: step::Kind::Deploy,
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
    let wrong = conditions(facts).wrong;
    wrong
        .into_values()
        .map(|condition| condition.title)
        .collect()
}

/// The same with everything open that is found.
fn opened(mut facts: Facts) -> Facts {
    facts.open = conditions(&facts).wrong.into_keys().collect();
    assert!(!facts.open.is_empty());
    facts
}

#[test]
fn where_all_is_well_nothing_is_told_and_nothing_is_unknown() {
    assert_eq!(conditions(&well()), Assessment::default());
}

#[test]
fn each_thing_that_is_wrong_is_told_as_itself_and_alone() {
    type Change = fn(&mut Facts);
    let cases: [(Change, &str); 17] = [
        (
            |f| {
                f.apps[0].nightly = Ok(vec![date(2026, 11, 20)]);
                f.apps[0].night = Some(night(21, Some("the disk is full")));
            },
            "home: last night's snapshot failed",
        ),
        (
            |f| f.apps[0].nightly = Ok(vec![date(2026, 11, 20)]),
            "home: last night's snapshot did not happen",
        ),
        (
            |f| f.apps[0].nightly = Err("Input/output error".to_owned()),
            "home: the backups folder can't be read",
        ),
        (
            |f| {
                f.apps[0].night.as_mut().unwrap().failed =
                    Some("the rotation (no space)".to_owned())
            },
            "home: the night ended with a problem",
        ),
        (
            |f| f.apps[0].lost = Some(lost("2026-11-21T033000Z")),
            "home: rows are gone since last night",
        ),
        (
            |f| f.apps[0].drill.as_mut().unwrap().failed = Some("it can't be opened".to_owned()),
            "home: the restore drill failed",
        ),
        (
            |f| {
                f.apps[0].drill.as_mut().unwrap().warnings = vec!["table doses is empty".to_owned()]
            },
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
            |f| f.apps[0].ailment = Some(("it ended with 1".to_owned(), AILING)),
            "home: the app does not run as it should",
        ),
        (
            |f| f.disks[0].space.as_mut().unwrap().free = 2 * GIB,
            "a disk is nearly full: 2.0 GiB free",
        ),
        (
            |f| f.disks[0].need = 30 * GIB,
            "a disk is nearly full: 20.0 GiB free",
        ),
        (
            |f| {
                f.disk_free = 0;
                f.disks[0].space.as_mut().unwrap().free = GIB;
            },
            "a disk is nearly full: 1.0 GiB free",
        ),
    ];
    for (change, title) in cases {
        let facts = but(change);
        assert_eq!(titles(&facts), [title]);
        assert!(title.chars().count() < 60, "{title}");
        let found = conditions(&facts).wrong;
        let condition = found.values().next().unwrap();
        assert!(condition.text.ends_with('.'), "{}", condition.text);
        assert!(!condition.text.contains(".."), "{}", condition.text);
        assert!(!condition.text.contains("abc"), "{}", condition.text);
        let link = condition.link.as_deref().unwrap();
        assert!(link.starts_with("https://tealkeep.example.org/"), "{link}");
        // It is told by the same key again and again, until it is over.
        let again = opened(facts);
        assert_eq!(conditions(&again).wrong, found);
    }
}

#[test]
fn a_night_is_missed_only_after_it_had_its_time_and_was_due_at_all() {
    let missing = |now: &str, started: &str, installed: &str| {
        let facts = but(|f| {
            (f.now, f.started, f.installed_at) = (at(now), at(started), at(installed));
            f.apps[0].nightly = Ok(vec![date(2026, 11, 20)]);
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
        f.apps[0].nightly = Ok(vec![date(2026, 11, 20)]);
        f.apps[0].night = Some(night(21, Some("the disk is full")));
    }));
    let key = Key::of(&home(), Kind::Snapshot);
    let mut next = failed.clone();
    next.now = at("2026-11-22T03:30:30Z");
    let found = conditions(&next);
    assert!(found.unknown.contains(&key) && found.wrong.is_empty());
    next.apps[0].nightly = Ok(vec![date(2026, 11, 20), date(2026, 11, 22)]);
    next.apps[0].night = Some(night(22, None));
    assert_eq!(conditions(&next), Assessment::default());
}

#[test]
fn rows_that_a_night_lost_are_told_until_the_next_one_and_stay_told_while_nobody_can_look() {
    let facts = opened(but(|f| f.apps[0].lost = Some(lost("2026-11-21T033000Z"))));
    let mut next = facts.clone();
    next.apps[0].lost = Some(lost("2026-11-22T033000Z"));
    let found: Vec<Key> = conditions(&next).wrong.into_keys().collect();
    assert!(!facts.open.contains(&found[0]), "it is told anew");
    next.apps[0].lost = None;
    assert_eq!(conditions(&next), Assessment::default());
    next.apps[0].nightly = Err("Input/output error".to_owned());
    assert_eq!(conditions(&next).unknown, facts.open);
}

#[test]
fn a_disk_does_not_flap_around_its_threshold() {
    let with = |free: u64, open: bool| {
        let mut facts = but(|f| f.disks[0].space.as_mut().unwrap().free = free);
        if open {
            facts.open.insert(Key {
                app: None,
                kind: Kind::Disk,
                subject: "/var/lib/tealkeep".to_owned(),
            });
        }
        !conditions(&facts).wrong.is_empty()
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
    let found = conditions(&facts);
    assert!(found.wrong.is_empty());
    assert_eq!(found.unknown.len(), 1);
}

#[test]
fn a_pull_is_expected_only_where_it_is_configured_and_never_too_early() {
    let never = but(|f| {
        f.apps[0].pull_within = Duration::ZERO;
        f.apps[0].pull = None;
    });
    assert_eq!(titles(&never), Vec::<String>::new());
    let new = but(|f| {
        f.installed_at = f.now - 47.hours();
        f.apps[0].pull = None;
    });
    assert_eq!(titles(&new), Vec::<String>::new());
    let ahead = but(|f| f.apps[0].pull = Some(pull("2031-01-01T00:00:00Z", None)));
    assert_eq!(titles(&ahead), Vec::<String>::new());
}

#[test]
fn a_deploy_that_failed_long_ago_is_no_news_but_stays_open_where_it_was_told() {
    let mut facts = but(|f| f.apps[0].run = Some(run(8, RunState::Failed, &[])));
    facts.now += 80.hours();
    facts.apps[0].nightly = Ok(vec![date(2026, 11, 24)]);
    facts.apps[0].pull_within = Duration::ZERO;
    assert_eq!(titles(&facts), Vec::<String>::new());
    facts.open.insert(Key {
        subject: "8".to_owned(),
        ..Key::of(&home(), Kind::Deploy)
    });
    assert_eq!(titles(&facts), ["home: the deploy of v2 failed"]);
    facts.apps[0].run = Some(run(9, RunState::Done, &[]));
    assert_eq!(titles(&facts), Vec::<String>::new());
}

#[test]
fn a_colour_that_is_started_again_at_once_is_not_worth_a_message() {
    let ailing = |seconds| {
        let facts = but(|f| {
            f.apps[0].ailment = Some(("it ended".to_owned(), SignedDuration::from_secs(seconds)));
        });
        !titles(&facts).is_empty()
    };
    assert!(!ailing(119));
    assert!(ailing(120));
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
