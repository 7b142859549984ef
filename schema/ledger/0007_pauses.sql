-- Version 7: an execution that paused where it was told to.
ALTER TABLE trueup.execution
    DROP CONSTRAINT execution_status_check,
    ADD CONSTRAINT execution_status_check CHECK (status IN ('running', 'paused', 'succeeded', 'failed', 'rolled_back'));
