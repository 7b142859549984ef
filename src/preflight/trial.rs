//! What can be asked of rows before a statement is: queries for each finding that rows decide.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::live::Live;
use super::parts::{self, checked, quick};
use super::rows::{Bad, Met, Values, conflicting, counting, repeated, row_wise, split};
use crate::catalog::quote::ident;
use crate::catalog::{Catalog, Identity};
use crate::diff::Rename;
use crate::kinds::{AnyObject, Check, ForeignKey, Index, Key, KeyType, Kind, Table};
use crate::plan::Plan;
use crate::risk::Finding;

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
    /// How rows that are wrong are counted; where `attempt` is set, what fails when a row is wrong.
    pub count: Count,
    /// Whether counting only shows by failing that a row is wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attempt: bool,
    /// Whether the number of wrong rows only says whether there is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existence: bool,
    /// Query for the keys of some wrong rows, where keys say nothing about anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Whether rows that pass come through unchanged.
    pub keeps_values: bool,
}

/// How rows are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Row by row: one reading of a table answers several such questions.
    Rows {
        /// What stands in `FROM`: the table, as `t`.
        table: String,
        /// Aggregate for the number of rows that are wrong.
        wrong: String,
    },
    /// By what each row refers to, in the same reading.
    References(References),
    /// Query for the number of rows that are wrong and the number of all.
    Query(String),
}

/// What rows of one table refer to in another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// What stands in `FROM`: the table, as `t`.
    pub table: String,
    /// Its columns that refer to the other one.
    pub columns: Vec<String>,
    /// What is joined by them: at most one row of the other table.
    pub join: String,
    /// Condition on those columns, and on what is joined, that a wrong row meets.
    pub wrong: String,
    /// Query for the values that are there to refer to, where the one column can be compared with a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// Codes of the findings that rows decide.
const DECIDED: [&str; 7] = ["TU101", "TU105", "TU201", "TU202", "TU203", "TU204", "TU502"];

/// Returns the questions of a plan, each once. The live database does not know the names yet that `renames` give.
pub fn of(plan: &Plan, from: &Catalog, to: &Catalog, renames: &[Rename]) -> Vec<Trial> {
    let live = Live { from, renames };
    let asking = Asking { plan, from, to, live };
    let wanted = plan
        .findings
        .iter()
        .filter(|finding| DECIDED.contains(&finding.code.as_str()));
    wanted.flat_map(|finding| asking.trials(finding)).collect()
}

/// What questions are made from.
pub(super) struct Asking<'a> {
    pub(super) plan: &'a Plan,
    /// Live state, with the renames carried out.
    pub(super) from: &'a Catalog,
    pub(super) to: &'a Catalog,
    pub(super) live: Live<'a>,
}

impl Asking<'_> {
    fn trials(&self, finding: &Finding) -> Vec<Trial> {
        let object = &finding.object;
        let trials: Vec<Trial> = match self.to.get(object) {
            _ if finding.code == "TU202" => return self.any_row(finding).into_iter().collect(),
            // The plan writes other columns of the table first.
            _ if finding.code == "TU101" => return self.staged(finding).into_iter().collect(),
            Some(AnyObject::Partition(partition)) => self.bounds(finding, partition),
            Some(AnyObject::EnumType(after)) => self.labels(finding, after),
            Some(AnyObject::Key(key)) => self.key(finding, key),
            Some(AnyObject::DomainCheck(check)) => self.domain_check(finding, check),
            Some(AnyObject::Domain(domain)) if domain.not_null => self.domain_users(
                finding,
                object,
                |column| format!("t.{} IS NULL", ident(&column.name)),
                "is null",
            ),
            Some(object) => self.trial(finding, object).into_iter().collect(),
            None => Vec::new(),
        };
        // What the plan itself writes first, nobody can count now.
        let writes = |table: &Identity| {
            let all = self.plan.forward.iter().flat_map(|step| &step.statements);
            all.flat_map(|sentence| &sentence.facts.writes)
                .any(|written| written == table)
        };
        trials.into_iter().filter(|trial| !writes(&trial.table)).collect()
    }

    fn trial(&self, finding: &Finding, object: &AnyObject) -> Option<Trial> {
        let column = || Identity::new(Kind::Column, finding.object.path.iter());
        let bad = match object {
            AnyObject::NotNull(not_null) => {
                let condition = match self.to.get(&column())? {
                    // A null stays one, whatever the type becomes.
                    _ if self.from.contains(&column()) => format!("t.{} IS NULL", ident(&not_null.column)),
                    AnyObject::Column(new) if self.ground_stands(&column()) => {
                        format!("({}) IS NULL", new.generated.as_ref()?.expression)
                    }
                    _ => return None,
                };
                row_wise(&not_null.schema, &not_null.table, condition, "is null")
            }
            AnyObject::Check(check) => self.check(&finding.object, check)?,
            AnyObject::ForeignKey(key) => return self.foreign_key(finding, key),
            AnyObject::Index(index) => return self.index(finding, index),
            AnyObject::Column(column) => return self.column_type(finding, column),
            _ => return None,
        };
        Some(self.counting(finding, bad))
    }

    pub(super) fn counting(&self, finding: &Finding, bad: Bad) -> Trial {
        counting(self.live, finding, bad)
    }

    /// Tells whether columns are there before and after, under the same type.
    pub(super) fn stands(&self, columns: &[Identity]) -> bool {
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
        let expression = checked(&check.definition)?;
        Some(row_wise(
            &check.schema,
            &check.table,
            format!("({expression}) IS FALSE"),
            "breaks it",
        ))
    }

    /// Each row meets the one that it refers to, if there is one: a search for each row would take far longer.
    fn foreign_key(&self, finding: &Finding, key: &ForeignKey) -> Option<Trial> {
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
        let said = parts::constraint(&key.definition)?;
        (key.enforced && self.stands(&own) && self.stands(&other) && self.ground_stands(&finding.object))
            .then_some(())?;
        let nulls = |words: &str, joined: &str| {
            let columns = key.columns.iter().map(|name| format!("t.{} {words}", ident(name)));
            columns.collect::<Vec<_>>().join(joined)
        };
        let pairs = key.columns.iter().zip(&key.referenced_columns);
        let same: Vec<String> = pairs
            .map(|(own, other)| format!("r.{} = t.{}", ident(other), ident(own)))
            .collect();
        let referenced = self.live.source(&key.referenced_schema, &key.referenced_table, "r");
        let missing = match key.columns.last().zip(key.referenced_columns.last()) {
            Some((own, other)) if said.fk_with_period => {
                let (own, other) = (format!("t.{}", ident(own)), format!("r.{}", ident(other)));
                // The ranges of all rows that are referred to must cover the one of the row together.
                let same = same[..same.len() - 1]
                    .iter()
                    .map(|pair| format!("{pair} AND "))
                    .collect::<String>();
                format!(
                    "NOT EXISTS (SELECT FROM (SELECT {other} AS part FROM {referenced} WHERE {same}{other} && {own}) r
                                 HAVING {own} <@ pg_catalog.range_agg(r.part))"
                )
            }
            _ => format!("NOT EXISTS (SELECT FROM {referenced} WHERE {})", same.join(" AND ")),
        };
        let condition = |missing: &str| {
            if said.fk_matchtype == "f" {
                let (one, all) = (nulls("IS NULL", " OR "), nulls("IS NULL", " AND "));
                format!("NOT ({all}) AND ({one} OR {missing})")
            } else {
                format!("{} AND {missing}", nulls("IS NOT NULL", " AND "))
            }
        };
        if said.fk_with_period {
            let bad = row_wise(
                &key.schema,
                &key.table,
                condition(&missing),
                "refers to no rows of that time",
            );
            return Some(self.counting(finding, bad));
        }
        let bad = row_wise(&key.schema, &key.table, condition(&missing), "refers to no row");
        let met = Met::new(finding, &key.referenced_columns, self.is_key(key));
        Some(Trial {
            count: Count::References(References {
                table: self.live.source(&key.schema, &key.table, "t"),
                columns: key.columns.iter().map(|name| format!("t.{}", ident(name))).collect(),
                join: met.join(&referenced, &key.columns),
                wrong: condition(&format!("{} IS NULL", met.found())),
                list: self.list(&own, &other, &referenced),
            }),
            ..self.counting(finding, bad)
        })
    }

    /// Returns the query for the values that a column refers to, where the server compares with a list of them as quickly as
    /// with one.
    fn list(&self, own: &[Identity], other: &[Identity], referenced: &str) -> Option<String> {
        let ([own], [other]) = (own, other) else { return None };
        let (AnyObject::Column(own), AnyObject::Column(other)) = (self.from.get(own)?, self.from.get(other)?) else {
            return None;
        };
        (quick(own)? == quick(other)?).then(|| {
            let name = ident(&other.name);
            format!("SELECT r.{name} FROM {referenced} WHERE r.{name} IS NOT NULL")
        })
    }

    /// Tells whether no two rows have the same values in the columns that a foreign key refers to.
    fn is_key(&self, key: &ForeignKey) -> bool {
        let wanted: BTreeSet<&String> = key.referenced_columns.iter().collect();
        self.from.objects.values().any(|object| match object {
            AnyObject::Key(own) => {
                own.constraint != KeyType::Exclusion
                    && !own.deferrable
                    && Table::named(&own.schema, &own.table) == key.referenced_identity()
                    && own.columns.iter().collect::<BTreeSet<_>>() == wanted
            }
            _ => false,
        })
    }

    fn key(&self, finding: &Finding, key: &Key) -> Vec<Trial> {
        let Some(said) = parts::constraint(&key.definition) else {
            return Vec::new();
        };
        let table = (key.schema.as_str(), key.table.as_str());
        if key.constraint == KeyType::Exclusion {
            let excluded = parts::excluded(&said).filter(|_| self.ground_stands(&finding.object));
            let conflicting = excluded.map(|excluded| {
                let (of, operators) = split(excluded);
                let predicate = key.predicate.as_deref();
                conflicting(self.live, finding, &Values { table, of, predicate }, &operators)
            });
            return conflicting.into_iter().collect();
        }
        let named = |name: &String| Identity::new(Kind::Column, [&key.schema, &key.table, name]);
        let columns: Vec<Identity> = key.columns.iter().map(named).collect();
        if !self.stands(&columns) {
            return Vec::new();
        }
        let of: Vec<String> = key.columns.iter().map(|name| ident(name)).collect();
        let last = of.last().cloned().unwrap_or_default();
        let values = Values {
            table,
            of,
            predicate: None,
        };
        if said.without_overlaps {
            let same = values.of.len().saturating_sub(1);
            let mut operators = vec!["OPERATOR(pg_catalog.=)".to_owned(); same];
            operators.push("OPERATOR(pg_catalog.&&)".to_owned());
            let empty = row_wise(
                table.0,
                table.1,
                format!("pg_catalog.isempty(t.{last})"),
                "holds an empty range",
            );
            return vec![
                conflicting(self.live, finding, &values, &operators),
                self.counting(finding, empty),
            ];
        }
        vec![repeated(self.live, finding, &values, said.nulls_not_distinct)]
    }

    fn index(&self, finding: &Finding, index: &Index) -> Option<Trial> {
        (index.unique && !index.on_materialized_view && self.ground_stands(&finding.object)).then_some(())?;
        let values = Values {
            table: (&index.schema, &index.table),
            of: parts::keys(&index.keys)?,
            predicate: index.predicate.as_deref(),
        };
        Some(repeated(self.live, finding, &values, index.nulls_not_distinct))
    }
}
