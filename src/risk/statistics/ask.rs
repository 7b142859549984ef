//! What a plan needs figures of: the tables that it touches, and what rules ask about columns, sequences and indexes.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Kind, type_use};
use crate::plan::{Step, Verb};
use crate::risk::look::table_of;

/// Returns the objects of the state before whose figures the rules ask for: tables that the steps name as a change, a
/// lock, a scan or a rewrite, or that hold values of a composite type; the sequences that give these tables their values; columns that become `NOT NULL`; indexes
/// that go.
pub fn touched(steps: &[Step], from: &Catalog) -> BTreeSet<Identity> {
    let mut out = tables(steps, from);
    out.extend(sequences(&out, from));
    for change in steps.iter().flat_map(|step| &step.changes) {
        let object = &change.object;
        match object.kind {
            Kind::NotNull => {
                out.insert(Identity::new(Kind::Column, object.path.iter()));
            }
            Kind::Sequence => {
                out.insert(object.clone());
            }
            Kind::Index | Kind::Key if change.verb == Verb::Drop => {
                out.insert(object.clone());
            }
            _ => {}
        }
    }
    // The sequence of an identity column is an object of the server, not of the catalog.
    out.retain(|object| object.kind == Kind::Sequence || from.contains(object));
    out
}

fn tables(steps: &[Step], from: &Catalog) -> BTreeSet<Identity> {
    let mut out = BTreeSet::new();
    for step in steps {
        for change in &step.changes {
            out.insert(table_of(&change.object));
            if change.object.kind == Kind::CompositeType {
                out.extend(type_use::tables(&change.object, from));
            }
        }
        for facts in step.statements.iter().map(|sentence| &sentence.facts) {
            out.extend(facts.locks.iter().map(|(table, _)| table.clone()));
            out.extend(facts.scans.iter().chain(&facts.rewrites).cloned());
        }
    }
    out.retain(|table| table.kind == Kind::Table && from.contains(table));
    out
}

/// Returns the sequences behind the columns of tables.
fn sequences(tables: &BTreeSet<Identity>, from: &Catalog) -> Vec<Identity> {
    let of = |object: &AnyObject| {
        match object {
            AnyObject::ColumnIdentity(own) => Some((&own.schema, &own.table, &own.schema, &own.sequence)),
            AnyObject::SequenceOwner(own) => Some((&own.schema, &own.table, &own.schema, &own.sequence)),
            _ => None,
        }
        .map(|(schema, table, home, name)| {
            let table = Identity::new(Kind::Table, [schema, table]);
            (table, Identity::new(Kind::Sequence, [home, name]))
        })
    };
    let all = from.objects.values().filter_map(of);
    all.filter(|(table, _)| tables.contains(table))
        .map(|(_, sequence)| sequence)
        .collect()
}
