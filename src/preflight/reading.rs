//! One reading of a table for all that is asked of its single rows, in the form that the server takes for the cheapest.

use std::collections::BTreeSet;

use postgres::Transaction;
use serde_json::Value;

use super::trial::{Count, References};
use crate::catalog::quote::{dollar, literal};

/// Most bytes of a list of values that rows are compared with.
const LIST: f64 = 8_388_608.0;

/// Questions that one reading answers.
pub(super) struct Reading<'c> {
    table: &'c str,
    asked: Vec<Asked<'c>>,
    /// Queries for the lists of values that `$1`, `$2`, … stand for.
    lists: Vec<&'c str>,
}

/// How one of them is asked.
#[derive(Clone)]
enum Asked<'c> {
    /// By an aggregate over the rows.
    Rows(String),
    /// By a join.
    References(&'c References),
}

impl<'c> Reading<'c> {
    /// Makes it for questions to one table, as it stands in `FROM`.
    pub(super) fn new(table: &'c str, counts: impl Iterator<Item = &'c Count>) -> Self {
        let asked = counts.filter_map(|count| match count {
            Count::Rows { wrong, .. } => Some(Asked::Rows(wrong.clone())),
            Count::References(references) => Some(Asked::References(references)),
            Count::Query(_) => None,
        });
        Self {
            table,
            asked: asked.collect(),
            lists: Vec::new(),
        }
    }

    /// Counts the rows that are wrong, for each question, and all of them at the end.
    pub(super) fn count(&self, transaction: &mut Transaction) -> Result<Vec<i64>, postgres::Error> {
        let listed = self.with_lists(transaction);
        if !listed.lists.is_empty() {
            let mut savepoint = transaction.transaction()?;
            match listed.in_block(&mut savepoint) {
                Ok(counted) => {
                    savepoint.commit()?;
                    return Ok(counted);
                }
                // The limit of time holds for one more try as well.
                Err(error) if matches!(state(&error), "57014" | "55P03") => return Err(error),
                // A role may be without PL/pgSQL.
                Err(_) => savepoint.rollback()?,
            }
        }
        let joined = self.query(transaction);
        transaction.query_typed_one(&joined, &[])?.try_get(0)
    }

    /// Compares with a list of values instead of joining, where they are few. That takes a fraction of the time, since the
    /// server looks into a hash table of its own without a join; it only does so for a list that it knows when it plans.
    fn with_lists(&self, transaction: &mut Transaction) -> Self {
        let mut lists = Vec::new();
        let mut listed = |asked: &Asked<'c>| match asked {
            Asked::References(References {
                columns,
                list: Some(list),
                ..
            }) if bytes(transaction, list).is_some_and(|bytes| bytes <= LIST) => {
                lists.push(list.as_str());
                let (column, number) = (columns.concat(), lists.len());
                Asked::Rows(format!(
                    "pg_catalog.count({column}) - {}",
                    number_of(&format!("{column} = ANY (${number})"))
                ))
            }
            other => other.clone(),
        };
        let asked = self.asked.iter().map(&mut listed).collect();
        Self {
            table: self.table,
            asked,
            lists,
        }
    }

    /// Counts where no value of a row becomes part of a statement that comes from here: those stand in the server's log.
    fn in_block(&self, transaction: &mut Transaction) -> Result<Vec<i64>, postgres::Error> {
        let lists: Vec<String> = self.lists.iter().map(|list| format!("ARRAY({list})")).collect();
        let body = format!(
            "DECLARE counted pg_catalog.int8[]; BEGIN EXECUTE {} INTO counted USING {};
             PERFORM pg_catalog.set_config('trueup.counted', counted::pg_catalog.text, true); END",
            literal(&self.query(transaction)),
            lists.join(", ")
        );
        transaction.batch_execute(&format!("DO {}", dollar(&body)))?;
        let counted = "SELECT pg_catalog.current_setting('trueup.counted')::pg_catalog.int8[]";
        transaction.query_typed_one(counted, &[])?.try_get(0)
    }

    /// Returns the query for the array of numbers.
    fn query(&self, transaction: &mut Transaction) -> String {
        // What is asked of the rows alone costs the same either way.
        let references = self.asked.iter().filter_map(|asked| match asked {
            Asked::References(references) => Some(*references),
            Asked::Rows(_) => None,
        });
        let references: Vec<&References> = references.collect();
        let bare = Self {
            table: self.table,
            asked: references.iter().copied().map(Asked::References).collect(),
            lists: Vec::new(),
        };
        let columns: BTreeSet<&str> = references
            .iter()
            .flat_map(|references| &references.columns)
            .map(String::as_str)
            .collect();
        let columns = columns.into_iter().collect::<Vec<_>>().join(", ");
        let joins: BTreeSet<&str> = references.iter().map(|references| references.join.as_str()).collect();
        let joins = joins.into_iter().collect::<String>();
        if columns.is_empty() {
            return self.by_row(&joins);
        }
        // Where the server cannot say what one costs, running it says why.
        match [bare.by_row(&joins), bare.by_group(&columns, &joins)].map(|sql| cost(transaction, &sql)) {
            [Some(row), Some(group)] if group < row => self.by_group(&columns, &joins),
            _ => self.by_row(&joins),
        }
    }

    /// Each row meets those that it refers to.
    fn by_row(&self, joins: &str) -> String {
        let list = self.asked.iter().map(|asked| match asked {
            Asked::Rows(wrong) => wrong.clone(),
            Asked::References(references) => number_of(&references.wrong),
        });
        let list: Vec<String> = list.chain(["pg_catalog.count(*)".to_owned()]).collect();
        selected(&list, &format!("{}{joins}", self.table))
    }

    /// Rows that refer to the same are counted first, and each group meets that once. Few groups take less than a join with
    /// each row, many take more.
    fn by_group(&self, columns: &str, joins: &str) -> String {
        let sum = |of: &str| format!("coalesce(pg_catalog.sum(t.{of}), 0)");
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        for (number, asked) in self.asked.iter().enumerate() {
            match asked {
                Asked::Rows(wrong) => {
                    let name = format!("trueup_{number}");
                    inner.push(format!("{wrong} AS {name}"));
                    outer.push(sum(&name));
                }
                Asked::References(References { wrong, .. }) => outer.push(format!(
                    "coalesce(pg_catalog.sum(t.trueup_rows) FILTER (WHERE {wrong}), 0)"
                )),
            }
        }
        inner.push("pg_catalog.count(*) AS trueup_rows".to_owned());
        outer.push(sum("trueup_rows"));
        let (inner, table) = (inner.join(", "), self.table);
        selected(
            &outer,
            &format!("(SELECT {columns}, {inner} FROM {table} GROUP BY {columns}) t{joins}"),
        )
    }
}

/// Returns the aggregate for the number of rows that a condition holds for.
pub(super) fn number_of(condition: &str) -> String {
    format!("pg_catalog.count(*) FILTER (WHERE {condition})")
}

/// Returns the code of an error of the server.
pub(super) fn state(error: &postgres::Error) -> &str {
    error.code().map_or("", |code| code.code())
}

/// Marks a question as trueup's own, so that it is no evidence that somebody reads the table.
pub(super) fn marked(sql: &str) -> String {
    match sql.strip_prefix("SELECT") {
        Some(rest) => format!("SELECT /* trueup */{rest}"),
        None => sql.to_owned(),
    }
}

fn selected(list: &[String], from: &str) -> String {
    marked(&format!(
        "SELECT ARRAY[{}]::pg_catalog.int8[] FROM {from}",
        list.join(", ")
    ))
}

/// Returns what the server expects a query to cost, in its own units.
fn cost(transaction: &mut Transaction, sql: &str) -> Option<f64> {
    explain(transaction, sql)?.pointer("/0/Plan/Total Cost")?.as_f64()
}

/// Returns how many bytes the server expects from a query.
fn bytes(transaction: &mut Transaction, sql: &str) -> Option<f64> {
    let plan = explain(transaction, sql)?;
    let figure = |name: &str| plan.pointer(&format!("/0/Plan/{name}"))?.as_f64();
    Some(figure("Plan Rows")? * figure("Plan Width")?)
}

fn explain(transaction: &mut Transaction, sql: &str) -> Option<Value> {
    let mut savepoint = transaction.transaction().ok()?;
    let explained = savepoint.query_typed_one(&format!("EXPLAIN (FORMAT JSON) {sql}"), &[]);
    savepoint.rollback().ok()?;
    explained.ok()?.try_get(0).ok()
}
