//! Every runner's folder and history table: taken over, continued and rolled back on real servers.

use std::fs;
use std::path::{Path, PathBuf};

use super::Site;
use crate::support::servers;

const SCHEMA: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, owner bigint NOT NULL REFERENCES users);";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/migrations")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Makes a database as another runner has left it.
fn site(server: &str, tool: &str) -> Site {
    let site = Site::new(server, &[]);
    site.database.execute(SCHEMA);
    let history = fs::read_to_string(fixtures().join(tool).join("history.sql")).unwrap();
    site.database.execute(&history);
    copy(&fixtures().join(tool), &site.project.path("."));
    site
}

#[test]
fn every_runner_is_taken_over_continued_and_rolled_back() {
    // The newest and the oldest server are enough: nothing here depends on the version.
    let servers = servers();
    let tools = [
        ("flyway", true),
        ("liquibase", true),
        ("dbmate", true),
        ("golang-migrate", true),
        ("sqlx", true),
        ("refinery", true),
        ("prisma", true),
        ("drizzle", false),
        ("rails", false),
        ("alembic", true),
    ];
    for (at, (tool, has_rollbacks)) in tools.into_iter().enumerate() {
        let (_, server) = &servers[at % servers.len()];
        let site = site(server, tool);
        let mapping = if tool == "alembic" {
            " --mapping mapping.txt"
        } else {
            ""
        };
        let (out, _) = site.run(&format!("import{mapping} --dry-run"), 0);
        assert!(out.contains(&format!("({tool}): would be taken over")), "{out}");
        assert!(
            site.database
                .rows("SELECT 1 FROM pg_namespace WHERE nspname = 'trueup'")
                .is_empty()
        );
        let (out, _) = site.run(&format!("import --from {tool}{mapping}"), 0);
        assert_eq!(out.lines().count(), 3, "{tool}: {out}");
        let (status, _) = site.run("status", 0);
        assert!(
            status.contains("3 migrations, 2 applied, 1 pending"),
            "{tool}: {status}"
        );
        assert!(status.contains("applied (import)"), "{tool}: {status}");
        let (_, err) = site.run("up --yes", 0);
        assert!(err.contains("applied: 1 migration,"), "{tool}: {err}");
        assert!(site.tables().contains("notes"), "{tool}");
        // The other runner's history is no drift. Rails leaves no files of what it has done.
        if tool != "rails" {
            site.run("verify", 0);
        }
        site.run("down --yes --approve critical", 0);
        assert!(!site.tables().contains("notes"), "{tool}");
        if has_rollbacks {
            site.run("down --yes --approve critical", 0);
            assert!(!site.tables().contains("orders"), "{tool}");
            site.run("up --yes", 0);
        } else {
            let (_, err) = site.run("down --yes --no-prove", 1);
            assert!(err.contains("has no rollback"), "{tool}: {err}");
        }
        assert!(site.run("import", 1).1.contains("is in the ledger already"), "{tool}");
    }
}

#[test]
fn times_and_people_are_kept() {
    let site = site(&crate::support::newest(), "flyway");
    site.run("import", 0);
    let row = site
        .database
        .text("SELECT format('%s %s %s', version, role, to_char(applied_at, 'YYYY-MM-DD HH24:MI')) FROM trueup.migration LIMIT 1");
    assert_eq!(row, "1 deploy 2026-01-01 12:00");
}

#[test]
fn what_does_not_fit_is_refused() {
    let server = crate::support::newest();
    let flyway = site(&server, "flyway");
    flyway.write("V2__orders.sql", "CREATE TABLE orders ();\n");
    let (_, err) = flyway.run("import", 1);
    assert!(
        err.contains("1 of the files are not what flyway has applied") && err.contains("V2__orders.sql"),
        "{err}"
    );
    flyway.run("import --accept-changed", 0);
    let golang = site(&server, "golang-migrate");
    golang.database.execute("UPDATE schema_migrations SET dirty = true");
    assert!(
        golang
            .run("import", 1)
            .1
            .contains("golang-migrate stopped half-way in `2`")
    );
    let alembic = site(&server, "alembic");
    assert!(
        alembic
            .run("import", 1)
            .1
            .contains("alembic has applied `ae1027a6acf8`, and no file says that it is that")
    );
    assert!(
        alembic
            .run("import --from rails", 1)
            .1
            .contains("there is no history table of rails")
    );
}
