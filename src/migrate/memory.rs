//! Trials that held, kept in the cache: the same files on the same state, on the same scratch server, come to the same. What
//! depends on rows, on rulings or on the day is judged anew. No statement is kept, since it may hold rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::outlook::Item;
use super::program::Program;
use super::rate::{Rating, Script};
use crate::catalog::{Catalog, Fingerprint};
use crate::db::Server;
use crate::desired::cache;
use crate::desired::elaborate::Workshop;
use crate::plan::Direction;
use crate::scratch::{self, Choice};

/// Changes when trials are made or judged otherwise, so that old ones are made again.
const FORMAT: u32 = 1;

/// Trials that are kept.
const MOST: usize = 400;

/// Objects of a trial that is kept: more take longer to read than to make.
const LARGEST: usize = 60_000;

/// What came of files that held.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    /// State after them.
    pub(super) after: Fingerprint,
    /// Scratch server.
    pub(super) server: String,
    /// What they change.
    pub(super) rating: Rating,
}

/// The trials that are known for one scratch server and one role.
pub(super) struct Memory {
    folder: Option<PathBuf>,
    context: Fingerprint,
}

impl Memory {
    /// Opens it; empty where the cache is not to be used, or nobody knows the scratch server.
    pub(super) fn new(workshop: &Workshop, server: &Server, search_path: &str, direction: Direction) -> Self {
        let folder = match workshop.scratch {
            Choice::Auto | Choice::Local => scratch::find_binaries(workshop.machine, Some(server.major()))
                .ok()
                .map(|found| found.folder.display().to_string()),
            Choice::Server(url) => Some(format!("{:?} {:?}", url.hosts(), url.database())),
            Choice::Live => workshop.live.map(|(url, _)| format!("{:?}", url.hosts())),
        };
        // Versions of trueup and of the server, and the live role.
        let made_by = cache::key(&[], workshop);
        let is_back = direction == Direction::Rollback;
        let session = (server.version_num, search_path, &server.time_zone);
        let context = Fingerprint::of(&(FORMAT, &made_by, &folder, session, is_back));
        let root = workshop.machine.cache.join("trials");
        Self {
            folder: (folder.is_some() && made_by.is_some()).then_some(root),
            context,
        }
    }

    /// Returns what a state is known by.
    pub(super) fn state(&self, catalog: &Catalog) -> Option<Fingerprint> {
        self.folder.as_ref().map(|_| Fingerprint::of(catalog))
    }

    /// Tells whether something is known of a file, whatever the state.
    pub(super) fn has_met(&self, item: &Item) -> bool {
        self.of(item).is_some_and(|folder| folder.is_dir())
    }

    /// Returns what is known of files on a state.
    pub(super) fn look_up(&self, state: Option<&Fingerprint>, items: &[Item]) -> Option<Known> {
        let slot = self.slot(state?, items)?;
        let mut known: Known = serde_json::from_str(&fs::read_to_string(slot).ok()?).ok()?;
        let script = Script::of(items.iter().map(|item| &item.program));
        known.rating = known.rating.with_statements(&script)?;
        Some(known)
    }

    /// Keeps what came of files on a state.
    pub(super) fn keep(&self, state: Option<&Fingerprint>, items: &[Item], known: Known) {
        let slot = state.and_then(|state| self.slot(state, items));
        let Some(slot) = slot.filter(|_| known.rating.size() <= LARGEST) else {
            return;
        };
        cache::keep(
            &slot,
            &Known {
                rating: known.rating.without_statements(),
                ..known
            },
        );
        if let Some(root) = &self.folder {
            forget_oldest(root);
        }
    }

    fn slot(&self, state: &Fingerprint, items: &[Item]) -> Option<PathBuf> {
        let files: Vec<Fingerprint> = items.iter().map(print).collect();
        let key = Fingerprint::of(&(&self.context, state, files));
        Some(self.of(items.first()?)?.join(format!("{key}.json")))
    }

    fn of(&self, item: &Item) -> Option<PathBuf> {
        let key = Fingerprint::of(&(&self.context, print(item)));
        self.folder.as_ref().map(|root| root.join(key.short()))
    }
}

/// Returns what a file is known by: what runs, and how it commits. Comments do not count.
fn print(item: &Item) -> Fingerprint {
    let way = |program: &Program| {
        let sentences: Vec<String> = program.lines.iter().map(|line| line.sql.clone()).collect();
        let blocks = program.blocks.iter();
        let blocks: Vec<(bool, usize)> = blocks.map(|block| (block.in_transaction, block.count)).collect();
        (sentences, blocks)
    };
    Fingerprint::of(&(way(&item.program), item.rollback.as_ref().map(way), item.skip))
}

/// Removes what was not written for the longest time, once there is too much.
fn forget_oldest(root: &Path) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let age = |entry: &fs::DirEntry| {
        let written = entry.metadata().and_then(|about| about.modified());
        written.unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut folders: Vec<(SystemTime, PathBuf)> = entries(root).map(|entry| (age(&entry), entry.path())).collect();
    folders.sort();
    let too_many = folders.len().saturating_sub(MOST);
    for (_, folder) in folders.into_iter().take(too_many) {
        // Another run may be at it; what stays costs room, nothing else.
        let _ = fs::remove_dir_all(folder);
    }
}
