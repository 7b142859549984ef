//! The forms of all families, and the order of sections in a file.

mod column;
mod constraint;
mod database;
mod index;
mod relation;
mod role;
mod routine;
mod table;
mod trigger;
mod types;

use super::form::Form;
pub(super) use role::THIS_DATABASE;

/// Sections of a file, in the order in which they are written.
pub(super) const SECTIONS: &[&Form] = &[
    &role::DATABASE,
    &role::ROLES,
    &database::EXTENSIONS,
    &types::COLLATIONS,
    &types::ENUMS,
    &types::DOMAINS,
    &types::COMPOSITE_TYPES,
    &types::RANGES,
    &relation::SEQUENCES,
    &table::TABLES,
    &relation::VIEWS,
    &relation::MATERIALIZED_VIEWS,
    &routine::FUNCTIONS,
    &routine::PROCEDURES,
    &routine::AGGREGATES,
    &database::EVENT_TRIGGERS,
    &database::DEFAULT_PRIVILEGES,
];

/// States of triggers and rules.
pub(super) const FIRING: &[(&str, &str)] = &[
    ("origin", "origin"),
    ("disabled", "disabled"),
    ("replica", "replica"),
    ("always", "always"),
];

/// Storage modes of a column.
pub(super) const STORAGE: &[(&str, &str)] = &[("plain", "p"), ("external", "e"), ("extended", "x"), ("main", "m")];

/// Compression methods of a column.
pub(super) const COMPRESSION: &[(&str, &str)] = &[("pglz", "p"), ("lz4", "l")];
