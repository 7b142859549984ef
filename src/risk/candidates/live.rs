//! What live figures say of a pair: whether rows are lost, and whether the values of the one could be those of the other.

use std::collections::BTreeMap;

use postgres::Client;

use super::column::is_required;
use super::{Candidate, Rows, best};
use crate::catalog::{Catalog, Identity, quote::qualified};
use crate::diff::Rename;
use crate::error::Result;
use crate::kinds::{AnyObject, Kind};
use crate::risk::statistics::{Size, Statistics, live_path};

/// Nobody is waited for, and a table whose rows are all dead is not searched for long. Without `row_security` a policy
/// that hides every row from us looks like an error, not like an empty table.
const PATIENCE: &str =
    "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '2s'; SET LOCAL row_security = off";

/// Adds what live figures say, and puts the pairs in their final order. Without a connection nobody knows of any rows.
///
/// Whether a table that has a size holds rows is asked of the table itself: of each row nothing but that it is there.
pub fn weigh(
    client: Option<&mut Client>,
    mut candidates: Vec<Candidate>,
    states: [&Catalog; 2],
    statistics: &Statistics,
    renames: &[Rename],
) -> Vec<Candidate> {
    let mut source = Source {
        client,
        statistics,
        renames,
        from: states[0],
        known: BTreeMap::new(),
    };
    for candidate in &mut candidates {
        if candidate.rows == Rows::Unknown {
            candidate.rows = source.rows(&candidate.former);
        }
        if candidate.former.kind == Kind::Column {
            values(candidate, states, statistics);
        }
    }
    best(candidates)
}

struct Source<'a> {
    client: Option<&'a mut Client>,
    statistics: &'a Statistics,
    renames: &'a [Rename],
    from: &'a Catalog,
    /// What was asked before: one table may be a part of many pairs.
    known: BTreeMap<Identity, Rows>,
}

impl Source<'_> {
    fn rows(&mut self, former: &Identity) -> Rows {
        match former.kind {
            Kind::Schema => self.rows_in_schema(former),
            _ => self.rows_in_table(&Identity::new(Kind::Table, former.path.iter().take(2))),
        }
    }

    fn rows_in_schema(&mut self, schema: &Identity) -> Rows {
        let is_inside = |table: &&Identity| table.kind == Kind::Table && table.path[0] == schema.path[0];
        let tables: Vec<Identity> = self.from.objects.keys().filter(is_inside).cloned().collect();
        let found = tables.iter().map(|table| self.rows_in_table(table));
        found
            .max_by_key(|rows| match rows {
                Rows::None => 0,
                Rows::Unknown => 1,
                Rows::Some(_) => 2,
            })
            .unwrap_or(Rows::None)
    }

    fn rows_in_table(&mut self, table: &Identity) -> Rows {
        if let Some(known) = self.known.get(table) {
            return known.clone();
        }
        let rows = self.ask(table);
        self.known.insert(table.clone(), rows.clone());
        rows
    }

    fn ask(&mut self, table: &Identity) -> Rows {
        let is_elsewhere = matches!(self.from.get(table), Some(AnyObject::Table(table)) if table.foreign.is_some());
        if is_elsewhere || self.statistics.size(table) == Size::Empty {
            return Rows::None;
        }
        let live = live_path(table, self.renames);
        match self.client.as_mut().map(|client| has_rows(client, &live)) {
            Some(Ok(false)) => Rows::None,
            Some(Ok(true)) => Rows::Some(self.statistics.describe(table)),
            Some(Err(_)) | None => Rows::Unknown,
        }
    }
}

/// Asks the table whether it holds a row; an error means that nobody may know.
fn has_rows(client: &mut Client, path: &[String]) -> Result<bool> {
    let mut transaction = client.build_transaction().read_only(true).start()?;
    transaction.batch_execute(PATIENCE)?;
    let row = transaction.query_one(&format!("SELECT EXISTS (SELECT FROM {})", qualified(path)), &[])?;
    Ok(row.try_get(0)?)
}

/// Rates whether the values of the one column could be those of the other.
fn values(candidate: &mut Candidate, [from, to]: [&Catalog; 2], statistics: &Statistics) {
    let (former, column) = (&candidate.former, &candidate.object);
    let holds_rows = candidate.rows != Rows::None;
    let becomes_required = is_required(column, to) && !is_required(former, from);
    let mut points: i32 = 0;
    let mut say = |change: i32, what: String| {
        points += change;
        candidate.evidence.push(what);
    };
    if holds_rows && is_required(column, to) && !gets_a_value(column, to) {
        say(
            15,
            "added anew it would be refused: it is not null and has no default".to_owned(),
        );
    }
    match statistics.nulls(former) {
        Some(share) if becomes_required && share > 0.0 => say(
            -15,
            format!(
                "against it: about {:.0} % of the values are null",
                (share * 100.0).max(1.0)
            ),
        ),
        Some(_) if becomes_required => say(5, "none of its values is null, as the new one wants it".to_owned()),
        _ => {}
    }
    match (is_unique(column, to), statistics.are_distinct(former)) {
        (true, Some(true)) => say(5, "its values are distinct, as the new one wants it".to_owned()),
        (true, Some(false)) => say(
            -15,
            "against it: its values repeat, and the new one is unique".to_owned(),
        ),
        _ => {}
    }
    candidate.score = candidate.score.saturating_add_signed(points).min(100);
}

/// Tells whether a new column has a value by itself.
fn gets_a_value(column: &Identity, catalog: &Catalog) -> bool {
    let named = |kind| catalog.contains(&Identity::new(kind, &column.path));
    named(Kind::ColumnDefault) || named(Kind::ColumnIdentity)
}

/// Tells whether a key says that no value repeats.
fn is_unique(column: &Identity, catalog: &Catalog) -> bool {
    super::below(catalog, Kind::Key, &column.path[..2])
        .any(|object| matches!(object, AnyObject::Key(key) if key.columns == [column.name()]))
}
