//! ## What it finds
//!
//! A column that is created as `timestamp` (without time zone), or becomes it. Advice: the finding is `safe`.
//!
//! ## Why it is dangerous
//!
//! It is a picture of a clock on a wall, no point in time: nobody knows which wall. `now()` is stored in it in the time
//! zone of the session, differences over a change to summer time are wrong by an hour, and sessions with different
//! settings write different values for the same moment.
//!
//! ## Safer way
//!
//! `timestamptz`, which stores the moment in as many bytes. Keep `timestamp` for local times that are meant as such, as
//! opening hours.
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::kinds::Object;
use crate::risk::Risk;
use crate::risk::advice::becoming;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let is_zoneless = |data_type: &str| data_type.starts_with("timestamp") && data_type.ends_with("without time zone");
    becoming(look, is_zoneless)
        .map(|(at, column)| {
            let object = column.identity();
            let message = format!(
                "Column `{}` is a `timestamp` without time zone: it does not say which moment is meant.",
                object.path_text()
            );
            Hit::new(Risk::Safe, at, &object, message).hint("Use `timestamptz` for moments.")
        })
        .collect()
}
