//! `trueup lint` over files.

use super::Site;
use crate::support::newest;

const TEXT: &str =
    "CREATE TABLE public.a (id int PRIMARY KEY);\nALTER TABLE b ADD COLUMN c int;\nCREATE INDEX b_c ON b (c);\n";

fn site() -> Site {
    let site = Site::new(&newest(), &[("001_a.sql", TEXT)]);
    site.database.execute("CREATE TABLE b (); INSERT INTO b DEFAULT VALUES");
    site
}

#[test]
fn text_and_deeds_are_judged() {
    let site = site();
    let lint = |arguments: &str, code: i32| site.project.run(&format!("lint {arguments}")).expect(code);
    let out = lint("--text-only", 0);
    let remarks = out
        .lines()
        .filter(|line| line.contains(": TU") || line.contains(" TU8"));
    let codes: Vec<&str> = remarks.filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(
        codes,
        ["TU802:", "TU803:", "TU807:", "TU804:", "TU805:", "TU806:"],
        "{out}"
    );
    assert!(
        out.contains("migrations/001_a.sql:3:1: caution TU805: An index is built without `CONCURRENTLY`"),
        "{out}"
    );
    site.write(
        "002_b.sql",
        "-- trueup: waive TU103: nobody reads it\nALTER TABLE public.b DROP COLUMN c;\n",
    );
    site.write(
        "003_c.sql",
        "ALTER TABLE public.b ADD COLUMN d int;\nDROP TABLE public.b;\n",
    );
    let url = site.database.url();
    let out = lint(&format!("--database {url}"), 3);
    assert!(out.contains("migrations/003_c.sql:2:1: critical TU102"), "{out}");
    assert!(
        out.contains("Waived: nobody reads it (migrations/002_b.sql:1)"),
        "{out}"
    );
    lint(&format!("--database {url} --fail-on critical migrations/001_a.sql"), 0);
}

#[test]
fn remarks_are_read_by_machines() {
    let site = site();
    let lint = |format: &str| {
        site.project
            .run(&format!("lint --text-only --format {format}"))
            .expect(0)
    };
    let sarif: serde_json::Value = serde_json::from_str(&lint("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 6);
    assert_eq!(results[3]["locations"][0]["physicalLocation"]["region"]["startLine"], 2);
    let json: serde_json::Value = serde_json::from_str(&lint("json")).unwrap();
    assert_eq!(json["remarks"][4]["code"], "TU805");
    let lines = lint("annotations");
    assert!(
        lines.contains("::warning file=migrations/001_a.sql,line=3,col=1,title=TU805::An index"),
        "{lines}"
    );
}

#[test]
fn a_waiver_needs_a_reason() {
    let site = site();
    site.write("001_a.sql", "-- trueup: waive TU804\nALTER TABLE b ADD COLUMN c int;\n");
    let output = site.project.run("lint --text-only");
    assert!(
        output.err.contains("migrations/001_a.sql:1: this waiver has no reason"),
        "{}",
        output.err
    );
    site.write("001_a.sql", "CREATE TABL x;\n");
    let output = site.project.run("lint --text-only");
    assert!(
        output.err.contains("migrations/001_a.sql:1:8: syntax error"),
        "{}",
        output.err
    );
}

#[test]
fn rules_over_text_are_explained() {
    let site = site();
    let page = site.project.run("explain tu805").expect(0);
    assert!(page.starts_with("# TU805 index work without CONCURRENTLY\n"), "{page}");
    assert!(page.contains("Safer: `CONCURRENTLY`"), "{page}");
    let list = site.project.run("explain").expect(0);
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(
        codes.is_sorted() && codes.contains(&"TU101") && codes.contains(&"TU807"),
        "{list}"
    );
}
