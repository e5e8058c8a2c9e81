CREATE TABLE people (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE chores (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    every_days  INTEGER NOT NULL CHECK (every_days > 0),
    person_id   INTEGER NOT NULL REFERENCES people (id)
) STRICT;

-- done_at: seconds since 1970, UTC, as everywhere in this database.
CREATE TABLE chore_runs (
    id         INTEGER PRIMARY KEY,
    chore_id   INTEGER NOT NULL REFERENCES chores (id),
    person_id  INTEGER NOT NULL REFERENCES people (id),
    done_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX chore_runs_by_chore ON chore_runs (chore_id, done_at);
