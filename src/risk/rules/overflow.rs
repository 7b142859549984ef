//! ## What it finds
//!
//! A sequence, or an identity column, of a table that the plan touches, whose last value has used up three quarters of
//! what its type, its limits, or the type of its column can hold after the plan.
//!
//! ## Why it is dangerous
//!
//! At the end every `INSERT` fails (`nextval: reached maximum value of sequence`, or `integer out of range`), and the way
//! out, a wider column, writes the table and all that reference it anew while nobody can work. It is `caution`, and
//! `dangerous` where the plan itself lowers the limit and less than a tenth is left.
//!
//! ## Safer way
//!
//! Widen the column to `bigint` while there is time: add a column, fill it in batches, and switch over.
//!
//! ## PostgreSQL versions
//!
//! All.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Column, ColumnIdentity, Kind, SequenceOptions};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};
use crate::words::grouped;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut values = look.statistics.values().peekable();
    if values.peek().is_none() {
        return Vec::new();
    }
    let sides = (Counters::read(look.from), Counters::read(look.to));
    values
        .filter_map(|(sequence, value)| hit(look, &sides, sequence, value))
        .collect()
}

fn hit(look: &Look, (before, after): &(Counters, Counters), sequence: &Identity, value: i64) -> Option<Hit> {
    let limit = after.limit(sequence)?;
    let (room, used) = (limit.range.unsigned_abs(), limit.used(value));
    // Whole percents: a quarter of a bigint is far from exact in floating point.
    let percent = u128::from(used) * 100 / u128::from(room.max(1));
    if percent < 75 {
        return None;
    }
    let lowered = before
        .limit(sequence)
        .is_some_and(|before| before.range.unsigned_abs() > room);
    let risk = if lowered && percent >= 90 {
        Risk::Dangerous
    } else {
        Risk::Caution
    };
    let at = look
        .changes()
        .find(|(_, change)| change.object == limit.object || change.object.path.starts_with(&limit.object.path[..2]))
        .map_or(0, |(at, _)| at);
    let left = room.saturating_sub(used);
    let message = format!(
        "The values of the {} `{}` are used up to {percent} %: {} are left before every `INSERT` fails.",
        limit.object.kind,
        limit.object.path_text(),
        grouped(left)
    );
    Some(Hit::new(risk, at, &limit.object, message).hint("Widen the column to `bigint` while there is time."))
}

/// How far a sequence can count.
struct Limit {
    /// Column that the values go to, or the sequence itself.
    object: Identity,
    /// Largest value, or smallest of a sequence that counts down.
    range: i64,
}

impl Limit {
    fn used(&self, value: i64) -> u64 {
        if (self.range < 0) == (value < 0) {
            value.unsigned_abs()
        } else {
            0
        }
    }
}

/// The sequences behind the identity columns of a catalog.
struct Counters<'a> {
    catalog: &'a Catalog,
    identities: BTreeMap<Identity, &'a ColumnIdentity>,
}

impl<'a> Counters<'a> {
    fn read(catalog: &'a Catalog) -> Self {
        let identities = catalog.objects.values().filter_map(|object| match object {
            AnyObject::ColumnIdentity(own) => {
                Some((Identity::new(Kind::Sequence, [&own.schema, &own.sequence]), &**own))
            }
            _ => None,
        });
        Self {
            catalog,
            identities: identities.collect(),
        }
    }

    fn limit(&self, sequence: &Identity) -> Option<Limit> {
        let (own, object) = match (self.catalog.get(sequence), self.identities.get(sequence)) {
            (Some(AnyObject::Sequence(found)), _) => (&found.options, owner(self.catalog, sequence)),
            (_, Some(found)) => {
                let column = Column::named(&found.schema, &found.table, &found.column);
                (&found.options, Some(column))
            }
            _ => return None,
        };
        if own.cycle {
            return None;
        }
        let end = end(own);
        let range = object.as_ref().and_then(|column| column_range(self.catalog, column));
        let range = range.map_or(end, |most| if end < 0 { end.max(-most) } else { end.min(most) });
        Some(Limit {
            object: object.unwrap_or_else(|| sequence.clone()),
            range,
        })
    }
}

fn end(options: &SequenceOptions) -> i64 {
    if options.increment > 0 {
        options.last()
    } else {
        options.first()
    }
}

fn owner(catalog: &Catalog, sequence: &Identity) -> Option<Identity> {
    match catalog.get(&Identity::new(Kind::SequenceOwner, sequence.path.iter()))? {
        AnyObject::SequenceOwner(owner) => Some(owner.column_identity()),
        _ => None,
    }
}

fn column_range(catalog: &Catalog, column: &Identity) -> Option<i64> {
    match catalog.get(column)? {
        AnyObject::Column(column) => match column.data_type.as_str() {
            "smallint" => Some(i64::from(i16::MAX)),
            "integer" => Some(i64::from(i32::MAX)),
            _ => None,
        },
        _ => None,
    }
}
