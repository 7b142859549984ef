//! The use cases, each of which reads as the pipeline. Command line and server call these.

use std::borrow::Cow;

use crate::catalog::Catalog;
use crate::db::{Environment, Server, Url};
use crate::desired::elaborate::{Desired, Workshop, elaborate};
use crate::desired::replay::replay;
use crate::desired::source::Source;
use crate::diff::{Filter, Rename, renames};
use crate::error::{Error, ErrorKind, Result};
use crate::introspect;
use crate::kinds::Large;
use crate::plan::{Database, Plan, Proof, Sides, draft};
use crate::progress::{Progress, Stage};
use crate::prove::{Ground, prove};
use crate::risk::{Day, Look, Online, Ruling, apply_rulings, estimate, findings, measured, statistics, touched};
use crate::scratch;

/// What every use case may use of the machine and was told by the user.
#[derive(Debug, Clone)]
pub struct Setup {
    /// `PG*` variables.
    pub environment: Environment,
    /// Binaries, temporary folder, cache.
    pub machine: scratch::Machine,
    /// Provider of scratch databases.
    pub scratch: scratch::Choice,
    /// Whether the cache of desired catalogs is used.
    pub cache: bool,
    /// What the project says about the risk rules.
    pub rulings: Vec<Ruling>,
    /// Objects that are looked at, on both sides.
    pub filter: Filter,
    /// Whether plans are executed on a scratch database before they are shown.
    pub prove: bool,
    /// Where stages are told.
    pub progress: Progress,
    /// When statements get their online form.
    pub online: Online,
}

impl Setup {
    fn workshop<'a>(&'a self, live: Option<(&'a Url, &'a Server)>) -> Workshop<'a> {
        Workshop {
            scratch: &self.scratch,
            machine: &self.machine,
            live,
            cache: self.cache,
        }
    }
}

/// Plans what brings the live database to what the source declares.
pub fn plan(setup: &Setup, url: &Url, source: &Source) -> Result<Plan> {
    let mut client = url.connect()?;
    let server = Server::read(&mut client)?;
    let warning = server.check_supported()?;
    setup.progress.begin(Stage::Read);
    let (live, desired) = std::thread::scope(|scope| {
        let desired = scope.spawn(|| desired(setup, source, Some((url, &server))));
        let live = introspect::read(url, &mut client, &server, introspect::Options::default());
        (
            live,
            desired
                .join()
                .unwrap_or_else(|_| Err(Error::internal("the desired side panicked"))),
        )
    });
    let (whole, mut desired) = (live?, desired?);
    setup.progress.begin(Stage::Compare);
    let mut live = whole.clone();
    setup.filter.apply(&mut live)?;
    setup.filter.apply(&mut desired.catalog)?;
    let to = desired.complete(&live);
    let hints = desired.hints();
    let renames = renames(&hints, &live, &to);
    let workshop = setup.workshop(Some((url, &server)));
    let ground = restate(&whole, &to, &renames, &workshop)?;
    let from = match &ground {
        None => Cow::Borrowed(&live),
        Some(restated) => {
            let mut restated = restated.clone();
            setup.filter.apply(&mut restated)?;
            Cow::Owned(restated)
        }
    };
    // What the files do not say follows the live state, under the names that it will have.
    let to = desired.complete(&from);
    let sides = Sides {
        live: &live,
        from: &from,
        to: &to,
        renames: &renames,
        large: Large::NONE,
    };
    let mut plan = draft(sides, database(&server));
    let mut objects = touched(&plan.forward, &from);
    objects.extend(measured(&plan, &from));
    let mut figures = statistics(&mut client, &objects, &renames)?;
    let large = setup.online.large(&plan, &from, &figures);
    if !large.is_empty() {
        plan = draft(Sides { large: &large, ..sides }, plan.database);
    }
    let ground = Ground {
        from: ground.as_ref().unwrap_or(&whole),
        to: &to,
        renames: &renames,
    };
    if setup.prove {
        setup.progress.begin(Stage::Prove);
        prove(&mut plan, ground, &workshop)?;
    } else if !plan.is_empty() {
        plan.proof = Some(Proof::skipped());
    }
    setup.progress.begin(Stage::Rate);
    // The other form, and the proof, may have shown more tables.
    let seen = touched(&plan.forward, &from);
    if !seen.is_subset(&objects) {
        objects.extend(seen);
        figures = statistics(&mut client, &objects, &renames)?;
    }
    plan.findings = findings(&Look::new(&from, &to, &plan.forward, &figures));
    estimate(&mut plan.forward, &from, &figures);
    let rulings = [setup.rulings.clone(), desired.rulings()?].concat();
    let expired = apply_rulings(&mut plan.findings, &rulings, [&from, &to], Day::today());
    for change in &mut plan.changes {
        change.declared_at = desired.place(&change.change.object.path);
    }
    plan.notes = warning.into_iter().chain(expired).chain(desired.notes).collect();
    Ok(plan)
}

/// Returns the live state as the scratch server says it, with the renames carried out; nothing where both servers are of
/// one version and nothing is renamed.
fn restate(live: &Catalog, desired: &Catalog, renames: &[Rename], workshop: &Workshop) -> Result<Option<Catalog>> {
    if renames.is_empty() && live.version_num / 10_000 == desired.version_num / 10_000 {
        return Ok(None);
    }
    let statements: Vec<String> = renames
        .iter()
        .flat_map(|rename| &rename.forward)
        .map(crate::kinds::Statement::sql)
        .collect();
    replay(live, &statements, workshop).map(Some)
}

/// Returns what a source declares; a database declares everything in it.
pub fn desired(setup: &Setup, source: &Source, live: Option<(&Url, &Server)>) -> Result<Desired> {
    match source {
        Source::Database(text) => whole(&Url::parse(text, &setup.environment)?),
        Source::Environment(name) => Err(Error::usage(format!(
            "the command line must resolve env:{name} before it is read"
        ))),
        Source::Snapshot(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| Error::io(format!("read {}", path.display()), &error))?;
            let catalog = serde_json::from_str(&text).map_err(|error| {
                Error::new(ErrorKind::Usage, format!("{} is no snapshot: {error}", path.display()))
                    .hint("Write one with `trueup inspect SOURCE --format json`.")
            })?;
            Ok(Desired {
                catalog,
                ..Desired::default()
            })
        }
        Source::Folder(_) | Source::File(_) | Source::Git { .. } => elaborate(&source.files()?, &setup.workshop(live)),
    }
}

fn whole(url: &Url) -> Result<Desired> {
    let (_, catalog) = introspect::introspect(url, introspect::Options::default())?;
    Ok(Desired {
        catalog,
        ..Desired::default()
    })
}

fn database(server: &Server) -> Database {
    Database {
        name: server.database.clone(),
        system_identifier: server.system_identifier.map(|number| number.to_string()),
        version_num: server.version_num,
    }
}
