//! Target files to the desired catalog: executed on a scratch database and read back, or taken from the cache.

use std::collections::BTreeSet;

use postgres::Client;
use serde::{Deserialize, Serialize};

use super::hints::{Hint, Says};
use super::left_alone::{attributes_of_stubs, pass_over_own_roles};
use super::places::Places;
use super::source::TargetFile;
use super::{cache, execute, statement};
use crate::backfill::Backfills;
use crate::catalog::quote::ident;
use crate::catalog::{Catalog, Identity, Name, Pool};
use crate::db::{Server, Url};
use crate::error::{Error, ErrorKind, Result};
use crate::introspect;
use crate::kinds::{
    Area, Kind, complete_not_null_names, complete_owners, complete_roles, forget_grantors, keep_secrets,
    leave_out_roles, name_database_as_in, public_schema_as_on,
};
use crate::risk::Ruling;
use crate::scratch::{self, Scratch};

/// What target files declare.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Desired {
    /// What the files leave behind on an empty database.
    #[serde(skip)]
    pub catalog: Catalog,
    /// What was passed over, with its place.
    pub notes: Vec<String>,
    /// Hints about renames.
    pub hints: Vec<Hint>,
    /// Where each declared object stands: its words of SQL and name path, to `file:line`.
    pub declared: Places,
    /// Roles that the files make owner of something; `None`: everything is declared (the source is a database).
    pub owner_roles: Option<BTreeSet<String>>,
    /// Roles that the files drop.
    #[serde(default)]
    pub dropped_roles: BTreeSet<String>,
}

/// What elaboration needs beside the files.
#[derive(Debug, Clone)]
pub struct Workshop<'a> {
    /// Provider of scratch databases.
    pub scratch: &'a scratch::Choice,
    /// This machine.
    pub machine: &'a scratch::Machine,
    /// The live database, when there is one.
    pub live: Option<(&'a Url, &'a Server)>,
    /// What scratch databases should resemble instead: a snapshot's server, or that of the desired side.
    pub like: Option<&'a Server>,
    /// Whether the cache of desired catalogs is used.
    pub cache: bool,
    /// What the catalogs share that are read at the same time.
    pub pool: Option<&'a Pool>,
}

impl<'a> Workshop<'a> {
    /// Returns the server whose version and role scratch databases take on.
    pub fn model(&self) -> Option<&'a Server> {
        self.like.or(self.live.map(|(_, server)| server))
    }
}

/// Returns what the target files declare. Where that is known their texts, which may be large, are gone before it is read.
pub fn elaborate(read: impl Fn() -> Result<Vec<TargetFile>>, workshop: &Workshop) -> Result<Desired> {
    let mut files = read()?;
    let mut slot = cache::slot(&files, workshop);
    if let Some(known) = slot.as_deref().filter(|slot| slot.exists()) {
        drop(files);
        if let Some(cached) = cache::read(known, workshop.pool) {
            return Ok(cached);
        }
        files = read()?;
        slot = cache::slot(&files, workshop);
    }
    let mut target = statement::prepare(&files)?;
    let scratch = open(workshop)?;
    let role = workshop.model().map(|server| server.user.as_str());
    let url = stand_in(&scratch, role)?;
    let mut client = url.connect()?;
    let server = Server::read(&mut client)?;
    let live = workshop.model().map_or(server.version_num, |live| live.version_num);
    if let Some(sql) = public_schema_as_on(server.version_num, live) {
        client.batch_execute(sql)?;
    }
    clear_database(&mut client)?;
    if scratch.own_cluster() {
        pass_over_own_roles(&mut target, &mut client)?;
    }
    let executed = execute::execute(&target, &mut client, scratch.own_cluster())?;
    let mut catalog = introspect::hold(
        &url,
        &mut client,
        &server,
        introspect::Options::default(),
        workshop.pool,
    )?;
    introspect::release(&mut client)?;
    leave_out_roles(&mut catalog, &executed.stubs);
    let declared = executed
        .declarations
        .iter()
        .map(|(declared, place)| (declared.path.join("\u{1f}"), format!("{}:{}", place.file, place.line)))
        .collect();
    let desired = Desired {
        catalog,
        notes: (executed.notes.iter())
            .chain(&attributes_of_stubs(&target, &executed.stubs))
            .map(|note| format!("{}: {}", note.place, note.text))
            .collect(),
        hints: executed.hints,
        declared,
        owner_roles: Some(executed.owner_roles),
        dropped_roles: target.roles.dropped,
    };
    if let Some(slot) = slot {
        cache::write(&slot, &desired);
    }
    Ok(desired)
}

/// Opens a scratch database fit for the live server's version.
pub fn open(workshop: &Workshop) -> Result<Scratch> {
    let scratch = scratch::open(&scratch::Request {
        choice: workshop.scratch,
        live: workshop.live.map(|(url, _)| url),
        major: workshop.model().map(Server::major),
        machine: workshop.machine,
    })?;
    if Area::Roles.is_managed() && !scratch.own_cluster() {
        return Err(Error::new(
            ErrorKind::Scratch,
            "roles are looked after, and the scratch server is somebody's: roles would be made and dropped there",
        )
        .hint("Leave --scratch out, so that a throw-away cluster is made from PostgreSQL binaries, or leave `roles` out of `manage`."));
    }
    Ok(scratch)
}

/// Takes back what `initdb` says of the database at hand, which nobody declares.
pub(crate) fn clear_database(client: &mut Client) -> Result<()> {
    if Area::Database.is_managed() {
        let name: String = client
            .query_one("SELECT pg_catalog.current_database()::text", &[])?
            .try_get(0)?;
        client.batch_execute(&format!("COMMENT ON DATABASE {} IS NULL", ident(&name)))?;
    }
    Ok(())
}

/// Makes the live role on a cluster of our own and returns a URL that connects as it, so that what the files leave to
/// the current role (owners, default privileges) is said of the same role on both sides.
pub(crate) fn stand_in(scratch: &Scratch, role: Option<&str>) -> Result<Url> {
    let Some(role) = role.filter(|role| scratch.own_cluster() && *role != scratch.server().user) else {
        return Ok(scratch.url().clone());
    };
    let mut client = scratch.connect()?;
    client.batch_execute(&format!("CREATE ROLE {} SUPERUSER LOGIN", ident(role)))?;
    Ok(scratch.url().with_user(role))
}

impl Desired {
    /// Returns the renames that the files ask for, as the diff understands them.
    pub fn hints(&self) -> Vec<crate::diff::Hint> {
        let rename = |hint: &Hint| match &hint.says {
            Says::RenamedFrom(former) => Some(crate::diff::Hint {
                words: hint.word.clone(),
                path: hint.path.clone(),
                renamed_from: former.clone(),
            }),
            Says::NotRenamed | Says::Waives(_) | Says::Backfills { .. } => None,
        };
        self.hints.iter().filter_map(rename).collect()
    }

    /// Returns the name paths of what the files call new.
    pub fn not_renamed(&self) -> Vec<Vec<String>> {
        let new = self.hints.iter().filter(|hint| hint.says == Says::NotRenamed);
        new.map(|hint| hint.path.clone()).collect()
    }

    /// Returns what the files waive beside their declarations.
    pub fn rulings(&self) -> Result<Vec<Ruling>> {
        let mut out = Vec::new();
        for hint in &self.hints {
            if let Says::Waives(waiver) = &hint.says {
                out.push(waiver.ruling(&hint.path, format!("{}:{}", hint.place.file, hint.place.line))?);
            }
        }
        Ok(out)
    }

    /// Returns the columns of the desired state that get values in rows that are there.
    pub fn backfills(&self, to: &Catalog) -> Result<Backfills> {
        let mut out = Backfills::default();
        for hint in &self.hints {
            let Says::Backfills { column, value } = &hint.says else {
                continue;
            };
            let mut path = hint.path.clone();
            if let Some(column) = column {
                if hint.word == "column" {
                    path.pop();
                }
                path.push(column.clone());
            }
            let is_meant = |identity: &&Identity| identity.path[..] == path[..] || identity.path[1..] == path[..];
            let columns = to.objects.keys().filter(|identity| identity.kind == Kind::Column);
            let Some(found) = columns
                .filter(is_meant)
                .max_by_key(|identity| identity.path[0] == "public")
            else {
                let place = format!("{}:{}", hint.place.file, hint.place.line);
                let message = format!("{place}: a backfill names `{}`, which is no column", path.join("."));
                return Err(Error::target(message).hint(
                    "Write `-- trueup: backfill COLUMN using EXPRESSION` above the declaration of the table or of one of its \
                     columns.",
                ));
            };
            out.insert(found.clone(), value.clone());
        }
        Ok(out)
    }

    /// Returns where the files declare an object, as `file:line`; for a part, where the whole is declared.
    pub fn place(&self, path: &[Name]) -> Option<String> {
        (1..=path.len()).rev().find_map(|length| {
            let full = path[..length].join("\u{1f}");
            let bare = path[..length].get(1..).unwrap_or_default().join("\u{1f}");
            self.declared
                .get(&full)
                .or_else(|| self.declared.get(&bare).filter(|_| !bare.is_empty()))
                .map(str::to_owned)
        })
    }

    /// Returns where a routine is declared whose name has no other one: files write the types of arguments in other words
    /// than catalogs do.
    pub fn place_of_routine(&self, path: &[Name]) -> Option<String> {
        let (name, _) = path.last()?.split_once('(')?;
        let full = [&path[..path.len() - 1], &[Name::new(name)]].concat().join("\u{1f}");
        let is_meant = |declared: &str| {
            let declared = declared.split_once('(').map(|(routine, _)| routine);
            declared == Some(full.as_str()) || declared == Some(name)
        };
        let mut places = self.declared.iter().filter(|(declared, _)| is_meant(declared));
        let (_, place) = places.next()?;
        places.next().is_none().then(|| place.to_owned())
    }

    /// Returns the desired state of everything, with the live state where the files say nothing: who owns what.
    #[must_use]
    pub fn complete(&self, live: &Catalog) -> Catalog {
        self.completed(self.catalog.clone(), live)
    }

    /// The same where nobody asks any more what the files themselves say.
    #[must_use]
    pub fn complete_whole(&mut self, live: &Catalog) -> Catalog {
        let catalog = std::mem::take(&mut self.catalog);
        self.completed(catalog, live)
    }

    fn completed(&self, mut catalog: Catalog, live: &Catalog) -> Catalog {
        name_database_as_in(&mut catalog, live);
        live.role.clone_into(&mut catalog.role);
        if let Some(declared) = &self.owner_roles {
            complete_owners(&mut catalog, live, declared);
            keep_secrets(&mut catalog, live);
        }
        complete_not_null_names(&mut catalog, live);
        catalog
    }

    /// Adds the live roles that nobody declares, no file drops and no hint renames to the desired state; says so.
    pub fn adopt_roles(
        &self,
        to: &mut Catalog,
        live: &Catalog,
        (hints, version_num): (&[crate::diff::Hint], i32),
    ) -> Option<String> {
        if version_num < 16_00_00 && to.version_num >= 16_00_00 {
            forget_grantors(to);
        }
        let role = |name: &String| Identity::new(Kind::Role, [name]);
        let renamed = hints
            .iter()
            .filter_map(|hint| match (hint.path.as_slice(), hint.renamed_from.as_slice()) {
                ([new], [former]) if hint.words == "role" => {
                    (to.contains(&role(new)) && !live.contains(&role(new))).then_some(former)
                }
                _ => None,
            });
        let leaving = self.dropped_roles.iter().chain(renamed).map(String::as_str).collect();
        let unsaid = complete_roles(to, live, &leaving).join(", ");
        (!unsaid.is_empty()).then(|| {
            format!(
                "Roles that no target file declares are left alone: {unsaid}. `DROP ROLE` in a target file drops one."
            )
        })
    }
}
