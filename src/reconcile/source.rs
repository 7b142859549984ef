//! What a source says: target files by way of a scratch database, everything else as it is.

use super::Setup;
use crate::apply::ledger::snapshot;
use crate::db::Url;
use crate::desired::elaborate::{Desired, Workshop, elaborate};
use crate::desired::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::introspect;

/// Returns what a source declares; a database and a kept state declare everything in them.
pub(super) fn read(setup: &Setup, source: &Source, workshop: &Workshop) -> Result<Desired> {
    match source {
        Source::Database(text) => whole(&Url::parse(text, &setup.environment)?),
        Source::Live(Some(url)) => whole(url),
        Source::Ledger(point, Some(url)) => Ok(Desired {
            catalog: snapshot(url, point)?,
            ..Desired::default()
        }),
        Source::Environment(_) | Source::Live(None) | Source::Ledger(_, None) => Err(Error::usage(format!(
            "the command line must resolve {source} before it is read"
        ))),
        Source::Snapshot(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| Error::io(format!("read {}", path.display()), &error))?;
            let catalog = serde_json::from_str(&text).map_err(|error| {
                Error::new(ErrorKind::Usage, format!("{} is no snapshot: {error}", path.display()))
                    .hint("Write one with `trueup inspect SOURCE --format json`.")
            })?;
            Ok(Desired {
                catalog,
                ..Desired::default()
            })
        }
        Source::Folder(_) | Source::File(_) | Source::Git { .. } => elaborate(|| source.files(), workshop),
    }
}

fn whole(url: &Url) -> Result<Desired> {
    let (_, catalog) = introspect::introspect(url, introspect::Options::default())?;
    Ok(Desired {
        catalog,
        ..Desired::default()
    })
}
