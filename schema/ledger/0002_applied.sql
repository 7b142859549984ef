-- Version 2: what was last applied, object by object, so that drift can tell who moved. Fingerprints only: no definition
-- and no secret of one is kept twice.
CREATE TABLE trueup.baseline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text NOT NULL CHECK (cause IN ('init', 'execution')),
    format text NOT NULL,
    role text NOT NULL DEFAULT current_user,
    recorded_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE trueup.baseline IS 'Times when the whole database was recorded.';
COMMENT ON COLUMN trueup.baseline.format IS 'Version of trueup and of the server: fingerprints of another format cannot be compared.';

CREATE TABLE trueup.applied (
    kind text NOT NULL,
    path jsonb NOT NULL,
    fingerprint text NOT NULL,
    before text,
    execution bigint REFERENCES trueup.execution (id),
    PRIMARY KEY (kind, path)
);
COMMENT ON TABLE trueup.applied IS 'Objects as they were when they were last applied.';
COMMENT ON COLUMN trueup.applied.fingerprint IS 'Fingerprint, or absent.';
COMMENT ON COLUMN trueup.applied.before IS 'Fingerprint before the execution that last changed it, or absent; null where nobody knows.';
COMMENT ON COLUMN trueup.applied.execution IS 'Execution that last changed it; null where it was found so.';
