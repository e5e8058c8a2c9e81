-- Additive: a release that does not know the column goes on writing doses without it.
ALTER TABLE doses ADD COLUMN note TEXT NOT NULL DEFAULT '';
