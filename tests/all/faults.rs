//! Faults on real servers: the program is killed inside every statement of a mixed plan, its connection is cut, many applies
//! start at once. Afterwards `apply --resume` reaches what is declared, or `rollback` reaches the first state with the first
//! rows: nothing is lost either way.

use std::process::Child;

use crate::support::fault::{Moment, asleep, clear, each, passed, start, stop_at};
use crate::support::{Database, Project, servers};

const BEFORE: &str = "CREATE SCHEMA shop;
    CREATE TYPE shop.state AS ENUM ('open', 'paid');
    CREATE TABLE shop.customers (id integer PRIMARY KEY, name text, note text, old_name text);
    CREATE TABLE shop.orders (id integer PRIMARY KEY, customer integer, state shop.state, total numeric, number integer);
    CREATE TABLE shop.legacy (id integer PRIMARY KEY, what text);
    CREATE INDEX orders_number ON shop.orders (number);
    CREATE VIEW shop.totals AS SELECT customer, sum(total) AS total FROM shop.orders GROUP BY customer;
    COMMENT ON TABLE shop.orders IS 'Orders.';
    INSERT INTO shop.customers SELECT n, 'c' || n, 'note ' || n, 'old ' || n FROM generate_series(1, 50) n;
    INSERT INTO shop.orders SELECT n, n % 50 + 1, 'open', n * 1.5, n FROM generate_series(1, 500) n;
    INSERT INTO shop.legacy SELECT n, 'thing ' || n FROM generate_series(1, 30) n;";

const AFTER: &str = "CREATE SCHEMA shop;
    CREATE SCHEMA audit;
    CREATE TYPE shop.state AS ENUM ('open', 'paid', 'sent');
    CREATE TYPE shop.address AS (street text, town text);
    CREATE DOMAIN shop.amount AS numeric CHECK (VALUE >= 0);
    CREATE SEQUENCE shop.numbers;
    CREATE TABLE shop.customers (
        id integer PRIMARY KEY,
        -- trueup: renamed from name
        full_name text NOT NULL,
        old_name text DEFAULT 'none',
        home shop.address,
        joined_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE shop.orders (
        id integer PRIMARY KEY,
        customer integer NOT NULL REFERENCES shop.customers,
        state shop.state,
        total numeric CHECK (total >= 0),
        number bigint UNIQUE
    );
    CREATE TABLE audit.log (id bigint PRIMARY KEY, at timestamptz, what text);
    CREATE INDEX log_at ON audit.log (at);
    CREATE INDEX orders_customer ON shop.orders (customer);
    CREATE INDEX orders_state ON shop.orders (state) WHERE total > 10;
    CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
    CREATE TRIGGER stamp BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.stamp();
    CREATE VIEW shop.totals AS SELECT customer, sum(total) AS total, count(*) AS orders FROM shop.orders GROUP BY customer;
    CREATE MATERIALIZED VIEW shop.daily AS SELECT state, count(*) AS n FROM shop.orders GROUP BY state;
    COMMENT ON TABLE shop.orders IS 'Orders of customers.';
    COMMENT ON COLUMN shop.customers.full_name IS 'As on the passport.';
    GRANT SELECT ON shop.orders TO PUBLIC;
    ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON shop.orders USING (true);";

const CONFIGURATION: &str = "environments:\n  production:\n    url_env: SHOP_URL\n    protected: true\n";

/// Every row that was there, whatever its columns are called by now.
pub(crate) const ROWS: &str = "SELECT (SELECT string_agg(concat_ws(',', id, customer, state, total, number), ';' ORDER BY id) FROM shop.orders)
    || (SELECT string_agg(concat_ws(',', id, to_jsonb(c) ->> 'name', to_jsonb(c) ->> 'full_name', old_name), ';' ORDER BY id)
        FROM shop.customers c)";

/// A shop with a plan of many sorts of statements.
pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) project: Project,
}

impl Shop {
    pub(crate) fn new(major: i32, server: &str) -> Self {
        let database = Database::with(server, BEFORE);
        let files = [("trueup.yaml", CONFIGURATION), ("schema/shop.sql", AFTER)];
        let mut project = Project::of(&database, major, &files);
        project.set("SHOP_URL", &database.url());
        project.set("TRUEUP_SCRATCH", server);
        // Kept even where a table is small: what runs outside a transaction must be stopped too.
        project
            .run("plan --env production --online always --no-prove --out plan.json")
            .expect(0);
        Self { database, project }
    }

    pub(crate) fn state(&self) -> (String, String) {
        let catalog = self.database.catalog();
        // A column that comes back stands at the end of its table, which is no difference.
        let objects = catalog
            .objects
            .iter()
            .map(|(identity, object)| format!("{identity} {}", object.fingerprint()));
        (objects.collect::<Vec<_>>().join("\n"), self.database.text(ROWS))
    }

    /// Makes sure that resume reaches what is declared and no row is lost, or that rollback reaches the first state.
    pub(crate) fn settle(&self, resume: bool, first: &(String, String), what: &str) {
        clear(&self.database);
        if resume {
            let done = self
                .project
                .run("apply --env production --resume --yes --wait 60s --max-retries 6");
            // Before the first statement there is nothing to resume.
            let done = if done.err.contains("nothing to resume") || done.err.contains("has executed nothing") {
                self.project
                    .run("apply plan.json --env production --yes --approve critical --wait 60s --force --reason test")
            } else {
                done
            };
            assert_eq!(done.code, 0, "{what}: {}{}", done.out, done.err);
            let plan = self.project.run("plan --env production --exit-code --no-prove");
            assert_eq!(plan.code, 0, "{what}: {}{}", plan.out, plan.err);
            assert_eq!(self.database.text(ROWS), first.1, "{what}");
            let kept = self
                .database
                .text("SELECT string_agg(id || what, ',' ORDER BY id) FROM trueup_quarantine.legacy");
            assert!(
                kept.starts_with("1thing 1,2thing 2,") && kept.ends_with("30thing 30"),
                "{what}: {kept}"
            );
        } else {
            let done = self
                .project
                .run("rollback --env production --yes --approve critical --wait 60s --max-retries 6");
            let nothing = done.err.contains("nothing to roll back") || done.err.contains("has executed nothing");
            assert!(done.code == 0 || nothing, "{what}: {}{}", done.out, done.err);
            let now = self.state();
            let lines = |text: &str| {
                text.split(['\n', ';'])
                    .map(str::to_owned)
                    .collect::<std::collections::BTreeSet<_>>()
            };
            let of = |state: &(String, String)| lines(&format!("{}\n{}", state.0, state.1));
            let (before, after) = (of(first), of(&now));
            let differ: Vec<&String> = before.symmetric_difference(&after).collect();
            assert!(now == *first, "{what}: {differ:?}\n{}{}", done.out, done.err);
            let kept = self.database.text("SELECT count(*)::text FROM shop.legacy");
            assert_eq!(kept, "30", "{what}");
            let note = self
                .database
                .text("SELECT string_agg(note, ',' ORDER BY id) FROM shop.customers");
            assert!(note.starts_with("note 1,note 2,"), "{what}: {note}");
        }
    }
}

pub(crate) const APPLY: &str = "apply plan.json --env production --yes --approve critical --force --reason test --max-retries 6 --lock-timeout 30s";

#[test]
fn killed_inside_every_statement() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    let first = shop.state();
    stop_at(&shop.database, usize::MAX >> 16, Moment::Start);
    shop.project.run(APPLY).expect(0);
    let count = passed(&shop.database);
    let own = shop
        .database
        .text("SELECT count(*)::text FROM trueup.statement")
        .parse::<usize>()
        .unwrap();
    assert!(own >= 25, "the plan is meant to be long: {own}");
    drop(shop);
    each((1..=count).collect(), |number| {
        // Every statement once, in four ways.
        let moment = if number % 2 == 0 { Moment::Start } else { Moment::End };
        let shop = Shop::new(major, &server);
        stop_at(&shop.database, number, moment);
        let mut child = start(&shop.project, APPLY);
        // A statement may fire fewer events at its end than at its start.
        let stopped = asleep(&shop.database, &mut child).is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let resume = number / 2 % 2 == 0;
        let what =
            format!("killed at the {moment:?} of DDL {number} of {count} (stopped: {stopped}), resume: {resume}");
        shop.settle(resume, &first, &what);
    });
}

#[test]
fn connection_cut_inside_statements() {
    for (major, server) in servers() {
        let first = Shop::new(major, &server).state();
        each(vec![3, 8, 13, 18, 23], |number: usize| {
            let shop = Shop::new(major, &server);
            stop_at(&shop.database, number, Moment::End);
            let mut child = start(&shop.project, APPLY);
            if let Some(pid) = asleep(&shop.database, &mut child) {
                shop.database.rows(&format!("SELECT pg_terminate_backend({pid})"));
            }
            let code = child.wait().unwrap().code();
            let what = format!("PostgreSQL {major}: connection cut in DDL {number}, exit code {code:?}");
            assert!(matches!(code, Some(0 | 5)), "{what}");
            shop.settle(number.is_multiple_of(2), &first, &what);
        });
    }
}

#[test]
fn eight_applies_at_once() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    let first = shop.state();
    let mut children: Vec<Child> = (0..8)
        .map(|_| start(&shop.project, &format!("{APPLY} --wait 120s")))
        .collect();
    let mut codes: Vec<Option<i32>> = children.iter_mut().map(|child| child.wait().unwrap().code()).collect();
    codes.sort();
    // The others see that the database has moved: the plan is applied already.
    assert_eq!(
        codes,
        [Some(0), Some(4), Some(4), Some(4), Some(4), Some(4), Some(4), Some(4)]
    );
    assert_eq!(shop.database.text("SELECT count(*)::text FROM trueup.execution"), "1");
    shop.settle(false, &first, "eight at once");
}
