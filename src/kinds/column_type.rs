//! How a column changes its type: with which expression, whether the table is written anew, what is in the way.

use std::collections::BTreeSet;

use super::{
    AnyObject, Column, Context, Domain, Kind, Lock, Loss, Object, Statement, Table, partitioning, replaced_type, sql,
    type_change,
};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, qualified};

impl Column {
    /// Tells whether the type is a domain that checks values: PostgreSQL writes them all anew to check them.
    pub(crate) fn has_checked_domain(&self, context: &Context) -> bool {
        let mut users = vec![self.identity()];
        while let Some(user) = users.pop() {
            for on in context.to.dependencies_of(&user).filter(|on| on.kind == Kind::Domain) {
                let checks = |domain: &Domain| domain.not_null || domain.has_checks(context.to);
                if matches!(context.after(on), Some(AnyObject::Domain(domain)) if checks(domain)) {
                    return true;
                }
                users.push(on.clone());
            }
        }
        false
    }

    /// Tells whether the rows are on a foreign server: there are none to convert, and PostgreSQL refuses `USING`.
    pub(super) fn is_elsewhere(&self, context: &Context) -> bool {
        let table = context.from.get(&self.table_identity());
        matches!(table, Some(AnyObject::Table(table)) if table.foreign.is_some())
    }

    /// Returns the statement that changes type and collation, or converts to a type of the same name that was replaced.
    pub(super) fn convert(&self, desired: &Self, using: Option<&str>) -> Statement {
        let collate = desired
            .collation
            .as_ref()
            .map(|c| format!(" COLLATE {c}"))
            .unwrap_or_default();
        let using = using
            .map(|expression| format!(" USING {expression}"))
            .unwrap_or_default();
        self.action(&format!("TYPE {}{collate}{using}", desired.data_type))
    }

    /// Returns the statement that changes the type, given the kinds that are rebuilt around it.
    pub(super) fn change_type(&self, desired: &Self, disturbed: &[Kind], context: &Context) -> Statement {
        let name = ident(&self.name);
        if self.is_elsewhere(context) {
            return self.convert(desired, None);
        }
        let using = replaced_type::using(&name, self, desired, context);
        let mut statement = self.convert(desired, using.as_deref());
        if type_change::rewrites(&self.data_type, &desired.data_type) {
            statement = statement.rewrites(self.table_identity()).scans(self.table_identity());
        }
        if !disturbed.contains(&Kind::ForeignKey) {
            // PostgreSQL drops the keys that stay, and adds them again.
            let linked = self.linked(context).into_iter();
            statement = linked.fold(statement, |own, table| own.locks(table, Lock::AccessExclusive));
        }
        if let Some(how) = type_change::loses(&self.data_type, &desired.data_type) {
            let column = qualified([&self.schema, &self.table, &self.name]);
            statement = statement.loses(Loss::Precision(format!("{column}: {how}")));
        }
        statement
    }

    /// Returns the tables at the other ends of the column's foreign keys.
    fn linked(&self, context: &Context) -> BTreeSet<Identity> {
        let table = self.table_identity();
        let mut out = BTreeSet::new();
        for key in partitioning::foreign_keys(context.from) {
            let (referencing, referenced) = (Table::named(&key.schema, &key.table), key.referenced_identity());
            if referencing == table && key.columns.contains(&self.name) {
                out.insert(referenced);
            } else if referenced == table && key.referenced_columns.contains(&self.name) {
                out.insert(referencing);
            }
        }
        out.remove(&table);
        out
    }

    /// Kinds that PostgreSQL refuses to keep while the type of a column changes below them; with another base type
    /// also those that it could keep only where the operators happen to fit.
    pub(super) fn disturbed(&self, desired: &Self, context: &Context) -> Vec<Kind> {
        let mut kinds = sql::READS_COLUMNS.to_vec();
        if type_change::base(&self.data_type) == type_change::base(&desired.data_type) {
            // PostgreSQL makes them anew by itself and forgets their statistics target.
            kinds.push(Kind::Statistics);
        } else {
            let keeps = self.keeps_indexes(desired, context);
            let is_kept = |kind: &Kind| keeps && [Kind::Index, Kind::ForeignKey].contains(kind);
            kinds.extend(sql::CHECKS_COLUMNS.iter().copied().filter(|kind| !is_kept(kind)));
        }
        kinds
    }

    /// Tells whether PostgreSQL keeps indexes and foreign keys as they are, without reading a row: neither values nor operators
    /// change. Indexes of partitioned tables it makes anew, with other names for those of the partitions.
    fn keeps_indexes(&self, desired: &Self, context: &Context) -> bool {
        let (schema, table) = (&self.schema, &self.table);
        self.collation == desired.collation
            && !type_change::rewrites(&self.data_type, &desired.data_type)
            && !partitioning::is_partitioned(schema, table, context.from)
            && !sql::is_partition(schema, table, context.from)
    }
}
