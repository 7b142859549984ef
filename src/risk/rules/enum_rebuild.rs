//! ## What it finds
//!
//! An enum that loses a value or gets another order, so that the type is built anew and the columns that use it are
//! converted. Added and renamed values need no rebuild and are not reported.
//!
//! ## Why it is dangerous
//!
//! PostgreSQL can add values but neither remove nor move one. Every table with a column of the type is rewritten under
//! ACCESS EXCLUSIVE, all in one transaction, and the conversion fails on the first row that holds a removed value. Another
//! order changes what `<` and `ORDER BY` mean. It is `dangerous`, `caution` where all tables with such a column are empty.
//!
//! ## Safer way
//!
//! Correct the rows that hold the value first, and leave it in the type, unused, with a check constraint against it.
//!
//! ## PostgreSQL versions
//!
//! All. Since 12 a value can be added inside a transaction, but not used in the same one.

use std::collections::BTreeSet;

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, names, table_of};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Replace)
        .filter_map(|(at, object)| {
            let (AnyObject::EnumType(before), AnyObject::EnumType(after)) = (look.from.get(object)?, look.to.get(object)?)
            else {
                return None;
            };
            let removed: Vec<String> = before
                .labels
                .iter()
                .filter(|label| !after.labels.contains(label))
                .map(|label| format!("`{label}`"))
                .collect();
            let why = if removed.is_empty() {
                "its values change their order".to_owned()
            } else {
                format!("it loses {}", removed.join(", "))
            };
            let tables = users(look, object);
            let where_used = if tables.is_empty() {
                "no table uses it".to_owned()
            } else {
                format!("all rows of {} are converted in one transaction", names(&tables))
            };
            let empty = tables.iter().all(|table| look.size(table) == Size::Empty);
            let risk = if empty { Risk::Caution } else { Risk::Dangerous };
            let message = format!("Enum `{}` is built anew because {why}; {where_used}.", object.path_text());
            Some(Hit::new(risk, at, object, message).hint(
                "Correct the rows that hold a removed value first, or leave the value in the type with a check against it.",
            ))
        })
        .collect()
}

/// Returns the standing tables with a column of the type.
fn users(look: &Look, object: &Identity) -> BTreeSet<Identity> {
    let columns = look.from.dependencies.iter();
    columns
        .filter(|(user, edges)| user.kind == Kind::Column && edges.contains(object))
        .map(|(column, _)| table_of(column))
        .filter(|table| look.stands(table))
        .collect()
}
