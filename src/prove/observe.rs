//! What a statement does to the tables of the database, as the server tells from inside the statement's transaction.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;

use crate::catalog::Identity;
use crate::error::Result;
use crate::kinds::{Facts, Kind, Lock};

/// One table, view or the like.
#[derive(Debug, Clone)]
struct Relation {
    identity: Identity,
    /// File that holds the rows, 0 where there is none.
    file: u32,
}

/// The relations of the database at one moment, by OID.
#[derive(Debug, Clone, Default)]
pub(super) struct Relations(BTreeMap<u32, Relation>);

/// What one statement did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Observation {
    /// Strongest lock by relation that was there before; `ACCESS SHARE` disturbs nobody and is left out.
    pub(super) locks: BTreeMap<Identity, Lock>,
    /// Relations that got a new file.
    pub(super) rewrites: BTreeSet<Identity>,
    /// Relations that were read.
    pub(super) scans: BTreeSet<Identity>,
}

const RELATIONS: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname !~ '^pg_'";

/// Returns SQL for how often a relation was scanned, by itself or through its indexes, since the server last took this
/// session's numbers.
fn scans_of(oid: &str) -> String {
    format!(
        "pg_catalog.pg_stat_get_xact_numscans({oid})
           + coalesce((SELECT sum(pg_catalog.pg_stat_get_xact_numscans(i.indexrelid))
                       FROM pg_catalog.pg_index i WHERE i.indrelid = {oid}), 0)::int8"
    )
}

/// Returns the query for what the open transaction has locked, with what it is now (nothing where it is gone) and its
/// scans.
fn locked() -> String {
    format!(
        "SELECT l.relation, l.mode, n.nspname, c.relname, c.relkind::text, c.relfilenode, {}
         FROM pg_catalog.pg_locks l
         LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
           AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())",
        scans_of("l.relation")
    )
}

/// One statement that is being watched.
#[derive(Debug)]
pub(super) struct Watch {
    before: Relations,
    after: Relations,
    /// Scans before the statement, where the server cannot be told to take the numbers.
    scans: BTreeMap<u32, i64>,
    major: i32,
}

impl Relations {
    /// Reads them; what was scanned until now counts no more.
    pub(super) fn read(client: &mut Client, major: i32) -> Result<Self> {
        let mut out = Self::default();
        take_numbers(client, major)?;
        for row in client.query(RELATIONS, &[])? {
            let path = [row.try_get(1)?, row.try_get(2)?];
            out.put(row.try_get(0)?, row.try_get(3)?, path, row.try_get(4)?);
        }
        Ok(out)
    }

    fn put(&mut self, oid: u32, kind: &str, path: [String; 2], file: u32) {
        if let Some(kind) = Kind::of_relation(kind) {
            let identity = Identity::new(kind, path);
            self.0.insert(oid, Relation { identity, file });
        }
    }

    /// Begins to watch a statement; its transaction is open.
    pub(super) fn watch(self, client: &mut Client, major: i32) -> Result<Watch> {
        let mut scans = BTreeMap::new();
        if major < 15 {
            let sql = format!(
                "SELECT c.oid, {} FROM pg_catalog.pg_class c
                 WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')",
                scans_of("c.oid")
            );
            for row in client.query(&sql, &[])? {
                scans.insert(row.try_get(0)?, row.try_get(1)?);
            }
        }
        Ok(Watch {
            after: self.clone(),
            before: self,
            scans,
            major,
        })
    }
}

/// Has the server take this session's numbers at the end of the transaction, so that the next one begins at zero.
fn take_numbers(client: &mut Client, major: i32) -> Result<()> {
    if major >= 15 {
        client.batch_execute("SELECT pg_catalog.pg_stat_force_next_flush()")?;
    }
    Ok(())
}

impl Watch {
    /// Returns what the statement did; it has run, and its transaction is still open.
    pub(super) fn observe(&mut self, client: &mut Client) -> Result<Observation> {
        let mut out = Observation::default();
        for row in client.query(&locked(), &[])? {
            let oid: u32 = row.try_get(0)?;
            let name: Option<String> = row.try_get(2)?;
            match name {
                None => drop(self.after.0.remove(&oid)),
                Some(schema) => self
                    .after
                    .put(oid, row.try_get(4)?, [schema, row.try_get(3)?], row.try_get(5)?),
            }
            let (Some(relation), Some(lock)) = (self.before.0.get(&oid), Lock::of_mode(row.try_get(1)?)) else {
                continue;
            };
            let identity = &relation.identity;
            if lock > Lock::AccessShare {
                let strongest = out.locks.entry(identity.clone()).or_insert(lock);
                *strongest = lock.max(*strongest);
            }
            let Some(after) = self.after.0.get(&oid) else { continue };
            if after.file != relation.file {
                out.rewrites.insert(identity.clone());
            }
            let scans: i64 = row.try_get(6)?;
            if scans > self.scans.get(&oid).copied().unwrap_or(0) {
                out.scans.insert(identity.clone());
            }
        }
        take_numbers(client, self.major)?;
        Ok(out)
    }

    /// Returns the relations before the statement.
    pub(super) fn before(&self) -> &Relations {
        &self.before
    }

    /// Returns the relations as the statement left them.
    pub(super) fn end(self) -> Relations {
        self.after
    }
}

impl Observation {
    /// Says where the observation differs from what was stated; none where it agrees.
    pub(super) fn surprise(&self, stated: &Facts, before: &Relations) -> Option<String> {
        let there: BTreeSet<&Identity> = before.0.values().map(|relation| &relation.identity).collect();
        let mut expected: BTreeMap<&Identity, Lock> = BTreeMap::new();
        for (table, lock) in &stated.locks {
            if there.contains(table) && *lock > Lock::AccessShare {
                let strongest = expected.entry(table).or_insert(*lock);
                *strongest = (*lock).max(*strongest);
            }
        }
        let mut out = Vec::new();
        let all: BTreeSet<&Identity> = expected.keys().copied().chain(self.locks.keys()).collect();
        for table in all {
            let (stated, seen) = (expected.get(table), self.locks.get(table));
            if stated != seen {
                out.push(format!("{table}: {} instead of {}", word(seen), word(stated)));
            }
        }
        let sets = [
            ("written anew", &self.rewrites, &stated.rewrites),
            ("read from end to end", &self.scans, &stated.scans),
        ];
        for (what, seen, stated) in sets {
            let stated: BTreeSet<&Identity> = stated.iter().filter(|table| there.contains(table)).collect();
            let unstated = seen.iter().filter(|table| !stated.contains(table));
            out.extend(unstated.map(|table| format!("{table} was {what}")));
            let unseen = stated.iter().filter(|table| !seen.contains(**table));
            out.extend(unseen.map(|table| format!("{table} was not {what}")));
        }
        (!out.is_empty()).then(|| out.join("; "))
    }

    /// Puts what was observed into the facts of the statement.
    pub(super) fn correct(self, facts: &mut Facts) {
        facts.locks = self.locks.into_iter().collect();
        facts.rewrites = self.rewrites.into_iter().collect();
        facts.scans = self.scans.into_iter().collect();
    }
}

fn word(lock: Option<&Lock>) -> String {
    lock.map_or_else(|| "no lock".to_owned(), |lock| lock.words().to_owned())
}
