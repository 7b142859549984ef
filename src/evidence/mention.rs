//! What a statement or a body names.

use std::collections::BTreeSet;

use pg_query::protobuf::Token;
use pg_query::{NodeEnum, ParseResult};
use serde_json::{Map, Value};

use super::subject::{Sort, Subject};

/// A relation as a statement names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Relation {
    schema: String,
    name: String,
    alias: Option<String>,
}

/// What a statement or a body names, by the place where it does.
#[derive(Debug, Clone, Default)]
pub(super) struct Mentions {
    relations: Vec<Relation>,
    /// Names that a query gives to its own parts.
    own: BTreeSet<String>,
    /// References to columns; `*` stands for all.
    columns: Vec<Vec<String>>,
    /// Columns that are written.
    targets: BTreeSet<String>,
    functions: Vec<Vec<String>>,
    types: Vec<Vec<String>>,
    strings: Vec<String>,
    /// Names of what could not be parsed, as they are dotted.
    words: Vec<Vec<String>>,
}

impl Mentions {
    /// Reads statements of a program: those that read or write rows; nothing of other ones.
    pub(super) fn of_data(sql: &str) -> Option<Self> {
        let parsed = pg_query::parse(sql, 0).ok()?;
        is_data(&parsed).then(|| Self::of_parsed(&parsed))
    }

    /// Reads statements.
    pub(super) fn of(sql: &str) -> Option<Self> {
        pg_query::parse(sql, 0).ok().map(|parsed| Self::of_parsed(&parsed))
    }

    /// Reads the body of a routine in PL/pgSQL, of which this is the whole statement.
    pub(super) fn of_plpgsql(create: &str) -> Option<Self> {
        let parsed = pg_query::parse_plpgsql(create).ok()?;
        let mut queries = Vec::new();
        texts(&parsed, "query", &mut queries);
        let mut out = Self::default();
        for query in queries {
            let found = Self::of(query)
                .or_else(|| Self::of(&format!("SELECT {query}")))
                .or_else(|| {
                    let (_, value) = query.split_once(":=")?;
                    Self::of(&format!("SELECT {value}"))
                });
            out.add(found.unwrap_or_else(|| Self::of_words(query)));
        }
        // Statements that are put together from text.
        for text in std::mem::take(&mut out.strings) {
            if text.contains(char::is_whitespace) {
                out.add(Self::of(&text).unwrap_or_else(|| Self::of_words(&text)));
            }
            out.strings.push(text);
        }
        Some(out)
    }

    /// Reads names from what cannot be parsed.
    pub(super) fn of_words(text: &str) -> Self {
        let mut out = Self::default();
        let Ok(scanned) = pg_query::scan(text) else {
            return out;
        };
        let mut goes_on = false;
        for token in scanned.tokens {
            let range = usize::try_from(token.start).unwrap_or(0)..usize::try_from(token.end).unwrap_or(0);
            let Some(said) = text.get(range) else { continue };
            match token.token() {
                Token::Ascii46 => goes_on = true,
                Token::Sconst | Token::Iconst | Token::Fconst => goes_on = false,
                _ if said.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"') => {
                    let name = if said.starts_with('"') {
                        said.trim_matches('"').replace("\"\"", "\"")
                    } else {
                        said.to_lowercase()
                    };
                    match out.words.last_mut().filter(|_| goes_on) {
                        Some(path) => path.push(name),
                        None => out.words.push(vec![name]),
                    }
                    goes_on = false;
                }
                _ => goes_on = false,
            }
        }
        out
    }

    fn of_parsed(parsed: &ParseResult) -> Self {
        let mut out = Self::default();
        if let Ok(tree) = serde_json::to_value(&parsed.protobuf) {
            out.walk(&tree);
        }
        out
    }

    fn add(&mut self, other: Self) {
        self.relations.extend(other.relations);
        self.own.extend(other.own);
        self.columns.extend(other.columns);
        self.targets.extend(other.targets);
        self.functions.extend(other.functions);
        self.types.extend(other.types);
        self.strings.extend(other.strings);
        self.words.extend(other.words);
    }

    /// Walks the tree as data: nodes are told by the fields that only they have.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(fields) => {
                self.node(fields);
                fields.values().for_each(|field| self.walk(field));
            }
            _ => {}
        }
    }

    fn node(&mut self, fields: &Map<String, Value>) {
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        if let (Some(name), Some(schema)) = (text("relname"), text("schemaname")) {
            let alias = fields
                .get("alias")
                .and_then(|alias| alias.get("aliasname"))
                .and_then(Value::as_str);
            self.relations.push(Relation {
                schema,
                name,
                alias: alias.map(str::to_owned),
            });
        }
        self.own.extend(text("ctename"));
        self.columns.extend(fields.get("fields").map(names));
        self.functions.extend(fields.get("funcname").map(names));
        if fields.contains_key("type_oid") {
            self.types.extend(fields.get("names").map(names));
        }
        if let Some(said) = fields
            .get("Sval")
            .and_then(|constant| constant.get("sval"))
            .and_then(Value::as_str)
        {
            self.strings.push(said.to_owned());
        }
        // The columns of an `INSERT`, and what an `UPDATE`, a `MERGE` or an `ON CONFLICT` sets.
        let sets = ["relation", "command_type", "infer"]
            .iter()
            .any(|key| fields.contains_key(*key));
        for list in ["cols", "target_list"]
            .iter()
            .filter(|_| sets)
            .filter_map(|key| fields.get(*key))
        {
            let mut set = Vec::new();
            texts_of_targets(list, &mut set);
            self.targets.extend(set);
        }
    }

    /// Tells whether the subject is named; to a trigger's function `new` and `old` are rows of the subject's table.
    pub(super) fn name(&self, subject: &Subject, of_trigger: bool) -> bool {
        let is = |path: &[String]| match path {
            [name] => *name == subject.name,
            [.., schema, name] => *schema == subject.schema && *name == subject.name,
            [] => false,
        };
        match subject.sort {
            Sort::Index => false,
            Sort::Relation => {
                self.relations(subject).next().is_some()
                    || self.words.iter().any(|path| is(path))
                    || self
                        .strings
                        .iter()
                        .any(|text| is(&text.split('.').map(str::to_owned).collect::<Vec<_>>()))
            }
            Sort::Routine => self.functions.iter().chain(&self.words).any(|path| is(path)),
            Sort::Type => self.types.iter().chain(&self.words).any(|path| is(path)),
            Sort::Column => subject
                .column
                .as_deref()
                .is_some_and(|column| self.names_column(subject, column, of_trigger)),
        }
    }

    fn relations<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Relation> {
        self.relations.iter().filter(|relation| {
            let is_own = relation.schema.is_empty() && self.own.contains(&relation.name);
            let is_there = relation.schema.is_empty() || relation.schema == subject.schema;
            relation.name == subject.name && is_there && !is_own
        })
    }

    fn names_column(&self, subject: &Subject, column: &str, of_trigger: bool) -> bool {
        let rows: BTreeSet<&str> = self
            .relations(subject)
            .map(|relation| relation.alias.as_deref().unwrap_or(&relation.name))
            .collect();
        let reads = |path: &Vec<String>| match path.as_slice() {
            [name] => !rows.is_empty() && (name == column || name == "*"),
            [.., row, name] => rows.contains(row.as_str()) && (name == column || name == "*"),
            [] => false,
        };
        let of_row = |path: &Vec<String>| match path.as_slice() {
            [.., row, name] => of_trigger && (row == "new" || row == "old") && name == column,
            _ => false,
        };
        let said = |path: &Vec<String>| path.last().is_some_and(|last| last == column);
        let near = || !rows.is_empty() || self.words.iter().any(|path| path.contains(&subject.name));
        self.columns.iter().any(|path| reads(path) || of_row(path))
            || self.words.iter().any(of_row)
            || (!rows.is_empty() && self.targets.contains(column))
            || (self.words.iter().any(said) && near())
    }
}

fn is_data(parsed: &ParseResult) -> bool {
    let nodes = parsed
        .protobuf
        .stmts
        .iter()
        .filter_map(|statement| statement.stmt.as_ref()?.node.as_ref());
    let mut sorts = nodes.map(|node| {
        matches!(
            node,
            NodeEnum::SelectStmt(_)
                | NodeEnum::InsertStmt(_)
                | NodeEnum::UpdateStmt(_)
                | NodeEnum::DeleteStmt(_)
                | NodeEnum::MergeStmt(_)
                | NodeEnum::CopyStmt(_)
                | NodeEnum::CallStmt(_)
        )
    });
    sorts.any(|is_data| is_data)
}

/// Returns the names of a dotted name.
fn names(list: &Value) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |item: &Value| {
        let node = item.get("node")?;
        match node.get("String") {
            Some(text) => text.get("sval")?.as_str().map(str::to_owned),
            None => node.get("AStar").map(|_| "*".to_owned()),
        }
    };
    items.iter().filter_map(name).collect()
}

fn texts_of_targets(list: &Value, out: &mut Vec<String>) {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |item: &Value| {
        item.get("node")?
            .get("ResTarget")?
            .get("name")?
            .as_str()
            .map(str::to_owned)
    };
    out.extend(items.iter().filter_map(name));
}

/// Collects the texts that stand under a key anywhere in a tree.
fn texts<'a>(tree: &'a Value, key: &str, out: &mut Vec<&'a str>) {
    match tree {
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, out)),
        Value::Object(fields) => {
            out.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|field| texts(field, key, out));
        }
        _ => {}
    }
}
