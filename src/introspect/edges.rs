//! What is read beside the objects: dependency edges, addresses that stand for other addresses, and casts.

use std::collections::BTreeMap;

use postgres::Row;

use crate::catalog::{Address, Addresses, Catalog, Part};
use crate::error::Result;
use crate::kinds::{KEY_WORDS, Kind, Present};

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

    pub(super) fn sql(self, present: &Present) -> String {
        match self {
            Self::Unmodelled => super::unmodelled::query(present),
            Self::KeyWords => KEY_WORDS.to_owned(),
            Self::Aliases => ALIASES.to_owned(),
            Self::Dependencies => DEPENDENCIES.to_owned(),
            Self::Casts => {
                "SELECT pg_catalog.format_type(k.castsource, NULL), pg_catalog.format_type(k.casttarget, NULL),
                        k.castcontext::text
                 FROM pg_catalog.pg_cast k"
                    .to_owned()
            }
        }
    }
}

/// Each row: two system catalogs, and arrays of the same length of what of the first depends on what of the second: tens of
/// thousands of rows would cost the client more than finding them costs the server.
///
/// Below 16384 stand the objects of initdb, which are never dropped. What a sequence depends on by ownership is an object of
/// its own (sequence ownership), or a part of an identity column. A base type and its functions depend on each other: the
/// functions need its shell only (sub-object -1). What stands for an object depends on it internally: the triggers of a
/// foreign key, row and array types, the index of a constraint. What names its parent needs no row to depend on it: relations
/// their schema, defaults their column.
const DEPENDENCIES: &str = "
SELECT q.classid, q.refclassid, pg_catalog.array_agg(q.objid), pg_catalog.array_agg(q.objsubid),
       pg_catalog.array_agg(q.refobjid), pg_catalog.array_agg(q.refobjsubid)
FROM (SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid,
             CASE WHEN d.classid = 1255 AND d.refclassid = 1247
                       AND EXISTS (SELECT 1 FROM pg_catalog.pg_depend b
                                   WHERE b.classid = 1247 AND b.objid = d.refobjid AND b.refclassid = 1255
                                     AND b.refobjid = d.objid) THEN -1 ELSE d.refobjsubid END AS refobjsubid
      FROM pg_catalog.pg_depend d
      WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype <> 'e'
        AND NOT (d.deptype = 'i' AND (d.classid = 1247 OR (d.classid IN (1259, 2620) AND d.refclassid = 2606)))
        AND NOT (d.classid = 1259 AND d.refclassid = 2615) AND NOT (d.classid = 2604 AND d.deptype IN ('a', 'i'))
        AND NOT (d.classid = 1259 AND d.objsubid = 0 AND d.refclassid = 1259 AND d.refobjsubid > 0
                 AND d.deptype IN ('a', 'i')
                 AND EXISTS (SELECT 1 FROM pg_catalog.pg_sequence s WHERE s.seqrelid = d.objid))) q
GROUP BY q.classid, q.refclassid";

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
    SELECT 1, 1259, k.conindid, 0, 2606, k.oid, 0 FROM pg_catalog.pg_constraint k
    WHERE k.oid >= 16384 AND k.contype IN ('p', 'u', 'x')
  UNION ALL
    SELECT 1, 2606, k.oid, 0, 2606, k.conparentid, 0 FROM pg_catalog.pg_constraint k WHERE k.conparentid <> 0
  UNION ALL
    SELECT 1, 2620, t.oid, 0, 2620, t.tgparentid, 0 FROM pg_catalog.pg_trigger t WHERE t.tgparentid <> 0
  UNION ALL
    SELECT 1, 1259, d.objid, 0, 1259, d.refobjid, d.refobjsubid FROM pg_catalog.pg_sequence s
    JOIN pg_catalog.pg_depend d ON d.classid = 1259 AND d.objid = s.seqrelid
                               AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype = 'i'
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

/// Reads a row of two addresses.
pub(super) fn pair(row: &Row) -> Result<(Address, Address)> {
    let from = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok((from, (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?)))
}

/// Reads rows of two system catalogs and arrays of addresses.
pub(super) fn pairs(rows: &[Row]) -> Result<Vec<(Address, Address)>> {
    let mut out = Vec::new();
    for row in rows {
        let (class, on): (u32, u32) = (row.try_get(0)?, row.try_get(1)?);
        let (oids, parts): (Vec<u32>, Vec<i32>) = (row.try_get(2)?, row.try_get(3)?);
        let (on_oids, on_parts): (Vec<u32>, Vec<i32>) = (row.try_get(4)?, row.try_get(5)?);
        let dependents = oids.into_iter().zip(parts).map(|(oid, part)| (class, oid, part));
        out.extend(dependents.zip(on_oids.into_iter().zip(on_parts).map(|(oid, part)| (on, oid, part))));
    }
    Ok(out)
}

/// Records what addresses stand for others.
pub(super) fn alias(pairs: &[(Address, Address)], addresses: &mut Addresses) {
    for (address, target) in pairs {
        addresses.alias(*address, *target);
    }
}

/// Adds what the server says of dependencies to the objects.
pub(super) fn depend(pairs: &[(Address, Address)], addresses: &Addresses, parts: &mut BTreeMap<Kind, Vec<Part>>) {
    for (dependent, on) in pairs {
        let (dependent, on) = (addresses.locate(*dependent), addresses.locate(*on));
        if let (Some((dependent, place)), Some((on, _))) = (dependent, on)
            && dependent != on
            && let Some(part) = parts.get_mut(&dependent.kind).and_then(|parts| parts.get_mut(place))
        {
            part.edges.insert(on.clone());
        }
    }
}

/// Adds what is not modelled.
pub(super) fn leave_out(rows: &[Row], catalog: &mut Catalog) -> Result<()> {
    for row in rows {
        catalog.unmodelled.insert((row.try_get(0)?, row.try_get(1)?));
    }
    Ok(())
}

/// Adds casts.
pub(super) fn cast(rows: &[Row], catalog: &mut Catalog) -> Result<()> {
    for row in rows {
        let context: String = row.try_get(2)?;
        let casts = (row.try_get(0)?, row.try_get(1)?);
        catalog.casts.insert(casts, context.chars().next().unwrap_or('e'));
    }
    Ok(())
}
