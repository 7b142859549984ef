//! ## What it finds
//!
//! A new column that is declared `serial`, `bigserial` or `smallserial`, or that has the same by hand: a default from a
//! sequence that it owns. Advice: the finding is `safe`.
//!
//! ## Why it is dangerous
//!
//! `serial` is a default and a sequence that are tied only loosely: whoever may insert also needs a privilege on the sequence,
//! statements may bring values of their own without anybody noticing, copies of the table share the counter, and
//! `serial` itself ends at 2,147,483,647.
//!
//! ## Safer way
//!
//! `bigint GENERATED ALWAYS AS IDENTITY`, or `BY DEFAULT` where statements bring values.
//!
//! ## PostgreSQL versions
//!
//! All; identity columns exist since 10.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Create)
        .filter(|(_, object)| object.kind == Kind::SequenceOwner)
        .filter_map(|(at, object)| {
            let Some(AnyObject::SequenceOwner(owner)) = look.to.get(object) else {
                return None;
            };
            let column = owner.column_identity();
            let default = Identity::new(Kind::ColumnDefault, column.path.iter());
            let sequence = Identity::new(Kind::Sequence, object.path.iter());
            let uses_it = look.to.dependencies_of(&default).any(|on| *on == sequence);
            let message = format!(
                "Column `{}` is a `serial`: its default and its sequence are tied only loosely.",
                column.path_text()
            );
            (look.is_new(&column) && uses_it)
                .then(|| Hit::new(Risk::Safe, at, &column, message).hint("Use `bigint GENERATED ALWAYS AS IDENTITY`."))
        })
        .collect()
}
