//! ## What it finds
//!
//! A foreign key that is created, or changed, so that a `DELETE` on the referenced table deletes or changes rows of the
//! referencing one: `ON DELETE CASCADE`, `SET NULL`, `SET DEFAULT`, and `ON UPDATE` likewise.
//!
//! ## Why it is dangerous
//!
//! One statement on one row removes rows of other tables, over any number of foreign keys, without a word and without a
//! limit, and takes locks on all of them. It is `dangerous` where it deletes from a large table, `caution` on other tables
//! with rows, and advice (`safe`) on new and empty ones.
//!
//! ## Safer way
//!
//! Leave it at `NO ACTION` and delete in the order of the references, in batches. Where rows mean nothing without what
//! they reference, cascade, with an index on the referencing columns.
//!
//! ## PostgreSQL versions
//!
//! All. Since 15 `SET NULL` and `SET DEFAULT` can name columns.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, ForeignKey, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| change.object.kind == Kind::ForeignKey)
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace))
        .filter_map(|(at, change)| hit(look, at, &change.object))
        .collect()
}

fn hit(look: &Look, at: usize, object: &Identity) -> Option<Hit> {
    let Some(AnyObject::ForeignKey(after)) = look.to.get(object) else {
        return None;
    };
    let before = match look.from.get(object) {
        Some(AnyObject::ForeignKey(before)) => Some(before),
        _ => None,
    };
    let effects = effects(after);
    if after.inherited.is_some() || effects.is_empty() || before.is_some_and(|before| self::effects(before) == effects)
    {
        return None;
    }
    let table = table_of(object);
    let deletes = after.on_delete == "c";
    let risk = match look.size(&table) {
        _ if look.is_new(&table) => Risk::Safe,
        Size::Empty => Risk::Safe,
        Size::Small => Risk::Caution,
        Size::Large | Size::Unknown if deletes => Risk::Dangerous,
        Size::Large | Size::Unknown => Risk::Caution,
    };
    let message = format!(
        "Through the foreign key `{}`, {} rows of `{}`.",
        object.path_text(),
        effects.join(", and "),
        table.path_text()
    );
    Some(
        Hit::new(risk, at, object, message)
            .hint("Leave it at `NO ACTION`, and delete in batches in the order of the references."),
    )
}

/// Says what the actions of a foreign key do.
fn effects(key: &ForeignKey) -> Vec<String> {
    let referenced = key.referenced_identity().path_text();
    let action = |code: &str, cascade: &'static str| match code {
        "c" => Some(cascade),
        "n" => Some("sets to null columns of"),
        "d" => Some("sets to their defaults columns of"),
        _ => None,
    };
    let delete = action(&key.on_delete, "deletes").map(|does| format!("a `DELETE` on `{referenced}` {does}"));
    let update = action(&key.on_update, "changes").map(|does| format!("an `UPDATE` of a key of `{referenced}` {does}"));
    delete.into_iter().chain(update).collect()
}
