//! Secrets in options: compared without being known, set without being written down, gone from everything that is said.

use crate::support::{Database, Output, Project, servers};

const FORMER: &str = "former-hunter1";
const NEW: &str = "new-hun'ter2";

struct Far {
    database: Database,
    project: Project,
    said: std::cell::RefCell<String>,
}

fn files(password: &str) -> String {
    let password = password.replace('\'', "''");
    format!(
        "CREATE FOREIGN DATA WRAPPER w;
         CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (host 'h', api_token '{password}');
         CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password '{password}', password_required 'false');"
    )
}

impl Far {
    fn new(major: i32, server: &str, live: &str, schema: &str) -> Self {
        let database = Database::with(server, live);
        let mut project = Project::of(&database, major, &[("schema/far.sql", schema)]);
        project.set("DATABASE_URL", &database.url());
        project.set("TRUEUP_SCRATCH", server);
        Self {
            database,
            project,
            said: std::cell::RefCell::default(),
        }
    }

    fn run(&self, arguments: &str) -> Output {
        let output = self.project.run(arguments);
        let mut said = self.said.borrow_mut();
        said.push_str(&format!("$ {arguments}: {}\n{}{}", output.code, output.out, output.err));
        output
    }

    fn write(&self, schema: &str) {
        std::fs::write(self.project.path("schema/far.sql"), schema).unwrap();
    }

    fn password(&self) -> String {
        self.database
            .text("SELECT option_value FROM information_schema.user_mapping_options WHERE option_name = 'password'")
    }

    /// Returns all that was said, and every file beside the target files.
    fn everything(&self) -> String {
        let mut out = self.said.borrow().clone();
        out.push_str(&self.database.text(
            "SELECT string_agg(e::text, '') || (SELECT string_agg(s::text, '') FROM trueup.statement s)
             FROM trueup.execution e",
        ));
        let mut folders = vec![self.project.path(".")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("schema") {
                    folders.push(path);
                } else if path.is_file() && path.extension().is_none_or(|form| form != "sql") {
                    out.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
                }
            }
        }
        out
    }

    fn assert_silent(&self) {
        let said = self.everything();
        assert!(said.contains("<secret:"), "{said}");
        assert!(!said.contains("hunter1") && !said.contains("ter2"), "{said}");
    }
}

#[test]
fn a_changed_secret_is_a_difference_that_can_be_applied() {
    for (major, server) in servers() {
        let far = Far::new(major, &server, &files(FORMER), &files(FORMER));
        far.run("plan --exit-code").expect(0);
        far.write(&files(NEW));
        let plan = far.run("plan --exit-code --out plan.json").expect(2);
        assert!(
            plan.contains("impossible") && plan.contains("SET password '<secret:"),
            "{plan}"
        );
        for format in ["json", "sql", "markdown", "html", "sarif"] {
            far.run(&format!("plan --format {format}")).expect(0);
        }
        far.write(&files("another"));
        let refused = far.run("apply plan.json --yes --approve critical");
        assert!(
            refused.code == 1 && refused.err.contains("nobody knows the secrets"),
            "{}",
            refused.err
        );
        assert_eq!(far.password(), FORMER);
        far.write(&files(NEW));
        far.run("apply plan.json --yes --approve critical --log-file log --log-format json")
            .expect(0);
        assert_eq!(far.password(), NEW);
        far.run("plan --exit-code").expect(0);

        let refused = far.run("rollback --yes --approve critical");
        assert!(refused.code == 3 && refused.err.contains("--schema"), "{}", refused.err);
        std::fs::create_dir(far.project.path("before")).unwrap();
        std::fs::write(far.project.path("before/far.sql"), files(FORMER)).unwrap();
        far.run("rollback --yes --approve critical --schema before").expect(0);
        assert_eq!(far.password(), FORMER);
        far.run("history show 1").expect(0);
        far.assert_silent();
    }
}

#[test]
fn what_files_do_not_say_about_a_secret_stays() {
    for (major, server) in servers() {
        let silent = "CREATE FOREIGN DATA WRAPPER w;
            CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (host 'g');
            CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password_required 'false');";
        let far = Far::new(major, &server, &files(FORMER), silent);
        far.run("apply --yes --approve critical").expect(0);
        assert_eq!(far.password(), FORMER);
        far.run("plan --exit-code").expect(0);
        let written = far.run("inspect env:DATABASE_URL --format sql").expect(0);
        far.write(&written);
        far.run("plan --exit-code").expect(0);
        // What is made anew around a change gets its secret back from the server.
        far.write(&silent.replace(
            "FOREIGN DATA WRAPPER w OPTIONS",
            "TYPE 't' FOREIGN DATA WRAPPER w OPTIONS",
        ));
        far.run("apply --yes --approve critical").expect(0);
        assert_eq!(far.password(), FORMER);
        far.run("rollback --yes --approve critical").expect(0);
        assert_eq!(far.password(), FORMER);
        far.assert_silent();
    }
}

#[test]
fn a_new_mapping_gets_its_secret_also_from_yaml() {
    for (major, server) in servers() {
        let far = Far::new(major, &server, &files(FORMER), &files(FORMER));
        let yaml = far.run("inspect env:DATABASE_URL --format yaml").expect(0);
        let empty = Database::with(&server, "");
        std::fs::remove_file(far.project.path("schema/far.sql")).unwrap();
        let mark = yaml
            .split("password=")
            .nth(1)
            .unwrap()
            .split(['"', '\'', ']', ',', '\n'])
            .next()
            .unwrap();
        std::fs::write(far.project.path("schema/far.yaml"), &yaml).unwrap();
        let url = empty.url();
        let unknown = far.run(&format!("apply --database {url} --yes"));
        assert!(unknown.code == 1 && unknown.err.contains(mark), "{}", unknown.err);
        std::fs::write(
            far.project.path("schema/far.yaml"),
            yaml.replace(&format!("password={mark}"), &format!("password={FORMER}")),
        )
        .unwrap();
        let half = far.run(&format!("apply --database {url} --yes"));
        assert!(
            half.code == 1 && half.err.contains("<secret:") && !half.err.contains(mark),
            "{}",
            half.err
        );
        let token = &yaml.split("api_token=").nth(1).unwrap()[..mark.len()];
        let stated = yaml
            .replace(&format!("={mark}"), &format!("={NEW}"))
            .replace(&format!("={token}"), &format!("={NEW}"));
        std::fs::write(far.project.path("schema/far.yaml"), stated).unwrap();
        far.run(&format!("apply --database {url} --yes")).expect(0);
        let password =
            "SELECT option_value FROM information_schema.user_mapping_options WHERE option_name = 'password'";
        assert_eq!(empty.text(password), NEW);
    }
}

#[test]
fn a_line_with_a_fault_is_shown_without_its_secret() {
    let (major, server) = servers().pop().unwrap();
    let far = Far::new(major, &server, "", "");
    for fault in [
        "CREATE USER MAPPING FOR PUBLIC SERVER nowhere OPTIONS (password 'new-hunter2');",
        "CREATE USER MAPPING FOR PUBLIC SERVER OPTIONS (password 'new-hunter2');",
        "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'new-hunter2'; SELECT 1;",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=new-hunter2' PUBLICATIO p;",
    ] {
        far.write(fault);
        let output = far.run("plan");
        assert!(output.code == 1 && output.err.contains("far.sql:1"), "{}", output.err);
        assert!(!output.err.contains("hunter2"), "{}", output.err);
    }
}
