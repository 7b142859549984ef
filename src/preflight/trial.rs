//! What can be asked of rows before a statement is: one query for each finding that rows decide.

use serde::{Deserialize, Serialize};

use crate::catalog::quote::{ident, qualified};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Check, Column, DomainCheck, ForeignKey, Index, Key, KeyType, Kind};
use crate::plan::{Plan, Verb};
use crate::risk::Finding;

/// First major version with `pg_input_is_valid`.
const INPUT_IS_VALID: i32 = 16;

/// A question to the rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Code of the finding that it decides.
    pub code: String,
    /// Object that the finding is about.
    pub object: Identity,
    /// Table that is asked.
    pub table: Identity,
    /// What would be wrong with a row, in a few words.
    pub wrong: String,
    /// Query for the number of rows that are wrong and the number of all; or, where `attempt` is set, one that fails when
    /// a row is wrong.
    pub count: String,
    /// Whether the query only shows by failing that a row is wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attempt: bool,
    /// Query for the keys of some wrong rows, where keys say nothing about anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Whether rows that pass come through unchanged.
    pub keeps_values: bool,
}

/// Codes of the findings that rows decide.
const DECIDED: [&str; 4] = ["TU105", "TU201", "TU202", "TU203"];

/// Returns the questions of a plan, each once.
pub fn of(plan: &Plan, from: &Catalog, to: &Catalog) -> Vec<Trial> {
    let asking = Asking { plan, from, to };
    let wanted = plan
        .findings
        .iter()
        .filter(|finding| DECIDED.contains(&finding.code.as_str()));
    // The live database does not know the names yet that a plan gives.
    let renamed: Vec<&Identity> = plan
        .changes
        .iter()
        .filter(|detail| detail.change.verb == Verb::Rename)
        .map(|detail| &detail.change.object)
        .collect();
    let is_known = |trial: &Trial| {
        !renamed
            .iter()
            .any(|name| name.path.starts_with(&trial.table.path) || trial.table.path.starts_with(&name.path))
    };
    wanted
        .filter_map(|finding| asking.trial(finding))
        .filter(is_known)
        .collect()
}

struct Asking<'a> {
    plan: &'a Plan,
    from: &'a Catalog,
    to: &'a Catalog,
}

/// A condition on the rows of a table `t`.
struct Bad {
    table: (String, String),
    condition: String,
    wrong: String,
    keeps_values: bool,
}

impl Asking<'_> {
    fn trial(&self, finding: &Finding) -> Option<Trial> {
        let object = &finding.object;
        let column = || Identity::new(Kind::Column, object.path.iter());
        if finding.code == "TU202" {
            return self.any_row(finding);
        }
        let trial = match self.to.get(object)? {
            AnyObject::NotNull(not_null) => {
                // A null stays one, whatever the type becomes.
                (self.from.contains(&column()) && self.to.contains(&column())).then_some(())?;
                let condition = format!("t.{} IS NULL", ident(&not_null.column));
                self.counting(
                    finding,
                    row_wise(&not_null.schema, &not_null.table, condition, "is null"),
                )
            }
            AnyObject::Check(check) => self.counting(finding, self.check(object, check)?),
            AnyObject::ForeignKey(key) => self.counting(finding, self.foreign_key(object, key)?),
            AnyObject::Key(key) => self.key(finding, key)?,
            AnyObject::Index(index) => self.index(finding, index)?,
            AnyObject::DomainCheck(check) => self.domain(finding, check)?,
            AnyObject::Column(column) => self.column_type(finding, column)?,
            _ => return None,
        };
        // What the plan itself writes first, nobody can count now.
        let writes = |table: &Identity| {
            let all = self.plan.forward.iter().flat_map(|step| &step.statements);
            all.flat_map(|sentence| &sentence.facts.writes)
                .any(|written| written == table)
        };
        (!writes(&trial.table)).then_some(trial)
    }

    /// Tells whether columns are there before and after, under the same type.
    fn stands(&self, columns: &[Identity]) -> bool {
        columns.iter().all(|column| {
            let data_type = |catalog: &Catalog| match catalog.get(column) {
                Some(AnyObject::Column(column)) => Some((column.data_type.clone(), column.generated.clone())),
                _ => None,
            };
            let before = data_type(self.from);
            before.is_some() && before == data_type(self.to)
        })
    }

    /// Tells whether the columns that a constraint depends on stand.
    fn ground_stands(&self, object: &Identity) -> bool {
        let columns: Vec<Identity> = self
            .to
            .dependencies_of(object)
            .filter(|on| on.kind == Kind::Column)
            .cloned()
            .collect();
        self.stands(&columns)
    }

    fn any_row(&self, finding: &Finding) -> Option<Trial> {
        let [schema, table, _] = finding.object.path.as_slice() else {
            return None;
        };
        let bad = row_wise(schema, table, "true".to_owned(), "gets no value");
        Some(self.counting(finding, bad))
    }

    fn check(&self, object: &Identity, check: &Check) -> Option<Bad> {
        (check.enforced && check.valid && self.ground_stands(object)).then_some(())?;
        let expression = expression(&check.definition)?;
        Some(row_wise(
            &check.schema,
            &check.table,
            format!("({expression}) IS FALSE"),
            "breaks it",
        ))
    }

    fn foreign_key(&self, object: &Identity, key: &ForeignKey) -> Option<Bad> {
        let of = |schema: &str, table: &str, name: &String| Identity::new(Kind::Column, [schema, table, name]);
        let own: Vec<Identity> = key
            .columns
            .iter()
            .map(|name| of(&key.schema, &key.table, name))
            .collect();
        let other = key.referenced_columns.iter();
        let other: Vec<Identity> = other
            .map(|name| of(&key.referenced_schema, &key.referenced_table, name))
            .collect();
        let is_plain = !key.definition.contains("PERIOD") && !key.definition.contains("MATCH FULL");
        (key.enforced && is_plain && self.stands(&own) && self.stands(&other) && self.ground_stands(object))
            .then_some(())?;
        let filled: Vec<String> = key
            .columns
            .iter()
            .map(|name| format!("t.{} IS NOT NULL", ident(name)))
            .collect();
        let pairs = key.columns.iter().zip(&key.referenced_columns);
        let same: Vec<String> = pairs
            .map(|(own, other)| format!("r.{} = t.{}", ident(other), ident(own)))
            .collect();
        let condition = format!(
            "{} AND NOT EXISTS (SELECT FROM {} r WHERE {})",
            filled.join(" AND "),
            qualified([&key.referenced_schema, &key.referenced_table]),
            same.join(" AND ")
        );
        Some(row_wise(&key.schema, &key.table, condition, "refers to no row"))
    }

    fn key(&self, finding: &Finding, key: &Key) -> Option<Trial> {
        let of = |name: &String| Identity::new(Kind::Column, [&key.schema, &key.table, name]);
        let columns: Vec<Identity> = key.columns.iter().map(of).collect();
        let plain = key.predicate.is_none() && !key.definition.contains("WITHOUT OVERLAPS");
        (key.constraint != KeyType::Exclusion && plain && self.stands(&columns)).then_some(())?;
        let nulls_count = key.definition.contains("NULLS NOT DISTINCT");
        Some(repeated(
            finding,
            (&key.schema, &key.table),
            &key.columns,
            nulls_count,
            None,
        ))
    }

    fn index(&self, finding: &Finding, index: &Index) -> Option<Trial> {
        let columns: Vec<String> = index.columns.iter().cloned().collect::<Option<_>>()?;
        let of = |name: &String| Identity::new(Kind::Column, [&index.schema, &index.table, name]);
        let identities: Vec<Identity> = columns.iter().map(of).collect();
        (index.unique && !index.on_materialized_view && self.stands(&identities)).then_some(())?;
        (index.predicate.is_none() || self.ground_stands(&finding.object)).then_some(())?;
        let table = (index.schema.as_str(), index.table.as_str());
        Some(repeated(
            finding,
            table,
            &columns,
            index.nulls_not_distinct,
            index.predicate.as_deref(),
        ))
    }

    /// Asks the first column of a standing table whose type is the domain.
    fn domain(&self, finding: &Finding, check: &DomainCheck) -> Option<Trial> {
        check.valid.then_some(())?;
        let domain = Identity::new(Kind::Domain, [&check.schema, &check.domain]);
        let mut users = self
            .from
            .dependencies
            .iter()
            .filter(|(user, on)| user.kind == Kind::Column && on.contains(&domain));
        let (user, _) = users.next()?;
        // One answer for several columns would be half an answer.
        (users.next().is_none() && self.stands(std::slice::from_ref(user))).then_some(())?;
        let [schema, table, column] = user.path.as_slice() else {
            return None;
        };
        let expression = expression(&check.definition)?;
        let condition = format!(
            "(SELECT ({expression}) FROM (SELECT t.{}) AS q (value)) IS FALSE",
            ident(column)
        );
        Some(self.counting(finding, row_wise(schema, table, condition, "breaks it")))
    }

    fn column_type(&self, finding: &Finding, column: &Column) -> Option<Trial> {
        let AnyObject::Column(before) = self.from.get(&finding.object)? else {
            return None;
        };
        let (from, to) = (before.data_type.as_str(), column.data_type.as_str());
        let name = format!("t.{}", ident(&column.name));
        let is_string = |data_type: &str| data_type == "text" || data_type.starts_with("character");
        let bad = |condition: String, wrong: &str| row_wise(&column.schema, &column.table, condition, wrong);
        let server = self.plan.database.version_num / 10_000;
        if let (true, Some(limit)) = (is_string(from), limit(to)) {
            let condition = format!("pg_catalog.char_length(pg_catalog.rtrim({name}::text)) > {limit}");
            return Some(self.counting(finding, bad(condition, "is too long")));
        }
        if let (Some(_), Some((least, most))) = (range(from), range(to)) {
            return Some(self.counting(
                finding,
                bad(format!("{name} NOT BETWEEN {least} AND {most}"), "is out of range"),
            ));
        }
        if is_string(from) && server >= INPUT_IS_VALID {
            let to = crate::catalog::quote::literal(to);
            let mut trial = self.counting(
                finding,
                bad(
                    format!("NOT pg_catalog.pg_input_is_valid({name}::text, {to})"),
                    "cannot be read",
                ),
            );
            trial.keeps_values = false;
            return Some(trial);
        }
        let cast = if is_string(from) {
            format!("{name}::text::{to}")
        } else {
            format!("{name}::{to}")
        };
        let table = qualified([&column.schema, &column.table]);
        Some(Trial {
            count: format!("SELECT pg_catalog.count({cast}), pg_catalog.count(*) FROM {table} t"),
            attempt: true,
            keys: None,
            keeps_values: false,
            ..self.counting(finding, bad("false".to_owned(), "cannot be converted"))
        })
    }

    fn counting(&self, finding: &Finding, bad: Bad) -> Trial {
        let (schema, table) = (&bad.table.0, &bad.table.1);
        let name = qualified([schema, table]);
        let condition = &bad.condition;
        let keys = self.plain_key(schema, table).map(|key| {
            let key = ident(&key);
            format!("SELECT t.{key}::text FROM {name} t WHERE {condition} ORDER BY t.{key} LIMIT 6")
        });
        Trial {
            code: finding.code.clone(),
            object: finding.object.clone(),
            table: Identity::new(Kind::Table, [schema, table]),
            wrong: bad.wrong,
            count: format!("SELECT pg_catalog.count(*) FILTER (WHERE {condition}), pg_catalog.count(*) FROM {name} t"),
            attempt: false,
            keys,
            keeps_values: bad.keeps_values,
        }
    }

    /// Returns the one column of a primary key that says nothing about anybody: a number or a UUID.
    fn plain_key(&self, schema: &str, table: &str) -> Option<String> {
        let of_table = |object: &AnyObject| match object {
            AnyObject::Key(key) if key.constraint == KeyType::Primary && key.schema == schema && key.table == table => {
                match key.columns.as_slice() {
                    [column] => Some(column.clone()),
                    _ => None,
                }
            }
            _ => None,
        };
        let column = self.from.objects.values().find_map(of_table)?;
        match self.from.get(&Identity::new(Kind::Column, [schema, table, &column]))? {
            AnyObject::Column(known) => {
                (range(&known.data_type).is_some() || known.data_type == "uuid").then_some(column)
            }
            _ => None,
        }
    }
}

fn row_wise(schema: &str, table: &str, condition: String, wrong: &str) -> Bad {
    Bad {
        table: (schema.to_owned(), table.to_owned()),
        condition,
        wrong: wrong.to_owned(),
        keeps_values: true,
    }
}

/// Counts the rows that are one too many.
fn repeated(
    finding: &Finding,
    (schema, table): (&str, &str),
    columns: &[String],
    nulls_count: bool,
    predicate: Option<&str>,
) -> Trial {
    let name = qualified([schema, table]);
    let columns: Vec<String> = columns.iter().map(|column| format!("t.{}", ident(column))).collect();
    let mut conditions: Vec<String> = predicate
        .map(|predicate| format!("({predicate})"))
        .into_iter()
        .collect();
    if !nulls_count {
        conditions.extend(columns.iter().map(|column| format!("{column} IS NOT NULL")));
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    Trial {
        code: finding.code.clone(),
        object: finding.object.clone(),
        table: Identity::new(Kind::Table, [schema, table]),
        wrong: "repeats another one".to_owned(),
        count: format!(
            "SELECT coalesce(pg_catalog.sum(q.n - 1), 0)::int8, coalesce(pg_catalog.sum(q.n), 0)::int8
             FROM (SELECT pg_catalog.count(*) AS n FROM {name} t{filter} GROUP BY {}) q",
            columns.join(", ")
        ),
        attempt: false,
        keys: None,
        keeps_values: true,
    }
}

/// Returns what stands between the parentheses of a check's definition.
fn expression(definition: &str) -> Option<&str> {
    let rest = definition.strip_prefix("CHECK ")?;
    let rest = rest.strip_suffix(" NO INHERIT").unwrap_or(rest);
    rest.strip_prefix('(')?.strip_suffix(')')
}

/// Returns the length that a type of strings allows.
fn limit(data_type: &str) -> Option<u32> {
    let rest = data_type
        .strip_prefix("character varying(")
        .or_else(|| data_type.strip_prefix("character("))?;
    rest.strip_suffix(')')?.parse().ok()
}

/// Returns the range of a type of whole numbers.
fn range(data_type: &str) -> Option<(i64, i64)> {
    match data_type {
        "smallint" => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        "integer" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        "bigint" => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_definitions() {
        assert_eq!(expression("CHECK ((price > 0))"), Some("(price > 0)"));
        assert_eq!(expression("CHECK ((a = ')')) NO INHERIT"), Some("(a = ')')"));
        assert_eq!(limit("character varying(20)"), Some(20));
        assert_eq!(limit("text"), None);
    }
}
