//! Steps to batches: what runs in one transaction, and what runs outside any.

use crate::kinds::Transaction;
use crate::plan::{Sentence, Step};

/// One statement with its places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// Place in the execution.
    pub(super) ordinal: i32,
    /// Index of the step.
    pub(super) step: usize,
    /// Index within the step.
    pub(super) statement: usize,
    /// The statement.
    pub(super) sentence: &'a Sentence,
}

/// Statements that stand or fall together.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    /// Whether they run in a transaction block; a batch outside one has one statement.
    pub(super) in_transaction: bool,
    /// In order, never empty.
    pub(super) items: Vec<Item<'a>>,
}

/// Returns every statement of the steps with its places.
pub(super) fn items(steps: &[Step]) -> Vec<Item<'_>> {
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
pub(super) fn batches<'a>(steps: &[Step], items: &[Item<'a>]) -> Vec<Batch<'a>> {
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
