//! Tables that are published: subscribers have no new column, so that it is not published before it has the old one's place.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Context, Kind, PublicationTable, ReplicaIdentityChoice, Statement};
use crate::plan::{Change, Verb};

use super::family;

/// First version that can publish some columns of a table.
const COLUMN_LISTS: i32 = 150_000;

/// Returns the places that a table has in publications.
pub(super) fn places<'a>(table: &Identity, context: &Context<'a>) -> Vec<&'a PublicationTable> {
    let from = Identity::new(Kind::PublicationTable, [""; 0]);
    let all = context.from.objects.range(from..);
    let places = all.map_while(|(_, object)| match object {
        AnyObject::PublicationTable(place) => Some(place.as_ref()),
        _ => None,
    });
    let is_own = |place: &&PublicationTable| table.path[..] == [place.schema.as_str(), place.table.as_str()];
    places.filter(is_own).collect()
}

/// Refuses what is published as a whole, so that a new column would be.
pub(super) fn check(table: &Identity, context: &Context) -> Result<(), String> {
    let name = table.path_text();
    let of_all = context.from.objects.values().any(|object| match object {
        AnyObject::Publication(publication) => publication.all_tables,
        AnyObject::PublicationSchema(published) => published.schema == table.path[0],
        _ => false,
    });
    let places = places(table, context);
    let is_whole = places.iter().any(|place| place.columns.is_none());
    let columns = || own_columns(table, context);
    let sends_all = || {
        context.from.objects.values().any(|object| match object {
            AnyObject::ReplicaIdentity(identity) => {
                table.path[..] == [identity.schema.as_str(), identity.table.as_str()]
                    && identity.choice == ReplicaIdentityChoice::Full
            }
            _ => false,
        })
    };
    let is_part = family::nodes(&family::root(table, context), context).len() > 1;
    let why = if of_all {
        "with all tables, or all of its schema"
    } else if !places.is_empty() && is_part {
        "and partitioned"
    } else if is_whole && context.version_num < COLUMN_LISTS {
        "and PostgreSQL publishes single columns from version 15 on"
    } else if is_whole && (sends_all() || columns().is_none()) {
        "with whole rows or generated columns"
    } else {
        return Ok(());
    };
    Err(format!(
        "{name} is published {why}, and subscribers do not have the new column"
    ))
}

/// Returns the columns of a table, in their order; nothing where one is generated.
fn own_columns(table: &Identity, context: &Context) -> Option<Vec<String>> {
    let all = context.from.objects.values().filter_map(|object| match object {
        AnyObject::Column(column) if column.table_identity() == *table => Some(column),
        _ => None,
    });
    let mut columns: Vec<_> = all.collect();
    columns.sort_by_key(|column| column.position);
    let names = columns
        .into_iter()
        .map(|column| column.generated.is_none().then(|| column.name.clone()));
    names.collect()
}

/// Returns what leaves the publications of a table with the columns that it has now, and what that changes.
pub(super) fn keep_as_it_is(table: &Identity, context: &Context) -> (Vec<Statement>, Vec<Change>) {
    let (mut statements, mut changes) = (Vec::new(), Vec::new());
    let columns = own_columns(table, context);
    for place in places(table, context)
        .into_iter()
        .filter(|place| place.columns.is_none())
    {
        let kept = PublicationTable {
            columns: columns.clone(),
            ..place.clone()
        };
        statements.extend(AnyObject::from(place.clone()).drop(context));
        statements.extend(AnyObject::from(kept).create(context));
        changes.push(Change {
            object: PublicationTable::named(&place.publication, &place.schema, &place.table),
            verb: Verb::Alter,
        });
    }
    (statements, changes)
}
