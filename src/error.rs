//! The one error type of trueup: what went wrong, who must act, and which exit code follows.
//!
//! A message is a lower-case fragment that fits "failed to …" or "error: …"; the hint is a full sentence that says
//! what to try. Neither ever holds a password, a connection string or a row value.

use std::fmt;

/// Result with trueup's error.
pub type Result<T> = std::result::Result<T, Error>;

/// Names the class of an error; exit code and HTTP status follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line, the configuration file or a plan file is wrong; the caller must change it.
    Usage,
    /// A target file is wrong; its author must change it.
    Target,
    /// A server cannot be reached or refuses the connection.
    Connection,
    /// A server answered a statement with an error.
    Database,
    /// No scratch database could be had.
    Scratch,
    /// A file could not be read or written.
    Io,
    /// A finding at or above the allowed risk is not approved.
    Blocked,
    /// A plan did not hold when it was executed on a scratch database.
    Refuted,
    /// The live database has moved since the plan was made.
    Moved,
    /// An execution failed part-way.
    Partial,
    /// trueup itself is wrong; the message should be reported.
    Internal,
}

impl ErrorKind {
    /// Returns the exit code that design and manual promise for this class.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Blocked => 3,
            Self::Moved => 4,
            Self::Partial => 5,
            _ => 1,
        }
    }
}

/// Error with its class, an optional place in a target file, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Class.
    pub kind: ErrorKind,
    /// Lower-case fragment that says what failed.
    pub message: String,
    /// Full sentence that says who must act and what to try.
    pub hint: Option<String>,
    /// Extra lines, for example the offending line of a target file with a marker below.
    pub detail: Vec<String>,
    /// SQLSTATE, when a server reported the error.
    pub sqlstate: Option<String>,
}

impl Error {
    /// Makes an error of a class with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            detail: Vec::new(),
            sqlstate: None,
        }
    }

    /// Makes a usage error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Makes an error about a target file.
    pub fn target(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Target, message)
    }

    /// Makes an error about trueup itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
            .hint("This is a bug in trueup: please report it with the command and this message.")
    }

    /// Makes an input/output error that names what was being done.
    pub fn io(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("{doing}: {error}"))
    }

    /// Adds the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a line of detail.
    #[must_use]
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.detail.push(line.into());
        self
    }

    /// Puts what was being done before the message.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(state) = &self.sqlstate {
            write!(f, " (SQLSTATE {state})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<postgres::Error> for Error {
    /// Keeps message, detail, hint and SQLSTATE of a server's error; the connection string is never part of it.
    fn from(error: postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            let kind = if error.is_closed() {
                ErrorKind::Connection
            } else {
                ErrorKind::Database
            };
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            return Self::new(kind, format!("{error}{}", cause.unwrap_or_default()));
        };
        let mut out = Self::new(ErrorKind::Database, db.message());
        out.sqlstate = Some(db.code().code().to_owned());
        out.hint = db.hint().map(str::to_owned);
        out.detail.extend(
            db.where_()
                .map(|place| format!("at {}", place.lines().next().unwrap_or(place))),
        );
        out
    }
}
