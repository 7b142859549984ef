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
    /// Scans of it and of its indexes that this session has not yet reported, those of earlier transactions included;
    /// within a transaction the number only grows.
    scans: i64,
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

impl Relations {
    /// Reads them.
    pub(super) fn read(client: &mut Client) -> Result<Self> {
        let rows = client.query(
            "SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode,
                    pg_catalog.pg_stat_get_xact_numscans(c.oid)
                      + coalesce((SELECT sum(pg_catalog.pg_stat_get_xact_numscans(i.indexrelid))
                                  FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid), 0)::int8
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname !~ '^pg_'",
            &[],
        )?;
        let mut out = Self::default();
        for row in rows {
            let kind: String = row.try_get(3)?;
            let Some(kind) = Kind::of_relation(&kind) else { continue };
            let path: [String; 2] = [row.try_get(1)?, row.try_get(2)?];
            let relation = Relation {
                identity: Identity::new(kind, path),
                file: row.try_get(4)?,
                scans: row.try_get(5)?,
            };
            out.0.insert(row.try_get(0)?, relation);
        }
        Ok(out)
    }

    /// Returns what has happened since this state was read in the same transaction.
    pub(super) fn observe(&self, client: &mut Client) -> Result<Observation> {
        let now = Self::read(client)?;
        let mut out = Observation::default();
        let locks = client.query(
            "SELECT l.relation, l.mode FROM pg_catalog.pg_locks l
             WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
               AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())",
            &[],
        )?;
        for row in locks {
            let mode: &str = row.try_get(1)?;
            let (Some(relation), Some(lock)) = (self.0.get(&row.try_get(0)?), Lock::of_mode(mode)) else {
                continue;
            };
            if lock > Lock::AccessShare {
                let strongest = out.locks.entry(relation.identity.clone()).or_insert(lock);
                *strongest = lock.max(*strongest);
            }
        }
        for (oid, relation) in &self.0 {
            let Some(after) = now.0.get(oid) else { continue };
            if after.file != relation.file {
                out.rewrites.insert(relation.identity.clone());
            }
            if after.scans > relation.scans {
                out.scans.insert(relation.identity.clone());
            }
        }
        Ok(out)
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
