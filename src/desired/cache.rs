//! What target files declare, kept for the next run: under the files' texts, the server's version and this tool's own.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::elaborate::{Desired, Workshop};
use super::source::TargetFile;
use crate::catalog::{Fingerprint, Pool, packed};
use crate::db::Server;
use crate::introspect;
use crate::kinds::Area;
use crate::scratch;

/// Returns what the catalog of these files on this scratch server is cached under, when the server's version is known
/// without starting it.
pub(crate) fn key(files: &[TargetFile], workshop: &Workshop) -> Option<Fingerprint> {
    if !workshop.cache {
        return None;
    }
    let version = match workshop.scratch {
        scratch::Choice::Auto | scratch::Choice::Local => {
            let wanted = workshop.model().map(Server::major);
            scratch::find_binaries(workshop.machine, wanted).ok()?.banner
        }
        scratch::Choice::Server(url) => Server::read(&mut url.connect().ok()?).ok()?.version,
        scratch::Choice::Live => workshop.live?.1.version.clone(),
    };
    let model = workshop.model().map(|server| (server.user.clone(), server.major()));
    let texts: Vec<(&str, &str)> = files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_str()))
        .collect();
    // What is read back depends on the kinds' queries, so they are a part of the key.
    let tool = (env!("CARGO_PKG_VERSION"), introspect::queries(), Area::managed());
    Some(Fingerprint::of(&(tool, version, model, texts)))
}

/// Returns where the catalog of these files is kept.
pub(super) fn slot(files: &[TargetFile], workshop: &Workshop) -> Option<PathBuf> {
    let name = format!("{}.lines", key(files, workshop)?);
    Some(workshop.machine.cache.join("desired").join(name))
}

/// Returns what was kept.
pub(super) fn read(slot: &Path, pool: Option<&Pool>) -> Option<Desired> {
    let mut lines = BufReader::new(File::open(slot).ok()?);
    let mut head = String::new();
    lines.read_line(&mut head).ok()?;
    let desired: Desired = serde_json::from_str(&head).ok()?;
    drop(head);
    Some(Desired {
        catalog: packed::read(&mut lines, pool).ok()?,
        ..desired
    })
}

/// Keeps what target files declare.
pub(super) fn write(slot: &Path, desired: &Desired) {
    make(slot, |out| {
        serde_json::to_writer(&mut *out, desired)?;
        out.write_all(b"\n")?;
        packed::write(&desired.catalog, out)
    });
}

/// Keeps a value for the next run.
pub(crate) fn keep<T: Serialize>(slot: &Path, value: &T) {
    make(slot, |out| Ok(serde_json::to_writer(out, value)?));
}

/// Makes a file of the cache; one that cannot be written costs time, nothing else.
fn make(slot: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
    let Some(folder) = slot.parent() else { return };
    let unfinished = slot.with_extension(format!("{}.part", std::process::id()));
    let written = || {
        fs::create_dir_all(folder)?;
        let mut out = BufWriter::new(File::create(&unfinished)?);
        write(&mut out)?;
        out.flush()?;
        fs::rename(&unfinished, slot)
    };
    if written().is_err() {
        let _ = fs::remove_file(&unfinished);
    }
}
