//! Enum: a type of ordered labels.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, Transaction, derived_name, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{literal, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// An enum type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnumType {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Labels in their order.
    pub labels: Vec<String>,
}

impl EnumType {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    /// Returns the labels to add with their place, or nothing when more than additions are needed: PostgreSQL can
    /// neither remove nor move a label.
    fn additions(&self, desired: &Self) -> Option<Vec<String>> {
        let mut kept = self.labels.iter().peekable();
        let mut out = Vec::new();
        let mut previous: Option<&String> = None;
        for label in &desired.labels {
            if kept.peek() == Some(&label) {
                kept.next();
            } else {
                let place = match (previous, kept.peek()) {
                    (_, None) => String::new(),
                    (Some(previous), Some(_)) => format!(" AFTER {}", literal(previous)),
                    (None, Some(next)) => format!(" BEFORE {}", literal(next)),
                };
                out.push(format!("{}{place}", literal(label)));
            }
            previous = Some(label);
        }
        kept.next().is_none().then_some(out)
    }
}

impl Object for EnumType {
    const CLASS: u32 = 1247;
    const AMONG: (u32, &'static str) = (1247, "e");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT t.oid, 0 AS sub, n.nspname AS schema, t.typname AS name, e.labels
             FROM pg_catalog.pg_type t
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             CROSS JOIN LATERAL (SELECT pg_catalog.array_agg(l.enumlabel::text ORDER BY l.enumsortorder) AS labels
                                 FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid) e
             WHERE t.typtype = 'e' AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            labels: row.try_get::<_, Option<Vec<String>>>("labels")?.unwrap_or_default(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::EnumType, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let labels: Vec<String> = self.labels.iter().map(|label| literal(label)).collect();
        vec![Statement::new(format!(
            "CREATE TYPE {} AS ENUM ({})",
            self.sql_name(),
            labels.join(", ")
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP TYPE {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            labels,
        } = self;
        if *labels == desired.labels {
            return Alter::Unchanged;
        }
        let Some(additions) = self.additions(desired) else {
            return Alter::Replace;
        };
        // A new label cannot be used before the transaction that added it has committed.
        Alter::in_place(
            additions
                .iter()
                .map(|addition| {
                    Statement::new(format!("ALTER TYPE {} ADD VALUE {addition}", self.sql_name()))
                        .transaction(Transaction::Alone)
                })
                .collect(),
        )
    }

    fn set_aside(&self, context: &Context) -> Option<(Vec<Statement>, Vec<Statement>)> {
        let aside = Self {
            name: derived_name::aside(&self.schema, &self.name),
            ..self.clone()
        };
        Some((self.rename(&aside, context)?, aside.drop(context)))
    }

    fn rename_part(&self, words: &str, from: &str, to: &str, desired: &Self) -> Option<Vec<Statement>> {
        let has = |of: &Self, label: &str| of.labels.iter().any(|known| known == label);
        let is_renamed = has(self, from) && !has(self, to) && has(desired, to) && !has(desired, from);
        (words == "enum value" && is_renamed).then(|| {
            let (name, from, to) = (desired.sql_name(), literal(from), literal(to));
            vec![Statement::new(format!("ALTER TYPE {name} RENAME VALUE {from} TO {to}"))]
        })
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "TYPE",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: &str) -> EnumType {
        EnumType {
            schema: "public".to_owned(),
            name: "mood".to_owned(),
            labels: labels.split_whitespace().map(str::to_owned).collect(),
        }
    }

    #[test]
    fn adds_labels_where_they_belong() {
        for (live, desired, expected) in [
            ("a b", "a b c", Some(vec!["'c'"])),
            ("a b", "x a b", Some(vec!["'x' BEFORE 'a'"])),
            ("a b", "x y a b", Some(vec!["'x' BEFORE 'a'", "'y' AFTER 'x'"])),
            ("a b", "a x y b z", Some(vec!["'x' AFTER 'a'", "'y' AFTER 'x'", "'z'"])),
            ("", "a b", Some(vec!["'a'", "'b'"])),
            ("a b", "b a", None),
            ("a b", "a", None),
            ("a b", "a c", None),
        ] {
            let additions = labelled(live).additions(&labelled(desired));
            let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect());
            assert_eq!(additions, expected, "{live} → {desired}");
        }
    }
}
