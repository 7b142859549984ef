-- Version 5: how far backfills came, batch by batch, each row written in the transaction of its batch: what is on record is
-- filled, and a resumed execution goes on behind it.
CREATE TABLE trueup.backfill (
    execution bigint NOT NULL,
    ordinal integer NOT NULL,
    batch integer NOT NULL,
    pass integer NOT NULL,
    upto jsonb NOT NULL,
    filled bigint NOT NULL,
    finished_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (execution, ordinal, batch),
    FOREIGN KEY (execution, ordinal) REFERENCES trueup.statement (execution, ordinal)
);
COMMENT ON TABLE trueup.backfill IS 'Batches of backfills that are done.';
COMMENT ON COLUMN trueup.backfill.pass IS 'How many times the table was walked through before: rows that were written where the walk had been are filled by another pass.';
COMMENT ON COLUMN trueup.backfill.upto IS 'Where the batch ends: the last key (numbers and UUIDs only), or the number of pages.';
COMMENT ON COLUMN trueup.backfill.filled IS 'Rows that the batch has filled.';
