//! ## What it finds
//!
//! An extension that is created, dropped, replaced or moved to another schema; and, as advice, one whose version on the live
//! server is another one than where the desired state was read, since a plan does not change versions.
//!
//! ## Why it is dangerous
//!
//! Creating one needs its files on the server and often a superuser. Dropping one drops all its members: types, operators
//! and functions that columns and indexes may use. What it does, trueup does not see: its members are its own. In another
//! version they may be others, or do something else. Create and move are `caution`, drop and replacement `dangerous`, another
//! version is `safe`.
//!
//! ## Safer way
//!
//! Change a version by hand, with `ALTER EXTENSION … UPDATE TO`, after its release notes. Look at `pg_available_extensions` on the live server before, and at what depends on the members
//! (`DROP EXTENSION … RESTRICT` in a transaction that is rolled back) before a drop.
//!
//! ## PostgreSQL versions
//!
//! All. Since 13 trusted extensions need only CREATE on the database.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut out = versions(look);
    let changes = look
        .changes()
        .filter(|(_, change)| change.object.kind == Kind::Extension);
    out.extend(changes.map(|(at, change)| {
        let name = change.object.path_text();
        let (risk, message) = match change.verb {
            Verb::Create => (
                Risk::Caution,
                format!("Extension `{name}` is created: the server must have its files, and the role the privilege."),
            ),
            Verb::Drop | Verb::Replace | Verb::Rebuild => (
                Risk::Dangerous,
                format!("Extension `{name}` is dropped with all its types, operators and functions."),
            ),
            Verb::Alter | Verb::Rename => (Risk::Caution, format!("Extension `{name}` changes.")),
        };
        Hit::new(risk, at, &change.object, message)
    }));
    out
}

/// Reports extensions that stand in two versions, if there is a plan at all.
fn versions(look: &Look) -> Vec<Hit> {
    if look.steps.is_empty() {
        return Vec::new();
    }
    let start = Identity::new(Kind::Extension, std::iter::empty::<String>());
    let live = look.from.objects.range(start..);
    live.map_while(|(identity, object)| match object {
        AnyObject::Extension(before) => Some((identity, before)),
        _ => None,
    })
    .filter_map(|(identity, before)| match look.to.get(identity)? {
        AnyObject::Extension(after) if after.version != before.version => {
            let message = format!(
                "Extension `{}` is at version {} live and at {} in the desired state; the plan does not change it.",
                before.name, before.version, after.version
            );
            Some(
                Hit::new(Risk::Safe, 0, identity, message)
                    .hint("Change the version by hand with `ALTER EXTENSION … UPDATE TO`, after its release notes."),
            )
        }
        _ => None,
    })
    .collect()
}
