//! What a grantee may do: the sets of privileges, and the `GRANT` and `REVOKE` that turn one into another.
//!
//! Privileges of objects and default privileges share this; only the words before and after the privileges differ.

use std::collections::BTreeMap;

use super::{Kind, Row};
use crate::catalog::quote::ident;
use crate::error::Result;

/// Privileges with whether they may be passed on.
pub(crate) type Grants = BTreeMap<String, bool>;

/// Grantee that stands for everybody; PostgreSQL reserves the name.
pub(super) const PUBLIC: &str = "public";

/// Grantee that stands for the owner, whoever that is; PostgreSQL reserves the prefix.
pub(super) const OWNER: &str = "pg_owner";

/// Sort of object, as `acldefault()` and `pg_default_acl` know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Relation,
    Sequence,
    Function,
    Type,
    Schema,
    Column,
    Language,
    Wrapper,
    Server,
    Database,
    LargeObject,
}

impl Sort {
    /// Returns the sort of a kind's objects; `None` when they have no privileges.
    pub(super) fn of(kind: Kind) -> Option<Self> {
        Some(match kind.words() {
            "table" | "view" | "materialized view" => Self::Relation,
            "sequence" => Self::Sequence,
            "function" | "procedure" | "aggregate" => Self::Function,
            "enum" | "range type" | "composite type" | "domain" | "base type" | "shell type" => Self::Type,
            "schema" => Self::Schema,
            "column" => Self::Column,
            "language" => Self::Language,
            "foreign-data wrapper" => Self::Wrapper,
            "foreign server" => Self::Server,
            "database" => Self::Database,
            _ => return None,
        })
    }

    /// Returns the sort that `ALTER DEFAULT PRIVILEGES … ON` names.
    pub(super) fn of_plural(word: &str) -> Option<Self> {
        Some(match word {
            "tables" => Self::Relation,
            "sequences" => Self::Sequence,
            "functions" => Self::Function,
            "types" => Self::Type,
            "schemas" => Self::Schema,
            "large objects" => Self::LargeObject,
            _ => return None,
        })
    }

    /// Returns every privilege of the sort, in the order that people say them.
    pub(super) fn all(self, version_num: i32) -> &'static [&'static str] {
        const RELATION: &[&str] = &[
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "TRUNCATE",
            "REFERENCES",
            "TRIGGER",
            "MAINTAIN",
        ];
        match self {
            Self::Relation if version_num >= 17_00_00 => RELATION,
            Self::Relation => &RELATION[..7],
            Self::Sequence => &["SELECT", "UPDATE", "USAGE"],
            Self::Function => &["EXECUTE"],
            Self::Type | Self::Language | Self::Wrapper | Self::Server => &["USAGE"],
            Self::Schema => &["USAGE", "CREATE"],
            Self::Database => &["CREATE", "CONNECT", "TEMPORARY"],
            Self::Column => &["SELECT", "INSERT", "UPDATE", "REFERENCES"],
            Self::LargeObject => &["SELECT", "UPDATE"],
        }
    }

    /// Returns what PostgreSQL gives by itself (manual: Privileges).
    pub(super) fn built_in(self, grantee: &str, version_num: i32) -> Grants {
        let privileges = match (grantee, self) {
            (PUBLIC, Self::Database) => &["CONNECT", "TEMPORARY"][..],
            (OWNER, Self::Column) => &[],
            (OWNER, _) | (PUBLIC, Self::Function | Self::Type | Self::Language) => self.all(version_num),
            _ => &[],
        };
        privileges.iter().map(|name| ((*name).to_owned(), false)).collect()
    }
}

/// Returns what PostgreSQL gives a grantee by itself on an object of a kind, or on future objects of a plural word.
pub(crate) fn built_in(kind: Option<Kind>, plural: &str, grantee: &str, version_num: i32) -> Grants {
    let sort = kind.map_or_else(|| Sort::of_plural(plural), Sort::of);
    sort.map(|sort| sort.built_in(grantee, version_num)).unwrap_or_default()
}

/// The words around the privileges of a `GRANT` or `REVOKE`.
pub(super) struct Clause {
    /// What comes before the verb, with a trailing space.
    pub(super) prefix: String,
    /// Column that the privileges are limited to.
    pub(super) column: Option<String>,
    /// What comes behind `ON`.
    pub(super) object: String,
    /// Grantee as SQL says it.
    pub(super) grantee: String,
    /// Every privilege there is, in order.
    pub(super) all: &'static [&'static str],
}

impl Clause {
    fn privileges(&self, names: &[&str]) -> String {
        let column = self.column.as_ref().map(|column| format!(" ({})", ident(column)));
        let column = column.unwrap_or_default();
        if names.len() > 1 && names.len() == self.all.len() {
            return format!("ALL{column}");
        }
        let parts: Vec<String> = names.iter().map(|name| format!("{name}{column}")).collect();
        parts.join(", ")
    }

    fn sorted<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let mut out: Vec<&str> = names.into_iter().collect();
        let place = |name: &str| self.all.iter().position(|known| *known == name);
        out.sort_by_key(|name| (place(name).unwrap_or(usize::MAX), *name));
        out.dedup();
        out
    }

    /// Returns the statements that bring the grantee from any of `starts` to `desired`. More than one start stands for
    /// not knowing which it is: granting what is there and revoking what is not does no harm.
    pub(super) fn transition(&self, starts: &[&Grants], desired: &Grants) -> Vec<String> {
        let (prefix, object, grantee) = (&self.prefix, &self.object, &self.grantee);
        let held = || starts.iter().flat_map(|start| start.iter());
        let revoked = held().filter(|(name, _)| !desired.contains_key(*name));
        let tamed = held().filter(|(name, grantable)| **grantable && desired.get(*name) == Some(&false));
        let given = |option: bool| {
            desired.iter().filter(move |(name, grantable)| {
                let enough = |start: &&Grants| start.get(*name).is_some_and(|held| *held || !option);
                **grantable == option && !starts.iter().all(enough)
            })
        };
        let lists = [
            (
                "REVOKE ",
                self.sorted(revoked.map(|(name, _)| name.as_str())),
                "FROM",
                "",
            ),
            (
                "REVOKE GRANT OPTION FOR ",
                self.sorted(tamed.map(|(name, _)| name.as_str())),
                "FROM",
                "",
            ),
            (
                "GRANT ",
                self.sorted(given(false).map(|(name, _)| name.as_str())),
                "TO",
                "",
            ),
            (
                "GRANT ",
                self.sorted(given(true).map(|(name, _)| name.as_str())),
                "TO",
                " WITH GRANT OPTION",
            ),
        ];
        lists
            .into_iter()
            .filter(|(_, names, ..)| !names.is_empty())
            .map(|(verb, names, to, option)| {
                format!(
                    "{prefix}{verb}{} ON {object} {to} {grantee}{option}",
                    self.privileges(&names)
                )
            })
            .collect()
    }
}

/// Returns a grantee as SQL says it, given the owner's name.
pub(super) fn grantee_sql(grantee: &str, owner: &str) -> String {
    match grantee {
        PUBLIC => "PUBLIC".to_owned(),
        OWNER => ident(owner),
        role => ident(role),
    }
}

/// Reads two parallel arrays as privileges; a privilege that two grantors gave counts once.
pub(super) fn read(row: &Row, names: &str, grantable: &str) -> Result<Grants> {
    let names: Option<Vec<String>> = row.try_get(names)?;
    let grantable: Option<Vec<bool>> = row.try_get(grantable)?;
    let mut out = Grants::new();
    for (name, grantable) in names.unwrap_or_default().into_iter().zip(grantable.unwrap_or_default()) {
        *out.entry(name).or_default() |= grantable;
    }
    Ok(out)
}

/// Returns the select list that [`read`] wants, over rows `x` of exploded `aclitem`s flagged `initial`, the owner `owner`.
pub(super) fn columns(owner: &str) -> String {
    format!(
        "{} AS grantee,
         array_agg(x.privilege_type::text) FILTER (WHERE NOT x.initial) AS privileges,
         array_agg(x.is_grantable) FILTER (WHERE NOT x.initial) AS grantable,
         array_agg(x.privilege_type::text) FILTER (WHERE x.initial) AS initial_privileges,
         array_agg(x.is_grantable) FILTER (WHERE x.initial) AS initial_grantable",
        grantee(owner)
    )
}

/// Returns the grantee of a row. An initial privilege that somebody gave himself is the owner's of that time.
pub(super) fn grantee(owner: &str) -> String {
    format!(
        "CASE WHEN x.grantee = 0 THEN '{PUBLIC}'
              WHEN x.grantee = {owner} OR (x.initial AND x.grantee = x.grantor) THEN '{OWNER}' ELSE r.rolname::text END"
    )
}

/// Returns the joins that explode two `aclitem[]`s into the rows that [`columns`] reads.
pub(super) fn exploded(actual: &str, initial: &str) -> String {
    format!(
        "CROSS JOIN LATERAL (SELECT false AS initial, e.* FROM pg_catalog.aclexplode({actual}) e
                             UNION ALL SELECT true, e.* FROM pg_catalog.aclexplode({initial}) e) x
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(list: &[(&str, bool)]) -> Grants {
        list.iter()
            .map(|(name, grantable)| ((*name).to_owned(), *grantable))
            .collect()
    }

    fn clause() -> Clause {
        Clause {
            prefix: String::new(),
            column: None,
            object: "TABLE s.t".to_owned(),
            grantee: "app".to_owned(),
            all: Sort::Relation.all(15_00_00),
        }
    }

    #[test]
    fn grants_and_revokes_the_difference() {
        let (from, to) = (
            grants(&[("SELECT", false), ("INSERT", true), ("DELETE", false)]),
            grants(&[("SELECT", true), ("INSERT", false), ("UPDATE", false)]),
        );
        assert_eq!(
            clause().transition(&[&from], &to),
            [
                "REVOKE DELETE ON TABLE s.t FROM app",
                "REVOKE GRANT OPTION FOR INSERT ON TABLE s.t FROM app",
                "GRANT UPDATE ON TABLE s.t TO app",
                "GRANT SELECT ON TABLE s.t TO app WITH GRANT OPTION",
            ]
        );
        assert!(clause().transition(&[&to], &to).is_empty());
    }

    #[test]
    fn says_all_for_all() {
        let all = Sort::Relation.built_in(OWNER, 15_00_00);
        assert_eq!(
            clause().transition(&[&Grants::new()], &all),
            ["GRANT ALL ON TABLE s.t TO app"]
        );
        assert_eq!(
            clause().transition(&[&all], &Grants::new()),
            ["REVOKE ALL ON TABLE s.t FROM app"]
        );
    }

    #[test]
    fn settles_from_an_unknown_start() {
        let (by_default, nothing) = (grants(&[("SELECT", false), ("DELETE", false)]), Grants::new());
        let desired = grants(&[("SELECT", false)]);
        assert_eq!(
            clause().transition(&[&by_default, &nothing], &desired),
            [
                "REVOKE DELETE ON TABLE s.t FROM app",
                "GRANT SELECT ON TABLE s.t TO app"
            ]
        );
    }

    #[test]
    fn limits_privileges_to_a_column() {
        let column = Clause {
            column: Some("Name".to_owned()),
            all: Sort::Column.all(15_00_00),
            ..clause()
        };
        assert_eq!(
            column.transition(&[&Grants::new()], &grants(&[("SELECT", false), ("UPDATE", false)])),
            ["GRANT SELECT (\"Name\"), UPDATE (\"Name\") ON TABLE s.t TO app"]
        );
    }
}
