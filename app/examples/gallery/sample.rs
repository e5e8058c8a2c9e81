//! Believable data for every page, and the same made hostile: what the gallery shows and the tests read.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use tealkeep_app::assets::AssetUrls;
use tealkeep_app::model::*;

/// A page with its name and its frame.
pub type Sample = (&'static str, Frame, Page);

/// What every text passes through on its way into a page.
pub type Text<'a> = &'a dyn Fn(&str) -> String;

/// A text that would break out if it could: markup, a very long word, and letters from right to left.
pub fn hostile(text: &str) -> String {
    let long = "Donaudampfschifffahrtsgesellschaft".repeat(3);
    format!(
        "<script>alert('{text}')</script>\" onclick=\"alert(1)\" style='color:red' &amp; {long} \u{202e}שלום עולם"
    )
}

fn now() -> Timestamp {
    "2026-11-21T11:04:00Z".parse().expect("it is an instant")
}

fn before(minutes: i64) -> Timestamp {
    now() - (minutes * 60).seconds()
}

fn frame(path: &str, apps: &[String]) -> Frame {
    Frame {
        now: now(),
        zone: TimeZone::get("Europe/Berlin").expect("the zone is known"),
        path: path.to_owned(),
        signed_in: true,
        assets: AssetUrls::default(),
        apps: apps.to_vec(),
        notice: None,
        https: true,
    }
}

fn outside(path: &str) -> Frame {
    Frame {
        signed_in: false,
        ..frame(path, &[])
    }
}

/// Every page with plenty on it.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    let two = [t("home"), t("garden")];
    let mut noticed = frame("/apps/home/backups", &two);
    noticed.notice = Some(Notice {
        kind: NoticeKind::Good,
        text: t("The snapshot was pinned and stays for ever."),
    });
    let mut refused = frame("/apps/home/deploys", &one);
    refused.notice = Some(Notice {
        kind: NoticeKind::Bad,
        text: t("The deploy of v3 was refused: a restore of home has been under way for 12 s."),
    });
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
        (
            "sign-in",
            outside("/sign-in"),
            Page::SignIn(sign_in(t, None)),
        ),
        (
            "sign-in-wrong",
            outside("/sign-in"),
            Page::SignIn(sign_in(t, Some(t("That was not the password.")))),
        ),
        (
            "welcome",
            outside("/welcome/x"),
            Page::Welcome(Welcome {
                token: Some(t("f3a9c1")),
                problem: Some(t("The two did not agree; type the password twice.")),
                least_length: 12,
            }),
        ),
        ("backups", noticed, Page::Backups(Box::new(backups(t)))),
        (
            "backups-bad",
            frame("/apps/home/backups", &one),
            Page::Backups(Box::new(bad_backups(t))),
        ),
        (
            "backups-drilling",
            frame("/apps/home/backups", &one),
            Page::Backups(Box::new(drilling_backups(t))),
        ),
        (
            "restore",
            frame("/apps/home/snapshots/x/restore", &one),
            Page::Restore(ConfirmRestore {
                app: t("home"),
                snapshot: nightly(t, 3),
                live_release: Some(t("v2")),
                rows_now: Some(48_391),
                estimate: Some(Duration::from_secs(4)),
                requests_wait: true,
            }),
        ),
        (
            "undo",
            frame("/apps/home/undo", &one),
            Page::Undo(ConfirmUndo {
                app: t("home"),
                offer: offer(),
                snapshot: Snapshot {
                    reason: Reason::BeforeRestore,
                    tiers: vec![],
                    pinned: true,
                    ..nightly(t, 0)
                },
                estimate: Some(Duration::from_secs(95)),
                requests_wait: false,
            }),
        ),
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
        (
            "journal",
            frame("/journal", &two),
            Page::Journal(journal(t)),
        ),
        (
            "account",
            frame("/account", &one),
            Page::Account(account(t)),
        ),
        (
            "error-broken",
            frame("/x", &one),
            Page::Error(ErrorPage::Broken {
                sentence: t(
                    "The journal could not be read: the disk is full. Free some space on /var/lib/tealkeep.",
                ),
            }),
        ),
        (
            "error-refused",
            frame("/x", &one),
            Page::Error(ErrorPage::Refused {
                sentence: t(
                    "A deploy of v3 has been under way for 12 s. Wait until it has ended, and press again.",
                ),
            }),
        ),
    ]
}

/// Every page with as little on it as there can be.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    let t: Text = &str::to_owned;
    let card = AppCard {
        live: None,
        release: None,
        live_since: None,
        colours: vec![],
        last_snapshot: None,
        laptop: Laptop::default(),
        last_drill: None,
        next_run: None,
        running: None,
        traffic: None,
        url: None,
        last_check: None,
        cannot_back_up: Some("There is no database yet: the first deploy makes it.".to_owned()),
        name: "home".to_owned(),
    };
    let verdict = Verdict {
        kind: VerdictKind::Attention,
        sentence: "Nothing is live yet.".to_owned(),
        action: None,
    };
    let bare = Snapshot {
        tiers: vec![],
        pinned: false,
        database_bytes: None,
        rows: None,
        release: None,
        verified: None,
        fate: String::new(),
        cannot_restore: Some("It was not read back yet, so it can't be restored.".to_owned()),
        ..nightly(t, 0)
    };
    let bare_run = Run {
        took: None,
        steps: vec![],
        sentence: String::new(),
        ..done(t, 1, "v1", 1)
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
        (
            "sign-in",
            outside("/sign-in"),
            Page::SignIn(SignIn {
                problem: None,
                wait: Some(Duration::from_secs(30)),
                return_to: None,
                has_password: true,
            }),
        ),
        (
            "sign-in-none",
            outside("/sign-in"),
            Page::SignIn(SignIn {
                problem: None,
                wait: None,
                return_to: None,
                has_password: false,
            }),
        ),
        (
            "welcome",
            outside("/welcome/x"),
            Page::Welcome(Welcome {
                token: None,
                problem: None,
                least_length: 12,
            }),
        ),
        (
            "backups",
            frame("/apps/home/backups", &one),
            Page::Backups(Box::new(Backups {
                app: "home".to_owned(),
                latest: None,
                laptop: Laptop {
                    within: Some(Duration::from_secs(48 * 3600)),
                    ..Laptop::default()
                },
                drills: Drills {
                    cannot_begin: Some(
                        "home has no snapshot yet that could be unpacked".to_owned(),
                    ),
                    ..Drills::default()
                },
                room: None,
                reuse: None,
                beside: None,
                failed_nights: vec![],
                next_run: None,
                nights: vec![],
                snapshots: vec![],
                undo: None,
                running: None,
                cannot_back_up: None,
                problems: vec!["the manifest of 2026-11-20T033000Z can't be read".to_owned()],
            })),
        ),
        (
            "restore",
            frame("/apps/home/snapshots/x/restore", &one),
            Page::Restore(ConfirmRestore {
                app: "home".to_owned(),
                snapshot: bare.clone(),
                live_release: None,
                rows_now: None,
                estimate: None,
                requests_wait: false,
            }),
        ),
        (
            "undo",
            frame("/apps/home/undo", &one),
            Page::Undo(ConfirmUndo {
                app: "home".to_owned(),
                offer: UndoOffer {
                    cannot_undo: Some(
                        "A deploy of v3 is under way. Wait until it has ended.".to_owned(),
                    ),
                    ..offer()
                },
                snapshot: bare,
                estimate: None,
                requests_wait: true,
            }),
        ),
        (
            "deploys",
            frame("/apps/home/deploys", &one),
            Page::Deploys(Deploys {
                app: "home".to_owned(),
                live: None,
                previous: None,
                cannot_roll_back: Some(
                    "There is no release from before to roll back to.".to_owned(),
                ),
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
                    brief: check_brief(t, 1, 3, CheckOutcome::Pass),
                    seen: None,
                    findings: vec![],
                },
            }),
        ),
        (
            "journal",
            frame("/journal", &one),
            Page::Journal(Journal {
                app: None,
                events: vec![],
                older: None,
                newer: false,
            }),
        ),
        (
            "account",
            frame("/account", &one),
            Page::Account(Account {
                sessions: vec![],
                tokens: vec![],
                problem: None,
                least_length: 12,
            }),
        ),
        (
            "error-not-found",
            frame("/x", &one),
            Page::Error(ErrorPage::NotFound),
        ),
        (
            "error-cross-site",
            frame("/x", &one),
            Page::Error(ErrorPage::CrossSite),
        ),
        (
            "error-too-many",
            outside("/sign-in"),
            Page::Error(ErrorPage::TooManyTries {
                wait: Duration::from_secs(47),
            }),
        ),
    ]
}

fn overview(t: Text, kind: VerdictKind) -> Overview {
    let (sentence, action) = match kind {
        VerdictKind::Good => (
            "All is well. The last snapshot is 9 hours old and was read back.",
            None,
        ),
        VerdictKind::Busy => (
            "home is being deployed: v3 is asked whether it is healthy.",
            None,
        ),
        VerdictKind::Attention => (
            "No snapshot of garden was taken last night, because the machine was off.",
            Some(("Back up garden now", Method::Post, "/apps/garden/backup")),
        ),
        VerdictKind::Bad => (
            "home does not answer: v2 crashed on blue four times in a minute.",
            Some(("Roll back to v1…", Method::Get, "/apps/home/rollback")),
        ),
    };
    let action = action.map(|(label, method, href)| Action {
        label: t(label),
        method,
        href: href.to_owned(),
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
    let one = |id: &str, severity, sentence: &str| Condition {
        id: t(id),
        severity,
        sentence: t(sentence),
        detail: t(
            "The snapshot for the night to 2026-11-21 was due at 03:30, and nothing was heard of it. `tealkeep backup \
             garden` takes one now.",
        ),
        since: Some(before(90)),
        action: Action {
            label: t("Look at it"),
            method: Method::Get,
            href: "/apps/home/backups".to_owned(),
        },
        acknowledge: (severity == ConditionSeverity::Warning).then(|| t("I know, that is fine")),
        acknowledged: None,
    };
    let hint = one(
        "home/elsewhere/",
        ConditionSeverity::Hint,
        "There is no copy of home's backups on any other machine.",
    );
    match kind {
        VerdictKind::Good => vec![hint],
        VerdictKind::Busy => vec![],
        VerdictKind::Attention => vec![one(
            "garden/snapshot/",
            ConditionSeverity::Warning,
            "No snapshot of garden was taken last night, because the machine was off.",
        )],
        VerdictKind::Bad => vec![
            one(
                "home/live/",
                ConditionSeverity::Failure,
                "home does not answer: v2 crashed on blue four times in a minute.",
            ),
            one(
                "home/drill/",
                ConditionSeverity::Failure,
                "A restore of home would fail, says the last drill: row 12 is missing from index chore_due.",
            ),
            one(
                "home/deploy/11",
                ConditionSeverity::Warning,
                "The last deploy of home failed; nothing changed for your household.",
            ),
            one(
                "-/disk//var/lib/a folder",
                ConditionSeverity::Warning,
                "The disk that holds the snapshots of home is nearly full: 2.0 GiB free.",
            ),
            one(
                "home/pull/",
                ConditionSeverity::Warning,
                "The laptop has not pulled home for 5 days.",
            ),
            one(
                "garden/content/",
                ConditionSeverity::Warning,
                "Some rows of garden break the app's own rules: CHECK constraint failed in doses.",
            ),
            Condition {
                acknowledge: None,
                acknowledged: Some((before(30), t("the dashboard"))),
                ..one(
                    "garden/rows/2026-11-21T033000Z",
                    ConditionSeverity::Warning,
                    "Rows of garden are gone since the night before: table doses has 10 rows, and had 900.",
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
        next_run: Some(NextRun {
            at: before(-15 * 60 - 26),
            what: t("nightly snapshot"),
        }),
        running: busy.then(|| running(t)),
        traffic: Some(Traffic {
            in_flight: 2,
            answered: Some(183_402),
            failed: Some(if bad { 37 } else { 0 }),
            since: before(60 * 24 * 3),
        }),
        last_check: Some(check_brief(
            t,
            40,
            128,
            if bad {
                CheckOutcome::Fail
            } else {
                CheckOutcome::Pass
            },
        )),
        cannot_back_up: busy.then(|| t("A deploy is under way; it takes a snapshot of its own.")),
    }
}

fn sign_in(_: Text, problem: Option<String>) -> SignIn {
    SignIn {
        wait: None,
        return_to: Some("/apps/home/backups".to_owned()),
        has_password: true,
        problem,
    }
}

fn brief(t: Text) -> SnapshotBrief {
    let latest = nightly(t, 0);
    SnapshotBrief {
        id: latest.id,
        taken: latest.taken,
        bytes: latest.bytes,
    }
}

/// The night so many days ago, held as what retention would hold it.
fn nightly(t: Text, days_ago: i64) -> Snapshot {
    let taken = "2026-11-21T02:30:00Z"
        .parse::<Timestamp>()
        .expect("it is an instant")
        - (days_ago * 24).hours();
    let (tier, fate) = match days_ago {
        0..=6 => (
            Tier::Daily,
            "It stays as one of the seven newest nights, and goes with the seventh night after it.",
        ),
        7..=36 => (
            Tier::Weekly,
            "It stays as the newest night of its week, for four weeks.",
        ),
        _ => (
            Tier::Monthly,
            "It stays as the newest night of its month, for six months.",
        ),
    };
    Snapshot {
        id: t(&taken.strftime("%Y-%m-%dT%H%M%SZ").to_string()),
        taken,
        reason: Reason::Nightly,
        tiers: vec![tier],
        pinned: false,
        bytes: 1_240_000 - u64::try_from(days_ago).unwrap_or(0) * 4_100,
        database_bytes: Some(4_812_800),
        rows: Some(48_120 - u64::try_from(days_ago).unwrap_or(0) * 160),
        release: Some(t("v2")),
        verified: Some(taken + 3.seconds()),
        fate: t(fate),
        cannot_restore: None,
    }
}

fn offer() -> UndoOffer {
    UndoOffer {
        restored_at: before(52),
        restored_to: before(60 * 24 * 3),
        cannot_undo: None,
    }
}

fn laptop(t: Text, bad: bool) -> Laptop {
    Laptop {
        last: Some(Pull {
            at: before(if bad { 60 * 24 * 5 } else { 128 }),
            laptop: t("anna's laptop"),
            newest: Some(before(if bad { 60 * 24 * 5 + 30 } else { 510 })),
            whole: Some(if bad { 16 } else { 17 }),
            damaged: Some(u32::from(bad)),
        }),
        within: Some(Duration::from_secs(48 * 3600)),
        overdue: bad,
    }
}

fn drill(t: Text, bad: bool) -> Drill {
    Drill {
        at: before(60 * 24 * 3),
        snapshot: Some(before(60 * 24 * 3 + 40)),
        took: Duration::from_millis(8_400),
        failed: bad.then(|| t("SQLite's check finds: row 12 missing from index chore_due")),
        warnings: if bad {
            vec![]
        } else {
            vec![t(
                "table doses has 10 rows, and had 900 in the night before",
            )]
        },
    }
}

/// All that can go wrong with backups, at once.
fn bad_backups(t: Text) -> Backups {
    Backups {
        laptop: laptop(t, true),
        drills: Drills {
            last: Some(drill(t, true)),
            next: Some(before(-60 * 24)),
            under_way: false,
            cannot_begin: None,
        },
        room: Some(Room {
            free: 390_000_000,
            next: Some(410_000_000),
        }),
        reuse: Some(Reuse {
            total: 17_664,
            reused: 0,
        }),
        failed_nights: vec![
            FailedNight {
                date: "2026-11-20".parse().expect("it is a date"),
                why: t("the disk filled up: 30.1 MiB are left, which the app needs itself"),
                made_good: false,
            },
            FailedNight {
                date: "2026-11-12".parse().expect("it is a date"),
                why: t(
                    "/srv/home/home.sqlite stayed locked for 5s: another process holds it exclusively",
                ),
                made_good: true,
            },
        ],
        undo: None,
        ..backups(t)
    }
}

fn drilling_backups(t: Text) -> Backups {
    let mut page = backups(t);
    page.drills.under_way = true;
    page
}

fn backups(t: Text) -> Backups {
    let days = [0, 1, 2, 3, 4, 5, 6, 13, 20, 27, 34, 51, 82, 112];
    let mut snapshots: Vec<Snapshot> = days.iter().map(|days| nightly(t, *days)).collect();
    let other = |reason, minutes, pinned, fate: &str| Snapshot {
        id: t(&before(minutes).strftime("%Y-%m-%dT%H%M%SZ").to_string()),
        taken: before(minutes),
        reason,
        tiers: vec![],
        pinned,
        fate: t(fate),
        ..nightly(t, 0)
    };
    snapshots.insert(
        0,
        other(
            Reason::BeforeRestore,
            52,
            true,
            "It is pinned: it stays until somebody unpins it.",
        ),
    );
    snapshots.insert(
        1,
        other(
            Reason::BeforeDeploy,
            186,
            false,
            "It stays as one of the five newest from before a deploy.",
        ),
    );
    snapshots.insert(
        4,
        other(
            Reason::Manual,
            60 * 24 * 2 + 300,
            false,
            "It stays as one of the ten newest manual ones.",
        ),
    );
    snapshots[5].cannot_restore = Some(t(
        "Its pages are 8,192 bytes, those of the live database 4,096: restore it to a new file instead.",
    ));
    let nights = days
        .iter()
        .map(|days| {
            let snapshot = nightly(t, *days);
            let today: Date = "2026-11-21".parse().expect("it is a date");
            HeldNight {
                date: today.saturating_sub(days.days()),
                tiers: snapshot.tiers,
                snapshot: snapshot.id,
            }
        })
        .collect();
    Backups {
        app: t("home"),
        latest: Some(brief(t)),
        laptop: laptop(t, false),
        drills: Drills {
            last: Some(drill(t, false)),
            next: Some(before(-60 * 24 * 4)),
            under_way: false,
            cannot_begin: None,
        },
        room: Some(Room {
            free: 11_800_000_000,
            next: Some(410_000_000),
        }),
        reuse: Some(Reuse {
            total: 17_664,
            reused: 17_402,
        }),
        failed_nights: vec![],
        next_run: Some(NextRun {
            at: before(-15 * 60 - 26),
            what: t("nightly snapshot"),
        }),
        nights,
        snapshots,
        undo: Some(offer()),
        running: None,
        cannot_back_up: None,
        beside: Some(t(
            "uploads/ (345 files, 1.2 GB), audit.db (a database, 3.1 MB)",
        )),
        problems: Vec::new(),
    }
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
        note: Some(t("It was refused 20 minutes ago: /healthz said 503.")),
        ..release(t, "v3-unhealthy", ReleaseRole::Waiting)
    };
    let blocked = Release {
        cannot_deploy: Some(t("Its folder is incomplete: push it again.")),
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
                kind: RunKind::Restore,
                subject: t("2026-11-18T023000Z"),
                sentence: t("48,120 rows were put back; the app waited for 3.1 s."),
                ..done(t, 9, "", 52)
            },
            undone(t),
            done(t, 7, "v2", 185),
        ],
    }
}

fn step(t: Text, name: &str, state: StepState, ms: u64, note: &str) -> Step {
    Step {
        name: t(name),
        state,
        took: (ms > 0).then(|| Duration::from_millis(ms)),
        note: (!note.is_empty()).then(|| t(note)),
    }
}

fn steps(t: Text, reached: usize, at: StepState) -> Vec<Step> {
    let all = [
        ("receive", 340, "212 files, 18 MB"),
        ("snapshot", 1_210, "48,120 rows, read back"),
        ("start", 95, "green, port 3002, pid 4307"),
        ("probe", 2_040, "answered 200 at the third time of asking"),
        ("swap", 1, ""),
        ("verify", 24, "v3 answered through the gate"),
        ("drain", 870, "3 requests were finished on blue"),
        ("warm", 0, "blue stays warm for 10 minutes"),
    ];
    all.into_iter()
        .enumerate()
        .map(|(i, (name, ms, note))| match i.cmp(&reached) {
            std::cmp::Ordering::Less => step(t, name, StepState::Done, ms, note),
            std::cmp::Ordering::Equal => step(t, name, at, ms, ""),
            std::cmp::Ordering::Greater => step(t, name, StepState::Pending, 0, ""),
        })
        .collect()
}

fn running(t: Text) -> Run {
    Run {
        id: t("12"),
        app: t("home"),
        kind: RunKind::Deploy,
        subject: t("v3"),
        outcome: RunOutcome::Running,
        started: before(0),
        took: None,
        steps: steps(t, 3, StepState::Running),
        sentence: t(
            "Green is asked each second whether it is healthy; blue answers everybody meanwhile.",
        ),
        failure: None,
        last_lines: vec![],
    }
}

fn failed(t: Text) -> Run {
    Run {
        id: t("11"),
        subject: t("v3-unhealthy"),
        outcome: RunOutcome::Failed,
        started: before(20),
        took: Some(Duration::from_millis(31_900)),
        steps: steps(t, 3, StepState::Failed),
        sentence: t("v2 stayed live on blue; nobody noticed."),
        failure: Some(t(
            "/healthz did not say 200 within 30 s: it said 503 thirty times. Look at the last lines that the release \
             printed, mend it, and deploy again.",
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
        outcome: RunOutcome::Undone,
        started: before(100),
        steps,
        failure: Some(t(
            "After the swap v7-slow-leak answered 500. v2 was made live again 1.2 s later.",
        )),
        ..failed(t)
    }
}

fn done(t: Text, id: u32, release: &str, minutes: i64) -> Run {
    Run {
        id: t(&id.to_string()),
        subject: t(release),
        outcome: RunOutcome::Succeeded,
        started: before(minutes),
        took: Some(Duration::from_millis(4_580)),
        steps: steps(t, 8, StepState::Done),
        sentence: t("v2 went live on blue. Not one request was dropped."),
        ..running(t)
    }
}

/// A run that the policies stopped.
fn stopped(t: Text) -> Run {
    let mut steps = steps(t, 3, StepState::Done);
    // The name decides what the page says of it, so it is not made hostile.
    steps[4] = Step {
        name: "policy".to_owned(),
        state: StepState::Failed,
        took: Some(Duration::from_millis(212)),
        note: None,
    };
    Run {
        id: t("13"),
        subject: t("v5-caches-html"),
        steps,
        failure: Some(t(
            "2 findings would keep yesterday's pages on phones. Look at them, mend the release or accept them, and \
             deploy again.",
        )),
        last_lines: vec![],
        ..failed(t)
    }
}

fn check_brief(t: Text, id: u64, minutes: i64, outcome: CheckOutcome) -> CheckBrief {
    let (fails, warns) = match outcome {
        CheckOutcome::Pass | CheckOutcome::Unreachable { .. } => (0, 0),
        CheckOutcome::Warn => (0, 1),
        CheckOutcome::Fail => (2, 1),
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

fn finding(t: Text, policy: &str, kind: &str, fails: bool, url: &str) -> Finding {
    Finding {
        policy: t(policy),
        kind: t(kind),
        fails,
        url: t(url),
        evidence: String::new(),
        advice: String::new(),
        accepted: None,
    }
}

fn accepted(t: Text, id: u64, of: &Finding, why: &str) -> Accepted {
    Accepted {
        id,
        policy: of.policy.clone(),
        kind: of.kind.clone(),
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
    let mut icons = finding(
        t,
        "asset-cache",
        "mutable-reusable",
        true,
        "https://home.example.org/icons/medicine.svg",
    );
    icons.accepted = Some(accepted(
        t,
        3,
        &icons,
        "The icons have not changed in years, and an old one harms nobody.",
    ));
    let caches = Finding {
        evidence: t(
            "On install the worker stored the answer to GET https://home.example.org/ (200, text/html; charset=utf-8) \
             in the cache \"pages-v5\", with cache.addAll.\n\
             sw.js:14:  event.waitUntil(caches.open('pages-v5').then((cache) => cache.addAll(['/', '/app.css'])));",
        ),
        advice: t(
            "Take every page out of what the worker stores, and let navigations go to the network.\n\
             Workbox: leave html out of globPatterns, and set no navigateFallback.\n\
             vite-plugin-pwa: workbox: { globPatterns: ['**/*.{js,css,woff2}'], navigateFallback: null }\n\
             SvelteKit: in src/service-worker.js store build, not files or prerendered.",
        ),
        ..finding(t, "service-worker", "caches-html", true, worker)
    };
    let html = Finding {
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
            "html-cache",
            "reusable",
            true,
            "https://home.example.org/medicines?person=anna&week=2026-W47&sorted-by=the-time-of-the-day",
        )
    };
    let hashed = Finding {
        evidence: t("Cache-Control: max-age=3600"),
        advice: t(
            "Its name changes with its content: say Cache-Control: max-age=31536000, immutable.",
        ),
        ..finding(
            t,
            "asset-cache",
            "hashed-not-immutable",
            false,
            "https://home.example.org/assets/app.4f2a90c1.js",
        )
    };
    Check {
        brief: CheckBrief {
            target: CheckTarget::BeforeSwap,
            release: Some(t("v5-caches-html")),
            run: Some(13),
            accepted: 1,
            ..check_brief(t, 41, 12, CheckOutcome::Fail)
        },
        seen: Some(t(
            "4 pages, 9 files and the service worker https://home.example.org/sw.js?v=5, which was run through 61 events, in 31 requests.",
        )),
        findings: vec![html, caches, hashed, icons],
    }
}

fn checks(t: Text) -> Checks {
    let before_swap = stopped_check(t);
    let public = Check {
        brief: CheckBrief {
            accepted: 1,
            ..check_brief(t, 42, 3, CheckOutcome::Fail)
        },
        seen: before_swap.seen.clone(),
        findings: before_swap.findings.clone(),
    };
    let gone = finding(
        t,
        "service-worker",
        "caches-api-response",
        true,
        "https://home.example.org/api/recipes",
    );
    // The release has its worker to itself; the rest is at home already.
    let public = Check {
        seen: public.seen.clone(),
        findings: public
            .findings
            .into_iter()
            .filter(|finding| finding.kind != t("caches-html"))
            .collect(),
        brief: CheckBrief {
            fails: 1,
            ..public.brief
        },
    };
    let mut history = vec![public.brief.clone(), before_swap.brief.clone()];
    history.extend((0..8).map(|i| {
        let outcome = match i % 4 {
            0 => CheckOutcome::Pass,
            1 => CheckOutcome::Warn,
            2 => CheckOutcome::Unreachable {
                why: t("did not answer within 10 s"),
            },
            _ => CheckOutcome::Fail,
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
            brief: check_brief(t, 42, 128, CheckOutcome::Pass),
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

fn journal(t: Text) -> Journal {
    let lines: [(i64, Severity, &str, bool); 9] = [
        (1, Severity::Info, "Deploy of v3 to green began.", true),
        (
            20,
            Severity::Error,
            "The deploy of v3-unhealthy failed at probe: /healthz said 503 thirty times. v2 stayed live.",
            true,
        ),
        (
            52,
            Severity::Good,
            "The data was put back to Wednesday 18 November, 03:30. What was there before was pinned.",
            true,
        ),
        (
            128,
            Severity::Info,
            "The laptop pulled the backups folder: 17 snapshots, 1.3 MB sent.",
            false,
        ),
        (185, Severity::Good, "v2 went live on blue.", true),
        (
            514,
            Severity::Good,
            "The nightly snapshot was taken and read back: 48,120 rows, 1.2 MB.",
            false,
        ),
        (
            515,
            Severity::Info,
            "Rotation let go of 2026-11-14 (daily).",
            false,
        ),
        (
            1_400,
            Severity::Warning,
            "v2 crashed on blue and was running again after 0.8 s.",
            false,
        ),
        (
            2_954,
            Severity::Good,
            "The nightly snapshot was taken and read back: 47,960 rows, 1.2 MB.",
            false,
        ),
    ];
    let events = lines
        .into_iter()
        .enumerate()
        .map(|(i, (minutes, severity, sentence, run))| Event {
            id: 200 - i64::try_from(i).unwrap_or(0),
            at: before(minutes),
            app: (i != 3).then(|| t(if i % 3 == 0 { "garden" } else { "home" })),
            severity,
            sentence: t(sentence),
            run: run.then(|| t("11")),
        })
        .collect();
    Journal {
        app: None,
        events,
        older: Some(191),
        newer: true,
    }
}

fn account(t: Text) -> Account {
    let session = |id: &str, current, browser: &str, since| Session {
        id: t(id),
        current,
        browser: t(browser),
        since: before(since),
    };
    Account {
        sessions: vec![
            session("a1", true, "Chrome on Android", 60 * 24 * 9),
            session("b2", false, "Firefox on Linux", 60 * 24 * 40),
        ],
        tokens: vec![
            Token {
                name: t("laptop"),
                opens: "Looks and deploys",
                made: before(60 * 24 * 90),
                last_used: Some(before(60 * 3)),
            },
            Token {
                name: t("lamp"),
                opens: "Looks only",
                made: before(60 * 24),
                last_used: None,
            },
        ],
        problem: Some(t("The password of now was not right.")),
        least_length: 12,
    }
}
