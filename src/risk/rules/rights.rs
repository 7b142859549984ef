//! ## What it finds
//!
//! On objects that stand: another owner, privileges granted or revoked, default privileges; a function or procedure
//! that starts or stops running with its owner's rights (`SECURITY DEFINER`), a view that starts or stops checking its
//! reader's rights (`security_invoker`). The finding says who gains and who loses. Where roles are looked after: a role that
//! becomes or stops being a member of another, or gets what no privilege bounds (`SUPERUSER`, `BYPASSRLS`).
//!
//! ## Why it is dangerous
//!
//! Whoever loses a privilege fails at the next statement; whoever gains one can do what nobody has checked yet. An owner
//! can alter and drop. A `SECURITY DEFINER` function without its own `search_path` can be led to run somebody else's
//! code with its owner's rights. It is `caution`.
//!
//! ## Safer way
//!
//! Grant to roles that people are members of, not to people. Give every `SECURITY DEFINER` function
//! `SET search_path = ''` or the schemas that it needs. Revoke after the code that used the privilege is gone.
//!
//! ## PostgreSQL versions
//!
//! All. `security_invoker` exists since 15, the privilege MAINTAIN since 17.

use std::collections::BTreeMap;

use crate::kinds::{AnyObject, Owner, Role};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| change.verb != Verb::Rebuild)
        .filter_map(|(at, change)| {
            let message = message(look, change)?;
            Some(Hit::new(Risk::Caution, at, &change.object, message))
        })
        .collect()
}

fn message(look: &Look, change: &Change) -> Option<String> {
    let sides = (look.from.get(&change.object), look.to.get(&change.object));
    match sides.1.or(sides.0)? {
        AnyObject::Owner(owner) => {
            let was = match sides.0 {
                Some(AnyObject::Owner(before)) => format!(" instead of `{}`", before.role),
                _ => String::new(),
            };
            look.stands(&owner.target)
                .then(|| format!("`{}` belongs to `{}`{was}.", owner.target.path_text(), owner.role))
        }
        AnyObject::Privilege(privilege) => {
            if look.is_new(&privilege.target) || !look.to.contains(&privilege.target) {
                return None;
            }
            let shift = shift(
                privileges(sides.0).as_ref(),
                privileges(sides.1).as_ref(),
                &privilege.initial,
            )?;
            let grantee = grantee(&privilege.grantee);
            Some(format!("On `{}`, {grantee} {shift}.", privilege.target.path_text()))
        }
        AnyObject::DefaultPrivilege(privilege) => {
            let shift = shift(
                privileges(sides.0).as_ref(),
                privileges(sides.1).as_ref(),
                &privilege.initial,
            )?;
            Some(format!(
                "On {} that `{}` will create, {} {shift}.",
                privilege.objects,
                privilege.role,
                grantee(&privilege.grantee)
            ))
        }
        AnyObject::Role(role) => {
            let before = match sides.0 {
                Some(AnyObject::Role(before)) => powers(before),
                _ => Vec::new(),
            };
            let gained: Vec<&str> = powers(role)
                .into_iter()
                .filter(|power| !before.contains(power))
                .collect();
            let is_said = !gained.is_empty() && change.verb != Verb::Drop;
            is_said.then(|| format!("Role `{}` gains {}.", role.name, gained.join(", ")))
        }
        AnyObject::RoleMembership(membership) => {
            let verb = match change.verb {
                Verb::Create => "becomes",
                Verb::Drop => "is no longer",
                _ => "has other rights as",
            };
            let (role, member) = (&membership.role, &membership.member);
            // A new role can do nothing yet that anybody relies on, unless it gets another one's rights.
            let falls = change.verb == Verb::Drop && look.falls_with_parent(&change.object);
            let by = membership
                .grantor
                .as_ref()
                .map(|role| format!(", as granted by `{role}`"));
            let by = by.unwrap_or_default();
            (!falls).then(|| format!("`{member}` {verb} a member of `{role}`{by}."))
        }
        _ => whose_rights(look, change, sides),
    }
}

/// Returns the attributes of a role that privileges cannot bound.
fn powers(role: &Role) -> Vec<&'static str> {
    let all = [
        (role.superuser, "SUPERUSER"),
        (role.create_role, "CREATEROLE"),
        (role.replication, "REPLICATION"),
        (role.bypass_row_security, "BYPASSRLS"),
    ];
    all.into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, power)| power)
        .collect()
}

fn privileges(object: Option<&AnyObject>) -> Option<BTreeMap<String, bool>> {
    match object? {
        AnyObject::Privilege(privilege) => Some(privilege.privileges.clone()),
        AnyObject::DefaultPrivilege(privilege) => Some(privilege.privileges.clone()),
        _ => None,
    }
}

fn grantee(role: &str) -> String {
    match role {
        "public" => "everybody".to_owned(),
        "pg_owner" => "the owner".to_owned(),
        role => format!("`{role}`"),
    }
}

/// Says what a role gains and loses; what it holds without the object is the initial set.
fn shift(
    before: Option<&BTreeMap<String, bool>>,
    after: Option<&BTreeMap<String, bool>>,
    initial: &BTreeMap<String, bool>,
) -> Option<String> {
    let (before, after) = (before.unwrap_or(initial), after.unwrap_or(initial));
    let only = |a: &BTreeMap<String, bool>, b: &BTreeMap<String, bool>| {
        let names: Vec<&str> = a
            .keys()
            .filter(|name| !b.contains_key(*name))
            .map(String::as_str)
            .collect();
        names.join(", ")
    };
    let (gains, loses) = (only(after, before), only(before, after));
    match (gains.is_empty(), loses.is_empty()) {
        (false, false) => Some(format!("gains {gains} and loses {loses}")),
        (false, true) => Some(format!("gains {gains}")),
        (true, false) => Some(format!("loses {loses}")),
        (true, true) if before != after => Some("may pass privileges on to others, or no longer".to_owned()),
        (true, true) => None,
    }
}

fn whose_rights(look: &Look, change: &Change, sides: (Option<&AnyObject>, Option<&AnyObject>)) -> Option<String> {
    let name = change.object.path_text();
    if !look.from.contains(&change.object) || !look.to.contains(&change.object) {
        return None;
    }
    if let (Some(AnyObject::View(before)), Some(AnyObject::View(after))) = sides {
        let invoker = |options: &[String]| options.iter().any(|option| option == "security_invoker=true");
        return match (invoker(&before.options), invoker(&after.options)) {
            (false, true) => Some(format!(
                "View `{name}` checks the rights of its reader instead of its owner's."
            )),
            (true, false) => Some(format!(
                "View `{name}` checks the rights of its owner instead of its reader's: readers may see more."
            )),
            _ => None,
        };
    }
    let owner = Owner::role_of(&change.object, look.to).unwrap_or(&look.to.role);
    match (definer(sides.0)?, definer(sides.1)?) {
        (false, true) => Some(format!(
            "`{name}` runs with the rights of its owner `{owner}` instead of its caller's: whoever may execute it gains them."
        )),
        (true, false) => Some(format!(
            "`{name}` runs with its caller's rights instead of those of its owner `{owner}`: callers without them fail."
        )),
        _ => None,
    }
}

fn definer(object: Option<&AnyObject>) -> Option<bool> {
    match object? {
        AnyObject::Function(routine) => Some(routine.0.security_definer),
        AnyObject::Procedure(routine) => Some(routine.0.security_definer),
        _ => None,
    }
}
