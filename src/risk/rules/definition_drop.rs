//! ## What it finds
//!
//! A drop of something that can be written again from its text, and that stands by itself or on something that stays: a
//! view, function, procedure, aggregate, operator, cast, trigger, rule, extended statistics, text search configuration,
//! foreign server and the like; and, as advice, of a comment or of what ties a sequence to a column. The finding names what
//! depends on it in this database. Publications are TU506.
//!
//! ## Why it is dangerous
//!
//! No row is lost and a rollback restores it exactly, so it is `caution`, and `safe` for a comment and the
//! like, and for a trigger or a rule of an empty table. But callers fail from the moment of the
//! commit, and a trigger that no longer fires leaves rows that nobody corrects later. PostgreSQL does not know which
//! functions call a function.
//!
//! ## Safer way
//!
//! Release code that no longer uses it first. For functions, `track_functions` and `pg_stat_user_functions` tell
//! whether they are still called.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::family::Family;
use crate::risk::look::{Hit, Look, names, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut dropped = look
        .with_verb(Verb::Drop)
        .filter(|(_, object)| is_definition(object.kind) && !look.falls_with_parent(object))
        .peekable();
    if dropped.peek().is_none() {
        return Vec::new();
    }
    let dependents = look.from.dependents();
    dropped
        .map(|(at, object)| {
            let named = |dependent: &&&_| !look.belongs_to(dependent, object);
            let users = dependents.get(object).into_iter().flatten().filter(named).copied();
            let users = names(users);
            let who = if users.is_empty() {
                "nothing else in this database depends on it, but applications may use it".to_owned()
            } else {
                format!("{users} depend on it and change in this plan too")
            };
            let message = format!("The {} `{}` is dropped; {who}.", object.kind, object.path_text());
            let of_empty = object.path.len() == 3 && look.is_empty(&table_of(object));
            let risk = if Family::of(object.kind) == Family::Definition && !of_empty {
                Risk::Caution
            } else {
                Risk::Safe
            };
            match used_elsewhere(look, object) {
                Some(places) => Hit::new(Risk::Dangerous, at, object, format!("{message} {places}")),
                None => Hit::new(risk, at, object, message),
            }
        })
        .collect()
}

/// Says where else in the cluster a role is needed, which PostgreSQL then refuses to drop.
fn used_elsewhere(look: &Look, object: &Identity) -> Option<String> {
    match look.from.get(object) {
        Some(AnyObject::Role(role)) if !role.used_in.is_empty() => Some(format!(
            "It owns something or has privileges in {}: the statement will fail until `REASSIGN OWNED` and `DROP OWNED` ran \
             there.",
            role.used_in.join(", ")
        )),
        _ => None,
    }
}

/// Tells whether an object comes back from its text, and no other rule speaks of its drop.
fn is_definition(kind: Kind) -> bool {
    let others = [Kind::Publication, Kind::PublicationTable, Kind::PublicationSchema];
    let small = [Kind::Comment, Kind::ForeignColumn, Kind::SequenceOwner];
    small.contains(&kind) || (Family::of(kind) == Family::Definition && !others.contains(&kind))
}
