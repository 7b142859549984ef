//! Range type, with the multirange type and the constructor functions that come with it.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, ShellType, Statement, derived_name, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// A range type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeType {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Type of the bounds, as formatted.
    pub subtype: String,
    /// Operator class that orders bounds when it is not the subtype's own: qualified and quoted.
    pub operator_class: Option<String>,
    /// Collation that orders bounds when it is not the subtype's own: qualified and quoted.
    pub collation: Option<String>,
    /// Function that brings ranges into their one form: qualified and quoted.
    pub canonical: Option<String>,
    /// Function that subtracts bounds: qualified and quoted.
    pub difference: Option<String>,
    /// Schema of the multirange type.
    pub multirange_schema: String,
    /// Name of the multirange type.
    pub multirange: String,
}

/// What decides over a range type `r`, in one array: with its canonical function, which names it, it stands and falls.
pub(super) const ATTRIBUTES: &str =
    "ARRAY[r.rngsubtype::pg_catalog.regtype::text, r.rngcanonical::pg_catalog.regproc::text]";

impl RangeType {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    pub(super) fn multirange_sql_name(&self) -> String {
        qualified([&self.multirange_schema, &self.multirange])
    }

    fn multirange_is_chosen(&self) -> bool {
        self.multirange_schema == self.schema && self.multirange == derived_name::multirange(&self.name)
    }

    fn attributes(&self) -> Vec<String> {
        let mut out = vec![format!("subtype = {}", self.subtype)];
        let optional = [
            ("subtype_opclass", &self.operator_class),
            ("collation", &self.collation),
            ("canonical", &self.canonical),
            ("subtype_diff", &self.difference),
        ];
        for (word, value) in optional {
            out.extend(value.iter().map(|value| format!("{word} = {value}")));
        }
        if !self.multirange_is_chosen() {
            out.push(format!("multirange_type_name = {}", self.multirange_sql_name()));
        }
        out
    }

    /// Returns the statements that rename both types and their constructors, which PostgreSQL leaves under their old
    /// names, where they would stand in the way of another type's.
    fn rename_all(&self, desired: &Self) -> Vec<Statement> {
        let mut out = self.rename_functions(desired);
        out.extend(sql::rename_statements(
            "TYPE",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ));
        out.extend(sql::rename_statements(
            "TYPE",
            (&self.multirange_schema, &self.multirange),
            (&desired.multirange_schema, &desired.multirange),
        ));
        out
    }

    fn rename_functions(&self, desired: &Self) -> Vec<Statement> {
        let (range, subtype) = (self.sql_name(), &self.subtype);
        let one = [format!("{subtype}, {subtype}"), format!("{subtype}, {subtype}, text")];
        let many = [String::new(), range.clone(), format!("VARIADIC {range}[]")];
        let of_range = one.iter().map(|arguments| {
            sql::rename_function((&self.schema, &self.name), arguments, (&desired.schema, &desired.name))
        });
        let of_multirange = many.iter().map(|arguments| {
            sql::rename_function(
                (&self.multirange_schema, &self.multirange),
                arguments,
                (&desired.multirange_schema, &desired.multirange),
            )
        });
        of_range.chain(of_multirange).flatten().collect()
    }
}

impl Object for RangeType {
    const CLASS: u32 = 1247;
    const AMONG: (u32, &'static str) = (1247, "r");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT t.oid, 0 AS sub, n.nspname AS schema, t.typname AS name,
                    pg_catalog.format_type(r.rngsubtype, NULL) AS subtype,
                    CASE WHEN NOT o.opcdefault
                         THEN pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(o.opcname) END AS operator_class,
                    CASE WHEN l.oid IS NOT NULL
                         THEN pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname) END AS collation,
                    {} AS canonical, {} AS difference, mn.nspname AS multirange_schema, m.typname AS multirange
             FROM pg_catalog.pg_range r
             JOIN pg_catalog.pg_type t ON t.oid = r.rngtypid
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             JOIN pg_catalog.pg_type m ON m.oid = r.rngmultitypid
             JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace
             JOIN pg_catalog.pg_type s ON s.oid = r.rngsubtype
             JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
             JOIN pg_catalog.pg_namespace k ON k.oid = o.opcnamespace
             LEFT JOIN pg_catalog.pg_collation l ON l.oid = r.rngcollation AND r.rngcollation <> s.typcollation
             LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
             WHERE {} AND {}",
            function_name("r.rngcanonical"),
            function_name("r.rngsubdiff"),
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            subtype: row.try_get("subtype")?,
            operator_class: row.try_get("operator_class")?,
            collation: row.try_get("collation")?,
            canonical: row.try_get("canonical")?,
            difference: row.try_get("difference")?,
            multirange_schema: row.try_get("multirange_schema")?,
            multirange: row.try_get("multirange")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::RangeType, [&self.schema, &self.name])
    }

    fn parent(&self) -> Option<Identity> {
        let shell = ShellType::named(&self.schema, &self.name);
        self.canonical.is_some().then_some(shell)
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![
            Identity::new(Kind::Schema, [&self.schema]),
            Identity::new(Kind::Schema, [&self.multirange_schema]),
        ]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.sql_name()), ("type", self.multirange_sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!(
            "CREATE TYPE {} AS RANGE ({})",
            self.sql_name(),
            self.attributes().join(", ")
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        // Only its canonical function is left to depend on it by now.
        let cascade = if self.canonical.is_some() { " CASCADE" } else { "" };
        vec![Statement::new(format!("DROP TYPE {}{cascade}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            subtype,
            operator_class,
            collation,
            canonical,
            difference,
            multirange_schema,
            multirange,
        } = self;
        let same = *subtype == desired.subtype
            && *operator_class == desired.operator_class
            && *collation == desired.collation
            && *canonical == desired.canonical
            && *difference == desired.difference;
        if !same {
            return Alter::Replace;
        }
        if *multirange_schema == desired.multirange_schema && *multirange == desired.multirange {
            return Alter::Unchanged;
        }
        Alter::in_place(self.rename_all(desired))
    }

    fn set_aside(&self, context: &Context) -> Option<(Vec<Statement>, Vec<Statement>)> {
        let aside = Self {
            name: derived_name::aside(&self.schema, &self.name),
            multirange: derived_name::aside(&self.multirange_schema, &self.multirange),
            ..self.clone()
        };
        Some((self.rename(&aside, context)?, aside.drop(context)))
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(self.rename_all(desired))
    }
}

/// Returns the expression for a function's qualified name, nothing when there is none; the name alone identifies it,
/// since its arguments follow from the subtype.
fn function_name(oid: &str) -> String {
    format!(
        "(SELECT pg_catalog.quote_ident(fn.nspname) || '.' || pg_catalog.quote_ident(f.proname)
          FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace WHERE f.oid = {oid})"
    )
}
