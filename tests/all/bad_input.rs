//! Bad input through the built program: one clear error that says who must act, exit code 1 (or the one that design
//! promises), nothing on standard output, no secret, nothing lost.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Database, newest, trueup_with};

/// A folder of target files that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("trueup-bad-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command that must fail with a code, and returns what it says.
fn refused(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let server = newest();
    let output = trueup_with(folder, &[("TRUEUP_SCRATCH", &server)], arguments.iter().copied());
    assert_eq!(output.code, code, "{arguments:?}\n{}", output.err);
    assert_eq!(output.out, "", "{arguments:?}");
    // Lines about progress may stand before it.
    assert!(
        output.err.lines().any(|line| line.starts_with("error: ")),
        "{}",
        output.err
    );
    assert!(!output.err.contains("panicked"), "{}", output.err);
    output.err
}

/// Plans target files against an empty database; the error must hold these words.
fn bad_target(files: &[(&str, &str)], words: &[&str]) {
    let folder = Folder::new(files);
    let database = Database::new(&newest());
    let said = refused(
        &folder.0,
        1,
        &["plan", "--database", &database.url(), "--schema", folder.text()],
    );
    for word in words {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
}

fn unreachable(url: &str, words: &[&str]) {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE a (id integer);")]);
    let said = refused(&folder.0, 1, &["plan", "--database", url, "--schema", folder.text()]);
    assert!(said.contains("hint: "), "{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn urls_that_lead_nowhere() {
    unreachable("mysql://me:s3cret@localhost/x", &["postgres://"]);
    unreachable("postgres://me:s3cret@127.0.0.1:1/x", &["127.0.0.1"]);
    unreachable("postgres://me:s3cret@no-such-host.invalid/x", &["no-such-host.invalid"]);
    unreachable("postgres://me:s3cret@localhost:port/x", &[]);
}

#[test]
fn a_database_or_role_that_is_not_there() {
    let database = Database::new(&newest());
    unreachable(
        &database.url().replace(database.name(), "no_such_database"),
        &["no_such_database"],
    );
    let nobody = database.url().replacen("postgres@", "no_such_role:s3cret@", 1);
    if nobody != database.url() {
        unreachable(&nobody, &["no_such_role"]);
    }
}

#[test]
fn no_database_is_named() {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE a (id integer);")]);
    let said = refused(&folder.0, 1, &["plan", "--schema", folder.text()]);
    assert!(said.contains("--database") && said.contains("DATABASE_URL"), "{said}");
}

#[test]
fn a_syntax_error_is_shown_at_its_place() {
    let files = [(
        "a.sql",
        "CREATE TABLE a (id integer);\n\nCREATE TABEL b (id integer);\n",
    )];
    bad_target(&files, &["a.sql:3:8", "CREATE TABEL b", "^", "TABEL"]);
}

#[test]
fn a_file_that_is_included_and_not_there_is_shown_at_its_place() {
    bad_target(
        &[("a.sql", "CREATE TABLE a (id integer);\n\\ir other.sql\n")],
        &["a.sql:2:1: ", "other.sql", "\\ir"],
    );
}

#[test]
fn a_declaration_in_two_files_names_both() {
    let files = [
        ("a.sql", "CREATE TABLE a (id integer);"),
        ("b.sql", "\nCREATE TABLE a (id bigint);"),
    ];
    bad_target(&files, &["a.sql:1", "b.sql:2"]);
}

#[test]
fn a_reference_to_nothing_is_shown_at_its_place() {
    let files = [(
        "a.sql",
        "CREATE TABLE a (id integer);\nCREATE VIEW v AS SELECT * FROM nothing_here;",
    )];
    bad_target(&files, &["a.sql:2", "nothing_here"]);
}

#[test]
fn statements_that_have_no_place_in_a_schema() {
    for statement in ["DROP DATABASE shop", "VACUUM", "ALTER SYSTEM SET work_mem = '1GB'"] {
        let files = [("a.sql", format!("CREATE TABLE a (id integer);\n{statement};"))];
        bad_target(&[(files[0].0, &files[0].1)], &["a.sql:2:1", "hint: "]);
    }
}

#[test]
fn a_source_without_target_files() {
    bad_target(&[], &["no target files", "hint: "]);
    let folder = Folder::new(&[("notes.txt", "nothing")]);
    let missing = folder.0.join("missing");
    let said = refused(
        &folder.0,
        1,
        &["plan", "--database", &newest(), "--schema", missing.to_str().unwrap()],
    );
    assert!(said.contains("missing") && said.contains("hint: "), "{said}");
}

#[test]
fn an_unknown_key_in_the_configuration() {
    let files = [
        ("trueup.yaml", "schemas: db\n"),
        ("a.sql", "CREATE TABLE a (id integer);"),
    ];
    bad_target(&files, &["trueup.yaml", "`schemas`", "`schema`"]);
}

#[test]
fn an_unknown_kind_in_a_pattern() {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE a (id integer);")]);
    let arguments = [
        "plan",
        "--database",
        &newest(),
        "--schema",
        folder.text(),
        "--exclude",
        "tabel:x",
    ];
    assert!(refused(&folder.0, 1, &arguments).contains("tabel"));
}

#[test]
fn a_wrong_command_line() {
    let folder = Folder::new(&[("a.sql", "")]);
    assert!(refused(&folder.0, 1, &["plan", "--no-such-flag"]).contains("--no-such-flag"));
    assert!(refused(&folder.0, 1, &["explain", "TU999"]).contains("TU999"));
}

/// Makes a plan file for a table that one database lacks.
fn planned(folder: &Folder, database: &Database) -> PathBuf {
    let plan = folder.0.join("plan.json");
    let server = newest();
    let arguments = [
        "plan",
        "--database",
        &database.url(),
        "--schema",
        &folder.0.join("a.sql").display().to_string(),
        "--out",
        plan.to_str().unwrap(),
    ];
    trueup_with(&folder.0, &[("TRUEUP_SCRATCH", &server)], arguments).expect(0);
    plan
}

#[test]
fn plan_files_that_are_truncated_edited_or_from_elsewhere() {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE a (id integer);")]);
    let (database, other) = (Database::new(&newest()), Database::new(&newest()));
    let plan = planned(&folder, &database);
    let text = fs::read_to_string(&plan).unwrap();
    let apply = |code, url: &str| {
        refused(
            &folder.0,
            code,
            &["apply", plan.to_str().unwrap(), "--database", url, "--yes"],
        )
    };

    let said = apply(1, &other.url());
    assert!(said.contains(database.name()) && said.contains(other.name()), "{said}");

    fs::write(&plan, &text[..text.len() / 2]).unwrap();
    assert!(apply(1, &database.url()).contains("truncated"));

    fs::write(&plan, text.replace("CREATE TABLE public.a", "CREATE TABLE public.b")).unwrap();
    assert!(apply(1, &database.url()).contains("edited"));

    fs::remove_file(&plan).unwrap();
    assert!(apply(1, &database.url()).contains("plan.json"));
    assert!(
        database
            .rows("SELECT 1 FROM pg_tables WHERE schemaname IN ('public', 'trueup')")
            .is_empty()
    );
}

#[test]
fn a_database_that_moved_exits_with_4() {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE a (id integer);")]);
    let database = Database::new(&newest());
    let plan = planned(&folder, &database);
    database.execute("CREATE TABLE a (other text)");
    let said = refused(
        &folder.0,
        4,
        &["apply", plan.to_str().unwrap(), "--database", &database.url(), "--yes"],
    );
    assert!(said.contains("table public.a"), "{said}");
    assert_eq!(
        database
            .text("SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0"),
        "other"
    );
}

#[test]
fn a_finding_without_approval_exits_with_3_and_prints_the_flag() {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE kept (id integer);")]);
    let database = Database::with(
        &newest(),
        "CREATE TABLE kept (id integer); CREATE TABLE lost (id integer); INSERT INTO lost VALUES (7)",
    );
    let plan = planned(&folder, &database);
    let arguments = ["apply", plan.to_str().unwrap(), "--database", &database.url(), "--yes"];
    let said = refused(&folder.0, 3, &arguments);
    let flag = "--approve TU102:public.lost";
    assert!(said.contains(flag), "{said}");
    assert_eq!(database.text("SELECT id::text FROM lost"), "7");
    let mut approved = arguments.to_vec();
    approved.extend(flag.split(' '));
    trueup_with(&folder.0, &[], approved).expect(0);
}

#[test]
fn a_missing_privilege_names_the_grant() {
    let folder = Folder::new(&[("a.sql", "CREATE TABLE a (id integer);")]);
    let database = Database::new(&newest());
    let role = format!("{}_reader", database.name());
    database.execute(&format!("CREATE ROLE {role} LOGIN"));
    let url = database.url().replacen("postgres@", &format!("{role}@"), 1).replacen(
        "user=postgres",
        &format!("user={role}"),
        1,
    );
    assert_ne!(url, database.url());
    let server = newest();
    let plan = folder.0.join("plan.json");
    let arguments = [
        "plan",
        "--database",
        &url,
        "--schema",
        folder.text(),
        "--out",
        plan.to_str().unwrap(),
    ];
    // Who may only connect can plan.
    trueup_with(&folder.0, &[("TRUEUP_SCRATCH", &server)], arguments).expect(0);
    let said = refused(
        &folder.0,
        1,
        &["apply", plan.to_str().unwrap(), "--database", &url, "--yes"],
    );
    assert!(
        said.contains("GRANT CREATE ON DATABASE") && said.contains(&role),
        "{said}"
    );
    database.execute(&format!("DROP ROLE {role}"));
}
