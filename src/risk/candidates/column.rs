//! A column that goes and one that comes in the same table.

use std::collections::BTreeMap;

use super::{Candidate, Moves, Rows, Sides, below, likeness};
use crate::catalog::{Catalog, Identity, Name};
use crate::kinds::{AnyObject, Column, Context, Kind};

/// Likeness of names, in percent, from which on the type may be any.
const TELLING: u32 = 75;

/// Points and what they are for.
#[derive(Default)]
struct Tally {
    points: u32,
    evidence: Vec<String>,
}

impl Tally {
    fn add(&mut self, points: u32, what: impl Into<String>) {
        self.points += points;
        self.evidence.push(what.into());
    }
}

/// Returns the pairs of columns.
pub(super) fn columns(moves: &Moves, sides: Sides) -> Vec<Candidate> {
    let of_kind = |object: &&&Identity| object.kind == Kind::Column;
    let mut by_table: BTreeMap<&[Name], Vec<&Identity>> = BTreeMap::new();
    for new in moves.new.iter().filter(of_kind) {
        by_table.entry(&new.path[..2]).or_default().push(new);
    }
    let gone = moves.gone.iter().filter(of_kind);
    let pairs = gone.flat_map(|gone| {
        let new = by_table.get(&gone.path[..2]).into_iter().flatten();
        new.map(move |new| (*gone, *new))
    });
    pairs
        .filter_map(|(gone, new)| match (sides.from.get(gone), sides.to.get(new)) {
            (Some(AnyObject::Column(former)), Some(AnyObject::Column(column))) => pair(former, column, sides),
            _ => None,
        })
        .collect()
}

/// Rates a pair; nothing where it cannot be one column.
fn pair(former: &Column, column: &Column, sides: Sides) -> Option<Candidate> {
    // An inherited column follows its parent's, and what is computed has no values of its own.
    let is_own = |column: &Column| column.local && column.parents.is_empty() && column.generated.is_none();
    let table = former.table_identity();
    if !is_own(former) || !is_own(column) || !sides.to.contains(&table) {
        return None;
    }
    let mut tally = Tally::default();
    let names = likeness::percent(&former.name, &column.name);
    if !types(former, column, sides, &mut tally) && names < TELLING {
        return None;
    }
    let (points, said) = likeness::points(&former.name, &column.name, likeness::MOST);
    tally.points += points;
    tally.evidence.extend(said);
    place(former, column, sides, &mut tally);
    nulls(former, column, sides, &mut tally);
    default(former, column, sides, &mut tally);
    company(former, column, sides, &mut tally);
    Some(Candidate {
        former: identity_of(former),
        object: identity_of(column),
        score: tally.points.min(100),
        evidence: tally.evidence,
        rows: Rows::Unknown,
    })
}

fn identity_of(column: &Column) -> Identity {
    Column::named(&column.schema, &column.table, &column.name)
}

/// Rates the types; false where one's values are none of the other.
fn types(former: &Column, column: &Column, sides: Sides, tally: &mut Tally) -> bool {
    let (old, new) = (&former.data_type, &column.data_type);
    let change = || format!("`{old}` could become `{new}`");
    if old == new && former.collation == column.collation {
        tally.add(35, format!("same type `{old}`"));
    } else if base(old) == base(new) {
        tally.add(28, change());
    } else {
        let context = Context::new(sides.from, sides.to, sides.from.version_num);
        if !matches!(context.cast(&base(old), &base(new)), Some('i' | 'a')) {
            return false;
        }
        tally.add(18, change());
    }
    true
}

/// Returns a type without its modifier: `numeric(10,2)` is `numeric`.
fn base(data_type: &str) -> String {
    match (data_type.find('('), data_type.find(')')) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &data_type[..start], &data_type[end + 1..]),
        _ => data_type.to_owned(),
    }
}

/// Rates the place: which of the columns that stay stand before and after it.
fn place(former: &Column, column: &Column, sides: Sides, tally: &mut Tally) {
    let old = neighbours(former, sides.from, sides.to);
    let new = neighbours(column, sides.to, sides.from);
    match (old.0 == new.0, old.1 == new.1) {
        (true, true) => tally.add(15, "same place in the table"),
        (true, false) | (false, true) => tally.add(5, "near the same place in the table"),
        (false, false) => {}
    }
}

/// Returns the columns next to a column, of those that both states have.
fn neighbours<'a>(column: &Column, own: &'a Catalog, other: &Catalog) -> (Option<&'a str>, Option<&'a str>) {
    let table = column.table_identity();
    let staying = below(own, Kind::Column, &table.path).filter_map(|object| match object {
        AnyObject::Column(one) if other.contains(&identity_of(one)) => Some((one.position, one.name.as_str())),
        _ => None,
    });
    let staying: Vec<(i32, &str)> = staying.collect();
    let before = staying.iter().filter(|(position, _)| *position < column.position).max();
    let after = staying.iter().filter(|(position, _)| *position > column.position).min();
    (before.map(|(_, name)| *name), after.map(|(_, name)| *name))
}

/// Tells whether a column is `NOT NULL`.
pub(super) fn is_required(column: &Identity, catalog: &Catalog) -> bool {
    catalog.contains(&Identity::new(Kind::NotNull, &column.path))
}

fn nulls(former: &Column, column: &Column, sides: Sides, tally: &mut Tally) {
    let required = (
        is_required(&identity_of(former), sides.from),
        is_required(&identity_of(column), sides.to),
    );
    match required {
        (true, true) => tally.add(8, "both not null"),
        (false, false) => tally.points += 4,
        _ => {}
    }
}

fn default(former: &Column, column: &Column, sides: Sides, tally: &mut Tally) {
    let of = |column: &Column, catalog: &Catalog| {
        let named = |kind| Identity::new(kind, &identity_of(column).path);
        let default = match catalog.get(&named(Kind::ColumnDefault)) {
            Some(AnyObject::ColumnDefault(default)) => Some(default.expression.clone()),
            _ => None,
        };
        (default, catalog.contains(&named(Kind::ColumnIdentity)))
    };
    match (of(former, sides.from), of(column, sides.to)) {
        ((Some(old), _), (Some(new), _)) if old == new => tally.add(10, format!("same default `{old}`")),
        ((None, true), (None, true)) => tally.add(10, "both identities"),
        ((None, false), (None, false)) => tally.points += 3,
        _ => {}
    }
}

/// Rates what is on, or reads, either of them.
fn company(former: &Column, column: &Column, sides: Sides, tally: &mut Tally) {
    let (Some(old), Some(new)) = (
        sides.on_former.get(&identity_of(former)),
        sides.on_new.get(&identity_of(column)),
    ) else {
        return;
    };
    // An index is often named after its column.
    let renamed = |object: &Identity| {
        let mut path = object.path.to_vec();
        if let Some(last) = path.last_mut() {
            *last = last.replace(&former.name, &column.name).into();
        }
        Identity::new(object.kind, path)
    };
    let both: Vec<&&Identity> = old
        .iter()
        .filter(|one| new.contains(*one) || new.contains(&renamed(one)))
        .collect();
    let points = u32::try_from(both.len()).unwrap_or(u32::MAX).saturating_mul(8).min(17);
    if let [only] = both.as_slice() {
        tally.add(points, format!("{only} uses either"));
    } else if let [first, ..] = both.as_slice() {
        tally.add(points, format!("{first} and {} more use either", both.len() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn a_modifier_is_no_type() {
        for (whole, expected) in [
            ("numeric(10,2)", "numeric"),
            ("timestamp(3) without time zone", "timestamp without time zone"),
            ("text", "text"),
        ] {
            assert_eq!(base(whole), expected);
        }
    }
}
