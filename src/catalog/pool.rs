//! What catalogs that are read at the same time have in common, held once: whoever comes second takes what is there.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::FixedState;

use super::{Edges, Identity};
use crate::kinds::AnyObject;

/// Objects and identities of several catalogs.
#[derive(Debug, Default)]
pub struct Pool {
    /// By the hash of the identity. Of two identities with one hash the second is not held: that costs its memory, nothing
    /// else.
    known: Mutex<HashMap<u64, (Identity, AnyObject), FixedState>>,
}

impl Pool {
    /// Takes names and objects that are known instead of equal ones, and keeps what is new.
    pub(crate) fn share<'p>(
        &self,
        parts: impl Iterator<Item = (&'p mut Identity, &'p mut AnyObject, Option<&'p mut Edges>)>,
    ) {
        let hasher = FixedState::default();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (identity, object, edges) in parts {
            match known.get(&hasher.hash_one(&*identity)) {
                Some((same, other)) if same == identity => {
                    *identity = same.clone();
                    if object.is_identical(other) {
                        *object = other.clone();
                    }
                }
                Some(_) => {}
                None => _ = known.insert(hasher.hash_one(&*identity), (identity.clone(), object.clone())),
            }
            if let Some(edges) = edges {
                edges.share(|on| {
                    let (same, _) = known.get(&hasher.hash_one(on))?;
                    (same == on).then(|| same.clone())
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> AnyObject {
        serde_json::from_value(serde_json::json!({"kind": "schema", "name": name})).unwrap()
    }

    #[test]
    fn the_second_takes_what_the_first_has() {
        let pool = Pool::default();
        let read = || ["a", "b"].map(|name| (object(name).identity(), object(name)));
        let [mut one, mut other] = [read(), read()];
        let mut on = Edges::from_iter([other[0].0.clone()]);
        pool.share(one.iter_mut().map(|(identity, object)| (identity, object, None)));
        let mut edges = Some(&mut on);
        pool.share(
            other
                .iter_mut()
                .map(|(identity, object)| (identity, object, edges.take())),
        );
        for ((first, object), (second, copy)) in one.iter().zip(&other) {
            assert!(object.shares(copy), "{first}");
            assert!(std::ptr::eq(first.path.as_slice(), second.path.as_slice()), "{first}");
        }
        let on = on.iter().next().unwrap();
        assert!(std::ptr::eq(on.path.as_slice(), one[0].0.path.as_slice()));
    }
}
