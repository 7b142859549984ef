-- Version 3: where, by whom and with whose approval something was executed, and what was made sure of beside the statements.
ALTER TABLE trueup.execution
    ADD COLUMN environment text,
    ADD COLUMN host text,
    ADD COLUMN person text,
    ADD COLUMN reason text,
    ADD COLUMN overrides jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN backup jsonb,
    ADD COLUMN checks jsonb;
COMMENT ON COLUMN trueup.execution.environment IS 'Environment of trueup.yaml; null where none was named.';
COMMENT ON COLUMN trueup.execution.host IS 'Machine on which trueup ran.';
COMMENT ON COLUMN trueup.execution.person IS 'Account under which trueup ran on that machine.';
COMMENT ON COLUMN trueup.execution.reason IS 'Why, as told with --reason.';
COMMENT ON COLUMN trueup.execution.overrides IS 'Safeguards that were overridden.';
COMMENT ON COLUMN trueup.execution.backup IS 'Backup before the first statement: path, size, checksum.';
COMMENT ON COLUMN trueup.execution.checks IS 'What the checks after the last statement said.';

CREATE TABLE trueup.approval (
    execution bigint NOT NULL REFERENCES trueup.execution (id),
    code text NOT NULL,
    object text NOT NULL,
    risk text NOT NULL,
    given text NOT NULL,
    person text,
    role text NOT NULL DEFAULT current_user,
    given_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    reason text
);
CREATE INDEX approval_execution ON trueup.approval (execution);
COMMENT ON TABLE trueup.approval IS 'Findings that needed an approval, each with the one that it got.';
COMMENT ON COLUMN trueup.approval.given IS 'Approval: a level, a rule, a rule and an object, the environment''s allowed risk, or a waiver.';
