//! How long statements took corrects what is expected of later ones.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::fault::start;
use crate::support::{Database, Project, servers};

const BEFORE: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id int, note text);
    INSERT INTO shop.orders SELECT n, repeat(md5(n::text), 3) FROM generate_series(1, 60000) n;
    ANALYZE shop.orders;";

fn with_indexes(count: usize) -> String {
    let indexes = (0..count).map(|n| format!("CREATE INDEX i{n} ON shop.orders (id, (id + {n}));"));
    format!(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, note text); {}",
        indexes.collect::<String>()
    )
}

#[test]
fn earlier_statements_correct_later_estimates() {
    let all = servers();
    for (major, server) in [&all[0], &all[all.len() - 1]] {
        let database = Database::with(server, BEFORE);
        let mut project = Project::of(&database, *major, &[]);
        project.set("TRUEUP_SCRATCH", server);
        let plan = |count: usize| {
            project.write("schema/shop.sql", &with_indexes(count));
            project.run("plan --no-prove --format json").expect(0)
        };
        let first = plan(1);
        assert!(
            first.contains("\"work\": \"index_build\"") && !first.contains("corrected by"),
            "{first}"
        );
        project.write("schema/shop.sql", &with_indexes(4));
        project.run("apply --yes --approve critical --no-prove").expect(0);
        assert!(
            !plan(5).contains("corrected by"),
            "PostgreSQL {major}: four say nothing"
        );
        project.run("apply --yes --approve critical --no-prove").expect(0);
        let corrected = plan(6);
        assert!(
            corrected.contains("corrected by 5 earlier statements of this kind here (index build: "),
            "PostgreSQL {major}: {corrected}"
        );
        assert_eq!(plan(6), corrected, "PostgreSQL {major}");
        // Whoever may not read the ledger plans as if there were none.
        let role = format!("reader_{}", database.name());
        database.execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA shop TO {role}; GRANT SELECT ON shop.orders TO {role}"
        ));
        let url = database.url().replace("postgres@", &format!("{role}@"));
        let plain = project
            .run(&format!("plan --no-prove --format json --database {url}"))
            .expect(0);
        assert!(plain.contains("\"work\": \"index_build\"") && !plain.contains("corrected by"));
        database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

#[test]
fn time_in_a_queue_is_no_time_of_the_statement() {
    let (major, server) = servers().pop().unwrap();
    let database = Database::with(&server, BEFORE);
    let mut project = Project::of(&database, major, &[("schema/shop.sql", &with_indexes(1))]);
    project.set("TRUEUP_SCRATCH", &server);
    let mut other = database.connect();
    let mut writer = other.transaction().unwrap();
    writer.batch_execute("DELETE FROM shop.orders WHERE id = 0").unwrap();
    let mut child = start(
        &project,
        "apply --yes --approve critical --no-prove --lock-timeout 60s --log-file log.txt",
    );
    let until = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(project.path("log.txt")).is_ok_and(|log| log.contains("waiting_for_lock")) {
        assert!(Instant::now() < until, "nobody waits");
        thread::sleep(Duration::from_millis(20));
    }
    writer.commit().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(
        database.text("SELECT count(*) || ' ' || count(work) || ' ' || count(expected_seconds) FROM trueup.statement"),
        "1 0 1"
    );
}
