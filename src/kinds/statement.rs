//! One SQL statement with its facts: locks, rewrites, scans, losses, and how it folds into a neighbour.
//!
//! Facts are stated where the SQL is written; rules in `risk/` judge them. Sources: the manual (ALTER TABLE, Explicit
//! Locking) and measurements on real servers.

use serde::{Deserialize, Serialize};

use super::settled;
use crate::backfill::Batches;
use crate::catalog::Identity;

/// Table-level lock modes, weakest first (manual: Explicit Locking).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// `ACCESS SHARE`
    AccessShare,
    /// `ROW SHARE`
    RowShare,
    /// `ROW EXCLUSIVE`
    RowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`
    ShareUpdateExclusive,
    /// `SHARE`: blocks writes.
    Share,
    /// `SHARE ROW EXCLUSIVE`: blocks writes.
    ShareRowExclusive,
    /// `EXCLUSIVE`
    Exclusive,
    /// `ACCESS EXCLUSIVE`: blocks reads and writes.
    AccessExclusive,
}

impl Lock {
    const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::AccessShare, "ACCESS SHARE", "AccessShareLock"),
        (Self::RowShare, "ROW SHARE", "RowShareLock"),
        (Self::RowExclusive, "ROW EXCLUSIVE", "RowExclusiveLock"),
        (
            Self::ShareUpdateExclusive,
            "SHARE UPDATE EXCLUSIVE",
            "ShareUpdateExclusiveLock",
        ),
        (Self::Share, "SHARE", "ShareLock"),
        (Self::ShareRowExclusive, "SHARE ROW EXCLUSIVE", "ShareRowExclusiveLock"),
        (Self::Exclusive, "EXCLUSIVE", "ExclusiveLock"),
        (Self::AccessExclusive, "ACCESS EXCLUSIVE", "AccessExclusiveLock"),
    ];

    /// Returns the modes, as `pg_locks` names them, that others may not hold while this lock is taken.
    pub fn conflicts(self) -> impl Iterator<Item = &'static str> {
        let from = match self {
            Self::AccessShare => Self::AccessExclusive,
            Self::RowShare => Self::Exclusive,
            Self::RowExclusive => Self::Share,
            Self::ShareUpdateExclusive => Self::ShareUpdateExclusive,
            Self::Share | Self::ShareRowExclusive => Self::RowExclusive,
            Self::Exclusive => Self::RowShare,
            Self::AccessExclusive => Self::AccessShare,
        };
        // The one lock that does not conflict with itself although weaker ones conflict with it.
        let all = Self::ALL.iter().filter(move |(lock, _, _)| *lock >= from);
        all.filter(move |(lock, _, _)| !(self == Self::Share && *lock == Self::Share))
            .map(|(_, _, mode)| *mode)
    }

    /// Returns the lock that `pg_locks.mode` names.
    pub fn of_mode(mode: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, _, name)| *name == mode);
        found.map(|(lock, _, _)| *lock)
    }

    /// Returns the words of SQL, as `LOCK TABLE … IN … MODE` says them.
    pub fn words(self) -> &'static str {
        let found = Self::ALL.iter().find(|(lock, _, _)| *lock == self);
        found.map_or("", |(_, words, _)| words)
    }
}

/// What a statement destroys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Rows or a column's values disappear; the text says which. The shape can come back, the values cannot.
    Values(String),
    /// Values may change or fail to convert (narrowing); the text says how.
    Precision(String),
    /// A secret is forgotten; the text says which. Only the server knew it, and no plan may hold it.
    Secret(String),
}

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    /// Runs inside a transaction with others.
    #[default]
    Inside,
    /// Runs in a transaction that commits before what follows (`ALTER TYPE … ADD VALUE`).
    Alone,
    /// Refused inside a transaction block (`CREATE INDEX CONCURRENTLY`).
    Outside,
}

/// Facts about one statement.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Strongest lock per table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<(Identity, Lock)>,
    /// Tables whose heap is written anew, with all indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<Identity>,
    /// Tables that are read from end to end, validation and index builds included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<Identity>,
    /// Tables whose rows it changes, batch by batch, each in a transaction of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Identity>,
    /// How it is executed where trueup runs it: batch by batch, resumable. Its SQL does the same for whoever runs it by
    /// hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Batches>,
    /// What is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Stand to transactions.
    #[serde(default)]
    pub transaction: Transaction,
}

/// A part of a statement that has a list: a column of `CREATE TABLE`, an action of `ALTER TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Object that the part declares.
    pub object: Identity,
    /// SQL of the part.
    pub sql: String,
    /// Place among parts of its kind.
    pub position: i32,
}

/// How a statement can be said inside the statement that creates its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fold {
    /// As an element of the host's list (a column in `CREATE TABLE`).
    Element {
        /// Object whose `create` has the list.
        host: Identity,
        /// SQL of the element.
        sql: String,
    },
    /// As words behind the element that declares the host (`DEFAULT …` behind a column).
    Suffix {
        /// Object whose element is extended.
        host: Identity,
        /// SQL of the words, with a leading space.
        sql: String,
    },
    /// Not said at all: dropping the host drops it too.
    Implied {
        /// Object whose `drop` does it.
        host: Identity,
    },
}

impl Fold {
    /// Returns the host.
    pub fn host(&self) -> &Identity {
        match self {
            Self::Element { host, .. } | Self::Suffix { host, .. } | Self::Implied { host } => host,
        }
    }
}

/// One SQL statement, without the final semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    head: String,
    elements: Option<Vec<Element>>,
    in_parentheses: bool,
    tail: String,
    /// Facts.
    pub facts: Facts,
    /// How it folds into its host's statement, if it can.
    pub fold: Option<Fold>,
    /// Why it has the form that it has, where the size of a table decided.
    pub form: Option<String>,
    /// Objects that it makes or removes on the way: they stand neither before nor after the plan.
    pub temporary: Vec<Identity>,
}

impl Statement {
    /// Makes a plain statement.
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            head: sql.into(),
            elements: None,
            in_parentheses: false,
            tail: String::new(),
            facts: Facts::default(),
            fold: None,
            form: None,
            temporary: Vec::new(),
        }
    }

    /// Makes a statement with a parenthesised list that others can fold into: `head (…) tail`.
    pub fn with_list(head: impl Into<String>, tail: impl Into<String>) -> Self {
        Self {
            elements: Some(Vec::new()),
            in_parentheses: true,
            tail: tail.into(),
            ..Self::new(head)
        }
    }

    /// Makes a statement whose single action declares an object that others can extend: `head action`.
    pub fn with_action(head: impl Into<String>, object: Identity, action: impl Into<String>) -> Self {
        Self {
            elements: Some(vec![Element {
                object,
                sql: action.into(),
                position: 0,
            }]),
            ..Self::new(head)
        }
    }

    /// Adds a lock.
    #[must_use]
    pub fn locks(mut self, table: Identity, lock: Lock) -> Self {
        self.facts.locks.push((table, lock));
        self
    }

    /// Says that the table is rewritten, for which it is read.
    #[must_use]
    pub fn rewrites(mut self, table: Identity) -> Self {
        self.facts.rewrites.push(table.clone());
        self.scans(table)
    }

    /// Says that the table is scanned.
    #[must_use]
    pub fn scans(mut self, table: Identity) -> Self {
        if !self.facts.scans.contains(&table) {
            self.facts.scans.push(table);
        }
        self
    }

    /// Says that rows of the table are changed in batches.
    #[must_use]
    pub fn writes(mut self, table: Identity) -> Self {
        self.facts.writes.push(table);
        self
    }

    /// Says what is lost.
    #[must_use]
    pub fn loses(mut self, loss: Loss) -> Self {
        self.facts.loss = Some(loss);
        self
    }

    /// Sets how it stands to transactions.
    #[must_use]
    pub fn transaction(mut self, transaction: Transaction) -> Self {
        self.facts.transaction = transaction;
        self
    }

    /// Sets how it folds.
    #[must_use]
    pub fn fold(mut self, fold: Fold) -> Self {
        self.fold = Some(fold);
        self
    }

    /// Tells whether the statement has a parenthesised list: it creates what is folded into it.
    pub fn has_list(&self) -> bool {
        self.in_parentheses
    }

    /// Says why it has its form.
    #[must_use]
    pub fn form(mut self, why: impl Into<String>) -> Self {
        self.form = Some(why.into());
        self
    }

    /// Says that an object stands only for a part of the plan.
    #[must_use]
    pub fn temporary(mut self, object: Identity) -> Self {
        self.temporary.push(object);
        self
    }

    /// Takes another statement's fold into its own list; false when there is no such place.
    pub fn absorb(&mut self, object: &Identity, position: i32, fold: &Fold) -> bool {
        match (fold, &mut self.elements) {
            (Fold::Element { sql, .. }, Some(elements)) if self.in_parentheses => {
                // Columns in their order, then constraints: as people write it.
                let key = (object.kind, position);
                let place = elements.partition_point(|element| (element.object.kind, element.position) <= key);
                let (object, sql) = (object.clone(), sql.clone());
                elements.insert(place, Element { object, sql, position });
                true
            }
            (Fold::Suffix { host, sql }, Some(elements)) => {
                let Some(element) = elements.iter_mut().find(|element| element.object == *host) else {
                    return false;
                };
                element.sql.push_str(sql);
                true
            }
            (Fold::Implied { .. }, _) => true,
            _ => false,
        }
    }

    /// Returns the SQL text, in which deparsed parts are said so that PostgreSQL deparses them alike again.
    pub fn sql(&self) -> String {
        settled::restate(&self.text())
    }

    fn text(&self) -> String {
        let Some(elements) = &self.elements else {
            return format!("{}{}", self.head, self.tail);
        };
        let parts: Vec<&str> = elements.iter().map(|element| element.sql.as_str()).collect();
        if !self.in_parentheses {
            return format!("{} {}{}", self.head, parts.join(", "), self.tail);
        }
        if parts.is_empty() {
            return format!("{} (){}", self.head, self.tail);
        }
        format!("{} (\n    {}\n){}", self.head, parts.join(",\n    "), self.tail)
    }
}
