//! Changes of the type of columns that identify rows, on tables with rows, in stages: new columns beside the old ones along the
//! foreign keys, kept in step by triggers, filled in batches, indexed and validated while everybody works, swapped by names
//! in one short transaction. `ALTER COLUMN TYPE` would write every table of the chain anew while nobody reads it.

mod beside;
mod built;
mod chain;
mod dependents;
mod family;
mod kept;
mod published;
mod renamed;
mod swap;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::{AnyObject, Context, Large, OldColumn, OldValues, Statement};
use crate::plan::{Change, Phase, Step, Verb, go_on, route};
use chain::Chain;

/// How the form of every stage begins.
const FORM: &str = "changed in stages";

/// The stages of a way, and where they lead.
#[derive(Debug)]
pub(crate) struct Staged {
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// What they change.
    pub(crate) changes: Vec<Change>,
    /// The state before the plan with what they change.
    pub(crate) reached: Catalog,
}

/// Returns the stages that a way begins with; nothing where no identifying column of a large table changes its type, or
/// only such that cannot be staged.
pub(crate) fn stages(context: &Context) -> Option<Staged> {
    let chains = chain::chains(context);
    if chains.is_empty() {
        return None;
    }
    let mut out = Staged {
        steps: Vec::new(),
        changes: Vec::new(),
        reached: context.from.clone(),
    };
    for chain in chains {
        let prepared = with_types(&chain, &out.reached, context);
        let reached = prepared.clone().unwrap_or_else(|| out.reached.clone());
        let here = Context {
            from: &reached,
            ..*context
        };
        if let Ok(written) = write(&chain, &here) {
            if let Some(prepared) = prepared {
                let types = route(&Context::new(&out.reached, &prepared, context.version_num));
                go_on(&mut out.steps, types.steps);
                out.changes.extend(types.changes);
            }
            go_on(&mut out.steps, written.steps);
            out.changes.extend(written.changes);
            out.reached = written.reached;
        }
    }
    (!out.steps.is_empty()).then_some(out)
}

/// Returns a state with the types that the columns of a chain will have, and what these need; nothing where all are there.
fn with_types(chain: &Chain, state: &Catalog, context: &Context) -> Option<Catalog> {
    let mut out: Option<Catalog> = None;
    let columns = chain.columns();
    let mut open: Vec<Identity> = columns
        .iter()
        .flat_map(|column| context.to.dependencies_of(column).cloned())
        .collect();
    while let Some(identity) = open.pop() {
        let there = out.as_ref().unwrap_or(state);
        let Some(object) = context.after(&identity).filter(|_| !there.contains(&identity)) else {
            continue;
        };
        let out = out.get_or_insert_with(|| state.clone());
        out.insert(object.clone());
        if let Some(edges) = context.to.dependencies.get(&identity) {
            out.dependencies.insert(identity.clone(), edges.clone());
        }
        let objects = context.to.objects.values();
        let parts = objects.filter(|object| object.parent().as_ref() == Some(&identity));
        open.extend(parts.map(AnyObject::identity));
        open.extend(context.to.dependencies_of(&identity).cloned());
    }
    out
}

/// Returns the tables whose identifying columns change their type and that have rows: they are changed in stages however small
/// they are.
///
/// # Errors
///
/// A change that cannot be made in stages is refused: nobody could read or write its table while it is written anew, and there
/// is no way back half-way.
pub fn tables(context: &Context, has_rows: impl Fn(&Identity) -> bool) -> Result<Vec<Identity>> {
    let chains = chain::chains_with(context, has_rows);
    let refused: Vec<String> = chains
        .iter()
        .filter_map(|chain| {
            let why = write(chain, context).err()?;
            let columns: Vec<String> = chain
                .members
                .iter()
                .map(|member| member.identity().path_text())
                .collect();
            Some(format!("{}: {why}", columns.join(", ")))
        })
        .collect();
    let Some((first, more)) = refused.split_first() else {
        return Ok(once(chains.iter().flat_map(Chain::tables)));
    };
    let error = Error::new(
        ErrorKind::Blocked,
        format!("an identifier of a table with rows changes its type, and cannot do so in stages: {first}"),
    );
    let error = more.iter().fold(error, |error, line| error.detail(line.clone()));
    Err(error.hint(
        "Take what is in the way off first and add it again afterwards. With --online never the type changes by one statement, \
         which writes the table anew while nobody reads or writes it.",
    ))
}

/// Returns where the old values of the columns go that change in stages, and why those of others are lost. Without `all` only
/// such are kept of which some become others.
pub fn old_values(
    context: &Context,
    all: bool,
    mut place: impl FnMut(&Identity) -> (String, String),
) -> (OldValues, Vec<String>) {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    for chain in chain::chains(context) {
        let loses = chain.members.iter().any(|member| member.loses().is_some());
        if !(all || loses) || write(&chain, context).is_err() {
            continue;
        }
        match kept::tables(&chain, context, &mut place) {
            Ok(tables) => out.extend(tables),
            Err(why) if all && loses => notes.push(format!(
                "What {} loses is not kept: {why}.",
                chain.members[0].identity()
            )),
            Err(_) => {}
        }
    }
    (OldValues::new(out), notes)
}

/// Returns the statements that drop the tables of old values that one way has made and none of the steps of another drops.
pub fn left_behind(old_values: &OldValues, made: &[&str], steps: &[Step]) -> Vec<Statement> {
    let said = |sql: &str| {
        let mut sentences = steps.iter().flat_map(|step| &step.statements);
        sentences.any(|sentence| sentence.sql == sql)
    };
    let is_made = |old: &&OldColumn| {
        let making = kept::making(old);
        made.iter().any(|sql| sql.starts_with(&making))
    };
    let drops = old_values.own().filter(is_made).map(kept::drop);
    drops.filter(|drop| !said(&drop.sql())).collect()
}

/// Tells whether a step is a stage.
pub fn is_stage(step: &Step) -> bool {
    step.form.as_ref().is_some_and(|form| form.contains(FORM))
}

fn write(chain: &Chain, context: &Context) -> std::result::Result<Staged, String> {
    let tables = chain.tables().into_iter();
    let large = Large::new(tables.flat_map(|table| family::nodes(&table, context)).map(|table| {
        let size = context.large.get(&table).unwrap_or("tied to it").to_owned();
        (table, size)
    }));
    let context = context.plain().with_large(&large);
    let mut script = Script::new(chain);
    beside::write(chain, &context, &mut script)?;
    let reached = swap::write(chain, &context, &mut script)?;
    let mut changes = script.changes;
    changes.dedup();
    Ok(Staged {
        steps: script.steps,
        changes,
        reached,
    })
}

/// The steps of one chain as they are written.
struct Script {
    steps: Vec<Step>,
    changes: Vec<Change>,
    transaction: usize,
    of: Change,
    /// What the first step says beside.
    form: String,
}

impl Script {
    fn new(chain: &Chain) -> Self {
        let of = |member: &chain::Member| Change {
            object: member.identity(),
            verb: Verb::Alter,
        };
        let names: Vec<String> = chain
            .members
            .iter()
            .map(|member| member.identity().path_text())
            .collect();
        Self {
            steps: Vec::new(),
            changes: chain.members.iter().map(of).collect(),
            transaction: 0,
            of: of(&chain.members[0]),
            form: format!(
                ", since its table has rows; foreign keys tie together {}",
                names.join(", ")
            ),
        }
    }

    /// Adds a step in a transaction of its own. It is about the first column of the chain unless another is named; the
    /// further changes are said by it too.
    fn step(&mut self, phase: Phase, what: &str, statements: Vec<Statement>, more: Vec<Change>) {
        if statements.is_empty() {
            return;
        }
        let form = format!("{FORM}: {what}{}", std::mem::take(&mut self.form));
        let statements: Vec<Statement> = statements.into_iter().map(|statement| statement.form(&form)).collect();
        let mut changes = vec![self.of.clone()];
        changes.extend(more.iter().cloned());
        self.changes.extend(more);
        let mut step = Step::new(changes, phase, &statements);
        step.transaction = self.transaction;
        self.transaction += 1;
        self.steps.push(step);
    }

    fn about(&mut self, column: &Identity) {
        self.of = Change {
            object: column.clone(),
            verb: Verb::Alter,
        };
    }
}

/// Returns every one once, in order.
fn once<T: Ord + Clone>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let all: BTreeSet<T> = all.into_iter().collect();
    all.into_iter().collect()
}
