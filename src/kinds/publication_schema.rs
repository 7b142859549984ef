//! Schema of a publication: all of its tables are published, those of tomorrow included (PostgreSQL 15).

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Fold, Kind, Object, Publication, Row, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A schema of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationSchema {
    /// Publication.
    pub publication: String,
    /// Schema.
    pub schema: String,
}

impl PublicationSchema {
    fn statement(&self, verb: &str) -> Statement {
        let (publication, schema) = (ident(&self.publication), ident(&self.schema));
        Statement::new(format!(
            "ALTER PUBLICATION {publication} {verb} TABLES IN SCHEMA {schema}"
        ))
    }
}

impl Object for PublicationSchema {
    const CLASS: u32 = 6237;
    const AMONG: (u32, &'static str) = (6104, "");

    fn query(server: &Server) -> String {
        if server.major() < 15 {
            return "SELECT 0::oid AS oid, 0 AS sub, ''::text AS publication, ''::text AS schema WHERE false"
                .to_owned();
        }
        format!(
            "SELECT r.oid, 0 AS sub, p.pubname AS publication, n.nspname AS schema
             FROM pg_catalog.pg_publication_namespace r
             JOIN pg_catalog.pg_publication p ON p.oid = r.pnpubid
             JOIN pg_catalog.pg_namespace n ON n.oid = r.pnnspid
             WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(6104, "p.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            publication: row.try_get("publication")?,
            schema: row.try_get("schema")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::PublicationSchema, [&self.publication, &self.schema])
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // Column lists and whole schemas do not stand beside each other.
        let first = Identity::new(Kind::PublicationTable, [&self.publication]);
        let tables = context
            .from
            .objects
            .range(first.clone()..)
            .map(|(identity, _)| identity);
        let of_publication = |table: &&Identity| table.kind == first.kind && table.path.starts_with(&first.path);
        tables.take_while(of_publication).cloned().collect()
    }

    fn parent(&self) -> Option<Identity> {
        Some(Publication::named(&self.publication))
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.statement("ADD")]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![self.statement("DROP").fold(Fold::Implied {
            host: Publication::named(&self.publication),
        })]
    }

    fn alter(&self, _desired: &Self, _context: &Context) -> Alter {
        let Self {
            publication: _,
            schema: _,
        } = self;
        Alter::Unchanged
    }
}
