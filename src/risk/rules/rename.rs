//! ## What it finds
//!
//! A rename or a move to another schema, which a hint in the target files asked for; the values of an enum, and roles,
//! included.
//!
//! ## Why it is dangerous
//!
//! Rows and dependents stay, but code that uses the former name fails from the moment of the commit, and code that uses
//! the new one fails until then. Bodies of functions are text to PostgreSQL and keep the former name. It is `dangerous`
//! for what applications name (schemas, tables, columns, views, functions, types, sequences), `caution` for constraints,
//! indexes and the like, and for an empty table and its columns.
//!
//! A role gets another name in every database of the cluster at once, with all that it owns and may do. Logins under its
//! former name fail, so do the lines of `pg_hba.conf` and the connection strings that name it, and PostgreSQL forgets a
//! password that is stored as MD5. Sessions that are open go on. It is `dangerous` for a role that may log in, `caution`
//! for others.
//!
//! ## Safer way
//!
//! Leave a view under the former name until all code knows the new one; for a column, add the new one beside it, keep
//! both filled by a trigger, and drop the former one later. For a role that logs in, make a second one that is a member of
//! the first, change all logins over to it, and rename nothing; or set its password again right after the rename.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::family::Family;
use crate::risk::look::{Hit, Look, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Rename)
        .map(|(at, object)| {
            if object.kind == Kind::Role {
                return of_role(look, at, object);
            }
            let risk = match Family::of(object.kind) {
                Family::Table | Family::Column if look.is_empty(&table_of(object)) => Risk::Caution,
                Family::Table | Family::Column | Family::Holder | Family::Definition => Risk::Dangerous,
                _ => Risk::Caution,
            };
            let message = format!(
                "The {} gets the name `{}` at once: code that uses its former name fails.",
                word(object),
                object.path_text()
            );
            Hit::new(risk, at, object, message).hint(
                "Leave a view under the former name, or keep both columns filled, until all code knows the new one.",
            )
        })
        .collect()
}

fn of_role(look: &Look, at: usize, object: &Identity) -> Hit {
    let sides = [look.from, look.to].map(|catalog| catalog.get(object));
    let logs_in = sides
        .iter()
        .any(|role| matches!(role, Some(AnyObject::Role(role)) if role.login));
    let name = object.path_text();
    let (risk, fails) = if logs_in {
        (
            Risk::Dangerous,
            "logins under its former name fail, and a password that is stored as MD5 is lost",
        )
    } else {
        (
            Risk::Caution,
            "what names it otherwise (`SET ROLE`, scripts with grants) fails",
        )
    };
    let message = format!("The role gets the name `{name}` at once, in every database of the cluster: {fails}.");
    Hit::new(risk, at, object, message).hint(
        "Change what logs in or names it (connection strings, `pg_hba.conf`) at the same moment, and set its password again \
         if it was stored as MD5.",
    )
}

/// Returns what is renamed, in a word; a value of an enum stands below its type.
fn word(object: &Identity) -> &'static str {
    match (object.kind, object.path.len()) {
        (Kind::EnumType, 3..) => "enum value",
        (kind, _) => kind.words(),
    }
}
