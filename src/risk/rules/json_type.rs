//! ## What it finds
//!
//! A column that is created as `json`, or becomes it. Advice: the finding is `safe`.
//!
//! ## Why it is dangerous
//!
//! `json` is kept as text and parsed again at every use. It has no equality, so that `SELECT DISTINCT`, `GROUP BY` and
//! `UNION` over it fail, and only expressions over it can be indexed.
//!
//! ## Safer way
//!
//! `jsonb`, unless the exact text matters: white space, the order of keys, keys that stand twice.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::kinds::Object;
use crate::risk::Risk;
use crate::risk::advice::becoming;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    becoming(look, |data_type| data_type == "json")
        .map(|(at, column)| {
            let object = column.identity();
            let message = format!(
                "Column `{}` is `json`: it has no equality and is parsed at every use.",
                object.path_text()
            );
            Hit::new(Risk::Safe, at, &object, message).hint("Use `jsonb`, unless the exact text matters.")
        })
        .collect()
}
