//! A table that goes and one that comes.

use std::collections::BTreeMap;

use super::{Candidate, Moves, Rows, Sides, below, likeness};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Kind, Table};

/// From so many pairs on only those of one name are looked at: a whole database that is exchanged is no rename.
const TOO_MANY: usize = 40_000;

/// Columns by name, with their types.
type Shape<'a> = BTreeMap<&'a str, &'a str>;

/// Returns the pairs of tables.
pub(super) fn tables(moves: &Moves, sides: Sides) -> Vec<Candidate> {
    let count = |objects: &[&Identity]| objects.iter().filter(|object| object.kind == Kind::Table).count();
    let is_huge = count(&moves.gone) * count(&moves.new) > TOO_MANY;
    let tables = |objects: &[&Identity], catalog| -> BTreeMap<Identity, Shape> {
        let tables = objects.iter().filter(|object| object.kind == Kind::Table);
        tables.map(|table| ((*table).clone(), shape(catalog, table))).collect()
    };
    let shapes = (tables(&moves.gone, sides.from), tables(&moves.new, sides.to));
    moves
        .pairs(Kind::Table)
        .filter(|(gone, new)| !is_huge || gone.name() == new.name())
        .filter_map(|(gone, new)| {
            let (Some(AnyObject::Table(former)), Some(AnyObject::Table(table))) =
                (sides.from.get(gone), sides.to.get(new))
            else {
                return None;
            };
            let rated = shared(shapes.0.get(gone)?, shapes.1.get(new)?)?;
            pair((gone, former), (new, table), rated, sides)
        })
        .collect()
}

/// Rates the columns of two tables; nothing where they have none in common.
fn shared(old: &Shape, own: &Shape) -> Option<(u32, String)> {
    let same = old.iter().filter(|(name, kind)| own.get(*name) == Some(kind)).count();
    let most = old.len().max(own.len());
    let said = if same == most {
        format!("the same {same} columns")
    } else {
        format!("{same} of {most} columns are the same")
    };
    (same > 0).then(|| (u32::try_from(same * 55 / most).unwrap_or_default(), said))
}

fn pair(
    (gone, former): (&Identity, &Table),
    (new, table): (&Identity, &Table),
    (mut points, columns): (u32, String),
    sides: Sides,
) -> Option<Candidate> {
    let server = |table: &Table| table.foreign.as_ref().map(|foreign| foreign.server.clone());
    let is_other = former.partition_key != table.partition_key || server(former) != server(table);
    if is_other || bound(sides.from, gone) != bound(sides.to, new) {
        return None;
    }
    let mut evidence = vec![columns];
    let (names, said) = likeness::points(&former.name, &table.name, likeness::MOST);
    points += names;
    evidence.extend(said);
    if former.schema == table.schema {
        points += 5;
    }
    let both = sides.on_former.get(gone).zip(sides.on_new.get(new));
    if let Some(both) = both.and_then(|(old, own)| old.intersection(own).next()) {
        points += 15;
        evidence.push(format!("{both} uses either"));
    }
    Some(Candidate {
        former: gone.clone(),
        object: new.clone(),
        score: points.min(100),
        evidence,
        rows: Rows::Unknown,
    })
}

/// Returns what a partition is attached to, and with which bound: another bound is another partition.
fn bound<'a>(catalog: &'a Catalog, table: &Identity) -> Option<(&'a str, &'a str)> {
    match catalog.get(&Identity::new(Kind::Partition, &table.path)) {
        Some(AnyObject::Partition(of)) => Some((&of.parent_table, &of.bound)),
        _ => None,
    }
}

fn shape<'a>(catalog: &'a Catalog, table: &Identity) -> Shape<'a> {
    let columns = below(catalog, Kind::Column, &table.path);
    columns
        .filter_map(|object| match object {
            AnyObject::Column(column) => Some((column.name.as_str(), column.data_type.as_str())),
            _ => None,
        })
        .collect()
}
