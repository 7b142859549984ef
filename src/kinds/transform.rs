//! Transform: how a language sees a type.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A transform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// Type, as formatted.
    pub data_type: String,
    /// Language.
    pub language: String,
    /// Function that makes the language's value, with its argument types.
    pub from_sql: Option<String>,
    /// Function that makes the SQL value, with its argument types.
    pub to_sql: Option<String>,
}

impl Transform {
    fn declaration(&self, create: &str) -> Statement {
        let sides = [("FROM SQL", &self.from_sql), ("TO SQL", &self.to_sql)];
        let parts: Vec<String> = sides
            .iter()
            .filter_map(|(word, function)| Some(format!("{word} WITH FUNCTION {}", function.as_ref()?)))
            .collect();
        Statement::new(format!("{create} {} ({})", self.sql_name(), parts.join(", ")))
    }

    fn sql_name(&self) -> String {
        format!("TRANSFORM FOR {} LANGUAGE {}", self.data_type, ident(&self.language))
    }
}

impl Object for Transform {
    const CLASS: u32 = 3576;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT t.oid, 0 AS sub, pg_catalog.format_type(t.trftype, NULL) AS data_type, l.lanname AS language,
                    nullif(t.trffromsql, 0)::pg_catalog.regprocedure::text AS from_sql,
                    nullif(t.trftosql, 0)::pg_catalog.regprocedure::text AS to_sql
             FROM pg_catalog.pg_transform t JOIN pg_catalog.pg_language l ON l.oid = t.trflang WHERE {}",
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            data_type: row.try_get("data_type")?,
            language: row.try_get("language")?,
            from_sql: row.try_get("from_sql")?,
            to_sql: row.try_get("to_sql")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Transform, [&self.data_type, &self.language])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.declaration("CREATE")]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            data_type: _,
            language: _,
            from_sql,
            to_sql,
        } = self;
        if *from_sql == desired.from_sql && *to_sql == desired.to_sql {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.declaration("CREATE OR REPLACE")])
    }
}
