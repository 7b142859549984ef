//! Foreign server: where foreign tables are.

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Context, Kind, Object, Row, Statement, foreign_options, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, literal},
};
use crate::db::Server;
use crate::error::Result;

/// A foreign server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignServer {
    /// Name.
    pub name: String,
    /// Foreign-data wrapper.
    pub wrapper: String,
    /// Type, a word that only the wrapper understands.
    pub server_type: Option<String>,
    /// Version, likewise.
    pub version: Option<String>,
    /// Options as `name=value`, sorted, with marks for secrets.
    pub options: Vec<String>,
}

impl ForeignServer {
    /// Returns the identity of a server by name.
    pub fn named(name: &str) -> Identity {
        Identity::new(Kind::ForeignServer, [name])
    }

    fn alter_statement(&self, action: &str) -> Statement {
        Statement::new(format!("ALTER SERVER {} {action}", ident(&self.name)))
    }
}

impl Object for ForeignServer {
    const CLASS: u32 = 1417;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT s.oid, 0 AS sub, s.srvname AS name, w.fdwname AS wrapper, s.srvtype AS server_type,
                    s.srvversion AS version, {} AS options
             FROM pg_catalog.pg_foreign_server s
             JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE {}",
            foreign_options::column("s.srvoptions"),
            sql::no_extension_member(Self::CLASS, "s.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            wrapper: row.try_get("wrapper")?,
            server_type: row.try_get("server_type")?,
            version: row.try_get("version")?,
            options: foreign_options::read(row, "options")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.name)
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut sql = format!("CREATE SERVER {}", ident(&self.name));
        for (word, value) in [("TYPE", &self.server_type), ("VERSION", &self.version)] {
            if let Some(value) = value {
                sql.push_str(&format!(" {word} {}", literal(value)));
            }
        }
        sql.push_str(&format!(" FOREIGN DATA WRAPPER {}", ident(&self.wrapper)));
        sql.push_str(&foreign_options::clause(&self.options));
        vec![Statement::new(sql)]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let drop = Statement::new(format!("DROP SERVER {}", ident(&self.name)));
        let again = match context.after(&self.identity()) {
            Some(AnyObject::ForeignServer(again)) => again.options.as_slice(),
            _ => &[],
        };
        vec![foreign_options::forgets(drop, &self.options, again)]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            wrapper,
            server_type,
            version,
            options,
        } = self;
        if *wrapper != desired.wrapper || *server_type != desired.server_type {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if *version != desired.version {
            let version = desired
                .version
                .as_ref()
                .map_or("NULL".to_owned(), |version| literal(version));
            out.push(self.alter_statement(&format!("VERSION {version}")));
        }
        out.extend(
            foreign_options::change(options, &desired.options)
                .map(|change| foreign_options::forgets(self.alter_statement(&change), options, &desired.options)),
        );
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(vec![
            self.alter_statement(&format!("RENAME TO {}", ident(&desired.name))),
        ])
    }
}
