//! ## What it finds
//!
//! A constraint that is added to a table that stands, or changed, or validated: check, primary key, unique, exclusion,
//! foreign key, a unique index, or a check or `NOT NULL` of a domain that columns use. A constraint over columns that this
//! plan adds without a default is not reported: their values are all null. `NOT NULL` of a column is TU203.
//!
//! ## Why it is dangerous
//!
//! If one existing row breaks it, the statement fails, and with it everything in its transaction. PostgreSQL finds
//! out by reading the table while it holds a lock that blocks at least writes. It is `dangerous`; a table that is
//! certainly empty is not reported.
//!
//! ## Safer way
//!
//! Count the rows that break it first, and correct them. Add the constraint `NOT VALID`, which binds new rows at once
//! and reads nothing, and validate it later under a weak lock. Build a unique index with `CREATE UNIQUE INDEX
//! CONCURRENTLY` and attach it with `ADD CONSTRAINT … USING INDEX`.
//!
//! ## PostgreSQL versions
//!
//! All. Before 18 `NOT VALID` is refused for a foreign key of a partitioned table.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Index, Kind};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::family::Family;
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| guards(look, change))
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace))
        .filter_map(|(at, change)| {
            let table = judged(look, at, change)?;
            let object = &change.object;
            let verb = match change.verb {
                Verb::Create => "is added",
                Verb::Alter if object.kind == Kind::Domain => "becomes `NOT NULL`",
                Verb::Alter => "is validated",
                _ => "changes",
            };
            let sort = if object.kind == Kind::Index {
                "unique index"
            } else {
                object.kind.words()
            };
            let message = format!(
                "The {sort} `{}` {verb}: the statement fails if one row of {} breaks it.",
                object.path_text(),
                look.sized(&table)
            );
            Some(Hit::new(Risk::Dangerous, at, object, message).hint(
                "Count the rows that break it first; on a large table add it `NOT VALID` and validate it in another \
                 transaction.",
            ))
        })
        .collect()
}

/// Tells whether a change makes rows obey something that they need not have obeyed before.
fn guards(look: &Look, change: &Change) -> bool {
    let object = &change.object;
    match (look.from.get(object), look.to.get(object)) {
        (before, Some(AnyObject::Index(after))) => {
            after.unique && !after.on_materialized_view && !before.is_some_and(|before| is_as_strict(before, after))
        }
        (Some(AnyObject::Domain(before)), Some(AnyObject::Domain(after))) => after.not_null && !before.not_null,
        _ => Family::of(object.kind) == Family::Guard && object.kind != Kind::NotNull,
    }
}

/// Tells whether an index has kept out what another one does.
fn is_as_strict(before: &AnyObject, after: &Index) -> bool {
    let AnyObject::Index(before) = before else {
        return false;
    };
    let of = |index: &Index| (index.keys.clone(), index.predicate.clone(), index.nulls_not_distinct);
    before.unique && before.valid && of(before) == of(after)
}

/// Returns the table whose rows are judged, if there is one that may hold some.
fn judged(look: &Look, at: usize, change: &Change) -> Option<Identity> {
    if matches!(change.object.kind, Kind::DomainCheck | Kind::Domain) {
        return domain_user(look, &change.object);
    }
    let table = match look.to.get(&change.object) {
        // The path of an index does not name its table.
        Some(AnyObject::Index(index)) => Identity::new(Kind::Table, [&index.schema, &index.table]),
        _ => table_of(&change.object),
    };
    if !look.stands(&table) || look.is_empty(&table) {
        return None;
    }
    let scanned = look.steps[at..]
        .iter()
        .filter(|step| step.changes.iter().any(|said| said.object == change.object))
        .flat_map(|step| &step.statements)
        .any(|sentence| look.any_within(&sentence.facts.scans, &table));
    (scanned && !all_null(look, &change.object)).then_some(table)
}

/// Returns a table with rows that has a column of the constraint's domain.
fn domain_user(look: &Look, object: &Identity) -> Option<Identity> {
    let domain = Identity::new(Kind::Domain, object.path.iter().take(2).cloned());
    let users = look
        .from
        .dependencies
        .iter()
        .filter(|(user, edges)| user.kind == Kind::Column && edges.contains(&domain));
    let mut tables = users.map(|(column, _)| table_of(column));
    tables.find(|table| look.stands(table) && !look.is_empty(table))
}

/// Tells whether all columns of the constraint are new and have no default.
fn all_null(look: &Look, object: &Identity) -> bool {
    let own =
        |on: &&Identity| on.kind == Kind::Column && (object.kind == Kind::Index || on.path[..2] == object.path[..2]);
    let mut columns = look.to.dependencies_of(object).filter(own).peekable();
    columns.peek().is_some()
        && columns.all(|column| look.is_new(column) && !super::required_column::fills_itself(look, column))
}
