//! One object with its parts in the form that people write.

use serde_json::{Value as Json, json};

use super::form::{Attached, Form, Layout, get};
use super::want::Fields;
use super::write::Writer;
use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind};

impl Writer<'_> {
    /// Writes an object in its form; `None` where the form cannot say it.
    pub(super) fn item(&self, form: &'static Form, object: &AnyObject) -> Option<Json> {
        let identity = object.identity();
        if self.excluded.contains(&identity) {
            return None;
        }
        let Ok(Json::Object(values)) = serde_json::to_value(object) else {
            return None;
        };
        let mut out = Fields::new();
        for key in form.keys.iter().filter(|key| !key.field.is_empty()) {
            let value = get(&values, &key.path()).unwrap_or(&Json::Null);
            if Some(value) != key.default().as_ref() {
                out.insert(key.name.to_owned(), key.to_yaml(value)?);
            }
        }
        (form.write)(self, object, &mut out)?;
        for part in (form.parts)() {
            if let Some(section) = self.section(part, &identity, &out) {
                out.insert(part.section.to_owned(), section);
            }
        }
        let out = self.attach(form, &identity, out);
        if out.is_empty() && object.kind() == Kind::Column {
            return None;
        }
        match (form.short, out.len()) {
            (Some(short), 1) if out.contains_key(short) => out.get(short).cloned(),
            _ => Some(Json::Object(out)),
        }
    }

    fn attach(&self, form: &Form, identity: &Identity, mut fields: Fields) -> Fields {
        let has = |attached| form.attached.contains(&attached);
        let mut out = Fields::new();
        if let Some(comment) = self.comment(identity).filter(|_| has(Attached::Comment)) {
            out.insert("comment".to_owned(), json!(comment));
        }
        let is_part = form.short.is_some() || form.kind == Kind::Column;
        if is_part {
            // What an item is comes before what is said of it.
            fields.append(&mut out);
            out = fields;
        } else {
            out.append(&mut fields);
        }
        if let Some(owner) = self.owner(identity).filter(|_| has(Attached::Owner)) {
            out.insert("owner".to_owned(), json!(owner));
        }
        if let Some(grants) = self.grants(identity).filter(|_| has(Attached::Grants)) {
            out.insert("grants".to_owned(), grants);
        }
        out
    }

    /// Writes the parts of one form; what the form cannot say is left out.
    fn section(&self, form: &'static Form, of: &Identity, whole: &Fields) -> Option<Json> {
        if form.kind == Kind::Table {
            return self.partitions(form, of, whole);
        }
        let parts = self.parts(of).filter(|part| part.kind() == form.kind);
        let mut items = parts.filter_map(|part| Some((name(part), self.item(form, part)?)));
        match form.layout {
            Layout::Single => items.next().map(|(_, item)| item),
            _ => form.section_of(items),
        }
    }

    fn partitions(&self, form: &'static Form, of: &Identity, whole: &Fields) -> Option<Json> {
        let all = self.catalog.objects.values().filter_map(|object| match object {
            AnyObject::Partition(found) if of.path == [&*found.parent_schema, &*found.parent_table] => Some(found),
            _ => None,
        });
        let mut out = Fields::new();
        for partition in all.filter(|partition| self.is_nested(partition)) {
            let table = Identity::new(Kind::Table, [&partition.schema, &partition.table]);
            let item = self.catalog.get(&table).and_then(|table| self.item(form, table));
            if let Some(item) = item {
                out.insert(partition.table.clone(), like_parent(item, whole));
            }
        }
        (!out.is_empty()).then_some(Json::Object(out))
    }
}

impl Form {
    /// Puts the items of a section together; nothing where there are none.
    pub(super) fn section_of(&self, items: impl Iterator<Item = (String, Json)>) -> Option<Json> {
        let mut out = Fields::new();
        for (name, item) in items {
            match out.get_mut(&name) {
                Some(Json::Array(overloads)) if self.has_overloads() => overloads.push(item),
                Some(first) => *first = json!([first.take(), item]),
                None => {
                    out.insert(name, item);
                }
            }
        }
        let are_names = |item: &Json| item.as_object().is_some_and(Fields::is_empty);
        if self.layout == Layout::OverloadsOrList && out.values().all(are_names) {
            let names: Vec<&String> = out.keys().collect();
            return (!names.is_empty()).then(|| json!(names));
        }
        (!out.is_empty()).then_some(Json::Object(out))
    }
}

/// Returns the name of an item.
pub(super) fn name(object: &AnyObject) -> String {
    match object {
        AnyObject::Function(function) => function.0.name.clone(),
        AnyObject::Procedure(procedure) => procedure.0.name.clone(),
        AnyObject::Aggregate(aggregate) => aggregate.name.clone(),
        AnyObject::RoleMembership(membership) => membership.role.clone(),
        other => other.identity().name().to_owned(),
    }
}

/// Leaves out of a partition what it takes over from its table.
fn like_parent(item: Json, whole: &Fields) -> Json {
    let Json::Object(mut item) = item else { return item };
    let mut columns = whole.get("columns").cloned().unwrap_or_default();
    if let Json::Object(columns) = &mut columns {
        for column in columns.values_mut() {
            if let Json::Object(fields) = column {
                fields.retain(|key, _| !matches!(key.as_str(), "comment" | "grants" | "identity"));
                if let (1, Some(data_type)) = (fields.len(), fields.get("type").cloned()) {
                    *column = data_type;
                }
            }
        }
    }
    // As text, because the order of columns counts.
    let same = |own: Option<&Json>, other: Option<&Json>| own.map(Json::to_string) == other.map(Json::to_string);
    if same(item.get("columns"), Some(&columns)) && same(item.get("checks"), whole.get("checks")) {
        item.shift_remove("columns");
        item.shift_remove("checks");
    }
    match item.get("bound") {
        Some(bound) if item.len() == 1 => bound.clone(),
        _ => Json::Object(item),
    }
}
