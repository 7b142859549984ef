//! Findings as SARIF 2.1.0, for code scanning: each at the line that declares what it is about, rules with their pages.

use serde_json::{Map, Value, json};

use super::findings::by_rule;
use super::name;
use super::place::{Place, Places};
use super::proof::{refutation, remarks};
use crate::catalog::Fingerprint;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::risk::{Finding, RULES, Risk, Rule};

/// Returns the findings as SARIF. What no target file declares any more is placed at `source`, the files' folder or
/// file, if there is one: hosts refuse results without a place.
pub fn sarif(plan: &Plan, source: Option<&str>) -> Result<String> {
    let places = Places::of(plan);
    let results: Vec<Value> = by_rule(plan)
        .into_iter()
        .flatten()
        .map(|finding| result(finding, &places, source))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "trueup",
                "semanticVersion": plan.tool,
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("trueup/plan/{}/", uri(&plan.database.name)) },
            "invocations": [invocation(plan)],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).map_err(|error| Error::internal(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// A plan that failed its proof is an invocation that did not succeed: code scanning shows that beside the results.
fn invocation(plan: &Plan) -> Value {
    let failed = refutation(plan);
    let notes: Vec<Value> = remarks(plan)
        .into_iter()
        .map(|text| {
            let level = if failed.as_ref() == Some(&text) {
                "error"
            } else {
                "note"
            };
            json!({ "level": level, "message": { "text": text } })
        })
        .collect();
    json!({ "executionSuccessful": failed.is_none(), "toolExecutionNotifications": notes })
}

fn rule(rule: &Rule) -> Value {
    let page = rule.page();
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.name },
        "fullDescription": { "text": section(&page, "What it finds").unwrap_or_else(|| rule.name.to_owned()) },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": "warning" },
        "properties": { "tags": ["database", "postgresql"] },
    })
}

/// Returns the text below a heading of a rule's page, on one line.
fn section(page: &str, heading: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("## {heading}\n"))?;
    let text = rest.split("\n## ").next()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn result(finding: &Finding, places: &Places, source: Option<&str>) -> Value {
    let mut out = Map::new();
    out.insert("ruleId".to_owned(), json!(finding.code));
    if let Some(index) = RULES.iter().position(|rule| rule.code == finding.code) {
        out.insert("ruleIndex".to_owned(), json!(index));
    }
    out.insert("level".to_owned(), json!(level(finding.risk)));
    let text = format!("{} {}", finding.message, finding.hint);
    out.insert("message".to_owned(), json!({ "text": text.trim() }));
    out.insert("locations".to_owned(), json!([location(finding, places, source)]));
    let print = Fingerprint::of(&(&finding.code, &finding.object));
    out.insert("partialFingerprints".to_owned(), json!({ "trueup/v1": print }));
    out.insert(
        "properties".to_owned(),
        json!({ "risk": finding.risk, "step": finding.step + 1 }),
    );
    if let Some(ruling) = finding.ruling.as_ref().filter(|ruling| ruling.waived) {
        let suppression = json!({ "kind": "external", "justification": ruling.words() });
        out.insert("suppressions".to_owned(), json!([suppression]));
    }
    Value::Object(out)
}

fn location(finding: &Finding, places: &Places, source: Option<&str>) -> Value {
    let mut out = Map::new();
    let fallback = source.map(|source| Place {
        file: source.to_owned(),
        line: 1,
    });
    if let Some(place) = places.place(&finding.object).cloned().or(fallback) {
        let physical = json!({
            "artifactLocation": { "uri": uri(&place.file) },
            "region": { "startLine": place.line },
        });
        out.insert("physicalLocation".to_owned(), physical);
    }
    let logical = json!({
        "fullyQualifiedName": name::full(&finding.object),
        "name": finding.object.name(),
    });
    out.insert("logicalLocations".to_owned(), json!([logical]));
    Value::Object(out)
}

fn level(risk: Risk) -> &'static str {
    match risk {
        Risk::Safe => "note",
        Risk::Caution => "warning",
        Risk::Dangerous | Risk::Critical => "error",
    }
}

/// Returns a path as a relative reference, or as a `file:` URI when it is absolute (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escaped: String = path
        .trim_start_matches("./")
        .bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    if escaped.starts_with('/') {
        format!("file://{escaped}")
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("./schema/my file.sql"), "schema/my%20file.sql");
        assert_eq!(uri("/srv/a#b.sql"), "file:///srv/a%23b.sql");
    }

    #[test]
    fn every_rule_says_what_it_finds() {
        for rule in RULES {
            assert!(
                section(&rule.page(), "What it finds").is_some_and(|text| !text.is_empty()),
                "{}",
                rule.code
            );
        }
    }
}
