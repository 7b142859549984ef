//! Tables with everything that belongs to them, and their partitions, which are tables too.

use serde_json::{Value as Json, json};

use super::column::COLUMNS;
use super::constraint::{CHECKS, EXCLUSIONS, FOREIGN_KEYS, PRIMARY_KEY, UNIQUE};
use super::index::{INDEXES, STATISTICS};
use super::trigger::{RULES, TRIGGERS};
use crate::desired::yaml::form::{Attached, Form, Layout, Spot, no_parts, text, texts};
use crate::desired::yaml::pieces;
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{AnyObject, Kind, Partition, ReplicaIdentity, ReplicaIdentityChoice};

const TABLE_KEYS: [Key; 9] = [
    key(
        "unlogged",
        Want::Bool,
        "unlogged",
        "false",
        "Whether its changes are not written to the log.",
    ),
    key(
        "of_type",
        Want::Text,
        "of_type",
        "null",
        "Composite type of a typed table.",
    ),
    own("inherits", Want::Names, "Tables that it inherits from."),
    key(
        "partition_by",
        Want::Text,
        "partition_key",
        "null",
        "Partition key, such as `range (created_at)`.",
    ),
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
        "row_security",
        Want::Bool,
        "row_security",
        "false",
        "Whether row security is on.",
    ),
    key(
        "force_row_security",
        Want::Bool,
        "force_row_security",
        "false",
        "Whether row security binds the owner too.",
    ),
];

const REPLICA_IDENTITY: Key = own(
    "replica_identity",
    Want::Text,
    "What identifies a row for replication: `full`, `nothing`, or the name of an index.",
);
const ELSEWHERE: &[Key] = &[
    own("server", Want::Text, "Foreign server."),
    own("options", Want::Pairs, "Options of the table there."),
];
const FOREIGN: Key = own(
    "foreign",
    Want::Shape(Some("server"), ELSEWHERE),
    "Foreign server of a foreign table, or a mapping.",
);
const PARTITION_OF: Key = own(
    "partition_of",
    Want::Text,
    "Partitioned table that it is a partition of.",
);
const BOUND: Key = own(
    "bound",
    Want::Text,
    "Bound of a partition, such as `for values from (1) to (10)` or `default`.",
);

/// Tables.
pub(super) static TABLES: Form = Form {
    section: "tables",
    doc: "Tables by name.",
    kind: Kind::Table,
    layout: Layout::Named,
    short: None,
    keys: &[
        PARTITION_OF,
        BOUND,
        TABLE_KEYS[0],
        TABLE_KEYS[1],
        TABLE_KEYS[2],
        TABLE_KEYS[3],
        TABLE_KEYS[4],
        TABLE_KEYS[5],
        TABLE_KEYS[6],
        TABLE_KEYS[7],
        TABLE_KEYS[8],
        REPLICA_IDENTITY,
        FOREIGN,
    ],
    parts: || TABLE_PARTS,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        let mut out = read_table(spot, values, fields, spot.schema)?;
        match (text(values, "partition_of"), text(values, "bound")) {
            (Some(parent), Some(bound)) => {
                let (schema, table) = pieces::relation(parent, spot.schema)?;
                out.push(partition(spot.schema, spot.name, (&schema, &table), bound));
            }
            (None, None) => {}
            _ => return Err("`partition_of` and `bound` stand together".to_owned()),
        }
        Ok(out)
    },
    write: |writer, object, out| {
        write_table(writer, object, out)?;
        let AnyObject::Table(table) = object else { return None };
        if let Some(partition) = writer.partition(&table.schema, &table.name) {
            if writer.is_nested(partition) {
                return None;
            }
            let mut first = Fields::new();
            let parent = pieces::named(&partition.parent_schema, &partition.parent_table);
            first.insert("partition_of".to_owned(), json!(parent));
            first.insert("bound".to_owned(), json!(partition.bound));
            first.append(out);
            *out = first;
        }
        Some(())
    },
};

/// Partitions, below their table.
pub(super) static PARTITIONS: Form = Form {
    section: "partitions",
    doc: "Partitions by name: the bound, or a mapping with the keys of a table. Without `columns`, columns and checks are those of the partitioned table.",
    kind: Kind::Table,
    layout: Layout::Named,
    short: Some("bound"),
    keys: &[
        BOUND,
        TABLE_KEYS[0],
        TABLE_KEYS[3],
        TABLE_KEYS[4],
        TABLE_KEYS[5],
        TABLE_KEYS[6],
        TABLE_KEYS[7],
        TABLE_KEYS[8],
        REPLICA_IDENTITY,
        FOREIGN,
    ],
    parts: || TABLE_PARTS,
    attached: Attached::ALL,
    read: |spot, values, fields| {
        let bound = text(values, "bound").ok_or("a partition needs a `bound`")?;
        let mut out = read_table(spot, values, fields, spot.home())?;
        fields.insert("of_type".to_owned(), Json::Null);
        out.push(partition(spot.home(), spot.name, (spot.home(), spot.table()), bound));
        Ok(out)
    },
    write: |writer, object, out| {
        let AnyObject::Table(table) = object else { return None };
        let partition = writer.partition(&table.schema, &table.name)?;
        if !writer.is_nested(partition) || table.of_type.is_some() {
            return None;
        }
        write_table(writer, object, out)?;
        let mut first = Fields::new();
        first.insert("bound".to_owned(), json!(partition.bound));
        first.append(out);
        *out = first;
        Some(())
    },
};

static TABLE_PARTS: &[&Form] = &[
    &COLUMNS,
    &PRIMARY_KEY,
    &UNIQUE,
    &CHECKS,
    &EXCLUSIONS,
    &FOREIGN_KEYS,
    &INDEXES,
    &STATISTICS,
    &TRIGGERS,
    &RULES,
    &POLICIES,
    &PARTITIONS,
];

fn partition(schema: &str, table: &str, parent: (&str, &str), bound: &str) -> AnyObject {
    let bound = bound.trim();
    let is_default = bound.eq_ignore_ascii_case("default");
    AnyObject::from(Partition {
        schema: schema.to_owned(),
        table: table.to_owned(),
        parent_schema: parent.0.to_owned(),
        parent_table: parent.1.to_owned(),
        bound: if is_default {
            "DEFAULT".to_owned()
        } else {
            bound.to_owned()
        },
        detaching: false,
        condition: None,
    })
}

fn read_table(spot: &Spot, values: &Fields, fields: &mut Fields, schema: &str) -> Result<Vec<AnyObject>, String> {
    let parents = texts(values, "inherits");
    let parents: Vec<_> = parents
        .iter()
        .map(|parent| pieces::relation(parent, schema))
        .collect::<Result<_, _>>()?;
    fields.insert("schema".to_owned(), json!(schema));
    fields.insert("name".to_owned(), json!(spot.name));
    fields.insert("inherits".to_owned(), json!(parents));
    if let Some(foreign) = values.get("foreign").and_then(Json::as_object) {
        let server = text(foreign, "server").ok_or("a foreign table needs a `server`")?;
        let options = foreign.get("options").map(|options| ELSEWHERE[1].to_field(options));
        let options = options.unwrap_or_else(|| json!([]));
        fields.insert("foreign".to_owned(), json!({"server": server, "options": options}));
    }
    let choice = match text(values, "replica_identity") {
        None => return Ok(Vec::new()),
        Some("full") => ReplicaIdentityChoice::Full,
        Some("nothing") => ReplicaIdentityChoice::Nothing,
        // Whether a key stands behind the index is filled in when all is read.
        Some(index) => ReplicaIdentityChoice::Index {
            name: index.to_owned(),
            of_key: false,
        },
    };
    Ok(vec![AnyObject::from(ReplicaIdentity {
        schema: schema.to_owned(),
        table: spot.name.to_owned(),
        choice,
    })])
}

fn write_table(writer: &Writer, object: &AnyObject, out: &mut Fields) -> Option<()> {
    let AnyObject::Table(table) = object else { return None };
    if !table.inherits.is_empty() {
        let parents: Vec<String> = table
            .inherits
            .iter()
            .map(|(schema, name)| pieces::named(schema, name))
            .collect();
        out.insert("inherits".to_owned(), json!(parents));
    }
    if let Some(foreign) = &table.foreign {
        let mut elsewhere = Fields::from_iter([("server".to_owned(), json!(foreign.server))]);
        if !foreign.options.is_empty() {
            elsewhere.insert("options".to_owned(), ELSEWHERE[1].to_yaml(&json!(foreign.options))?);
        }
        out.insert("foreign".to_owned(), Json::Object(elsewhere));
    }
    for part in writer.parts(&object.identity()) {
        if let AnyObject::ReplicaIdentity(identity) = part {
            let text = match &identity.choice {
                ReplicaIdentityChoice::Full => "full",
                ReplicaIdentityChoice::Nothing => "nothing",
                ReplicaIdentityChoice::Index { name, .. } => name,
            };
            out.insert("replica_identity".to_owned(), json!(text));
        }
    }
    Some(())
}

const COMMAND: &[(&str, &str)] = &[
    ("all", "*"),
    ("select", "r"),
    ("insert", "a"),
    ("update", "w"),
    ("delete", "d"),
];

static POLICIES: Form = Form {
    section: "policies",
    doc: "Row security policies by name.",
    kind: Kind::Policy,
    layout: Layout::Named,
    short: None,
    keys: &[
        key(
            "restrictive",
            Want::Bool,
            "!permissive",
            "true",
            "Whether it narrows access instead of widening it.",
        ),
        key(
            "for",
            Want::Word(COMMAND),
            "command",
            "\"*\"",
            "Command: all (the default), select, insert, update or delete.",
        ),
        own("to", Want::Names, "Roles; everybody when left out."),
        key("using", Want::Text, "using", "null", "Condition on rows that are read."),
        key(
            "check",
            Want::Text,
            "check",
            "null",
            "Condition on rows that are written.",
        ),
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| {
        let mut roles = texts(values, "to");
        roles.retain(|role| role != "public");
        roles.sort();
        fields.insert("schema".to_owned(), json!(spot.home()));
        fields.insert("table".to_owned(), json!(spot.table()));
        fields.insert("name".to_owned(), json!(spot.name));
        fields.insert("roles".to_owned(), json!(roles));
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Policy(policy) = object else { return None };
        if !policy.roles.is_empty() {
            out.insert("to".to_owned(), json!(policy.roles));
        }
        Some(())
    },
};
