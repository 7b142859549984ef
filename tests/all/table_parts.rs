//! Constraints, indexes, partitions, replica identities and statistics on real servers: every pair of states is
//! planned and run in both directions.

use trueup::kinds::{AnyObject, Context, Object};

use crate::convergence::case;
use crate::support::{Database, servers};

const PARTITIONED: &str = "CREATE TABLE public.r (id int PRIMARY KEY);
    CREATE TABLE public.p (a int NOT NULL, b int, r int CONSTRAINT fkx REFERENCES public.r ON DELETE CASCADE,
        CONSTRAINT ck CHECK (b > 0), CONSTRAINT p_pk PRIMARY KEY (a)) PARTITION BY RANGE (a);
    CREATE INDEX p_b ON public.p (b);";

fn partitioned(more: &str) -> String {
    format!("{PARTITIONED}{more}")
}

#[test]
fn partitions_come_with_everything_that_the_parent_has() {
    case(
        "CREATE TABLE public.p (a int NOT NULL, b int) PARTITION BY RANGE (a);
         CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (10);
         CREATE INDEX p_b ON public.p (b);",
        "CREATE TABLE public.r (id int PRIMARY KEY);
         CREATE TABLE public.p (a int NOT NULL, b int, r int REFERENCES public.r, c text COLLATE \"C\",
             CONSTRAINT ck CHECK (b > 0), CONSTRAINT p_pk PRIMARY KEY (a)) PARTITION BY RANGE (a);
         CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (10);
         CREATE TABLE public.p2 PARTITION OF public.p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (a);
         CREATE TABLE public.p2a PARTITION OF public.p2 DEFAULT;
         CREATE INDEX p_b ON public.p (b) INCLUDE (c) WITH (fillfactor=70);
         CREATE INDEX p_c ON public.p (lower(c) text_pattern_ops DESC) WHERE b > 3;
         CREATE UNIQUE INDEX p_ac ON public.p (a, c);
         CREATE TABLE public.ref (a int REFERENCES public.p (a));",
        &[
            "ALTER TABLE ONLY public.p ADD CONSTRAINT p_pk PRIMARY KEY (a);",
            "ALTER INDEX public.p_pk ATTACH PARTITION public.p1_pkey;",
            "ALTER TABLE public.p2 ATTACH PARTITION public.p2a DEFAULT;",
        ],
        &["ATTACH PARTITION public.p2a_", "p2 ADD", "p1 ADD CONSTRAINT ck"],
    );
}

#[test]
fn partitions_are_detached_and_attached_with_their_rows() {
    case(
        &partitioned(
            "CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (10);
             CREATE TABLE public.p2 PARTITION OF public.p FOR VALUES FROM (10) TO (20);
             CREATE TABLE public.p3 (a int NOT NULL, b int, r int, CONSTRAINT ck CHECK (b > 0));
             CREATE TABLE public.p4 PARTITION OF public.p FOR VALUES FROM (40) TO (50);",
        ),
        &partitioned(
            "CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (9);
             CREATE TABLE public.p2 (a int NOT NULL PRIMARY KEY, b bigint, r int, CONSTRAINT other CHECK (b > 1));
             CREATE TABLE public.p3 PARTITION OF public.p FOR VALUES FROM (9) TO (10);
             CREATE TABLE public.p4 (a int NOT NULL, b int, r int CONSTRAINT fkx REFERENCES public.r ON DELETE CASCADE,
                 CONSTRAINT ck CHECK (b > 0), CONSTRAINT p4_pkey PRIMARY KEY (a));
             CREATE INDEX p4_b_idx ON public.p4 (b);",
        ),
        &[
            "DETACH PARTITION public.p4",
            "ATTACH PARTITION public.p3",
            "p2 DROP CONSTRAINT IF EXISTS fkx",
        ],
        &["DROP TABLE", "p4 DROP", "p4 ADD"],
    );
}

#[test]
fn a_partition_of_a_referenced_table_is_detached_before_it_goes() {
    let reference = "CREATE TABLE public.ref (a int REFERENCES public.p (a));
        CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (9);";
    case(
        &partitioned(&format!(
            "{reference} CREATE TABLE public.p2 PARTITION OF public.p DEFAULT;"
        )),
        &partitioned(reference),
        &["DETACH PARTITION public.p2", "DROP TABLE public.p2"],
        &[],
    );
}

#[test]
fn a_dropped_partition_goes_before_what_its_parent_loses() {
    case(
        &partitioned("CREATE TABLE public.p1 PARTITION OF public.p DEFAULT;"),
        "CREATE TABLE public.r (id int PRIMARY KEY);
         CREATE TABLE public.p (a int NOT NULL, r int) PARTITION BY RANGE (a);
         CREATE TABLE public.q PARTITION OF public.p DEFAULT;",
        &["DROP TABLE public.p1;"],
        &["DETACH", "p1 DROP", "DROP INDEX public.p1"],
    );
}

#[test]
fn attached_indexes_are_renamed_where_they_cannot_be_dropped() {
    let parent = "CREATE TABLE public.p (a int NOT NULL, b int) PARTITION BY HASH (a);";
    case(
        &format!(
            "{parent} CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
             CREATE UNIQUE INDEX i1 ON public.p (a, b); CREATE INDEX i2 ON public.p (b);
             ALTER TABLE public.p ADD CONSTRAINT pk PRIMARY KEY (a);"
        ),
        &format!(
            "{parent} CREATE TABLE public.p1 (a int CONSTRAINT p_a_not_null NOT NULL, b int, CONSTRAINT one PRIMARY KEY (a));
             CREATE UNIQUE INDEX other ON public.p1 (a, b);
             CREATE UNIQUE INDEX i1 ON public.p (a, b); CREATE INDEX i2 ON public.p (b, a);
             ALTER TABLE public.p ADD CONSTRAINT pk PRIMARY KEY (a);
             ALTER TABLE public.p ATTACH PARTITION public.p1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        ),
        &["RENAME CONSTRAINT p1_pkey TO one", "RENAME TO other", "DROP INDEX public.i2;"],
        &["DROP CONSTRAINT", "DROP INDEX public.p1"],
    );
}

#[test]
fn keys_of_partitions_under_a_plain_index() {
    let parent = "CREATE TABLE public.p (id int NOT NULL, foo text NOT NULL) PARTITION BY LIST (foo);
        CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN ('x');";
    case(
        &format!(
            "{parent} CREATE UNIQUE INDEX pk ON public.p (foo, id);
             ALTER TABLE public.p1 ADD CONSTRAINT p1_pkey PRIMARY KEY USING INDEX p1_foo_id_idx;"
        ),
        &format!("{parent} ALTER TABLE public.p ADD CONSTRAINT pk PRIMARY KEY (foo, id);"),
        &["DROP INDEX public.pk CASCADE"],
        &[],
    );
}

#[test]
fn constraints_change_in_place_where_they_can() {
    let tables = "CREATE TABLE public.f (a int CONSTRAINT f_a UNIQUE, b int);";
    case(
        &format!(
            "{tables} CREATE TABLE public.g (a int CONSTRAINT g_f REFERENCES public.f (a) DEFERRABLE, b int);
             ALTER TABLE public.g ADD CONSTRAINT nv CHECK (b > 5) NOT VALID,
                 ADD CONSTRAINT fnv FOREIGN KEY (b) REFERENCES public.f (a) NOT VALID;"
        ),
        &format!(
            "{tables} CREATE TABLE public.g (a int CONSTRAINT g_f REFERENCES public.f (a) INITIALLY DEFERRED, b int,
                 CONSTRAINT nv CHECK (b > 5), CONSTRAINT fnv FOREIGN KEY (b) REFERENCES public.f (a),
                 CONSTRAINT choice CHECK (a::text::varchar IN ('x', 'y') AND b > 0 AND (a BETWEEN 1 AND 3)));"
        ),
        &[
            "VALIDATE CONSTRAINT nv",
            "VALIDATE CONSTRAINT fnv",
            "ALTER CONSTRAINT g_f DEFERRABLE INITIALLY DEFERRED",
        ],
        &["DROP CONSTRAINT"],
    );
}

#[test]
fn keys_and_their_foreign_keys_are_rebuilt() {
    case(
        "CREATE TABLE public.f (a int, b int, CONSTRAINT f_a UNIQUE (a));
         CREATE TABLE public.g (a int CONSTRAINT g_f REFERENCES public.f (a));",
        "CREATE TABLE public.f (a int, b int, CONSTRAINT f_a UNIQUE (a) INCLUDE (b) WITH (fillfactor=60));
         CREATE TABLE public.g (a int CONSTRAINT g_f REFERENCES public.f (a),
             CONSTRAINT x EXCLUDE USING btree (a WITH =) WITH (fillfactor=80) WHERE (a > 3) DEFERRABLE);
         ALTER TABLE public.f CLUSTER ON f_a; ALTER TABLE public.f REPLICA IDENTITY FULL;",
        &[
            "DROP CONSTRAINT g_f",
            "ADD CONSTRAINT g_f",
            "WITH (fillfactor=60)",
            "CLUSTER ON f_a",
        ],
        &[],
    );
}

#[test]
fn the_index_that_is_attached_is_attached() {
    case(
        "CREATE TABLE public.u (a int, b int); CREATE INDEX u_b ON public.u (b);",
        "CREATE TABLE public.p (a int, b int) PARTITION BY LIST (a); CREATE INDEX on_b ON public.p (b);
         CREATE UNIQUE INDEX unique_a ON public.p (a);
         CREATE TABLE public.t PARTITION OF public.p FOR VALUES IN (1); CREATE INDEX also_on_b ON public.t (b);
         ALTER TABLE public.t ADD CONSTRAINT alone UNIQUE (a);
         CREATE TABLE public.u (a int, b int); CREATE INDEX u_b ON public.u (b);
         ALTER TABLE public.p ATTACH PARTITION public.u FOR VALUES IN (2); CREATE INDEX also ON public.u (b);",
        &["ATTACH PARTITION public.u"],
        &["DROP INDEX public.u_b"],
    );
}

#[test]
fn inherited_checks_follow_their_parents() {
    case(
        "CREATE TABLE public.base (a int NOT NULL, CONSTRAINT c1 CHECK (a > 0), CONSTRAINT c2 CHECK (a < 9) NO INHERIT);
         CREATE TABLE public.kid (k int) INHERITS (public.base);
         CREATE TABLE public.kid2 (CONSTRAINT c1 CHECK (a > 0)) INHERITS (public.base);",
        "CREATE TABLE public.base (a int NOT NULL, CONSTRAINT c1 CHECK (a > 0), CONSTRAINT c3 CHECK (a < 8));
         CREATE TABLE public.kid (k int, CONSTRAINT c1 CHECK (a > 0)) INHERITS (public.base);
         CREATE TABLE public.kid2 () INHERITS (public.base);
         CREATE TABLE public.kid3 (CONSTRAINT c3 CHECK (a < 8)) INHERITS (public.base);",
        &["public.base ADD CONSTRAINT c3"],
        &["public.kid ADD CONSTRAINT c3", "public.kid2 ADD CONSTRAINT c3"],
    );
}

#[test]
fn settings_of_indexes_change_in_place() {
    let table = "CREATE TABLE public.t (a int NOT NULL, b text);
        CREATE STATISTICS public.s (ndistinct) ON a, b FROM public.t;
        CREATE MATERIALIZED VIEW public.m AS SELECT a FROM public.t; CREATE UNIQUE INDEX m_a ON public.m (a);";
    case(
        &format!(
            "{table} CREATE UNIQUE INDEX x ON public.t (a) WITH (fillfactor=50); CREATE INDEX y ON public.t (lower(b));"
        ),
        &format!(
            "{table} CREATE UNIQUE INDEX x ON public.t (a) WITH (fillfactor=60, deduplicate_items=off);
             CREATE INDEX y ON public.t (lower(b)); ALTER INDEX public.y ALTER COLUMN 1 SET STATISTICS 77;
             ALTER TABLE public.t CLUSTER ON y; ALTER TABLE public.t REPLICA IDENTITY USING INDEX x;
             ALTER STATISTICS public.s SET STATISTICS 55;"
        ),
        &[
            "ALTER INDEX public.x SET",
            "ALTER COLUMN 1 SET STATISTICS 77",
            "CLUSTER ON y",
            "SET STATISTICS 55",
        ],
        &["DROP INDEX", "CREATE INDEX"],
    );
}

/// Indexes in every form that the catalogs hold as columns, and some with expressions.
const INDEXES: &str = "CREATE TYPE public.color AS ENUM ('r'); CREATE DOMAIN public.pos AS int; CREATE TYPE public.c AS (x int);
    CREATE TABLE public.t (a int NOT NULL, b text COLLATE \"C\", c varchar(10), d int4range, e int[], f jsonb, g inet,
        h cidr, i \"char\", k numeric, l public.color, m public.pos, o public.c, p regclass, q name, r bpchar, u uuid,
        w bit varying, \"Odd\" text);
    CREATE INDEX \"I odd\" ON public.t (\"Odd\" DESC NULLS LAST, b COLLATE \"POSIX\" NULLS FIRST);
    CREATE INDEX ON public.t (b text_pattern_ops, c varchar_pattern_ops);
    CREATE INDEX ON public.t (c text_ops); CREATE INDEX ON public.t (c bpchar_ops);
    CREATE INDEX ON public.t USING gist (d, g inet_ops) INCLUDE (b); CREATE INDEX ON public.t USING gin (e, f);
    CREATE INDEX ON public.t USING gin (f jsonb_path_ops) WITH (fastupdate=off);
    CREATE INDEX ON public.t USING spgist (g); CREATE INDEX ON public.t USING hash (k);
    CREATE INDEX ON public.t (g, h, i, l, m, o, p, q, r, u, w);
    CREATE INDEX ON public.t USING brin (a int4_minmax_multi_ops (values_per_range=16), c) WITH (pages_per_range=4);
    CREATE INDEX ON public.t USING gin (to_tsvector('english', \"Odd\"));
    CREATE UNIQUE INDEX ON public.t (lower(b) COLLATE \"POSIX\" text_pattern_ops DESC, a) INCLUDE (k) WITH (fillfactor=20)
        WHERE c <> 'it''s )) WITH (';
    CREATE TABLE public.part (a int, b text) PARTITION BY RANGE (a); CREATE INDEX ON public.part (b, a DESC);
    CREATE TABLE public.part1 PARTITION OF public.part DEFAULT;";

#[test]
fn indexes_are_rebuilt_as_postgres_deparses_them() {
    for (_, server) in servers() {
        let database = Database::with(&server, INDEXES);
        let catalog = database.catalog();
        let context = Context::new(&catalog, &catalog, catalog.version_num);
        let mut client = database.connect();
        client.batch_execute("SET search_path = ''").unwrap();
        let mut found = 0;
        for object in catalog.objects.values() {
            let AnyObject::Index(index) = object else { continue };
            let deparsed: String = client
                .query_one(
                    "SELECT pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = $1 AND c.relname = $2",
                    &[&index.schema, &index.name],
                )
                .unwrap()
                .get(0);
            assert_eq!(index.create(&context)[0].sql(), deparsed);
            found += 1;
        }
        assert_eq!(found, 15);
    }
}

/// Servers of November 2026 keep a version of each column among its options; the older ones are given one here.
#[test]
fn versions_of_columns_are_no_options() {
    for (_, server) in servers() {
        let database = Database::with(
            &server,
            "CREATE TABLE t (a int, b text); ALTER TABLE t ALTER a SET (n_distinct = 5);
             CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t;
             CREATE TYPE c AS (x int);",
        );
        let before = database.catalog();
        database.execute(
            "UPDATE pg_attribute SET attoptions = ARRAY['pg_attver=7', 'pg_attver=8'] || coalesce(attoptions, '{}')
             WHERE attrelid IN ('t'::regclass, 'm'::regclass, 'c'::regclass) AND attnum > 0",
        );
        assert_eq!(database.catalog().fingerprint(), before.fingerprint());
        database.execute("UPDATE pg_attribute SET attoptions = NULL WHERE attrelid = 't'::regclass AND attname = 'a'");
        assert_ne!(database.catalog().fingerprint(), before.fingerprint());
    }
}
