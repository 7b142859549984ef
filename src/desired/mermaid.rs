//! A catalog as an entity-relationship diagram in Mermaid's language: tables with their columns, foreign keys between
//! them.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Column, ForeignKey, Key, KeyType, Kind, NotNull};

/// Returns the diagram; what it refers to beyond the catalog is drawn as an empty box.
pub fn mermaid(catalog: &Catalog) -> String {
    let mut out = String::from("erDiagram\n");
    for object in catalog.objects.values() {
        if let AnyObject::Table(table) = object {
            out.push_str(&entity(&table.schema, &table.name, catalog));
        }
    }
    for object in catalog.objects.values() {
        match object {
            // A partition's copy of its parent's key says nothing new.
            AnyObject::ForeignKey(key) if key.inherited.is_none() => out.push_str(&relation(key, catalog)),
            _ => {}
        }
    }
    out
}

fn entity(schema: &str, table: &str, catalog: &Catalog) -> String {
    let mut columns: Vec<&Column> = catalog
        .objects
        .range(Identity::new(Kind::Column, [schema, table])..)
        .map_while(|(_, object)| match object {
            AnyObject::Column(column) if column.schema == schema && column.table == table => Some(&**column),
            _ => None,
        })
        .collect();
    columns.sort_by_key(|column| column.position);
    if columns.is_empty() {
        return format!("    {}\n", title(schema, table));
    }
    let roles = Roles::of(schema, table, catalog);
    let mut out = format!("    {} {{\n", title(schema, table));
    for column in columns {
        let (data_type, name) = (word(&column.data_type), word(&column.name));
        // A word that had to be changed says in the remark what it stands for.
        let remark = if name == column.name {
            String::new()
        } else {
            format!(" \"{}\"", quoted(&column.name))
        };
        out.push_str(&format!(
            "        {data_type} {name}{}{remark}\n",
            roles.marks(&column.name)
        ));
    }
    out.push_str("    }\n");
    out
}

/// Columns of one table that are keys.
#[derive(Default)]
struct Roles<'a> {
    primary: BTreeSet<&'a str>,
    unique: BTreeSet<&'a str>,
    foreign: BTreeSet<&'a str>,
}

impl<'a> Roles<'a> {
    fn of(schema: &str, table: &str, catalog: &'a Catalog) -> Self {
        let mut out = Self::default();
        for object in catalog.objects.values() {
            match object {
                AnyObject::Key(key) if key.schema == schema && key.table == table => out.add(key),
                AnyObject::ForeignKey(key) if key.schema == schema && key.table == table => {
                    out.foreign.extend(key.columns.iter().map(String::as_str));
                }
                _ => {}
            }
        }
        out
    }

    fn add(&mut self, key: &'a Key) {
        let columns = key.columns.iter().map(String::as_str);
        match key.constraint {
            KeyType::Primary => self.primary.extend(columns),
            // Of a key over several columns none is unique by itself.
            KeyType::Unique if key.columns.len() == 1 => self.unique.extend(columns),
            KeyType::Unique | KeyType::Exclusion => {}
        }
    }

    fn marks(&self, column: &str) -> String {
        let all = [("PK", &self.primary), ("FK", &self.foreign), ("UK", &self.unique)];
        let marks: Vec<&str> = all
            .iter()
            .filter(|(_, columns)| columns.contains(column))
            .map(|(mark, _)| *mark)
            .collect();
        if marks.is_empty() {
            return String::new();
        }
        format!(" {}", marks.join(", "))
    }
}

fn relation(key: &ForeignKey, catalog: &Catalog) -> String {
    let required = |column: &String| catalog.contains(&NotNull::named(&key.schema, &key.table, column));
    let referenced = if key.columns.iter().all(required) { "||" } else { "|o" };
    let own: BTreeSet<&String> = key.columns.iter().collect();
    let is_unique = catalog.objects.values().any(|object| match object {
        AnyObject::Key(unique) => {
            unique.schema == key.schema
                && unique.table == key.table
                && unique.constraint != KeyType::Exclusion
                && unique.columns.iter().collect::<BTreeSet<_>>() == own
        }
        _ => false,
    });
    let referencing = if is_unique { "o|" } else { "o{" };
    format!(
        "    {} {referenced}--{referencing} {} : \"{}\"\n",
        title(&key.referenced_schema, &key.referenced_table),
        title(&key.schema, &key.table),
        quoted(&key.name)
    )
}

fn title(schema: &str, table: &str) -> String {
    format!("\"{}\"", quoted(&format!("{schema}.{table}")))
}

/// Returns a text for within quotes; Mermaid knows no escape there.
fn quoted(text: &str) -> String {
    text.replace('"', "'").replace(['\n', '\r', '\t'], " ")
}

/// Returns a word as Mermaid takes it: a letter first, then letters, digits, underscores, hyphens and brackets.
fn word(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "_-()[]".contains(c) {
            c
        } else {
            '_'
        }
    };
    let out: String = text.chars().map(plain).collect();
    if out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out
    } else {
        format!("x{out}")
    }
}
