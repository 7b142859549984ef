//! Row security policy.

use serde::{Deserialize, Serialize};

use super::settled::{same_option, settle_option};
use super::{Alter, Context, Fold, Kind, Lock, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, list, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A row security policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name.
    pub name: String,
    /// Whether it widens access (`PERMISSIVE`) or narrows it.
    pub permissive: bool,
    /// Command: `r` select, `a` insert, `w` update, `d` delete, `*` all.
    pub command: String,
    /// Roles, sorted; none means `PUBLIC`.
    pub roles: Vec<String>,
    /// Condition on rows that are read, as PostgreSQL deparses it.
    pub using: Option<String>,
    /// Condition on rows that are written.
    pub check: Option<String>,
}

impl Policy {
    fn table_identity(&self) -> Identity {
        Identity::new(Kind::Table, [&self.schema, &self.table])
    }

    fn statement(&self, verb: &str, rest: &str) -> Statement {
        let table = qualified([&self.schema, &self.table]);
        Statement::new(format!("{verb} POLICY {} ON {table}{rest}", ident(&self.name)))
            .locks(self.table_identity(), Lock::AccessExclusive)
    }

    fn roles_sql(&self) -> String {
        if self.roles.is_empty() {
            "PUBLIC".to_owned()
        } else {
            list(&self.roles)
        }
    }

    fn command_word(&self) -> &'static str {
        match self.command.as_str() {
            "r" => "SELECT",
            "a" => "INSERT",
            "w" => "UPDATE",
            "d" => "DELETE",
            _ => "ALL",
        }
    }
}

fn conditions(using: Option<&String>, check: Option<&String>) -> String {
    let using = using.map(|expression| format!(" USING ({expression})"));
    let check = check.map(|expression| format!(" WITH CHECK ({expression})"));
    format!("{}{}", using.unwrap_or_default(), check.unwrap_or_default())
}

impl Object for Policy {
    const CLASS: u32 = 3256;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT p.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, p.polname AS name, p.polpermissive,
                    p.polcmd::text AS command, r.roles, pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS qual,
                    pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
             FROM pg_catalog.pg_policy p
             JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL (SELECT array_agg(r.rolname::text ORDER BY r.rolname) AS roles
                                 FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles)) r
             WHERE c.relkind IN ('r', 'p') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            name: row.try_get("name")?,
            permissive: row.try_get("polpermissive")?,
            command: row.try_get("command")?,
            roles: row.try_get::<_, Option<_>>("roles")?.unwrap_or_default(),
            using: row.try_get("qual")?,
            check: row.try_get("with_check")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Policy, [&self.schema, &self.table, &self.name])
    }

    fn significant(self) -> Self {
        Self {
            using: settle_option(self.using.as_ref()),
            check: settle_option(self.check.as_ref()),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let kind = if self.permissive { "" } else { " AS RESTRICTIVE" };
        let command = match self.command_word() {
            "ALL" => String::new(),
            word => format!(" FOR {word}"),
        };
        let roles = match self.roles_sql().as_str() {
            "PUBLIC" => String::new(),
            roles => format!(" TO {roles}"),
        };
        let conditions = conditions(self.using.as_ref(), self.check.as_ref());
        vec![self.statement("CREATE", &format!("{kind}{command}{roles}{conditions}"))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let fold = Fold::Implied {
            host: self.table_identity(),
        };
        vec![self.statement("DROP", "").fold(fold)]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            name: _,
            permissive,
            command,
            roles,
            using,
            check,
        } = self;
        // ALTER POLICY can set an expression but not take it away.
        let loses_using = using.is_some() && desired.using.is_none();
        let loses_check = check.is_some() && desired.check.is_none();
        if *permissive != desired.permissive || *command != desired.command || loses_using || loses_check {
            return Alter::Replace;
        }
        let mut rest = String::new();
        if *roles != desired.roles {
            rest.push_str(&format!(" TO {}", desired.roles_sql()));
        }
        rest.push_str(&conditions(
            desired
                .using
                .as_ref()
                .filter(|_| !same_option(using.as_ref(), desired.using.as_ref())),
            desired
                .check
                .as_ref()
                .filter(|_| !same_option(check.as_ref(), desired.check.as_ref())),
        ));
        if rest.is_empty() {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![self.statement("ALTER", &rest)])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let here = Self {
            name: self.name.clone(),
            ..desired.clone()
        };
        Some(vec![
            here.statement("ALTER", &format!(" RENAME TO {}", ident(&desired.name))),
        ])
    }
}
