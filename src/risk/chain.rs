//! Identifying columns: those of primary keys, and those that foreign keys tie together.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Column, ForeignKey, KeyType};

/// Which columns identify rows, and which ones foreign keys tie together.
pub(super) struct Chains {
    /// Columns of primary keys.
    primary: BTreeSet<Identity>,
    /// Referencing column and referenced column.
    links: Vec<(Identity, Identity)>,
}

impl Chains {
    /// Reads keys and foreign keys of a catalog.
    pub(super) fn read(catalog: &Catalog) -> Self {
        let mut out = Self {
            primary: BTreeSet::new(),
            links: Vec::new(),
        };
        for object in catalog.objects.values() {
            match object {
                AnyObject::Key(key) if key.constraint == KeyType::Primary => {
                    let columns = key.columns.iter();
                    out.primary
                        .extend(columns.map(|name| Column::named(&key.schema, &key.table, name)));
                }
                AnyObject::ForeignKey(key) => out.links.extend(links(key)),
                _ => {}
            }
        }
        out
    }

    /// Says how a column identifies rows; `None` when it does not.
    pub(super) fn role(&self, column: &Identity) -> Option<&'static str> {
        if self.primary.contains(column) {
            return Some("it belongs to the primary key");
        }
        if self.links.iter().any(|(_, referenced)| referenced == column) {
            return Some("foreign keys reference it");
        }
        let references = self.links.iter().any(|(referencing, _)| referencing == column);
        references.then_some("it references another table")
    }

    /// Returns every other column that foreign keys tie to this one, over any number of tables.
    pub(super) fn tied<'a>(&'a self, column: &'a Identity) -> BTreeSet<&'a Identity> {
        let mut reached = BTreeSet::from([column]);
        let mut todo = vec![column];
        while let Some(next) = todo.pop() {
            for (referencing, referenced) in &self.links {
                for (here, there) in [(referencing, referenced), (referenced, referencing)] {
                    if here == next && reached.insert(there) {
                        todo.push(there);
                    }
                }
            }
        }
        reached.remove(column);
        reached
    }
}

fn links(key: &ForeignKey) -> impl Iterator<Item = (Identity, Identity)> {
    key.columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(own, referenced)| {
            (
                Column::named(&key.schema, &key.table, own),
                Column::named(&key.referenced_schema, &key.referenced_table, referenced),
            )
        })
}
