//! Settings of an index that `ALTER` can change: parameters, tablespace, clustering, statistics targets. Those of a
//! constraint's index are the same.

use serde::{Deserialize, Serialize};

use super::{AnyObject, Context, Kind, Lock, Row, Statement, options, partitioning};
use crate::catalog::{
    Catalog, Identity,
    quote::{ident, qualified},
};
use crate::error::Result;

/// Settings of an index.
#[derive(Debug, Clone, Default, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSettings {
    /// Storage parameters as `name=value`, in the order in which they were set, which is no difference.
    pub options: Vec<String>,
    /// Tablespace when it is not the database's.
    pub tablespace: Option<String>,
    /// Whether `CLUSTER` without a name uses the index.
    pub clustered: bool,
    /// Statistics targets of expression columns: place in the index, target.
    pub statistics: Vec<(i32, i32)>,
}

/// The index that settings belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Schema of the relation and of the index.
    pub(super) schema: &'a str,
    /// Relation.
    pub(super) relation: &'a str,
    /// Index.
    pub(super) index: &'a str,
    /// Kind of the relation in SQL.
    pub(super) word: &'static str,
    /// Identity of the relation.
    pub(super) relation_identity: &'a Identity,
    /// Whether the relation is partitioned, so that the index has no storage.
    pub(super) is_partitioned: bool,
}

/// Columns of a query over `pg_index i` and its `pg_class ic`.
pub(super) const COLUMNS: &str = "ic.reloptions, its.spcname AS tablespace, i.indisclustered AS clustered,
     st.numbers AS statistics_numbers, st.targets AS statistics_targets";

/// Joins that [`COLUMNS`] need.
pub(super) const JOINS: &str = "LEFT JOIN pg_catalog.pg_tablespace its ON its.oid = ic.reltablespace
     LEFT JOIN LATERAL (SELECT array_agg(s.attnum::int4 ORDER BY s.attnum) AS numbers,
                               array_agg(s.attstattarget::int4 ORDER BY s.attnum) AS targets
                        FROM pg_catalog.pg_attribute s
                        WHERE s.attrelid = ic.oid AND s.attstattarget >= 0 AND s.attnum > 0 AND i.indexprs IS NOT NULL) st ON true";

impl PartialEq for IndexSettings {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            options: own_options,
            tablespace,
            clustered,
            statistics,
        } = self;
        options::changes(own_options, &other.options).is_empty()
            && *tablespace == other.tablespace
            && *clustered == other.clustered
            && *statistics == other.statistics
    }
}

impl IndexSettings {
    /// Returns the settings without the order of parameters.
    pub(super) fn significant(mut self) -> Self {
        self.options.sort();
        self
    }

    /// Reads [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self> {
        let numbers: Option<Vec<i32>> = row.try_get("statistics_numbers")?;
        let targets: Option<Vec<i32>> = row.try_get("statistics_targets")?;
        Ok(Self {
            options: row.try_get::<_, Option<_>>("reloptions")?.unwrap_or_default(),
            tablespace: row.try_get("tablespace")?,
            clustered: row.try_get("clustered")?,
            statistics: numbers
                .unwrap_or_default()
                .into_iter()
                .zip(targets.unwrap_or_default())
                .collect(),
        })
    }

    /// Returns the statements behind the creation of the index, for what its declaration cannot say.
    pub(super) fn after_create(&self, place: Place) -> Vec<Statement> {
        let mut out = Vec::new();
        if self.clustered {
            out.push(place.cluster());
        }
        out.extend(Self::default().statistics_changes(self, place));
        out
    }

    /// Returns the statements that change the settings in place; `None` when PostgreSQL has none.
    pub(super) fn changes(&self, desired: &Self, place: Place, context: &Context) -> Option<Vec<Statement>> {
        let Self {
            options,
            tablespace,
            clustered,
            statistics: _,
        } = self;
        let mut out = Vec::new();
        let options = options::changes(options, &desired.options);
        if place.is_partitioned && !options.is_empty() {
            return None;
        }
        out.extend(
            options
                .iter()
                .map(|change| place.alter(change, Lock::ShareUpdateExclusive)),
        );
        if *tablespace != desired.tablespace {
            let space = desired.tablespace.as_deref().unwrap_or("pg_default");
            let set = place.alter(&format!("SET TABLESPACE {}", ident(space)), Lock::AccessExclusive);
            out.push(if place.is_partitioned {
                set
            } else {
                set.rewrites(place.relation_identity.clone())
            });
        }
        if *clustered && !desired.clustered && !place.another_is_clustered(context.to) {
            out.push(place.relation_action("SET WITHOUT CLUSTER"));
        }
        if !*clustered && desired.clustered {
            out.push(place.cluster());
        }
        out.extend(self.statistics_changes(desired, place));
        Some(out)
    }

    fn statistics_changes(&self, desired: &Self, place: Place) -> Vec<Statement> {
        let target = |settings: &Self, number: i32| {
            let found = settings.statistics.iter().find(|(at, _)| *at == number);
            found.map_or(-1, |(_, target)| *target)
        };
        let mut numbers: Vec<i32> = self
            .statistics
            .iter()
            .chain(&desired.statistics)
            .map(|(at, _)| *at)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
            .into_iter()
            .filter(|number| target(self, *number) != target(desired, *number))
            .map(|number| {
                let action = format!("ALTER COLUMN {number} SET STATISTICS {}", target(desired, number));
                place.alter(&action, Lock::ShareUpdateExclusive)
            })
            .collect()
    }
}

impl Place<'_> {
    fn alter(&self, action: &str, lock: Lock) -> Statement {
        Statement::new(format!("ALTER INDEX {} {action}", qualified([self.schema, self.index])))
            .locks(self.relation_identity.clone(), lock)
    }

    fn relation_action(&self, action: &str) -> Statement {
        let relation = qualified([self.schema, self.relation]);
        Statement::new(format!("ALTER {} {relation} {action}", self.word))
            .locks(self.relation_identity.clone(), Lock::ShareUpdateExclusive)
    }

    fn cluster(&self) -> Statement {
        self.relation_action(&format!("CLUSTER ON {}", ident(self.index)))
    }

    /// Tells whether the relation is clustered on another index, which takes the mark from this one by itself.
    fn another_is_clustered(&self, catalog: &Catalog) -> bool {
        let keys = partitioning::within(catalog, Kind::Key, self.schema, self.relation);
        let on_key = |object: &AnyObject| matches!(object, AnyObject::Key(key) if key.settings.clustered);
        let indexes = catalog.objects.range(Identity::new(Kind::Index, [self.schema])..);
        keys.into_iter().any(|(_, object)| on_key(object))
            || indexes
                .map_while(|(_, object)| match object {
                    AnyObject::Index(index) if index.schema == self.schema => Some(index),
                    _ => None,
                })
                .any(|index| index.table == self.relation && index.settings.clustered)
    }
}
