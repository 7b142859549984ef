//! ## What it finds
//!
//! A foreign key that is created, or changed, without an index on the referencing side that begins with its columns.
//!
//! ## Why it is dangerous
//!
//! PostgreSQL indexes the referenced columns, not the referencing ones. Every `DELETE` on the referenced table, and every
//! change of a referenced value, reads the whole referencing table to look for rows, while it holds its locks. The
//! `ON DELETE` actions do the same. It is `caution` on a large table and advice (`safe`) on a small or new one, which grows.
//!
//! ## Safer way
//!
//! Create an index on the referencing columns in the target files. Leave it out only where referenced rows are never
//! deleted and their keys never change.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::serving::Serving;
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut changed = look
        .changes()
        .filter(|(_, change)| change.object.kind == Kind::ForeignKey)
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace))
        .peekable();
    if changed.peek().is_none() {
        return Vec::new();
    }
    let serving = Serving::read(look.to);
    changed
        .filter_map(|(at, change)| hit(look, &serving, at, &change.object))
        .collect()
}

fn hit(look: &Look, serving: &Serving, at: usize, object: &Identity) -> Option<Hit> {
    let Some(AnyObject::ForeignKey(key)) = look.to.get(object) else {
        return None;
    };
    let table = table_of(object);
    // A partition has its parent's indexes and keys.
    if key.inherited.is_some() || serving.finds(&table, &key.columns) {
        return None;
    }
    let risk = match look.size(&table) {
        _ if look.is_new(&table) => Risk::Safe,
        Size::Empty | Size::Small => Risk::Safe,
        Size::Large | Size::Unknown => Risk::Caution,
    };
    let size = if look.is_new(&table) {
        format!("`{}`", table.path_text())
    } else {
        look.sized(&table)
    };
    let message = format!(
        "No index of {size} begins with the columns of the foreign key `{}` ({}): every `DELETE` on `{}` reads the table \
         from end to end.",
        object.path_text(),
        key.columns.join(", "),
        key.referenced_identity().path_text()
    );
    Some(Hit::new(risk, at, object, message).hint("Create an index on the referencing columns."))
}
