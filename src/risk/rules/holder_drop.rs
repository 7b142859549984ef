//! ## What it finds
//!
//! A drop of a schema, sequence, materialized view, enum, domain, composite or range type, collation, or subscription. A
//! sequence that goes with the column that owns it is not reported again.
//!
//! ## Why it is dangerous
//!
//! A sequence holds the next value, and a rollback makes one that starts over: values that were given out are given out
//! again. A materialized view holds rows that may take hours to compute. A type gives stored values their meaning, and
//! functions, clients and other databases may name it. A schema is where everybody looks names up.
//!
//! ## Safer way
//!
//! Look for users that PostgreSQL does not know about: bodies of functions, `search_path` settings, applications. Write
//! down a sequence's `last_value` first.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::catalog::Identity;
use crate::kinds::Kind;
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::family::Family;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.with_verb(Verb::Drop)
        .filter(|(_, object)| Family::of(object.kind) == Family::Holder && !goes_with_its_column(look, object))
        .map(|(at, object)| {
            let (kind, name) = (object.kind, object.path_text());
            let (consequence, hint) = match kind {
                Kind::Sequence => (
                    "the next value is forgotten, so that a rollback starts over",
                    "Write down its `last_value` first.",
                ),
                Kind::MaterializedView => (
                    "its rows are gone until it is computed again",
                    "Make sure that no report reads it.",
                ),
                Kind::Subscription => (
                    "replication stops, and where it stood is forgotten",
                    "Make sure that nobody reads what it brought.",
                ),
                Kind::Schema => (
                    "names that are looked up in it are found no more",
                    "Look for it in `search_path` settings and in applications.",
                ),
                _ => (
                    "code that casts to it or declares variables of it fails",
                    "Look for its name in function bodies and in applications.",
                ),
            };
            let message = format!("The {kind} `{name}` is dropped: {consequence}.");
            Hit::new(Risk::Dangerous, at, object, message).hint(hint)
        })
        .collect()
}

/// Tells whether a sequence is dropped because the column that owns it is.
fn goes_with_its_column(look: &Look, object: &Identity) -> bool {
    object.kind == Kind::Sequence
        && look.from.dependencies.iter().any(|(owner, edges)| {
            owner.kind == Kind::SequenceOwner
                && edges.contains(object)
                && edges.iter().any(|on| on.kind == Kind::Column && !look.to.contains(on))
        })
}
