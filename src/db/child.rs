//! What PostgreSQL's own programs need to reach the same database: `PG*` variables, never arguments that others see in a
//! list of processes.

use super::url::{Host, Roots, SslMode, Url};

/// Variables that would name another target.
pub(crate) const FOREIGN: [&str; 5] = ["PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGDATESTYLE", "PGTZ"];

impl Url {
    /// Returns the variables for a program of PostgreSQL's.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let join = |of: &dyn Fn(&(Host, u16)) -> String| self.hosts.iter().map(of).collect::<Vec<_>>().join(",");
        let host = |(host, _): &(Host, u16)| match host {
            Host::Tcp(name) => name.clone(),
            Host::Socket(path) => path.display().to_string(),
        };
        let mut out = vec![
            ("PGHOST", join(&host)),
            ("PGPORT", join(&|(_, port)| port.to_string())),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGAPPNAME", self.application_name.clone()),
            ("PGSSLMODE", mode(self.sslmode).to_owned()),
        ];
        let mut more = |name, value: Option<String>| out.extend(value.map(|value| (name, value)));
        more("PGPASSWORD", self.password.clone());
        more(
            "PGPASSFILE",
            self.passfile.as_ref().map(|path| path.display().to_string()),
        );
        more("PGOPTIONS", self.options.clone());
        more(
            "PGCONNECT_TIMEOUT",
            self.connect_timeout.map(|seconds| seconds.to_string()),
        );
        more(
            "PGSSLROOTCERT",
            match &self.roots {
                Roots::Default(_) => None,
                Roots::File(path) => Some(path.display().to_string()),
                Roots::System => Some("system".to_owned()),
            },
        );
        out
    }

    /// Hides the password in a text that another program wrote.
    pub(crate) fn conceal(&self, text: &str) -> String {
        match self.password.as_deref().filter(|password| !password.is_empty()) {
            Some(password) => text.replace(password, "***"),
            None => text.to_owned(),
        }
    }

    /// Tells whether a password is part of it.
    pub fn holds_password(&self) -> bool {
        self.password.is_some()
    }
}

fn mode(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}
