//! ## What it finds
//!
//! Changes of what is replicated and how: publications, their tables and schemas; the replica identity of a standing table;
//! and a published table whose rows nothing identifies after the plan.
//!
//! ## Why it is dangerous
//!
//! What leaves a publication no longer reaches its subscribers, and nothing fails. What enters one is not copied to them
//! until they run `ALTER SUBSCRIPTION … REFRESH PUBLICATION`, and stops their replication where they have no such table.
//! `UPDATE` and `DELETE` on a published table fail while nothing identifies its rows: no primary key, and no other replica
//! identity. `REPLICA IDENTITY FULL` writes whole rows to the log and reads the subscriber's table for each of them.
//!
//! What leaves, and a table whose rows nothing identifies, are `dangerous`; the rest, and what concerns an empty table, is
//! `caution`.
//!
//! ## Safer way
//!
//! Change subscribers first: create the table there, then publish it, then refresh. Give a published table a primary key.
//!
//! ## PostgreSQL versions
//!
//! All. Column lists, row filters and `FOR TABLES IN SCHEMA` exist since 15; since 16 a subscriber uses an index for
//! `REPLICA IDENTITY FULL`.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, KeyType, Kind, ReplicaIdentityChoice};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};

const KINDS: [Kind; 3] = [Kind::Publication, Kind::PublicationTable, Kind::PublicationSchema];

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let changes = look.changes().filter(|(_, change)| change.verb != Verb::Rebuild);
    let mut out: Vec<Hit> = changes
        .filter_map(|(at, change)| match change.object.kind {
            kind if KINDS.contains(&kind) => publication(look, at, change),
            Kind::ReplicaIdentity => replica_identity(look, at, change),
            _ => None,
        })
        .collect();
    out.extend(unidentified(look));
    out
}

fn publication(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let object = &change.object;
    if look.falls_with_parent(object) && change.verb == Verb::Drop {
        return None;
    }
    let name = object.path_text();
    let empty = published_table(look, object).is_some_and(|table| look.is_empty(&table));
    let (risk, message) = match change.verb {
        Verb::Create => (
            Risk::Caution,
            format!(
                "The {} `{name}` is created: subscribers get it when they refresh.",
                object.kind
            ),
        ),
        Verb::Drop => (
            Risk::Dangerous,
            format!(
                "The {} `{name}` is dropped: its changes no longer reach subscribers.",
                object.kind
            ),
        ),
        _ => (
            Risk::Dangerous,
            format!(
                "The {} `{name}` changes, and with it what reaches subscribers.",
                object.kind
            ),
        ),
    };
    let risk = if empty { Risk::Caution } else { risk };
    Some(Hit::new(risk, at, object, message).hint("Change subscribers first, then what is published, then refresh."))
}

fn published_table(look: &Look, object: &Identity) -> Option<Identity> {
    let found = look.from.get(object).or_else(|| look.to.get(object))?;
    match found {
        AnyObject::PublicationTable(own) => Some(Identity::new(Kind::Table, [&own.schema, &own.table])),
        _ => None,
    }
}

fn replica_identity(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let table = table_of(&change.object);
    if !look.stands(&table) {
        return None;
    }
    let says = match choice(look.to, &table) {
        None => "its primary key identifies changed rows for subscribers",
        Some(ReplicaIdentityChoice::Full) => "whole rows go to the log for each `UPDATE` and `DELETE`",
        Some(ReplicaIdentityChoice::Index { .. }) => "the columns of an index identify changed rows for subscribers",
        Some(ReplicaIdentityChoice::Nothing) => "nothing identifies changed rows for subscribers",
    };
    let message = format!("The replica identity of {} changes: {says}.", look.sized(&table));
    Some(Hit::new(Risk::Caution, at, &change.object, message))
}

fn choice<'a>(catalog: &'a Catalog, table: &Identity) -> Option<&'a ReplicaIdentityChoice> {
    match catalog.get(&Identity::new(Kind::ReplicaIdentity, table.path.iter()))? {
        AnyObject::ReplicaIdentity(identity) => Some(&identity.choice),
        _ => None,
    }
}

/// Finds tables whose updates fail after the plan and did not before.
fn unidentified(look: &Look) -> Vec<Hit> {
    let matters = |kind: Kind| KINDS.contains(&kind) || matches!(kind, Kind::ReplicaIdentity | Kind::Key);
    if !look.changes().any(|(_, change)| matters(change.object.kind)) {
        return Vec::new();
    }
    let (before, after) = (refusing(look.from), refusing(look.to));
    after
        .difference(&before)
        .map(|table| {
            let of_table = |change: &Change| {
                table_of(&change.object) == *table || published_table(look, &change.object).as_ref() == Some(table)
            };
            let mut changes = look.changes();
            let at = changes.find(|(_, change)| matters(change.object.kind) && of_table(change));
            let risk = if look.is_new(table) || look.is_empty(table) {
                Risk::Caution
            } else {
                Risk::Dangerous
            };
            let message = format!(
                "`{}` is published, but nothing identifies its rows: every `UPDATE` and `DELETE` on it fails.",
                table.path_text()
            );
            Hit::new(risk, at.map_or(0, |(at, _)| at), table, message)
                .hint("Give it a primary key, or `REPLICA IDENTITY FULL`.")
        })
        .collect()
}

/// Returns the tables whose updates or deletes are published and whose rows nothing identifies.
fn refusing(catalog: &Catalog) -> BTreeSet<Identity> {
    let publications = catalog.objects.values().filter_map(|object| match object {
        AnyObject::Publication(publication) => Some(publication),
        _ => None,
    });
    let matters = |operation: &String| operation == "update" || operation == "delete";
    let strict: Vec<_> = publications.filter(|one| one.operations.iter().any(matters)).collect();
    if strict.is_empty() {
        return BTreeSet::new();
    }
    let is_strict = |name: &String| strict.iter().any(|publication| publication.name == *name);
    let all = strict.iter().any(|publication| publication.all_tables);
    let (mut tables, mut schemas) = (BTreeSet::new(), BTreeSet::new());
    for object in catalog.objects.values() {
        match object {
            AnyObject::PublicationTable(own) if is_strict(&own.publication) => {
                tables.insert(Identity::new(Kind::Table, [&own.schema, &own.table]));
            }
            AnyObject::PublicationSchema(own) if is_strict(&own.publication) => {
                schemas.insert(own.schema.clone());
            }
            _ => {}
        }
    }
    let identified = identified(catalog);
    let candidates = catalog.objects.values().filter_map(|object| match object {
        AnyObject::Table(table) if table.foreign.is_none() && !table.unlogged => {
            let identity = Identity::new(Kind::Table, [&table.schema, &table.name]);
            (all || schemas.contains(&table.schema) || tables.contains(&identity)).then_some(identity)
        }
        _ => None,
    });
    candidates.filter(|table| !identified.contains(table)).collect()
}

/// Returns the tables whose rows a primary key or a replica identity tells apart.
fn identified(catalog: &Catalog) -> BTreeSet<Identity> {
    let mut out = BTreeSet::new();
    for object in catalog.objects.values() {
        let table = table_of(&object.identity());
        match object {
            AnyObject::Key(key) if key.constraint == KeyType::Primary && choice(catalog, &table).is_none() => {
                out.insert(table);
            }
            AnyObject::ReplicaIdentity(own) if own.choice != ReplicaIdentityChoice::Nothing => {
                out.insert(table);
            }
            _ => {}
        }
    }
    out
}
