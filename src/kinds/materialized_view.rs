//! Materialized view. Whether it is populated is a matter of rows, not of the schema: it is created with its rows, and
//! `WITH NO DATA` makes no difference.

use serde::{Deserialize, Serialize};

use super::settled::{same, settle};
use super::{Alter, Context, Kind, Lock, Object, Row, Statement, options, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A column of a materialized view, with the settings that are not the type's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaterializedColumn {
    /// Name.
    pub name: String,
    /// Type with its modifier, and collation, as formatted; they follow from the definition.
    pub data_type: String,
    /// Storage mode when it is not the type's own.
    pub storage: Option<String>,
    /// Storage mode that the type gives by itself; what a reset goes back to.
    pub type_storage: String,
    /// Compression method when it is set: `p`glz or `l`z4.
    pub compression: Option<String>,
    /// Statistics target when it is set.
    pub statistics: Option<i32>,
    /// Attribute options (`n_distinct`), sorted.
    pub options: Vec<String>,
}

impl MaterializedColumn {
    fn bare(&self) -> Self {
        Self {
            storage: None,
            compression: None,
            statistics: None,
            options: Vec::new(),
            ..self.clone()
        }
    }

    /// Returns the actions that give this column another one's settings.
    fn settings(&self, desired: &Self) -> Vec<String> {
        let mut out = Vec::new();
        if self.storage != desired.storage {
            let word = match desired.storage.as_deref().unwrap_or(&desired.type_storage) {
                "p" => "PLAIN",
                "e" => "EXTERNAL",
                "m" => "MAIN",
                _ => "EXTENDED",
            };
            out.push(format!("SET STORAGE {word}"));
        }
        if self.compression != desired.compression {
            let word = match desired.compression.as_deref() {
                Some("l") => "lz4",
                Some(_) => "pglz",
                None => "default",
            };
            out.push(format!("SET COMPRESSION {word}"));
        }
        if self.statistics != desired.statistics {
            out.push(format!("SET STATISTICS {}", desired.statistics.unwrap_or(-1)));
        }
        out.extend(options::changes(&self.options, &desired.options));
        out
    }
}

/// A materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaterializedView {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Columns.
    pub columns: Vec<MaterializedColumn>,
    /// Storage parameters, `toast.` ones included.
    pub options: Vec<String>,
    /// Access method when it is not `heap`.
    pub access_method: Option<String>,
    /// Tablespace when it is not the database's.
    pub tablespace: Option<String>,
    /// Query as PostgreSQL deparses it, without the final semicolon.
    pub definition: String,
    /// Extensions that take it along when they are dropped.
    pub extensions: Vec<String>,
}

impl MaterializedView {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn head(&self) -> String {
        format!("ALTER MATERIALIZED VIEW {}", self.sql_name())
    }

    fn action(&self, action: &str) -> Statement {
        Statement::new(format!("{} {action}", self.head())).locks(self.identity(), Lock::AccessExclusive)
    }

    fn column_settings(&self, live: &[MaterializedColumn]) -> Vec<Statement> {
        let pairs = live.iter().zip(&self.columns);
        let actions = pairs.flat_map(|(live, desired)| {
            let name = ident(&desired.name);
            let settings = live.settings(desired).into_iter();
            settings.map(move |setting| format!("ALTER COLUMN {name} {setting}"))
        });
        actions.map(|action| self.action(&action)).collect()
    }

    fn has_columns_of(&self, other: &Self) -> bool {
        let key = |column: &MaterializedColumn| (column.name.clone(), column.data_type.clone());
        self.columns.iter().map(key).eq(other.columns.iter().map(key))
    }
}

fn read_columns(row: &Row) -> Result<Vec<MaterializedColumn>> {
    let Some(names) = row.try_get::<_, Option<Vec<String>>>("names")? else {
        return Ok(Vec::new());
    };
    let types: Vec<String> = row.try_get("types")?;
    let storages: Vec<Option<String>> = row.try_get("storages")?;
    let type_storages: Vec<String> = row.try_get("type_storages")?;
    let compressions: Vec<Option<String>> = row.try_get("compressions")?;
    let statistics: Vec<Option<i32>> = row.try_get("statistics")?;
    let settings: Vec<Option<String>> = row.try_get("settings")?;
    let first = names
        .into_iter()
        .zip(types)
        .zip(storages.into_iter().zip(type_storages));
    let rest = compressions.into_iter().zip(statistics).zip(settings);
    let columns = first.zip(rest);
    Ok(columns
        .map(
            |(((name, data_type), (storage, type_storage)), ((compression, statistics), settings))| {
                MaterializedColumn {
                    name,
                    data_type,
                    storage,
                    type_storage,
                    compression,
                    statistics,
                    options: settings
                        .iter()
                        .flat_map(|list| list.split(','))
                        .map(str::to_owned)
                        .collect(),
                }
            },
        )
        .collect())
}

impl Object for MaterializedView {
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "m");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.relname AS name, c.reloptions, t.reloptions AS toast_options,
                    CASE WHEN am.amname <> 'heap' THEN am.amname END AS access_method, ts.spcname AS tablespace,
                    pg_catalog.pg_get_viewdef(c.oid) AS definition, a.*, x.extensions
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
             LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
             LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
             {} ON x.objid = c.oid
             CROSS JOIN LATERAL (
                   SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names,
                          array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) || ' '
                                    || a.attcollation::pg_catalog.regcollation::text ORDER BY a.attnum) AS types,
                          array_agg(CASE WHEN a.attstorage <> y.typstorage THEN a.attstorage::text END
                                    ORDER BY a.attnum) AS storages,
                          array_agg(y.typstorage::text ORDER BY a.attnum) AS type_storages,
                          array_agg(nullif(a.attcompression, '')::text ORDER BY a.attnum) AS compressions,
                          array_agg(nullif(a.attstattarget, -1)::int4 ORDER BY a.attnum) AS statistics,
                          array_agg(array_to_string({options}, ',') ORDER BY a.attnum) AS settings
                   FROM pg_catalog.pg_attribute a
                   JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
                   WHERE a.attrelid = c.oid AND a.attnum > 0) a
             WHERE c.relkind = 'm' AND {} AND {}",
            sql::extensions_of(Self::CLASS),
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
            options = options::OF_COLUMN,
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let definition: String = row.try_get("definition")?;
        let toast = options::read(row, "toast_options")?;
        let mut options = options::read(row, "reloptions")?;
        options.extend(toast.into_iter().map(|option| format!("toast.{option}")));
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            columns: read_columns(row)?,
            options,
            access_method: row.try_get("access_method")?,
            tablespace: row.try_get("tablespace")?,
            definition: definition.trim_end().trim_end_matches(';').to_owned(),
            extensions: row.try_get::<_, Option<_>>("extensions")?.unwrap_or_default(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::MaterializedView, [&self.schema, &self.name])
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            options: options::significant(self.options),
            ..self
        }
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("relation", self.sql_name()), ("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let using = self
            .access_method
            .as_ref()
            .map(|method| format!(" USING {}", ident(method)));
        let space = self
            .tablespace
            .as_ref()
            .map(|space| format!(" TABLESPACE {}", ident(space)));
        let create = Statement::new(format!(
            "CREATE MATERIALIZED VIEW {}{}{}{} AS\n{}",
            self.sql_name(),
            using.unwrap_or_default(),
            options::with_clause(&self.options),
            space.unwrap_or_default(),
            self.definition
        ));
        let bare: Vec<MaterializedColumn> = self.columns.iter().map(MaterializedColumn::bare).collect();
        let mut out = vec![create];
        out.extend(self.column_settings(&bare));
        out.extend(sql::extension_changes(&self.head(), &[], &self.extensions));
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let drop = format!("DROP MATERIALIZED VIEW {}", self.sql_name());
        vec![Statement::new(drop).locks(self.identity(), Lock::AccessExclusive)]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            columns,
            options,
            access_method,
            tablespace,
            definition,
            extensions,
        } = self;
        // ALTER MATERIALIZED VIEW sets the access method since PostgreSQL 15.
        let fixed_method = *access_method != desired.access_method && context.version_num < 150_000;
        if !same(definition, &desired.definition) || !self.has_columns_of(desired) || fixed_method {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if *access_method != desired.access_method {
            let method = ident(desired.access_method.as_deref().unwrap_or("heap"));
            out.push(
                self.action(&format!("SET ACCESS METHOD {method}"))
                    .rewrites(self.identity()),
            );
        }
        if *tablespace != desired.tablespace {
            let space = ident(desired.tablespace.as_deref().unwrap_or("pg_default"));
            out.push(
                self.action(&format!("SET TABLESPACE {space}"))
                    .rewrites(self.identity()),
            );
        }
        let changes = options::changes(options, &desired.options);
        out.extend(changes.iter().map(|change| self.action(change)));
        out.extend(desired.column_settings(columns));
        out.extend(sql::extension_changes(&self.head(), extensions, &desired.extensions));
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "MATERIALIZED VIEW",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
