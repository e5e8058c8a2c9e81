//! Brings the journal's notices in line with what is wrong now. All that it remembers stands in the journal, so that it
//! may be cut off at any instant and begin again: what was told is not told twice, and nothing is left out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::condition::{Assessment, Kind};
use super::message::Message;
use crate::journal::{Journal, NewEvent, Severity};
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
}

/// Writes down what is newly wrong and what is well again, with the messages that say so; returns whether anything was
/// written.
///
/// # Errors
/// The journal can't be read or written. What was written until then stands, and the next call does the rest.
pub async fn settle(
    journal: &Journal,
    assessment: &Assessment,
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let mut written = false;
    let open = journal.open_notices().await?;
    for notice in &open {
        let key = notice.key();
        if assessment.wrong.contains_key(&key) || assessment.unknown.contains(&key) {
            continue;
        }
        let gone = key
            .app
            .as_ref()
            .is_some_and(|app| !settings.apps.contains(app));
        let replaced = key.kind.replaces_its_like()
            && assessment
                .wrong
                .keys()
                .any(|newer| newer.app == key.app && newer.kind == key.kind);
        let body = if gone || replaced {
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
                note(journal, key.app.as_ref(), Severity::Good, text).await;
            }
        }
    }
    let known: BTreeSet<_> = open.iter().map(|notice| notice.key()).collect();
    for (key, condition) in &assessment.wrong {
        if known.contains(key) {
            continue;
        }
        let body = serde_json::to_string(&Message::raised(key, condition, now)?)?;
        let raised = journal
            .raise_notice(
                key.clone(),
                condition.clone(),
                now,
                settings.channels.clone(),
                body,
            )
            .await?;
        if raised.is_some() {
            written = true;
            if condition.is_news {
                let severity = condition.severity;
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
            .tell_new(notice.id, channels.to_vec(), now, body)
            .await?;
    }
    Ok(())
}

/// Whether nobody else writes an event when it is over.
fn ends_unheard(kind: Kind) -> bool {
    match kind {
        Kind::Pull | Kind::Copy | Kind::Disk => true,
        Kind::Snapshot | Kind::Rows | Kind::Drill | Kind::Deploy | Kind::Check | Kind::Live => {
            false
        }
    }
}

async fn note(journal: &Journal, app: Option<&AppName>, severity: Severity, text: String) {
    let event = NewEvent::new(severity, text);
    let event = match app {
        Some(app) => event.of(app),
        None => event,
    };
    journal.note(event).await;
}

#[cfg(test)]
mod tests;
