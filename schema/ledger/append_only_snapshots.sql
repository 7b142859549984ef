-- Snapshots stay as they were taken. Run where the ledger keeps its history.
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON trueup.snapshot
    FOR EACH ROW EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_all_history BEFORE TRUNCATE ON trueup.snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION trueup.keep_history();
