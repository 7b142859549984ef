//! ## What it finds
//!
//! A new column that is `NOT NULL` and has no default, is no identity and is not generated, on a table that stands.
//!
//! ## Why it is dangerous
//!
//! Existing rows have no value for it, so the statement fails as soon as the table has one row. On an empty table it
//! works, and fails later on the database that has rows. Until code that knows the column is released, every `INSERT`
//! of code that does not know it fails too. A table that is certainly empty is not reported.
//!
//! ## Safer way
//!
//! Give the column a default (a constant one costs nothing), or declare how rows are filled: `-- trueup: backfill COLUMN
//! using EXPRESSION` above it adds it nullable, fills it in batches, and makes it `NOT NULL` by a validated check.
//!
//! ## PostgreSQL versions
//!
//! All. Since 11 a constant default is not written into existing rows.

use crate::catalog::Identity;
use crate::kinds::{Column, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Create)
        .filter(|(_, object)| object.kind == Kind::NotNull)
        .filter_map(|(at, not_null)| {
            let column = Identity::new(Kind::Column, not_null.path.iter().cloned());
            let table = table_of(&column);
            let fails = look.is_new(&column)
                && look.stands(&table)
                && look.size(&table) != Size::Empty
                && !look.is_filled(&column)
                && !fills_itself(look, &column);
            let message = format!(
                "Column `{}` is added without a default and must have a value: the statement fails if {} has one row.",
                column.path_text(),
                look.sized(&table)
            );
            fails.then(|| {
                Hit::new(Risk::Dangerous, at, &column, message).hint(
                    "Give the column a default, or declare how rows are filled: `-- trueup: backfill COLUMN using EXPRESSION`.",
                )
            })
        })
        .collect()
}

/// Tells whether rows that are there get a value for a new column.
pub(super) fn fills_itself(look: &Look, column: &Identity) -> bool {
    let has = |kind| look.to.contains(&Identity::new(kind, column.path.iter().cloned()));
    let generated = |column: &Column| column.generated.is_some();
    has(Kind::ColumnDefault) || has(Kind::ColumnIdentity) || look.column_after(column).is_some_and(generated)
}
