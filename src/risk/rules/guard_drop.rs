//! ## What it finds
//!
//! A drop of a constraint or of an index, on a table that stays and with columns that stay. An index that a foreign key or
//! queries need is TU109.
//!
//! ## Why it is dangerous
//!
//! Without the constraint, rows can come in that break it, and then neither a rollback nor a later plan can put it back.
//! Without a unique index two sessions can write the same value. Without an index, queries and foreign keys that used it
//! read the whole table; a dropped index of a large table takes long to build again. Dropping either takes ACCESS
//! EXCLUSIVE for a moment, and a foreign key takes it on both tables. It is `caution`, and `safe` on an empty table.
//!
//! ## Safer way
//!
//! Look at `pg_stat_user_indexes.idx_scan`, on replicas too, before an index goes. `DROP INDEX CONCURRENTLY` does not
//! block writes.
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
use crate::risk::serving::table_of_index;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let needed: Vec<&Identity> = super::needed_index::needed(look)
        .into_iter()
        .map(|(_, object, _)| object)
        .collect();
    look.with_verb(Verb::Drop)
        .filter(|(_, object)| object.kind != Kind::Index || !needed.contains(object))
        .filter(|(_, object)| !look.falls_with_parent(object) && !loses_column(look, object))
        .filter_map(|(at, object)| {
            let (consequence, hint) = match Family::of(object.kind) {
                Family::Guard => (
                    "rows that break it can come in, and then it cannot be put back",
                    "Drop it only when code no longer relies on it.",
                ),
                Family::Index => (
                    "queries and foreign keys that used it read the whole table",
                    "Look at `idx_scan` in `pg_stat_user_indexes`, on replicas too.",
                ),
                _ => return None,
            };
            let message = format!(
                "The {} `{}` is dropped: {consequence}.",
                object.kind,
                object.path_text()
            );
            let empty = of_table(look, object).is_some_and(|table| look.is_empty(&table));
            let risk = if empty { Risk::Safe } else { Risk::Caution };
            Some(Hit::new(risk, at, object, message).hint(hint))
        })
        .collect()
}

fn of_table(look: &Look, object: &Identity) -> Option<Identity> {
    table_of_index(look.from, object).or_else(|| (object.path.len() == 3).then(|| table_of(object)))
}

/// Tells whether a column that the object is about is dropped too, which says it already.
fn loses_column(look: &Look, object: &Identity) -> bool {
    let mut columns = look.from.dependencies_of(object).filter(|on| on.kind == Kind::Column);
    columns.any(|column| !look.to.contains(column))
}
