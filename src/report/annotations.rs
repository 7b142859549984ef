//! Findings as workflow commands, which hosts of pull requests show at the line that declares what they are about.

use super::findings::by_rule;
use super::name;
use super::place::Places;
use super::proof::refutation;
use crate::plan::Plan;
use crate::risk::{Finding, Risk};

/// Returns one line per finding, worst first: hosts show only the first ten of a level.
pub fn annotations(plan: &Plan) -> String {
    let places = Places::of(plan);
    let failed = refutation(plan).map(|text| format!("::error title=failed proof::{}\n", escape(&text)));
    let findings = by_rule(plan).into_iter().flatten();
    failed
        .into_iter()
        .chain(findings.map(|finding| line(finding, &places)))
        .collect()
}

fn line(finding: &Finding, places: &Places) -> String {
    let level = match finding.risk {
        Risk::Safe => "notice",
        Risk::Caution => "warning",
        Risk::Dangerous | Risk::Critical => "error",
    };
    let title = format!("{} {}: {}", finding.code, finding.risk, name::full(&finding.object));
    let mut properties = Vec::new();
    if let Some(place) = places.place(&finding.object) {
        properties.push(format!("file={}", property(&place.file)));
        properties.push(format!("line={}", place.line));
    }
    properties.push(format!("title={}", property(&title)));
    let text = format!("{} {}", finding.message, finding.hint);
    format!("::{level} {}::{}\n", properties.join(","), escape(text.trim()))
}

/// Escapes what would end a command or begin another one.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what would end a property, too.
fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_line() {
        assert_eq!(escape("100 %\n::error::x"), "100 %25%0A::error::x");
        assert_eq!(property("a,line=9:b"), "a%2Cline=9%3Ab");
    }
}
