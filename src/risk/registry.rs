//! The one ordered registry of rules: everything that is said about rules derives from it.

use super::finding::Finding;
use super::look::{Hit, Look};
use super::rules;

/// One rule: who reports, and its manual page.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Stable code, for example `TU101`.
    pub code: &'static str,
    /// What the rule is about, as a short noun phrase.
    pub name: &'static str,
    /// Source of the rule's file, whose opening comment is its manual page.
    pub(super) source: &'static str,
    /// Looks for what the rule is about.
    pub(super) check: fn(&Look) -> Vec<Hit>,
}

macro_rules! registry {
    ($( $code:literal = $module:ident, $name:literal; )*) => {
        /// Every rule, in the order of the codes.
        pub const RULES: &[Rule] = &[ $( Rule {
            code: $code,
            name: $name,
            source: include_str!(concat!("rules/", stringify!($module), ".rs")),
            check: rules::$module::check,
        }, )* ];
    };
}

// 1xx: what is lost. 2xx: what existing rows can refuse. 3xx: who waits. 4xx: who may. 5xx: who must know. 6xx: what
// belongs to others. 9xx: what trueup itself is about to do.
registry! {
    "TU101" = identifying_type, "type change of an identifying column";
    "TU102" = table_drop, "drop of a table";
    "TU103" = column_drop, "drop of a column";
    "TU104" = holder_drop, "drop of what holds data or meaning";
    "TU105" = lossy_cast, "narrowing or lossy cast";
    "TU106" = rows_lost, "rebuild that loses rows or values";
    "TU107" = definition_drop, "drop of a definition";
    "TU108" = guard_drop, "drop of a constraint or an index";
    "TU201" = constraint_on_rows, "constraint that existing rows can break";
    "TU202" = required_column, "required column without a default";
    "TU301" = table_rewrite, "table rewrite";
    "TU302" = locked_scan, "long scan under a strong lock";
    "TU303" = blocking_build, "index build that blocks writes";
    "TU304" = many_locks, "strong locks on several tables at once";
    "TU401" = row_security, "change of row security";
    "TU402" = rights, "change of owner, privileges or whose rights count";
    "TU501" = rename, "rename";
    "TU502" = enum_rebuild, "enum value removed or moved";
    "TU601" = extension, "change of an extension";
    "TU901" = lossy_rollback, "rollback that loses data";
}

/// Returns what all rules find, sorted by step, code and object.
pub fn findings(look: &Look) -> Vec<Finding> {
    let mut out: Vec<Finding> = RULES
        .iter()
        .flat_map(|rule| (rule.check)(look).into_iter().map(|hit| hit.finding(rule.code)))
        .collect();
    out.sort_by(|a, b| (a.step, &a.code, &a.object, &a.message).cmp(&(b.step, &b.code, &b.object, &b.message)));
    out
}
