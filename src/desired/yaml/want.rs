//! What may stand at a key: the shapes of values, how they are checked, and how they are said in a kind's own fields.

use serde_json::{Map, Value as Json, json};

use super::complaint::Complaint;
use super::node::{Entry, Node, Value};

/// Fields of an object by name.
pub(super) type Fields = Map<String, Json>;

/// Shape of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Want {
    /// Text, passed on as it is written.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Number,
    /// One of some words; the second of each pair is the kind's own.
    Word(&'static [(&'static str, &'static str)]),
    /// A list of texts; one text stands for a list of one.
    Names,
    /// A mapping from names to plain values, which the kind keeps as `name=value`.
    Pairs,
    /// A mapping from parameters to values, or to lists of values.
    Settings,
    /// A mapping with keys of its own; a plain value stands for the mapping with that key. `true` is the empty mapping.
    Shape(Option<&'static str>, &'static [Key]),
    /// A list.
    List(&'static Want),
    /// A mapping from names.
    Named(&'static Want),
    /// Whatever the kind takes.
    Any,
}

/// A key of a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Name in YAML.
    pub name: &'static str,
    /// What may stand there.
    pub want: Want,
    /// Field of the kind, with points into what is nested; empty when the form itself reads the key, and after `!` when
    /// the field is its opposite.
    pub field: &'static str,
    /// The kind's value when the key is left out, as JSON; empty when it must be there.
    pub default: &'static str,
    /// Explanation for people.
    pub doc: &'static str,
}

/// Makes a key of a kind's field.
pub(super) const fn key(
    name: &'static str,
    want: Want,
    field: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        name,
        want,
        field,
        default,
        doc,
    }
}

/// Makes a key that the form reads by itself.
pub(super) const fn own(name: &'static str, want: Want, doc: &'static str) -> Key {
    key(name, want, "", "null", doc)
}

fn wrong(node: &Node, name: &str, wanted: &str) -> Complaint {
    let found = node.describe();
    Complaint::new(node.offset, format!("`{name}` must be {wanted}, not {found}"))
        .hint(format!("Write {wanted} there."))
}

impl Want {
    /// Says what is wanted.
    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Bool => "true or false",
            Self::Number => "a whole number",
            Self::Word(_) => "a word",
            Self::Names => "a list of texts",
            Self::Pairs | Self::Settings | Self::Shape(..) | Self::Named(_) => "a mapping",
            Self::List(_) => "a list",
            Self::Any => "a value",
        }
    }

    /// Checks a value and returns it in its plain form.
    pub(super) fn read(self, name: &str, node: &Node) -> Result<Json, Complaint> {
        let wrong = || wrong(node, name, self.words());
        if node.is_null() && !matches!(self, Self::Shape(..) | Self::Any) {
            return Err(wrong());
        }
        match (self, &node.value) {
            (Self::Text, Value::Scalar { text, .. }) => Ok(json!(text)),
            (Self::Bool, Value::Scalar { text, .. }) => match text.as_str() {
                "true" | "yes" | "on" => Ok(json!(true)),
                "false" | "no" | "off" => Ok(json!(false)),
                _ => Err(wrong()),
            },
            (Self::Number, Value::Scalar { text, .. }) => text
                .replace('_', "")
                .parse::<i64>()
                .map(|number| json!(number))
                .map_err(|_| wrong()),
            (Self::Word(words), Value::Scalar { text, .. }) => word(words, name, node, text),
            (Self::Names, Value::Scalar { text, .. }) => Ok(json!([text])),
            (Self::Names, Value::List(items)) => items.iter().map(|item| Self::Text.read(name, item)).collect(),
            (Self::List(want), Value::List(items)) => items.iter().map(|item| want.read(name, item)).collect(),
            (Self::Pairs, Value::Map(entries)) => pairs(entries),
            (Self::Settings, Value::Map(entries)) => {
                let read = |entry: &Entry| {
                    let want = if matches!(entry.node.value, Value::List(_)) {
                        Self::Names
                    } else {
                        Self::Text
                    };
                    Ok((entry.key.clone(), want.read(&entry.key, &entry.node)?))
                };
                Ok(Json::Object(entries.iter().map(read).collect::<Result<Fields, _>>()?))
            }
            (Self::Named(want), Value::Map(entries)) => {
                let read = |entry: &Entry| Ok((entry.key.clone(), want.read(&entry.key, &entry.node)?));
                Ok(Json::Object(entries.iter().map(read).collect::<Result<Fields, _>>()?))
            }
            (Self::Shape(short, keys), _) => shape(short, keys, name, node),
            (Self::Any, _) => Ok(any(node)),
            _ => Err(wrong()),
        }
    }
}

fn word(words: &[(&'static str, &'static str)], name: &str, node: &Node, text: &str) -> Result<Json, Complaint> {
    let plain = text.to_ascii_lowercase();
    match words.iter().find(|(word, _)| *word == plain) {
        Some((word, _)) => Ok(json!(word)),
        None => {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(Complaint::new(node.offset, format!("`{text}` is no value of `{name}`"))
                .hint(format!("Write one of: {}.", known.join(", "))))
        }
    }
}

fn pairs(entries: &[Entry]) -> Result<Json, Complaint> {
    let read = |entry: &Entry| match &entry.node.value {
        Value::Scalar { text, .. } => Ok((entry.key.clone(), json!(text))),
        _ => Err(wrong(&entry.node, &entry.key, "a plain value")),
    };
    Ok(Json::Object(entries.iter().map(read).collect::<Result<Fields, _>>()?))
}

fn shape(short: Option<&'static str>, keys: &'static [Key], name: &str, node: &Node) -> Result<Json, Complaint> {
    match &node.value {
        Value::Map(entries) => {
            let mut out = Fields::new();
            for entry in entries {
                let Some(key) = keys.iter().find(|key| key.name == entry.key) else {
                    let known = keys.iter().map(|key| key.name);
                    return Err(Complaint::unknown(
                        entry.offset,
                        &entry.key,
                        &format!("of `{name}`"),
                        known,
                    ));
                };
                out.insert(entry.key.clone(), key.want.read(&entry.key, &entry.node)?);
            }
            Ok(Json::Object(out))
        }
        Value::Scalar { text, plain: true } if text == "true" => Ok(json!({})),
        Value::Scalar { text, plain: true } if text == "false" => Ok(Json::Null),
        _ => match short.and_then(|short| keys.iter().find(|key| key.name == short)) {
            Some(key) => Ok(json!({ key.name: key.want.read(key.name, node)? })),
            None => Err(wrong(node, name, "a mapping or true")),
        },
    }
}

/// Reads a value as YAML 1.2 understands it.
fn any(node: &Node) -> Json {
    match &node.value {
        _ if node.is_null() => Json::Null,
        Value::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false") => json!(text == "true"),
        Value::Scalar { text, plain: true } => match text.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => json!(text),
        },
        Value::Scalar { text, .. } => json!(text),
        Value::List(items) => items.iter().map(any).collect(),
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), any(&entry.node)))
                .collect(),
        ),
    }
}

impl Key {
    /// Says a value of YAML in the field of the kind.
    pub(super) fn to_field(self, value: &Json) -> Json {
        match (self.want, value) {
            (Want::Bool, Json::Bool(value)) if self.field.starts_with('!') => json!(!value),
            (Want::Word(words), Json::String(text)) => {
                let own = words.iter().find(|(word, _)| word == text).map(|(_, own)| *own);
                json!(own)
            }
            (Want::Pairs, Json::Object(pairs)) => pairs
                .iter()
                .map(|(name, value)| match value.as_str() {
                    Some("") | None => json!(name),
                    Some(value) => json!(format!("{name}={value}")),
                })
                .collect(),
            _ => value.clone(),
        }
    }

    /// Says the field of the kind in YAML; `None` when it cannot be said.
    pub(super) fn to_yaml(self, value: &Json) -> Option<Json> {
        match (self.want, value) {
            (Want::Bool, Json::Bool(value)) if self.field.starts_with('!') => Some(json!(!value)),
            (Want::Word(words), Json::String(own)) => words
                .iter()
                .find(|(_, known)| known == own)
                .map(|(word, _)| json!(word)),
            (Want::Pairs, Json::Array(options)) => {
                let pair = |option: &Json| {
                    let (name, value) = option.as_str()?.split_once('=')?;
                    Some((name.to_owned(), json!(value)))
                };
                let pairs: Fields = options.iter().map(pair).collect::<Option<_>>()?;
                (pairs.len() == options.len()).then_some(Json::Object(pairs))
            }
            _ => Some(value.clone()),
        }
    }

    /// Returns the path of the field.
    pub(super) fn path(self) -> Vec<&'static str> {
        self.field.trim_start_matches('!').split('.').collect()
    }

    /// Returns the kind's value when the key is left out; `None` when it must be there.
    pub(super) fn default(self) -> Option<Json> {
        serde_json::from_str(self.default).ok()
    }
}
