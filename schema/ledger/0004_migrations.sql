-- Version 4: numbered migration files. An execution of the kind migrate has no plan; its files are rows here.
ALTER TABLE trueup.execution DROP CONSTRAINT execution_kind_check;
ALTER TABLE trueup.execution ADD CONSTRAINT execution_kind_check CHECK (kind IN ('apply', 'rollback', 'migrate'));
ALTER TABLE trueup.execution ALTER COLUMN plan DROP NOT NULL;

CREATE TABLE trueup.migration (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL,
    version_key text NOT NULL,
    name text NOT NULL,
    file text,
    checksum text,
    checksum_raw text,
    batch integer NOT NULL,
    origin text NOT NULL DEFAULT 'run' CHECK (origin IN ('run', 'baseline', 'import')),
    status text NOT NULL CHECK (status IN ('applied', 'partial', 'rolled_back')),
    statements integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    running boolean NOT NULL DEFAULT false,
    rolling_back boolean NOT NULL DEFAULT false,
    role text NOT NULL DEFAULT current_user,
    applied_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    microseconds bigint,
    rollback_sql text,
    execution bigint REFERENCES trueup.execution (id),
    rolled_back_at timestamp with time zone,
    rolled_back_by text,
    rollback_execution bigint REFERENCES trueup.execution (id),
    note text
);
CREATE UNIQUE INDEX migration_version ON trueup.migration (version_key) WHERE status <> 'rolled_back';
COMMENT ON TABLE trueup.migration IS 'Migration files that were applied, each as it was at the time.';
COMMENT ON COLUMN trueup.migration.version_key IS 'Version without the ways of writing it: 1 for 001.';
COMMENT ON COLUMN trueup.migration.file IS 'Name of the file; null for what another runner applied and no file says.';
COMMENT ON COLUMN trueup.migration.checksum IS 'Of the SQL: comments and white space do not count.';
COMMENT ON COLUMN trueup.migration.batch IS 'Files that one command applied have one number.';
COMMENT ON COLUMN trueup.migration.done IS 'Statements of a file outside a transaction that are done, from the first; on the way back those of the rollback.';
COMMENT ON COLUMN trueup.migration.running IS 'Whether the statement after those was begun.';
COMMENT ON COLUMN trueup.migration.rollback_sql IS 'Rollback as it was when the file was applied.';
COMMENT ON COLUMN trueup.migration.note IS 'Reasons of repairs.';
