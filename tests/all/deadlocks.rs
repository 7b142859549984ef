//! A writer that meets trueup between two tables keeps its work: trueup gives up first and tries again. The same for
//! plans and for migration files.

use std::thread;
use std::time::Duration;

use crate::support::{Database, Output, Project, newest};

/// A server looks for deadlocks sooner here, so that nobody waits for long.
const TABLES: &str = "CREATE TABLE public.a (b int); CREATE TABLE public.b (id int PRIMARY KEY);";
const PATIENT: &str = "--yes --lock-timeout 60s --max-retries 12";

/// Runs a command that changes `a` and then `b` against a writer that changes `b` and then `a`.
fn meet(project: &Project, database: &Database, command: &str) -> Output {
    let name = database.name();
    database.execute(&format!("ALTER DATABASE {name} SET deadlock_timeout = '200ms'"));
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; INSERT INTO b VALUES (1)").unwrap();
    let waiting = "SELECT count(*)::text FROM pg_locks WHERE NOT granted AND relation = 'public.b'::regclass";
    thread::scope(|scope| {
        let runner = scope.spawn(|| project.run(&format!("{command} {PATIENT}")));
        while database.text(waiting) == "0" {
            assert!(!runner.is_finished(), "it does not wait: {:?}", runner.join());
            thread::sleep(Duration::from_millis(5));
        }
        // By now the server has looked for a deadlock on behalf of trueup, and found none.
        thread::sleep(Duration::from_millis(400));
        writer.batch_execute("INSERT INTO a VALUES (1); COMMIT").unwrap();
        runner.join().unwrap()
    })
}

fn check(database: &Database, output: Output) {
    assert!(output.err.contains("retry 1 of 12"), "{}", output.err);
    output.expect(0);
    let rows = database.text("SELECT (SELECT count(*) FROM a) || ' ' || (SELECT count(*) FROM b)");
    assert_eq!(rows, "1 1");
    let references =
        database.text("SELECT string_agg(confrelid::regclass::text, ',') FROM pg_constraint WHERE contype = 'f' AND conrelid = 'a'::regclass");
    assert_eq!(references, "b");
}

#[test]
fn a_plan_loses_to_a_writer() {
    let database = Database::with(&newest(), TABLES);
    let declared = "CREATE TABLE public.b (id int PRIMARY KEY); CREATE TABLE public.a (b int REFERENCES public.b);";
    let mut project = Project::new(database.name(), &[("schema/a.sql", declared)]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &newest());
    let output = meet(&project, &database, "apply --approve critical");
    check(&database, output);
}

#[test]
fn a_migration_file_loses_to_a_writer() {
    let one = [
        "ALTER TABLE a ALTER b SET DEFAULT 1",
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b",
    ]
    .map(|sql| format!("{sql};\n"));
    let whole = one.concat();
    let cases: [(&str, &[(&str, &str)]); 2] = [
        ("migrate up --no-prove", &[("migrations/001_a.sql", &whole)]),
        (
            "migrate up --no-prove --transaction batch",
            &[("migrations/001_a.sql", &one[0]), ("migrations/002_a.sql", &one[1])],
        ),
    ];
    for (command, files) in cases {
        let database = Database::with(&newest(), TABLES);
        let mut project = Project::new(database.name(), files);
        project.set("DATABASE_URL", &database.url());
        let output = meet(&project, &database, command);
        check(&database, output);
    }
}
