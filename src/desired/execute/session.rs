//! The session on the scratch database: its base settings, the settings of a statement's place, and roles.

use std::collections::BTreeSet;

use postgres::error::DbError;
use postgres::{Client, SimpleQueryMessage};

use crate::desired::declare::Declared;
use crate::desired::here::in_database;
use crate::desired::reader::is_role;
use crate::desired::roles::Roles;
use crate::desired::statement::{SettingStatement, Settings, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::Area;

/// Settings that hold wherever a file says nothing else.
const BASE: &str = "SET check_function_bodies = off; SET client_min_messages = error; \
    SET search_path = \"$user\", public; SET synchronous_commit = off; SET statement_timeout = 0; \
    SET lock_timeout = 0; SET client_encoding = 'UTF8'";

/// Connection together with what is known of its state.
pub(super) struct Session<'a> {
    client: &'a mut Client,
    /// Scratch database.
    database: String,
    /// Whether roles may be made.
    pub own_cluster: bool,
    settings: Settings,
    /// Offsets of settings that this server does not know, by file.
    pub unknown: BTreeSet<(usize, usize)>,
    /// Roles that were made because something names them, without being declared.
    pub stubs: BTreeSet<String>,
}

/// Answer to a statement: the server's refusal is not an error of ours.
pub(super) type Answer = Result<std::result::Result<(), Box<DbError>>>;

impl<'a> Session<'a> {
    /// Brings a connection into the base state.
    pub(super) fn begin(client: &'a mut Client, own_cluster: bool) -> Result<Self> {
        client.batch_execute(BASE)?;
        // Messages are read here, so they must be in English; only a superuser may ask for that.
        let _ = client.batch_execute("SET lc_messages = 'C'");
        let database = client
            .query_one("SELECT pg_catalog.current_database()::text", &[])?
            .get(0);
        Ok(Self {
            client,
            database,
            own_cluster,
            settings: Settings::default(),
            unknown: BTreeSet::new(),
            stubs: BTreeSet::new(),
        })
    }

    /// Puts the connection back into the server's default state.
    pub(super) fn end(&mut self) -> Result<()> {
        self.client
            .batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL")?;
        Ok(())
    }

    /// Returns a statement as it is said in the scratch database.
    pub(super) fn said_here(&self, sql: &str) -> String {
        in_database(sql, &self.database).unwrap_or_else(|| sql.to_owned())
    }

    /// Sends SQL; refusals of the server are an answer, everything else is an error.
    pub(super) fn send(&mut self, sql: &str) -> Answer {
        match self.client.batch_execute(sql) {
            Ok(()) => Ok(Ok(())),
            Err(error) => match error.as_db_error() {
                Some(refusal) if !is_fatal(refusal) => Ok(Err(Box::new(refusal.clone()))),
                _ => Err(Error::from(error).context("executing target files on the scratch database")),
            },
        }
    }

    /// Returns the SQL that brings the session to the settings of a place, from those of another.
    pub(super) fn transition(
        &self,
        from: &Settings,
        to: &Settings,
    ) -> Vec<(Option<std::sync::Arc<SettingStatement>>, String)> {
        if std::sync::Arc::ptr_eq(from, to) || from == to {
            return Vec::new();
        }
        // A change of role can change what may be set, so that everything is set anew.
        let anew = from
            .iter()
            .filter(|s| is_role(&s.name))
            .ne(to.iter().filter(|s| is_role(&s.name)));
        let mut sql = Vec::new();
        if anew && from.iter().any(|setting| is_role(&setting.name)) {
            sql.push((None, "RESET SESSION AUTHORIZATION; RESET ROLE".to_owned()));
        }
        let removed = from
            .iter()
            .filter(|old| !to.iter().any(|new| new.name == old.name) && !is_role(&old.name));
        sql.extend(removed.map(|old| (None, back_to_base(&old.name))));
        let added = to.iter().filter(|new| anew || !from.contains(new));
        let added = added.filter(|new| !self.unknown.contains(&(new.file, new.offset)));
        sql.extend(added.map(|new| (Some(new.clone()), new.sql.clone())));
        sql
    }

    /// Returns the settings in force.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Notes that settings are in force now.
    pub(super) fn entered(&mut self, settings: &Settings) {
        self.settings = settings.clone();
    }

    /// Makes the roles that target files name, on a cluster of our own.
    pub(super) fn make_roles(&mut self, roles: &Roles) -> Result<()> {
        if !self.own_cluster || roles.named.is_empty() {
            return Ok(());
        }
        let mut existing = BTreeSet::new();
        for message in self.client.simple_query("SELECT rolname FROM pg_catalog.pg_roles")? {
            if let SimpleQueryMessage::Row(row) = message {
                existing.extend(row.get(0).map(str::to_owned));
            }
        }
        let declared = |role: &&String| Area::Roles.is_managed() && roles.declared.contains(*role);
        let missing = roles.named.difference(&existing).filter(|role| !declared(role));
        let missing: Vec<&String> = missing.collect();
        let sql: Vec<String> = missing
            .iter()
            .map(|role| create_role(role, roles.sessions.contains(*role)))
            .collect();
        if !sql.is_empty() {
            self.client.batch_execute(&sql.join("; "))?;
        }
        self.stubs.extend(missing.into_iter().cloned());
        Ok(())
    }

    /// Checks that the server has every extension before anything depends on it.
    pub(super) fn check_extensions(&mut self, target: &Target) -> Result<()> {
        let declared = |declared: &&Declared| declared.word == "extension";
        let mut wanted = target
            .statements
            .iter()
            .flat_map(|s| s.declares.iter().map(move |d| (s, d)))
            .filter(|(_, d)| declared(d))
            .peekable();
        if wanted.peek().is_none() {
            return Ok(());
        }
        let mut available = BTreeSet::new();
        let query = "SELECT name FROM pg_catalog.pg_available_extensions";
        for message in self.client.simple_query(query)? {
            if let SimpleQueryMessage::Row(row) = message {
                available.extend(row.get(0).map(str::to_owned));
            }
        }
        let missing: Vec<(String, String)> = wanted
            .filter(|(_, extension)| !available.contains(&extension.name()))
            .map(|(s, extension)| (extension.name(), target.files[s.file].place(s.offset).to_string()))
            .collect();
        let Some((first, place)) = missing.first() else {
            return Ok(());
        };
        let mut error = Error::new(
            ErrorKind::Scratch,
            format!("{place}: the scratch server does not have extension `{first}`"),
        );
        error.detail = missing
            .iter()
            .skip(1)
            .map(|(name, place)| format!("{place}: nor extension `{name}`"))
            .collect();
        Err(error.hint(package_hint(first, self.major()?)))
    }

    /// Counts the roles of the server.
    pub(super) fn count_roles(&mut self) -> Result<i64> {
        Ok(self
            .client
            .query_one("SELECT count(*) FROM pg_catalog.pg_roles", &[])?
            .get(0))
    }

    fn major(&mut self) -> Result<u32> {
        let number: String = self
            .client
            .query_one("SELECT pg_catalog.current_setting('server_version_num')", &[])?
            .get(0);
        Ok(number.parse::<u32>().unwrap_or_default() / 10_000)
    }
}

/// Returns what creates a stub of a role.
///
/// A role that sessions switch to must be allowed to do what its statements do, so it is a superuser: whom the real
/// one belongs to is the cluster's matter.
pub(super) fn create_role(role: &str, for_sessions: bool) -> String {
    let rights = if for_sessions { " SUPERUSER" } else { "" };
    format!("CREATE ROLE \"{}\"{rights}", role.replace('"', "\"\""))
}

fn back_to_base(name: &str) -> String {
    if name == "search_path" {
        return "SET search_path = \"$user\", public".to_owned();
    }
    let parts: Vec<String> = name
        .split('.')
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect();
    format!("RESET {}", parts.join("."))
}

fn is_fatal(refusal: &DbError) -> bool {
    use postgres::error::Severity;
    matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

fn package_hint(extension: &str, major: u32) -> String {
    const CONTRIB: [&str; 36] = [
        "amcheck",
        "autoinc",
        "bloom",
        "btree_gin",
        "btree_gist",
        "citext",
        "cube",
        "dblink",
        "dict_int",
        "dict_xsyn",
        "earthdistance",
        "file_fdw",
        "fuzzystrmatch",
        "hstore",
        "intagg",
        "intarray",
        "isn",
        "lo",
        "ltree",
        "moddatetime",
        "pageinspect",
        "pg_buffercache",
        "pg_prewarm",
        "pg_stat_statements",
        "pg_trgm",
        "pgcrypto",
        "pgrowlocks",
        "pgstattuple",
        "postgres_fdw",
        "seg",
        "tablefunc",
        "tcn",
        "tsm_system_rows",
        "unaccent",
        "uuid-ossp",
        "xml2",
    ];
    let package = match extension {
        name if CONTRIB.contains(&name) => "PostgreSQL's contrib package (`postgresql-contrib`)".to_owned(),
        "vector" => format!("its package (Debian: `postgresql-{major}-pgvector`)"),
        "postgis" | "postgis_topology" | "postgis_raster" => {
            format!("its package (Debian: `postgresql-{major}-postgis-3`)")
        }
        name => format!("its package (often `postgresql-{major}-{}`)", name.replace('_', "-")),
    };
    format!(
        "Install {package} for PostgreSQL {major} on the scratch server, or pass --scratch URL of a server that has it."
    )
}
