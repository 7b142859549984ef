-- Batches that are done stay on record. Run where the ledger keeps its history.
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON trueup.backfill
    FOR EACH ROW EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_all_history BEFORE TRUNCATE ON trueup.backfill
    FOR EACH STATEMENT EXECUTE FUNCTION trueup.keep_history();
