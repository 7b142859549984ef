//! ## What it finds
//!
//! A rename or a move to another schema, which a hint in the target files asked for; the values of an enum included.
//!
//! ## Why it is dangerous
//!
//! Rows and dependents stay, but code that uses the former name fails from the moment of the commit, and code that uses
//! the new one fails until then. Bodies of functions are text to PostgreSQL and keep the former name. It is `dangerous`
//! for what applications name (schemas, tables, columns, views, functions, types, sequences), `caution` for constraints,
//! indexes and the like, and for an empty table and its columns.
//!
//! ## Safer way
//!
//! Leave a view under the former name until all code knows the new one; for a column, add the new one beside it, keep
//! both filled by a trigger, and drop the former one later.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::Kind;
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::family::Family;
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Rename)
        .map(|(at, object)| {
            let risk = match Family::of(object.kind) {
                Family::Table | Family::Column if look.is_empty(&table_of(object)) => Risk::Caution,
                Family::Table | Family::Column | Family::Holder | Family::Definition => Risk::Dangerous,
                _ => Risk::Caution,
            };
            let message = format!(
                "The {} gets the name `{}` at once: code that uses its former name fails.",
                word(object),
                object.path_text()
            );
            Hit::new(risk, at, object, message).hint(
                "Leave a view under the former name, or keep both columns filled, until all code knows the new one.",
            )
        })
        .collect()
}

/// Returns what is renamed, in a word; a value of an enum stands below its type.
fn word(object: &Identity) -> &'static str {
    match (object.kind, object.path.len()) {
        (Kind::EnumType, 3..) => "enum value",
        (kind, _) => kind.words(),
    }
}
