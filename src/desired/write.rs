//! A catalog as SQL target files: one file per table, view, routine or type, with everything that belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use super::replay::creation;
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::kinds::{AnyObject, Context};
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
    for step in creation(catalog) {
        let Some(change) = step.changes.first() else { continue };
        let stem = file_stem(&whole(&change.object, catalog), layout);
        let text = out.entry(format!("{stem}.sql")).or_default();
        for sentence in &step.statements {
            text.push_str(&sentence.sql);
            text.push_str(";\n\n");
        }
    }
    for text in out.values_mut() {
        text.truncate(text.trim_end().len() + 1);
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
    let route = route(&Context {
        from: &rest,
        to: catalog,
        version_num: catalog.version_num,
    });
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
