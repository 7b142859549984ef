//! Reports, all from the same plan: human, json, sql. They return text; the command line prints it. Names no kind.

mod groups;
mod highlight;
mod human;
mod json;
mod name;
mod paint;
mod sql;
mod text;

pub use human::human;
pub use json::json;
pub use paint::Style;
pub use sql::{Direction, sql};
