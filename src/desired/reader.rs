//! Reads the statements of one file in order: which settings and which transaction they stand in.

use std::collections::BTreeMap;
use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::{TransactionStmtKind, a_const};
use rayon::prelude::*;

use super::classify::{Class, Setting, class_of_text, classify, is_about_roles, leading_words};
use super::declare::{Collector, Declared, dropped};
use super::hints::{self, Hint};
use super::place::SourceText;
use super::roles::Roles;
use super::source::TargetFile;
use super::statement::{Note, Piece, SettingStatement, Settings, Statement, Unit, parse, split};
use super::{psql, subscription};
use crate::error::{Error, Result};

/// Statements whose trees are in memory at once: enough for all processors.
const AT_ONCE: usize = 128;

/// Splits a file and reads its statements, notes and hints.
pub(super) fn read_file(index: usize, file: &TargetFile) -> Result<(SourceText, FileReader)> {
    let script = psql::scan(&file.text);
    let source = SourceText::new(file.path.clone(), file.text.clone(), script.text);
    let pieces = split(&source)?;
    let mut reader = FileReader {
        file: index,
        ..FileReader::default()
    };
    for (offset, text) in script.notes {
        reader.notes.push(Note {
            place: source.place(offset),
            text: format!("{text}."),
        });
    }
    for together in pieces.chunks(AT_ONCE) {
        let units: Vec<Unit> = together.par_iter().map(Piece::parse).collect();
        units.iter().try_for_each(|unit| reader.read(&source, unit))?;
    }
    reader.hints = hints::collect(&source, &pieces, &reader.all_declared)?;
    reader.note_skipped(&source);
    Ok((source, reader))
}

/// Reads the statements of one file in order and keeps what is in force.
#[derive(Default)]
pub(super) struct FileReader {
    file: usize,
    /// Statements to execute.
    pub statements: Vec<Statement>,
    /// What was passed over.
    pub notes: Vec<Note>,
    /// Hints.
    pub hints: Vec<Hint>,
    /// Roles that the file names.
    pub roles: Roles,
    /// Statements passed over: leading words and reason, to the first one's offset and their number.
    skipped: BTreeMap<(String, &'static str), (usize, usize)>,
    all_declared: Vec<Declared>,
    session: Vec<Arc<SettingStatement>>,
    settings: Settings,
    transaction: Option<Began>,
    /// Whether the file says that its bytes are of the encoding Latin-1 from here on.
    is_latin1: bool,
}

/// What a `ROLLBACK` goes back to.
struct Began {
    statements: usize,
    session: Vec<Arc<SettingStatement>>,
    savepoints: Vec<(String, usize)>,
}

impl FileReader {
    /// Begins a file whose statements are made of something else than SQL.
    pub(super) fn of(file: usize) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// Notes what was passed over.
    pub(super) fn note_skipped(&mut self, source: &SourceText) {
        let skipped = std::mem::take(&mut self.skipped);
        self.notes
            .extend(skipped.iter().map(|((word, why), (first, count))| Note {
                place: source.place(*first),
                text: if *count == 1 {
                    format!("`{word}` is skipped: it {why}.")
                } else {
                    format!("`{word}` is skipped, {count} times in this file: it {why}.")
                },
            }));
    }

    /// Reads a statement that was made of something else than SQL and stands at an offset; `place` knows where named
    /// parts of it stand.
    pub(super) fn read_made(
        &mut self,
        source: &SourceText,
        (order, offset, sql, settings): (usize, usize, &str, &Settings),
        place: impl Fn(&[String]) -> Option<usize>,
    ) -> Result<()> {
        let before = self.statements.len();
        self.settings = settings.clone();
        let node = parse(sql);
        self.read(
            source,
            &Unit {
                offset,
                text: sql,
                node,
            },
        )?;
        for statement in &mut self.statements[before..] {
            statement.rewritten = true;
            statement.order = Some(order);
            for declared in &mut statement.declares {
                let within = declared.offset - offset;
                declared.offset = place(&declared.path).unwrap_or(offset);
                statement.parts.push((within, declared.offset));
            }
            statement.parts.sort_unstable();
        }
        Ok(())
    }

    fn read(&mut self, source: &SourceText, unit: &Unit<'_>) -> Result<()> {
        let class = unit.node.as_ref().map_or_else(|| class_of_text(unit.text), classify);
        if let Some(node) = &unit.node {
            self.roles.collect(node);
            source.hide_secrets_of(node);
        }
        match class {
            Class::Define => self.define(unit),
            Class::Setting(setting) => self.set(unit, setting),
            Class::Transaction(kind, savepoint) => self.transaction(source, unit.offset, kind, &savepoint),
            Class::Silent => {}
            Class::Skip(why) => {
                let seen = self
                    .skipped
                    .entry((leading_words(unit.text), why))
                    .or_insert((unit.offset, 0));
                seen.1 += 1;
            }
            Class::Refuse(why) => {
                let place = source.place(unit.offset);
                let words = leading_words(unit.text);
                let mut error = Error::target(format!("{place}: `{words}` has no place in a schema")).hint(why);
                error.detail = source.show(unit.offset);
                return Err(error);
            }
        }
        Ok(())
    }

    fn define(&mut self, unit: &Unit<'_>) {
        let schema = self.default_schema();
        let mut collector = Collector {
            default_schema: schema.as_deref(),
            offset: unit.offset,
            found: Vec::new(),
        };
        let mut statement = Statement {
            file: self.file,
            offset: unit.offset,
            sql: unit.text.trim_end().to_owned(),
            rewritten: false,
            parts: Vec::new(),
            declares: Vec::new(),
            drops: Vec::new(),
            settings: self.settings.clone(),
            order: None,
            alone: false,
            reaches_cluster: false,
            runs_code: false,
        };
        if let Some(node) = &unit.node {
            collector.collect(node);
            statement.declares = collector.found;
            statement.drops = dropped(node, schema.as_deref());
            statement.alone = is_alone(node);
            statement.runs_code = matches!(node, NodeEnum::DoStmt(_));
            statement.reaches_cluster =
                matches!(node, NodeEnum::ReassignOwnedStmt(_) | NodeEnum::DropOwnedStmt(_)) || is_about_roles(node);
            if let Some(sql) = subscription::without_connection(node) {
                (statement.sql, statement.rewritten) = (sql, true);
            }
        }
        if self.is_latin1 && !statement.sql.is_ascii() {
            (statement.sql, statement.rewritten) = (from_latin1(&statement.sql), true);
        }
        self.all_declared.extend(statement.declares.iter().cloned());
        self.statements.push(statement);
    }

    fn set(&mut self, unit: &Unit<'_>, setting: Setting) {
        if setting.local && self.transaction.is_none() {
            return;
        }
        let Some(name) = setting.name else {
            // `RESET ALL` leaves the role alone.
            self.is_latin1 = false;
            self.keep(|kept| is_role(&kept.name), true);
            return;
        };
        if name == "client_encoding" {
            self.is_latin1 = setting.values.iter().any(|value| is_latin1(value));
            return;
        }
        if is_role(&name) {
            setting.values.iter().for_each(|role| self.roles.session(role));
        }
        let replaced = name.clone();
        let clears_role = name == "session_authorization";
        self.keep(
            |kept| kept.name != replaced && !(clears_role && kept.name == "role"),
            !setting.local,
        );
        if setting.reset {
            return;
        }
        let sql = if setting.local {
            for_session(unit)
        } else {
            unit.text.trim_end().to_owned()
        };
        let made = Arc::new(SettingStatement {
            file: self.file,
            offset: unit.offset,
            sql,
            name,
            values: setting.values,
        });
        if !setting.local {
            self.session.push(made.clone());
        }
        self.settings = self.settings.iter().cloned().chain([made]).collect();
    }

    fn keep(&mut self, keeps: impl Fn(&SettingStatement) -> bool, for_session: bool) {
        if for_session {
            self.session.retain(|kept| keeps(kept));
        }
        self.settings = self.settings.iter().filter(|kept| keeps(kept)).cloned().collect();
    }

    fn transaction(&mut self, source: &SourceText, offset: usize, kind: TransactionStmtKind, savepoint: &str) {
        use TransactionStmtKind as K;
        match kind {
            K::TransStmtBegin | K::TransStmtStart => {
                let (statements, session) = (self.statements.len(), self.session.clone());
                self.transaction.get_or_insert(Began {
                    statements,
                    session,
                    savepoints: Vec::new(),
                });
            }
            K::TransStmtSavepoint => {
                let statements = self.statements.len();
                self.transaction
                    .iter_mut()
                    .for_each(|t| t.savepoints.push((savepoint.to_owned(), statements)));
            }
            K::TransStmtRollbackTo => {
                let kept = self
                    .transaction
                    .iter()
                    .flat_map(|t| t.savepoints.iter().rev())
                    .find(|(name, _)| name == savepoint);
                if let Some(kept) = kept.map(|(_, statements)| *statements) {
                    self.roll_back(source, offset, kept);
                }
            }
            K::TransStmtRollback => {
                if let Some(began) = self.transaction.take() {
                    self.session = began.session;
                    self.roll_back(source, offset, began.statements);
                }
                self.settings = self.session.iter().cloned().collect();
            }
            K::TransStmtCommit | K::TransStmtPrepare => {
                self.transaction = None;
                self.settings = self.session.iter().cloned().collect();
            }
            _ => {}
        }
    }

    fn roll_back(&mut self, source: &SourceText, offset: usize, kept: usize) {
        let undone = self.statements.len().saturating_sub(kept);
        self.statements.truncate(kept);
        if undone > 0 {
            let text = format!("`ROLLBACK` undoes the {undone} statements before it; they are not part of the target.");
            self.notes.push(Note {
                place: source.place(offset),
                text,
            });
        }
    }

    /// Returns the schema in which a name without one is created, as far as the file itself says.
    fn default_schema(&self) -> Option<String> {
        let Some(path) = self.settings.iter().rev().find(|setting| setting.name == "search_path") else {
            return Some("public".to_owned());
        };
        path.values
            .iter()
            .find(|schema| !schema.is_empty() && *schema != "$user")
            .cloned()
    }
}

pub(super) fn is_role(name: &str) -> bool {
    matches!(name, "role" | "session_authorization")
}

/// Tells whether an encoding is Latin-1, by any of the names that PostgreSQL knows; case and punctuation do not count.
fn is_latin1(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain = letters.collect::<String>().to_ascii_lowercase();
    matches!(plain.as_str(), "latin1" | "iso88591")
}

/// Returns what a server makes of bytes that it is told are Latin-1: each is a character.
fn from_latin1(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

/// Rewrites a setting for a transaction into one for the session: each statement runs in a transaction of its own.
fn for_session(unit: &Unit<'_>) -> String {
    let mut node = unit.node.clone();
    match &mut node {
        Some(NodeEnum::VariableSetStmt(set)) => set.is_local = false,
        Some(NodeEnum::SelectStmt(select)) => {
            let targets = select
                .target_list
                .iter_mut()
                .filter_map(|target| match &mut target.node {
                    Some(NodeEnum::ResTarget(target)) => target.val.as_mut(),
                    _ => None,
                });
            for value in targets {
                if let Some(NodeEnum::FuncCall(call)) = &mut value.node
                    && let Some(NodeEnum::AConst(local)) = call.args.last_mut().and_then(|arg| arg.node.as_mut())
                    && let Some(a_const::Val::Boolval(local)) = &mut local.val
                {
                    local.boolval = false;
                }
            }
        }
        _ => {}
    }
    node.and_then(|node| node.deparse(pg_query::DeparseOptions::default()).ok())
        .unwrap_or_else(|| unit.text.to_owned())
}

/// Tells whether a statement must not, or had better not, share a transaction with others.
fn is_alone(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::IndexStmt(index) => index.concurrent,
        NodeEnum::DropStmt(drop) => drop.concurrent,
        NodeEnum::AlterEnumStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_)
        | NodeEnum::DoStmt(_) => true,
        NodeEnum::AlterTableStmt(alter) => alter.cmds.iter().any(|command| {
            matches!(&command.node, Some(NodeEnum::AlterTableCmd(command))
                if command.subtype() == pg_query::protobuf::AlterTableType::AtDetachPartition)
        }),
        _ => false,
    }
}
