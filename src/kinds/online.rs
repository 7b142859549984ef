//! Pieces of online forms that several kinds share: validation in a transaction of its own, a check that proves
//! something about the rows, so that what comes after it need not read them under a strong lock.

use super::derived_name::temporary;
use super::{Check, Lock, Statement, Table, Transaction};
use crate::catalog::quote::{ident, qualified};

/// Returns the statement that validates a constraint while reads and writes go on; alone, so that it never runs under the
/// lock that the constraint was added with.
pub(super) fn validate(schema: &str, table: &str, constraint: &str) -> Statement {
    let identity = Table::named(schema, table);
    let sql = format!(
        "ALTER TABLE {} VALIDATE CONSTRAINT {}",
        qualified([schema, table]),
        ident(constraint)
    );
    Statement::new(sql)
        .locks(identity.clone(), Lock::ShareUpdateExclusive)
        .scans(identity)
        .transaction(Transaction::Alone)
}

/// Lets a validation share a transaction with others unless its table is large.
pub(super) fn alone_if_large(validate: Statement, large: Option<String>) -> Statement {
    match large {
        Some(large) => validate.form(format!("validated in a transaction of its own: {large}")),
        None => validate.transaction(Transaction::Inside),
    }
}

/// A check that stands only until PostgreSQL has believed it.
pub(super) struct Proof<'a> {
    schema: &'a str,
    table: &'a str,
    name: String,
    condition: String,
    form: String,
}

impl<'a> Proof<'a> {
    /// Makes the check of a condition; `of` is what its name begins with, `form` why it is there.
    pub(super) fn new(table: (&'a str, &'a str), of: &str, condition: String, form: String) -> Self {
        Self {
            schema: table.0,
            table: table.1,
            name: temporary(of, "proof"),
            condition,
            form,
        }
    }

    fn action(&self, action: &str) -> Statement {
        let table = qualified([self.schema, self.table]);
        Statement::new(format!("ALTER TABLE {table} {action}"))
            .locks(Table::named(self.schema, self.table), Lock::AccessExclusive)
    }

    fn mark(&self, statement: Statement) -> Statement {
        let check = Check::named(self.schema, self.table, &self.name);
        statement.form(self.form.clone()).temporary(check)
    }

    /// Returns what adds and validates the check, each in a transaction of its own.
    pub(super) fn establish(&self) -> Vec<Statement> {
        let (name, condition) = (ident(&self.name), &self.condition);
        let add = self.action(&format!("ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"));
        [
            add.transaction(Transaction::Alone),
            validate(self.schema, self.table, &self.name),
        ]
        .map(|statement| self.mark(statement))
        .into()
    }

    /// Returns what drops the check.
    pub(super) fn drop(&self) -> Statement {
        self.mark(self.action(&format!("DROP CONSTRAINT {}", ident(&self.name))))
    }
}
