//! Rows that a plan would drop, kept: tables are moved to a schema of their own or copied there, columns are copied there
//! with the key of their rows. A rollback brings them back.

mod back;
mod column;
mod copy;
mod narrowed;
mod purge;
mod stored;
mod table;

pub use back::{refuse_purged, take_back};
pub use purge::{Kept, list, purge};
pub(crate) use stored::{declared, place_of, stored};

use std::collections::BTreeSet;

use postgres::Client;

use crate::catalog::{Catalog, Identity};
use crate::config::OnDrop;
use crate::error::Result;
use crate::kinds::{Context, Loss, Statement};
use crate::plan::{Plan, Sentence, Step, Verb};
use crate::risk::{Size, Statistics};

/// Schema that keeps what was dropped; where a name is taken there, a number follows. No one but its owner has a right to
/// it. It is no part of any state, as the ledger's schema is none.
pub const SCHEMA: &str = "trueup_quarantine";

/// How the form of a step begins whose table is moved.
const MOVED: &str = "rows are kept: the table moves to schema ";
/// How the form of a step begins whose column is copied.
pub(crate) const COPIED: &str = "values are kept: they are copied to ";
/// How the form of a step begins whose tables are copied.
const SAVED: &str = "rows are kept: they are copied to ";
/// Form of a step that drops a partitioned table, whose partitions have steps of their own.
const IN_PARTITIONS: &str = "rows are kept: those of its partitions are copied";
/// How the form of a rollback's step begins that brings rows back.
const BACK: &str = "rows come back from ";
/// How the form of a rollback's step begins that fills what the step before it has made.
const REFILLED: &str = "put back from ";

/// What a plan stands on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// State before the plan.
    pub from: &'a Catalog,
    /// State after it.
    pub to: &'a Catalog,
    /// `server_version_num` of the server that runs it.
    pub version_num: i32,
    /// Live figures.
    pub figures: &'a Statistics,
}

/// Names in the schemas of quarantine: schema and name.
pub type Taken = BTreeSet<(String, String)>;

/// Reads the names that are taken.
pub fn taken(client: &mut Client) -> Result<Taken> {
    let rows = client.query_typed(
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ~ '^trueup_quarantine'",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// What became of a plan's drops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Tables and columns whose rows are kept.
    pub kept: usize,
    /// Why others are not, in full sentences.
    pub notes: Vec<String>,
}

/// Rewrites a plan so that rows which it would drop are kept.
pub fn keep(plan: &mut Plan, ground: &Ground, mut taken: Taken, policy: OnDrop) -> Outcome {
    match policy {
        OnDrop::Drop => Outcome::default(),
        OnDrop::Quarantine => quarantine(plan, ground, &mut taken),
        OnDrop::Backup => copy::keep(plan, ground, &mut taken),
    }
}

fn quarantine(plan: &mut Plan, ground: &Ground, taken: &mut Taken) -> Outcome {
    let mut out = Outcome::default();
    let dropped = dropped(plan);
    for at in 0..plan.forward.len() {
        let step = &plan.forward[at];
        let Some(subject) = subject(step, ground) else {
            out.notes.extend(attributes(step));
            continue;
        };
        let way = if subject.kind.is_table() {
            table::way(step, &subject, ground, &dropped, taken)
        } else {
            column::way(step, &subject, ground, &dropped, taken)
        };
        match way {
            Ok(way) => {
                out.kept += 1;
                let inverse = Context::new(ground.to, ground.from, ground.version_num);
                plan.rollback = back::take_over(std::mem::take(&mut plan.rollback), &way.back, &inverse);
                plan.forward[at] = way.there;
            }
            Err(why) => out.notes.push(format!("The rows of {subject} are not kept: {why}.")),
        }
    }
    out
}

/// Returns what a plan drops.
fn dropped(plan: &Plan) -> BTreeSet<Identity> {
    let changes = plan.forward.iter().flat_map(|step| &step.changes);
    changes
        .filter(|change| change.verb == Verb::Drop)
        .map(|change| change.object.clone())
        .collect()
}

/// The step that moves something to quarantine, and the one that brings it back.
struct Way {
    there: Step,
    back: Step,
}

/// Returns the table or column with rows that a step drops.
fn subject(step: &Step, ground: &Ground) -> Option<Identity> {
    let first = step.changes.first().filter(|change| change.verb == Verb::Drop)?;
    let loses = |sentence: &Sentence| matches!(sentence.facts.loss, Some(Loss::Values(_)));
    let table = Identity::new(crate::kinds::Kind::Table, first.object.path.iter().take(2));
    let is_known = first.object.kind.is_table() || first.object.kind == crate::kinds::Kind::Column;
    let has_rows = ground.figures.size(&table) != Size::Empty;
    (is_known && has_rows && step.statements.iter().any(loses)).then(|| first.object.clone())
}

/// Says what a step takes out of values that stay, of which nothing goes to quarantine.
fn attributes(step: &Step) -> Option<String> {
    let first = step.changes.first().filter(|change| change.verb == Verb::Alter)?;
    let loses = |sentence: &Sentence| matches!(sentence.facts.loss, Some(Loss::Values(_)));
    let mut statements = step.statements.iter();
    statements.any(loses).then(|| {
        let object = &first.object;
        format!("What {object} loses is not kept: only tables and columns as a whole go to quarantine.")
    })
}

/// Returns the schema of quarantine in which all the names are free, and takes them.
fn place<'a>(names: impl Iterator<Item = &'a str> + Clone, taken: &mut Taken) -> String {
    let candidates = (1..).map(|number| match number {
        1 => SCHEMA.to_owned(),
        _ => format!("{SCHEMA}_{number}"),
    });
    let is_free = |schema: &String| {
        names
            .clone()
            .all(|name| !taken.contains(&(schema.clone(), name.to_owned())))
    };
    let schema = candidates.into_iter().find(is_free).unwrap_or_default();
    taken.extend(names.map(|name| (schema.clone(), name.to_owned())));
    schema
}

/// Returns the statement that makes a schema of quarantine. Only its owner has a right to it.
pub(crate) fn schema_statement(schema: &str) -> Statement {
    Statement::new(format!(
        "CREATE SCHEMA IF NOT EXISTS {}",
        crate::catalog::quote::ident(schema)
    ))
}

fn sentences<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> Vec<Sentence> {
    statements.into_iter().map(Sentence::from).collect()
}

/// Tells whether a step keeps the rows that it would drop.
pub fn keeps(step: &Step) -> bool {
    step.form.as_ref().is_some_and(|form| form.starts_with(MOVED)) || copies(step)
}

/// Tells whether a step copies rows or values before it drops or changes them.
pub fn copies(step: &Step) -> bool {
    let begins = |form: &String| {
        [COPIED, SAVED, IN_PARTITIONS]
            .iter()
            .any(|words| form.starts_with(words))
    };
    step.form.as_ref().is_some_and(begins)
}
