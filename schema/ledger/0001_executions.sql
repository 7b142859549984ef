-- Version 1 of the ledger: executions and their statements. A later version is a new file; files that ran are never
-- edited. Needs CREATE on the schema, no superuser and no extension.
CREATE TABLE trueup.ledger_version (
    version integer PRIMARY KEY,
    brought_up_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE trueup.ledger_version IS 'Versions of these tables, each with the time when it was reached.';

CREATE TABLE trueup.execution (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('apply', 'rollback')),
    of_execution bigint REFERENCES trueup.execution (id),
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'succeeded', 'failed', 'rolled_back')),
    plan_fingerprint text NOT NULL,
    tool text NOT NULL,
    role text NOT NULL DEFAULT current_user,
    started_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamp with time zone,
    summary jsonb NOT NULL,
    plan jsonb NOT NULL,
    steps jsonb,
    before jsonb,
    approvals jsonb NOT NULL,
    error text,
    sqlstate text,
    CHECK ((kind = 'rollback') = (of_execution IS NOT NULL))
);
COMMENT ON TABLE trueup.execution IS 'One recorded run of apply or rollback.';
COMMENT ON COLUMN trueup.execution.of_execution IS 'Execution that a rollback rolls back.';
COMMENT ON COLUMN trueup.execution.plan IS 'The whole plan, as in its file.';
COMMENT ON COLUMN trueup.execution.steps IS 'Steps that were run, where they are not those of the plan.';
COMMENT ON COLUMN trueup.execution.before IS 'Objects in the plan''s scope and what they depend on, before the first statement.';

CREATE TABLE trueup.statement (
    execution bigint NOT NULL REFERENCES trueup.execution (id),
    ordinal integer NOT NULL,
    direction text NOT NULL CHECK (direction IN ('forward', 'rollback')),
    transaction integer NOT NULL,
    step integer NOT NULL,
    statement integer NOT NULL,
    sql text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'failed')),
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    error text,
    sqlstate text,
    PRIMARY KEY (execution, ordinal)
);
COMMENT ON TABLE trueup.statement IS 'Statements of an execution, each with how far it came.';
COMMENT ON COLUMN trueup.statement.ordinal IS 'Place in the execution, from 0.';
COMMENT ON COLUMN trueup.statement.step IS 'Index of the step in the plan, from 0; statement is the index within the step.';
