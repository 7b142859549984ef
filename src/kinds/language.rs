//! Procedural language that is not an extension's.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A procedural language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// Name.
    pub name: String,
    /// Whether everybody may be allowed to use it.
    pub trusted: bool,
    /// Call handler, qualified and quoted.
    pub handler: String,
    /// Handler of `DO` blocks, qualified and quoted.
    pub inline: Option<String>,
    /// Validator, qualified and quoted.
    pub validator: Option<String>,
}

impl Language {
    fn declaration(&self, create: &str) -> Statement {
        let trusted = if self.trusted { "TRUSTED " } else { "" };
        let mut sql = format!(
            "{create} {trusted}LANGUAGE {} HANDLER {}",
            ident(&self.name),
            self.handler
        );
        for (word, function) in [("INLINE", &self.inline), ("VALIDATOR", &self.validator)] {
            if let Some(function) = function {
                sql.push_str(&format!(" {word} {function}"));
            }
        }
        Statement::new(sql)
    }
}

impl Object for Language {
    const CLASS: u32 = 2612;
    const AMONG: (u32, &'static str) = (0, "");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT l.oid, 0 AS sub, l.lanname AS name, l.lanpltrusted AS trusted,
                    l.lanplcallfoid::pg_catalog.regproc::text AS handler,
                    nullif(l.laninline, 0)::pg_catalog.regproc::text AS inline,
                    nullif(l.lanvalidator, 0)::pg_catalog.regproc::text AS validator
             FROM pg_catalog.pg_language l WHERE l.lanispl AND l.oid >= 16384 AND {}",
            sql::no_extension_member(Self::CLASS, "l.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            trusted: row.try_get("trusted")?,
            handler: row.try_get("handler")?,
            inline: row.try_get("inline")?,
            validator: row.try_get("validator")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Language, [&self.name])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.declaration("CREATE")]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP LANGUAGE {}", ident(&self.name)))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            trusted,
            handler,
            inline,
            validator,
        } = self;
        let same = *trusted == desired.trusted
            && *handler == desired.handler
            && *inline == desired.inline
            && *validator == desired.validator;
        if same {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.declaration("CREATE OR REPLACE")])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![Statement::new(format!("ALTER LANGUAGE {from} RENAME TO {to}"))])
    }
}
