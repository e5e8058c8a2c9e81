-- One row for each change that was asked for, written in the same transaction as the change itself:
-- a request that is sent twice finds its first answer here.
CREATE TABLE entries (
    id          INTEGER PRIMARY KEY,
    request_id  TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL CHECK (kind IN ('dose', 'chore', 'shopping', 'bought')),
    row_id      INTEGER NOT NULL,
    made_at     INTEGER NOT NULL
) STRICT;
