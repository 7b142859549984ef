//! Puts a catalog together from answers as they come: what names others waits until those are known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;

use postgres::Row;

use super::Model;
use super::edges::{self, Query};
use super::task::{Answer, Batch, Task, WAVES, Wave};
use crate::catalog::{Addresses, Catalog, Part};
use crate::db::Server;
use crate::error::{Error, Result};
use crate::kinds::{Area, KeyWords, Kind, Reader};

/// What was read so far.
pub(super) struct Assembly<'a> {
    model: Model<'a>,
    /// Kinds of which objects came before the model.
    unshared: BTreeSet<Kind>,
    /// Objects by kind, in the order in which they came.
    parts: BTreeMap<Kind, Vec<Part>>,
    addresses: Addresses,
    /// Number of answers of each wave that were not yet taken in.
    left: [usize; WAVES],
    waiting: [Vec<Answer>; WAVES],
    catalog: Catalog,
}

impl<'a> Assembly<'a> {
    /// Expects the answers of all `tasks`.
    pub(super) fn new(server: &Server, tasks: &[Task], model: Model<'a>) -> Self {
        let mut left = [0; WAVES];
        for task in tasks {
            left[task.wave()] += 1;
        }
        Self {
            model,
            unshared: BTreeSet::new(),
            parts: BTreeMap::new(),
            addresses: Addresses::default(),
            left,
            waiting: Default::default(),
            catalog: Catalog {
                version_num: server.version_num,
                role: server.user.clone(),
                database: Area::database_of(server),
                ..Catalog::default()
            },
        }
    }

    /// Takes all answers in, in whatever order they come.
    pub(super) fn finish(mut self, answers: Receiver<(Wave, Answer)>) -> Result<Catalog> {
        for (wave, answer) in answers {
            self.waiting[wave].push(answer);
            self.go_on()?;
        }
        if self.left != [0; WAVES] {
            return Err(Error::internal("a query of the catalog was not answered"));
        }
        let Self {
            model,
            unshared,
            mut parts,
            addresses,
            mut catalog,
            ..
        } = self;
        if let Some(model) = model() {
            for (_, parts) in parts.iter_mut().filter(|(kind, _)| unshared.contains(kind)) {
                parts.sort_by(|one, other| one.identity.cmp(&other.identity));
                Part::share(parts.iter_mut(), model);
            }
        }
        catalog.assemble(parts.into_values().collect());
        // Nobody waits for the memory.
        rayon::spawn(move || drop(addresses));
        Ok(catalog)
    }

    /// Takes in what needs to wait no longer.
    fn go_on(&mut self) -> Result<()> {
        for wave in 0..WAVES {
            for answer in std::mem::take(&mut self.waiting[wave]) {
                self.take_in(answer)?;
                self.left[wave] -= 1;
            }
            if self.left[wave] > 0 {
                break;
            }
        }
        Ok(())
    }

    fn take_in(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Objects(batches, of) => {
                for (reader, batch) in batches {
                    self.keep(reader, batch, reader.kind == of);
                }
            }
            Answer::Rows(reader, rows) => {
                let batch = Batch::of(reader, &rows, &self.addresses)?;
                self.keep(reader, batch, !reader.attached);
            }
            Answer::Pairs(Query::Dependencies, pairs) => edges::depend(&pairs, &self.addresses, &mut self.parts),
            Answer::Pairs(_, pairs) => edges::alias(&pairs, &mut self.addresses),
            Answer::Raw(query, rows) => self.note(query, &rows)?,
        }
        Ok(())
    }

    fn note(&mut self, query: Query, rows: &[Row]) -> Result<()> {
        match query {
            Query::KeyWords => self.addresses.note_words(KeyWords::read(rows)?),
            Query::Casts => edges::cast(rows, &mut self.catalog)?,
            _ => edges::leave_out(rows, &mut self.catalog)?,
        }
        Ok(())
    }

    /// Keeps objects; the address of a row is that of its own kind.
    fn keep(&mut self, reader: Reader, mut batch: Batch, has_address: bool) {
        if let Some(model) = (self.model)() {
            Part::share(batch.parts.iter_mut().map(|(_, _, part)| part), model);
        } else {
            self.unshared.insert(reader.kind);
        }
        let parts = self.parts.entry(reader.kind).or_default();
        parts.reserve(batch.parts.len());
        for (oid, sub, part) in batch.parts {
            if has_address && reader.class != 0 && oid != 0 {
                let address = (reader.class, oid, sub);
                self.addresses.insert(address, part.identity.clone(), parts.len());
            }
            parts.push(part);
        }
        edges::alias(&batch.aliases, &mut self.addresses);
        self.addresses.note_columns(batch.noted);
    }
}
