//! Numbered migration files: read, run forward and back, recorded in the ledger.

mod checksum;
mod directory;
mod header;
mod layout;
mod outside;
mod program;
mod section;
mod version;

pub use checksum::Checksum;
pub use directory::{Directory, Migration, Script};
pub use header::Header;
pub use layout::Layout;
pub use version::Version;
