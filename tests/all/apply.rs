//! Apply, resume and rollback on a real server: what the ledger says, what is refused, and what failures leave behind.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use postgres::Client;
use trueup::apply::{self, Approvals, Event, ExecutionKind, ExecutionStatus, ExecutionSummary, Options, Outcome};
use trueup::catalog::{Catalog, Fingerprint, Identity};
use trueup::db::Url;
use trueup::error::{Error, ErrorKind};
use trueup::introspect;
use trueup::kinds::{Facts, Kind, Loss, Transaction};
use trueup::plan::{Change, Database, FORMAT, Phase, Plan, Reversal, Sentence, Step, Verb};
use trueup::risk::{Finding, Risk};
use trueup::scratch::{self, Choice, Request, Scratch};

use crate::support::machine;

/// A live database on a throw-away server.
struct Live {
    scratch: Scratch,
    url: Url,
}

impl Live {
    fn with(sql: &str) -> Self {
        let request = Request {
            choice: &Choice::Auto,
            live: None,
            major: None,
            machine: &machine(),
        };
        let scratch = scratch::open(&request).unwrap();
        let url = scratch.url().clone();
        url.connect().unwrap().batch_execute(sql).unwrap();
        Self { scratch, url }
    }

    fn client(&self) -> Client {
        self.url.connect().unwrap()
    }

    fn run(&self, sql: &str) {
        self.client().batch_execute(sql).unwrap();
    }

    fn one<T: for<'a> postgres::types::FromSql<'a>>(&self, sql: &str) -> T {
        self.client().query_one(sql, &[]).unwrap().get(0)
    }

    fn catalog(&self) -> Catalog {
        catalog(&self.url)
    }

    /// Makes a plan whose outcome is what its steps leave behind on a copy of `before`.
    fn plan(&mut self, before: &str, forward: Vec<Step>, rollback: Vec<Step>) -> Plan {
        let copy = self.scratch.new_database().unwrap();
        let mut client = copy.connect().unwrap();
        client.batch_execute(before).unwrap();
        for sentence in forward.iter().flat_map(|step| &step.statements) {
            client.batch_execute(&sentence.sql).unwrap();
        }
        let (from, to) = (self.catalog(), catalog(&copy));
        let identities: BTreeSet<&Identity> = from.objects.keys().chain(to.objects.keys()).collect();
        let state = |catalog: &Catalog| -> Vec<(Identity, Option<Fingerprint>)> {
            let of = |identity: &&Identity| {
                (
                    (*identity).clone(),
                    catalog.get(identity).map(trueup::kinds::AnyObject::fingerprint),
                )
            };
            identities.iter().map(of).collect()
        };
        let server = self.scratch.server();
        Plan {
            format: FORMAT,
            tool: "test".to_owned(),
            database: Database {
                name: self.url.database().to_owned(),
                system_identifier: server.system_identifier.map(|number| number.to_string()),
                version_num: server.version_num,
                time_zone: None,
                stand_in: None,
            },
            fingerprint: Fingerprint::of(&state(&from)),
            scope: state(&from),
            expected: state(&to),
            changes: Vec::new(),
            references: Vec::new(),
            forward,
            rollback,
            large: trueup::kinds::Large::default(),
            old_values: trueup::kinds::OldValues::default(),
            findings: Vec::new(),
            questions: Vec::new(),
            trials: Vec::new(),
            secrets_from: None,
            renamed: None,
            proof: None,
            notes: Vec::new(),
            unmodelled: Vec::new(),
        }
    }

    fn apply(&self, plan: &Plan) -> Result<Outcome, Error> {
        self.apply_with(plan, &options(), &mut |_| {})
    }

    fn apply_with(&self, plan: &Plan, options: &Options, events: &mut dyn FnMut(Event)) -> Result<Outcome, Error> {
        apply::apply(plan, &self.url, &Approvals::default(), options, events)
    }

    fn resume(&self) -> Result<Outcome, Error> {
        apply::resume(&self.url, None, &options(), &mut |_| {})
    }

    fn rollback(&self, approvals: &[&str]) -> Result<Outcome, Error> {
        let approvals = Approvals::parse(approvals).unwrap();
        apply::rollback(&self.url, None, &approvals, &options(), &mut |_| {})
    }

    fn history(&self) -> Vec<ExecutionSummary> {
        apply::history(&self.url).unwrap()
    }

    fn latest(&self) -> ExecutionSummary {
        self.history().swap_remove(0)
    }

    /// Returns the status of each statement of an execution.
    fn statements(&self, execution: i64) -> Vec<String> {
        let sql = "SELECT status FROM trueup.statement WHERE execution = $1 ORDER BY ordinal";
        let rows = self.client().query(sql, &[&execution]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Everything that the ledger says, as text.
    fn ledger(&self) -> String {
        self.one(
            "SELECT (SELECT string_agg(e::text, E'\\n') FROM trueup.execution e) || E'\\n' ||
                    (SELECT string_agg(s::text, E'\\n') FROM trueup.statement s)",
        )
    }
}

fn catalog(url: &Url) -> Catalog {
    introspect::introspect(url, introspect::Options::default()).unwrap().1
}

fn options() -> Options {
    Options {
        lock_timeout: Duration::from_secs(2),
        backoff: Duration::from_millis(10),
        retries: 1,
        ..Options::default()
    }
}

fn table(name: &str) -> Identity {
    Identity::new(Kind::Table, ["shop", name])
}

fn column(table: &str, name: &str) -> Identity {
    Identity::new(Kind::Column, ["shop", table, name])
}

fn step(transaction: usize, object: Identity, statements: &[&str]) -> Step {
    let sentence = |sql: &&str| Sentence {
        sql: (*sql).to_owned(),
        facts: Facts::default(),
        estimate: None,
    };
    Step {
        changes: vec![Change {
            object,
            verb: Verb::Alter,
        }],
        phase: Phase::Structure,
        statements: statements.iter().map(sentence).collect(),
        transaction,
        reversal: Reversal::Exact,
        form: None,
        temporary: Vec::new(),
    }
}

fn outside(transaction: usize, object: Identity, statement: &str) -> Step {
    let mut step = step(transaction, object, &[statement]);
    step.statements[0].facts.transaction = Transaction::Outside;
    step
}

fn losing(mut step: Step, what: &str) -> Step {
    step.statements[0].facts.loss = Some(Loss::Values(what.to_owned()));
    step
}

const SHOP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint, note text);
     INSERT INTO shop.orders VALUES (1, 'first'), (2, 'second')";

/// Three transactions: two new tables, a column of a table that is there, an index built without blocking.
fn forward() -> Vec<Step> {
    let view = Identity::new(Kind::View, ["shop", "totals"]);
    vec![
        step(0, table("customers"), &["CREATE TABLE shop.customers (id bigint)"]),
        step(
            0,
            table("items"),
            &[
                "CREATE TABLE shop.items (id bigint)",
                "COMMENT ON TABLE shop.items IS 'Things.'",
            ],
        ),
        step(
            1,
            column("orders", "total"),
            &["ALTER TABLE shop.orders ADD COLUMN total numeric"],
        ),
        step(
            1,
            view,
            &["CREATE VIEW shop.totals AS SELECT id, total FROM shop.orders"],
        ),
        outside(
            2,
            table("orders"),
            "CREATE INDEX CONCURRENTLY orders_total ON shop.orders (total)",
        ),
    ]
}

fn back() -> Vec<Step> {
    let view = Identity::new(Kind::View, ["shop", "totals"]);
    vec![
        outside(0, table("orders"), "DROP INDEX CONCURRENTLY shop.orders_total"),
        step(1, view, &["DROP VIEW shop.totals"]),
        losing(
            step(
                1,
                column("orders", "total"),
                &["ALTER TABLE shop.orders DROP COLUMN total"],
            ),
            "the values of shop.orders.total",
        ),
        step(2, table("items"), &["DROP TABLE shop.items"]),
        step(2, table("customers"), &["DROP TABLE shop.customers"]),
    ]
}

#[test]
fn apply_and_rollback() {
    let mut live = Live::with(SHOP);
    let plan = live.plan(SHOP, forward(), back());
    let before = live.catalog();
    let mut events = Vec::new();
    let outcome = live
        .apply_with(&plan, &options(), &mut |event| events.push(event))
        .unwrap();
    assert_eq!(outcome.statements.len(), 6);
    assert!(events.contains(&Event::LedgerReady { version: 7 }));
    assert!(matches!(events.last(), Some(Event::Verified { .. })));
    let steps: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::Started { step, of: 5, .. } => Some(*step),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [1, 2, 3, 4, 5]);

    let latest = live.latest();
    assert_eq!(
        (latest.status, latest.done, latest.statements),
        (ExecutionStatus::Succeeded, 6, 6)
    );
    assert_eq!(latest.plan_fingerprint, plan.fingerprint.to_string());
    assert!(latest.finished_at.unwrap().ends_with('Z'));
    assert!(live.one::<bool>("SELECT bool_and(started_at <= finished_at) FROM trueup.statement"));
    assert!(
        live.catalog()
            .objects
            .keys()
            .all(|identity| identity.path[0] != "trueup")
    );

    let again = live.apply(&plan).unwrap_err();
    assert_eq!(again.kind, ErrorKind::Moved);
    assert!(again.hint.unwrap().contains("applied before"));

    let preview = apply::preview(&live.url, None, &trueup::kinds::Secrets::default()).unwrap();
    assert!(!preview.is_partial);
    assert_eq!(preview.steps, plan.rollback);
    let blocked = live.rollback(&[]).unwrap_err();
    assert_eq!(blocked.kind, ErrorKind::Blocked);
    assert!(blocked.hint.unwrap().contains("--approve TU901:shop.orders.total"));
    assert_eq!(live.history().len(), 1);

    let outcome = live.rollback(&["TU901:shop.orders.total"]).unwrap();
    assert_eq!(outcome.of_execution, Some(1));
    assert_eq!(live.catalog().objects, before.objects);
    let history = live.history();
    assert_eq!(
        (history[0].kind, history[0].status),
        (ExecutionKind::Rollback, ExecutionStatus::Succeeded)
    );
    assert_eq!(history[1].status, ExecutionStatus::RolledBack);
    let nothing = live.rollback(&[]).unwrap_err();
    assert_eq!(nothing.message, "there is nothing to roll back");

    // The way is free again, and the ledger is there already.
    let mut ready = false;
    live.apply_with(&plan, &options(), &mut |event| {
        ready |= matches!(event, Event::LedgerReady { .. });
    })
    .unwrap();
    assert!(!ready);
}

#[test]
fn event_triggers_do_not_keep_the_ledger_out() {
    let refuses = format!(
        "{SHOP}; CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'begin raise ''no''; end';
         CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.refuse();"
    );
    let mut live = Live::with(&refuses);
    let plan = live.plan(&refuses, forward(), back());
    live.apply(&plan).unwrap();
    assert_eq!(live.latest().status, ExecutionStatus::Succeeded);
    assert!(live.client().batch_execute("CREATE SCHEMA other").is_err());
}

#[test]
fn dry_run_and_refusals_leave_no_trace() {
    let mut live = Live::with(SHOP);
    let mut plan = live.plan(SHOP, forward(), back());
    let dry = Options {
        dry_run: true,
        ..options()
    };
    let outcome = live.apply_with(&plan, &dry, &mut |_| {}).unwrap();
    assert_eq!((outcome.execution, outcome.statements.len()), (None, 6));

    plan.findings.push(Finding {
        code: "TU101".to_owned(),
        risk: Risk::Critical,
        object: table("orders"),
        step: 2,
        message: "The table is locked.".to_owned(),
        hint: String::new(),
        evidence: Vec::new(),
        ruling: None,
    });
    let blocked = live.apply(&plan).unwrap_err();
    assert_eq!(
        (
            blocked.kind.exit_code(),
            apply::unapproved(&plan, &Approvals::default()).len()
        ),
        (3, 1)
    );
    let other = Plan {
        database: Database {
            name: "elsewhere".to_owned(),
            ..plan.database.clone()
        },
        ..plan.clone()
    };
    let wrong = live.apply(&other).unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::Usage);
    assert!(wrong.message.contains("`elsewhere`") && wrong.message.contains(live.url.database()));

    assert_eq!(live.history(), []);
    let nothing = live.rollback(&[]).unwrap_err();
    assert!(nothing.message.contains("has executed nothing"));
    assert!(!live.one::<bool>("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'trueup')"));
}

#[test]
fn moved_database() {
    let mut live = Live::with(SHOP);
    let plan = live.plan(SHOP, forward(), back());
    live.run("ALTER TABLE shop.orders ALTER COLUMN note SET STORAGE EXTERNAL");
    let moved = live.apply(&plan).unwrap_err();
    assert_eq!(moved.kind.exit_code(), 4);
    assert!(
        moved.message.contains("column shop.orders.note differs"),
        "{}",
        moved.message
    );
    live.run("ALTER TABLE shop.orders ALTER COLUMN note SET STORAGE EXTENDED; CREATE TABLE shop.items ()");
    let moved = live.apply(&plan).unwrap_err();
    assert!(moved.message.contains("table shop.items is there"), "{}", moved.message);
    // What the plan neither reads nor touches is nobody's business.
    live.run("DROP TABLE shop.items; CREATE TABLE shop.other ()");
    live.apply(&plan).unwrap();
    live.run("ALTER TABLE shop.orders ALTER COLUMN note SET STORAGE EXTERNAL");
    let moved = live.rollback(&["dangerous"]).unwrap_err();
    assert_eq!(moved.kind, ErrorKind::Moved);
    assert!(moved.message.contains("since execution 1"));
}

/// The third transaction converts a column whose rows do not all fit.
fn forward_that_fails() -> Vec<Step> {
    let mut convert = step(
        2,
        column("orders", "note"),
        &["ALTER TABLE shop.orders ALTER COLUMN note TYPE integer USING note::integer"],
    );
    convert.statements[0].facts.rewrites.push(table("orders"));
    let last = step(3, table("last"), &["CREATE TABLE shop.last ()"]);
    forward().into_iter().take(4).chain([convert, last]).collect()
}

fn shop_that_fails() -> (Live, Plan) {
    let mut live = Live::with(SHOP);
    // The plan is made where no row stands in the way.
    let plan = live.plan(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint, note text)",
        forward_that_fails(),
        Vec::new(),
    );
    (live, plan)
}

#[test]
fn failing_statement_then_resume() {
    let (live, plan) = shop_that_fails();
    let failed = live.apply(&plan).unwrap_err();
    assert_eq!(
        (failed.kind.exit_code(), failed.sqlstate.as_deref()),
        (5, Some("22P02"))
    );
    assert_eq!(
        failed.message,
        "step 5 of 6 (column shop.orders.note) failed: invalid input syntax for type integer: \"…\""
    );
    assert!(
        failed
            .detail
            .iter()
            .any(|line| line.contains("5 of 7 statements are done"))
    );
    assert!(!format!("{failed:?}{}", live.ledger()).contains("first"));
    let latest = live.latest();
    assert_eq!((latest.status, latest.done), (ExecutionStatus::Failed, 5));
    assert_eq!(latest.sqlstate.as_deref(), Some("22P02"));
    assert_eq!(
        live.statements(1),
        ["done", "done", "done", "done", "done", "failed", "pending"]
    );

    live.run("UPDATE shop.orders SET note = '1'");
    let outcome = live.resume().unwrap();
    assert_eq!(outcome.statements.len(), 2);
    assert_eq!(live.latest().status, ExecutionStatus::Succeeded);
    assert_eq!(live.resume().unwrap_err().message, "there is nothing to resume");
}

#[test]
fn failing_statement_then_rollback() {
    let (live, plan) = shop_that_fails();
    let before = live.catalog();
    live.apply(&plan).unwrap_err();
    // A program that was killed leaves the execution at work in the ledger; nobody is.
    live.run("UPDATE trueup.execution SET status = 'running', error = NULL");
    assert_eq!(live.latest().status, ExecutionStatus::Failed);
    let preview = apply::preview(&live.url, None, &trueup::kinds::Secrets::default()).unwrap();
    assert!(preview.is_partial && preview.findings.iter().any(|finding| finding.code == apply::LOSS_CODE));
    live.run("ALTER TABLE shop.orders ALTER COLUMN id SET STATISTICS 7");
    let moved = live.rollback(&["dangerous"]).unwrap_err();
    assert_eq!(moved.kind, ErrorKind::Moved, "{moved}");
    live.run("ALTER TABLE shop.orders ALTER COLUMN id SET STATISTICS -1");
    live.rollback(&["dangerous"]).unwrap();
    assert_eq!(live.catalog().objects, before.objects);
    assert_eq!(
        live.one::<String>("SELECT string_agg(note, ',' ORDER BY id) FROM shop.orders"),
        "first,second"
    );
    assert_eq!(live.history()[1].status, ExecutionStatus::RolledBack);
}

#[test]
fn rollback_that_fails_half_way() {
    let mut live = Live::with(SHOP);
    let mut back = back();
    back[3].statements[0].sql = "DROP TABLE shop.itemz".to_owned();
    let plan = live.plan(SHOP, forward(), back);
    let before = live.catalog();
    live.apply(&plan).unwrap();
    let failed = live.rollback(&["dangerous"]).unwrap_err();
    assert_eq!(
        (failed.kind, failed.sqlstate.as_deref()),
        (ErrorKind::Partial, Some("42P01"))
    );
    assert_eq!(live.history()[1].status, ExecutionStatus::Succeeded);
    // The next one plans its way from where this one stopped.
    live.rollback(&["dangerous"]).unwrap();
    assert_eq!(live.catalog().objects, before.objects);
    assert_eq!(live.history()[2].status, ExecutionStatus::RolledBack);
}

#[test]
fn impossible_to_roll_back() {
    let mut live = Live::with(SHOP);
    let mut steps = forward();
    steps[1].reversal = Reversal::Impossible("nobody remembers".to_owned());
    let plan = live.plan(SHOP, steps, back());
    live.apply(&plan).unwrap();
    let blocked = live.rollback(&["critical"]).unwrap_err();
    assert_eq!(blocked.kind, ErrorKind::Blocked);
    assert!(blocked.message.contains("table shop.items: nobody remembers"));
}

#[test]
fn lock_that_is_not_granted() {
    let mut live = Live::with(SHOP);
    let plan = live.plan(SHOP, forward(), back());
    let mut other = live.client();
    other
        .batch_execute("SET application_name = 'reports'; BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let mut events = Vec::new();
    let failed = live
        .apply_with(&plan, &options(), &mut |event| events.push(event))
        .unwrap_err();
    assert_eq!(
        (failed.kind, failed.sqlstate.as_deref()),
        (ErrorKind::Partial, Some("55P03"))
    );
    assert!(failed.message.starts_with("step 3 of 5 (column shop.orders.total)"));
    assert!(
        failed
            .detail
            .iter()
            .any(|line| line.starts_with("blocked by process") && line.contains("`reports`"))
    );
    let waits = events
        .iter()
        .filter(|event| matches!(event, Event::WaitingForLock { step: 3, .. }));
    assert_eq!(waits.count(), 2);
    let retries = events
        .iter()
        .filter(|event| matches!(event, Event::Retry { attempt: 1, of: 1, .. }));
    assert_eq!(retries.count(), 1);
    assert_eq!(
        live.statements(1),
        ["done", "done", "done", "failed", "pending", "pending"]
    );
    other.batch_execute("ROLLBACK").unwrap();
    live.resume().unwrap();
    assert_eq!(live.statements(1), ["done"; 6]);
}

#[test]
fn lock_that_is_granted_at_last() {
    let mut live = Live::with(SHOP);
    let plan = live.plan(SHOP, forward(), back());
    let mut other = live.client();
    other
        .batch_execute("BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let mut other = Some(other);
    live.apply_with(&plan, &options(), &mut |event| {
        if matches!(event, Event::Retry { .. }) {
            other.take();
        }
    })
    .unwrap();
    assert_eq!(live.latest().done, 6);
}

/// Ends the sessions of an apply: all, or all but the one that holds the advisory lock.
fn kill(live: &Live, all: bool) {
    live.client()
        .query(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
             WHERE application_name = 'trueup' AND datname = current_database() AND pid <> pg_backend_pid()
               AND ($1 OR pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))",
            &[&all],
        )
        .unwrap();
}

#[test]
fn connection_that_is_killed_in_the_middle() {
    for all in [false, true] {
        let mut live = Live::with(SHOP);
        let plan = live.plan(SHOP, forward(), back());
        let failed = live
            .apply_with(&plan, &options(), &mut |event| {
                if matches!(event, Event::Started { step: 4, .. }) {
                    kill(&live, all);
                }
            })
            .unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Partial);
        assert!(failed.hint.unwrap().contains("--resume"));
        let latest = live.latest();
        // The second transaction was open: its first statement did not last.
        assert_eq!((latest.status, latest.done), (ExecutionStatus::Failed, 3));
        live.resume().unwrap();
        assert_eq!(live.statements(1), ["done"; 6]);
    }
}

#[test]
fn missing_privileges() {
    let mut live = Live::with(&format!(
        "{SHOP}; CREATE ROLE clerk LOGIN; GRANT ALL ON SCHEMA shop TO clerk"
    ));
    let plan = live.plan(SHOP, forward(), back());
    let environment = trueup::db::Environment::default();
    let (trueup::db::Host::Socket(folder), port) = &live.url.hosts()[0] else {
        panic!("a throw-away server listens on a socket");
    };
    let (folder, database) = (folder.display(), live.url.database());
    let text = format!("postgres:///{database}?user=clerk&host={folder}&port={port}");
    let clerk = Url::parse(&text, &environment).unwrap();
    let apply = || apply::apply(&plan, &clerk, &Approvals::default(), &options(), &mut |_| {}).unwrap_err();
    let refused = apply();
    assert_eq!(refused.sqlstate.as_deref(), Some("42501"));
    let grant = format!("GRANT CREATE ON DATABASE {database} TO clerk;");
    assert!(refused.hint.unwrap().contains(&grant));
    live.run(&grant);
    let refused = apply();
    assert_eq!(
        (refused.kind, refused.sqlstate.as_deref()),
        (ErrorKind::Partial, Some("42501"))
    );
    assert!(refused.message.contains("must be owner of table orders"));
    assert!(refused.hint.unwrap().contains("Role `clerk` lacks a privilege"));
    assert_eq!(live.latest().done, 3);
}

#[test]
fn two_at_once() {
    let mut live = Live::with(SHOP);
    let plan = live.plan(SHOP, forward(), back());
    let (started, is_started) = mpsc::channel();
    let (release, is_released) = mpsc::channel();
    thread::scope(|scope| {
        let live = &live;
        let first = scope.spawn(|| {
            live.apply_with(&plan, &options(), &mut move |event| {
                if matches!(event, Event::Started { step: 2, .. }) {
                    started.send(()).unwrap();
                    is_released.recv().unwrap();
                }
            })
        });
        is_started.recv().unwrap();
        let impatient = Options {
            wait: Duration::ZERO,
            ..options()
        };
        let refused = live.apply_with(&plan, &impatient, &mut |_| {}).unwrap_err();
        assert!(
            refused
                .message
                .starts_with("another trueup works on this database: process ")
        );
        assert!(refused.message.contains("(`trueup`)"));
        let status = apply::status(&live.url).unwrap();
        assert_eq!(status.latest.unwrap().status, ExecutionStatus::Running);
        assert!(status.at_work.is_some());
        let patient = Options {
            wait: Duration::from_secs(600),
            ..options()
        };
        let second = live.apply_with(&plan, &patient, &mut |event| {
            if matches!(event, Event::WaitingForOther { holder: Some(_) }) {
                release.send(()).unwrap();
            }
        });
        assert_eq!(second.unwrap_err().kind, ErrorKind::Moved);
        first.join().unwrap().unwrap();
    });
    assert_eq!(live.history().len(), 1);
}

#[test]
fn invalid_index_is_cleared_away() {
    let mut live = Live::with(SHOP);
    let index = "CREATE UNIQUE INDEX CONCURRENTLY orders_note ON shop.orders (note)";
    let steps = vec![
        step(0, table("items"), &["CREATE TABLE shop.items ()"]),
        outside(1, table("orders"), index),
    ];
    let plan = live.plan(SHOP, steps, Vec::new());
    live.run("UPDATE shop.orders SET note = 'the same'");
    let mut cleared = Vec::new();
    let mut note = |event| {
        if let Event::Cleared { sql } = event {
            cleared.push(sql);
        }
    };
    let failed = live.apply_with(&plan, &options(), &mut note).unwrap_err();
    assert_eq!(failed.sqlstate.as_deref(), Some("23505"));
    assert!(!format!("{failed:?}{}", live.ledger()).contains("the same"));
    assert_eq!(live.statements(1), ["done", "failed"]);
    // As if the program had been killed before it could clear up.
    let _ = live.client().batch_execute(index);
    assert_eq!(live.one::<i64>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 1);
    live.run("UPDATE shop.orders SET note = id::text");
    apply::resume(&live.url, None, &options(), &mut note).unwrap();
    assert_eq!(cleared, ["DROP INDEX CONCURRENTLY shop.orders_note"; 2]);
    assert!(live.one::<bool>("SELECT indisvalid FROM pg_index WHERE indexrelid = 'shop.orders_note'::regclass"));
}

#[test]
fn statement_outside_a_transaction_that_ended_unseen() {
    let mut live = Live::with(SHOP);
    let drop = outside(1, Identity::new(Kind::Schema, ["empty"]), "DROP SCHEMA empty");
    live.run("CREATE SCHEMA empty");
    let steps = vec![step(0, table("items"), &["CREATE TABLE shop.items ()"]), drop];
    let plan = live.plan(&format!("{SHOP}; CREATE SCHEMA empty"), steps, Vec::new());
    live.apply(&plan).unwrap();
    // As if the program had been killed between the statement and the ledger's next row.
    live.run(
        "SET session_replication_role = replica;
         UPDATE trueup.execution SET status = 'running', finished_at = NULL;
         UPDATE trueup.statement SET status = 'running' WHERE ordinal = 1",
    );
    assert_eq!(live.resume().unwrap().statements, Vec::<String>::new());
    assert_eq!(live.statements(1), ["done", "done"]);
}

#[test]
fn result_that_is_not_as_planned() {
    let mut live = Live::with(SHOP);
    let plan = live.plan(SHOP, forward(), back());
    live.run(
        "CREATE FUNCTION public.meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF to_regclass('shop.items') IS NOT NULL AND pg_trigger_depth() = 0 THEN
                 ALTER TABLE shop.items ADD COLUMN IF NOT EXISTS meddled integer, SET UNLOGGED;
             END IF;
         END $$;
         CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION public.meddle()",
    );
    let wrong = live.apply(&plan).unwrap_err();
    assert_eq!(wrong.kind.exit_code(), 5);
    assert!(wrong.message.contains("table shop.items differs"), "{}", wrong.message);
    let latest = live.latest();
    assert_eq!((latest.status, latest.done), (ExecutionStatus::Failed, 6));
}
