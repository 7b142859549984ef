//! Roles beyond their plain form: sections of their own in YAML, renames, the grants of several grantors, and roles that
//! the files only name.

use crate::manage::Roles;
use crate::support::{Database, Project, binaries, servers};

/// A database with roles of its own on a server that is shared with other tests.
struct Ground {
    major: i32,
    id: String,
    /// Dropped before the roles.
    database: Database,
    project: Project,
    roles: Roles,
}

impl Ground {
    /// Makes one for each server that has binaries; the names of roles get an ending of their own.
    fn all(word: &str, names: &[&str]) -> Vec<Self> {
        let grounds = servers().into_iter().filter_map(|(major, server)| {
            let folder = binaries(major)?;
            let id = format!("{word}_{major}_{}", std::process::id());
            let names = names.iter().map(|name| format!("{name}_{id}")).collect();
            let roles = Roles::of(&server, names);
            let database = Database::new(&server);
            let mut project = Project::of(&database, major, &[]);
            project.set("DATABASE_URL", &database.url());
            project.set("TRUEUP_PG_BIN", &folder.display().to_string());
            let ground = Self {
                major,
                id,
                database,
                project,
                roles,
            };
            ground.manage("[roles, database]");
            Some(ground)
        });
        grounds.collect()
    }

    /// Writes the configuration; the roles of other tests are not looked at.
    fn manage(&self, areas: &str) {
        let id = &self.id;
        self.project.write(
            "trueup.yaml",
            &format!("manage: {areas}\nscratch: local\ninclude: ['role:*_{id}', 'database:*', 'public', 'foreign_server:*', 'foreign_data_wrapper:*']\n"),
        );
    }

    /// Declares what stands in one file alone; `@` stands for the ending of roles.
    fn declare(&self, file: &str, text: &str) {
        let _ = std::fs::remove_dir_all(self.project.path("schema"));
        self.project
            .write(&format!("schema/{file}"), &text.replace('@', &self.id));
    }

    fn execute(&self, sql: &str) {
        self.database.execute(&sql.replace('@', &self.id));
    }

    fn run(&self, arguments: &str) -> String {
        self.project.run(arguments).expect(0)
    }

    fn apply(&self) {
        self.run("apply --yes --approve dangerous");
    }

    /// Says that a plan finds no difference.
    fn is_true(&self) {
        let plan = self.run("plan --exit-code");
        assert!(plan.contains("Nothing to do"), "PostgreSQL {}: {plan}", self.major);
    }

    fn text(&self, sql: &str) -> String {
        self.roles.one(&sql.replace('@', &self.id))
    }

    /// Returns `role member grantor admin` of all memberships, without the ending; a superuser is `-`.
    fn memberships(&self) -> String {
        let text = self.text(
            "SELECT coalesce(string_agg(o.rolname || ' ' || m.rolname || ' ' ||
                        CASE WHEN g.oid < 16384 THEN '-' ELSE g.rolname END || ' ' || a.admin_option, ', '
                        ORDER BY o.rolname, m.rolname, g.oid >= 16384, g.rolname), 'none')
             FROM pg_auth_members a JOIN pg_roles o ON o.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
             JOIN pg_roles g ON g.oid = a.grantor WHERE m.rolname LIKE '%\\_@'",
        );
        text.replace(&format!("_{}", self.id), "")
    }
}

const YAML: &str = "\
roles:
  owner_@:
  reader_@: {comment: reads, bypass_row_security: true}
  app_@:
    login: true
    inherit: false
    connection_limit: 3
    valid_until: 2031-01-01 00:00:00+00
    comment: the application
    settings:
      search_path: [app, public]
      work_mem: 9MB
    settings_in_database: {statement_timeout: 5s}
    member_of:
      reader_@:
      pg_monitor: {admin: true}
database:
  comment: the shop
  owner: owner_@
  connection_limit: 7
  grants: {public: [], app_@: [connect]}
  settings: {work_mem: 10MB}
";

#[test]
fn yaml_has_sections_for_roles_and_the_database() {
    for ground in Ground::all("yaml", &["owner", "reader", "app", "gone"]) {
        ground.declare("a.yaml", YAML);
        ground.apply();
        ground.is_true();
        let row = ground.text(
            "SELECT rolcanlogin || ' ' || rolinherit || ' ' || rolconnlimit || ' ' || shobj_description(oid, 'pg_authid')
             FROM pg_roles WHERE rolname = 'app_@'",
        );
        assert_eq!(row, "true false 3 the application");
        let database = ground.database.text(
            "SELECT datconnlimit || ' ' || pg_get_userbyid(datdba) || ' ' || array_to_string(setconfig, ';')
             FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND setrole = 0
             WHERE datname = current_database()",
        );
        assert_eq!(database, format!("7 owner_{} work_mem=10MB", ground.id));
        // What is written says the same in the same form.
        let written = ground.run("inspect env:DATABASE_URL --format yaml");
        assert!(!written.contains("objects:"), "{written}");
        for part in [
            "settings_in_database: {statement_timeout: 5s}",
            "owner: owner_",
            "search_path: [app, public]",
        ] {
            assert!(
                written.contains(part),
                "PostgreSQL {}: no {part} in {written}",
                ground.major
            );
        }
        ground.declare("b.yaml", &written);
        ground.is_true();
        ground.declare("c.yaml", &(written + "  gone_@: {dropped: true}\n"));
        ground.execute("CREATE ROLE gone_@");
        ground.apply();
        ground.is_true();
        assert_eq!(
            ground.text("SELECT count(*)::text FROM pg_roles WHERE rolname = 'gone_@'"),
            "0"
        );
        // Without the area, notes say what is passed over.
        ground.manage("[]");
        let plain = ground.run("plan").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            ["Nothing to do", "`manage: [roles]`", "`manage: [database]`"]
                .iter()
                .all(|part| plain.contains(part)),
            "{plain}"
        );
    }
}

#[test]
fn unknown_keys_of_roles_are_named_at_their_line() {
    let cases = [
        (
            "roles:\n  app: {logn: true}\n",
            "a.yaml:2:9: unknown key `logn` of `app`",
            "Did you mean `login`?",
        ),
        (
            "roles:\n  app:\n    memberof: [x]\n",
            "a.yaml:3:5: unknown key `memberof`",
            "Did you mean `member_of`?",
        ),
        (
            "roles:\n  app:\n    member_of:\n      x: {admn: true}\n",
            "a.yaml:4:11: unknown key `admn` of `x`",
            "`admin`",
        ),
        (
            "database:\n  ownr: x\n",
            "a.yaml:2:3: unknown key `ownr` of `database`",
            "Did you mean `owner`?",
        ),
        (
            "roles:\n  app: {dropped: true, login: true}\n",
            "a.yaml:2:24: `login` of `app`, which is dropped",
            "",
        ),
        (
            "rolls:\n  app:\n",
            "a.yaml:1:1: unknown key `rolls`",
            "Did you mean `roles`?",
        ),
        (
            "roles:\n  app: {connection_limit: many}\n",
            "a.yaml:2:27: `connection_limit` must be a whole number",
            "",
        ),
    ];
    for (text, message, hint) in cases {
        let project = Project::new("roles", &[("a.yaml", text)]);
        let refused = project.run("inspect a.yaml --manage roles --manage database");
        assert_eq!(refused.code, 1);
        assert!(
            refused.err.contains(message) && refused.err.contains(hint),
            "{}",
            refused.err
        );
    }
}

#[test]
fn a_wrong_setting_is_named_where_it_stands() {
    let Some(ground) = Ground::all("wrong", &["app"]).pop() else {
        return;
    };
    ground.declare(
        "a.yaml",
        "roles:\n  app_@:\n    settings:\n      work_mem: 9MB\n      wrok_mem: 9MB\n",
    );
    let refused = ground.project.run("plan");
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("a.yaml:5:7: unrecognized configuration parameter"),
        "{}",
        refused.err
    );
}

/// Everything that can name a role.
const NAMING: &str = "
    CREATE ROLE boss_@;
    CREATE ROLE group_@;
    HINT
    CREATE ROLE NAME LOGIN;
    GRANT group_@ TO NAME WITH ADMIN OPTION;
    GRANT NAME TO boss_@;
    GRANT group_@ TO boss_@GRANTED;
    ALTER ROLE NAME SET work_mem TO '9MB';
    ALTER ROLE NAME IN DATABASE here SET work_mem TO '10MB';
    COMMENT ON ROLE NAME IS 'somebody';
    CREATE TABLE t (id int);
    ALTER TABLE t OWNER TO NAME;
    CREATE TABLE u (id int);
    GRANT SELECT (id), INSERT ON u TO NAME;
    CREATE POLICY p ON u TO NAME USING (true);
    ALTER DEFAULT PRIVILEGES FOR ROLE NAME IN SCHEMA public GRANT SELECT ON TABLES TO boss_@;
    ALTER DEFAULT PRIVILEGES FOR ROLE boss_@ IN SCHEMA public GRANT SELECT ON TABLES TO NAME;
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER s FOREIGN DATA WRAPPER w;
    CREATE USER MAPPING FOR NAME SERVER s OPTIONS (user 'x');
    ALTER DATABASE here OWNER TO NAME;
    GRANT CONNECT ON DATABASE here TO NAME;";

#[test]
fn a_role_is_renamed_with_everything_that_names_it() {
    for ground in Ground::all("rename", &["before", "after", "boss", "group"]) {
        let files = |name: &str, hint: &str| {
            let granted = format!(" GRANTED BY {name}");
            let granted = if ground.major >= 16 { granted.as_str() } else { "" };
            NAMING
                .replace("GRANTED", granted)
                .replace("NAME", name)
                .replace("HINT", hint)
        };
        ground.declare("a.sql", &files("before_@", ""));
        ground.apply();
        ground.is_true();
        let before = ground.run("inspect env:DATABASE_URL");
        let oid = ground.text("SELECT oid::text FROM pg_roles WHERE rolname = 'before_@'");

        ground.declare("a.sql", &files("after_@", "-- trueup: renamed from before_@"));
        let plan = ground.run("plan");
        for part in [
            "changes   1 (1 renamed)",
            "TU501",
            "logins under its",
            "MD5",
            "held on PostgreSQL",
        ] {
            assert!(plan.contains(part), "PostgreSQL {}: no {part} in {plan}", ground.major);
        }
        assert!(!plan.contains("left alone"), "{plan}");
        ground.apply();
        ground.is_true();
        assert_eq!(
            ground.text("SELECT oid::text FROM pg_roles WHERE rolname = 'after_@'"),
            oid
        );

        ground.run("rollback --yes --approve dangerous");
        assert_eq!(ground.run("inspect env:DATABASE_URL"), before);

        // In YAML, and together with a change.
        ground.declare("a.sql", &files("after_@", "").replace("CREATE ROLE after_@ LOGIN;", ""));
        ground.project.write(
            "schema/b.yaml",
            &"roles:\n  after_@: {connection_limit: 5, renamed_from: before_@}\n".replace('@', &ground.id),
        );
        ground.apply();
        ground.is_true();
        let now = ground
            .text("SELECT oid || ' ' || rolcanlogin || ' ' || rolconnlimit FROM pg_roles WHERE rolname = 'after_@'");
        assert_eq!(now, format!("{oid} false 5"));

        // For one run.
        ground.declare("a.sql", &files("before_@", ""));
        let id = &ground.id;
        ground.run(&format!(
            "apply --yes --approve dangerous --rename after_{id}=before_{id}"
        ));
        ground.is_true();
        assert_eq!(ground.run("inspect env:DATABASE_URL"), before);
    }
}

const GRANTORS: &str = "
    CREATE ROLE team_@;
    CREATE ROLE boss_@;
    CREATE ROLE vice_@;
    CREATE ROLE member_@;
    GRANT team_@ TO member_@ GRANTED BY vice_@;
    GRANT team_@ TO member_@ WITH ADMIN OPTION GRANTED BY boss_@;
    GRANT team_@ TO member_@;
    GRANT team_@ TO vice_@ WITH ADMIN OPTION GRANTED BY boss_@;
    GRANT team_@ TO boss_@ WITH ADMIN OPTION;";

#[test]
fn each_grantors_grant_is_one_of_its_own() {
    let names = ["team", "boss", "vice", "member"];
    for ground in Ground::all("grantors", &names)
        .into_iter()
        .filter(|ground| ground.major >= 16)
    {
        ground.declare("a.sql", GRANTORS);
        ground.apply();
        ground.is_true();
        let all =
            "team boss - true, team member - false, team member boss true, team member vice false, team vice boss true";
        assert_eq!(ground.memberships(), all);
        // Both languages say all of them.
        for format in ["sql", "yaml"] {
            let written = ground.run(&format!("inspect env:DATABASE_URL --format {format}"));
            assert!(!written.contains("objects:"), "{written}");
            ground.declare(&format!("a.{format}"), &written);
            ground.is_true();
        }
        // One goes with the grant that it comes from, one changes, one stays.
        let fewer = GRANTORS
            .replace("GRANT team_@ TO member_@ GRANTED BY vice_@;", "")
            .replace("GRANT team_@ TO vice_@ WITH ADMIN OPTION GRANTED BY boss_@;", "")
            .replace("member_@ WITH ADMIN OPTION GRANTED", "member_@ GRANTED");
        ground.declare("a.sql", &fewer);
        ground.apply();
        ground.is_true();
        assert_eq!(
            ground.memberships(),
            "team boss - true, team member - false, team member boss false"
        );
        ground.run("rollback --yes --approve dangerous");
        assert_eq!(ground.memberships(), all);
        // A grantor goes with what was granted, and comes again.
        ground.declare(
            "a.sql",
            "CREATE ROLE team_@; DROP ROLE boss_@; DROP ROLE vice_@; DROP ROLE member_@;",
        );
        ground.apply();
        ground.is_true();
        assert_eq!(ground.memberships(), "none");
        ground.declare("a.sql", GRANTORS);
        ground.apply();
        assert_eq!(ground.memberships(), all);
    }
}

#[test]
fn a_grant_outlives_the_right_of_its_grantor() {
    for ground in Ground::all("late", &["team", "boss", "member"])
        .into_iter()
        .filter(|ground| ground.major >= 16)
    {
        ground.execute(
            "CREATE ROLE team_@; CREATE ROLE boss_@; CREATE ROLE member_@; GRANT team_@ TO boss_@ WITH ADMIN OPTION;
             GRANT team_@ TO member_@ GRANTED BY boss_@; GRANT team_@ TO boss_@ WITH ADMIN FALSE",
        );
        let all = "team boss - false, team member boss false";
        assert_eq!(ground.memberships(), all);
        let written = ground.run("inspect env:DATABASE_URL");
        ground.declare("a.sql", &written);
        ground.is_true();
        ground.declare("a.sql", &(written + "COMMENT ON ROLE team_@ IS 'a team';"));
        ground.apply();
        ground.is_true();
        assert_eq!(ground.memberships(), all);
    }
}

#[test]
fn before_postgresql_16_a_membership_has_one_grant() {
    for ground in Ground::all("one", &["team", "boss", "member"])
        .into_iter()
        .filter(|ground| ground.major < 16)
    {
        ground.declare(
            "a.sql",
            "CREATE ROLE team_@; CREATE ROLE boss_@; CREATE ROLE member_@; GRANT team_@ TO boss_@ WITH ADMIN OPTION;
             GRANT team_@ TO member_@ GRANTED BY boss_@;",
        );
        ground.apply();
        ground.is_true();
        let members = ground.text("SELECT count(*)::text FROM pg_auth_members WHERE roleid = 'team_@'::regrole");
        assert_eq!(members, "2");
    }
}

#[test]
fn another_version_of_the_scratch_server_makes_no_difference() {
    for (live, scratch) in [(14, 18), (15, 16), (18, 15)] {
        let grounds = Ground::all(&format!("to{scratch}"), &["team", "boss", "vice", "member"]);
        let ground = grounds.into_iter().find(|ground| ground.major == live);
        let (Some(mut ground), Some(folder)) = (ground, binaries(scratch)) else {
            continue;
        };
        ground.declare("a.sql", GRANTORS);
        ground.apply();
        ground.project.set("TRUEUP_PG_BIN", &folder.display().to_string());
        ground.is_true();
    }
}

#[test]
fn a_role_that_is_only_named_keeps_what_it_is() {
    for ground in Ground::all("named", &["app", "team"]) {
        ground.execute("CREATE ROLE app_@ LOGIN CONNECTION LIMIT 3; ALTER ROLE app_@ SET work_mem TO '5MB'");
        ground.declare(
            "a.sql",
            "CREATE ROLE team_@; CREATE TABLE t (id int); ALTER TABLE t OWNER TO app_@; GRANT team_@ TO app_@;
             ALTER ROLE app_@ NOLOGIN;",
        );
        let plan = ground.run("plan").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            plan.contains("`ALTER ROLE app") && plan.contains("no target file declares the role"),
            "{plan}"
        );
        ground.apply();
        ground.is_true();
        let row = ground.text(
            "SELECT rolcanlogin || ' ' || rolconnlimit || ' ' || array_to_string(setconfig, ';') FROM pg_roles r
             JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE rolname = 'app_@'",
        );
        assert_eq!(row, "true 3 work_mem=5MB");
        assert_eq!(ground.memberships(), "team app - false");
    }
}

#[test]
fn a_role_that_every_server_has_is_passed_over() {
    let Some(ground) = Ground::all("own", &["app"]).pop() else {
        return;
    };
    // As pg_dumpall writes them.
    ground.declare(
        "a.sql",
        "CREATE ROLE postgres; ALTER ROLE postgres WITH NOLOGIN NOSUPERUSER; ALTER ROLE postgres SET work_mem TO '9MB';
         CREATE ROLE app_@; ALTER ROLE app_@ WITH LOGIN;",
    );
    let plan = ground.run("plan").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        plan.contains("schema/a.sql:1:1: What is said of role `postgres` is passed over"),
        "{plan}"
    );
    ground.apply();
    ground.is_true();
    let own = "SELECT rolcanlogin::text FROM pg_roles WHERE rolname = 'postgres'";
    assert_eq!(ground.text(own), "true");
}

#[test]
fn a_grantor_without_the_right_is_named() {
    let Some(ground) = Ground::all("right", &["boss", "anna", "team"]).pop() else {
        return;
    };
    ground.declare(
        "a.yaml",
        "roles:\n  boss_@:\n  team_@:\n  anna_@:\n    member_of: {team_@: {granted_by: boss_@}}\n",
    );
    let refused = ground.project.run("plan");
    assert_eq!(refused.code, 1);
    for part in [
        "a.yaml:5:17: permission denied to grant privileges as role",
        "`WITH ADMIN OPTION`",
    ] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
}

#[test]
fn strange_names_and_values_are_said_in_yaml() {
    for ground in Ground::all("odd", &[]) {
        let id = &ground.id;
        let names = [format!("Grp. A_{id}"), format!("é\"q_{id}")];
        let [group, member] = names
            .each_ref()
            .map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
        let roles = Roles::of(ground.database.server(), vec![group.clone(), member.clone()]);
        ground.execute(&format!(
            "CREATE ROLE {group}; CREATE ROLE {member}; GRANT {group} TO {member};
             COMMENT ON ROLE {group} IS E'one\\ntwo: x';
             ALTER ROLE {member} SET search_path TO \"$user\", \"My S\", public;
             ALTER ROLE {member} SET \"app.Tenant\" TO ' a: b # c';
             ALTER ROLE {member} SET app.empty TO '';
             ALTER DATABASE \"{}\" SET datestyle TO 'ISO, DMY'",
            ground.database.name()
        ));
        let written = ground.run("inspect env:DATABASE_URL --format yaml");
        assert!(!written.contains("objects:"), "{written}");
        ground.declare("a.yaml", &written);
        ground.is_true();
        drop(ground.database);
        drop(roles);
    }
}

#[test]
fn settings_in_a_database_are_of_the_one_at_hand() {
    for ground in Ground::all("here", &["app"]) {
        ground.manage("[roles]");
        ground.declare(
            "a.sql",
            "CREATE ROLE app_@; ALTER ROLE app_@ IN DATABASE anything SET work_mem TO '6MB';",
        );
        ground.apply();
        ground.is_true();
        let database = ground.text(
            "SELECT d.datname FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
             JOIN pg_database d ON d.oid = s.setdatabase WHERE rolname = 'app_@'",
        );
        assert_eq!(database, ground.database.name());
    }
}
