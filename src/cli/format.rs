//! Forms of a plan's report on standard output, for every command that shows a plan.

use crate::catalog::Name;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::{several, terminal};
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::plan::{Plan, Verb};
use crate::report::{self, Direction, Style};
use crate::risk::Risk;

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
        terminal::print(&self.text(plan, source, file)?)
    }

    fn text(&self, plan: &Plan, source: &Source, file: Option<&Path>) -> Result<String> {
        let file = file.map(|path| path.display().to_string());
        let style = Style {
            verbose: self.verbose,
            ..terminal::style(file.as_deref())
        };
        Ok(match self.format {
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

    /// Refuses forms that cannot hold several plans.
    pub(super) fn must_take_several(&self) -> Result<()> {
        if matches!(self.format, Format::Human | Format::Json | Format::Markdown) {
            return Ok(());
        }
        Err(Error::usage("several environments cannot be shown in this form")
            .hint("Pass --format human, json or markdown, or one environment at a time."))
    }

    /// Prints the plans of several environments, with one line for each in the end.
    pub(super) fn print_several(
        &self,
        plans: &[(String, Result<Plan>)],
        source: &Source,
        file: Option<&Path>,
    ) -> Result<()> {
        if self.format == Format::Json {
            return terminal::print(&json(plans)?);
        }
        let mut out = String::new();
        for (name, plan) in plans {
            let head = if self.format == Format::Markdown {
                "## Environment "
            } else {
                "== "
            };
            out.push_str(&format!("{head}{name}\n\n"));
            match plan {
                // Whole reports of several environments are more than anybody reads.
                Ok(plan) if self.format == Format::Human && !self.verbose => {
                    out.push_str(&short(plan));
                    out.push_str(&format!("Whole: trueup plan --env {name}\n"));
                }
                Ok(plan) => {
                    let file = file.map(|path| several::own_file(path, name));
                    out.push_str(&self.text(plan, source, file.as_deref())?);
                }
                Err(error) => out.push_str(&format!("error: {error}\n")),
            }
            out.push('\n');
        }
        let width = plans.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, plan) in plans {
            let bullet = if self.format == Format::Markdown { "- " } else { "" };
            out.push_str(&format!("{bullet}{name:width$}  {}\n", verdict(plan)));
        }
        terminal::print(&out)
    }
}

/// Lists changes and what has to be approved.
fn short(plan: &Plan) -> String {
    let changes = plan
        .changes
        .iter()
        .map(|detail| &detail.change)
        .filter(|change| change.verb != Verb::Rebuild);
    // What belongs to a table that comes or goes says nothing of its own.
    let whole = |path: &[Name]| {
        plan.changes.iter().any(|other| {
            let change = &other.change;
            matches!(change.verb, Verb::Create | Verb::Drop)
                && change.object.path.len() < path.len()
                && path.starts_with(&change.object.path)
        })
    };
    let mut out = String::new();
    for change in changes.filter(|change| !whole(&change.object.path)) {
        let sign = match change.verb {
            Verb::Create => '+',
            Verb::Drop => '-',
            _ => '~',
        };
        out.push_str(&format!("  {sign} {}\n", change.object));
    }
    for finding in plan.findings.iter().filter(|finding| finding.risk >= Risk::Dangerous) {
        out.push_str(&format!(
            "  {} {} {}: {}\n",
            finding.risk, finding.code, finding.object, finding.message
        ));
    }
    for note in &plan.notes {
        out.push_str(&format!("  note: {note}\n"));
    }
    out
}

/// Says in one line what a plan comes to.
fn verdict(plan: &Result<Plan>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return format!("error: {error}"),
    };
    if plan.is_empty() {
        return "no changes".to_owned();
    }
    let highest = plan.findings.iter().map(|finding| finding.risk).max();
    let changes = plan.changes.len();
    format!(
        "{changes} {}, highest risk {}",
        if changes == 1 { "change" } else { "changes" },
        highest.map_or("safe", Risk::word)
    )
}

fn json(plans: &[(String, Result<Plan>)]) -> Result<String> {
    let mut environments = serde_json::Map::new();
    for (name, plan) in plans {
        let value = match plan {
            Ok(plan) => serde_json::from_str(&report::json(plan)?),
            Err(error) => Ok(serde_json::json!({ "error": error.to_string(), "hint": error.hint })),
        };
        environments.insert(name.clone(), value.map_err(|error| Error::internal(error.to_string()))?);
    }
    let whole = serde_json::json!({ "environments": environments });
    Ok(serde_json::to_string_pretty(&whole).map_err(|error| Error::internal(error.to_string()))? + "\n")
}

/// Returns the path of target files.
fn path(source: &Source) -> Option<String> {
    match source {
        Source::Folder(path) | Source::File(path) | Source::Snapshot(path) => Some(path.display().to_string()),
        Source::Git { path, .. } => Some(path.clone()),
        Source::Database(_) | Source::Environment(_) | Source::Live(_) | Source::Ledger(..) => None,
    }
}
