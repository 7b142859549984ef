//! Statements about the database at hand, by whatever name: a target file names the live one, and runs in a scratch one.

use pg_query::protobuf::ObjectType;
use pg_query::{DeparseOptions, Node, NodeEnum};

use super::statement::parse;
use crate::kinds::Area;

/// Returns a statement with the name of this database in place of the one that it says, if it is about the database.
pub(crate) fn in_database(sql: &str, name: &str) -> Option<String> {
    let is_managed = Area::Database.is_managed() || Area::Roles.is_managed();
    if !is_managed || !sql.to_ascii_uppercase().contains("DATABASE") {
        return None;
    }
    let mut node = parse(sql)?;
    if !rename(&mut node, name) {
        return None;
    }
    node.deparse(DeparseOptions::default()).ok()
}

fn rename(node: &mut NodeEnum, name: &str) -> bool {
    use NodeEnum as N;
    let of_database = |object: ObjectType| object == ObjectType::ObjectDatabase;
    match node {
        N::AlterDatabaseStmt(alter) => name.clone_into(&mut alter.dbname),
        N::AlterDatabaseSetStmt(alter) => name.clone_into(&mut alter.dbname),
        N::AlterRoleSetStmt(alter) if !alter.database.is_empty() => name.clone_into(&mut alter.database),
        N::CommentStmt(comment) if of_database(comment.objtype()) => {
            comment.object.iter_mut().for_each(|object| say(object, name));
        }
        N::AlterOwnerStmt(alter) if of_database(alter.object_type()) => {
            alter.object.iter_mut().for_each(|object| say(object, name));
        }
        N::GrantStmt(grant) if of_database(grant.objtype()) => {
            grant.objects.iter_mut().for_each(|object| say(object, name));
        }
        _ => return false,
    }
    true
}

fn say(object: &mut Node, name: &str) {
    if let Some(NodeEnum::String(said)) = &mut object.node {
        name.clone_into(&mut said.sval);
    }
}
