//! Generated rows for every table of a scratch database, so that a proof sees what happens to rows.
//!
//! Nothing is drawn at random: values are those that fit a column's type and the constants that the table's constraints
//! mention; the constraint that the server names when it refuses a row says which columns need others.

use std::collections::BTreeMap;

use postgres::Client;

use super::values::{Column, Constants};
use crate::catalog::quote::{ident, literal, qualified};
use crate::error::Result;

/// Rows in each table.
const ROWS: usize = 3;

/// How often a row is tried with other values.
const ATTEMPTS: usize = 60;

/// What was filled in.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// Rows in all tables together.
    pub(super) rows: u64,
    /// Tables for which no row could be found.
    pub(super) notes: Vec<String>,
}

/// A table that rows go into; a partition gets its rows through the topmost table.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<Column>,
    references: Vec<Reference>,
    constants: Constants,
    /// Columns by the constraint or unique index that speaks of them; those of the partition key have no name.
    constraints: BTreeMap<String, Vec<usize>>,
    rows: usize,
}

/// A foreign key: columns, and where their values come from.
#[derive(Debug)]
struct Reference {
    columns: Vec<String>,
    to: u32,
    keys: Vec<String>,
}

/// Fills every table of the database. Triggers and rules do not fire: the plan may be about them.
pub(super) fn fill(client: &mut Client) -> Result<Filled> {
    let _ = client.batch_execute("SET session_replication_role = replica");
    let mut tables = read(client)?;
    let mut out = Filled::default();
    // Referenced tables first; what waits for a row of another table gets its turn when that one has some.
    loop {
        let ready: Vec<u32> = tables
            .iter()
            .filter(|(oid, table)| table.rows == 0 && table.is_ready(**oid, &tables))
            .map(|(oid, _)| *oid)
            .collect();
        let mut progress = false;
        for oid in ready {
            let rows = tables.get(&oid).map_or(0, |table| table.fill(client, &tables));
            if let Some(table) = tables.get_mut(&oid) {
                table.rows = rows;
            }
            progress |= rows > 0;
        }
        if !progress {
            break;
        }
    }
    // What is left waits for itself or for one another.
    let left: Vec<u32> = tables
        .iter()
        .filter(|(_, table)| table.rows == 0)
        .map(|(oid, _)| *oid)
        .collect();
    for oid in left {
        let rows = tables.get(&oid).map_or(0, |table| table.fill(client, &tables));
        if let Some(table) = tables.get_mut(&oid) {
            table.rows = rows;
        }
    }
    for table in tables.values() {
        out.rows += table.rows as u64;
        if table.rows == 0 {
            let name = &table.name;
            out.notes.push(format!(
                "No generated row fits the constraints of {name}; the proof ran on it without rows."
            ));
        }
    }
    client.batch_execute("RESET session_replication_role")?;
    Ok(out)
}

/// Which of its candidates each column takes, and how often each constraint has asked for others.
#[derive(Debug)]
struct Choice {
    candidates: Vec<Vec<String>>,
    taken: Vec<usize>,
    asked: BTreeMap<String, usize>,
}

impl Choice {
    /// Moves the columns that a constraint speaks of to their next combination.
    fn advance(&mut self, constraint: &str, columns: &[usize]) {
        let asked = self.asked.entry(constraint.to_owned()).or_default();
        *asked += 1;
        let mut rest = *asked;
        for column in columns {
            let radix = self.candidates[*column].len().max(1);
            self.taken[*column] = rest % radix;
            rest /= radix;
        }
    }
}

impl Table {
    fn is_ready(&self, own: u32, all: &BTreeMap<u32, Self>) -> bool {
        let mut others = self.references.iter().filter(|reference| reference.to != own);
        others.all(|reference| all.get(&reference.to).is_none_or(|table| table.rows > 0))
    }

    /// Inserts rows and returns how many could be.
    fn fill(&self, client: &mut Client, all: &BTreeMap<u32, Self>) -> usize {
        (0..ROWS).filter(|row| self.insert(client, *row, all)).count()
    }

    /// Inserts one row: what the server refuses says which columns need another value.
    fn insert(&self, client: &mut Client, row: usize, all: &BTreeMap<u32, Self>) -> bool {
        let candidates = self.columns.iter().map(|column| {
            let texts = column.candidates(row, &self.constants);
            let holds = |text: &String| {
                column.is_plain() || client.batch_execute(&format!("SELECT {}", cast(text, column))).is_ok()
            };
            texts.into_iter().filter(holds).collect::<Vec<_>>()
        });
        let candidates: Vec<Vec<String>> = candidates.collect();
        let mut choice = Choice {
            taken: vec![0; candidates.len()],
            candidates,
            asked: BTreeMap::new(),
        };
        let every: Vec<usize> = (0..self.columns.len()).collect();
        for _ in 0..ATTEMPTS {
            let Err(error) = client.batch_execute(&self.statement(&choice, row, all)) else {
                return true;
            };
            let constraint = error
                .as_db_error()
                .and_then(|error| error.constraint())
                .unwrap_or_default();
            let columns = self.constraints.get(constraint).filter(|columns| !columns.is_empty());
            choice.advance(constraint, columns.unwrap_or(&every));
        }
        false
    }

    fn statement(&self, choice: &Choice, row: usize, all: &BTreeMap<u32, Self>) -> String {
        if self.columns.is_empty() {
            return format!("INSERT INTO {} DEFAULT VALUES", self.name);
        }
        let names: Vec<String> = self.columns.iter().map(|column| ident(&column.name)).collect();
        let columns = self.columns.iter().enumerate();
        let values: Vec<String> = columns
            .map(|(at, column)| {
                let taken = choice.candidates[at].get(choice.taken[at]);
                let own = || taken.map_or_else(|| "NULL".to_owned(), |text| cast(text, column));
                self.referenced(column, row, all).unwrap_or_else(own)
            })
            .collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.name,
            names.join(", "),
            values.join(", ")
        )
    }

    /// Returns the value of a column that a foreign key leads to another table: one that stands there.
    fn referenced(&self, column: &Column, row: usize, all: &BTreeMap<u32, Self>) -> Option<String> {
        self.references.iter().find_map(|reference| {
            let at = reference.columns.iter().position(|name| *name == column.name)?;
            let Some(target) = all.get(&reference.to).filter(|target| target.rows > 0) else {
                return Some("NULL".to_owned());
            };
            let (key, name, offset) = (ident(&reference.keys[at]), &target.name, row % target.rows);
            Some(format!(
                "(SELECT {key} FROM {name} ORDER BY tableoid, ctid OFFSET {offset} LIMIT 1)"
            ))
        })
    }
}

fn cast(text: &str, column: &Column) -> String {
    format!("{}::{}", literal(text), column.type_name)
}

fn read(client: &mut Client) -> Result<BTreeMap<u32, Table>> {
    let mut out = BTreeMap::new();
    let tables = client.query(
        "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' ORDER BY 1",
        &[],
    )?;
    for row in tables {
        let table = Table {
            name: qualified([row.try_get::<_, &str>(1)?, row.try_get(2)?]),
            columns: Vec::new(),
            references: Vec::new(),
            constants: Constants::default(),
            constraints: BTreeMap::new(),
            rows: 0,
        };
        out.insert(row.try_get::<_, u32>(0)?, table);
    }
    read_columns(client, &mut out)?;
    read_references(client, &mut out)?;
    read_constants(client, &mut out)?;
    read_constraints(client, &mut out)?;
    Ok(out)
}

/// Columns of tables and attributes of composite types, each with its type, the relation behind that where it is composed, and
/// the same of an array's elements.
const COLUMNS: &str = "
WITH RECURSIVE base AS (
    SELECT t.oid, t.oid AS base FROM pg_catalog.pg_type t
  UNION ALL
    SELECT b.oid, t.typbasetype FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.base AND t.typtype = 'd'
)
SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       pg_catalog.format_type(t.oid, NULL), t.typcategory::text,
       CASE WHEN t.typtype = 'e' THEN ARRAY(SELECT v.enumlabel::text FROM pg_catalog.pg_enum v WHERE v.enumtypid = t.oid
                                            ORDER BY v.enumsortorder) ELSE '{}' END, t.typrelid,
       pg_catalog.format_type(e.oid, NULL), e.typcategory::text,
       CASE WHEN e.typtype = 'e' THEN ARRAY(SELECT v.enumlabel::text FROM pg_catalog.pg_enum v WHERE v.enumtypid = e.oid
                                            ORDER BY v.enumsortorder) ELSE '{}' END, e.typrelid
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'c') AND c.oid >= 16384
JOIN base ON base.oid = a.atttypid
JOIN pg_catalog.pg_type t ON t.oid = base.base AND t.typtype <> 'd'
LEFT JOIN base eb ON t.typcategory = 'A' AND eb.oid = t.typelem
      AND EXISTS (SELECT FROM pg_catalog.pg_type d WHERE d.oid = eb.base AND d.typtype <> 'd')
LEFT JOIN pg_catalog.pg_type e ON e.oid = eb.base
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attrelid, a.attnum";

/// A column, and the relations that tell what it, or an element of it, is composed of.
struct Known {
    column: Column,
    composed_of: u32,
    elements_of: u32,
}

fn read_columns(client: &mut Client, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let mut known: BTreeMap<u32, Vec<Known>> = BTreeMap::new();
    for row in client.query(COLUMNS, &[])? {
        let column = Column {
            name: row.try_get(1)?,
            type_name: row.try_get(2)?,
            base: row.try_get(3)?,
            category: row.try_get(4)?,
            labels: row.try_get(5)?,
            attributes: Vec::new(),
            element: None,
        };
        let element: Option<String> = row.try_get(7)?;
        let element = match element {
            Some(base) => Some(Box::new(Column {
                name: String::new(),
                type_name: base.clone(),
                base,
                category: row.try_get(8)?,
                labels: row.try_get(9)?,
                attributes: Vec::new(),
                element: None,
            })),
            None => None,
        };
        known.entry(row.try_get(0)?).or_default().push(Known {
            column: Column { element, ..column },
            composed_of: row.try_get(6)?,
            elements_of: row.try_get::<_, Option<u32>>(10)?.unwrap_or_default(),
        });
    }
    for (oid, table) in tables {
        table.columns = composed(*oid, &known);
    }
    Ok(())
}

/// Returns the columns of a relation with all that they are composed of.
fn composed(relation: u32, known: &BTreeMap<u32, Vec<Known>>) -> Vec<Column> {
    let columns = known.get(&relation).into_iter().flatten();
    let whole = |known_column: &Known| {
        let mut column = known_column.column.clone();
        column.attributes = composed(known_column.composed_of, known);
        if let Some(element) = &mut column.element {
            element.attributes = composed(known_column.elements_of, known);
        }
        column
    };
    columns.map(whole).collect()
}

fn read_references(client: &mut Client, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let rows = client.query(
        "SELECT k.conrelid,
                ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, at)
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.at),
                k.confrelid,
                ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, at)
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.at)
         FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.oid",
        &[],
    )?;
    for row in rows {
        let Some(table) = tables.get_mut(&row.try_get(0)?) else {
            continue;
        };
        table.references.push(Reference {
            columns: row.try_get(1)?,
            to: row.try_get(2)?,
            keys: row.try_get(3)?,
        });
    }
    Ok(())
}

/// Reads what constraints, domains and partition bounds say, each for the topmost table that it speaks of.
fn read_constants(client: &mut Client, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let rows = client.query(
        "SELECT coalesce(pg_catalog.pg_partition_root(k.conrelid), k.conrelid)::oid AS oid, pg_catalog.pg_get_constraintdef(k.oid) AS text
         FROM pg_catalog.pg_constraint k WHERE k.contype = 'c' AND k.conrelid <> 0
       UNION ALL
         SELECT a.attrelid, pg_catalog.pg_get_constraintdef(k.oid)
         FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_attribute a ON a.atttypid = k.contypid
         WHERE k.contype = 'c' AND k.contypid <> 0
       UNION ALL
         SELECT pg_catalog.pg_partition_root(c.oid)::oid, pg_catalog.pg_get_expr(c.relpartbound, c.oid)
         FROM pg_catalog.pg_class c WHERE c.relispartition AND c.relkind IN ('r', 'p')
         ORDER BY 1, 2",
        &[],
    )?;
    for row in rows {
        let Some(table) = tables.get_mut(&row.try_get(0)?) else {
            continue;
        };
        table.constants.read(row.try_get(1)?);
    }
    Ok(())
}

fn read_constraints(client: &mut Client, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let rows = client.query(
        "SELECT q.oid, q.name::text,
                ARRAY(SELECT a.attname::text FROM unnest(q.keys) WITH ORDINALITY u(n, at)
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = q.oid AND a.attnum = u.n ORDER BY u.at)
         FROM (SELECT k.conrelid AS oid, k.conname AS name, k.conkey AS keys FROM pg_catalog.pg_constraint k
               WHERE k.conrelid <> 0 AND k.contype IN ('c', 'p', 'u', 'x')
             UNION ALL
               SELECT i.indrelid, c.relname, string_to_array(i.indkey::text, ' ')::int2[]
               FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indisunique
             UNION ALL
               SELECT p.partrelid, '', string_to_array(p.partattrs::text, ' ')::int2[]
               FROM pg_catalog.pg_partitioned_table p) q
         ORDER BY 1, 2",
        &[],
    )?;
    for row in rows {
        let Some(table) = tables.get_mut(&row.try_get(0)?) else {
            continue;
        };
        let names: Vec<String> = row.try_get(2)?;
        let columns = table.columns.iter().enumerate();
        let places = columns
            .filter(|(_, column)| names.contains(&column.name))
            .map(|(at, _)| at);
        table.constraints.insert(row.try_get(1)?, places.collect());
    }
    Ok(())
}
