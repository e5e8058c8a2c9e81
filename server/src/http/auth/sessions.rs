//! The sessions of browsers, kept in the journal's database under the hash of their id, so that they
//! survive a restart and can be revoked one by one.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore, session_store};

use crate::journal::Journal;
use crate::names::cookies::{HTTPS_SESSION_COOKIE, SESSION_COOKIE};

/// How long a sign-in lasts.
const LIFETIME: time::Duration = time::Duration::days(90);
/// The setting that says that no session is left whose id an app may have seen.
const KEPT_FROM_APPS: &str = "sessions-kept-from-apps";

/// The session store.
#[derive(Debug, Clone)]
pub struct Sessions {
    journal: Journal,
    ended: Arc<watch::Sender<()>>,
}

/// A session as the account page shows it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// What it is revoked by; it can't be used as a cookie.
    pub handle: String,
    /// Its values.
    pub record: Record,
}

/// What the session's cookie is called.
#[must_use]
pub fn cookie_name(https: bool) -> &'static str {
    if https {
        HTTPS_SESSION_COOKIE
    } else {
        SESSION_COOKIE
    }
}

impl Sessions {
    pub(super) fn new(journal: Journal) -> Sessions {
        Sessions {
            journal,
            ended: Arc::new(watch::Sender::new(())),
        }
    }

    /// The layer that reads and sets the cookie.
    #[must_use]
    pub fn layer(&self, https: bool) -> SessionManagerLayer<Sessions> {
        SessionManagerLayer::new(self.clone())
            .with_name(cookie_name(https))
            .with_http_only(true)
            .with_same_site(SameSite::Lax)
            .with_secure(https)
            .with_expiry(Expiry::OnInactivity(LIFETIME))
    }

    /// The first of these sessions that there is, in one look at the journal: a stranger decides how many are asked for.
    pub async fn first_live(&self, ids: Vec<Id>) -> Option<Id> {
        let found = self
            .journal
            .with(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT 1 FROM session WHERE id = ?1 AND expires > ?2")?;
                let now = Timestamp::now().as_second();
                for id in ids {
                    if statement.exists(params![Sessions::handle(id), now])? {
                        return Ok(Some(id));
                    }
                }
                Ok(None)
            })
            .await;
        // A store that can't be read lets nobody in.
        found.ok().flatten()
    }

    /// Ends the sessions of earlier versions, once for this journal: their ids reached the apps behind Caddy, and some
    /// behind the gate. Answers with how many there were.
    ///
    /// # Errors
    /// The journal can't be read or written.
    pub async fn end_those_of_earlier_versions(&self) -> anyhow::Result<usize> {
        if self.journal.setting(KEPT_FROM_APPS).await?.is_some() {
            return Ok(0);
        }
        let ended = self
            .journal
            .with(|connection| {
                connection.execute(
                    "DELETE FROM session WHERE substr(id, 1, 7) <> 'device:'",
                    [],
                )
            })
            .await?;
        self.journal
            .set_setting(KEPT_FROM_APPS, Some("yes".to_owned()))
            .await?;
        Ok(ended)
    }

    /// All sessions that have not run out.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn list(&self) -> anyhow::Result<Vec<SessionRow>> {
        let rows: Vec<(String, String)> = self
            .journal
            .with(|connection| {
                connection
                    .prepare_cached("SELECT id, data FROM session WHERE expires > ?1")?
                    .query_map([Timestamp::now().as_second()], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect()
            })
            .await?;
        // A row that does not read is a session of another version: nobody can use it.
        let parsed = rows.into_iter().filter_map(|(handle, data)| {
            serde_json::from_str(&data)
                .ok()
                .map(|record| SessionRow { handle, record })
        });
        Ok(parsed.collect())
    }

    /// Is told when a session ended: who holds something open for one looks again whether it may.
    #[must_use]
    pub fn ended(&self) -> watch::Receiver<()> {
        self.ended.subscribe()
    }

    /// Says that sessions ended.
    pub(super) fn tell_ended(&self) {
        self.ended.send_replace(());
    }

    /// Ends a session, whoever's it is.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn revoke(&self, handle: String) -> anyhow::Result<bool> {
        let revoked = self
            .journal
            .with(move |connection| {
                Ok(connection.execute("DELETE FROM session WHERE id = ?1", [handle])? > 0)
            })
            .await?;
        self.tell_ended();
        Ok(revoked)
    }

    /// What a session is revoked by.
    #[must_use]
    pub fn handle(id: Id) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(id.0.to_be_bytes()))
    }
}

impl Sessions {
    async fn write(&self, record: &Record, statement: &'static str) -> session_store::Result<()> {
        let data = serde_json::to_string(record)
            .map_err(|e| session_store::Error::Encode(e.to_string()))?;
        let (handle, expires) = (
            Sessions::handle(record.id),
            record.expiry_date.unix_timestamp(),
        );
        self.journal
            .with(move |connection| {
                let now = Timestamp::now().as_second();
                connection.execute("DELETE FROM session WHERE expires <= ?1", [now])?;
                connection.execute(statement, params![handle, data, expires])
            })
            .await
            .map(drop)
            .map_err(|e| backend(&e))
    }
}

fn backend(error: &anyhow::Error) -> session_store::Error {
    session_store::Error::Backend(format!("{error:#}"))
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        // 128 random bits do not meet by chance, but a session must never become another's.
        while self.load(&record.id).await?.is_some() {
            record.id = Id::default();
        }
        self.write(
            record,
            "INSERT INTO session(id, data, expires) VALUES (?1, ?2, ?3)",
        )
        .await
    }

    /// Writes what is still there: a session that was revoked while a request of it was under way stays revoked.
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.write(
            record,
            "UPDATE session SET data = ?2, expires = ?3 WHERE id = ?1",
        )
        .await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let handle = Sessions::handle(*id);
        let data: Option<String> = self
            .journal
            .with(move |connection| {
                connection
                    .prepare_cached("SELECT data FROM session WHERE id = ?1 AND expires > ?2")?
                    .query_row(params![handle, Timestamp::now().as_second()], |row| {
                        row.get(0)
                    })
                    .optional()
            })
            .await
            .map_err(|e| backend(&e))?;
        data.map(|data| {
            serde_json::from_str(&data).map_err(|e| session_store::Error::Decode(e.to_string()))
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.revoke(Sessions::handle(*id))
            .await
            .map(drop)
            .map_err(|e| backend(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_that_was_revoked_during_a_request_stays_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(Journal::open(dir.path()).unwrap());
        let mut record = Record {
            id: Id::default(),
            data: Default::default(),
            expiry_date: time::OffsetDateTime::now_utc() + LIFETIME,
        };
        sessions.create(&mut record).await.unwrap();
        assert!(sessions.load(&record.id).await.unwrap().is_some());
        // Another browser ends it while a request of it is under way, which saves it at its end.
        let ended = sessions.ended();
        assert!(sessions.revoke(Sessions::handle(record.id)).await.unwrap());
        assert!(ended.has_changed().unwrap());
        sessions.save(&record).await.unwrap();
        assert!(sessions.load(&record.id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn sessions_of_earlier_versions_end_once() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(Journal::open(dir.path()).unwrap());
        let sign_in = async || {
            let mut record = Record {
                id: Id::default(),
                data: Default::default(),
                expiry_date: time::OffsetDateTime::now_utc() + LIFETIME,
            };
            sessions.create(&mut record).await.unwrap();
            record.id
        };
        let old = sign_in().await;
        assert_eq!(sessions.end_those_of_earlier_versions().await.unwrap(), 1);
        assert_eq!(sessions.first_live(vec![old]).await, None);
        let new = sign_in().await;
        assert_eq!(sessions.end_those_of_earlier_versions().await.unwrap(), 0);
        assert_eq!(sessions.first_live(vec![old, new]).await, Some(new));
    }
}
