//! Entry point of the `trueup` program.

fn main() -> std::process::ExitCode {
    trueup::cli::run()
}
