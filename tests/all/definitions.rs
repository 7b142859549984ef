//! Definitions that are put together from the columns of the catalogs are PostgreSQL's own words.

use std::collections::BTreeMap;

use trueup::kinds::{AnyObject, Index};

use crate::support::{Database, servers};

/// Keys and foreign keys in every form, over names that must be quoted and columns that were dropped.
const TABLES: &str = r#"
    CREATE SCHEMA "Odd schema";
    CREATE TABLE "Odd schema"."Parent" (gone int, "order" int, b text, "c""d" int,
        PRIMARY KEY ("order") INCLUDE (b), CONSTRAINT u UNIQUE (b, "c""d"), CONSTRAINT late UNIQUE (b) DEFERRABLE INITIALLY DEFERRED);
    ALTER TABLE "Odd schema"."Parent" DROP COLUMN gone;
    CREATE UNIQUE INDEX bare ON "Odd schema"."Parent" ("c""d");
    CREATE TABLE child (gone int, a int REFERENCES "Odd schema"."Parent" ON DELETE SET NULL ON UPDATE CASCADE, b text, c int,
        d int CONSTRAINT restricted REFERENCES "Odd schema"."Parent" ("c""d") ON DELETE RESTRICT ON UPDATE SET DEFAULT,
        CONSTRAINT full_match FOREIGN KEY (b, c) REFERENCES "Odd schema"."Parent" (b, "c""d") MATCH FULL,
        CONSTRAINT swapped FOREIGN KEY (c, b) REFERENCES "Odd schema"."Parent" ("c""d", b) DEFERRABLE,
        CONSTRAINT child_key UNIQUE (c, a) WITH (fillfactor = 70));
    ALTER TABLE child DROP COLUMN gone, ADD CONSTRAINT unchecked FOREIGN KEY (c) REFERENCES "Odd schema"."Parent" NOT VALID;
    CREATE TABLE parts (a int, b int, PRIMARY KEY (b, a)) PARTITION BY LIST (b);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
    CREATE TABLE to_parts (a int, b int, FOREIGN KEY (a, b) REFERENCES parts (a, b), EXCLUDE USING btree (a WITH =, (b + 1) WITH =));
"#;

const SINCE_15: &str = "CREATE TABLE since_15 (a int, b int, UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b),
        CONSTRAINT some_columns FOREIGN KEY (a) REFERENCES \"Odd schema\".\"Parent\" ON DELETE SET NULL (a));";

#[test]
fn keys_are_said_as_postgres_says_them() {
    for (major, server) in servers() {
        let database = Database::with(&server, TABLES);
        if major >= 15 {
            database.execute(SINCE_15);
        }
        // Foreign keys that partitions of the referenced table bring along have a parent: PostgreSQL's own business.
        let mut client = database.connect();
        client.batch_execute("SET search_path = ''").unwrap();
        let said: BTreeMap<String, String> = client
            .query(
                "SELECT k.conname::text, pg_catalog.pg_get_constraintdef(k.oid)
                 FROM pg_catalog.pg_constraint k
                 WHERE k.contype IN ('p', 'u', 'f') AND k.conparentid = 0 AND k.conrelid >= 16384",
                &[],
            )
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect();
        let catalog = database.catalog();
        let read = catalog.objects.values().filter_map(|object| match object {
            AnyObject::Key(key) => Some((key.name.clone(), key.definition.clone())),
            AnyObject::ForeignKey(key) => Some((key.own_name.clone(), key.definition.clone())),
            _ => None,
        });
        let read: BTreeMap<String, String> = read.collect();
        assert!(said.len() >= 11, "PostgreSQL {major}: {said:#?}");
        for (name, definition) in said {
            let behind = definition.strip_prefix(&read[&name]);
            let behind =
                behind.unwrap_or_else(|| panic!("PostgreSQL {major}: {name}: {definition}, read {}", read[&name]));
            let attributes = [" DEFERRABLE", " INITIALLY DEFERRED", " NOT VALID"];
            let rest = attributes
                .iter()
                .fold(behind.to_owned(), |rest, words| rest.replace(words, ""));
            assert_eq!(
                rest, "",
                "PostgreSQL {major}: {name}: {definition}, read {}",
                read[&name]
            );
        }
    }
}

/// Indexes in every form that is put together, beside forms that are not.
const INDEXES: &str = r#"
    CREATE TYPE mood AS ENUM ('a', 'b');
    CREATE DOMAIN words AS text COLLATE "C";
    CREATE DOMAIN number AS integer;
    CREATE SCHEMA own;
    CREATE COLLATION own."Odd one" (locale = 'C', provider = libc);
    CREATE OPERATOR CLASS own.backwards FOR TYPE int4 USING btree AS
        OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int4, int4);
    CREATE TABLE t (gone int, i int, "Order" int, t text, v varchar(9), w words, n number, m mood, a int[], j jsonb, r int4range,
                    c text COLLATE "POSIX", p point);
    ALTER TABLE t DROP COLUMN gone;
    CREATE INDEX i01 ON t (i, "Order" DESC, t NULLS FIRST, v DESC NULLS LAST);
    CREATE INDEX i02 ON t (t COLLATE "C", c COLLATE own."Odd one", c);
    CREATE INDEX i03 ON t (w, n, m, a, r);
    CREATE INDEX i04 ON t (t text_pattern_ops, v varchar_pattern_ops, w text_pattern_ops DESC);
    CREATE INDEX i05 ON t (i own.backwards);
    CREATE UNIQUE INDEX i06 ON t (i) INCLUDE (t, "Order") WHERE i > 0;
    CREATE INDEX i07 ON t USING gin (j jsonb_path_ops, a);
    CREATE INDEX i08 ON t USING gist (r, p);
    CREATE INDEX i09 ON t USING hash (m);
    CREATE INDEX i10 ON t USING brin (i int4_minmax_multi_ops (values_per_range = 16), t);
    CREATE INDEX i11 ON t (lower(t) COLLATE "C" text_pattern_ops DESC, i, (i + "Order")) INCLUDE (v);
    CREATE MATERIALIZED VIEW mv AS SELECT i AS "Some name", t FROM t;
    CREATE INDEX i13 ON mv ("Some name" DESC, t text_pattern_ops);
    CREATE TABLE parts (k int, x text) PARTITION BY LIST (k);
    CREATE INDEX i14 ON parts (x DESC, k);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
"#;

#[test]
fn indexes_are_said_as_postgres_says_them() {
    for (major, server) in servers() {
        let database = Database::with(&server, INDEXES);
        let mut client = database.connect();
        client.batch_execute("SET search_path = ''").unwrap();
        let said: BTreeMap<String, (String, i64)> = client
            .query(
                "SELECT c.relname::text, pg_catalog.pg_get_indexdef(c.oid), i.indnkeyatts::int8
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
                 WHERE c.relnamespace = 'public'::regnamespace",
                &[],
            )
            .unwrap()
            .iter()
            .map(|row| (row.get(0), (row.get(1), row.get(2))))
            .collect();
        assert_eq!(said.len(), 14, "PostgreSQL {major}: {said:#?}");
        let catalog = database.catalog();
        for (name, (definition, keys)) in said {
            let Some(AnyObject::Index(index)) = catalog.get(&Index::named("public", &name)) else {
                panic!("PostgreSQL {major}: {name} was not read");
            };
            let inside = format!(" USING {} ({})", index.method, index.keys);
            assert!(
                definition.contains(&inside),
                "PostgreSQL {major}: {definition}, not {inside}"
            );
            let stored = format!(" INCLUDE ({})", trueup::catalog::quote::list(&index.include));
            assert_eq!(
                index.include.is_empty(),
                !definition.contains(" INCLUDE "),
                "{definition}"
            );
            assert!(
                index.include.is_empty() || definition.contains(&stored),
                "{definition}, not {stored}"
            );
            assert_eq!(index.columns.len(), usize::try_from(keys).unwrap(), "{definition}");
        }
    }
}
