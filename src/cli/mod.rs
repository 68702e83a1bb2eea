//! Flags to settings, one file a command. The only code that prints.
//!
//! What a command finds goes to `out` (stdout), messages and progress to `err` (stderr).

mod bar;
mod compare;
mod data;
mod doctor;
mod eval;
mod inspect;
mod interrupt;
mod model;
mod picture;
mod reproduce;
mod screen;
mod settings;
mod table;
mod train;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};

use crate::error::Error;

/// Exit code of a command that did what it was asked.
const DONE: u8 = 0;
/// Exit code of a command that was called wrongly.
const USAGE: u8 = 2;

/// Whether a terminal is there to show a bar on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Draw one on stderr.
    Bar,
    /// Draw none.
    Hidden,
}

#[derive(Parser)]
#[command(name = "gemmnist", version, about, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a network, and leave a run folder behind
    #[command(after_help = TRAIN_EXAMPLES)]
    Train(Box<train::Args>),
    /// Train published systems as published: their figures, ours, and a verdict
    #[command(after_help = REPRODUCE_EXAMPLES)]
    Reproduce(reproduce::Args),
    /// Accuracy, loss, a table per class and the confusion matrix of a model
    Eval(eval::Args),
    /// The curves of several runs laid over each other, and a table of what they came to
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(compare::Args),
    /// Layers, shapes and number of parameters of a model or a recipe
    Inspect(inspect::Args),
    /// List, verify and picture data sets
    Data(data::Args),
    /// Which BLAS, is it right, how fast is it
    Doctor(doctor::Args),
}

const TRAIN_EXAMPLES: &str = "\
Examples:
  gemmnist train                                   784-128-10 on MNIST, 20 epochs of batches of 10
  gemmnist train --hidden 192,30 --activation sigmoid --lr 0.5
  gemmnist train --config runs/001/config.toml     repeats that run, bit for bit
  gemmnist train --resume runs/001                 goes on with it, as if it had never stopped
  gemmnist train --recipe linear-tanh --seed 7     a published system";

const REPRODUCE_EXAMPLES: &str = "\
Examples:
  gemmnist reproduce --list                        what there is
  gemmnist reproduce linear-tanh                   one system, one training
  gemmnist reproduce all --seeds 3                 the five systems, three trainings each
  gemmnist reproduce mine.toml                     a recipe of your own, written as those in src/recipes";

const COMPARE_EXAMPLES: &str = "\
Examples:
  gemmnist train --name plain && gemmnist train --name decay --l2 1e-4
  gemmnist compare runs/plain runs/decay           with and without L2
  gemmnist compare runs/* --out all.svg            everything there is";

/// Runs one command line, `args` starting with the program's name. Returns the exit code.
///
/// Never panics on bad input, and never exits the process itself.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    progress: Progress,
) -> u8 {
    let result = match Cli::try_parse_from(args) {
        Ok(cli) => execute(cli.command, out, err, progress),
        Err(usage) if usage.use_stderr() => {
            let _ = write!(err, "{usage}"); // Nobody is left to tell if this fails.
            return USAGE;
        }
        Err(help_or_version) => write!(out, "{help_or_version}").map_err(Failure::from),
    };
    match result.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => DONE,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => DONE, // `gemmnist ... | head`
        Err(failure) => {
            for line in failure.to_string().lines() {
                let _ = writeln!(err, "gemmnist: {line}"); // a line a mistake, each by itself clear; as above
            }
            failure.exit_code()
        }
    }
}

fn execute(command: Command, out: &mut dyn Write, err: &mut dyn Write, progress: Progress) -> Result<(), Failure> {
    match command {
        Command::Train(args) => train::run(*args, out, err, progress),
        Command::Reproduce(args) => reproduce::run(args, out, progress),
        Command::Eval(args) => eval::run(args, out),
        Command::Compare(args) => compare::run(args, out),
        Command::Inspect(args) => inspect::run(args, out),
        Command::Data(args) => data::run(args, out),
        Command::Doctor(args) => doctor::run(args, out),
    }
}

/// Why a command ended early: an error of the library, or an output that cannot be written.
#[derive(Debug)]
enum Failure {
    Library(Error),
    Output(io::Error),
    /// `reproduce` found figures outside their ranges: a sentence each.
    Missed(Vec<String>),
    /// `doctor` found products that are wrong.
    WrongProducts {
        blas: String,
    },
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Library(error) => error.exit_code(),
            Self::Output(_) | Self::WrongProducts { .. } => 1,
            Self::Missed(_) => 6,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Library(error) => error.fmt(f),
            Self::Output(error) => {
                write!(f, "standard output: cannot write: {error} (make room, or send it elsewhere)")
            }
            Self::Missed(figures) => f.write_str(&figures.join("\n")),
            Self::WrongProducts { blas } => write!(
                f,
                "{blas}: expected the products of a naive loop, found others (install a newer OpenBLAS, choose another \
                 kernel with OPENBLAS_CORETYPE, or build with --no-default-features)"
            ),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
