//! Manual pages of the rules, from the opening comments of their files.

use super::registry::{RULES, Rule};
use crate::error::{Error, Result};

impl Rule {
    /// Returns the rule's manual page as Markdown.
    pub fn page(&self) -> String {
        let body: Vec<&str> = self
            .source
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        format!("# {} {}\n\n{}\n", self.code, self.name, body.join("\n").trim())
    }
}

/// Returns the manual page of a rule; the code may be written in lower case.
pub fn explain(code: &str) -> Result<String> {
    let wanted = code.trim().to_ascii_uppercase();
    if let Some(rule) = RULES.iter().find(|rule| rule.code == wanted) {
        return Ok(rule.page());
    }
    let error = Error::usage(format!("there is no rule `{code}`"));
    Err(match nearest(&wanted) {
        Some(rule) => error.hint(format!(
            "Did you mean {} ({})? docs/rules.md lists all rules.",
            rule.code, rule.name
        )),
        None => error.hint("Codes look like `TU101`; docs/rules.md lists all rules."),
    })
}

/// Returns the rule whose code shares the most characters by place, or whose name contains the text.
fn nearest(wanted: &str) -> Option<&'static Rule> {
    let lower = wanted.to_ascii_lowercase();
    if lower.len() >= 4
        && let Some(rule) = RULES.iter().find(|rule| rule.name.contains(&lower))
    {
        return Some(rule);
    }
    let digits: String = wanted.chars().filter(char::is_ascii_digit).collect();
    let number: i64 = digits.parse().ok()?;
    let distance = |rule: &&Rule| (rule.code[2..].parse::<i64>().unwrap_or_default() - number).abs();
    RULES.iter().min_by_key(distance)
}

/// Returns the manual of all rules, `docs/rules.md`.
pub fn manual() -> String {
    let mut out = String::from(
        "# Risk rules\n\n\
         Generated from the rules' source files; `trueup explain CODE` prints one page.\n\n\
         A finding is `safe`, `caution`, `dangerous` or `critical`. The first two need no approval; the others stop\n\
         `trueup apply` until `--approve LEVEL` or `--approve CODE:OBJECT` allows them. Levels follow the live size of the\n\
         table: an empty table has nothing to lose and nobody waits for it; up to 16 MiB, indexes included, a scan or a\n\
         rewrite is over before anybody notices; what is larger, or unknown, is taken seriously, and more so where ten\n\
         rows or more are written per second. Levels can be changed, and findings waived: docs/configuration.md.\n\n\
         | code | finds |\n| --- | --- |\n",
    );
    for rule in RULES {
        let anchor = format!("{} {}", rule.code, rule.name)
            .to_lowercase()
            .replace(',', "")
            .replace(' ', "-");
        out.push_str(&format!("| [{}](#{anchor}) | {} |\n", rule.code, rule.name));
    }
    for rule in RULES {
        // One level down, below the manual's own title.
        let page = rule.page().replace("\n## ", "\n### ");
        out.push_str(&format!("\n#{page}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: [&str; 4] = [
        "## What it finds",
        "## Why it is dangerous",
        "## Safer way",
        "## PostgreSQL versions",
    ];

    #[test]
    fn every_page_has_the_fixed_headings_in_order() {
        for rule in RULES {
            let page = rule.page();
            let places: Vec<_> = HEADINGS.iter().map(|heading| page.find(heading)).collect();
            assert!(
                places.iter().all(Option::is_some) && places.is_sorted(),
                "{}: {places:?}",
                rule.code
            );
            assert_eq!(page.matches("\n## ").count(), HEADINGS.len(), "{}", rule.code);
        }
    }

    #[test]
    fn docs_are_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            std::fs::write(path, manual()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == manual(),
            "docs/rules.md is old: run TRUEUP_BLESS=1 cargo test"
        );
    }

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(RULES.is_sorted_by(|a, b| a.code < b.code));
    }

    #[test]
    fn explains_and_suggests() {
        assert!(explain("tu101").unwrap().starts_with("# TU101 type change"));
        let error = explain("TU111").unwrap_err();
        assert!(error.hint.unwrap().contains("TU110"));
        assert!(explain("rename").unwrap_err().hint.unwrap().contains("TU501"));
        assert!(explain("?").unwrap_err().hint.unwrap().contains("docs/rules.md"));
    }
}
