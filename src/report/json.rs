//! A plan as JSON: counts first, then all of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::plan::{Plan, transactions};

/// Returns the plan as JSON with a `summary` of counts in front.
pub fn json(plan: &Plan) -> Result<String> {
    let fail = |error: serde_json::Error| Error::internal(error.to_string());
    let mut out = Map::new();
    out.insert("summary".to_owned(), summary(plan));
    if let Value::Object(fields) = serde_json::to_value(plan).map_err(fail)? {
        out.extend(fields);
    }
    let mut text = serde_json::to_string_pretty(&out).map_err(fail)?;
    text.push('\n');
    Ok(text)
}

fn summary(plan: &Plan) -> Value {
    let mut changes: BTreeMap<String, usize> = BTreeMap::new();
    for detail in &plan.changes {
        *changes.entry(word(&detail.change.verb)).or_default() += 1;
    }
    let mut findings: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &plan.findings {
        *findings.entry(word(&finding.risk)).or_default() += 1;
    }
    let transactions = transactions(&plan.forward);
    json!({
        "empty": plan.is_empty(),
        "changes": changes,
        "findings": findings,
        "highest_risk": plan.findings.iter().map(|finding| finding.risk).max(),
        "steps": plan.forward.len(),
        "transactions": transactions,
        "proof": plan.proof.as_ref().map(|proof| proof.verdict),
        "unmodelled": plan.unmodelled.len(),
    })
}

/// Returns the word that serialises a plain enum value.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
