//! Reports, all from the same plan: human, json, sql, markdown, html, sarif, annotations. They return text; the command line prints it. Names no kind.

mod annotations;
mod by_hand;
mod differences;
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
mod sql;
mod steps;
mod summary;
mod text;
mod words;

pub use annotations::annotations;
pub use html::html;
pub use human::human;
pub use json::json;
pub use markdown::{LIMIT, markdown, marker};
pub use paint::Style;
pub use sarif::sarif;
pub use sql::{Direction, sql};
