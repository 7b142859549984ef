//! Objects that YAML declares to SQL statements with their places, by the same `create()` that plans use.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attached::{NEWEST, given};
use super::finish::Placed;
use crate::catalog::quote::{ident, list};
use crate::catalog::{Catalog, Identity};
use crate::desired::statement::{SettingStatement, Settings};
use crate::kinds::{AnyObject, Context, Object, Privilege, Schema};
use crate::plan::route;

/// A statement with its place.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    /// Place among the sentences of all files.
    pub order: usize,
    /// Index of the file.
    pub file: usize,
    /// Byte offset of the object in the file.
    pub offset: usize,
    /// SQL.
    pub sql: String,
    /// Whether names without a schema are looked up in the schema of the file.
    pub at_home: bool,
}

/// Role that stands for the connected one, which is not known yet.
const CONNECTED: &str = "current_user";

const WITH_OPTION: &str = " WITH GRANT OPTION";

/// Returns the catalog of the objects; it knows no more of dependencies than the objects themselves.
pub(super) fn catalog(objects: &Placed) -> Catalog {
    let mut catalog = Catalog {
        version_num: NEWEST,
        role: CONNECTED.to_owned(),
        ..Catalog::default()
    };
    for (object, ..) in objects.values() {
        catalog.insert(object.clone());
    }
    catalog
}

/// Returns the catalog of an empty database.
pub(super) fn empty(role: &str, version_num: i32) -> Catalog {
    let mut catalog = Catalog {
        version_num,
        role: role.to_owned(),
        ..Catalog::default()
    };
    catalog.insert(AnyObject::from(Schema {
        name: "public".to_owned(),
    }));
    catalog
}

/// Returns the statements that make the objects, in an order that works as far as the objects tell.
pub(super) fn sentences(objects: &Placed) -> Vec<Sentence> {
    let mut to = catalog(objects);
    let from = empty(CONNECTED, NEWEST);
    to.insert(AnyObject::from(Schema {
        name: "public".to_owned(),
    }));
    let mut out = bare_extensions(&mut to, objects);
    let privileges = given_by_postgres(&mut to);
    let context = Context::new(&from, &to, NEWEST);
    let place = |identity: &Identity| objects.get(identity).map(|(_, file, offset)| (*file, *offset));
    for step in route(&context).steps {
        let Some((file, offset)) = step.changes.iter().find_map(|change| place(&change.object)) else {
            continue;
        };
        out.extend(step.statements.into_iter().map(|sentence| Sentence {
            order: 0,
            file,
            offset,
            sql: sentence.sql,
            at_home: true,
        }));
    }
    for privilege in privileges {
        let (file, offset) = place(&privilege.identity()).unwrap_or_default();
        let sql = privilege_statements(privilege, &context);
        out.extend(sql.into_iter().map(|sql| Sentence {
            order: 0,
            file,
            offset,
            sql,
            at_home: true,
        }));
    }
    for (order, sentence) in out.iter_mut().enumerate() {
        sentence.order = order;
    }
    out
}

/// Takes out the extensions that name no schema, and returns their statements.
fn bare_extensions(to: &mut Catalog, objects: &Placed) -> Vec<Sentence> {
    let mut out = Vec::new();
    for (identity, (object, file, offset)) in objects {
        if let AnyObject::Extension(extension) = object
            && extension.schema.is_empty()
        {
            to.remove(identity);
            out.push(Sentence {
                order: 0,
                file: *file,
                offset: *offset,
                sql: format!("CREATE EXTENSION {}", ident(&extension.name)),
                at_home: false,
            });
        }
    }
    out
}

/// Takes out the privileges that start from what PostgreSQL gives by itself, which differs from version to version.
fn given_by_postgres(to: &mut Catalog) -> Vec<Privilege> {
    let privileges = to.objects.values().filter_map(|object| match object {
        AnyObject::Privilege(privilege) => Some(&**privilege),
        _ => None,
    });
    let found = privileges.filter(|privilege| {
        !privilege.initial.is_empty() && privilege.initial == given(&privilege.target, &privilege.grantee)
    });
    let found: Vec<Privilege> = found.cloned().collect();
    for privilege in &found {
        to.remove(&privilege.identity());
    }
    found
}

/// Takes all away, then gives what is said.
fn privilege_statements(privilege: Privilege, context: &Context) -> Vec<String> {
    let none = Privilege {
        privileges: BTreeMap::new(),
        ..privilege.clone()
    };
    let all = Privilege {
        initial: BTreeMap::new(),
        ..privilege
    };
    let statements = none.create(context).into_iter().chain(all.create(context));
    statements
        .map(|statement| {
            let sql = statement.sql();
            let (head, option) = match sql.strip_suffix(WITH_OPTION) {
                Some(head) => (head, WITH_OPTION),
                None => (sql.as_str(), ""),
            };
            match head.strip_suffix(&ident(CONNECTED)) {
                Some(rest) => format!("{rest}CURRENT_USER{option}"),
                None => sql,
            }
        })
        .collect()
}

/// Returns the settings of a file: names without a schema are looked up in its own, then in `public`.
pub(super) fn settings(file: usize, schema: &str, offset: usize) -> Settings {
    if schema == "public" {
        return Settings::default();
    }
    let path = [schema, "public"];
    Arc::from([Arc::new(SettingStatement {
        file,
        offset,
        sql: format!("SET search_path = {}", list(path)),
        name: "search_path".to_owned(),
        values: path.map(str::to_owned).to_vec(),
    })])
}

/// Tells whether a statement is about objects that a role will create, so that it comes after all others.
pub(super) fn is_late(sql: &str) -> bool {
    sql.starts_with("ALTER DEFAULT PRIVILEGES")
}
