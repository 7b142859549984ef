//! What one batch does, as SQL: to the rows of a range, or to all rows, range by range.

use serde::{Deserialize, Serialize};

use crate::catalog::Identity;
use crate::catalog::quote::{dollar, ident, list, literal, qualified};

/// Rows of a batch where nobody adapts their number.
const ROWS: u32 = 1000;

/// Pages of a batch where nobody adapts their number.
const PAGES: u32 = 1000;

/// Changes of rows that are made in batches: by ranges of the primary key, or of pages where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batches {
    /// Table, without those that inherit from it.
    pub table: Identity,
    /// Columns of the primary key; none where pages are walked through. Only numbers and UUIDs: their values are kept in
    /// the ledger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Columns that are filled.
    pub fills: Vec<Identity>,
    /// Whether they were there before, so that a rollback leaves them filled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays: bool,
    /// What behind `SET` fills them.
    pub set: String,
    /// Condition of a row that is to be filled; no longer true when it is.
    pub open: String,
}

/// How far a walk has come: the last key that is done, or the number of pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Values of the key, as text.
    Key(Vec<String>),
    /// Pages from the start.
    Page(i64),
}

impl Batches {
    /// Returns the quoted name of the table.
    pub fn table_sql(&self) -> String {
        qualified(&self.table.path)
    }

    /// Returns in what ranges the rows are walked through, in words.
    pub fn ranges(&self) -> String {
        if self.key.is_empty() {
            "by pages".to_owned()
        } else {
            format!("by {}", self.key.join(", "))
        }
    }

    /// Returns the tables and functions that are named with their schema in what is filled in, as `schema.name`.
    pub fn mentions(&self) -> Vec<String> {
        let Ok(parsed) = pg_query::parse(&self.update("true"), 0) else {
            return Vec::new();
        };
        let mut out = parsed.tables();
        out.extend(parsed.functions());
        out
    }

    fn update(&self, range: &str) -> String {
        let (table, set, open) = (self.table_sql(), &self.set, &self.open);
        format!("UPDATE ONLY {table} SET {set} WHERE {range} AND {open}")
    }

    /// Returns the key as one value.
    fn row(&self) -> String {
        match self.key.as_slice() {
            [one] => ident(one),
            several => format!("({})", list(several)),
        }
    }

    fn range(&self, after: Option<&Place>, upto: &Place) -> String {
        match (after, upto) {
            (None, Place::Key(upto)) => format!("{} <= {}", self.row(), values(upto)),
            (Some(Place::Key(after)), Place::Key(upto)) => {
                let row = self.row();
                format!("{row} > {} AND {row} <= {}", values(after), values(upto))
            }
            (after, Place::Page(upto)) => {
                let after = match after {
                    Some(Place::Page(after)) => *after,
                    _ => 0,
                };
                format!("ctid >= '({after},0)' AND ctid < '({upto},0)'")
            }
            (Some(Place::Page(_)), Place::Key(upto)) => format!("{} <= {}", self.row(), values(upto)),
        }
    }

    /// Returns the statement of one batch: the rows behind `after`, up to and with `upto`.
    pub fn statement(&self, after: Option<&Place>, upto: &Place) -> String {
        self.update(&self.range(after, upto))
    }

    /// Returns the query for the last key of a batch of so many rows; no row where there are none left.
    pub(super) fn next(&self, after: Option<&Place>, rows: u32) -> String {
        let (table, key) = (self.table_sql(), list(&self.key));
        let behind = match after {
            Some(Place::Key(after)) => format!(" WHERE {} > {}", self.row(), values(after)),
            _ => String::new(),
        };
        let texts: Vec<String> = self.key.iter().map(|name| format!("k.{}::text", ident(name))).collect();
        format!(
            "SELECT {} FROM (SELECT {key} FROM ONLY {table}{behind} ORDER BY {key} LIMIT {rows}) k ORDER BY {} LIMIT 1",
            texts.join(", "),
            self.downwards()
        )
    }

    fn downwards(&self) -> String {
        let columns = self.key.iter().map(|name| format!("k.{} DESC", ident(name)));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Returns the block that does all of it without trueup, for whoever runs the plan by hand: its batches do not adapt.
    /// What it has done stays, and it can run again.
    pub fn block(&self) -> String {
        let body = if self.key.is_empty() {
            self.pages_block()
        } else {
            self.key_block()
        };
        format!("DO {}", dollar(&body))
    }

    fn pages_block(&self) -> String {
        let range = format!(
            "ctid >= pg_catalog.format('(%s,0)', page)::pg_catalog.tid
            AND ctid < pg_catalog.format('(%s,0)', page + {PAGES})::pg_catalog.tid"
        );
        let (table, set, open) = (self.table_sql(), &self.set, &self.open);
        let text = literal(&table);
        format!(
            "
DECLARE
    pages bigint := pg_catalog.pg_relation_size({text}::pg_catalog.regclass)
        / pg_catalog.current_setting('block_size')::bigint;
    page bigint := 0;
BEGIN
    WHILE page < pages LOOP
        UPDATE ONLY {table} SET {set}
        WHERE {range}
            AND {open};
        COMMIT;
        page := page + {PAGES};
    END LOOP;
END
"
        )
    }

    fn key_block(&self) -> String {
        let (table, set, open, key) = (self.table_sql(), &self.set, &self.open, list(&self.key));
        let names = |of: &str| -> Vec<String> { (1..=self.key.len()).map(|at| format!("trueup_{of}_{at}")).collect() };
        let (after, upto) = (names("after"), names("upto"));
        let declared: String = self
            .key
            .iter()
            .zip(after.iter().zip(&upto))
            .map(|(column, (after, upto))| {
                let of = format!("{table}.{}%TYPE", ident(column));
                format!("    {after} {of};\n    {upto} {of};\n")
            })
            .collect();
        let moved: String = after
            .iter()
            .zip(&upto)
            .map(|(after, upto)| format!("        {after} := {upto};\n"))
            .collect();
        let as_row = |names: &[String]| match names {
            [one] => one.clone(),
            several => format!("({})", several.join(", ")),
        };
        let behind = format!("({} IS NULL OR {} > {})", after[0], self.row(), as_row(&after));
        let (into, upto, columns) = (upto.join(", "), as_row(&upto), self.columns());
        let (row, downwards) = (self.row(), self.downwards());
        format!(
            "
DECLARE
{declared}BEGIN
    LOOP
        -- Each batch is read by its key, however many rows the planner expects of it.
        SET LOCAL enable_seqscan = off;
        SET LOCAL jit = off;
        SET LOCAL plan_cache_mode = force_custom_plan;
        SELECT {columns} INTO {into} FROM (
            SELECT {key} FROM ONLY {table} WHERE {behind} ORDER BY {key} LIMIT {ROWS}
        ) k ORDER BY {downwards} LIMIT 1;
        EXIT WHEN NOT FOUND;
        UPDATE ONLY {table} SET {set}
        WHERE {behind} AND {row} <= {upto}
            AND {open};
        COMMIT;
{moved}    END LOOP;
END
"
        )
    }

    fn columns(&self) -> String {
        let columns = self.key.iter().map(|name| format!("k.{}", ident(name)));
        columns.collect::<Vec<_>>().join(", ")
    }
}

fn values(key: &[String]) -> String {
    let texts: Vec<String> = key.iter().map(|text| literal(text)).collect();
    match texts.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    fn batches(key: &[&str]) -> Batches {
        Batches {
            table: Identity::new(Kind::of_relation("r").unwrap(), ["s", "T"]),
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            fills: Vec::new(),
            stays: false,
            set: "c = (1)".to_owned(),
            open: "c IS NULL".to_owned(),
        }
    }

    #[test]
    fn ranges_meet() {
        let key = |of: &[&str]| Place::Key(of.iter().map(|text| (*text).to_owned()).collect());
        let one = batches(&["id"]);
        assert_eq!(
            one.statement(None, &key(&["5"])),
            "UPDATE ONLY s.\"T\" SET c = (1) WHERE id <= '5' AND c IS NULL"
        );
        assert_eq!(
            batches(&["a", "b"]).statement(Some(&key(&["5", "6"])), &key(&["7", "8"])),
            "UPDATE ONLY s.\"T\" SET c = (1) WHERE (a, b) > ('5', '6') AND (a, b) <= ('7', '8') AND c IS NULL"
        );
        assert_eq!(
            batches(&[]).statement(Some(&Place::Page(10)), &Place::Page(20)),
            "UPDATE ONLY s.\"T\" SET c = (1) WHERE ctid >= '(10,0)' AND ctid < '(20,0)' AND c IS NULL"
        );
        assert_eq!(
            one.next(Some(&key(&["5"])), 9),
            "SELECT k.id::text FROM (SELECT id FROM ONLY s.\"T\" WHERE id > '5' ORDER BY id LIMIT 9) k ORDER BY k.id DESC LIMIT 1"
        );
    }
}
