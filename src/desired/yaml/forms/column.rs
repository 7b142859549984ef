//! Columns of tables: type, default, not-null, identity and storage stand together, as people think of them.

use serde_json::{Value as Json, json};

use super::relation::SEQUENCE_KEYS;
use super::{COMPRESSION, STORAGE};
use crate::desired::yaml::form::{Attached, Form, Layout, flag, no_parts, set, text};
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{
    AnyObject, ColumnDefault, ColumnIdentity, Comment, ForeignColumn, Kind, NotNull, Object, SequenceOptions,
    chosen_name,
};

const GENERATED: &[Key] = &[
    own("expression", Want::Text, "SQL expression."),
    own(
        "stored",
        Want::Bool,
        "Whether values are stored (the default), or computed when read (PostgreSQL 18).",
    ),
];

const NOT_NULL: &[Key] = &[
    own("name", Want::Text, "Name of the constraint (PostgreSQL 18)."),
    own("no_inherit", Want::Bool, "Whether children do not inherit it."),
    own("not_valid", Want::Bool, "Whether existing rows were never checked."),
    own("comment", Want::Text, "Comment."),
];

const WHEN: &[(&str, &str)] = &[("always", "always"), ("by default", "by default")];

const IDENTITY: &[Key] = &[
    own("generated", Want::Word(WHEN), "`always` or `by default`."),
    own(
        "sequence",
        Want::Text,
        "Name of the sequence, when it is not the one that PostgreSQL chooses.",
    ),
    own(
        "logged_apart",
        Want::Bool,
        "Whether the sequence is logged when its table is not, or the other way round.",
    ),
    SEQUENCE_KEYS[1],
    SEQUENCE_KEYS[2],
    SEQUENCE_KEYS[3],
    SEQUENCE_KEYS[4],
    SEQUENCE_KEYS[5],
    SEQUENCE_KEYS[6],
];

const FOREIGN_OPTIONS: Key = own("foreign_options", Want::Pairs, "Options of a foreign table's column.");

/// Columns of tables.
pub(super) static COLUMNS: Form = Form {
    section: "columns",
    doc: "Columns by name, in their order; a text is the type.",
    kind: Kind::Column,
    layout: Layout::Named,
    short: Some("type"),
    keys: &[
        own(
            "type",
            Want::Text,
            "Type; left out only for a column that is inherited.",
        ),
        own(
            "not_null",
            Want::Shape(Some("name"), NOT_NULL),
            "Whether null is refused.",
        ),
        own(
            "identity",
            Want::Shape(Some("generated"), IDENTITY),
            "Identity: `always`, `by default`, or a mapping.",
        ),
        own("default", Want::Text, "Default, an SQL expression."),
        own(
            "generated",
            Want::Shape(Some("expression"), GENERATED),
            "Expression that the value is generated from.",
        ),
        key(
            "collation",
            Want::Text,
            "collation",
            "null",
            "Collation, when it is not the type's own.",
        ),
        key(
            "storage",
            Want::Word(STORAGE),
            "storage",
            "null",
            "Storage mode, when it is not the type's own.",
        ),
        key(
            "compression",
            Want::Word(COMPRESSION),
            "compression",
            "null",
            "Compression method.",
        ),
        key("statistics", Want::Number, "statistics", "null", "Statistics target."),
        key(
            "options",
            Want::Pairs,
            "options",
            "[]",
            "Attribute options, such as `n_distinct`.",
        ),
        FOREIGN_OPTIONS,
    ],
    parts: no_parts,
    attached: Attached::COLUMN,
    read,
    write,
};

fn read(
    spot: &crate::desired::yaml::form::Spot,
    values: &Fields,
    fields: &mut Fields,
) -> Result<Vec<AnyObject>, String> {
    let (schema, table, column) = (spot.home().to_owned(), spot.table().to_owned(), spot.name.to_owned());
    let data_type = text(values, "type");
    for (name, value) in [
        ("schema", json!(schema)),
        ("table", json!(table)),
        ("name", json!(column)),
        ("data_type", json!(data_type.unwrap_or_default())),
        ("local", json!(data_type.is_some())),
        ("parents", json!([])),
        ("position", json!(0)),
        ("type_storage", json!("")),
        ("generated", Json::Null),
    ] {
        fields.insert(name.to_owned(), value);
    }
    if let Some(generated) = values.get("generated").and_then(Json::as_object) {
        let expression = text(generated, "expression").ok_or("`generated` needs an `expression`")?;
        let stored = generated.get("stored").and_then(Json::as_bool).unwrap_or(true);
        fields.insert(
            "generated".to_owned(),
            json!({"expression": expression, "stored": stored}),
        );
    }
    let mut out = Vec::new();
    if let Some(expression) = text(values, "default") {
        out.push(AnyObject::from(ColumnDefault {
            schema: schema.clone(),
            table: table.clone(),
            column: column.clone(),
            expression: expression.trim().to_owned(),
            volatile: false,
        }));
    }
    if let Some(options) = values.get("foreign_options") {
        let options = serde_json::from_value(FOREIGN_OPTIONS.to_field(options)).map_err(|error| error.to_string())?;
        out.push(AnyObject::from(ForeignColumn {
            schema: schema.clone(),
            table: table.clone(),
            column: column.clone(),
            options,
        }));
    }
    if let Some(given) = values.get("not_null").and_then(Json::as_object) {
        let not_null = NotNull {
            schema: schema.clone(),
            table: table.clone(),
            column: column.clone(),
            name: text(given, "name").map(str::to_owned),
            no_inherit: flag(given, "no_inherit"),
            valid: !flag(given, "not_valid"),
            local: true,
            parents: Vec::new(),
        };
        out.extend(text(given, "comment").map(|text| comment(&not_null, text)));
        out.push(not_null.into());
    }
    if let Some(given) = values.get("identity").and_then(Json::as_object) {
        let sequence = text(given, "sequence").map(str::to_owned);
        out.push(AnyObject::from(ColumnIdentity {
            always: text(given, "generated") != Some("by default"),
            sequence: sequence.unwrap_or_else(|| chosen_name(&table, Some(&column), "seq")),
            logged_apart: flag(given, "logged_apart"),
            options: identity_options(given, data_type.unwrap_or_default())?,
            schema,
            table,
            column,
        }));
    }
    Ok(out)
}

fn comment(not_null: &NotNull, text: &str) -> AnyObject {
    let name = not_null.name.clone();
    AnyObject::from(Comment {
        target: not_null.identity(),
        holder: not_null.identity(),
        constraint: Some(name.unwrap_or_else(|| chosen_name(&not_null.table, Some(&not_null.column), "not_null"))),
        text: text.to_owned(),
    })
}

fn identity_options(given: &Fields, data_type: &str) -> Result<SequenceOptions, String> {
    let mut options = Fields::new();
    for key in &SEQUENCE_KEYS[1..] {
        let value = given.get(key.name).cloned().or_else(|| key.default());
        set(&mut options, &key.path(), value.unwrap_or_default());
    }
    set(&mut options, &["options", "data_type"], json!(data_type));
    serde_json::from_value(options["options"].clone()).map_err(|error| error.to_string())
}

fn write(writer: &Writer, object: &AnyObject, out: &mut Fields) -> Option<()> {
    let AnyObject::Column(column) = object else { return None };
    let identity = column.identity();
    let mut first = Fields::new();
    if column.local {
        first.insert("type".to_owned(), json!(column.data_type));
    }
    let mut default = None;
    let mut is_identity = false;
    for part in writer.parts(&identity) {
        match part {
            AnyObject::ColumnDefault(found) => default = Some(found),
            AnyObject::ColumnIdentity(found) => {
                is_identity = true;
                first.insert("identity".to_owned(), write_identity(found)?);
            }
            AnyObject::ForeignColumn(found) => {
                out.insert(
                    "foreign_options".to_owned(),
                    FOREIGN_OPTIONS.to_yaml(&json!(found.options))?,
                );
            }
            _ => {}
        }
    }
    for part in writer.parts(&identity) {
        if let AnyObject::NotNull(not_null) = part {
            let is_plain = not_null.name.is_none() && not_null.valid && !not_null.no_inherit;
            let comment = writer.comment(&not_null.identity());
            let is_said = is_identity || writer.is_in_primary_key(&column.schema, &column.table, &column.name);
            if !(is_plain && is_said && comment.is_none()) {
                first.insert("not_null".to_owned(), write_not_null(not_null, comment));
            }
        }
    }
    if let Some(default) = default {
        first.insert("default".to_owned(), json!(default.expression));
    }
    if let Some(generated) = &column.generated {
        let value = if generated.stored {
            json!(generated.expression)
        } else {
            json!({"expression": generated.expression, "stored": false})
        };
        first.insert("generated".to_owned(), value);
    }
    first.append(out);
    *out = first;
    Some(())
}

fn write_not_null(not_null: &NotNull, comment: Option<&str>) -> Json {
    let mut given = Fields::new();
    if let Some(name) = &not_null.name {
        given.insert("name".to_owned(), json!(name));
    }
    if not_null.no_inherit {
        given.insert("no_inherit".to_owned(), json!(true));
    }
    if !not_null.valid {
        given.insert("not_valid".to_owned(), json!(true));
    }
    if let Some(comment) = comment {
        given.insert("comment".to_owned(), json!(comment));
    }
    if given.is_empty() {
        json!(true)
    } else {
        Json::Object(given)
    }
}

fn write_identity(identity: &ColumnIdentity) -> Option<Json> {
    let mut given = Fields::new();
    let when = if identity.always { "always" } else { "by default" };
    given.insert("generated".to_owned(), json!(when));
    if identity.sequence != chosen_name(&identity.table, Some(&identity.column), "seq") {
        given.insert("sequence".to_owned(), json!(identity.sequence));
    }
    if identity.logged_apart {
        given.insert("logged_apart".to_owned(), json!(true));
    }
    let options = json!({"options": serde_json::to_value(&identity.options).ok()?});
    for key in &SEQUENCE_KEYS[1..] {
        let value = crate::desired::yaml::form::get(options.as_object()?, &key.path())?;
        if Some(value) != key.default().as_ref() {
            given.insert(key.name.to_owned(), value.clone());
        }
    }
    Some(if given.len() == 1 {
        json!(when)
    } else {
        Json::Object(given)
    })
}
