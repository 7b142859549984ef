//! Collation: provider, locale and rules of a sort order.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, derived_name, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{literal, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A collation. Its version is no field: it says which library the server has, not what was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collation {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Provider as `CREATE COLLATION` says it: `libc`, `icu` or `builtin`.
    pub provider: String,
    /// Whether strings that compare equal are equal byte by byte.
    pub deterministic: bool,
    /// Locale of providers other than libc.
    pub locale: Option<String>,
    /// `LC_COLLATE` of libc.
    pub collate: Option<String>,
    /// `LC_CTYPE` of libc.
    pub ctype: Option<String>,
    /// Tailoring rules of ICU (PostgreSQL 16).
    pub rules: Option<String>,
}

impl Collation {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn attributes(&self) -> Vec<String> {
        let mut out = vec![format!("provider = {}", self.provider)];
        match (&self.collate, &self.ctype) {
            (Some(collate), Some(ctype)) if collate == ctype => out.push(format!("locale = {}", literal(collate))),
            (collate, ctype) => {
                out.extend(collate.iter().map(|name| format!("lc_collate = {}", literal(name))));
                out.extend(ctype.iter().map(|name| format!("lc_ctype = {}", literal(name))));
            }
        }
        out.extend(self.locale.iter().map(|name| format!("locale = {}", literal(name))));
        if !self.deterministic {
            out.push("deterministic = false".to_owned());
        }
        out.extend(self.rules.iter().map(|rules| format!("rules = {}", literal(rules))));
        out
    }
}

impl Object for Collation {
    const CLASS: u32 = 3456;

    fn query(server: &Server) -> String {
        // PostgreSQL 14 holds the locale of ICU in `collcollate`.
        let locale = match server.major() {
            ..=14 => "c.collcollate::text",
            15..=16 => "c.colliculocale",
            _ => "c.colllocale",
        };
        let rules = if server.major() >= 16 {
            "c.collicurules"
        } else {
            "NULL::text"
        };
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.collname AS name,
                    CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
                    c.collisdeterministic AS deterministic,
                    CASE WHEN c.collprovider <> 'c' THEN {locale} END AS locale,
                    CASE WHEN c.collprovider = 'c' THEN c.collcollate::text END AS collate,
                    CASE WHEN c.collprovider = 'c' THEN c.collctype::text END AS ctype,
                    {rules} AS rules
             FROM pg_catalog.pg_collation c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
             JOIN pg_catalog.pg_database b ON b.datname = pg_catalog.current_database()
             WHERE c.collencoding IN (-1, b.encoding) AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            provider: row.try_get("provider")?,
            deterministic: row.try_get("deterministic")?,
            locale: row.try_get("locale")?,
            collate: row.try_get("collate")?,
            ctype: row.try_get("ctype")?,
            rules: row.try_get("rules")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Collation, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("collation", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!(
            "CREATE COLLATION {} ({})",
            self.sql_name(),
            self.attributes().join(", ")
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP COLLATION {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            provider,
            deterministic,
            locale,
            collate,
            ctype,
            rules,
        } = self;
        let same = *provider == desired.provider
            && *deterministic == desired.deterministic
            && *locale == desired.locale
            && *collate == desired.collate
            && *ctype == desired.ctype
            && *rules == desired.rules;
        if same { Alter::Unchanged } else { Alter::Replace }
    }

    fn set_aside(&self, context: &Context) -> Option<(Vec<Statement>, Vec<Statement>)> {
        let aside = Self {
            name: derived_name::aside(&self.schema, &self.name),
            ..self.clone()
        };
        Some((self.rename(&aside, context)?, aside.drop(context)))
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "COLLATION",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
