//! Tables that inherit from tables: the link comes and goes, and rows stay.

use super::case;

#[test]
fn parents_are_exchanged() {
    case(
        "CREATE TABLE one (id bigserial NOT NULL); CREATE TABLE t (shape polygon) INHERITS (one);",
        "CREATE TABLE one (other int); CREATE TABLE two (id bigserial NOT NULL);
         CREATE TABLE t (shape polygon) INHERITS (two);",
        &["NO INHERIT public.one", "INHERIT public.two"],
        &["DROP COLUMN id;\nALTER TABLE public.t ", "DROP TABLE public.t;"],
    );
}

#[test]
fn a_link_waits_for_what_it_compares() {
    case(
        "CREATE TABLE p (a int, b text); CREATE TABLE t (a int, c date);",
        "CREATE TABLE p (a bigint NOT NULL, b varchar(9), d int DEFAULT 3, CONSTRAINT k CHECK (a > 0));
         CREATE TABLE t (a bigint, c date) INHERITS (p);",
        &["INHERIT public.p"],
        &["DROP TABLE", "DROP COLUMN c"],
    );
}

#[test]
fn one_of_two_parents_goes() {
    case(
        "CREATE TABLE p (a int, x int); CREATE TABLE q (a int, y int); CREATE TABLE t (z int) INHERITS (p, q);",
        "CREATE TABLE p (a bigint, x int); CREATE TABLE q (a bigint, w int NOT NULL); CREATE TABLE t (z int) INHERITS (q);",
        &["NO INHERIT public.p"],
        &["DROP TABLE"],
    );
}

#[test]
fn children_stay_while_their_parent_is_made_anew() {
    case(
        "CREATE TABLE p (a int); CREATE TABLE t (z int) INHERITS (p); CREATE TABLE u () INHERITS (t);",
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;
         CREATE FOREIGN TABLE p (a int) SERVER far; CREATE TABLE t (z int) INHERITS (p); CREATE TABLE u () INHERITS (t);",
        &["NO INHERIT public.p", "INHERIT public.p"],
        &["DROP TABLE public.t", "DROP TABLE public.u"],
    );
}

#[test]
fn children_follow_their_parents() {
    case(
        "CREATE TABLE p (a int, x text); CREATE TABLE t (z int) INHERITS (p); CREATE TABLE gone () INHERITS (p);",
        "CREATE TABLE p (a bigint, y int NOT NULL, CONSTRAINT k CHECK (y > 0)); CREATE TABLE t (z int) INHERITS (p);
         CREATE TABLE come (b int) INHERITS (p);",
        &[],
        &["NO INHERIT", "ALTER TABLE public.t"],
    );
}

#[test]
fn generated_columns_are_inherited() {
    case(
        "CREATE TABLE p (a int); CREATE TABLE t () INHERITS (p);",
        "CREATE TABLE p (a int, b int GENERATED ALWAYS AS (a * 2) STORED); CREATE TABLE t () INHERITS (p);
         CREATE TABLE u (z int) INHERITS (p); CREATE TABLE v (a int, b int) INHERITS (p);",
        &[],
        &[],
    );
}
