//! ## What it finds
//!
//! A `DROP TABLE`.
//!
//! ## Why it is dangerous
//!
//! The rows are gone at commit. The rollback of the step brings the table back, but empty: its label is `schema only`.
//! It is `critical` where the table holds rows or nobody knows, `caution` where the table is certainly empty.
//!
//! ## Safer way
//!
//! First make sure that nothing reads or writes it: `pg_stat_user_tables` counts scans and writes. Rename it, or move it
//! to another schema, and wait until nobody has missed it. Keep a copy: `pg_dump --table`. If it is only called
//! otherwise now, write `-- trueup: renamed from NAME` above its declaration.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::kinds::Kind;
use crate::plan::Verb;
use crate::quarantine::{copies, keeps};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Drop)
        .filter(|(_, object)| object.kind == Kind::Table)
        .map(|(at, table)| {
            let sized = look.sized(table);
            if look.size(table) == Size::Empty {
                return Hit::new(Risk::Caution, at, table, format!("Table {sized} is dropped."));
            }
            if keeps(&look.steps[at]) {
                let how = if copies(&look.steps[at]) { "copied to" } else { "kept in" };
                let message = format!(
                    "Table {sized} is dropped; its rows are {how} quarantine, and a rollback brings them back. Code that \
                     still names it fails."
                );
                return Hit::new(Risk::Caution, at, table, message);
            }
            Hit::new(
                Risk::Critical,
                at,
                table,
                format!(
                    "Table {sized} is dropped with all its rows; a rollback brings back the table but not the rows."
                ),
            )
            .hint(format!(
                "Keep a copy (`pg_dump --table={}`), or rename the table first and drop it when nobody has missed it.",
                table.path_text()
            ))
        })
        .collect()
}
