//! Rules over SQL files that need no plan: what the text alone shows. What the statements do is judged by the risk rules,
//! on a scratch database.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ObjectType, RangeVar};
use serde::Serialize;

use super::directory::{Migration, Script};
use super::outlook::{attempt, rollback};
use super::program::{Line, Program};
use super::rate::{self, Placed, Rating};
use super::text_rules::TEXT_RULES;
use super::waiver;
use crate::db::{Server, Url};
use crate::desired::elaborate::Workshop;
use crate::desired::place::Place;
use crate::error::{Error, Result};
use crate::introspect;
use crate::prove::files::Bench;
use crate::reconcile::Setup;
use crate::risk::{Applied, Risk, Statistics};

/// One remark on a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remark {
    /// Code of the rule.
    pub code: String,
    /// Grade.
    pub risk: Risk,
    /// Statement.
    pub place: Place,
    /// What was found, as one full sentence.
    pub message: String,
    /// Safer way; empty where there is none.
    pub hint: String,
    /// Waiver, where the file has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<Applied>,
}

/// Files to be looked at, in the order in which they run.
#[derive(Debug, Clone, Default)]
pub struct Linted {
    /// Migrations, or files that are none.
    pub migrations: Vec<Migration>,
    /// Whether a missing rollback is worth a remark.
    pub wants_rollbacks: bool,
}

/// Judges files: by their text, and by what they do on a scratch database, which begins as the live one where that is
/// given. Returns remarks by place, and notes about what could not be tried.
pub fn lint(setup: &Setup, files: &Linted, live: Option<&Url>) -> Result<(Vec<Remark>, Vec<String>)> {
    let mut out = Vec::new();
    let mut programs = Vec::new();
    for migration in &files.migrations {
        let program = Program::read(&migration.forward, migration.header.no_transaction)?;
        rollback(migration)?;
        text(migration, &program, files.wants_rollbacks, &mut out)?;
        programs.push(program);
    }
    let mut notes = Vec::new();
    if setup.prove {
        trial(setup, live, &programs, &mut out, &mut notes)?;
    }
    out.sort_by(|a, b| (&a.place, &a.code).cmp(&(&b.place, &b.code)));
    out.dedup_by(|b, a| a.code == b.code && a.place == b.place && a.message == b.message);
    Ok((out, notes))
}

/// Runs the files on scratch and judges what they do.
fn trial(
    setup: &Setup,
    live: Option<&Url>,
    programs: &[Program],
    out: &mut Vec<Remark>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let mut client = live.map(Url::connect).transpose()?;
    let server = client.as_mut().map(Server::read).transpose()?;
    let state = match (live, &mut client, &server) {
        (Some(url), Some(client), Some(server)) => {
            Some(introspect::read(url, client, server, introspect::Options::default())?)
        }
        _ => None,
    };
    let workshop = Workshop {
        scratch: &setup.scratch,
        machine: &setup.machine,
        live: live.zip(server.as_ref()),
        like: None,
        cache: setup.cache,
        pool: None,
    };
    let mut bench = Bench::open(&workshop, state.as_ref(), None)?;
    for program in programs {
        let tried = bench.file(&attempt(&program.lines, &program.blocks), None)?;
        if let Some(failed) = &tried.failure {
            let place = program.lines.get(failed.at).map(|line| line.place.to_string());
            notes.push(format!(
                "{}: failed on scratch ({}); what it and the files after it do was not judged.",
                place.unwrap_or_default(),
                failed.message
            ));
            return Ok(());
        }
        let rating = Rating::new(&rate::Script::of([program]), &tried, &workshop);
        let figures = match (&mut client, &state) {
            (Some(client), Some(state)) => {
                let known = rating
                    .touched()
                    .into_iter()
                    .filter(|table| state.contains(table))
                    .collect();
                crate::risk::statistics(client, &known, &[])?
            }
            _ => Statistics::default(),
        };
        let found = rating.findings(&rate::Script::of([program]), &figures, &setup.rulings)?;
        out.extend(found.into_iter().map(remark));
    }
    Ok(())
}

fn remark(placed: Placed) -> Remark {
    let finding = placed.finding;
    Remark {
        waived: finding.ruling.clone().filter(|_| finding.is_waived()),
        code: finding.code,
        risk: finding.risk,
        place: placed.place,
        message: finding.message,
        hint: finding.hint,
    }
}

/// Judges the text of one file.
fn text(migration: &Migration, program: &Program, wants_rollbacks: bool, out: &mut Vec<Remark>) -> Result<()> {
    let mut file = File {
        program,
        made: BTreeSet::new(),
        out,
    };
    if wants_rollbacks && migration.rollback.is_none() && !migration.is_repeatable() {
        file.whole(
            "TU802",
            &migration.forward,
            "The migration has no rollback.",
            "Write one, in the layout of the folder.",
        )?;
    }
    let sets_limit = program.lines.iter().any(sets_timeout) || migration.header.timeout.is_some();
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for (number, block) in program.blocks.iter().enumerate() {
        let mut locked: Option<String> = None;
        for line in &program.lines[block.first..block.first + block.count] {
            let again = !block.in_transaction || program.blocks.len() > 1 && number + 1 < program.blocks.len();
            file.line(line, again, &mut locked)?;
            if let Some(name) = target(line) {
                changed.insert(name);
            }
            file.remember(line);
        }
    }
    if changed.len() > 1 {
        let names: Vec<String> = changed.iter().map(|name| format!("`{name}`")).collect();
        file.whole(
            "TU803",
            &migration.forward,
            &format!("The file changes {} tables: {}.", changed.len(), names.join(", ")),
            "One change per file can be taken back, and put off, by itself.",
        )?;
    }
    if !sets_limit && !changed.is_empty() {
        file.whole(
            "TU807",
            &migration.forward,
            "The file sets no `lock_timeout` and no `statement_timeout`.",
            "trueup sets `lock_timeout` whenever it runs files; another runner needs `SET lock_timeout = '5s';` at the top.",
        )?;
    }
    Ok(())
}

struct File<'a> {
    program: &'a Program,
    /// Tables that the file itself makes: nobody waits for them.
    made: BTreeSet<String>,
    out: &'a mut Vec<Remark>,
}

impl File<'_> {
    fn whole(&mut self, code: &str, script: &Script, message: &str, hint: &str) -> Result<()> {
        let place = Place {
            file: script.path.clone(),
            line: 1,
            column: 1,
        };
        match self.program.lines.first() {
            Some(line) => {
                let waived = waiver::find(code, self.program, line)?;
                self.push(code, place, message, hint, waived);
            }
            None => self.push(code, place, message, hint, None),
        }
        Ok(())
    }

    fn at(&mut self, code: &str, line: &Line, message: &str, hint: &str) -> Result<()> {
        let waived = waiver::find(code, self.program, line)?;
        self.push(code, line.place.clone(), message, hint, waived);
        Ok(())
    }

    fn push(&mut self, code: &str, place: Place, message: &str, hint: &str, waived: Option<Applied>) {
        let rule = TEXT_RULES.iter().find(|rule| rule.code == code);
        let risk = rule.map_or(Risk::Caution, |rule| rule.risk);
        self.out.push(Remark {
            code: code.to_owned(),
            risk,
            place,
            message: message.to_owned(),
            hint: hint.to_owned(),
            waived: waived.map(|waived| Applied { was: risk, ..waived }),
        });
    }

    fn line(&mut self, line: &Line, again: bool, locked: &mut Option<String>) -> Result<()> {
        use NodeEnum as N;
        let Some(node) = &line.node else { return Ok(()) };
        let table = target(line);
        let is_new = table.as_ref().is_some_and(|table| self.made.contains(table));
        match node {
            N::IndexStmt(index) if !index.concurrent && !is_new => self.at(
                "TU805",
                line,
                "An index is built without `CONCURRENTLY`: writes wait until it is done.",
                "Write `CREATE INDEX CONCURRENTLY`; trueup runs it outside of the file's transaction.",
            )?,
            N::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectIndex && !drop.concurrent => self.at(
                "TU805",
                line,
                "An index is dropped without `CONCURRENTLY`: reads and writes wait for the lock.",
                "Write `DROP INDEX CONCURRENTLY`.",
            )?,
            _ => {}
        }
        if again && !can_run_again(node) {
            self.at(
                "TU801",
                line,
                "The statement is not rolled back with the file, and fails when it runs again.",
                "Add `IF NOT EXISTS` or `IF EXISTS`.",
            )?;
        }
        if let Some(name) = unqualified(node) {
            self.at(
                "TU804",
                line,
                &format!("`{name}` is named without a schema: which one is meant depends on the session."),
                "Write the schema.",
            )?;
        }
        if let Some(table) = locked.as_ref().filter(|_| takes_time(node)) {
            let message = format!("The statement runs while `{table}` is locked by an earlier one of its transaction.");
            self.at("TU806", line, &message, "Put it into a file of its own.")?;
        }
        if locks(node) && !is_new {
            *locked = locked.take().or(table);
        }
        Ok(())
    }

    fn remember(&mut self, line: &Line) {
        if let (Some(NodeEnum::CreateStmt(_) | NodeEnum::CreateTableAsStmt(_)), Some(name)) = (&line.node, target(line))
        {
            self.made.insert(name);
        }
    }
}

fn name(relation: &RangeVar) -> String {
    if relation.schemaname.is_empty() {
        relation.relname.clone()
    } else {
        format!("{}.{}", relation.schemaname, relation.relname)
    }
}

/// Returns the table that a statement changes.
fn target(line: &Line) -> Option<String> {
    use NodeEnum as N;
    let relation = match line.node.as_ref()? {
        N::CreateStmt(create) => create.relation.as_ref(),
        N::AlterTableStmt(alter) => alter.relation.as_ref(),
        N::IndexStmt(index) => index.relation.as_ref(),
        N::RenameStmt(rename) => rename.relation.as_ref(),
        N::CreateTrigStmt(create) => create.relation.as_ref(),
        N::CreateTableAsStmt(create) => create.into.as_ref().and_then(|into| into.rel.as_ref()),
        _ => None,
    };
    relation.map(name)
}

fn unqualified(node: &NodeEnum) -> Option<String> {
    use NodeEnum as N;
    let relation = match node {
        N::CreateStmt(create) => create.relation.as_ref().filter(|own| own.relpersistence != "t"),
        N::AlterTableStmt(alter) => alter.relation.as_ref(),
        N::ViewStmt(view) => view.view.as_ref(),
        N::CreateSeqStmt(create) => create.sequence.as_ref(),
        N::DropStmt(drop) => return drop.objects.iter().find_map(bare),
        _ => None,
    };
    relation
        .filter(|own| own.schemaname.is_empty())
        .map(|own| own.relname.clone())
}

/// Returns the name of a dropped object that has one part only.
fn bare(object: &Node) -> Option<String> {
    let Some(NodeEnum::List(path)) = &object.node else {
        return None;
    };
    match path.items.as_slice() {
        [
            Node {
                node: Some(NodeEnum::String(name)),
            },
        ] => Some(name.sval.clone()),
        _ => None,
    }
}

fn can_run_again(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    match node {
        N::CreateStmt(create) => create.if_not_exists,
        N::IndexStmt(index) => index.if_not_exists,
        N::CreateSchemaStmt(create) => create.if_not_exists,
        N::CreateSeqStmt(create) => create.if_not_exists,
        N::CreateExtensionStmt(create) => create.if_not_exists,
        N::CreateTableAsStmt(create) => create.if_not_exists,
        N::AlterEnumStmt(alter) => alter.skip_if_new_val_exists || alter.new_val.is_empty(),
        N::DropStmt(drop) => drop.missing_ok,
        N::ViewStmt(view) => view.replace,
        N::CreateFunctionStmt(create) => create.replace,
        _ => true,
    }
}

/// Tells whether a statement keeps readers or writers of a table away until its transaction ends.
fn locks(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    match node {
        N::AlterTableStmt(_) | N::TruncateStmt(_) | N::LockStmt(_) => true,
        N::DropStmt(drop) => drop.remove_type() == ObjectType::ObjectTable,
        N::RenameStmt(rename) => rename.relation.is_some(),
        _ => false,
    }
}

/// Tells whether a statement may take long.
fn takes_time(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    matches!(
        node,
        N::UpdateStmt(_)
            | N::DeleteStmt(_)
            | N::InsertStmt(_)
            | N::MergeStmt(_)
            | N::IndexStmt(_)
            | N::DoStmt(_)
            | N::CallStmt(_)
    )
}

fn sets_timeout(line: &Line) -> bool {
    matches!(&line.node, Some(NodeEnum::VariableSetStmt(set))
        if matches!(set.name.as_str(), "lock_timeout" | "statement_timeout"))
}

/// Makes files of any name into what can be looked at.
pub fn loose(paths: &[std::path::PathBuf]) -> Result<Vec<Migration>> {
    let mut out = Vec::new();
    for path in paths {
        let forward = super::directory::read_script(path)?;
        let header = super::Header::read(&forward.path, &forward.text)?;
        out.push(Migration {
            version: super::Version::of(u64::try_from(out.len()).unwrap_or(u64::MAX)),
            name: forward.path.clone(),
            forward,
            rollback: None,
            header,
            when: None,
        });
    }
    if out.is_empty() {
        return Err(Error::usage("no SQL file is named").hint("Pass files or folders."));
    }
    Ok(out)
}
