//! Findings in the order in which people read them.

use crate::plan::Plan;
use crate::risk::Finding;

/// Returns the findings worst first, and within a risk by rule: one list per risk and rule.
pub(super) fn by_rule(plan: &Plan) -> Vec<Vec<&Finding>> {
    let mut sorted: Vec<&Finding> = plan.findings.iter().collect();
    sorted.sort_by(|a, b| (b.risk, &a.code, &a.object, a.step).cmp(&(a.risk, &b.code, &b.object, b.step)));
    // What a project has ruled on stands alone: approving the rest does not approve it, and its reason is read.
    let groups = sorted.chunk_by(|a, b| (a.risk, &a.code, &a.ruling) == (b.risk, &b.code, &b.ruling));
    groups.map(<[&Finding]>::to_vec).collect()
}
