//! A row of a catalog query. Names of its columns are looked up from where the last one was found: a reader that asks in the
//! order of its query finds each one at once.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt::Display;

use postgres::types::{FromSql, Type};

use crate::error::{Error, Result};

/// A row that is being read.
pub struct Row<'a> {
    values: Values<'a>,
    /// Place behind the column that was found last.
    next: Cell<usize>,
}

/// Where the values of a row are.
#[derive(Clone, Copy)]
enum Values<'a> {
    /// As the server sent it.
    Sent(&'a postgres::Row),
    /// Among rows that are kept: columns, and what each holds.
    Kept(&'a [Named], &'a [Option<&'a [u8]>]),
}

/// Name and type of a column.
type Named = (String, Type);

/// What a column is asked by.
pub trait Place: Copy + Display {
    /// Returns the column's number.
    fn number(self, row: &Row) -> Option<usize>;
}

impl Place for usize {
    fn number(self, row: &Row) -> Option<usize> {
        (self < row.width()).then_some(self)
    }
}

impl Place for &str {
    fn number(self, row: &Row) -> Option<usize> {
        let next = row.next.get();
        let is_named = |place: &usize| row.name(*place) == self;
        let found = (next..row.width()).chain(0..next).find(is_named);
        if let Some(found) = found {
            row.next.set(found + 1);
        }
        found
    }
}

impl<'a> Row<'a> {
    /// Begins to read a row.
    pub fn new(row: &'a postgres::Row) -> Self {
        Self::of(Values::Sent(row))
    }

    fn of(values: Values<'a>) -> Self {
        Self {
            values,
            next: Cell::new(0),
        }
    }

    /// Returns the value of a column, by its name or its number from 0; an error where there is none, or another type.
    pub fn try_get<I: Place, T: FromSql<'a>>(&self, place: I) -> Result<T> {
        let wrong = |error: &dyn Display| Error::internal(format!("column {place} of a catalog query: {error}"));
        let Some(number) = place.number(self) else {
            return Err(wrong(&"there is none"));
        };
        match self.values {
            Values::Sent(row) => Ok(row.try_get(number)?),
            Values::Kept(columns, values) => {
                let data_type = &columns[number].1;
                if !T::accepts(data_type) {
                    return Err(wrong(&format!("it is of type {data_type}")));
                }
                T::from_sql_nullable(data_type, values[number]).map_err(|error| wrong(&error))
            }
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

    fn width(&self) -> usize {
        match self.values {
            Values::Sent(row) => row.len(),
            Values::Kept(columns, _) => columns.len(),
        }
    }

    fn name(&self, number: usize) -> &str {
        match self.values {
            Values::Sent(row) => row.columns()[number].name(),
            Values::Kept(columns, _) => &columns[number].0,
        }
    }
}

/// Rows that are read later, in a fraction of the memory that they come in.
#[derive(Default)]
pub struct Kept {
    columns: Vec<Named>,
    /// For each value its length and its bytes; a length below zero stands for null.
    bytes: Vec<u8>,
}

impl Kept {
    /// Keeps rows of one query.
    pub fn of(rows: &[postgres::Row]) -> Result<Self> {
        let mut out = Self::default();
        if let Some(first) = rows.first() {
            let columns = first.columns().iter();
            out.columns = columns
                .map(|column| (column.name().to_owned(), column.type_().clone()))
                .collect();
        }
        for row in rows {
            for number in 0..row.len() {
                let value = row.try_get::<_, Option<Raw>>(number)?.map(|raw| raw.0);
                let length = value.map_or(Ok(-1), |value| i32::try_from(value.len()));
                let length = length.map_err(|_| Error::internal("a value of the catalogs is too long"))?;
                out.bytes.extend(length.to_ne_bytes());
                out.bytes.extend(value.unwrap_or_default());
            }
        }
        out.bytes.shrink_to_fit();
        Ok(out)
    }

    /// Reads the rows in their order.
    pub fn each(&self, mut read: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let mut rest = self.bytes.as_slice();
        let mut values = Vec::with_capacity(self.columns.len());
        while !rest.is_empty() {
            values.clear();
            for _ in &self.columns {
                let (value, behind) = first(rest).ok_or_else(|| Error::internal("kept rows are cut"))?;
                values.push(value);
                rest = behind;
            }
            read(&Row::of(Values::Kept(&self.columns, &values)))?;
        }
        Ok(())
    }
}

/// Returns the first value, and what is behind it.
fn first(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    match usize::try_from(i32::from_ne_bytes(*length)) {
        Ok(length) => rest.split_at_checked(length).map(|(value, rest)| (Some(value), rest)),
        Err(_) => Some((None, rest)),
    }
}

/// A value as it was sent, of whatever type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
