//! One proof from end to end.

use std::collections::BTreeSet;

use postgres::Client;

use super::compare::Expectation;
use super::observe::Relations;
use super::part::{part, touched};
use super::rows;
use super::survival::Survival;
use super::take_time_zone;
use crate::apply::{batches, clear, items, settings};
use crate::backfill;
use crate::catalog::{Catalog, Identity};
use crate::db::{Server, Url};
use crate::desired::elaborate::{Workshop, open, stand_in};
use crate::desired::here::in_database;
use crate::desired::replay::build;
use crate::diff::Rename;
use crate::error::Result;
use crate::introspect;
use crate::kinds::{Transaction, complete_owners, leave_out_roles, name_database_as_in};
use crate::plan::{Direction, Plan, Proof, Refutation, Sentence, Step, Surprise, Verb, Verdict};
use crate::quarantine;
use crate::scratch::Stub;

/// The states that a plan stands between, whole: what a filter leaves out may still be needed below what it keeps.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Live state as the scratch server deparses it, with the renames carried out.
    pub from: &'a Catalog,
    /// Desired state.
    pub to: &'a Catalog,
    /// Renames that the plan begins with.
    pub renames: &'a [Rename],
}

/// A statement that failed, or that lost something.
#[derive(Debug)]
struct Stop {
    step: Option<usize>,
    message: String,
    sqlstate: Option<String>,
}

/// Executes a plan forward and back on a scratch database, and writes what came of it into the plan: the verdict, and
/// for each statement the locks, rewrites and scans that were observed.
///
/// An error means that nothing could be tried (no scratch database); a plan that does not hold is no error.
pub fn prove(plan: &mut Plan, ground: Ground, workshop: &Workshop) -> Result<()> {
    if plan.is_empty() {
        return Ok(());
    }
    let scratch = open(workshop)?;
    let url = stand_in(&scratch, Some(&ground.from.role))?;
    let mut client = url.connect()?;
    let server = Server::read(&mut client)?;
    let mut proof = Proof {
        verdict: Verdict::Held,
        server: Some(format!("PostgreSQL {}", server.version)),
        ..Proof::skipped()
    };
    let mut prover = Prover {
        client,
        url,
        has_own_cluster: scratch.own_cluster(),
        server,
        proof: &mut proof,
        live: ground.from,
        relations: None,
        made: BTreeSet::new(),
    };
    if let Err(refutation) = prover.run(plan, ground)? {
        proof.verdict = Verdict::Failed;
        proof.refutation = Some(refutation);
    }
    plan.proof = Some(proof);
    Ok(())
}

struct Prover<'a> {
    client: Client,
    url: Url,
    has_own_cluster: bool,
    server: Server,
    proof: &'a mut Proof,
    /// Live state, whose database the plan names.
    live: &'a Catalog,
    /// The tables as the last observed statement left them.
    relations: Option<Relations>,
    /// Roles that a plan names and nobody declares, which were made for it.
    made: BTreeSet<String>,
}

/// The live part on scratch, before anything of the plan has run.
struct Stage {
    /// With the names that the plan's renames give.
    renamed: Catalog,
    /// As it is.
    live: Catalog,
}

type Outcome = std::result::Result<(), Refutation>;

fn refuted(direction: Option<Direction>, step: Option<usize>, message: impl Into<String>) -> Refutation {
    Refutation {
        direction,
        step,
        message: message.into(),
    }
}

impl Prover<'_> {
    fn run(&mut self, plan: &mut Plan, ground: Ground) -> Result<Outcome> {
        let part = part(plan, ground.from, ground.to);
        let stage = match self.stage(&part, ground.renames) {
            Ok(stage) => stage,
            Err(error) => {
                let message = format!("the live state could not be built on scratch: {}", error.message);
                return Ok(Err(refuted(None, None, message)));
            }
        };
        self.client.batch_execute(&settings())?;
        if let Some(zone) = &plan.database.time_zone {
            self.stand_in_time_zone(zone)?;
        }
        if let Err(refutation) = self.as_applied(plan, ground.to, &part, &stage)? {
            return Ok(Err(refutation));
        }
        self.with_rows(plan, ground)
    }

    /// Takes the time zone that the plan will be executed in, or else UTC.
    fn stand_in_time_zone(&mut self, zone: &str) -> Result<()> {
        if !take_time_zone(&mut self.client, zone)? {
            self.proof.notes.push(format!(
                "The scratch server knows no time zone `{zone}`: what depends on it was tried in UTC."
            ));
            take_time_zone(&mut self.client, "UTC")?;
        }
        Ok(())
    }

    /// Builds the live state.
    fn stage(&mut self, part: &Catalog, renames: &[Rename]) -> Result<Stage> {
        build(part, &self.url, &mut self.client, self.has_own_cluster)?;
        let renamed = self.read()?;
        if renames.is_empty() {
            return Ok(Stage {
                live: renamed.clone(),
                renamed,
            });
        }
        // The outermost object first, as on the plan's own way back.
        for statement in renames.iter().flat_map(|rename| &rename.rollback) {
            self.client.batch_execute(&statement.sql())?;
        }
        let live = self.read()?;
        Ok(Stage { renamed, live })
    }

    fn read(&mut self) -> Result<Catalog> {
        let options = introspect::Options::default();
        let mut found = introspect::read(&self.url, &mut self.client, &self.server, options)?;
        name_database_as_in(&mut found, self.live);
        leave_out_roles(&mut found, &self.made);
        Ok(found)
    }

    /// Runs both ways as they will be applied, without rows.
    fn as_applied(&mut self, plan: &Plan, to: &Catalog, part: &Catalog, stage: &Stage) -> Result<Outcome> {
        let scope: BTreeSet<&Identity> = plan
            .scope
            .iter()
            .map(|(object, _)| object)
            .chain(touched(plan))
            .collect();
        let there = Expectation {
            scope: &scope,
            part,
            promised: to,
            otherwise: &stage.renamed,
            same_version: to.version_num / 10_000 == self.server.major(),
        };
        let back = Expectation {
            scope: &BTreeSet::new(),
            part: &stage.live,
            promised: &stage.live,
            otherwise: &stage.live,
            same_version: true,
        };
        let ways = [
            (Direction::Forward, &plan.forward, there, "the desired state"),
            (Direction::Rollback, &plan.rollback, back, "the live state"),
        ];
        for (direction, steps, expectation, goal) in ways {
            if let Err(stop) = self.in_batches(steps)? {
                return Ok(Err(refuted(Some(direction), stop.step, stop.message)));
            }
            let mut found = self.read()?;
            if self.is_elsewhere(to) {
                // What nobody gave away belongs to another role here than there.
                complete_owners(&mut found, expectation.promised, &BTreeSet::new());
            }
            if let Some(difference) = expectation.difference(&found) {
                let message = format!("does not lead to {goal}: {difference}");
                return Ok(Err(refuted(Some(direction), None, message)));
            }
        }
        Ok(Ok(()))
    }

    /// Tells whether another role works here than on the live server, because no role may be made.
    fn is_elsewhere(&self, catalog: &Catalog) -> bool {
        self.server.user != catalog.role
    }

    /// Runs steps in the transactions that the plan gives them.
    fn in_batches(&mut self, steps: &[Step]) -> Result<std::result::Result<(), Stop>> {
        for batch in batches(steps, &items(steps)) {
            loop {
                let mut outcome = Ok(());
                if batch.in_transaction {
                    self.client.batch_execute("BEGIN")?;
                }
                for item in &batch.items {
                    outcome = self.statement(item.step, item.sentence);
                    if outcome.is_err() {
                        break;
                    }
                }
                if batch.in_transaction {
                    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
                    let last = batch.items.last().map(|item| item.step);
                    let ended = self.client.batch_execute(end).map_err(|error| Stop::of(last, &error));
                    outcome = outcome.and(ended);
                }
                match outcome {
                    Ok(()) => break,
                    Err(stop) if self.make_stub(&stop)? => {}
                    Err(stop) => return Ok(Err(stop)),
                }
            }
        }
        Ok(Ok(()))
    }

    /// Runs what has no transaction around it; a backfill as it will be executed, and then as others execute it, who find
    /// nothing left to do. Triggers do not fire: what they reach need not be here.
    fn outside(&mut self, step: usize, sentence: &Sentence) -> std::result::Result<(), Stop> {
        let Some(batches) = &sentence.facts.batches else {
            return self.statement(step, sentence);
        };
        let _ = self.client.batch_execute("SET session_replication_role = replica");
        let done = backfill::whole(&mut self.client, batches).map_err(|error| Stop::of(Some(step), &error));
        let done = done.and_then(|()| self.statement(step, sentence));
        let _ = self.client.batch_execute("RESET session_replication_role");
        done
    }

    fn statement(&mut self, step: usize, sentence: &Sentence) -> std::result::Result<(), Stop> {
        let here = in_database(&sentence.sql, &self.server.database);
        let done = self.client.batch_execute(here.as_deref().unwrap_or(&sentence.sql));
        done.map_err(|error| Stop::of(Some(step), &error))
    }

    /// Makes the role or tablespace whose absence stopped a statement, if it is ours to make; true when it is worth another
    /// try.
    fn make_stub(&mut self, stop: &Stop) -> Result<bool> {
        let Some(stub) = Stub::missing(&stop.message).filter(|_| self.has_own_cluster) else {
            return Ok(false);
        };
        stub.make(&mut self.client)?;
        if let Stub::Role(role) = stub {
            self.made.insert(role);
        }
        Ok(true)
    }

    /// Runs both ways again, with rows, each statement on its own, and watches.
    fn with_rows(&mut self, plan: &mut Plan, ground: Ground) -> Result<Outcome> {
        let filled = rows::fill(&mut self.client)?;
        let mut losses = losses(&plan.forward, ground.from);
        // Rows keep what they were filled with; the step says so.
        losses.extend(fills(&plan.forward));
        let renamed = renamed_values(&plan.forward, ground.to);
        let copied = copied(&plan.forward);
        let mut survival = Survival::before(&mut self.client)?;
        self.proof.rows = filled.rows;
        self.proof.notes = filled.notes;
        for direction in [Direction::Forward, Direction::Rollback] {
            self.relations = None;
            let steps = match direction {
                Direction::Forward => &mut plan.forward,
                Direction::Rollback => &mut plan.rollback,
            };
            for (at, step) in steps.iter_mut().enumerate() {
                for sentence in &mut step.statements {
                    if let Err(stop) = self.watched(direction, at, sentence, &mut survival)? {
                        return Ok(Err(refuted(Some(direction), stop.step, stop.message)));
                    }
                }
            }
            let lost = match direction {
                Direction::Forward => {
                    let told = losses.union(&renamed).chain(&copied).cloned().collect();
                    survival.lost_forward(&mut self.client, &told)?
                }
                Direction::Rollback => survival.lost_back(&mut self.client, &losses)?,
            };
            if let Some(message) = lost {
                return Ok(Err(refuted(Some(direction), None, message)));
            }
        }
        Ok(Ok(()))
    }

    fn watched(
        &mut self,
        direction: Direction,
        step: usize,
        sentence: &mut Sentence,
        survival: &mut Survival,
    ) -> Result<std::result::Result<(), Stop>> {
        let stop = match self.observed(direction, step, sentence)? {
            Ok(()) => return Ok(Ok(())),
            Err(stop) => stop,
        };
        if !stop.is_about_rows() || survival.is_void() {
            return Ok(Err(stop));
        }
        // A constraint that rows may break is a finding of the rules; the rest of the way is still to be seen.
        self.proof.notes.push(format!(
            "Step {} can fail on rows that are there (SQLSTATE {}); from there on the proof ran on empty tables.",
            step + 1,
            stop.sqlstate.as_deref().unwrap_or_default()
        ));
        self.proof.rows = 0;
        survival.give_up(&mut self.client)?;
        self.relations = None;
        clear(&mut self.client, &sentence.sql)?;
        self.observed(direction, step, sentence)
    }

    /// Runs one statement in a transaction of its own and records what it did.
    fn observed(
        &mut self,
        direction: Direction,
        step: usize,
        sentence: &mut Sentence,
    ) -> Result<std::result::Result<(), Stop>> {
        if sentence.facts.transaction == Transaction::Outside {
            // Its locks are gone before anybody could ask; what the kind states stands.
            self.relations = None;
            return Ok(self.outside(step, sentence));
        }
        let relations = match self.relations.take() {
            Some(relations) => relations,
            None => Relations::read(&mut self.client, self.server.major())?,
        };
        self.client.batch_execute("BEGIN")?;
        let mut watch = relations.watch(&mut self.client, self.server.major())?;
        if let Err(stop) = self.statement(step, sentence) {
            self.client.batch_execute("ROLLBACK")?;
            return Ok(Err(stop));
        }
        let observation = watch.observe(&mut self.client)?;
        if let Err(error) = self.client.batch_execute("COMMIT") {
            return Ok(Err(Stop::of(Some(step), &error)));
        }
        let message = observation.surprise(&sentence.facts, watch.before());
        self.relations = Some(watch.end());
        if let Some(message) = message {
            self.proof.surprises.push(Surprise {
                direction,
                step,
                message,
            });
        }
        observation.correct(&mut sentence.facts);
        Ok(Ok(()))
    }
}

impl Stop {
    fn of(step: Option<usize>, error: &postgres::Error) -> Self {
        let message = error
            .as_db_error()
            .map_or_else(|| error.to_string(), |error| error.message().to_owned());
        Self {
            step,
            message,
            sqlstate: error.code().map(|state| state.code().to_owned()),
        }
    }

    /// Tells whether the generated rows are the cause: a broken constraint, a value that does not convert, or what a
    /// function raises about one.
    fn is_about_rows(&self) -> bool {
        let state = self.sqlstate.as_deref().unwrap_or_default();
        state.starts_with("22") || state.starts_with("23") || state == "P0001"
    }
}

/// Returns the objects whose values the way states to lose, and those of their sort that follow them without a word: the
/// columns of partitions and inheriting tables.
fn losses(steps: &[Step], from: &Catalog) -> BTreeSet<Identity> {
    let lossy = steps
        .iter()
        .filter(|step| step.statements.iter().any(|sentence| sentence.facts.loss.is_some()))
        .filter(|step| !quarantine::copies(step));
    let mut out: BTreeSet<Identity> = lossy
        .flat_map(|step| &step.changes)
        .map(|change| change.object.clone())
        .collect();
    let dependents = from.dependents();
    let mut open: Vec<Identity> = out.iter().cloned().collect();
    while let Some(object) = open.pop() {
        let followers = dependents.get(&object).into_iter().flatten();
        // What a type loses is lost wherever its values are.
        for follower in followers.filter(|follower| object.kind.is_type() || follower.kind == object.kind) {
            if out.insert((*follower).clone()) {
                open.push((*follower).clone());
            }
        }
    }
    out
}

/// Returns the columns that steps fill.
fn fills(steps: &[Step]) -> BTreeSet<Identity> {
    let sentences = steps.iter().flat_map(|step| &step.statements);
    let batches = sentences.filter_map(|sentence| sentence.facts.batches.as_ref());
    batches.flat_map(|batches| &batches.fills).cloned().collect()
}

/// Returns what is dropped after it was copied: it is gone after the way forward, and must be there after the way back.
fn copied(steps: &[Step]) -> BTreeSet<Identity> {
    let steps = steps.iter().filter(|step| quarantine::copies(step));
    steps
        .flat_map(|step| &step.changes)
        .map(|change| change.object.clone())
        .collect()
}

/// Returns what holds values of a type that is renamed, or whose labels are: they read differently, and are the same.
fn renamed_values(steps: &[Step], to: &Catalog) -> BTreeSet<Identity> {
    let changes = steps.iter().flat_map(|step| &step.changes);
    let renamed: BTreeSet<&Identity> = changes
        .filter(|change| change.verb == Verb::Rename && change.object.kind.is_type())
        .map(|change| &change.object)
        .collect();
    // A renamed label is named below its type.
    let is_renamed = |on: &Identity| {
        let mut renamed = renamed.iter();
        renamed.any(|renamed| renamed.kind == on.kind && renamed.path.starts_with(&on.path))
    };
    let holders = to.dependencies.iter().filter(|(_, on)| on.iter().any(is_renamed));
    holders.map(|(holder, _)| holder.clone()).collect()
}
