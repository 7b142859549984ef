//! Keys of one table over the same columns, of which `CREATE TABLE` makes only one.

use super::{AnyObject, Key, KeyType, Kind, partitioning};
use crate::catalog::Catalog;

/// Tells whether another key of the table, that comes before this one, is over the same columns: `CREATE TABLE` makes
/// one of the two.
pub(super) fn repeats_another(key: &Key, catalog: &Catalog) -> bool {
    let over = |key: &Key| {
        let words = ["PRIMARY KEY ", "UNIQUE "];
        let rest = words.iter().find_map(|word| key.definition.strip_prefix(word));
        (rest.unwrap_or(&key.definition).to_owned(), key.predicate.clone())
    };
    let keys = partitioning::within(catalog, Kind::Key, &key.schema, &key.table);
    let mut others = keys.filter_map(|(_, object)| match object {
        AnyObject::Key(other) if other.name != key.name => Some(other),
        _ => None,
    });
    others.any(|other| {
        let is_first =
            other.constraint == KeyType::Primary || (key.constraint != KeyType::Primary && other.name < key.name);
        is_first && over(other) == over(key)
    })
}
