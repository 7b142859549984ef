//! Sizes of tables, for people.

use comfy_table::{CellAlignment, Table, presets};

use crate::introspect::Size;
use crate::report::paint::Style;

/// Returns the table of sizes.
pub fn sizes_human(sizes: &[Size], style: &Style) -> String {
    if sizes.is_empty() {
        return "No tables.\n".to_owned();
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_width(u16::try_from(style.width.max(80)).unwrap_or(u16::MAX))
        .force_no_tty()
        .set_header(["table", "rows", "dead rows", "heap", "indexes", "in all"]);
    for size in sizes {
        table.add_row([
            size.object.path_text(),
            size.rows
                .map_or_else(|| "unknown".to_owned(), |rows| format!("~{rows}")),
            size.dead_rows.to_string(),
            bytes(size.heap_bytes),
            bytes(size.index_bytes),
            bytes(size.bytes),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n\nRows are the planner's estimates; `unknown` where ANALYZE never ran.\n")
}

/// Says bytes in the unit that leaves at most four digits.
fn bytes(number: i64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut rest = number;
    let mut at = 0;
    while rest >= 10_240 && at + 1 < units.len() {
        rest /= 1024;
        at += 1;
    }
    format!("{rest} {}", units[at])
}
