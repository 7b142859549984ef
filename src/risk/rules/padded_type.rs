//! ## What it finds
//!
//! A column that is created as `char(n)`, or becomes it. Advice: the finding is `safe`.
//!
//! ## Why it is dangerous
//!
//! PostgreSQL pads every value with blanks to the length and ignores them in comparisons, but not in `LIKE`, in regular
//! expressions and in clients. It is not faster than `text`, and mostly larger.
//!
//! ## Safer way
//!
//! `text`, with `CHECK (length(c) = n)` where the length matters.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::kinds::Object;
use crate::risk::Risk;
use crate::risk::advice::becoming;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    becoming(look, |data_type| {
        data_type == "bpchar" || data_type.starts_with("character(")
    })
    .map(|(at, column)| {
        let object = column.identity();
        let message = format!(
            "Column `{}` is `{}`: its values are padded with blanks.",
            object.path_text(),
            column.data_type
        );
        Hit::new(Risk::Safe, at, &object, message).hint("Use `text`, with a check on the length where it matters.")
    })
    .collect()
}
