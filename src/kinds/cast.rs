//! Cast between two types.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{Addresses, Identity};
use crate::db::Server;
use crate::error::Result;

/// A cast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// Type that is cast, as formatted.
    pub from: String,
    /// Type that it becomes, as formatted.
    pub to: String,
    /// How: `WITH FUNCTION …`, `WITHOUT FUNCTION` or `WITH INOUT`.
    pub method: String,
    /// Where it is applied: `i`mplicitly, in `a`ssignments, only `e`xplicitly.
    pub context: String,
}

impl Cast {
    fn sql_name(&self) -> String {
        format!("CAST ({} AS {})", self.from, self.to)
    }
}

impl Object for Cast {
    const CLASS: u32 = 2605;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT k.oid, 0 AS sub, pg_catalog.format_type(k.castsource, NULL) AS from_type,
                    pg_catalog.format_type(k.casttarget, NULL) AS to_type,
                    CASE k.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || k.castfunc::pg_catalog.regprocedure::text
                         WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END AS method, k.castcontext::text AS context
             FROM pg_catalog.pg_cast k
             WHERE k.oid >= 16384 AND {}
               AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend x
                               WHERE x.classid = {} AND x.objid = k.oid AND x.deptype = 'i')",
            sql::no_extension_member(Self::CLASS, "k.oid"),
            Self::CLASS,
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            from: row.try_get("from_type")?,
            to: row.try_get("to_type")?,
            method: row.try_get("method")?,
            context: row.try_get("context")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Cast, [&self.from, &self.to])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let context = match self.context.as_str() {
            "i" => " AS IMPLICIT",
            "a" => " AS ASSIGNMENT",
            _ => "",
        };
        vec![Statement::new(format!(
            "CREATE {} {}{context}",
            self.sql_name(),
            self.method
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            from: _,
            to: _,
            method,
            context,
        } = self;
        if *method == desired.method && *context == desired.context {
            Alter::Unchanged
        } else {
            Alter::Replace
        }
    }
}
