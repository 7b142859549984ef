//! What a file does on scratch, judged by the risk rules: each finding at the statement that causes it.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ObjectType};
use serde::{Deserialize, Serialize};

use super::program::{Line, Program};
use crate::backfill::Backfills;
use crate::catalog::{Catalog, Identity};
use crate::desired::elaborate::Workshop;
use crate::desired::lex::{self, Piece};
use crate::desired::place::Place;
use crate::desired::replay::replay;
use crate::diff::{Hint, Rename, renames};
use crate::error::Result;
use crate::kinds::{Facts, Large, OldValues, Statement};
use crate::plan::{Change, Database, Phase, Plan, Reversal, Sentence, Sides, Step, Verb, draft};
use crate::prove::files::Tried;
use crate::risk::{Day, Finding, Look, Ruling, Statistics, apply_rulings, findings, touched};

/// A finding with its place.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Placed {
    /// Finding; its step is the index of the statement in the file.
    #[serde(flatten)]
    pub finding: Finding,
    /// Statement that causes it.
    pub place: Place,
}

/// The statements of one file, or of several that ran together.
pub(crate) struct Script<'a> {
    lines: Vec<(&'a Program, &'a Line)>,
    transactions: Vec<usize>,
}

impl<'a> Script<'a> {
    /// Puts files together.
    pub(crate) fn of(programs: impl IntoIterator<Item = &'a Program>) -> Self {
        let mut out = Self {
            lines: Vec::new(),
            transactions: Vec::new(),
        };
        let mut before = 0;
        for program in programs {
            out.lines.extend(program.lines.iter().map(|line| (program, line)));
            let blocks = program.blocks.iter().enumerate();
            out.transactions
                .extend(blocks.flat_map(|(at, block)| std::iter::repeat_n(before + at, block.count)));
            before += program.blocks.len();
        }
        out
    }
}

/// What files change, statement by statement.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Rating {
    #[serde(with = "crate::catalog::packed")]
    from: Catalog,
    #[serde(with = "crate::catalog::packed")]
    to: Catalog,
    /// One step per statement.
    pub(crate) steps: Vec<Step>,
}

impl Rating {
    /// Finds out which statement changed what.
    pub(crate) fn new(script: &Script, tried: &Tried, workshop: &Workshop) -> Self {
        let (before, after) = (&tried.before, &tried.after);
        let renamed = renames(&hints(script, before), before, after);
        let restated = if renamed.is_empty() {
            None
        } else {
            let sql: Vec<String> = renamed
                .iter()
                .flat_map(|rename| &rename.forward)
                .map(Statement::sql)
                .collect();
            // A rename that cannot be carried out alone is judged as what it looks like.
            replay(before, &sql, workshop).ok()
        };
        let known: &[Rename] = if restated.is_some() { &renamed } else { &[] };
        let from = restated.unwrap_or_else(|| before.clone());
        let plan = draft(
            Sides {
                live: before,
                from: &from,
                to: after,
                renames: known,
                large: Large::NONE,
                backfills: Backfills::NONE,
                old_values: OldValues::NONE,
            },
            database(after),
        );
        Self::assign(script, tried, plan, from)
    }

    fn assign(script: &Script, tried: &Tried, plan: Plan, from: Catalog) -> Self {
        let index = Index::of(script);
        let mut steps: Vec<Step> = script
            .lines
            .iter()
            .zip(&script.transactions)
            .enumerate()
            .map(|(at, ((_, line), transaction))| Step {
                changes: Vec::new(),
                phase: Phase::Structure,
                statements: vec![Sentence {
                    sql: line.sql.clone(),
                    facts: tried.facts.get(at).cloned().unwrap_or_default(),
                    estimate: None,
                }],
                transaction: *transaction,
                reversal: Reversal::Exact,
                form: None,
                temporary: Vec::new(),
            })
            .collect();
        for step in plan.forward {
            let Some(at) = step.changes.first().and_then(|change| index.best(change)) else {
                continue;
            };
            let own = &mut steps[at];
            own.phase = own.phase.max(step.phase);
            if own.reversal == Reversal::Exact {
                own.reversal = step.reversal;
            }
            let facts: &mut Facts = &mut own.statements[0].facts;
            for sentence in step.statements {
                facts.loss = facts.loss.take().or(sentence.facts.loss);
            }
            for change in step.changes {
                if !own.changes.contains(&change) {
                    own.changes.push(change);
                }
            }
        }
        Self {
            from,
            to: tried.after.clone(),
            steps,
        }
    }

    /// Takes the statements out, which may hold rows, so that the rest can be kept.
    pub(super) fn without_statements(mut self) -> Self {
        let sentences = self.steps.iter_mut().flat_map(|step| &mut step.statements);
        sentences.for_each(|sentence| sentence.sql.clear());
        self
    }

    /// Puts them in again; nothing where these are others.
    pub(super) fn with_statements(mut self, script: &Script) -> Option<Self> {
        if self.steps.len() != script.lines.len() {
            return None;
        }
        for (step, (_, line)) in self.steps.iter_mut().zip(&script.lines) {
            step.statements.first_mut()?.sql.clone_from(&line.sql);
        }
        Some(self)
    }

    /// Returns how many objects it holds.
    pub(super) fn size(&self) -> usize {
        self.from.objects.len() + self.to.objects.len()
    }

    /// Returns the objects whose live figures the rules ask for.
    pub(crate) fn touched(&self) -> BTreeSet<Identity> {
        touched(&self.steps, &self.from)
    }

    /// Judges the file.
    pub(crate) fn findings(&self, script: &Script, figures: &Statistics, rulings: &[Ruling]) -> Result<Vec<Placed>> {
        let mut found = findings(&Look::new(&self.from, &self.to, &self.steps, figures));
        apply_rulings(&mut found, rulings, [&self.from, &self.to], Day::today());
        let mut out = Vec::new();
        for mut finding in found {
            let Some((program, line)) = script.lines.get(finding.step) else {
                continue;
            };
            super::waiver::apply(&mut finding, program, line)?;
            out.push(Placed {
                finding,
                place: line.place.clone(),
            });
        }
        Ok(out)
    }
}

fn database(catalog: &Catalog) -> Database {
    Database {
        name: String::new(),
        system_identifier: None,
        version_num: catalog.version_num,
        time_zone: None,
        stand_in: None,
    }
}

/// Returns the names and strings of a statement that has been parsed. The server's scanner would hand over every token in an
/// encoded form, which takes as long as parsing.
pub(super) fn words(line: &Line) -> BTreeSet<String> {
    let (text, mut at) = (line.sql.as_str(), 0);
    let mut out = BTreeSet::new();
    while at < text.len() {
        let (piece, end) = lex::next(text.as_bytes(), at);
        let said = &text[at..end];
        let quoted = |quote: char| said.strip_prefix(quote)?.strip_suffix(quote);
        match piece {
            Piece::Word => _ = out.insert(said.to_lowercase()),
            Piece::Quoted => {
                let name = quoted('"').map(|name| name.replace("\"\"", "\""));
                let word = name.or_else(|| quoted('\'').map(str::to_owned));
                out.insert(word.unwrap_or_else(|| body(said).to_lowercase()));
            }
            _ => {}
        }
        at = end;
    }
    out
}

/// Returns what is between dollar quotes, or else the text.
fn body(said: &str) -> &str {
    let tag = said.strip_prefix('$').and_then(|rest| rest.find('$'));
    tag.and_then(|tag| said.get(tag + 2..said.len() - tag - 2))
        .unwrap_or(said)
}

/// Which statements say a word.
struct Index {
    lines: BTreeMap<String, Vec<usize>>,
    count: usize,
}

impl Index {
    fn of(script: &Script) -> Self {
        let mut lines: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, (_, line)) in script.lines.iter().enumerate() {
            for word in words(line) {
                lines.entry(word).or_default().push(at);
            }
        }
        Self {
            lines,
            count: script.lines.len(),
        }
    }

    /// Returns the statement that names the most of an object's path, its own name before what it belongs to: the last
    /// one for what is dropped, and else the first.
    fn best(&self, change: &Change) -> Option<usize> {
        let mut weights: BTreeMap<usize, usize> = BTreeMap::new();
        let mut parts: Vec<(usize, &str)> = Vec::new();
        for (at, part) in change.object.path.iter().enumerate() {
            // A name that stands in a path twice counts for its own place.
            parts.retain(|(_, earlier)| *earlier != part.as_str());
            parts.push((at + 1, part.as_str()));
        }
        for (weight, part) in parts {
            for line in self.lines.get(part).into_iter().flatten() {
                *weights.entry(*line).or_default() += weight;
            }
        }
        let best = weights.values().max().copied();
        let mut found = weights
            .iter()
            .filter(|(_, weight)| Some(**weight) == best)
            .map(|(line, _)| *line);
        match (change.verb == Verb::Drop, best) {
            (true, Some(_)) => found.next_back(),
            (false, Some(_)) => found.next(),
            (true, None) => self.count.checked_sub(1),
            (false, None) => (self.count > 0).then_some(0),
        }
    }
}

/// Returns what the statements rename, as hints would say it.
fn hints(script: &Script, before: &Catalog) -> Vec<Hint> {
    let rename = |line: &Line| {
        let NodeEnum::RenameStmt(rename) = line.node.as_ref()? else {
            return None;
        };
        let words = match rename.rename_type() {
            ObjectType::ObjectTable => "table",
            ObjectType::ObjectColumn => "column",
            ObjectType::ObjectIndex => "index",
            ObjectType::ObjectSequence => "sequence",
            ObjectType::ObjectView => "view",
            ObjectType::ObjectMatview => "materialized view",
            ObjectType::ObjectTabconstraint => "constraint",
            ObjectType::ObjectTrigger => "trigger",
            ObjectType::ObjectPolicy => "policy",
            ObjectType::ObjectType | ObjectType::ObjectDomain => "type",
            ObjectType::ObjectSchema => "schema",
            ObjectType::ObjectFunction => "function",
            _ => return None,
        };
        let new = rename.newname.clone();
        let (mut path, former) = match &rename.relation {
            Some(relation) => {
                let schema = Some(relation.schemaname.clone()).filter(|schema| !schema.is_empty());
                let schema = schema.or_else(|| schema_of(before, &relation.relname));
                let whole: Vec<String> = schema.into_iter().chain([relation.relname.clone()]).collect();
                (whole, rename.subname.clone())
            }
            None => match rename.object.as_deref().map(names) {
                Some(path) if !path.is_empty() => (path, String::new()),
                _ => (vec![rename.subname.clone()], String::new()),
            },
        };
        let former = if former.is_empty() { path.pop()? } else { former };
        path.push(new);
        Some(Hint {
            words: words.to_owned(),
            path,
            renamed_from: vec![former],
        })
    };
    script.lines.iter().filter_map(|(_, line)| rename(line)).collect()
}

fn names(node: &Node) -> Vec<String> {
    match &node.node {
        Some(NodeEnum::String(name)) => vec![name.sval.clone()],
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(names).collect(),
        Some(NodeEnum::TypeName(name)) => name.names.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// Returns the schema of a relation that is named without one.
fn schema_of(catalog: &Catalog, name: &str) -> Option<String> {
    let mut found = catalog.objects.keys().filter(|identity| identity.path.len() == 2);
    let own = found.find(|identity| identity.path[1] == name)?;
    own.path.first().map(ToString::to_string)
}
