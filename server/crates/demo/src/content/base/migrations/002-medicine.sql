-- times: local times of day, `HH:MM`, separated by commas.
CREATE TABLE medicines (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    person_id  INTEGER NOT NULL REFERENCES people (id),
    amount     TEXT NOT NULL,
    times      TEXT NOT NULL
) STRICT;

CREATE TABLE doses (
    id           INTEGER PRIMARY KEY,
    taken_at     INTEGER NOT NULL,
    person_id    INTEGER NOT NULL REFERENCES people (id),
    medicine_id  INTEGER NOT NULL REFERENCES medicines (id),
    amount       TEXT NOT NULL
) STRICT;

CREATE INDEX doses_by_medicine ON doses (medicine_id, taken_at);

-- A dose that fell due is noted once, whichever colour's timer sees it first.
CREATE TABLE reminders (
    medicine_id  INTEGER NOT NULL REFERENCES medicines (id),
    due_at       INTEGER NOT NULL,
    noted_at     INTEGER NOT NULL,
    UNIQUE (medicine_id, due_at)
) STRICT;
