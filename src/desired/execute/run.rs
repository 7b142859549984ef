//! The order of execution: batches first, then one by one, then what waited.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use postgres::error::DbError;

use super::blame;
use super::session::{Session, create_role};
use crate::desired::cycle;
use crate::desired::declare::Declared;
use crate::desired::statement::{Note, Settings, Statement, Target};
use crate::error::Result;
use crate::scratch::Stub;

/// Statements that are sent together; one refused statement costs the batch a second run.
const BATCH: usize = 100;

/// One execution of a target.
pub(super) struct Run<'a, 'c> {
    target: &'a Target,
    session: &'a mut Session<'c>,
    /// Statements that wait, with the server's last answer.
    waiting: BTreeMap<usize, Box<DbError>>,
    /// What the waiting statements will declare.
    awaited: BTreeSet<Vec<String>>,
    /// Foreign keys of tables that were made without them, by the table's statement.
    foreign_keys: Vec<(usize, String)>,
    notes: Vec<Note>,
}

impl<'a, 'c> Run<'a, 'c> {
    /// Prepares an execution.
    pub(super) fn new(target: &'a Target, session: &'a mut Session<'c>) -> Self {
        Self {
            target,
            session,
            waiting: BTreeMap::new(),
            awaited: BTreeSet::new(),
            foreign_keys: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Executes all statements and returns what there is to note.
    pub(super) fn run(mut self) -> Result<Vec<Note>> {
        let mut next = 0;
        while next < self.target.statements.len() {
            let batch = self.batch(next);
            next = batch.end;
            if batch.len() < 2 || !self.run_batch(batch.clone())? {
                for index in batch {
                    self.run_or_wait(index)?;
                }
            }
        }
        self.run_waiting()?;
        Ok(self.notes)
    }

    fn batch(&self, start: usize) -> Range<usize> {
        let statements = &self.target.statements[start..];
        let fits =
            |statement: &&Statement| !statement.alone && !statement.reaches_cluster && !self.must_wait(statement);
        let length = statements.iter().take(BATCH).take_while(fits).count();
        start..start + length.max(1)
    }

    /// Runs statements as one message, which is one transaction; tells whether all went well.
    fn run_batch(&mut self, batch: Range<usize>) -> Result<bool> {
        let mut sql = String::new();
        let mut settings = self.session.settings().clone();
        for statement in &self.target.statements[batch] {
            for (_, setting) in self.session.transition(&settings, &statement.settings) {
                sql.push_str(&setting);
                sql.push_str("\n;\n");
            }
            settings = statement.settings.clone();
            sql.push_str(&self.session.said_here(&statement.sql));
            // A comment at the end must not swallow the semicolon.
            sql.push_str("\n;\n");
        }
        let done = self.session.send(&sql)?.is_ok();
        if done {
            self.session.entered(&settings);
        }
        Ok(done)
    }

    /// Tells whether a statement would overtake a waiting one that is about the same object.
    fn must_wait(&self, statement: &Statement) -> bool {
        let touches = |declared: &Declared| self.awaited.contains(&declared.path);
        !self.awaited.is_empty() && (statement.declares.iter().any(touches) || statement.drops.iter().any(touches))
    }

    fn run_or_wait(&mut self, index: usize) -> Result<()> {
        let statement = &self.target.statements[index];
        if self.must_wait(statement) {
            let earlier = self.waiting.values().next().cloned();
            self.wait(index, earlier);
            return Ok(());
        }
        if let Err(refusal) = self.run_one(index)? {
            let out_of_order = !self.waiting.is_empty();
            if blame::is_final(&refusal) || (blame::is_duplicate(&refusal) && !out_of_order) {
                return Err(blame::error(self.target, &[(index, refusal)], self.session.own_cluster));
            }
            self.wait(index, Some(refusal));
        }
        Ok(())
    }

    fn wait(&mut self, index: usize, refusal: Option<Box<DbError>>) {
        let declares = &self.target.statements[index].declares;
        self.awaited
            .extend(declares.iter().map(|declared| declared.path.clone()));
        self.waiting.extend(refusal.map(|refusal| (index, refusal)));
    }

    /// Runs what waits, in order, until nothing is left or a round gets no further.
    fn run_waiting(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            let round = std::mem::take(&mut self.waiting);
            self.awaited.clear();
            let before = round.len();
            for (index, earlier) in round {
                if self.must_wait(&self.target.statements[index]) {
                    self.wait(index, Some(earlier));
                } else if let Err(refusal) = self.run_one(index)? {
                    self.wait(index, Some(refusal));
                }
            }
            if self.waiting.len() == before && !self.leave_blocks_about_rows() && !self.break_cycles()? {
                let left: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
                return Err(blame::error(self.target, &left, self.session.own_cluster));
            }
        }
        self.add_foreign_keys()
    }

    /// Gives up `DO` blocks that fail for want of rows, which a scratch database never has; tells whether there was one.
    fn leave_blocks_about_rows(&mut self) -> bool {
        let target = self.target;
        let about_rows =
            |index: &usize, refusal: &DbError| target.statements[*index].runs_code && blame::misses_rows(refusal);
        let (left, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(index, refusal)| about_rows(index, refusal));
        let left: BTreeMap<usize, Box<DbError>> = left;
        self.waiting = waiting;
        for (index, refusal) in &left {
            let statement = &target.statements[*index];
            let place = target.files[statement.file].place(statement.offset);
            let text = format!(
                "`DO` is skipped: it needs rows that a target does not hold ({}).",
                refusal.message()
            );
            self.notes.push(Note { place, text });
        }
        !left.is_empty()
    }

    /// Makes waiting tables without their foreign keys; tells whether there was one that could be made.
    fn break_cycles(&mut self) -> Result<bool> {
        let before = self.waiting.len();
        for (index, refusal) in std::mem::take(&mut self.waiting) {
            let statement = &self.target.statements[index];
            let misses_table = refusal.code() == &postgres::error::SqlState::UNDEFINED_TABLE;
            let split = if misses_table {
                cycle::split(&statement.sql)
            } else {
                None
            };
            let done = match &split {
                Some(split) => self.run_sql(statement, &split.table)?,
                None => Err(refusal),
            };
            match (done, split) {
                (Ok(()), Some(split)) => self.foreign_keys.push((index, split.foreign_keys)),
                (Err(refusal), _) => self.wait(index, Some(refusal)),
                (Ok(()), None) => {}
            }
        }
        Ok(self.waiting.len() < before)
    }

    fn add_foreign_keys(&mut self) -> Result<()> {
        let mut left = Vec::new();
        for (index, sql) in std::mem::take(&mut self.foreign_keys) {
            if let Err(refusal) = self.run_sql(&self.target.statements[index], &sql)? {
                left.push((index, refusal));
            }
        }
        if left.is_empty() {
            Ok(())
        } else {
            Err(blame::error(self.target, &left, self.session.own_cluster))
        }
    }

    /// Runs one statement with the settings of its place.
    fn run_one(&mut self, index: usize) -> Result<std::result::Result<(), Box<DbError>>> {
        let statement = &self.target.statements[index];
        if statement.reaches_cluster && !self.session.own_cluster {
            return Err(blame::reaches_cluster(self.target, statement));
        }
        if statement.runs_code && !self.session.own_cluster {
            return self.run_guarded(statement);
        }
        self.run_sql(statement, &statement.sql)
    }

    /// Runs a `DO` block on somebody's server: one that changes the number of roles there is undone and noted.
    fn run_guarded(&mut self, statement: &Statement) -> Result<std::result::Result<(), Box<DbError>>> {
        if let Err(refusal) = self.enter(&statement.settings)? {
            return Ok(Err(refusal));
        }
        let before = self.session.count_roles()?;
        self.session
            .send("BEGIN")?
            .map_err(|refusal| blame::unexpected(&refusal))?;
        let answer = self.session.send(&statement.sql)?;
        let keeps = answer.is_ok() && self.session.count_roles()? == before;
        let end = if keeps { "COMMIT" } else { "ROLLBACK" };
        if let Err(refusal) = self.session.send(end)? {
            return Ok(Err(refusal));
        }
        if answer.is_ok() && !keeps {
            let place = self.target.files[statement.file].place(statement.offset);
            let text =
                "`DO` is skipped: it makes or drops roles, and the scratch server is not trueup's own.".to_owned();
            self.notes.push(Note { place, text });
        }
        Ok(answer)
    }

    /// Runs SQL as if it stood at a statement's place.
    fn run_sql(&mut self, statement: &Statement, sql: &str) -> Result<std::result::Result<(), Box<DbError>>> {
        if let Err(refusal) = self.enter(&statement.settings)? {
            return Ok(Err(refusal));
        }
        let sql = self.session.said_here(sql);
        loop {
            let Err(refusal) = self.session.send(&sql)? else {
                return Ok(Ok(()));
            };
            if blame::is_already_there(statement, &refusal) {
                return Ok(Ok(()));
            }
            match blame::missing(&refusal) {
                Some(stub) if self.session.own_cluster => self.make_stub(&stub)?,
                _ => return Ok(Err(refusal)),
            }
        }
    }

    fn make_stub(&mut self, stub: &Stub) -> Result<()> {
        let sql = match stub {
            Stub::Role(role) => {
                self.session.stubs.insert(role.clone());
                vec![create_role(role, true)]
            }
            Stub::Tablespace(_) => stub.sql(),
        };
        let settings = self.session.settings().clone();
        self.session
            .send("RESET SESSION AUTHORIZATION; RESET ROLE")?
            .map_err(|refusal| blame::unexpected(&refusal))?;
        for sql in sql {
            self.session
                .send(&sql)?
                .map_err(|refusal| blame::unexpected(&refusal))?;
        }
        self.session.entered(&Settings::default());
        self.enter(&settings)?.map_err(|refusal| blame::unexpected(&refusal))
    }

    /// Brings the session to the settings of a place; a parameter that the server does not know is noted and left out.
    fn enter(&mut self, settings: &Settings) -> Result<std::result::Result<(), Box<DbError>>> {
        let from = self.session.settings().clone();
        for (setting, sql) in self.session.transition(&from, settings) {
            let Err(refusal) = self.session.send(&sql)? else {
                continue;
            };
            let Some(setting) = setting.filter(|_| blame::is_unknown_parameter(&refusal)) else {
                return Ok(Err(refusal));
            };
            if self.session.unknown.insert((setting.file, setting.offset)) {
                let place = self.target.files[setting.file].place(setting.offset);
                let text = format!(
                    "`{}` is no parameter of the scratch server; the setting is skipped.",
                    setting.name
                );
                self.notes.push(Note { place, text });
            }
        }
        self.session.entered(settings);
        Ok(Ok(()))
    }
}
