//! ## What it finds
//!
//! Changes after which a sequence or an identity column can give out a value that is in use: it is made anew, starts over
//! at the end of its range (`CYCLE`), counts the other way, or its range moves its current value; a standing column gets
//! its default from a new sequence, or an identity; an identity lets statements bring their own values.
//!
//! ## Why it is dangerous
//!
//! Where the column is unique, `INSERT` fails at the first value that is there already, perhaps weeks later. Where it is
//! not, two rows silently share an identifier. It is `dangerous`, and `caution` for an empty table, for an identity that
//! trueup lets go on behind the largest value, and for one that becomes `BY DEFAULT`.
//!
//! ## Safer way
//!
//! After the plan let the sequence go on behind the largest value: `SELECT setval('s', (SELECT max(id) FROM t))`, while
//! nobody writes. Give identifiers to people and other systems only from one sequence, and never let it cycle.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, ColumnIdentity, Kind, SequenceOptions};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};

const HINT: &str = "Afterwards let it go on behind the largest value with `setval()`, while nobody writes.";

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let changes = look.changes();
    changes.filter_map(|(at, change)| hit(look, at, change)).collect()
}

fn hit(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let object = &change.object;
    let (column, mild, message) = match object.kind {
        Kind::Sequence => sequence(look, at, change).map(|(column, message)| (column, false, message))?,
        Kind::ColumnIdentity => identity(look, at, change)?,
        Kind::ColumnDefault => (Some(object), false, default(look, change)?),
        _ => return None,
    };
    let empty = column.is_some_and(|column| look.is_empty(&table_of(column)));
    let risk = if mild || empty { Risk::Caution } else { Risk::Dangerous };
    Some(Hit::new(risk, at, object, message).hint(HINT))
}

fn sequence<'a>(look: &Look<'a>, at: usize, change: &'a Change) -> Option<(Option<&'a Identity>, String)> {
    let object = &change.object;
    let (AnyObject::Sequence(before), AnyObject::Sequence(after)) = (look.from.get(object)?, look.to.get(object)?)
    else {
        return None;
    };
    let how = repeats(look, at, change, (&before.options, &after.options))?;
    let mut owners = look.to.dependencies.iter();
    let owner = owners.find(|(owner, edges)| owner.kind == Kind::SequenceOwner && edges.contains(object));
    let column = owner.and_then(|(_, edges)| edges.iter().find(|on| on.kind == Kind::Column));
    let message = format!(
        "Sequence `{}` {how}: it can give out values that are in use.",
        object.path_text()
    );
    Some((column, message))
}

fn identity<'a>(look: &Look, at: usize, change: &'a Change) -> Option<(Option<&'a Identity>, bool, String)> {
    let object = &change.object;
    let name = object.path_text();
    let column = Identity::new(Kind::Column, object.path.iter());
    let AnyObject::ColumnIdentity(after) = look.to.get(object)? else {
        return None;
    };
    let before = match look.from.get(object) {
        Some(AnyObject::ColumnIdentity(before)) => before,
        _ if look.stands(&column) => {
            let message = format!(
                "Column `{name}` becomes an identity, which goes on behind its largest value: values that are written \
                 otherwise meanwhile are given out again."
            );
            return Some((Some(object), true, message));
        }
        _ => return None,
    };
    if let Some(how) = repeats(look, at, change, (&before.options, &after.options)) {
        let message = format!("The identity of `{name}` {how}: it can give out values that are in use.");
        return Some((Some(object), false, message));
    }
    becomes_optional(before, after).then(|| {
        let message = format!(
            "The identity of `{name}` becomes `BY DEFAULT`: statements may bring values that it will give out again."
        );
        (Some(object), true, message)
    })
}

fn becomes_optional(before: &ColumnIdentity, after: &ColumnIdentity) -> bool {
    before.always && !after.always
}

/// Says how a counter comes back to values that it has given out.
fn repeats(
    look: &Look,
    at: usize,
    change: &Change,
    (before, after): (&SequenceOptions, &SequenceOptions),
) -> Option<&'static str> {
    let own = look.steps[at..]
        .iter()
        .filter(|step| step.changes.iter().any(|said| said.object == change.object));
    let mut statements = own.flat_map(|step| &step.statements);
    if matches!(change.verb, Verb::Replace | Verb::Rebuild) {
        return Some("is dropped and created again and starts over");
    }
    if after.cycle && !before.cycle {
        return Some("starts over at the end of its range from now on");
    }
    if (before.increment > 0) != (after.increment > 0) {
        return Some("counts the other way from now on");
    }
    let moves = statements.any(|sentence| sentence.facts.loss.is_some());
    moves.then_some("gets another range, to whose start its current value may move")
}

/// Says that a standing column is filled from a sequence that the plan makes.
fn default(look: &Look, change: &Change) -> Option<String> {
    let object = &change.object;
    let column = Identity::new(Kind::Column, object.path.iter());
    if !matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace) || !look.stands(&column) {
        return None;
    }
    let mut needs = look.to.dependencies_of(object);
    let sequence = needs.find(|on| on.kind == Kind::Sequence && look.is_new(on))?;
    Some(format!(
        "Column `{}` is filled from the new sequence `{}`, which does not know the values that its rows have.",
        column.path_text(),
        sequence.path_text()
    ))
}
