//! House rules that no compiler checks: what the generic core may name, and how files look.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use trueup::kinds::{Kind, readers};

/// What works on every kind without knowing one.
const GENERIC_CORE: [&str; 5] = ["diff", "plan", "apply", "prove", "report"];

const LONGEST_FILE: usize = 500;

struct File {
    /// Path below the root of the repository.
    path: String,
    text: String,
}

impl File {
    fn is_in(&self, module: &str) -> bool {
        self.path.starts_with(&format!("src/{module}/")) || self.path == format!("src/{module}.rs")
    }

    /// Returns the lines of code with their numbers, without comments and without the tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn paths_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths_below(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

fn files(folder: &str) -> Vec<File> {
    let mut paths = Vec::new();
    paths_below(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty());
    let file = |path: PathBuf| File {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(root()).unwrap().display().to_string(),
    };
    paths.into_iter().map(file).collect()
}

fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// Splits code into names and paths of names: `Kind::Table` is one word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
}

/// Names of the kinds as they stand in code: `Table`, and their modules.
fn names() -> (BTreeSet<String>, BTreeSet<String>) {
    let registry = fs::read_to_string(root().join("src/kinds/registry.rs")).unwrap();
    let lines = registry.lines().skip_while(|line| *line != "registry! {").skip(1);
    let lines = lines.take_while(|line| *line != "}").map(str::trim);
    let entries = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let names = entries.map(|line| {
        let (kind, rest) = line.split_once(" = ").unwrap();
        (kind.to_owned(), rest.split_once(',').unwrap().0.to_owned())
    });
    names.unzip()
}

#[test]
fn the_registry_is_read_whole() {
    let (kinds, modules) = names();
    assert_eq!((kinds.len(), modules.len()), (Kind::ALL.len(), Kind::ALL.len()));
    assert_eq!(readers().len(), Kind::ALL.len());
}

#[test]
fn the_generic_core_names_no_kind() {
    let (kinds, modules) = names();
    let mut found = Vec::new();
    for file in files("src") {
        if !GENERIC_CORE.iter().any(|module| file.is_in(module)) {
            continue;
        }
        let mut in_use_of_kinds = false;
        for (number, line) in file.code() {
            in_use_of_kinds |= line.contains("kinds::");
            let names_a_kind = words(line).any(|word| {
                let (scope, name) = word.rsplit_once("::").unwrap_or(("", word));
                let scope = scope.rsplit("::").next().unwrap_or_default();
                let known = matches!(scope, "Kind" | "AnyObject" | "kinds") || (in_use_of_kinds && scope.is_empty());
                (known && kinds.contains(name)) || (scope == "kinds" && modules.contains(name))
            });
            let in_words = Kind::ALL
                .iter()
                .any(|kind| line.contains(&format!("== \"{}\"", kind.words())));
            if names_a_kind || in_words {
                found.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
            in_use_of_kinds &= !line.contains(';');
        }
    }
    assert_none("what works on every kind must not name one", &found);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let found = files("src").into_iter().chain(files("tests"));
    let found = found.filter(|file| !file.text.starts_with("//! "));
    assert_none(
        "files must open with `//!`",
        &found.map(|file| file.path).collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_is_too_long() {
    let length = |file: &File| file.text.lines().count();
    let found = files("src").into_iter().filter(|file| length(file) > LONGEST_FILE);
    let found: Vec<String> = found.map(|file| format!("{}: {}", file.path, length(&file))).collect();
    assert_none("split by noun what has over 500 lines", &found);
}

#[test]
fn nothing_is_left_open() {
    let left = ["todo!(", "unimplemented!(", "FIXME", "XXX"];
    let found = files("src").into_iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        let lines = lines.filter(|(_, line)| left.iter().any(|word| line.contains(word)));
        lines
            .map(|(at, line)| format!("{}:{}: {}", file.path, at + 1, line.trim()))
            .collect::<Vec<_>>()
    });
    assert_none("finish it or write an issue", &found.collect::<Vec<_>>());
}

#[test]
fn only_the_command_line_touches_terminal_and_environment() {
    let words = [
        "println!(",
        "eprintln!(",
        "print!(",
        "dbg!(",
        "env::var",
        "env::args",
        "env::temp_dir",
    ];
    let mut found = Vec::new();
    for file in files("src")
        .iter()
        .filter(|file| !file.is_in("cli") && !file.is_in("server"))
    {
        let lines = file
            .code()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        found.extend(lines.map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim())));
    }
    assert_none("the library never prints and never reads the environment", &found);
}

/// `autotests` is off, so that a file which no other one declares would never run.
#[test]
fn every_test_file_is_run() {
    let declared = |parent: &str, module: &str| {
        let text = fs::read_to_string(root().join(parent)).unwrap();
        text.lines()
            .any(|line| line.trim_start_matches("pub(crate) ") == format!("mod {module};"))
    };
    let found = files("tests").into_iter().filter(|file| {
        let path = file.path.strip_prefix("tests/").unwrap().trim_end_matches(".rs");
        match path.rsplit_once('/') {
            Some(("all", "main") | ("support", "mod") | ("benches", _)) => false,
            Some(("all", module)) => !declared("tests/all/main.rs", module),
            Some(("support", module)) => !declared("tests/support/mod.rs", module),
            // Deeper modules are reached from the one that carries their folder's name.
            Some(_) => !path.starts_with("all/") && !path.starts_with("benches/"),
            None => true,
        }
    });
    assert_none(
        "declare it in tests/all/main.rs",
        &found.map(|file| file.path).collect::<Vec<_>>(),
    );
}

#[test]
fn licence_and_introduction_are_there() {
    for (name, phrase) in [
        ("LICENSE", "MIT OR Apache-2.0"),
        ("LICENSE-MIT", "Permission is hereby granted, free of charge"),
        ("LICENSE-APACHE", "Version 2.0, January 2004"),
        ("README.md", "bash tests/run.sh demo"),
    ] {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        assert!(text.contains(phrase), "{name} must say: {phrase}");
    }
}

#[test]
fn the_top_level_stays_small() {
    const ALLOWED: [&str; 11] = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "src",
        "schema",
        "fixtures",
        "tests",
        "docs",
    ];
    let names = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let found = names.filter(|name| !name.starts_with('.') && !ALLOWED.contains(&name.as_str()) && name != "target");
    assert_none(
        "dot files may be anywhere, the rest has its folder",
        &found.collect::<Vec<_>>(),
    );
}
