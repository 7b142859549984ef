//! Every report of plans that the whole pipeline made: goldens, and a real parser or schema for each format.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;
use trueup::catalog::Fingerprint;
use trueup::catalog::Identity;
use trueup::evidence::Source;
use trueup::plan::{Plan, Proof, Refutation, Verdict};
use trueup::report::{self, Direction, LIMIT, Style};
use trueup::risk::{Blocks, Estimate, RULES};

use crate::schema;
use crate::support::{Database, Folder, Output, newest, servers, trueup_with};

const PLAIN: Style = Style {
    color: false,
    width: 100,
    plan_file: None,
    verbose: false,
};

/// Names that are markup, code, a comment's end or a shell's business wherever they are not text.
const HOSTILE: &str = "<img src=x onerror=alert(1)> `a`|b @team -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> String {
    fs::read_to_string(root().join("fixtures/reports").join(name)).unwrap()
}

/// A live database and target files.
struct Case {
    database: Database,
    folder: Folder,
    server: String,
}

impl Case {
    fn new(server: &str, live: &str, schema: &str) -> Self {
        Self {
            database: Database::with(server, live).in_utc(),
            folder: Folder::new(&[("schema/shop.sql", schema)]),
            server: server.to_owned(),
        }
    }

    fn run(&self, url: &str, arguments: &[&str]) -> Output {
        let variables = [("DATABASE_URL", url), ("TRUEUP_SCRATCH", self.server.as_str())];
        // One statement says more about risks than the stages that it is otherwise changed in.
        let arguments = ["plan", "--no-prove", "--online", "never"]
            .into_iter()
            .chain(arguments.iter().copied());
        trueup_with(self.folder.path(), &variables, arguments)
    }

    /// Returns the plan, without what differs from run to run and from machine to machine.
    fn plan(&self) -> Plan {
        self.run(&self.database.url(), &["--out", "plan.json"]).expect(0);
        let mut plan = Plan::read(&self.folder.path().join("plan.json")).unwrap();
        "shop".clone_into(&mut plan.database.name);
        plan.database.version_num = plan.database.version_num / 10_000 * 10_000;
        plan.database.system_identifier = None;
        "0.0.0".clone_into(&mut plan.tool);
        plan.fingerprint = Fingerprint::of("live");
        settle(&mut plan);
        plan
    }
}

/// Gives counts of scans, which nobody can foretell, a text of their own.
fn settle(plan: &mut Plan) {
    let counted = [Source::TableStatistics, Source::IndexStatistics];
    let all = plan.findings.iter_mut().flat_map(|finding| &mut finding.evidence);
    for evidence in all.filter(|evidence| counted.contains(&evidence.source)) {
        "the table was read by 2 sequential scans (last within a day), 1 row written, counted on this server for 9 days"
            .clone_into(&mut evidence.text);
    }
}

/// Returns a plan with names that try to be something else.
fn hostile() -> Plan {
    let name = format!("\"{HOSTILE}\"");
    let live = format!(
        "CREATE TABLE {name} (id int PRIMARY KEY, {name} int, gone text); INSERT INTO {name} VALUES (1, 2, 'x');
         CREATE VIEW v AS SELECT id FROM {name};"
    );
    let schema = format!(
        "CREATE TABLE {name} (id bigint PRIMARY KEY, {name} bigint REFERENCES {name});
         CREATE TABLE second (id bigint REFERENCES {name}, t text DEFAULT '</script><b>```');
         CREATE VIEW v AS SELECT id, '```\n</pre>'::text AS t FROM {name};
         COMMENT ON TABLE {name} IS '--> ``` </details>';"
    );
    Case::new(&newest(), &live, &schema).plan()
}

/// Returns a plan with thousands of steps and findings.
fn huge() -> Plan {
    let one = Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan();
    let mut plan = one.clone();
    for round in 1..150 {
        for detail in &one.changes {
            let mut detail = detail.clone();
            rename(&mut detail.change.object, round);
            if let Some(parent) = &mut detail.parent {
                rename(parent, round);
            }
            plan.changes.push(detail);
        }
        for step in &one.forward {
            let mut step = step.clone();
            for change in &mut step.changes {
                rename(&mut change.object, round);
            }
            plan.forward.push(step);
        }
        for finding in &one.findings {
            let mut finding = finding.clone();
            rename(&mut finding.object, round);
            finding.step += round * one.forward.len();
            plan.findings.push(finding);
        }
        plan.rollback.extend(one.rollback.iter().cloned());
    }
    plan
}

fn rename(object: &mut Identity, round: usize) {
    let mut path = object.path.to_vec();
    if let Some(name) = path.get_mut(1) {
        name.push_str(&format!("_{round}"));
    }
    *object = Identity::new(object.kind, path);
}

/// Compares with what is checked in; `TRUEUP_BLESS=1` writes it anew.
fn golden(name: &str, text: &str) {
    let path = root().join("fixtures/reports").join(name);
    if env::var_os("TRUEUP_BLESS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} differs: run with TRUEUP_BLESS=1 and review it\n{text}"
    );
}

#[test]
fn one_plan_in_every_form() {
    // Versions say some things differently; the goldens are of one.
    let Some((_, server)) = servers().into_iter().find(|(major, _)| *major == 18) else {
        return;
    };
    let plan = Case::new(&server, &fixture("live.sql"), &fixture("schema.sql")).plan();
    golden("human.txt", &report::human(&plan, &PLAIN));
    golden("markdown.md", &report::markdown(&plan));
    golden("page.html", &report::html(&plan));
    let mut log: Value = serde_json::from_str(&report::sarif(&plan, Some("schema")).unwrap()).unwrap();
    // The rules' pages have a golden of their own, docs/rules.md.
    log["runs"][0]["tool"]["driver"]["rules"] = Value::Null;
    golden("findings.sarif", &format!("{log:#}\n"));
    golden("annotations.txt", &report::annotations(&plan));
    golden("forward.sql", &report::sql(&plan, Direction::Forward));
    golden("rollback.sql", &report::sql(&plan, Direction::Rollback));
    let json: Value = serde_json::from_str(&report::json(&plan).unwrap()).unwrap();
    golden("summary.json", &format!("{:#}\n", json["summary"]));
}

#[test]
fn the_program_writes_every_form() {
    let case = Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql"));
    let url = case.database.url();
    for (format, start) in [
        ("human", "Plan for database "),
        ("json", "{\n  \"summary\""),
        ("sql", "-- trueup "),
        ("markdown", "<!-- trueup:plan:"),
        ("html", "<!DOCTYPE html>"),
        ("sarif", "{\n  \"$schema\""),
        ("annotations", "::error file=schema/shop.sql,line="),
    ] {
        let output = case.run(&url, &["--format", format]);
        assert!(output.err.starts_with("reading the live database"), "{}", output.err);
        let text = output.expect(0);
        assert!(text.starts_with(start), "{format}: {text}");
    }
    let quiet = case.run(&url, &["--quiet", "--format", "json"]);
    assert_eq!(quiet.err, "", "nothing but errors with --quiet");
    let wrong = case.run(&url, &["--quiet", "--schema", "missing"]);
    assert!(wrong.err.starts_with("error: "), "{}", wrong.err);
}

#[test]
fn colours_add_nothing_but_colours() {
    let plan = hostile();
    for verbose in [false, true] {
        let plain = Style { verbose, ..PLAIN };
        let coloured = report::human(&plan, &Style { color: true, ..plain });
        let mut parts = coloured.split("\u{1b}[");
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            text.push_str(part.split_once('m').unwrap().1);
        }
        // Colours stand around spaces at a line's end, which the plain report leaves out.
        let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(trimmed.join("\n") + "\n", report::human(&plan, &plain));
    }
}

/// Returns the code blocks of a comment by language, its table rows, and its raw HTML.
fn parsed(markdown: &str) -> (Vec<(String, String)>, usize, Vec<String>) {
    let (mut blocks, mut rows, mut html) = (Vec::new(), 0, Vec::new());
    let mut open = false;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                blocks.push((language.to_string(), String::new()));
                open = true;
            }
            Event::End(TagEnd::CodeBlock) => open = false,
            Event::Text(text) if open => blocks.last_mut().unwrap().1.push_str(&text),
            Event::End(TagEnd::TableRow) => rows += 1,
            Event::Html(text) | Event::InlineHtml(text) => html.push(text.trim().to_owned()),
            _ => (),
        }
    }
    (blocks, rows, html)
}

fn only_our_html(plan: &Plan, html: &[String]) {
    let summary = |text: &str| text.starts_with("<details><summary>") && !text[18..].contains("<img");
    let ours = |text: &&String| {
        **text == report::marker(plan)
            || ["</details>", "</summary>", "<sub>", "</sub>", "<details>", "<summary>"].contains(&text.as_str())
            || summary(text)
    };
    let others: Vec<&String> = html.iter().filter(|text| !ours(text)).collect();
    assert_eq!(others, Vec::<&String>::new());
}

fn statements(steps: &[trueup::plan::Step]) -> impl Iterator<Item = &str> {
    let all = steps.iter().flat_map(|step| &step.statements);
    all.map(|sentence| sentence.sql.as_str())
}

#[test]
fn the_comment_is_what_a_parser_reads() {
    for plan in [
        Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan(),
        hostile(),
    ] {
        let text = report::markdown(&plan);
        assert!(text.starts_with(&format!("{}\n", report::marker(&plan))));
        let (blocks, rows, html) = parsed(&text);
        only_our_html(&plan, &html);
        let phases = 2;
        assert!(
            (plan.findings.len() + 1..=plan.findings.len() + phases).contains(&rows),
            "{text}"
        );
        let sql: Vec<&String> = blocks
            .iter()
            .filter(|(language, _)| language == "sql")
            .map(|(_, text)| text)
            .collect();
        assert_eq!(sql.len(), 2, "{text}");
        assert!(
            statements(&plan.forward).all(|statement| sql[0].contains(statement)),
            "{text}"
        );
        assert!(
            statements(&plan.rollback).all(|statement| sql[1].contains(statement)),
            "{text}"
        );
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("\n</details>\n").count()
        );
    }
}

#[test]
fn a_huge_plan_stays_readable() {
    let plan = huge();
    assert!(plan.forward.len() > 2_000, "{}", plan.forward.len());
    let text = report::markdown(&plan);
    assert!(text.len() <= LIMIT, "{}", text.len());
    assert!(text.len() > LIMIT / 2, "the room is used: {}", text.len());
    assert!(text.contains("-- Cut here: "), "a cut says so");
    let (blocks, _, html) = parsed(&text);
    only_our_html(&plan, &html);
    assert!(blocks.len() >= 2);
    assert!(text.contains(&format!("trueup {}", plan.tool)), "the end is never cut");
    let human = report::human(&plan, &PLAIN);
    assert!(human.lines().count() < 330, "{human}");
    assert!(human.contains("--verbose shows all"));
    let whole = report::human(&plan, &Style { verbose: true, ..PLAIN });
    let mut heads = plan.findings.iter().map(|finding| finding.object.path_text());
    assert!(heads.all(|name| whole.contains(&name)));
    assert!(whole.lines().count() > plan.forward.len());
    page(&report::html(&plan));
}

#[test]
fn a_comment_that_no_share_foresees_is_cut_too() {
    let mut plan = hostile();
    plan.forward[0].statements[0].sql = "`".repeat(LIMIT / 3);
    let text = report::markdown(&plan);
    assert!(
        text.len() <= LIMIT && text.starts_with(&report::marker(&plan)),
        "{}",
        text.len()
    );
}

/// Parses a page and checks that it needs nothing but itself.
fn page(html: &str) -> String {
    let options = ParsingOptions {
        allow_dtd: true,
        nodes_limit: u32::MAX,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(html, options).unwrap_or_else(|error| panic!("{error}"));
    let mut ids = Vec::new();
    let mut links = Vec::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        let forbidden = [
            "script", "img", "link", "iframe", "object", "embed", "base", "form", "use", "image",
        ];
        assert!(!forbidden.contains(&tag), "<{tag}>");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(
                !name.starts_with("on") && name != "src" && name != "style",
                "{name}={value}"
            );
            match name {
                "id" => ids.push(value.to_owned()),
                "href" => links.push(value.strip_prefix('#').expect(value).to_owned()),
                _ => (),
            }
        }
    }
    assert!(
        !html.contains("url(") && !html.contains("@import"),
        "the style loads nothing"
    );
    let number = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), number, "ids are unique");
    assert!(
        links.iter().all(|link| ids.binary_search(link).is_ok()),
        "links lead somewhere"
    );
    document
        .descendants()
        .filter_map(|node| node.text().filter(|_| node.is_text()))
        .collect()
}

#[test]
fn the_page_is_well_formed_and_stands_alone() {
    let plan = Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan();
    let html = report::html(&plan);
    let text = page(&html);
    assert!(plan.findings.iter().all(|finding| text.contains(&finding.code)));
    assert!(
        statements(&plan.forward).all(|statement| text.contains(statement)),
        "{text}"
    );
    assert!(html.contains("prefers-color-scheme: dark"));
    let plan = hostile();
    let html = report::html(&plan);
    let text = page(&html);
    assert!(text.contains(HOSTILE) && !html.contains("<img"), "{html}");
    assert!(
        statements(&plan.rollback).all(|statement| text.contains(statement)),
        "{text}"
    );
}

/// Returns what a browser makes of a page, and what it complains of; nothing where none is found on this machine.
fn browsed(name: &str, html: &str) -> Option<(String, String)> {
    let named = env::var_os("TRUEUP_TEST_BROWSER").map(PathBuf::from);
    let browser = named.or_else(|| {
        let folders = env::var_os("PATH")?;
        let mut all = env::split_paths(&folders)
            .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)));
        all.find(|path| path.exists())
    })?;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let page = folder.join("page.html");
    fs::write(&page, html).unwrap();
    let done = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let _ = fs::remove_dir_all(&folder);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Some((text(done.stdout), text(done.stderr)))
}

/// What names and comments of a database say becomes no element and no script in a browser's own reading.
#[test]
fn a_browser_reads_the_page() {
    let plan = Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan();
    for (name, plan) in [("plain", plan), ("hostile", hostile())] {
        let html = report::html(&plan);
        let Some((read, said)) = browsed(name, &html) else {
            return;
        };
        assert!(!said.contains("CONSOLE"), "{said}");
        for element in ["<svg", "<table", "<pre", "<details", "<img", "<script", "<a ", "<h2"] {
            let counted = [&html, &read].map(|text| text.matches(element).count());
            assert_eq!(counted[0], counted[1], "{element} in\n{read}");
        }
        assert!(
            plan.findings.iter().all(|finding| read.contains(&finding.code)),
            "{read}"
        );
        assert!(read.contains("</svg>"), "{read}");
    }
}

#[test]
fn the_diagram_shows_touched_tables_and_their_references() {
    let plan = Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan();
    let html = report::html(&plan);
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&html, options).unwrap();
    let named = |class: &str| -> Vec<(String, String)> {
        let shapes = document.descendants().filter(|node| {
            let classes = node.attribute("class").unwrap_or_default();
            classes.split(' ').next() == Some(class)
        });
        shapes
            .map(|node| {
                let title = node.parent().unwrap().first_element_child().unwrap();
                let sort = node.attribute("class").unwrap().rsplit(' ').next().unwrap();
                (title.text().unwrap().to_owned(), sort.to_owned())
            })
            .collect()
    };
    let pair = |name: &str, sort: &str| (name.to_owned(), sort.to_owned());
    assert_eq!(
        named("box"),
        [
            pair("shop.customers", "change"),
            pair("shop.legacy", "drop"),
            pair("shop.orders", "change"),
            pair("shop.refunds", "add"),
        ]
    );
    let mut edges = named("edge");
    edges.sort();
    assert_eq!(
        edges,
        [
            pair("foreign key shop.orders.orders_customer_id_fkey", "same"),
            pair("foreign key shop.refunds.refunds_order_id_fkey", "add"),
        ]
    );
}

/// A log fits the schema of OASIS, and our own, which allows no more than we mean to say.
fn fits_sarif(log: &Value) {
    for name in ["sarif-2.1.0.schema.json", "sarif.schema.json"] {
        let standard: Value = serde_json::from_str(&fixture(name)).unwrap();
        assert_eq!(schema::validate(&standard, log), Vec::<String>::new(), "{name}");
        let mut wrong = log.clone();
        wrong["version"] = "2.0.0".into();
        wrong["runs"][0]["tool"] = serde_json::json!({ "driver": {} });
        assert_eq!(schema::validate(&standard, &wrong).len(), 2, "{name}");
    }
}

#[test]
fn sarif_fits_its_standard_and_points_at_declarations() {
    let declared = fixture("schema.sql");
    let lines: Vec<&str> = declared.lines().collect();
    for (plan, is_shop) in [
        (Case::new(&newest(), &fixture("live.sql"), &declared).plan(), true),
        (hostile(), false),
    ] {
        let log: Value = serde_json::from_str(&report::sarif(&plan, Some("schema")).unwrap()).unwrap();
        fits_sarif(&log);
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), plan.findings.len());
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
            let name = result["locations"][0]["logicalLocations"][0]["name"].as_str().unwrap();
            // What is dropped is at what held it, or at the files' folder.
            let is_declared = declared.contains(name) && is_shop;
            if is_declared && result["ruleId"] != "TU107" && name != "legacy" {
                assert_eq!(place["artifactLocation"]["uri"], "schema/shop.sql");
                let around = lines[line - 1..]
                    .iter()
                    .take(6)
                    .any(|text| text.contains(name.split('_').next().unwrap()));
                assert!(around, "{name} is not at line {line}");
            }
        }
    }
}

#[test]
fn annotations_are_one_line_each_with_a_place() {
    for plan in [
        Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan(),
        hostile(),
    ] {
        let text = report::annotations(&plan);
        assert_eq!(text.lines().count(), plan.findings.len());
        for line in text.lines() {
            let (command, message) = line[2..].split_once("::").unwrap();
            let (level, properties) = command.split_once(' ').unwrap();
            assert!(["error", "warning", "notice"].contains(&level), "{line}");
            assert!(!message.is_empty());
            for property in properties.split(',') {
                let (name, _) = property.split_once('=').unwrap();
                assert!(["file", "line", "title"].contains(&name), "{line}");
            }
        }
    }
}

#[test]
fn a_failed_proof_is_said_everywhere() {
    let mut plan = Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan();
    let why = "column shop.orders.total differs <in> type";
    plan.proof = Some(Proof {
        verdict: Verdict::Failed,
        server: Some("PostgreSQL 18".to_owned()),
        refutation: Some(Refutation {
            direction: None,
            step: None,
            message: why.to_owned(),
        }),
        ..Proof::skipped()
    });
    let human = report::human(&plan, &PLAIN);
    assert!(
        human.contains("FAILED") && human.contains(why) && !human.contains("Next: "),
        "{human}"
    );
    assert!(report::markdown(&plan).contains("differs &lt;in&gt; type"));
    assert!(page(&report::html(&plan)).contains(why));
    assert!(report::annotations(&plan).starts_with("::error title=failed proof::"));
    let log: Value = serde_json::from_str(&report::sarif(&plan, None).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let json: Value = serde_json::from_str(&report::json(&plan).unwrap()).unwrap();
    assert_eq!(json["summary"]["proof"], "failed");
}

/// The whole plan says how long it takes and who waits; a step does where that is more than a moment.
#[test]
fn durations_are_said_with_their_basis() {
    let mut plan = Case::new(
        &newest(),
        "CREATE TABLE t (id int, a int)",
        "CREATE TABLE t (id int, a int, b int); CREATE INDEX i ON t (a);",
    )
    .plan();
    let slow = Estimate {
        seconds_low: 40,
        seconds_high: Some(410),
        blocks: Blocks::Writes,
        blocked_low: 40,
        blocked_high: Some(410),
        basis: "index build of `public.t` (12 GiB) at 30–300 MiB/s".to_owned(),
        expected: None,
    };
    let quick = Estimate {
        seconds_low: 0,
        seconds_high: Some(0),
        blocks: Blocks::Reads,
        basis: "catalog only: milliseconds".to_owned(),
        ..slow.clone()
    };
    assert_eq!(plan.forward.len(), 2);
    plan.forward[0].statements[0].estimate = Some(quick);
    plan.forward[1].statements[0].estimate = Some(slow.clone());
    let total = "40 s to 7 min; reads and writes wait up to 7 min; writes wait up to 7 min";
    let takes = "takes 40 s to 7 min: index build of `public.t` (12 GiB) at 30–300 MiB/s";
    let held = "others wait up to 7 min: until transaction 1 ends";
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let human = joined(&report::human(&plan, &PLAIN));
    let html = report::html(&plan);
    for part in [total, takes, held] {
        assert!(human.contains(part), "{part}\n{human}");
        assert!(html.contains(part), "{part}\n{html}");
    }
    let markdown = report::markdown(&plan);
    assert!(markdown.contains(total), "{markdown}");
    assert!(
        markdown.contains("-- step 2: create index public.i (40 s to 7 min)"),
        "{markdown}"
    );
    plan.forward[1].statements[0].estimate = Some(Estimate {
        seconds_low: 0,
        seconds_high: None,
        blocked_high: None,
        ..slow
    });
    let human = report::human(&plan, &PLAIN);
    assert!(
        human.contains("nobody knows how long: the size of a table is unknown"),
        "{human}"
    );
}

#[test]
fn nothing_to_do_is_said_in_every_form() {
    let case = Case::new(&newest(), "CREATE TABLE t (id int)", "CREATE TABLE t (id int);");
    let plan = case.plan();
    assert!(plan.is_empty());
    let nothing = "Nothing to do: the database matches the declared schema.";
    assert!(report::human(&plan, &PLAIN).contains(nothing));
    assert!(report::markdown(&plan).contains(nothing));
    assert!(page(&report::html(&plan)).contains(nothing));
    assert_eq!(report::annotations(&plan), "");
    fits_sarif(&serde_json::from_str(&report::sarif(&plan, None).unwrap()).unwrap());
}

/// The form for programs is the plan file's plan with a summary in front; its schema is made from that file's.
#[test]
fn json_fits_its_schema() {
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(root().join("schema").join(name)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    };
    let mut made = read("plan.schema.json");
    made["title"] = "trueup report".into();
    made["description"] = "What `trueup plan --format json` writes: counts, then the plan.".into();
    let mut plan = made["$defs"].as_object_mut().unwrap().shift_remove("plan").unwrap();
    let summary = schema::summary();
    let mut properties = serde_json::Map::new();
    properties.insert("summary".to_owned(), summary);
    properties.append(plan["properties"].as_object_mut().unwrap());
    made["properties"] = properties.into();
    let mut required = vec![Value::from("summary")];
    required.append(plan["required"].as_array_mut().unwrap());
    made["required"] = required.into();
    let path = root().join("schema/report.schema.json");
    if env::var_os("TRUEUP_BLESS").is_some() {
        fs::write(path, format!("{made:#}\n")).unwrap();
    }
    let written = read("report.schema.json");
    assert!(
        written == made,
        "schema/report.schema.json is old: run with TRUEUP_BLESS=1"
    );
    for plan in [
        Case::new(&newest(), &fixture("live.sql"), &fixture("schema.sql")).plan(),
        hostile(),
    ] {
        let json: Value = serde_json::from_str(&report::json(&plan).unwrap()).unwrap();
        assert_eq!(schema::validate(&written, &json), Vec::<String>::new());
        assert_eq!(json["summary"]["steps"], plan.forward.len());
    }
}

#[test]
fn no_secret_is_in_any_form() {
    let live = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'u', password 'hunter2');
        CREATE TABLE t (id int); INSERT INTO t VALUES (424242);";
    let schema = "CREATE TABLE t (id bigint NOT NULL CHECK (id > 0));";
    let case = Case::new(&newest(), live, schema);
    let url = case.database.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}password=hunter2");
    for format in ["human", "json", "sql", "markdown", "html", "sarif", "annotations"] {
        let output = case.run(&url, &["--format", format, "--out", "plan.json"]);
        let file = fs::read_to_string(case.folder.path().join("plan.json")).unwrap();
        for text in [&output.out, &output.err, &file] {
            assert!(
                !text.contains("hunter2") && !text.contains("424242"),
                "{format}: {text}"
            );
        }
        output.expect(0);
    }
}
