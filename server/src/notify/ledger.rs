//! Brings the journal's notices in line with what is wrong now. All that it remembers stands in the journal, so that it
//! may be cut off at any instant and begin again: what was told is not told twice, and nothing is left out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::message::Message;
use crate::house::{Condition, Key, Kind, Severity};
use crate::journal::{self, Journal, NewEvent};
use crate::names::AppName;

/// What there is to know besides what is wrong.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The channels that messages go to, by name.
    pub channels: Vec<String>,
    /// The apps that there are; what was wrong with one that is none any more is over, and nobody is told.
    pub apps: BTreeSet<AppName>,
    /// The zone that people live in.
    pub zone: TimeZone,
    /// The dashboard's address, if it is known by which name that is reached: `https://home.example.org`.
    pub dashboard: Option<String>,
}

/// Writes down what is newly wrong, what has got worse and what is well again, with the messages that say so; returns
/// whether anything was written. Hints, and what has not lasted yet, are left to the pages.
///
/// # Errors
/// The journal can't be read or written. What was written until then stands, and the next call does the rest.
pub async fn settle(
    journal: &Journal,
    conditions: &[Condition],
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let mut written = false;
    let wrong: BTreeMap<&Key, &Condition> = conditions
        .iter()
        .filter(|one| one.severity > Severity::Hint && one.is_lasting)
        .map(|one| (&one.key, one))
        .collect();
    let open = journal.open_notices().await?;
    let mut known = BTreeSet::new();
    for notice in &open {
        let key = notice.key();
        let now_is = wrong.get(&key);
        if now_is.is_some_and(|condition| notice.severity >= condition.severity.into()) {
            known.insert(key);
            continue;
        }
        let gone = key
            .app
            .as_ref()
            .is_some_and(|app| !settings.apps.contains(app));
        let replaced = key.kind.replaces_its_like()
            && wrong
                .keys()
                .any(|newer| newer.app == key.app && newer.kind == key.kind);
        // One that got worse is told anew below.
        let body = if gone || replaced || now_is.is_some() {
            None
        } else {
            let since = notice.raised_at.to_zoned(settings.zone.clone());
            let since = since.strftime("%Y-%m-%d %H:%M").to_string();
            Some(serde_json::to_string(&Message::well(notice, &since, now)?)?)
        };
        let told = body.is_some();
        if journal.clear_notice(notice.id, now, body).await? {
            written = true;
            if told && ends_unheard(key.kind) {
                let text = format!("It is well again: {}.", notice.title);
                note(journal, key.app.as_ref(), journal::Severity::Good, text).await;
            }
        }
    }
    for (key, condition) in wrong {
        if known.contains(key) {
            continue;
        }
        let link = settings
            .dashboard
            .as_ref()
            .map(|dashboard| format!("{dashboard}{}", condition.page));
        let body = serde_json::to_string(&Message::raised(condition, link.clone(), now)?)?;
        let raised = journal
            .raise_notice(
                condition.clone(),
                link,
                now,
                settings.channels.clone(),
                body,
            )
            .await?;
        if raised.is_some() {
            written = true;
            if condition.is_news {
                let severity = condition.severity.into();
                note(journal, key.app.as_ref(), severity, condition.text.clone()).await;
            }
        }
    }
    Ok(written)
}

/// Has the channels that are new told what is wrong already, once.
///
/// # Errors
/// The journal can't be read or written. What was written until then stands, and the next call does the rest.
pub async fn catch_up(
    journal: &Journal,
    channels: &[String],
    now: Timestamp,
) -> anyhow::Result<()> {
    for notice in journal.open_notices().await? {
        let body = serde_json::to_string(&Message::still(&notice)?)?;
        journal
            .raise_for_new_channels(notice.id, channels.to_vec(), now, body)
            .await?;
    }
    Ok(())
}

/// Whether nobody else writes an event when it is over.
fn ends_unheard(kind: Kind) -> bool {
    match kind {
        Kind::Pull
        | Kind::Copy
        | Kind::Disk
        | Kind::Elsewhere
        | Kind::Folder
        | Kind::Clock
        | Kind::Content
        | Kind::Failing
        | Kind::Crashing
        | Kind::Requests
        | Kind::Health => true,
        Kind::Snapshot
        | Kind::Rows
        | Kind::Drill
        | Kind::Deploy
        | Kind::Restore
        | Kind::Check
        | Kind::Reach
        | Kind::Live
        | Kind::Route
        | Kind::Release => false,
    }
}

async fn note(journal: &Journal, app: Option<&AppName>, severity: journal::Severity, text: String) {
    let event = NewEvent::new(severity, text);
    let event = match app {
        Some(app) => event.of(app),
        None => event,
    };
    journal.note(event).await;
}

#[cfg(test)]
mod tests;
