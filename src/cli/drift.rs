//! `trueup drift`.

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, SchemaArguments};
use super::place::{self, Place, Places};
use super::{execution, setup, several, terminal};
use crate::apply::{self, Options};
use crate::desired::source::Source;
use crate::drift::Drift;
use crate::error::{Error, Result};
use crate::{reconcile, report};

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for people
    Human,
    /// Every difference, for programs
    Json,
    /// For an issue or a comment
    Markdown,
}

/// Arguments of `trueup drift`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 2 when there is drift: live differs from what was last applied, or from what is declared."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    schema: SchemaArguments,
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Exit with 0 when all that differs is declared and not applied yet
    #[arg(long)]
    ignore_pending: bool,
    /// Record what was changed by hand and is declared so by now as applied
    #[arg(long)]
    accept: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let source = setup::schema(&arguments.schema, &arguments.live)?;
    if let Some(places) = place::places(&arguments.live)? {
        return all(arguments, places, &source);
    }
    let place = place::place(&arguments.live)?;
    let drift = one(arguments, &place, &source)?;
    terminal::print(&text(arguments, &drift)?)?;
    accept(arguments, &place, &drift)?;
    Ok(code(arguments, &drift))
}

fn one(arguments: &Arguments, place: &Place, source: &Source) -> Result<Drift> {
    let setup = setup::setup(&arguments.schema.scratch)?;
    reconcile::drift(&setup, &place.url, source)
}

fn text(arguments: &Arguments, drift: &Drift) -> Result<String> {
    Ok(match arguments.format {
        Format::Human => report::drift_human(drift, &terminal::style(None)),
        Format::Json => report::drift_json(drift)?,
        Format::Markdown => report::drift_markdown(drift),
    })
}

fn accept(arguments: &Arguments, place: &Place, drift: &Drift) -> Result<()> {
    if !arguments.accept || drift.adopted.is_empty() {
        return Ok(());
    }
    let adopted = drift.adopted.iter();
    let objects: Vec<_> = adopted.map(|one| (one.object.clone(), one.print.clone())).collect();
    let count = apply::accept(&place.url, &objects, &Options::default(), &mut execution::show)?;
    terminal::progress(&format!("recorded: {count} objects"));
    Ok(())
}

fn code(arguments: &Arguments, drift: &Drift) -> u8 {
    if drift.is_there(!arguments.ignore_pending) {
        2
    } else {
        0
    }
}

/// Looks at several environments at the same time and shows them side by side.
fn all(arguments: &Arguments, places: Places, source: &Source) -> Result<u8> {
    let drifts = several::each(places, |place| {
        let drift = one(arguments, place, source)?;
        accept(arguments, place, &drift)?;
        Ok(drift)
    });
    let mut worst = 0;
    let (mut out, mut lines) = (String::new(), String::new());
    let mut whole = serde_json::Map::new();
    for (name, drift) in &drifts {
        let head = if arguments.format == Format::Markdown {
            "## Environment "
        } else {
            "== "
        };
        out.push_str(&format!("{head}{name}\n\n"));
        let (text, code, word) = match drift {
            Ok(drift) => {
                let code = code(arguments, drift);
                (
                    text(arguments, drift)?,
                    code,
                    if code == 0 { "no drift" } else { "drift" }.to_owned(),
                )
            }
            Err(error) => (format!("error: {error}\n"), 1, format!("error: {error}")),
        };
        if arguments.format == Format::Json {
            let value = if drift.is_ok() {
                serde_json::from_str(&text)
            } else {
                Ok(serde_json::json!({ "error": word }))
            };
            whole.insert(name.clone(), value.map_err(|error| Error::internal(error.to_string()))?);
        }
        out.push_str(&text);
        out.push('\n');
        lines.push_str(&format!("{name}  {word}\n"));
        // An error says more than drift.
        worst = if worst == 1 || code == 1 { 1 } else { worst.max(code) };
    }
    terminal::print(&if arguments.format == Format::Json {
        let whole = serde_json::json!({ "environments": whole });
        serde_json::to_string_pretty(&whole).map_err(|error| Error::internal(error.to_string()))? + "\n"
    } else {
        out + &lines
    })?;
    several::complain(&drifts);
    Ok(worst)
}
