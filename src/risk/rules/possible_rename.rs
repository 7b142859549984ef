//! ## What it finds
//!
//! An object that the plan creates and one that it drops, which may be the same one under another name: a column of the
//! same table, a table, a schema, a label of an enum, an index, constraint, sequence or type with the same definition.
//! Columns and tables are compared by type, place, default, nullability, names, what depends on them, and the statistics
//! of their values; each pair has a score of up to 100 and says what it rests on. From 40 points on it is shown.
//!
//! ## Why it is dangerous
//!
//! A rename keeps rows, a drop and an addition loses them. Nobody but you can tell which of the two is meant. Where rows
//! would be lost, the plan asks in a terminal, and elsewhere it stops with exit code 3 and the question; a plan file carries
//! it to `apply`, which stops as well. Only `--approve critical`, or `--approve TU508:OBJECT`, says: drop it. Where nobody knows whether there are rows, it is asked as well. The level is `caution` then, and `safe`
//! where nothing is lost: the table is empty, or the object holds no rows.
//!
//! ## Safer way
//!
//! Say what is meant, directly above the declaration of the new object: `-- trueup: renamed from NAME`, or
//! `-- trueup: not renamed`; in YAML `renamed_from: NAME`, or `not_renamed: true`. `--rename OLD=NEW` and
//! `--no-rename NAME` say it for one run. A project that wants no such questions lowers the rule to `safe`.
//!
//! ## PostgreSQL versions
//!
//! All.

use std::collections::BTreeMap;

use crate::catalog::Identity;
use crate::risk::Risk;
use crate::risk::candidates::{Candidate, Rows};
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut by_object: BTreeMap<Identity, Vec<&Candidate>> = BTreeMap::new();
    for candidate in look.candidates {
        by_object.entry(candidate.home()).or_default().push(candidate);
    }
    let hits = by_object.into_iter().filter_map(|(object, pairs)| {
        let first = *pairs.first()?;
        let found = look.changes().find(|(_, change)| change.object == object);
        let step = found.map_or(0, |(at, _)| at);
        let loses = pairs.iter().any(|pair| pair.rows != Rows::None);
        let risk = if loses { Risk::Caution } else { Risk::Safe };
        Some(Hit::new(risk, step, &object, message(&pairs)).hint(hint(first)))
    });
    hits.collect()
}

fn message(pairs: &[&Candidate]) -> String {
    let one = |pair: &&Candidate| {
        let former = pair.former.path_text();
        let evidence = pair.evidence.join(", ");
        format!("`{former}` ({} of 100 points: {evidence})", pair.score)
    };
    let formers: Vec<String> = pairs.iter().map(one).collect();
    let Some(first) = pairs.first() else {
        return String::new();
    };
    let lost = pairs.iter().find_map(|pair| match &pair.rows {
        Rows::None => None,
        Rows::Some(rows) => Some(format!("If it is, dropping and adding loses what is there ({rows}).")),
        Rows::Unknown => {
            Some("If it is, dropping and adding loses what is there; nobody knows how much that is.".to_owned())
        }
    });
    let lost = lost.unwrap_or_else(|| "No row is lost either way.".to_owned());
    format!(
        "The {} `{}` is new, and may be another name of what is dropped: {}. {lost}",
        first.word(),
        first.object.path_text(),
        formers.join(", or ")
    )
}

fn hint(first: &Candidate) -> String {
    let (yes, no) = (first.rename(), first.not_renamed());
    format!(
        "Say it above the declaration: `{}` or `{}` (in YAML `{}` or `{}`; for this run `{}` or `{}`).",
        yes.sql, no.sql, yes.yaml, no.yaml, yes.flag, no.flag
    )
}
