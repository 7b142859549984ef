//! Tables and sequences whose rows are copied to quarantine before they are dropped: it needs nothing of the table but that
//! it can be read, so partitions, families and tables whose types go are kept too. The rollback fills the table as soon as it
//! is made, before anything watches it.

use std::collections::BTreeSet;

use super::stored::{self, Copy, columns_of, visible};
use super::{
    COPIED, Ground, IN_PARTITIONS, Outcome, REFILLED, SAVED, Taken, back, column, narrowed, schema_statement, sentences,
};
use crate::catalog::Identity;
use crate::catalog::quote::{list, literal, qualified};
use crate::kinds::{AnyObject, Context, Kind, Lock, Loss, Statement};
use crate::plan::{Change, Phase, Plan, Reversal, Sentence, Step, Verb};
use crate::risk::Size;

/// What becomes of one step.
pub(super) struct Saved {
    /// The step, with copies before its own statements.
    pub(super) there: Step,
    /// Steps of the way back that fill what was made again, each behind what makes its first object.
    pub(super) back: Vec<Step>,
}

/// Rewrites a plan so that rows and values which it would lose are copied first.
pub(super) fn keep(plan: &mut Plan, ground: &Ground, taken: &mut Taken) -> Outcome {
    let mut out = Outcome::default();
    for at in 0..plan.forward.len() {
        let step = &plan.forward[at];
        let Some(first) = step
            .changes
            .first()
            .filter(|change| !super::copies(step) && loses(step, change, ground))
            .cloned()
        else {
            continue;
        };
        let before = plan.rollback.clone();
        let kept = if first.object.kind == Kind::Column && departs(first.verb) {
            dropped(plan, at, &first.object, ground, taken)
        } else if first.object.kind == Kind::Column {
            narrowed::saved(step, &first.object, &plan.rollback, ground, taken)
        } else {
            whole(step, ground, taken)
        };
        let kept = kept.and_then(|saved| {
            let mut fillings = saved.back.into_iter();
            let is_filled = fillings.all(|step| back::refill(&mut plan.rollback, step));
            is_filled
                .then_some(saved.there)
                .ok_or_else(|| "the way back makes nothing that could be filled".to_owned())
        });
        match kept {
            Ok(there) => {
                out.kept += 1;
                plan.forward[at] = there;
            }
            Err(why) => {
                plan.rollback = before;
                out.notes
                    .push(format!("What {} loses is not kept: {why}.", first.object));
            }
        }
    }
    out
}

/// Tells whether a step loses rows or values that are there.
fn loses(step: &Step, first: &Change, ground: &Ground) -> bool {
    let loses = |sentence: &Sentence| matches!(sentence.facts.loss, Some(Loss::Values(_) | Loss::Precision(_)));
    let table = Identity::new(Kind::Table, first.object.path.iter().take(2));
    let is_empty =
        matches!(first.object.kind, Kind::Table | Kind::Column) && ground.figures.size(&table) == Size::Empty;
    !is_empty && step.statements.iter().any(loses)
}

/// Copies a column that goes; the way back makes it again, or changes it back where it stands.
fn dropped(plan: &mut Plan, at: usize, column: &Identity, ground: &Ground, taken: &mut Taken) -> Result<Saved, String> {
    let step = &plan.forward[at];
    let copied = column::copied(step, column, ground, taken)?;
    let sequences = sequences(step, ground, taken);
    let mut changes = plan.rollback.iter().flat_map(|step| &step.changes);
    if changes.any(|change| change.object == *column && departs_or_comes(change.verb)) {
        let way = copied.made_again(column, ground);
        let inverse = Context::new(ground.to, ground.from, ground.version_num);
        plan.rollback = back::take_over(std::mem::take(&mut plan.rollback), &way.back, &inverse);
        return Ok(saved(&way.there, sequences));
    }
    let filling = copied.filled_again(column);
    let mut saved = saved(&copied.there, sequences);
    saved.back.push(filling);
    Ok(saved)
}

fn departs_or_comes(verb: Verb) -> bool {
    verb == Verb::Create || departs(verb)
}

fn departs(verb: Verb) -> bool {
    matches!(verb, Verb::Drop | Verb::Replace | Verb::Rebuild)
}

/// One thing that is copied.
struct Part {
    copy: Copy,
    /// Whether it is rows, not the value of a sequence.
    is_rows: bool,
    there: Vec<Statement>,
    back: Step,
}

/// Returns a step that drops tables, or changes a sequence, with what it drops copied.
fn whole(step: &Step, ground: &Ground, taken: &mut Taken) -> Result<Saved, String> {
    let tables: Vec<Identity> = step
        .changes
        .iter()
        .filter(|change| change.object.kind.is_table() && departs(change.verb))
        .map(|change| change.object.clone())
        .collect();
    let mut parts: Vec<Part> = tables.iter().filter_map(|table| rows(table, ground, taken)).collect();
    let is_partitioned = !tables.is_empty() && parts.is_empty();
    parts.extend(sequences(step, ground, taken));
    if parts.is_empty() && !is_partitioned {
        return Err("there is no copy of such values that a rollback could put back".to_owned());
    }
    Ok(saved(step, parts))
}

fn saved(step: &Step, parts: Vec<Part>) -> Saved {
    let schemas: BTreeSet<&str> = parts.iter().map(|part| part.copy.schema.as_str()).collect();
    let mut there: Vec<Sentence> = sentences(&schemas.into_iter().map(schema_statement).collect::<Vec<_>>());
    let form = form(step, &parts);
    there.extend(parts.iter().flat_map(|part| sentences(&part.there)));
    there.extend(stored::behind_copy(step));
    Saved {
        there: stored::kept(step, there, form),
        back: parts.into_iter().map(|part| part.back).collect(),
    }
}

/// Says what is copied where; the form that the step has already comes first where it says that too.
fn form(step: &Step, parts: &[Part]) -> String {
    let said = |words: &str, is_rows: bool| {
        let own = parts.iter().filter(|part| part.is_rows == is_rows);
        let names: Vec<&str> = own.map(|part| part.copy.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{words}{}", names.join(", ")))
    };
    let before = step.form.iter().filter(|_| super::copies(step)).cloned();
    let is_partitioned = step.changes.first().is_some_and(|change| change.object.kind.is_table());
    // The rows of a partitioned table are those of its partitions, which have steps of their own.
    let rows = said(SAVED, true).or_else(|| is_partitioned.then(|| IN_PARTITIONS.to_owned()));
    let forms: Vec<String> = before.chain(rows).chain(said(COPIED, false)).collect();
    forms.join("; ")
}

/// Returns the copy of a table's own rows; a partitioned table has none, and those of a foreign one stay where they are.
fn rows(table: &Identity, ground: &Ground, taken: &mut Taken) -> Option<Part> {
    let Some(AnyObject::Table(known)) = ground.from.get(table) else {
        return None;
    };
    (known.partition_key.is_none() && known.foreign.is_none()).then_some(())?;
    let copy = stored::copy_of(&table.path_text(), taken);
    let of = qualified(&table.path);
    let columns = columns_of(table, ground);
    let stores: Vec<String> = columns.iter().map(|column| stored::store(column)).collect();
    let mut there: Vec<Statement> = parent(table, ground)
        .into_iter()
        .map(|parent| {
            // The drop takes it too: in this order nobody who writes through it waits for us while we wait for them.
            Statement::new(format!(
                "LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE",
                qualified(&parent.path)
            ))
            .locks(parent, Lock::AccessExclusive)
        })
        .collect();
    there.push(
        Statement::new(format!("LOCK TABLE ONLY {of} IN ACCESS EXCLUSIVE MODE"))
            .locks(table.clone(), Lock::AccessExclusive),
    );
    let select = Statement::new(format!(
        "CREATE TABLE {} AS SELECT {} FROM ONLY {of}",
        copy.name,
        stores.join(", ")
    ));
    let seen = visible(table, known.force_row_security, vec![select.scans(table.clone())]);
    // The table goes next.
    let last = seen.len() - usize::from(known.force_row_security);
    there.extend(seen.into_iter().take(last));
    let list = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", list(columns.iter().map(|column| &column.name)))
    };
    let values: Vec<String> = columns.iter().map(|column| stored::restore(column)).collect();
    let back = [
        copy.read_by(format!(
            "INSERT INTO {of}{list} OVERRIDING SYSTEM VALUE SELECT {} FROM {} q",
            values.join(", "),
            copy.name
        ))
        .locks(table.clone(), Lock::RowExclusive),
        copy.drop(),
    ];
    Some(Part {
        back: refill(table, &back, &copy),
        copy,
        is_rows: true,
        there,
    })
}

/// Returns the partitioned table that a table is a part of.
fn parent(table: &Identity, ground: &Ground) -> Option<Identity> {
    match ground.from.get(&Identity::new(Kind::Partition, table.path.iter()))? {
        AnyObject::Partition(part) => Some(Identity::new(Kind::Table, [&part.parent_schema, &part.parent_table])),
        _ => None,
    }
}

/// A sequence whose value a step loses.
struct Counter<'a> {
    object: &'a Identity,
    path: [&'a str; 2],
    /// Operator that says of two values which is further on; none where the rollback makes the sequence anew.
    further: Option<&'static str>,
}

/// Returns the copies of the sequences whose values a step loses.
fn sequences(step: &Step, ground: &Ground, taken: &mut Taken) -> Vec<Part> {
    let gone: BTreeSet<&Identity> = step.changes.iter().map(|change| &change.object).collect();
    let lost = step
        .changes
        .iter()
        .filter(|change| departs(change.verb) || change.verb == Verb::Alter);
    let counters = lost.filter_map(|change| {
        let (path, column, increment) = match ground.from.get(&change.object)? {
            AnyObject::Sequence(own) => ([own.schema.as_str(), &own.name], None, own.options.increment),
            // A partition takes part in its parent's sequence.
            AnyObject::ColumnIdentity(own) if own.sequence.is_empty() => return None,
            AnyObject::ColumnIdentity(own) => {
                let column = Identity::new(Kind::Column, [&own.schema, &own.table, &own.column]);
                (
                    [own.schema.as_str(), &own.sequence],
                    Some(column),
                    own.options.increment,
                )
            }
            _ => return None,
        };
        // Rows that came in meanwhile may have taken values behind the copied one.
        let stands = change.verb == Verb::Alter || column.is_some_and(|column| !gone.contains(&column));
        Some(Counter {
            object: &change.object,
            path,
            further: stands.then_some(if increment > 0 { ">=" } else { "<=" }),
        })
    });
    counters.map(|counter| value(&counter, taken)).collect()
}

fn value(counter: &Counter, taken: &mut Taken) -> Part {
    let copy = stored::copy_of(&counter.path.join("."), taken);
    let of = qualified(counter.path);
    let there = vec![Statement::new(format!(
        "CREATE TABLE {} AS SELECT last_value, is_called FROM {of}",
        copy.name
    ))];
    let mut set = format!(
        "SELECT pg_catalog.setval({}, q.last_value, q.is_called) FROM {} q",
        literal(&of),
        copy.name
    );
    if let Some(operator) = counter.further {
        set.push_str(&format!(", {of} s WHERE q.last_value {operator} s.last_value"));
    }
    let back = [copy.read_by(set), copy.drop()];
    Part {
        back: refill(counter.object, &back, &copy),
        copy,
        is_rows: false,
        there,
    }
}

/// Makes a step of the way back that fills an object which the steps before it have made.
pub(super) fn refill(object: &Identity, statements: &[Statement], copy: &Copy) -> Step {
    Step {
        changes: vec![Change {
            object: object.clone(),
            verb: Verb::Alter,
        }],
        phase: Phase::Data,
        statements: sentences(statements),
        transaction: 0,
        reversal: Reversal::Exact,
        form: Some(format!("{REFILLED}{}", copy.name)),
        temporary: Vec::new(),
    }
}
