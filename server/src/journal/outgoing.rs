//! Outgoing messages in the journal. What could not be sent is sent later, even after a restart.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Journal;
use super::columns::instant;

/// How many messages may wait for one channel; beyond that the oldest are dropped.
const MAX_WAITING: u32 = 100;
/// How many finished calls are kept for each channel that is only called, such as a heartbeat.
const MAX_CALLS: u32 = 50;

/// A message or a call that has not been delivered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub id: i64,
    /// Its content.
    pub body: String,
    /// When it was created.
    pub made_at: Timestamp,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next_at: Timestamp,
}

impl Journal {
    /// How many messages are waiting to be sent, including calls of heartbeats.
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

    /// Queues a call that is to be made once, such as a heartbeat; `false` if it was queued before.
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
            // Usually it was queued before, and nothing needs to be written.
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

    /// What waits for a channel, oldest first. An all-clear is held back until the message about the trouble was
    /// delivered.
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

    /// Records that a message was delivered.
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

    /// Records a failed attempt, why it failed, and when the next one is due; with `None` there is none, and the all-clear
    /// that belongs to the message is dropped too.
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

    /// Drops the messages for channels that are no longer configured.
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

    /// Queues the message about an open notice for those of these channels that never had it, because they are new, and
    /// again for channels that were not configured for a while. Does nothing for a cleared notice.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn raise_for_new_channels(
        &self,
        id: i64,
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
                end_oldest(&transaction, channel, at)?;
            }
            transaction.commit()
        })
        .await
    }
}

/// Why a message was dropped: its channel is gone from the configuration. The journal compares by it.
const NOT_CONFIGURED: &str = "it is not configured any more";

/// Queues the message about a notice for one channel, unless that was done before.
pub(super) fn add_raised(
    transaction: &Transaction<'_>,
    id: i64,
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

/// Drops the oldest messages of a channel beyond the limit, each with its all-clear: nobody heard of the trouble.
pub(super) fn end_oldest(
    transaction: &Transaction<'_>,
    channel: &str,
    at: Timestamp,
) -> rusqlite::Result<()> {
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

fn outgoing_of(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        id: row.get(0)?,
        body: row.get(1)?,
        made_at: instant(row.get(2)?),
        attempts: row.get(3)?,
        next_at: instant(row.get(4)?),
    })
}
