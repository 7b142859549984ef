//! The part of the catalog query of indexes that puts their keys into words, as `pg_get_indexdef()` for each costs more
//! than all the rest.

/// Text of one key column `a` with operator class `o`: as `pg_get_indexdef()` writes it under an empty search path. An
/// operator class is left out where PostgreSQL would choose it: the one of exactly the column's type, else the one of a
/// preferred or polymorphic type that the column's type stands in for.
const KEY: &str = "pg_catalog.quote_ident(a.attname)
    || CASE WHEN k.coll <> 0 AND k.coll <> a.attcollation THEN l.words ELSE '' END
    || CASE WHEN ia.attoptions IS NULL AND o.opcdefault AND (o.opcintype = b.base OR (o.stands_in AND NOT EXISTS (
                SELECT 1 FROM pg_catalog.pg_opclass e
                WHERE e.opcmethod = o.opcmethod AND e.opcdefault AND e.opcintype = b.base))) THEN ''
            ELSE o.words END
    || CASE WHEN ia.attoptions IS NOT NULL THEN (
            SELECT ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(p.name) || '='
                           || CASE WHEN pg_catalog.quote_ident(p.value) = p.value THEN p.value
                                   ELSE pg_catalog.quote_literal(p.value) END, ', ') || ')'
            FROM (SELECT pg_catalog.split_part(x, '=', 1) AS name,
                         pg_catalog.substr(x, pg_catalog.strpos(x, '=') + 1) AS value
                  FROM pg_catalog.unnest(ia.attoptions) x) p) ELSE '' END
    || CASE k.opt & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST' WHEN 3 THEN ' DESC' ELSE '' END";

/// Sub-queries `o` and `l` that [`subquery`] needs. Operator classes and collations are put into words once each, not once for each column.
pub(super) const WORDS: &str = "o AS MATERIALIZED (
        SELECT o.oid, o.opcmethod, o.opcintype, o.opcdefault, (t.typispreferred OR t.typtype = 'p') AS stands_in,
               ' ' || CASE WHEN n.nspname <> 'pg_catalog' THEN pg_catalog.quote_ident(n.nspname) || '.' ELSE '' END
                   || pg_catalog.quote_ident(o.opcname) AS words
        FROM pg_catalog.pg_opclass o
        JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
        JOIN pg_catalog.pg_type t ON t.oid = o.opcintype),
    l AS MATERIALIZED (
        SELECT l.oid, ' COLLATE ' || CASE WHEN n.nspname <> 'pg_catalog' THEN pg_catalog.quote_ident(n.nspname) || '.' ELSE '' END
                      || pg_catalog.quote_ident(l.collname) AS words
        FROM pg_catalog.pg_collation l
        JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace)";

/// Condition that an index `i` belongs to no constraint; `conindid` has no index.
pub(super) const OF_NO_CONSTRAINT: &str = "i.indexrelid NOT IN (SELECT k.conindid FROM pg_catalog.pg_constraint k
                                   WHERE k.contype IN ('p', 'u', 'x'))";

/// Returns the query for what an index looks like inside its parentheses. Indexes of primary keys, those of TOAST tables included, are no
/// objects here and need not be looked at. Aggregates take their input in the order of the subquery; an order of their
/// own would sort each index by itself, three times. `OFFSET 0` has columns looked up one by one: the planner, which cannot
/// know how many keys there are, would sort all columns of the database.
pub(super) fn subquery() -> String {
    format!(
        "SELECT x.indexrelid, pg_catalog.string_agg(x.text, ', ') FILTER (WHERE x.is_key) AS keys,
                pg_catalog.array_agg(x.name) FILTER (WHERE x.is_key) AS columns,
                pg_catalog.array_agg(x.name) FILTER (WHERE NOT x.is_key) AS include
         FROM (
         SELECT i.indexrelid, k.ord <= i.indnkeyatts AS is_key, a.attname::text AS name, {KEY} AS text
         FROM pg_catalog.pg_index i
         CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::oid[]),
                      pg_catalog.unnest(i.indcollation::oid[]), pg_catalog.unnest(i.indoption::int2[]))
             WITH ORDINALITY AS k (attnum, opclass, coll, opt, ord)
         LEFT JOIN LATERAL (SELECT a.attname, a.attcollation, a.atttypid FROM pg_catalog.pg_attribute a
                            WHERE a.attrelid = i.indrelid AND a.attnum = k.attnum OFFSET 0) a ON true
         LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS base) b
         LEFT JOIN o ON o.oid = k.opclass
         LEFT JOIN l ON l.oid = k.coll
         LEFT JOIN LATERAL (SELECT ia.attoptions FROM pg_catalog.pg_attribute ia
                            WHERE ia.attrelid = i.indexrelid AND ia.attnum = k.ord OFFSET 0) ia ON true
         WHERE i.indexrelid >= 16384 AND NOT i.indisprimary AND {OF_NO_CONSTRAINT}
         ORDER BY i.indexrelid, k.ord) x
         GROUP BY x.indexrelid"
    )
}
