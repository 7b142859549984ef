//! Before a statement that others would wait behind, or that waits for others: who is in the way, and what is done about it.
//! Nothing queues while this waits.

use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use postgres::types::Type;

use super::event::Event;
use super::failure::Failure;
use super::run::blocks_nobody;
use super::session::Session;
use super::watch::{DOING, Party, party};
use crate::backfill::{LAG, replication_lag};
use crate::catalog::Identity;
use crate::config::Blockers;
use crate::error::Result;
use crate::kinds::{Facts, Lock, Transaction};

/// Pause between two looks.
const TICK: Duration = Duration::from_millis(100);

/// What statements that commit together need of others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    /// Tables, each with a lock mode that is in the way.
    conflicts: Vec<(Identity, &'static str)>,
    /// Whether it waits for every older snapshot.
    old_snapshots: bool,
}

/// A statement that is refused, since others are in the way.
pub(super) struct Refused {
    /// What is said.
    pub(super) failure: Failure,
    /// They.
    pub(super) blockers: Vec<Party>,
}

/// How sessions are ended.
#[derive(Clone, Copy)]
enum Measure {
    Cancel,
    Terminate,
}

impl Needs {
    /// Returns what statements need that lock what their facts say.
    pub(crate) fn of<'f>(facts: impl IntoIterator<Item = &'f Facts>, in_transaction: bool) -> Self {
        let facts: Vec<&Facts> = facts.into_iter().collect();
        let old_snapshots = !in_transaction && facts.first().is_some_and(|facts| blocks_nobody(facts));
        let locks = facts.iter().flat_map(|facts| &facts.locks);
        let mut conflicts: Vec<(Identity, &'static str)> = locks
            .filter(|(_, lock)| old_snapshots || *lock >= Lock::Share)
            .flat_map(|(table, lock)| {
                // A concurrent build waits until nobody is left who may write without knowing of it.
                let lock = if old_snapshots { Lock::Share } else { *lock };
                lock.conflicts().map(|mode| (table.clone(), mode))
            })
            .collect();
        conflicts.sort();
        conflicts.dedup();
        Self {
            conflicts,
            old_snapshots,
        }
    }

    /// Returns what a statement needs that runs `CONCURRENTLY`, on this table where it is known.
    pub(crate) fn concurrently(table: Option<Identity>) -> Self {
        let facts = Facts {
            locks: table
                .into_iter()
                .map(|table| (table, Lock::ShareUpdateExclusive))
                .collect(),
            transaction: Transaction::Outside,
            ..Facts::default()
        };
        Self {
            old_snapshots: true,
            ..Self::of([&facts], false)
        }
    }

    /// Tells whether nobody can be in the way.
    pub(crate) fn is_nothing(&self) -> bool {
        self.conflicts.is_empty() && !self.old_snapshots
    }

    /// Returns who is in the way and has been at it for at least `age`, longest first.
    fn look(&self, watcher: &mut Client, own: i32, age: Duration) -> Result<Vec<Party>> {
        let mut names: [Vec<&str>; 3] = Default::default();
        for (table, mode) in self.conflicts.iter().filter(|(table, _)| table.path.len() > 1) {
            names[0].push(&table.path[0]);
            names[1].push(&table.path[1]);
            names[2].push(mode);
        }
        let rows = watcher.query_typed(
            &format!(
                "WITH holder AS (
                     SELECT DISTINCT l.pid, l.virtualtransaction
                     FROM unnest($1, $2, $3) AS w (schema, name, mode)
                     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
                     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
                     JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = c.oid AND l.mode = w.mode
                     JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
                 )
                 SELECT coalesce(a.pid, 0), coalesce(a.application_name, p.gid, ''), coalesce(a.usename, p.owner)::text,
                     pg_catalog.to_char(coalesce(a.xact_start, a.backend_start, p.prepared) AT TIME ZONE 'UTC',
                         'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                     CASE WHEN p.gid IS NOT NULL THEN 'a prepared transaction' ELSE {DOING} END,
                     coalesce(a.backend_type = 'client backend', false)
                 FROM (
                     SELECT pid, virtualtransaction FROM holder
                     UNION
                     SELECT s.pid, NULL FROM pg_catalog.pg_stat_activity s
                     WHERE $6 AND s.datname = pg_catalog.current_database()
                       AND (s.backend_xmin IS NOT NULL OR s.backend_xid IS NOT NULL)
                       AND NOT EXISTS (SELECT 1 FROM holder h WHERE h.pid = s.pid)
                 ) h
                 LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = h.pid
                 LEFT JOIN pg_catalog.pg_locks t ON h.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
                     AND t.virtualtransaction = h.virtualtransaction
                 LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
                 WHERE h.pid IS DISTINCT FROM $4 AND h.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
                   AND (a.pid IS NOT NULL OR p.gid IS NOT NULL)
                   -- PostgreSQL itself ends an ordinary one that is in the way.
                   AND (a.backend_type IS DISTINCT FROM 'autovacuum worker' OR a.query ~ 'to prevent wraparound')
                   AND coalesce(a.xact_start, p.prepared, '-infinity')
                       <= pg_catalog.clock_timestamp() - $5 * interval '1 millisecond'
                 ORDER BY coalesce(a.xact_start, a.backend_start, p.prepared), 1"
            ),
            &[
                (&names[0], Type::TEXT_ARRAY),
                (&names[1], Type::TEXT_ARRAY),
                (&names[2], Type::TEXT_ARRAY),
                (&own, Type::INT4),
                (&i64::try_from(age.as_millis()).unwrap_or(i64::MAX), Type::INT8),
                (&self.old_snapshots, Type::BOOL),
            ],
        )?;
        rows.iter().map(party).collect()
    }
}

impl Session<'_> {
    /// Looks who is in the way of a step (or a file), and does about it what the policy says; who was not there at the first
    /// look is waited for in the queue.
    pub(super) fn make_way(&mut self, needs: &Needs, step: usize) -> std::result::Result<(), Refused> {
        if needs.is_nothing() {
            return Ok(());
        }
        let limit = self.options.lock_timeout;
        let Some(patience) = self.patience_with_others() else {
            self.name(needs, step, limit);
            return Ok(());
        };
        let mut measures = match self.options.blockers {
            Blockers::Wait(_) | Blockers::Refuse => Vec::new(),
            Blockers::Cancel => vec![Measure::Cancel],
            Blockers::Terminate => vec![Measure::Terminate, Measure::Cancel],
        };
        let mut left = self.look(needs, Duration::ZERO);
        let mut until = Instant::now() + patience;
        while !left.is_empty() {
            if Instant::now() >= until {
                let Some(measure) = measures.pop() else {
                    return Err(refused(left));
                };
                self.end(&left, measure);
                until = Instant::now() + limit;
            } else {
                (self.events)(Event::WaitingForLock {
                    step,
                    blockers: left.clone(),
                });
            }
            left = self.wait_for(needs, &left, until);
        }
        Ok(())
    }

    /// Returns how long others are waited for before anything is done about them; nothing where statements queue.
    pub(super) fn patience_with_others(&self) -> Option<Duration> {
        self.options.blockers.patience(self.options.lock_timeout)
    }

    /// Waits until fewer are in the way, or until time is up.
    fn wait_for(&mut self, needs: &Needs, left: &[Party], until: Instant) -> Vec<Party> {
        loop {
            thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
            let now = self.look(needs, Duration::ZERO);
            let is_there = |one: &Party| {
                now.iter()
                    .any(|other| (other.pid, &other.since) == (one.pid, &one.since))
            };
            let still: Vec<Party> = left.iter().filter(|one| is_there(one)).cloned().collect();
            if still.len() < left.len() || Instant::now() >= until {
                return still;
            }
        }
    }

    /// Names those who have been in the way for longer than the statement will wait.
    fn name(&mut self, needs: &Needs, step: usize, age: Duration) {
        let found = self.look(needs, age);
        if found.is_empty() {
            return;
        }
        let who: Vec<String> = found.iter().map(ToString::to_string).collect();
        let waits = if needs.old_snapshots {
            "it waits until they end"
        } else {
            "it gives way after lock_timeout"
        };
        let text = format!("in the way of step {step}: {}; {waits}", who.join(", "));
        (self.events)(Event::Noted { text });
    }

    /// A watcher that sees nothing must not stop a statement.
    fn look(&mut self, needs: &Needs, age: Duration) -> Vec<Party> {
        let own = self.pid;
        needs.look(&mut self.second, own, age).unwrap_or_default()
    }

    /// Ends what sessions of clients do. Nobody else's: a worker that prevents wraparound or serves a replica is said.
    fn end(&mut self, parties: &[Party], measure: Measure) {
        let (function, word) = match measure {
            Measure::Cancel => ("pg_cancel_backend", "cancelled"),
            Measure::Terminate => ("pg_terminate_backend", "ended"),
        };
        for party in parties {
            let text = if party.is_client {
                let sql = format!("SELECT pg_catalog.{function}({})", party.pid);
                match self.second.batch_execute(&sql) {
                    Ok(()) => format!("{word}: {party}"),
                    Err(error) => {
                        let error = crate::error::Error::from(error).message;
                        format!("warning: {party} could not be {word}: {error}")
                    }
                }
            } else {
                format!("warning: {party} is no session of a client and is left alone")
            };
            (self.events)(Event::Noted { text });
        }
    }

    /// Looks whether replicas are so far behind that they would replay a strong lock late: queries there wait for it too.
    pub(super) fn mind_replicas(&mut self, mut all: impl Iterator<Item = Needs>) -> std::result::Result<(), Refused> {
        if all.all(|needs| needs.conflicts.is_empty()) {
            return Ok(());
        }
        let until = self.patience_with_others().map(|patience| Instant::now() + patience);
        let mut is_told = false;
        while let Some(bytes) = replication_lag(&mut self.second).filter(|bytes| *bytes > LAG) {
            let said = format!("a replica is {} MiB behind", bytes >> 20);
            if !is_told {
                let text = format!("warning: {said}: queries there may wait for what is locked here");
                (self.events)(Event::Noted { text });
                is_told = true;
            }
            let Some(until) = until else { break };
            if Instant::now() >= until {
                return Err(because(said, Vec::new()));
            }
            thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

fn refused(left: Vec<Party>) -> Refused {
    let message = "others hold what it needs, and it did not queue behind them".to_owned();
    because(message, left)
}

fn because(message: String, blockers: Vec<Party>) -> Refused {
    Refused {
        failure: Failure {
            message,
            sqlstate: None,
            detail: Vec::new(),
            is_lost: false,
        },
        blockers,
    }
}
