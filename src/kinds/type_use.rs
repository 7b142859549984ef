//! Which tables hold values of a type: what decides whether it can be altered in place, and what is locked and scanned.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, sql};
use crate::catalog::{Catalog, Identity};

/// Returns the tables that hold values of a type, through domains, arrays, composite and range types.
pub(crate) fn tables(of: &Identity, catalog: &Catalog) -> BTreeSet<Identity> {
    let mut out = BTreeSet::new();
    collect(of, &catalog.dependents(), &mut BTreeSet::new(), &mut out);
    out
}

fn collect(
    of: &Identity,
    dependents: &BTreeMap<&Identity, Vec<&Identity>>,
    seen: &mut BTreeSet<Identity>,
    out: &mut BTreeSet<Identity>,
) {
    if !seen.insert(of.clone()) {
        return;
    }
    for dependent in dependents.get(of).into_iter().flatten() {
        if dependent.kind == Kind::Column {
            out.insert(Identity::new(Kind::Table, dependent.path.iter().take(2)));
        } else if sql::IS_TYPE.contains(&dependent.kind) {
            collect(dependent, dependents, seen, out);
        }
    }
}
