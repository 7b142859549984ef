//! Entry point of the `trueup` program.

/// A catalog is some hundred thousand small values, made on one thread and dropped on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    trueup::cli::run()
}
