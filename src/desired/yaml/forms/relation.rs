//! Sequences, views and materialized views.

use serde_json::{Value as Json, json};

use super::index::{INDEXES, STATISTICS};
use super::trigger::{RULES, TRIGGERS};
use super::{COMPRESSION, STORAGE};
use crate::catalog::Identity;
use crate::desired::yaml::form::{Attached, Form, Layout, Spot, no_parts, text};
use crate::desired::yaml::pieces;
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::kinds::{AnyObject, Kind, SequenceOwner};

/// Keys of the options of a sequence; the first is the type.
pub(super) const SEQUENCE_KEYS: [Key; 7] = [
    key(
        "type",
        Want::Text,
        "options.data_type",
        "\"bigint\"",
        "Type: smallint, integer or bigint.",
    ),
    key(
        "increment",
        Want::Number,
        "options.increment",
        "1",
        "Step; a negative one counts down.",
    ),
    key("minimum", Want::Number, "options.minimum", "null", "Smallest value."),
    key("maximum", Want::Number, "options.maximum", "null", "Largest value."),
    key("start", Want::Number, "options.start", "null", "First value."),
    key(
        "cache",
        Want::Number,
        "options.cache",
        "1",
        "How many values a session takes at once.",
    ),
    key(
        "cycle",
        Want::Bool,
        "options.cycle",
        "false",
        "Whether counting starts again at the end of the range.",
    ),
];

/// Sequences.
pub(super) static SEQUENCES: Form = Form {
    section: "sequences",
    doc: "Sequences by name; those of identity columns are said there.",
    kind: Kind::Sequence,
    layout: Layout::NamedOrList,
    short: None,
    keys: &[
        SEQUENCE_KEYS[0],
        SEQUENCE_KEYS[1],
        SEQUENCE_KEYS[2],
        SEQUENCE_KEYS[3],
        SEQUENCE_KEYS[4],
        SEQUENCE_KEYS[5],
        SEQUENCE_KEYS[6],
        key(
            "unlogged",
            Want::Bool,
            "unlogged",
            "false",
            "Whether its changes are not written to the log (PostgreSQL 15).",
        ),
        own(
            "owned_by",
            Want::Text,
            "Column that it is dropped with: `table.column`.",
        ),
    ],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        let Some(owned_by) = text(values, "owned_by") else {
            return Ok(Vec::new());
        };
        let (table, column) = pieces::relation(owned_by, "")?;
        if table.is_empty() {
            return Err("`owned_by` names a table and a column, such as `orders.id`".to_owned());
        }
        Ok(vec![AnyObject::from(SequenceOwner {
            schema: spot.schema.to_owned(),
            sequence: spot.name.to_owned(),
            table,
            column,
        })])
    },
    write: |writer, object, out| {
        let identity = object.identity();
        for part in writer.parts(&identity) {
            if let AnyObject::SequenceOwner(owner) = part {
                let column = pieces::named(&owner.table, &owner.column);
                out.insert("owned_by".to_owned(), json!(column));
            }
        }
        Some(())
    },
};

const VIEW_COLUMN: &[Key] = &[
    own(
        "default",
        Want::Text,
        "Default for rows that are inserted through the view.",
    ),
    own("comment", Want::Text, "Comment."),
    own("grants", Want::Named(&Want::Names), "Privileges on the column by role."),
];

static VIEW_PARTS: &[&Form] = &[&TRIGGERS, &RULES];
static MATERIALIZED_VIEW_PARTS: &[&Form] = &[&INDEXES, &STATISTICS];

/// Views.
pub(super) static VIEWS: Form = Form {
    section: "views",
    doc: "Views by name; a text is the query.",
    kind: Kind::View,
    layout: Layout::Named,
    short: Some("definition"),
    keys: &[
        own("definition", Want::Text, "Query."),
        key(
            "options",
            Want::Pairs,
            "options",
            "[]",
            "Options: security_barrier, security_invoker, check_option.",
        ),
        own(
            "columns",
            Want::Named(&Want::Shape(None, VIEW_COLUMN)),
            "What is to say of single columns, by name.",
        ),
    ],
    parts: || VIEW_PARTS,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        relation(spot, values, fields)?;
        let columns = values
            .get("columns")
            .and_then(Json::as_object)
            .cloned()
            .unwrap_or_default();
        let defaults: Json = columns
            .iter()
            .filter_map(|(name, column)| Some(json!([name, column.get("default")?])))
            .collect();
        fields.insert("defaults".to_owned(), defaults);
        fields.insert("columns".to_owned(), json!([]));
        let view = Identity::new(Kind::View, [spot.schema, spot.name]);
        Ok(column_attachments(&view, &columns))
    },
    write: |writer, object, out| {
        let AnyObject::View(view) = object else { return None };
        out.insert("definition".to_owned(), json!(view.definition.trim()));
        let mut columns = Fields::new();
        for (name, _) in &view.columns {
            let mut column = writer.column(&[&view.schema, &view.name, name]);
            if let Some((_, default)) = view.defaults.iter().find(|(of, _)| of == name) {
                column.insert("default".to_owned(), json!(default));
            }
            if !column.is_empty() {
                columns.insert(name.clone(), Json::Object(column));
            }
        }
        if !columns.is_empty() {
            out.insert("columns".to_owned(), Json::Object(columns));
        }
        Some(())
    },
};

fn relation(spot: &Spot, values: &Fields, fields: &mut Fields) -> Result<(), String> {
    let definition = text(values, "definition").ok_or("a view needs a `definition`")?;
    let definition = definition.trim().trim_end_matches(';').trim_end();
    fields.insert("schema".to_owned(), json!(spot.schema));
    fields.insert("name".to_owned(), json!(spot.name));
    fields.insert("definition".to_owned(), json!(definition));
    Ok(())
}

/// Returns the comments and privileges of columns that are no objects of their own.
pub(super) fn column_attachments(relation: &Identity, columns: &Fields) -> Vec<AnyObject> {
    let mut out = Vec::new();
    for (name, column) in columns {
        let target = Kind::column_of(relation, name);
        if let Some(text) = column.get("comment").and_then(Json::as_str) {
            out.push(AnyObject::from(crate::kinds::Comment {
                target: target.clone(),
                holder: relation.clone(),
                constraint: None,
                text: text.to_owned(),
            }));
        }
        if let Some(Json::Object(grants)) = column.get("grants") {
            out.extend(crate::desired::yaml::attached::privileges(&target, relation, grants));
        }
    }
    out
}

const MATERIALIZED_COLUMN: &[Key] = &[
    own(
        "storage",
        Want::Word(STORAGE),
        "Storage mode, when it is not the type's own.",
    ),
    own("compression", Want::Word(COMPRESSION), "Compression method."),
    own("statistics", Want::Number, "Statistics target."),
    own("options", Want::Pairs, "Attribute options, such as `n_distinct`."),
    own("comment", Want::Text, "Comment."),
    own("grants", Want::Named(&Want::Names), "Privileges on the column by role."),
];

/// Materialized views.
pub(super) static MATERIALIZED_VIEWS: Form = Form {
    section: "materialized_views",
    doc: "Materialized views by name; a text is the query.",
    kind: Kind::MaterializedView,
    layout: Layout::Named,
    short: Some("definition"),
    keys: &[
        own("definition", Want::Text, "Query."),
        key("options", Want::Pairs, "options", "[]", "Storage parameters."),
        key(
            "access_method",
            Want::Text,
            "access_method",
            "null",
            "Access method, when it is not `heap`.",
        ),
        key("tablespace", Want::Text, "tablespace", "null", "Tablespace."),
        key(
            "extensions",
            Want::Names,
            "extensions",
            "[]",
            "Extensions that take it along when they are dropped.",
        ),
        own(
            "columns",
            Want::Named(&Want::Shape(None, MATERIALIZED_COLUMN)),
            "What is to say of single columns, by name.",
        ),
    ],
    parts: || MATERIALIZED_VIEW_PARTS,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        relation(spot, values, fields)?;
        let columns = values
            .get("columns")
            .and_then(Json::as_object)
            .cloned()
            .unwrap_or_default();
        let said: Json = columns
            .iter()
            .map(|(name, column)| {
                let field = |key: usize| {
                    let value = column.get(MATERIALIZED_COLUMN[key].name);
                    value.map(|value| MATERIALIZED_COLUMN[key].to_field(value))
                };
                json!({
                    "name": name, "data_type": "", "type_storage": "", "storage": field(0), "compression": field(1),
                    "statistics": field(2), "options": field(3).unwrap_or_else(|| json!([])),
                })
            })
            .collect();
        fields.insert("columns".to_owned(), said);
        let view = Identity::new(Kind::MaterializedView, [spot.schema, spot.name]);
        Ok(column_attachments(&view, &columns))
    },
    write: |writer, object, out| {
        let AnyObject::MaterializedView(view) = object else {
            return None;
        };
        let mut first = Fields::new();
        first.insert("definition".to_owned(), json!(view.definition.trim()));
        first.append(out);
        let mut columns = Fields::new();
        for found in &view.columns {
            let mut column = Fields::new();
            let values = serde_json::to_value(found).ok()?;
            for key in &MATERIALIZED_COLUMN[..4] {
                let value = values
                    .get(key.name)
                    .filter(|value| !value.is_null() && **value != json!([]));
                if let Some(value) = value {
                    column.insert(key.name.to_owned(), key.to_yaml(value)?);
                }
            }
            column.append(&mut writer.column(&[&view.schema, &view.name, &found.name]));
            if !column.is_empty() {
                columns.insert(found.name.clone(), Json::Object(column));
            }
        }
        if !columns.is_empty() {
            first.insert("columns".to_owned(), Json::Object(columns));
        }
        *out = first;
        Some(())
    },
};
