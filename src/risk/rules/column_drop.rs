//! ## What it finds
//!
//! A `DROP COLUMN` on a table that stays; an attribute of a composite type that goes while columns hold values of the type.
//!
//! ## Why it is dangerous
//!
//! The values are gone at commit, and with them the indexes and constraints that use the column. Code that still names
//! the column fails, `SELECT *` and prepared statements included. The rollback brings back an empty column at the end
//! of the table: its label is `schema only`.
//!
//! It is `critical` for a column that identifies rows (primary key, or tied to another table by a foreign key),
//! `dangerous` otherwise, `caution` where the table is certainly empty or the values are computed.
//!
//! ## Safer way
//!
//! Release code that no longer names the column, wait, then drop it. Keep the values for a while: copy the key and the
//! column to another table first. If it is only called otherwise now, write `-- trueup: renamed from NAME` above its
//! declaration.
//!
//! ## PostgreSQL versions
//!
//! All. No version rewrites the table for it, so the space comes back only as rows are updated.

use std::collections::BTreeSet;

use crate::catalog::Identity;
use crate::kinds::{Kind, Loss, type_use};
use crate::plan::{Sentence, Step, Verb};
use crate::quarantine::keeps;
use crate::risk::Risk;
use crate::risk::chain::Chains;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let attributes = look
        .statements()
        .filter_map(|(at, step, sentence)| attribute(look, at, step, sentence));
    columns(look).into_iter().chain(attributes).collect()
}

fn columns(look: &Look) -> Vec<Hit> {
    let dropped: Vec<_> = look
        .with_verb(Verb::Drop)
        .filter(|(_, object)| object.kind == Kind::Column && look.stands(&table_of(object)))
        .collect();
    if dropped.is_empty() {
        return Vec::new();
    }
    let chains = Chains::read(look.from);
    dropped
        .into_iter()
        .map(|(at, column)| {
            let name = column.path_text();
            let computed = look
                .column_before(column)
                .is_some_and(|column| column.generated.is_some());
            let table = table_of(column);
            if computed || look.size(&table) == Size::Empty {
                let why = if computed {
                    "its values are computed"
                } else {
                    "the table is empty"
                };
                return Hit::new(
                    Risk::Caution,
                    at,
                    column,
                    format!("Column `{name}` is dropped; {why}, but code that names it fails."),
                );
            }
            if keeps(&look.steps[at]) {
                let message = format!(
                    "Column `{name}` is dropped; its values in {} are copied to quarantine while nobody reads or writes the \
                     table, and a rollback brings them back. Code that still names it fails.",
                    look.sized(&table)
                );
                return Hit::new(Risk::Caution, at, column, message);
            }
            let (risk, role) = match chains.role(column) {
                Some(role) => (Risk::Critical, format!(" It identifies rows: {role}.")),
                None => (Risk::Dangerous, String::new()),
            };
            let message = format!(
                "Column `{name}` is dropped with its values in {}.{role}",
                look.sized(&table)
            );
            Hit::new(risk, at, column, message).hint(
                "Release code that no longer names the column first, and copy key and column to another table if the \
                 values may be missed.",
            )
        })
        .collect()
}

/// Finds the attributes that a statement takes out of the values that are there.
fn attribute(look: &Look, at: usize, step: &Step, sentence: &Sentence) -> Option<Hit> {
    let Some(Loss::Values(what)) = &sentence.facts.loss else {
        return None;
    };
    let changed = |kind: Kind| {
        let mut changes = step.changes.iter();
        changes.find(|change| change.verb == Verb::Alter && change.object.kind == kind)
    };
    let (object, holders) = if let Some(change) = changed(Kind::CompositeType) {
        (&change.object, type_use::tables(&change.object, look.from))
    } else {
        let column = &changed(Kind::Column)?.object;
        (column, BTreeSet::from([table_of(column)]))
    };
    let filled: Vec<&Identity> = holders.iter().filter(|table| !look.is_empty(table)).collect();
    if filled.is_empty() {
        let message =
            format!("An attribute goes, and with it {what}; no table holds any, but code that names it fails.");
        return Some(Hit::new(Risk::Caution, at, object, message));
    }
    let tables: Vec<String> = filled.into_iter().map(|table| look.sized(table)).collect();
    let message = format!(
        "An attribute goes, and with it {what}, in the rows of {}.",
        tables.join(", ")
    );
    Some(Hit::new(Risk::Dangerous, at, object, message).hint(
        "If it is only called otherwise now, rename it by hand first (`ALTER TYPE … RENAME ATTRIBUTE`); copy key and \
         attribute to another table if the values may be missed.",
    ))
}
