//! What one object depends on: few identities, so that a sorted list is smaller and faster than a tree.

use serde::{Deserialize, Serialize};

use super::Identity;

/// A set of identities, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edges(Vec<Identity>);

impl Edges {
    /// Adds an identity; one that is there already stays.
    pub fn insert(&mut self, identity: Identity) {
        if let Err(place) = self.0.binary_search(&identity) {
            // Most lists stay as short as they are; there are tens of thousands of them.
            self.0.reserve_exact(1);
            self.0.insert(place, identity);
        }
    }

    /// Removes an identity, if it is there.
    pub fn remove(&mut self, identity: &Identity) {
        if let Ok(place) = self.0.binary_search(identity) {
            self.0.remove(place);
        }
    }

    /// Takes names that are known instead of equal ones of its own.
    pub(crate) fn share(&mut self, known: impl Fn(&Identity) -> Option<Identity>) {
        for own in &mut self.0 {
            if let Some(same) = known(own) {
                *own = same;
            }
        }
    }

    /// Tells whether an identity is there.
    pub fn contains(&self, identity: &Identity) -> bool {
        self.0.binary_search(identity).is_ok()
    }

    /// Returns the identities in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Identity> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Edges {
    type Item = &'a Identity;
    type IntoIter = std::slice::Iter<'a, Identity>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Identity> for Edges {
    fn extend<I: IntoIterator<Item = Identity>>(&mut self, identities: I) {
        for identity in identities {
            self.insert(identity);
        }
    }
}

impl FromIterator<Identity> for Edges {
    fn from_iter<I: IntoIterator<Item = Identity>>(identities: I) -> Self {
        let mut out = Self::default();
        out.extend(identities);
        out
    }
}
