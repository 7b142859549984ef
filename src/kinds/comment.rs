//! Comment on any object, on a column of a relation whose columns are no objects of their own, or on the index of a key.

use serde::{Deserialize, Serialize};

use super::sources::SOURCES;
use super::{Alter, AnyObject, Context, Fold, Kind, Lock, Object, Present, Row, Statement, target};
use crate::catalog::{Addresses, Identity, Name, quote::literal};
use crate::db::Server;
use crate::error::Result;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// What is commented: an object, or the column of a view, or the index of a key.
    pub target: Identity,
    /// Object that the comment stands and falls with; the target itself where that is an object.
    pub holder: Identity,
    /// Name of a not-null constraint, whose identity is its column.
    pub constraint: Option<String>,
    /// Text.
    pub text: String,
}

impl Comment {
    fn statement(&self, text: &str, context: &Context) -> Statement {
        let target = match (&self.constraint, self.target.path.split_last()) {
            (Some(name), Some((_, outer))) => {
                Identity::new(self.target.kind, outer.iter().map(Name::as_str).chain([name.as_str()]))
            }
            _ => self.target.clone(),
        };
        let sql_target = match context.after(&target).or_else(|| context.before(&target)) {
            Some(AnyObject::Table(table)) => format!("{} {}", table.word(), target::sql_name(&target)),
            _ => target::sql_target(&target),
        };
        let statement = Statement::new(format!("COMMENT ON {sql_target} IS {text}"));
        match self.table() {
            Some(table) => statement.locks(table, Lock::ShareUpdateExclusive),
            None => statement,
        }
    }

    /// Returns the relation that the statement locks.
    fn table(&self) -> Option<Identity> {
        if matches!(self.target.kind, Kind::View | Kind::MaterializedView) {
            return Some(self.target.clone());
        }
        let is_table = self.target.kind == Kind::Table || self.holder.kind == Kind::Column;
        is_table.then(|| Identity::new(Kind::Table, self.target.path.iter().take(2).cloned()))
    }
}

impl Object for Comment {
    const CLASS: u32 = 0;
    const ATTACHED: bool = true;

    fn query(server: &Server) -> String {
        Self::query_among(server, &Present::everything())
    }

    fn query_among(_server: &Server, present: &Present) -> String {
        let parts: Vec<String> = SOURCES
            .iter()
            .filter(|source| match source.area() {
                Some(area) => area.is_managed(),
                None => present.has_comments(source.class, source.sub != "0"),
            })
            .map(|source| {
                format!(
                    "SELECT o.oid, {sub} AS sub, {class}::oid AS class, {words} AS words, {path} AS path,
                            {name}::text AS constraint, d.description AS text
                     FROM {from}
                     JOIN pg_catalog.{descriptions} d ON d.classoid = {class} AND d.objoid = o.oid{part}
                     WHERE {condition} AND {user}{default}",
                    sub = source.sub,
                    descriptions = if source.area().is_some() {
                        "pg_shdescription"
                    } else {
                        "pg_description"
                    },
                    part = if source.area().is_some() {
                        String::new()
                    } else {
                        format!(" AND d.objsubid = {}", source.sub)
                    },
                    class = source.class,
                    words = source.words,
                    path = source.path_array(),
                    name = source.sql_name,
                    from = source.from,
                    condition = source.condition,
                    user = source.user_condition(),
                    default = if source.class == 3079 {
                        NOT_THE_EXTENSIONS_OWN
                    } else {
                        ""
                    },
                )
            })
            .collect();
        if parts.is_empty() {
            NO_ROWS.to_owned()
        } else {
            parts.join("\nUNION ALL\n")
        }
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let (Some(target), Some(holder)) = (target::identity(row)?, target::holder(row, addresses)?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            target,
            holder,
            constraint: row.try_get("constraint")?,
            text: row.try_get("text")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Comment, target::attached_path(&self.target))
    }

    fn significant(self) -> Self {
        Self {
            constraint: None,
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.holder.clone())
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        vec![self.statement(&literal(&self.text), context)]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        vec![self.statement("NULL", context).fold(Fold::Implied {
            host: self.holder.clone(),
        })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            target: _,
            holder: _,
            constraint: _,
            text,
        } = self;
        if *text == desired.text {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.statement(&literal(&desired.text), context)])
    }
}

/// What is asked where nothing is commented.
const NO_ROWS: &str = "SELECT 0::oid AS oid, 0 AS sub WHERE false";

/// `CREATE EXTENSION` comments by itself, with a text that changes from version to version: only another one counts.
const NOT_THE_EXTENSIONS_OWN: &str = " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions e
     WHERE e.name = o.extname AND e.comment = d.description)";
