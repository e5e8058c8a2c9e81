//! Whether a file system is nearly full: less is free than its share, or than the next snapshots will take.

use super::assessment::Assessment;
use crate::backup::human;
use crate::backup::scratch::RESERVE_BYTES;
use crate::house::facts::{DiskFacts, Facts, Space};
use tealkeep_words::condition::{Action, Condition, Key, Kind, Severity, title};

/// The share of a large disk asks for no more than this: a twentieth of some terabytes is plenty.
const MAX_SHARE_BYTES: u64 = 10 << 30;
/// It has room again when a fifth more is free than what it was told at, so that it does not flap.
const HYSTERESIS_PARTS: u64 = 5;

pub(super) fn look(facts: &Facts, found: &mut Assessment) {
    for disk in &facts.disks {
        let key = Key {
            app: None,
            kind: Kind::Disk,
            subject: disk.folder.display().to_string(),
        };
        let Some(space) = disk.space else {
            found.unknown.insert(key);
            continue;
        };
        let least = least(facts, disk, space);
        let wanted = if facts.open.contains_key(&key) {
            least.saturating_add(least / HYSTERESIS_PARTS)
        } else {
            least
        };
        if space.free < wanted {
            found.add(condition(key, disk, space, least));
        }
    }
}

/// What must be free, in bytes.
fn least(facts: &Facts, disk: &DiskFacts, space: Space) -> u64 {
    let share = u128::from(space.total) * u128::from(facts.disk_free) / 100;
    let share = u64::try_from(share)
        .unwrap_or(u64::MAX)
        .min(MAX_SHARE_BYTES);
    let need = match disk.need {
        0 => 0,
        need => need.saturating_add(RESERVE_BYTES),
    };
    share.max(need)
}

fn condition(key: Key, disk: &DiskFacts, space: Space, least: u64) -> Condition {
    let free = human(space.free);
    let needs = match disk.need {
        0 => String::new(),
        need => format!(" The next snapshots will take about {}.", human(need)),
    };
    let holds = list(&disk.holds);
    let is_too_little = disk.need > 0 && space.free < disk.need.saturating_add(RESERVE_BYTES);
    let sentence = if is_too_little {
        format!(
            "The disk that holds {holds} has too little room for the next snapshot: {free} free."
        )
    } else {
        format!("The disk that holds {holds} is nearly full: {free} free.")
    };
    let text = format!(
        "On the disk of {}, which holds {holds}, {free} of {} are free; at least {} should be.{needs} Remove something \
         there, or keep fewer snapshots.",
        disk.folder.display(),
        human(space.total),
        human(least)
    );
    let page = disk
        .backups_of
        .as_ref()
        .map_or_else(|| "/".to_owned(), |app| format!("/apps/{app}/backups"));
    Condition {
        key,
        severity: if space.free < disk.need.saturating_add(RESERVE_BYTES) {
            Severity::Failure
        } else {
            Severity::Warning
        },
        title: title(None, &format!("a disk is nearly full: {free} free")),
        sentence,
        text,
        action: Action::go("See what is there", page),
        page: "/".to_owned(),
        is_news: true,
        is_lasting: true,
        since: None,
        acknowledged: None,
    }
}

fn list(things: &[String]) -> String {
    match things {
        [] => "nothing of Tealkeep's".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
