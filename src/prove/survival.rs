//! Whether rows that must stay do: counts and contents of every table before a plan, compared after each of its ways.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;

use crate::catalog::quote::{ident, qualified};
use crate::catalog::{Identity, Name};
use crate::error::Result;
use crate::kinds::Kind;

/// One column as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Values {
    name: String,
    type_name: String,
    /// Sum of the hashes of all values, whatever their order.
    hash: String,
    /// Whether the values are computed from the row's others.
    generated: bool,
}

impl Values {
    /// Tells whether the values are what they were. What is computed before and after is no value of its own: its
    /// expression may change, and what that reads.
    fn are(&self, now: &Self) -> bool {
        self.hash == now.hash || (self.generated && now.generated)
    }
}

/// One table as it was.
#[derive(Debug, Clone)]
struct Contents {
    identity: Identity,
    rows: i64,
    columns: BTreeMap<i16, Values>,
}

/// The contents of all tables at one moment, by OID.
#[derive(Debug, Clone, Default)]
pub(super) struct Survival {
    tables: BTreeMap<u32, Contents>,
}

impl Survival {
    /// Measures the tables that have rows.
    pub(super) fn before(client: &mut Client) -> Result<Self> {
        let mut tables = measure(client)?;
        tables.retain(|_, contents| contents.rows > 0);
        Ok(Self { tables })
    }

    /// Tells whether there is nothing to watch over.
    pub(super) fn is_void(&self) -> bool {
        self.tables.is_empty()
    }

    /// Removes all rows, and watches no more.
    pub(super) fn give_up(&mut self, client: &mut Client) -> Result<()> {
        self.tables.clear();
        let names: Vec<String> = measure_names(client)?;
        if !names.is_empty() {
            client.batch_execute(&format!("TRUNCATE {} CASCADE", names.join(", ")))?;
        }
        Ok(())
    }

    /// Returns what is gone after the way forward though no step states so. A table keeps its OID, a column its number,
    /// under whatever name.
    pub(super) fn lost_forward(&self, client: &mut Client, losses: &BTreeSet<Identity>) -> Result<Option<String>> {
        let now = measure(client)?;
        let told = |object: &Identity| losses.contains(object);
        for (oid, before) in self.tables.iter().filter(|(_, before)| !told(&before.identity)) {
            let Some(after) = now.get(oid) else {
                return Ok(Some(format!(
                    "the rows of {} are gone, and no step says so",
                    before.identity
                )));
            };
            if told(&after.identity) {
                continue;
            }
            if after.rows != before.rows {
                return Ok(Some(format!(
                    "{} holds {} rows instead of {}",
                    after.identity, after.rows, before.rows
                )));
            }
            for (number, values) in &before.columns {
                // A generated column may be made anew.
                let of_that_name = || after.columns.values().find(|now| now.name == values.name);
                let now = after.columns.get(number).or_else(of_that_name);
                let known = [Some(values), now].into_iter().flatten();
                let mut names = known.map(|values| column(&before.identity, &after.identity, &values.name));
                if names.any(|names| names.iter().any(told)) {
                    continue;
                }
                let same = now.is_some_and(|now| now.type_name != values.type_name || values.are(now));
                if !same {
                    let name = &values.name;
                    return Ok(Some(format!(
                        "the values of column {name} of {} are gone or changed, and no step says so",
                        before.identity
                    )));
                }
            }
        }
        Ok(None)
    }

    /// Returns what is not as it was after the way back, but for what the way forward states to lose.
    pub(super) fn lost_back(&self, client: &mut Client, losses: &BTreeSet<Identity>) -> Result<Option<String>> {
        let now: BTreeMap<Identity, Contents> = measure(client)?
            .into_values()
            .map(|contents| (contents.identity.clone(), contents))
            .collect();
        for before in self.tables.values().filter(|before| !losses.contains(&before.identity)) {
            let after = now.get(&before.identity);
            if after.is_none_or(|after| after.rows != before.rows) {
                return Ok(Some(format!(
                    "{} held {} rows before and holds {} after the way back",
                    before.identity,
                    before.rows,
                    after.map_or(0, |after| after.rows)
                )));
            }
            for values in before.columns.values() {
                let identities = column(&before.identity, &before.identity, &values.name);
                if identities.iter().any(|identity| losses.contains(identity)) {
                    continue;
                }
                let found = after.into_iter().flat_map(|after| after.columns.values());
                let is_same =
                    |now: &Values| now.name == values.name && now.type_name == values.type_name && values.are(now);
                let same = found.into_iter().any(is_same);
                if !same {
                    let name = &values.name;
                    return Ok(Some(format!(
                        "the values of column {name} of {} do not come back, and no step says so",
                        before.identity
                    )));
                }
            }
        }
        Ok(None)
    }
}

/// Returns a column's identity below the names that its table had before and has now.
fn column(before: &Identity, after: &Identity, name: &str) -> Vec<Identity> {
    let below = |table: &Identity| Kind::column_of(table, name);
    vec![below(before), below(after)]
}

const TABLES: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind::text
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid >= 16384 AND c.relkind = 'r' AND n.nspname !~ '^pg_' ORDER BY 1";

/// Types of columns that are composite, or arrays or domains over such.
const COMPOSED: &str = "WITH RECURSIVE composed AS (
         SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typtype = 'c' AND t.oid >= 16384
       UNION
         SELECT t.oid FROM composed c JOIN pg_catalog.pg_type t
             ON c.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem END)
     SELECT DISTINCT a.atttypid FROM pg_catalog.pg_attribute a JOIN composed c ON c.oid = a.atttypid
     WHERE a.attrelid >= 16384 AND a.attnum > 0";

fn measure_names(client: &mut Client) -> Result<Vec<String>> {
    let rows = client.query(TABLES, &[])?;
    rows.iter()
        .map(|row| Ok(qualified([row.try_get::<_, &str>(1)?, row.try_get(2)?])))
        .collect()
}

fn measure(client: &mut Client) -> Result<BTreeMap<u32, Contents>> {
    let mut out = BTreeMap::new();
    let composed = client.query(COMPOSED, &[])?;
    let composed: BTreeSet<u32> = composed
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?;
    for row in client.query(TABLES, &[])? {
        let kind: String = row.try_get(3)?;
        let Some(kind) = Kind::of_relation(&kind) else { continue };
        let oid: u32 = row.try_get(0)?;
        let path: [String; 2] = [row.try_get(1)?, row.try_get(2)?];
        let contents = contents(client, oid, Identity::new(kind, path), &composed)?;
        out.insert(oid, contents);
    }
    Ok(out)
}

fn contents(client: &mut Client, oid: u32, identity: Identity, composed: &BTreeSet<u32>) -> Result<Contents> {
    let columns = client.query(
        "SELECT a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attgenerated <> '',
                a.atttypid
         FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1",
        &[&oid],
    )?;
    let mut out = Contents {
        rows: 0,
        columns: BTreeMap::new(),
        identity,
    };
    let mut sums = vec!["count(*)".to_owned()];
    let mut named = Vec::new();
    for row in &columns {
        let (number, name): (i16, String) = (row.try_get(0)?, row.try_get(1)?);
        // Attributes may change their places, and a new one is null.
        let text = if composed.contains(&row.try_get(4)?) {
            format!(
                "pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb({}))::text",
                ident(&name)
            )
        } else {
            format!("{}::text", ident(&name))
        };
        sums.push(format!(
            "coalesce(sum(pg_catalog.hashtextextended({text}, 0)::numeric), 0)::text"
        ));
        named.push((number, name, row.try_get(2)?, row.try_get(3)?));
    }
    let path: Vec<&str> = out.identity.path.iter().map(Name::as_str).collect();
    let sql = format!("SELECT {} FROM ONLY {}", sums.join(", "), qualified(path));
    let row = client.query_one(&sql, &[])?;
    out.rows = row.try_get(0)?;
    for (at, (number, name, type_name, generated)) in named.into_iter().enumerate() {
        let values = Values {
            name,
            type_name,
            hash: row.try_get(at + 1)?,
            generated,
        };
        out.columns.insert(number, values);
    }
    Ok(out)
}
