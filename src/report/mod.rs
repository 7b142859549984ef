//! Reports, all from the same plan: human, json, sql, markdown, html, sarif, annotations. They return text; the command line prints it. Names no kind.

mod annotations;
mod by_hand;
mod differences;
mod doctor;
mod drift;
mod duration;
mod findings;
mod fold;
mod groups;
mod highlight;
mod html;
mod human;
mod json;
mod markdown;
mod name;
mod paint;
mod place;
mod proof;
mod sarif;
mod sizes;
mod sql;
mod steps;
mod summary;
mod text;
mod why;

pub use doctor::doctor_human;
pub use drift::{drift_human, drift_json, drift_markdown};
mod words;

pub use annotations::annotations;
pub use html::html;
pub use human::human;
pub use json::json;
pub use markdown::{LIMIT, markdown, marker};
pub use paint::Style;
pub use sarif::sarif;
pub use sizes::sizes_human;
pub use sql::{Direction, sql};
pub use why::why_human;
