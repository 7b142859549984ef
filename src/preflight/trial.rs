//! What can be asked of rows before a statement is: queries for each finding that rows decide.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::live::Live;
use super::parts::{self, checked, limit, quick, range};
use super::rows::{Bad, Met, Values, conflicting, counting, repeated, row_wise, split};
use crate::catalog::quote::ident;
use crate::catalog::{Catalog, Identity};
use crate::diff::Rename;
use crate::kinds::{
    AnyObject, Check, Column, Context, DomainCheck, ForeignKey, Index, Key, KeyType, Kind, Table, number_as_uuid,
    type_change,
};
use crate::plan::Plan;
use crate::risk::Finding;
use crate::staged::is_stage;

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
const DECIDED: [&str; 5] = ["TU101", "TU105", "TU201", "TU202", "TU203"];

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

struct Asking<'a> {
    plan: &'a Plan,
    from: &'a Catalog,
    to: &'a Catalog,
    live: Live<'a>,
}

impl Asking<'_> {
    fn trials(&self, finding: &Finding) -> Vec<Trial> {
        let object = &finding.object;
        let trials: Vec<Trial> = match self.to.get(object) {
            _ if finding.code == "TU202" => return self.any_row(finding).into_iter().collect(),
            // The plan writes other columns of the table first.
            _ if finding.code == "TU101" => return self.staged(finding).into_iter().collect(),
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
                // A null stays one, whatever the type becomes.
                (self.from.contains(&column()) && self.to.contains(&column())).then_some(())?;
                let condition = format!("t.{} IS NULL", ident(&not_null.column));
                row_wise(&not_null.schema, &not_null.table, condition, "is null")
            }
            AnyObject::Check(check) => self.check(&finding.object, check)?,
            AnyObject::ForeignKey(key) => return self.foreign_key(finding, key),
            AnyObject::Key(key) => return self.key(finding, key),
            AnyObject::Index(index) => return self.index(finding, index),
            AnyObject::Column(column) => return self.column_type(finding, column),
            _ => return None,
        };
        Some(self.counting(finding, bad))
    }

    fn counting(&self, finding: &Finding, bad: Bad) -> Trial {
        counting(self.live, finding, bad)
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

    /// Asks for values that a column which changes in stages cannot carry over.
    fn staged(&self, finding: &Finding) -> Option<Trial> {
        is_stage(self.plan.forward.get(finding.step)?).then_some(())?;
        let (AnyObject::Column(before), AnyObject::Column(after)) =
            (self.from.get(&finding.object)?, self.to.get(&finding.object)?)
        else {
            return None;
        };
        type_change::loses(&before.data_type, &after.data_type)?;
        let trial = self.column_type(finding, after)?;
        Some(Trial {
            keeps_values: false,
            ..trial
        })
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
        (key.enforced
            && !said.fk_with_period
            && self.stands(&own)
            && self.stands(&other)
            && self.ground_stands(&finding.object))
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
        let missing = format!("NOT EXISTS (SELECT FROM {referenced} WHERE {})", same.join(" AND "));
        let condition = |missing: &str| {
            if said.fk_matchtype == "f" {
                let (one, all) = (nulls("IS NULL", " OR "), nulls("IS NULL", " AND "));
                format!("NOT ({all}) AND ({one} OR {missing})")
            } else {
                format!("{} AND {missing}", nulls("IS NOT NULL", " AND "))
            }
        };
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

    fn key(&self, finding: &Finding, key: &Key) -> Option<Trial> {
        let said = parts::constraint(&key.definition)?;
        let table = (key.schema.as_str(), key.table.as_str());
        if key.constraint == KeyType::Exclusion {
            self.ground_stands(&finding.object).then_some(())?;
            let (of, operators) = split(parts::excluded(&said)?);
            let values = Values {
                table,
                of,
                predicate: key.predicate.as_deref(),
            };
            return Some(conflicting(self.live, finding, &values, &operators));
        }
        let named = |name: &String| Identity::new(Kind::Column, [&key.schema, &key.table, name]);
        let columns: Vec<Identity> = key.columns.iter().map(named).collect();
        self.stands(&columns).then_some(())?;
        let values = Values {
            table,
            of: key.columns.iter().map(|name| ident(name)).collect(),
            predicate: None,
        };
        if said.without_overlaps {
            let same = values.of.len().saturating_sub(1);
            let mut operators = vec!["OPERATOR(pg_catalog.=)".to_owned(); same];
            operators.push("OPERATOR(pg_catalog.&&)".to_owned());
            return Some(conflicting(self.live, finding, &values, &operators));
        }
        Some(repeated(self.live, finding, &values, said.nulls_not_distinct))
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

    fn domain_check(&self, finding: &Finding, check: &DomainCheck) -> Vec<Trial> {
        let domain = Identity::new(Kind::Domain, [&check.schema, &check.domain]);
        let Some(expression) = checked(&check.definition).filter(|_| check.valid) else {
            return Vec::new();
        };
        let condition = |column: &Column| {
            let name = ident(&column.name);
            format!("(SELECT ({expression}) FROM (SELECT t.{name}) AS q (value)) IS FALSE")
        };
        self.domain_users(finding, &domain, condition, "breaks it")
    }

    /// Asks each standing column whose type is a domain, or one over it. What a parent table shows is not asked again.
    fn domain_users(
        &self,
        finding: &Finding,
        domain: &Identity,
        condition: impl Fn(&Column) -> String,
        wrong: &str,
    ) -> Vec<Trial> {
        let uses = |kind: Kind, domains: &BTreeSet<Identity>| -> Vec<Identity> {
            let users = self.from.dependencies.iter();
            let users =
                users.filter(|(user, on)| user.kind == kind && domains.iter().any(|domain| on.contains(domain)));
            users.map(|(user, _)| user.clone()).collect()
        };
        let mut domains = BTreeSet::from([domain.clone()]);
        loop {
            let before = domains.len();
            domains.extend(uses(Kind::Domain, &domains));
            if domains.len() == before {
                break;
            }
        }
        let users = uses(Kind::Column, &domains);
        let columns = users.iter().filter_map(|user| match self.from.get(user)? {
            AnyObject::Column(column) => Some((user, column)),
            _ => None,
        });
        let asked = columns.filter(|(user, column)| {
            column.parents.is_empty() && !column.data_type.ends_with("[]") && self.stands(std::slice::from_ref(*user))
        });
        let trials = asked.map(|(_, column)| {
            let wrong = format!("{wrong} in `{}`", column.name);
            self.counting(
                finding,
                row_wise(&column.schema, &column.table, condition(column), &wrong),
            )
        });
        trials.collect()
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
            let long = |value: &str| format!("pg_catalog.char_length({value}) > {limit}");
            let condition = if from.starts_with("character(") {
                // Blanks that fill it up are none of its characters.
                long(&name)
            } else {
                // Bytes are known without a look at the value, and there are never fewer of them than characters. Blanks at
                // the end are cut off.
                let trimmed = long(&format!("pg_catalog.rtrim({name}::text)"));
                format!(
                    "pg_catalog.octet_length({name}) > {limit} AND {} AND {trimmed}",
                    long(&name)
                )
            };
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
        if let Some(number) = number_as_uuid::convert(&name, from, to) {
            let condition = format!("{name} IS NOT NULL AND {number} IS NULL");
            return Some(self.counting(finding, bad(condition, "is no number as a UUID")));
        }
        // As the statement will do it.
        let context = Context::new(self.from, self.to, self.plan.database.version_num);
        let cast = type_change::using(&name, from, to, &context).unwrap_or_else(|| format!("{name}::{to}"));
        Some(Trial {
            count: Count::Rows {
                table: self.live.source(&column.schema, &column.table, "t"),
                wrong: format!("pg_catalog.count({cast})"),
            },
            attempt: true,
            keys: None,
            keeps_values: false,
            ..self.counting(finding, bad("false".to_owned(), "cannot be converted"))
        })
    }
}
