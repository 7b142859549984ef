//! Compares three states of each object: live, desired, and as it was last applied.

use std::collections::{BTreeMap, BTreeSet};

use super::{Adopted, Drifted, State};
use crate::apply::ledger::{Applied, AppliedObject, print};
use crate::catalog::{Catalog, Identity};
use crate::diff::{Action, Filter, Rename, diff};
use crate::error::Result;
use crate::kinds::{AnyObject, Context};
use crate::plan::{Verb, differences};

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// Live state as the live server says it.
    pub live: &'a Catalog,
    /// Live state as the desired side's server says it, with the renames carried out.
    pub from: &'a Catalog,
    /// Desired state, with the live one where the target files say nothing.
    pub to: &'a Catalog,
    /// Desired state as the files alone leave it.
    pub said: &'a Catalog,
    /// Renames that are declared and not carried out.
    pub renames: &'a [Rename],
    /// What was last applied.
    pub applied: &'a Applied,
    /// Objects that are looked at.
    pub filter: &'a Filter,
}

/// Returns what differs, most urgent first, and what was adopted. Places are added by the caller.
pub fn classify(sides: &Sides) -> Result<(Vec<Drifted>, Vec<Adopted>)> {
    let context = Context::new(sides.from, sides.to, sides.live.version_num);
    let mut verbs: BTreeMap<Identity, Verb> = diff(&context)
        .into_iter()
        .map(|(identity, action)| (identity, verb(&action)))
        .collect();
    for rename in sides.renames {
        verbs.insert(rename.to.clone(), Verb::Rename);
    }
    let mut out: Vec<Drifted> = Vec::new();
    for (identity, verb) in &verbs {
        out.push(sides.difference(identity, Some(*verb), &verbs));
    }
    let (unsaid, adopted) = sides.behind(&verbs)?;
    for identity in &unsaid {
        out.push(sides.difference(identity, None, &verbs));
    }
    out.sort_by(|a, b| (a.state, &a.object.path, a.object.kind).cmp(&(b.state, &b.object.path, b.object.kind)));
    Ok((out, adopted))
}

fn verb(action: &Action) -> Verb {
    match action {
        Action::Create => Verb::Create,
        Action::Drop => Verb::Drop,
        Action::Alter { .. } => Verb::Alter,
        Action::Replace => Verb::Replace,
    }
}

impl Sides<'_> {
    fn difference(&self, identity: &Identity, verb: Option<Verb>, all: &BTreeMap<Identity, Verb>) -> Drifted {
        let former = self.former(identity);
        let known = self.applied.of(&former);
        let state = match &known {
            None => State::Unrecorded,
            Some(known) => self.state(identity, &former, known, verb),
        };
        let (before, after) = (self.from.get(identity), self.to.get(identity));
        let differences = match (before, after) {
            (Some(before), Some(after)) => differences(before, after),
            _ => Vec::new(),
        };
        let whole = before.or(after).and_then(AnyObject::parent);
        Drifted {
            object: identity.clone(),
            state,
            verb,
            differences,
            declared_at: None,
            execution: known.and_then(|known| known.execution),
            part_of: whole.filter(|whole| goes_with(verb, all.get(whole).copied())),
        }
    }

    fn state(&self, identity: &Identity, former: &Identity, known: &AppliedObject, verb: Option<Verb>) -> State {
        let live = print(self.live, former);
        if live == known.print {
            return State::Pending;
        }
        // What another version words cannot be compared with the record: then the declaration counts as unchanged.
        let comparable = self.live.version_num / 10_000 == self.to.version_num / 10_000;
        let declaration_stands = verb.is_none() || !comparable || print(self.to, identity) == known.print;
        match &known.before {
            _ if !declaration_stands => State::Both,
            Some(before) if *before == live => State::Reverted,
            _ => State::Drifted,
        }
    }

    /// Returns the objects that equal their declaration but not the record: those that the files say nothing about, and
    /// those that were adopted.
    fn behind(&self, verbs: &BTreeMap<Identity, Verb>) -> Result<(Vec<Identity>, Vec<Adopted>)> {
        let (mut unsaid, mut adopted) = (Vec::new(), Vec::new());
        let moved: BTreeSet<Identity> = verbs.keys().map(|identity| self.former(identity)).collect();
        let gone = self.applied.there().filter(|identity| !self.live.contains(identity));
        for identity in self.live.objects.keys().chain(gone) {
            let Some(known) = self.applied.of(identity) else { break };
            let live = print(self.live, identity);
            if live == known.print || moved.contains(identity) || !self.filter.admits(identity, self.live)? {
                continue;
            }
            if self.is_said(identity) {
                adopted.push(Adopted {
                    object: identity.clone(),
                    print: live,
                });
            } else {
                unsaid.push(identity.clone());
            }
        }
        Ok((unsaid, adopted))
    }

    /// Tells whether the files say of an object what stands in the desired state.
    fn is_said(&self, identity: &Identity) -> bool {
        print(self.said, identity) == print(self.to, identity)
    }

    /// Returns the name that an object has in the live database, where it or what it belongs to is yet to be renamed.
    fn former(&self, identity: &Identity) -> Identity {
        for rename in self.renames.iter().rev() {
            if rename.to == *identity {
                return rename.from.clone();
            }
            let length = rename.to.path.len();
            // The path of what is attached to another object begins with that one's kind.
            for start in [0, 1] {
                let end = start + length;
                if identity.path.get(start..end) == Some(&rename.to.path[..]) {
                    let mut path = identity.path.to_vec();
                    path.splice(start..end, rename.from.path.iter().cloned());
                    return Identity::new(identity.kind, path);
                }
            }
        }
        identity.clone()
    }
}

/// Tells whether a part is missing, or there, only because the whole is.
fn goes_with(part: Option<Verb>, whole: Option<Verb>) -> bool {
    matches!(
        (part, whole),
        (Some(Verb::Create), Some(Verb::Create)) | (Some(Verb::Drop), Some(Verb::Drop))
    )
}
