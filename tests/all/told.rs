//! Who is told of an apply, and who is asked after it: a real receiver of notifications, and pages that answer as they
//! should or do not.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::fault::start;
use crate::support::{Database, Output, Project, Receiver, Reply, servers};

const BEFORE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text);
    INSERT INTO shop.orders VALUES (1, 'row-value');";
const AFTER: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text, total numeric);";

struct Shop {
    database: Database,
    project: Project,
}

impl Shop {
    /// Makes a shop whose URL holds a password, with what follows the environment's URL in the configuration.
    fn new(rest: &str) -> Self {
        let (major, server) = servers().pop().unwrap();
        let database = Database::with(&server, BEFORE);
        let mut project = Project::of(&database, major, &[("schema/shop.sql", AFTER)]);
        project.set(
            "SHOP_URL",
            &database.url().replace("postgres@", "postgres:hidden-word@"),
        );
        project.set("TRUEUP_SCRATCH", &server);
        project.write(
            "trueup.yaml",
            &format!("environments:\n  production:\n    url_env: SHOP_URL\n{rest}"),
        );
        Self { database, project }
    }

    fn apply(&self, more: &str) -> Output {
        self.project.run(&format!(
            "apply --env production --yes --approve critical --no-prove{more}"
        ))
    }

    fn has_column(&self) -> bool {
        let sql = "SELECT 1 FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass AND attname = 'total'";
        !self.database.rows(sql).is_empty()
    }
}

const NOTIFY: &str = "    notify:
      - {url_env: HOOK, form: webhook, on: [started, succeeded, failed]}
      - {url_env: CHAT, form: slack}
      - {url_env: ERRORS, form: sentry, on: [failed, rolled_back]}\n";

#[test]
fn each_form_arrives_and_holds_no_secret() {
    let mut shop = Shop::new(&format!("{NOTIFY}    rollback_on_failure: true\n"));
    let [hook, chat, errors] = [0; 3].map(|_| Receiver::new(&[]));
    shop.project
        .set("HOOK", &format!("http://{}/hook?token=secret-token", hook.address()));
    shop.project.set(
        "CHAT",
        &format!("http://{}/services/T0/B0/secret-token", chat.address()),
    );
    shop.project
        .set("ERRORS", &format!("http://publickey@{}/42", errors.address()));
    shop.apply("").expect(0);
    // A statement that fails on a row.
    shop.project.write(
        "schema/shop.sql",
        &AFTER.replace("note text", "note text CHECK (note <> 'row-value')"),
    );
    let failed = shop.apply(" --no-preflight");
    assert_eq!(failed.code, 5, "{}", failed.err);
    let told: Vec<Value> = hook
        .requests()
        .iter()
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    // Each goes its own way: the order in which they arrive is nobody's.
    let mut events: Vec<&str> = told.iter().filter_map(|one| one["event"].as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, ["failed", "started", "started", "succeeded"]);
    let wrong = told.iter().find(|one| one["event"] == "failed").unwrap();
    assert_eq!(
        (&wrong["sqlstate"], &wrong["execution"]),
        (&Value::from("23514"), &Value::from(2))
    );
    assert_eq!(wrong["environment"], "production");
    assert!(hook.requests()[0].line.starts_with("POST /hook?token=secret-token "));
    assert!(hook.requests()[0].headers.contains("content-type: application/json"));
    let mut lines: Vec<String> = chat
        .requests()
        .iter()
        .map(|request| {
            serde_json::from_str::<Value>(&request.body).unwrap()["text"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains("succeeded (execution 1)")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("was rolled back (execution 2)")),
        "{lines:?}"
    );
    let sent = errors.requests();
    assert_eq!(sent.len(), 2);
    for request in &sent {
        assert!(request.line.starts_with("POST /api/42/store/ "), "{}", request.line);
        assert!(request.headers.contains("sentry_key=publickey"), "{}", request.headers);
        let event: Value = serde_json::from_str(&request.body).unwrap();
        assert!(
            event["message"]["formatted"]
                .as_str()
                .unwrap()
                .contains("trueup apply on")
        );
        assert_eq!(event["environment"], "production");
    }
    for request in [hook.requests(), chat.requests(), sent].concat() {
        for secret in ["hidden-word", "secret-token", "row-value"] {
            assert!(!request.body.contains(secret), "{secret}: {}", request.body);
        }
    }
}

#[test]
fn told_again_after_503_and_not_after_404() {
    let mut shop = Shop::new("    notify: [{url_env: HOOK}]\n");
    let receiver = Receiver::new(&[Reply::Says(503, "busy"), Reply::Says(200, "")]);
    shop.project.set("HOOK", &format!("http://{}/", receiver.address()));
    let done = shop.apply("");
    assert!(
        done.code == 0 && !done.err.contains("could not be delivered"),
        "{}",
        done.err
    );
    assert_eq!(receiver.requests().len(), 2);
    let receiver = Receiver::new(&[Reply::Says(404, "secret page")]);
    shop.project
        .set("HOOK", &format!("http://{}/secret-token", receiver.address()));
    shop.project
        .write("schema/more.sql", "CREATE TABLE shop.more (id int);");
    let done = shop.apply("");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.err.contains("a notification could not be delivered: status 404") && !done.err.contains("secret"),
        "{}",
        done.err
    );
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_receiver_that_is_slow_or_gone_holds_nothing_up() {
    let mut shop = Shop::new("    notify: [{url_env: HOOK, on: [started]}]\n");
    let receiver = Receiver::new(&[Reply::Holds]);
    shop.project.set("HOOK", &format!("http://{}/", receiver.address()));
    let mut child = start(
        &shop.project,
        "apply --env production --yes --approve critical --no-prove",
    );
    let until = Instant::now() + Duration::from_secs(60);
    // The first message has had no answer yet when the work is done.
    let done = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'trueup' AND c.relname = 'execution'";
    let succeeded = || {
        let sql = "SELECT 1 FROM trueup.execution WHERE status = 'succeeded'";
        !shop.database.rows(done).is_empty() && !shop.database.rows(sql).is_empty()
    };
    while !succeeded() {
        assert!(Instant::now() < until, "the apply is held up");
        thread::sleep(Duration::from_millis(20));
    }
    receiver.release();
    assert!(child.wait().unwrap().success());
    // Nobody listens there.
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    shop.project.set("HOOK", &format!("http://{dead}/"));
    shop.project
        .write("schema/more.sql", "CREATE TABLE shop.more (id int);");
    let done = shop.apply("");
    assert!(
        done.code == 0 && done.err.contains("could not be delivered"),
        "{}",
        done.err
    );
}

#[test]
fn a_page_that_does_not_answer_as_it_should_leads_to_the_policy() {
    let check = |receiver: &Receiver, more: &str| {
        format!(
            "    rollback_on_failure: true\n    checks:\n      health: [{{url: 'http://{}/health?token=secret-token', within: 1s{more}}}]\n",
            receiver.address()
        )
    };
    let cases = [
        (vec![Reply::Says(500, "down"); 9], "", "status 500 in place of 200"),
        (
            vec![Reply::Says(200, "starting"); 9],
            ", contains: ready",
            "the answer lacks the expected text",
        ),
        (
            vec![Reply::Says(200, ""); 9],
            ", status: 204",
            "status 200 in place of 204",
        ),
        (vec![Reply::Holds; 9], ", timeout: 200ms", "no answer in time"),
    ];
    for (replies, more, said) in cases {
        let receiver = Receiver::new(&replies);
        let shop = Shop::new(&check(&receiver, more));
        let failed = shop.apply("");
        assert_eq!(failed.code, 5, "{said}: {}", failed.err);
        let named = format!("health of {}: {said}", receiver.address());
        assert!(failed.err.contains(&named), "{named}\n{}", failed.err);
        assert!(failed.err.contains("execution 1 was rolled back"), "{}", failed.err);
        assert!(
            !failed.err.contains("secret-token") && !shop.has_column(),
            "{}",
            failed.err
        );
        receiver.release();
    }
    // It may take a while until all is well.
    let receiver = Receiver::new(&[Reply::Says(503, "starting"), Reply::Says(200, "all is ready")]);
    let shop = Shop::new(&check(&receiver, ", contains: ready").replace("within: 1s", "within: 60s"));
    shop.apply("").expect(0);
    assert!(receiver.requests().len() == 2 && shop.has_column());
    assert!(receiver.requests()[0].line.starts_with("GET /health?token="));
}
