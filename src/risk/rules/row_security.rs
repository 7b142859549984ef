//! ## What it finds
//!
//! On a table that stands: row security switched on, off, forced or no longer forced, and policies that are created,
//! changed or dropped.
//!
//! ## Why it is dangerous
//!
//! Row security decides which rows a role sees and writes, and nothing fails when it is wrong: rows appear that should
//! not, or are silently missing. Off, or a restrictive policy gone, shows rows to everybody with a grant; on without
//! any policy hides all rows from everybody but the owner. Those, and changed conditions, are `dangerous`; a new policy,
//! a permissive one that goes, and row security switched on with policies in place are `caution`.
//!
//! ## Safer way
//!
//! Try it as the roles that it is about: `SET ROLE app; SELECT count(*) …` before and after, in a transaction that is
//! rolled back. Create policies before row security is switched on.
//!
//! ## PostgreSQL versions
//!
//! All. Views check the policies of their owner unless `security_invoker` is set (15).

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};

const HINT: &str = "Try it as the roles that it is about, before and after, in a transaction that is rolled back.";

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| look.stands(&table_of(&change.object)))
        .flat_map(|(at, change)| match change.object.kind {
            Kind::Table => flags(look, at, &change.object),
            Kind::Policy => policy(look, at, change).into_iter().collect(),
            _ => Vec::new(),
        })
        .collect()
}

fn flags(look: &Look, at: usize, table: &Identity) -> Vec<Hit> {
    let (Some(AnyObject::Table(before)), Some(AnyObject::Table(after))) = (look.from.get(table), look.to.get(table))
    else {
        return Vec::new();
    };
    let name = table.path_text();
    let mut out = Vec::new();
    match (before.row_security, after.row_security) {
        (true, false) => out.push((
            Risk::Dangerous,
            format!("Row security of `{name}` is switched off: everybody with a grant sees and writes all rows."),
        )),
        (false, true) if has_policy(look, table) => out.push((
            Risk::Caution,
            format!("Row security of `{name}` is switched on: its policies decide from now on who sees which rows."),
        )),
        (false, true) => out.push((
            Risk::Dangerous,
            format!("Row security of `{name}` is switched on without any policy: only its owner sees rows."),
        )),
        _ => {}
    }
    match (before.force_row_security, after.force_row_security) {
        (true, false) => out.push((
            Risk::Dangerous,
            format!("Row security of `{name}` no longer binds its owner, who sees and writes all rows."),
        )),
        (false, true) => out.push((Risk::Caution, format!("Row security of `{name}` binds its owner too."))),
        _ => {}
    }
    out.into_iter()
        .map(|(risk, message)| Hit::new(risk, at, table, message).hint(HINT))
        .collect()
}

fn has_policy(look: &Look, table: &Identity) -> bool {
    let objects = look.to.objects.keys();
    objects
        .filter(|object| object.kind == Kind::Policy)
        .any(|policy| table_of(policy) == *table)
}

fn policy(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let permissive =
        |object: Option<&AnyObject>| matches!(object, Some(AnyObject::Policy(policy)) if policy.permissive);
    let (before, after) = (look.from.get(&change.object), look.to.get(&change.object));
    let (risk, what) = match change.verb {
        Verb::Create if permissive(after) => (Risk::Caution, "is created and lets more rows through"),
        Verb::Create => (Risk::Caution, "is created and lets fewer rows through"),
        Verb::Drop if permissive(before) => (Risk::Caution, "is dropped, so that fewer rows are let through"),
        Verb::Drop => (
            Risk::Dangerous,
            "is dropped and was restrictive, so that more rows are let through",
        ),
        Verb::Alter | Verb::Replace => (Risk::Dangerous, "changes, and with it who sees or writes which rows"),
        Verb::Rebuild | Verb::Rename => return None,
    };
    let roles = match after.or(before) {
        Some(AnyObject::Policy(policy)) => who(&policy.roles),
        _ => return None,
    };
    let message = format!("Policy `{}` for {roles} {what}.", change.object.path_text());
    Some(Hit::new(risk, at, &change.object, message).hint(HINT))
}

/// Names the roles that a policy is for.
fn who(roles: &[String]) -> String {
    let named: Vec<String> = roles
        .iter()
        .map(|role| {
            if role == "public" {
                "everybody".to_owned()
            } else {
                format!("`{role}`")
            }
        })
        .collect();
    if named.is_empty() {
        "everybody".to_owned()
    } else {
        named.join(", ")
    }
}
