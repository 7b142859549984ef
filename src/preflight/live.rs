//! Tables as questions name them: by the names that a plan gives them, over those that the live database knows.

use crate::catalog::quote::{ident, qualified};
use crate::catalog::{Catalog, Identity};
use crate::diff::Rename;
use crate::kinds::{AnyObject, Kind};
use crate::risk::live_path;

/// What the live database knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live<'a> {
    /// Live state, with the renames carried out.
    pub(super) from: &'a Catalog,
    /// Renames.
    pub(super) renames: &'a [Rename],
}

impl Live<'_> {
    /// Returns what stands in `FROM` for a table under an alias. Where names are new, a query gives them to the old ones, so
    /// that the text of constraints can be asked as it is.
    pub(super) fn source(&self, schema: &str, table: &str, alias: &str) -> String {
        let identity = Identity::new(Kind::Table, [schema, table]);
        let live = live_path(&identity, self.renames);
        let of_table = |object: &AnyObject| match object {
            AnyObject::Column(column) if column.schema == schema && column.table == table => {
                let live = live_path(
                    &Identity::new(Kind::Column, [schema, table, &column.name]),
                    self.renames,
                );
                Some((
                    column.position,
                    column.name.clone(),
                    live.last().cloned().unwrap_or_default(),
                ))
            }
            _ => None,
        };
        if self.renames.is_empty() {
            return format!("{} {alias}", qualified([schema, table]));
        }
        let mut columns: Vec<_> = self.from.objects.values().filter_map(of_table).collect();
        columns.sort();
        if columns.iter().all(|(_, name, old)| name == old) {
            return format!("{} {alias}", qualified(&live));
        }
        let renamed = columns
            .iter()
            .map(|(_, name, old)| format!("x.{} AS {}", ident(old), ident(name)));
        let list: Vec<String> = renamed.chain(["x.tableoid".to_owned(), "x.ctid".to_owned()]).collect();
        format!("(SELECT {} FROM {} x) {alias}", list.join(", "), qualified(&live))
    }
}
