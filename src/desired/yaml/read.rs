//! YAML target files to objects with their places.

use serde_json::Value as Json;

use super::attached;
use super::complaint::Complaint;
use super::finish::Placed;
use super::form::{Attached, Form, Layout, Spot, set};
use super::forms::SECTIONS;
use super::node::{self, Entry, Node, Value};
use super::said::{self, Said};
use super::want::{Fields, Key, Want, own};
use crate::catalog::Identity;
use crate::desired::hints::Says;
use crate::kinds::{AnyObject, Kind, Schema, chosen_name};

/// Keys of the mapping form of `schema`.
pub(super) const SCHEMA_KEYS: &[Key] = &[
    own("name", Want::Text, "Name."),
    own("comment", Want::Text, "Comment."),
    own("owner", Want::Text, "Role that owns the schema."),
    own(
        "grants",
        Want::Named(&Want::Names),
        "Privileges by role: `usage`, `create`.",
    ),
    own("renamed_from", Want::Text, Attached::Renamed.doc()),
    own("not_renamed", Want::Bool, Attached::NotRenamed.doc()),
    own("waive", said::WAIVE, Attached::Waive.doc()),
];

/// What one file declares.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Schema that everything is in.
    pub schema: String,
    /// Place of the schema's name.
    pub schema_offset: usize,
    /// Objects and the byte offsets of their keys.
    pub objects: Vec<(AnyObject, usize)>,
    /// What is said about them beside: former names and waivers.
    pub said: Vec<Said>,
    /// Roles that are to go.
    pub dropped_roles: Vec<String>,
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Declared, Complaint> {
    let mut out = Declared {
        schema: "public".to_owned(),
        ..Declared::default()
    };
    for document in node::parse(text)? {
        if document.is_null() {
            continue;
        }
        let Value::Map(entries) = &document.value else {
            return Err(Complaint::new(document.offset, "a target file must be a mapping")
                .hint("Start with `schema: NAME`, then sections such as `tables:`."));
        };
        if let Some(entry) = entries.iter().find(|entry| entry.key == "schema") {
            out.schema(entry)?;
        }
        for entry in entries.iter().filter(|entry| entry.key != "schema") {
            out.section(entry)?;
        }
    }
    Ok(out)
}

impl Declared {
    fn schema(&mut self, entry: &Entry) -> Result<(), Complaint> {
        let given = Want::Shape(Some("name"), SCHEMA_KEYS).read("schema", &entry.node)?;
        let Some(name) = given["name"].as_str() else {
            return Err(Complaint::new(entry.offset, "`schema` needs a `name`").hint("Write `schema: NAME`."));
        };
        name.clone_into(&mut self.schema);
        self.schema_offset = entry.offset;
        let schema = Schema { name: name.to_owned() };
        let identity = Identity::new(Kind::Schema, [name]);
        if name != "public" {
            self.objects.push((schema.into(), entry.offset));
        }
        let mut found = Vec::new();
        found.extend(given["comment"].as_str().map(|text| attached::comment(&identity, text)));
        found.extend(given["owner"].as_str().map(|role| attached::owner(&identity, role)));
        if let Some(grants) = given.get("grants").and_then(Json::as_object) {
            found.extend(attached::privileges(&identity, &identity, grants));
        }
        self.objects
            .extend(found.into_iter().map(|object| (object, entry.offset)));
        self.say(&identity, &given, entry.offset)?;
        Ok(())
    }

    fn section(&mut self, entry: &Entry) -> Result<(), Complaint> {
        if entry.key == "objects" {
            return self.plain_objects(&entry.node);
        }
        let Some(form) = SECTIONS.iter().find(|form| form.section == entry.key) else {
            let known = ["schema", "objects"]
                .into_iter()
                .chain(SECTIONS.iter().map(|form| form.section));
            return Err(Complaint::unknown(
                entry.offset,
                &entry.key,
                "at the top of a target file",
                known,
            ));
        };
        let schema = self.schema.clone();
        self.items(form, &schema, None, entry)
    }

    /// Reads the items of a section or of a part.
    fn items(
        &mut self,
        form: &'static Form,
        schema: &str,
        parent: Option<&Identity>,
        entry: &Entry,
    ) -> Result<(), Complaint> {
        let spot = |name| Spot { schema, parent, name };
        match (&entry.node.value, form.layout) {
            _ if entry.node.is_null() => Ok(()),
            (_, Layout::Single) => {
                let Some(table) = parent.map(Identity::name) else {
                    return self.item(form, &spot(""), entry.offset, &entry.node);
                };
                let said = match &entry.node.value {
                    Value::Map(entries) => entries.iter().find(|entry| entry.key == "name"),
                    _ => None,
                };
                let chosen = chosen_name(table, None, "pkey");
                let name = said.and_then(|said| said.node.text()).unwrap_or(&chosen);
                self.item(form, &spot(name), entry.offset, &entry.node)
            }
            (Value::List(items), Layout::List) => items
                .iter()
                .try_for_each(|item| self.item(form, &spot(""), item.offset, item)),
            (Value::List(items), Layout::NamedOrList | Layout::OverloadsOrList) => items.iter().try_for_each(|item| {
                let Some(name) = item.text() else {
                    return Err(Complaint::new(
                        item.offset,
                        format!("`{}` is a list of names", form.section),
                    ));
                };
                let nothing = Node {
                    offset: item.offset,
                    value: Value::Map(Vec::new()),
                };
                self.item(form, &spot(name), item.offset, &nothing)
            }),
            (Value::Map(entries), layout) if layout != Layout::List => {
                entries.iter().try_for_each(|entry| match &entry.node.value {
                    Value::List(overloads) if form.has_overloads() => overloads
                        .iter()
                        .try_for_each(|overload| self.item(form, &spot(&entry.key), overload.offset, overload)),
                    _ => self.item(form, &spot(&entry.key), entry.offset, &entry.node),
                })
            }
            _ => {
                let wanted = if form.layout == Layout::List {
                    "a list"
                } else {
                    "a mapping from names"
                };
                let found = entry.node.describe();
                Err(Complaint::new(
                    entry.node.offset,
                    format!("`{}` must be {wanted}, not {found}", form.section),
                )
                .hint(form.doc))
            }
        }
    }

    fn item(&mut self, form: &'static Form, spot: &Spot, offset: usize, node: &Node) -> Result<(), Complaint> {
        let entries = entries(form, spot, node)?;
        let mut values = Fields::new();
        for entry in &entries {
            if let Some(key) = form.keys.iter().find(|key| key.name == entry.key) {
                values.insert(entry.key.clone(), key.want.read(&entry.key, &entry.node)?);
            } else if !form.known().contains(&entry.key.as_str()) {
                let of = format!("of `{}`", if spot.name.is_empty() { form.section } else { spot.name });
                return Err(Complaint::unknown(entry.offset, &entry.key, &of, form.known()));
            }
        }
        if form.kind == Kind::Role && values.get("dropped") == Some(&Json::Bool(true)) {
            return self.dropped_role(spot.name, &entries);
        }
        let (object, beside) = build(form, spot, &values).map_err(|message| Complaint::new(offset, message))?;
        let identity = object.identity();
        self.objects.push((object, offset));
        let place = |object: &AnyObject| {
            if let Some(offset) = place_of_setting(object, &entries) {
                return offset;
            }
            let key = match object {
                AnyObject::ColumnDefault(_) => "default",
                AnyObject::NotNull(_) => "not_null",
                AnyObject::ColumnIdentity(_) => "identity",
                _ => "",
            };
            entries
                .iter()
                .find(|entry| entry.key == key)
                .map_or(offset, |entry| entry.offset)
        };
        self.objects.extend(beside.into_iter().map(|object| {
            let offset = place(&object);
            (object, offset)
        }));
        if let Some(Json::Object(labels)) = values.get("renamed_labels") {
            for (label, former) in labels {
                let path = identity.path.to_strings().into_iter().chain([label.clone()]).collect();
                let former = vec![former.as_str().unwrap_or_default().to_owned()];
                self.said.push(Said {
                    words: "enum value".to_owned(),
                    path,
                    says: Says::RenamedFrom(former),
                    offset,
                });
            }
        }
        self.attached(form, &identity, &entries)?;
        for entry in &entries {
            if let Some(part) = (form.parts)().iter().find(|part| part.section == entry.key) {
                self.items(part, spot.schema, Some(&identity), entry)?;
            }
        }
        Ok(())
    }

    fn dropped_role(&mut self, name: &str, entries: &[Entry]) -> Result<(), Complaint> {
        if let Some(other) = entries.iter().find(|entry| entry.key != "dropped") {
            let message = format!("`{}` of `{name}`, which is dropped", other.key);
            return Err(Complaint::new(other.offset, message).hint("Leave `dropped` out, or everything else."));
        }
        self.dropped_roles.push(name.to_owned());
        Ok(())
    }

    fn attached(&mut self, form: &Form, identity: &Identity, entries: &[Entry]) -> Result<(), Complaint> {
        for entry in entries {
            let Some(kind) = form.attached.iter().find(|attached| attached.name() == entry.key) else {
                continue;
            };
            let value = kind.want().read(&entry.key, &entry.node)?;
            let text = value.as_str().unwrap_or_default();
            let found = match kind {
                Attached::Comment => vec![attached::comment(identity, text)],
                Attached::Owner => vec![attached::owner(identity, text)],
                Attached::Grants => value
                    .as_object()
                    .map(|grants| attached::privileges(identity, identity, grants))
                    .unwrap_or_default(),
                Attached::Renamed | Attached::NotRenamed | Attached::Waive | Attached::Backfill => {
                    let given = Json::Object(Fields::from_iter([(entry.key.clone(), value)]));
                    self.say(identity, &given, entry.node.offset)?;
                    Vec::new()
                }
            };
            self.objects
                .extend(found.into_iter().map(|object| (object, entry.offset)));
        }
        Ok(())
    }

    /// Reads objects in the kinds' own form.
    fn plain_objects(&mut self, node: &Node) -> Result<(), Complaint> {
        let Value::List(items) = &node.value else {
            return Err(Complaint::new(node.offset, "`objects` must be a list").hint("Write `- kind: …` for each."));
        };
        for item in items {
            let value = Want::Any.read("objects", item)?;
            let object =
                serde_json::from_value(value).map_err(|error| Complaint::new(item.offset, error.to_string()))?;
            self.objects.push((object, item.offset));
        }
        Ok(())
    }
}

/// Returns the entries of an item; a plain value stands for one key.
fn entries(form: &Form, spot: &Spot, node: &Node) -> Result<Vec<Entry>, Complaint> {
    match (&node.value, form.short) {
        (Value::Map(entries), _) => Ok(entries.clone()),
        _ if node.is_null() => Ok(Vec::new()),
        (_, Some(short)) => Ok(vec![Entry {
            key: short.to_owned(),
            offset: node.offset,
            node: node.clone(),
        }]),
        _ => Err(Complaint::new(
            node.offset,
            format!("`{}` must be a mapping, not {}", spot.name, node.describe()),
        )
        .hint(format!("Known keys: {}.", form.known().join(", ")))),
    }
}

/// Returns where a setting stands, below one of the keys of an item.
fn place_of_setting(object: &AnyObject, entries: &[Entry]) -> Option<usize> {
    let parameter = match object {
        AnyObject::RoleSetting(setting) => &setting.parameter,
        AnyObject::DatabaseSetting(setting) => &setting.parameter,
        _ => return None,
    };
    let is_here = matches!(object, AnyObject::RoleSetting(setting) if setting.database.is_some());
    let below = entries
        .iter()
        .filter(|entry| entry.key.ends_with("database") == is_here);
    let mut settings = below.filter_map(|entry| match &entry.node.value {
        Value::Map(settings) => settings.iter().find(|setting| setting.key == *parameter),
        _ => None,
    });
    settings.next().map(|setting| setting.offset)
}

/// Makes the object of an item, and those that stand beside it.
fn build(form: &Form, spot: &Spot, values: &Fields) -> Result<(AnyObject, Vec<AnyObject>), String> {
    let mut fields = Fields::new();
    for key in form.keys.iter().filter(|key| !key.field.is_empty()) {
        let value = match values.get(key.name) {
            Some(value) => key.to_field(value),
            None => key
                .default()
                .ok_or_else(|| format!("`{}` needs `{}`", spot.name, key.name))?,
        };
        set(&mut fields, &key.path(), value);
    }
    let beside = (form.read)(spot, values, &mut fields)?;
    let kind = serde_json::to_value(form.kind).map_err(|error| error.to_string())?;
    fields.insert("kind".to_owned(), kind);
    let object = serde_json::from_value(Json::Object(fields)).map_err(|error| error.to_string())?;
    Ok((object, beside))
}

/// An object that is declared twice: its identity, and file and offset of both.
#[derive(Debug)]
pub(super) struct Twice {
    /// Object.
    pub identity: Identity,
    /// Where it stands first.
    pub first: (usize, usize),
    /// Where it stands again.
    pub second: (usize, usize),
}

/// Returns objects by identity with their places.
pub(super) fn by_identity(files: &[(usize, Declared)]) -> Result<Placed, Box<Twice>> {
    let mut out = Placed::new();
    for (file, declared) in files {
        for (object, offset) in &declared.objects {
            let identity = object.identity();
            match out.get(&identity) {
                // Every file of a schema names it.
                Some(_) if identity.kind == Kind::Schema => {}
                Some((_, other, first)) => {
                    return Err(Box::new(Twice {
                        first: (*other, *first),
                        second: (*file, *offset),
                        identity,
                    }));
                }
                None => {
                    out.insert(identity, (object.clone(), *file, *offset));
                }
            }
        }
    }
    Ok(out)
}
