//! Provider: a scratch database on the live server, only when the user asks for it.

use super::server::{self, OnServer};
use crate::db::Url;
use crate::error::{Error, Result};

/// Makes a scratch database next to the live one.
pub(super) fn open(live: Option<&Url>) -> Result<OnServer> {
    let live = live.ok_or_else(|| {
        Error::usage("a scratch database on the live server needs a live server")
            .hint("Name it with `--database URL`, or leave `--scratch live` out.")
    })?;
    server::make(live, "on the live server".to_owned())
}
