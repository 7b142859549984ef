//! Runs the statements of target files on an empty scratch database, in an order that works.
//!
//! Statements run in the order of the files. One that fails for want of something waits, and is tried again after
//! the others with the settings of its place, until a round gets no further; what is left is reported.

mod blame;
mod run;
mod session;

use std::collections::BTreeSet;

use postgres::Client;

use super::declare::Declared;
use super::hints::Hint;
use super::place::Place;
use super::statement::{Note, Target};
use crate::error::Result;

/// What the execution of target files tells beside what it leaves in the database.
#[derive(Debug, Default)]
pub struct Executed {
    /// What was passed over, in the order of the files.
    pub notes: Vec<Note>,
    /// Hints of all files.
    pub hints: Vec<Hint>,
    /// Everything that the files declare, and where.
    pub declarations: Vec<(Declared, Place)>,
    /// Roles that the files make owner of something.
    pub owner_roles: BTreeSet<String>,
    /// All roles that the files name.
    pub roles_named: BTreeSet<String>,
    /// Roles that were made because the files name them, without declaring them.
    pub stubs: BTreeSet<String>,
}

/// Executes a target on an empty scratch database; the connection is left with the server's default settings.
///
/// On a cluster of our own, roles that do not exist are made; on somebody's server a missing role is an error.
///
/// # Errors
/// Statements that do not succeed in any order, each at its place; a missing extension or role; a lost connection.
pub fn execute(target: &Target, client: &mut Client, own_cluster: bool) -> Result<Executed> {
    let mut session = session::Session::begin(client, own_cluster)?;
    session.make_roles(&target.roles)?;
    session.check_extensions(target)?;
    let mut notes = run::Run::new(target, &mut session).run()?;
    session.end()?;
    let stubs = std::mem::take(&mut session.stubs);
    notes.extend(target.notes.iter().cloned());
    notes.sort();
    let declarations = target.statements.iter().flat_map(|statement| {
        let file = &target.files[statement.file];
        statement
            .declares
            .iter()
            .map(|declared| (declared.clone(), file.place(declared.offset)))
    });
    Ok(Executed {
        notes,
        hints: target.hints.clone(),
        declarations: declarations.collect(),
        owner_roles: target.roles.owners.clone(),
        roles_named: target.roles.named.clone(),
        stubs,
    })
}
