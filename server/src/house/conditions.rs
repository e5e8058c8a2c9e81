//! Decides what is wrong now: a pure function of [`Facts`]. It is asked again and again, so that it needs no memory
//! of what it said; what must not flap is decided with a look at what is open.

mod assessment;
mod backups;
mod copies;
mod disk;
mod live;
mod night;
mod run;
mod running;
mod seen;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

pub use run::left_behind;

use super::facts::Facts;
use crate::journal::notices::Notice;
use crate::names::AppName;
use assessment::{About, Assessment};
use tealkeep_words::condition::{Action, Condition, Severity};

/// Everything that is wrong by these facts, and what is worth a hint: what needs a person first, the gravest of it
/// first; then what somebody has acknowledged; hints last. What can't be told now is listed where the journal knows it
/// to be wrong.
#[must_use]
pub fn conditions(facts: &Facts) -> Vec<Condition> {
    let Assessment { mut found, unknown } = assess(facts);
    for (key, notice) in &facts.open {
        if unknown.contains(key) && !found.contains_key(key) {
            found.insert(key.clone(), unchanged(notice));
        }
    }
    let mut all: Vec<Condition> = found.into_values().collect();
    for condition in &mut all {
        let Some(notice) = facts.open.get(&condition.key) else {
            continue;
        };
        condition.since = Some(notice.raised_at);
        if notice.severity >= condition.severity.into() {
            condition.acknowledged.clone_from(&notice.acknowledged);
        }
    }
    let place = |app: &Option<AppName>| {
        let app = app.as_ref()?;
        facts.apps.iter().position(|known| known.name == *app)
    };
    all.sort_by_key(|condition| {
        (
            condition.severity == Severity::Hint,
            !condition.needs_a_person(),
            Reverse(condition.severity),
            condition.key.kind,
            place(&condition.key.app),
            condition.key.subject.clone(),
        )
    });
    all
}

fn assess(facts: &Facts) -> Assessment {
    let mut found = Assessment::default();
    for app in &facts.apps {
        let about = About { facts, app };
        live::look(&about, &mut found);
        running::look(&about, &mut found);
        night::look(&about, &mut found);
        backups::look(&about, &mut found);
        copies::look(&about, &mut found);
        run::look(&about, &mut found);
        seen::look(&about, &mut found);
    }
    disk::look(facts, &mut found);
    found
}

/// A condition that can't be judged now, as the journal has it.
fn unchanged(notice: &Notice) -> Condition {
    let key = notice.key();
    let page = match &key.app {
        Some(app) => format!("/apps/{app}/backups"),
        None => "/".to_owned(),
    };
    Condition {
        severity: match notice.severity {
            crate::journal::Severity::Bad => Severity::Failure,
            crate::journal::Severity::Good
            | crate::journal::Severity::Info
            | crate::journal::Severity::Warning => Severity::Warning,
        },
        title: notice.title.clone(),
        sentence: format!("{}.", notice.title),
        text: notice.text.clone(),
        action: Action::go("Look at it", page.clone()),
        page,
        is_news: false,
        is_lasting: true,
        since: None,
        acknowledged: None,
        key,
    }
}
