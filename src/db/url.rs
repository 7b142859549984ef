//! Connection targets: what libpq reads from a URL and the `PG*` variables.
//!
//! `Display` and `Debug` show host, port, role and database, and never a password.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::parts::{Parts, invalid};
use super::pgpass;
use crate::error::{Error, Result};

/// Directories where packaged servers put their socket; libpq knows only the one of its own build.
pub(super) const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];
pub(super) const DEFAULT_PORT: u16 = 5432;
pub(super) const APPLICATION_NAME: &str = "trueup";
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A host name or an address.
    Tcp(String),
    /// The directory of a unix socket.
    Socket(PathBuf),
}

impl Host {
    pub(super) fn parse(text: &str) -> Self {
        if text.starts_with('/') || text.starts_with('@') {
            Self::Socket(PathBuf::from(text))
        } else {
            Self::Tcp(text.to_owned())
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) if name.contains(':') => write!(f, "[{name}]"),
            Self::Tcp(name) => f.write_str(name),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// What libpq's `sslmode` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only when the server insists.
    Allow,
    /// TLS where the server has it.
    Prefer,
    /// TLS; the certificate is verified only where a root certificate is given.
    Require,
    /// TLS with a certificate of a trusted root.
    VerifyCa,
    /// TLS with a certificate of a trusted root for this very host.
    VerifyFull,
}

impl SslMode {
    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(Error::usage("sslmode is not known")
                    .hint("Use one of disable, allow, prefer, require, verify-ca and verify-full."));
            }
        })
    }
}

/// Where trusted root certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// `~/.postgresql/root.crt`, if it is there.
    Default(Option<PathBuf>),
    /// A file that must be there.
    File(PathBuf),
    /// The operating system's.
    System,
}

/// A connection target. Neither `Display` nor `Debug` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    pub(super) hosts: Vec<(Host, u16)>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) passfile: Option<PathBuf>,
    pub(super) database: String,
    pub(super) sslmode: SslMode,
    pub(super) roots: Roots,
    pub(super) options: Option<String>,
    pub(super) application_name: String,
    /// In seconds; 0 waits for ever.
    pub(super) connect_timeout: Option<u64>,
    /// Parameters for the `postgres` crate, by its names.
    pub(super) passed_on: BTreeMap<&'static str, String>,
}

impl Url {
    /// Parses a `postgres://` or `postgresql://` URL; the environment fills what the URL leaves out.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self> {
        let rest = SCHEMES
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .ok_or_else(|| invalid("does not start with postgres:// or postgresql://"))?;
        Parts::split(rest)?.finish(environment)
    }

    /// Returns the same target for another role, without a password.
    #[must_use]
    pub fn with_user(&self, user: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: None,
            ..self.clone()
        }
    }

    /// Returns the target that the environment alone names, as psql without arguments would.
    pub fn from_environment(environment: &Environment) -> Result<Self> {
        Parts::default().finish(environment)
    }

    /// Tells whether a text is meant as a URL of a database.
    pub fn looks_like(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Makes the target of a server that listens on a unix socket only and trusts whoever reaches it.
    pub(crate) fn socket(directory: &Path, user: &str, database: &str) -> Self {
        Self {
            hosts: vec![(Host::Socket(directory.to_owned()), DEFAULT_PORT)],
            user: user.to_owned(),
            password: None,
            passfile: None,
            database: database.to_owned(),
            sslmode: SslMode::Disable,
            roots: Roots::Default(None),
            options: None,
            application_name: APPLICATION_NAME.to_owned(),
            connect_timeout: None,
            passed_on: BTreeMap::new(),
        }
    }

    /// Returns the same server with another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            database: name.to_owned(),
            ..self.clone()
        }
    }

    /// Returns the database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Returns the role's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the hosts with their ports, in the order in which they are tried.
    pub fn hosts(&self) -> &[(Host, u16)] {
        &self.hosts
    }

    /// Returns the password for a host: that of the URL or the environment, else that of the password file.
    pub(super) fn password_for(&self, host: &Host, port: u16) -> Option<String> {
        if self.password.is_some() {
            return self.password.clone();
        }
        let host = match host {
            Host::Tcp(name) => name.clone(),
            Host::Socket(path) if SOCKET_DIRECTORIES.iter().any(|known| path == Path::new(known)) => {
                "localhost".to_owned()
            }
            Host::Socket(path) => path.display().to_string(),
        };
        let wanted = pgpass::Wanted {
            host: &host,
            port,
            database: &self.database,
            user: &self.user,
        };
        pgpass::find(self.passfile.as_deref()?, &wanted)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.user)?;
        for (at, (host, port)) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}:{port}", if at == 0 { "" } else { "," })?;
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
