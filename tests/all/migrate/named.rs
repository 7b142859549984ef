//! Files that go by their name: repeatable ones, and ones outside of the folder. And the secrets that files name by marks.

use super::Site;
use crate::support::newest;

const VIEW: &str = "CREATE OR REPLACE VIEW totals AS SELECT count(*) AS n FROM orders;\n";

fn flyway() -> Site {
    Site::new(
        &newest(),
        &[
            ("V1__orders.sql", "CREATE TABLE orders (id int);\n"),
            ("U1__orders.sql", "DROP TABLE orders;\n"),
            ("R__totals.sql", VIEW),
            (
                "R__again.sql",
                "CREATE OR REPLACE VIEW again AS SELECT id FROM orders;\n",
            ),
        ],
    )
}

#[test]
fn repeatable_files_run_last_and_whenever_they_were_changed() {
    let site = flyway();
    let (list, _) = site.run("list", 0);
    assert!(list.contains("R__totals") && list.contains("repeatable"), "{list}");
    site.run("up --yes", 0);
    assert_eq!(
        site.ledger(),
        ["1 applied 1 1/1", "R__again applied 1 1/1", "R__totals applied 1 1/1"]
    );
    assert!(site.run("up --yes", 0).1.contains("nothing to do"));
    site.write(
        "R__totals.sql",
        &format!("{VIEW}COMMENT ON VIEW totals IS 'all';\n-- Comments do not count.\n"),
    );
    site.write("V2__notes.sql", "ALTER TABLE orders ADD note text;\n");
    let (status, _) = site.run("status --exit-code", 2);
    assert!(status.contains("4 migrations, 2 applied, 2 pending"), "{status}");
    site.run("up --yes", 0);
    assert_eq!(
        site.ledger(),
        [
            "1 applied 1 1/1",
            "R__again applied 1 1/1",
            "R__totals applied 2 2/2",
            "2 applied 2 1/1"
        ]
    );
    let comment = "SELECT obj_description('totals'::regclass)";
    assert_eq!(site.database.text(comment), "all");
    let (verified, _) = site.run("verify", 0);
    assert!(verified.contains("The files give"), "{verified}");
    let (status, _) = site.run("status --exit-code", 0);
    assert!(status.contains("4 migrations, 4 applied, 0 pending"), "{status}");
    let (status, _) = site.run("status --drift --exit-code", 0);
    assert!(
        status.contains("The live database is as the applied files make it."),
        "{status}"
    );
    site.database.execute("CREATE INDEX by_hand ON orders (id)");
    let (status, _) = site.run("status --drift --exit-code", 2);
    assert!(
        status.contains("Drift: index public.by_hand extra in the live database"),
        "{status}"
    );
    site.database.execute("DROP INDEX by_hand");
    // The version goes back, the view does not.
    site.run("down --yes --no-prove", 1);
    site.write("U2__notes.sql", "ALTER TABLE orders DROP note;\n");
    site.run("down --yes --no-prove", 0);
    assert_eq!(site.ledger()[3], "2 rolled_back 2 1/1");
    site.remove("R__again.sql");
    site.run("up --yes --no-prove", 0);
    // A new version comes after the newest number.
    let (_, err) = site.run("new next", 0);
    let _ = err;
    assert!(site.project.path("migrations/V3__next.sql").is_file());
}

#[test]
fn a_repeatable_file_that_fails_leaves_what_was_there() {
    let site = flyway();
    site.run("up --yes --no-prove", 0);
    site.write(
        "R__totals.sql",
        "DROP VIEW totals;\nCREATE VIEW totals AS SELECT nothing FROM orders;\n",
    );
    site.run("up --yes --no-prove", 5);
    assert_eq!(site.database.text("SELECT n::text FROM totals"), "0");
    assert_eq!(site.ledger()[2], "R__totals applied 1 1/1");
    assert!(site.run("status", 0).0.contains("1 pending"));
}

#[test]
fn repeatable_files_are_taken_over_from_flyway() {
    let site = flyway();
    site.database.execute(
        "CREATE TABLE orders (id int);
         CREATE VIEW totals AS SELECT count(*) AS n FROM orders;
         CREATE VIEW again AS SELECT 1 AS old;
         CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version text, description text, type text, script text,
             checksum int, installed_by text, installed_on timestamp, execution_time int, success boolean);
         INSERT INTO flyway_schema_history VALUES
             (1, '1', 'orders', 'SQL', 'V1__orders.sql', NULL, 'deploy', '2026-01-01', 1, true),
             (2, NULL, 'again', 'SQL', 'R__again.sql', 5, 'deploy', '2026-01-01', 1, true),
             (3, NULL, 'totals', 'SQL', 'R__totals.sql', 7, 'deploy', '2026-01-01', 1, true),
             (4, NULL, 'totals', 'SQL', 'R__totals.sql', -96689927, 'deploy', '2026-01-02', 1, true)",
    );
    let (out, _) = site.run("import --from flyway", 0);
    assert!(out.contains("R__totals") && !out.contains("R__again"), "{out}");
    assert_eq!(site.ledger(), ["1 applied 1 1/1", "R__totals applied 1 1/1"]);
    // The other one was changed since Flyway ran it.
    site.write(
        "R__again.sql",
        "DROP VIEW again;\nCREATE VIEW again AS SELECT id FROM orders;\n",
    );
    let (_, err) = site.run("up --yes --no-prove", 0);
    assert!(err.contains("applied: 1 migration,"), "{err}");
    assert!(site.run("up --yes", 0).1.contains("nothing to do"));
}

#[test]
fn a_file_outside_of_the_folder_runs_once_and_goes_back() {
    let site = Site::new(&newest(), &[("001_a.sql", "CREATE TABLE a (b int);\n")]);
    site.run("up --yes", 0);
    site.project.write(
        "hotfix/fix.sql",
        "ALTER TABLE a ADD fixed int;\nINSERT INTO a VALUES (1, 1);\n",
    );
    site.project
        .write("hotfix/fix_rollback.sql", "DELETE FROM a;\nALTER TABLE a DROP fixed;\n");
    let (out, err) = site.run("run hotfix/fix.sql --dry-run", 0);
    assert!(
        out.contains("ADD fixed int") && err.contains("tried on a scratch copy"),
        "{out}{err}"
    );
    site.run("run hotfix/fix.sql --yes", 0);
    assert_eq!(site.ledger(), ["001 applied 1 1/1", "file:fix applied 2 2/2"]);
    assert!(site.run("run hotfix/fix.sql --yes", 0).1.contains("nothing to do"));
    assert_eq!(site.database.text("SELECT count(*)::text FROM a"), "1");
    let (status, _) = site.run("status --exit-code", 0);
    assert!(
        status.contains("file:fix") && !status.contains("In the way"),
        "{status}"
    );
    site.write("002_c.sql", "CREATE TABLE c ();\n");
    site.run("up --yes --no-prove", 0);
    site.project.write("hotfix/fix.sql", "ALTER TABLE a ADD other int;\n");
    let (_, err) = site.run("run hotfix/fix.sql --yes", 1);
    assert!(err.contains("hotfix/fix.sql was changed after it was applied"), "{err}");
    assert!(err.contains("run FILE --rollback"), "{err}");
    site.run("run hotfix/fix.sql --rollback --yes --no-prove", 0);
    assert!(site.run("status", 0).0.contains("Taken back: file:fix on "));
    site.run("run hotfix/fix.sql --yes --no-prove", 0);
    assert_eq!(
        site.ledger()[1..],
        [
            "file:fix rolled_back 2 2/2",
            "002 applied 3 1/1",
            "file:fix applied 4 1/1"
        ]
    );
    let (_, err) = site.run("run hotfix/none.sql --yes", 1);
    assert!(
        err.contains("`hotfix/none.sql` is no migration of `migrations`"),
        "{err}"
    );
    site.project.write("hotfix/bad.sql", "ALTER TABL a;\n");
    let (_, err) = site.run("run hotfix/bad.sql --yes", 1);
    assert!(err.contains("hotfix/bad.sql:1:7: syntax error"), "{err}");
}

#[test]
fn marks_of_secrets_are_filled_from_the_target_files_or_refused() {
    let site = Site::new(&newest(), &[]);
    site.project.write(
        "schema/far.sql",
        "CREATE FOREIGN DATA WRAPPER w;
         CREATE SERVER far FOREIGN DATA WRAPPER w;
         CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password 'hunter2');",
    );
    site.run("generate far", 0);
    let made = site.project.read("migrations/001_far.sql");
    assert!(made.contains("<secret:") && !made.contains("hunter2"), "{made}");
    site.project.write("elsewhere/empty.sql", "CREATE SCHEMA s;\n");
    let (_, err) = site.run("up --yes --schema elsewhere", 3);
    assert!(
        err.contains("nobody knows the value behind <secret:") && err.contains("--schema"),
        "{err}"
    );
    assert!(site.database.rows("SELECT 1 FROM pg_foreign_server").is_empty());
    let (out, err) = site.run("up --yes", 0);
    assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    let options = "SELECT array_to_string(umoptions, ',') FROM pg_user_mappings";
    assert_eq!(site.database.text(options), "password=hunter2,user=u");
    let kept = "SELECT string_agg(t::text, '') FROM (SELECT e::text FROM trueup.execution e UNION ALL SELECT m::text FROM trueup.migration m) x (t)";
    assert!(!site.database.text(kept).contains("hunter2"));
    site.run("down --yes --approve critical", 0);
    assert!(site.database.rows("SELECT 1 FROM pg_foreign_server").is_empty());
}
