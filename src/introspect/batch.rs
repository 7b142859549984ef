//! Objects as they are read from rows, put in the order of their identities.

use crate::catalog::{Address, Addresses, ColumnFacts, Identity, Name, Part, Pool};
use crate::error::Result;
use crate::kinds::{Reader, Row};

/// An object with the number of its row, and of the part of it.
pub(super) type Placed = (u32, i32, Part);

/// Objects with their addresses, and what was noted of them.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) parts: Vec<Placed>,
    /// Parent of the object that was read last.
    last: Option<Identity>,
    /// Number of objects that share what is in the pool.
    shared: usize,
    pub(super) noted: Vec<((u32, i16), ColumnFacts)>,
    /// Addresses of rows that stand for others.
    pub(super) aliases: Vec<(Address, Address)>,
}

impl Batch {
    /// Takes one row in.
    pub(super) fn read(&mut self, reader: Reader, row: &Row, addresses: &Addresses) -> Result<()> {
        let (oid, sub) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(object) = (reader.read)(row, addresses)? {
            if let (Some(noted), Ok(number)) = ((reader.note)(row)?, i16::try_from(sub)) {
                self.noted.push(((oid, number), noted));
            }
            self.parts.push((oid, sub, Part::of(object, &mut self.last)));
        } else if let Some(target) = (reader.stands_for)(row, addresses)? {
            self.aliases.push(((reader.class, oid, sub), target));
        }
        Ok(())
    }

    /// Lets what was read since the last time share what is in the pool.
    pub(super) fn share(&mut self, pool: Option<&Pool>) {
        if let Some(pool) = pool {
            let new = self.parts[self.shared..].iter_mut().map(|(_, _, part)| part);
            pool.share(new.map(|part| (&mut part.identity, &mut part.object, Some(&mut part.edges))));
            self.shared = self.parts.len();
        }
    }

    /// Puts the objects in the order of their identities.
    pub(super) fn sorted(mut self) -> Self {
        if is_even(&self.parts) {
            self.parts = sorted_by_families(self.parts);
        } else {
            self.parts
                .sort_by(|(.., one), (.., other)| one.identity.cmp(&other.identity));
        }
        self
    }
}

/// Returns all names of an object but its own.
fn family((.., part): &Placed) -> &[Name] {
    part.identity.path.split_last().map_or(&[], |(_, family)| family)
}

/// Tells whether all objects are of one kind and have as many names.
fn is_even(parts: &[Placed]) -> bool {
    let alike = |one: &Identity, other: &Identity| one.kind == other.kind && one.path.len() == other.path.len();
    parts
        .windows(2)
        .all(|pair| alike(&pair[0].2.identity, &pair[1].2.identity))
}

/// Sorts families, and each within itself: what stands in one table is read one after the other, and far fewer names are
/// compared than if it were not.
fn sorted_by_families(mut parts: Vec<Placed>) -> Vec<Placed> {
    let lengths: Vec<usize> = (parts.chunk_by(|one, other| family(one) == family(other)))
        .map(<[Placed]>::len)
        .collect();
    let mut rest = parts.drain(..);
    let mut families: Vec<Vec<Placed>> = lengths
        .into_iter()
        .map(|length| rest.by_ref().take(length).collect())
        .collect();
    drop(rest);
    families.sort_by(|one, other| family(&one[0]).cmp(family(&other[0])));
    for same in families.chunk_by_mut(|one, other| family(&one[0]) == family(&other[0])) {
        let start = parts.len();
        for family in same {
            parts.append(family);
        }
        parts[start..].sort_by(|(.., one), (.., other)| one.identity.path.last().cmp(&other.identity.path.last()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{AnyObject, ColumnDefault};

    fn placed(schema: &str, table: &str, column: &str) -> Placed {
        let default = ColumnDefault {
            schema: schema.to_owned(),
            table: table.to_owned(),
            column: column.to_owned(),
            expression: "1".to_owned(),
            volatile: false,
        };
        (0, 0, Part::of(AnyObject::from(default), &mut None))
    }

    #[test]
    fn families_that_come_in_pieces_end_in_the_order_of_identities() {
        let names = [
            ("b", "t", "z"),
            ("b", "t", "a"),
            ("a", "u", "m"),
            ("a", "t u", "m"),
            ("a", "t", "n"),
            ("b", "t", "k"),
            ("a", "t", "b"),
        ];
        let batch = Batch {
            parts: names
                .map(|(schema, table, column)| placed(schema, table, column))
                .into(),
            ..Batch::default()
        };
        let sorted: Vec<Identity> = batch
            .sorted()
            .parts
            .into_iter()
            .map(|(.., part)| part.identity)
            .collect();
        assert_eq!(sorted.len(), names.len());
        assert!(sorted.is_sorted(), "{sorted:?}");
    }
}
