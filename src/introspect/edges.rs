//! What is read beside the objects: dependency edges, addresses that stand for other addresses, and casts.

use postgres::Row;

use crate::catalog::{Address, Addresses, Catalog, Part};
use crate::error::Result;
use crate::kinds::{KEY_WORDS, KeyWords, Present};

/// A query that belongs to no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    /// Operator classes and collations that indexes name.
    KeyWords,
    /// Addresses that stand for others: row types, array types, rewrite rules, constraint indexes and so on.
    Aliases,
    /// `pg_depend`.
    Dependencies,
    /// `pg_cast`.
    Casts,
    /// Objects of kinds that are not modelled.
    Unmodelled,
}

impl Query {
    pub(super) const ALL: &'static [Self] = &[
        Self::KeyWords,
        Self::Aliases,
        Self::Dependencies,
        Self::Casts,
        Self::Unmodelled,
    ];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::KeyWords => "operator classes",
            Self::Aliases => "aliases",
            Self::Dependencies => "dependencies",
            Self::Casts => "casts",
            Self::Unmodelled => "what is not modelled",
        }
    }

    /// Tells whether each row is two addresses.
    fn gives_pairs(self) -> bool {
        matches!(self, Self::Aliases | Self::Dependencies)
    }

    pub(super) fn weight(self) -> i8 {
        match self {
            Self::Dependencies => 8,
            Self::Aliases => 6,
            Self::KeyWords | Self::Casts | Self::Unmodelled => 1,
        }
    }

    pub(super) fn sql(self, present: &Present) -> String {
        match self {
            Self::Unmodelled => super::unmodelled::query(present),
            Self::KeyWords => KEY_WORDS.to_owned(),
            Self::Aliases => ALIASES.to_owned(),
            // Below 16384 stand the objects of initdb, which are never dropped. What a sequence depends on by ownership
            // is an object of its own (sequence ownership), or a part of an identity column. A base type and its functions
            // depend on each other: the functions need its shell only (sub-object -1). What stands for an object depends on it
            // internally: the triggers of a foreign key, row and array types, the index of a constraint.
            Self::Dependencies => "SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid,
                        CASE WHEN d.classid = 1255 AND d.refclassid = 1247
                                  AND EXISTS (SELECT 1 FROM pg_catalog.pg_depend b
                                              WHERE b.classid = 1247 AND b.objid = d.refobjid AND b.refclassid = 1255
                                                AND b.refobjid = d.objid) THEN -1 ELSE d.refobjsubid END
                 FROM pg_catalog.pg_depend d
                 WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype <> 'e'
                   AND NOT (d.deptype = 'i' AND (d.classid = 1247 OR (d.classid IN (1259, 2620) AND d.refclassid = 2606)))
                   AND NOT (d.classid = 1259 AND d.objsubid = 0 AND d.refclassid = 1259 AND d.refobjsubid > 0
                            AND d.deptype IN ('a', 'i')
                            AND EXISTS (SELECT 1 FROM pg_catalog.pg_sequence s WHERE s.seqrelid = d.objid))"
                .to_owned(),
            Self::Casts => {
                "SELECT pg_catalog.format_type(k.castsource, NULL), pg_catalog.format_type(k.casttarget, NULL),
                        k.castcontext::text
                 FROM pg_catalog.pg_cast k"
                    .to_owned()
            }
        }
    }
}

/// Each row: an address, and the address that it stands for. The order matters where one alias leads to another: row
/// types before arrays of them.
const ALIASES: &str = "
SELECT q.class, q.oid, q.sub, q.to_class, q.to_oid, q.to_sub FROM (
    SELECT 1 AS step, 1247::oid AS class, t.oid, 0 AS sub, 1259::oid AS to_class, t.typrelid AS to_oid, 0 AS to_sub
    FROM pg_catalog.pg_type t WHERE t.typrelid >= 16384
  UNION ALL
    SELECT 1, 1259, t.typrelid, 0, 1247, t.oid, 0 FROM pg_catalog.pg_type t WHERE t.typrelid >= 16384
  UNION ALL
    SELECT 1, 1247, r.rngmultitypid, 0, 1247, r.rngtypid, 0 FROM pg_catalog.pg_range r WHERE r.rngtypid >= 16384
  UNION ALL
    SELECT 1, 2618, r.oid, 0, 1259, r.ev_class, 0 FROM pg_catalog.pg_rewrite r
    WHERE r.oid >= 16384 AND r.rulename = '_RETURN'
  UNION ALL
    SELECT 1, 2604, d.oid, 0, 1259, d.adrelid, d.adnum::int4 FROM pg_catalog.pg_attrdef d WHERE d.oid >= 16384
  UNION ALL
    SELECT 1, 1259, k.conindid, 0, 2606, k.oid, 0 FROM pg_catalog.pg_constraint k
    WHERE k.oid >= 16384 AND k.contype IN ('p', 'u', 'x')
  UNION ALL
    SELECT 1, 2606, k.oid, 0, 2606, k.conparentid, 0 FROM pg_catalog.pg_constraint k WHERE k.conparentid <> 0
  UNION ALL
    SELECT 1, 2620, t.oid, 0, 2620, t.tgparentid, 0 FROM pg_catalog.pg_trigger t WHERE t.tgparentid <> 0
  UNION ALL
    SELECT 1, 1259, d.objid, 0, 1259, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
    WHERE d.classid = 1259 AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype = 'i'
  UNION ALL
    SELECT 1, d.classid, d.objid, d.objsubid, 3079, d.refobjid, 0 FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'e' AND d.refclassid = 3079
  UNION ALL
    SELECT 1, d.classid, d.objid, 0, d.refclassid, d.refobjid, 0 FROM pg_catalog.pg_depend d
    WHERE d.classid IN (2602, 2603) AND d.refclassid IN (2616, 2753) AND d.objid >= 16384
  UNION ALL
    SELECT 2, 1247, t.oid, 0, 1247, t.typelem, 0 FROM pg_catalog.pg_type t
    WHERE t.oid >= 16384 AND t.typelem >= 16384 AND t.typcategory = 'A'
) q ORDER BY q.step";

/// Takes in what keys of indexes are said with.
pub(super) fn note(raw: &Raw, addresses: &mut Addresses) -> Result<()> {
    addresses.note_words(KeyWords::read(raw.rows(Query::KeyWords))?);
    Ok(())
}

/// What the queries gave, the many in a small form.
#[derive(Default)]
pub(super) struct Raw {
    pairs: Vec<(Query, Vec<(Address, Address)>)>,
    rows: Vec<(Query, Vec<Row>)>,
}

impl Raw {
    /// Reads the rows of a query.
    pub(super) fn read(query: Query, rows: Vec<Row>) -> Result<Self> {
        let mut out = Self::default();
        if query.gives_pairs() {
            let mut pairs = Vec::new();
            for row in rows {
                let from = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                pairs.push((from, (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?)));
            }
            out.pairs.push((query, pairs));
        } else {
            out.rows.push((query, rows));
        }
        Ok(out)
    }

    /// Takes in what another query gave.
    pub(super) fn add(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.rows.extend(other.rows);
    }

    fn pairs(&self, query: Query) -> impl Iterator<Item = &(Address, Address)> {
        self.pairs
            .iter()
            .filter(move |(of, _)| *of == query)
            .flat_map(|(_, pairs)| pairs)
    }

    fn rows(&self, query: Query) -> &[Row] {
        self.rows
            .iter()
            .find(|(of, _)| *of == query)
            .map_or(&[], |(_, rows)| rows)
    }
}

/// Records what addresses stand for others.
pub(super) fn alias(raw: &Raw, addresses: &mut Addresses) {
    for (address, target) in raw.pairs(Query::Aliases) {
        addresses.alias(*address, *target);
    }
}

/// Adds what the server says of dependencies to the objects.
pub(super) fn depend(raw: &Raw, addresses: &Addresses, parts: &mut [Part]) {
    for (dependent, on) in raw.pairs(Query::Dependencies) {
        let (dependent, on) = (addresses.locate(*dependent), addresses.locate(*on));
        if let (Some((_, dependent)), Some((identity, on))) = (dependent, on)
            && dependent != on
            && let Some(part) = parts.get_mut(dependent)
        {
            part.edges.insert(identity.clone());
        }
    }
}

/// Adds casts, and what is not modelled.
pub(super) fn finish(raw: &Raw, catalog: &mut Catalog) -> Result<()> {
    for row in raw.rows(Query::Unmodelled) {
        catalog.unmodelled.insert((row.try_get(0)?, row.try_get(1)?));
    }
    for row in raw.rows(Query::Casts) {
        let context: String = row.try_get(2)?;
        catalog.casts.insert(
            (row.try_get(0)?, row.try_get(1)?),
            context.chars().next().unwrap_or('e'),
        );
    }
    Ok(())
}
