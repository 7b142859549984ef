//! Many migration files on a scratch database at once, for files of which nothing can be lost: nobody looks at single
//! statements, and the state is read once for all of them.

use super::files::{Attempt, Bench, Tried, difference};
use crate::error::Result;
use crate::kinds::Facts;

/// Longest text that goes to the server in one message.
const MOST_BYTES: usize = 256 * 1024;

impl Bench {
    /// Runs files forward; where each has a way back, also back, last first, and where others follow, forward again.
    /// `None`: something does not go as it should, and nobody knows how far the database is; the caller takes another one
    /// and fewer files.
    pub(crate) fn together(
        &mut self,
        files: &[(Attempt, Option<Attempt>)],
        others_follow: bool,
    ) -> Result<Option<Tried>> {
        let before = self.state().clone();
        let forward: Vec<&Attempt> = files.iter().map(|(forward, _)| forward).collect();
        if !self.all(&forward)? {
            return Ok(None);
        }
        self.look()?;
        let after = self.state().clone();
        let back: Option<Vec<&Attempt>> = files.iter().rev().map(|(_, back)| back.as_ref()).collect();
        if let Some(back) = back {
            if !self.all(&back)? {
                return Ok(None);
            }
            self.look()?;
            if difference(&before, self.state()).is_some() {
                return Ok(None);
            }
            if others_follow {
                if !self.all(&forward)? {
                    return Ok(None);
                }
                self.set_state(after.clone());
            }
        }
        let statements = files.iter().map(|(forward, _)| forward.sentences.len()).sum();
        Ok(Some(Tried {
            before,
            after,
            facts: vec![Facts::default(); statements],
            ..Tried::default()
        }))
    }

    /// Runs ways, as many in one message as fit; tells whether all went well.
    fn all(&mut self, ways: &[&Attempt]) -> Result<bool> {
        let mut sql = String::new();
        for (at, way) in ways.iter().enumerate() {
            self.append(way, &mut sql);
            if sql.len() < MOST_BYTES && at + 1 < ways.len() {
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
