//! Backfills that target files declare, through the built program on real servers: they run in batches, a killed one goes on
//! where it stopped, and nothing that somebody has written is overwritten.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Database, Output, Project, servers};

const BEFORE: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.rates (country text PRIMARY KEY, rate numeric NOT NULL);
    INSERT INTO shop.rates VALUES ('ch', 8.1), ('de', 19);
    CREATE TABLE shop.orders (id bigint PRIMARY KEY, amount numeric NOT NULL, country text, note text);
    INSERT INTO shop.orders SELECT n, n, CASE WHEN n % 2 = 0 THEN 'ch' ELSE 'de' END, nullif('n' || n % 5, 'n0')
        FROM generate_series(1, 5000) n;
    CREATE TABLE shop.lines (number text PRIMARY KEY, parts integer);
    INSERT INTO shop.lines SELECT 'l' || n, n FROM generate_series(1, 3000) n;
    CREATE TABLE shop.events (at date NOT NULL, what text, PRIMARY KEY (at, what)) PARTITION BY RANGE (at);
    CREATE TABLE shop.events_old PARTITION OF shop.events FOR VALUES FROM ('2020-01-01') TO ('2025-01-01');
    CREATE TABLE shop.events_new PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');
    INSERT INTO shop.events SELECT date '2024-06-01' + n, 'e' || n FROM generate_series(1, 400) n;";

const AFTER: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.rates (country text PRIMARY KEY, rate numeric NOT NULL);
    -- trueup: backfill note using 'none'
    CREATE TABLE shop.orders (
        id bigint PRIMARY KEY,
        amount numeric NOT NULL,
        country text,
        note text NOT NULL,
        -- trueup: backfill using amount * (SELECT r.rate FROM shop.rates r WHERE r.country = orders.country) / 100
        tax numeric NOT NULL CHECK (tax > 0),
        -- trueup: backfill state using 'old'
        state text NOT NULL DEFAULT 'new'
    );
    CREATE TABLE shop.lines (
        number text PRIMARY KEY,
        parts integer,
        -- trueup: backfill double using parts * 2
        double integer NOT NULL
    );
    CREATE TABLE shop.events (
        at date NOT NULL,
        what text,
        -- trueup: backfill using upper(what)
        loud text NOT NULL,
        PRIMARY KEY (at, what)
    ) PARTITION BY RANGE (at);
    CREATE TABLE shop.events_old PARTITION OF shop.events FOR VALUES FROM ('2020-01-01') TO ('2025-01-01');
    CREATE TABLE shop.events_new PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');";

const RIGHT: &str =
    "SELECT (SELECT bool_and(tax = amount * CASE country WHEN 'ch' THEN 8.1 ELSE 19 END / 100 AND state = 'old'
            AND note = CASE id % 5 WHEN 0 THEN 'none' ELSE 'n' || id % 5 END) FROM shop.orders)::text
    || (SELECT bool_and(double = parts * 2) FROM shop.lines) || (SELECT bool_and(loud = upper(what)) FROM shop.events)";

/// The planner expects a quarter of a table of a range over several key columns; batches read theirs by the key all the same.
#[test]
fn no_batch_reads_the_whole_table() {
    let table = "CREATE TABLE pairs (a int, b int, w text, {} PRIMARY KEY (a, b));";
    for (major, server) in servers() {
        let before = format!(
            "{} INSERT INTO pairs SELECT n * 7919 % 120011, n, repeat('w', 50) FROM generate_series(1, 120000) n; ANALYZE pairs;",
            table.replace("{}", "")
        );
        let after = table.replace("{}", "\n-- trueup: backfill using a\nx int,");
        let shop = Shop::new(major, &server, &before, ("schema/shop.sql", &after));
        // As it looks to the planner in the middle of a table of ten million rows.
        shop.database.set("random_page_cost = 1000");
        shop.run("plan --no-cache --out plan.json").expect(0);
        let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'pairs'";
        let begun = shop.database.counted(scans);
        shop.run("apply plan.json --yes --approve dangerous").expect(0);
        let batches: i64 = shop.database.rows("SELECT count(*) FROM trueup.backfill")[0].get(0);
        let read = shop.database.counted(scans) - begun;
        assert!(batches > 8, "PostgreSQL {major}: {batches} batches");
        assert!(read <= 4, "PostgreSQL {major}: read {read} times for {batches} batches");
        assert_eq!(shop.one("SELECT count(*)::text FROM pairs WHERE x = a"), "120000");
    }
}

pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) project: Project,
    variables: Vec<(&'static str, String)>,
}

impl Shop {
    pub(crate) fn new(major: i32, server: &str, before: &str, file: (&str, &str)) -> Self {
        let database = Database::with(server, before);
        let mut project = Project::of(&database, major, &[file]);
        let variables = vec![("DATABASE_URL", database.url()), ("TRUEUP_SCRATCH", server.to_owned())];
        for (name, value) in &variables {
            project.set(name, value);
        }
        Self {
            database,
            project,
            variables,
        }
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.project.run(arguments)
    }

    fn one(&self, sql: &str) -> String {
        self.database.text(sql)
    }

    fn start(&self, arguments: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(arguments.split(' '))
            .current_dir(self.project.path("."))
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

#[test]
fn declared_backfills_run_in_batches_and_lead_to_nothing_more() {
    for (major, server) in servers() {
        let shop = Shop::new(major, &server, BEFORE, ("schema/shop.sql", AFTER));
        let plan = shop.run("plan --no-cache").expect(0);
        for part in [
            "filled in batches by id, each in a transaction of its own",
            "filled in batches by pages",
            "UPDATE ONLY shop.orders SET tax = (amount *",
        ] {
            assert!(plan.contains(part), "no `{part}` in\n{plan}");
        }
        let applied = shop.run("apply --yes --approve dangerous");
        assert_eq!(applied.code, 0, "PostgreSQL {major}: {}\n{plan}", applied.err);
        assert!(applied.err.contains("rows filled"), "{}", applied.err);
        assert_eq!(shop.one(RIGHT), "truetruetrue", "PostgreSQL {major}");
        shop.run("plan --exit-code --no-cache").expect(0);
        let batches =
            shop.one("SELECT (sum(filled) FILTER (WHERE upto ? 'key'), count(*) > 6)::text FROM trueup.backfill");
        // Two new columns of 5,000 rows, and one that has no value in every fifth.
        assert_eq!(batches, "(11000,t)", "PostgreSQL {major}");
        let refused = shop
            .database
            .connect()
            .batch_execute("DELETE FROM trueup.backfill")
            .unwrap_err();
        assert_eq!(refused.code().map(postgres::error::SqlState::code), Some("42501"));
        shop.database
            .execute("INSERT INTO shop.orders (id, amount, note, tax) VALUES (6000, 1, 'x', 1)");
        assert_eq!(shop.one("SELECT state FROM shop.orders WHERE id = 6000"), "new");
        shop.run("rollback --yes --approve dangerous").expect(0);
        assert_eq!(
            shop.one(
                "SELECT count(*)::text FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass AND attname = 'tax'"
            ),
            "0"
        );
    }
}

#[test]
fn yaml_declares_them_too() {
    for (major, server) in servers() {
        let before = "CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), first text, last text);
            INSERT INTO people (first, last) SELECT 'f' || n, 'l' || n FROM generate_series(1, 1500) n;";
        let file = "tables:\n  people:\n    columns:\n      id: {type: uuid, default: gen_random_uuid()}\n      first: text\n      last: text\n      \
            name: {type: text, not_null: true, backfill: \"first || ' ' || last\"}\n    primary_key: [id]\n";
        let shop = Shop::new(major, &server, before, ("schema/public.yaml", file));
        shop.run("apply --yes --approve dangerous").expect(0);
        assert_eq!(
            shop.one("SELECT bool_and(name = first || ' ' || last)::text FROM people"),
            "true",
            "PostgreSQL {major}"
        );
        shop.run("plan --exit-code --no-cache").expect(0);
    }
}

#[test]
fn what_is_no_backfill_is_refused_at_its_place() {
    let (major, server) = servers().pop().unwrap();
    for (hint, says) in [
        ("backfill note", "unknown hint"),
        ("backfill note using 1; DROP TABLE t", "unknown hint"),
        ("backfill note using 1) FROM t --", "unknown hint"),
        (
            "backfill nowhere using 1",
            "names `public.t.nowhere`, which is no column",
        ),
    ] {
        let file = format!("-- trueup: {hint}\nCREATE TABLE t (id int PRIMARY KEY, note text);");
        let shop = Shop::new(major, &server, "", ("schema/t.sql", &file));
        let refused = shop.run("plan");
        assert!(refused.code == 1 && refused.err.contains(says), "{}", refused.err);
        assert!(refused.err.contains("t.sql:1"), "{}", refused.err);
    }
    let broken =
        "CREATE TABLE t (id int PRIMARY KEY,\n    -- trueup: backfill using missing + 1\n    note int NOT NULL);";
    let shop = Shop::new(
        major,
        &server,
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);",
        ("schema/t.sql", broken),
    );
    let refused = shop.run("apply --yes --approve critical");
    assert!(
        refused.code != 0 && refused.err.contains("column \"missing\" does not exist"),
        "{}",
        refused.err
    );
}

/// Stops the backfill at one row, in the sessions of trueup only.
const STOPS: &str = "CREATE SCHEMA fault;
    CREATE TABLE fault.at (id bigint);
    CREATE FUNCTION fault.stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF pg_catalog.current_setting('application_name') = 'trueup' AND EXISTS (SELECT FROM fault.at a WHERE a.id = new.id) THEN
            PERFORM pg_catalog.pg_sleep(600);
        END IF;
        RETURN new; END $$;";

#[test]
fn a_killed_backfill_goes_on_behind_its_last_batch() {
    for (major, server) in servers() {
        let table = "CREATE TABLE things (id bigint PRIMARY KEY, what text);";
        let rows = "INSERT INTO things SELECT n, 'w' || n FROM generate_series(1, 20000) n;
            CREATE TRIGGER fault BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION fault.stop();
            INSERT INTO fault.at VALUES (9000);";
        let before = format!("{STOPS}{table}{rows}");
        let target = format!(
            "{STOPS}CREATE TABLE things (id bigint PRIMARY KEY, what text,\n-- trueup: backfill using what || '!'\nloud text NOT NULL);
             CREATE TRIGGER fault BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION fault.stop();"
        );
        let shop = Shop::new(major, &server, &before, ("schema/things.sql", &target));
        let mut child = shop.start("apply --yes --approve dangerous --lock-timeout 600s");
        let until = Instant::now() + Duration::from_secs(60);
        let asleep = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        while shop.database.rows(asleep).is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "the apply has ended");
            assert!(Instant::now() < until, "the apply does not come to the row");
            thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        shop.database.execute(
            "DELETE FROM fault.at;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'trueup'",
        );
        while !shop
            .database
            .rows("SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'trueup'")
            .is_empty()
        {
            thread::sleep(Duration::from_millis(20));
        }
        let filled =
            "SELECT (SELECT count(*) FROM things WHERE loud IS NOT NULL), (SELECT sum(filled) FROM trueup.backfill)";
        let told = |shop: &Shop| -> (String, String) {
            let both = shop.one(&format!("SELECT q::text FROM ({filled}) q"));
            let (one, two) = both.trim_matches(['(', ')']).split_once(',').unwrap();
            (one.to_owned(), two.to_owned())
        };
        let (rows, ledger) = told(&shop);
        assert_eq!(rows, ledger, "PostgreSQL {major}: the ledger says what is filled");
        let so_far: i64 = rows.parse().unwrap();
        assert!((1..20_000).contains(&so_far), "{so_far} rows");
        // What somebody writes meanwhile stays, and what comes in without a value is filled too.
        shop.database
            .execute("UPDATE things SET loud = 'mine' WHERE id = 15000; INSERT INTO things VALUES (-5, 'late'), (30000, 'later')");
        shop.run("apply --resume").expect(0);
        assert_eq!(
            shop.one("SELECT count(*)::text FROM things WHERE loud = what || '!'"),
            "20001",
            "PostgreSQL {major}"
        );
        assert_eq!(shop.one("SELECT loud FROM things WHERE id = 15000"), "mine");
        let (_, ledger) = told(&shop);
        assert_eq!(ledger, "20001", "PostgreSQL {major}: no row was filled twice");
        shop.run("plan --exit-code --no-cache").expect(0);
    }
}
