//! What constraints and indexes ask about partitions: whether a table has some, what belongs to it, what is attached.

use super::{AnyObject, Context, Kind};
use crate::catalog::{Catalog, Identity};

/// Returns the objects of a kind whose path starts with two names (schema and table).
pub(super) fn within<'a>(
    catalog: &'a Catalog,
    kind: Kind,
    schema: &str,
    table: &str,
) -> impl Iterator<Item = (&'a Identity, &'a AnyObject)> {
    let prefix = Identity::new(kind, [schema, table]);
    catalog
        .objects
        .range(prefix.clone()..)
        .take_while(move |(identity, _)| identity.kind == kind && identity.path.starts_with(&prefix.path))
}

/// Returns `ONLY ` where a statement would reach partitions, which have objects of their own; nothing otherwise.
pub(super) fn only(schema: &str, table: &str, context: &Context) -> &'static str {
    let has_some = || has_partitions(schema, table, context.from) || has_partitions(schema, table, context.to);
    if is_partitioned(schema, table, context.to) && has_some() {
        "ONLY "
    } else {
        ""
    }
}

/// Tells whether a table is partitioned in a catalog.
pub(crate) fn is_partitioned(schema: &str, table: &str, catalog: &Catalog) -> bool {
    let table = Identity::new(Kind::Table, [schema, table]);
    matches!(catalog.get(&table), Some(AnyObject::Table(table)) if table.partition_key.is_some())
}

fn has_partitions(schema: &str, table: &str, catalog: &Catalog) -> bool {
    partitions(catalog).any(|partition| partition.parent_schema == schema && partition.parent_table == table)
}

/// Returns every partition of a catalog.
pub(crate) fn partitions(catalog: &Catalog) -> impl Iterator<Item = &super::Partition> {
    catalog
        .objects
        .range(Identity::new(Kind::Partition, [""; 0])..)
        .map_while(|(_, object)| match object {
            AnyObject::Partition(partition) => Some(&**partition),
            _ => None,
        })
}

/// Returns what comes before an index of a table: `ATTACH PARTITION` takes the first index that fits, so that one which
/// stays alone stands only after it.
pub(super) fn attached_first(is_attached: bool, schema: &str, table: &str) -> Vec<Identity> {
    if is_attached {
        return Vec::new();
    }
    vec![Identity::new(Kind::Partition, [schema, table])]
}

/// Returns the partitions of a table that have no index attached to one of its own, which is not valid for want of them.
/// `ATTACH PARTITION` would build theirs, so that the table's own index stands only after they are attached.
pub(super) fn left_out(index: &Identity, schema: &str, table: &str, catalog: &Catalog) -> Vec<Identity> {
    let has_one = |partition: &super::Partition| {
        within(catalog, Kind::IndexAttachment, &partition.schema, &partition.table).any(|(_, object)| {
            matches!(object, AnyObject::IndexAttachment(attachment) if attachment.parent_index() == *index)
        })
    };
    partitions(catalog)
        .filter(|partition| partition.parent_schema == schema && partition.parent_table == table)
        .filter(|partition| !has_one(partition))
        .map(super::Object::identity)
        .collect()
}

/// Returns every foreign key of a catalog.
pub(super) fn foreign_keys(catalog: &Catalog) -> impl Iterator<Item = &super::ForeignKey> {
    catalog
        .objects
        .range(Identity::new(Kind::ForeignKey, [""; 0])..)
        .map_while(|(_, object)| match object {
            AnyObject::ForeignKey(key) => Some(&**key),
            _ => None,
        })
}

/// Returns every attachment of an index to a partitioned one in a catalog.
pub(super) fn attachments(catalog: &Catalog) -> impl Iterator<Item = &super::IndexAttachment> {
    catalog
        .objects
        .range(Identity::new(Kind::IndexAttachment, [""; 0])..)
        .map_while(|(_, object)| match object {
            AnyObject::IndexAttachment(attachment) => Some(&**attachment),
            _ => None,
        })
}

/// Returns the attachments, on all levels, that an index of a partitioned table needs before it is valid.
pub(super) fn attachments_below(index: &Identity, catalog: &Catalog) -> Vec<Identity> {
    let mut out = Vec::new();
    let mut open = vec![index.clone()];
    while let Some(parent) = open.pop() {
        for attachment in attachments(catalog).filter(|attachment| attachment.parent_index() == parent) {
            open.push(attachment.index_identity());
            out.push(super::Object::identity(attachment));
        }
    }
    out
}

/// Returns the index or key of the other state that is attached where this one is: the same index under another name.
pub(super) fn namesake(attachment: &super::IndexAttachment, other: &Catalog) -> Option<Identity> {
    within(other, Kind::IndexAttachment, &attachment.schema, &attachment.table)
        .filter_map(|(_, object)| match object {
            AnyObject::IndexAttachment(found) => Some(&**found),
            _ => None,
        })
        .find(|found| found.parent_index() == attachment.parent_index() && found.name != attachment.name)
        .map(super::IndexAttachment::index_identity)
}
