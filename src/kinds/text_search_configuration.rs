//! Text search configuration: a parser, and the dictionaries for each sort of token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{list, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A text search configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchConfiguration {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Parser, qualified and quoted.
    pub parser: String,
    /// For each sort of token its dictionaries in order, qualified, quoted and joined by commas.
    pub mappings: BTreeMap<String, String>,
}

impl TextSearchConfiguration {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    /// Returns the statements of one verb for the sorts of token, those with the same dictionaries in one.
    fn map(&self, verb: &str, tokens: &[(&String, &String)]) -> Vec<Statement> {
        let mut groups: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        for (token, dictionaries) in tokens {
            groups.entry(dictionaries).or_default().push(token);
        }
        let mut groups: Vec<(Vec<&String>, &String)> = groups.into_iter().map(|(d, tokens)| (tokens, d)).collect();
        groups.sort();
        let statement = |(tokens, dictionaries): (Vec<&String>, &String)| {
            let (name, tokens) = (self.sql_name(), list(tokens));
            Statement::new(format!(
                "ALTER TEXT SEARCH CONFIGURATION {name} {verb} MAPPING FOR {tokens} WITH {dictionaries}"
            ))
        };
        groups.into_iter().map(statement).collect()
    }

    fn changes(&self, desired: &Self) -> Vec<Statement> {
        let gone: Vec<&String> = self
            .mappings
            .keys()
            .filter(|token| !desired.mappings.contains_key(*token))
            .collect();
        let mut out = Vec::new();
        if !gone.is_empty() {
            let (name, tokens) = (self.sql_name(), list(gone));
            out.push(Statement::new(format!(
                "ALTER TEXT SEARCH CONFIGURATION {name} DROP MAPPING FOR {tokens}"
            )));
        }
        let (standing, new): (Vec<_>, Vec<_>) = desired
            .mappings
            .iter()
            .partition(|(token, _)| self.mappings.contains_key(*token));
        let changed: Vec<_> = standing
            .into_iter()
            .filter(|(token, d)| self.mappings.get(*token) != Some(*d))
            .collect();
        out.extend(self.map("ALTER", &changed));
        out.extend(self.map("ADD", &new));
        out
    }
}

impl Object for TextSearchConfiguration {
    const CLASS: u32 = 3602;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.cfgname AS name, m.tokens, m.dictionaries,
                    pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(p.prsname) AS parser
             FROM pg_catalog.pg_ts_config c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
             JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser
             JOIN pg_catalog.pg_namespace k ON k.oid = p.prsnamespace
             LEFT JOIN LATERAL (
                 SELECT array_agg(t.alias) AS tokens, array_agg(d.dictionaries) AS dictionaries
                 FROM (SELECT x.maptokentype, pg_catalog.string_agg(pg_catalog.quote_ident(dn.nspname) || '.'
                              || pg_catalog.quote_ident(dd.dictname), ', ' ORDER BY x.mapseqno) AS dictionaries
                       FROM pg_catalog.pg_ts_config_map x
                       JOIN pg_catalog.pg_ts_dict dd ON dd.oid = x.mapdict
                       JOIN pg_catalog.pg_namespace dn ON dn.oid = dd.dictnamespace
                       WHERE x.mapcfg = c.oid GROUP BY x.maptokentype) d
                 JOIN pg_catalog.ts_token_type(c.cfgparser) t ON t.tokid = d.maptokentype) m ON true
             WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            parser: row.try_get("parser")?,
            mappings: sql::pairs(row, "tokens", "dictionaries")?.into_iter().collect(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::TextSearchConfiguration, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let (name, parser) = (self.sql_name(), &self.parser);
        let create = format!("CREATE TEXT SEARCH CONFIGURATION {name} (PARSER = {parser})");
        let bare = Self {
            mappings: BTreeMap::new(),
            ..self.clone()
        };
        let mut out = vec![Statement::new(create)];
        out.extend(bare.changes(self));
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let name = self.sql_name();
        vec![Statement::new(format!("DROP TEXT SEARCH CONFIGURATION {name}"))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            parser,
            mappings: _,
        } = self;
        if *parser != desired.parser {
            return Alter::Replace;
        }
        Alter::in_place(self.changes(desired))
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "TEXT SEARCH CONFIGURATION",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
