//! ## What it finds
//!
//! A new column on a standing table whose value PostgreSQL computes for each row that is there: a volatile default
//! (`random()`, `gen_random_uuid()`, `clock_timestamp()`), `serial`, an identity, or a domain with constraints.
//!
//! ## Why it is dangerous
//!
//! The whole table is written anew with all its indexes under ACCESS EXCLUSIVE, while the same column with a constant
//! default, or with `now()`, costs nothing. It is `dangerous`, `critical` where a large table is busy, `caution` up to
//! 16 MiB, and not reported for an empty table.
//!
//! ## Safer way
//!
//! Add the column without a default, set the default, which holds for new rows at once, and fill old rows in batches.
//!
//! ## PostgreSQL versions
//!
//! All. Since 11 a default that is the same for all rows is not written into them.

use std::collections::BTreeSet;

use crate::catalog::Identity;
use crate::kinds::Kind;
use crate::plan::{Step, Verb};
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let steps = look.steps.iter().enumerate();
    steps
        .flat_map(|(at, step)| filled(look, step).into_iter().map(move |column| (at, column)))
        .filter_map(|(at, column)| {
            let table = table_of(column);
            let risk = look.grade(&table)?;
            let message = format!(
                "Column `{}` gets {}, so that {} is written anew with all its indexes under ACCESS EXCLUSIVE.",
                column.path_text(),
                reason(look, column),
                look.sized(&table)
            );
            Some(
                Hit::new(risk, at, column, message).hint(
                    "Add the column without a default, set the default for new rows, and fill old rows in batches.",
                ),
            )
        })
        .collect()
}

/// Returns the new columns for which the step writes their table anew; stored generated ones are another rule's.
pub(super) fn filled<'a>(look: &Look<'a>, step: &'a Step) -> BTreeSet<&'a Identity> {
    let rewrites = |table: &Identity| {
        let mut statements = step.statements.iter();
        statements.any(|sentence| look.any_within(&sentence.facts.rewrites, table))
    };
    let created = step.changes.iter().filter(|change| change.verb == Verb::Create);
    created
        .map(|change| &change.object)
        .filter(|object| object.kind == Kind::Column)
        .filter(|column| look.stands(&table_of(column)) && rewrites(&table_of(column)))
        .filter(|column| {
            look.column_after(column)
                .is_some_and(|column| column.generated.is_none())
        })
        .collect()
}

fn reason(look: &Look, column: &Identity) -> &'static str {
    let has = |kind| look.to.contains(&Identity::new(kind, column.path.iter()));
    if has(Kind::ColumnIdentity) {
        "an identity"
    } else if has(Kind::ColumnDefault) {
        "a default that is another value for each row"
    } else {
        "a type with constraints, which are checked row by row"
    }
}
