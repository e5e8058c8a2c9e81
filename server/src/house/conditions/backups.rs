//! Whether the snapshots can be relied on: what the folder holds, what the newest one has lost, and what the restore
//! drill found.

use super::assessment::{About, Assessment, Words};
use crate::backup::catalogue::is_ahead;
use crate::house::facts::FolderFacts;
use crate::house::redact::redacted;
use crate::journal::drills::Drill;
use tealkeep_words::condition::{Action, Condition, Key, Kind, Severity};

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    match &about.app.folder {
        Ok(folder) => {
            problems(about, folder, found);
            dates(about, folder, found);
            rows(about, folder, found);
            content(about, folder, found);
        }
        Err(_) => {
            let kinds = [Kind::Folder, Kind::Clock, Kind::Rows, Kind::Content];
            found.keep(about, &kinds);
        }
    }
    if let Some(drill) = &about.app.drill {
        found
            .found
            .extend(drilled(about, drill).map(|it| (it.key.clone(), it)));
    }
}

fn problems(about: &About<'_>, folder: &FolderFacts, found: &mut Assessment) {
    let Some(first) = folder.problems.first() else {
        return;
    };
    let name = about.name();
    let first = redacted(first);
    let more = match folder.problems.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let words = Words {
        title: "the backups folder is inconsistent",
        sentence: format!("Something is wrong in the backups of {name}: {first}{more}."),
        text: format!(
            "In the backups folder of {name}: {first}{more}. The backups page lists every problem; \
             `tealkeep verify {name}` reads every snapshot again."
        ),
    };
    found.add(Condition {
        is_news: true,
        ..about.condition(about.key(Kind::Folder), Severity::Warning, words)
    });
}

fn dates(about: &About<'_>, folder: &FolderFacts, found: &mut Assessment) {
    // The newest one is dated in the future only where all of them are.
    let Some((newest, _)) = folder
        .newest
        .filter(|(_, taken_at)| is_ahead(*taken_at, about.facts.now))
    else {
        return;
    };
    let name = about.name();
    let words = Words {
        title: "every snapshot is dated in the future",
        sentence: format!(
            "Every snapshot of {name} is dated in the future: a clock was wrong, or is wrong now."
        ),
        text: format!(
            "Every snapshot of {name} is dated in the future, the newest {newest}: this machine's clock was wrong, or is \
             wrong now. Check the time with `timedatectl`, then take a new snapshot."
        ),
    };
    found.add(Condition {
        action: back_up(about),
        is_news: true,
        ..about.condition(about.key(Kind::Clock), Severity::Warning, words)
    });
}

fn rows(about: &About<'_>, folder: &FolderFacts, found: &mut Assessment) {
    let Some(lost) = &folder.lost else { return };
    let name = about.name();
    let what = redacted(&lost.to_string());
    let words = Words {
        title: "rows are gone since last night",
        sentence: format!("Rows of {name} are gone since the night before: {what}."),
        text: format!(
            "Rows of {name} are gone since the night before: {what}. If that was meant, nothing is to be done. If not, \
             pin the snapshot {}, which still has them, so that it stays.",
            lost.before
        ),
    };
    // Each night's own: one that lost more is told beside the one before it.
    let key = Key {
        subject: lost.night.to_string(),
        ..about.key(Kind::Rows)
    };
    found.add(Condition {
        action: Action::go("Look at the snapshots", about.page("/backups")),
        ..about.condition(key, Severity::Warning, words)
    });
}

fn content(about: &About<'_>, folder: &FolderFacts, found: &mut Assessment) {
    let Some(first) = folder.content_findings.first() else {
        return;
    };
    let name = about.name();
    let first = redacted(first);
    let more = match folder.content_findings.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let words = Words {
        title: "rows break the app's own rules",
        sentence: format!("Some rows of {name} break the app's own rules: {first}{more}."),
        text: format!(
            "Some rows of {name} break the app's own rules: {first}{more}. They are backed up as they are. The app's \
             developer can correct them."
        ),
    };
    found.add(Condition {
        is_news: true,
        ..about.condition(about.key(Kind::Content), Severity::Warning, words)
    });
}

fn drilled(about: &About<'_>, drill: &Drill) -> Option<Condition> {
    let name = about.name();
    let which = drill
        .snapshot
        .map_or_else(String::new, |id| format!(" with the snapshot {id}"));
    let at = about.local(drill.at);
    let key = about.key(Kind::Drill);
    let again = Action::press("Try a restore now", about.page("/drill"));
    if let Some(why) = &drill.failed {
        let why = redacted(why);
        let words = Words {
            title: "the restore drill failed",
            sentence: format!("A restore of {name} would fail, says the last drill: {why}."),
            text: format!(
                "The restore drill of {name}{which} failed on {at}: {why}. Look at it soon: what can't be unpacked can't \
                 be restored. `tealkeep drill {name}` tries again, and `tealkeep snapshots {name}` lists the others."
            ),
        };
        return Some(Condition {
            action: again,
            ..about.condition(key, Severity::Failure, words)
        });
    }
    let first = redacted(drill.warnings.first()?);
    let words = Words {
        title: "the restore drill warns",
        sentence: format!("The last restore drill of {name} noticed something: {first}."),
        text: format!(
            "The restore drill of {name}{which} succeeded on {at}, and found: {}. If that was meant, nothing is to be \
             done; if not, an older snapshot has what is missing.",
            redacted(&drill.warnings.join("; "))
        ),
    };
    Some(about.condition(key, Severity::Warning, words))
}

/// The button that takes a snapshot now.
pub(super) fn back_up(about: &About<'_>) -> Action {
    Action::press("Back up now", about.page("/backup"))
}
