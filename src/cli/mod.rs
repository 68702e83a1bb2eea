//! Flags to settings, one file a command. The only code that prints.
//!
//! What a command finds goes to `out` (stdout), messages and progress to `err` (stderr).

mod bar;
mod compare;
mod data;
mod doctor;
mod drawing;
mod epochs;
mod eval;
mod export;
mod inspect;
mod interrupt;
mod leave;
mod lr_find;
mod model;
mod picture;
mod predict;
mod reproduce;
mod screen;
#[cfg(feature = "serve")]
mod serve;
mod settings;
mod table;
mod terminal;
mod train;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::Error;
use terminal::{BAD, Progress};
pub use terminal::{Output, Terminal};

/// Exit code of a command that did what it was asked.
const DONE: u8 = 0;
/// Exit code of a command that was called wrongly.
const USAGE: u8 = 2;

#[derive(Parser)]
#[command(
    name = "gemmnist",
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a network, and leave a run folder behind
    #[command(after_help = TRAIN_EXAMPLES)]
    Train(Box<train::Args>),
    /// Find a learning rate: tries rates from tiny to huge, and trains nothing
    #[command(after_help = LR_FIND_EXAMPLES)]
    LrFind(Box<lr_find::Args>),
    /// Train published systems as published: their figures, ours, and a verdict
    #[command(after_help = REPRODUCE_EXAMPLES)]
    Reproduce(reproduce::Args),
    /// Accuracy, loss, a table per class and the confusion matrix of a model
    #[command(after_help = EVAL_EXAMPLES)]
    Eval(eval::Args),
    /// What pictures show: label, probability, runner-up
    #[command(after_help = PREDICT_EXAMPLES)]
    Predict(predict::Args),
    /// The curves of several runs laid over each other, and a table of what they came to
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(compare::Args),
    /// Layers, shapes and number of parameters of a model or a recipe
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(inspect::Args),
    /// A model as ONNX, safetensors for PyTorch, npz, C or Rust source, or a folder for Hugging Face
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(export::Args),
    /// A local page: draw a digit, see what the network sees and thinks; collect your own test set
    #[cfg(feature = "serve")]
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(serve::Args),
    /// List, verify, picture and convert data sets
    #[command(after_help = DATA_EXAMPLES)]
    Data(data::Args),
    /// Which BLAS, is it right, how fast is it
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(doctor::Args),
}

const EXAMPLES: &str = "\
Examples:
  gemmnist train                                   trains on MNIST, leaves runs/001 behind
  gemmnist eval runs/001                           how good it is, and at what
  gemmnist predict digit.png                       what a picture shows";

const EVAL_EXAMPLES: &str = "\
Examples:
  gemmnist eval runs/001                           on the test images it was not trained on
  gemmnist eval runs/001 --data my-digits          on your own pictures, one folder a class
  gemmnist eval runs/001 --mistakes --svg confusion.svg";

const INSPECT_EXAMPLES: &str = "\
Examples:
  gemmnist inspect runs/001                        the network of a run
  gemmnist inspect mlp-16-16 --svg network.svg     that of a recipe, as a picture";

const DATA_EXAMPLES: &str = "\
Examples:
  gemmnist data list                               the data sets that are here
  gemmnist data verify mnist                       every byte of one
  gemmnist data samples --per-class 20 --out samples.svg
  gemmnist data convert mnist --to npz --out mnist.npz";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  gemmnist doctor                                  for people
  gemmnist doctor --json                           for programs";

const TRAIN_EXAMPLES: &str = "\
Examples:
  gemmnist train                                   784-128-10 on MNIST, 20 epochs of batches of 10
  gemmnist train --hidden 192,30 --activation sigmoid --lr 0.5
  gemmnist train --config runs/001/config.toml     repeats that run, bit for bit
  gemmnist train --resume runs/001                 goes on with it, as if it had never stopped
  gemmnist train --recipe mlp-16-16 --seed 7       a published system";

const LR_FIND_EXAMPLES: &str = "\
Examples:
  gemmnist lr-find                                 for the network that gemmnist train trains
  gemmnist lr-find --optimizer adam --batch 100    options as of gemmnist train
  gemmnist lr-find --hidden 300,100 --out find.svg";

const REPRODUCE_EXAMPLES: &str = "\
Examples:
  gemmnist reproduce --list                        what there is
  gemmnist reproduce linear-tanh                   one system, one training
  gemmnist reproduce all --seeds 3                 the five systems, three trainings each
  gemmnist reproduce mine.toml                     a recipe of your own";

const PREDICT_EXAMPLES: &str = "\
Examples:
  gemmnist predict digit.png                       by the newest network in runs
  gemmnist predict digit.png --explain             draws what the network saw
  gemmnist predict my-digits --model runs/001 --svg seen.svg
  gemmnist predict - < digit.png --json";

#[cfg(feature = "serve")]
const SERVE_EXAMPLES: &str = "\
Examples:
  gemmnist serve                                   draw for the network of the newest run; prints the address of the page
  gemmnist serve runs/001 --open                   for that one, and opens the page in the browser
  gemmnist serve runs/001 --watch runs/002         and watches the training that fills runs/002
  gemmnist serve --host 0.0.0.0                    for a phone in the same network: open the address that is printed";

const COMPARE_EXAMPLES: &str = "\
Examples:
  gemmnist train --name plain && gemmnist train --name decay --l2 1e-4
  gemmnist compare runs/plain runs/decay           with and without L2
  gemmnist compare runs/* --out all.html           everything there is, as a page
  gemmnist compare runs/* --sort time              the fastest first";

/// What a command is for, how it is used by example, and then all of it.
const HELP: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\n{all-args}";

/// Every command with its examples before its options.
fn command_line() -> clap::Command {
    fn with_examples_first(command: clap::Command) -> clap::Command {
        let command = command.mut_subcommands(with_examples_first);
        if command.get_after_help().is_some() { command.help_template(HELP) } else { command }
    }
    with_examples_first(Cli::command())
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  gemmnist export runs/001                         runs/001/model.onnx: image in, probabilities out
  gemmnist export runs/001 --out digits.h          a C header; .rs: a Rust module without std
  gemmnist export runs/001 --to safetensors        torch.nn.Sequential, and how to load it
  gemmnist export runs/001 --hf digits             a folder for the Hugging Face hub";

/// Runs one command line, `args` starting with the program's name. Returns the exit code.
///
/// Never panics on bad input, and never exits the process itself.
pub fn run(args: impl IntoIterator<Item = OsString>, out: &mut Output, err: &mut Output, terminal: Terminal) -> u8 {
    let [out, err] = &mut terminal.dress(out, err);
    let parsed = command_line().try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let result = match parsed {
        Ok(cli) => execute(cli.command, out, err, terminal.progress),
        Err(usage) if usage.use_stderr() => {
            let _ = write!(err, "{}", usage.render().ansi()); // Nobody is left to tell if this fails.
            return USAGE;
        }
        Err(help_or_version) => write!(out, "{}", help_or_version.render().ansi()).map_err(Failure::from),
    };
    match result.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => DONE,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => DONE, // `gemmnist ... | head`
        Err(failure) => {
            for line in failure.to_string().lines() {
                let _ = writeln!(err, "{BAD}gemmnist:{BAD:#} {line}"); // a line a mistake, each by itself clear; as above
            }
            failure.exit_code()
        }
    }
}

fn execute(command: Command, out: &mut dyn Write, err: &mut dyn Write, progress: Progress) -> Result<(), Failure> {
    match command {
        Command::Train(args) => train::run(*args, out, err, progress),
        Command::LrFind(args) => lr_find::run(*args, out),
        Command::Reproduce(args) => reproduce::run(args, out, progress),
        Command::Eval(args) => eval::run(args, out),
        Command::Predict(args) => predict::run(args, out),
        Command::Compare(args) => compare::run(args, out),
        Command::Inspect(args) => inspect::run(args, out),
        Command::Export(args) => export::run(args, out),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args, out, err),
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
    /// Pictures that could not be read, among others that could: one at least.
    Unreadable(Vec<Error>),
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
            Self::Unreadable(errors) => errors.first().map_or(1, Error::exit_code),
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
            Self::Unreadable(errors) => {
                f.write_str(&errors.iter().map(Error::to_string).collect::<Vec<_>>().join("\n"))
            }
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
