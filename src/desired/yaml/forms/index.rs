//! Indexes and extended statistics of tables and materialized views.

use serde_json::json;

use super::types::joined;
use crate::catalog::quote::qualified;
use crate::desired::yaml::form::{Attached, Form, Layout, Spot, no_parts, text, texts};
use crate::desired::yaml::pieces;
use crate::desired::yaml::want::{Fields, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{AnyObject, IndexAttachment, Kind};

/// Explanation of `valid`.
pub(super) const VALIDITY: &str =
    "Whether queries can use it; false for one on a partitioned table that has partitions without it.";

/// Indexes.
pub(super) static INDEXES: Form = Form {
    section: "indexes",
    doc: "Indexes by name: the list of what is indexed, or a mapping.",
    kind: Kind::Index,
    layout: Layout::Named,
    short: Some("on"),
    keys: &[
        own(
            "on",
            Want::Names,
            "Columns and expressions with collation, operator class and order, such as `joined_at desc`.",
        ),
        key(
            "unique",
            Want::Bool,
            "unique",
            "false",
            "Whether no two rows may be equal.",
        ),
        key(
            "method",
            Want::Text,
            "method",
            "\"btree\"",
            "Access method, `btree` when left out.",
        ),
        key(
            "include",
            Want::Names,
            "include",
            "[]",
            "Columns that the index only stores.",
        ),
        key(
            "nulls_not_distinct",
            Want::Bool,
            "nulls_not_distinct",
            "false",
            "Whether nulls are equal to each other (PostgreSQL 15).",
        ),
        own("where", Want::Text, "Condition on the rows that are indexed."),
        key("with", Want::Pairs, "settings.options", "[]", "Storage parameters."),
        key("tablespace", Want::Text, "settings.tablespace", "null", "Tablespace."),
        key(
            "clustered",
            Want::Bool,
            "settings.clustered",
            "false",
            "Whether `CLUSTER` without a name uses the index.",
        ),
        key(
            "statistics",
            Want::Any,
            "settings.statistics",
            "[]",
            "Statistics targets of expressions: a list of pairs of place and target.",
        ),
        key("valid", Want::Bool, "valid", "true", VALIDITY),
        own(
            "attached_to",
            Want::Text,
            "Index of the partitioned table that this one, on a partition, is attached to.",
        ),
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: read_index,
    write: write_index,
};

fn read_index(spot: &Spot, values: &Fields, fields: &mut Fields) -> Result<Vec<AnyObject>, String> {
    let keys = joined(values, "on");
    if keys.is_empty() {
        return Err("an index needs `on`".to_owned());
    }
    let attached = text(values, "attached_to");
    let is_view = spot.parent.is_some_and(|parent| parent.kind == Kind::MaterializedView);
    for (name, value) in [
        ("schema", json!(spot.home())),
        ("table", json!(spot.table())),
        ("name", json!(spot.name)),
        ("keys", json!(keys)),
        ("columns", json!([])),
        ("predicate", json!(text(values, "where").map(predicate))),
        ("on_materialized_view", json!(is_view)),
        ("partitioned", json!(false)),
        // The schema follows from the partition; it is filled in when all is read.
        ("inherits", attached.map(|name| json!(["", name])).unwrap_or_default()),
    ] {
        fields.insert(name.to_owned(), value);
    }
    let attachment = attached.map(|name| attachment(spot, name, false));
    Ok(attachment.into_iter().collect())
}

/// Returns the attachment of an index or key to that of the partitioned table, which is filled in when all is read.
pub(super) fn attachment(spot: &Spot, parent: &str, of_key: bool) -> AnyObject {
    AnyObject::from(IndexAttachment {
        schema: spot.home().to_owned(),
        table: spot.table().to_owned(),
        name: spot.name.to_owned(),
        of_key,
        parent_schema: String::new(),
        parent_table: String::new(),
        parent_name: parent.to_owned(),
        parent_of_key: false,
    })
}

fn predicate(text: &str) -> String {
    let text = text.trim();
    if pieces::is_loose(text) {
        format!("({text})")
    } else {
        text.to_owned()
    }
}

fn write_index(_: &Writer, object: &AnyObject, out: &mut Fields) -> Option<()> {
    let AnyObject::Index(index) = object else { return None };
    let mut first = Fields::new();
    first.insert("on".to_owned(), json!(pieces::split(&index.keys)));
    first.append(out);
    if let Some(predicate) = &index.predicate {
        let bare = match pieces::group(predicate) {
            Some((inner, "")) if pieces::is_loose(inner) => inner,
            _ => predicate,
        };
        first.insert("where".to_owned(), json!(bare));
    }
    if let Some((_, parent)) = &index.inherits {
        first.insert("attached_to".to_owned(), json!(parent));
    }
    *out = first;
    Some(())
}

/// Extended statistics.
pub(super) static STATISTICS: Form = Form {
    section: "statistics",
    doc: "Extended statistics by name: the list of columns and expressions, or a mapping.",
    kind: Kind::Statistics,
    layout: Layout::Named,
    short: Some("on"),
    keys: &[
        own("on", Want::Names, "Columns and expressions."),
        own(
            "kinds",
            Want::Names,
            "Sorts of statistics, such as `ndistinct`; all of them when left out.",
        ),
        key("target", Want::Number, "target", "null", "Statistics target."),
    ],
    parts: no_parts,
    attached: Attached::OWNED,
    read: |spot, values, fields| {
        let is_view = spot.parent.is_some_and(|parent| parent.kind == Kind::MaterializedView);
        let kinds = texts(values, "kinds");
        let kinds = if kinds.is_empty() {
            String::new()
        } else {
            format!(" ({})", kinds.join(", "))
        };
        let definition = format!(
            "CREATE STATISTICS {}{kinds} ON {} FROM {}",
            qualified([spot.home(), spot.name]),
            joined(values, "on"),
            qualified([spot.home(), spot.table()])
        );
        for (name, value) in [
            ("schema", json!(spot.home())),
            ("name", json!(spot.name)),
            ("table_schema", json!(spot.home())),
            ("table", json!(spot.table())),
            ("on_materialized_view", json!(is_view)),
            ("definition", json!(definition)),
        ] {
            fields.insert(name.to_owned(), value);
        }
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Statistics(statistics) = object else {
            return None;
        };
        let head = format!(
            "CREATE STATISTICS {}",
            qualified([&statistics.schema, &statistics.name])
        );
        let tail = format!(" FROM {}", qualified([&statistics.table_schema, &statistics.table]));
        let middle = statistics
            .definition
            .strip_prefix(&head)?
            .strip_suffix(&tail)?
            .trim_start();
        let (kinds, rest) = match pieces::group(middle) {
            Some((kinds, rest)) => (Some(kinds), rest),
            None => (None, middle),
        };
        let mut first = Fields::new();
        let on = rest.trim_start().strip_prefix("ON ")?;
        first.insert("on".to_owned(), json!(pieces::split(on)));
        if let Some(kinds) = kinds {
            first.insert("kinds".to_owned(), json!(pieces::split(kinds)));
        }
        first.append(out);
        *out = first;
        Some(())
    },
};
