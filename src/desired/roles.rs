//! Roles that target files name, so that they can be made on a scratch server or missed there by name.

use std::collections::BTreeSet;

use pg_query::protobuf::{RoleSpec, RoleSpecType};
use pg_query::{Node, NodeEnum};

/// Roles that target files name, by what they are needed for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Roles that the files make owner of something.
    pub owners: BTreeSet<String>,
    /// Roles that `SET ROLE` and `SET SESSION AUTHORIZATION` name.
    pub sessions: BTreeSet<String>,
    /// All roles that the files name.
    pub named: BTreeSet<String>,
    /// Roles that the files make.
    pub declared: BTreeSet<String>,
    /// Roles that the files drop.
    pub dropped: BTreeSet<String>,
}

impl Roles {
    /// Adds the roles that a statement names.
    pub(crate) fn collect(&mut self, node: &NodeEnum) {
        use NodeEnum as N;
        match node {
            N::AlterOwnerStmt(alter) => self.owner(alter.newowner.as_ref()),
            N::AlterTableStmt(alter) => {
                for command in &alter.cmds {
                    if let Some(N::AlterTableCmd(command)) = &command.node {
                        self.owner(command.newowner.as_ref());
                    }
                }
            }
            N::CreateSchemaStmt(create) => {
                self.owner(create.authrole.as_ref());
                create
                    .schema_elts
                    .iter()
                    .filter_map(|element| element.node.as_ref())
                    .for_each(|node| self.collect(node));
            }
            N::ReassignOwnedStmt(reassign) => {
                self.owner(reassign.newrole.as_ref());
                self.nodes(&reassign.roles);
            }
            N::GrantStmt(grant) => {
                self.nodes(&grant.grantees);
                self.spec(grant.grantor.as_ref());
            }
            N::AlterDefaultPrivilegesStmt(alter) => {
                self.nodes(&alter.options);
                alter.action.iter().for_each(|grant| self.nodes(&grant.grantees));
            }
            N::CreatePolicyStmt(create) => self.nodes(&create.roles),
            N::AlterPolicyStmt(alter) => self.nodes(&alter.roles),
            N::CreateUserMappingStmt(create) => self.spec(create.user.as_ref()),
            N::AlterUserMappingStmt(alter) => self.spec(alter.user.as_ref()),
            N::DropUserMappingStmt(drop) => self.spec(drop.user.as_ref()),
            N::DropOwnedStmt(drop) => self.nodes(&drop.roles),
            N::CreateRoleStmt(create) => {
                self.name(&create.role);
                self.declared.insert(create.role.clone());
            }
            N::DropRoleStmt(drop) => {
                let roles = drop.roles.iter().filter_map(|role| match &role.node {
                    Some(N::RoleSpec(role)) => Some(role.rolename.clone()),
                    _ => None,
                });
                self.dropped.extend(roles);
            }
            N::AlterRoleSetStmt(set) => self.spec(set.role.as_ref()),
            N::AlterRoleStmt(alter) => self.spec(alter.role.as_ref()),
            N::GrantRoleStmt(grant) => self.nodes(&grant.grantee_roles),
            _ => {}
        }
    }

    /// Adds a role that the session switches to; what it creates is its own.
    pub(super) fn session(&mut self, role: &str) {
        if role != "none" {
            self.name(role);
            self.owners.insert(role.to_owned());
            self.sessions.insert(role.to_owned());
        }
    }

    fn owner(&mut self, role: Option<&RoleSpec>) {
        if let Some(role) = role.filter(|role| role.roletype() == RoleSpecType::RolespecCstring) {
            self.owners.insert(role.rolename.clone());
        }
        self.spec(role);
    }

    fn spec(&mut self, role: Option<&RoleSpec>) {
        if let Some(role) = role.filter(|role| role.roletype() == RoleSpecType::RolespecCstring) {
            self.name(&role.rolename);
        }
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match &node.node {
                Some(NodeEnum::RoleSpec(role)) => self.spec(Some(role)),
                Some(NodeEnum::List(list)) => self.nodes(&list.items),
                Some(NodeEnum::DefElem(option)) => {
                    option.arg.iter().for_each(|arg| self.nodes(std::slice::from_ref(arg)));
                }
                _ => {}
            }
        }
    }

    fn name(&mut self, role: &str) {
        // Names that begin with `pg_` are the server's own.
        if !role.starts_with("pg_") {
            self.named.insert(role.to_owned());
        }
    }
}
