//! ## What it finds
//!
//! A column of a standing table that loses where its values come from: its default, its identity, or the expression of a
//! generated column. A column that gets another of the three in the same plan is not reported.
//!
//! ## Why it is dangerous
//!
//! `INSERT` statements that leave the column out store a null from now on, or fail where the column is `NOT NULL`. An
//! identity takes its counter along: one that is put back later starts over. A column that is generated no longer keeps
//! its values, and they grow old. It is `dangerous` for a `NOT NULL` column of a table with rows, `caution` otherwise.
//!
//! ## Safer way
//!
//! Release code that names the column in every `INSERT` first.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::Kind;
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let changes = look.changes().filter(|(_, change)| change.verb != Verb::Rebuild);
    changes.filter_map(|(at, change)| hit(look, at, change)).collect()
}

fn hit(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let column = Identity::new(Kind::Column, change.object.path.iter().take(3).cloned());
    let table = table_of(&column);
    let what = lost(look, change)?;
    if !look.stands(&table) || !look.stands(&column) || super::required_column::fills_itself(look, &column) {
        return None;
    }
    let required = look.to.contains(&Identity::new(Kind::NotNull, column.path.iter()));
    let risk = if required && !look.is_empty(&table) {
        Risk::Dangerous
    } else {
        Risk::Caution
    };
    let then = if required {
        "an `INSERT` that leaves it out fails"
    } else {
        "an `INSERT` that leaves it out stores a null"
    };
    let message = format!("Column `{}` loses its {what}: {then}.", column.path_text());
    Some(
        Hit::new(risk, at, &change.object, message).hint("Release code that names the column in every `INSERT` first."),
    )
}

fn lost(look: &Look, change: &Change) -> Option<&'static str> {
    match (change.object.kind, change.verb) {
        (Kind::ColumnDefault, Verb::Drop) => Some("default"),
        (Kind::ColumnIdentity, Verb::Drop) => Some("identity"),
        (Kind::Column, Verb::Alter) => {
            let before = look.column_before(&change.object)?.generated.is_some();
            let after = look.column_after(&change.object)?.generated.is_some();
            (before && !after).then_some("expression")
        }
        _ => None,
    }
}
