//! YAML text that is pleasant to read: blocks for what is big, one line for what is small, long texts as they are.

use serde_json::Value as Json;

use super::form::{Form, Layout};
use super::forms::SECTIONS;
use super::want::Fields;

/// Widest line on which a mapping or list is still written in one.
const WIDTH: usize = 110;

/// Writes one document.
pub(super) fn document(fields: &Fields) -> String {
    let mut out = String::new();
    for (key, value) in fields {
        if !out.is_empty() && is_collection(key) {
            out.push('\n');
        }
        let strict = key == "objects";
        entry(&mut out, (key, value), 0, strict);
    }
    out
}

/// Tells whether a key holds items by name, which stand on lines of their own.
fn is_collection(key: &str) -> bool {
    fn holds(forms: &[&'static Form], key: &str, depth: usize) -> bool {
        forms.iter().any(|form| {
            (form.section == key && form.layout != Layout::Single)
                || (depth > 0 && holds((form.parts)(), key, depth - 1))
        })
    }
    key == "objects" || holds(SECTIONS, key, 1)
}

/// Tells whether a key with its value holds items by name; the same key can be a plain one elsewhere.
fn holds_items(key: &str, value: &Json) -> bool {
    value.is_object() && is_collection(key)
}

fn entry(out: &mut String, (key, value): (&str, &Json), indent: usize, strict: bool) {
    let start = out.len();
    out.push_str(&" ".repeat(indent));
    out.push_str(&scalar(key, true, false));
    out.push(':');
    let width = out.len() - start + 1;
    let in_block = holds_items(key, value) || (indent == 0 && value.is_array() && is_collection(key));
    let one_line = if in_block { None } else { flow(value, strict, 0) };
    match (one_line, value) {
        (Some(text), _) if width + text.chars().count() <= WIDTH || !is_container(value) => {
            out.push(' ');
            out.push_str(&text);
            out.push('\n');
        }
        (_, Json::String(text)) => {
            out.push(' ');
            block_or_quoted(out, text, indent + 2);
        }
        (_, Json::Object(fields)) if !fields.is_empty() => {
            out.push('\n');
            for (key, value) in fields {
                entry(out, (key, value), indent + 2, strict);
            }
        }
        (_, Json::Array(items)) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                list_item(out, item, indent + 2, strict);
            }
        }
        (_, Json::Object(_)) => out.push_str(" {}\n"),
        _ => out.push_str(" []\n"),
    }
}

fn list_item(out: &mut String, item: &Json, indent: usize, strict: bool) {
    let dash = format!("{}- ", " ".repeat(indent));
    match (flow(item, strict, 0), item) {
        (Some(text), _) if indent + 2 + text.chars().count() <= WIDTH || !is_container(item) => {
            out.push_str(&format!("{dash}{text}\n"));
        }
        (_, Json::Object(fields)) => {
            let mut inner = String::new();
            for (key, value) in fields {
                entry(&mut inner, (key, value), indent + 2, strict);
            }
            // The dash stands in the indentation of the first line.
            out.push_str(&dash);
            out.push_str(&inner[indent + 2..]);
        }
        (_, Json::String(text)) => {
            out.push_str(&dash);
            block_or_quoted(out, text, indent + 2);
        }
        _ => out.push_str(&format!("{dash}{item}\n")),
    }
}

fn is_container(value: &Json) -> bool {
    matches!(value, Json::Object(_) | Json::Array(_))
}

/// Returns a value on one line; `None` where it has several or is nested deeply.
fn flow(value: &Json, strict: bool, depth: usize) -> Option<String> {
    match value {
        Json::String(text) if text.contains('\n') => None,
        Json::String(text) => Some(scalar(text, depth > 0, strict)),
        Json::Array(_) | Json::Object(_) if depth > 2 => None,
        Json::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| flow(item, strict, depth + 1)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Json::Object(fields) => {
            if fields.iter().any(|(key, value)| holds_items(key, value)) {
                return None;
            }
            let one = |(key, value): (&String, &Json)| {
                Some(format!(
                    "{}: {}",
                    scalar(key, true, false),
                    flow(value, strict, depth + 1)?
                ))
            };
            let fields: Option<Vec<String>> = fields.iter().map(one).collect();
            Some(format!("{{{}}}", fields?.join(", ")))
        }
        other => Some(other.to_string()),
    }
}

/// Returns a text on one line, plain where that is safe.
fn scalar(text: &str, in_flow: bool, strict: bool) -> String {
    if is_plain(text, in_flow) && !(strict && means_more(text)) {
        return text.to_owned();
    }
    if text.chars().any(|c| c.is_control() || is_odd(c)) {
        return Json::String(text.to_owned()).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Tells whether a text without quotes would be read as something else by whoever knows no better.
fn means_more(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    text.parse::<f64>().is_ok()
        || matches!(
            word.as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

fn is_odd(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn is_plain(text: &str, in_flow: bool) -> bool {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return false };
    let second = characters.next().unwrap_or(' ');
    let starts_well = match first {
        '-' | '?' | ':' => !second.is_whitespace() && !in_flow,
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => false,
        other => !other.is_whitespace(),
    };
    let word = text.to_ascii_lowercase();
    let is_nothing = matches!(word.as_str(), "~" | "null");
    let mut pairs = text.chars().zip(text.chars().skip(1).chain([' ']));
    let well = pairs.all(|(c, next)| match c {
        ':' => !(next.is_whitespace() || (in_flow && ",[]{}".contains(next))),
        '#' => true,
        ',' | '[' | ']' | '{' | '}' => !in_flow,
        c if c.is_whitespace() => c == ' ' && next != '#',
        c => !c.is_control() && !is_odd(c),
    });
    // Some readers take a dash before a bracket for the start of something else.
    let has_dash = in_flow && text.split(' ').any(|word| word.starts_with('-'));
    starts_well
        && well
        && !has_dash
        && !is_nothing
        && !text.ends_with(char::is_whitespace)
        && !text.starts_with("---")
        && !text.starts_with("...")
}

/// Writes a text of several lines as a literal block, or in quotes where a block could not hold it.
fn block_or_quoted(out: &mut String, text: &str, indent: usize) {
    let odd = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_odd(c);
    // Blank lines at the end would run into those behind the block.
    if !text.contains('\n') || text.chars().any(odd) || text.trim().is_empty() || text.ends_with("\n\n") {
        out.push_str(&scalar(text, true, true));
        out.push('\n');
        return;
    }
    // Where the first line is indented, the reader must be told what of it is indentation of the block.
    let head = if text.trim_start_matches('\n').starts_with(char::is_whitespace) {
        "|2"
    } else {
        "|"
    };
    let tail = if text.ends_with('\n') { "" } else { "-" };
    out.push_str(&format!("{head}{tail}\n"));
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::yaml::node;
    use serde_json::json;

    #[test]
    fn every_text_comes_back() {
        let texts = [
            "plain",
            "a: b",
            "a #b",
            "- x",
            "-1",
            "'x'::text",
            "",
            "null",
            "~",
            " lead",
            "trail ",
            "a\nb",
            "a\n",
            "a\n\n",
            "  a\n b",
            "\n",
            "\n a\nb",
            "tab\tbed",
            "a\r\nb",
            "[x]",
            "{x}",
            "a, b",
            "it's",
            "say \"x\"",
            "#x",
            "x:",
            "é: ü",
            "a\n\n  b \n",
            "---",
            "line\u{2028}sep",
            "%x",
            "@x",
            "!x",
            "&x",
            "*x",
            "`x",
            "x\n\ty",
            "::",
            "a]",
            "back\\slash",
            "integer -",
            "\n\na\n",
            "\n  \na\n",
            "a\n ",
            "a - b",
            "- -",
        ];
        for text in texts {
            for value in [
                json!(text),
                json!([text]),
                json!({"k": text}),
                json!({"k": {text: text}}),
            ] {
                let fields = json!({"schema": value}).as_object().unwrap().clone();
                let written = document(&fields);
                let read = node::parse(&written).unwrap_or_else(|error| panic!("{error:?}\n{written}"));
                let node::Value::Map(entries) = &read[0].value else {
                    panic!()
                };
                assert_eq!(plain(&entries[0].node), value, "{written}");
            }
        }
    }

    fn plain(node: &node::Node) -> Json {
        match &node.value {
            node::Value::Scalar { text, .. } => {
                assert!(!node.is_null());
                json!(text)
            }
            node::Value::List(items) => items.iter().map(plain).collect(),
            node::Value::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), plain(&entry.node)))
                    .collect(),
            ),
        }
    }
}
