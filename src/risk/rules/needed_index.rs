//! ## What it finds
//!
//! An index, or a key with its index, that goes although something needs it: a foreign key whose columns it leads with,
//! and that no other index serves afterwards, or queries, as the server counts them since its statistics were reset.
//!
//! ## Why it is dangerous
//!
//! A foreign key without an index on its own columns reads its whole table for every row that is deleted or changed in
//! the table that it references. Queries that used the index read the whole table too, all at once from the moment of the
//! commit, and building it again takes as long as the table is large. It is `dangerous` on a large table, `caution` up to
//! 16 MiB, and not reported for an empty table.
//!
//! ## Safer way
//!
//! Build the index that takes its place first. Look at `pg_stat_user_indexes.idx_scan` on replicas too: each server counts
//! for itself.
//!
//! ## PostgreSQL versions
//!
//! All. Since 16 `pg_stat_user_indexes.last_idx_scan` says when an index was used last.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, names};
use crate::risk::serving::{Serving, leads, table_of_index};
use crate::risk::statistics::Size;
use crate::words::grouped;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let needed = needed(look);
    needed
        .into_iter()
        .filter_map(|(at, object, by)| hit(look, at, object, &by))
        .collect()
}

fn hit(look: &Look, at: usize, object: &Identity, needed_by: &str) -> Option<Hit> {
    let table = table_of_index(look.from, object)?;
    let risk = match look.size(&table) {
        Size::Small => Risk::Caution,
        Size::Empty => return None,
        Size::Large | Size::Unknown => Risk::Dangerous,
    };
    let message = format!(
        "The {} `{}` of {} is dropped, but {needed_by}.",
        object.kind,
        object.path_text(),
        look.sized(&table)
    );
    Some(Hit::new(risk, at, object, message).hint("Build the index that takes its place first."))
}

/// Returns the indexes and keys that go although something needs them, with their step and who needs them.
pub(super) fn needed<'a>(look: &Look<'a>) -> Vec<(usize, &'a Identity, String)> {
    let mut dropped = look
        .with_verb(Verb::Drop)
        .filter(|(_, object)| matches!(object.kind, Kind::Index | Kind::Key))
        .peekable();
    if dropped.peek().is_none() {
        return Vec::new();
    }
    let (before, after) = (Serving::read(look.from), Serving::read(look.to));
    dropped
        .filter_map(|(at, object)| Some((at, object, needed_by(look, object, &before, &after)?)))
        .collect()
}

fn needed_by(look: &Look, object: &Identity, before: &Serving, after: &Serving) -> Option<String> {
    let table = table_of_index(look.from, object)?;
    if !look.stands(&table) || look.is_empty(&table) {
        return None;
    }
    let own = before.columns(&table, object);
    let start = Identity::new(Kind::ForeignKey, table.path.iter());
    let keys = look
        .to
        .objects
        .range(start..)
        .map_while(|(identity, other)| match other {
            AnyObject::ForeignKey(key) if identity.path.starts_with(&table.path) => Some((identity, key)),
            _ => None,
        });
    let unserved: Vec<&Identity> = keys
        .filter(|(_, key)| leads(&own, &key.columns) && !after.finds(&table, &key.columns))
        .map(|(identity, _)| identity)
        .collect();
    if !unserved.is_empty() {
        return Some(format!("the foreign key {} needs it", names(unserved)));
    }
    let uses = look.statistics.uses(object).filter(|uses| *uses > 0)?;
    // Another index with the same leading columns answers the same queries.
    let replaced = !own.is_empty() && after.finds(&table, &own);
    let times = if uses == 1 {
        "once".to_owned()
    } else {
        format!("{} times", grouped(uses))
    };
    (!replaced).then(|| format!("queries have used it {times} since the statistics were reset"))
}
