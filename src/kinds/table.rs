//! Table: the relation itself, ordinary, partitioned or foreign. Columns, constraints and the link to a partitioned parent are
//! objects of their own.

use serde::{Deserialize, Serialize};

use super::{
    Alter, AnyObject, Context, ForeignServer, Kind, Lock, Loss, Object, Partition, Row, Statement, foreign_options,
    options, partitioning, sql,
};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// Where the rows of a foreign table are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// Foreign server.
    pub server: String,
    /// Options as `name=value`, sorted, with marks for secrets.
    pub options: Vec<String>,
}

/// An ordinary, partitioned or foreign table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Whether its changes are not written to the log.
    pub unlogged: bool,
    /// Partition key as PostgreSQL deparses it (`RANGE (created_at)`); `None` for an ordinary table.
    pub partition_key: Option<String>,
    /// Parents by inheritance (not by partitioning) in their order: schema and name.
    pub inherits: Vec<(String, String)>,
    /// Storage parameters, `toast.` ones included, as `name=value`.
    pub options: Vec<String>,
    /// Whether row security is on.
    pub row_security: bool,
    /// Whether row security binds the owner too.
    pub force_row_security: bool,
    /// Table access method when it is not `heap`.
    pub access_method: Option<String>,
    /// Tablespace when it is not the database's.
    pub tablespace: Option<String>,
    /// Composite type of a typed table (`CREATE TABLE … OF`), as formatted.
    pub of_type: Option<String>,
    /// Where the rows are, when not in this database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Elsewhere>,
}

impl Table {
    /// Returns the identity of a table by name.
    pub fn named(schema: &str, name: &str) -> Identity {
        Identity::new(Kind::Table, [schema, name])
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    /// Tells whether PostgreSQL can only drop this table and create the desired one.
    pub(super) fn is_replaced_by(&self, desired: &Self) -> bool {
        let server = |table: &Self| table.foreign.as_ref().map(|foreign| foreign.server.clone());
        self.partition_key != desired.partition_key || server(self) != server(desired)
    }

    /// Returns the word for the table in `CREATE`, `DROP` and `COMMENT`; `ALTER TABLE` and `GRANT` know all tables.
    pub(super) fn word(&self) -> &'static str {
        if self.foreign.is_some() {
            "FOREIGN TABLE"
        } else {
            "TABLE"
        }
    }

    fn alter_head(&self) -> String {
        format!("ALTER TABLE {}", self.sql_name())
    }

    /// Makes an `ALTER TABLE` statement on the table itself, under ACCESS EXCLUSIVE unless said otherwise.
    fn action(&self, action: &str) -> Statement {
        Statement::new(format!("{} {action}", self.alter_head())).locks(self.identity(), Lock::AccessExclusive)
    }

    fn row_security_actions(&self, desired: &Self) -> Vec<Statement> {
        let mut out = Vec::new();
        if self.row_security != desired.row_security {
            let verb = if desired.row_security { "ENABLE" } else { "DISABLE" };
            out.push(self.action(&format!("{verb} ROW LEVEL SECURITY")));
        }
        if self.force_row_security != desired.force_row_security {
            let verb = if desired.force_row_security {
                "FORCE"
            } else {
                "NO FORCE"
            };
            out.push(self.action(&format!("{verb} ROW LEVEL SECURITY")));
        }
        out
    }
}

impl Object for Table {
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "rpf");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.relname AS name, c.relpersistence = 'u' AS unlogged,
                    CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key,
                    c.reloptions, t.reloptions AS toast_options, c.relrowsecurity, c.relforcerowsecurity,
                    CASE WHEN am.amname <> 'heap' THEN am.amname END AS access_method, ts.spcname AS tablespace,
                    CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END AS of_type,
                    i.schemas AS parent_schemas, i.names AS parent_names, fs.srvname AS server, {} AS foreign_options
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = c.oid
             LEFT JOIN pg_catalog.pg_foreign_server fs ON fs.oid = f.ftserver
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
             LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
             LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
             LEFT JOIN (SELECT h.inhrelid, array_agg(pn.nspname::text ORDER BY h.inhseqno) AS schemas,
                               array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                        FROM pg_catalog.pg_inherits h
                        JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
                        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                        GROUP BY h.inhrelid) i ON i.inhrelid = c.oid AND NOT c.relispartition
             WHERE c.relkind IN ('r', 'p', 'f') AND {} AND {}",
            foreign_options::column("f.ftoptions"),
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let schemas: Option<Vec<String>> = row.try_get("parent_schemas")?;
        let names: Option<Vec<String>> = row.try_get("parent_names")?;
        let mut options = options::read(row, "reloptions")?;
        options.extend(
            options::read(row, "toast_options")?
                .into_iter()
                .map(|option| format!("toast.{option}")),
        );
        let foreign_options = foreign_options::read(row, "foreign_options")?;
        let server: Option<String> = row.try_get("server")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            unlogged: row.try_get("unlogged")?,
            partition_key: row.try_get("partition_key")?,
            inherits: schemas
                .unwrap_or_default()
                .into_iter()
                .zip(names.unwrap_or_default())
                .collect(),
            options,
            row_security: row.try_get("relrowsecurity")?,
            force_row_security: row.try_get("relforcerowsecurity")?,
            access_method: row.try_get("access_method")?,
            tablespace: row.try_get("tablespace")?,
            of_type: row.try_get("of_type")?,
            foreign: server.map(|server| Elsewhere {
                server,
                options: foreign_options,
            }),
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn significant(self) -> Self {
        // The links are objects of their own; here they only say how the table is created.
        Self {
            inherits: Vec::new(),
            options: options::significant(self.options),
            ..self
        }
    }

    fn dependencies(&self) -> Vec<Identity> {
        let mut out = vec![Identity::new(Kind::Schema, [&self.schema])];
        out.extend(self.inherits.iter().map(|(schema, name)| Self::named(schema, name)));
        out.extend(self.foreign.iter().map(|foreign| ForeignServer::named(&foreign.server)));
        out
    }

    fn made_with(&self, catalog: &Catalog) -> Vec<Identity> {
        if self.partition_key.is_none() {
            return Vec::new();
        }
        let columns = partitioning::within(catalog, Kind::Column, &self.schema, &self.name);
        columns.map(|(column, _)| column.clone()).collect()
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("relation", self.sql_name()), ("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let persistence = if self.unlogged { "UNLOGGED " } else { "" };
        let mut tail = String::new();
        if !self.inherits.is_empty() {
            let parents: Vec<String> = self.inherits.iter().map(|(s, n)| qualified([s, n])).collect();
            tail.push_str(&format!(" INHERITS ({})", parents.join(", ")));
        }
        if let Some(key) = &self.partition_key {
            tail.push_str(&format!(" PARTITION BY {key}"));
        }
        if let Some(Elsewhere { server, options }) = &self.foreign {
            tail.push_str(&format!(
                " SERVER {}{}",
                ident(server),
                foreign_options::clause(options)
            ));
        }
        if let Some(method) = &self.access_method {
            tail.push_str(&format!(" USING {}", ident(method)));
        }
        tail.push_str(&options::with_clause(&self.options));
        if let Some(tablespace) = &self.tablespace {
            tail.push_str(&format!(" TABLESPACE {}", ident(tablespace)));
        }
        let head = format!("CREATE {persistence}{} {}", self.word(), self.sql_name());
        let create = match &self.of_type {
            Some(of_type) => Statement::new(format!("{head} OF {of_type}{tail}")),
            None => Statement::with_list(head, tail),
        };
        let plain = Self {
            row_security: false,
            force_row_security: false,
            ..self.clone()
        };
        let mut out = vec![create];
        out.extend(plain.row_security_actions(self));
        out
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let drop = Statement::new(format!("DROP {} {}", self.word(), self.sql_name()))
            .locks(self.identity(), Lock::AccessExclusive);
        let beside = Partition::named(&self.schema, &self.name);
        let drop = match context.from.get(&beside) {
            Some(AnyObject::Partition(partition)) => partition.locks_family(drop, context.from),
            _ => drop,
        };
        if self.foreign.is_some() {
            // The rows stay where they are.
            return vec![drop];
        }
        vec![drop.loses(Loss::Values(format!("the rows of {}", self.sql_name())))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            unlogged,
            partition_key: _,
            inherits: _,
            options,
            row_security: _,
            force_row_security: _,
            access_method,
            tablespace,
            of_type,
            foreign,
        } = self;
        if self.is_replaced_by(desired) {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if let (Some(live), Some(desired)) = (foreign, &desired.foreign) {
            let change = foreign_options::change(&live.options, &desired.options);
            let name = self.sql_name();
            out.extend(change.map(|change| {
                Statement::new(format!("ALTER FOREIGN TABLE {name} {change}"))
                    .locks(self.identity(), Lock::AccessExclusive)
            }));
        }
        if *unlogged != desired.unlogged {
            let word = if desired.unlogged { "UNLOGGED" } else { "LOGGED" };
            out.push(self.action(&format!("SET {word}")).rewrites(self.identity()));
        }
        if *access_method != desired.access_method {
            let method = desired.access_method.as_deref().unwrap_or("heap");
            out.push(
                self.action(&format!("SET ACCESS METHOD {}", ident(method)))
                    .rewrites(self.identity()),
            );
        }
        if *tablespace != desired.tablespace {
            let space = desired.tablespace.as_deref().unwrap_or("pg_default");
            out.push(
                self.action(&format!("SET TABLESPACE {}", ident(space)))
                    .rewrites(self.identity()),
            );
        }
        if *of_type != desired.of_type {
            out.push(match &desired.of_type {
                Some(of_type) => self.action(&format!("OF {of_type}")),
                None => self.action("NOT OF"),
            });
        }
        for change in options::changes(options, &desired.options) {
            out.push(
                Statement::new(format!("{} {change}", self.alter_head()))
                    .locks(self.identity(), Lock::ShareUpdateExclusive),
            );
        }
        out.extend(self.row_security_actions(desired));
        Alter::in_place(out)
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        // The table leaves its parent while that is made anew; its rows stay where they are.
        let inherited = self
            .inherits
            .iter()
            .any(|(schema, name)| Self::named(schema, name) == *replaced);
        if inherited || sql::partition_of(&self.schema, &self.name, context.from).as_ref() == Some(replaced) {
            return Alter::Unchanged;
        }
        Alter::Replace
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "TABLE",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
