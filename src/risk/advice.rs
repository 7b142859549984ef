//! Columns that a plan gives a type about which there is advice.

use super::look::Look;
use crate::kinds::{Column, Kind};
use crate::plan::Verb;

/// Returns the columns that are created with, or change to, a type of a sort, with their step.
pub(super) fn becoming<'a>(
    look: &Look<'a>,
    is_of_sort: fn(&str) -> bool,
) -> impl Iterator<Item = (usize, &'a Column)> + use<'a> {
    let changes = look.changes().filter(|(_, change)| change.object.kind == Kind::Column);
    let changes = changes.filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace));
    let found: Vec<_> = changes
        .filter_map(|(at, change)| {
            let before = look.column_before(&change.object);
            let after = look.column_after(&change.object)?;
            let was = before.is_some_and(|column| is_of_sort(element(&column.data_type)));
            // A partition's and a child's columns follow their parent's.
            (!was && after.local && after.parents.is_empty() && is_of_sort(element(&after.data_type)))
                .then_some((at, after))
        })
        .collect();
    found.into_iter()
}

/// Returns the type of an array's elements, or the type itself.
fn element(data_type: &str) -> &str {
    data_type.trim_end_matches("[]")
}
