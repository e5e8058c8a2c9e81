//! Events in the journal. They are appended and never changed; the oldest are removed after years.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::instant;
use super::{Event, Journal, NewEvent, Severity, Signal};
use crate::names::AppName;

/// How many events of all apps are kept: a few years in a quiet household. No decision depends on an event.
const MAX_EVENTS: i64 = 20_000;

/// After how many new events the oldest are removed.
const FORGET_INTERVAL_EVENTS: i64 = 256;

impl Journal {
    /// Appends an event and sends it to the listeners.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn append(&self, event: NewEvent) -> anyhow::Result<Event> {
        let at = Timestamp::now();
        let row = event.clone();
        let id = self
            .with(move |connection| {
                connection.execute(
                    "INSERT INTO event(at, app, run, severity, text) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        at.as_millisecond(),
                        row.app.as_ref().map(AppName::as_str),
                        row.run,
                        row.severity.as_str(),
                        row.text
                    ],
                )?;
                let id = connection.last_insert_rowid();
                if id % FORGET_INTERVAL_EVENTS == 0 {
                    forget_old_events(connection, id);
                }
                Ok(id)
            })
            .await?;
        let event = Event {
            id,
            at,
            app: event.app,
            run: event.run,
            severity: event.severity,
            text: event.text,
        };
        log(&event);
        // At night there is usually no listener.
        let _ = self.inner.events.send(Signal::Event(event.clone()));
        Ok(event)
    }

    /// Appends an event; a failure is only logged.
    pub async fn note(&self, event: NewEvent) {
        let text = event.text.clone();
        if let Err(error) = self.append(event).await {
            tracing::error!("the event {text:?} was not written to the journal: {error:#}");
        }
    }

    /// The newest events, newest first: of one app or of all, older than `before`, `limit` at most.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn events(
        &self,
        app: Option<AppName>,
        before: Option<i64>,
        limit: u32,
    ) -> anyhow::Result<Vec<Event>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, at, app, run, severity, text FROM event
                     WHERE (?1 IS NULL OR app = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
                )?
                .query_map(params![app.as_ref().map(AppName::as_str), before, limit], event_of)?
                .collect()
        })
        .await
    }

    /// The events after `id`, oldest first, `limit` at most: what a listener missed while it was disconnected.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn events_after(&self, id: i64, limit: u32) -> anyhow::Result<Vec<Event>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, at, app, run, severity, text FROM event WHERE id > ?1 ORDER BY id LIMIT ?2",
                )?
                .query_map(params![id, limit], event_of)?
                .collect()
        })
        .await
    }

    /// The id and the instant of the newest event.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn newest(&self) -> anyhow::Result<Option<(i64, Timestamp)>> {
        self.with(|connection| {
            connection
                .query_row(
                    "SELECT id, at FROM event ORDER BY id DESC LIMIT 1",
                    [],
                    |row| Ok((row.get(0)?, instant(row.get(1)?))),
                )
                .optional()
        })
        .await
    }

    /// The latest time of any event: a clock that is earlier cannot be trusted.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn latest_instant(&self) -> anyhow::Result<Option<Timestamp>> {
        self.with(|connection| {
            connection.query_row("SELECT max(at) FROM event", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.map(instant))
            })
        })
        .await
    }
}

fn log(event: &Event) {
    match event.severity {
        Severity::Good | Severity::Info => tracing::info!(
            app = event.app.as_ref().map(AppName::as_str),
            "{}",
            event.text
        ),
        Severity::Warning => tracing::warn!(
            app = event.app.as_ref().map(AppName::as_str),
            "{}",
            event.text
        ),
        Severity::Bad => tracing::error!(
            app = event.app.as_ref().map(AppName::as_str),
            "{}",
            event.text
        ),
    }
}

/// Removes the oldest events; `newest` is the one just written.
fn forget_old_events(connection: &Connection, newest: i64) {
    let old = connection.execute("DELETE FROM event WHERE id <= ?1", [newest - MAX_EVENTS]);
    // The event itself is written; a later one removes the old ones.
    if let Err(error) = old {
        tracing::warn!("old events could not be removed: {error}");
    }
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get(0)?,
        at: instant(row.get(1)?),
        app: row
            .get::<_, Option<String>>(2)?
            .and_then(|name| name.parse().ok()),
        run: row.get(3)?,
        severity: Severity::parse(row.get_ref(4)?.as_str()?),
        text: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn journal() -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        (dir, journal)
    }

    #[tokio::test]
    async fn what_happened_is_never_changed() {
        let (_dir, journal) = journal().await;
        journal
            .append(NewEvent::new(Severity::Good, "A snapshot was taken."))
            .await
            .unwrap();
        let changed = journal
            .with(|connection| connection.execute("UPDATE event SET text = 'no'", []))
            .await;
        assert!(format!("{:#}", changed.unwrap_err()).contains("events are never changed"));
        assert_eq!(
            journal.events(None, None, 9).await.unwrap()[0].text,
            "A snapshot was taken."
        );
    }

    #[tokio::test]
    async fn a_listener_that_comes_back_finds_what_it_missed_in_order() {
        let (_dir, journal) = journal().await;
        let mut live = journal.subscribe();
        let first = journal
            .append(NewEvent::new(Severity::Info, "one"))
            .await
            .unwrap();
        let home: AppName = "home".parse().unwrap();
        journal
            .append(NewEvent::new(Severity::Bad, "two").of(&home))
            .await
            .unwrap();
        journal
            .append(NewEvent::new(Severity::Info, "three"))
            .await
            .unwrap();
        let missed = journal.events_after(first.id, 9).await.unwrap();
        assert_eq!(
            missed.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(),
            ["two", "three"]
        );
        let of_home = journal.events(Some(home), None, 9).await.unwrap();
        assert_eq!(
            of_home.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(),
            ["two"]
        );
        assert!(matches!(live.recv().await.unwrap(), Signal::Event(event) if event == first));
    }

    #[tokio::test]
    async fn the_oldest_events_go_and_whoever_missed_some_of_them_gets_the_rest() {
        let (_dir, journal) = journal().await;
        journal
            .with(move |connection| {
                connection.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                     INSERT INTO event(at, severity, text) SELECT i, 'info', 'something' FROM n",
                    [(MAX_EVENTS / FORGET_INTERVAL_EVENTS + 1) * FORGET_INTERVAL_EVENTS - 1],
                )
            })
            .await
            .unwrap();
        let newest = journal
            .append(NewEvent::new(Severity::Good, "A snapshot was taken."))
            .await
            .unwrap();
        assert_eq!(newest.id % FORGET_INTERVAL_EVENTS, 0);
        let all = journal.events(None, None, u32::MAX).await.unwrap();
        assert_eq!(all.len(), usize::try_from(MAX_EVENTS).unwrap());
        assert_eq!(all[0].id, newest.id);
        let oldest = all.last().unwrap().id;
        assert!(oldest > 1);
        assert_eq!(journal.events_after(1, 1).await.unwrap()[0].id, oldest);
        assert_eq!(journal.events(None, Some(oldest), 9).await.unwrap(), []);
    }
}
