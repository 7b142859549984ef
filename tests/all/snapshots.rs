//! The schema over time: what the ledger keeps of it after every execution, through the built program on real servers.

use crate::support::{Database, Output, Project, servers};

const FIRST: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text);";

const SECOND: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text, total numeric);
    CREATE VIEW shop.notes AS SELECT id, note FROM shop.orders;";

struct Shop {
    database: Database,
    project: Project,
}

impl Shop {
    fn new(major: i32, server: &str) -> Self {
        let database = Database::with(server, FIRST);
        let mut project = Project::of(&database, major, &[]);
        project.set("TRUEUP_SCRATCH", server);
        Self { database, project }
    }

    fn run(&self, arguments: &str) -> Output {
        self.project.run(arguments)
    }

    fn apply(&self, schema: &str) {
        self.project.write("schema/shop.sql", schema);
        self.run("apply --schema schema/shop.sql --yes --approve critical --no-prove")
            .expect(0);
    }

    fn read(&self, source: &str) -> String {
        self.run(&format!("inspect {source} --format json")).expect(0)
    }
}

#[test]
fn every_state_can_be_read_and_compared() {
    for (major, server) in servers() {
        let shop = Shop::new(major, &server);
        shop.run("init --yes --schema declared").expect(0);
        let mut seen = vec![shop.read("live")];
        assert_eq!(shop.read("ledger:first"), seen[0], "PostgreSQL {major}");
        shop.apply(SECOND);
        seen.push(shop.read("live"));
        // Somebody else changes the database before the next execution.
        shop.database
            .execute("COMMENT ON TABLE shop.orders IS 'Orders.'; CREATE INDEX by_hand ON shop.orders (note)");
        let by_hand = shop.read("live");
        shop.apply(&format!(
            "{SECOND} CREATE TABLE shop.more (id int); COMMENT ON TABLE shop.orders IS 'Orders.';"
        ));
        seen.push(shop.read("live"));
        shop.run("rollback --yes --approve critical").expect(0);
        assert_eq!(shop.read("live"), by_hand);
        for (execution, state) in seen.iter().enumerate().skip(1) {
            let read = shop.read(&format!("ledger:{execution}"));
            assert_eq!(read, *state, "PostgreSQL {major}: execution {execution}");
        }
        assert_eq!(shop.read("ledger:1:before"), seen[0], "PostgreSQL {major}");
        assert_eq!(shop.read("ledger:2:before"), by_hand, "PostgreSQL {major}");
        assert_eq!(shop.read("ledger:3"), by_hand, "PostgreSQL {major}: the rollback");
        assert_eq!(shop.read("ledger:latest"), by_hand);
        assert_eq!(shop.read("ledger:2999-01-01"), by_hand);
        let diff = shop.run("diff ledger:1 ledger:2 --format sql --no-prove").expect(0);
        assert!(
            diff.contains("CREATE TABLE shop.more") && !diff.contains("INDEX"),
            "PostgreSQL {major}: {diff}"
        );
        let diff = shop
            .run("diff ledger:2:before ledger:2 --format sql --no-prove")
            .expect(0);
        assert!(
            diff.contains("DROP INDEX CONCURRENTLY shop.by_hand"),
            "PostgreSQL {major}: {diff}"
        );
        shop.run("diff ledger:latest live --exit-code").expect(0);
        shop.database.execute("DROP VIEW shop.notes");
        assert_eq!(shop.run("diff ledger:latest live --exit-code").code, 2);
        // What was can be had again.
        let plan = shop
            .run("plan --schema ledger:latest --format sql --no-prove")
            .expect(0);
        assert!(plan.contains("CREATE VIEW shop.notes"), "{plan}");
        let told = shop.run("history show 2").expect(0);
        assert!(
            told.contains("ledger:2 (") && told.contains("ledger:2:before"),
            "{told}"
        );
        let told = shop.run("history show 1").expect(0);
        assert!(told.contains("ledger:1 (") && !told.contains(":before"), "{told}");
        // All but the first say only what is new.
        let whole = shop
            .database
            .text("SELECT string_agg(cause || (base IS NULL), ' ' ORDER BY id) FROM trueup.snapshot");
        assert_eq!(
            whole,
            "inittrue executionfalse beforefalse executionfalse executionfalse"
        );
        let kept = shop.database.connect().batch_execute("DELETE FROM trueup.snapshot");
        assert!(kept.is_err());
    }
}

#[test]
fn what_is_not_there_is_said() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    let said = |source: &str, part: &str| {
        let done = shop.run(&format!("inspect {source}"));
        assert!(
            done.code == 1 && done.err.contains(part),
            "{source}: {}{}",
            done.out,
            done.err
        );
    };
    said("ledger:latest", "the ledger keeps no snapshots yet");
    shop.apply(SECOND);
    said("ledger:7", "there is no `ledger:7`");
    said("ledger:yesterday", "names no moment");
    said("ledger:2026-99-99", "names no time");
    said("ledger:2000-01-01", "the ledger has no such snapshot");
}

#[test]
fn a_series_of_changes_stays_small_and_is_made_whole_in_time() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    let mut states = Vec::new();
    for count in 1..6 {
        let tables = (0..count * 3).map(|n| format!("CREATE TABLE shop.t{n} (id bigint PRIMARY KEY, a text, b text);"));
        shop.apply(&format!("{FIRST} {}", tables.collect::<String>()));
        states.push(shop.read("live"));
    }
    for (at, state) in states.iter().enumerate() {
        assert_eq!(shop.read(&format!("ledger:{}", at + 1)), *state);
    }
    let whole = shop
        .database
        .text("SELECT count(*)::text FROM trueup.snapshot WHERE base IS NULL AND cause = 'execution'");
    assert_ne!(whole, "0", "what is laid upon the first one has outgrown it");
}

#[test]
fn no_secret_is_in_a_snapshot() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    shop.database.execute(
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER there FOREIGN DATA WRAPPER far;
         CREATE USER MAPPING FOR CURRENT_USER SERVER there OPTIONS (password 'hidden-word')",
    );
    shop.run("init --yes --schema declared").expect(0);
    let kept = shop
        .database
        .text("SELECT string_agg(content, '') FROM trueup.snapshot");
    assert!(kept.contains("there") && !kept.contains("hidden-word"), "{kept}");
}

#[test]
fn a_ledger_of_an_older_version_is_brought_up() {
    const OLD: [&str; 9] = [
        include_str!("../../schema/ledger/schema.sql"),
        include_str!("../../schema/ledger/0001_executions.sql"),
        include_str!("../../schema/ledger/0002_applied.sql"),
        include_str!("../../schema/ledger/0003_safety.sql"),
        include_str!("../../schema/ledger/0004_migrations.sql"),
        include_str!("../../schema/ledger/0005_backfills.sql"),
        include_str!("../../schema/ledger/keep_history.sql"),
        include_str!("../../schema/ledger/append_only.sql"),
        include_str!("../../schema/ledger/append_only_backfills.sql"),
    ];
    for (major, server) in servers() {
        let shop = Shop::new(major, &server);
        for file in OLD {
            shop.database.execute(&file.replace(", 'paused'", ""));
        }
        shop.database.execute(
            "INSERT INTO trueup.ledger_version (version) SELECT generate_series(1, 5);
             INSERT INTO trueup.execution (kind, status, plan_fingerprint, tool, summary, plan, approvals)
             VALUES ('apply', 'succeeded', 'x', '0.0.9', '{}', '{}', '[]')",
        );
        let told = shop.run("history show 1").expect(0);
        assert!(!told.contains("snapshot"), "{told}");
        assert!(shop.run("inspect ledger:1").err.contains("keeps no snapshots yet"));
        shop.apply(SECOND);
        assert_eq!(shop.read("ledger:2"), shop.read("live"), "PostgreSQL {major}");
        assert_eq!(
            shop.database
                .text("SELECT max(version)::text FROM trueup.ledger_version"),
            "7"
        );
        // The older form of what keeps history knew no pauses, and would let nobody go on.
        let kept = "SELECT prosrc LIKE '%paused%' FROM pg_proc WHERE proname = 'keep_history'";
        assert_eq!(shop.database.text(&format!("SELECT ({kept})::text")), "true");
        assert!(
            shop.database
                .connect()
                .batch_execute("DELETE FROM trueup.snapshot")
                .is_err()
        );
    }
}

#[test]
fn migration_files_and_what_is_accepted_have_snapshots_too() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server);
    shop.run("init --yes").expect(0);
    shop.project
        .write("migrations/001_more.sql", "CREATE TABLE shop.more (id int);");
    shop.run("migrate up --yes").expect(0);
    let after = shop.read("live");
    assert_eq!(shop.read("ledger:1"), after);
    let diff = shop
        .run("diff ledger:1:before ledger:1 --format sql --no-prove")
        .expect(0);
    assert!(diff.contains("CREATE TABLE shop.more"), "{diff}");
    // Somebody changes the database by hand and declares it afterwards.
    shop.database.execute("CREATE TABLE shop.by_hand (id int)");
    shop.project.write(
        "schema/by_hand.sql",
        "CREATE TABLE shop.by_hand (id int); CREATE TABLE shop.more (id int);",
    );
    assert_eq!(shop.read("ledger:latest"), after);
    let accepted = shop.run("drift --accept");
    assert_eq!(
        shop.read("ledger:latest"),
        shop.read("live"),
        "{}{}",
        accepted.out,
        accepted.err
    );
}
