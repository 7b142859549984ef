//! The schema as a file, written after an apply where the configuration asks for it.

use std::path::Path;

use super::files::{Language, target_files, write_all, write_one};
use crate::db::Url;
use crate::desired::write;
use crate::error::{Error, Result};
use crate::introspect;

/// Writes the schema of a database: the ending of the name says as what (`.sql`, `.yaml`, `.json`); a name without one is
/// a folder of SQL files.
pub(super) fn export(url: &Url, path: &Path) -> Result<()> {
    let (_, catalog) = introspect::introspect(url, introspect::Options::default())?;
    let Some(ending) = path.extension().and_then(|ending| ending.to_str()) else {
        return write_all(path, &target_files(&catalog, Language::Sql, None));
    };
    let text = match ending {
        "json" => serde_json::to_string_pretty(&catalog).map_err(|error| Error::internal(error.to_string()))? + "\n",
        "yaml" | "yml" => {
            let documents = target_files(&catalog, Language::Yaml, None).into_values();
            documents.collect::<Vec<_>>().join("---\n")
        }
        _ => write::sql_script(&catalog),
    };
    write_one(path, &text)
}
