//! What depends on the columns of a chain, and the state behind its stages.

use std::collections::BTreeSet;

use super::built;
use super::chain::Chain;
use super::{family, once, published};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Column, Context, ForeignKey, Index, Key, Kind, PublicationTable};

/// Kinds that are dropped before the swap and created again behind it, in its transaction.
const REMADE: [Kind; 10] = [
    Kind::View,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::Statistics,
    Kind::Function,
    Kind::Procedure,
    Kind::ReplicaIdentity,
    Kind::PublicationTable,
];

/// Kinds that are a part of a column, or only hold while it is what it is.
pub(super) const OF_COLUMNS: [Kind; 4] = [
    Kind::ColumnDefault,
    Kind::ColumnIdentity,
    Kind::SequenceOwner,
    Kind::Check,
];

/// Kinds that say something about another object.
const ATTACHED: [Kind; 3] = [Kind::Comment, Kind::Privilege, Kind::Owner];

/// What depends on the columns of a chain.
pub(super) struct Dependents {
    /// What the swap gives a new form itself.
    pub(super) own: BTreeSet<Identity>,
    /// Indexes and foreign keys among those that only stood for the old columns, and go with them.
    pub(super) leaving: BTreeSet<Identity>,
    /// Indexes in the form that they will have.
    pub(super) indexes: Vec<Index>,
    /// What is said about those that stay.
    pub(super) said: Vec<Identity>,
    /// What is dropped and created again.
    pub(super) remade: BTreeSet<Identity>,
}

/// Keys, indexes and foreign keys of a chain.
struct Built {
    /// All of them.
    own: BTreeSet<Identity>,
    /// Those that go with the old columns.
    leaving: BTreeSet<Identity>,
    /// Indexes that stay, in the form that they will have.
    indexes: Vec<Index>,
}

fn built_of(chain: &Chain, context: &Context) -> Built {
    let mut own: BTreeSet<Identity> = BTreeSet::new();
    let (mut leaving, mut indexes) = (BTreeSet::new(), Vec::new());
    own.extend(
        built::keys(chain, context)
            .iter()
            .map(|key| Key::named(&key.schema, &key.table, &key.name)),
    );
    for (index, form) in built::index_forms(chain, context) {
        let identity = Index::named(&index.schema, &index.name);
        own.insert(identity.clone());
        match form {
            Some(form) => indexes.push(form),
            None => _ = leaving.insert(identity),
        }
    }
    for key in built::foreign_keys(chain, context) {
        let identity = ForeignKey::named(&key.schema, &key.table, &key.name);
        if !built::is_kept(chain, key, context) {
            leaving.insert(identity.clone());
        }
        own.insert(identity);
    }
    Built { own, leaving, indexes }
}

/// Finds what depends on the columns of a chain.
///
/// # Errors
///
/// Says what stands in the way of the stages.
pub(super) fn dependents(chain: &Chain, context: &Context) -> Result<Dependents, String> {
    let Built {
        mut own,
        mut leaving,
        indexes,
    } = built_of(chain, context);
    let all = context.from.dependents();
    let columns = chain.columns();
    let mut direct: BTreeSet<Identity> = BTreeSet::new();
    for object in columns.iter().chain(&own) {
        direct.extend(
            all.get(object)
                .into_iter()
                .flatten()
                .map(|dependent| (*dependent).clone()),
        );
    }
    for (identity, object) in &context.from.objects {
        if object
            .parent()
            .is_some_and(|parent| columns.contains(&parent) || own.contains(&parent))
        {
            direct.insert(identity.clone());
        }
    }
    let (mut said, mut open) = (Vec::new(), Vec::new());
    for identity in direct {
        match identity.kind {
            Kind::NotNull | Kind::ColumnDefault | Kind::ColumnIdentity | Kind::SequenceOwner | Kind::Check => {
                own.insert(identity);
            }
            Kind::IndexAttachment => {
                let index = context.before(&identity).and_then(AnyObject::parent);
                if index.is_some_and(|index| leaving.contains(&index)) {
                    leaving.insert(identity.clone());
                }
                own.insert(identity);
            }
            Kind::Key | Kind::Index | Kind::ForeignKey if own.contains(&identity) => {}
            kind if ATTACHED.contains(&kind) => said.push(identity),
            _ => open.push(identity),
        }
    }
    for (identity, object) in &context.from.objects {
        let is_of_own = (object.parent()).is_some_and(|parent| own.contains(&parent) && !leaving.contains(&parent));
        if is_of_own && ATTACHED.contains(&identity.kind) {
            said.push(identity.clone());
        }
    }
    // Without them until the new columns have their names.
    let published = chain
        .tables()
        .into_iter()
        .flat_map(|table| published::places(&table, context));
    open.extend(published.map(|place| PublicationTable::named(&place.publication, &place.schema, &place.table)));
    let mut remade = BTreeSet::new();
    while let Some(identity) = open.pop() {
        if columns.contains(&identity) || own.contains(&identity) || !remade.insert(identity.clone()) {
            continue;
        }
        let is_of_view =
            matches!(context.before(&identity), Some(AnyObject::Index(index)) if index.on_materialized_view);
        if !REMADE.contains(&identity.kind) && !ATTACHED.contains(&identity.kind) && !is_of_view {
            return Err(format!("{identity} depends on it"));
        }
        open.extend(
            all.get(&identity)
                .into_iter()
                .flatten()
                .map(|dependent| (*dependent).clone()),
        );
        let parts = context
            .from
            .objects
            .iter()
            .filter(|(_, object)| object.parent().as_ref() == Some(&identity));
        open.extend(parts.map(|(part, _)| part.clone()));
    }
    if !chain.keeps_what_is_said() {
        own.extend(arriving(&columns, context));
    }
    // Said about what is remade: comes back with it.
    let mut said = once(said);
    said.retain(|identity| !remade.contains(identity));
    let is_odd = |identity: &&Identity| match context.before(identity) {
        Some(AnyObject::NotNull(not_null)) => not_null.no_inherit || !not_null.valid,
        _ => false,
    };
    if let Some(odd) = own.iter().find(is_odd) {
        return Err(format!("{odd} has more to it than its condition"));
    }
    Ok(Dependents {
        own,
        leaving,
        indexes,
        said,
        remade,
    })
}

/// Returns where the values of the new columns will come from, which the old columns have nothing of.
fn arriving(columns: &BTreeSet<Identity>, context: &Context) -> Vec<Identity> {
    let of_column = |identity: &&Identity, object: &AnyObject| {
        [Kind::ColumnDefault, Kind::ColumnIdentity].contains(&identity.kind)
            && object.parent().is_some_and(|parent| columns.contains(&parent))
            && context.before(identity).is_none()
    };
    let all = context.to.objects.iter();
    all.filter(|(identity, object)| of_column(identity, object))
        .map(|(identity, _)| identity.clone())
        .collect()
}

/// Returns the state behind the stages: the columns as they will be, everything else as it is.
pub(super) fn reached(chain: &Chain, dependents: &Dependents, context: &Context) -> Catalog {
    let mut out = context.from.clone();
    for member in &chain.members {
        for node in family::nodes(&member.table(), context) {
            let column = Column::named(&node.path[0], &node.path[1], &member.before.name);
            if let Some(after) = context.after(&column) {
                out.remove(&column);
                out.insert(after.clone());
                if let Some(edges) = context.to.dependencies.get(&column) {
                    out.dependencies.insert(column, edges.clone());
                }
            }
        }
    }
    for leaving in &dependents.leaving {
        out.remove(leaving);
    }
    for index in &dependents.indexes {
        out.insert(index.clone().into());
    }
    for identity in &dependents.remade {
        bring(&mut out, identity, context);
    }
    if !chain.keeps_what_is_said() {
        for identity in dependents.own.iter().filter(|own| OF_COLUMNS.contains(&own.kind)) {
            out.remove(identity);
            bring(&mut out, identity, context);
        }
        return out;
    }
    for identity in dependents.own.iter().filter(|own| own.kind == Kind::ColumnIdentity) {
        let (Some(AnyObject::ColumnIdentity(before)), after) = (context.before(identity), context.after(identity))
        else {
            continue;
        };
        let after = match after {
            Some(AnyObject::ColumnIdentity(after)) => after.clone(),
            _ => before.clone(),
        };
        out.insert(AnyObject::ColumnIdentity(after));
    }
    out
}

/// Gives an object the form that it will have, as far as what it needs is there.
fn bring(catalog: &mut Catalog, identity: &Identity, context: &Context) {
    let Some(after) = context.after(identity) else { return };
    if context.to.dependencies_of(identity).all(|on| catalog.contains(on)) {
        catalog.insert(after.clone());
    }
}
