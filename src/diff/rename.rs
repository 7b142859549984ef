//! Renames from hints: which live objects change their name before anything is compared.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Identity, Name};
use crate::kinds::{Context, Kind, Statement};

/// A hint that says what an object was called before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Sort of the object in the words of SQL.
    pub words: String,
    /// Its name path as declared; an unqualified one lacks the schema.
    pub path: Vec<String>,
    /// Its former name, with as many parts as were written.
    pub renamed_from: Vec<String>,
}

/// One rename that the live database needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Object as it is called now.
    pub from: Identity,
    /// Object as it will be called.
    pub to: Identity,
    /// What people see renamed: the object, or the part of it that it is about.
    pub subject: Identity,
    /// What that is called now.
    pub former: Identity,
    /// What renames it, when the renames before it in the list have been carried out.
    pub forward: Vec<Statement>,
    /// What renames it back, when the renames after it have been undone.
    pub rollback: Vec<Statement>,
}

/// Returns the renames that hints ask for and the live database has not seen yet, outermost objects first.
pub fn renames(hints: &[Hint], live: &Catalog, desired: &Catalog) -> Vec<Rename> {
    let mut out: Vec<Rename> = Vec::new();
    let mut hints: Vec<&Hint> = hints.iter().collect();
    hints.sort_by_key(|hint| (hint.path.len(), &hint.path));
    let context = Context::new(live, desired, live.version_num);
    let inverse = Context::new(desired, live, live.version_num);
    for hint in hints {
        out.extend(of_part(hint, live, desired, &out));
        for to in declared(hint, desired) {
            let from = former(&to, &hint.renamed_from, &out);
            let (Some(old), Some(new)) = (live.get(&from), desired.get(&to)) else {
                continue;
            };
            if live.contains(&to) || desired.contains(&from) {
                continue;
            }
            let (Some(forward), Some(rollback)) = (old.rename(new, &context), new.rename(old, &inverse)) else {
                continue;
            };
            out.push(Rename {
                former: from.clone(),
                from,
                subject: to.clone(),
                to,
                forward,
                rollback,
            });
        }
    }
    out
}

/// Returns the rename of a part that is no object of its own, by the object that it is a part of.
fn of_part(hint: &Hint, live: &Catalog, desired: &Catalog, before: &[Rename]) -> Option<Rename> {
    let (name, whole) = hint.path.split_last()?;
    let [former_name] = hint.renamed_from.as_slice() else {
        return None;
    };
    named(Kind::ALL, whole, desired).into_iter().find_map(|to| {
        let earlier = before.iter().find(|rename| rename.to == to);
        let from = earlier.map_or(&to, |rename| &rename.from).clone();
        let (old, new) = (live.get(&from)?, desired.get(&to)?);
        Some(Rename {
            forward: old.rename_part(&hint.words, former_name, name, new)?,
            rollback: new.rename_part(&hint.words, name, former_name, old)?,
            former: Identity::new(
                from.kind,
                from.path.iter().map(Name::as_str).chain([former_name.as_str()]),
            ),
            from,
            subject: Identity::new(to.kind, to.path.iter().map(Name::as_str).chain([name.as_str()])),
            to,
        })
    })
}

/// Returns the desired objects that a hint can mean.
fn declared(hint: &Hint, desired: &Catalog) -> Vec<Identity> {
    let words = hint.words.as_str();
    let fits = |kind: Kind| {
        let known = kind.words();
        known == words
            || known.starts_with(words)
            || known.ends_with(words)
            || (words == "type" && kind.is_type())
            || (words == "constraint" && kind.is_constraint())
    };
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| fits(*kind)).collect();
    named(&kinds, &hint.path, desired)
}

/// Returns the objects of some kinds that a name path can mean, which may lack the schema.
fn named(kinds: &[Kind], path: &[String], desired: &Catalog) -> Vec<Identity> {
    let public = || std::iter::once("public").chain(path.iter().map(String::as_str));
    let all = kinds
        .iter()
        .flat_map(|kind| [Identity::new(*kind, path.iter()), Identity::new(*kind, public())]);
    all.filter(|identity| desired.contains(identity)).collect()
}

/// Returns the former identity: the last names are replaced, and the rest follows renames that come before.
fn former(to: &Identity, renamed_from: &[String], before: &[Rename]) -> Identity {
    let known: BTreeMap<&[Name], &[Name]> = before
        .iter()
        .map(|rename| (rename.to.path.as_slice(), rename.from.path.as_slice()))
        .collect();
    let mut path = to.path.to_vec();
    for length in (1..path.len()).rev() {
        if let Some(old) = known.get(&path[..length]) {
            path.splice(..length, old.iter().cloned());
            break;
        }
    }
    let start = path.len().saturating_sub(renamed_from.len());
    path.splice(start.., renamed_from.iter().map(Name::from));
    Identity::new(to.kind, path)
}
