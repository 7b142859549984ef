//! The JSON Schema for editors and the reference for people, both from the forms.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::form::{Form, Layout};
use super::forms::SECTIONS;
use super::read::SCHEMA_KEYS;
use super::want::{Fields, Key, Want};
use crate::kinds::Kind;

const OBJECTS: &str = "Objects in the kinds' own fields, as a snapshot has them: for what no section can say.";

/// Returns the JSON Schema (2020-12) of YAML target files.
pub fn json_schema() -> Json {
    let mut definitions = BTreeMap::new();
    let mut properties = Fields::new();
    let schema = Want::Shape(Some("name"), SCHEMA_KEYS);
    properties.insert(
        "schema".to_owned(),
        described(
            want_schema(schema),
            "Schema that everything in the file is in; `public` when left out.",
        ),
    );
    for form in SECTIONS {
        properties.insert(form.section.to_owned(), section_schema(form, &mut definitions));
    }
    let kinds: Vec<Json> = Kind::ALL
        .iter()
        .filter_map(|kind| serde_json::to_value(kind).ok())
        .collect();
    let own = json!({
        "type": "array",
        "description": OBJECTS,
        "items": {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"description": "Kind of the object.", "enum": kinds}},
        },
    });
    properties.insert("objects".to_owned(), own);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trueup target file",
        "description": "Declares the objects of one schema of a PostgreSQL database.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn described(mut schema: Json, doc: &str) -> Json {
    schema["description"] = json!(doc);
    schema
}

fn plain() -> Json {
    json!({"type": ["string", "number", "boolean"]})
}

fn want_schema(want: Want) -> Json {
    match want {
        Want::Text => plain(),
        Want::Bool => json!({"type": "boolean"}),
        Want::Number => json!({"type": "integer"}),
        Want::Word(words) => json!({"enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>()}),
        Want::Names => json!({"anyOf": [plain(), {"type": "array", "items": plain()}]}),
        Want::Pairs => json!({"type": "object", "additionalProperties": plain()}),
        Want::Settings => want_schema(Want::Named(&Want::Names)),
        Want::List(item) => json!({"type": "array", "items": want_schema(*item)}),
        Want::Named(item) => json!({"type": "object", "additionalProperties": want_schema(*item)}),
        Want::Any => json!({}),
        Want::Shape(short, keys) => {
            let mut any = vec![json!({"type": "boolean"})];
            if let Some(key) = keys.iter().find(|key| Some(key.name) == short) {
                any.push(want_schema(key.want));
            }
            any.push(json!({"type": "object", "properties": keys_schema(keys), "additionalProperties": false}));
            json!({ "anyOf": any })
        }
    }
}

fn keys_schema(keys: &[Key]) -> Json {
    let one = |key: &Key| (key.name.to_owned(), described(want_schema(key.want), key.doc));
    Json::Object(keys.iter().map(one).collect())
}

fn section_schema(form: &'static Form, definitions: &mut BTreeMap<String, Json>) -> Json {
    let item = json!({ "$ref": format!("#/$defs/{}", define(form, definitions)) });
    let named = json!({"type": "object", "additionalProperties": item});
    let schema = match form.layout {
        Layout::Named => named,
        Layout::Overloads => {
            let items = json!({"anyOf": [item.clone(), {"type": "array", "items": item}]});
            json!({"type": "object", "additionalProperties": items})
        }
        Layout::OverloadsOrList => {
            let items = json!({"anyOf": [item.clone(), {"type": "array", "items": item}]});
            let named = json!({"type": "object", "additionalProperties": items});
            json!({"anyOf": [named, {"type": "array", "items": plain()}]})
        }
        Layout::NamedOrList => json!({"anyOf": [named, {"type": "array", "items": plain()}]}),
        Layout::List => json!({"type": "array", "items": item}),
        Layout::Single => item,
    };
    described(schema, form.doc)
}

/// Adds the definition of a form's items, and returns its name.
fn define(form: &'static Form, definitions: &mut BTreeMap<String, Json>) -> String {
    let name = format!("{} {}", form.kind.words(), form.section).replace([' ', '-'], "_");
    if definitions.contains_key(&name) {
        return name;
    }
    // Stands in for itself, because partitions are tables with partitions.
    definitions.insert(name.clone(), Json::Null);
    let Json::Object(mut properties) = keys_schema(form.keys) else {
        return name;
    };
    for part in (form.parts)() {
        properties.insert(part.section.to_owned(), section_schema(part, definitions));
    }
    for attached in form.attached {
        let schema = want_schema(attached.want());
        properties.insert(attached.name().to_owned(), described(schema, attached.doc()));
    }
    let mut object = json!({"type": "object", "properties": properties, "additionalProperties": false});
    let required: Vec<&str> = form
        .keys
        .iter()
        .filter(|key| key.default.is_empty())
        .map(|key| key.name)
        .collect();
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    let short = form.keys.iter().find(|key| Some(key.name) == form.short);
    let schema = match (short, form.layout) {
        (Some(short), _) => json!({"anyOf": [want_schema(short.want), object]}),
        (None, _) if required.is_empty() => json!({"anyOf": [{"type": "null"}, object]}),
        _ => object,
    };
    definitions.insert(name.clone(), schema);
    name
}

/// Returns the reference as Markdown: every section with its keys.
pub fn reference() -> String {
    let mut out = String::new();
    for form in SECTIONS {
        describe(form, &mut Vec::new(), &mut out);
    }
    out.push_str(&format!("### `objects`\n\n{OBJECTS}\n"));
    out
}

fn describe(form: &'static Form, above: &mut Vec<&'static str>, out: &mut String) {
    above.push(form.section);
    out.push_str(&format!(
        "### `{}`\n\n{}\n\n| key | |\n| --- | --- |\n",
        above.join("` / `"),
        form.doc
    ));
    for key in form.keys {
        out.push_str(&format!("| `{}` | {} |\n", key.name, key.doc));
        nested(key.want, key.name, out);
    }
    for part in (form.parts)() {
        out.push_str(&format!("| `{}` | {} |\n", part.section, part.doc));
    }
    for attached in form.attached {
        out.push_str(&format!("| `{}` | {} |\n", attached.name(), attached.doc()));
    }
    out.push('\n');
    for part in (form.parts)()
        .iter()
        .filter(|part| part.kind != form.kind && part.kind != Kind::Table)
    {
        describe(part, above, out);
    }
    above.pop();
}

fn nested(want: Want, name: &str, out: &mut String) {
    match want {
        Want::Shape(_, keys) => {
            for key in keys {
                out.push_str(&format!("| `{name}` / `{}` | {} |\n", key.name, key.doc));
            }
        }
        Want::List(inner) | Want::Named(inner) => nested(*inner, name, out),
        _ => {}
    }
}
