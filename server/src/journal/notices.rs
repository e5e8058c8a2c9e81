//! Notices in the journal: what is wrong at home and whom it was told, so that each is told once, also after a
//! restart, and what could not be sent is sent later.
//!
//! A notice and its messages are written in one transaction: there is no instant at which one of them is known and
//! the other is not.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::runs::{parsed, word};
use super::{Journal, Severity, instant};
use crate::names::AppName;
use tealkeep_words::condition::{self, Acknowledgement, Condition, Key, Kind};

/// How many messages wait for one channel at most; of more the oldest are let go.
const MAX_WAITING: u32 = 100;
/// How many notices that are well again are kept.
const MAX_CLEARED: u32 = 500;
/// How many calls that have ended are kept of each channel that is only called.
const MAX_CALLS: u32 = 50;

/// What the fifth version added.
pub(super) const TABLES: &str = "
BEGIN IMMEDIATE;
CREATE TABLE notice(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT, kind TEXT NOT NULL, subject TEXT NOT NULL, severity TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, link TEXT, raised_at INTEGER NOT NULL, cleared_at INTEGER) STRICT;
CREATE UNIQUE INDEX notice_open ON notice(coalesce(app, ''), kind, subject) WHERE cleared_at IS NULL;
CREATE TABLE outgoing(
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, about TEXT NOT NULL,
    notice INTEGER REFERENCES notice(id), state TEXT, body TEXT NOT NULL, made_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL, ended_at INTEGER, error TEXT,
    UNIQUE(channel, about)) STRICT;
CREATE INDEX outgoing_of_notice ON outgoing(notice);
CREATE INDEX outgoing_waiting ON outgoing(channel, id) WHERE ended_at IS NULL;
PRAGMA user_version = 5;
COMMIT;
";

/// What the eighth version added: who can live with a condition.
pub(super) const ACKNOWLEDGEMENTS: &str = "
BEGIN IMMEDIATE;
ALTER TABLE notice ADD COLUMN acknowledged_at INTEGER;
ALTER TABLE notice ADD COLUMN acknowledged_by TEXT;
PRAGMA user_version = 8;
COMMIT;
";

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

/// A message or a call that has not been taken by its receiver yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub id: i64,
    /// What is to be sent.
    pub body: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried next.
    pub next_at: Timestamp,
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
                        word(&key.kind),
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
                    let_go(&transaction, channel, at)?;
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

    /// How many messages are waiting to be sent, calls of heartbeats among them.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn undelivered(&self) -> anyhow::Result<u64> {
        self.with(|connection| {
            connection.query_row(
                "SELECT count(*) FROM outgoing WHERE ended_at IS NULL",
                [],
                |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
            )
        })
        .await
    }

    /// Writes down a call that is to be made once, such as a heartbeat's; `false` where it was written before.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn call_once(
        &self,
        channel: String,
        about: String,
        at: Timestamp,
    ) -> anyhow::Result<bool> {
        self.with(move |connection| {
            // A read first: what is there already is the usual case, and writes nothing.
            let known: Option<i64> = connection
                .prepare_cached("SELECT id FROM outgoing WHERE channel = ?1 AND about = ?2")?
                .query_row(params![channel, about], |row| row.get(0))
                .optional()?;
            if known.is_some() {
                return Ok(false);
            }
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO outgoing(channel, about, body, made_at, next_at) VALUES (?1, ?2, '', ?3, ?3)",
                params![channel, about, at.as_millisecond()],
            )?;
            transaction.execute(
                "DELETE FROM outgoing WHERE channel = ?1 AND ended_at IS NOT NULL AND id <=
                    (SELECT id FROM outgoing WHERE channel = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                params![channel, MAX_CALLS],
            )?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    /// What is waiting for a channel, oldest first. That something is well again waits until it was told that it
    /// was not.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn waiting(&self, channel: String) -> anyhow::Result<Vec<Outgoing>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, body, made_at, attempts, next_at FROM outgoing AS this
                     WHERE channel = ?1 AND ended_at IS NULL AND NOT (state IS 'well' AND EXISTS (
                         SELECT 1 FROM outgoing AS first WHERE first.notice = this.notice
                         AND first.channel = this.channel AND first.state = 'raised' AND first.ended_at IS NULL))
                     ORDER BY id",
                )?
                .query_map([channel], outgoing_of)?
                .collect()
        })
        .await
    }

    /// Writes down that a message was taken by its receiver.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_sent(&self, id: i64, at: Timestamp) -> anyhow::Result<()> {
        self.with(move |connection| {
            connection
                .execute(
                    "UPDATE outgoing SET attempts = attempts + 1, ended_at = ?2, error = NULL
                     WHERE id = ?1 AND ended_at IS NULL",
                    params![id, at.as_millisecond()],
                )
                .map(drop)
        })
        .await
    }

    /// Writes down that a message was not taken, why, and when it is tried next; `None` gives it up, and with it the
    /// one that says that it is well again.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_unsent(
        &self,
        id: i64,
        at: Timestamp,
        error: String,
        next_at: Option<Timestamp>,
    ) -> anyhow::Result<()> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let ended_at = next_at.is_none().then(|| at.as_millisecond());
            transaction.execute(
                "UPDATE outgoing SET attempts = attempts + 1, next_at = coalesce(?3, next_at), ended_at = ?2, error = ?4
                 WHERE id = ?1 AND ended_at IS NULL",
                params![id, ended_at, next_at.map(Timestamp::as_millisecond), error],
            )?;
            if next_at.is_none() {
                transaction.execute(
                    "UPDATE outgoing SET ended_at = ?2, error = 'it was not told that it was wrong either'
                     WHERE state = 'well' AND ended_at IS NULL
                       AND (notice, channel) = (SELECT notice, channel FROM outgoing WHERE id = ?1)",
                    params![id, at.as_millisecond()],
                )?;
            }
            transaction.commit()
        })
        .await
    }

    /// Lets go what waits for channels that are none any more.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn keep_channels(&self, known: Vec<String>, at: Timestamp) -> anyhow::Result<()> {
        self.with(move |connection| {
            let waiting: Vec<String> = connection
                .prepare("SELECT DISTINCT channel FROM outgoing WHERE ended_at IS NULL")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for channel in waiting.iter().filter(|channel| !known.contains(channel)) {
                connection.execute(
                    "UPDATE outgoing SET ended_at = ?2, error = ?3 WHERE channel = ?1 AND ended_at IS NULL",
                    params![channel, at.as_millisecond(), NOT_CONFIGURED],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// Writes down the message that something is wrong for those of these channels that it was never for, as they are
    /// new, and wakes the one that waits for a channel which was none for a while. Does nothing for a notice that is
    /// well again.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn tell_new(
        &self,
        id: NoticeId,
        channels: Vec<String>,
        at: Timestamp,
        body: String,
    ) -> anyhow::Result<()> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let open = "SELECT EXISTS (SELECT 1 FROM notice WHERE id = ?1 AND cleared_at IS NULL)";
            if !transaction.query_row(open, [id], |row| row.get::<_, bool>(0))? {
                return Ok(());
            }
            for channel in &channels {
                transaction.execute(
                    "UPDATE outgoing SET ended_at = NULL, error = NULL, attempts = 0, next_at = ?3
                     WHERE channel = ?1 AND notice = ?2 AND state = 'raised' AND error = ?4",
                    params![channel, id, at.as_millisecond(), NOT_CONFIGURED],
                )?;
                add_raised(&transaction, id, channel, &body, at)?;
                let_go(&transaction, channel, at)?;
            }
            transaction.commit()
        })
        .await
    }
}

/// Why a message was let go whose channel is none any more.
const NOT_CONFIGURED: &str = "it is not configured any more";

/// The message that something is wrong, for one channel, unless there was one.
fn add_raised(
    transaction: &Transaction<'_>,
    id: NoticeId,
    channel: &str,
    body: &str,
    at: Timestamp,
) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT OR IGNORE INTO outgoing(channel, about, notice, state, body, made_at, next_at)
             VALUES (?1, ?2, ?3, 'raised', ?4, ?5, ?5)",
            params![
                channel,
                format!("notice {id} raised"),
                id,
                body,
                at.as_millisecond()
            ],
        )
        .map(drop)
}

/// Ends the oldest messages of a channel beyond those that may wait, and with each the one that says that it is well
/// again: nobody heard that it was not.
fn let_go(transaction: &Transaction<'_>, channel: &str, at: Timestamp) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE outgoing SET ended_at = ?3, error = 'too many were waiting'
         WHERE channel = ?1 AND ended_at IS NULL AND id <= (SELECT id FROM outgoing
             WHERE channel = ?1 AND ended_at IS NULL ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        params![channel, MAX_WAITING, at.as_millisecond()],
    )?;
    transaction
        .execute(
            "UPDATE outgoing AS this SET ended_at = ?2, error = 'it was not told that it was wrong either'
             WHERE channel = ?1 AND state = 'well' AND ended_at IS NULL AND EXISTS (
                 SELECT 1 FROM outgoing AS first WHERE first.notice = this.notice AND first.channel = this.channel
                 AND first.state = 'raised' AND first.ended_at IS NOT NULL AND first.error IS NOT NULL)",
            params![channel, at.as_millisecond()],
        )
        .map(drop)
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
        kind: parsed(row, 2)?,
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

fn outgoing_of(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        id: row.get(0)?,
        body: row.get(1)?,
        made_at: instant(row.get(2)?),
        attempts: row.get(3)?,
        next_at: instant(row.get(4)?),
    })
}
