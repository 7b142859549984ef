//! Pieces that the kinds of table constraints share.

use super::{Context, Lock, Statement};
use crate::catalog::{
    Identity,
    quote::{ident, qualified},
};

/// Condition that a constraint's table `c` is one that is modelled.
pub(super) const ON_TABLE: &str = "c.relkind IN ('r', 'p', 'f')";

/// Returns a definition of `pg_get_constraintdef()` without the words at its end that are fields of their own.
pub(super) fn without_attributes(definition: &str) -> &str {
    let mut text = definition;
    for words in [" NOT VALID", " NOT ENFORCED", " INITIALLY DEFERRED", " DEFERRABLE"] {
        text = text.strip_suffix(words).unwrap_or(text);
    }
    text
}

/// Returns the words for when a constraint is checked, with a leading space.
pub(super) fn timing(deferrable: bool, initially_deferred: bool) -> &'static str {
    match (deferrable, initially_deferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

/// Returns the SQL expression that says whether constraint `k` is enforced.
pub(super) fn enforced(major: i32) -> &'static str {
    if major >= 18 { "k.conenforced" } else { "true" }
}

/// Returns the statement that renames a constraint; its table may have been renamed before, so the new name holds.
pub(super) fn rename(from: &str, schema: &str, table: &str, to: &str) -> Vec<Statement> {
    if from == to {
        return Vec::new();
    }
    let sql = format!(
        "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
        qualified([schema, table]),
        ident(from),
        ident(to)
    );
    vec![Statement::new(sql).locks(super::Table::named(schema, table), Lock::AccessExclusive)]
}

/// Tells whether an object is the same before and after the plan.
pub(super) fn is_untouched(identity: &Identity, context: &Context) -> bool {
    context.before(identity).is_some() && context.before(identity) == context.after(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_attributes_only_at_the_end() {
        for (definition, stripped) in [
            ("UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", "UNIQUE (a)"),
            (
                "CHECK ((a <> ' NOT VALID'::text)) NOT VALID",
                "CHECK ((a <> ' NOT VALID'::text))",
            ),
            (
                "FOREIGN KEY (a) REFERENCES s.t(b) DEFERRABLE NOT ENFORCED",
                "FOREIGN KEY (a) REFERENCES s.t(b)",
            ),
            ("CHECK ((a > 0)) NO INHERIT", "CHECK ((a > 0)) NO INHERIT"),
        ] {
            assert_eq!(without_attributes(definition), stripped);
        }
    }
}
