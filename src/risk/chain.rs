//! Identifying columns: those of primary keys, and those that foreign keys tie together.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::kinds::Kind;

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
        for identity in catalog.objects.keys() {
            let columns = || catalog.dependencies_of(identity).filter(|on| on.kind == Kind::Column);
            match identity.kind.words() {
                "key" => out.primary.extend(columns().cloned()),
                "foreign key" => {
                    let own = &identity.path[..2];
                    for referencing in columns().filter(|column| column.path.starts_with(own)) {
                        for referenced in columns().filter(|column| !column.path.starts_with(own)) {
                            out.links.push((referencing.clone(), referenced.clone()));
                        }
                    }
                }
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
