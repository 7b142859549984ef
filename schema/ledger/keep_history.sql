-- What is finished stays as it was: an execution that ended well changes no more, but for being rolled back, and nothing is
-- deleted. Run where the server has plpgsql, and again for version 7, which knows pauses.
CREATE OR REPLACE FUNCTION trueup.keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'execution' THEN
        IF OLD.status IN ('running', 'failed', 'paused') THEN
            RETURN NEW;
        END IF;
        IF (NEW.status = OLD.status OR (OLD.status = 'succeeded' AND NEW.status = 'rolled_back'))
            AND (OLD.checks IS NULL OR NEW.checks = OLD.checks)
            AND (NEW.id, NEW.kind, NEW.of_execution, NEW.plan_fingerprint, NEW.tool, NEW.role, NEW.started_at, NEW.finished_at,
                 NEW.summary, NEW.steps, NEW.before, NEW.approvals, NEW.error, NEW.sqlstate, NEW.environment, NEW.host,
                 NEW.person, NEW.reason, NEW.overrides, NEW.backup, NEW.plan)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.kind, OLD.of_execution, OLD.plan_fingerprint, OLD.tool, OLD.role, OLD.started_at, OLD.finished_at,
                 OLD.summary, OLD.steps, OLD.before, OLD.approvals, OLD.error, OLD.sqlstate, OLD.environment, OLD.host,
                 OLD.person, OLD.reason, OLD.overrides, OLD.backup, OLD.plan) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'statement' THEN
        IF OLD.status <> 'done' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger of trueup is append-only: % of a finished row of trueup.%', pg_catalog.lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'What was executed stays on record; trueup rollback undoes an execution.';
END
$$;
