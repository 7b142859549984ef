//! Steps to batches: what runs in one transaction, and what runs outside any.

use super::blockers::Needs;
use crate::kinds::Transaction;
use crate::plan::{Sentence, Step};

/// One statement with its places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    /// Place in the execution.
    pub(crate) ordinal: i32,
    /// Index of the step.
    pub(crate) step: usize,
    /// Index within the step.
    pub(crate) statement: usize,
    /// The statement.
    pub(crate) sentence: &'a Sentence,
}

/// Statements that stand or fall together.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// Whether they run in a transaction block; a batch outside one has one statement.
    pub(crate) in_transaction: bool,
    /// In order, never empty.
    pub(crate) items: Vec<Item<'a>>,
}

impl Batch<'_> {
    /// Returns what it needs of others.
    pub(crate) fn needs(&self) -> Needs {
        Needs::of(self.items.iter().map(|item| &item.sentence.facts), self.in_transaction)
    }
}

/// Returns every statement of the steps with its places.
pub(crate) fn items(steps: &[Step]) -> Vec<Item<'_>> {
    let all = steps.iter().enumerate().flat_map(|(step, of)| {
        let statements = of.statements.iter().enumerate();
        statements.map(move |(statement, sentence)| (step, statement, sentence))
    });
    (0..)
        .zip(all)
        .map(|(ordinal, (step, statement, sentence))| Item {
            ordinal,
            step,
            statement,
            sentence,
        })
        .collect()
}

/// Groups statements, in their order, by the transactions that the plan gives their steps.
pub(crate) fn batches<'a>(steps: &[Step], items: &[Item<'a>]) -> Vec<Batch<'a>> {
    let mut out: Vec<Batch<'a>> = Vec::new();
    let mut open: Option<usize> = None;
    for item in items {
        let stand = item.sentence.facts.transaction;
        let transaction = steps[item.step].transaction;
        if stand == Transaction::Inside
            && open == Some(transaction)
            && let Some(last) = out.last_mut()
        {
            last.items.push(*item);
            continue;
        }
        open = (stand == Transaction::Inside).then_some(transaction);
        out.push(Batch {
            in_transaction: stand != Transaction::Outside,
            items: vec![*item],
        });
    }
    out
}
