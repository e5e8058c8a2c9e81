CREATE TABLE shopping_items (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    person_id  INTEGER NOT NULL REFERENCES people (id),
    added_at   INTEGER NOT NULL,
    bought_at  INTEGER
) STRICT;

CREATE INDEX shopping_items_open ON shopping_items (id) WHERE bought_at IS NULL;
