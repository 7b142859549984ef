//! ## What it finds
//!
//! A standing table that becomes unlogged, or logged.
//!
//! ## Why it is dangerous
//!
//! An unlogged table is emptied after a crash, is empty on every replica and in every physical backup that is restored,
//! and cannot be published. Either way the whole table is written anew with all its indexes under ACCESS EXCLUSIVE;
//! `SET LOGGED` writes it to the log as well. Unlogged is `dangerous`, `caution` for an empty table; logged goes by size: `dangerous`,
//! `critical` where a large table is busy, `caution` up to 16 MiB, and not reported for an empty table.
//!
//! ## Safer way
//!
//! Keep only what can be computed again in unlogged tables. Change a large one in a quiet hour, or fill a new table
//! beside it and rename both in one short transaction.
//!
//! ## PostgreSQL versions
//!
//! All. Since 15 sequences can be unlogged too, and those of identity columns follow their table.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| change.object.kind == Kind::Table)
        .filter_map(|(at, change)| hit(look, at, &change.object))
        .collect()
}

fn hit(look: &Look, at: usize, table: &Identity) -> Option<Hit> {
    let sized = look.sized(table);
    if change(look, table)? {
        let risk = if look.is_empty(table) {
            Risk::Caution
        } else {
            Risk::Dangerous
        };
        let message =
            format!("{sized} becomes unlogged: it is written anew, emptied after a crash, and empty on every replica.");
        return Some(
            Hit::new(risk, at, table, message).hint("Keep only what can be computed again in unlogged tables."),
        );
    }
    let message = format!(
        "{sized} becomes logged: it is written anew and to the log, under ACCESS EXCLUSIVE: nobody reads or writes it \
         meanwhile."
    );
    Some(Hit::new(look.grade(table)?, at, table, message).hint("Choose a quiet hour."))
}

/// Tells whether a standing table becomes unlogged; nothing where it stays as it is.
pub(super) fn change(look: &Look, table: &Identity) -> Option<bool> {
    let (AnyObject::Table(before), AnyObject::Table(after)) = (look.from.get(table)?, look.to.get(table)?) else {
        return None;
    };
    (before.unlogged != after.unlogged && look.stands(table)).then_some(after.unlogged)
}
