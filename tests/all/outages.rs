//! What fails around an apply: the server restarts, the backup does not fit, a privilege is taken away half-way. Afterwards
//! `apply --resume` or `rollback` reaches the end; `pg_dump` and the rows are the referee.

use std::ffi::OsStr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use crate::faults::{APPLY, ROWS, Shop};
use crate::support::fault::{Moment, asleep, start, stop_at};
use crate::support::{Database, OwnServer, Pooler, Project, pg_dump, servers};

#[test]
fn server_restarted_inside_statements() {
    let (major, _) = servers().pop().unwrap();
    let own = OwnServer::new(major, &["max_locks_per_transaction=512"]);
    let whole = Shop::new(major, &own.url());
    whole.project.run(APPLY).expect(0);
    let desired = pg_dump(&whole.database.url());
    let cases = [
        (2, Moment::End, "fast", true),
        (7, Moment::Start, "immediate", true),
        (12, Moment::End, "immediate", false),
        (17, Moment::Start, "fast", false),
        (22, Moment::End, "immediate", true),
        (25, Moment::Start, "immediate", false),
    ];
    for (number, moment, mode, resume) in cases {
        let shop = Shop::new(major, &own.url());
        let (first, dump) = (shop.state(), pg_dump(&shop.database.url()));
        stop_at(&shop.database, number, moment);
        let mut child = start(&shop.project, APPLY);
        let stopped = asleep(&shop.database, &mut child).is_some();
        own.restart(mode);
        let code = child.wait().unwrap().code();
        let what = format!("server restarted ({mode}) in DDL {number} (stopped: {stopped}), exit code {code:?}");
        assert!(stopped && code == Some(5), "{what}");
        shop.settle(resume, &first, &what);
        let now = pg_dump(&shop.database.url());
        assert_eq!(now, if resume { desired.clone() } else { dump }, "{what}");
    }
}

/// A project that makes a backup with this `pg_dump` before every apply to production.
fn with_backup(database: &Database, (major, server): (i32, &str), pg_dump: &OsStr, schema: &str) -> Project {
    let configuration = format!(
        "environments:\n  production:\n    url_env: SHOP_URL\n    backup: {{when: always, pg_dump: '{}'}}\n",
        pg_dump.to_string_lossy()
    );
    let files = [("trueup.yaml", configuration.as_str()), ("schema/shop.sql", schema)];
    let mut project = Project::of(database, major, &files);
    project.set("SHOP_URL", &database.url());
    project.set("TRUEUP_SCRATCH", server);
    project
}

#[test]
fn a_backup_that_does_not_fit_stops_the_apply() {
    let Some(program) = std::env::var_os("TRUEUP_TEST_PG_DUMP").filter(|path| !path.is_empty()) else {
        return;
    };
    let (major, server) = servers().pop().unwrap();
    let database = Database::with(
        &server,
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, note text);
         INSERT INTO shop.orders SELECT n, md5(n::text) || md5((n * 7)::text) FROM generate_series(1, 20000) n",
    );
    let schema = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, note text, total numeric);";
    let project = with_backup(&database, (major, &server), &program, schema);
    project
        .run("plan --env production --no-prove --out plan.json")
        .expect(0);
    let dump = pg_dump(&database.url());
    // No file may grow beyond 200 kB: the writer is told so, or killed where it does not listen.
    for trap in ["trap '' XFSZ; ", ""] {
        let script = format!(
            "{trap}ulimit -f 400; exec \"$0\" apply plan.json --env production --yes --approve critical --force --reason test"
        );
        let done = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_trueup")])
            .current_dir(project.path("."))
            .env_remove("DATABASE_URL")
            .envs(project.variables())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(3), "{said}");
        assert!(
            said.contains("no backup could be made") && said.contains("Nothing was changed"),
            "{said}"
        );
        let left = std::fs::read_dir(project.path("backups")).unwrap().count();
        assert_eq!(left, 0, "half a backup is none");
        assert_eq!(pg_dump(&database.url()), dump);
    }
    project
        .run("apply plan.json --env production --yes --approve critical --force --reason test")
        .expect(0);
    assert_eq!(
        database.text("SELECT count(total)::text || count(*) FROM shop.orders"),
        "020000"
    );
}

#[test]
fn a_privilege_that_is_taken_away_half_way() {
    for (major, server) in servers() {
        for resume in [true, false] {
            half_way(major, &server, resume);
        }
    }
}

fn half_way(major: i32, server: &str, resume: bool) {
    let table = |n: i32| format!("CREATE TABLE shop.t{n} (id bigint PRIMARY KEY, note text);");
    let index = |n: i32| format!("CREATE INDEX t{n}_note ON shop.t{n} (note);");
    let tables = format!("CREATE SCHEMA shop; {}", (1..6).map(table).collect::<String>());
    let database = Database::with(server, &tables);
    let (owners, worker) = (
        format!("{}_owners", database.name()),
        format!("{}_worker", database.name()),
    );
    database.execute(&format!(
        "INSERT INTO shop.t1 SELECT n, 'note ' || n FROM generate_series(1, 100) n;
         CREATE ROLE {owners}; CREATE ROLE {worker} LOGIN IN ROLE {owners};
         GRANT CREATE ON DATABASE {} TO {worker}; ALTER SCHEMA shop OWNER TO {owners};
         DO $$ BEGIN FOR n IN 1..5 LOOP EXECUTE format('ALTER TABLE shop.t%s OWNER TO {owners}', n); END LOOP; END $$;
         CREATE SCHEMA fault; CREATE SEQUENCE fault.count; GRANT USAGE ON SCHEMA fault TO PUBLIC;
         CREATE FUNCTION fault.stop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
             IF pg_catalog.to_regclass('shop.t3_note') IS NOT NULL AND pg_catalog.nextval('fault.count') = 1 THEN PERFORM pg_catalog.pg_advisory_xact_lock(4711); END IF;
         END $$;",
        database.name()
    ));
    let mut project = Project::of(
        &database,
        major,
        &[(
            "schema/shop.sql",
            &format!("{tables} {}", (1..6).map(index).collect::<String>()),
        )],
    );
    project.set(
        "DATABASE_URL",
        &database.url().replace("postgres@", &format!("{worker}@")),
    );
    project.set("TRUEUP_SCRATCH", server);
    let arguments = "--include shop.* --include schema:shop --no-prove --online always";
    project.run(&format!("plan {arguments} --out plan.json")).expect(0);
    let referee = || {
        let rows = database.text("SELECT string_agg(id || note, ',' ORDER BY id) FROM shop.t1");
        (pg_dump(&database.url()), rows)
    };
    let mut gate = database.connect();
    gate.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
    database.execute(
        "CREATE EVENT TRIGGER fault ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION fault.stop()",
    );
    let first = referee();
    let mut child = start(&project, "apply plan.json --yes --approve critical --lock-timeout 60s");
    let until = Instant::now() + Duration::from_secs(60);
    let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while database.rows(waits).is_empty() {
        assert!(
            Instant::now() < until && child.try_wait().unwrap().is_none(),
            "nobody comes to the gate"
        );
        thread::sleep(Duration::from_millis(20));
    }
    database.execute(&format!("REVOKE {owners} FROM {worker}"));
    gate.batch_execute("SELECT pg_advisory_unlock(4711)").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5), "PostgreSQL {major}");
    let told = project.run("history").expect(0);
    assert!(
        told.contains("3/5 statements") && told.contains("permission denied for schema shop"),
        "PostgreSQL {major}: {told}"
    );
    let refused = project.run("apply --resume --yes");
    assert_eq!(refused.code, 5, "PostgreSQL {major}: {}", refused.err);
    assert!(
        refused.err.contains(&format!("Role `{worker}` lacks a privilege")),
        "{}",
        refused.err
    );
    database.execute(&format!("GRANT {owners} TO {worker}"));
    if resume {
        project.run("apply --resume --yes").expect(0);
        project.run(&format!("plan {arguments} --exit-code")).expect(0);
        assert_eq!(referee().1, first.1);
    } else {
        project.run("rollback --yes --approve critical").expect(0);
        assert_eq!(referee(), first, "PostgreSQL {major}");
    }
    database.execute(&format!(
        "DROP EVENT TRIGGER fault; REASSIGN OWNED BY {worker}, {owners} TO postgres; DROP OWNED BY {worker}, {owners};
         DROP ROLE {worker}, {owners}"
    ));
}

#[test]
fn a_resumed_apply_does_all_that_a_first_one_does() {
    let Some(program) = std::env::var_os("TRUEUP_TEST_PG_DUMP").filter(|path| !path.is_empty()) else {
        return;
    };
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    let rows = shop.database.text(ROWS);
    let configuration = format!(
        "environments:
  production:
    url_env: SHOP_URL
    protected: true
    backup: {{when: always, pg_dump: '{}'}}
    hooks:
      pre_apply: [{{command: 'echo \"before $TRUEUP_RESUMED\" >> hooks; grep -c changes > /dev/null'}}]
      post_apply: [{{command: 'echo after >> hooks'}}]
      on_failure: [{{command: 'echo failed >> hooks'}}]
    checks:
      sql: [{{name: there are orders, query: 'SELECT count(*) = 500 FROM shop.orders'}}]
    export: structure.sql\n",
        program.to_string_lossy()
    );
    shop.project.write("trueup.yaml", &configuration);
    // Somebody holds a table that comes late.
    let mut other = shop.database.connect();
    other.batch_execute("BEGIN; SELECT FROM shop.legacy").unwrap();
    let failed = shop
        .project
        .run("apply plan.json --env production --yes --approve critical --force --reason test --max-retries 0 --lock-timeout 200ms");
    assert_eq!(failed.code, 5, "{}", failed.err);
    let again = shop
        .project
        .run("apply --env production --resume --max-retries 0 --lock-timeout 200ms");
    assert_eq!(again.code, 5, "{}", again.err);
    assert!(again.err.contains("relies on the backup of 20"), "{}", again.err);
    other.batch_execute("COMMIT").unwrap();
    let done = shop.project.run("apply --env production --resume --yes");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("relies on the backup of 20") && !done.err.contains("making a backup"));
    let backups = std::fs::read_dir(shop.project.path("backups")).unwrap();
    assert_eq!(backups.count(), 2, "one backup and what describes it");
    assert_eq!(
        shop.project.read("hooks"),
        "before \nfailed\nbefore 1\nfailed\nbefore 1\nafter\n"
    );
    assert!(shop.project.read("structure.sql").contains("CREATE SCHEMA audit"));
    let told = shop.project.run("history show 1 --env production").expect(0);
    assert!(told.contains("there are orders: passed"), "{told}");
    assert_eq!(shop.database.text(ROWS), rows);
}

#[test]
fn a_backup_is_restored_over_what_is_there() {
    let Some(program) = std::env::var_os("TRUEUP_TEST_PG_DUMP").filter(|path| !path.is_empty()) else {
        return;
    };
    for (major, server) in servers() {
        let database = Database::with(
            &server,
            "CREATE SCHEMA shop; CREATE TABLE shop.customers (id int PRIMARY KEY);
             CREATE TABLE shop.orders (id int PRIMARY KEY, note text, customer int REFERENCES shop.customers);
             CREATE INDEX orders_note ON shop.orders (note);
             INSERT INTO shop.customers SELECT generate_series(1, 10);
             INSERT INTO shop.orders SELECT n, 'note ' || n, n % 10 + 1 FROM generate_series(1, 100) n",
        );
        let schema = "CREATE SCHEMA shop; CREATE TABLE shop.customers (id int PRIMARY KEY);
            CREATE TABLE shop.orders (id int PRIMARY KEY, customer int REFERENCES shop.customers);";
        let project = with_backup(&database, (major, &server), &program, schema);
        let rows = "SELECT string_agg(to_jsonb(o)::text, ',' ORDER BY id) FROM shop.orders o";
        let before = (pg_dump(&database.url()), database.text(rows));
        project
            .run("apply --env production --yes --approve critical --no-prove")
            .expect(0);
        assert_ne!(database.text(rows), before.1);
        let listed = project.run("restore --env production").expect(0);
        let file = listed.split_whitespace().nth(1).unwrap();
        assert_eq!(
            project.run(&format!("restore --env production --in-place {file}")).code,
            1
        );
        project
            .run(&format!("restore --env production --in-place --yes {file}"))
            .expect(0);
        assert_eq!(
            (pg_dump(&database.url()), database.text(rows)),
            before,
            "PostgreSQL {major}"
        );
        // What was done stays on record, and what is there now can be told from it.
        let told = project.run("history --env production").expect(0);
        assert!(told.contains("succeeded"), "{told}");
        let diff = project
            .run("diff --env production ledger:latest live --format sql --no-prove")
            .expect(0);
        assert!(diff.contains("ADD COLUMN note"), "PostgreSQL {major}: {diff}");
        // Half of it is nothing: somebody else's view stands in the way.
        database.execute("CREATE VIEW public.over AS SELECT id FROM shop.orders");
        let refused = project.run(&format!("restore --env production --in-place --yes {file}"));
        assert_eq!(refused.code, 1, "{}", refused.err);
        assert_eq!(database.text(rows), before.1);
    }
}

#[test]
fn a_standby_is_read_and_planned_for_and_refuses_the_rest_before_anything() {
    for (major, server) in servers() {
        let own = OwnServer::new(major, &[]);
        let database = Database::with(&own.url(), "CREATE TABLE a (id integer PRIMARY KEY)");
        let target = [("schema/a.sql", "CREATE TABLE a (id integer PRIMARY KEY, name text);")];
        let mut project = Project::of(&database, major, &target);
        project.set("DATABASE_URL", &database.url());
        project.set("TRUEUP_SCRATCH", &server);
        own.restart_as_standby(true);
        let plan = project.run("plan --out plan.json").expect(0);
        assert!(
            plan.contains("proof     held") && plan.contains("ADD COLUMN name"),
            "{plan}"
        );
        project.run("apply plan.json --yes --dry-run").expect(0);
        for command in ["apply plan.json --yes", "init --schema elsewhere --yes"] {
            let refused = project.run(command);
            assert_eq!(refused.code, 1, "{command}: {}", refused.err);
            assert!(
                refused.err.contains("is a standby") && refused.err.contains("primary"),
                "{command}: {}",
                refused.err
            );
        }
        assert!(!project.path("elsewhere").exists());
        let doctor = project
            .run("doctor")
            .out
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(doctor.contains("This server is a standby"), "{doctor}");
        own.restart_as_standby(false);
        project.run("apply plan.json --yes").expect(0);
        project.run("plan --exit-code").expect(0);
    }
}

#[test]
fn a_pooler_of_transactions_is_refused_before_anything_is_set() {
    for (major, server) in servers() {
        let database = Database::with(&server, "CREATE TABLE a (id integer PRIMARY KEY)");
        let target = [
            ("schema/a.sql", "CREATE TABLE a (id integer PRIMARY KEY, name text);"),
            ("migrations/001_b.sql", "CREATE TABLE b (id integer);"),
            ("migrations/001_b_rollback.sql", "DROP TABLE b;"),
        ];
        let mut project = Project::of(&database, major, &target);
        project.run("plan --out plan.json").expect(0);
        let pooler = Pooler::new(&server);
        let url = pooler.address(database.name());
        project.set("DATABASE_URL", &url);
        for command in ["apply plan.json --yes", "rollback --yes", "migrate up --yes --no-prove"] {
            let refused = project.run(command);
            assert_eq!(refused.code, 1, "{command}: {}", refused.err);
            assert!(
                refused.err.contains("one transaction at a time") && refused.err.contains("session mode"),
                "{command}: {}",
                refused.err
            );
        }
        let mut client = Client::connect(&url, NoTls).unwrap();
        let row = client
            .query_one(
                "SELECT current_setting('search_path'), current_setting('statement_timeout')",
                &[],
            )
            .unwrap();
        assert_eq!(row.get::<_, String>(0), "\"$user\", public");
        assert_eq!(row.get::<_, String>(1), "0");
        project.set("DATABASE_URL", &database.url());
        project.run("apply plan.json --yes").expect(0);
    }
}
