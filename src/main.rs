//! The command: arguments in, exit code out.

use std::io::{stderr, stdout};
use std::process::ExitCode;

use gemmnist::cli::{Terminal, run};

fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os(), &mut stdout(), &mut stderr(), Terminal::of_process()))
}
