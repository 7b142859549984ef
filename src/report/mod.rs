//! Reports, all from the same plan: human, json, sql. They return text; the command line prints it. Names no kind.

mod by_hand;
mod differences;
mod findings;
mod fold;
mod groups;
mod highlight;
mod human;
mod json;
mod name;
mod paint;
mod sql;
mod steps;
mod summary;
mod text;
mod words;

pub use human::human;
pub use json::json;
pub use paint::Style;
pub use sql::{Direction, sql};
