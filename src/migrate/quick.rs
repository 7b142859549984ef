//! Statements that are over at once, whatever the database holds: they make things, change what these files have made
//! themselves, and read no other table. They go to the server together.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::RangeVar;

use super::program::Line;

/// Longest text that goes to the server in one message.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// Tells whether statements can change neither settings nor role: they set nothing and run no code that could.
pub(super) fn leave_settings(lines: &[Line]) -> bool {
    use NodeEnum as N;
    let leaves = |line: &Line| {
        matches!(
            line.node,
            Some(
                N::CreateStmt(_)
                    | N::IndexStmt(_)
                    | N::AlterTableStmt(_)
                    | N::CreateSeqStmt(_)
                    | N::CreateEnumStmt(_)
                    | N::CreateDomainStmt(_)
                    | N::CompositeTypeStmt(_)
                    | N::CreateFunctionStmt(_)
                    | N::ViewStmt(_)
                    | N::CommentStmt(_)
                    | N::GrantStmt(_)
                    | N::DropStmt(_)
            )
        )
    };
    lines.iter().all(leaves)
}

/// What the files so far have made: tables with no rows but those that they wrote one by one.
#[derive(Debug, Default)]
pub(super) struct Quick {
    made: BTreeSet<(String, String)>,
    /// Whether the file has changed what a name without a schema means.
    is_set: bool,
}

impl Quick {
    /// Says that another file begins, with settings of its own.
    pub(super) fn next_file(&mut self) {
        self.is_set = false;
    }

    /// Tells whether the next statements are over at once.
    pub(super) fn take(&mut self, lines: &[Line]) -> bool {
        let slow = lines.iter().filter(|line| !self.is_quick(line)).count();
        slow == 0 && lines.iter().map(|line| line.sql.len()).sum::<usize>() <= MOST_BYTES
    }

    fn is_made(&self, table: Option<&RangeVar>) -> bool {
        table.is_some_and(|table| self.made.contains(&name(table)))
    }

    fn is_quick(&mut self, line: &Line) -> bool {
        use NodeEnum as N;
        match &line.node {
            Some(N::CreateStmt(create)) => {
                let new = create.relation.as_ref().filter(|_| !create.if_not_exists);
                let new = new.filter(|new| !self.is_set || !new.schemaname.is_empty());
                self.made.extend(new.map(name));
                true
            }
            Some(N::IndexStmt(index)) => !index.concurrent && self.is_made(index.relation.as_ref()),
            Some(N::AlterTableStmt(alter)) => self.is_made(alter.relation.as_ref()),
            Some(N::InsertStmt(insert)) => {
                let is_short = insert.select_stmt.as_ref().is_none_or(
                    |select| matches!(&select.node, Some(N::SelectStmt(select)) if !select.values_lists.is_empty()),
                );
                if let (false, Some(table)) = (is_short, &insert.relation) {
                    self.made.remove(&name(table));
                }
                is_short
            }
            Some(N::VariableSetStmt(_)) => {
                self.is_set = true;
                self.made.clear();
                true
            }
            Some(
                N::CreateSeqStmt(_)
                | N::AlterSeqStmt(_)
                | N::CreateEnumStmt(_)
                | N::AlterEnumStmt(_)
                | N::CreateDomainStmt(_)
                | N::CompositeTypeStmt(_)
                | N::CreateSchemaStmt(_)
                | N::CreateFunctionStmt(_)
                | N::CreateTrigStmt(_)
                | N::CreatePolicyStmt(_)
                | N::ViewStmt(_)
                | N::CommentStmt(_)
                | N::GrantStmt(_),
            ) => true,
            Some(N::DropStmt(drop)) => !drop.concurrent,
            Some(N::UpdateStmt(_) | N::DeleteStmt(_)) => false,
            // Whatever this is, it may fill or rename what was made.
            _ => {
                self.made.clear();
                false
            }
        }
    }
}

fn name(table: &RangeVar) -> (String, String) {
    (table.schemaname.clone(), table.relname.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::program::lines;

    #[test]
    fn what_reads_nothing_is_quick() {
        let take = |texts: &[&str]| Quick::default().take(&lines(texts));
        assert!(take(&[
            "CREATE TABLE t (a int)",
            "CREATE INDEX ON t (a)",
            "INSERT INTO t VALUES (1)",
            "DROP VIEW v",
        ]));
        for slow in [
            "CREATE INDEX ON u (a)",
            "UPDATE t SET a = 1",
            "ALTER TABLE u ADD CHECK (a > 1)",
            "DO ''",
            "INSERT INTO t SELECT 1",
        ] {
            assert!(!take(&["CREATE TABLE t (a int)", slow]), "{slow}");
        }
        assert!(!take(&[
            "CREATE TABLE IF NOT EXISTS t (a int)",
            "CREATE INDEX ON t (a)"
        ]));
    }

    #[test]
    fn files_know_what_earlier_ones_have_made() {
        let mut quick = Quick::default();
        let mut file = |texts: &[&str]| {
            quick.next_file();
            quick.take(&lines(texts))
        };
        assert!(file(&["CREATE TABLE t (a int)"]));
        assert!(file(&["ALTER TABLE t ADD b int", "CREATE INDEX ON t (b)"]));
        assert!(!file(&["INSERT INTO t SELECT generate_series(1, 1000000)"]));
        assert!(!file(&["CREATE INDEX ON t (a)"]), "it may be large by now");
        assert!(file(&["SET search_path = s", "CREATE TABLE u (a int)"]));
        assert!(!file(&["CREATE INDEX ON u (a)"]), "that is another one");
        assert!(file(&["CREATE TABLE w ()"]));
        assert!(!file(&["ALTER TABLE x RENAME TO w"]));
        assert!(!file(&["ALTER TABLE w ADD CHECK (true)"]), "that is another one");
    }
}
