//! Every server that the tests are given: it is what it is said to be, and a role with no rights at all can read it.

use trueup::db::{Server, Url};
use trueup::introspect::{Options, introspect};
use trueup::kinds::Kind;

use crate::support::{Database, pg_dump, servers};

#[test]
fn the_servers_are_what_they_are_said_to_be() {
    for (major, url) in servers() {
        let database = Database::new(&url);
        let server = Server::read(&mut database.connect()).unwrap();
        assert_eq!(server.major(), major);
        assert_eq!(server.check_supported().unwrap(), None);
    }
}

#[test]
fn an_empty_database_holds_only_its_schema() {
    for (major, url) in servers() {
        let catalog = Database::new(&url).catalog();
        let schemas: Vec<String> = catalog
            .objects
            .keys()
            .filter(|identity| identity.kind == Kind::Schema)
            .map(|identity| identity.path.join("."))
            .collect();
        assert_eq!(schemas, ["public"], "PostgreSQL {major}");
        assert!(!catalog.objects.keys().any(|identity| identity.kind == Kind::Table));
        assert!(catalog.unmodelled.is_empty(), "{:?}", catalog.unmodelled);
    }
}

#[test]
fn a_role_with_connect_alone_reads_what_a_superuser_reads() {
    for (major, url) in servers() {
        let database = Database::with(
            &url,
            "CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int PRIMARY KEY DEFAULT 1, CHECK (id > 0));
             CREATE VIEW hidden.v AS SELECT id FROM hidden.t;
             CREATE FUNCTION hidden.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
             REVOKE ALL ON FUNCTION hidden.f() FROM PUBLIC; CREATE SEQUENCE hidden.s;",
        );
        let role = format!("{}_reader", database.name());
        database.execute(&format!("CREATE ROLE {role} LOGIN"));
        let reader: Url = database.target().with_user(&role);
        let seen = introspect(&reader, Options::default());
        database.execute(&format!("DROP ROLE {role}"));
        assert_eq!(
            seen.unwrap().1.fingerprint(),
            database.catalog().fingerprint(),
            "PostgreSQL {major}"
        );
    }
}

#[test]
fn the_observer_sees_every_difference_but_the_order_of_columns() {
    for (_, url) in servers() {
        let dump = |sql: &str| pg_dump(&Database::with(&url, sql).url());
        let Some(one) = dump("CREATE TABLE t (a int, b text DEFAULT ';'); COMMENT ON TABLE t IS '-- no comment';")
        else {
            return;
        };
        let same = "CREATE TABLE t (b text DEFAULT ';', a int); COMMENT ON TABLE t IS '-- no comment';";
        assert_eq!(dump(same).unwrap(), one);
        let other = "CREATE TABLE t (b text DEFAULT ';', a int); COMMENT ON TABLE t IS '-- comment';";
        assert_ne!(dump(other).unwrap(), one);
        assert!(one.iter().any(|statement| statement.starts_with("CREATE TABLE")));
    }
}
