//! How a column changes its type: with which expression, whether the table is written anew, what is in the way.

use super::{AnyObject, Column, Context, Domain, Kind, Loss, Object, Statement, sql, type_change};
use crate::catalog::quote::{ident, qualified};

impl Column {
    /// Tells whether the type is a domain that checks values: PostgreSQL writes them all anew to check them.
    pub(super) fn has_checked_domain(&self, context: &Context) -> bool {
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

    pub(super) fn change_type(&self, desired: &Self, context: &Context) -> Statement {
        let name = ident(&self.name);
        if self.is_elsewhere(context) {
            return self.convert(desired, None);
        }
        let using = type_change::using(&name, &self.data_type, &desired.data_type, context);
        let mut statement = self.convert(desired, using.as_deref());
        if type_change::rewrites(&self.data_type, &desired.data_type) {
            statement = statement.rewrites(self.table_identity()).scans(self.table_identity());
        }
        if let Some(how) = type_change::loses(&self.data_type, &desired.data_type) {
            let column = qualified([&self.schema, &self.table, &self.name]);
            statement = statement.loses(Loss::Precision(format!("{column}: {how}")));
        }
        statement
    }

    /// Kinds that PostgreSQL refuses to keep while the type of a column changes below them; with another base type
    /// also those that it could keep only where the operators happen to fit.
    pub(super) fn disturbed(&self, desired: &Self) -> Vec<Kind> {
        let mut kinds = sql::READS_COLUMNS.to_vec();
        if type_change::base(&self.data_type) == type_change::base(&desired.data_type) {
            // PostgreSQL makes them anew by itself and forgets their statistics target.
            kinds.push(Kind::Statistics);
        } else {
            kinds.extend(sql::CHECKS_COLUMNS);
        }
        kinds
    }
}
