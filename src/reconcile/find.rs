//! Objects by the names that people write.

use std::collections::BTreeSet;

use similar::TextDiff;

use crate::catalog::{Catalog, Identity};
use crate::error::{Error, Result};
use crate::kinds::Kind;

/// Most names that an error suggests.
const SUGGESTIONS: usize = 3;

/// Returns the objects of the catalogs that a name fits: `[KIND:]NAME`, where `public` and a routine's arguments may be left
/// out.
pub fn find(name: &str, catalogs: &[&Catalog]) -> Result<Vec<Identity>> {
    let (words, name) = match name.split_once(':') {
        Some((words, name)) => (Some(words.replace(['_', '-'], " ")), name),
        None => (None, name),
    };
    let all: BTreeSet<&Identity> = catalogs.iter().flat_map(|side| side.objects.keys()).collect();
    let of_kind = |kind: Kind| words.as_ref().is_none_or(|words| kind.words() == words);
    let known = all.iter().filter(|identity| of_kind(identity.kind));
    let found: Vec<Identity> = known
        .filter(|identity| spellings(identity).iter().any(|spelling| spelling == name))
        .map(|identity| (*identity).clone())
        .collect();
    if found.is_empty() {
        return Err(unknown(name, &all));
    }
    Ok(found)
}

/// Returns the ways to write the name of an object.
fn spellings(identity: &Identity) -> Vec<String> {
    let mut out = vec![identity.path_text(), identity.path.join(".")];
    let without_arguments: Vec<&str> = identity
        .path
        .iter()
        .map(|part| part.split_once('(').map_or(part.as_str(), |(name, _)| name))
        .collect();
    out.push(without_arguments.join("."));
    let bare: Vec<String> = out
        .iter()
        .filter_map(|text| text.strip_prefix("public.").map(str::to_owned))
        .collect();
    out.extend(bare);
    out
}

fn unknown(name: &str, all: &BTreeSet<&Identity>) -> Error {
    let mut near: Vec<(f32, String)> = all
        .iter()
        .map(|identity| (identity.path_text(), identity))
        .map(|(text, _)| (TextDiff::from_chars(name, text.as_str()).ratio(), text))
        .filter(|(ratio, _)| *ratio > 0.6)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    let near: Vec<String> = near
        .into_iter()
        .take(SUGGESTIONS)
        .map(|(_, text)| format!("`{text}`"))
        .collect();
    let error = Error::usage(format!("there is no object `{name}`, live or declared"));
    if near.is_empty() {
        return error.hint("Write SCHEMA.NAME, SCHEMA.TABLE.COLUMN or KIND:NAME, for example table:shop.orders.");
    }
    error.hint(format!("Did you mean {}?", near.join(", ")))
}
