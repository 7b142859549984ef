//! Writes target files.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;

use crate::catalog::Catalog;
use crate::desired::{write, yaml};
use crate::error::{Error, Result};

/// What stands in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Layout {
    /// All tables of a schema in one file, all views in another; with YAML one file per schema
    Family,
    /// One file per table, view, routine or type, with all that belongs to it
    Table,
}

impl From<Layout> for write::Layout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Family => Self::Family,
            Layout::Table => Self::Table,
        }
    }
}

/// Language of target files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// SQL
    Sql,
    /// YAML
    Yaml,
}

/// Returns a catalog as target files, by path.
pub(super) fn target_files(catalog: &Catalog, language: Language, layout: Option<Layout>) -> BTreeMap<String, String> {
    match language {
        Language::Sql => write::sql_files(catalog, layout.unwrap_or(Layout::Table).into()),
        Language::Yaml => yaml::yaml_files(catalog, layout.map(Into::into)),
    }
}

/// Writes files below a folder, which is made where it is missing.
pub(super) fn write_all(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    files
        .iter()
        .try_for_each(|(path, text)| write_one(&folder.join(path), text))
}

/// Writes a file with the folders that it needs.
pub(super) fn write_one(path: &Path, text: &str) -> Result<()> {
    let naming = |error: std::io::Error| Error::io(format!("write {}", path.display()), &error);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(naming)?;
    }
    std::fs::write(path, text).map_err(naming)
}
