//! Numbered migration files: read, run forward and back, recorded in the ledger.

mod accept;
mod checksum;
mod directory;
mod header;
mod import;
mod layout;
mod log;
mod new;
mod outlook;
mod outside;
mod program;
mod rate;
mod reset;
mod run;
mod section;
mod state;
mod version;
mod waiver;
mod whole;

pub use crate::apply::ledger::migrations::{Origin, Recorded, Standing};
pub use checksum::Checksum;
pub use directory::{Directory, Migration, Script};
pub use header::Header;
pub use import::{ImportOptions, Imported, Tool, read_mapping};
pub use layout::Layout;
pub use log::Log;
pub use new::{Content, create, renumber};
pub use outlook::{Item, Migrator, Outlook, Selection};
pub use rate::Placed;
pub use run::{Event, Finished, Mode, Report};
pub use state::{Condition, Entry, Problem, State};
pub use version::Version;
pub use whole::{Deviation, Side, Squashed, generate, squash, verify};
