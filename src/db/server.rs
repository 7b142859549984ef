//! Facts about the server and the session behind a connection.

use postgres::Client;

use crate::error::{Error, ErrorKind, Result};

/// Oldest major version that trueup works with.
pub const OLDEST_MAJOR: i32 = 14;
/// Newest major version that trueup was tested with.
pub const NEWEST_MAJOR: i32 = 18;

/// What is known about a server, its current database and user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`, for example 170010.
    pub version_num: i32,
    /// `server_version` without the packager's suffix, for example `17.10`.
    pub version: String,
    /// Current role.
    pub user: String,
    /// The current role is a superuser.
    pub superuser: bool,
    /// Current database.
    pub database: String,
    /// Encoding of the current database, for example `UTF8`.
    pub encoding: String,
    /// Identifier that `initdb` gave the cluster; none where the role may not read it.
    pub system_identifier: Option<i64>,
    /// It repeats what another server does, and takes no writes.
    pub standby: bool,
    /// `TimeZone` of the role's sessions in the current database.
    pub time_zone: String,
    /// There is a ledger that says how long statements took, and the role may read it.
    pub keeps_paces: bool,
}

const FACTS: &str = "\
    select current_setting('server_version_num')::int4, current_setting('server_version'), current_user::text,
           coalesce((select rolsuper from pg_catalog.pg_roles where rolname = current_user), false),
           current_database()::text, current_setting('server_encoding'),
           has_function_privilege('pg_catalog.pg_control_system()', 'execute'),
           exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                   join pg_catalog.pg_attribute a on a.attrelid = c.oid
                   where n.nspname = 'trueup' and c.relname = 'statement' and a.attname = 'work' and not a.attisdropped
                     and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
                     and exists (select from pg_catalog.pg_class e where e.relnamespace = n.oid and e.relname = 'execution'
                                 and has_table_privilege(e.oid, 'select'))),
           pg_is_in_recovery(), current_setting('TimeZone')";

impl Server {
    /// Reads the facts in one query, and the system identifier in a second one where it is allowed.
    pub fn read(client: &mut Client) -> Result<Self> {
        let row = client.query_one(FACTS, &[])?;
        let version: String = row.try_get(1)?;
        let mut server = Self {
            version_num: row.try_get(0)?,
            version: version.split(' ').next().unwrap_or_default().to_owned(),
            user: row.try_get(2)?,
            superuser: row.try_get(3)?,
            database: row.try_get(4)?,
            encoding: row.try_get(5)?,
            system_identifier: None,
            keeps_paces: row.try_get(7)?,
            standby: row.try_get(8)?,
            time_zone: row.try_get(9)?,
        };
        // A function's privilege is checked when the statement starts, so that CASE in the first query would not do.
        if row.try_get(6)? {
            let row = client.query_one("select system_identifier from pg_catalog.pg_control_system()", &[])?;
            server.system_identifier = Some(row.try_get(0)?);
        }
        Ok(server)
    }

    /// Returns the major version, for example 17.
    pub fn major(&self) -> i32 {
        self.version_num / 10_000
    }

    /// Refuses a standby, for what writes.
    pub fn must_take_writes(&self) -> Result<()> {
        if !self.standby {
            return Ok(());
        }
        let message = "this server is a standby, which takes no writes; nothing was changed";
        Err(Error::new(ErrorKind::Connection, message)
            .hint("Name the primary: a plan that was made on its standby can be applied there."))
    }

    /// Refuses a server that is too old and returns a warning about one that is newer than tested.
    pub fn check_supported(&self) -> Result<Option<String>> {
        let version = &self.version;
        if self.major() < OLDEST_MAJOR {
            let message = format!("PostgreSQL {version} is not supported");
            return Err(Error::new(ErrorKind::Connection, message).hint(format!(
                "trueup works with PostgreSQL {OLDEST_MAJOR} to {NEWEST_MAJOR}: upgrade the server or point trueup at another one."
            )));
        }
        Ok((self.major() > NEWEST_MAJOR).then(|| {
            format!(
                "PostgreSQL {version} is newer than {NEWEST_MAJOR}, the newest that trueup was tested with; what is new there may be missed."
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version_num: i32) -> Server {
        Server {
            version_num,
            version: format!("{}.{}", version_num / 10_000, version_num % 10_000),
            user: "ann".to_owned(),
            superuser: false,
            database: "shop".to_owned(),
            encoding: "UTF8".to_owned(),
            system_identifier: None,
            time_zone: "UTC".to_owned(),
            keeps_paces: false,
            standby: false,
        }
    }

    #[test]
    fn supported_range() {
        let old = server(130_022).check_supported().unwrap_err();
        assert_eq!(old.message, "PostgreSQL 13.22 is not supported");
        assert!(old.hint.unwrap().contains("14 to 18"));
        assert_eq!(server(140_000).check_supported().unwrap(), None);
        assert_eq!(server(180_004).check_supported().unwrap(), None);
        assert!(server(190_000).check_supported().unwrap().unwrap().contains("19.0"));
    }
}
