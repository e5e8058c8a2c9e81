//! The pages about backups and restores, with plenty of data and with none.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, civil::Date};
use tealkeep_app::model::*;
use tealkeep_words::snapshot::{Reason, Tier};

use super::{Sample, Text, before, frame};

const RETENTION: Retention = Retention {
    daily: 7,
    weekly: 4,
    monthly: 6,
};

/// With plenty of data.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    let two = [t("home"), t("garden")];
    let mut noticed = frame("/apps/home/backups", &two);
    noticed.notice = Some(Notice {
        kind: NoticeKind::Good,
        text: t("The backup was pinned and is kept until you unpin it."),
    });
    vec![
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
    ]
}

/// With as little data as possible.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    let t: Text = &str::to_owned;
    let bare = Snapshot {
        tiers: vec![],
        pinned: false,
        database_bytes: None,
        rows: None,
        release: None,
        verified: None,
        fate: String::new(),
        cannot_restore: Some("It is not verified yet, so it can't be restored.".to_owned()),
        ..nightly(t, 0)
    };
    vec![
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
                        "There is no backup yet that a drill could unpack.".to_owned(),
                    ),
                    ..Drills::default()
                },
                space: None,
                reuse: None,
                beside: None,
                failed_nights: vec![],
                next_nightly: Some(before(-15 * 60 - 26)),
                retention: RETENTION,
                nights: vec![],
                snapshots: vec![],
                undo: None,
                running: None,
                cannot_back_up: None,
                problems: vec!["The manifest of 2026-11-20T033000Z can't be read".to_owned()],
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
                        "A deploy of v3 is in progress. Wait for it to end.".to_owned(),
                    ),
                    ..offer()
                },
                snapshot: bare,
                estimate: None,
                requests_wait: true,
            }),
        ),
    ]
}

pub fn brief(t: Text) -> SnapshotBrief {
    let latest = nightly(t, 0);
    SnapshotBrief {
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
            "Kept as one of the 7 newest nights; deleted after the seventh night from then.",
        ),
        7..=36 => (
            Tier::Weekly,
            "Kept as the newest night of its week, for 4 weeks.",
        ),
        _ => (
            Tier::Monthly,
            "Kept as the newest night of its month, for 6 months.",
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

pub fn laptop(t: Text, bad: bool) -> Laptop {
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

pub fn drill(t: Text, bad: bool) -> Drill {
    Drill {
        at: before(60 * 24 * 3),
        snapshot: Some(before(60 * 24 * 3 + 40)),
        took: Duration::from_millis(8_400),
        failed: bad.then(|| t("SQLite's check found row 12 missing from index chore_due")),
        warnings: if bad {
            vec![]
        } else {
            vec![t("table doses has 10 rows, down from 900 the night before")]
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
        space: Some(DiskSpace {
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
                why: t("the disk is full: only 30 MB are left, which the app itself needs"),
                made_good: false,
            },
            FailedNight {
                date: "2026-11-12".parse().expect("it is a date"),
                why: t(
                    "/srv/home/home.sqlite stayed locked for 5 s: another process holds an exclusive lock",
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
            "Pinned: kept until somebody unpins it.",
        ),
    );
    snapshots.insert(
        1,
        other(
            Reason::BeforeDeploy,
            186,
            false,
            "Kept as one of the 5 newest from before a deploy.",
        ),
    );
    snapshots.insert(
        4,
        other(
            Reason::Manual,
            60 * 24 * 2 + 300,
            false,
            "Kept as one of the 10 newest manual ones.",
        ),
    );
    snapshots[5].cannot_restore = Some(t(
        "Its page size is 8,192 bytes, but the live database has 4,096. Restore it to a new file instead.",
    ));
    let nights = days
        .iter()
        .map(|days| {
            let snapshot = nightly(t, *days);
            let today: Date = "2026-11-21".parse().expect("it is a date");
            Nightly {
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
        space: Some(DiskSpace {
            free: 11_800_000_000,
            next: Some(410_000_000),
        }),
        reuse: Some(Reuse {
            total: 17_664,
            reused: 17_402,
        }),
        retention: RETENTION,
        failed_nights: vec![],
        next_nightly: Some(before(-15 * 60 - 26)),
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
