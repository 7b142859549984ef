//! A row of a catalog query. Names of its columns are looked up from where the last one was found: a reader that asks in the
//! order of its query finds each one at once.

use std::cell::Cell;
use std::fmt::Display;

use postgres::Error;
use postgres::row::RowIndex;
use postgres::types::FromSql;

/// A row that is being read.
pub struct Row<'a> {
    row: &'a postgres::Row,
    /// Place behind the column that was found last.
    next: Cell<usize>,
}

/// What a column is asked by.
pub trait Place {
    /// Returns the column's number.
    fn number(self, row: &Row) -> Option<usize>;
}

impl Place for usize {
    fn number(self, _: &Row) -> Option<usize> {
        Some(self)
    }
}

impl Place for &str {
    fn number(self, row: &Row) -> Option<usize> {
        let columns = row.row.columns();
        let next = row.next.get();
        let is_named = |place: &usize| columns[*place].name() == self;
        let found = (next..columns.len()).chain(0..next).find(is_named);
        if let Some(found) = found {
            row.next.set(found + 1);
        }
        found
    }
}

impl<'a> Row<'a> {
    /// Begins to read a row.
    pub fn new(row: &'a postgres::Row) -> Self {
        Self {
            row,
            next: Cell::new(0),
        }
    }

    /// Returns the value of a column, by its name or its number from 0; an error where there is none, or another type.
    pub fn try_get<I: Place + Copy + RowIndex + Display, T: FromSql<'a>>(&self, place: I) -> Result<T, Error> {
        match place.number(self) {
            Some(number) => self.row.try_get(number),
            None => self.row.try_get(place),
        }
    }

    /// Tells whether the query has a column of this name.
    pub fn has(&self, name: &str) -> bool {
        let found = name.number(self);
        if let Some(found) = found {
            self.next.set(found);
        }
        found.is_some()
    }
}
