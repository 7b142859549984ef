-- The schema of trueup's own tables. Run only where it is missing, because CREATE SCHEMA IF NOT EXISTS asks for CREATE on
-- the database even when the schema is there.
CREATE SCHEMA trueup;
COMMENT ON SCHEMA trueup IS 'Ledger of trueup: what it executed in this database.';
