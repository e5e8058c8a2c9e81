//! The tables of the journal, version by version. An earlier journal keeps what it has and gets what came since.

use std::time::Duration;

use rusqlite::Connection;

/// Prepares a connection, and brings the file to this version.
///
/// # Errors
/// It is not a journal, or one of a newer version.
pub(super) fn prepare(connection: &Connection) -> anyhow::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        known @ 0..VERSION => {
            let known = usize::try_from(known).unwrap_or_default();
            connection.execute_batch(&VERSIONS[known..].concat())?;
        }
        VERSION => {}
        newer => anyhow::bail!(
            "it was written by a newer Tealkeep (its version is {newer}, this one knows {VERSION})"
        ),
    }
    Ok(())
}

/// What each version added to the one before it, the first to nothing.
const VERSIONS: [&str; VERSION as usize] = [
    SCHEMA,
    TOKENS,
    CHECKS,
    NIGHTS,
    NOTICES,
    COVERAGE,
    TRAFFIC,
    ACKNOWLEDGEMENTS,
];
const VERSION: i64 = 8;

const SCHEMA: &str = "
BEGIN IMMEDIATE;
CREATE TABLE event(
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, app TEXT, run INTEGER,
    severity TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX event_of_app ON event(app, id);
CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT raise(ABORT, 'events are never changed'); END;
CREATE TABLE run(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL,
    state TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER, reason TEXT, output TEXT) STRICT;
CREATE INDEX run_of_app ON run(app, id);
CREATE TABLE step(
    run INTEGER NOT NULL REFERENCES run(id), position INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
    began INTEGER, ended INTEGER, detail TEXT, PRIMARY KEY(run, position)) STRICT, WITHOUT ROWID;
CREATE TABLE release_schema(
    app TEXT NOT NULL, release TEXT NOT NULL, schema_hash TEXT NOT NULL, PRIMARY KEY(app, release, schema_hash))
    STRICT, WITHOUT ROWID;
CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE session(
    id TEXT PRIMARY KEY, data TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
";

/// What the second version added.
const TOKENS: &str = "
BEGIN IMMEDIATE;
CREATE TABLE token(
    name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scope TEXT NOT NULL, made INTEGER NOT NULL, last_used INTEGER)
    STRICT, WITHOUT ROWID;
PRAGMA user_version = 2;
COMMIT;
";

/// What the third version added: what the policies found, and which findings a person accepted.
const CHECKS: &str = "
BEGIN IMMEDIATE;
CREATE TABLE policy_check(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, target TEXT NOT NULL, url TEXT NOT NULL,
    release TEXT, run INTEGER, first_at INTEGER NOT NULL, at INTEGER NOT NULL, times INTEGER NOT NULL,
    took_ms INTEGER NOT NULL, verdict TEXT, unreachable TEXT, findings TEXT NOT NULL) STRICT;
CREATE INDEX policy_check_of_app ON policy_check(app, id);
CREATE TABLE acceptance(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, policy TEXT NOT NULL, kind TEXT NOT NULL,
    url TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL,
    revoked_at INTEGER, revoked_by TEXT) STRICT;
CREATE INDEX acceptance_of_app ON acceptance(app, id);
PRAGMA user_version = 3;
COMMIT;
";

/// What the fourth version added: the nights, the drills, and the pulls of the laptops.
const NIGHTS: &str = "
BEGIN IMMEDIATE;
CREATE TABLE night(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, local_date TEXT NOT NULL, at INTEGER NOT NULL,
    snapshot TEXT, failed TEXT) STRICT;
CREATE INDEX night_of_app ON night(app, id);
CREATE TABLE drill(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, at INTEGER NOT NULL, snapshot TEXT,
    took_ms INTEGER NOT NULL, failed TEXT, warnings TEXT NOT NULL) STRICT;
CREATE INDEX drill_of_app ON drill(app, id);
CREATE TABLE pull(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, at INTEGER NOT NULL, laptop TEXT NOT NULL,
    newest TEXT, whole INTEGER, damaged INTEGER) STRICT;
CREATE INDEX pull_of_app ON pull(app, id);
PRAGMA user_version = 4;
COMMIT;
";

/// What the fifth version added: the notices and their messages.
const NOTICES: &str = "
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

/// What the sixth version added: what a check looked at, and acceptances by pattern.
const COVERAGE: &str = "
BEGIN IMMEDIATE;
ALTER TABLE policy_check ADD COLUMN seen TEXT;
ALTER TABLE acceptance ADD COLUMN is_pattern INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 6;
COMMIT;
";

/// What the seventh version added: the requests of each date.
const TRAFFIC: &str = "
BEGIN IMMEDIATE;
CREATE TABLE traffic_day(
    app TEXT NOT NULL, local_date TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    unanswered INTEGER NOT NULL, PRIMARY KEY(app, local_date)) STRICT, WITHOUT ROWID;
PRAGMA user_version = 7;
COMMIT;
";

/// What the eighth version added: who acknowledged a condition.
const ACKNOWLEDGEMENTS: &str = "
BEGIN IMMEDIATE;
ALTER TABLE notice ADD COLUMN acknowledged_at INTEGER;
ALTER TABLE notice ADD COLUMN acknowledged_by TEXT;
PRAGMA user_version = 8;
COMMIT;
";

#[cfg(test)]
mod tests {
    use super::VERSIONS;
    use crate::journal::Journal;
    use rusqlite::Connection;

    #[test]
    fn a_journal_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Journal::open(dir.path()).unwrap());
        let connection = Connection::open(dir.path().join("journal.db")).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = Journal::open(dir.path()).unwrap_err();
        assert!(
            format!("{refused:#}").contains("written by a newer Tealkeep"),
            "{refused:#}"
        );
    }

    #[test]
    fn a_journal_of_an_earlier_version_keeps_what_it_has_and_gets_what_came_since() {
        for earlier in 1..VERSIONS.len() {
            let earlier = VERSIONS[..earlier].concat();
            let dir = tempfile::tempdir().unwrap();
            let connection = Connection::open(dir.path().join("journal.db")).unwrap();
            connection.execute_batch(&earlier).unwrap();
            connection
                .execute("INSERT INTO setting VALUES ('kept', 'yes')", [])
                .unwrap();
            drop(connection);
            // The second opening finds nothing left to add.
            for _ in 0..2 {
                drop(Journal::open(dir.path()).unwrap());
            }
            let connection = Connection::open(dir.path().join("journal.db")).unwrap();
            let kept = "SELECT value FROM setting WHERE key = 'kept' AND (SELECT count(*) FROM token) = 0
                        AND (SELECT count(*) FROM policy_check) + (SELECT count(*) FROM acceptance) = 0
                        AND (SELECT count(*) FROM night) + (SELECT count(*) FROM notice) = 0
                        AND (SELECT count(*) FROM traffic_day) = 0";
            let value: String = connection.query_row(kept, [], |row| row.get(0)).unwrap();
            assert_eq!(value, "yes");
        }
    }
}
