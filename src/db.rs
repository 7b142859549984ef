//! Connections and server facts.
//!
//! A [`Url`] names a database as libpq would, [`Url::connect`] opens it with errors that say who must act, and
//! [`Server`] holds what the rest of trueup needs to know about the server behind it.

mod child;
mod connect;
mod environment;
mod parts;
mod pgpass;
mod server;
mod sessions;
mod tls;
mod url;

pub use environment::Environment;
pub use server::{NEWEST_MAJOR, OLDEST_MAJOR, Server};
pub use url::{Host, SslMode, Url};

pub(crate) use child::FOREIGN;
pub(crate) use environment::{Account, accounts};
