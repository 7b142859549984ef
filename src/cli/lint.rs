//! `trueup lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::arguments::{OnlineChoice, ScratchArguments};
use super::{setup, terminal};
use crate::error::{Error, Result};
use crate::migrate::{Directory, Linted, Remark, TEXT_RULES, lint, loose};
use crate::reconcile::Setup;
use crate::risk::{RULES, Risk};

/// Arguments of `trueup lint`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// SQL files, in the order in which they run, or folders of migrations [default: migrations]
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Live database: the files are then judged by what they do to it, and its sizes count
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Look at the text only; no scratch database is needed
    #[arg(long)]
    text_only: bool,
    /// Where throw-away databases are made: `auto`, a server's URL, or `live` [default: auto]
    #[arg(long, env = "TRUEUP_SCRATCH", hide_env_values = true, value_name = "WHERE")]
    scratch: Option<String>,
    /// Grade from which on the exit code is 3
    #[arg(long, value_name = "RISK", default_value = "dangerous", value_parser = risk)]
    fail_on: Risk,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// For code scanning
    Sarif,
    /// Workflow commands, which show at the lines of a pull request
    Annotations,
}

fn risk(text: &str) -> std::result::Result<Risk, String> {
    text.parse()
        .map_err(|()| format!("`{text}` is no risk: pass safe, caution, dangerous or critical"))
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let files = files(arguments)?;
    let scratch = ScratchArguments {
        scratch: arguments.scratch.clone(),
        include: Vec::new(),
        exclude: Vec::new(),
        manage: Vec::new(),
        online: OnlineChoice::Never,
        no_cache: false,
    };
    let setup = Setup {
        prove: !arguments.text_only,
        ..setup::unmanaged(&scratch)?
    };
    let live = match &arguments.database {
        Some(url) => Some(crate::db::Url::parse(url, &setup.environment)?),
        None => None,
    };
    let (remarks, notes) = lint(&setup, &files, live.as_ref())?;
    let text = match arguments.format {
        Format::Human => human(&remarks),
        Format::Json => pretty(&json!({ "remarks": remarks, "notes": notes }))?,
        Format::Sarif => pretty(&sarif(&remarks))?,
        Format::Annotations => annotations(&remarks),
    };
    terminal::print(&text)?;
    for note in notes {
        terminal::progress(&format!("note: {note}"));
    }
    let fails = remarks
        .iter()
        .any(|own| own.waived.is_none() && own.risk >= arguments.fail_on);
    Ok(if fails { 3 } else { 0 })
}

fn files(arguments: &Arguments) -> Result<Linted> {
    let paths = if arguments.files.is_empty() {
        vec![PathBuf::from(
            setup::config()?.migrations.unwrap_or_else(|| "migrations".to_owned()),
        )]
    } else {
        arguments.files.clone()
    };
    let mut out = Linted::default();
    for path in paths {
        if path.is_dir() {
            let directory = Directory::read(&path, None)?;
            out.wants_rollbacks = true;
            out.migrations.extend(directory.migrations);
        } else if path.exists() {
            out.migrations.extend(loose(&[path])?);
        } else {
            return Err(Error::usage(format!("no such file or folder: `{}`", path.display()))
                .hint("Pass SQL files, or folders of migrations."));
        }
    }
    Ok(out)
}

fn pretty(value: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::internal(error.to_string()))?;
    Ok(text + "\n")
}

fn human(remarks: &[Remark]) -> String {
    let mut out = String::new();
    for remark in remarks {
        let Remark {
            code,
            risk,
            place,
            message,
            hint,
            waived,
        } = remark;
        out.push_str(&format!("{place}: {risk} {code}: {message}\n"));
        if let Some(waived) = waived {
            out.push_str(&format!("    {}\n", waived.words()));
        } else if !hint.is_empty() {
            out.push_str(&format!("    {hint}\n"));
        }
    }
    let open = remarks.iter().filter(|remark| remark.waived.is_none()).count();
    let noun = if open == 1 { "remark" } else { "remarks" };
    out.push_str(&format!("{open} {noun}, {} waived\n", remarks.len() - open));
    out
}

fn level(risk: Risk) -> &'static str {
    match risk {
        Risk::Safe => "note",
        Risk::Caution => "warning",
        Risk::Dangerous | Risk::Critical => "error",
    }
}

fn sarif(remarks: &[Remark]) -> Value {
    let own = TEXT_RULES.iter().map(|rule| (rule.code, rule.title));
    let all = RULES.iter().map(|rule| (rule.code, rule.name)).chain(own);
    let rules: Vec<Value> = all
        .map(|(code, title)| json!({ "id": code, "shortDescription": { "text": title } }))
        .collect();
    let results: Vec<Value> = remarks
        .iter()
        .map(|remark| {
            let mut out = json!({
                "ruleId": remark.code,
                "level": level(remark.risk),
                "message": { "text": format!("{} {}", remark.message, remark.hint).trim() },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": remark.place.file },
                    "region": { "startLine": remark.place.line, "startColumn": remark.place.column },
                } }],
            });
            if let Some(waived) = &remark.waived {
                out["suppressions"] = json!([{ "kind": "inSource", "justification": waived.reason }]);
            }
            out
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "trueup", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
        }],
    })
}

/// Returns workflow commands, in which a few characters have to be escaped.
fn annotations(remarks: &[Remark]) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let open = remarks.iter().filter(|remark| remark.waived.is_none());
    open.map(|remark| {
        let word = match level(remark.risk) {
            "note" => "notice",
            other => other,
        };
        format!(
            "::{word} file={},line={},col={},title={}::{}\n",
            property(&remark.place.file),
            remark.place.line,
            remark.place.column,
            property(&remark.code),
            escape(format!("{} {}", remark.message, remark.hint).trim())
        )
    })
    .collect()
}
