//! `trueup demo`: the whole loop on a throw-away PostgreSQL, with a small shop.

use std::path::PathBuf;

use clap::Args;

use super::arguments::ScratchArguments;
use super::{execution, setup, terminal};
use crate::apply::{self, Approvals, Options};
use crate::db::Url;
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::reconcile::{self, Setup};
use crate::{report, scratch};

const LIVE: &str = include_str!("../../fixtures/demo/live.sql");
const SCHEMA: &str = include_str!("../../fixtures/demo/schema.sql");
/// What somebody did by hand at night.
const DRIFT: &str = "DROP INDEX shop.orders_customer_id_idx; ALTER TABLE shop.orders ALTER COLUMN state DROP DEFAULT";
/// Columns of the critical change, which the demo leaves for later.
const LATER: [&str; 2] = ["column:shop.customers.id", "column:shop.orders.customer_id"];

/// Arguments of `trueup demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.scratch)?;
    let mut demo = Demo::open(setup)?;
    demo.show_the_plan()?;
    demo.meet_the_gate()?;
    demo.apply_what_is_safe()?;
    demo.find_drift()?;
    demo.roll_back()?;
    say("That was the loop: declare, plan, approve, apply, watch, roll back.")?;
    say("Point it at a database of your own: trueup plan --database postgres://… --schema schema/")?;
    Ok(0)
}

struct Demo {
    setup: Setup,
    url: Url,
    schema: PathBuf,
    /// Holds the throw-away server; dropped last.
    _server: scratch::Scratch,
}

impl Demo {
    fn open(setup: Setup) -> Result<Self> {
        let request = scratch::Request {
            choice: &setup.scratch,
            live: None,
            major: None,
            machine: &setup.machine,
        };
        let mut server = scratch::open(&request)?;
        chapter(&format!("A shop on a {}", server.describe()))?;
        let url = server.new_database()?;
        url.connect()?.batch_execute(LIVE)?;
        let folder = setup
            .machine
            .temporary
            .join(format!("trueup-demo-{}", std::process::id()));
        let naming = |error: std::io::Error| Error::io(format!("write {}", folder.display()), &error);
        std::fs::create_dir_all(&folder).map_err(naming)?;
        let schema = folder.join("schema.sql");
        std::fs::write(&schema, SCHEMA).map_err(naming)?;
        say("It has 2,000 customers and 6,000 orders. This is the schema that it should have:\n")?;
        terminal::print(SCHEMA)?;
        Ok(Self {
            setup,
            url,
            schema,
            _server: server,
        })
    }

    fn plan(&self) -> Result<Plan> {
        reconcile::plan(&self.setup, &self.url, &Source::File(self.schema.clone()))
    }

    fn show_the_plan(&self) -> Result<()> {
        chapter("trueup plan: what would bring it there, in order, with the way back")?;
        print(&self.plan()?)
    }

    fn meet_the_gate(&self) -> Result<()> {
        chapter("trueup apply: a critical change is refused as long as nobody approves it")?;
        match self.apply(&self.plan()?, &Approvals::default()) {
            Err(error) => {
                terminal::error(&error);
                say(&format!("(exit code {})", error.kind.exit_code()))
            }
            Ok(()) => Err(Error::internal("the critical change was not refused")),
        }
    }

    fn apply_what_is_safe(&mut self) -> Result<()> {
        chapter("The same without the change of identifiers (--exclude), the rest approved up to `dangerous`")?;
        self.setup.filter.exclude.extend(LATER.map(str::to_owned));
        self.apply(&self.plan()?, &Approvals::parse(["dangerous"])?)?;
        say("Planned again, there is nothing left:")?;
        print(&self.plan()?)
    }

    fn find_drift(&self) -> Result<()> {
        chapter("Drift: somebody changes the database by hand, and the next plan sees it")?;
        say(&format!("{DRIFT};\n"))?;
        self.url.connect()?.batch_execute(DRIFT)?;
        let plan = self.plan()?;
        print(&plan)?;
        self.apply(&plan, &Approvals::parse(["dangerous"])?)
    }

    fn roll_back(&self) -> Result<()> {
        chapter("trueup rollback 1: back to where it was, with the SQL that the first plan had shown")?;
        let approvals = Approvals::parse(["dangerous"])?;
        let outcome = apply::rollback(
            &self.url,
            Some(1),
            &approvals,
            &Options::default(),
            &mut execution::show,
        )?;
        terminal::print(
            &outcome
                .statements
                .iter()
                .map(|sql| format!("  {sql};\n"))
                .collect::<String>(),
        )
    }

    fn apply(&self, plan: &Plan, approvals: &Approvals) -> Result<()> {
        apply::apply(plan, &self.url, approvals, &Options::default(), &mut execution::show).map(|_| ())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(folder) = self.schema.parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn print(plan: &Plan) -> Result<()> {
    terminal::print(&report::human(plan, &terminal::style(None)))
}

fn chapter(title: &str) -> Result<()> {
    terminal::print(&format!("\n=== {title}\n\n"))
}

fn say(line: &str) -> Result<()> {
    terminal::print(&format!("{line}\n"))
}
