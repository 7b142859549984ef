//! Key lists of indexes, put together from the columns of `pg_index`, as `pg_get_indexdef()` for each costs more than all
//! the rest.

use std::collections::{HashMap, HashSet};

use crate::catalog::{Addresses, Noted, quote::ident};
use crate::error::{Error, Result};

use super::{Row, sql};

/// Query of what [`Words`] holds. Collations that no index names are left out: there are hundreds.
pub(crate) const QUERY: &str = "
SELECT true AS of_class, o.oid, o.opcmethod, o.opcintype, o.opcdefault, t.typispreferred OR t.typtype = 'p' AS stands_in,
       ' ' || CASE WHEN n.nspname <> 'pg_catalog' THEN pg_catalog.quote_ident(n.nspname) || '.' ELSE '' END
           || pg_catalog.quote_ident(o.opcname) AS words
FROM pg_catalog.pg_opclass o
JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
JOIN pg_catalog.pg_type t ON t.oid = o.opcintype
UNION ALL
SELECT false, l.oid, 0, 0, false, false,
       ' COLLATE ' || CASE WHEN n.nspname <> 'pg_catalog' THEN pg_catalog.quote_ident(n.nspname) || '.' ELSE '' END
                   || pg_catalog.quote_ident(l.collname)
FROM pg_catalog.pg_collation l
JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
WHERE l.oid IN (SELECT pg_catalog.unnest(i.indcollation) FROM pg_catalog.pg_index i WHERE i.indexrelid >= 16384)";

/// Condition that an index `i` of relation `c` is left to `pg_get_indexdef()`: expressions, parameters of operator
/// classes, and columns of materialized views, which are no objects here.
pub(super) const IS_DEPARSED: &str = "(i.indexprs IS NOT NULL OR c.relkind = 'm'
    OR (am.amname NOT IN ('btree', 'hash')
        AND EXISTS (SELECT FROM pg_catalog.pg_attribute ia, pg_catalog.unnest(ia.attoptions) o
                    WHERE ia.attrelid = ic.oid AND NOT pg_catalog.starts_with(o, 'pg_attver='))))";

/// Names of the columns of an index whose columns are no objects here, else null; the place of an expression is null.
pub(super) const NAMES: &str = "CASE WHEN c.relkind = 'm' THEN ARRAY(
        SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.ord) END";

/// Columns of a query over `pg_index i` that [`Keys::read`] needs.
pub(super) const COLUMNS: &str = "i.indrelid, i.indnkeyatts, i.indkey::int2[] AS indkey, i.indclass::oid[] AS indclass,
     i.indcollation::oid[] AS indcollation, i.indoption::int2[] AS indoption";

/// Condition that an index `i` belongs to no constraint; `conindid` has no index.
pub(super) const OF_NO_CONSTRAINT: &str = "i.indexrelid NOT IN (SELECT k.conindid FROM pg_catalog.pg_constraint k
                                   WHERE k.contype IN ('p', 'u', 'x'))";

/// Operator classes and collations, in words.
#[derive(Debug, Default)]
pub struct Words {
    classes: HashMap<u32, Class>,
    /// Access method and type that have a default of exactly that type.
    exact: HashSet<(u32, u32)>,
    collations: HashMap<u32, String>,
}

#[derive(Debug)]
struct Class {
    method: u32,
    input: u32,
    is_default: bool,
    /// Whether other types can use it without being told: its type is a preferred or a polymorphic one.
    stands_in: bool,
    words: String,
}

impl Words {
    /// Reads the rows of [`QUERY`].
    ///
    /// # Errors
    ///
    /// When a row has another shape.
    pub fn read(rows: &[postgres::Row]) -> Result<Self> {
        let mut out = Self::default();
        for row in rows {
            let oid = row.try_get("oid")?;
            let words = row.try_get("words")?;
            if !row.try_get::<_, bool>("of_class")? {
                out.collations.insert(oid, words);
                continue;
            }
            let class = Class {
                method: row.try_get("opcmethod")?,
                input: row.try_get("opcintype")?,
                is_default: row.try_get("opcdefault")?,
                stands_in: row.try_get("stands_in")?,
                words,
            };
            if class.is_default {
                out.exact.insert((class.method, class.input));
            }
            out.classes.insert(oid, class);
        }
        Ok(out)
    }

    /// Returns what is said of an operator class over a column of a type: nothing where PostgreSQL would choose it, which
    /// is the one of exactly the type, else the one of a type that the column's stands in for.
    fn class(&self, class: u32, data_type: u32) -> Option<&str> {
        let class = self.classes.get(&class)?;
        let is_chosen = class.is_default
            && (class.input == data_type || (class.stands_in && !self.exact.contains(&(class.method, data_type))));
        Some(if is_chosen { "" } else { &class.words })
    }

    fn collation(&self, collation: u32, of_column: u32) -> Option<&str> {
        if collation == 0 || collation == of_column {
            return Some("");
        }
        self.collations.get(&collation).map(String::as_str)
    }
}

/// What stands inside the parentheses of an index.
pub(super) struct Keys {
    /// Key list; empty where PostgreSQL deparses it.
    pub(super) text: String,
    /// Names of the key columns; `None` for an expression.
    pub(super) columns: Vec<Option<String>>,
    /// Names of the columns that are stored only.
    pub(super) include: Vec<String>,
}

impl Keys {
    /// Reads [`COLUMNS`] and [`NAMES`] as `names`.
    pub(super) fn read(row: &Row, addresses: &Addresses, is_deparsed: bool) -> Result<Self> {
        let table: u32 = row.try_get("indrelid")?;
        let numbers: Vec<i16> = row.try_get("indkey")?;
        let own: Option<Vec<Option<String>>> = row.try_get("names")?;
        let names: Vec<Option<String>> = match own {
            Some(names) => names,
            None => numbers
                .iter()
                .map(|number| match number {
                    0 => Ok(None),
                    _ => sql::column_at(addresses, table, *number).map(Some),
                })
                .collect::<Result<_>>()?,
        };
        let stored = usize::try_from(row.try_get::<_, i16>("indnkeyatts")?).unwrap_or(names.len());
        let (columns, include) = names.split_at(stored.min(names.len()));
        let text = if is_deparsed {
            String::new()
        } else {
            Self::text(row, addresses.noted(), (table, &numbers), columns)?
        };
        Ok(Self {
            text,
            columns: columns.to_vec(),
            include: include.iter().flatten().cloned().collect(),
        })
    }

    fn text(row: &Row, noted: &Noted, (table, numbers): (u32, &[i16]), columns: &[Option<String>]) -> Result<String> {
        let classes: Vec<u32> = row.try_get("indclass")?;
        let collations: Vec<u32> = row.try_get("indcollation")?;
        let options: Vec<i16> = row.try_get("indoption")?;
        let unknown = || {
            Error::internal(format!(
                "an index of the table with OID {table} has a key that was not read"
            ))
        };
        let mut out = String::new();
        for (place, column) in columns.iter().enumerate() {
            let (column, number) = column.as_ref().zip(numbers.get(place)).ok_or_else(unknown)?;
            let facts = noted.columns.get(&(table, *number)).ok_or_else(unknown)?;
            let class = classes
                .get(place)
                .and_then(|class| noted.words.class(*class, facts.data_type));
            let collation = collations
                .get(place)
                .and_then(|collation| noted.words.collation(*collation, facts.collation));
            let (class, collation) = class.zip(collation).ok_or_else(unknown)?;
            let order = match options.get(place).ok_or_else(unknown)? & 3 {
                1 => " DESC NULLS LAST",
                2 => " NULLS FIRST",
                3 => " DESC",
                _ => "",
            };
            let separator = if place == 0 { "" } else { ", " };
            out.push_str(&format!("{separator}{}{collation}{class}{order}", ident(column)));
        }
        Ok(out)
    }
}
