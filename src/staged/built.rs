//! Keys, indexes and foreign keys that hold columns of a chain, and those that are built beside them and take their places.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{self, Constraint};

use super::chain::{Chain, all};
use super::family;
use super::renamed::{self, Naming};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, list, qualified};
use crate::kinds::{AnyObject, Column, Context, ForeignKey, Index, Key, KeyType, Statement, Table, temporary_name};

/// Returns the keys that hold a column of the chain.
pub(super) fn keys<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a Key> {
    let columns = chain.columns();
    let holds = |key: &&Key| {
        key.columns
            .iter()
            .any(|name| columns.contains(&Column::named(&key.schema, &key.table, name)))
    };
    all::<Key>(context).into_iter().filter(holds).collect()
}

/// Returns what builds the index of a key beside it, and what makes it the key when the old one is gone.
pub(super) fn key_beside(chain: &Chain, key: &Key, context: &Context) -> Result<(Statement, Vec<Statement>), String> {
    let more = || format!("key {} has more to it than columns", key.name);
    if key.constraint == KeyType::Exclusion {
        return Err(format!("{} excludes", key.name));
    }
    if !key.valid {
        return Err(more());
    }
    let said = constraint(&key.definition).filter(|said| !said.without_overlaps);
    let said = said.ok_or_else(more)?;
    let rename = |names: &[protobuf::Node]| -> Vec<String> {
        let names = names.iter().filter_map(name_of);
        names.map(|name| chain.name(&key.schema, &key.table, &name)).collect()
    };
    let (columns, included) = (rename(&said.keys), rename(&said.including));
    let words = match (key.constraint, said.nulls_not_distinct) {
        (KeyType::Primary, _) => "PRIMARY KEY",
        (_, true) => "UNIQUE NULLS NOT DISTINCT",
        _ => "UNIQUE",
    };
    let mut definition = format!("{words} ({})", list(&columns));
    if !included.is_empty() {
        definition.push_str(&format!(" INCLUDE ({})", list(&included)));
    }
    let beside = Key {
        definition,
        columns,
        inherits: None,
        ..key.clone()
    };
    let mut statements = AnyObject::from(beside).create(context).into_iter();
    let build = statements.next().ok_or_else(more)?;
    Ok((build, statements.collect()))
}

/// Returns a table constraint as PostgreSQL's parser has it.
fn constraint(definition: &str) -> Option<Constraint> {
    let parsed = pg_query::parse(&format!("ALTER TABLE t ADD CONSTRAINT c {definition}"), 0).ok()?;
    let NodeEnum::AlterTableStmt(alter) = parsed.protobuf.stmts.first()?.stmt.as_ref()?.node.as_ref()? else {
        return None;
    };
    let NodeEnum::AlterTableCmd(command) = alter.cmds.first()?.node.as_ref()? else {
        return None;
    };
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::Constraint(constraint) => Some(Constraint::clone(constraint)),
        _ => None,
    }
}

fn name_of(node: &protobuf::Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::String(name) => Some(name.sval.clone()),
        _ => None,
    }
}

/// Returns the indexes that hold a column of the chain.
fn indexes<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a Index> {
    let columns = chain.columns();
    let holds = |index: &Index| {
        let table = Table::named(&index.schema, &index.table);
        if index.on_materialized_view || chain.of_table(&table).next().is_none() {
            return false;
        }
        let identity = Index::named(&index.schema, &index.name);
        let mut on = context.from.dependencies_of(&identity);
        let own = index.columns.iter().flatten().chain(&index.include);
        let mut own = own.map(|name| Column::named(&index.schema, &index.table, name));
        own.any(|column| columns.contains(&column)) || on.any(|on| columns.contains(on))
    };
    let objects: Vec<&'a AnyObject> = context.from.objects.values().collect();
    let indexes = objects.into_iter().filter_map(|object| match object {
        AnyObject::Index(index) => Some(index.as_ref()),
        _ => None,
    });
    indexes.filter(|index| holds(index)).collect()
}

/// Returns the name of the index that takes an index's place.
pub(super) fn index_name(index: &Index) -> String {
    temporary_name(&index.name, "new")
}

/// Returns the indexes that hold a column of the chain, each as it will be when the columns have their other type; nothing for
/// one that only stood for the old one.
///
/// An index is as it shall be in the end, unless that needs columns which are not there yet: then as it is, if it is of columns.
/// Those that are attached to one another are of one form.
pub(super) fn index_forms<'a>(chain: &Chain, context: &Context<'a>) -> Vec<(&'a Index, Option<Index>)> {
    let all = indexes(chain, context);
    let after = |index: &Index| match context.after(&Index::named(&index.schema, &index.name)) {
        Some(AnyObject::Index(after)) if after.table == index.table && after.inherits == index.inherits => {
            Some(after.as_ref())
        }
        _ => None,
    };
    let torn = all.iter().filter(|index| after(index).is_none());
    let torn: BTreeSet<Identity> = torn.map(|index| whole_index(index, context)).collect();
    let forms = all.into_iter().map(|index| {
        let after = after(index).filter(|_| !torn.contains(&whole_index(index, context)));
        let is_of_columns = index.predicate.is_none() && renamed::is_of_columns(&index.keys);
        let form = after
            .filter(|after| renamed_index(chain, after, context).is_some())
            .or(Some(index).filter(|_| is_of_columns));
        (index, form.cloned())
    });
    forms.collect()
}

/// Returns the index of the partitioned table that an index is a part of, on whatever level; any other as it is.
fn whole_index(index: &Index, context: &Context) -> Identity {
    let mut out = index;
    while let Some((schema, name)) = &out.inherits
        && let Some(AnyObject::Index(above)) = context.before(&Index::named(schema, name))
    {
        out = above;
    }
    Index::named(&out.schema, &out.name)
}

/// Builds the index beside that takes an index's place.
pub(super) fn index_beside(chain: &Chain, form: &Index, context: &Context) -> Result<AnyObject, String> {
    let more = || format!("index {} has more to it than columns", form.name);
    if !form.valid {
        return Err(more());
    }
    let mut beside = renamed_index(chain, form, context).ok_or_else(more)?;
    beside.settings.clustered = false;
    beside.inherits = None;
    Ok(AnyObject::from(beside))
}

fn renamed_index(chain: &Chain, index: &Index, context: &Context) -> Option<Index> {
    let naming: Naming = &|name: &str| {
        let column = Column::named(&index.schema, &index.table, name);
        let is_there = context.from.contains(&column);
        is_there.then(|| ident(&chain.name(&index.schema, &index.table, name)))
    };
    let predicate = match &index.predicate {
        Some(predicate) => Some(renamed::expression(predicate, naming)?),
        None => None,
    };
    let include = index.include.iter();
    Some(Index {
        name: index_name(index),
        keys: renamed::keys(&index.keys, naming)?,
        include: include
            .map(|name| chain.name(&index.schema, &index.table, name))
            .collect(),
        predicate,
        ..index.clone()
    })
}

/// Returns the foreign keys from or to a column of the chain.
pub(super) fn foreign_keys<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a ForeignKey> {
    let holds = |key: &&ForeignKey| {
        pairs(key)
            .flat_map(|(own, referenced)| [own, referenced])
            .any(|column| chain.member(&column).is_some())
    };
    all::<ForeignKey>(context).into_iter().filter(holds).collect()
}

fn pairs(key: &ForeignKey) -> impl Iterator<Item = (Identity, Identity)> {
    let own = key.columns.iter();
    let pairs = own.zip(&key.referenced_columns).map(|(own, referenced)| {
        (
            Column::named(&key.schema, &key.table, own),
            Column::named(&key.referenced_schema, &key.referenced_table, referenced),
        )
    });
    pairs.collect::<Vec<_>>().into_iter()
}

/// Returns those of the foreign keys that can be had over the columns as they will be.
pub(super) fn kept_foreign_keys<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a ForeignKey> {
    let mut out = foreign_keys(chain, context);
    out.retain(|key| is_kept(chain, key, context));
    out
}

/// Tells whether a foreign key can be had over the columns as they will be. One that goes need not.
pub(super) fn is_kept(chain: &Chain, key: &ForeignKey, context: &Context) -> bool {
    let will_be = |column: &Identity| match chain.member(column) {
        Some(member) => Some(member.after.data_type.clone()),
        None => match context.before(column) {
            Some(AnyObject::Column(column)) => Some(column.data_type.clone()),
            _ => None,
        },
    };
    let identity = ForeignKey::named(&key.schema, &key.table, &key.name);
    context.after(&identity).is_some() || pairs(key).all(|(own, referenced)| will_be(&own) == will_be(&referenced))
}

/// Returns the name of the foreign key that takes a foreign key's place.
pub(super) fn foreign_key_name(name: &str) -> String {
    temporary_name(name, "new")
}

/// Returns the foreign keys beside that take a foreign key's place, with the names that they get: on a partitioned table
/// one for each table that has rows, since PostgreSQL takes what each has for its own.
pub(super) fn foreign_keys_beside(
    chain: &Chain,
    key: &ForeignKey,
    context: &Context,
) -> Result<Vec<(AnyObject, String)>, String> {
    if key.inherited.is_some() {
        return Ok(Vec::new());
    }
    let table = Table::named(&key.schema, &key.table);
    let more = || format!("foreign key {} has more to it than columns", key.name);
    if family::is_partitioned(&table, context) && !(key.valid && key.enforced) {
        return Err(more());
    }
    let leaves = family::leaves(&table, context).into_iter();
    let own = leaves.map(|leaf| {
        if leaf == table {
            return Ok((renamed_key(chain, key).ok_or_else(more)?, key.own_name.clone()));
        }
        let identity = ForeignKey::named(&leaf.path[0], &leaf.path[1], &key.name);
        let Some(AnyObject::ForeignKey(own)) = context.before(&identity) else {
            return Err(more());
        };
        Ok((renamed_key(chain, own).ok_or_else(more)?, own.own_name.clone()))
    });
    own.collect()
}

fn renamed_key(chain: &Chain, key: &ForeignKey) -> Option<AnyObject> {
    let (columns, referenced) = (list(&key.columns), list(&key.referenced_columns));
    let to = qualified([&key.referenced_schema, &key.referenced_table]);
    let head = format!("FOREIGN KEY ({columns}) REFERENCES {to}({referenced})");
    let mut rest = key.definition.strip_prefix(&head)?.to_owned();
    let name_own = |name: &String| chain.name(&key.schema, &key.table, name);
    if rest.contains('(') {
        // Of several columns only some may be emptied.
        let said = constraint(&key.definition)?;
        let emptied: Vec<String> = said.fk_del_set_cols.iter().filter_map(name_of).collect();
        let new: Vec<String> = emptied.iter().map(name_own).collect();
        rest = rest.replace(&format!("({})", list(&emptied)), &format!("({})", list(&new)));
    }
    let own: Vec<String> = key.columns.iter().map(name_own).collect();
    let others = key.referenced_columns.iter();
    let others: Vec<String> = others
        .map(|name| chain.name(&key.referenced_schema, &key.referenced_table, name))
        .collect();
    let name = foreign_key_name(&key.own_name);
    Some(AnyObject::from(ForeignKey {
        definition: format!("FOREIGN KEY ({}) REFERENCES {to}({}){rest}", list(&own), list(&others)),
        columns: own,
        referenced_columns: others,
        own_name: name.clone(),
        name,
        inherited: None,
        ..key.clone()
    }))
}
