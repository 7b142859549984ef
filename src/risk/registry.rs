//! The one ordered registry of rules: everything that is said about rules derives from it.

use rayon::prelude::*;

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
// belongs to others. 7xx: advice. 9xx: what trueup itself is about to do.
registry! {
    "TU101" = identifying_type, "type change of an identifying column";
    "TU102" = table_drop, "drop of a table";
    "TU103" = column_drop, "drop of a column";
    "TU104" = holder_drop, "drop of what holds data or meaning";
    "TU105" = lossy_cast, "narrowing or lossy cast";
    "TU106" = rows_lost, "rebuild that loses rows or values";
    "TU107" = definition_drop, "drop of a definition";
    "TU108" = guard_drop, "drop of a constraint or an index";
    "TU109" = needed_index, "drop of an index that is needed";
    "TU110" = value_source_drop, "drop of a default, an identity or an expression";
    "TU201" = constraint_on_rows, "constraint that existing rows can break";
    "TU202" = required_column, "required column without a default";
    "TU203" = nulls_possible, "not null where nulls are possible";
    "TU204" = unproven_attachment, "partition whose rows may be out of bounds";
    "TU301" = table_rewrite, "table rewrite";
    "TU302" = locked_scan, "long scan under a strong lock";
    "TU303" = blocking_build, "index build that blocks writes";
    "TU304" = many_locks, "strong locks on several tables at once";
    "TU305" = filled_column, "column that is filled row by row";
    "TU306" = stored_generation, "stored generated column";
    "TU307" = logging, "table that becomes unlogged or logged";
    "TU308" = unindexed_reference, "foreign key without an index";
    "TU309" = detachment, "partition that is detached";
    "TU401" = row_security, "change of row security";
    "TU402" = rights, "change of owner, privileges or whose rights count";
    "TU403" = unsafe_definer, "owner's rights without a search path";
    "TU501" = rename, "rename";
    "TU502" = enum_rebuild, "enum value removed or moved";
    "TU503" = firing, "change of a trigger or a rule";
    "TU504" = repeated_value, "value that a sequence can repeat";
    "TU505" = overflow, "sequence near its end";
    "TU506" = replication, "change of what is replicated";
    "TU507" = cascade, "foreign key that deletes or changes rows";
    "TU508" = possible_rename, "possible rename";
    "TU601" = extension, "change of an extension";
    "TU701" = json_type, "advice: json";
    "TU702" = padded_type, "advice: char(n)";
    "TU703" = zoneless_time, "advice: timestamp without time zone";
    "TU704" = serial_column, "advice: serial";
    "TU705" = long_name, "advice: name at the limit";
    "TU901" = lossy_rollback, "rollback that loses data";
}

/// Returns what all rules find, sorted by step, code and object.
pub fn findings(look: &Look) -> Vec<Finding> {
    let mut out: Vec<Finding> = RULES
        .par_iter()
        .flat_map_iter(|rule| (rule.check)(look).into_iter().map(|hit| hit.finding(rule.code)))
        .collect();
    out.sort_by(|a, b| (a.step, &a.code, &a.object, &a.message).cmp(&(b.step, &b.code, &b.object, &b.message)));
    out
}
