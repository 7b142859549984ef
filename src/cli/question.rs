//! Asks at a terminal what a plan leaves open about renames.

use super::terminal;
use crate::error::Result;
use crate::plan::{Plan, Question};
use crate::reconcile::{Answers, Setup};

/// Makes a plan, asks what it leaves open where somebody can be asked, and makes it again with the answers.
pub(super) fn settle(mut setup: Setup, plan: impl Fn(&Setup) -> Result<Plan>) -> Result<Plan> {
    loop {
        let made = plan(&setup)?;
        if made.questions.is_empty() || !terminal::can_ask() || !ask(&made.questions, &mut setup.answers) {
            return Ok(made);
        }
    }
}

/// Asks until something is not answered; tells whether anything was.
fn ask(questions: &[Question], answers: &mut Answers) -> bool {
    let mut taken = Vec::new();
    let mut answered = false;
    for question in questions {
        let left: Vec<_> = question
            .formers
            .iter()
            .filter(|former| !taken.contains(&&former.object))
            .collect();
        if left.is_empty() {
            continue;
        }
        terminal::say(&question.words());
        for (at, former) in left.iter().enumerate() {
            terminal::say(&format!("  {}  rename {}", at + 1, former.words()));
        }
        terminal::say(&format!(
            "  {}  drop and add: `{}` is new",
            left.len() + 1,
            question.object.path_text()
        ));
        let Some(choice) = terminal::choose(left.len() + 1) else {
            break;
        };
        answered = true;
        let line = match left.get(choice - 1) {
            Some(former) => {
                answers.add_rename(&former.object, &question.object);
                taken.push(&former.object);
                &former.rename
            }
            None => {
                answers.add_new(&question.object);
                &question.not_renamed
            }
        };
        let place = question.declared_at.as_deref().unwrap_or("the target files");
        terminal::say(&format!(
            "  To keep this answer for other databases: {}, above the declaration in {place} (in YAML {})",
            line.sql, line.yaml
        ));
    }
    answered
}
