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

/// How many cleared notices are kept.
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

/// Something that is or was wrong. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Notice {
    /// Its number.
    pub id: NoticeId,
    /// The app that it concerns; none if it is the machine.
    pub app: Option<AppName>,
    /// The kind of condition.
    pub kind: Kind,
    /// Which one of that kind, if there can be several: a folder of a disk, the number of a run.
    pub subject: String,
    /// Its severity.
    pub severity: Severity,
    /// In a few words: `home: last night's snapshot failed`.
    pub title: String,
    /// What happened and what to do, in sentences.
    pub text: String,
    /// Its page on the dashboard, if the address of the dashboard is known.
    pub link: Option<String>,
    /// When it was first noticed.
    #[schemars(with = "String")]
    pub raised_at: Timestamp,
    /// When it ended; null while it lasts.
    #[schemars(with = "Option<String>")]
    pub cleared_at: Option<Timestamp>,
    /// Who acknowledged it, and when; null if nobody has.
    #[serde(default)]
    pub acknowledged: Option<Acknowledgement>,
}

impl Notice {
    /// What distinguishes it from other open notices.
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
    /// Records a condition, with the address of its page if that is known, together with one message for each channel.
    /// Returns `None` and changes nothing if it is recorded already.
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

    /// Records that a condition has ended, together with `body` for each channel that had or will have the message about it.
    /// Returns `false` and changes nothing if that is recorded already.
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

    /// Records that a person acknowledged a condition with its current severity; that holds until it ends or gets worse.
    /// Returns `false` and changes nothing if it has ended or was acknowledged before.
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

    /// The open notices, oldest first.
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

    /// The newest notices, newest first, including cleared ones; `limit` at most.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn notices(&self, limit: u32) -> anyhow::Result<Vec<Notice>> {
        self.with(move |connection| {
            connection
                .prepare_cached(&format!("{NOTICE_COLUMNS} ORDER BY id DESC LIMIT ?1"))?
                .query_map([limit], notice_of)?
                .collect()
        })
        .await
    }
}

/// Removes the oldest cleared notices, with their messages.
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
