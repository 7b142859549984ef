//! ## What it finds
//!
//! An extension that is created, dropped, replaced or moved to another schema.
//!
//! ## Why it is dangerous
//!
//! Creating one needs its files on the server and often a superuser. Dropping one drops all its members: types, operators
//! and functions that columns and indexes may use. What it does, trueup does not see: its members are its own. Create
//! and move are `caution`, drop and replacement `dangerous`.
//!
//! ## Safer way
//!
//! Look at `pg_available_extensions` on the live server before, and at what depends on the members
//! (`DROP EXTENSION … RESTRICT` in a transaction that is rolled back) before a drop.
//!
//! ## PostgreSQL versions
//!
//! All. Since 13 trusted extensions need only CREATE on the database.

use crate::kinds::Kind;
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| change.object.kind == Kind::Extension)
        .map(|(at, change)| {
            let name = change.object.path_text();
            let (risk, message) = match change.verb {
                Verb::Create => (
                    Risk::Caution,
                    format!(
                        "Extension `{name}` is created: the server must have its files, and the role the privilege."
                    ),
                ),
                Verb::Drop | Verb::Replace | Verb::Rebuild => (
                    Risk::Dangerous,
                    format!("Extension `{name}` is dropped with all its types, operators and functions."),
                ),
                Verb::Alter | Verb::Rename => (Risk::Caution, format!("Extension `{name}` changes.")),
            };
            Hit::new(risk, at, &change.object, message)
        })
        .collect()
}
