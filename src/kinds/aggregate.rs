//! Aggregate function.

use serde::{Deserialize, Serialize};

use super::routine::{self, NO_MEMBER};
use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{literal, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// How an aggregate carries its state from row to row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregation {
    /// Function that takes a row in.
    pub transition: String,
    /// Function that takes a row out again; only of a moving aggregate.
    pub inverse: Option<String>,
    /// Type of the state, as formatted.
    pub state_type: String,
    /// Estimated size of the state, 0 for the type's own.
    pub state_space: i32,
    /// State to begin with.
    pub initial: Option<String>,
    /// Function that makes the result of the state.
    pub final_function: Option<String>,
    /// Whether the final function is given the arguments' types too.
    pub final_extra: bool,
    /// How the final function treats the state, when it is not the default: `r`ead only, `s`hareable, read `w`rite.
    pub final_modify: Option<String>,
}

impl Aggregation {
    fn read(row: &Row, prefix: &str) -> Result<Option<Self>> {
        let column = |name: &str| format!("{prefix}{name}");
        let Some(transition) = row.try_get(column("transition").as_str())? else {
            return Ok(None);
        };
        Ok(Some(Self {
            transition,
            inverse: row.try_get(column("inverse").as_str())?,
            state_type: row.try_get(column("state_type").as_str())?,
            state_space: row.try_get(column("state_space").as_str())?,
            initial: row.try_get(column("initial").as_str())?,
            final_function: row.try_get(column("final").as_str())?,
            final_extra: row.try_get(column("final_extra").as_str())?,
            final_modify: row.try_get(column("final_modify").as_str())?,
        }))
    }

    /// Returns the parameters of `CREATE AGGREGATE`, whose names have a prefix where the aggregate moves.
    fn parameters(&self, prefix: &str) -> Vec<String> {
        let mut out = vec![
            format!("{prefix}SFUNC = {}", self.transition),
            format!("{prefix}STYPE = {}", self.state_type),
        ];
        let mut add = |name: &str, value: Option<String>| {
            out.extend(value.map(|value| format!("{prefix}{name} = {value}")));
        };
        add("INVFUNC", self.inverse.clone());
        add("SSPACE", (self.state_space != 0).then(|| self.state_space.to_string()));
        add("FINALFUNC", self.final_function.clone());
        add("FINALFUNC_MODIFY", self.final_modify.as_deref().map(modify_word));
        add("INITCOND", self.initial.as_deref().map(literal));
        if self.final_extra {
            out.push(format!("{prefix}FINALFUNC_EXTRA"));
        }
        out
    }
}

/// An aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Types of the arguments, joined by commas; they are the signature.
    pub signature: String,
    /// Arguments as PostgreSQL deparses them, with names and `ORDER BY`; empty for none.
    pub arguments: String,
    /// Result type as formatted.
    pub returns: String,
    /// Sort: `n`ormal, `o`rdered set, `h`ypothetical set.
    pub sort: String,
    /// How it runs over rows.
    pub plain: Aggregation,
    /// How it runs over a moving window frame.
    pub moving: Option<Aggregation>,
    /// Function that joins two states.
    pub combine: Option<String>,
    /// Function that packs a state for another process.
    pub serialize: Option<String>,
    /// Function that unpacks a state.
    pub deserialize: Option<String>,
    /// Sort operator, qualified, of an aggregate like `min`.
    pub sort_operator: Option<(String, String)>,
    /// Parallel safety: `u`nsafe, `r`estricted, `s`afe.
    pub parallel: String,
}

impl Aggregate {
    fn reference(&self) -> &str {
        if self.arguments.is_empty() {
            "*"
        } else {
            &self.arguments
        }
    }

    fn sql_name(&self) -> String {
        format!("{}({})", qualified([&self.schema, &self.name]), self.reference())
    }

    fn declaration(&self, create: &str) -> Statement {
        let mut parts = self.plain.parameters("");
        let mut add = |name: &str, value: Option<&String>| {
            parts.extend(value.map(|value| format!("{name} = {value}")));
        };
        add("COMBINEFUNC", self.combine.as_ref());
        add("SERIALFUNC", self.serialize.as_ref());
        add("DESERIALFUNC", self.deserialize.as_ref());
        if let Some(moving) = &self.moving {
            parts.extend(moving.parameters("M"));
        }
        if let Some((schema, operator)) = &self.sort_operator {
            parts.push(format!("SORTOP = OPERATOR({}.{operator})", qualified([schema])));
        }
        match self.parallel.as_str() {
            "s" => parts.push("PARALLEL = SAFE".to_owned()),
            "r" => parts.push("PARALLEL = RESTRICTED".to_owned()),
            _ => {}
        }
        if self.sort == "h" {
            parts.push("HYPOTHETICAL".to_owned());
        }
        Statement::new(format!(
            "{create} AGGREGATE {} (\n    {}\n)",
            self.sql_name(),
            parts.join(",\n    ")
        ))
    }
}

fn modify_word(code: &str) -> String {
    match code {
        "s" => "SHAREABLE",
        "w" => "READ_WRITE",
        _ => "READ_ONLY",
    }
    .to_owned()
}

/// Returns the select list of one of the two aggregations; their catalog columns differ by a letter.
fn aggregation_columns(catalog: &str, prefix: &str) -> String {
    let inverse = if prefix.is_empty() {
        "NULL::text".to_owned()
    } else {
        "CASE WHEN g.aggminvtransfn::oid <> 0 THEN g.aggminvtransfn::text END".to_owned()
    };
    format!(
        "CASE WHEN g.agg{catalog}transfn::oid <> 0 THEN g.agg{catalog}transfn::text END AS {prefix}transition,
         {inverse} AS {prefix}inverse, pg_catalog.format_type(g.agg{catalog}transtype, NULL) AS {prefix}state_type,
         g.agg{catalog}transspace AS {prefix}state_space, g.agg{catalog}initval AS {prefix}initial,
         CASE WHEN g.agg{catalog}finalfn::oid <> 0 THEN g.agg{catalog}finalfn::text END AS {prefix}final,
         g.agg{catalog}finalextra AS {prefix}final_extra,
         CASE WHEN g.agg{catalog}finalmodify <> CASE WHEN g.aggkind = 'n' THEN 'r' ELSE 'w' END
              THEN g.agg{catalog}finalmodify::text END AS {prefix}final_modify"
    )
}

impl Object for Aggregate {
    const CLASS: u32 = 1255;
    const AMONG: (u32, &'static str) = (1255, "a");

    fn query(_server: &Server) -> String {
        let function = |column: &str| format!("CASE WHEN g.{column}::oid <> 0 THEN g.{column}::text END AS {column}");
        format!(
            "SELECT p.oid, 0 AS sub, n.nspname AS schema, p.proname AS name,
                    (SELECT string_agg(pg_catalog.format_type(u.type, NULL), ', ' ORDER BY u.i)
                     FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(type, i)) AS signature,
                    pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
                    pg_catalog.format_type(p.prorettype, NULL) AS returns, g.aggkind::text AS sort,
                    {}, {}, {}, {}, {}, o.oprname::text AS operator, q.nspname::text AS operator_schema,
                    p.proparallel::text AS parallel
             FROM pg_catalog.pg_proc p
             JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = p.oid
             LEFT JOIN pg_catalog.pg_operator o ON o.oid = g.aggsortop
             LEFT JOIN pg_catalog.pg_namespace q ON q.oid = o.oprnamespace
             WHERE {} AND {NO_MEMBER}",
            aggregation_columns("", ""),
            aggregation_columns("m", "moving_"),
            function("aggcombinefn"),
            function("aggserialfn"),
            function("aggdeserialfn"),
            sql::USER_SCHEMA,
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let Some(plain) = Aggregation::read(row, "")? else {
            return Ok(None);
        };
        let operator: Option<String> = row.try_get("operator")?;
        let operator_schema: Option<String> = row.try_get("operator_schema")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            signature: row.try_get::<_, Option<_>>("signature")?.unwrap_or_default(),
            arguments: row.try_get("arguments")?,
            returns: row.try_get("returns")?,
            sort: row.try_get("sort")?,
            plain,
            moving: Aggregation::read(row, "moving_")?,
            combine: row.try_get("aggcombinefn")?,
            serialize: row.try_get("aggserialfn")?,
            deserialize: row.try_get("aggdeserialfn")?,
            sort_operator: operator_schema.zip(operator),
            parallel: row.try_get("parallel")?,
        }))
    }

    fn identity(&self) -> Identity {
        let signature = format!("{}({})", self.name, self.signature);
        Identity::new(Kind::Aggregate, [&self.schema, &signature])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![routine::claim(&self.schema, &self.name, &self.signature)]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.declaration("CREATE")]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP AGGREGATE {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            signature: _,
            arguments,
            returns,
            sort,
            plain,
            moving,
            combine,
            serialize,
            deserialize,
            sort_operator,
            parallel,
        } = self;
        if *arguments != desired.arguments || *returns != desired.returns || *sort != desired.sort {
            return Alter::Replace;
        }
        let same = *plain == desired.plain
            && *moving == desired.moving
            && *combine == desired.combine
            && *serialize == desired.serialize
            && *deserialize == desired.deserialize
            && *sort_operator == desired.sort_operator
            && *parallel == desired.parallel;
        if same {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.declaration("CREATE OR REPLACE")])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let from = (self.schema.as_str(), self.name.as_str());
        (self.arguments == desired.arguments)
            .then(|| routine::rename("AGGREGATE", self.reference(), from, (&desired.schema, &desired.name)))
    }
}
