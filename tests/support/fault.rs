//! Faults on a real server: it sleeps at a chosen moment, and the program is then killed or its connection cut.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::{Database, Project};

/// Where a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At the start of a DDL statement.
    Start,
    /// At its end.
    End,
}

/// Makes the server sleep at one DDL statement, counted from 1.
pub(crate) fn stop_at(database: &Database, number: usize, moment: Moment) {
    let event = match moment {
        Moment::Start => "ddl_command_start",
        Moment::End => "ddl_command_end",
    };
    database.execute(&format!(
        "{} CREATE EVENT TRIGGER fault ON {event} EXECUTE FUNCTION fault.stop()",
        sleeper(number, "event_trigger", "")
    ));
}

/// Makes the server sleep at one row that a table gets or changes, counted from 1.
pub(crate) fn stop_at_row(database: &Database, number: usize, table: &str) {
    database.execute(&format!(
        "{} CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION fault.stop()",
        sleeper(number, "trigger", "RETURN new;")
    ));
}

// A logged sequence gives its transaction a number (the first time after a checkpoint, and every 32 times), and `DROP INDEX
// CONCURRENTLY` refuses one that has it. Before PostgreSQL 15 no statement makes a sequence that is not logged.
fn sleeper(number: usize, kind: &str, end: &str) -> String {
    format!(
        "CREATE SCHEMA fault;
         DO $$ BEGIN
             IF current_setting('server_version_num')::int >= 150000 THEN
                 EXECUTE 'CREATE UNLOGGED SEQUENCE fault.count';
             ELSE
                 CREATE SEQUENCE fault.count;
                 UPDATE pg_catalog.pg_class SET relpersistence = 'u' WHERE oid = 'fault.count'::pg_catalog.regclass;
             END IF;
         END $$;
         CREATE FUNCTION fault.stop() RETURNS {kind} LANGUAGE plpgsql AS $$
         BEGIN
             IF pg_catalog.nextval('fault.count') = {number} THEN PERFORM pg_catalog.pg_sleep(600); END IF;
             {end}
         END $$;"
    )
}

/// Returns how often the server could have slept since then.
pub(crate) fn passed(database: &Database) -> usize {
    database
        .text("SELECT last_value::text FROM fault.count")
        .parse()
        .unwrap()
}

/// Takes that back.
pub(crate) fn clear(database: &Database) {
    database.execute("DROP EVENT TRIGGER IF EXISTS fault; DROP SCHEMA IF EXISTS fault CASCADE");
}

/// Starts the program beside the test.
pub(crate) fn start(project: &Project, arguments: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments.split(' '))
        .current_dir(project.path("."))
        .env_remove("DATABASE_URL")
        .envs(project.variables())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the server sleeps, and returns the process number of the session that does; nothing when the program
/// ends before.
pub(crate) fn asleep(database: &Database, child: &mut Child) -> Option<i32> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let rows = database
            .rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'");
        if let Some(row) = rows.first() {
            return Some(row.get(0));
        }
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(Instant::now() < until, "the program neither sleeps nor ends");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs cases on a few threads: each waits mostly for the server to notice that its client is gone.
pub(crate) fn each<T: Send>(cases: Vec<T>, run: impl Fn(T) + Sync) {
    let queue = Mutex::new(cases);
    let run = &run;
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some(case) = next else { return };
                    run(case);
                }
            });
        }
    });
}
