//! The parts of a database URL as text, before the environment and the defaults fill the gaps.
//!
//! Nothing here echoes the text of a URL in an error: a password with a raw `/` or `?` moves into any other part of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::environment::Environment;
use super::url::{APPLICATION_NAME, DEFAULT_PORT, Host, Roots, SOCKET_DIRECTORIES, SslMode, Url};
use crate::error::{Error, Result};

/// Parameters that the `postgres` crate reads itself: name in libpq, name there.
const PASSED_ON: [(&str, &str); 9] = [
    ("channel_binding", "channel_binding"),
    ("keepalives", "keepalives"),
    ("keepalives_count", "keepalives_retries"),
    ("keepalives_idle", "keepalives_idle"),
    ("keepalives_interval", "keepalives_interval"),
    ("load_balance_hosts", "load_balance_hosts"),
    ("sslnegotiation", "sslnegotiation"),
    ("target_session_attrs", "target_session_attrs"),
    ("tcp_user_timeout", "tcp_user_timeout"),
];

/// Parameters of libpq that change nothing here, so that a URL made for psql works.
const IGNORED: [&str; 8] = [
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "krbsrvname",
    "sslcompression",
    "sslsni",
    "requirepeer",
];

/// A URL's parts as text, before the environment and the defaults fill the gaps.
#[derive(Default)]
pub(super) struct Parts {
    hosts: Vec<String>,
    ports: Vec<String>,
    database: Option<String>,
    parameters: BTreeMap<String, String>,
}

impl Parts {
    pub(super) fn split(text: &str) -> Result<Self> {
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.contains(['/', '@']) || (query.contains('@') && !authority.contains('@')) {
            return Err(invalid("has a raw `/`, `?` or `@` where none can stand"));
        }
        let mut parts = Self::default();
        let hosts = match authority.rsplit_once('@') {
            Some((login, hosts)) => {
                parts.read_login(login)?;
                hosts
            }
            None => authority,
        };
        parts.read_hosts(hosts)?;
        if !path.is_empty() {
            parts.database = Some(decode(path)?);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| invalid("has a parameter without a value"))?;
            parts.read_parameter(decode(name)?, decode(value)?)?;
        }
        Ok(parts)
    }

    fn read_login(&mut self, login: &str) -> Result<()> {
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        for (name, value) in [("user", Some(user)), ("password", password)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                self.parameters.insert(name.to_owned(), decode(value)?);
            }
        }
        Ok(())
    }

    fn read_hosts(&mut self, hosts: &str) -> Result<()> {
        for host in hosts.split(',').filter(|_| !hosts.is_empty()) {
            let (name, port) = match host.strip_prefix('[') {
                Some(rest) => {
                    let (address, rest) = rest
                        .split_once(']')
                        .ok_or_else(|| invalid("has an address without its closing bracket"))?;
                    (address, rest.strip_prefix(':').unwrap_or(""))
                }
                None => host.split_once(':').unwrap_or((host, "")),
            };
            self.hosts.push(decode(name)?);
            self.ports.push(port.to_owned());
        }
        Ok(())
    }

    fn read_parameter(&mut self, name: String, value: String) -> Result<()> {
        let list = |value: &str| value.split(',').map(str::to_owned).collect();
        match name.as_str() {
            "host" => self.hosts = list(&value),
            "port" => self.ports = list(&value),
            "dbname" => self.database = Some(value),
            "user" | "password" | "passfile" | "sslmode" | "sslrootcert" | "options" | "application_name"
            | "connect_timeout" => {
                self.parameters.insert(name, value);
            }
            known if PASSED_ON.iter().any(|(ours, _)| *ours == known) => {
                self.parameters.insert(name, value);
            }
            known if IGNORED.contains(&known) => {}
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn take(&mut self, name: &str, variable: Option<&String>) -> Option<String> {
        self.parameters
            .remove(name)
            .or_else(|| variable.cloned())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn finish(mut self, environment: &Environment) -> Result<Url> {
        let hosts = self.take_hosts(environment)?;
        let user = self
            .take("user", environment.user.as_ref())
            .or_else(|| environment.os_user.clone())
            .ok_or_else(|| Error::usage("the database URL names no user").hint("Add one to the URL, or set PGUSER."))?;
        let database = self.database.take().filter(|name| !name.is_empty());
        let home = environment.home.as_ref().map(PathBuf::from);
        let sslmode = self.take("sslmode", environment.sslmode.as_ref());
        let roots = match self.take("sslrootcert", environment.sslrootcert.as_ref()) {
            None => Roots::Default(home.as_ref().map(|home| home.join(".postgresql/root.crt"))),
            Some(text) if text == "system" => Roots::System,
            Some(path) => Roots::File(PathBuf::from(path)),
        };
        Ok(Url {
            hosts,
            database: database
                .or_else(|| environment.database.clone())
                .unwrap_or_else(|| user.clone()),
            user,
            password: self.take("password", environment.password.as_ref()),
            passfile: self
                .take("passfile", environment.passfile.as_ref())
                .map(PathBuf::from)
                .or_else(|| Some(home?.join(".pgpass"))),
            sslmode: ssl_mode(sslmode.as_deref(), &roots)?,
            roots,
            options: self.take("options", environment.options.as_ref()),
            application_name: self
                .take("application_name", environment.application_name.as_ref())
                .unwrap_or_else(|| APPLICATION_NAME.to_owned()),
            connect_timeout: self.take_timeout(environment)?,
            passed_on: self.passed_on(),
        })
    }

    fn take_hosts(&mut self, environment: &Environment) -> Result<Vec<(Host, u16)>> {
        let list = |text: &Option<String>| -> Vec<String> {
            text.iter()
                .flat_map(|text| text.split(','))
                .map(str::to_owned)
                .collect()
        };
        if self.hosts.iter().all(String::is_empty) {
            self.hosts = list(&environment.host);
        }
        if self.hosts.iter().all(String::is_empty) {
            self.hosts = SOCKET_DIRECTORIES.map(str::to_owned).to_vec();
        }
        if self.ports.iter().all(String::is_empty) {
            self.ports = list(&environment.port);
        }
        if self.ports.len() > 1 && self.ports.len() != self.hosts.len() {
            return Err(invalid("names more ports than hosts"));
        }
        let port = |at: usize| match self.ports.get(if self.ports.len() == 1 { 0 } else { at }) {
            Some(text) if !text.is_empty() => text
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| invalid("has a port that is no number between 1 and 65535")),
            _ => Ok(DEFAULT_PORT),
        };
        let hosts = self.hosts.iter().enumerate();
        hosts.map(|(at, host)| Ok((Host::parse(host), port(at)?))).collect()
    }

    fn take_timeout(&mut self, environment: &Environment) -> Result<Option<u64>> {
        let text = self.take("connect_timeout", environment.connect_timeout.as_ref());
        text.map(|text| text.trim().parse::<u64>())
            .transpose()
            .map_err(|_| Error::usage("connect_timeout is no number of seconds").hint("Use a number such as 10."))
    }

    fn passed_on(&self) -> BTreeMap<&'static str, String> {
        let known = PASSED_ON.iter();
        known
            .filter_map(|(ours, theirs)| Some((*theirs, self.parameters.get(*ours)?.clone())))
            .collect()
    }
}

/// `sslrootcert=system` means `verify-full`, and libpq refuses a weaker mode beside it.
fn ssl_mode(text: Option<&str>, roots: &Roots) -> Result<SslMode> {
    let mode = text.map(SslMode::parse).transpose()?;
    match (mode, roots) {
        (None | Some(SslMode::VerifyFull), Roots::System) => Ok(SslMode::VerifyFull),
        (Some(_), Roots::System) => Err(Error::usage("this sslmode is too weak for sslrootcert=system")
            .hint("Use sslmode=verify-full, or leave sslmode out.")),
        (mode, _) => Ok(mode.unwrap_or(SslMode::Prefer)),
    }
}

pub(super) fn invalid(what: &str) -> Error {
    Error::usage(format!("the database URL {what}")).hint(
        "Write postgres://user:password@host:5432/database; special characters in a user, password or socket directory \
         are percent-encoded, for example %2F for `/` and %40 for `@`.",
    )
}

fn unknown(name: &str) -> Error {
    // A stray part of a password is not echoed.
    let plain = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let name = if plain { format!(" `{name}`") } else { String::new() };
    Error::usage(format!("the database URL has an unknown parameter{name}"))
        .hint("Remove it: only parameters of libpq can stand in a database URL.")
}

fn decode(text: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return Err(invalid("has a `%` without two hexadecimal digits"));
        };
        let value = u8::try_from(high * 16 + low).ok().filter(|value| *value != 0);
        out.push(value.ok_or_else(|| invalid("has a percent-encoded zero byte"))?);
    }
    String::from_utf8(out).map_err(|_| invalid("is not UTF-8 after decoding"))
}
