//! Answers to what plans ask about renames, as they are given for one run.

use crate::catalog::{Catalog, Identity};
use crate::desired::hints::identifiers;
use crate::diff::Hint;
use crate::error::{Error, Result};
use crate::kinds::{AnyObject, Kind};

/// A name path as somebody wrote it; the schema `public` may be missing.
type Written = Vec<String>;

/// What somebody has said about renames, beside the target files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Former and new name.
    renames: Vec<(Written, Written)>,
    /// What is new, or really goes.
    not_renamed: Vec<Written>,
}

impl Answers {
    /// Reads the values of `--rename OLD=NEW` and of `--no-rename NAME`.
    pub fn parse(renames: &[String], not_renamed: &[String]) -> Result<Self> {
        let name = |text: &String| {
            identifiers(text).ok_or_else(|| {
                Error::usage(format!("`--no-rename {text}` names nothing"))
                    .hint("Write a name such as shop.people.mail, quoted as in SQL where it needs that.")
            })
        };
        Ok(Self {
            renames: renames.iter().map(|text| rename(text)).collect::<Result<_>>()?,
            not_renamed: not_renamed.iter().map(name).collect::<Result<_>>()?,
        })
    }

    /// Adds that an object has another name.
    pub fn add_rename(&mut self, former: &Identity, object: &Identity) {
        self.renames.push((former.path.to_strings(), object.path.to_strings()));
    }

    /// Adds that an object is new.
    pub fn add_new(&mut self, object: &Identity) {
        self.not_renamed.push(object.path.to_strings());
    }

    /// Returns the name paths of what is new, or really goes.
    pub(super) fn not_renamed(&self) -> &[Written] {
        &self.not_renamed
    }

    /// Returns the renames as hints. One that was carried out already is passed over.
    pub(super) fn hints(&self, live: &Catalog, desired: &Catalog) -> Result<Vec<Hint>> {
        let mut out = Vec::new();
        for (former, new) in &self.renames {
            let new = whole(former, new);
            let found = named(live, former).into_iter().find_map(|(words, former)| {
                let to = named(desired, &new).into_iter().find(|(of, _)| *of == words)?;
                Some((words, former, to.1))
            });
            match found {
                Some((words, former, path)) => out.push(Hint {
                    words: words.to_owned(),
                    // A label is found in its type, under its own name alone.
                    renamed_from: former[if words == LABEL { former.len() - 1 } else { 0 }..].to_vec(),
                    path,
                }),
                None if named(live, former).is_empty() && !named(live, &new).is_empty() => {}
                None => return Err(unknown(former, &new, live, desired)),
            }
        }
        Ok(out)
    }
}

const LABEL: &str = "enum value";

/// Reads `OLD=NEW`; either may be quoted, with `=` in it.
fn rename(text: &str) -> Result<(Written, Written)> {
    let mut places = text.match_indices('=').map(|(at, _)| at);
    let both = places.find_map(|at| identifiers(text[..at].trim()).zip(identifiers(text[at + 1..].trim())));
    both.ok_or_else(|| {
        Error::usage(format!("`--rename {text}` does not say what is renamed"))
            .hint("Write OLD=NEW, for example shop.people.email=mail; OLD with all its parts, as it is called now.")
    })
}

/// Returns a new name with what it stands in: that of the former one, where only the last name is written.
fn whole(former: &[String], new: &[String]) -> Written {
    match (former.split_last(), new) {
        (Some((_, place)), [name]) => [place, std::slice::from_ref(name)].concat(),
        _ => new.to_vec(),
    }
}

/// Returns what a name path can mean, in the words of SQL, with the whole path. Parts that are no objects of their own are
/// enum values.
fn named(catalog: &Catalog, written: &[String]) -> Vec<(&'static str, Written)> {
    let public = || [&["public".to_owned()], written].concat();
    let mut out = Vec::new();
    for path in [written.to_vec(), public()] {
        let kinds = Kind::ALL.iter().map(|kind| Identity::new(*kind, &path));
        let known = kinds.filter(|identity| {
            catalog
                .get(identity)
                .is_some_and(|object| is_renamable(object, catalog))
        });
        out.extend(known.map(|identity| (identity.kind.words(), path.clone())));
        let Some((label, of)) = path.split_last() else { continue };
        if let Some(AnyObject::EnumType(of)) = catalog.get(&Identity::new(Kind::EnumType, of))
            && of.labels.contains(label)
        {
            out.push((LABEL, path));
        }
    }
    out
}

/// Tells whether SQL can rename the object: a column's default shares the column's path.
fn is_renamable(object: &AnyObject, catalog: &Catalog) -> bool {
    let context = crate::kinds::Context::new(catalog, catalog, catalog.version_num);
    object.rename(object, &context).is_some()
}

fn unknown(former: &[String], new: &[String], live: &Catalog, desired: &Catalog) -> Error {
    let text = |path: &[String]| {
        let names: Vec<String> = path.iter().map(|name| crate::catalog::quote::readable(name)).collect();
        names.join(".")
    };
    let (missing, side) = if named(live, former).is_empty() {
        (text(former), "the live database has nothing of that name")
    } else if named(desired, new).is_empty() {
        (text(new), "nothing of that name is declared")
    } else {
        (text(new), "it is of another kind")
    };
    let error = Error::usage(format!("`--rename` names `{missing}`, but {side}"));
    error.hint("Write OLD=NEW: OLD as it is called in the live database, with all its parts, NEW as it is declared.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_in_sql() {
        let path = |parts: &[&str]| -> Written { parts.iter().map(|part| (*part).to_owned()).collect() };
        for (text, former, new) in [
            (
                "shop.People.email=Mail",
                path(&["shop", "people", "email"]),
                path(&["mail"]),
            ),
            ("a = s.b", path(&["a"]), path(&["s", "b"])),
            ("\"a=b\".c=\"=\"", path(&["a=b", "c"]), path(&["="])),
        ] {
            let answers = Answers::parse(&[text.to_owned()], &[]).unwrap();
            assert_eq!(answers.renames, [(former, new)], "{text}");
        }
        for text in ["", "a", "=", "a=", "=b", "a b=c", "a.=b"] {
            assert!(Answers::parse(&[text.to_owned()], &[]).is_err(), "{text}");
        }
        assert!(Answers::parse(&[], &["a b".to_owned()]).is_err());
        assert_eq!(whole(&path(&["s", "t", "a"]), &path(&["b"])), path(&["s", "t", "b"]));
    }
}
