-- Version 6: the schema over time, and how long statements were expected to take. A snapshot is whole, or says what
-- differs from the one before it since the last whole one.
CREATE TABLE trueup.snapshot (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text NOT NULL CHECK (cause IN ('init', 'before', 'execution', 'accept')),
    execution bigint REFERENCES trueup.execution (id),
    base bigint REFERENCES trueup.snapshot (id),
    tool text NOT NULL,
    fingerprint text NOT NULL,
    objects integer NOT NULL,
    changed integer NOT NULL,
    content text NOT NULL,
    recorded_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX snapshot_execution ON trueup.snapshot (execution);
CREATE INDEX snapshot_base ON trueup.snapshot (base);
COMMENT ON TABLE trueup.snapshot IS 'The schema as it was at a time; holds no secret.';
COMMENT ON COLUMN trueup.snapshot.cause IS 'Before an execution only where it was not as the ledger had it last.';
COMMENT ON COLUMN trueup.snapshot.base IS 'Whole snapshot that this one and those between them are laid upon; null where it is whole itself.';
COMMENT ON COLUMN trueup.snapshot.tool IS 'Version of trueup that wrote it.';
COMMENT ON COLUMN trueup.snapshot.changed IS 'Objects that differ from the snapshot before.';

ALTER TABLE trueup.statement
    ADD COLUMN work text,
    ADD COLUMN expected_seconds double precision;
CREATE INDEX statement_work ON trueup.statement (work, execution DESC, ordinal DESC) WHERE work IS NOT NULL;
COMMENT ON COLUMN trueup.statement.work IS 'Sort of work on tables whose size was known: scan, index build, rewrite; null for what takes a moment.';
COMMENT ON COLUMN trueup.statement.expected_seconds IS 'How long the work should have taken by the rates that trueup comes with, in the middle of the range.';
