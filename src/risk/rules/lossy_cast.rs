//! ## What it finds
//!
//! A change of type that a value may not survive: a shorter `varchar`, fewer digits of a `numeric`, `bigint` to
//! `integer`, `timestamptz` to `date`, text to anything that is read from text.
//!
//! ## Why it is dangerous
//!
//! Some of these conversions fail on the first value that does not fit, after a scan of the table under ACCESS
//! EXCLUSIVE. Others round or cut without a word, and no rollback knows what was there. Its label is `lossy`.
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

use crate::kinds::{Kind, Loss};
use crate::quarantine::copies;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
        let (Some(Loss::Precision(how)), Some(change)) = (&sentence.facts.loss, step.changes.first()) else {
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
        out.push(
            Hit::new(risk, at, &change.object, message).hint(
                "Count the values that do not fit before, or keep the old column until nobody misses its values.",
            ),
        );
    }
    out
}
