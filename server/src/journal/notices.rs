//! Notices in the journal: what is wrong at home and whom it was told, so that each is told once, also after a
//! restart, and what could not be sent is sent later.

/// What the fifth version added.
pub(super) const TABLES: &str = "
BEGIN IMMEDIATE;
CREATE TABLE notice(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT, kind TEXT NOT NULL, text TEXT NOT NULL,
    raised_at INTEGER NOT NULL, cleared_at INTEGER) STRICT;
CREATE INDEX notice_open ON notice(cleared_at);
CREATE TABLE outgoing(
    id INTEGER PRIMARY KEY AUTOINCREMENT, notice INTEGER REFERENCES notice(id), channel TEXT NOT NULL, body TEXT NOT NULL,
    made_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER, ended_at INTEGER, error TEXT) STRICT;
CREATE INDEX outgoing_waiting ON outgoing(ended_at, next_at);
PRAGMA user_version = 5;
COMMIT;
";
