//! A walk through a table, range by range.

use postgres::{Client, SimpleQueryMessage};

use super::batches::{Batches, Place};
use crate::catalog::quote::literal;

/// What the server says about a walk.
type Answer<T> = std::result::Result<T, postgres::Error>;

/// Where a walk is.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    batches: &'a Batches,
    /// Last place that is done.
    after: Option<Place>,
    /// Pages that the table had when the walk began: what is written behind them is looked at in another pass.
    pages: i64,
}

impl<'a> Walk<'a> {
    /// Begins behind a place, or at the start.
    pub fn begin(client: &mut Client, batches: &'a Batches, after: Option<Place>) -> Answer<Self> {
        let pages = if batches.key.is_empty() {
            let sql = format!(
                "SELECT pg_catalog.pg_relation_size({}::pg_catalog.regclass) / pg_catalog.current_setting('block_size')::bigint",
                literal(&batches.table_sql())
            );
            number(client, &sql)?.unwrap_or_default()
        } else {
            0
        };
        Ok(Self { batches, after, pages })
    }

    /// Returns the end of the next batch of so many rows or pages; nothing at the end of the table.
    pub fn next(&self, client: &mut Client, size: u32) -> Answer<Option<Place>> {
        if self.batches.key.is_empty() {
            let at = match self.after {
                Some(Place::Page(at)) => at,
                _ => 0,
            };
            return Ok((at < self.pages).then(|| Place::Page((at + i64::from(size)).min(self.pages))));
        }
        let rows = client.simple_query(&self.batches.next(self.after.as_ref(), size))?;
        Ok(rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let values = (0..self.batches.key.len()).map(|at| row.get(at).unwrap_or_default().to_owned());
                Some(Place::Key(values.collect()))
            }
            _ => None,
        }))
    }

    /// Runs the batch that ends at a place, and returns how many rows it has filled.
    pub fn run(&self, client: &mut Client, upto: &Place) -> Answer<u64> {
        let messages = client.simple_query(&self.batches.statement(self.after.as_ref(), upto))?;
        Ok(messages
            .iter()
            .map(|message| match message {
                SimpleQueryMessage::CommandComplete(rows) => *rows,
                _ => 0,
            })
            .sum())
    }

    /// Goes on behind a batch that is done.
    pub fn advance(&mut self, upto: Place) {
        self.after = Some(upto);
    }

    /// Returns how many rows are still to be filled: those that were written where the walk had been, and those that
    /// cannot be.
    pub fn open(&self, client: &mut Client) -> Answer<i64> {
        let (table, open) = (self.batches.table_sql(), &self.batches.open);
        Ok(number(client, &format!("SELECT count(*) FROM ONLY {table} WHERE {open}"))?.unwrap_or_default())
    }

    /// Returns about how many rows the table has, as the planner knows it.
    pub fn rows(&self, client: &mut Client) -> Answer<Option<u64>> {
        let sql = format!(
            "SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = {}::pg_catalog.regclass",
            literal(&self.batches.table_sql())
        );
        Ok(number(client, &sql)?
            .and_then(|rows| u64::try_from(rows).ok())
            .filter(|rows| *rows > 0))
    }
}

/// Fills everything in batches of a few rows: a proof has no more.
pub fn whole(client: &mut Client, batches: &Batches) -> Answer<()> {
    let mut walk = Walk::begin(client, batches, None)?;
    while let Some(upto) = walk.next(client, 2)? {
        walk.run(client, &upto)?;
        walk.advance(upto);
    }
    Ok(())
}

/// Returns by how many bytes the slowest replica is behind; nothing where there is none, or the role may not see it.
pub fn replication_lag(client: &mut Client) -> Option<i64> {
    let sql = "SELECT max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn))::bigint
               FROM pg_catalog.pg_stat_replication";
    number(client, sql).ok().flatten()
}

fn number(client: &mut Client, sql: &str) -> Answer<Option<i64>> {
    let messages = client.simple_query(sql)?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    }))
}
