//! Whether a state is the one that a plan promises.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::kinds::AnyObject;

/// Most objects that a message names.
const SHOWN: usize = 5;

/// What a state should be, object by object.
pub(super) struct Expectation<'a> {
    /// Objects that a plan speaks of, which are as in `promised`; the others that were put on scratch are as there too
    /// (the sequence of an identity follows its column, and no step says so), if `promised` knows them.
    pub(super) scope: &'a BTreeSet<&'a Identity>,
    /// What was put on scratch.
    pub(super) part: &'a Catalog,
    /// State that the plan leads to.
    pub(super) promised: &'a Catalog,
    /// State of everything else.
    pub(super) otherwise: &'a Catalog,
    /// Whether one version deparsed all of it; if not, only presence can be compared.
    pub(super) same_version: bool,
}

impl Expectation<'_> {
    /// Returns how `found` differs; none when it is as promised.
    pub(super) fn difference(&self, found: &Catalog) -> Option<String> {
        let all: BTreeSet<&Identity> = self
            .scope
            .iter()
            .copied()
            .chain(self.otherwise.objects.keys())
            .chain(found.objects.keys())
            .collect();
        let differences: Vec<String> = all
            .into_iter()
            .filter_map(|object| self.deviation(object, found))
            .collect();
        let more = differences.len().saturating_sub(SHOWN);
        let mut out = differences.into_iter().take(SHOWN).collect::<Vec<_>>().join("; ");
        if more > 0 {
            out.push_str(&format!("; and {more} more"));
        }
        (!out.is_empty()).then_some(out)
    }

    fn deviation(&self, object: &Identity, found: &Catalog) -> Option<String> {
        let promised = self.promised.get(object);
        let follows = promised.is_some() && self.part.contains(object);
        let wanted = if follows || self.scope.contains(object) {
            promised
        } else {
            self.otherwise.get(object)
        };
        match (wanted, found.get(object)) {
            (None, None) => None,
            (None, Some(_)) => Some(format!("{object} is there")),
            (Some(_), None) => Some(format!("{object} is missing")),
            (Some(wanted), Some(found)) => {
                let differs = self.same_version && wanted.fingerprint() != found.fingerprint();
                differs.then(|| format!("{object} differs{}", attribute(wanted, found)))
            }
        }
    }
}

/// Names the first attribute in which two forms of an object differ.
fn attribute(wanted: &AnyObject, found: &AnyObject) -> String {
    let fields = |object: &AnyObject| serde_json::to_value(object.clone().significant()).unwrap_or_default();
    let (wanted, found) = (fields(wanted), fields(found));
    let names = wanted.as_object().into_iter().flat_map(|fields| fields.keys());
    let first = names.into_iter().find(|name| wanted.get(*name) != found.get(*name));
    first.map_or_else(String::new, |name| {
        let text = |value: &serde_json::Value| match value.get(name) {
            None | Some(serde_json::Value::Null) => "nothing".to_owned(),
            Some(serde_json::Value::String(text)) => format!("`{text}`"),
            Some(other) => format!("`{other}`"),
        };
        format!(" in {name}: {} instead of {}", text(&found), text(&wanted))
    })
}
