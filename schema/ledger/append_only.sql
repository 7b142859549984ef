-- Puts what keeps history on the tables of version 3. Run behind the function.
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON trueup.execution
    FOR EACH ROW EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON trueup.statement
    FOR EACH ROW EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON trueup.approval
    FOR EACH ROW EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_all_history BEFORE TRUNCATE ON trueup.execution
    FOR EACH STATEMENT EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_all_history BEFORE TRUNCATE ON trueup.statement
    FOR EACH STATEMENT EXECUTE FUNCTION trueup.keep_history();
CREATE TRIGGER keep_all_history BEFORE TRUNCATE ON trueup.approval
    FOR EACH STATEMENT EXECUTE FUNCTION trueup.keep_history();
