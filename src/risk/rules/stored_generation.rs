//! ## What it finds
//!
//! A stored generated column that is added to a standing table, or whose expression or type changes so that its values are
//! computed again.
//!
//! ## Why it is dangerous
//!
//! PostgreSQL computes the value of every row and writes the whole table anew with all its indexes under ACCESS
//! EXCLUSIVE. It is `dangerous`, `critical` where a large table is busy, `caution` up to 16 MiB, and not reported for an
//! empty table.
//!
//! ## Safer way
//!
//! Compute the value in a view or an expression index, or keep an ordinary column filled by a trigger and fill old rows in
//! batches. PostgreSQL 18 has virtual generated columns, which store nothing.
//!
//! ## PostgreSQL versions
//!
//! All. Since 17 the expression can be changed in place, which rewrites too; since 18 a column can be virtual.

use std::collections::BTreeSet;

use crate::catalog::Identity;
use crate::kinds::Kind;
use crate::plan::{Step, Verb};
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let steps = look.steps.iter().enumerate();
    steps
        .flat_map(|(at, step)| computed(look, step).into_iter().map(move |column| (at, column)))
        .filter_map(|(at, column)| {
            let table = table_of(column);
            let risk = look.grade(&table)?;
            let message = format!(
                "The values of the generated column `{}` are computed and stored: {} is written anew with all its indexes \
                 under ACCESS EXCLUSIVE.",
                column.path_text(),
                look.sized(&table)
            );
            Some(Hit::new(risk, at, column, message).hint(
                "Compute the value in a view or an expression index, or fill an ordinary column in batches.",
            ))
        })
        .collect()
}

/// Returns the stored generated columns for which the step writes their table anew.
pub(super) fn computed<'a>(look: &Look<'a>, step: &'a Step) -> BTreeSet<&'a Identity> {
    let rewrites = |table: &Identity| {
        let mut statements = step.statements.iter();
        statements.any(|sentence| look.any_within(&sentence.facts.rewrites, table))
    };
    let changed = step.changes.iter().filter(|change| change.verb != Verb::Drop);
    changed
        .map(|change| &change.object)
        .filter(|object| object.kind == Kind::Column)
        .filter(|column| look.stands(&table_of(column)) && rewrites(&table_of(column)))
        .filter(|column| {
            let generated = look.column_after(column).and_then(|column| column.generated.as_ref());
            generated.is_some_and(|generated| generated.stored)
        })
        .collect()
}
