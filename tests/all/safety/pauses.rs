//! An apply that stops before a phase, to go on at an hour that somebody chooses, or back.

use super::*;

const CONFIGURATION: &str = "environments:
  production:
    url_env: SHOP_URL
    protected: true
    hooks:
      post_apply: [{command: 'echo applied >> hooks'}]
      on_failure: [{command: 'echo failed >> hooks'}]
    checks:
      sql:
        - {name: the key has grown, query: \"SELECT atttypid = 'numeric'::regtype FROM pg_attribute WHERE attrelid = 'shop.things'::regclass AND attname = 'id'\"}
    export: structure.sql\n";

/// A key that changes in stages, and a table that goes.
fn target() -> String {
    WITHOUT_ORDERS.replace("shop.things (id bigint", "shop.things (id numeric")
}

fn type_of_key(shop: &Shop) -> String {
    shop.one(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shop.things'::regclass AND attname = 'id'",
    )
}

#[test]
fn what_is_swapped_waits_for_its_hour() {
    for (major, server) in servers() {
        let shop = Shop::new(major, &server, CONFIGURATION, &target());
        shop.run("plan --env production --out plan.json").expect(0);
        let apply = "apply plan.json --env production --yes --approve critical";
        let paused = shop.run(&format!("{apply} --pause-before contract"));
        assert_eq!(paused.code, 0, "{}", paused.err);
        assert!(
            paused.err.contains("paused: execution 1, before step "),
            "{}",
            paused.err
        );
        assert_eq!(type_of_key(&shop), "bigint", "PostgreSQL {major}");
        assert_eq!(shop.one("SELECT count(*)::text FROM shop.orders"), "100");
        // It is not yet what was planned: nobody checks that, writes it down or says so.
        assert!(!shop.project.path("hooks").exists() && !shop.project.path("structure.sql").exists());
        let planned = shop.run("plan --env production").out;
        assert!(planned.contains("Execution 1 is paused"), "{planned}");
        let history = shop.run("history --env production").expect(0);
        assert!(history.contains("paused"), "{history}");
        let doctor = shop.run("doctor --env production");
        assert!(doctor.out.contains("Execution 1 is paused"), "{}", doctor.out);
        // What somebody else would begin now could take away what waits.
        let other = shop.run(apply);
        assert_eq!(other.code, 3, "{}", other.err);
        assert!(other.err.contains("execution 1 is paused"), "{}", other.err);
        let purged = shop.run("purge --env production --older-than 0d --yes").expect(0);
        assert!(purged.contains("Nothing in quarantine is that old"), "{purged}");
        let kept = shop.run("purge --env production").expect(0);
        assert!(kept.contains("execution 1, which has not ended"), "{kept}");
        shop.database
            .execute("INSERT INTO shop.things VALUES (11, 'meanwhile')");
        shop.run("apply --env production --resume").expect(0);
        assert_eq!(type_of_key(&shop), "numeric");
        assert_eq!(shop.one("SELECT sum(id)::text FROM shop.things"), "66");
        assert_eq!(shop.project.read("hooks"), "applied\n");
        assert!(shop.project.path("structure.sql").exists());
        shop.run("plan --env production --exit-code").expect(0);
        assert!(
            shop.run("apply --env production --resume")
                .err
                .contains("nothing to resume")
        );
        let again = shop.run("history show 1 --env production").expect(0);
        assert!(again.contains("succeeded"), "{again}");
    }
}

#[test]
fn what_is_paused_goes_back_as_it_was() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server, CONFIGURATION, &target());
    let before = (prints(&shop.database.catalog()), shop.rows());
    for phase in ["data", "validation", "contract"] {
        let paused = shop.apply(&format!(" --pause-before {phase}"));
        assert!(paused.err.contains("paused: "), "{phase}: {}", paused.err);
        shop.run("rollback --env production --yes --approve critical").expect(0);
        assert_eq!((prints(&shop.database.catalog()), shop.rows()), before, "{phase}");
    }
    assert_eq!(
        shop.one("SELECT count(*)::text FROM trueup.execution WHERE status = 'paused'"),
        "0"
    );
}

#[test]
fn each_stage_can_wait() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server, CONFIGURATION, &target());
    let mut phases = ["data", "validation", "contract"].into_iter();
    let first = shop.apply(&format!(" --pause-before {}", phases.next().unwrap()));
    assert!(first.err.contains("paused: "), "{}", first.err);
    for phase in phases {
        let paused = shop.run(&format!("apply --env production --resume --pause-before {phase}"));
        assert!(paused.err.contains("paused: execution 1"), "{phase}: {}", paused.err);
        assert_eq!(type_of_key(&shop), "bigint");
    }
    shop.run("apply --env production --resume").expect(0);
    assert_eq!(type_of_key(&shop), "numeric");
}

/// Somebody who wants to stop before a phase does not want it to run.
#[test]
fn nothing_runs_where_nothing_comes_before() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server, PROTECTED, WITHOUT_ORDERS);
    let refused = shop.apply(" --pause-before contract");
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("nothing to do before"), "{}", refused.err);
    assert_eq!(shop.one("SELECT count(*)::text FROM shop.orders"), "100");
}

/// What failed on the doorstep has not crossed it: told to pause there, it pauses.
#[test]
fn what_failed_before_the_phase_pauses_there_when_it_goes_on() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server, CONFIGURATION, &target());
    let paused = shop.apply(" --pause-before contract");
    assert!(paused.err.contains("paused: "), "{}", paused.err);
    let mut holder = shop.database.connect();
    holder.batch_execute("BEGIN; SELECT FROM shop.things").unwrap();
    let failed = shop.run("apply --env production --resume --lock-timeout 100ms --max-retries 0");
    assert_eq!(failed.code, 5, "{}", failed.err);
    let again =
        shop.run("apply --env production --resume --pause-before contract --lock-timeout 100ms --max-retries 0");
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("paused: execution 1"), "{}", again.err);
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(type_of_key(&shop), "bigint");
    shop.run("apply --env production --resume --pause-before contract")
        .expect(0);
    assert_eq!(type_of_key(&shop), "numeric");
}
