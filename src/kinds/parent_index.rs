//! What an attached partition's index is attached to.

use serde::{Deserialize, Serialize};

use super::{Row, sql};
use crate::catalog::Addresses;
use crate::error::Result;

/// An index of a partitioned table, which mostly belongs to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentIndex {
    /// Schema.
    pub schema: String,
    /// Partitioned table.
    pub table: String,
    /// Name.
    pub name: String,
    /// Whether it belongs to a key.
    pub of_key: bool,
}

impl ParentIndex {
    /// Reads it from a row of the catalog query of keys.
    pub(super) fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let Some(name) = row.try_get("parent_name")? else {
            return Ok(None);
        };
        let Some((schema, table)) = sql::table_at(addresses, row.try_get("parent_table")?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            schema,
            table,
            name,
            of_key: row.try_get("parent_of_key")?,
        }))
    }
}
