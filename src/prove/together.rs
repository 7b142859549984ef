//! Many migration files on a scratch database at once, for files of which nothing can be lost: nobody looks at single
//! statements, and the state is read once for all of them.

use super::files::{Attempt, Bench, Tried, difference};
use crate::error::Result;
use crate::kinds::Facts;

/// Longest text that goes to the server in one message.
const MOST_BYTES: usize = 256 * 1024;

impl Bench {
    /// Runs files forward. `None`: one of them fails, and nobody knows how far the database is; the caller takes another
    /// one and fewer files.
    pub(crate) fn together(&mut self, files: &[Attempt]) -> Result<Option<Tried>> {
        let before = self.state().clone();
        if !self.all(files.iter())? {
            return Ok(None);
        }
        self.look()?;
        let statements = files.iter().map(|forward| forward.sentences.len()).sum();
        Ok(Some(Tried {
            before,
            after: self.state().clone(),
            facts: vec![Facts::default(); statements],
            ..Tried::default()
        }))
    }

    /// Runs files back that have just run together, last first, and forward again where others follow. `false`: one of
    /// them fails, or that does not restore what was before.
    pub(crate) fn together_back(&mut self, back: &[Attempt], tried: &Tried, again: Option<&[Attempt]>) -> Result<bool> {
        if !self.all(back.iter().rev())? {
            return Ok(false);
        }
        self.look()?;
        if difference(&tried.before, self.state()).is_some() {
            return Ok(false);
        }
        again.map_or(Ok(true), |forward| self.all(forward.iter()))
    }

    /// Runs ways, as many in one message as fit; tells whether all went well.
    fn all<'a>(&mut self, ways: impl Iterator<Item = &'a Attempt<'a>>) -> Result<bool> {
        let mut sql = String::new();
        let mut ways = ways.peekable();
        while let Some(way) = ways.next() {
            self.append(way, &mut sql);
            if sql.len() < MOST_BYTES && ways.peek().is_some() {
                continue;
            }
            if let Err(error) = self.client().batch_execute(&sql) {
                return if error.as_db_error().is_some() {
                    Ok(false)
                } else {
                    Err(error.into())
                };
            }
            sql.clear();
        }
        Ok(true)
    }

    /// Appends a way with its settings and its transactions.
    fn append(&self, attempt: &Attempt, sql: &mut String) {
        sql.push_str(self.settings());
        sql.push_str(";\n");
        let mut sentences = attempt.sentences.iter();
        for (_, count) in &attempt.blocks {
            sql.push_str("BEGIN;\n");
            for sentence in sentences.by_ref().take(*count) {
                sql.push_str(sentence);
                sql.push_str(";\n");
            }
            sql.push_str("COMMIT;\n");
        }
    }
}
