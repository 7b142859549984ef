//! What came of executing the plan on a scratch database.

use crate::plan::{Direction, Plan, Proof, Verdict};
use crate::words::count;

/// Returns the outcome in a few words; nothing where there was nothing to execute.
pub(super) fn verdict(plan: &Plan) -> Option<String> {
    let proof = plan.proof.as_ref()?;
    let server = proof.server.as_deref().unwrap_or("a scratch server");
    Some(match proof.verdict {
        Verdict::Skipped => "none: nobody executed the plan before (--no-prove)".to_owned(),
        Verdict::Failed => format!("FAILED on {server}: the plan cannot be applied"),
        Verdict::Held if proof.rows == 0 => format!("held on {server}: executed forward and back"),
        Verdict::Held => format!(
            "held on {server}: executed forward and back, {} kept",
            count(usize::try_from(proof.rows).unwrap_or(usize::MAX), "generated row")
        ),
    })
}

/// Returns what is to be said about the proof beyond its verdict, worst first.
pub(super) fn remarks(plan: &Plan) -> Vec<String> {
    let Some(proof) = &plan.proof else {
        return Vec::new();
    };
    let surprises = proof.surprises.iter().map(|surprise| {
        let place = place(Some(surprise.direction), Some(surprise.step));
        format!("Observed otherwise than expected, {place}: {}", surprise.message)
    });
    let mut out: Vec<String> = refutation(plan).into_iter().chain(surprises).collect();
    out.extend(proof.notes.iter().cloned());
    out
}

/// Returns why the proof failed, if it did.
pub(super) fn refutation(plan: &Plan) -> Option<String> {
    let refutation = plan
        .proof
        .as_ref()
        .and_then(|proof: &Proof| proof.refutation.as_ref())?;
    let place = place(refutation.direction, refutation.step);
    Some(format!("The plan failed its proof {place}: {}", refutation.message))
}

fn place(direction: Option<Direction>, step: Option<usize>) -> String {
    let step = step.map(|step| format!(", step {}", step + 1)).unwrap_or_default();
    match direction {
        None => "before its first step".to_owned(),
        Some(Direction::Forward) => format!("on the way forward{step}"),
        Some(Direction::Rollback) => format!("on the way back{step}"),
    }
}
