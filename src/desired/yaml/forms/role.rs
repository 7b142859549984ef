//! Roles, and the database itself: what is looked after only where it is asked for.

use serde_json::{Value as Json, json};

use crate::desired::yaml::form::{Attached, Form, Layout, no_parts};
use crate::desired::yaml::want::{Fields, Key, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{AnyObject, DatabaseSetting, Kind, RoleSetting, setting};

const CONNECTION_LIMIT: Key = key(
    "connection_limit",
    Want::Number,
    "connection_limit",
    "-1",
    "Most connections at a time; any number when left out.",
);

/// Name that the database has until it is known: files are the same for staging and production.
pub(in crate::desired::yaml) const THIS_DATABASE: &str = "this_database";

const fn may(name: &'static str, doc: &'static str) -> Key {
    key(name, Want::Bool, name, "false", doc)
}

/// Roles.
pub(super) static ROLES: Form = Form {
    section: "roles",
    doc: "Roles by name, or a list of names; with `manage: [roles]`. A role that no file names is left alone.",
    kind: Kind::Role,
    layout: Layout::NamedOrList,
    short: None,
    keys: &[
        may("login", "Whether it may connect."),
        may("superuser", "Whether it may do everything."),
        may("create_role", "Whether it may make roles."),
        may("create_database", "Whether it may make databases."),
        may("replication", "Whether it may replicate."),
        may(
            "bypass_row_security",
            "Whether it sees all rows, whatever policies say.",
        ),
        key(
            "inherit",
            Want::Bool,
            "inherit",
            "true",
            "Whether it has the privileges of the roles that it is a member of without `SET ROLE`; `true` when left out.",
        ),
        CONNECTION_LIMIT,
        key(
            "valid_until",
            Want::Text,
            "valid_until",
            "null",
            "Time until which its password is good, such as `2031-01-01 00:00:00+00`.",
        ),
        own(
            "dropped",
            Want::Bool,
            "`true`: it is dropped, where it is; nothing else is said of it then.",
        ),
        own(
            SETTINGS,
            Want::Settings,
            "What its sessions begin with, by parameter: `search_path: [shop, public]`.",
        ),
        own(
            SETTINGS_HERE,
            Want::Settings,
            "The same for its sessions in this database alone.",
        ),
    ],
    parts: || PARTS_OF_ROLE,
    attached: &[Attached::Comment, Attached::Renamed, Attached::Waive],
    read: |spot, values, fields| {
        fields.insert("name".to_owned(), json!(spot.name));
        let made = |database: Option<&str>, (parameter, value): (&str, String)| {
            AnyObject::from(RoleSetting {
                role: spot.name.to_owned(),
                parameter: parameter.to_owned(),
                value,
                database: database.map(str::to_owned),
            })
        };
        let everywhere = settings(values, SETTINGS).map(|setting| made(None, setting));
        let here = settings(values, SETTINGS_HERE).map(|setting| made(Some(THIS_DATABASE), setting));
        Ok(everywhere.chain(here).collect())
    },
    write: |writer, object, out| {
        for (key, here) in [(SETTINGS, false), (SETTINGS_HERE, true)] {
            write_settings(writer, object, key, out, |part| match part {
                AnyObject::RoleSetting(setting) if setting.database.is_some() == here => {
                    Some((&setting.parameter, &setting.value))
                }
                _ => None,
            });
        }
        Some(())
    },
};

static PARTS_OF_ROLE: &[&Form] = &[&MEMBER_OF];

const SETTINGS: &str = "settings";
const SETTINGS_HERE: &str = "settings_in_database";

/// Memberships of a role.
static MEMBER_OF: Form = Form {
    section: "member_of",
    doc: "Roles that it is a member of: a list of names, or a mapping from names; one that several grantors gave has a list. Memberships that are not said are taken away.",
    kind: Kind::RoleMembership,
    layout: Layout::OverloadsOrList,
    short: None,
    keys: &[
        may("admin", "Whether it may pass the membership on."),
        key(
            "inherit",
            Want::Bool,
            "inherit",
            "null",
            "Whether it has the role's privileges without `SET ROLE` (PostgreSQL 16); as its own `inherit` when left out.",
        ),
        key(
            "set",
            Want::Bool,
            "set",
            "null",
            "Whether it may become the role with `SET ROLE` (PostgreSQL 16); `true` when left out.",
        ),
        key(
            "granted_by",
            Want::Text,
            "grantor",
            "null",
            "Role that grants it, in the place of the one that applies the plan (PostgreSQL 16). It needs `admin` on the role.",
        ),
    ],
    parts: no_parts,
    attached: &[],
    read: |spot, _, fields| {
        fields.insert("role".to_owned(), json!(spot.name));
        fields.insert("member".to_owned(), json!(spot.table()));
        Ok(Vec::new())
    },
    write: |writer, object, out| {
        let AnyObject::RoleMembership(membership) = object else {
            return None;
        };
        if membership.inherit == writer.inherits(&membership.member) {
            out.shift_remove("inherit");
        }
        if membership.set == Some(true) {
            out.shift_remove("set");
        }
        Some(())
    },
};

/// The database.
pub(super) static DATABASE: Form = Form {
    section: "database",
    doc: "The database itself, whatever its name; with `manage: [database]`.",
    kind: Kind::Database,
    layout: Layout::Single,
    short: None,
    keys: &[
        CONNECTION_LIMIT,
        own(
            SETTINGS,
            Want::Settings,
            "What every session in it begins with, by parameter: `work_mem: 9MB`.",
        ),
    ],
    parts: no_parts,
    attached: &[Attached::Comment, Attached::Owner, Attached::Grants],
    read: |_, values, fields| {
        fields.insert("name".to_owned(), json!(THIS_DATABASE));
        let made = |(parameter, value): (&str, String)| {
            AnyObject::from(DatabaseSetting {
                database: THIS_DATABASE.to_owned(),
                parameter: parameter.to_owned(),
                value,
            })
        };
        Ok(settings(values, SETTINGS).map(made).collect())
    },
    write: |writer, object, out| {
        write_settings(writer, object, SETTINGS, out, |part| match part {
            AnyObject::DatabaseSetting(setting) => Some((&setting.parameter, &setting.value)),
            _ => None,
        });
        Some(())
    },
};

/// Returns the settings under a key, as PostgreSQL stores them.
fn settings<'a>(values: &'a Fields, key: &str) -> impl Iterator<Item = (&'a str, String)> {
    let all = values.get(key).and_then(Json::as_object).into_iter().flatten();
    all.filter_map(|(name, value)| {
        let value = match value {
            Json::Array(parts) => setting::of_parts(name, parts.iter().filter_map(Json::as_str)),
            other => other.as_str()?.to_owned(),
        };
        Some((name.as_str(), value))
    })
}

/// Writes the settings of an object under a key.
fn write_settings<'a>(
    writer: &'a Writer,
    object: &AnyObject,
    key: &str,
    out: &mut Fields,
    setting: impl Fn(&'a AnyObject) -> Option<(&'a String, &'a String)>,
) {
    let identity = object.identity();
    let parts = writer.parts(&identity).filter_map(setting);
    let settings: Fields = parts
        .map(|(parameter, value)| {
            let parts = setting::parts(parameter, value).filter(|parts| *parts != [value.as_str()]);
            (
                parameter.clone(),
                parts.map_or_else(|| json!(value), |parts| json!(parts)),
            )
        })
        .collect();
    if !settings.is_empty() {
        out.insert(key.to_owned(), Json::Object(settings));
    }
}
