//! Types and collations: enums, domains, composite types, ranges.

use serde_json::{Value as Json, json};

use super::relation::column_attachments;
use crate::catalog::Identity;
use crate::desired::yaml::form::{Attached, Form, Layout, no_parts, nothing_more, text, texts};
use crate::desired::yaml::pieces;
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::kinds::{AnyObject, Kind, chosen_multirange};

/// Enums.
pub(super) static ENUMS: Form = Form {
    section: "enums",
    doc: "Enum types by name: the list of labels in their order.",
    kind: Kind::EnumType,
    layout: Layout::Named,
    short: Some("labels"),
    keys: &[
        key("labels", Want::Names, "labels", "", "Labels in their order."),
        own(
            "renamed_labels",
            Want::Pairs,
            "Labels that had another name: label to former label.",
        ),
    ],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, _, fields| {
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        Ok(Vec::new())
    },
    write: nothing_more,
};

/// Domains.
pub(super) static DOMAINS: Form = Form {
    section: "domains",
    doc: "Domains by name; a text is the base type.",
    kind: Kind::Domain,
    layout: Layout::Named,
    short: Some("type"),
    keys: &[
        key("type", Want::Text, "base_type", "", "Base type."),
        key(
            "collation",
            Want::Text,
            "collation",
            "null",
            "Collation, when it is not the type's own.",
        ),
        key("default", Want::Text, "default", "null", "Default, an SQL expression."),
        key("not_null", Want::Bool, "not_null", "false", "Whether null is refused."),
        key(
            "not_null_name",
            Want::Text,
            "not_null_name",
            "null",
            "Name of the not-null constraint, when it is not the one that PostgreSQL chooses.",
        ),
    ],
    parts: || DOMAIN_PARTS,
    attached: Attached::ALL,
    read: |spot, _, fields| {
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        Ok(Vec::new())
    },
    write: nothing_more,
};

static DOMAIN_PARTS: &[&Form] = &[&DOMAIN_CHECKS];

static DOMAIN_CHECKS: Form = Form {
    section: "checks",
    doc: "Check constraints by name; a text is the condition on `value`.",
    kind: Kind::DomainCheck,
    layout: Layout::Named,
    short: Some("expression"),
    keys: &[
        own("expression", Want::Text, "Condition, an SQL expression."),
        key(
            "not_valid",
            Want::Bool,
            "!valid",
            "true",
            "Whether existing values were never checked.",
        ),
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| {
        let expression = text(values, "expression").ok_or("a check needs an `expression`")?;
        fields.insert("schema".to_owned(), json!(spot.home()));
        fields.insert("domain".to_owned(), json!(spot.table()));
        fields.insert("name".to_owned(), json!(spot.name));
        fields.insert("definition".to_owned(), json!(check_definition(expression)));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::DomainCheck(check) = object else {
            return None;
        };
        out.insert("expression".to_owned(), json!(check_expression(&check.definition)?.0));
        Some(())
    },
};

/// Returns a check as PostgreSQL deparses it.
pub(super) fn check_definition(expression: &str) -> String {
    if pieces::is_loose(expression.trim()) {
        format!("CHECK (({}))", expression.trim())
    } else {
        format!("CHECK ({})", expression.trim())
    }
}

/// Returns the condition of a check, and what stands behind it.
pub(super) fn check_expression(definition: &str) -> Option<(&str, &str)> {
    let (expression, rest) = pieces::group(definition.strip_prefix("CHECK ")?)?;
    match pieces::group(expression) {
        Some((inner, "")) if pieces::is_loose(inner) => Some((inner, rest)),
        _ => Some((expression, rest)),
    }
}

const ATTRIBUTE: &[Key] = &[
    own("type", Want::Text, "Type."),
    own("collation", Want::Text, "Collation, when it is not the type's own."),
    own("comment", Want::Text, "Comment."),
];

/// Composite types.
pub(super) static COMPOSITE_TYPES: Form = Form {
    section: "composite_types",
    doc: "Composite types by name.",
    kind: Kind::CompositeType,
    layout: Layout::Named,
    short: None,
    keys: &[own(
        "attributes",
        Want::Named(&Want::Shape(Some("type"), ATTRIBUTE)),
        "Attributes by name, in their order; a text is the type.",
    )],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        let attributes = values
            .get("attributes")
            .and_then(Json::as_object)
            .cloned()
            .unwrap_or_default();
        let attribute = |(name, attribute): (&String, &Json)| match attribute["type"].as_str() {
            Some(data_type) => {
                Ok(json!({"name": name, "data_type": data_type, "collation": attribute.get("collation")}))
            }
            None => Err(format!("attribute `{name}` needs a `type`")),
        };
        let said: Json = attributes.iter().map(attribute).collect::<Result<_, _>>()?;
        fields.insert("attributes".to_owned(), said);
        let composite = Identity::new(Kind::CompositeType, [spot.schema, spot.name]);
        Ok(column_attachments(&composite, &attributes))
    },
    write: |writer, object, out| {
        let AnyObject::CompositeType(composite) = object else {
            return None;
        };
        let mut attributes = Fields::new();
        for attribute in &composite.attributes {
            let mut said = Fields::from_iter([("type".to_owned(), json!(attribute.data_type))]);
            if let Some(collation) = &attribute.collation {
                said.insert("collation".to_owned(), json!(collation));
            }
            said.append(&mut writer.column(&[&composite.schema, &composite.name, &attribute.name]));
            let said = if said.len() == 1 {
                json!(attribute.data_type)
            } else {
                Json::Object(said)
            };
            attributes.insert(attribute.name.clone(), said);
        }
        out.insert("attributes".to_owned(), Json::Object(attributes));
        Some(())
    },
};

/// Range types.
pub(super) static RANGES: Form = Form {
    section: "ranges",
    doc: "Range types by name; a text is the type of the bounds.",
    kind: Kind::RangeType,
    layout: Layout::Named,
    short: Some("subtype"),
    keys: &[
        key("subtype", Want::Text, "subtype", "", "Type of the bounds."),
        key(
            "operator_class",
            Want::Text,
            "operator_class",
            "null",
            "Operator class that orders bounds.",
        ),
        key(
            "collation",
            Want::Text,
            "collation",
            "null",
            "Collation that orders bounds.",
        ),
        key(
            "canonical",
            Want::Text,
            "canonical",
            "null",
            "Function that brings ranges into their one form.",
        ),
        key(
            "difference",
            Want::Text,
            "difference",
            "null",
            "Function that subtracts bounds.",
        ),
        own(
            "multirange",
            Want::Text,
            "Name of the multirange type, when it is not the one that PostgreSQL chooses.",
        ),
    ],
    parts: no_parts,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        let (schema, multirange) = match text(values, "multirange") {
            Some(name) => pieces::relation(name, spot.schema)?,
            None => (spot.schema.to_owned(), chosen_multirange(spot.name)),
        };
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        fields.insert("multirange_schema".to_owned(), json!(schema));
        fields.insert("multirange".to_owned(), json!(multirange));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::RangeType(range) = object else {
            return None;
        };
        if range.multirange_schema != range.schema || range.multirange != chosen_multirange(&range.name) {
            let name = pieces::named(&range.multirange_schema, &range.multirange);
            out.insert("multirange".to_owned(), json!(name));
        }
        Some(())
    },
};

const PROVIDER: &[(&str, &str)] = &[("libc", "libc"), ("icu", "icu"), ("builtin", "builtin")];

/// Collations.
pub(super) static COLLATIONS: Form = Form {
    section: "collations",
    doc: "Collations by name.",
    kind: Kind::Collation,
    layout: Layout::Named,
    short: None,
    keys: &[
        key(
            "provider",
            Want::Word(PROVIDER),
            "provider",
            "\"libc\"",
            "Library that compares: libc, icu or builtin.",
        ),
        key(
            "deterministic",
            Want::Bool,
            "deterministic",
            "true",
            "Whether strings that compare equal are equal byte by byte.",
        ),
        key(
            "locale",
            Want::Text,
            "locale",
            "null",
            "Locale of icu and builtin; of libc for both of its parts.",
        ),
        key("collate", Want::Text, "collate", "null", "`LC_COLLATE` of libc."),
        key("ctype", Want::Text, "ctype", "null", "`LC_CTYPE` of libc."),
        key(
            "rules",
            Want::Text,
            "rules",
            "null",
            "Tailoring rules of ICU (PostgreSQL 16).",
        ),
    ],
    parts: no_parts,
    attached: Attached::OWNED,
    read: |spot, values, fields| {
        fields.insert("schema".to_owned(), json!(spot.schema));
        fields.insert("name".to_owned(), json!(spot.name));
        let is_libc = text(values, "provider").is_none_or(|provider| provider == "libc");
        if let Some(locale) = text(values, "locale").filter(|_| is_libc) {
            fields.insert("locale".to_owned(), Json::Null);
            fields.insert("collate".to_owned(), json!(locale));
            fields.insert("ctype".to_owned(), json!(locale));
        }
        Ok(Vec::new())
    },
    write: nothing_more,
};

/// Returns the texts of a list of names, for forms that only pass them on.
pub(super) fn joined(values: &Fields, name: &str) -> String {
    texts(values, name).join(", ")
}
