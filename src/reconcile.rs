//! The use cases, each of which reads as the pipeline. Command line and server call these.

mod answers;
mod diff;
mod drift;
mod files;
mod find;
mod known;
mod pairs;
mod rows;
mod source;
mod why;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use postgres::Client;

use crate::apply::ledger::{paces, paused};
use crate::catalog::{Catalog, Fingerprint, Identity, Pool};
use crate::config::OnDrop;
use crate::db::{Environment, Server, Url};
use crate::desired::elaborate::{Desired, Workshop};
use crate::desired::replay::replay;
use crate::desired::source::Source;
use crate::diff::{Filter, Rename, renames};
use crate::error::{Error, Result};
use crate::introspect;
use crate::kinds::{Context, Large, OldValues};
use crate::plan::{Database, Plan, Proof, Sides, draft};
use crate::progress::{Progress, Stage};
use crate::prove::{self, prove};
use crate::risk::{
    Day, Look, Online, Paces, Ruling, Size, Statistics, apply_rulings, estimate, findings, measured, statistics,
    touched,
};
use crate::{evidence, scratch, staged};
use known::Slot;
use pairs::Pairs;
use source::read;

pub use answers::Answers;
pub use diff::{diff, plan_snapshot};
pub use drift::drift;
pub(crate) use files::{plan_from, plan_to};
pub use find::find;
pub use why::{Why, why};

/// What every use case may use of the machine and was told by the user. By default nothing is tried on scratch.
#[derive(Debug, Clone, Default)]
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
    /// What was said about renames for this run.
    pub answers: Answers,
    /// What happens to rows that are dropped.
    pub on_drop: OnDrop,
    /// Whether rows that decide findings are counted.
    pub preflight: bool,
}

impl Setup {
    fn workshop<'a>(&'a self, live: Option<(&'a Url, &'a Server)>) -> Workshop<'a> {
        Workshop {
            scratch: &self.scratch,
            machine: &self.machine,
            live,
            like: None,
            cache: self.cache,
            pool: None,
        }
    }
}

/// Plans what brings the live database to what the source declares.
pub fn plan(setup: &Setup, url: &Url, source: &Source) -> Result<Plan> {
    let (mut client, server) = open(url)?;
    let slot = Slot::of(setup, source, &server, &setup.workshop(Some((url, &server))));
    if let Some(slot) = &slot
        && let Some(plan) = slot.look_up(&mut client, &server)?
    {
        return Ok(plan);
    }
    let mut ground = ground_of(setup, url, source, (client, server), true)?;
    ground.held = Some(Held(slot));
    Ok(with_secrets_from(source, between(setup, ground)?))
}

/// Says in a plan where the values of the secrets are that its statements name by their marks.
fn with_secrets_from(source: &Source, mut plan: Plan) -> Plan {
    if plan.needs_secrets() {
        let has_files = matches!(source, Source::Folder(_) | Source::File(_) | Source::Git { .. });
        plan.secrets_from = has_files.then(|| source.to_string());
        plan.notes.push(format!(
            "A plan holds no secrets, only marks such as <secret:…>. Apply takes their values from {source} again, or from \
             the target files that --schema names."
        ));
    }
    plan
}

fn open(url: &Url) -> Result<(Client, Server)> {
    let mut client = url.connect()?;
    let server = Server::read(&mut client)?;
    Ok((client, server))
}

/// Two states, before filter and completion, with what is known of the server behind the first.
struct Ground<'a> {
    whole: Catalog,
    desired: Desired,
    server: Server,
    /// The live database, where the first state is of one.
    live: Option<(&'a Url, Client)>,
    database: Database,
    notes: Vec<String>,
    /// The transaction in which the live database was read, where it is open still.
    held: Option<Held>,
}

/// A reading transaction that is open, with what keeps the plan if it is empty.
struct Held(Option<Slot>);

impl Ground<'_> {
    /// Returns the workshop that speaks as the first state's server does, but in the desired side's version.
    fn workshop<'w>(&'w self, setup: &'w Setup, like: &'w Server) -> Workshop<'w> {
        Workshop {
            like: Some(like),
            ..setup.workshop(self.live.as_ref().map(|(url, _)| (*url, &self.server)))
        }
    }

    /// Ends the transaction that the live database was read in, and returns the print of its catalogs of that moment for a
    /// plan that is worth keeping: an empty one.
    fn release(&mut self, plan: &Plan) -> Result<Option<(Slot, Option<Fingerprint>)>> {
        let (Some(Held(slot)), Some((_, client))) = (self.held.take(), &mut self.live) else {
            return Ok(None);
        };
        let known = match slot.filter(|_| plan.is_empty()) {
            Some(slot) => Some((slot, introspect::print(client, &self.server)?)),
            None => None,
        };
        introspect::release(client)?;
        Ok(known)
    }

    /// Returns what earlier statements say about those of a plan; nothing is asked where nothing could be said.
    fn paces(&mut self, plan: &Plan) -> Result<Paces> {
        match &mut self.live {
            Some((_, client)) if self.server.keeps_paces && !plan.is_empty() => paces(client),
            _ => Ok(Paces::default()),
        }
    }

    /// Says where a plan would take back what an execution has done that is paused.
    fn mind_pause(&mut self, plan: &Plan) -> Result<()> {
        let live = self
            .live
            .as_mut()
            .filter(|_| self.server.keeps_paces && !plan.is_empty());
        if let Some(id) = live.map(|(_, client)| paused(client)).transpose()?.flatten() {
            self.notes.push(format!(
                "Execution {id} is paused, and what it has done so far counts as a difference. `trueup apply --resume` goes on \
                 with it, `trueup rollback` goes back; until then no other plan is applied."
            ));
        }
        Ok(())
    }

    /// Returns live figures; none are known where there is no live database.
    fn figures(&mut self, tables: &BTreeSet<Identity>, renames: &[Rename]) -> Result<Statistics> {
        match &mut self.live {
            Some((_, client)) => statistics(client, tables, renames),
            None => Ok(Statistics::default()),
        }
    }
}

/// Reads a live database and what shall become of it, at the same time.
fn ground<'a>(setup: &Setup, url: &'a Url, source: &Source) -> Result<Ground<'a>> {
    ground_of(setup, url, source, open(url)?, false)
}

fn ground_of<'a>(
    setup: &Setup,
    url: &'a Url,
    source: &Source,
    (mut client, server): (Client, Server),
    holds: bool,
) -> Result<Ground<'a>> {
    let warning = server.check_supported()?;
    setup.progress.begin(Stage::Read);
    let declared: OnceLock<Result<Desired>> = OnceLock::new();
    let pool = Pool::default();
    let live = std::thread::scope(|scope| {
        let workshop = Workshop {
            pool: Some(&pool),
            ..setup.workshop(Some((url, &server)))
        };
        let declared = &declared;
        let other = scope.spawn(move || _ = declared.set(read(setup, source, &workshop)));
        let live = introspect::hold(url, &mut client, &server, introspect::Options::default(), Some(&pool));
        // Of a panic nothing is left but that nothing was declared.
        let _ = other.join();
        live
    });
    std::thread::spawn(move || drop(pool));
    let whole = live?;
    if !holds {
        introspect::release(&mut client)?;
    }
    let desired = (declared.into_inner()).unwrap_or_else(|| Err(Error::internal("the desired side panicked")))?;
    Ok(Ground {
        whole,
        desired,
        database: database(&server),
        live: Some((url, client)),
        server,
        notes: warning.into_iter().collect(),
        held: None,
    })
}

/// Two states that can be compared.
struct Settled {
    /// First state as the desired side's server says it, what the filter leaves out included, where it leaves out anything.
    whole: Option<Catalog>,
    /// First state as its own server deparses it.
    live: Catalog,
    /// The same as the desired side's server says it, with the renames carried out, where that differs.
    restated: Option<Catalog>,
    /// Desired state, with the first one where the files say nothing.
    to: Catalog,
    renames: Vec<Rename>,
    desired: Desired,
}

impl Settled {
    fn from(&self) -> &Catalog {
        self.restated.as_ref().unwrap_or(&self.live)
    }

    /// Returns what a proof stands on.
    fn ground(&self) -> prove::Ground<'_> {
        prove::Ground {
            from: self.whole.as_ref().unwrap_or_else(|| self.from()),
            to: &self.to,
            renames: &self.renames,
        }
    }

    /// Returns where evidence of use is looked for.
    fn used(&self) -> evidence::Ground<'_> {
        evidence::Ground {
            from: self.from(),
            to: &self.to,
            renames: &self.renames,
        }
    }

    /// Returns where an object of the desired state, or else what it belongs to, is declared.
    fn place(&self, identity: &Identity) -> Option<String> {
        let object = self.to.get(identity)?;
        let own = self.desired.place(&identity.path);
        let own = own.or_else(|| self.desired.place_of_routine(&identity.path));
        own.or_else(|| self.place(&object.parent()?))
    }
}

/// Returns what a scratch server should be like: of the desired side's version, with the live side's role.
fn like(desired: &Catalog, live: &Catalog) -> Server {
    Server {
        version_num: desired.version_num,
        user: live.role.clone(),
        ..Server::default()
    }
}

/// Returns what the filter lets through of a state, and the whole where that is more.
fn filtered(setup: &Setup, whole: Catalog) -> Result<(Catalog, Option<Catalog>)> {
    if setup.filter.is_empty() {
        return Ok((whole, None));
    }
    let mut kept = whole.clone();
    setup.filter.apply(&mut kept)?;
    Ok((kept, Some(whole)))
}

/// Whether what the files themselves say is asked for after their state was completed.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Kept,
    Dropped,
}

/// Filters, completes and restates two states until they can be compared.
fn settle(setup: &Setup, ground: &mut Ground, said: Said) -> Result<Settled> {
    setup.progress.begin(Stage::Compare);
    let whole = std::mem::take(&mut ground.whole);
    let mut desired = std::mem::take(&mut ground.desired);
    setup.filter.apply(&mut desired.catalog)?;
    let (live, whole) = filtered(setup, whole)?;
    let mut hints = desired.hints();
    let is_of_one_version = live.version_num / 10_000 == desired.catalog.version_num / 10_000;
    let is_final = is_of_one_version && hints.is_empty() && setup.answers == Answers::default();
    let mut to = if is_final && said == Said::Dropped {
        desired.complete_whole(&live)
    } else {
        desired.complete(&live)
    };
    hints.extend(setup.answers.hints(&live, &to)?);
    let known = (hints.as_slice(), ground.server.version_num);
    ground.notes.extend(desired.adopt_roles(&mut to, &live, known));
    let renames = renames(&hints, &live, &to);
    let like = like(&to, &live);
    let workshop = ground.workshop(setup, &like);
    let (restated, whole) = match restate(whole.as_ref().unwrap_or(&live), &to, &renames, &workshop)? {
        Some(restated) => {
            let (restated, whole) = filtered(setup, restated)?;
            (Some(restated), whole)
        }
        None => (None, whole),
    };
    let from = restated.as_ref().unwrap_or(&live);
    if from.version_num / 10_000 != to.version_num / 10_000 {
        ground.notes.push(format!(
            "The two sides were read by PostgreSQL {} and {}, which word some definitions differently: some differences may \
             be none. Binaries of the same version, or --scratch with a server of it, tell.",
            from.version_num / 10_000,
            to.version_num / 10_000
        ));
    }
    // What the files do not say follows the live state, under the names that it will have.
    if restated.is_some() {
        to = desired.complete(from);
        desired.adopt_roles(&mut to, from, (&hints, ground.server.version_num));
    }
    Ok(Settled {
        whole,
        live,
        restated,
        to,
        renames,
        desired,
    })
}

/// Plans the way between two states.
fn between(setup: &Setup, mut ground: Ground) -> Result<Plan> {
    let settled = settle(setup, &mut ground, Said::Dropped)?;
    let (from, to, desired) = (settled.from(), &settled.to, &settled.desired);
    let backfills = desired.backfills(to)?;
    let sides = Sides {
        live: &settled.live,
        from,
        to,
        renames: &settled.renames,
        large: Large::NONE,
        backfills: &backfills,
        old_values: OldValues::NONE,
    };
    let mut plan = draft(sides, ground.database.clone());
    let known = ground.release(&plan)?;
    let mut objects = touched(&plan.forward, from);
    objects.extend(measured(&plan, from));
    let pairs = Pairs::of(&plan, &settled, setup);
    objects.extend(pairs.measured());
    let mut figures = ground.figures(&objects, &settled.renames)?;
    let pairs = pairs.weigh(&mut ground, &settled, &figures);
    let rulings = [setup.rulings.clone(), desired.rulings()?].concat();
    let questions = pairs.questions(&plan, &settled, &figures, &rulings);
    let large = setup.online.large(&plan, from, &figures);
    let large = with_identifiers(setup.online, large, sides, &figures)?;
    let sides = Sides { large: &large, ..sides };
    let mut rows_kept = rows::Kept::ask(setup, &mut ground)?;
    let old_values = rows_kept.old_values(setup, &sides, &mut ground);
    if !large.is_empty() {
        let old_values = &old_values;
        plan = draft(Sides { old_values, ..sides }, plan.database);
    }
    plan.questions = questions;
    let keeps = rows_kept.keep(setup, &mut plan, &settled, &figures, &mut ground);
    if setup.prove {
        setup.progress.begin(Stage::Prove);
        let like = like(to, &settled.live);
        let workshop = ground.workshop(setup, &like);
        prove(&mut plan, settled.ground(), &workshop)?;
        if let (true, Err(error)) = (keeps, plan.must_hold()) {
            plan = Plan {
                questions: plan.questions,
                ..draft(sides, plan.database)
            };
            prove(&mut plan, settled.ground(), &workshop)?;
            // Where this one does not hold either, that was not what was wrong.
            if plan.must_hold().is_ok() {
                ground.notes.push(format!(
                    "Rows that are dropped are not kept: {}. Move them out of the way first.",
                    error.message
                ));
            }
        }
    } else if !plan.is_empty() {
        plan.proof = Some(Proof::skipped());
    }
    setup.progress.begin(Stage::Rate);
    // The other form, and the proof, may have shown more tables.
    let seen = touched(&plan.forward, from);
    if !seen.is_subset(&objects) {
        objects.extend(seen);
        figures = ground.figures(&objects, &settled.renames)?;
    }
    let look = Look::new(from, to, &plan.forward, &figures).with_candidates(pairs.all());
    plan.findings = findings(&look.in_time_zone(plan.database.time_zone.as_deref()));
    rows::look(setup, &mut plan, &settled, &figures, &mut ground)?;
    let paces = ground.paces(&plan)?;
    ground.mind_pause(&plan)?;
    estimate(&mut plan.forward, from, &figures, &paces);
    let expired = apply_rulings(&mut plan.findings, &rulings, [from, to], Day::today());
    for change in &mut plan.changes {
        change.declared_at = settled.place(&change.change.object);
    }
    plan.notes = ground
        .notes
        .into_iter()
        .chain(expired)
        .chain(desired.notes.clone())
        .collect();
    if let Some((slot, print)) = known {
        slot.keep(print, &plan);
    }
    // Taking two large catalogs apart takes a moment that nobody need wait for.
    std::thread::spawn(move || drop(settled));
    Ok(plan)
}

/// Adds the tables whose identifiers change in stages although they are small: a number that others keep is not worth a
/// moment's doubt.
fn with_identifiers(online: Online, large: Large, sides: Sides, figures: &Statistics) -> Result<Large> {
    if online == Online::Never {
        return Ok(large);
    }
    let context = Context::new(sides.from, sides.to, sides.from.version_num);
    let tables = staged::tables(&context, |table| figures.size(table) != Size::Empty)?;
    let small: Vec<Identity> = tables.into_iter().filter(|table| large.get(table).is_none()).collect();
    Ok(large.with(small.into_iter().map(|table| (table, "small, with rows".to_owned()))))
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
    read(setup, source, &setup.workshop(live))
}

fn database(server: &Server) -> Database {
    Database {
        name: server.database.clone(),
        system_identifier: server.system_identifier.map(|number| number.to_string()),
        version_num: server.version_num,
        time_zone: Some(server.time_zone.clone()),
        stand_in: None,
    }
}
