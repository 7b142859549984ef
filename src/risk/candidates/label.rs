//! A label that an enum loses and one that it gains.

use super::{Candidate, Moves, Rows, Sides, likeness};
use crate::catalog::Identity;
use crate::kinds::{AnyObject, EnumType, Kind};

/// Likeness of labels, in percent, where several come and go.
const ALIKE: u32 = 50;

/// Returns the pairs of labels that stand at the same place of one enum.
pub(super) fn labels(moves: &Moves, sides: Sides) -> Vec<Candidate> {
    let changed = moves.changed.iter().filter(|object| object.kind == Kind::EnumType);
    let both = changed.filter_map(|object| match (sides.from.get(object), sides.to.get(object)) {
        (Some(AnyObject::EnumType(before)), Some(AnyObject::EnumType(after))) => Some((before, after)),
        _ => None,
    });
    both.flat_map(|(before, after)| of_one(before, after)).collect()
}

fn of_one(before: &EnumType, after: &EnumType) -> Vec<Candidate> {
    let lost: Vec<_> = missing(&before.labels, &after.labels);
    let gained: Vec<_> = missing(&after.labels, &before.labels);
    let alone = lost.len() == 1 && gained.len() == 1;
    let mut out = Vec::new();
    for (place, label) in &gained {
        for (_, former) in lost.iter().filter(|(of_former, _)| of_former == place) {
            let alike = likeness::percent(former, label);
            if !alone && alike < ALIKE {
                continue;
            }
            let (points, said) = likeness::points(former, label, likeness::MOST);
            let named = |label: &str| Identity::new(Kind::EnumType, [&before.schema, &before.name, label]);
            out.push(Candidate {
                former: named(former),
                object: named(label),
                score: 50 + points,
                evidence: std::iter::once("same place among the labels".to_owned())
                    .chain(said)
                    .collect(),
                // A row that holds the label refuses the rebuild; none is lost.
                rows: Rows::None,
            });
        }
    }
    out
}

/// Returns the labels that only the first list has, each with the number of common ones before it.
fn missing<'a>(own: &'a [String], other: &[String]) -> Vec<(usize, &'a str)> {
    let mut before = 0;
    let mut out = Vec::new();
    for label in own {
        if other.contains(label) {
            before += 1;
        } else {
            out.push((before, label.as_str()));
        }
    }
    out
}
