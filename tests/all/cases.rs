//! Cases as data: each folder of `fixtures/cases` holds two schemas and the golden way between them.
//!
//! Every case runs through the built program on every server, with `pg_dump` as the observer. The golden script is
//! compared on the newest server only, since versions deparse differently. `TRUEUP_BLESS=1` writes it anew.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Database, pg_dump, servers, trueup_with};

struct Case {
    folder: PathBuf,
    live: Database,
    server: String,
}

impl Case {
    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    /// Runs `plan` with what the case asks for in its file `arguments`.
    fn plan(&self, code: i32, arguments: &[&str]) -> String {
        let more = fs::read_to_string(self.folder.join("arguments")).unwrap_or_default();
        let all = ["plan", "--schema", "new.sql"]
            .into_iter()
            .chain(arguments.iter().copied());
        self.run(code, &all.chain(more.split_whitespace()).collect::<Vec<_>>())
    }

    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let url = self.live.url();
        let variables = [("DATABASE_URL", url.as_str()), ("TRUEUP_SCRATCH", self.server.as_str())];
        trueup_with(&self.folder, &variables, arguments.iter().copied()).expect(code)
    }

    /// Goes forward and back, and looks after every step.
    fn check(&self) {
        let wanted = Database::with(&self.server, &self.read("new.sql"));
        let before = (pg_dump(&self.live.url()), self.live.catalog());
        let plan = env::temp_dir().join(format!("{}.json", self.live.name()));
        let plan_text = plan.to_str().unwrap();
        self.plan(2, &["--exit-code", "--out", plan_text]);
        self.run(0, &["apply", plan_text, "--approve", "critical", "--yes"]);
        assert_eq!(
            pg_dump(&self.live.url()),
            pg_dump(&wanted.url()),
            "{}",
            self.folder.display()
        );
        self.plan(0, &["--exit-code"]);
        self.run(0, &["rollback", "--approve", "critical", "--yes"]);
        assert_eq!(pg_dump(&self.live.url()), before.0, "{}", self.folder.display());
        assert_eq!(
            self.live.catalog().fingerprint(),
            before.1.fingerprint(),
            "{}",
            self.folder.display()
        );
        let _ = fs::remove_file(plan);
    }

    /// Compares the scripts of both ways with the golden ones.
    fn compare_golden(&self) {
        for (file, arguments) in [
            ("forward.sql", &["--format", "sql"][..]),
            ("rollback.sql", &["--format", "sql", "--rollback"][..]),
        ] {
            let body = |text: &str| {
                text.lines()
                    .skip_while(|line| line.starts_with("--"))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            let found = body(&self.plan(0, arguments));
            let golden = self.folder.join(file);
            if env::var_os("TRUEUP_BLESS").is_some() {
                fs::write(&golden, format!("{found}\n")).unwrap();
            }
            let known = fs::read_to_string(&golden).unwrap_or_default();
            assert_eq!(
                found.trim(),
                known.trim(),
                "{}: review, then TRUEUP_BLESS=1",
                golden.display()
            );
        }
    }
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut out: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    out.sort();
    assert!(out.len() >= 10);
    out
}

fn case(folder: &Path, server: &str) -> Case {
    let live = Database::with(server, &fs::read_to_string(folder.join("old.sql")).unwrap()).in_utc();
    Case {
        folder: folder.to_owned(),
        live,
        server: server.to_owned(),
    }
}

#[test]
fn every_case_goes_forward_and_back_on_every_server() {
    for (_, server) in servers() {
        for folder in folders() {
            case(&folder, &server).check();
        }
    }
}

#[test]
fn plans_are_as_reviewed() {
    let (_, server) = servers().into_iter().max_by_key(|(major, _)| *major).unwrap();
    for folder in folders() {
        case(&folder, &server).compare_golden();
    }
}
