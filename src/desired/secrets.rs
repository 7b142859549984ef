//! The secrets that target files state, for as long as a plan is executed.

use super::source::Source;
use super::statement::{parse, prepare};
use crate::error::Result;
use crate::kinds::Secrets;

/// Learns the secrets of a source that has target files; others have none that can be read here.
///
/// # Errors
/// The files cannot be read.
pub fn learn(secrets: &Secrets, source: &Source) -> Result<()> {
    if !matches!(source, Source::Folder(_) | Source::File(_) | Source::Git { .. }) {
        return Ok(());
    }
    for statement in prepare(&source.files()?)?.statements {
        if let Some(node) = parse(&statement.sql) {
            secrets.learn_statement(&node);
        }
    }
    Ok(())
}
