//! A catalog as SQL target files: one file per table, view, routine or type, with everything that belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use super::replay::creation;
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::kinds::{AnyObject, Context, Kind, settle_default_privileges};
use crate::plan::route;

/// What stands in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A schema's objects of one family: all its tables, all its views.
    Family,
    /// One table, view, routine or type, with everything that belongs to it.
    Table,
}

/// Returns the files by path relative to the folder; read back, they declare the catalog.
pub fn sql_files(catalog: &Catalog, layout: Layout) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let mut defaults = String::new();
    let late = late(catalog, layout);
    for step in creation(catalog) {
        let Some(change) = step.changes.first() else { continue };
        let stem = file_stem(&whole(&change.object, catalog), layout);
        let stem = late.get(&change.object).cloned().into_iter().fold(stem, String::max);
        let text = if change.object.kind == Kind::DefaultPrivilege {
            &mut defaults
        } else {
            out.entry(format!("{stem}.sql")).or_default()
        };
        for sentence in &step.statements {
            text.push_str(&sentence.sql);
            text.push_str(";\n\n");
        }
    }
    if !defaults.is_empty() {
        // Whatever a file makes after this one would get the privileges too: files are executed in the order of names.
        let mut name = "default_privilege.sql".to_owned();
        while out.keys().any(|other| *other >= name) {
            name.insert(0, 'z');
        }
        defaults.push_str(&taken_back(catalog, layout));
        out.insert(name, defaults);
    }
    for text in out.values_mut() {
        text.truncate(text.trim_end().len() + 1);
    }
    out
}

/// Returns what takes back the default privileges of objects that are made last of all, since they depend on what stands
/// in a later file.
fn taken_back(catalog: &Catalog, layout: Layout) -> String {
    let stem = |identity: &Identity| file_stem(&whole(identity, catalog), layout);
    let waits = |identity: &Identity| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![identity]);
        while let Some(next) = open.pop() {
            let own = stem(next);
            for on in catalog.dependencies_of(next).filter(|on| catalog.contains(on)) {
                if stem(on) > own {
                    return true;
                }
                if seen.insert(on) {
                    open.push(on);
                }
            }
        }
        false
    };
    let context = Context::new(catalog, catalog, catalog.version_num);
    let mut out = String::new();
    for identity in catalog.objects.keys() {
        let statements = settle_default_privileges(identity, &context);
        if !statements.is_empty() && waits(identity) {
            for statement in statements {
                out.push_str(&format!("{};\n\n", statement.sql()));
            }
        }
    }
    out
}

/// Returns, for checks that are not validated and that other tables inherit, the last file of those: a table that is made
/// later would inherit a valid one.
fn late(catalog: &Catalog, layout: Layout) -> BTreeMap<Identity, String> {
    let parent = |identity: &Identity| match catalog.get(identity) {
        Some(AnyObject::Check(check)) if !check.valid => {
            let (schema, table) = check.parents.first()?;
            Some(Identity::new(Kind::Check, [schema, table, &check.name]))
        }
        _ => None,
    };
    let mut out: BTreeMap<Identity, String> = BTreeMap::new();
    for identity in catalog.objects.keys() {
        let stem = file_stem(&whole(identity, catalog), layout);
        let ancestors = std::iter::successors(parent(identity), parent);
        for ancestor in ancestors {
            let last = out.entry(ancestor).or_default();
            *last = std::mem::take(last).max(stem.clone());
        }
    }
    out
}

/// Returns all of it as one script, in an order that works.
pub fn sql_script(catalog: &Catalog) -> String {
    let steps = creation(catalog);
    let statements = steps.iter().flat_map(|step| &step.statements);
    statements
        .map(|sentence| format!("{};\n", sentence.sql))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns the SQL that makes one object with all that belongs to it, where everything else is there; `None` where the
/// catalog does not have it.
pub fn object_sql(catalog: &Catalog, object: &Identity) -> Option<String> {
    if !catalog.contains(object) {
        return None;
    }
    let mut rest = catalog.clone();
    for identity in family(catalog, object) {
        rest.remove(&identity);
    }
    let route = route(&Context::new(&rest, catalog, catalog.version_num));
    let statements = route.steps.iter().flat_map(|step| &step.statements);
    let statements = statements.map(|sentence| format!("{};\n", sentence.sql));
    Some(statements.collect::<Vec<_>>().join("\n"))
}

/// Returns an object with everything that belongs to it: its parts, and the sequences that its columns own.
pub(crate) fn family(catalog: &Catalog, object: &Identity) -> BTreeSet<Identity> {
    let belongs = |identity: &Identity| {
        std::iter::successors(Some(identity.clone()), |at| catalog.get(at)?.parent()).any(|at| at == *object)
    };
    let mut out: BTreeSet<Identity> = catalog
        .objects
        .keys()
        .filter(|identity| belongs(identity))
        .cloned()
        .collect();
    let owned = catalog.objects.values().filter_map(|other| match other {
        AnyObject::SequenceOwner(owner) if out.contains(&owner.column_identity()) => Some(owner.sequence_identity()),
        _ => None,
    });
    for sequence in owned.collect::<Vec<_>>() {
        out.extend(family(catalog, &sequence));
    }
    out
}

/// Returns the object that the given one is a part of, at the top.
pub(super) fn whole(identity: &Identity, catalog: &Catalog) -> Identity {
    match catalog.get(identity).and_then(AnyObject::parent) {
        Some(parent) if catalog.contains(&parent) => whole(&parent, catalog),
        _ => identity.clone(),
    }
}

/// Returns the path of an object's file without its ending: schema, family, name. What a file system could confuse
/// (case, separators) gets a digest behind the name.
fn file_stem(identity: &Identity, layout: Layout) -> String {
    let family = identity.kind.words().replace(' ', "_");
    let names: Vec<String> = identity.path.iter().map(|name| file_name(name)).collect();
    match names.as_slice() {
        [schema, _, ..] if layout == Layout::Family => format!("{schema}/{family}"),
        [_] if layout == Layout::Family => family,
        [schema, name, ..] => format!("{schema}/{family}/{name}"),
        [name] => format!("{family}/{name}"),
        [] => family,
    }
}

/// Returns a name as a file system takes it.
pub(super) fn file_name(name: &str) -> String {
    // Overloads of one routine share a file.
    let name = name.split_once('(').map_or(name, |(routine, _)| routine);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    let kept: String = name
        .chars()
        .map(|c| if plain(c.to_ascii_lowercase()) { c } else { '_' })
        .collect();
    format!("{kept}-{}", Fingerprint::of(name).short())
}
