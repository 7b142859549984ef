//! What belongs to the cluster and not to a database: a scratch server of our own makes what a plan names of it, and a live
//! server that lacks it is told from one that has it.

use crate::support::{Database, Project, binaries, servers};

/// A project on each server, with a scratch server of its own beside it.
fn projects() -> Vec<(String, Database, Project)> {
    let project = |(major, server): (i32, String)| {
        let folder = binaries(major)?;
        let database = Database::new(&server);
        let mut project = Project::of(&database, major, &[]);
        project.set("DATABASE_URL", &database.url());
        project.set("TRUEUP_PG_BIN", &folder.display().to_string());
        project.write("trueup.yaml", "scratch: local\n");
        Some((format!("{major}_{}", std::process::id()), database, project))
    };
    servers().into_iter().filter_map(project).collect()
}

#[test]
fn what_the_server_lacks_is_named_by_plan_and_stops_apply() {
    for (id, database, project) in projects() {
        project.write(
            "schema/a.sql",
            &format!(
                "CREATE TABLE a (id integer); CREATE INDEX a_id ON a (id) TABLESPACE fast_{id};
                 GRANT SELECT ON a TO reader_{id};"
            ),
        );
        let said = project.run("plan --out plan.json").expect(0);
        assert!(said.contains("proof     held"), "{said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let missing = format!("apply refuses until it is there: role `reader_{id}`, tablespace `fast_{id}`.");
        assert!(said.contains(&missing), "{said}");
        let refused = project.run("apply plan.json --yes");
        assert_eq!(refused.code, 3, "{}", refused.err);
        assert!(refused.err.contains("nothing was changed"), "{}", refused.err);
        assert!(refused.err.contains(&format!("role `reader_{id}`")), "{}", refused.err);
        assert_eq!(
            database.text("SELECT count(*)::text FROM pg_class WHERE relname = 'a'"),
            "0"
        );
    }
}

#[test]
fn tables_and_indexes_in_tablespaces_are_planned_proven_and_moved() {
    for (id, database, project) in projects() {
        let (fast, slow) = (format!("fast_{id}"), format!("slow_{id}"));
        let mut session = database.connect();
        session.batch_execute("SET allow_in_place_tablespaces = on").unwrap();
        for tablespace in [&fast, &slow] {
            session
                .batch_execute(&format!("CREATE TABLESPACE {tablespace} LOCATION ''"))
                .unwrap();
        }
        database.execute(&format!(
            "CREATE TABLE a (id integer PRIMARY KEY, name text) TABLESPACE {fast};
             CREATE INDEX a_name ON a (name) TABLESPACE {fast};
             INSERT INTO a SELECT n, 'name ' || n FROM generate_series(1, 100) AS n;"
        ));
        let before = project.run("inspect env:DATABASE_URL").expect(0);
        project.write(
            "schema/a.sql",
            &format!(
                "CREATE TABLE a (id integer PRIMARY KEY USING INDEX TABLESPACE {slow}, name text, more text) TABLESPACE {slow};
                 CREATE INDEX a_name ON a (name) TABLESPACE {fast};"
            ),
        );
        let plan = project.run("plan --out plan.json").expect(0);
        assert!(plan.contains("proof     held"), "{plan}");
        assert!(!plan.contains("lacks"), "{plan}");
        project.run("apply plan.json --yes --approve critical").expect(0);
        project.run("plan --exit-code").expect(0);
        let place = "SELECT string_agg(c.relname || ' ' || coalesce(t.spcname, '-'), ', ' ORDER BY c.relname) \
                     FROM pg_class c LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE c.relname ~ '^a'";
        let placed = database.text(place);
        assert!(
            placed.starts_with(&format!("a {slow}, a_name {fast}, a_pkey {slow}")),
            "{placed}"
        );
        project.run("rollback --yes --approve critical").expect(0);
        assert_eq!(
            project
                .run("inspect env:DATABASE_URL --exclude schema:trueup")
                .expect(0),
            before
        );
        database.execute("DROP TABLE a");
        for tablespace in [&fast, &slow] {
            session.batch_execute(&format!("DROP TABLESPACE {tablespace}")).unwrap();
        }
    }
}
