//! Constraints of tables: keys, exclusions, checks, foreign keys.

use serde_json::{Value as Json, json};

use super::index::{VALIDITY, attachment};
use super::types::{check_definition, check_expression, joined};
use crate::catalog::quote::list;
use crate::desired::yaml::form::{Attached, Form, Layout, Spot, flag, no_parts, text, texts};
use crate::desired::yaml::pieces::{self, strings};
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{AnyObject, KeyType, Kind, chosen_name};

const DEFERRABLE: Key = key(
    "deferrable",
    Want::Bool,
    "deferrable",
    "false",
    "Whether the check can wait until the transaction ends.",
);
const DEFERRED: Key = key(
    "initially_deferred",
    Want::Bool,
    "initially_deferred",
    "false",
    "Whether it waits unless told otherwise.",
);
const OPTIONS: Key = key(
    "options",
    Want::Pairs,
    "settings.options",
    "[]",
    "Storage parameters of the index.",
);
const TABLESPACE: Key = key(
    "tablespace",
    Want::Text,
    "settings.tablespace",
    "null",
    "Tablespace of the index.",
);
const CLUSTERED: Key = key(
    "clustered",
    Want::Bool,
    "settings.clustered",
    "false",
    "Whether `CLUSTER` without a name uses the index.",
);
const STATISTICS: Key = key(
    "statistics",
    Want::Any,
    "settings.statistics",
    "[]",
    "Statistics targets of expression columns: a list of pairs of place and target.",
);
const ATTACHED: Key = own(
    "attached_to",
    Want::Text,
    "Key of the partitioned table that this one, on a partition, is attached to.",
);
const USABLE: Key = key("valid", Want::Bool, "valid", "true", VALIDITY);
const NAME: Key = own("name", Want::Text, "Name, when it is not `TABLE_pkey`.");
const COLUMNS: Key = own("columns", Want::Names, "Columns in their order.");
const INCLUDE: Key = own("include", Want::Names, "Columns that the index only stores.");
const NULLS: Key = own(
    "nulls_not_distinct",
    Want::Bool,
    "Whether nulls are equal to each other (PostgreSQL 15).",
);
const OVERLAPS: Key = own(
    "without_overlaps",
    Want::Bool,
    "Whether the last column is a range that must not overlap (PostgreSQL 18).",
);

/// Primary key.
pub(super) static PRIMARY_KEY: Form = Form {
    section: "primary_key",
    doc: "Primary key: the list of columns, or a mapping.",
    kind: Kind::Key,
    layout: Layout::Single,
    short: Some("columns"),
    keys: &[
        NAME, COLUMNS, INCLUDE, OVERLAPS, DEFERRABLE, DEFERRED, OPTIONS, TABLESPACE, CLUSTERED, STATISTICS, ATTACHED,
        USABLE,
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| read_key(spot, values, fields, "PRIMARY KEY"),
    write: |writer, object, out| {
        let AnyObject::Key(key) = object else { return None };
        if key.constraint != KeyType::Primary {
            return None;
        }
        write_key(writer, object, out)?;
        if key.name != chosen_name(&key.table, None, "pkey") {
            out.insert("name".to_owned(), json!(key.name));
        }
        Some(())
    },
};

/// Unique constraints.
pub(super) static UNIQUE: Form = Form {
    section: "unique",
    doc: "Unique constraints by name: the list of columns, or a mapping.",
    kind: Kind::Key,
    layout: Layout::Named,
    short: Some("columns"),
    keys: &[
        COLUMNS, INCLUDE, NULLS, OVERLAPS, DEFERRABLE, DEFERRED, OPTIONS, TABLESPACE, CLUSTERED, STATISTICS, ATTACHED,
        USABLE,
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| read_key(spot, values, fields, "UNIQUE"),
    write: |writer, object, out| match object {
        AnyObject::Key(key) if key.constraint == KeyType::Unique => write_key(writer, object, out),
        _ => None,
    },
};

fn read_key(spot: &Spot, values: &Fields, fields: &mut Fields, words: &str) -> Result<Vec<AnyObject>, String> {
    let columns = texts(values, "columns");
    if columns.is_empty() {
        return Err("a key needs `columns`".to_owned());
    }
    let nulls = if flag(values, "nulls_not_distinct") {
        " NULLS NOT DISTINCT"
    } else {
        ""
    };
    let overlaps = if flag(values, "without_overlaps") {
        " WITHOUT OVERLAPS"
    } else {
        ""
    };
    let mut definition = format!("{words}{nulls} ({}{overlaps})", list(&columns));
    let include = texts(values, "include");
    if !include.is_empty() {
        definition.push_str(&format!(" INCLUDE ({})", list(&include)));
    }
    let constraint = if words == "UNIQUE" { "unique" } else { "primary" };
    key_fields(spot, values, fields, json!(constraint));
    fields.insert("definition".to_owned(), json!(definition));
    fields.insert("columns".to_owned(), json!(columns));
    fields.insert("predicate".to_owned(), Json::Null);
    let attached = text(values, "attached_to").map(|parent| attachment(spot, parent, true));
    Ok(attached.into_iter().collect())
}

fn key_fields(spot: &Spot, values: &Fields, fields: &mut Fields, constraint: Json) {
    fields.insert("schema".to_owned(), json!(spot.home()));
    fields.insert("table".to_owned(), json!(spot.table()));
    fields.insert("name".to_owned(), json!(spot.name));
    fields.insert("constraint".to_owned(), constraint);
    // The table of the other key follows from the partition; it is filled in when all is read.
    let attached = text(values, "attached_to");
    let attached = attached.map(|name| json!({"schema": "", "table": "", "name": name, "of_key": true}));
    fields.insert("inherits".to_owned(), attached.unwrap_or_default());
}

fn write_key(_: &Writer, object: &AnyObject, out: &mut Fields) -> Option<()> {
    let AnyObject::Key(key) = object else { return None };
    let parsed = pieces::constraint(&key.definition)?;
    let mut first = Fields::new();
    first.insert("columns".to_owned(), json!(strings(&parsed.keys)));
    let include = strings(&parsed.including);
    if !include.is_empty() {
        first.insert("include".to_owned(), json!(include));
    }
    if parsed.nulls_not_distinct {
        first.insert("nulls_not_distinct".to_owned(), json!(true));
    }
    if parsed.without_overlaps {
        first.insert("without_overlaps".to_owned(), json!(true));
    }
    first.append(out);
    write_attachment(key.inherits.as_ref().map(|parent| &parent.name), &mut first);
    *out = first;
    Some(())
}

fn write_attachment(name: Option<&String>, out: &mut Fields) {
    if let Some(name) = name {
        out.insert("attached_to".to_owned(), json!(name));
    }
}

/// Exclusion constraints.
pub(super) static EXCLUSIONS: Form = Form {
    section: "exclusions",
    doc: "Exclusion constraints by name.",
    kind: Kind::Key,
    layout: Layout::Named,
    short: None,
    keys: &[
        own(
            "method",
            Want::Text,
            "Access method of the index, `gist` when left out.",
        ),
        own(
            "elements",
            Want::Names,
            "Elements with their operators, such as `during with &&`.",
        ),
        INCLUDE,
        key(
            "where",
            Want::Text,
            "predicate",
            "null",
            "Condition on the rows that are compared.",
        ),
        DEFERRABLE,
        DEFERRED,
        OPTIONS,
        TABLESPACE,
        CLUSTERED,
        STATISTICS,
        ATTACHED,
        USABLE,
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| {
        let method = text(values, "method").unwrap_or("gist");
        let mut definition = format!("EXCLUDE USING {method} ({})", joined(values, "elements"));
        let include = texts(values, "include");
        if !include.is_empty() {
            definition.push_str(&format!(" INCLUDE ({})", list(&include)));
        }
        key_fields(spot, values, fields, json!("exclusion"));
        fields.insert("definition".to_owned(), json!(definition));
        fields.insert("columns".to_owned(), json!([]));
        let attached = text(values, "attached_to").map(|parent| attachment(spot, parent, true));
        Ok(attached.into_iter().collect())
    },
    write: |_, object, out| {
        let AnyObject::Key(key) = object else { return None };
        if key.constraint != KeyType::Exclusion {
            return None;
        }
        let (method, rest) = key.definition.strip_prefix("EXCLUDE USING ")?.split_once(' ')?;
        let (elements, _) = pieces::group(rest)?;
        let include = strings(&pieces::constraint(&key.definition)?.including);
        let mut first = Fields::new();
        first.insert("method".to_owned(), json!(method));
        first.insert("elements".to_owned(), json!(pieces::split(elements)));
        if !include.is_empty() {
            first.insert("include".to_owned(), json!(include));
        }
        first.append(out);
        write_attachment(key.inherits.as_ref().map(|parent| &parent.name), &mut first);
        *out = first;
        Some(())
    },
};

const VALID: Key = key(
    "not_valid",
    Want::Bool,
    "!valid",
    "true",
    "Whether existing rows were never checked.",
);
const ENFORCED: Key = key(
    "not_enforced",
    Want::Bool,
    "!enforced",
    "true",
    "Whether rows are not checked at all (PostgreSQL 18).",
);

/// Check constraints.
pub(super) static CHECKS: Form = Form {
    section: "checks",
    doc: "Check constraints by name; a text is the condition.",
    kind: Kind::Check,
    layout: Layout::Named,
    short: Some("expression"),
    keys: &[
        own("expression", Want::Text, "Condition, an SQL expression."),
        own("no_inherit", Want::Bool, "Whether children do not inherit it."),
        VALID,
        ENFORCED,
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| {
        let expression = text(values, "expression").ok_or("a check needs an `expression`")?;
        let inherit = if flag(values, "no_inherit") { " NO INHERIT" } else { "" };
        fields.insert("schema".to_owned(), json!(spot.home()));
        fields.insert("table".to_owned(), json!(spot.table()));
        fields.insert("name".to_owned(), json!(spot.name));
        fields.insert(
            "definition".to_owned(),
            json!(format!("{}{inherit}", check_definition(expression))),
        );
        fields.insert("local".to_owned(), json!(true));
        fields.insert("parents".to_owned(), json!([]));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Check(check) = object else { return None };
        let (expression, rest) = check_expression(&check.definition)?;
        let mut first = Fields::new();
        first.insert("expression".to_owned(), json!(expression));
        match rest {
            "" => {}
            " NO INHERIT" => {
                first.insert("no_inherit".to_owned(), json!(true));
            }
            _ => return None,
        }
        first.append(out);
        *out = first;
        Some(())
    },
};

const ACTION: &[(&str, &str)] = &[
    ("no action", "a"),
    ("restrict", "r"),
    ("cascade", "c"),
    ("set null", "n"),
    ("set default", "d"),
];
const MATCH: &[(&str, &str)] = &[("simple", "s"), ("full", "f")];

/// Foreign keys.
pub(super) static FOREIGN_KEYS: Form = Form {
    section: "foreign_keys",
    doc: "Foreign keys by name.",
    kind: Kind::ForeignKey,
    layout: Layout::Named,
    short: None,
    keys: &[
        own("columns", Want::Names, "Columns in their order."),
        own("references", Want::Text, "Referenced table."),
        own(
            "referenced_columns",
            Want::Names,
            "Referenced columns; left out, those of the primary key.",
        ),
        key(
            "on_delete",
            Want::Word(ACTION),
            "on_delete",
            "\"a\"",
            "Action when a referenced row is deleted.",
        ),
        own(
            "on_delete_columns",
            Want::Names,
            "Columns that `set null` and `set default` are limited to.",
        ),
        key(
            "on_update",
            Want::Word(ACTION),
            "on_update",
            "\"a\"",
            "Action when a referenced value changes.",
        ),
        own(
            "match",
            Want::Word(MATCH),
            "`full`: either all columns are null or none.",
        ),
        own(
            "period",
            Want::Bool,
            "Whether the last column is a period (PostgreSQL 18).",
        ),
        DEFERRABLE,
        DEFERRED,
        VALID,
        ENFORCED,
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: read_foreign_key,
    write: write_foreign_key,
};

fn read_foreign_key(spot: &Spot, values: &Fields, fields: &mut Fields) -> Result<Vec<AnyObject>, String> {
    let columns = texts(values, "columns");
    let references = text(values, "references").ok_or("a foreign key needs `references`")?;
    if columns.is_empty() {
        return Err("a foreign key needs `columns`".to_owned());
    }
    let (schema, table) = pieces::relation(references, spot.home())?;
    let referenced = texts(values, "referenced_columns");
    let period = |columns: &[String]| match columns.split_last() {
        Some((last, rest)) if flag(values, "period") => {
            let parts: Vec<String> = rest.iter().map(|name| list([name])).collect();
            [parts, vec![format!("PERIOD {}", list([last]))]].concat().join(", ")
        }
        _ => list(columns),
    };
    let mut definition = format!("FOREIGN KEY ({}) REFERENCES {references}", period(&columns));
    if !referenced.is_empty() {
        definition.push_str(&format!("({})", period(&referenced)));
    }
    if text(values, "match") == Some("full") {
        definition.push_str(" MATCH FULL");
    }
    for (word, name) in [("UPDATE", "on_update"), ("DELETE", "on_delete")] {
        match text(values, name) {
            None | Some("no action") => {}
            Some(action) => definition.push_str(&format!(" ON {word} {}", action.to_uppercase())),
        }
    }
    let limited = texts(values, "on_delete_columns");
    if !limited.is_empty() {
        definition.push_str(&format!(" ({})", list(&limited)));
    }
    for (name, value) in [
        ("schema", json!(spot.home())),
        ("table", json!(spot.table())),
        ("name", json!(spot.name)),
        ("own_name", json!(spot.name)),
        ("definition", json!(definition)),
        ("columns", json!(columns)),
        ("referenced_schema", json!(schema)),
        ("referenced_table", json!(table)),
        ("referenced_columns", json!(referenced)),
        ("referenced_index", json!("")),
        ("references_key", json!(true)),
        ("inherited", Json::Null),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Ok(Vec::new())
}

fn write_foreign_key(_: &Writer, object: &AnyObject, out: &mut Fields) -> Option<()> {
    let AnyObject::ForeignKey(key) = object else {
        return None;
    };
    let parsed = pieces::constraint(&key.definition)?;
    let mut first = Fields::new();
    first.insert("columns".to_owned(), json!(strings(&parsed.fk_attrs)));
    let table = pieces::named(&key.referenced_schema, &key.referenced_table);
    first.insert("references".to_owned(), json!(table));
    first.insert("referenced_columns".to_owned(), json!(strings(&parsed.pk_attrs)));
    if parsed.fk_matchtype == "f" {
        first.insert("match".to_owned(), json!("full"));
    }
    if parsed.fk_with_period {
        first.insert("period".to_owned(), json!(true));
    }
    first.append(out);
    let limited = strings(&parsed.fk_del_set_cols);
    if !limited.is_empty() {
        first.insert("on_delete_columns".to_owned(), json!(limited));
    }
    *out = first;
    Some(())
}
