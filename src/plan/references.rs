//! Which tables refer to which, as far as the plan touches the referring one: what a diagram of the plan needs.

use std::collections::BTreeSet;

use super::file::Reference;
use crate::catalog::{Catalog, Identity};

/// Returns the references that leave touched tables, or are touched themselves, in any of the states.
pub(super) fn references<'a>(touched: impl Iterator<Item = &'a Identity>, states: &[&'a Catalog]) -> Vec<Reference> {
    let mut around: BTreeSet<Identity> = BTreeSet::new();
    for object in touched {
        let parents = states.iter().filter_map(|state| state.get(object)?.parent());
        around.extend(parents);
        around.insert(object.clone());
    }
    let mut out = BTreeSet::new();
    for (by, object) in states.iter().flat_map(|state| &state.objects) {
        if let (Some(to), Some(from)) = (object.refers_to(), object.parent())
            && (around.contains(&from) || around.contains(by))
        {
            let by = by.clone();
            out.insert(Reference { by, from, to });
        }
    }
    out.into_iter().collect()
}
