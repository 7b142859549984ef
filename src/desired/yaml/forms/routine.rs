//! Functions, procedures and aggregates.

use serde_json::{Value as Json, json};

use crate::desired::yaml::form::{Attached, Form, Layout, Spot, no_parts, text};
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{AnyObject, Kind};

const MODE: &[(&str, &str)] = &[
    ("in", "in"),
    ("out", "out"),
    ("inout", "in_out"),
    ("variadic", "variadic"),
    ("table", "table"),
];

const ARGUMENT: &[Key] = &[
    key("name", Want::Text, "name", "null", "Name."),
    key("type", Want::Text, "data_type", "", "Type."),
    key(
        "mode",
        Want::Word(MODE),
        "mode",
        "\"in\"",
        "in (the default), out, inout, variadic; table for a column of `returns table`.",
    ),
    key("default", Want::Text, "default", "null", "Default, an SQL expression."),
];

const ARGUMENTS: Key = own(
    "arguments",
    Want::List(&Want::Shape(Some("type"), ARGUMENT)),
    "Arguments in their order; a text is the type of an argument without a name.",
);
const RETURNS: Key = own(
    "returns",
    Want::Text,
    "Result type, also `setof TYPE`; left out for `returns table`, whose columns are arguments of mode `table`.",
);

const VOLATILITY: &[(&str, &str)] = &[("volatile", "v"), ("stable", "s"), ("immutable", "i")];
const PARALLEL: &[(&str, &str)] = &[("unsafe", "u"), ("restricted", "r"), ("safe", "s")];
const PARALLEL_KEY: Key = key(
    "parallel",
    Want::Word(PARALLEL),
    "parallel",
    "\"u\"",
    "Parallel safety: unsafe (the default), restricted or safe.",
);

const LANGUAGE: Key = key(
    "language",
    Want::Text,
    "language",
    "\"sql\"",
    "Language, `sql` when left out.",
);
const DEFINER: Key = key(
    "security_definer",
    Want::Bool,
    "security_definer",
    "false",
    "Whether it runs with its owner's rights.",
);
const SETTINGS: Key = key(
    "settings",
    Want::Pairs,
    "settings",
    "[]",
    "Settings that are in force while it runs.",
);
const TRANSFORMS: Key = key(
    "transforms",
    Want::Names,
    "transforms",
    "[]",
    "Types whose transforms apply.",
);
const LIBRARY: Key = key(
    "library",
    Want::Text,
    "library",
    "null",
    "Library of a C function; `body` is its symbol.",
);
const PARSED: Key = key(
    "parsed_body",
    Want::Bool,
    "parsed_body",
    "false",
    "Whether the body is SQL that is parsed at once: `begin atomic … end` or `return …`.",
);
const EXTENSIONS: Key = key(
    "extensions",
    Want::Names,
    "extensions",
    "[]",
    "Extensions that take it along when they are dropped.",
);
const BODY: Key = key("body", Want::Text, "body", "", "Body.");

/// Functions.
pub(super) static FUNCTIONS: Form = Form {
    section: "functions",
    doc: "Functions by name; overloads of one name are a list.",
    kind: Kind::Function,
    layout: Layout::Overloads,
    short: None,
    keys: &[
        ARGUMENTS,
        RETURNS,
        LANGUAGE,
        key(
            "volatility",
            Want::Word(VOLATILITY),
            "volatility",
            "\"v\"",
            "volatile (the default), stable or immutable.",
        ),
        key(
            "strict",
            Want::Bool,
            "strict",
            "false",
            "Whether a null argument makes a null result without a call.",
        ),
        key(
            "leakproof",
            Want::Bool,
            "leakproof",
            "false",
            "Whether it is promised to leak nothing about its arguments.",
        ),
        key(
            "window",
            Want::Bool,
            "window",
            "false",
            "Whether it is a window function.",
        ),
        DEFINER,
        PARALLEL_KEY,
        key("cost", Want::Text, "cost", "null", "Estimated cost."),
        key("rows", Want::Text, "rows", "null", "Estimated rows of a set."),
        key("support", Want::Text, "support", "null", "Planner support function."),
        TRANSFORMS,
        SETTINGS,
        LIBRARY,
        PARSED,
        EXTENSIONS,
        BODY,
    ],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        read_routine(spot, values, fields)?;
        let arguments = fields["arguments"].as_array().cloned().unwrap_or_default();
        let is_table = arguments.iter().any(|argument| argument["mode"] == "table");
        let comes_out = arguments
            .iter()
            .filter(|argument| argument["mode"] == "out" || argument["mode"] == "in_out");
        let comes_out: Vec<&Json> = comes_out.collect();
        let returns = match (text(values, "returns"), comes_out.as_slice()) {
            (Some(returns), _) => returns.trim().to_owned(),
            (None, _) if is_table => "record".to_owned(),
            (None, [only]) => only["data_type"].as_str().unwrap_or_default().to_owned(),
            (None, [_, ..]) => "record".to_owned(),
            (None, []) => return Err("a function needs `returns`".to_owned()),
        };
        let set = returns.get(..6).filter(|word| word.eq_ignore_ascii_case("setof "));
        fields.insert("returns_set".to_owned(), json!(is_table || set.is_some()));
        let bare = if set.is_some() { returns[6..].trim() } else { &returns };
        fields.insert("returns".to_owned(), json!(bare));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Function(function) = object else {
            return None;
        };
        let mut first = Fields::new();
        write_arguments(&function.0, &mut first)?;
        let is_table = function
            .0
            .arguments
            .iter()
            .any(|a| a.mode == crate::kinds::ArgumentMode::Table);
        let returns = function.0.returns.as_ref()?;
        if !is_table {
            let set = if function.0.returns_set { "setof " } else { "" };
            first.insert("returns".to_owned(), json!(format!("{set}{returns}")));
        }
        first.append(out);
        *out = first;
        Some(())
    },
};

/// Procedures.
pub(super) static PROCEDURES: Form = Form {
    section: "procedures",
    doc: "Procedures by name; overloads of one name are a list.",
    kind: Kind::Procedure,
    layout: Layout::Overloads,
    short: None,
    keys: &[
        ARGUMENTS, LANGUAGE, DEFINER, TRANSFORMS, SETTINGS, LIBRARY, PARSED, EXTENSIONS, BODY,
    ],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        read_routine(spot, values, fields)?;
        for (name, value) in [
            ("returns", Json::Null),
            ("returns_set", json!(false)),
            ("window", json!(false)),
            ("volatility", json!("v")),
            ("strict", json!(false)),
            ("leakproof", json!(false)),
            ("parallel", json!("u")),
            ("cost", Json::Null),
            ("rows", Json::Null),
            ("support", Json::Null),
        ] {
            fields.insert(name.to_owned(), value);
        }
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Procedure(procedure) = object else {
            return None;
        };
        let mut first = Fields::new();
        write_arguments(&procedure.0, &mut first)?;
        first.append(out);
        *out = first;
        Some(())
    },
};

fn read_routine(spot: &Spot, values: &Fields, fields: &mut Fields) -> Result<(), String> {
    fields.insert("schema".to_owned(), json!(spot.schema));
    fields.insert("name".to_owned(), json!(spot.name));
    let arguments = values
        .get("arguments")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let read = |argument: &Json| {
        let mut out = Fields::new();
        for key in ARGUMENT {
            let value = argument
                .get(key.name)
                .map(|value| key.to_field(value))
                .or_else(|| key.default());
            out.insert(
                key.field.to_owned(),
                value.ok_or_else(|| format!("an argument needs `{}`", key.name))?,
            );
        }
        Ok(Json::Object(out))
    };
    let arguments: Json = arguments.iter().map(read).collect::<Result<_, String>>()?;
    fields.insert("arguments".to_owned(), arguments);
    Ok(())
}

fn write_arguments(routine: &crate::kinds::Routine, out: &mut Fields) -> Option<()> {
    if routine.arguments.is_empty() {
        return Some(());
    }
    let values = serde_json::to_value(&routine.arguments).ok()?;
    let write = |argument: &Json| {
        let mut item = Fields::new();
        for key in ARGUMENT {
            let value = argument.get(key.field)?;
            if Some(value) != key.default().as_ref() {
                item.insert(key.name.to_owned(), key.to_yaml(value)?);
            }
        }
        Some(match item.len() {
            1 => item.get("type")?.clone(),
            _ => Json::Object(item),
        })
    };
    let arguments: Option<Json> = values.as_array()?.iter().map(write).collect();
    out.insert("arguments".to_owned(), arguments?);
    Some(())
}

const SORT: &[(&str, &str)] = &[("normal", "n"), ("ordered set", "o"), ("hypothetical set", "h")];

const MODIFY: &[(&str, &str)] = &[("read_only", "r"), ("shareable", "s"), ("read_write", "w")];

/// Aggregates.
pub(super) static AGGREGATES: Form = Form {
    section: "aggregates",
    doc: "Aggregates by name; overloads of one name are a list.",
    kind: Kind::Aggregate,
    layout: Layout::Overloads,
    short: None,
    keys: &[
        key(
            "arguments",
            Want::Text,
            "arguments",
            "\"\"",
            "Arguments as `CREATE AGGREGATE` says them; none when left out.",
        ),
        own(
            "signature",
            Want::Text,
            "Types of the arguments, when they are not the whole of `arguments`.",
        ),
        key(
            "returns",
            Want::Text,
            "returns",
            "\"\"",
            "Result type; it follows from the functions.",
        ),
        key(
            "sort",
            Want::Word(SORT),
            "sort",
            "\"n\"",
            "normal (the default), ordered set or hypothetical set.",
        ),
        key(
            "transition",
            Want::Text,
            "plain.transition",
            "",
            "Function that takes a row in.",
        ),
        key("state_type", Want::Text, "plain.state_type", "", "Type of the state."),
        key(
            "state_space",
            Want::Number,
            "plain.state_space",
            "0",
            "Estimated size of the state.",
        ),
        key("initial", Want::Text, "plain.initial", "null", "State to begin with."),
        key(
            "final_function",
            Want::Text,
            "plain.final_function",
            "null",
            "Function that makes the result of the state.",
        ),
        key(
            "final_extra",
            Want::Bool,
            "plain.final_extra",
            "false",
            "Whether the final function is given the arguments' types too.",
        ),
        key(
            "final_modify",
            Want::Word(MODIFY),
            "plain.final_modify",
            "null",
            "How the final function treats the state: read_only, shareable or read_write.",
        ),
        key(
            "moving",
            Want::Any,
            "moving",
            "null",
            "How it runs over a moving window frame: the same fields, and `inverse`.",
        ),
        key(
            "combine",
            Want::Text,
            "combine",
            "null",
            "Function that joins two states.",
        ),
        key(
            "serialize",
            Want::Text,
            "serialize",
            "null",
            "Function that packs a state for another process.",
        ),
        key(
            "deserialize",
            Want::Text,
            "deserialize",
            "null",
            "Function that unpacks a state.",
        ),
        key(
            "sort_operator",
            Want::Any,
            "sort_operator",
            "null",
            "Sort operator of an aggregate like `min`: schema and operator.",
        ),
        PARALLEL_KEY,
    ],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        let arguments = text(values, "arguments").unwrap_or_default();
        let signature = text(values, "signature").unwrap_or(arguments);
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        fields.insert("signature".to_owned(), json!(signature));
        if let Some(Json::Object(plain)) = fields.get_mut("plain") {
            plain.insert("inverse".to_owned(), Json::Null);
        }
        Ok(Vec::new())
    },
    write: |_: &Writer, object, out| {
        let AnyObject::Aggregate(aggregate) = object else {
            return None;
        };
        if aggregate.signature != aggregate.arguments {
            out.insert("signature".to_owned(), json!(aggregate.signature));
        }
        Some(())
    },
};
