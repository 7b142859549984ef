//! What follows from other items, once all of them are read: columns of partitions, not-null of keys, where keys and
//! indexes of partitions are attached, which key a foreign key refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::complaint::Complaint;
use crate::catalog::{Identity, Name};
use crate::kinds::{
    AnyObject, Check, Column, ColumnDefault, Key, KeyType, Kind, NotNull, Partition, ReplicaIdentityChoice,
};

/// Objects with file and offset.
pub(super) type Placed = BTreeMap<Identity, (AnyObject, usize, usize)>;

/// Completes objects; a complaint comes with its file.
pub(super) fn finish(objects: &mut Placed) -> Result<(), (usize, Complaint)> {
    number_columns(objects);
    refuse_null(objects);
    fill_partitions(objects)?;
    attach(objects)?;
    refer(objects);
    Ok(())
}

fn named(kind: Kind, path: [&str; 3]) -> Identity {
    Identity::new(kind, path)
}

/// Returns the objects of a kind whose path starts with schema and table.
fn within<'a>(
    objects: &'a Placed,
    kind: Kind,
    schema: &'a str,
    table: &'a str,
) -> impl Iterator<Item = &'a (AnyObject, usize, usize)> {
    let first = Identity::new(kind, [schema, table]);
    let range = objects.range(first..);
    range
        .take_while(move |(identity, _)| {
            identity.kind == kind && identity.path.len() > 2 && identity.path[0] == schema && identity.path[1] == table
        })
        .map(|(_, placed)| placed)
}

/// Numbers the columns of each table in the order in which they are written.
fn number_columns(objects: &mut Placed) {
    let mut columns: Vec<(Vec<Name>, usize, usize, Identity)> = Vec::new();
    for (identity, (object, file, offset)) in &*objects {
        if matches!(object, AnyObject::Column(_)) {
            columns.push((identity.path[..2].to_vec(), *file, *offset, identity.clone()));
        }
    }
    columns.sort();
    let (mut table, mut number) = (Vec::new(), 0);
    for (of, _, _, identity) in columns {
        number = if of == table { number + 1 } else { 1 };
        table = of;
        if let Some((AnyObject::Column(column), ..)) = objects.get_mut(&identity) {
            Arc::make_mut(column).position = number;
        }
    }
}

/// Gives partitions without columns those of their table, outermost first.
fn fill_partitions(objects: &mut Placed) -> Result<(), (usize, Complaint)> {
    let mut waiting: Vec<(Partition, usize, usize)> = objects
        .values()
        .filter_map(|(object, file, offset)| match object {
            AnyObject::Partition(partition) => Some((Partition::clone(partition), *file, *offset)),
            _ => None,
        })
        .filter(|(partition, ..)| {
            let is_typed = matches!(objects.get(&Identity::new(Kind::Table, [&partition.schema, &partition.table])),
                Some((AnyObject::Table(table), ..)) if table.of_type.is_some());
            !is_typed
                && within(objects, Kind::Column, &partition.schema, &partition.table)
                    .next()
                    .is_none()
        })
        .collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut left = Vec::new();
        for (partition, file, offset) in waiting {
            let copies = copies(objects, &partition);
            if copies.is_empty() {
                left.push((partition, file, offset));
            }
            for copy in copies {
                // Only a check can have been written at the partition itself.
                let is_said = copy.kind() == Kind::Check && objects.contains_key(&copy.identity());
                if !is_said {
                    objects.insert(copy.identity(), (copy, file, offset));
                }
            }
        }
        if left.len() == before {
            let (partition, file, offset) = &left[0];
            let message = format!(
                "`{}` has no columns to take over from `{}`",
                partition.table, partition.parent_table
            );
            let hint = "Declare the partitioned table in YAML too, or write the `columns` of the partition.";
            return Err((*file, Complaint::new(*offset, message).hint(hint)));
        }
        waiting = left;
    }
    Ok(())
}

/// Returns what a partition takes over.
fn copies(objects: &Placed, partition: &Partition) -> Vec<AnyObject> {
    let (schema, table) = (&partition.schema, &partition.table);
    let of = |kind| within(objects, kind, &partition.parent_schema, &partition.parent_table).map(|(object, ..)| object);
    if of(Kind::Column).next().is_none() {
        return Vec::new();
    }
    let kinds = [Kind::Column, Kind::ColumnDefault, Kind::NotNull, Kind::Check];
    let all = kinds.into_iter().flat_map(of);
    all.filter_map(|object| match object {
        AnyObject::Column(column) => Some(AnyObject::from(Column {
            schema: schema.clone(),
            table: table.clone(),
            ..Column::clone(column)
        })),
        AnyObject::ColumnDefault(default) => Some(AnyObject::from(ColumnDefault {
            schema: schema.clone(),
            table: table.clone(),
            ..ColumnDefault::clone(default)
        })),
        AnyObject::NotNull(not_null) => Some(AnyObject::from(NotNull {
            schema: schema.clone(),
            table: table.clone(),
            ..NotNull::clone(not_null)
        })),
        AnyObject::Check(check) => Some(AnyObject::from(Check {
            schema: schema.clone(),
            table: table.clone(),
            ..Check::clone(check)
        })),
        _ => None,
    })
    .collect()
}

/// Adds the not-null constraints that primary keys and identities bring.
fn refuse_null(objects: &mut Placed) {
    let mut wanted: Vec<(Identity, usize, usize)> = Vec::new();
    for (object, file, offset) in objects.values() {
        match object {
            AnyObject::Key(key) if key.constraint == KeyType::Primary => {
                let columns = key
                    .columns
                    .iter()
                    .map(|column| named(Kind::NotNull, [&key.schema, &key.table, column]));
                wanted.extend(columns.map(|identity| (identity, *file, *offset)));
            }
            AnyObject::ColumnIdentity(identity) => {
                let path = [identity.schema.as_str(), &identity.table, &identity.column];
                wanted.push((named(Kind::NotNull, path), *file, *offset));
            }
            _ => {}
        }
    }
    for (identity, file, offset) in wanted {
        let [schema, table, column] = identity.path.as_slice() else {
            continue;
        };
        let not_null = AnyObject::from(NotNull {
            schema: schema.to_string(),
            table: table.to_string(),
            column: column.to_string(),
            name: None,
            no_inherit: false,
            valid: true,
            local: true,
            parents: Vec::new(),
        });
        objects.entry(identity).or_insert((not_null, file, offset));
    }
}

/// Fills in where keys and indexes of partitions are attached.
fn attach(objects: &mut Placed) -> Result<(), (usize, Complaint)> {
    let partitions: BTreeMap<(String, String), (String, String)> = objects
        .values()
        .filter_map(|(object, ..)| match object {
            AnyObject::Partition(partition) => Some((
                (partition.schema.clone(), partition.table.clone()),
                (partition.parent_schema.clone(), partition.parent_table.clone()),
            )),
            _ => None,
        })
        .collect();
    let parent = |schema: &String, table: &String, file: usize, offset: usize| {
        partitions
            .get(&(schema.clone(), table.clone()))
            .cloned()
            .ok_or_else(|| {
                let message = format!("`attached_to` on `{table}`, which is no partition");
                (
                    file,
                    Complaint::new(offset, message).hint("Remove the key, or say what the table is a partition of."),
                )
            })
    };
    let keys: BTreeSet<Identity> = objects
        .keys()
        .filter(|identity| identity.kind == Kind::Key)
        .cloned()
        .collect();
    for (object, file, offset) in objects.values_mut() {
        match object {
            AnyObject::IndexAttachment(found) if found.parent_table.is_empty() => {
                let found = Arc::make_mut(found);
                let (schema, table) = parent(&found.schema, &found.table, *file, *offset)?;
                found.parent_of_key = keys.contains(&named(Kind::Key, [&schema, &table, &found.parent_name]));
                (found.parent_schema, found.parent_table) = (schema, table);
            }
            AnyObject::Index(index) => {
                let index = Arc::make_mut(index);
                if let Some((schema, _)) = index.inherits.as_mut().filter(|(schema, _)| schema.is_empty()) {
                    *schema = parent(&index.schema, &index.table, *file, *offset)?.0;
                }
            }
            AnyObject::Key(key) => {
                let key = Arc::make_mut(key);
                if let Some(inherits) = key.inherits.as_mut().filter(|inherits| inherits.schema.is_empty()) {
                    (inherits.schema, inherits.table) = parent(&key.schema, &key.table, *file, *offset)?;
                    let path = [&*inherits.schema, &inherits.table, &inherits.name];
                    inherits.of_key = keys.contains(&named(Kind::Key, path));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Fills in what objects know of others: the key behind a foreign key or a replica identity, partitioned tables.
fn refer(objects: &mut Placed) {
    let keys: Vec<Key> = objects
        .values()
        .filter_map(|(object, ..)| match object {
            AnyObject::Key(key) => Some(Key::clone(key)),
            _ => None,
        })
        .collect();
    let mut by_table: BTreeMap<(&str, &str), Vec<&Key>> = BTreeMap::new();
    for key in &keys {
        by_table.entry((&key.schema, &key.table)).or_default().push(key);
    }
    let partitioned: Vec<Identity> = objects
        .values()
        .filter_map(|(object, ..)| match object {
            AnyObject::Table(table) if table.partition_key.is_some() => Some(object.identity()),
            _ => None,
        })
        .collect();
    for (object, ..) in objects.values_mut() {
        match object {
            AnyObject::ForeignKey(foreign) => {
                let foreign = Arc::make_mut(foreign);
                let of_table = by_table.get(&(foreign.referenced_schema.as_str(), foreign.referenced_table.as_str()));
                let found = of_table
                    .into_iter()
                    .flatten()
                    .find(|key| match foreign.referenced_columns.as_slice() {
                        [] => key.constraint == KeyType::Primary,
                        columns => key.columns == columns,
                    });
                if let Some(key) = found {
                    foreign.referenced_index.clone_from(&key.name);
                }
            }
            AnyObject::ReplicaIdentity(identity) => {
                let identity = Arc::make_mut(identity);
                if let ReplicaIdentityChoice::Index { name, of_key } = &mut identity.choice {
                    let of_table = by_table.get(&(identity.schema.as_str(), identity.table.as_str()));
                    *of_key = of_table.into_iter().flatten().any(|key| key.name == *name);
                }
            }
            AnyObject::Index(index) => {
                let index = Arc::make_mut(index);
                let table = Identity::new(Kind::Table, [&index.schema, &index.table]);
                index.partitioned = partitioned.binary_search(&table).is_ok();
            }
            _ => {}
        }
    }
}
