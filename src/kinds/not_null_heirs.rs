//! Not-null constraints below others: what happens to those of partitions and heirs when that of the table above comes or
//! goes. PostgreSQL merges the two when the upper one comes, under the lower one's name, and takes the lower one along
//! when the upper one goes, unless it is the table's own.

use super::{AnyObject, Context, Kind, NotNull, Object, Statement, Table, partitioning, sql};
use crate::catalog::{Catalog, Identity};

/// The constraint of a table that is below another one throughout the plan.
struct Heir<'a> {
    live: Option<&'a NotNull>,
    desired: Option<&'a NotNull>,
}

impl Heir<'_> {
    /// Returns the constraint as it is and as it will be, where it outlives a change above it.
    fn both(&self) -> Option<(&NotNull, &NotNull)> {
        self.live.zip(self.desired)
    }

    /// Tells whether it comes under another name than it would get from the one above it.
    fn is_named_apart(&self, above: &NotNull) -> bool {
        let desired = self.desired.filter(|_| self.live.is_none());
        desired.is_some_and(|desired| desired.constraint_name() != above.constraint_name())
    }

    fn leaving(&self) -> Option<&NotNull> {
        self.live.filter(|_| self.desired.is_none())
    }
}

/// Returns the constraints right below one, and those below them where PostgreSQL goes on: where there was none, or will
/// be none.
fn heirs<'a>(above: &NotNull, context: &Context<'a>) -> Vec<Heir<'a>> {
    if above.no_inherit || !context.stays(&above.column_identity()) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut open = vec![above.table_identity()];
    while let Some(parent) = open.pop() {
        for table in below(&parent, context.to) {
            let [schema, name] = &table.path[..] else { continue };
            if !sql::link_stays(schema, name, context) {
                continue;
            }
            let identity = NotNull::named(schema, name, &above.column);
            let heir = Heir {
                live: find(&identity, context.from),
                desired: find(&identity, context.to),
            };
            if heir.both().is_none() {
                open.push(table);
            }
            out.push(heir);
        }
    }
    out
}

/// Returns the tables right below a table.
fn below(parent: &Identity, catalog: &Catalog) -> Vec<Identity> {
    let partitions = partitioning::partitions(catalog).filter(|partition| partition.is_of(parent));
    let partitions = partitions.map(|partition| Table::named(&partition.schema, &partition.table));
    let heirs = sql::heirs(catalog).filter(|heir| heir.is_of(parent));
    partitions
        .chain(heirs.map(|heir| Table::named(&heir.schema, &heir.table)))
        .collect()
}

fn find<'a>(identity: &Identity, catalog: &'a Catalog) -> Option<&'a NotNull> {
    match catalog.get(identity) {
        Some(AnyObject::NotNull(found)) => Some(found),
        _ => None,
    }
}

/// Returns the constraints of a catalog that one is inherited from.
fn above<'a>(heir: &'a NotNull, catalog: &'a Catalog) -> impl Iterator<Item = &'a NotNull> {
    let parents = heir.parents.iter();
    let all = parents.filter_map(|(schema, table)| find(&NotNull::named(schema, table, &heir.column), catalog));
    all.filter(|above| !above.no_inherit)
}

/// Returns the constraint above one in a catalog; its name is what PostgreSQL gives to one that comes with it.
pub(super) fn source<'a>(heir: &'a NotNull, catalog: &'a Catalog) -> Option<&'a NotNull> {
    above(heir, catalog).next()
}

/// Tells whether a constraint has one above it from the beginning of the plan to its end, so that nothing can be said of
/// it alone.
pub(super) fn is_bound(live: &NotNull, context: &Context) -> bool {
    sql::link_stays(&live.schema, &live.table, context)
        && above(live, context.from).any(|above| {
            find(&above.identity(), context.to)
                .is_some_and(|desired| !desired.no_inherit && !is_remade(above, desired, context))
        })
}

fn is_remade(live: &NotNull, desired: &NotNull, context: &Context) -> bool {
    live.alter(desired, context) == super::Alter::Replace
}

/// Tells whether the change of another constraint says the rename of one: PostgreSQL renames none that has one above it,
/// so that it happens right before that comes, or right after it goes.
pub(super) fn is_renamed_with_source(live: &NotNull, context: &Context) -> bool {
    sql::link_stays(&live.schema, &live.table, context)
        && (source(live, context.from).is_some() || source(live, context.to).is_some())
        && !is_bound(live, context)
}

/// What a drop says around its own statement.
pub(super) struct Around {
    /// Before it.
    pub(super) before: Vec<Statement>,
    /// Whether the statement has to leave those below alone.
    pub(super) only: bool,
    /// After it.
    pub(super) after: Vec<Statement>,
}

/// Returns what keeps the constraints that outlive the one above them, and drops those that would outlive it.
pub(super) fn around_drop(dropped: &NotNull, context: &Context) -> Around {
    let heirs = heirs(dropped, context);
    let identity = dropped.identity();
    let has_another = |desired: &NotNull| above(desired, context.to).any(|above| above.identity() != identity);
    let both = heirs.iter().filter_map(Heir::both);
    let pairs: Vec<_> = both.filter(|(_, desired)| !has_another(desired)).collect();
    let staying: Vec<&NotNull> = pairs.iter().map(|(live, _)| *live).collect();
    let leaving = heirs.iter().filter_map(Heir::leaving);
    if context.version_num >= 180_000 {
        // PostgreSQL also makes the constraint of a partition its own when its primary key takes an index that was
        // built before. Where there is none the statement changes nothing.
        let is_large = context.large(&dropped.table_identity()).is_some();
        let left = leaving.filter(|heir| heir.local || is_large).map(NotNull::drop_alone);
        let renamed = pairs.iter().filter_map(|(live, desired)| live.rename_to(desired));
        return Around {
            before: staying.iter().map(|heir| heir.set()).collect(),
            only: false,
            after: left.chain(renamed).collect(),
        };
    }
    // The flag of a column goes with its parent's, whoever set it; PostgreSQL leaves partitions no choice.
    let is_partitioned = partitioning::is_partitioned(&dropped.schema, &dropped.table, context.from);
    let only = !is_partitioned && !staying.is_empty();
    Around {
        before: Vec::new(),
        only,
        after: if only {
            leaving.map(NotNull::drop_alone).collect()
        } else if is_partitioned {
            staying
                .iter()
                .map(|heir| heir.set().scans(heir.table_identity()))
                .collect()
        } else {
            Vec::new()
        },
    }
}

/// Returns what gives the constraints below a new one their names, which they keep from then on; nothing where there are
/// none. Then the new one needs its name said too: PostgreSQL chooses another one where one below it has it.
pub(super) fn before_create(created: &NotNull, context: &Context) -> Option<Vec<Statement>> {
    if context.version_num < 180_000 {
        return None;
    }
    let heirs = heirs(created, context);
    if !heirs
        .iter()
        .any(|heir| heir.desired.is_some_and(|_| heir.live.is_some()) || heir.is_named_apart(created))
    {
        return None;
    }
    let is_new = !context.from.contains(&created.identity());
    let mut out = Vec::new();
    for heir in heirs {
        match (heir.live, heir.desired) {
            (Some(live), Some(desired)) if is_new && !is_bound(live, context) => out.extend(live.rename_to(desired)),
            (None, Some(desired)) if heir.is_named_apart(created) => {
                out.push(desired.add_alone(desired.valid && context.large(&desired.table_identity()).is_none()));
            }
            _ => {}
        }
    }
    Some(out)
}

/// Completes a desired catalog with the live names that PostgreSQL would not change: a constraint below another one is
/// renamed with that alone, and that only together with all below it, when all have one name.
pub fn complete_not_null_names(desired: &mut Catalog, live: &Catalog) {
    loop {
        let names = unchangeable_names(desired, live);
        if names.is_empty() {
            break;
        }
        for (identity, name) in names {
            if let Some(found) = find(&identity, desired) {
                let kept = NotNull { name, ..found.clone() };
                desired.insert(AnyObject::from(kept));
            }
        }
    }
}

/// Returns constraints whose names will stay the live ones, with those.
fn unchangeable_names(desired: &Catalog, live: &Catalog) -> Vec<(Identity, Option<String>)> {
    let all = desired.objects.range(Identity::new(Kind::NotNull, [""; 0])..);
    let all = all.map_while(|(_, object)| match object {
        AnyObject::NotNull(found) => Some(&**found),
        _ => None,
    });
    let below = all.filter(|heir| !heir.parents.is_empty());
    let unchangeable = below.filter_map(|heir| {
        let before = find(&heir.identity(), live)?;
        above(heir, desired).find_map(|source| {
            let source_before = find(&source.identity(), live)?;
            above(before, live).find(|above| above.identity() == source.identity())?;
            let is_renamed = |live: &NotNull, desired: &NotNull| live.constraint_name() != desired.constraint_name();
            let together = before.constraint_name() == source_before.constraint_name()
                && heir.constraint_name() == source.constraint_name();
            if together {
                None
            } else if is_renamed(before, heir) {
                Some((heir.identity(), before.name.clone()))
            } else if is_renamed(source_before, source) {
                Some((source.identity(), source_before.name.clone()))
            } else {
                None
            }
        })
    });
    unchangeable.collect()
}
