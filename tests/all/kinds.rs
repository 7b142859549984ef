//! `docs/kinds.md` says what the code does: attributes are read out of the kinds' files, and what a change of each leads
//! to is asked of `alter` itself, on objects of every kind. `TRUEUP_BLESS=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use trueup::catalog::Catalog;
use trueup::kinds::{Alter, AnyObject, Context, Kind};

use crate::kind_laws::slots::SLOTS;
use crate::kind_laws::sql;
use crate::support::{Database, servers};

const HEAD: &str = "# Kinds

Generated from the code. What `pg_dump --schema-only` writes is one of these objects or an attribute of one; `inspect --format json` shows
them. A change of an attribute is carried out

- **in place**, by a statement that leaves the object, its rows and what hangs on it where they are,
- or the object is **made anew**: dropped and created, with everything that hangs on it around it; tables and columns keep their rows where
  PostgreSQL lets them.

*no difference* says that the attribute only tells how the object came about, or follows from another one; *is its name* that another value
is another object, unless a hint says that it was renamed. The last column names the first major version that has it, where not all have.
";

/// A field of a kind's struct.
struct Field {
    name: String,
    holds: String,
}

/// What is said about a kind in its file.
struct Page {
    about: String,
    fields: Vec<Field>,
}

/// Returns the file of the kinds that holds a text.
fn file(text: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let files = fs::read_dir(folder).unwrap();
    let mut files = files.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    files.find(|file| file.contains(text))
}

/// Returns the fields of a struct as its file says them; those of the struct that it wraps.
fn body(name: &str) -> String {
    for opening in [format!("struct {name} {{"), format!("struct {name}(")] {
        let Some(text) = file(&opening) else { continue };
        let (_, body) = text.split_once(&opening).unwrap();
        if opening.ends_with('{') {
            return body.split_once("\n}").unwrap().0.to_owned();
        }
        let mut words = body.split([' ', ')']);
        return self::body(words.find(|word| word.starts_with(char::is_uppercase)).unwrap());
    }
    panic!("no file has struct {name}");
}

fn page(kind: Kind) -> Page {
    let text = file(&format!("pub struct {kind:?} {{"))
        .or_else(|| file(&format!("pub struct {kind:?}(")))
        .unwrap();
    let about: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect();
    let about = about.join(" ");
    let body = body(&format!("{kind:?}"));
    let about = about.split_inclusive(". ").next().unwrap_or_default().trim().to_owned();
    Page {
        about,
        fields: fields(&body),
    }
}

/// Returns the fields of a struct's body, with those of flattened ones in their place.
fn fields(body: &str) -> Vec<Field> {
    let mut out = Vec::new();
    let (mut holds, mut is_flat) = (String::new(), false);
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            holds.push_str(text);
        } else if line == "#[serde(flatten)]" {
            is_flat = true;
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')) {
            let holds = std::mem::take(&mut holds);
            if std::mem::take(&mut is_flat) {
                out.extend(fields(&self::body(kind.trim().trim_end_matches(','))));
                continue;
            }
            out.push(Field {
                name: name.to_owned(),
                holds: holds.trim().trim_end_matches('.').to_owned(),
            });
        }
    }
    out
}

/// Attributes that the random states do not vary.
const MORE: &str = "CREATE SCHEMA a;
    CREATE FUNCTION a.add(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
    CREATE AGGREGATE a.total(int) (SFUNC = a.add, STYPE = int, MSFUNC = a.add, MINVFUNC = a.add, MSTYPE = int);
    CREATE AGGREGATE a.least(int) (SFUNC = int4smaller, STYPE = int, SORTOP = OPERATOR(pg_catalog.<));
    CREATE TABLE a.t (id int, g int GENERATED ALWAYS AS (id * 2) STORED, h int);
    CREATE RULE off AS ON INSERT TO a.t DO ALSO NOTHING;
    ALTER TABLE a.t DISABLE RULE off;
    CREATE OPERATOR FAMILY a.numbers USING btree;
    ALTER OPERATOR FAMILY a.numbers USING btree ADD OPERATOR 1 < (int4, int8), FUNCTION 1 (int4, int8) btint48cmp(int4, int8);
    CREATE OPERATOR FAMILY a.others USING btree;
    CREATE INDEX plain ON a.t (id);
    CREATE INDEX tuned ON a.t ((h + 1)) WITH (fillfactor = 70);
    ALTER INDEX a.tuned ALTER COLUMN 1 SET STATISTICS 100;
    ALTER TABLE a.t CLUSTER ON tuned;
    ALTER TABLE a.t ADD CONSTRAINT tuned_key UNIQUE (h) WITH (fillfactor = 60), ADD CONSTRAINT plain_key UNIQUE (id);
    CREATE TABLE a.parted (id int) PARTITION BY LIST (id);
    CREATE TABLE a.part PARTITION OF a.parted FOR VALUES IN (1);
    CREATE FUNCTION a.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER fires AFTER INSERT ON a.parted FOR EACH ROW EXECUTE FUNCTION a.fire();
    ALTER TABLE a.part DISABLE TRIGGER fires;
    CREATE TRIGGER fires AFTER INSERT ON a.t FOR EACH ROW EXECUTE FUNCTION a.fire();
    CREATE TYPE a.n;
    CREATE FUNCTION a.n_in(cstring) RETURNS a.n AS 'int4in' LANGUAGE internal STRICT IMMUTABLE;
    CREATE FUNCTION a.n_out(a.n) RETURNS cstring AS 'int4out' LANGUAGE internal STRICT IMMUTABLE;
    CREATE TYPE a.n (internallength = 4, input = a.n_in, output = a.n_out, alignment = int4, passedbyvalue);
    CREATE TYPE a.m;
    CREATE FUNCTION a.m_in(cstring) RETURNS a.m AS 'int4in' LANGUAGE internal STRICT IMMUTABLE;
    CREATE FUNCTION a.m_out(a.m) RETURNS cstring AS 'int4out' LANGUAGE internal STRICT IMMUTABLE;
    CREATE TYPE a.m (internallength = 4, input = a.m_in, output = a.m_out, alignment = int4, passedbyvalue, default = '7')";

/// Returns catalogs that hold objects of every kind that a version has.
fn samples(major: i32, server: &str) -> Vec<Catalog> {
    let most = SLOTS.iter().map(|(_, _, variants)| variants.len()).max().unwrap();
    let state = |number: usize| -> Vec<Option<usize>> {
        let slots = SLOTS.iter();
        slots.map(|(_, _, variants)| Some(number % variants.len())).collect()
    };
    let states = (0..most).map(|number| sql(&state(number), major));
    states
        .chain([MORE.to_owned()])
        .map(|sql| Database::with(server, &sql).catalog())
        .chain([shared(major)])
        .collect()
}

/// Returns what belongs to no database, which states that share a server cannot hold.
fn shared(major: i32) -> Catalog {
    let mut out = Catalog {
        version_num: major * 10_000,
        ..Catalog::default()
    };
    let options = if major < 16 {
        serde_json::json!({})
    } else {
        serde_json::json!({"inherit": true, "set": true, "grantor": "g"})
    };
    let mut membership = serde_json::json!({"kind": "role_membership", "role": "r", "member": "m"});
    membership
        .as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    for object in [
        serde_json::json!({"kind": "role", "name": "m", "valid_until": "2030-01-01", "used_in": ["d"]}),
        membership,
        serde_json::json!({"kind": "role_setting", "role": "m", "parameter": "p", "value": "v", "database": "d"}),
        serde_json::json!({"kind": "database", "name": "d", "connection_limit": 1}),
        serde_json::json!({"kind": "database_setting", "database": "d", "parameter": "p", "value": "v"}),
    ] {
        out.insert(serde_json::from_value(object).unwrap());
    }
    out
}

type Attributes = serde_json::Map<String, Value>;

fn attributes(object: &AnyObject) -> Attributes {
    let Value::Object(mut out) = serde_json::to_value(object).unwrap() else {
        panic!("no object: {object:?}");
    };
    out.remove("kind");
    out
}

/// Returns an object with another value for an attribute, if that makes one.
fn with(object: &AnyObject, attribute: &str, value: &Value) -> Option<AnyObject> {
    let Value::Object(mut fields) = serde_json::to_value(object).unwrap() else {
        return None;
    };
    match value {
        Value::Null => fields.remove(attribute),
        value => fields.insert(attribute.to_owned(), value.clone()),
    };
    serde_json::from_value(Value::Object(fields)).ok()
}

/// Returns a value that is not quite the given one.
fn another(value: &Value) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => Value::from(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) => Value::String(format!("{text}1")),
        Value::Array(items) if items.is_empty() => serde_json::json!(["other=1"]),
        Value::Array(items) => Value::Array(items[1..].to_vec()),
        Value::Null => Value::String("1".to_owned()),
        Value::Object(fields) => Value::Object(fields.clone()),
    }
}

/// What a change of an attribute leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    InPlace,
    Anew,
    Name,
    Nothing,
}

fn fate((catalog, object): (&Catalog, &AnyObject), to: &mut Catalog, changed: &AnyObject) -> Fate {
    if object.identity() != changed.identity() {
        return Fate::Name;
    }
    to.objects.insert(changed.identity(), changed.clone());
    match object.alter(changed, &Context::new(catalog, to, catalog.version_num)) {
        Alter::Unchanged => Fate::Nothing,
        Alter::InPlace { .. } => Fate::InPlace,
        Alter::Replace => Fate::Anew,
    }
}

/// Objects of one kind, with the catalogs that they stand in.
type Objects<'a> = Vec<(&'a Catalog, &'a AnyObject)>;

fn fates(objects: &Objects, attribute: &str) -> BTreeSet<Fate> {
    let value = |object: &AnyObject| attributes(object).get(attribute).cloned().unwrap_or(Value::Null);
    // One object for each value that there is.
    let mut different: Vec<(Value, &Catalog, &AnyObject)> = Vec::new();
    for (catalog, object) in objects {
        let own = value(object);
        if different.len() < 10 && different.iter().all(|(other, ..)| *other != own) {
            different.push((own, catalog, object));
        }
    }
    let mut out = BTreeSet::new();
    for (own, catalog, object) in &different {
        let mut to = (*catalog).clone();
        let made = another(own);
        let others = different.iter().map(|(value, ..)| value).chain([&made]);
        for value in others.filter(|value| *value != own) {
            let changed = with(object, attribute, value);
            out.extend(changed.map(|changed| fate((catalog, object), &mut to, &changed)));
        }
    }
    out
}

/// Stands where no object has another value to try.
const UNTRIED: &str = "?";

fn words(fates: &BTreeSet<Fate>) -> String {
    let mut changes: Vec<Fate> = fates.iter().copied().filter(|fate| *fate != Fate::Nothing).collect();
    if changes.contains(&Fate::Name) {
        changes = vec![Fate::Name];
    }
    match changes.as_slice() {
        [] if fates.is_empty() => UNTRIED,
        [] => "no difference",
        [Fate::InPlace] => "in place",
        [Fate::Anew] => "made anew",
        [Fate::Name] => "is its name",
        _ => "in place, or made anew where PostgreSQL cannot",
    }
    .to_owned()
}

/// Returns the first version that has an attribute, as its description says it or as the samples show it.
fn since(objects: &BTreeMap<i32, Objects>, field: &Field) -> Option<i32> {
    let said = field
        .holds
        .split_once("(PostgreSQL ")
        .and_then(|(_, rest)| rest.split(')').next());
    if let Some(said) = said.and_then(|text| text.parse().ok()) {
        return Some(said);
    }
    let holds = |object: &AnyObject| {
        let value = attributes(object).get(&field.name).cloned().unwrap_or(Value::Null);
        !matches!(&value, Value::Null | Value::Bool(false)) && value != serde_json::json!([])
    };
    let mut used = objects
        .iter()
        .filter(|(_, all)| all.iter().any(|(_, object)| holds(object)));
    let first = *used.next()?.0;
    let oldest = *objects.keys().next()?;
    (first > oldest).then_some(first)
}

fn section(kind: Kind, objects: &BTreeMap<i32, Objects>, newest: &Objects, oldest: i32) -> String {
    let Page { about, fields } = page(kind);
    let mut out = format!("\n## {}\n\n{about}", kind.words());
    let first = *objects.keys().next().unwrap();
    if first > oldest {
        write!(out, " Since PostgreSQL {first}.").unwrap();
    }
    let is_renamed = newest.iter().any(|(catalog, object)| {
        let context = Context::new(catalog, catalog, catalog.version_num);
        object.rename(object, &context).is_some()
    });
    if is_renamed {
        out.push_str(" A hint renames it.");
    }
    out.push_str("\n\n| attribute | holds | a change | since |\n| --- | --- | --- | --- |\n");
    for field in fields {
        let fate = words(&fates(newest, &field.name));
        let since = since(objects, &field);
        let Field { name, holds } = field;
        let holds = match since {
            Some(major) => holds.replace(&format!(" (PostgreSQL {major})"), ""),
            None => holds,
        };
        let since = since.map(|major| major.to_string()).unwrap_or_default();
        writeln!(out, "| `{name}` | {} | {fate} | {since} |", holds.replace('|', "\\|")).unwrap();
    }
    out
}

#[test]
fn the_page_of_kinds_is_what_the_code_does() {
    let servers = servers();
    // What a version has first is known only where all are there.
    if servers.len() < 5 {
        return;
    }
    let catalogs: BTreeMap<i32, Vec<Catalog>> = servers
        .iter()
        .map(|(major, server)| (*major, samples(*major, server)))
        .collect();
    let oldest = *catalogs.keys().next().unwrap();
    let (_, newest) = servers.iter().max_by_key(|(major, _)| *major).unwrap();
    let everything = fs::read_to_string("tests/all/yaml_everything.sql").unwrap();
    let everything = Database::with(newest, &everything).catalog();
    let mut text = HEAD.to_owned();
    for kind in Kind::ALL {
        let of_kind = |catalogs: &'_ Vec<Catalog>| -> bool {
            catalogs
                .iter()
                .any(|catalog| catalog.objects.keys().any(|identity| identity.kind == *kind))
        };
        let objects: BTreeMap<i32, Objects> = catalogs
            .iter()
            .filter(|(_, catalogs)| of_kind(catalogs))
            .map(|(major, catalogs)| {
                let all = catalogs.iter().flat_map(|catalog| {
                    let objects = catalog.objects.values().filter(|object| object.kind() == *kind);
                    objects.map(move |object| (catalog, object))
                });
                (*major, all.collect())
            })
            .collect();
        let mut newest = objects.values().next_back().cloned().unwrap_or_default();
        let more = everything.objects.values().filter(|object| object.kind() == *kind);
        newest.extend(more.map(|object| (&everything, object)));
        text.push_str(&section(*kind, &objects, &newest, oldest));
    }
    let untried: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(&format!("| {UNTRIED} |")))
        .collect();
    assert!(
        untried.is_empty(),
        "give MORE another value of these:\n{}",
        untried.join("\n")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kinds.md");
    if std::env::var_os("TRUEUP_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "run with TRUEUP_BLESS=1 and review docs/kinds.md");
}
