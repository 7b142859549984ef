//! Where the target files declare what a finding is about.

use std::collections::BTreeMap;

use super::name;
use crate::catalog::{Identity, Name};
use crate::plan::Plan;

/// A line of a target file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// File.
    pub(super) file: String,
    /// Line, from 1.
    pub(super) line: usize,
}

/// Places of the objects that a plan changes.
pub(super) struct Places<'a> {
    by_object: BTreeMap<&'a Identity, Place>,
    by_path: BTreeMap<&'a [Name], Place>,
}

impl<'a> Places<'a> {
    /// Reads the places of a plan.
    pub(super) fn of(plan: &'a Plan) -> Self {
        let declared = plan.changes.iter().filter_map(|detail| {
            let place = parse(detail.declared_at.as_deref()?)?;
            Some((&detail.change.object, place))
        });
        let by_object: BTreeMap<&Identity, Place> = declared.collect();
        let by_path = by_object
            .iter()
            .map(|(object, place)| (object.path.as_slice(), place.clone()));
        Self {
            by_path: by_path.collect(),
            by_object,
        }
    }

    /// Returns the place of an object; for what the files no longer declare, that of what it belonged to.
    pub(super) fn place(&self, object: &Identity) -> Option<&Place> {
        let path = name::target(object).map_or(object.path.as_slice(), |(_, path)| path);
        let around = (1..=path.len())
            .rev()
            .find_map(|length| self.by_path.get(&path[..length]));
        self.by_object.get(object).or(around)
    }
}

fn parse(text: &str) -> Option<Place> {
    let (file, line) = text.rsplit_once(':')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    Some(Place {
        file: file.to_owned(),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places() {
        let place = |file: &str, line| Place {
            file: file.to_owned(),
            line,
        };
        assert_eq!(parse("schema/a.sql:12"), Some(place("schema/a.sql", 12)));
        assert_eq!(parse("odd:name.sql:1"), Some(place("odd:name.sql", 1)));
        assert_eq!(parse("schema/a.sql"), None);
        assert_eq!(parse("a:0"), None);
    }
}
