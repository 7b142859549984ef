//! Evidence of use before something is dropped, renamed or given another type: scans, statements, bodies, sessions.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Database, Project, binaries, servers};

const LIVE: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id int PRIMARY KEY, note text, code int, price int, mark int);
    CREATE INDEX orders_code ON shop.orders (code); CREATE INDEX orders_mark ON shop.orders (mark);
    CREATE TABLE shop.others (id int PRIMARY KEY, note text);
    CREATE TABLE shop.former (id int PRIMARY KEY); CREATE TABLE shop.legacy (id int PRIMARY KEY);
    CREATE VIEW shop.cheap AS SELECT id, price FROM shop.orders WHERE price < 3;
    CREATE FUNCTION shop.read_note(i int) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE found text; BEGIN SELECT o.note INTO found FROM shop.orders o WHERE o.id = i; RETURN found; END $$;
    CREATE FUNCTION shop.put_together() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'UPDATE shop.orders SET note = NULL WHERE id = 0'; END $$;
    CREATE FUNCTION shop.plain() RETURNS SETOF text LANGUAGE sql AS 'SELECT note FROM shop.orders';
    CREATE FUNCTION shop.of_others() RETURNS SETOF text LANGUAGE sql AS 'SELECT note FROM shop.others, shop.former';
    CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := upper(NEW.note); RETURN NEW; END $$;
    CREATE FUNCTION shop.not_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := ''; RETURN NEW; END $$;
    CREATE TRIGGER stamp BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.stamp();
    CREATE TRIGGER not_here BEFORE INSERT ON shop.others FOR EACH ROW EXECUTE FUNCTION shop.not_here();
    INSERT INTO shop.orders SELECT n, 'hidden ' || n, n, n, n FROM generate_series(1, 5000) n; ANALYZE shop.orders;
    INSERT INTO shop.legacy VALUES (1);";

/// Without `note`, `legacy` and an index, `price` is of another type, `former` is called otherwise.
fn target() -> String {
    let body = LIVE
        .split_once("CREATE VIEW")
        .unwrap()
        .1
        .split_once("INSERT INTO")
        .unwrap()
        .0;
    format!(
        "CREATE SCHEMA shop;
         CREATE TABLE shop.orders (id int PRIMARY KEY, code int, price bigint, mark int);
         CREATE INDEX orders_code ON shop.orders (code);
         CREATE TABLE shop.others (id int PRIMARY KEY, note text);
         -- trueup: renamed from former
         CREATE TABLE shop.goods (id int PRIMARY KEY);
         CREATE VIEW{body}"
    )
}

/// Returns the evidence about an object: the texts by source.
fn evidence(plan: &Value, object: &str) -> Vec<(String, String)> {
    let findings = plan["findings"].as_array().unwrap().iter();
    let named = findings.filter(|finding| {
        let path: Vec<&str> = finding["object"]["path"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        path.join(".") == object
    });
    let all = named.filter_map(|finding| finding["evidence"].as_array());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.flatten()
        .map(|one| (text(&one["source"]), text(&one["text"])))
        .collect()
}

fn said(plan: &Value, object: &str, source: &str) -> String {
    let found = evidence(plan, object);
    let own: Vec<String> = found
        .into_iter()
        .filter(|(of, _)| of == source)
        .map(|(_, text)| text)
        .collect();
    own.join(" | ")
}

/// Scans one table twice without an index and an index once, and waits until the server has counted it.
fn use_it(database: &Database) {
    let mut client = database.connect();
    for sql in [
        "SELECT count(note) FROM shop.orders",
        "SELECT count(note) FROM shop.orders",
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM shop.orders WHERE code = 7",
    ] {
        client.batch_execute(sql).unwrap();
    }
    drop(client);
    let counted = "SELECT pg_stat_get_numscans('shop.orders'::regclass) >= 2 AND pg_stat_get_numscans('shop.orders_code'::regclass) >= 1";
    while !database.connect().query_one(counted, &[]).unwrap().get::<_, bool>(0) {
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_used_is_said_before_it_goes() {
    for (major, server) in servers() {
        let database = Database::with(&server, LIVE);
        use_it(&database);
        let target = target();
        let mut project = Project::of(&database, major, &[("schema/shop.sql", target.as_str())]);
        project.set("TRUEUP_SCRATCH", &server);
        let mut other = database.connect();
        other
            .batch_execute("SET application_name = 'shop-api'; BEGIN; SELECT FROM shop.legacy")
            .unwrap();
        let text = project.run("plan --no-prove --no-cache --format json").expect(0);
        let plan: Value = serde_json::from_str(&text).unwrap();

        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report.schema.json");
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
        assert_eq!(crate::schema::validate(&schema, &plan), Vec::<String>::new());
        let note = said(&plan, "shop.orders.note", "table_statistics");
        assert!(
            note.starts_with("the table was read by ")
                && note.contains("sequential scans")
                && note.contains("index scan"),
            "PostgreSQL {major}: {note}"
        );
        assert!(
            note.contains("5,000 rows written, counted on this server for"),
            "PostgreSQL {major}: {note}"
        );
        assert_eq!(
            note.contains("(last within a day)"),
            major >= 16,
            "PostgreSQL {major}: {note}"
        );
        assert_eq!(
            said(&plan, "shop.orders.note", "mentioned_by"),
            "mentioned by function `shop.plain()`, function `shop.put_together()`, function `shop.read_note(integer)`, function `shop.stamp()`",
            "PostgreSQL {major}"
        );
        assert_eq!(
            said(&plan, "shop.orders.price", "mentioned_by"),
            "mentioned by view `shop.cheap`",
            "PostgreSQL {major}"
        );
        assert_eq!(
            said(&plan, "shop.goods", "mentioned_by"),
            "mentioned by function `shop.of_others()`",
            "under its live name; PostgreSQL {major}"
        );
        let mark = said(&plan, "shop.orders_mark", "index_statistics");
        assert!(
            mark.starts_with("never used, counted on this server"),
            "PostgreSQL {major}: {mark}"
        );
        assert_eq!(
            said(&plan, "shop.legacy", "sessions"),
            "locked now by a session of `shop-api`",
            "PostgreSQL {major}"
        );
        // What the role may not look at, or is not there, is no evidence; nothing of a row is.
        assert!(said(&plan, "shop.orders.note", "statements").is_empty());
        assert!(!text.contains("hidden"), "PostgreSQL {major}");

        let human = project.run("plan --no-prove --no-cache").expect(0);
        let flat = human.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains("Evidence: the table was ") && flat.contains("; mentioned by function"),
            "{human}"
        );
        for format in ["markdown", "html"] {
            let report = project
                .run(&format!("plan --no-prove --no-cache --format {format}"))
                .expect(0);
            assert!(
                report.contains("Evidence: ") && report.contains("shop-api"),
                "{format}: {report}"
            );
        }
        let why = project.run("why shop.orders").expect(0);
        assert!(
            why.contains("evidence: the table was read by"),
            "PostgreSQL {major}: {why}"
        );
        other.batch_execute("ROLLBACK").unwrap();
        // A plan that takes nothing away asks for none.
        project.write(
            "schema/shop.sql",
            &format!(
                "{}; CREATE TABLE shop.more (id int);",
                LIVE.split_once("INSERT INTO").unwrap().0
            ),
        );
        assert!(
            !project.run("plan --no-prove --no-cache").expect(0).contains("Evidence"),
            "PostgreSQL {major}"
        );
    }
}

#[test]
fn evidence_is_silent_where_it_may_not_be_seen() {
    let (major, server) = servers().pop().unwrap();
    let database = Database::with(&server, LIVE);
    // The view is there, but the library behind it is not loaded.
    database.execute("CREATE EXTENSION pg_stat_statements");
    let role = format!("trueup_blind_{}", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA shop TO {role}"
    ));
    let target = format!("CREATE EXTENSION pg_stat_statements; {}", target());
    let mut project = Project::of(&database, major, &[("schema/shop.sql", target.as_str())]);
    project.set("TRUEUP_SCRATCH", &server);
    let blind = database.url().replace("postgres@", &format!("{role}@"));
    let plan = project.run(&format!("plan --no-prove --no-cache --format json --database {blind}"));
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let plan: Value = serde_json::from_str(&plan.expect(0)).unwrap();
    assert!(!said(&plan, "shop.orders.note", "mentioned_by").is_empty());
    assert!(said(&plan, "shop.orders.note", "statements").is_empty());
}

/// A server of its own, since the extension must be loaded when it starts.
struct Server {
    binaries: PathBuf,
    folder: PathBuf,
}

impl Server {
    /// Starts one; as root, under a user that the server does not mind.
    fn start(binaries: PathBuf) -> Self {
        let folder = std::env::temp_dir().join(format!("trueup-evidence-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let server = Self { binaries, folder };
        if server.is_root() {
            std::os::unix::fs::chown(&server.folder, Some(65534), Some(65534)).unwrap();
        }
        let folder = server.folder.display();
        server.run(
            "initdb",
            &format!("-D {folder}/data -U postgres -A trust -E UTF8 --locale=C --no-sync"),
        );
        let options =
            format!("-k {folder} -c listen_addresses= -c fsync=off -c shared_preload_libraries=pg_stat_statements");
        let mut start = server.command("pg_ctl");
        start.args([
            "-D",
            &format!("{folder}/data"),
            "-l",
            &format!("{folder}/log"),
            "-w",
            "start",
            "-o",
            &options,
        ]);
        assert!(start.status().unwrap().success());
        server
    }

    fn is_root(&self) -> bool {
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&self.folder).unwrap()) == 0
            || std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&self.folder).unwrap()) == 65534
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .current_dir(&self.folder)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        if self.is_root() {
            command.uid(65534).gid(65534);
        }
        command
    }

    fn run(&self, program: &str, arguments: &str) {
        let status = self.command(program).args(arguments.split(' ')).status().unwrap();
        assert!(status.success(), "{program} {arguments}");
    }

    fn url(&self) -> String {
        format!(
            "postgres:///postgres?user=postgres&host={}&port=5432",
            self.folder.display()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = format!("-D {}/data -m immediate -w stop", self.folder.display());
        let _ = self.command("pg_ctl").args(data.split(' ')).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn statements_are_counted_and_never_shown() {
    let Some((major, folder)) = servers()
        .into_iter()
        .rev()
        .find_map(|(major, _)| Some((major, binaries(major)?)))
    else {
        return;
    };
    let server = Server::start(folder);
    let database = Database::with(&server.url(), &format!("CREATE EXTENSION pg_stat_statements; {LIVE}"));
    let mut client = database.connect();
    for sql in [
        "SELECT note FROM shop.orders WHERE id = 17",
        "SELECT note FROM shop.orders WHERE id = 18",
        "UPDATE shop.orders AS o SET note = 'hidden' WHERE o.id = 17",
        "INSERT INTO shop.others (id, note) VALUES (1, 'hidden')",
        "WITH orders AS (SELECT 1 AS note) SELECT note FROM orders",
        "SELECT price AS note FROM shop.orders",
        "COMMENT ON COLUMN shop.orders.note IS NULL",
    ] {
        client.batch_execute(sql).unwrap();
    }
    let target = format!("CREATE EXTENSION pg_stat_statements; {}", target());
    let mut project = Project::of(&database, major, &[("schema/shop.sql", target.as_str())]);
    project.set("TRUEUP_SCRATCH", &server.url());
    for _ in 0..2 {
        // What trueup asked itself the first time is none.
        let text = project.run("plan --no-prove --no-cache --format json").expect(0);
        let plan: Value = serde_json::from_str(&text).unwrap();
        let note = said(&plan, "shop.orders.note", "statements");
        assert!(
            note.starts_with("2 statements in `pg_stat_statements` mention it, called 3 times (queryid "),
            "{note}"
        );
        let price = said(&plan, "shop.orders.price", "statements");
        assert!(
            price.starts_with("1 statement in `pg_stat_statements` mentions it, called once"),
            "{price}"
        );
        assert!(
            said(&plan, "shop.legacy", "statements").starts_with("1 statement"),
            "its row was written"
        );
        assert!(!text.contains("hidden"), "{text}");
    }
}
