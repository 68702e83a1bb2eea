//! The one error type. Bad input is an [`Error`]; a broken promise between our own functions is a panic.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong, each with the place, what was expected, what was found, and the remedy.
#[derive(Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variant's sentence names its fields")]
pub enum Error {
    /// A file or folder of ours could not be created, read or written.
    Io { action: &'static str, path: PathBuf, source: io::Error, remedy: &'static str },
    /// A data file is not what it claims to be, or does not fit the others.
    Data(Mismatch),
    /// No data set of that name; the folders that were searched, in order; the nearest name that there is.
    DataNotFound { name: String, searched: Vec<PathBuf>, nearest: Option<String> },
    /// Settings outside their documented ranges, all of them.
    Settings(Vec<Problem>),
    /// A model file that cannot be used.
    Model(Mismatch),
    /// The loss stopped being finite; what did so first.
    Diverged { epoch: usize, step: u64, learning_rate: f64, place: String },
    /// Somebody else writes in this run folder: this process, where it says so.
    Busy { folder: PathBuf, process: Option<u32> },
    /// A signal asked the training to end. It was saved before.
    Interrupted { signal: usize, folder: PathBuf, epoch: usize, step: u64 },
    /// The system does not start as many threads.
    Threads { threads: usize, reason: String },
    /// Asked for something that this build leaves out.
    NotBuilt { what: &'static str, feature: &'static str },
}

/// A file that is not what was expected of it: where, what, expected, found, remedy.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The file or folder.
    pub path: PathBuf,
    /// The part of it.
    pub what: &'static str,
    /// What that part should be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// One setting that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was given, as the user wrote it: `--batch`, `run.toml: batch`.
    pub place: String,
    /// What was given.
    pub found: String,
    /// The documented range.
    pub expected: String,
    /// What to do, where the range does not say it: the nearest valid name, another option.
    pub remedy: Option<String>,
}

impl Mismatch {
    /// A mismatch in `path`; `expected` and `found` are anything that can be printed.
    pub fn new(
        path: &Path,
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
        remedy: &'static str,
    ) -> Self {
        Self { path: path.to_owned(), what, expected: expected.to_string(), found: found.to_string(), remedy }
    }
}

impl Error {
    /// A data file in which `what` is not as expected; see [`Mismatch::new`].
    pub fn data(
        path: &Path,
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
        remedy: &'static str,
    ) -> Self {
        Self::Data(Mismatch::new(path, what, expected, found, remedy))
    }

    /// The exit code of the command that ends with this error: 1 failure, 2 usage, 3 bad data, 4 diverged,
    /// 5 model or checkpoint unusable, 128 and the signal's number (130, 143) if one ended it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } | Self::Threads { .. } | Self::Busy { .. } => 1,
            Self::Settings(_) | Self::NotBuilt { .. } => 2,
            Self::Data(_) | Self::DataNotFound { .. } => 3,
            Self::Diverged { .. } => 4,
            Self::Model(_) => 5,
            Self::Interrupted { signal, .. } => 128 + *signal as u8,
        }
    }
}

/// What stands in the way of reading a file, for a message that names the file.
pub(crate) fn obstacle(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "nothing there".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        _ => error.to_string(),
    }
}

/// A path as it goes into a message: one line whatever its name, and nothing that a terminal would obey.
pub(crate) struct OneLine<'a>(pub &'a Path);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => write!(f, "{c}"),
        })
    }
}

/// A text from outside as it goes into a message: one line, of bearable length, and nothing that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 160;
    let line = OneLine(Path::new(text)).to_string();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, what, expected, found, remedy } = self;
        write!(f, "{}: {what}: expected {expected}, found {found} ({remedy})", OneLine(path))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.place, self.expected, self.found)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, " ({remedy})"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, source, remedy } => {
                write!(f, "{}: cannot {action}: {source} ({remedy})", OneLine(path))
            }
            Self::Data(mismatch) | Self::Model(mismatch) => mismatch.fmt(f),
            Self::DataNotFound { name, searched, nearest } => {
                let searched: Vec<_> = searched.iter().map(|path| OneLine(path).to_string()).collect();
                let hint = nearest.as_ref().map(|nearest| format!("did you mean {nearest}? ")).unwrap_or_default();
                write!(
                    f,
                    "{}: no such data set: expected a file or folder with images and labels, found none in {} \
                     ({hint}scripts/fetch-data.sh brings the public ones; gemmnist data list shows what is here)",
                    OneLine(Path::new(name)),
                    searched.join(", ")
                )
            }
            Self::Settings(problems) => {
                let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Diverged { epoch, step, learning_rate, place } => write!(
                f,
                "epoch {epoch}, step {step}: training diverged: expected a finite loss, found infinity or NaN in {place} \
                 at learning rate {learning_rate} (lower it with --lr; the run folder keeps the epochs before)"
            ),
            Self::Busy { folder, process } => {
                let process = process.map_or_else(|| "another".to_owned(), |process| process.to_string());
                let folder = OneLine(folder);
                write!(
                    f,
                    "{folder}: expected a run that nobody is at, found process {process} (let it end, or stop it)"
                )
            }
            Self::Interrupted { signal, folder, epoch, step } => write!(
                f,
                "stopped by signal {signal} in epoch {epoch}, after step {step}; all is saved (to go on: gemmnist train \
                 --resume {})",
                OneLine(folder)
            ),
            Self::Threads { threads, reason } => {
                write!(f, "--threads: expected the system to start {threads}, found {reason} (ask for fewer)")
            }
            Self::NotBuilt { what, feature } => {
                write!(f, "{what} is not in this build (build with --features {feature})")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
