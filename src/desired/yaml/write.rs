//! A catalog as YAML target files: in the form that people write where that says everything, else in the kinds' own.
//!
//! What is written is read back at once; an object whose `CREATE` statements would differ is said under `objects`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::attached::privilege_words;
use super::form::{Attached, Form, Layout, get};
use super::forms::SECTIONS;
use super::want::Fields;
use super::{finish, read, sentences, text};
use crate::catalog::{Catalog, Identity};
use crate::desired::write::{file_name, whole};
use crate::kinds::{AnyObject, Context, KeyType, Kind, Owner, Partition, Privilege};

/// More tables than this, and each has a file of its own.
const TABLES_IN_ONE: usize = 30;

/// Rounds after which everything that is still not said well is said in the kinds' own form.
const ROUNDS: usize = 6;

/// Returns the files by path relative to the folder; read back, they declare the catalog.
#[allow(clippy::print_stderr)]
pub fn yaml_files(catalog: &Catalog) -> BTreeMap<String, String> {
    let said = creations(catalog, &sentences::empty(&catalog.role, catalog.version_num));
    let mut writer = Writer::new(catalog, &said);
    for _ in 0..ROUNDS {
        let files = writer.files();
        let lost = writer.lost(&files);
        if lost.is_empty() {
            return files;
        }
        writer.exclude(lost);
    }
    writer.exclude(said.keys().cloned().collect());
    writer.files()
}

/// Returns the statements that create each object.
fn creations(catalog: &Catalog, empty: &Catalog) -> BTreeMap<Identity, Vec<String>> {
    let context = Context {
        from: empty,
        to: catalog,
        version_num: catalog.version_num,
    };
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

/// Writes a catalog.
pub(super) struct Writer<'a> {
    catalog: &'a Catalog,
    creations: &'a BTreeMap<Identity, Vec<String>>,
    parts: BTreeMap<Identity, Vec<&'a AnyObject>>,
    attached: BTreeMap<&'a Identity, Vec<&'a AnyObject>>,
    primary: BTreeSet<[&'a str; 3]>,
    excluded: BTreeSet<Identity>,
}

impl<'a> Writer<'a> {
    fn new(catalog: &'a Catalog, creations: &'a BTreeMap<Identity, Vec<String>>) -> Self {
        let mut out = Self {
            catalog,
            creations,
            parts: BTreeMap::new(),
            attached: BTreeMap::new(),
            primary: BTreeSet::new(),
            excluded: BTreeSet::new(),
        };
        for object in catalog.objects.values() {
            match object {
                AnyObject::Comment(comment) => out.attached.entry(&comment.target).or_default().push(object),
                AnyObject::Owner(owner) => out.attached.entry(&owner.target).or_default().push(object),
                AnyObject::Privilege(privilege) => out.attached.entry(&privilege.target).or_default().push(object),
                _ => {
                    if let Some(parent) = object.parent() {
                        out.parts.entry(parent).or_default().push(object);
                    }
                }
            }
            if let AnyObject::Key(key) = object
                && key.constraint == KeyType::Primary
            {
                let columns = key.columns.iter();
                out.primary
                    .extend(columns.map(|column| [key.schema.as_str(), &key.table, column]));
            }
        }
        for parts in out.parts.values_mut() {
            parts.sort_by_key(|part| part.position());
        }
        out
    }

    fn exclude(&mut self, objects: BTreeSet<Identity>) {
        self.excluded.extend(objects);
    }

    /// Tells whether nothing is to say of an object: it comes by itself with others.
    fn is_silent(&self, object: &AnyObject) -> bool {
        let identity = object.identity();
        match object {
            AnyObject::Trigger(trigger) => trigger.clone_of.as_ref().is_some_and(|origin| {
                matches!(self.catalog.get(origin), Some(AnyObject::Trigger(origin)) if origin.firing == trigger.firing)
            }),
            AnyObject::Owner(owner) if is_public(&owner.target) => {
                [self.catalog.role.as_str(), "pg_database_owner"].contains(&owner.role.as_str())
            }
            AnyObject::Comment(comment) if is_public(&comment.target) => comment.text == "standard public schema",
            AnyObject::Privilege(privilege) if is_public(&privilege.target) => self.is_public_default(privilege),
            _ => self.creations.get(&identity).is_none_or(Vec::is_empty),
        }
    }

    fn is_public_default(&self, privilege: &Privilege) -> bool {
        let names: Vec<&str> = privilege.privileges.keys().map(String::as_str).collect();
        match privilege.grantee.as_str() {
            "public" if self.catalog.version_num < 15_00_00 => names == ["CREATE", "USAGE"],
            "public" => names == ["USAGE"],
            _ => privilege.privileges == privilege.initial,
        }
    }

    /// Returns the parts of an object that are to be said, in their order.
    pub(super) fn parts(&self, of: &Identity) -> impl Iterator<Item = &'a AnyObject> {
        let parts = self.parts.get(of).map(Vec::as_slice).unwrap_or_default();
        parts.iter().copied().filter(|part| {
            !self.excluded.contains(&part.identity()) && (part.kind() == Kind::Column || !self.is_silent(part))
        })
    }

    fn attached(&self, of: &Identity) -> impl Iterator<Item = &'a AnyObject> {
        let all = self.attached.get(of).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .copied()
            .filter(|object| !self.excluded.contains(&object.identity()) && !self.is_silent(object))
    }

    /// Returns the comment on an object.
    pub(super) fn comment(&self, of: &Identity) -> Option<&'a str> {
        self.attached(of).find_map(|object| match object {
            AnyObject::Comment(comment) => Some(comment.text.as_str()),
            _ => None,
        })
    }

    fn owner(&self, of: &Identity) -> Option<&'a str> {
        self.attached(of).find_map(|object| match object {
            AnyObject::Owner(Owner { role, .. }) => Some(role.as_str()),
            _ => None,
        })
    }

    fn grants(&self, of: &Identity) -> Option<Json> {
        let privileges = self.attached(of).filter_map(|object| match object {
            AnyObject::Privilege(privilege) => Some(privilege),
            _ => None,
        });
        let mut grants: Fields = privileges
            .map(|privilege| (privilege.grantee.clone(), json!(privilege_words(&privilege.privileges))))
            .collect();
        let all = self.attached.get(of).map(Vec::as_slice).unwrap_or_default();
        let is_to_public =
            |object: &&AnyObject| matches!(object, AnyObject::Privilege(found) if found.grantee == "public");
        if is_public(of) && !all.iter().any(is_to_public) {
            grants.insert("public".to_owned(), json!([]));
        }
        (!grants.is_empty()).then_some(Json::Object(grants))
    }

    /// Returns what is said of a column that is no object of its own.
    pub(super) fn column(&self, path: &[&str]) -> Fields {
        let target = Identity::new(Kind::Column, path.iter().copied());
        let mut out = Fields::new();
        out.extend(self.comment(&target).map(|text| ("comment".to_owned(), json!(text))));
        out.extend(self.grants(&target).map(|grants| ("grants".to_owned(), grants)));
        out
    }

    /// Tells whether a column belongs to the primary key, which refuses null by itself.
    pub(super) fn is_in_primary_key(&self, schema: &str, table: &str, column: &str) -> bool {
        self.primary.contains(&[schema, table, column])
    }

    /// Returns what a table is a partition of.
    pub(super) fn partition(&self, schema: &str, table: &str) -> Option<&'a Partition> {
        let identity = Identity::new(Kind::Partition, [schema, table]);
        match self
            .catalog
            .get(&identity)
            .filter(|_| !self.excluded.contains(&identity))
        {
            Some(AnyObject::Partition(partition)) if !partition.detaching => Some(partition),
            _ => None,
        }
    }

    /// Tells whether a partition is said below its table.
    pub(super) fn is_nested(&self, partition: &Partition) -> bool {
        let table = Identity::new(Kind::Table, [&partition.schema, &partition.table]);
        let parent = Identity::new(Kind::Table, [&partition.parent_schema, &partition.parent_table]);
        let is_typed = matches!(self.catalog.get(&table), Some(AnyObject::Table(table)) if table.of_type.is_some());
        partition.schema == partition.parent_schema
            && self.catalog.contains(&parent)
            && !self.excluded.contains(&parent)
            && !is_typed
    }

    fn item(&self, form: &'static Form, object: &AnyObject) -> Option<Json> {
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
        let mut items = parts.filter_map(|part| Some((part.identity().name().to_owned(), self.item(form, part)?)));
        match form.layout {
            Layout::Single => items.next().map(|(_, item)| item),
            _ => {
                let items: Fields = items.collect();
                (!items.is_empty()).then_some(Json::Object(items))
            }
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

    fn files(&self) -> BTreeMap<String, String> {
        let mut homes: BTreeMap<String, Fields> = BTreeMap::new();
        let mut tables: BTreeMap<(String, String), Fields> = BTreeMap::new();
        let schemas = self.catalog.objects.values().filter_map(|object| match object {
            AnyObject::Schema(schema) => Some(schema.name.as_str()),
            _ => None,
        });
        for schema in schemas {
            let head = self.schema(schema);
            let is_big = self.count_tables(schema) > TABLES_IN_ONE;
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
        let own = all.filter(|(_, object)| home(object) == schema && !self.is_silent(object));
        let items = own.filter_map(|(_, object)| Some((name(object), self.item(form, object)?)));
        if form.layout == Layout::List {
            let items: Vec<Json> = items.map(|(_, item)| item).collect();
            return (!items.is_empty()).then_some(Json::Array(items));
        }
        let mut out = Fields::new();
        for (name, item) in items {
            match out.get_mut(&name) {
                Some(Json::Array(overloads)) if form.layout == Layout::Overloads => overloads.push(item),
                Some(first) => *first = json!([first.take(), item]),
                None => {
                    out.insert(name, item);
                }
            }
        }
        (!out.is_empty()).then_some(Json::Object(out))
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
            let file = schema.and_then(|schema| homes.get_mut(schema)).unwrap_or(database);
            match file.entry("objects").or_insert_with(|| json!([])) {
                Json::Array(items) => items.push(Json::Object(item)),
                other => *other = json!([item]),
            }
        }
    }

    /// Returns the objects that reading the files would not give back.
    fn lost(&self, files: &BTreeMap<String, String>) -> BTreeSet<Identity> {
        let Some(read) = read_back(files) else {
            if std::env::var("TUDBG").is_ok() {
                for (name, text) in files {
                    if let Err(e) = read::read(text) { eprintln!("DBG {name} {e:?} {}", &text[..e.offset.min(text.len())].lines().count()); }
                }
                let declared: Vec<_> = files.values().enumerate().filter_map(|(i, t)| Some((i, read::read(t).ok()?))).collect();
                match read::by_identity(&declared) { Err(e) => eprintln!("DBG dup {e:?}"), Ok(mut o) => eprintln!("DBG finish {:?}", finish::finish(&mut o)) }
            }
            return self.creations.keys().cloned().collect();
        };
        let mut read = sentences::catalog(&read);
        read.version_num = self.catalog.version_num;
        self.catalog.role.clone_into(&mut read.role);
        let again = creations(&read, &sentences::empty(&self.catalog.role, self.catalog.version_num));
        let mut lost = BTreeSet::new();
        for (identity, object) in &self.catalog.objects {
            let is_kept = match (object, read.get(identity)) {
                (AnyObject::Privilege(own), Some(AnyObject::Privilege(other))) => own.privileges == other.privileges,
                (AnyObject::DefaultPrivilege(own), Some(AnyObject::DefaultPrivilege(other))) => {
                    own.privileges == other.privileges
                }
                // The words of a trigger are written in small letters; names keep theirs.
                (AnyObject::Trigger(_), Some(_)) => {
                    let small = |all: Option<&Vec<String>>| all.map(|all| all.join("; ").to_lowercase());
                    small(self.creations.get(identity)) == small(again.get(identity))
                }
                (_, Some(_)) => self.creations.get(identity) == again.get(identity),
                (_, None) => false,
            };
            let is_needed = !self.is_silent(object) && !is_public(identity);
            if is_needed && !is_kept && !self.excluded.contains(identity) {
                if std::env::var("TUDBG").is_ok() {
                    eprintln!("DBG lost {identity}\n  {:?}\n  {:?}", self.creations.get(identity), again.get(identity));
                }
                lost.insert(identity.clone());
            }
        }
        lost
    }
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

fn is_public(identity: &Identity) -> bool {
    identity.kind == Kind::Schema && identity.path == ["public"]
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

/// Returns the name of an item.
fn name(object: &AnyObject) -> String {
    match object {
        AnyObject::Function(function) => function.0.name.clone(),
        AnyObject::Procedure(procedure) => procedure.0.name.clone(),
        AnyObject::Aggregate(aggregate) => aggregate.name.clone(),
        other => other.identity().name().to_owned(),
    }
}
