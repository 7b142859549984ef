//! Which index of a table finds rows by which columns.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Kind};

/// Leading columns of the complete indexes of every table, those of its keys included.
pub(super) struct Serving<'a> {
    tables: BTreeMap<(&'a str, &'a str), BTreeMap<&'a Identity, Vec<String>>>,
}

impl<'a> Serving<'a> {
    /// Reads the indexes of a catalog.
    pub(super) fn read(catalog: &'a Catalog) -> Self {
        let mut tables: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (identity, object) in &catalog.objects {
            let (table, columns) = match object {
                AnyObject::Index(index) if index.predicate.is_none() => (
                    (index.schema.as_str(), index.table.as_str()),
                    index.columns.iter().map_while(Clone::clone).collect(),
                ),
                AnyObject::Key(key) if key.predicate.is_none() => {
                    ((key.schema.as_str(), key.table.as_str()), key.columns.clone())
                }
                _ => continue,
            };
            tables.entry(table).or_default().insert(identity, columns);
        }
        Self { tables }
    }

    fn of<'b>(&'b self, table: &'b Identity) -> impl Iterator<Item = (&'b Identity, &'b Vec<String>)> {
        let found = self.tables.get(&(table.path[0].as_str(), table.path[1].as_str()));
        found.into_iter().flatten().map(|(index, columns)| (*index, columns))
    }

    /// Returns the columns that an index of a table begins with.
    pub(super) fn columns(&self, table: &Identity, index: &Identity) -> Vec<String> {
        let mut own = self.of(table).filter(|(other, _)| *other == index);
        own.next().map(|(_, columns)| columns.clone()).unwrap_or_default()
    }

    /// Tells whether an index of a table begins with some columns, in whatever order.
    pub(super) fn finds(&self, table: &Identity, columns: &[String]) -> bool {
        self.of(table).any(|(_, own)| leads(own, columns))
    }
}

/// Tells whether an index over the first columns finds rows by the second.
pub(super) fn leads(own: &[String], columns: &[String]) -> bool {
    let first: BTreeSet<&String> = own.iter().take(columns.len()).collect();
    !columns.is_empty() && first == columns.iter().collect()
}

/// Returns the table of an index or a key; nothing for an index of a materialized view.
pub(super) fn table_of_index(catalog: &Catalog, object: &Identity) -> Option<Identity> {
    match catalog.get(object)? {
        AnyObject::Index(index) if !index.on_materialized_view => {
            Some(Identity::new(Kind::Table, [&index.schema, &index.table]))
        }
        AnyObject::Key(key) => Some(Identity::new(Kind::Table, [&key.schema, &key.table])),
        _ => None,
    }
}
