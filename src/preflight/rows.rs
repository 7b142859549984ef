//! Questions about single rows, about rows that repeat each other, and about rows that get into each other's way.

use super::live::Live;
use super::parts::{Compared, quick, range};
use super::reading::number_of;
use super::trial::{Count, Trial};
use crate::catalog::quote::ident;
use crate::catalog::{Fingerprint, Identity};
use crate::kinds::{AnyObject, KeyType, Kind};
use crate::risk::Finding;

/// A condition on the rows of a table `t`.
pub(super) struct Bad {
    pub(super) table: (String, String),
    pub(super) condition: String,
    pub(super) wrong: String,
    pub(super) keeps_values: bool,
}

/// Makes a condition on single rows.
pub(super) fn row_wise(schema: &str, table: &str, condition: String, wrong: &str) -> Bad {
    Bad {
        table: (schema.to_owned(), table.to_owned()),
        condition,
        wrong: wrong.to_owned(),
        keeps_values: true,
    }
}

/// Values that rows are compared by.
pub(super) struct Values<'a> {
    /// Schema and name of the table.
    pub(super) table: (&'a str, &'a str),
    /// SQL of each value, over the columns of the table.
    pub(super) of: Vec<String>,
    /// Condition on the rows that are compared.
    pub(super) predicate: Option<&'a str>,
}

impl Values<'_> {
    /// Returns the query for the values `k1`, `k2`, … of each row, with what else is asked of it.
    fn query(&self, live: Live, more: &[String]) -> String {
        let (schema, table) = self.table;
        let values = (1..)
            .zip(&self.of)
            .map(|(number, value)| format!("{value} AS k{number}"));
        let list: Vec<String> = values.chain(more.iter().cloned()).collect();
        let filter = self
            .predicate
            .map(|predicate| format!(" WHERE ({predicate})"))
            .unwrap_or_default();
        format!(
            "SELECT {} FROM {}{filter}",
            list.join(", "),
            live.source(schema, table, "t")
        )
    }

    /// Returns the value `k1` as it is sorted where that takes less than to group by it: where it is the only one, of a type
    /// that is quick to compare.
    fn ordered(&self, live: Live) -> Option<&'static str> {
        let [value] = self.of.as_slice() else { return None };
        let (schema, table) = self.table;
        live.from.objects.values().find_map(|object| match object {
            AnyObject::Column(column)
                if column.schema == schema && column.table == table && ident(&column.name) == *value =>
            {
                Some(if quick(column)? == "text" {
                    "k.k1 COLLATE \"C\""
                } else {
                    "k.k1"
                })
            }
            _ => None,
        })
    }

    fn names(&self) -> Vec<String> {
        (1..=self.of.len()).map(|number| format!("k{number}")).collect()
    }

    fn trial(&self, finding: &Finding, wrong: &str, count: String, keys: Option<String>) -> Trial {
        Trial {
            code: finding.code.clone(),
            object: finding.object.clone(),
            table: Identity::new(Kind::Table, [self.table.0, self.table.1]),
            wrong: wrong.to_owned(),
            count: Count::Query(count),
            attempt: false,
            existence: false,
            keys,
            keeps_values: true,
        }
    }
}

/// The row that another row refers to, joined to it. Its columns have names that no condition over the other one says.
pub(super) struct Met<'a> {
    name: String,
    columns: &'a [String],
    /// Whether there is no more than one of it.
    is_one: bool,
}

impl<'a> Met<'a> {
    /// Makes it for the columns that a foreign key refers to.
    pub(super) fn new(finding: &Finding, columns: &'a [String], is_one: bool) -> Self {
        Self {
            name: format!("trueup_{}", Fingerprint::of(&finding.object).short()),
            columns,
            is_one,
        }
    }

    fn named(&self, what: &str) -> String {
        ident(&format!("{}_{what}", self.name))
    }

    /// Returns what is null where there is none.
    pub(super) fn found(&self) -> String {
        format!("{}.{}", ident(&self.name), self.named("found"))
    }

    /// Returns the join with a table under the alias `r`, by the columns of the table `t` that refer to it.
    pub(super) fn join(&self, table: &str, own: &[String]) -> String {
        let names: Vec<String> = (1..=self.columns.len())
            .map(|number| self.named(&number.to_string()))
            .collect();
        let list = self.columns.iter().zip(&names);
        let list: Vec<String> = list
            .map(|(column, name)| format!("r.{} AS {name}", ident(column)))
            .collect();
        let alias = ident(&self.name);
        let on = names.iter().zip(own);
        let on: Vec<String> = on
            .map(|(name, own)| format!("{alias}.{name} = t.{}", ident(own)))
            .collect();
        format!(
            " LEFT JOIN (SELECT {}{}, true AS {} FROM {table}) {alias} ON {}",
            if self.is_one { "" } else { "DISTINCT " },
            list.join(", "),
            self.named("found"),
            on.join(" AND ")
        )
    }
}

/// Counts rows that are wrong by themselves.
pub(super) fn counting(live: Live, finding: &Finding, bad: Bad) -> Trial {
    let (schema, table) = (&bad.table.0, &bad.table.1);
    let source = live.source(schema, table, "t");
    let condition = &bad.condition;
    let keys = plain_key(live, schema, table).map(|key| {
        let key = ident(&key);
        format!("SELECT t.{key}::text FROM {source} WHERE {condition} ORDER BY t.{key} LIMIT 6")
    });
    Trial {
        code: finding.code.clone(),
        object: finding.object.clone(),
        table: Identity::new(Kind::Table, [schema, table]),
        wrong: bad.wrong,
        count: Count::Rows {
            wrong: number_of(condition),
            table: source,
        },
        attempt: false,
        existence: false,
        keys,
        keeps_values: bad.keeps_values,
    }
}

/// Counts the rows that are one too many.
pub(super) fn repeated(live: Live, finding: &Finding, values: &Values, nulls_count: bool) -> Trial {
    let names = values.names().join(", ");
    // Not `IS NOT NULL`, which says otherwise of a row whose fields are null.
    let filled: Vec<String> = values
        .names()
        .iter()
        .map(|name| format!("k.{name} IS DISTINCT FROM NULL"))
        .collect();
    let filter = if nulls_count {
        String::new()
    } else {
        format!(" WHERE {}", filled.join(" AND "))
    };
    let rows = values.query(live, &[]);
    let count = match (values.ordered(live), nulls_count) {
        (Some(k1), false) => format!(
            "SELECT pg_catalog.count(k.k1) - pg_catalog.count(DISTINCT {k1}), pg_catalog.count(k.k1) FROM ({rows}) k"
        ),
        _ => format!(
            "SELECT coalesce(pg_catalog.sum(q.n - 1), 0)::int8, coalesce(pg_catalog.sum(q.n), 0)::int8
             FROM (SELECT pg_catalog.count(*) AS n FROM ({rows}) k{filter} GROUP BY {names}) q"
        ),
    };
    let keys = plain_key(live, values.table.0, values.table.1).map(|key| {
        format!(
            "SELECT q.key::text FROM (SELECT k.key, pg_catalog.count(*) OVER (PARTITION BY {names}) AS n
             FROM ({}) k{filter}) q WHERE q.n > 1 ORDER BY q.key LIMIT 6",
            values.query(live, &[format!("t.{} AS key", ident(&key))])
        )
    });
    values.trial(finding, "repeats another one", count, keys)
}

/// Looks for two rows that get into each other's way. One pair is enough: to count them could mean to compare each row with
/// each other.
pub(super) fn conflicting(live: Live, finding: &Finding, values: &Values, operators: &[String]) -> Trial {
    let place = || ["t.tableoid AS place".to_owned(), "t.ctid AS line".to_owned()];
    let pairs = values.names().into_iter().zip(operators);
    let pairs: Vec<String> = pairs
        .map(|(name, operator)| format!("a.{name} {operator} b.{name}"))
        .collect();
    let on = format!("(a.place, a.line) <> (b.place, b.line) AND {}", pairs.join(" AND "));
    let (schema, table) = values.table;
    let rows = values.query(live, &place());
    let count = format!(
        "SELECT (SELECT pg_catalog.count(*) FROM (SELECT FROM ({rows}) a JOIN ({rows}) b ON {on} LIMIT 1) q),
                (SELECT pg_catalog.count(*) FROM {})",
        live.source(schema, table, "t")
    );
    let keys = plain_key(live, schema, table).map(|key| {
        let [place, line] = place();
        let keyed = values.query(live, &[place, line, format!("t.{} AS key", ident(&key))]);
        format!(
            "SELECT q.key::text FROM (SELECT DISTINCT a.key FROM ({keyed}) a JOIN ({rows}) b ON {on}) q ORDER BY q.key LIMIT 6"
        )
    });
    Trial {
        existence: true,
        ..values.trial(finding, "is in the way of another one", count, keys)
    }
}

/// Returns the values and operators of what is compared.
pub(super) fn split(compared: Vec<Compared>) -> (Vec<String>, Vec<String>) {
    compared
        .into_iter()
        .map(|compared| (compared.value, compared.operator))
        .unzip()
}

/// Returns the one column of a primary key that says nothing about anybody: a number or a UUID.
fn plain_key(live: Live, schema: &str, table: &str) -> Option<String> {
    let of_table = |object: &AnyObject| match object {
        AnyObject::Key(key) if key.constraint == KeyType::Primary && key.schema == schema && key.table == table => {
            match key.columns.as_slice() {
                [column] => Some(column.clone()),
                _ => None,
            }
        }
        _ => None,
    };
    let column = live.from.objects.values().find_map(of_table)?;
    match live.from.get(&Identity::new(Kind::Column, [schema, table, &column]))? {
        AnyObject::Column(known) => (range(&known.data_type).is_some() || known.data_type == "uuid").then_some(column),
        _ => None,
    }
}
