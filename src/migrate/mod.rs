//! Numbered migration files: read, run forward and back, recorded in the ledger.
//!
//! A service can migrate when it starts; several that start at once wait for each other, and each file runs once:
//!
//! ```no_run
//! use std::path::Path;
//! use trueup::apply::{Approvals, Options};
//! use trueup::db::Url;
//! use trueup::error::Result;
//! use trueup::migrate::{Directory, Migrator, Mode, Selection};
//! use trueup::reconcile::Setup;
//!
//! fn migrate(database: &str) -> Result<()> {
//!     let url = Url::parse(database, &Default::default())?;
//!     let setup = Setup::default(); // Files were tried before the release: nothing is on scratch here.
//!     let directory = Directory::read(Path::new("migrations"), None)?;
//!     let migrator = Migrator { setup: &setup, url: &url, directory: &directory };
//!     let selection = Selection::default();
//!     let outlook = migrator.outlook_up(&selection)?;
//!     let what = (&selection, Mode::File);
//!     migrator.run(&outlook, what, &Approvals::default(), &Options::default(), &mut |_| {})?;
//!     Ok(())
//! }
//! ```
//!
//! With `prove: true` and a [`Machine`](crate::scratch::Machine) that may be used, `outlook_up` tries the files first and
//! rates them; [`Migrator::run`] then refuses what nobody has approved.

mod accept;
mod checksum;
mod directory;
mod harmless;
mod header;
mod import;
mod layout;
mod lint;
mod log;
mod memory;
mod new;
mod outlook;
mod outside;
mod program;
mod quick;
mod rate;
mod reach;
mod refusal;
mod reset;
mod run;
mod sample;
mod section;
mod state;
mod text_rules;
mod trial;
mod verify;
mod version;
mod waits;
mod waiver;
mod whole;
mod work;

pub use crate::apply::ledger::migrations::{Origin, Recorded, Standing};
pub use checksum::Checksum;
pub(crate) use directory::title;
pub use directory::{Directory, Migration, Script};
pub use header::Header;
pub use import::{ImportOptions, Imported, Tool, read_mapping};
pub use layout::Layout;
pub use lint::{Linted, Remark, lint, loose};
pub use log::Log;
pub use new::{Content, create, renumber};
pub use outlook::{Item, Migrator, Outlook, Selection};
pub use rate::Placed;
pub use run::{Event, Finished, Mode, Report};
pub use sample::{Tested, sample};
pub use state::{Condition, Entry, Problem, State};
pub use text_rules::{TEXT_RULES, TextRule};
pub use verify::{Deviation, Side, verify};
pub use version::Version;
pub use whole::{Squashed, generate, squash};
