//! Online forms on real servers: which form each change gets on a large table, that it leads there and back from wherever
//! it was interrupted, and that whoever writes meanwhile is not kept waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postgres::Client;
use trueup::apply::{self, Approvals, Event, Options, Outcome};
use trueup::catalog::Catalog;
use trueup::config::OnDrop;
use trueup::db::Environment;
use trueup::desired::source::Source;
use trueup::diff::Filter;
use trueup::error::Error;
use trueup::kinds::{AnyObject, Facts, Kind, Lock, Transaction};
use trueup::plan::{Plan, Step, Verdict};
use trueup::progress::Progress;
use trueup::reconcile::{self, Setup};
use trueup::risk::Online;
use trueup::scratch::Choice;

use crate::support::{Database, ends, machine, servers};

mod cases;
mod interrupted;
mod staged;
mod staged_kept;
mod staged_parts;
mod staged_types;
mod staged_uuid;
mod writers;

/// A live database and the one that shows what it shall be.
pub(super) struct Pair {
    pub(super) live: Database,
    pub(super) desired: Database,
    /// What becomes of what a plan drops.
    pub(super) on_drop: OnDrop,
}

impl Pair {
    pub(super) fn new(server: &str, before: &str, after: &str) -> Self {
        Self {
            live: Database::with(server, before),
            desired: Database::with(server, after),
            on_drop: OnDrop::Drop,
        }
    }

    pub(super) fn plan(&self, online: Online) -> Plan {
        self.plan_with(online, false)
    }

    pub(super) fn try_plan(&self, online: Online) -> Result<Plan, Error> {
        self.try_plan_with(online, false)
    }

    fn plan_with(&self, online: Online, prove: bool) -> Plan {
        self.try_plan_with(online, prove).unwrap()
    }

    fn try_plan_with(&self, online: Online, prove: bool) -> Result<Plan, Error> {
        let setup = Setup {
            environment: Environment::default(),
            machine: machine(),
            scratch: Choice::Server(self.desired.target()),
            cache: false,
            filter: Filter::default(),
            online,
            prove,
            progress: Progress::default(),
            rulings: Vec::new(),
            answers: reconcile::Answers::default(),
            preflight: false,
            on_drop: self.on_drop,
        };
        reconcile::plan(&setup, &self.live.target(), &Source::Database(self.desired.url()))
    }

    pub(super) fn apply(&self, plan: &Plan, events: &mut dyn FnMut(Event)) -> Result<Outcome, Error> {
        apply::apply(plan, &self.live.target(), &everything(), &options(), events)
    }

    pub(super) fn resume(&self) -> Result<Outcome, Error> {
        apply::resume(&self.live.target(), None, &options(), &mut |_| {})
    }

    pub(super) fn rollback(&self) -> Result<Outcome, Error> {
        self.rollback_with(&mut |_| {})
    }

    fn rollback_with(&self, events: &mut dyn FnMut(Event)) -> Result<Outcome, Error> {
        apply::rollback(&self.live.target(), None, &everything(), &options(), events)
    }

    /// Looks whether the live database is as wanted, and has nothing that only stood on the way.
    pub(super) fn assert_is(&self, wanted: &Catalog, script: &str) {
        let found = self.live.catalog();
        for (identity, object) in &wanted.objects {
            let found = found.get(identity).cloned().map(AnyObject::significant);
            assert_eq!(found, Some(object.clone().significant()), "{identity} after\n{script}");
        }
        for identity in found.objects.keys() {
            assert!(wanted.contains(identity), "{identity} is left after\n{script}");
        }
    }
}

pub(super) fn everything() -> Approvals {
    Approvals::parse(["critical"]).unwrap()
}

pub(super) fn options() -> Options {
    Options {
        lock_timeout: Duration::from_millis(500),
        backoff: Duration::from_millis(10),
        retries: 100,
        ..Options::default()
    }
}

pub(super) fn script(steps: &[Step]) -> String {
    let line = |step: &Step| {
        let statements = step.statements.iter();
        let say = |(sql, stand): (&str, Transaction)| format!("{sql}; -- {} {stand:?}\n", step.transaction);
        statements
            .map(|sentence| say((&sentence.sql, sentence.facts.transaction)))
            .collect::<String>()
    };
    steps.iter().map(line).collect()
}

/// Looks at the laws of every plan whose tables are all large: nothing that was there is read or built under a lock that
/// blocks writers, a constraint is never validated in the transaction that adds it, and a transaction locks one table.
pub(super) fn assert_online(plan: &Plan) {
    for steps in [&plan.forward, &plan.rollback] {
        let text = script(steps);
        let mut locked: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for step in steps {
            for sentence in &step.statements {
                let facts = &sentence.facts;
                for table in &facts.scans {
                    let strong = facts
                        .locks
                        .iter()
                        .any(|(other, lock)| other == table && *lock >= Lock::Share);
                    assert!(!strong, "{} reads under a strong lock in\n{text}", sentence.sql);
                }
                assert!(facts.rewrites.is_empty(), "{} rewrites in\n{text}", sentence.sql);
                if facts.transaction == Transaction::Inside {
                    locked.entry(step.transaction).or_default().push(&sentence.sql);
                }
            }
        }
        for together in locked.values() {
            let has = |words: &str| together.iter().any(|sql| sql.contains(words));
            assert!(!(has("NOT VALID") && has("VALIDATE")), "{text}");
        }
    }
}

/// Somebody who makes each statement that takes its time wait for a lock, as a `VACUUM` would, and writes while `pg_locks`
/// shows it waiting: with so short a limit that the writer cannot have waited for the statement.
struct Bystander<'a> {
    live: &'a Database,
    steps: &'a [Step],
    holder: Client,
    writer: Client,
    /// Table on which the lock is held, and the step and the place of the statement that waits for it.
    held: Option<(String, (usize, usize))>,
    /// Where a writer passed; a step that is tried again lets it pass again.
    passed: BTreeSet<(usize, usize)>,
}

impl<'a> Bystander<'a> {
    fn new(live: &'a Database, steps: &'a [Step]) -> Self {
        let [mut holder, mut writer] = [live.connect(), live.connect()];
        holder.batch_execute("SET lock_timeout = '10s'").unwrap();
        writer.batch_execute("SET lock_timeout = '20ms'").unwrap();
        Self {
            live,
            steps,
            holder,
            writer,
            held: None,
            passed: BTreeSet::new(),
        }
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Started { step, .. } => self.stand_before(*step, 0),
            Event::Done { step, sql, .. } => {
                assert_eq!(self.held, None, "{sql} did not wait");
                let statements = &self.steps[step - 1].statements;
                let place = statements.iter().position(|sentence| &sentence.sql == sql).unwrap();
                self.stand_before(*step, place + 1);
            }
            Event::WaitingForLock { .. } if waiting(self.live) > 0 => self.write(),
            _ => {}
        }
    }

    /// Takes the lock before a statement takes it. A strong lock that an earlier statement of the transaction still holds
    /// would be met here.
    fn stand_before(&mut self, step: usize, place: usize) {
        let Some(sentence) = self.steps[step - 1].statements.get(place) else {
            return;
        };
        if let (None, Some(table)) = (&self.held, waits_on(&sentence.facts)) {
            self.holder
                .batch_execute(&format!(
                    "BEGIN; LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE"
                ))
                .unwrap_or_else(|error| panic!("{error:?} before {}", sentence.sql));
            self.held = Some((table, (step, place)));
        }
    }

    fn write(&mut self) {
        if let Some((table, place)) = self.held.take() {
            let column = self.live.text(&format!(
                "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0
                     AND NOT attisdropped AND attidentity <> 'a' AND attgenerated = '' ORDER BY attnum LIMIT 1"
            ));
            self.writer
                .batch_execute(&format!("UPDATE {table} SET {column} = {column}"))
                .unwrap_or_else(|error| panic!("{error:?}: {table}"));
            self.holder.batch_execute("ROLLBACK").unwrap();
            self.passed.insert(place);
        }
    }

    /// Returns how often a writer has to pass.
    fn occasions(&self) -> usize {
        let statements = self.steps.iter().flat_map(|step| &step.statements);
        statements
            .filter(|sentence| waits_on(&sentence.facts).is_some())
            .count()
    }
}

/// Returns the table on which a statement takes the lock of a `VACUUM`, if it reads tables or stands outside a transaction.
fn waits_on(facts: &Facts) -> Option<String> {
    if facts.scans.is_empty() && facts.transaction == Transaction::Inside {
        return None;
    }
    let (table, _) =
        (facts.locks.iter()).find(|(table, lock)| table.kind == Kind::Table && *lock == Lock::ShareUpdateExclusive)?;
    let names = table
        .path
        .iter()
        .map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    Some(names.collect::<Vec<_>>().join("."))
}

/// Returns how many sessions of trueup wait for a lock in the database.
fn waiting(live: &Database) -> usize {
    let rows = live.rows(
        "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE NOT l.granted AND a.datname = current_database() AND a.application_name = 'trueup'",
    );
    rows.len()
}

/// Plans a pair with every table large, goes there and back under a writer, and looks after each way.
pub(super) fn there_and_back(pair: &Pair) -> Plan {
    let (before, wanted) = (pair.live.catalog(), pair.desired.catalog());
    let plan = pair.plan_with(Online::Always, true);
    let proof = plan.proof.as_ref().unwrap();
    assert_eq!(proof.verdict, Verdict::Held, "{proof:?}\n{}", script(&plan.forward));
    let (forward, back) = (script(&plan.forward), script(&plan.rollback));
    let mut bystander = Bystander::new(&pair.live, &plan.forward);
    pair.apply(&plan, &mut |event| bystander.hear(&event))
        .unwrap_or_else(|error| panic!("{error:?}\n{forward}"));
    assert_eq!(bystander.passed.len(), bystander.occasions(), "{forward}");
    pair.assert_is(&wanted, &forward);
    let again = pair.plan(Online::Always);
    assert!(again.is_empty(), "{}\nafter\n{forward}", script(&again.forward));
    let mut bystander = Bystander::new(&pair.live, &plan.rollback);
    pair.rollback_with(&mut |event| bystander.hear(&event))
        .unwrap_or_else(|error| panic!("{error:?}\n{back}"));
    assert_eq!(bystander.passed.len(), bystander.occasions(), "{back}");
    pair.assert_is(&before, &back);
    plan
}
