//! Definitions that are put together from the columns of the catalogs are PostgreSQL's own words.

use std::collections::BTreeMap;

use trueup::kinds::AnyObject;

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
