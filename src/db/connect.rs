//! Opens connections and turns their failures into errors that name the cause.

use std::error::Error as _;
use std::io;
use std::net::ToSocketAddrs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use postgres::config::SslMode as WireMode;
use postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use super::url::{Host, SslMode, Url};
use crate::error::{Error, ErrorKind, Result};

/// Limit for reaching a host, where the URL sets none.
const REACH: Duration = Duration::from_secs(10);
/// Limit for the whole login, where the URL sets none; servers that sleep take tens of seconds to wake.
const LOGIN: Duration = Duration::from_secs(30);

impl Url {
    /// Opens a connection: hosts in order, the first that can be reached decides.
    pub fn connect(&self) -> Result<Client> {
        let mut last: Option<Error> = None;
        for (host, port) in &self.hosts {
            let target = Target {
                url: self,
                host,
                port: *port,
            };
            match target.connect() {
                Ok(client) => return Ok(client),
                Err(failure) if failure.tries_next() => {
                    let mut error = failure.explain(&target);
                    error.detail.extend(
                        last.into_iter()
                            .flat_map(|last| [vec![last.message], last.detail].concat()),
                    );
                    last = Some(error);
                }
                Err(failure) => return Err(failure.explain(&target)),
            }
        }
        Err(last.unwrap_or_else(|| Error::internal("a database URL without a host")))
    }
}

/// One host of a URL.
struct Target<'a> {
    url: &'a Url,
    host: &'a Host,
    port: u16,
}

/// Why a connection did not come about.
enum Failure {
    Ours(Error),
    Silent(Duration),
    Theirs(postgres::Error),
}

impl Target<'_> {
    /// Tries with and without TLS in the order that `sslmode` means.
    fn connect(&self) -> std::result::Result<Client, Failure> {
        if matches!(self.host, Host::Socket(_)) {
            return self.attempt(WireMode::Disable);
        }
        match self.url.sslmode {
            SslMode::Disable => self.attempt(WireMode::Disable),
            SslMode::Allow => self
                .attempt(WireMode::Disable)
                .or_else(|first| self.second(first, WireMode::Require)),
            SslMode::Prefer => self
                .attempt(WireMode::Prefer)
                .or_else(|first| self.second(first, WireMode::Disable)),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => self.attempt(WireMode::Require),
        }
    }

    /// Tries the other way after a refusal that TLS, or its absence, may have caused.
    fn second(&self, first: Failure, mode: WireMode) -> std::result::Result<Client, Failure> {
        if !matches!(&first, Failure::Theirs(error) if is_tls(error) || is_host_rule(error)) {
            return Err(first);
        }
        self.attempt(mode).map_err(|second| match (&first, &second) {
            // Let in the other way, and then refused for a reason of its own: that one matters.
            (Failure::Theirs(one), Failure::Theirs(other)) if is_host_rule(one) && !is_host_rule(other) => second,
            _ => first,
        })
    }

    fn attempt(&self, mode: WireMode) -> std::result::Result<Client, Failure> {
        let config = self.config(mode).map_err(Failure::Ours)?;
        let tls = match mode {
            WireMode::Disable => None,
            _ => Some(tls::configuration(self.url).map_err(Failure::Ours)?),
        };
        let open = move || match tls {
            None => config.connect(NoTls),
            Some(tls) => config.connect(MakeRustlsConnect::new(tls)),
        };
        let limit = match self.url.connect_timeout {
            Some(0) => return open().map_err(Failure::Theirs),
            Some(seconds) => Duration::from_secs(seconds.max(2)),
            None => LOGIN,
        };
        // The driver limits only the TCP handshake; a host that accepts and never answers needs a limit as well.
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            // After the limit nobody listens any more, and a late connection is closed.
            let _ = sender.send(open());
        });
        match receiver.recv_timeout(limit) {
            Ok(outcome) => outcome.map_err(Failure::Theirs),
            Err(_) => Err(Failure::Silent(limit)),
        }
    }

    fn config(&self, mode: WireMode) -> Result<Config> {
        let url = self.url;
        let passed_on: Vec<String> = url
            .passed_on
            .iter()
            .map(|(name, value)| format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'")))
            .collect();
        let mut config: Config = passed_on.join(" ").parse().map_err(|error: postgres::Error| {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            Error::usage(format!("the database URL has a wrong parameter: {cause}"))
                .hint("Correct its value; the parameters are those of libpq.")
        })?;
        match self.host {
            Host::Tcp(name) => config.host(name),
            Host::Socket(path) => config.host_path(path),
        };
        config
            .port(self.port)
            .user(&url.user)
            .dbname(&url.database)
            .application_name(&url.application_name)
            .ssl_mode(mode);
        match url.connect_timeout {
            None => config.connect_timeout(REACH),
            Some(0) => &mut config,
            Some(seconds) => config.connect_timeout(Duration::from_secs(seconds.max(2))),
        };
        if let Some(options) = &url.options {
            config.options(options);
        }
        if let Some(password) = url.password_for(self.host, self.port) {
            config.password(password);
        }
        Ok(config)
    }
}

impl Failure {
    /// A host that cannot be reached gives way to the next one; a server's refusal is final, as in libpq.
    fn tries_next(&self) -> bool {
        match self {
            Self::Ours(_) => false,
            Self::Silent(_) => true,
            Self::Theirs(error) => match error.as_db_error() {
                Some(refusal) => matches!(refusal.code().code(), "57P03" | "53300"),
                None => io_cause(error).is_some() && !is_tls(error),
            },
        }
    }

    fn explain(self, target: &Target<'_>) -> Error {
        let place = format!("`{}:{}`", target.host, target.port);
        match self {
            Self::Ours(error) => error,
            Self::Silent(limit) => connection(
                format!(
                    "the server at {place} did not answer within {} seconds",
                    limit.as_secs()
                ),
                "Check host, port and firewall; connect_timeout=SECONDS in the URL waits longer.",
            ),
            Self::Theirs(error) if error.as_db_error().is_some() => refused(target, &place, error),
            Self::Theirs(error) if is_tls(&error) => tls_failed(&place, &error),
            Self::Theirs(error) => unreachable(target, &place, error),
        }
    }
}

fn connection(message: String, hint: &str) -> Error {
    Error::new(ErrorKind::Connection, message).hint(hint)
}

/// Explains what a server answered instead of letting us in.
fn refused(target: &Target<'_>, place: &str, error: postgres::Error) -> Error {
    let (user, database) = (&target.url.user, &target.url.database);
    let host_rule = is_host_rule(&error);
    let state = error.code().map_or("", |state| state.code()).to_owned();
    let mut out = Error::from(error);
    out.kind = ErrorKind::Connection;
    out.detail.clear();
    let hint = match state.as_str() {
        "28P01" => format!(
            "Check the password of role `{user}`: it is taken from the URL, then PGPASSWORD, then the password file ~/.pgpass, \
             which must be readable by its owner alone."
        ),
        "28000" if host_rule => format!(
            "The server's pg_hba.conf lets `{user}` into `{database}` neither this way nor from here: its administrator must add a \
             line, or try another sslmode."
        ),
        "28000" => format!("Name a role that exists and may log in; `{user}` was tried."),
        "3D000" => format!("Name a database that exists, or create it: `{database}` was tried."),
        "42501" => format!("The owner of `{database}` must grant CONNECT on it to `{user}`."),
        "53300" => "Close other connections, or raise max_connections on the server.".to_owned(),
        "57P03" => "The server is starting up or shutting down: try again in a moment.".to_owned(),
        _ => return out.context(format!("connect to {place}")),
    };
    out.context(format!("connect to {place}")).hint(hint)
}

fn tls_failed(place: &str, error: &postgres::Error) -> Error {
    let cause = error.source();
    if let Some(rustls::Error::InvalidCertificate(reason)) = cause.and_then(rustls_cause) {
        return connection(
            format!("the certificate of {place} is not trusted: {reason}"),
            "Pass sslrootcert=FILE with the authority that signed it, or connect by a name that stands in the certificate; \
             sslmode=verify-ca does not check the name.",
        );
    }
    let cause = cause.map(ToString::to_string).unwrap_or_default();
    if cause.contains("does not support TLS") {
        return connection(
            format!("the server at {place} does not support TLS"),
            "Use sslmode=prefer or sslmode=disable if the network is trusted, or switch TLS on at the server.",
        );
    }
    connection(
        format!("TLS with {place} failed: {cause}"),
        "Check that the server speaks TLS 1.2 or newer, or use sslmode=disable if the network is trusted.",
    )
}

fn unreachable(target: &Target<'_>, place: &str, error: postgres::Error) -> Error {
    let Some(cause) = io_cause(&error) else {
        return unusual(target, place, error);
    };
    // An error of the operating system has a number, one of the name service has none.
    if let (Host::Tcp(name), None) = (target.host, cause.raw_os_error())
        && (name.as_str(), target.port).to_socket_addrs().is_err()
    {
        return connection(
            format!("host name `{name}` cannot be resolved"),
            "Check its spelling in the URL or in PGHOST, and that the name server knows it.",
        );
    }
    let (what, hint) = match cause.kind() {
        io::ErrorKind::ConnectionRefused => (
            "nothing listens there".to_owned(),
            "Check host and port, and that the server runs and accepts TCP connections (listen_addresses).",
        ),
        io::ErrorKind::NotFound => (
            "there is no such socket".to_owned(),
            "Check that the server runs and where its socket is (unix_socket_directories), or name a host in the URL.",
        ),
        io::ErrorKind::TimedOut => (
            "no answer in time".to_owned(),
            "Check host, port and firewall; connect_timeout=SECONDS in the URL waits longer.",
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => (
            "the connection was closed before the login was done".to_owned(),
            "Check that PostgreSQL listens on this port, and what its log says.",
        ),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => (
            "what answers there does not speak PostgreSQL's protocol".to_owned(),
            "Check host and port.",
        ),
        _ => (
            cause.to_string(),
            "Check host and port, and that the network between here and the server lets them through.",
        ),
    };
    connection(format!("the server at {place} cannot be reached: {what}"), hint)
}

/// Explains failures that neither the server nor the network caused.
fn unusual(target: &Target<'_>, place: &str, error: postgres::Error) -> Error {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    if cause == "password missing" {
        return connection(
            format!(
                "the server at {place} asks for a password of role `{}`",
                target.url.user
            ),
            "Put it into PGPASSWORD, the URL, or the password file ~/.pgpass, which must be readable by its owner alone.",
        );
    }
    let mut out = Error::from(error);
    out.kind = ErrorKind::Connection;
    if cause.contains("channel binding") {
        out.hint = Some("Use sslmode=verify-full instead of channel_binding=require in the URL.".to_owned());
    }
    out.context(format!("connect to {place}"))
}

fn is_tls(error: &postgres::Error) -> bool {
    // The driver keeps the kind of its errors private; only the text tells.
    error.to_string() == "error performing TLS handshake"
}

/// A rule of the server's `pg_hba.conf` turned the connection away; its text differs per language, its code does not.
fn is_host_rule(error: &postgres::Error) -> bool {
    let routine = error.as_db_error().and_then(postgres::error::DbError::routine);
    error.code().is_some_and(|state| state.code() == "28000") && routine == Some("ClientAuthentication")
}

fn io_cause(error: &postgres::Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

fn rustls_cause<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    cause.downcast_ref().or_else(|| wrapped?.downcast_ref())
}
