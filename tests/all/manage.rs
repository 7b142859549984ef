//! Roles and the database itself: looked after when asked for, left alone otherwise.

use crate::support::{Database, Project, binaries, servers};

/// Drops roles with this value.
pub(crate) struct Roles {
    server: Database,
    names: Vec<String>,
}

impl Roles {
    pub(crate) fn of(server: &str, names: Vec<String>) -> Self {
        Self {
            server: Database::new(server),
            names,
        }
    }

    pub(crate) fn one(&self, sql: &str) -> String {
        self.server.text(sql)
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        // All at once, since some may have granted what others have; one by one where one is in the way.
        let all = format!("DROP ROLE IF EXISTS {}", self.names.join(", "));
        if self.server.connect().batch_execute(&all).is_ok() {
            return;
        }
        for name in &self.names {
            let _ = self
                .server
                .connect()
                .batch_execute(&format!("DROP ROLE IF EXISTS {name}"));
        }
    }
}

fn files(id: &str, major: i32) -> String {
    let options = if major >= 16 {
        " WITH INHERIT FALSE, SET TRUE"
    } else {
        ""
    };
    format!(
        "GRANT CONNECT ON DATABASE anything TO app_{id};
         REVOKE ALL ON DATABASE anything FROM PUBLIC;
         ALTER DATABASE anything OWNER TO owner_{id};
         ALTER DATABASE anything SET work_mem TO '9MB';
         ALTER DATABASE anything CONNECTION LIMIT 7;
         COMMENT ON DATABASE anything IS 'the shop';
         CREATE TABLE t (id int PRIMARY KEY);
         ALTER TABLE t OWNER TO owner_{id};
         GRANT SELECT ON t TO reader_{id};
         CREATE ROLE owner_{id};
         CREATE ROLE reader_{id};
         CREATE ROLE app_{id} LOGIN CONNECTION LIMIT 5 PASSWORD 'hunter2' VALID UNTIL '2031-01-01 00:00:00+00';
         GRANT reader_{id} TO app_{id}{options};
         GRANT pg_monitor TO owner_{id} WITH ADMIN OPTION;
         ALTER ROLE app_{id} SET search_path TO app, public;
         ALTER ROLE app_{id} IN DATABASE anything SET statement_timeout TO '5s';
         COMMENT ON ROLE app_{id} IS 'the application';
         DROP ROLE IF EXISTS gone_{id};"
    )
}

#[test]
fn roles_and_the_database_follow_their_files_and_go_back() {
    for (major, server) in servers() {
        let Some(folder) = binaries(major) else { continue };
        let id = format!("{major}_{}", std::process::id());
        let names = ["app", "owner", "reader", "gone", "other"].map(|name| format!("{name}_{id}"));
        let roles = Roles::of(&server, names.to_vec());
        roles
            .server
            .execute(&format!("CREATE ROLE gone_{id}; CREATE ROLE other_{id}"));
        let database = Database::new(&server);
        let mut project = Project::of(&database, major, &[("schema/a.sql", &files(&id, major))]);
        project.set("DATABASE_URL", &database.url());
        project.set("TRUEUP_PG_BIN", &folder.display().to_string());
        std::fs::write(
            project.path("trueup.yaml"),
            "manage: [roles, database]\nscratch: local\n",
        )
        .unwrap();
        let before = project.run("inspect env:DATABASE_URL --exclude role:other*").expect(0);
        let plan = project.run("plan --out plan.json").expect(0);
        assert!(plan.contains("held on PostgreSQL"), "{plan}");
        assert!(plan.contains(&format!("DROP ROLE gone_{id}")), "{plan}");
        assert!(!plan.contains(&format!("DROP ROLE other_{id}")), "{plan}");
        assert!(
            !std::fs::read_to_string(project.path("plan.json"))
                .unwrap()
                .contains("hunter2")
        );
        // The plan says by itself what it looks after.
        std::fs::write(project.path("trueup.yaml"), "scratch: local\n").unwrap();
        project.run("apply plan.json --yes --approve dangerous").expect(0);
        let plain = project.run("plan").expect(0);
        assert!(
            plain.contains("Nothing to do") && !plain.contains("ROLE app"),
            "{plain}"
        );
        std::fs::write(
            project.path("trueup.yaml"),
            "manage: [roles, database]\nscratch: local\n",
        )
        .unwrap();
        let again = project.run("plan --exit-code").expect(0);
        assert!(again.contains("Nothing to do"), "{again}");
        let settings = roles.one(&format!(
            "SELECT string_agg(c, ';' ORDER BY c) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole,
                    unnest(setconfig) c WHERE rolname = 'app_{id}'"
        ));
        assert_eq!(settings, "search_path=app, public;statement_timeout=5s");
        let row = database.text(
            "SELECT datconnlimit || ' ' || pg_get_userbyid(datdba) || ' ' || shobj_description(oid, 'pg_database')
             FROM pg_database WHERE datname = current_database()",
        );
        assert_eq!(row, format!("7 owner_{id} the shop"));
        let declared = files(&id, major);
        let changed = declared
            .replace("LOGIN CONNECTION LIMIT 5", "CREATEDB")
            .replace("IS 'the application'", "IS 'another'")
            .replace("TO app, public", "TO public")
            .replace(" WITH ADMIN OPTION", "")
            .replace("'9MB'", "'10MB'");
        std::fs::write(project.path("schema/a.sql"), changed).unwrap();
        project.run("apply --yes --approve dangerous").expect(0);
        assert!(project.run("plan").expect(0).contains("Nothing to do"));
        project.run("rollback --yes --approve dangerous").expect(0);
        std::fs::write(project.path("schema/a.sql"), declared).unwrap();
        assert!(project.run("plan").expect(0).contains("Nothing to do"));
        let written = project.run("inspect env:DATABASE_URL").expect(0);
        for words in ["CREATE ROLE app", "COMMENT ON DATABASE", "IN DATABASE", "GRANT CONNECT"] {
            assert!(written.contains(words), "no {words} in {written}");
        }
        assert!(
            before.contains("CREATE ROLE gone") && !before.contains("CREATE ROLE other"),
            "{before}"
        );
    }
}

#[test]
fn somebodys_server_gets_no_roles() {
    let (major, server) = servers().pop().unwrap();
    let database = Database::new(&server);
    let mut project = Project::of(&database, major, &[("schema/a.sql", "CREATE ROLE nobody_at_all;")]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &server);
    let refused = project.run("plan --manage roles");
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("the scratch server is somebody's"),
        "{}",
        refused.err
    );
    let found = database.text("SELECT count(*)::text FROM pg_roles WHERE rolname = 'nobody_at_all'");
    assert_eq!(found, "0");
}
