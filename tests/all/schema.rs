//! A JSON Schema validator for the keywords that our schemas use; an unknown keyword is an error, so that no rule of a
//! schema is passed over.

use serde_json::Value;
use trueup::config::Blockers;

/// Returns what is wrong with a value, each with its place.
pub(crate) fn validate(root: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    Validator { root }.check(root, value, "", &mut out);
    out
}

struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, place: &str, out: &mut Vec<String>) {
        for (keyword, rule) in schema.as_object().unwrap() {
            let right = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "definitions" | "title" | "description" | "default" => true,
                "$ref" => {
                    let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    self.check(self.root.pointer(target).unwrap(), value, place, out);
                    true
                }
                "type" => has_type(rule, value),
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| Some(number) >= rule.as_f64()),
                "maximum" => value.as_f64().is_none_or(|number| Some(number) <= rule.as_f64()),
                "format" => value
                    .as_str()
                    .is_none_or(|text| has_format(rule.as_str().unwrap(), text)),
                "uniqueItems" => {
                    let items = value.as_array().unwrap();
                    items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))
                }
                "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
                "minItems" => value
                    .as_array()
                    .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
                "maxItems" => value.as_array().unwrap().len() as u64 <= rule.as_u64().unwrap(),
                "required" => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| value.get(name.as_str().unwrap()).is_some()),
                "additionalProperties" => self.others(schema, rule, value, place, out),
                "properties" => {
                    for (name, part) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.check(part, value, &format!("{place}/{name}"), out);
                        }
                    }
                    true
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{place}/{at}"), out);
                    }
                    true
                }
                "prefixItems" => {
                    for (at, (part, item)) in rule
                        .as_array()
                        .unwrap()
                        .iter()
                        .zip(value.as_array().unwrap())
                        .enumerate()
                    {
                        self.check(part, item, &format!("{place}/{at}"), out);
                    }
                    true
                }
                "oneOf" => self.fitting(rule, value) == 1,
                "anyOf" => self.fitting(rule, value) > 0,
                unknown => panic!("the validator does not know the keyword {unknown}"),
            };
            if !right {
                out.push(format!("{place}: {keyword} {rule} does not hold for {value}"));
            }
        }
    }

    /// Counts the schemas of a list that a value fits.
    fn fitting(&self, rule: &Value, value: &Value) -> usize {
        let fits = |part: &&Value| {
            let mut wrong = Vec::new();
            self.check(part, value, "", &mut wrong);
            wrong.is_empty()
        };
        rule.as_array().unwrap().iter().filter(fits).count()
    }

    /// Checks the fields that a schema does not name.
    fn others(&self, schema: &Value, rule: &Value, value: &Value, place: &str, out: &mut Vec<String>) -> bool {
        let known = schema["properties"].as_object();
        let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
        let fields = value.as_object().into_iter().flatten();
        let mut others = fields.filter(|(name, _)| !is_known(name));
        if let Value::Bool(allowed) = rule {
            return *allowed || others.next().is_none();
        }
        for (name, other) in others {
            self.check(rule, other, &format!("{place}/{name}"), out);
        }
        true
    }
}

/// Tells whether a text is of a format; as strict as a schema for people's reports needs it.
fn has_format(format: &str, text: &str) -> bool {
    let is_printable = text.bytes().all(|b| b.is_ascii_graphic());
    match format {
        "uri" => {
            is_printable
                && text
                    .split_once(':')
                    .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
        }
        "uri-reference" => is_printable,
        unknown => panic!("the validator does not know the format {unknown}"),
    }
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the validator does not know the type {other}"),
    };
    match rule {
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        name => is(name.as_str().unwrap()),
    }
}

/// Understands the patterns that the schemas use.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[0-9a-f]{64}$" => text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "^[a-z_]+$" => !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
        "^TU[0-9]{3}$" => text.len() == 5 && text.starts_with("TU") && text[2..].bytes().all(|b| b.is_ascii_digit()),
        r"^(wait|refuse|wait:[0-9]+ ?(ms|s|m|min|h|d)?)$" => Blockers::try_from(text.to_owned()).is_ok(),
        unknown => panic!("the validator does not know the pattern {unknown}"),
    }
}

/// Returns the schema of the summary that stands before a plan in JSON.
pub(crate) fn summary() -> Value {
    let counts = |words: &[&str]| {
        let count = serde_json::json!({ "type": "integer", "minimum": 1 });
        let properties: serde_json::Map<String, Value> =
            words.iter().map(|word| ((*word).to_owned(), count.clone())).collect();
        serde_json::json!({ "type": "object", "properties": properties, "additionalProperties": false })
    };
    let number = serde_json::json!({ "type": "integer", "minimum": 0 });
    let risks = ["safe", "caution", "dangerous", "critical"];
    let mut out = serde_json::json!({
        "description": "Counts of what follows.",
        "type": "object",
        "properties": {
            "empty": { "description": "Whether there is nothing to do.", "type": "boolean" },
            "changes": counts(&["create", "alter", "replace", "rebuild", "rename", "drop"]),
            "findings": counts(&risks),
            "highest_risk": { "description": "Highest risk of all findings.", "enum": ["safe", "caution", "dangerous", "critical", null] },
            "steps": number,
            "transactions": number,
            "proof": { "description": "Verdict of the proof.", "enum": ["held", "failed", "skipped", null] },
            "unmodelled": number,
        },
        "additionalProperties": false,
    });
    let names: Vec<Value> = out["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .map(Value::from)
        .collect();
    out["required"] = names.into();
    out
}
