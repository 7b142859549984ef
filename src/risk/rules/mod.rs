//! The rules, one file each. A file's opening comment is the rule's manual page.

pub(super) mod blocking_build;
pub(super) mod column_drop;
pub(super) mod constraint_on_rows;
pub(super) mod definition_drop;
pub(super) mod enum_rebuild;
pub(super) mod extension;
pub(super) mod guard_drop;
pub(super) mod holder_drop;
pub(super) mod identifying_type;
pub(super) mod locked_scan;
pub(super) mod lossy_cast;
pub(super) mod lossy_rollback;
pub(super) mod many_locks;
pub(super) mod rename;
pub(super) mod required_column;
pub(super) mod rights;
pub(super) mod row_security;
pub(super) mod rows_lost;
pub(super) mod table_drop;
pub(super) mod table_rewrite;
