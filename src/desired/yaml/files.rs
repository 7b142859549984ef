//! A catalog as YAML target files: one per schema, and one per table where there are many.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::form::{Form, Layout};
use super::forms::SECTIONS;
use super::item::name;
use super::want::Fields;
use super::write::Writer;
use super::{proof, sentences, text};
use crate::catalog::{Catalog, Identity};
use crate::desired::write::{Layout as FileLayout, file_name, whole};
use crate::kinds::{AnyObject, Kind};

/// More tables than this, and each has a file of its own.
const TABLES_IN_ONE: usize = 30;

/// Rounds after which everything that is still not said well is said in the kinds' own form.
const ROUNDS: usize = 6;

/// Returns the files by path relative to the folder; read back, they declare the catalog.
/// Without a layout the tables of a schema get files of their own where they are many.
pub fn yaml_files(catalog: &Catalog, layout: Option<FileLayout>) -> BTreeMap<String, String> {
    let most = match layout {
        None => TABLES_IN_ONE,
        Some(FileLayout::Family) => usize::MAX,
        Some(FileLayout::Table) => 0,
    };
    let said = proof::creations(catalog, &sentences::empty(&catalog.role, catalog.version_num));
    let mut writer = Writer::new(catalog, &said);
    for _ in 0..ROUNDS {
        let files = writer.files(most);
        let lost = proof::lost(&writer, &files);
        if lost.is_empty() {
            return files;
        }
        writer.exclude(lost);
    }
    writer.exclude(said.keys().cloned().collect());
    writer.files(most)
}

impl Writer<'_> {
    /// Writes all files; tables of a schema with more than `most` of them get one each.
    fn files(&self, most: usize) -> BTreeMap<String, String> {
        let mut homes: BTreeMap<String, Fields> = BTreeMap::new();
        let mut tables: BTreeMap<(String, String), Fields> = BTreeMap::new();
        let schemas = self.catalog.objects.values().filter_map(|object| match object {
            AnyObject::Schema(schema) => Some(schema.name.as_str()),
            _ => None,
        });
        for schema in schemas {
            let head = self.schema(schema);
            let is_big = self.count_tables(schema) > most;
            let mut fields = Fields::from_iter([("schema".to_owned(), head)]);
            for form in SECTIONS {
                let items = self.top(form, Some(schema));
                if is_big && form.kind == Kind::Table {
                    if let Some(Json::Object(items)) = items {
                        for (name, item) in items {
                            let file = Fields::from_iter([
                                ("schema".to_owned(), json!(schema)),
                                (form.section.to_owned(), json!({ name.as_str(): item })),
                            ]);
                            tables.insert((schema.to_owned(), name), file);
                        }
                    }
                } else if let Some(items) = items {
                    fields.insert(form.section.to_owned(), items);
                }
            }
            homes.insert(schema.to_owned(), fields);
        }
        let mut database = Fields::new();
        for form in SECTIONS {
            if let Some(items) = self.top(form, None) {
                database.insert(form.section.to_owned(), items);
            }
        }
        self.plain_objects(&mut homes, &mut database);
        let mut out = BTreeMap::new();
        for (schema, fields) in homes {
            if schema != "public" || fields.len() > 1 || fields["schema"].is_object() {
                out.insert(format!("{}.yaml", file_name(&schema)), text::document(&fields));
            }
        }
        for ((schema, table), fields) in tables {
            let path = format!("{}/{}.yaml", file_name(&schema), file_name(&table));
            out.insert(path, text::document(&fields));
        }
        if out.is_empty() && database.is_empty() {
            // An empty folder is no target.
            database.insert("schema".to_owned(), json!("public"));
        }
        if !database.is_empty() {
            out.insert("database-wide.yaml".to_owned(), text::document(&database));
        }
        out
    }

    fn count_tables(&self, schema: &str) -> usize {
        let first = Identity::new(Kind::Table, [schema]);
        let tables = self.catalog.objects.range(first..);
        tables
            .take_while(|(identity, _)| identity.kind == Kind::Table && identity.path[0] == schema)
            .count()
    }

    fn schema(&self, name: &str) -> Json {
        let identity = Identity::new(Kind::Schema, [name]);
        let mut out = Fields::from_iter([("name".to_owned(), json!(name))]);
        out.extend(self.comment(&identity).map(|text| ("comment".to_owned(), json!(text))));
        out.extend(self.owner(&identity).map(|role| ("owner".to_owned(), json!(role))));
        out.extend(self.grants(&identity).map(|grants| ("grants".to_owned(), grants)));
        if out.len() == 1 { json!(name) } else { Json::Object(out) }
    }

    /// Writes the items of a section that lie in a schema, or in none.
    fn top(&self, form: &'static Form, schema: Option<&str>) -> Option<Json> {
        let first = Identity::new(form.kind, [""; 0]);
        let all = self
            .catalog
            .objects
            .range(first..)
            .take_while(|(identity, _)| identity.kind == form.kind);
        // The database is there before anything is said of it.
        let is_said = |object: &AnyObject| form.layout == Layout::Single || !self.is_silent(object);
        let own = all.filter(|(_, object)| home(object) == schema && is_said(object));
        let items = own.filter_map(|(_, object)| Some((name(object), self.item(form, object)?)));
        if form.layout == Layout::Single {
            return items.map(|(_, item)| item).find(|item| item != &json!({}));
        }
        if form.layout == Layout::List {
            let items: Vec<Json> = items.map(|(_, item)| item).collect();
            return (!items.is_empty()).then_some(Json::Array(items));
        }
        form.section_of(items)
    }

    /// Writes what the forms cannot say.
    fn plain_objects(&self, homes: &mut BTreeMap<String, Fields>, database: &mut Fields) {
        for identity in &self.excluded {
            let Some(object) = self.catalog.get(identity) else {
                continue;
            };
            let Ok(Json::Object(fields)) = serde_json::to_value(object) else {
                continue;
            };
            let item: Fields = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
            let top = whole(identity, self.catalog);
            let schema = top.path.first().filter(|_| top.path.len() > 1);
            let file = schema
                .and_then(|schema| homes.get_mut(schema.as_str()))
                .unwrap_or(database);
            match file.entry("objects").or_insert_with(|| json!([])) {
                Json::Array(items) => items.push(Json::Object(item)),
                other => *other = json!([item]),
            }
        }
    }
}

/// Returns the schema whose file an object of a section stands in.
fn home(object: &AnyObject) -> Option<&str> {
    match object {
        AnyObject::DefaultPrivilege(default) => default.schema.as_deref(),
        AnyObject::Extension(_) | AnyObject::EventTrigger(_) => None,
        AnyObject::Function(function) => Some(&function.0.schema),
        AnyObject::Procedure(procedure) => Some(&procedure.0.schema),
        AnyObject::Aggregate(aggregate) => Some(&aggregate.schema),
        AnyObject::Table(table) => Some(&table.schema),
        AnyObject::View(view) => Some(&view.schema),
        AnyObject::MaterializedView(view) => Some(&view.schema),
        AnyObject::Sequence(sequence) => Some(&sequence.schema),
        AnyObject::Domain(domain) => Some(&domain.schema),
        AnyObject::EnumType(found) => Some(&found.schema),
        AnyObject::CompositeType(found) => Some(&found.schema),
        AnyObject::RangeType(range) => Some(&range.schema),
        AnyObject::Collation(collation) => Some(&collation.schema),
        _ => None,
    }
}
