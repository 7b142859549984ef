//! Operator.

use serde::{Deserialize, Serialize};

use super::sources::OPERATOR_SIGNATURE;
use super::{Alter, Context, Kind, Object, Row, Statement, sql, target};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Schema.
    pub schema: String,
    /// Name with the operands' types as formatted: `~~(integer, integer)`, `NONE` for the operand that it does not have.
    pub signature: String,
    /// Type of the left operand.
    pub left: Option<String>,
    /// Type of the right operand.
    pub right: Option<String>,
    /// Function, qualified and quoted.
    pub function: String,
    /// Commutator as `OPERATOR(…)`.
    pub commutator: Option<String>,
    /// Negator as `OPERATOR(…)`.
    pub negator: Option<String>,
    /// Restriction estimator, qualified and quoted.
    pub restrict: Option<String>,
    /// Join estimator, qualified and quoted.
    pub join: Option<String>,
    /// Whether it can take part in a merge join.
    pub merges: bool,
    /// Whether it can take part in a hash join.
    pub hashes: bool,
}

impl Operator {
    fn sql_name(&self) -> String {
        target::sql_name(&self.identity())
    }

    fn estimators(&self, desired: &Self) -> Vec<String> {
        let sides = [
            ("RESTRICT", &self.restrict, &desired.restrict),
            ("JOIN", &self.join, &desired.join),
        ];
        let changed = sides.into_iter().filter(|(_, live, desired)| live != desired);
        changed
            .map(|(word, _, desired)| format!("{word} = {}", desired.as_deref().unwrap_or("NONE")))
            .collect()
    }
}

impl Object for Operator {
    const CLASS: u32 = 2617;

    fn query(_server: &Server) -> String {
        let other = |column: &str| {
            format!(
                "(SELECT 'OPERATOR(' || pg_catalog.quote_ident(k.nspname) || '.' || p.oprname || ')'
                  FROM pg_catalog.pg_operator p JOIN pg_catalog.pg_namespace k ON k.oid = p.oprnamespace
                  WHERE p.oid = {column})"
            )
        };
        format!(
            "SELECT o.oid, 0 AS sub, n.nspname AS schema, {signature} AS signature,
                    CASE WHEN o.oprleft <> 0 THEN pg_catalog.format_type(o.oprleft, NULL) END AS left_type,
                    CASE WHEN o.oprright <> 0 THEN pg_catalog.format_type(o.oprright, NULL) END AS right_type,
                    o.oprcode::text AS function, {commutator} AS commutator, {negator} AS negator,
                    CASE WHEN o.oprrest <> 0 THEN o.oprrest::text END AS restrict_function,
                    CASE WHEN o.oprjoin <> 0 THEN o.oprjoin::text END AS join_function, o.oprcanmerge AS merges, o.oprcanhash AS hashes
             FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
             WHERE o.oprcode <> 0 AND {user} AND {member}",
            signature = OPERATOR_SIGNATURE,
            commutator = other("o.oprcom"),
            negator = other("o.oprnegate"),
            user = sql::USER_SCHEMA,
            member = sql::no_extension_member(Self::CLASS, "o.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            signature: row.try_get("signature")?,
            left: row.try_get("left_type")?,
            right: row.try_get("right_type")?,
            function: row.try_get("function")?,
            commutator: row.try_get("commutator")?,
            negator: row.try_get("negator")?,
            restrict: row.try_get("restrict_function")?,
            join: row.try_get("join_function")?,
            merges: row.try_get("merges")?,
            hashes: row.try_get("hashes")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Operator, [&self.schema, &self.signature])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let (name, _) = target::split_signature(&self.signature);
        let mut parts = vec![format!("FUNCTION = {}", self.function)];
        let optional = [
            ("LEFTARG", &self.left),
            ("RIGHTARG", &self.right),
            ("COMMUTATOR", &self.commutator),
            ("NEGATOR", &self.negator),
            ("RESTRICT", &self.restrict),
            ("JOIN", &self.join),
        ];
        parts.extend(
            optional
                .iter()
                .filter_map(|(word, value)| Some(format!("{word} = {}", value.as_ref()?))),
        );
        let flags = [("HASHES", self.hashes), ("MERGES", self.merges)];
        parts.extend(flags.iter().filter(|(_, on)| *on).map(|(word, _)| (*word).to_owned()));
        vec![Statement::new(format!(
            "CREATE OPERATOR {}.{name} (\n    {}\n)",
            ident(&self.schema),
            parts.join(",\n    ")
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP OPERATOR {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            signature: _,
            left: _,
            right: _,
            function,
            commutator,
            negator,
            restrict: _,
            join: _,
            merges,
            hashes,
        } = self;
        let same = *function == desired.function
            && *commutator == desired.commutator
            && *negator == desired.negator
            && *merges == desired.merges
            && *hashes == desired.hashes;
        if !same {
            return Alter::Replace;
        }
        let estimators = self.estimators(desired);
        if estimators.is_empty() {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![Statement::new(format!(
            "ALTER OPERATOR {} SET ({})",
            self.sql_name(),
            estimators.join(", ")
        ))])
    }
}
