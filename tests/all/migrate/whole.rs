//! Files and declared schema lead to each other.

use super::Site;
use crate::support::newest;

fn site() -> Site {
    let site = Site::new(
        &newest(),
        &[
            ("001_users.sql", "CREATE TABLE users (id int PRIMARY KEY, name text);\n"),
            ("001_users_rollback.sql", "DROP TABLE users;\n"),
        ],
    );
    site.project.write(
        "schema/users.sql",
        "CREATE TABLE public.users (id int PRIMARY KEY, name text NOT NULL, mail text);\n\
         CREATE INDEX users_mail ON public.users (mail);\n",
    );
    site
}

#[test]
fn what_is_declared_becomes_a_migration_that_runs() {
    let site = site();
    let (made, err) = site.run("generate add-mail", 0);
    assert_eq!(
        made,
        "migrations/002_add_mail.sql\nmigrations/002_add_mail_rollback.sql\n"
    );
    assert!(err.contains("proven forward and back"), "{err}");
    site.run("up --yes --approve critical", 0);
    let (out, _) = site.run("verify", 0);
    assert!(out.starts_with("The files give what is declared"), "{out}");
    assert!(site.run("generate again", 0).1.contains("nothing to generate"));
    site.run("down --yes --approve critical", 0);
    let columns = "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
                   WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(site.database.text(columns), "id,name");
}

#[test]
fn three_sides_are_compared() {
    let site = site();
    site.run("up --yes --no-prove", 0);
    site.database
        .execute("CREATE TABLE hotfix (); ALTER TABLE users DROP COLUMN name");
    let (out, _) = site.run("verify", 2);
    let line = |object: &str| -> Vec<String> {
        let line = out
            .lines()
            .find(|line| line.starts_with(object))
            .unwrap_or_else(|| panic!("{object}:\n{out}"));
        line[object.len()..].split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(line("table public.hotfix"), ["same", "extra"]);
    assert_eq!(
        line("column public.users.mail"),
        ["extra", "same", "migrations/001_users.sql"]
    );
    assert_eq!(
        line("column public.users.name"),
        ["same", "missing", "migrations/001_users.sql"]
    );
}

#[test]
fn a_missing_table_is_named_once() {
    let site = site();
    site.write(
        "002_notes.sql",
        "CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL); CREATE INDEX notes_text ON notes (text);\n",
    );
    site.run("up --yes --no-prove", 0);
    site.database
        .execute("DROP TABLE notes; CREATE TABLE hotfix (id int PRIMARY KEY)");
    let (out, _) = site.run("verify", 2);
    let objects: Vec<&str> = out
        .lines()
        .filter(|line| line.contains("notes") || line.contains("hotfix"))
        .map(|line| line.split("  ").next().unwrap_or_default())
        .collect();
    assert_eq!(objects, ["table public.hotfix", "table public.notes"], "{out}");
    let (out, _) = site.run("status --drift", 0);
    assert!(!out.contains("notes_text"), "{out}");
}

#[test]
fn many_files_become_one() {
    let site = site();
    site.write(
        "002_notes.sql",
        "CREATE TABLE notes (id int REFERENCES users); CREATE VIEW v AS SELECT * FROM notes;\n",
    );
    site.run("up --yes --no-prove", 0);
    site.write("003_rows.sql", "INSERT INTO users VALUES (1);\n");
    let (_, err) = site.run("squash 003", 1);
    assert!(
        err.contains("migrations/003_rows.sql:1:1: INSERT INTO users VALUES (1)"),
        "{err}"
    );
    let (out, _) = site.run("squash 002", 0);
    assert!(out.ends_with("wrote migrations/002_notes.sql\n"), "{out}");
    let text = site.project.read("migrations/002_notes.sql");
    assert!(text.contains("-- Replaces: 001, 002\n"), "{text}");
    // A database that has the old files is as it should be, and so is a new one.
    let (_, err) = site.run("up --yes --no-prove", 0);
    assert!(err.contains("applied: 1 migration,"), "{err}");
    let (_, err) = site.run(&format!("reset --confirm {} --yes --no-prove", site.database.name()), 0);
    assert!(err.contains("applied: 2 migrations,"), "{err}");
    assert_eq!(site.tables(), "notes users");
}

#[test]
fn a_reset_wants_the_name_of_the_database() {
    let site = site();
    site.database.execute("CREATE TABLE kept ()");
    assert!(site.run("reset --yes", 1).1.contains("Pass --confirm"));
    site.run("reset --yes --confirm other", 1);
    site.project.write(
        "trueup.yaml",
        "environments:\n  live:\n    url_env: DATABASE_URL\n    protected: true\n",
    );
    for arguments in ["reset --env live", "reset --env live --yes --confirm kept"] {
        assert!(site.run(arguments, 1).1.contains("this environment is protected"));
    }
    assert_eq!(site.tables(), "kept");
}

#[test]
fn files_meet_rows() {
    let site = site();
    site.write("002_a.sql", "ALTER TABLE users ADD COLUMN mail text NOT NULL;\n");
    let (out, _) = site.run("test", 1);
    assert!(
        out.contains("002_a: not good") && out.contains("migrations/002_a.sql:1:1: "),
        "{out}"
    );
    assert!(out.contains("(SQLSTATE 23502)"), "{out}");
    site.write("002_a.sql", "DELETE FROM users WHERE id = 7;\n");
    site.project
        .write("seeds.sql", "INSERT INTO users VALUES (7, 'a'), (8, 'b');\n");
    let (out, _) = site.run("test --seeds seeds.sql", 1);
    assert!(out.contains("public.users"), "{out}");
    site.write("002_a.sql", "ALTER TABLE users ADD COLUMN mail text;\n");
    assert!(site.run("test", 0).0.contains("002_a: good"));
}
