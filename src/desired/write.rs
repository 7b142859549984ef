//! A catalog as SQL target files: one file per table, view, routine or type, with everything that belongs to it.

use std::collections::BTreeMap;

use super::replay::creation;
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::kinds::AnyObject;

/// Returns the files by path relative to the folder; read back, they declare the catalog.
pub fn sql_files(catalog: &Catalog) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for step in creation(catalog) {
        let Some(change) = step.changes.first() else { continue };
        let text = out
            .entry(format!("{}.sql", file_stem(&whole(&change.object, catalog))))
            .or_default();
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

/// Returns the object that the given one is a part of, at the top.
pub(super) fn whole(identity: &Identity, catalog: &Catalog) -> Identity {
    match catalog.get(identity).and_then(AnyObject::parent) {
        Some(parent) if catalog.contains(&parent) => whole(&parent, catalog),
        _ => identity.clone(),
    }
}

/// Returns the path of an object's file without its ending: schema, family, name. What a file system could confuse
/// (case, separators) gets a digest behind the name.
fn file_stem(identity: &Identity) -> String {
    let family = identity.kind.words().replace(' ', "_");
    let names: Vec<String> = identity.path.iter().map(|name| file_name(name)).collect();
    match names.as_slice() {
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
