//! Composite type: a row type of its own, without a table.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Loss, Object, Row, Statement, derived_name, sql, type_change, type_use};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Type with its modifier, as `format_type()` gives it.
    pub data_type: String,
    /// Collation when it is not the type's own: qualified and quoted.
    pub collation: Option<String>,
}

impl Attribute {
    fn collate(&self) -> String {
        self.collation
            .as_ref()
            .map_or_else(String::new, |collation| format!(" COLLATE {collation}"))
    }

    fn declaration(&self) -> String {
        format!("{} {}{}", ident(&self.name), self.data_type, self.collate())
    }

    fn change(&self) -> String {
        format!(
            "ALTER ATTRIBUTE {} TYPE {}{}",
            ident(&self.name),
            self.data_type,
            self.collate()
        )
    }

    /// Tells whether the attribute names a type or collation itself, be it as the element of an array.
    fn uses(&self, replaced: &Identity) -> bool {
        let name = qualified(&replaced.path);
        type_change::base(&self.data_type).trim_end_matches("[]") == name || self.collation.as_ref() == Some(&name)
    }
}

/// A composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompositeType {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Attributes in their order.
    pub attributes: Vec<Attribute>,
}

impl CompositeType {
    pub(super) fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Tells whether dropping and appending attributes gives the desired order; PostgreSQL cannot insert one.
    fn appends(&self, desired: &Self) -> bool {
        let kept: Vec<&Attribute> = self
            .attributes
            .iter()
            .filter(|attribute| desired.attribute(&attribute.name).is_some())
            .collect();
        let stay = desired.attributes.iter().zip(&kept).all(|(a, b)| a.name == b.name);
        let news = desired.attributes.iter().skip(kept.len());
        stay && kept.len() <= desired.attributes.len()
            && news
                .into_iter()
                .all(|attribute| self.attribute(&attribute.name).is_none())
    }

    fn changed<'a>(&'a self, desired: &'a Self) -> impl Iterator<Item = &'a Attribute> {
        desired
            .attributes
            .iter()
            .filter(|attribute| self.attribute(&attribute.name).is_some_and(|live| live != *attribute))
    }

    /// Returns the one statement with these actions; tables made `OF` the type take part in them.
    fn alter_type(&self, actions: &[String], context: &Context) -> Statement {
        let identity = self.identity();
        let is_table = |object: &Identity| object.kind == Kind::Table;
        let typed = (context.from.dependencies.iter())
            .any(|(dependent, edges)| is_table(dependent) && edges.contains(&identity));
        let cascade = if typed { " CASCADE" } else { "" };
        let actions: Vec<String> = actions.iter().map(|action| format!("{action}{cascade}")).collect();
        Statement::new(format!("ALTER TYPE {} {}", self.sql_name(), actions.join(", ")))
    }

    /// Kinds that read single attributes, which PostgreSQL then refuses to drop or convert. A column holds the value as
    /// a whole and stays.
    fn readers() -> Vec<Kind> {
        let stays = |kind: &Kind| *kind != Kind::Column;
        sql::READS_COLUMNS.iter().copied().filter(stays).collect()
    }
}

impl Object for CompositeType {
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "c");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.relname AS name, a.names, a.types, a.collations
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL (
                 SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS names,
                        pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types,
                        pg_catalog.array_agg(pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(o.collname)
                                             ORDER BY a.attnum) AS collations
                 FROM pg_catalog.pg_attribute a
                 JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                 LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation AND a.attcollation <> t.typcollation
                 LEFT JOIN pg_catalog.pg_namespace k ON k.oid = o.collnamespace
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) a
             WHERE c.relkind = 'c' AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1247, "c.reltype"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let collations: Option<Vec<Option<String>>> = row.try_get("collations")?;
        let attributes = sql::pairs(row, "names", "types")?
            .into_iter()
            .zip(collations.unwrap_or_default())
            .map(|((name, data_type), collation)| Attribute {
                name,
                data_type,
                collation,
            });
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            attributes: attributes.collect(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::CompositeType, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("relation", self.sql_name()), ("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let attributes: Vec<String> = self.attributes.iter().map(Attribute::declaration).collect();
        let list = if attributes.is_empty() {
            "()".to_owned()
        } else {
            format!("(\n    {}\n)", attributes.join(",\n    "))
        };
        vec![Statement::new(format!("CREATE TYPE {} AS {list}", self.sql_name()))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP TYPE {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            attributes,
        } = self;
        if *attributes == desired.attributes {
            return Alter::Unchanged;
        }
        let gone: Vec<&Attribute> = (attributes.iter())
            .filter(|attribute| desired.attribute(&attribute.name).is_none())
            .collect();
        let changed: Vec<&Attribute> = self.changed(desired).collect();
        let only_adds = gone.is_empty() && changed.is_empty();
        let held = !only_adds && !type_use::tables(&self.identity(), context.from).is_empty();
        // PostgreSQL converts no attribute of a type that tables hold values of.
        if !self.appends(desired) || (held && !changed.is_empty()) {
            return Alter::Replace;
        }
        let mut actions: Vec<String> = (gone.iter())
            .map(|attribute| format!("DROP ATTRIBUTE {}", ident(&attribute.name)))
            .collect();
        actions.extend(changed.iter().copied().map(Attribute::change));
        let news = (desired.attributes.iter()).filter(|attribute| self.attribute(&attribute.name).is_none());
        actions.extend(news.map(|attribute| format!("ADD ATTRIBUTE {}", attribute.declaration())));
        let mut statement = self.alter_type(&actions, context);
        if held {
            let names: Vec<String> = gone.iter().map(|attribute| ident(&attribute.name)).collect();
            let loss = format!("the values of {} in {}", names.join(", "), self.sql_name());
            statement = statement.loses(Loss::Values(loss));
        }
        let disturbs = if only_adds { Vec::new() } else { Self::readers() };
        Alter::InPlace {
            statements: vec![statement],
            disturbs,
        }
    }

    fn follow(&self, desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        let uses = |attribute: &&Attribute| attribute.uses(replaced);
        let actions: Vec<String> = (desired.attributes.iter())
            .filter(uses)
            .filter(|attribute| self.attribute(&attribute.name) == Some(attribute))
            .map(Attribute::change)
            .collect();
        let all = self.attributes.iter().filter(uses).count() == actions.len();
        if actions.is_empty() || !all || !type_use::tables(&self.identity(), context.from).is_empty() {
            return Alter::Replace;
        }
        Alter::InPlace {
            statements: vec![self.alter_type(&actions, context)],
            disturbs: Self::readers(),
        }
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
            "TYPE",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
