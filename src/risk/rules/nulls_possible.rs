//! ## What it finds
//!
//! `NOT NULL` on a column that stands and may hold nulls, or on a new generated one, whose expression may give null. Where the
//! planner's statistics know the share of nulls, the finding says it.
//!
//! ## Why it is dangerous
//!
//! One null is enough for the statement to fail, and with it everything in its transaction. To find out, PostgreSQL reads
//! the whole table under ACCESS EXCLUSIVE: nobody reads or writes it meanwhile. Code that stores nulls fails from then on.
//!
//! It is `critical` where the statistics have seen nulls, `caution` where they have seen none (which proves nothing: they
//! are a sample) or where a declared backfill fills them first, `dangerous` where nobody knows. A table that is certainly empty is not reported.
//!
//! ## Safer way
//!
//! Count and fill the nulls first, or declare how: `-- trueup: backfill COLUMN using EXPRESSION`. On a large table add `CHECK (c IS NOT NULL) NOT VALID`, validate it in another
//! transaction, then set `NOT NULL`, which takes the check for proof, and drop the check.
//!
//! ## PostgreSQL versions
//!
//! All. Since 12 a validated check spares the scan; since 18 `ADD CONSTRAINT … NOT NULL c NOT VALID` and `VALIDATE`
//! do it directly.

use crate::catalog::Identity;
use crate::kinds::{Kind, Lock};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, lock_on, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| change.object.kind == Kind::NotNull)
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace))
        .filter_map(|(at, change)| hit(look, at, change))
        .collect()
}

fn hit(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let column = Identity::new(Kind::Column, change.object.path.iter());
    let table = table_of(&column);
    if !look.stands(&table) || look.is_empty(&table) {
        return None;
    }
    if look.is_new(&column) {
        // One without an expression is another rule's affair.
        look.column_after(&column)?.generated.as_ref()?;
        let message = format!(
            "The new column `{}` is `NOT NULL` and generated: the statement fails if its expression gives null for one row of \
             {}.",
            column.path_text(),
            look.sized(&table)
        );
        return Some(
            Hit::new(Risk::Dangerous, at, &change.object, message)
                .hint("Count the rows for which it does, and correct them or the expression."),
        );
    }
    let own = look.steps[at..]
        .iter()
        .filter(|step| step.changes.iter().any(|said| said.object == change.object));
    let mut statements = own.flat_map(|step| &step.statements);
    let judges = statements.any(|sentence| {
        look.any_within(&sentence.facts.scans, &table) && lock_on(sentence, &table) >= Some(Lock::ShareUpdateExclusive)
    });
    if !judges {
        return None;
    }
    let (risk, seen) = match look.statistics.nulls(&column) {
        _ if look.is_filled(&column) => (Risk::Caution, "but for those that the backfill fills first".to_owned()),
        Some(share) if share > 0.0 => (
            Risk::Critical,
            format!("and {} of its values are null as of the last `ANALYZE`", percent(share)),
        ),
        Some(_) => (Risk::Caution, "though the last `ANALYZE` has seen none".to_owned()),
        None => (Risk::Dangerous, "and nobody has counted them".to_owned()),
    };
    let message = format!(
        "Column `{}` of {} becomes `NOT NULL`: the statement fails on the first null, {seen}.",
        column.path_text(),
        look.sized(&table)
    );
    Some(Hit::new(risk, at, &change.object, message).hint(
        "Count and fill the nulls first; on a large table prove that there are none with a check that is validated in \
         another transaction.",
    ))
}

fn percent(share: f64) -> String {
    if share < 0.01 {
        "less than 1 %".to_owned()
    } else {
        format!("about {:.0} %", share * 100.0)
    }
}
