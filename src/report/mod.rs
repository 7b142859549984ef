//! Reports, all from the same plan: human, json, sql. They return text; the command line prints it. Names no kind.

mod doctor;
mod drift;
mod human;
mod json;
mod name;
mod paint;
mod sizes;
mod sql;
mod text;
mod why;

pub use doctor::doctor_human;
pub use drift::{drift_human, drift_json, drift_markdown};
pub use human::human;
pub use json::json;
pub use paint::Style;
pub use sizes::sizes_human;
pub use sql::{Direction, sql};
pub use why::why_human;
