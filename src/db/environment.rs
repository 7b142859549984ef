//! The `PG*` variables that libpq would read, handed in by the caller.
//!
//! The library itself never reads the environment: one process may serve several users.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Values that fill what a URL leaves out; all of them are optional.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `PGHOST`: host names or socket directories, separated by commas.
    pub host: Option<String>,
    /// `PGPORT`: ports, separated by commas.
    pub port: Option<String>,
    /// `PGUSER`.
    pub user: Option<String>,
    /// `PGPASSWORD`.
    pub password: Option<String>,
    /// `PGDATABASE`.
    pub database: Option<String>,
    /// `PGSSLMODE`.
    pub sslmode: Option<String>,
    /// `PGSSLROOTCERT`: a file or the word `system`.
    pub sslrootcert: Option<String>,
    /// `PGPASSFILE`.
    pub passfile: Option<String>,
    /// `PGAPPNAME`.
    pub application_name: Option<String>,
    /// `PGCONNECT_TIMEOUT`, in seconds.
    pub connect_timeout: Option<String>,
    /// `PGOPTIONS`.
    pub options: Option<String>,
    /// `HOME`: where `.pgpass` and `.postgresql/root.crt` are.
    pub home: Option<String>,
    /// Name of the operating system's user, the default for the role.
    pub os_user: Option<String>,
}

impl Environment {
    /// Picks the known variables out of all variables of a process; empty values count as unset, as in libpq.
    ///
    /// The user's name is that of the process in the password file, else `LOGNAME` or `USER`.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut out = Self::default();
        let mut login = None;
        for (name, value) in variables {
            let slot = match name.as_str() {
                "PGHOST" => &mut out.host,
                "PGPORT" => &mut out.port,
                "PGUSER" => &mut out.user,
                "PGPASSWORD" => &mut out.password,
                "PGDATABASE" => &mut out.database,
                "PGSSLMODE" => &mut out.sslmode,
                "PGSSLROOTCERT" => &mut out.sslrootcert,
                "PGPASSFILE" => &mut out.passfile,
                "PGAPPNAME" => &mut out.application_name,
                "PGCONNECT_TIMEOUT" => &mut out.connect_timeout,
                "PGOPTIONS" => &mut out.options,
                "HOME" => &mut out.home,
                "LOGNAME" | "USER" => &mut login,
                _ => continue,
            };
            if !value.is_empty() {
                *slot = Some(value);
            }
        }
        out.os_user = own_account_name().or(login);
        out
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// One line of the password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Reads the accounts of the password file; none where there is no such file.
pub(crate) fn accounts() -> Vec<Account> {
    let text = fs::read("/etc/passwd").unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(account).collect()
}

fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    Some(Account {
        name: fields.next().filter(|name| !name.is_empty())?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

fn own_account_name() -> Option<String> {
    let uid = fs::metadata("/proc/self").ok()?.uid();
    accounts()
        .into_iter()
        .find(|account| account.uid == uid)
        .map(|account| account.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_known_variables_and_hides_the_password() {
        let variables = [("PGHOST", "h"), ("PGPASSWORD", "s3cret"), ("PGPORT", ""), ("X", "y")];
        let environment = Environment::from_variables(variables.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(environment.host.as_deref(), Some("h"));
        assert_eq!(environment.port, None);
        assert!(!format!("{environment:?}").contains("s3cret"));
    }

    #[test]
    fn reads_a_password_file_line() {
        let found = account("postgres:x:101:104:admin,,,:/var/lib/postgresql:/bin/bash").unwrap();
        assert_eq!((found.name.as_str(), found.uid, found.gid), ("postgres", 101, 104));
        assert_eq!(account("+::::::"), None);
    }
}
