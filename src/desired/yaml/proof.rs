//! The proof that written files say everything: they are read back at once, and an object whose `CREATE` statements
//! would differ is said in the kinds' own form instead.

use std::collections::{BTreeMap, BTreeSet};

use super::forms::THIS_DATABASE;
use super::write::{Writer, inherits, is_public};
use super::{finish, read, sentences};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Context, name_database_as_in};

/// Returns the statements that create each object.
pub(super) fn creations(catalog: &Catalog, empty: &Catalog) -> BTreeMap<Identity, Vec<String>> {
    let context = Context::new(empty, catalog, catalog.version_num);
    let statements = |object: &AnyObject| {
        object
            .create(&context)
            .iter()
            .map(|statement| normal(&statement.sql()))
            .collect()
    };
    catalog
        .objects
        .iter()
        .map(|(identity, object)| (identity.clone(), statements(object)))
        .collect()
}

/// Returns SQL without what people cannot see: white space at the ends of lines and of the whole.
fn normal(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().map(str::trim).collect();
    lines.join("\n")
}

/// Returns the objects that reading the files would not give back.
pub(super) fn lost(writer: &Writer, files: &BTreeMap<String, String>) -> BTreeSet<Identity> {
    let Some(read) = read_back(files) else {
        return writer.creations.keys().cloned().collect();
    };
    let mut read = sentences::catalog(&read);
    read.version_num = writer.catalog.version_num;
    writer.catalog.role.clone_into(&mut read.role);
    THIS_DATABASE.clone_into(&mut read.database);
    name_database_as_in(&mut read, writer.catalog);
    let again = creations(
        &read,
        &sentences::empty(&writer.catalog.role, writer.catalog.version_num),
    );
    let mut lost = BTreeSet::new();
    for (identity, object) in &writer.catalog.objects {
        let is_kept = match (object, read.get(identity)) {
            (AnyObject::Privilege(own), Some(AnyObject::Privilege(other))) => own.privileges == other.privileges,
            (AnyObject::DefaultPrivilege(own), Some(AnyObject::DefaultPrivilege(other))) => {
                own.privileges == other.privileges
            }
            (AnyObject::RoleMembership(own), Some(AnyObject::RoleMembership(other))) => {
                own.is_said_by(other, inherits(&read, &own.member))
            }
            // The words of a trigger are written in small letters; names keep theirs.
            (AnyObject::Trigger(_), Some(_)) => {
                let small = |all: Option<&Vec<String>>| all.map(|all| all.join("; ").to_lowercase());
                small(writer.creations.get(identity)) == small(again.get(identity))
            }
            (_, Some(_)) => writer.creations.get(identity) == again.get(identity),
            (_, None) => false,
        };
        let is_needed = !writer.is_silent(object) && !is_public(identity);
        if is_needed && !is_kept && !writer.excluded.contains(identity) {
            lost.insert(identity.clone());
        }
    }
    lost
}

/// Reads what was written.
fn read_back(files: &BTreeMap<String, String>) -> Option<finish::Placed> {
    let declared: Option<Vec<_>> = files
        .values()
        .enumerate()
        .map(|(index, text)| Some((index, read::read(text).ok()?)))
        .collect();
    let mut objects = read::by_identity(&declared?).ok()?;
    finish::finish(&mut objects).ok()?;
    Some(objects)
}
