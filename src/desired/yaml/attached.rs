//! Comments, owners and privileges: what is said of an object inside its own item.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::want::Fields;
use crate::catalog::Identity;
use crate::kinds::{AnyObject, Comment, Kind, Owner, Privilege, built_in};

/// Server version whose privileges are assumed while the server is not known yet; older ones know some less.
pub(super) const NEWEST: i32 = 18_00_00;

const OPTION: &str = " with grant option";

/// Reads privileges as people write them.
pub(super) fn privilege_set(words: &[String]) -> BTreeMap<String, bool> {
    let read = |word: &String| {
        let word = word.trim().to_lowercase();
        match word.strip_suffix(OPTION) {
            Some(name) => (name.trim().to_uppercase(), true),
            None => (word.to_uppercase(), false),
        }
    };
    words.iter().map(read).collect()
}

/// Writes privileges as people write them.
pub(super) fn privilege_words(privileges: &BTreeMap<String, bool>) -> Vec<String> {
    let write = |(name, grantable): (&String, &bool)| {
        let option = if *grantable { OPTION } else { "" };
        format!("{}{option}", name.to_lowercase())
    };
    privileges.iter().map(write).collect()
}

/// Returns what a grantee has on something that nothing was said of; of the schema `public`, what any version gives.
pub(super) fn given(target: &Identity, grantee: &str) -> BTreeMap<String, bool> {
    if target.kind == Kind::Schema && target.path == ["public"] && grantee == "public" {
        return privilege_set(&["usage".to_owned(), "create".to_owned()]);
    }
    built_in(Some(target.kind), "", grantee, NEWEST)
}

/// Returns the privileges on something, by role.
pub(super) fn privileges(target: &Identity, holder: &Identity, grants: &Fields) -> Vec<AnyObject> {
    let read = |(grantee, words): (&String, &Json)| {
        let words: Vec<String> = serde_json::from_value(words.clone()).unwrap_or_default();
        AnyObject::from(Privilege {
            target: target.clone(),
            holder: Some(holder.clone()),
            grantee: grantee.clone(),
            privileges: privilege_set(&words),
            initial: given(target, grantee),
        })
    };
    grants.iter().map(read).collect()
}

/// Returns the comment on an object.
pub(super) fn comment(target: &Identity, text: &str) -> AnyObject {
    AnyObject::from(Comment {
        target: target.clone(),
        holder: target.clone(),
        constraint: None,
        text: text.to_owned(),
    })
}

/// Returns the owner of an object.
pub(super) fn owner(target: &Identity, role: &str) -> AnyObject {
    AnyObject::from(Owner {
        target: target.clone(),
        role: role.to_owned(),
    })
}
