//! Puts a catalog together from answers as they come: what names others waits until those are known.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use postgres::Row;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::edges::{self, Query};
use super::task::{Answer, Read, WAVES};
use super::work::News;
use crate::catalog::{Addresses, Catalog, Part, Pool};
use crate::db::Server;
use crate::error::{Error, Result};
use crate::kinds::{Area, KeyWords, Kind};

/// What was read so far.
pub(super) struct Assembly<'a> {
    pool: Option<&'a Pool>,
    /// Objects by kind, in the order in which they came.
    parts: BTreeMap<Kind, Vec<Part>>,
    addresses: Addresses,
    /// Number of answers of each wave that were not yet taken in, once it is known.
    left: Option<[usize; WAVES]>,
    waiting: [Vec<Answer>; WAVES],
    /// Number of answers of each wave that are there to their last piece.
    ended: [usize; WAVES],
    catalog: Catalog,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(server: &Server, pool: Option<&'a Pool>) -> Self {
        Self {
            pool,
            parts: BTreeMap::new(),
            addresses: Addresses::default(),
            left: None,
            waiting: Default::default(),
            ended: [0; WAVES],
            catalog: Catalog {
                version_num: server.version_num,
                role: server.user.clone(),
                database: Area::database_of(server),
                ..Catalog::default()
            },
        }
    }

    /// Takes all answers in, in whatever order they come.
    pub(super) fn finish(mut self, news: &Receiver<News>) -> Result<Catalog> {
        while let Ok(first) = news.recv() {
            for one in std::iter::once(first).chain(news.try_iter()) {
                match one {
                    News::Expected(left) => self.left = Some(left),
                    News::Answered(wave, answer, is_last) => {
                        self.waiting[wave].push(answer);
                        self.ended[wave] += usize::from(is_last);
                    }
                }
            }
            self.go_on()?;
        }
        if self.left != Some([0; WAVES]) {
            return Err(Error::internal("a query of the catalog was not answered"));
        }
        let Self {
            parts,
            addresses,
            mut catalog,
            ..
        } = self;
        catalog.assemble(parts.into_values().collect());
        // Nobody waits for the memory.
        rayon::spawn(move || drop(addresses));
        Ok(catalog)
    }

    /// Takes in what needs to wait no longer.
    fn go_on(&mut self) -> Result<()> {
        let Some(mut left) = self.left else { return Ok(()) };
        for wave in 0..WAVES {
            let waiting = std::mem::take(&mut self.waiting[wave]);
            left[wave] -= std::mem::take(&mut self.ended[wave]);
            self.left = Some(left);
            let (addresses, pool) = (&self.addresses, self.pool);
            let read: Vec<Answer> = waiting
                .into_par_iter()
                .map(|answer| answer.read(addresses, pool))
                .collect::<Result<_>>()?;
            read.into_iter().try_for_each(|answer| self.take_in(answer))?;
            if left[wave] > 0 {
                break;
            }
        }
        Ok(())
    }

    fn take_in(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Objects(read) => read.into_iter().for_each(|read| self.keep(read)),
            rows @ Answer::Rows(..) => self.take_in(rows.read(&self.addresses, self.pool)?)?,
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
    fn keep(&mut self, read: Read) {
        let Read {
            reader,
            has_address,
            batch,
        } = read;
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
