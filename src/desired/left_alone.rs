//! Statements about roles that are left alone: the one that trueup connects as, those that a server begins with, and those
//! that no file declares. Each is noted.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use postgres::{Client, SimpleQueryMessage};

use super::classify::leading_words;
use super::statement::{Note, Statement, Target, parse};
use crate::error::Result;
use crate::kinds::Area;

/// Takes the statements about roles out of a target that are on a server of our own before anything was executed: they
/// would take away what trueup itself works with.
pub(super) fn pass_over_own_roles(target: &mut Target, client: &mut Client) -> Result<()> {
    if !Area::Roles.is_managed() {
        return Ok(());
    }
    let mut own = BTreeSet::new();
    for message in client.simple_query("SELECT rolname FROM pg_catalog.pg_roles")? {
        if let SimpleQueryMessage::Row(row) = message {
            own.extend(row.get(0).map(str::to_owned));
        }
    }
    let mut noted = BTreeSet::new();
    for statement in std::mem::take(&mut target.statements) {
        let Some(role) = changed_role(&statement).filter(|role| own.contains(role)) else {
            target.statements.push(statement);
            continue;
        };
        if noted.insert(role.clone()) {
            let text = format!(
                "What is said of role `{role}` is passed over: trueup connects as it, or every server begins with it."
            );
            target.notes.push(note(target, &statement, text));
        }
    }
    Ok(())
}

/// Returns notes about statements that change roles which no file declares: what else such a role is, nobody says.
pub(super) fn attributes_of_stubs(target: &Target, stubs: &BTreeSet<String>) -> Vec<Note> {
    let of_stub = |statement: &Statement| {
        let Some(NodeEnum::AlterRoleStmt(alter)) = parse(&statement.sql) else {
            return None;
        };
        let role = alter
            .role
            .map(|role| role.rolename)
            .filter(|role| stubs.contains(role))?;
        let text =
            format!("`ALTER ROLE {role}` is passed over: no target file declares the role, with `CREATE ROLE` first.");
        Some(note(target, statement, text))
    };
    if stubs.is_empty() || !Area::Roles.is_managed() {
        return Vec::new();
    }
    let about_roles = target.statements.iter().filter(|statement| is_about_role(statement));
    about_roles.filter_map(of_stub).collect()
}

fn note(target: &Target, statement: &Statement, text: String) -> Note {
    let place = target.files[statement.file].place(statement.offset);
    Note { place, text }
}

fn is_about_role(statement: &Statement) -> bool {
    let words = leading_words(&statement.sql);
    let second = words.split_once(' ').map(|(_, second)| second);
    matches!(second, Some("ROLE" | "USER" | "GROUP"))
}

/// Returns the role that a statement makes or changes.
fn changed_role(statement: &Statement) -> Option<String> {
    if !is_about_role(statement) {
        return None;
    }
    match parse(&statement.sql)? {
        NodeEnum::CreateRoleStmt(create) => Some(create.role),
        NodeEnum::AlterRoleStmt(alter) => alter.role.map(|role| role.rolename),
        NodeEnum::AlterRoleSetStmt(set) => set.role.map(|role| role.rolename),
        _ => None,
    }
}
