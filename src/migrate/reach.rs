//! What files can reach of the live database, as far as their statements say: that alone has to be on scratch, so that a
//! file for one table of thousands is tried in no time.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{GrantTargetType, ObjectType};

use super::outlook::Item;
use super::program::Line;
use super::rate::words;
use crate::catalog::Catalog;
use crate::prove::named;

/// Returns the part of the live state that files can reach; nothing where one of them does not say what it touches.
pub(super) fn reach(items: &[Item], live: &Catalog) -> Option<Catalog> {
    let programs = items
        .iter()
        .flat_map(|item| [Some(&item.program), item.rollback.as_ref()]);
    let mut said = BTreeSet::new();
    for line in programs.flatten().flat_map(|program| &program.lines) {
        if !line.node.as_ref().is_some_and(says_what_it_touches) {
            return None;
        }
        said.extend(all_words(line)?);
    }
    named(&said, live)
}

/// Returns the words of a statement, and of the bodies that it holds; nothing where a body puts statements together from
/// pieces.
fn all_words(line: &Line) -> Option<BTreeSet<String>> {
    let parts = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
    let mut out = words(line);
    let bodies: Vec<String> = out.iter().filter(|word| word.contains(parts)).cloned().collect();
    for body in bodies {
        let inner: BTreeSet<String> = body.split(parts).map(str::to_lowercase).collect();
        if inner.contains("execute") {
            return None;
        }
        out.extend(inner);
    }
    Some(out)
}

/// Tells whether a statement touches nothing but what it names, what hangs on that, and what routines touch that it names.
fn says_what_it_touches(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    match node {
        N::DropStmt(drop) => !matches!(
            drop.remove_type(),
            ObjectType::ObjectSchema | ObjectType::ObjectExtension | ObjectType::ObjectLanguage
        ),
        N::GrantStmt(grant) => grant.targtype() == GrantTargetType::AclTargetObject,
        N::RenameStmt(rename) => rename.rename_type() != ObjectType::ObjectSchema,
        N::IndexStmt(_)
        | N::CreateStmt(_)
        | N::CreateTableAsStmt(_)
        | N::AlterTableStmt(_)
        | N::AlterObjectSchemaStmt(_)
        | N::AlterOwnerStmt(_)
        | N::ViewStmt(_)
        | N::RefreshMatViewStmt(_)
        | N::RuleStmt(_)
        | N::CreateSeqStmt(_)
        | N::AlterSeqStmt(_)
        | N::CreateEnumStmt(_)
        | N::AlterEnumStmt(_)
        | N::CreateDomainStmt(_)
        | N::AlterDomainStmt(_)
        | N::CompositeTypeStmt(_)
        | N::CreateRangeStmt(_)
        | N::CreateFunctionStmt(_)
        | N::AlterFunctionStmt(_)
        | N::CreateTrigStmt(_)
        | N::CreatePolicyStmt(_)
        | N::AlterPolicyStmt(_)
        | N::CreateStatsStmt(_)
        | N::CreateSchemaStmt(_)
        | N::CommentStmt(_)
        | N::SelectStmt(_)
        | N::InsertStmt(_)
        | N::UpdateStmt(_)
        | N::DeleteStmt(_)
        | N::MergeStmt(_)
        | N::TruncateStmt(_)
        | N::LockStmt(_)
        | N::DoStmt(_)
        | N::CallStmt(_)
        | N::VariableSetStmt(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::program::lines;

    fn says(sql: &str) -> Option<BTreeSet<String>> {
        let line = lines(&[sql]).remove(0);
        let says = line.node.as_ref().is_some_and(says_what_it_touches);
        all_words(&line).filter(|_| says)
    }

    #[test]
    fn what_is_named_is_known() {
        assert!(says("ALTER TABLE a.b ADD c d").unwrap().contains("b"));
        assert!(
            says("DO $$ BEGIN UPDATE \"B\" SET a = 1; END $$")
                .unwrap()
                .contains("b")
        );
        assert!(says("SELECT setval('b', 1)").unwrap().contains("b"));
        assert!(says("SELECT setval('a.b', 1)").unwrap().contains("b"));
        let odd = says("UPDATE \"Ä \"\"b\"\"\" SET c = E'it\\'s', d = 1e1 WHERE é = $q$x'y$q$ -- z").unwrap();
        for word in ["Ä \"b\"", "c", "d", "é", "x", "y"] {
            assert!(odd.contains(word), "{word} in {odd:?}");
        }
        assert!(!odd.contains("z"));
    }

    #[test]
    fn what_is_not_named_is_not() {
        for sql in [
            "DROP SCHEMA a CASCADE",
            "GRANT SELECT ON ALL TABLES IN SCHEMA a TO b",
            "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'a'); END $$",
            "REASSIGN OWNED BY a TO b",
            "CREATE EXTENSION hstore",
        ] {
            assert_eq!(says(sql), None, "{sql}");
        }
    }
}
