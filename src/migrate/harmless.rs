//! Files of which nothing can be lost: their statements name nothing that the live database has. Many of those are tried
//! together, which costs no more than running them.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, ObjectType};

use super::outlook::Item;
use super::program::{Line, Program};
use super::rate::words;
use crate::catalog::Catalog;

/// Names that files must not use.
pub(super) struct Harmless {
    taken: BTreeSet<String>,
}

impl Harmless {
    /// Takes the names of tables, types, functions and so on of the live database.
    pub(super) fn new(live: &Catalog) -> Self {
        let names = live.objects.keys().filter_map(|identity| identity.path.get(1));
        Self {
            taken: names
                .map(|name| name.as_str().split('(').next().unwrap_or_default().to_owned())
                .collect(),
        }
    }

    /// Returns how many of the next files can be tried together, at most `most`: either all of them with a way back, or
    /// none.
    pub(super) fn run(&self, items: &[Item], most: usize) -> usize {
        let has_rollback = items.first().is_some_and(|item| item.rollback.is_some());
        let fits = |item: &&Item| {
            item.skip == 0
                && item.rollback.is_some() == has_rollback
                && self.is_fit(&item.program)
                && item.rollback.as_ref().is_none_or(|back| self.is_fit(back))
        };
        items.iter().take(most).take_while(fits).count()
    }

    fn is_fit(&self, program: &Program) -> bool {
        program.blocks.iter().all(|block| block.in_transaction)
            && program.lines.iter().all(|line| self.is_harmless(line))
    }

    fn is_harmless(&self, line: &Line) -> bool {
        line.node.as_ref().is_some_and(says_what_it_does) && words(line).iter().all(|word| !self.taken.contains(word))
    }
}

/// Tells whether a statement does nothing but to what it names.
fn says_what_it_does(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    match node {
        N::DropStmt(drop) => {
            drop.behavior() != DropBehavior::DropCascade
                && !matches!(
                    drop.remove_type(),
                    ObjectType::ObjectSchema | ObjectType::ObjectExtension | ObjectType::ObjectLanguage
                )
        }
        N::IndexStmt(index) => !index.concurrent,
        N::CreateStmt(_)
        | N::AlterTableStmt(_)
        | N::ViewStmt(_)
        | N::CreateSeqStmt(_)
        | N::AlterSeqStmt(_)
        | N::CreateEnumStmt(_)
        | N::AlterEnumStmt(_)
        | N::CreateDomainStmt(_)
        | N::CompositeTypeStmt(_)
        | N::CreateRangeStmt(_)
        | N::CreateFunctionStmt(_)
        | N::CreateTrigStmt(_)
        | N::CreatePolicyStmt(_)
        | N::CreateStatsStmt(_)
        | N::CreateSchemaStmt(_)
        | N::CommentStmt(_)
        | N::GrantStmt(_)
        | N::InsertStmt(_)
        | N::UpdateStmt(_)
        | N::DeleteStmt(_)
        | N::VariableSetStmt(_) => true,
        _ => false,
    }
}
