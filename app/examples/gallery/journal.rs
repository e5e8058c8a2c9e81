//! The journal and the error pages, with plenty of data and with none.

use std::time::Duration;

use tealkeep_app::model::*;

use super::{Sample, Text, before, frame, outside};

/// With plenty of data.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    let two = [t("home"), t("garden")];
    vec![
        (
            "journal",
            frame("/journal", &two),
            Page::Journal(journal(t)),
        ),
        (
            "error-broken",
            frame("/x", &one),
            Page::Error(ErrorPage::Broken {
                sentence: t(
                    "Tealkeep could not read its journal because the disk is full. Free some space on /var/lib/tealkeep.",
                ),
            }),
        ),
        (
            "error-refused",
            frame("/x", &one),
            Page::Error(ErrorPage::Refused {
                sentence: t(
                    "A deploy of v3 has been in progress for 12 s. Wait for it to end, then try again.",
                ),
            }),
        ),
    ]
}

/// With as little data as possible.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    vec![
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

fn journal(t: Text) -> Journal {
    let lines: [(i64, Severity, &str, bool); 9] = [
        (1, Severity::Info, "Deploy of v3 to green began.", true),
        (
            20,
            Severity::Error,
            "The deploy of v3-unhealthy failed at probe: /healthz answered 503 thirty times. v2 stayed live.",
            true,
        ),
        (
            52,
            Severity::Good,
            "The data was restored to Wednesday 18 November at 03:30. The backup of the data from before is pinned.",
            true,
        ),
        (
            128,
            Severity::Info,
            "The laptop copied the backups: 17 intact, 1.3 MB sent.",
            false,
        ),
        (185, Severity::Good, "v2 went live on blue.", true),
        (
            514,
            Severity::Good,
            "The nightly backup was taken and verified: 48,120 rows, 1.2 MB.",
            false,
        ),
        (
            515,
            Severity::Info,
            "The daily backup of 14 November was deleted.",
            false,
        ),
        (
            1_400,
            Severity::Warning,
            "v2 crashed on blue and was restarted after 0.8 s.",
            false,
        ),
        (
            2_954,
            Severity::Good,
            "The nightly backup was taken and verified: 47,960 rows, 1.2 MB.",
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
