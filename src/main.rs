//! The command: arguments in, exit code out.

use std::io::{IsTerminal, stderr, stdout};
use std::process::ExitCode;

use gemmnist::cli::{Progress, run};

fn main() -> ExitCode {
    let progress = if stderr().is_terminal() { Progress::Bar } else { Progress::Hidden };
    ExitCode::from(run(std::env::args_os(), &mut stdout(), &mut stderr(), progress))
}
