//! Foreign-data wrapper: the driver of foreign servers.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, foreign_options, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A foreign-data wrapper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignDataWrapper {
    /// Name.
    pub name: String,
    /// Handler function, qualified and quoted.
    pub handler: Option<String>,
    /// Validator function, qualified and quoted.
    pub validator: Option<String>,
    /// Options as `name=value`, sorted, with marks for secrets.
    pub options: Vec<String>,
}

impl ForeignDataWrapper {
    fn alter_statement(&self, action: &str) -> Statement {
        Statement::new(format!("ALTER FOREIGN DATA WRAPPER {} {action}", ident(&self.name)))
    }
}

fn function(word: &str, name: Option<&String>) -> String {
    name.map_or_else(|| format!("NO {word}"), |name| format!("{word} {name}"))
}

impl Object for ForeignDataWrapper {
    const CLASS: u32 = 2328;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT w.oid, 0 AS sub, w.fdwname AS name, nullif(w.fdwhandler, 0)::pg_catalog.regproc::text AS handler,
                    nullif(w.fdwvalidator, 0)::pg_catalog.regproc::text AS validator, {} AS options
             FROM pg_catalog.pg_foreign_data_wrapper w WHERE {}",
            foreign_options::column("w.fdwoptions"),
            sql::no_extension_member(Self::CLASS, "w.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            handler: row.try_get("handler")?,
            validator: row.try_get("validator")?,
            options: foreign_options::read(row, "options")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::ForeignDataWrapper, [&self.name])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut sql = format!("CREATE FOREIGN DATA WRAPPER {}", ident(&self.name));
        for (word, name) in [("HANDLER", &self.handler), ("VALIDATOR", &self.validator)] {
            if name.is_some() {
                sql.push_str(&format!(" {}", function(word, name.as_ref())));
            }
        }
        sql.push_str(&foreign_options::clause(&self.options));
        vec![Statement::new(sql)]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!(
            "DROP FOREIGN DATA WRAPPER {}",
            ident(&self.name)
        ))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            handler,
            validator,
            options,
        } = self;
        let mut out = Vec::new();
        if *handler != desired.handler {
            out.push(self.alter_statement(&function("HANDLER", desired.handler.as_ref())));
        }
        if *validator != desired.validator {
            out.push(self.alter_statement(&function("VALIDATOR", desired.validator.as_ref())));
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
