//! The command reference is what the program says of itself; `TRUEUP_BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use crate::support::Project;

const HEAD: &str = "# Commands

Generated from the program's own help. `docs/configuration.md` has the configuration file and the variables.
";

/// Returns the names that the help lists below `Commands:`.
fn commands(help: &str) -> Vec<String> {
    let (_, rest) = help.split_once("Commands:\n").unwrap();
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_command_reference_is_the_programs_help() {
    let project = Project::new("manual", &[]);
    let help = project.run("--help").expect(0);
    let mut text = format!("{HEAD}\n```\n{}```\n", tidy(&help));
    for name in commands(&help) {
        text.push_str(&page(&project, "##", &name));
    }
    let path = root().join("docs/commands.md");
    if env::var_os("TRUEUP_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "run with TRUEUP_BLESS=1 and review docs/commands.md");
}

/// Returns the help of a command and of those below it.
fn page(project: &Project, mark: &str, name: &str) -> String {
    let help = project.run(&format!("{name} --help")).expect(0);
    let mut text = format!("\n{mark} trueup {name}\n\n```\n{}```\n", tidy(&help));
    if help.contains("Commands:\n") {
        for below in commands(&help) {
            text.push_str(&page(project, &format!("{mark}#"), &format!("{name} {below}")));
        }
    }
    text
}

/// Trailing spaces of wrapped lines only disturb.
fn tidy(help: &str) -> String {
    help.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_readme_names_every_command() {
    let project = Project::new("readme", &[]);
    let help = project.run("--help").expect(0);
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let named: BTreeSet<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next())
        .collect();
    let missing: Vec<String> = commands(&help)
        .into_iter()
        .filter(|name| !named.contains(name.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "the table of commands in README.md");
}

/// What the workflows call is what the program takes.
#[test]
fn the_workflows_call_what_there_is() {
    let project = Project::new("workflows", &[]);
    let text = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| line.trim_start().starts_with("trueup ")) {
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| !word.starts_with(['>', '|', '#']))
            .collect();
        let page = project.run(&format!("{} --help", words[1])).expect(0);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(page.contains(flag), "`trueup {}` has no {flag}: {line}", words[1]);
        }
        seen.insert(words[1].to_owned());
    }
    for name in ["plan", "apply", "drift", "diff"] {
        assert!(seen.contains(name), "docs/ci.md shows no {name}");
    }
}

#[test]
fn the_workflows_are_yaml() {
    let text = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let blocks: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        let value: serde_yaml::Value = serde_yaml::from_str(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        assert!(value.get("jobs").or_else(|| value.get("plan")).is_some());
    }
}
