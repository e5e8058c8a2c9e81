//! Notices in the journal: what is wrong at home and whom it was told, so that each is told once, also after a
//! restart, and what could not be sent is sent later.
//!
//! A notice and its messages are written in one transaction: there is no instant at which one of them is known and
//! the other is not.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::columns::{instant, parse_column, to_word};
use super::outgoing::{add_raised, end_oldest};
use super::{Journal, Severity};
use crate::names::AppName;
use tealkeep_words::condition::{self, Acknowledgement, Condition, Key, Kind};

/// How many notices that are well again are kept.
const MAX_CLEARED: u32 = 500;
impl From<condition::Severity> for Severity {
    fn from(severity: condition::Severity) -> Severity {
        match severity {
            condition::Severity::Hint => Severity::Info,
            condition::Severity::Warning => Severity::Warning,
            condition::Severity::Failure => Severity::Bad,
        }
    }
}

/// The number of a notice, unique on this machine.
pub type NoticeId = i64;

/// Something that is wrong at home, or was. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Notice {
    /// Its number.
    pub id: NoticeId,
    /// Which app it concerns; none where it is the machine.
    pub app: Option<AppName>,
    /// What kind of thing is wrong.
    pub kind: Kind,
    /// What of that kind, where there can be several: a folder of a disk, the number of a run.
    pub subject: String,
    /// How grave it is.
    pub severity: Severity,
    /// In a few words: `home: last night's snapshot failed`.
    pub title: String,
    /// What happened and what to do, in sentences.
    pub text: String,
    /// Where the dashboard shows it, if it is known by which name that is reached.
    pub link: Option<String>,
    /// Since when it has been known.
    #[schemars(with = "String")]
    pub raised_at: Timestamp,
    /// When it was well again; null while it is not.
    #[schemars(with = "Option<String>")]
    pub cleared_at: Option<Timestamp>,
    /// The person who can live with it; null while nobody has said so.
    #[serde(default)]
    pub acknowledged: Option<Acknowledgement>,
}

impl Notice {
    /// What tells it from others that are open.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            app: self.app.clone(),
            kind: self.kind,
            subject: self.subject.clone(),
        }
    }
}

impl Journal {
    /// Writes down that something is wrong, with the address of its page where that is known, together with one message
    /// for each channel; `None`, and nothing written, where that is known already.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn raise_notice(
        &self,
        condition: Condition,
        link: Option<String>,
        at: Timestamp,
        channels: Vec<String>,
        body: String,
    ) -> anyhow::Result<Option<Notice>> {
        let raised = self
            .with(move |connection| {
                let key = condition.key;
                let transaction = connection.transaction()?;
                let new = transaction.execute(
                    "INSERT OR IGNORE INTO notice(app, kind, subject, severity, title, text, link, raised_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![
                        key.app.as_ref().map(AppName::as_str),
                        to_word(&key.kind),
                        key.subject,
                        Severity::from(condition.severity).as_str(),
                        condition.title,
                        condition.text,
                        link,
                        at.as_millisecond(),
                    ],
                )?;
                if new == 0 {
                    return Ok(None);
                }
                let id = transaction.last_insert_rowid();
                for channel in &channels {
                    add_raised(&transaction, id, channel, &body, at)?;
                    end_oldest(&transaction, channel, at)?;
                }
                forget_old(&transaction)?;
                let notice = notice(&transaction, id)?;
                transaction.commit()?;
                Ok(notice)
            })
            .await?;
        if raised.is_some() {
            self.touch();
        }
        Ok(raised)
    }

    /// Writes down that a notice is well again, together with a message, where there is one, for each channel that was
    /// or will be told that it was not; `false`, and nothing written, where that is known already.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn clear_notice(
        &self,
        id: NoticeId,
        at: Timestamp,
        body: Option<String>,
    ) -> anyhow::Result<bool> {
        let cleared = self
            .with(move |connection| {
                let transaction = connection.transaction()?;
                let cleared = transaction.execute(
                    "UPDATE notice SET cleared_at = ?2 WHERE id = ?1 AND cleared_at IS NULL",
                    params![id, at.as_millisecond()],
                )?;
                if let (1, Some(body)) = (cleared, body) {
                    transaction.execute(
                        "INSERT INTO outgoing(channel, about, notice, state, body, made_at, next_at)
                         SELECT channel, ?2, notice, 'well', ?3, ?4, ?4 FROM outgoing
                         WHERE notice = ?1 AND state = 'raised' AND (error IS NULL OR ended_at IS NULL)",
                        params![id, format!("notice {id} well"), body, at.as_millisecond()],
                    )?;
                }
                transaction.commit()?;
                Ok(cleared == 1)
            })
            .await?;
        if cleared {
            self.touch();
        }
        Ok(cleared)
    }

    /// Writes down that a person can live with what a notice tells, as grave as it is now, until it is well again or
    /// gets worse; `false`, and nothing written, where it is well already or somebody has said so before.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn acknowledge_notice(
        &self,
        id: NoticeId,
        severity: condition::Severity,
        acknowledgement: Acknowledgement,
    ) -> anyhow::Result<bool> {
        let acknowledged = self
            .with(move |connection| {
                connection.execute(
                    "UPDATE notice SET acknowledged_at = ?2, acknowledged_by = ?3, severity = ?4
                     WHERE id = ?1 AND cleared_at IS NULL AND acknowledged_at IS NULL",
                    params![
                        id,
                        acknowledgement.at.as_millisecond(),
                        acknowledgement.by,
                        Severity::from(severity).as_str()
                    ],
                )
            })
            .await?
            == 1;
        if acknowledged {
            self.touch();
        }
        Ok(acknowledged)
    }

    /// What is wrong now, the oldest first.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn open_notices(&self) -> anyhow::Result<Vec<Notice>> {
        self.with(|connection| {
            connection
                .prepare_cached(&format!(
                    "{NOTICE_COLUMNS} WHERE cleared_at IS NULL ORDER BY id"
                ))?
                .query_map([], notice_of)?
                .collect()
        })
        .await
    }

    /// The newest notices, newest first, those that are well again among them, `most` of them.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn notices(&self, most: u32) -> anyhow::Result<Vec<Notice>> {
        self.with(move |connection| {
            connection
                .prepare_cached(&format!("{NOTICE_COLUMNS} ORDER BY id DESC LIMIT ?1"))?
                .query_map([most], notice_of)?
                .collect()
        })
        .await
    }
}

/// Forgets notices that have been well for long, with their messages.
fn forget_old(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let old =
        "SELECT id FROM notice WHERE cleared_at IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?1";
    transaction.execute(
        &format!("DELETE FROM outgoing WHERE notice IN ({old})"),
        [MAX_CLEARED],
    )?;
    transaction.execute(
        &format!("DELETE FROM notice WHERE id IN ({old})"),
        [MAX_CLEARED],
    )?;
    Ok(())
}

const NOTICE_COLUMNS: &str =
    "SELECT id, app, kind, subject, severity, title, text, link, raised_at, cleared_at, acknowledged_at, acknowledged_by
     FROM notice";

fn notice(connection: &Connection, id: NoticeId) -> rusqlite::Result<Option<Notice>> {
    connection
        .query_row(&format!("{NOTICE_COLUMNS} WHERE id = ?1"), [id], notice_of)
        .optional()
}

fn notice_of(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get(0)?,
        app: row
            .get::<_, Option<String>>(1)?
            .and_then(|name| name.parse().ok()),
        kind: parse_column(row, 2)?,
        subject: row.get(3)?,
        severity: Severity::parse(row.get_ref(4)?.as_str()?),
        title: row.get(5)?,
        text: row.get(6)?,
        link: row.get(7)?,
        raised_at: instant(row.get(8)?),
        cleared_at: row.get::<_, Option<i64>>(9)?.map(instant),
        acknowledged: acknowledgement(row.get(10)?, row.get(11)?),
    })
}

fn acknowledgement(at: Option<i64>, by: Option<String>) -> Option<Acknowledgement> {
    Some(Acknowledgement {
        at: instant(at?),
        by: by?,
    })
}
