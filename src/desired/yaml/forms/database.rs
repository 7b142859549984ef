//! What belongs to the whole database: extensions, event triggers, default privileges.

use serde_json::{Value as Json, json};

use super::FIRING;
use crate::desired::yaml::attached;
use crate::desired::yaml::form::{Attached, Form, Layout, no_parts, nothing_more, text, texts};
use crate::desired::yaml::want::{Want, key, own};
use crate::kinds::{AnyObject, Kind, built_in};

/// Extensions.
pub(super) static EXTENSIONS: Form = Form {
    section: "extensions",
    doc: "Extensions by name, or a list of names.",
    kind: Kind::Extension,
    layout: Layout::NamedOrList,
    short: Some("schema"),
    keys: &[
        own(
            "schema",
            Want::Text,
            "Schema that holds its members; left out, the one that PostgreSQL chooses.",
        ),
        own(
            "version",
            Want::Text,
            "Version, for people: it counts as no difference.",
        ),
    ],
    parts: no_parts,
    attached: &[Attached::Comment],
    read: |spot, values, fields| {
        fields.insert("name".to_owned(), json!(spot.name));
        // An empty name stands for none until the statement is made.
        fields.insert("schema".to_owned(), json!(text(values, "schema").unwrap_or_default()));
        fields.insert("version".to_owned(), json!(text(values, "version").unwrap_or_default()));
        fields.insert("relocatable".to_owned(), json!(false));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Extension(extension) = object else {
            return None;
        };
        out.insert("schema".to_owned(), json!(extension.schema));
        Some(())
    },
};

/// Event triggers.
pub(super) static EVENT_TRIGGERS: Form = Form {
    section: "event_triggers",
    doc: "Event triggers by name.",
    kind: Kind::EventTrigger,
    layout: Layout::Named,
    short: None,
    keys: &[
        key("on", Want::Text, "event", "", "Event, such as `ddl_command_end`."),
        key(
            "tags",
            Want::Names,
            "tags",
            "[]",
            "Command tags that it is restricted to.",
        ),
        key("execute", Want::Text, "function", "", "Function, without parentheses."),
        key(
            "state",
            Want::Word(FIRING),
            "firing",
            "\"origin\"",
            "When it fires: origin, disabled, replica, always.",
        ),
    ],
    parts: no_parts,
    attached: Attached::OWNED,
    read: |spot, _, fields| {
        fields.insert("name".to_owned(), json!(spot.name));
        let tags = fields.get_mut("tags").and_then(Json::as_array_mut);
        if let Some(tags) = tags {
            tags.sort_by_key(ToString::to_string);
        }
        Ok(Vec::new())
    },
    write: nothing_more,
};

const OBJECTS: &[(&str, &str)] = &[
    ("tables", "tables"),
    ("sequences", "sequences"),
    ("functions", "functions"),
    ("types", "types"),
    ("schemas", "schemas"),
];

/// Default privileges.
pub(super) static DEFAULT_PRIVILEGES: Form = Form {
    section: "default_privileges",
    doc: "Privileges on what a role will create: a list. Objects of the same target are not touched by them; their `grants` say what holds.",
    kind: Kind::DefaultPrivilege,
    layout: Layout::List,
    short: None,
    keys: &[
        key("for", Want::Text, "role", "", "Role that creates the objects."),
        own(
            "everywhere",
            Want::Bool,
            "Whether they hold in every schema; else in the schema of the file.",
        ),
        key(
            "on",
            Want::Word(OBJECTS),
            "objects",
            "",
            "tables, sequences, functions, types or schemas.",
        ),
        key("to", Want::Text, "grantee", "", "Role, or `public`."),
        own(
            "privileges",
            Want::Names,
            "Privileges, each with or without `with grant option`.",
        ),
    ],
    parts: no_parts,
    attached: &[],
    read: |spot, values, fields| {
        let everywhere = values.get("everywhere").and_then(Json::as_bool).unwrap_or_default();
        let grantee = text(values, "to").unwrap_or_default();
        let plural = text(values, "on").filter(|_| everywhere).unwrap_or_default();
        let initial = built_in(None, plural, grantee, attached::NEWEST);
        let schema = if everywhere { Json::Null } else { json!(spot.schema) };
        fields.insert("schema".to_owned(), schema);
        fields.insert(
            "privileges".to_owned(),
            json!(attached::privilege_set(&texts(values, "privileges"))),
        );
        fields.insert("initial".to_owned(), json!(initial));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::DefaultPrivilege(default) = object else {
            return None;
        };
        if default.grantee == "pg_owner" {
            return None;
        }
        if default.schema.is_none() {
            out.insert("everywhere".to_owned(), json!(true));
        }
        out.insert(
            "privileges".to_owned(),
            json!(attached::privilege_words(&default.privileges)),
        );
        Some(())
    },
};
