//! Lines of text: wrapping, indenting, counting, and values as people read them.

use serde_json::Value;

/// Wraps words into lines of at most `width` characters; a longer word stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && longer > width {
            out.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push(line);
    }
    out
}

/// Puts spaces before every line that is not empty.
pub(super) fn indent(text: &str, by: usize) -> String {
    let spaces = " ".repeat(by);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{spaces}{line}")
            }
        })
        .collect();
    lines.join("\n")
}

/// Returns the text with its first letter in capitals.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// Returns an attribute's value as lines: a list as one line per item, text as it is.
pub(super) fn value_lines(value: &str) -> Vec<String> {
    match serde_json::from_str(value) {
        Ok(Value::Array(items)) => items.iter().map(item).collect(),
        Ok(Value::Object(fields)) => fields.iter().map(field).collect(),
        _ => value.lines().map(str::to_owned).collect(),
    }
}

fn item(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        // A dash stands for nothing (the collation of a type that has none).
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(item).collect();
            words.join(" ").trim_end_matches(" -").to_owned()
        }
        other => other.to_string(),
    }
}

fn field((name, value): (&String, &Value)) -> String {
    match value {
        Value::Bool(false) => name.clone(),
        Value::Bool(true) => format!("{name} (yes)"),
        value => format!("{name} {}", item(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps() {
        assert_eq!(wrap("aa bb cc dddddd", 5), ["aa bb", "cc", "dddddd"]);
    }

    #[test]
    fn reads_values() {
        assert_eq!(
            value_lines("[[\"id\",\"bigint -\"],[\"n\",\"text\"]]"),
            ["id bigint", "n text"]
        );
        assert_eq!(value_lines(" SELECT 1\n   FROM t"), [" SELECT 1", "   FROM t"]);
        assert_eq!(value_lines("{\"SELECT\":false}"), ["SELECT"]);
    }
}
