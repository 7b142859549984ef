//! Forms of a plan's report on standard output, for every command that shows a plan.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::terminal;
use crate::desired::source::Source;
use crate::error::Result;
use crate::plan::Plan;
use crate::report::{self, Direction, Style};

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables and text, for people
    Human,
    /// The plan with a summary, for programs
    Json,
    /// A script that psql runs as it is
    Sql,
    /// A comment for a pull request, with the SQL folded away
    Markdown,
    /// One page for a browser, with a diagram
    Html,
    /// Findings for code scanning, at the lines that declare what they are about
    Sarif,
    /// Findings as workflow commands (`::error file=…`), which pull requests show at those lines
    Annotations,
}

/// How a plan is shown.
#[derive(Debug, Args)]
pub(super) struct FormatArguments {
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// With `--format sql`: the script that leads back
    #[arg(long)]
    rollback: bool,
    /// With `--format human`: show long plans whole
    #[arg(long)]
    verbose: bool,
}

impl FormatArguments {
    /// Prints a plan that was made from a source and written to a file, if it was.
    pub(super) fn print(&self, plan: &Plan, source: &Source, file: Option<&Path>) -> Result<()> {
        let file = file.map(|path| path.display().to_string());
        let style = Style {
            verbose: self.verbose,
            ..terminal::style(file.as_deref())
        };
        terminal::print(&match self.format {
            Format::Human => report::human(plan, &style),
            Format::Json => report::json(plan)?,
            Format::Sql if self.rollback => report::sql(plan, Direction::Rollback),
            Format::Sql => report::sql(plan, Direction::Forward),
            Format::Markdown => report::markdown(plan),
            Format::Html => report::html(plan),
            Format::Sarif => report::sarif(plan, path(source).as_deref())?,
            Format::Annotations => report::annotations(plan),
        })
    }
}

/// Returns the path of target files.
fn path(source: &Source) -> Option<String> {
    match source {
        Source::Folder(path) | Source::File(path) | Source::Snapshot(path) => Some(path.display().to_string()),
        Source::Git { path, .. } => Some(path.clone()),
        Source::Database(_) | Source::Environment(_) => None,
    }
}
