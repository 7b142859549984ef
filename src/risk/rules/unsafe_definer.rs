//! ## What it finds
//!
//! A function or procedure that runs with its owner's rights (`SECURITY DEFINER`) and has no `search_path` of its own, where
//! this plan creates or changes it.
//!
//! ## Why it is dangerous
//!
//! Names in its body are looked up along its caller's `search_path`. Whoever may create objects in a schema of that path
//! puts a function or a table there, and the function runs or reads it with its owner's rights. It is `caution`.
//!
//! ## Safer way
//!
//! `SET search_path = ''` in its definition, with qualified names in its body, or the schemas that it needs with `pg_temp`
//! at the end. Revoke `EXECUTE` from `PUBLIC` where not everybody needs it.
//!
//! ## PostgreSQL versions
//!
//! All. A body of parsed SQL (`BEGIN ATOMIC`, since 14) is bound to its objects when the function is created, and is not
//! reported.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Routine};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace))
        .filter(|(_, change)| routine(look, &change.object).is_some_and(is_unsafe))
        .map(|(at, change)| {
            let message = format!(
                "`{}` runs with its owner's rights and looks names up along its caller's `search_path`.",
                change.object.path_text()
            );
            Hit::new(Risk::Caution, at, &change.object, message)
                .hint("Add `SET search_path = ''` to its definition and qualify the names in its body.")
        })
        .collect()
}

fn routine<'a>(look: &Look<'a>, object: &Identity) -> Option<&'a Routine> {
    match look.to.get(object)? {
        AnyObject::Function(routine) => Some(&routine.0),
        AnyObject::Procedure(routine) => Some(&routine.0),
        _ => None,
    }
}

fn is_unsafe(routine: &Routine) -> bool {
    let has_path = routine
        .settings
        .iter()
        .any(|setting| setting.starts_with("search_path="));
    routine.security_definer && !has_path && !routine.parsed_body
}
