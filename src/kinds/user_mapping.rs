//! User mapping: as whom a role appears at a foreign server.

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Context, ForeignServer, Kind, Object, Row, Statement, foreign_options, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A user mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserMapping {
    /// Foreign server.
    pub server: String,
    /// Role, or `public`, which PostgreSQL reserves, for everybody.
    pub role: String,
    /// Options as `name=value`, sorted, with marks for secrets; none where the connected role may not read them.
    pub options: Vec<String>,
}

impl UserMapping {
    fn sql_name(&self) -> String {
        let role = if self.role == "public" {
            "PUBLIC".to_owned()
        } else {
            ident(&self.role)
        };
        format!("USER MAPPING FOR {role} SERVER {}", ident(&self.server))
    }
}

impl Object for UserMapping {
    const CLASS: u32 = 1418;
    const AMONG: (u32, &'static str) = (1417, "");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT m.umid AS oid, 0 AS sub, m.srvname AS server,
                    CASE m.umuser WHEN 0 THEN 'public' ELSE m.usename::text END AS role, {} AS options
             FROM pg_catalog.pg_user_mappings m WHERE (m.umuser = 0 OR m.usename IS NOT NULL) AND {}",
            foreign_options::column("m.umoptions"),
            sql::no_extension_member(Self::CLASS, "m.umid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            server: row.try_get("server")?,
            role: row.try_get("role")?,
            options: foreign_options::read(row, "options")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::UserMapping, [&self.server, &self.role])
    }

    fn parent(&self) -> Option<Identity> {
        Some(ForeignServer::named(&self.server))
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let options = foreign_options::clause(&self.options);
        vec![Statement::new(format!("CREATE {}{options}", self.sql_name()))]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        // Never implied: DROP SERVER refuses while there are mappings.
        let drop = Statement::new(format!("DROP {}", self.sql_name()));
        let again = match context.after(&self.identity()) {
            Some(AnyObject::UserMapping(again)) => again.options.as_slice(),
            _ => &[],
        };
        vec![foreign_options::forgets(drop, &self.options, again)]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            server: _,
            role: _,
            options,
        } = self;
        let change = foreign_options::change(options, &desired.options);
        let statement = change.map(|change| {
            let alter = Statement::new(format!("ALTER {} {change}", self.sql_name()));
            foreign_options::forgets(alter, options, &desired.options)
        });
        Alter::in_place(statement.into_iter().collect())
    }
}
