//! The command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(gemmnist::cli::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr()))
}
