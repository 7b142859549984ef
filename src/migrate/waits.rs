//! Which tables the statements of a transaction may wait for, as far as their text shows. Where it does not show, more
//! than one is assumed: that costs a retry at most, and a deadlock costs a writer its work.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, CreateStmt, DropStmt, Node, ObjectType, RangeVar,
};

use super::outlook::Item;
use super::outside::is_concurrent;
use super::program::{Block, Line};
use crate::apply::blockers::Needs;
use crate::catalog::Identity;
use crate::kinds::Table;

/// Tells whether statements may wait for one table while they hold another, so that they and a writer can wait for each
/// other. What they make themselves nobody else holds.
pub(super) fn lock_several<'a>(lines: impl IntoIterator<Item = &'a Line>) -> bool {
    let mut waits = Waits::default();
    for line in lines {
        match &line.node {
            Some(node) => waits.take(node),
            None => waits.unknown(),
        }
    }
    waits.others.difference(&waits.made).count() + waits.unknown > 1
}

/// Returns what a block of a file needs of others: what was seen when it was tried, and for `CONCURRENTLY` what it says.
pub(super) fn needs(item: &Item, block: &Block) -> Needs {
    let lines = block.first..block.first + block.count;
    if block.in_transaction {
        let seen = item.seen.as_ref().and_then(|seen| seen.get(lines));
        return Needs::of(seen.into_iter().flatten(), true);
    }
    let line = item.program.lines.get(block.first);
    match line.and_then(|line| line.node.as_ref()) {
        Some(node) if is_concurrent(node) => Needs::concurrently(table(node)),
        _ => Needs::default(),
    }
}

/// Returns the table that a statement names with its schema.
fn table(node: &NodeEnum) -> Option<Identity> {
    let named = match node {
        NodeEnum::IndexStmt(index) => index.relation.as_ref(),
        NodeEnum::AlterTableStmt(alter) => alter.relation.as_ref(),
        NodeEnum::ReindexStmt(reindex) => reindex.relation.as_ref(),
        _ => None,
    };
    let named = named.filter(|named| !named.schemaname.is_empty())?;
    Some(Table::named(&named.schemaname, &named.relname))
}

#[derive(Default)]
struct Waits {
    others: BTreeSet<(String, String)>,
    made: BTreeSet<(String, String)>,
    unknown: usize,
}

impl Waits {
    /// Counts a table that the text does not name.
    fn unknown(&mut self) {
        self.unknown += 1;
    }

    fn table<'a>(&mut self, table: impl Into<Option<&'a RangeVar>>) {
        if let Some(table) = table.into() {
            self.others.insert(name(table));
        }
    }

    fn tables(&mut self, nodes: &[Node]) {
        for node in nodes {
            match &node.node {
                Some(NodeEnum::RangeVar(table)) => self.table(table),
                Some(NodeEnum::Constraint(constraint)) => self.table(constraint.pktable.as_ref()),
                Some(NodeEnum::ColumnDef(column)) => self.tables(&column.constraints),
                _ => {}
            }
        }
    }

    fn take(&mut self, node: &NodeEnum) {
        use NodeEnum as N;
        match node {
            N::CreateStmt(create) => self.create(create),
            N::CreateTableAsStmt(create) => {
                let new = create.into.as_ref().and_then(|into| into.rel.as_ref());
                self.made.extend(new.map(name));
            }
            N::ViewStmt(view) if !view.replace => self.made.extend(view.view.as_ref().map(name)),
            N::ViewStmt(view) => self.table(view.view.as_ref()),
            N::AlterTableStmt(alter) => self.alter(alter),
            N::IndexStmt(index) => self.table(index.relation.as_ref()),
            N::CreateTrigStmt(trigger) => {
                self.table(trigger.relation.as_ref());
                self.table(trigger.constrrel.as_ref());
            }
            N::RuleStmt(rule) => self.table(rule.relation.as_ref()),
            N::CreatePolicyStmt(policy) => self.table(policy.table.as_ref()),
            N::AlterPolicyStmt(policy) => self.table(policy.table.as_ref()),
            N::RenameStmt(rename) => self.table(rename.relation.as_ref()),
            N::AlterObjectSchemaStmt(alter) => self.table(alter.relation.as_ref()),
            N::AlterOwnerStmt(alter) => self.table(alter.relation.as_ref()),
            N::RefreshMatViewStmt(refresh) => self.table(refresh.relation.as_ref()),
            N::InsertStmt(insert) => self.table(insert.relation.as_ref()),
            N::UpdateStmt(update) => self.table(update.relation.as_ref()),
            N::DeleteStmt(delete) => self.table(delete.relation.as_ref()),
            N::MergeStmt(merge) => self.table(merge.relation.as_ref()),
            N::TruncateStmt(truncate) => self.tables(&truncate.relations),
            N::LockStmt(lock) => self.tables(&lock.relations),
            N::DropStmt(drop) => self.drop(drop),
            // None of these waits for a table that others write to.
            N::CommentStmt(_)
            | N::GrantStmt(_)
            | N::VariableSetStmt(_)
            | N::CreateSchemaStmt(_)
            | N::CreateSeqStmt(_)
            | N::AlterSeqStmt(_)
            | N::CreateEnumStmt(_)
            | N::AlterEnumStmt(_)
            | N::CreateDomainStmt(_)
            | N::CompositeTypeStmt(_)
            | N::CreateRangeStmt(_)
            | N::CreateFunctionStmt(_)
            | N::CreateExtensionStmt(_)
            | N::CreateStatsStmt(_)
            | N::CreateRoleStmt(_)
            | N::AlterRoleStmt(_)
            | N::DefineStmt(_) => {}
            // Whatever code does, it may do it to several.
            N::DoStmt(_) | N::CallStmt(_) | N::SelectStmt(_) => self.unknown += 2,
            _ => self.unknown(),
        }
    }

    fn create(&mut self, create: &CreateStmt) {
        self.tables(&create.table_elts);
        self.tables(&create.constraints);
        self.tables(&create.inh_relations);
        self.made.extend(create.relation.as_ref().map(name));
    }

    fn alter(&mut self, alter: &AlterTableStmt) {
        self.table(alter.relation.as_ref());
        for command in &alter.cmds {
            if let Some(NodeEnum::AlterTableCmd(command)) = &command.node {
                self.command(command);
            }
        }
    }

    fn command(&mut self, command: &AlterTableCmd) {
        match command.def.as_ref().and_then(|def| def.node.as_ref()) {
            Some(NodeEnum::PartitionCmd(partition)) => self.table(partition.name.as_ref()),
            Some(_) => self.tables(command.def.as_deref().map_or(&[], std::slice::from_ref)),
            None => {}
        }
        // A foreign key that goes locks the table that it refers to.
        if command.subtype() == AlterTableType::AtDropConstraint {
            self.unknown();
        }
    }

    fn drop(&mut self, drop: &DropStmt) {
        match drop.remove_type() {
            // A foreign key that goes with its table locks the table that it refers to.
            ObjectType::ObjectTable => self.unknown += drop.objects.len() + 1,
            ObjectType::ObjectIndex
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectRule
            | ObjectType::ObjectPolicy => self.unknown += drop.objects.len(),
            _ => {}
        }
        if drop.behavior() == pg_query::protobuf::DropBehavior::DropCascade {
            self.unknown += 2;
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

    fn several(texts: &[&str]) -> bool {
        lock_several(&lines(texts))
    }

    #[test]
    fn one_table_is_waited_for_as_long_as_it_takes() {
        for alone in [
            &["ALTER TABLE a ADD b int", "CREATE INDEX ON a (b)", "UPDATE a SET b = 1"][..],
            &["CREATE TABLE a ()", "CREATE TABLE b ()", "ALTER TABLE a ADD c int"],
            &["CREATE TABLE a (b int REFERENCES b)", "CREATE INDEX ON a (b)"],
            &["ALTER TABLE a VALIDATE CONSTRAINT c", "COMMENT ON TABLE b IS 'b'"],
            &["DROP INDEX i"],
        ] {
            assert!(!several(alone), "{alone:?}");
        }
    }

    #[test]
    fn several_tables_and_what_nobody_knows() {
        for several_of_them in [
            &["ALTER TABLE a ADD b int", "ALTER TABLE b ADD c int"][..],
            &["ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b"],
            &["CREATE TABLE a (b int REFERENCES b, c int REFERENCES c)"],
            &["CREATE TABLE a PARTITION OF b DEFAULT", "INSERT INTO c VALUES (1)"],
            &["ALTER TABLE a ATTACH PARTITION b DEFAULT"],
            &["ALTER TABLE a DROP CONSTRAINT b"],
            &["DROP TABLE a"],
            &["DROP VIEW a CASCADE"],
            &["LOCK TABLE a, b"],
            &["DO ''"],
            &["SELECT f()"],
        ] {
            assert!(several(several_of_them), "{several_of_them:?}");
        }
    }
}
