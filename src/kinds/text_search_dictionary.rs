//! Text search dictionary.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// A text search dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchDictionary {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Template, qualified and quoted.
    pub template: String,
    /// Options as `name = 'value'`, names and values quoted as PostgreSQL does it.
    pub options: Vec<String>,
}

impl TextSearchDictionary {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }
}

/// Splits the text of `dictinitoption` at the commas between options.
fn split(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (None, ',') => {
                out.push(String::new());
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        if let Some(option) = out.last_mut() {
            option.push(character);
        }
    }
    let trimmed = out.iter().map(|option| option.trim().to_owned());
    trimmed.filter(|option| !option.is_empty()).collect()
}

fn option_name(option: &str) -> &str {
    option.split(" =").next().unwrap_or(option)
}

impl Object for TextSearchDictionary {
    const CLASS: u32 = 3600;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT d.oid, 0 AS sub, n.nspname AS schema, d.dictname AS name, d.dictinitoption AS options,
                    pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(t.tmplname) AS template
             FROM pg_catalog.pg_ts_dict d
             JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
             JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate
             JOIN pg_catalog.pg_namespace k ON k.oid = t.tmplnamespace
             WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "d.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let options: Option<String> = row.try_get("options")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            template: row.try_get("template")?,
            options: split(&options.unwrap_or_default()),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::TextSearchDictionary, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut parts = vec![format!("TEMPLATE = {}", self.template)];
        parts.extend(self.options.iter().cloned());
        vec![Statement::new(format!(
            "CREATE TEXT SEARCH DICTIONARY {} ({})",
            self.sql_name(),
            parts.join(", ")
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!(
            "DROP TEXT SEARCH DICTIONARY {}",
            self.sql_name()
        ))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            template,
            options,
        } = self;
        if *template != desired.template {
            return Alter::Replace;
        }
        let new = desired.options.iter().filter(|option| !options.contains(option));
        let has = |name: &str| desired.options.iter().any(|option| option_name(option) == name);
        // A name without a value takes the option out.
        let gone = options
            .iter()
            .map(|option| option_name(option))
            .filter(|name| !has(name));
        let parts: Vec<String> = new.cloned().chain(gone.map(str::to_owned)).collect();
        if parts.is_empty() {
            return Alter::Unchanged;
        }
        let (name, parts) = (self.sql_name(), parts.join(", "));
        Alter::in_place(vec![Statement::new(format!(
            "ALTER TEXT SEARCH DICTIONARY {name} ({parts})"
        ))])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "TEXT SEARCH DICTIONARY",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{option_name, split};

    #[test]
    fn splits_options_outside_quotes() {
        let options = split("language = 'english', stopwords = 'a, ''b'''");
        assert_eq!(options, ["language = 'english'", "stopwords = 'a, ''b'''"]);
        assert_eq!(option_name(&options[1]), "stopwords");
        assert!(split("").is_empty());
    }
}
