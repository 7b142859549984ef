//! ## What it finds
//!
//! A rename or a move to another schema, which a hint in the target files asked for; of an enum, also values that get
//! another name where they stand.
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

use crate::kinds::AnyObject;
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::family::Family;
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut out = values(look);
    out.extend(look.with_verb(Verb::Rename).map(|(at, object)| {
        let risk = match Family::of(object.kind) {
            Family::Table | Family::Column if look.is_empty(&table_of(object)) => Risk::Caution,
            Family::Table | Family::Column | Family::Holder | Family::Definition => Risk::Dangerous,
            _ => Risk::Caution,
        };
        let message = format!(
            "The {} gets the name `{}` at once: code that uses its former name fails.",
            object.kind,
            object.path_text()
        );
        Hit::new(risk, at, object, message)
            .hint("Leave a view under the former name, or keep both columns filled, until all code knows the new one.")
    }));
    out
}

/// Finds enums that keep their place but not all of their values: those that are built anew are another rule's.
fn values(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Alter)
        .filter_map(|(at, object)| {
            let (AnyObject::EnumType(before), AnyObject::EnumType(after)) =
                (look.from.get(object)?, look.to.get(object)?)
            else {
                return None;
            };
            let gone = before.labels.iter().filter(|label| !after.labels.contains(label));
            let gone: Vec<String> = gone.map(|label| format!("`{label}`")).collect();
            let message = format!(
                "Enum `{}` gives {} another name at once: code that uses the former name fails.",
                object.path_text(),
                gone.join(", ")
            );
            (!gone.is_empty()).then(|| {
                Hit::new(Risk::Dangerous, at, object, message).hint("Release code that knows both names first.")
            })
        })
        .collect()
}
