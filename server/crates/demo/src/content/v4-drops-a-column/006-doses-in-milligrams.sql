-- Not additive: every older release reads and writes doses.amount.
ALTER TABLE doses ADD COLUMN milligrams INTEGER NOT NULL DEFAULT 0;
UPDATE doses SET milligrams = CAST(amount AS INTEGER);
ALTER TABLE doses DROP COLUMN amount;
