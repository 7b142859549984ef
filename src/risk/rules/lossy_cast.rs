//! ## What it finds
//!
//! A change of type that a value may not survive: a shorter `varchar`, fewer digits of a `numeric`, `bigint` to
//! `integer`, `timestamptz` to `date`, text to anything that is read from text.
//!
//! ## Why it is dangerous
//!
//! Some of these conversions fail on the first value that does not fit, after a scan of the table under ACCESS
//! EXCLUSIVE. Others round or cut without a word, and no rollback knows what was there. Its label is `lossy`. Between
//! `timestamp` and `timestamptz` the time zone of the session decides which moment a value becomes, and whether the table is
//! written anew at all (in UTC it is not): a plan says the zone that its server gave it, and is proven and executed in it.
//!
//! ## Safer way
//!
//! Count the values that do not fit before (`count(*) FILTER (WHERE length(c) > 20)`), correct them, and keep the limit
//! as a `CHECK` constraint, which can be added `NOT VALID` and needs no rewrite. Where values change, convert into a new
//! column and keep the old one until nobody misses it.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind, Loss, type_change};
use crate::plan::Change;
use crate::quarantine::copies;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;

/// Tells whether the change of a column's type depends on the time zone.
fn reads_time_zone(look: &Look, column: &Identity) -> bool {
    let types = [look.from, look.to].map(|catalog| match catalog.get(column) {
        Some(AnyObject::Column(column)) => Some(column.data_type.as_str()),
        _ => None,
    });
    matches!(types, [Some(from), Some(to)] if type_change::reads_time_zone(from, to))
}

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
        let Some(Loss::Precision(how)) = &sentence.facts.loss else {
            continue;
        };
        // A step of several columns says which of them it is.
        let is_named = |change: &&Change| how.starts_with(&format!("{}: ", change.object.path_text()));
        let Some(change) = step.changes.iter().find(is_named).or(step.changes.first()) else {
            continue;
        };
        // The value that a sequence moves is another rule's affair.
        if change.object.kind != Kind::Column {
            continue;
        }
        let table = table_of(&change.object);
        let empty = look.size(&table) == Size::Empty;
        let risk = if empty { Risk::Caution } else { Risk::Dangerous };
        let mut message = format!("A value may not survive in {}: {how}.", look.sized(&table));
        if copies(step) {
            message.push_str(" The values are copied to quarantine first, and a rollback brings them back.");
        }
        if let (Some(zone), true) = (look.time_zone, reads_time_zone(look, &change.object)) {
            message.push_str(&format!(
                " Times without a zone are taken for those of {zone}, in which the plan is executed."
            ));
        }
        out.push(
            Hit::new(risk, at, &change.object, message).hint(
                "Count the values that do not fit before, or keep the old column until nobody misses its values.",
            ),
        );
    }
    out
}
