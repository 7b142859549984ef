//! The plan and its file.

use serde::{Deserialize, Serialize};

use super::steps::{Change, Step};
/// Version of the plan file's format.
pub const FORMAT: u32 = 1;

/// Placeholder until the pipeline is wired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of the format.
    pub format: u32,
    /// Every change by object.
    pub changes: Vec<Change>,
    /// Way forward.
    pub forward: Vec<Step>,
    /// Way back.
    pub rollback: Vec<Step>,
}
