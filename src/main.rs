//! Entry point of the `trueup` program.

fn main() {}
