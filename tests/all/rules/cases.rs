//! Cases of the rules, as data: both states, and what is found. Exempt from the usual length: a table.

/// One case: the rule that it is about, both states, and the findings as `code risk object`, sorted.
pub(super) struct Case {
    pub(super) rule: &'static str,
    pub(super) live: &'static str,
    pub(super) desired: &'static str,
    pub(super) findings: &'static [&'static str],
}

const SMALL: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x');";
const LARGE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
    INSERT INTO t SELECT n, n, repeat('x', 1000) FROM generate_series(1, 20000) n;";
const EMPTY: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);";

/// Each rule has cases that fire it, cases that do not, and cases where size changes its level.
pub(super) const CASES: &[Case] = &[
    // TU101, with a chain over two foreign keys; TU301 and TU304 come with it.
    Case {
        rule: "TU101",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);
               CREATE TABLE c (b_id int REFERENCES b); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);
               INSERT INTO c VALUES (1);",
        desired: "CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (id bigint PRIMARY KEY REFERENCES a);
                  CREATE TABLE c (b_id int REFERENCES b);",
        findings: &[
            "TU101 critical column public.a.id",
            "TU101 critical column public.b.id",
            "TU301 caution column public.a.id",
            "TU301 caution column public.b.id",
            "TU302 caution foreign key public.b.b_id_fkey",
            "TU302 caution foreign key public.c.c_b_id_fkey",
            "TU304 caution foreign key public.b.b_id_fkey",
        ],
    },
    Case {
        rule: "TU101",
        live: EMPTY,
        desired: "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text);",
        findings: &["TU101 caution column public.t.id"],
    },
    // TU305 and TU306: what gives each row a value of its own is written into each; a value for all is not.
    Case {
        rule: "TU305",
        live: "CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE DOMAIN e AS d;
               CREATE DOMAIN f AS int;",
        desired: "CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE DOMAIN e AS d; CREATE DOMAIN f AS int;
                  CREATE TABLE t (id int, a uuid DEFAULT gen_random_uuid(), b serial, c int GENERATED ALWAYS AS IDENTITY,
                  g int GENERATED ALWAYS AS (id * 2) STORED, e e, f f, n timestamptz DEFAULT now(), o int DEFAULT 3, p int DEFAULT -abs(-4));",
        findings: &[
            "TU305 caution column public.t.a",
            "TU305 caution column public.t.b",
            "TU305 caution column public.t.c",
            "TU305 caution column public.t.e",
            "TU306 caution column public.t.g",
            "TU704 safe column public.t.b",
        ],
    },
    // A column that identifies nothing: TU301 by size.
    Case {
        rule: "TU301",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);",
        findings: &["TU301 caution column public.t.a"],
    },
    Case {
        rule: "TU301",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);",
        findings: &["TU301 dangerous column public.t.a"],
    },
    Case {
        rule: "TU301",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);",
        findings: &[],
    },
    // TU508: another name, or another column? Nothing is lost where there are no rows.
    Case {
        rule: "TU508",
        live: "CREATE TABLE t (id int, email text, z int); INSERT INTO t VALUES (1, 'x', 2);",
        desired: "CREATE TABLE t (id int, mail text, z int);",
        findings: &["TU103 dangerous column public.t.email", "TU508 caution column public.t.mail"],
    },
    Case {
        rule: "TU508",
        live: "CREATE TABLE t (id int, email text, z int);",
        desired: "CREATE TABLE t (id int, mail text, z int);",
        findings: &["TU103 caution column public.t.email", "TU508 safe column public.t.mail"],
    },
    Case {
        rule: "TU508",
        live: "CREATE TABLE t (id int, email text, z int); INSERT INTO t VALUES (1, 'x', 2);",
        desired: "CREATE TABLE t (id int, z int, counted bigint);",
        findings: &["TU103 dangerous column public.t.email"],
    },
    // TU102
    Case {
        rule: "TU102",
        live: SMALL,
        desired: "",
        findings: &["TU102 critical table public.t"],
    },
    Case {
        rule: "TU102",
        live: EMPTY,
        desired: "",
        findings: &["TU102 caution table public.t"],
    },
    // TU103
    Case {
        rule: "TU103",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int);",
        findings: &["TU103 dangerous column public.t.b"],
    },
    Case {
        rule: "TU103",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int);",
        findings: &["TU103 caution column public.t.b"],
    },
    Case {
        rule: "TU103",
        live: SMALL,
        desired: "CREATE TABLE t (a int, b text);",
        findings: &["TU103 critical column public.t.id"],
    },
    // An attribute that goes where its type is changed, or exchanged together with its columns.
    Case {
        rule: "TU103",
        live: "CREATE TYPE c AS (a int, b text); CREATE TABLE t (x c[]); INSERT INTO t VALUES (ARRAY[(1, 'x')::c]);",
        desired: "CREATE TYPE c AS (a int); CREATE TABLE t (x c[]);",
        findings: &["TU103 dangerous composite type public.c"],
    },
    Case {
        rule: "TU103",
        live: "CREATE TYPE c AS (a int, b text); CREATE TABLE t (x c);",
        desired: "CREATE TYPE c AS (a int); CREATE TABLE t (x c);",
        findings: &["TU103 caution composite type public.c"],
    },
    Case {
        rule: "TU103",
        live: "CREATE TYPE c AS (a int, b text, z int); CREATE TABLE t (x c[]); INSERT INTO t VALUES (ARRAY[(1, 'x', 2)::c]);",
        desired: "CREATE TYPE c AS (z int, a int); CREATE TABLE t (x c[]);",
        findings: &["TU103 dangerous column public.t.x", "TU301 caution column public.t.x"],
    },
    Case {
        rule: "TU105",
        live: "CREATE TYPE c AS (a numeric(9,4), b text); CREATE TABLE t (x c); INSERT INTO t VALUES ((1.2345, 'x'));",
        desired: "CREATE TYPE c AS (a numeric(9,2), b text); CREATE TABLE t (x c);",
        findings: &["TU105 dangerous column public.t.x", "TU301 caution column public.t.x"],
    },
    // A domain that gets narrower below its columns.
    Case {
        rule: "TU105",
        live: "CREATE DOMAIN d AS varchar(9); CREATE DOMAIN e AS d; CREATE TABLE t (x d, y e[]); INSERT INTO t VALUES ('abcdef', '{a}');",
        desired: "CREATE DOMAIN d AS varchar(3); CREATE DOMAIN e AS d; CREATE TABLE t (x d, y e[]);",
        findings: &[
            "TU105 dangerous column public.t.x",
            "TU105 dangerous column public.t.y",
            "TU301 caution column public.t.x",
            "TU301 caution column public.t.y",
        ],
    },
    Case {
        rule: "TU105",
        live: "CREATE TYPE r AS RANGE (subtype = timestamp, multirange_type_name = rs); CREATE TABLE t (x rs);
               INSERT INTO t VALUES ('{[2026-01-01 10:00,)}');",
        desired: "CREATE TYPE r AS RANGE (subtype = date, multirange_type_name = rs); CREATE TABLE t (x rs);",
        findings: &["TU105 dangerous column public.t.x", "TU301 caution column public.t.x"],
    },
    // TU104, and a sequence that goes with its column.
    Case {
        rule: "TU104",
        live: "CREATE SEQUENCE s; CREATE SCHEMA x; CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (n serial);",
        desired: "",
        findings: &[
            "TU102 caution table public.t",
            "TU104 dangerous enum public.e",
            "TU104 dangerous schema x",
            "TU104 dangerous sequence public.s",
        ],
    },
    // TU105
    Case {
        rule: "TU105",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(9));",
        findings: &["TU105 dangerous column public.t.b", "TU301 caution column public.t.b"],
    },
    Case {
        rule: "TU105",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(9));",
        findings: &["TU105 caution column public.t.b"],
    },
    // TU106: PostgreSQL cannot partition a table in place.
    Case {
        rule: "TU106",
        live: "CREATE TABLE t (a int); INSERT INTO t VALUES (1);",
        desired: "CREATE TABLE t (a int) PARTITION BY RANGE (a);",
        findings: &["TU106 critical table public.t"],
    },
    Case {
        rule: "TU106",
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int) PARTITION BY RANGE (a);",
        findings: &["TU106 caution table public.t"],
    },
    // TU107, and a trigger that goes with its table.
    Case {
        rule: "TU107",
        live: "CREATE VIEW v AS SELECT 1 AS a; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TABLE t (a int); CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
        desired: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';",
        findings: &["TU102 caution table public.t", "TU107 caution view public.v"],
    },
    // TU108, and an index that goes with its column.
    Case {
        rule: "TU108",
        live: "CREATE TABLE t (a int CHECK (a > 0), b int); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b);",
        desired: "CREATE TABLE t (a int);",
        findings: &[
            "TU103 caution column public.t.b",
            "TU108 safe check constraint public.t.t_a_check",
            "TU108 safe index public.i",
        ],
    },
    // TU201 and TU302 by size; a constraint that binds only new rows is no finding.
    Case {
        rule: "TU201",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), b text);",
        findings: &[
            "TU201 dangerous check constraint public.t.t_a_check",
            "TU302 caution check constraint public.t.t_a_check",
        ],
    },
    Case {
        rule: "TU201",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text);",
        findings: &[
            "TU203 dangerous not-null constraint public.t.a",
            "TU302 dangerous not-null constraint public.t.a",
        ],
    },
    Case {
        rule: "TU201",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), b text);",
        findings: &[],
    },
    Case {
        rule: "TU201",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
                  ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;",
        findings: &[],
    },
    Case {
        rule: "TU201",
        live: "CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1);",
        desired: "CREATE DOMAIN d AS int CONSTRAINT positive CHECK (VALUE > 0); CREATE TABLE t (a d);",
        findings: &[
            "TU201 dangerous domain constraint public.d.positive",
            "TU302 caution domain constraint public.d.positive",
        ],
    },
    // TU202; with a default it is nothing.
    Case {
        rule: "TU202",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int NOT NULL);",
        findings: &["TU202 dangerous column public.t.c"],
    },
    Case {
        rule: "TU202",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int NOT NULL DEFAULT 1);",
        findings: &[],
    },
    // TU303 by size.
    Case {
        rule: "TU303",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a);",
        findings: &["TU303 dangerous index public.i"],
    },
    Case {
        rule: "TU303",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a);",
        findings: &["TU303 caution index public.i"],
    },
    Case {
        rule: "TU303",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a);",
        findings: &[],
    },
    // TU304: a foreign key between two tables with rows.
    Case {
        rule: "TU304",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int REFERENCES a);",
        findings: &[
            "TU201 dangerous foreign key public.b.b_a_id_fkey",
            "TU302 caution foreign key public.b.b_a_id_fkey",
            "TU304 caution foreign key public.b.b_a_id_fkey",
            "TU308 safe foreign key public.b.b_a_id_fkey",
        ],
    },
    // TU401
    Case {
        rule: "TU401",
        live: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a > 0);
               CREATE POLICY r ON t AS RESTRICTIVE USING (a > 1);",
        desired: "CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 5);",
        findings: &[
            "TU401 dangerous policy public.t.p",
            "TU401 dangerous policy public.t.r",
            "TU401 dangerous table public.t",
        ],
    },
    Case {
        rule: "TU401",
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a > 0);",
        findings: &["TU401 caution policy public.t.p", "TU401 caution table public.t"],
    },
    Case {
        rule: "TU401",
        live: "",
        desired: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
        findings: &[],
    },
    // TU402; what belongs to a new object is no finding.
    Case {
        rule: "TU402",
        live: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        desired: "CREATE TABLE t (a int); GRANT SELECT ON t TO PUBLIC; CREATE TABLE n (a int); GRANT SELECT ON n TO PUBLIC;
                  CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
        findings: &[
            "TU402 caution function public.f()",
            "TU402 caution privilege table.public.t.public",
            "TU403 caution function public.f()",
        ],
    },
    // TU502 by size; an added value is nothing.
    Case {
        rule: "TU502",
        live: "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e); INSERT INTO t VALUES ('a');",
        desired: "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e);",
        findings: &["TU301 caution column public.t.x", "TU502 dangerous enum public.e"],
    },
    Case {
        rule: "TU502",
        live: "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e);",
        desired: "CREATE TYPE e AS ENUM ('b', 'a'); CREATE TABLE t (x e);",
        findings: &["TU502 caution enum public.e"],
    },
    Case {
        rule: "TU502",
        live: "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e); INSERT INTO t VALUES ('a');",
        desired: "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e);",
        findings: &[],
    },
    // Everything new: nothing to wait for and nothing to lose.
    Case {
        rule: "TU101",
        live: "",
        desired: "CREATE TABLE a (id int PRIMARY KEY, n int UNIQUE CHECK (n > 0)); CREATE TABLE b (a_id int NOT NULL REFERENCES a);
                  CREATE INDEX i ON b (a_id);",
        findings: &[],
    },

    // TU108 on rows; what is needed is TU109.
    Case {
        rule: "TU108",
        live: "CREATE TABLE t (a int CHECK (a > 0), b int); INSERT INTO t VALUES (1, 1); CREATE INDEX i ON t (a);",
        desired: "CREATE TABLE t (a int, b int);",
        findings: &["TU108 caution check constraint public.t.t_a_check", "TU108 caution index public.i"],
    },
    Case {
        rule: "TU108",
        live: "CREATE TABLE t (a int CHECK (a > 0), b int);",
        desired: "CREATE TABLE t (a int CHECK (a > 0), b int);",
        findings: &[],
    },
    // TU109
    Case {
        rule: "TU109",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n int); CREATE INDEX i ON t (a_id);
               INSERT INTO a VALUES (1); INSERT INTO t VALUES (1, 1);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n int);",
        findings: &["TU109 caution index public.i"],
    },
    Case {
        rule: "TU109",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n text); CREATE INDEX i ON t (a_id);
               INSERT INTO a VALUES (1); INSERT INTO t SELECT 1, repeat('x', 1000) FROM generate_series(1, 20000) n;",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n text);",
        findings: &["TU109 dangerous index public.i"],
    },
    Case {
        rule: "TU109",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n int); CREATE INDEX i ON t (a_id);
               INSERT INTO a VALUES (1); INSERT INTO t VALUES (1, 1);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n int); CREATE INDEX j ON t (a_id, n);",
        findings: &["TU108 caution index public.i", "TU303 caution index public.j"],
    },
    // TU110
    Case {
        rule: "TU110",
        live: "CREATE TABLE t (a int NOT NULL DEFAULT 1, b int DEFAULT 1); INSERT INTO t VALUES (1, 1);",
        desired: "CREATE TABLE t (a int NOT NULL, b int);",
        findings: &["TU110 caution column default public.t.b", "TU110 dangerous column default public.t.a"],
    },
    Case {
        rule: "TU110",
        live: "CREATE TABLE t (a int NOT NULL DEFAULT 1); CREATE TABLE u (a int GENERATED ALWAYS AS IDENTITY);",
        desired: "CREATE TABLE t (a int NOT NULL); CREATE TABLE u (a int NOT NULL);",
        findings: &["TU110 caution column default public.t.a", "TU110 caution identity public.u.a"],
    },
    Case {
        rule: "TU110",
        live: "CREATE TABLE t (a int NOT NULL DEFAULT 1); INSERT INTO t VALUES (1);",
        desired: "CREATE TABLE t (a int NOT NULL DEFAULT 2);",
        findings: &[],
    },
    // TU203 by what the statistics have seen, and by size.
    Case {
        rule: "TU203",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x'), (2, NULL, 'x'); ANALYZE t;",
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text);",
        findings: &[
            "TU203 critical not-null constraint public.t.a",
            "TU302 caution not-null constraint public.t.a",
        ],
    },
    Case {
        rule: "TU203",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x'); ANALYZE t;",
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text);",
        findings: &[
            "TU203 caution not-null constraint public.t.a",
            "TU302 caution not-null constraint public.t.a",
        ],
    },
    Case {
        rule: "TU203",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text);",
        findings: &[],
    },
    Case {
        rule: "TU203",
        live: "CREATE TABLE t (a int); INSERT INTO t VALUES (1);",
        desired: "CREATE TABLE t (a int, g int NOT NULL GENERATED ALWAYS AS (a) STORED);",
        findings: &[
            "TU203 dangerous not-null constraint public.t.g",
            "TU306 caution column public.t.g",
        ],
    },
    // TU204 by size.
    Case {
        rule: "TU204",
        live: "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a); CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x');",
        desired: "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a);
                  CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (100000);",
        findings: &["TU204 caution partition public.t"],
    },
    Case {
        rule: "TU204",
        live: "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a); CREATE TABLE t (a int, b text);
               INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) n;",
        desired: "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a);
                  CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (100000);",
        findings: &["TU204 dangerous partition public.t"],
    },
    Case {
        rule: "TU204",
        live: "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a);",
        desired: "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a);
                  CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (100000);",
        findings: &[],
    },
    // TU304 with a large table, and with one table alone.
    Case {
        rule: "TU304",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int, n text); INSERT INTO a VALUES (1);
               INSERT INTO t SELECT 1, repeat('x', 1000) FROM generate_series(1, 20000) n;",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int REFERENCES a, n text);",
        findings: &[
            "TU201 dangerous foreign key public.t.t_a_id_fkey",
            "TU302 dangerous foreign key public.t.t_a_id_fkey",
            "TU304 dangerous foreign key public.t.t_a_id_fkey",
            "TU308 caution foreign key public.t.t_a_id_fkey",
        ],
    },
    Case {
        rule: "TU304",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int);",
        findings: &[],
    },
    // TU305 by size; a default that is the same for all rows is nothing.
    Case {
        rule: "TU305",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c uuid DEFAULT gen_random_uuid(), d int GENERATED ALWAYS AS IDENTITY,
                                  e serial);",
        findings: &[
            "TU305 caution column public.t.c",
            "TU305 caution column public.t.d",
            "TU305 caution column public.t.e",
            "TU704 safe column public.t.e",
        ],
    },
    Case {
        rule: "TU305",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c float DEFAULT random());",
        findings: &["TU305 dangerous column public.t.c"],
    },
    Case {
        rule: "TU305",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c timestamptz DEFAULT now(), d int NOT NULL DEFAULT 1);",
        findings: &[],
    },
    Case {
        rule: "TU305",
        live: "CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE TABLE t (a int); INSERT INTO t VALUES (1);",
        desired: "CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE TABLE t (a int, b d);",
        findings: &["TU305 caution column public.t.b"],
    },
    // TU306 by size.
    Case {
        rule: "TU306",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int GENERATED ALWAYS AS (a + 1) STORED);",
        findings: &["TU306 caution column public.t.c"],
    },
    Case {
        rule: "TU306",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int GENERATED ALWAYS AS (a + 1) STORED);",
        findings: &["TU306 dangerous column public.t.c"],
    },
    Case {
        rule: "TU306",
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int GENERATED ALWAYS AS (a + 1) STORED);",
        findings: &[],
    },
    // TU307 by size.
    Case {
        rule: "TU307",
        live: SMALL,
        desired: "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int, b text);",
        findings: &["TU307 dangerous table public.t"],
    },
    Case {
        rule: "TU307",
        live: EMPTY,
        desired: "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int, b text);",
        findings: &["TU307 caution table public.t"],
    },
    Case {
        rule: "TU307",
        live: "CREATE UNLOGGED TABLE t (a int); INSERT INTO t VALUES (1);",
        desired: "CREATE TABLE t (a int);",
        findings: &["TU307 caution table public.t"],
    },
    Case {
        rule: "TU307",
        live: "CREATE UNLOGGED TABLE t (a int);",
        desired: "CREATE TABLE t (a int);",
        findings: &[],
    },
    // TU308: advice on a new table, a level on a large one, nothing with an index.
    Case {
        rule: "TU308",
        live: "CREATE TABLE a (id int PRIMARY KEY);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int REFERENCES a);",
        findings: &["TU308 safe foreign key public.b.b_a_id_fkey"],
    },
    Case {
        rule: "TU308",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int, n text);
               INSERT INTO t SELECT NULL, repeat('x', 1000) FROM generate_series(1, 20000) n;",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int, n text);
                  ALTER TABLE t ADD FOREIGN KEY (a_id) REFERENCES a NOT VALID;",
        findings: &["TU308 caution foreign key public.t.t_a_id_fkey"],
    },
    Case {
        rule: "TU308",
        live: "CREATE TABLE a (id int PRIMARY KEY);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (n int, a_id int REFERENCES a, PRIMARY KEY (a_id, n));",
        findings: &[],
    },
    // TU309 by size; a partition that goes with its table is not reported.
    Case {
        rule: "TU309",
        live: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (9);
               INSERT INTO p VALUES (1);",
        desired: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE t (a int);",
        findings: &["TU304 caution partition public.t", "TU309 dangerous partition public.t"],
    },
    Case {
        rule: "TU309",
        live: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (9);",
        desired: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE t (a int);",
        findings: &["TU309 caution partition public.t"],
    },
    Case {
        rule: "TU309",
        live: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (9);",
        desired: "CREATE TABLE p (a int) PARTITION BY RANGE (a);",
        findings: &["TU102 caution table public.t"],
    },
    // TU403
    Case {
        rule: "TU403",
        live: "",
        desired: "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
        findings: &["TU403 caution function public.f()"],
    },
    Case {
        rule: "TU403",
        live: "",
        desired: "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1';",
        findings: &[],
    },
    // TU107 by size.
    Case {
        rule: "TU107",
        live: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE t (a int);
               INSERT INTO t VALUES (1); CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
               COMMENT ON TABLE t IS 'rows';",
        desired: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE t (a int);",
        findings: &["TU107 caution trigger public.t.g", "TU107 safe comment table.public.t"],
    },
    Case {
        rule: "TU107",
        live: "CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;",
        desired: "CREATE TABLE t (a int);",
        findings: &["TU107 safe rule public.t.r"],
    },
    // TU302 by size; a scan under a weak lock is nothing.
    Case {
        rule: "TU302",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > -1), b text);",
        findings: &[
            "TU201 dangerous check constraint public.t.t_a_check",
            "TU302 caution check constraint public.t.t_a_check",
        ],
    },
    Case {
        rule: "TU302",
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > -1), b text);",
        findings: &[
            "TU201 dangerous check constraint public.t.t_a_check",
            "TU302 dangerous check constraint public.t.t_a_check",
        ],
    },
    Case {
        rule: "TU302",
        live: "CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;",
        desired: "CREATE TABLE t (a int, CONSTRAINT c CHECK (a > 0));",
        findings: &["TU201 dangerous check constraint public.t.c"],
    },
    Case {
        rule: "TU107",
        live: "CREATE VIEW v AS SELECT 1 AS a;",
        desired: "CREATE VIEW v AS SELECT 1 AS a, 2 AS b;",
        findings: &[],
    },
    // TU503 by size; what comes with its table is nothing.
    Case {
        rule: "TU503",
        live: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE t (a int);
               INSERT INTO t VALUES (1); CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
        desired: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE t (a int);
                  CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER g;
                  CREATE TRIGGER h BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();
                  CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;",
        findings: &[
            "TU503 caution trigger public.t.h",
            "TU503 dangerous rule public.t.r",
            "TU503 dangerous trigger public.t.g",
        ],
    },
    Case {
        rule: "TU503",
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;",
        findings: &["TU503 caution rule public.t.r"],
    },
    Case {
        rule: "TU503",
        live: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';",
        desired: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE t (a int);
                  CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
        findings: &[],
    },
    // TU504 by size.
    Case {
        rule: "TU504",
        live: SMALL,
        desired: "CREATE SEQUENCE s; CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT nextval('s'), b text);",
        findings: &["TU504 dangerous column default public.t.a"],
    },
    Case {
        rule: "TU504",
        live: EMPTY,
        desired: "CREATE SEQUENCE s; CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT nextval('s'), b text);",
        findings: &["TU504 caution column default public.t.a"],
    },
    Case {
        rule: "TU504",
        live: "CREATE SEQUENCE s; CREATE SEQUENCE d; CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, n int NOT NULL);
               INSERT INTO t (n) VALUES (1);",
        desired: "CREATE SEQUENCE s CYCLE; CREATE SEQUENCE d INCREMENT BY -1;
                  CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY, n int GENERATED ALWAYS AS IDENTITY);",
        findings: &[
            "TU504 caution identity public.t.id",
            "TU504 caution identity public.t.n",
            "TU504 dangerous sequence public.d",
            "TU504 dangerous sequence public.s",
        ],
    },
    Case {
        rule: "TU504",
        live: "CREATE SEQUENCE s;",
        desired: "CREATE SEQUENCE s CACHE 10;",
        findings: &[],
    },
    // TU505 by how much is used.
    Case {
        rule: "TU505",
        live: "CREATE TABLE t (id smallserial PRIMARY KEY); SELECT setval('t_id_seq', 30000);
               CREATE TABLE u (id smallint GENERATED ALWAYS AS IDENTITY); SELECT setval('u_id_seq', 25000);",
        desired: "CREATE TABLE t (id smallserial PRIMARY KEY, a int); CREATE TABLE u (id smallint GENERATED ALWAYS AS IDENTITY, a int);",
        findings: &["TU505 caution column public.t.id", "TU505 caution column public.u.id"],
    },
    Case {
        rule: "TU505",
        live: "CREATE SEQUENCE s AS int; SELECT setval('s', 32000);",
        desired: "CREATE SEQUENCE s AS smallint;",
        findings: &["TU505 dangerous sequence public.s"],
    },
    Case {
        rule: "TU505",
        live: "CREATE TABLE t (id smallserial PRIMARY KEY); SELECT setval('t_id_seq', 20000);",
        desired: "CREATE TABLE t (id smallserial PRIMARY KEY, a int);",
        findings: &[],
    },
    // TU506 by size.
    Case {
        rule: "TU506",
        live: "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE TABLE u (a int PRIMARY KEY); INSERT INTO u VALUES (1);
               CREATE PUBLICATION q FOR TABLE u;",
        desired: "CREATE TABLE t (a int); CREATE TABLE u (a int PRIMARY KEY); ALTER TABLE u REPLICA IDENTITY FULL;
                  CREATE PUBLICATION p FOR TABLE t;",
        findings: &[
            "TU506 caution publication p",
            "TU506 caution publication table p.public.t",
            "TU506 caution replica identity public.u",
            "TU506 dangerous publication q",
            "TU506 dangerous table public.t",
        ],
    },
    Case {
        rule: "TU506",
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int); CREATE PUBLICATION p FOR TABLE t;",
        findings: &[
            "TU506 caution publication p",
            "TU506 caution publication table p.public.t",
            "TU506 caution table public.t",
        ],
    },
    Case {
        rule: "TU506",
        live: "CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES;",
        desired: "CREATE TABLE t (a int PRIMARY KEY, b int); CREATE PUBLICATION p FOR ALL TABLES;",
        findings: &[],
    },
    // TU507 by size.
    Case {
        rule: "TU507",
        live: "CREATE TABLE a (id int PRIMARY KEY);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int PRIMARY KEY REFERENCES a ON DELETE CASCADE);",
        findings: &["TU507 safe foreign key public.b.b_a_id_fkey"],
    },
    Case {
        rule: "TU507",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int PRIMARY KEY); INSERT INTO t VALUES (1);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int PRIMARY KEY);
                  ALTER TABLE t ADD FOREIGN KEY (a_id) REFERENCES a ON DELETE CASCADE NOT VALID;",
        findings: &["TU507 caution foreign key public.t.t_a_id_fkey"],
    },
    Case {
        rule: "TU507",
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int PRIMARY KEY, n text);
               INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) n;",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE t (a_id int PRIMARY KEY, n text);
                  ALTER TABLE t ADD FOREIGN KEY (a_id) REFERENCES a ON DELETE CASCADE NOT VALID;",
        findings: &["TU507 dangerous foreign key public.t.t_a_id_fkey"],
    },
    Case {
        rule: "TU507",
        live: "CREATE TABLE a (id int PRIMARY KEY);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int PRIMARY KEY REFERENCES a);",
        findings: &[],
    },
    // Advice, and what is no reason for it.
    Case {
        rule: "TU701",
        live: "CREATE TABLE t (a jsonb, z json);",
        desired: "CREATE TABLE t (a jsonb, z json, b json, c jsonb);",
        findings: &["TU701 safe column public.t.b"],
    },
    Case {
        rule: "TU701",
        live: "",
        desired: "CREATE TABLE t (c jsonb);",
        findings: &[],
    },
    Case {
        rule: "TU702",
        live: "",
        desired: "CREATE TABLE t (a char(3), b char(3)[], c varchar(3), d \"char\");",
        findings: &["TU702 safe column public.t.a", "TU702 safe column public.t.b"],
    },
    Case {
        rule: "TU702",
        live: "",
        desired: "CREATE TABLE t (c varchar(3), d \"char\");",
        findings: &[],
    },
    Case {
        rule: "TU703",
        live: "",
        desired: "CREATE TABLE t (a timestamp, b timestamp(3), c timestamptz, d date);",
        findings: &["TU703 safe column public.t.a", "TU703 safe column public.t.b"],
    },
    Case {
        rule: "TU703",
        live: "",
        desired: "CREATE TABLE t (c timestamptz, d date);",
        findings: &[],
    },
    Case {
        rule: "TU704",
        live: "",
        desired: "CREATE TABLE t (a bigserial);",
        findings: &["TU704 safe column public.t.a"],
    },
    Case {
        rule: "TU704",
        live: "",
        desired: "CREATE TABLE t (a bigint GENERATED ALWAYS AS IDENTITY);",
        findings: &[],
    },
    Case {
        rule: "TU705",
        live: "",
        desired: "CREATE TABLE a23456789b123456789c123456789d123456789e123456789f123456789ghijklmno (id int);",
        findings: &["TU705 safe table public.a23456789b123456789c123456789d123456789e123456789f123456789ghij"],
    },
    Case {
        rule: "TU705",
        live: "",
        desired: "CREATE TABLE a23456789b123456789c123456789d123456789e123456789f123456789gh (id int);",
        findings: &[],
    },
    // TU601
    Case {
        rule: "TU601",
        live: "",
        desired: "CREATE EXTENSION citext;",
        findings: &["TU601 caution extension citext"],
    },
    Case {
        rule: "TU601",
        live: "CREATE EXTENSION citext;",
        desired: "",
        findings: &["TU601 dangerous extension citext"],
    },
    Case {
        rule: "TU601",
        live: "CREATE EXTENSION citext VERSION '1.4';",
        desired: "CREATE EXTENSION citext; CREATE TABLE t (a citext);",
        findings: &["TU601 safe extension citext"],
    },
    Case {
        rule: "TU601",
        live: "CREATE EXTENSION citext;",
        desired: "CREATE EXTENSION citext; CREATE TABLE t (a citext);",
        findings: &[],
    },
    // TU105, TU106, TU202, TU301, TU302, TU303, TU401, TU402, TU502: what does not fire them.
    Case {
        rule: "TU105",
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar);",
        findings: &[],
    },
    Case {
        rule: "TU106",
        live: "CREATE TABLE t (a int) PARTITION BY RANGE (a);",
        desired: "CREATE TABLE t (a int, b int) PARTITION BY RANGE (a);",
        findings: &[],
    },
    Case {
        rule: "TU402",
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int); CREATE TABLE n (a int); GRANT SELECT ON n TO PUBLIC;",
        findings: &[],
    },
    Case {
        rule: "TU104",
        live: "CREATE TYPE e AS ENUM ('a');",
        desired: "CREATE TYPE e AS ENUM ('a', 'b');",
        findings: &[],
    },
    Case {
        rule: "TU102",
        live: SMALL,
        desired: SMALL,
        findings: &[],
    },
    Case {
        rule: "TU103",
        live: SMALL,
        desired: SMALL,
        findings: &[],
    },
    Case {
        rule: "TU303",
        live: "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE INDEX i ON t (a);",
        desired: "CREATE TABLE t (a int); CREATE INDEX i ON t (a) WITH (fillfactor = 80);",
        findings: &[],
    },
];
