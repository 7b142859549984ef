//! Subscription: what is replicated into this database.
//!
//! No statement here connects to the publisher: a subscription is created disabled and without a slot, and what is
//! dropped leaves its slot there. Marks stand for the passwords of the connection string before it leaves this module.
//! Whether it is enabled is the business of operations, not of a schema.

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Context, Kind, Loss, Object, Row, Statement, connection_string, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, list, literal},
};
use crate::db::Server;
use crate::error::Result;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Name.
    pub name: String,
    /// Connection string with marks for secrets; `None` where the connected role may not read it.
    pub connection: Option<String>,
    /// Publications, sorted.
    pub publications: Vec<String>,
    /// Replication slot; `None` for none.
    pub slot_name: Option<String>,
    /// Parameters as `name=value`, sorted by name, those at their defaults left out.
    pub parameters: Vec<String>,
}

/// Parameters that cannot be changed without asking the publisher.
const FIXED: &[&str] = &["two_phase=", "failover="];

impl Subscription {
    fn alter_statement(&self, action: &str) -> Statement {
        Statement::new(format!("ALTER SUBSCRIPTION {} {action}", ident(&self.name)))
    }

    fn slot(&self) -> String {
        let slot = self.slot_name.as_ref().map_or("NONE".to_owned(), |slot| literal(slot));
        format!("slot_name = {slot}")
    }

    fn fixed(&self) -> Vec<&String> {
        let is_fixed = |parameter: &&String| FIXED.iter().any(|name| parameter.starts_with(name));
        self.parameters.iter().filter(is_fixed).collect()
    }

    /// States which passwords the connection string loses on the way to another one.
    fn forgets(&self, statement: Statement, desired: &str) -> Statement {
        let kept = connection_string::marks(desired);
        let marks = connection_string::marks(self.connection.as_deref().unwrap_or_default());
        let lost: Vec<String> = marks
            .into_iter()
            .filter(|mark| !kept.contains(mark))
            .map(|(name, _)| name)
            .collect();
        if lost.is_empty() {
            return statement;
        }
        statement.loses(Loss::Secret(format!(
            "the {} of its connection string",
            lost.join(", ")
        )))
    }

    /// Takes the passwords that are not declared over from the live subscription.
    pub(super) fn keep_secrets(&mut self, live: &Self) {
        let (Some(desired), Some(live)) = (&mut self.connection, &live.connection) else {
            return;
        };
        for (name, mark) in connection_string::marks(live) {
            if connection_string::marks(desired)
                .iter()
                .all(|(other, _)| *other != name)
            {
                *desired = connection_string::add(desired, &name, &mark);
            }
        }
    }

    /// Returns the assignments that turn one list of parameters into another.
    fn changes(&self, desired: &Self, major: i32) -> Vec<String> {
        let name = |parameter: &str| parameter.split('=').next().unwrap_or_default().to_owned();
        let gone = self
            .parameters
            .iter()
            .map(|parameter| name(parameter))
            .filter(|gone| !desired.parameters.iter().any(|parameter| name(parameter) == *gone));
        let mut out: Vec<String> = gone.map(|name| format!("{name} = {}", default(&name, major))).collect();
        let new = desired
            .parameters
            .iter()
            .filter(|parameter| !self.parameters.contains(parameter));
        out.extend(new.filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            Some(format!("{name} = {}", literal(value)))
        }));
        if self.slot_name != desired.slot_name {
            out.push(desired.slot());
        }
        out
    }
}

fn default(parameter: &str, major: i32) -> &'static str {
    match parameter {
        "synchronous_commit" => "'off'",
        "origin" => "'any'",
        "streaming" if major >= 18 => "parallel",
        "streaming" => "off",
        "password_required" => "true",
        _ => "false",
    }
}

/// Returns `name=value` for a column that differs from its default.
fn parameter(name: &str, value: &str, default: &str) -> String {
    format!("CASE WHEN {value} IS DISTINCT FROM {default} THEN '{name}=' || {value} END")
}

fn boolean(name: &str, column: &str, default: bool) -> String {
    let value = format!("CASE WHEN {column} THEN 'true' ELSE 'false' END");
    parameter(name, &value, &format!("'{default}'"))
}

fn parameters(server: &Server) -> String {
    let major = server.major();
    let mut parts = vec![
        boolean("binary", "s.subbinary", false),
        parameter("synchronous_commit", "s.subsynccommit", "'off'"),
    ];
    if major >= 16 {
        let word = "CASE s.substream WHEN 'p' THEN 'parallel' WHEN 't' THEN 'on' ELSE 'off' END";
        parts.push(parameter(
            "streaming",
            word,
            if major >= 18 { "'parallel'" } else { "'off'" },
        ));
        parts.push(boolean("run_as_owner", "s.subrunasowner", false));
        parts.push(boolean("password_required", "s.subpasswordrequired", true));
        parts.push(parameter("origin", "s.suborigin", "'any'"));
    } else {
        parts.push(parameter(
            "streaming",
            "CASE WHEN s.substream THEN 'on' ELSE 'off' END",
            "'off'",
        ));
    }
    if major >= 15 {
        parts.push(boolean("two_phase", "s.subtwophasestate <> 'd'", false));
        parts.push(boolean("disable_on_error", "s.subdisableonerr", false));
    }
    if major >= 17 {
        parts.push(boolean("failover", "s.subfailover", false));
    }
    format!("array_remove(ARRAY[{}], NULL)", parts.join(", "))
}

impl Object for Subscription {
    const CLASS: u32 = 6100;

    fn query(server: &Server) -> String {
        // The column is readable to superusers only, and naming it is enough to be refused.
        let connection = if server.superuser {
            "s.subconninfo"
        } else {
            "NULL::text"
        };
        format!(
            "SELECT s.oid, 0 AS sub, s.subname AS name, {connection} AS connection, s.subslotname::text AS slot_name,
                    (SELECT array_agg(p ORDER BY p) FROM pg_catalog.unnest(s.subpublications) p) AS publications,
                    {parameters} AS parameters
             FROM pg_catalog.pg_subscription s
             JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
             WHERE {member}",
            parameters = parameters(server),
            member = sql::no_extension_member(Self::CLASS, "s.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let connection: Option<String> = row.try_get("connection")?;
        let mut parameters: Vec<String> = row.try_get("parameters")?;
        parameters.sort();
        Ok(Some(Self {
            name: row.try_get("name")?,
            connection: connection.map(|text| connection_string::marked(&text)),
            publications: row.try_get("publications")?,
            slot_name: row.try_get("slot_name")?,
            parameters,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Subscription, [&self.name])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut with = vec!["connect = false".to_owned()];
        if self.slot_name.as_ref() != Some(&self.name) {
            with.push(self.slot());
        }
        with.extend(self.parameters.iter().filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            Some(format!("{name} = {}", literal(value)))
        }));
        vec![Statement::new(format!(
            "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH ({})",
            ident(&self.name),
            literal(self.connection.as_deref().unwrap_or_default()),
            list(&self.publications),
            with.join(", ")
        ))]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let name = ident(&self.name);
        let mut out = Vec::new();
        if self.slot_name.is_some() {
            // With a slot, DROP SUBSCRIPTION would connect to the publisher (manual: DROP SUBSCRIPTION).
            out.push(self.alter_statement("DISABLE"));
            out.push(self.alter_statement("SET (slot_name = NONE)"));
        }
        let loss = format!("the replication progress of {name}");
        let drop = Statement::new(format!("DROP SUBSCRIPTION {name}")).loses(Loss::Values(loss));
        let again = match context.after(&self.identity()) {
            Some(AnyObject::Subscription(again)) => again.connection.as_deref().unwrap_or_default(),
            _ => "",
        };
        out.push(self.forgets(drop, again));
        out
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            name: _,
            connection,
            publications,
            slot_name: _,
            parameters: _,
        } = self;
        if self.fixed() != desired.fixed() {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if let (Some(live), Some(connection)) = (connection, &desired.connection)
            && live != connection
        {
            let alter = self.alter_statement(&format!("CONNECTION {}", literal(connection)));
            out.push(self.forgets(alter, connection));
        }
        if *publications != desired.publications {
            let names = list(&desired.publications);
            out.push(self.alter_statement(&format!("SET PUBLICATION {names} WITH (refresh = false)")));
        }
        if self.slot_name.is_some() && desired.slot_name.is_none() {
            // PostgreSQL refuses an enabled one without a slot.
            out.push(self.alter_statement("DISABLE"));
        }
        let changes = self.changes(desired, context.version_num / 10_000);
        if !changes.is_empty() {
            out.push(self.alter_statement(&format!("SET ({})", changes.join(", "))));
        }
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(vec![
            self.alter_statement(&format!("RENAME TO {}", ident(&desired.name))),
        ])
    }
}
