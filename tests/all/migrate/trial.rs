//! What scratch finds before the live database is touched.

use super::Site;
use crate::support::newest;

#[test]
fn mistakes_are_found_before_anything_runs() {
    let site = Site::new(&newest(), &[("001_a.sql", "CREATE TABLE a ();\n")]);
    site.write("002_b.sql", "CREATE TABLE b ();\nALTER TABL b ADD c int;\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains("migrations/002_b.sql:2:7: syntax error at or near \"TABL\""),
        "{err}"
    );
    site.write("002_b.sql", "CREATE TABLE b ();\nALTER TABLE c ADD d int;\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains(
            "migrations/002_b.sql:2:1: failed on a scratch copy of the database: relation \"c\" does not exist"
        ),
        "{err}"
    );
    site.write("002_b.sql", "CREATE TABLE b ();\n\\i c.sql\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains("migrations/002_b.sql:2:1: only psql understands `\\i`"),
        "{err}"
    );
    assert_eq!(site.tables(), "");
}

#[test]
fn a_rollback_that_does_not_restore_is_refused_with_the_difference() {
    let site = Site::new(&newest(), &[]);
    site.write("001_a.sql", "CREATE TABLE a (b int); CREATE INDEX i ON a (b);\n");
    site.write("001_a_rollback.sql", "DROP INDEX i;\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains("migrations/001_a_rollback.sql does not restore what was before 001_a: "),
        "{err}"
    );
    assert!(err.contains("table public.a is there"), "{err}");
    site.write("001_a_rollback.sql", "DROP TABLE b;\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains("001_a_rollback.sql:1:1: failed on a scratch copy"),
        "{err}"
    );
    site.write("001_a_rollback.sql", "DROP TABLE a;\n");
    site.run("up --yes", 0);
}

#[test]
fn findings_stand_at_their_statement_and_need_approval() {
    let site = Site::new(&newest(), &[]);
    site.database
        .execute("CREATE TABLE t (a int, b text); INSERT INTO t SELECT 1, 'x' FROM generate_series(1, 100)");
    site.write(
        "001_a.sql",
        "ALTER TABLE t ADD c int;\n\nALTER TABLE t DROP COLUMN b;\n",
    );
    let (_, err) = site.run("up --yes", 3);
    assert!(
        err.contains("migrations/001_a.sql:3:1: dangerous TU103 column public.t.b"),
        "{err}"
    );
    assert!(err.contains("--approve TU103:public.t.b"), "{err}");
    site.run("up --yes --approve TU103:public.t.b", 0);
    site.write(
        "002_b.sql",
        "-- trueup: waive TU103: nobody reads it\nALTER TABLE t DROP COLUMN a;\n",
    );
    let (_, err) = site.run("up --yes", 0);
    assert!(
        err.contains("Waived: nobody reads it (migrations/002_b.sql:1)"),
        "{err}"
    );
}

#[test]
fn a_rename_is_no_loss() {
    let site = Site::new(&newest(), &[]);
    site.database
        .execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    site.write("001_a.sql", "ALTER TABLE t RENAME COLUMN a TO b;\n");
    site.write("001_a_rollback.sql", "ALTER TABLE t RENAME COLUMN b TO a;\n");
    let (_, err) = site.run("up --dry-run", 0);
    assert!(err.contains("TU501") && !err.contains("TU103"), "{err}");
}

#[test]
fn statements_about_rows_do_not_hide_what_comes_after_them() {
    let site = Site::new(&newest(), &[]);
    site.database
        .execute("CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (a int REFERENCES t); INSERT INTO t VALUES (1)");
    site.write("001_a.sql", "INSERT INTO u VALUES (1);\n");
    site.write("002_b.sql", "DROP TABLE u, t;\n");
    let (_, err) = site.run("up --yes", 3);
    assert!(
        err.contains("001_a.sql:1:1: could not be tried, since scratch has none of your rows (SQLSTATE 23503)"),
        "{err}"
    );
    assert!(
        err.contains("migrations/002_b.sql:1:1: critical TU102 table public.t"),
        "{err}"
    );
}

#[test]
fn roles_are_not_made_on_somebodys_server() {
    let site = Site::new(&newest(), &[("001_a.sql", "CREATE ROLE trueup_test_migrate_role;\n")]);
    let (_, err) = site.run("up --dry-run", 0);
    assert!(err.contains("not tried, since it is about the whole server"), "{err}");
    let count = site
        .database
        .text("SELECT count(*)::text FROM pg_roles WHERE rolname = 'trueup_test_migrate_role'");
    assert_eq!(count, "0");
}

/// Writes files that make tables the live database does not have: those are tried together.
fn many(site: &Site, count: usize) {
    for number in 1..=count {
        site.write(
            &format!("{number:03}_t.sql"),
            &format!("CREATE TABLE t{number} (a int);\nCREATE INDEX i{number} ON t{number} (a);\nINSERT INTO t{number} VALUES (1);\n"),
        );
        site.write(
            &format!("{number:03}_t_rollback.sql"),
            &format!("DROP TABLE t{number};\n"),
        );
    }
}

#[test]
fn many_files_are_tried_together_and_mistakes_are_found_all_the_same() {
    let site = Site::new(&newest(), &[]);
    many(&site, 30);
    site.write("017_t_rollback.sql", "DROP INDEX i17;\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains("migrations/017_t_rollback.sql does not restore what was before 017_t: "),
        "{err}"
    );
    assert!(err.contains("table public.t17 is there"), "{err}");
    site.write("017_t_rollback.sql", "DROP TABLE t17;\n");
    site.write("023_t.sql", "CREATE TABLE t23 (a int);\nCREATE INDEX i23 ON t23 (b);\n");
    let (_, err) = site.run("up --yes", 1);
    assert!(
        err.contains("migrations/023_t.sql:2:1: failed on a scratch copy of the database: column \"b\" does not exist"),
        "{err}"
    );
    assert_eq!(site.tables(), "");
    site.write("023_t.sql", "CREATE TABLE t23 (a int);\n");
    // Its row is missing on scratch only.
    site.write(
        "024_t.sql",
        "CREATE TABLE t24 (a int);\nINSERT INTO t24 SELECT 1 / count(*) FROM t1 WHERE a = 2;\n",
    );
    let (out, err) = site.run("up --dry-run", 0);
    assert!(out.contains("CREATE TABLE t30"), "{out}");
    assert!(
        err.contains("024_t.sql:2:1: could not be tried, since scratch has none of your rows (SQLSTATE 22012)"),
        "{err}"
    );
}

#[test]
fn what_the_live_database_has_is_judged_among_many_files() {
    let site = Site::new(&newest(), &[]);
    site.database
        .execute("CREATE TABLE kept (a int, b text); INSERT INTO kept VALUES (1, 'x')");
    many(&site, 30);
    // Dropped and added again: both states have the column, and the values are gone.
    site.write("012_t.sql", "ALTER TABLE kept DROP COLUMN b;\n");
    site.write("012_t_rollback.sql", "ALTER TABLE kept ADD COLUMN b text;\n");
    site.write("013_t.sql", "ALTER TABLE kept ADD COLUMN b text;\n");
    site.write("013_t_rollback.sql", "ALTER TABLE kept DROP COLUMN b;\n");
    let (_, err) = site.run("up --yes", 3);
    assert!(
        err.contains("migrations/012_t.sql:1:1: dangerous TU103 column public.kept.b"),
        "{err}"
    );
    site.run("up --yes --approve dangerous", 0);
    assert_eq!(site.ledger().len(), 30);
}

/// Gives a site a cache of its own, or that of another one.
fn cache_of(site: &mut Site, of: Option<&Site>) {
    let folder = of.unwrap_or(site).project.path("cache");
    site.project.set("XDG_CACHE_HOME", &folder.display().to_string());
}

const REMEMBERED: &str = "tried before, on the same schema";

#[test]
fn a_trial_that_held_is_remembered_for_the_same_files_on_the_same_schema() {
    let schema = "CREATE TABLE kept (a int, b text)";
    let files = |site: &Site| {
        many(site, 6);
        site.write("007_kept.sql", "ALTER TABLE kept ADD COLUMN c int;\n");
        site.write("007_kept_rollback.sql", "ALTER TABLE kept DROP COLUMN c;\n");
        site.write("008_kept.sql", "ALTER TABLE kept DROP COLUMN b;\n");
    };
    let mut staging = Site::new(&newest(), &[]);
    cache_of(&mut staging, None);
    staging.database.execute(schema);
    files(&staging);
    let (_, err) = staging.run("up --dry-run", 0);
    assert!(!err.contains(REMEMBERED), "{err}");
    let (_, err) = staging.run("up --dry-run", 0);
    assert!(err.contains(&format!("8 of 8 {REMEMBERED}")), "{err}");
    let (_, err) = staging.run("up --dry-run --no-cache", 0);
    assert!(!err.contains(REMEMBERED), "{err}");
    staging.run("up --yes --approve dangerous --steps 7", 0);

    // Another database with the same schema; its rows are its own, and so are the findings.
    let mut production = Site::new(&newest(), &[]);
    cache_of(&mut production, Some(&staging));
    production.database.execute(schema);
    production.database.execute("INSERT INTO kept VALUES (1, 'x')");
    files(&production);
    let (_, err) = production.run("up --yes", 3);
    assert!(err.contains(&format!("8 of 8 {REMEMBERED}")), "{err}");
    assert!(
        err.contains("migrations/008_kept.sql:1:1: dangerous TU103 column public.kept.b"),
        "{err}"
    );
    // What was said of a file may change; what it does may not.
    production.write("007_kept.sql", "-- Later.\nALTER TABLE kept ADD COLUMN c int;\n");
    let (_, err) = production.run("up --dry-run", 0);
    assert!(err.contains(&format!("8 of 8 {REMEMBERED}")), "{err}");
    production.write("007_kept.sql", "ALTER TABLE kept ADD COLUMN c bigint;\n");
    let (_, err) = production.run("up --dry-run", 0);
    assert!(err.contains(&format!("6 of 8 {REMEMBERED}")), "{err}");
    // Another schema is another trial.
    production.database.execute("ALTER TABLE kept ADD COLUMN d int");
    let (_, err) = production.run("up --dry-run", 0);
    assert!(!err.contains(REMEMBERED), "{err}");
}

#[test]
fn a_trial_that_failed_is_made_again() {
    let mut site = Site::new(&newest(), &[("001_a.sql", "CREATE TABLE a (b int);\n")]);
    cache_of(&mut site, None);
    site.write("001_a_rollback.sql", "DROP TABLE c;\n");
    for _ in 0..2 {
        let (_, err) = site.run("up --yes", 1);
        assert!(
            err.contains("001_a_rollback.sql:1:1: failed on a scratch copy"),
            "{err}"
        );
    }
    // Rows are missing on scratch: said every time.
    site.write("001_a_rollback.sql", "DROP TABLE a;\n");
    site.write(
        "001_a.sql",
        "CREATE TABLE a (b int);\nSELECT 1 / (count(*) - 0) FROM a;\n",
    );
    for _ in 0..2 {
        let (_, err) = site.run("up --dry-run", 0);
        assert!(
            err.contains("could not be tried, since scratch has none of your rows"),
            "{err}"
        );
        assert!(!err.contains(REMEMBERED), "{err}");
    }
}

#[test]
fn only_what_files_can_reach_is_brought_to_scratch() {
    let site = Site::new(&newest(), &[]);
    // No server can build this anew.
    site.database.execute(
        "CREATE FUNCTION broken(oid) RETURNS int LANGUAGE internal AS 'int4um';
         UPDATE pg_proc SET prosrc = 'nothing_of_that_name' WHERE proname = 'broken';
         CREATE TABLE log (what text);
         CREATE TABLE t (a int PRIMARY KEY);
         CREATE TABLE u (a int REFERENCES t);
         CREATE VIEW v AS SELECT a FROM t;
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO log VALUES ('t'); RETURN new; END $$;
         CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()",
    );
    site.write(
        "001_t.sql",
        "ALTER TABLE t ADD COLUMN b text;\nINSERT INTO t VALUES (1, 'x');\n",
    );
    site.write("001_t_rollback.sql", "DELETE FROM t;\nALTER TABLE t DROP COLUMN b;\n");
    let (_, err) = site.run("up --dry-run", 0);
    assert!(err.contains("tried on a scratch copy"), "{err}");
    // What hangs on the table comes along.
    site.write("001_t_rollback.sql", "ALTER TABLE t DROP COLUMN a;\n");
    let (_, err) = site.run("up --dry-run", 1);
    assert!(err.contains("the live state could not be built on scratch"), "{err}");
    site.write("001_t_rollback.sql", "DELETE FROM t;\nALTER TABLE t DROP COLUMN b;\n");
    // Nobody can tell what this touches: everything is needed.
    site.write("002_t.sql", "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'u'; END $$;\n");
    let (_, err) = site.run("up --dry-run", 1);
    assert!(err.contains("the live state could not be built on scratch"), "{err}");
}
