//! The files of a run: `config.toml` before it, a line of `metrics.jsonl` an epoch, `best.safetensors` whenever the
//! validation loss is the lowest so far, `model.safetensors` after it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::model_file::{self, Description, Training};
use super::{EpochRecord, History, Observer, TrainConfig};
use crate::data::Dataset;
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::files::write_atomically;
use crate::nn::Network;

/// A folder that one run fills.
#[derive(Debug)]
pub struct RunFolder<'d> {
    path: PathBuf,
    metrics: File,
    config: TrainConfig,
    /// What is learnt.
    data: &'d Dataset,
}

impl<'d> RunFolder<'d> {
    /// For a run on `data`: makes the folder `name` in `parent` (or the next free number: 001, 002, ...) with the run's `config.toml` and an
    /// empty `metrics.jsonl`. All that can fail early fails here, before the first step.
    ///
    /// # Errors
    /// [`Error::Settings`] if `name` is taken or no name of a folder, [`Error::Io`] if the folder cannot be written.
    pub fn create(parent: &Path, name: Option<&str>, config: &TrainConfig, data: &'d Dataset) -> Result<Self> {
        let path = new_folder(parent, name)?;
        Self::begin(&path, config, data).inspect_err(|_| {
            let _ = fs::remove_dir_all(&path); // Made just now, by nobody else; the error that matters is the first one.
        })
    }

    /// What is wrong with `name` for a new folder in `parent`, if anything is.
    pub fn name_problem(parent: &Path, name: &str) -> Option<Problem> {
        let is_one_folder = Path::new(name).components().eq([std::path::Component::Normal(name.as_ref())]);
        if !is_one_folder {
            let found = if name.is_empty() { "nothing".to_owned() } else { shown(name) };
            let expected = "the name of one folder".to_owned();
            let remedy = Some("where it stands is for --out to say".to_owned());
            return Some(Problem { place: "--name".to_owned(), expected, found, remedy });
        }
        let path = parent.join(name);
        path.symlink_metadata().is_ok().then(|| taken(&path))
    }

    fn begin(path: &Path, config: &TrainConfig, data: &'d Dataset) -> Result<Self> {
        let settings = toml::to_string(&config.to_table()).expect("settings are plain data");
        let command = format!("# gemmnist train --config {}\n", OneLine(&path.join("config.toml")));
        write_atomically(&path.join("config.toml"), format!("{command}{settings}").as_bytes())?;
        let metrics = path.join("metrics.jsonl");
        let metrics = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&metrics)
            .map_err(|source| cannot("create", &metrics, source))?;
        Ok(Self { path: path.to_owned(), metrics, config: config.clone(), data })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the final network is, once the run is over.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Where the network with the lowest validation loss is, if there is a validation split.
    pub fn best_model(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// Ends the run: its metrics are synced, its network written.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(&mut self, network: &Network, history: &History) -> Result<()> {
        self.metrics.sync_all().map_err(|source| cannot("write", &self.path.join("metrics.jsonl"), source))?;
        self.write_model(&self.model(), network, history.last())
    }

    fn write_model(&self, path: &Path, network: &Network, last: Option<&EpochRecord>) -> Result<()> {
        let training = Training::new(&self.config, last);
        let description = Description::new(network, self.data, self.config.input(), training);
        model_file::write(path, network, &description)
    }
}

/// A line an epoch, in one write: a reader sees whole lines, and a run that dies keeps the epochs before.
impl Observer for RunFolder<'_> {
    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let line = serde_json::to_string(record).expect("a record is plain data") + "\n";
        let written = self.metrics.write_all(line.as_bytes());
        written.map_err(|source| cannot("write", &self.path.join("metrics.jsonl"), source))
    }

    /// The network so far goes to `best.safetensors`.
    fn best(&mut self, record: &EpochRecord, network: &Network) -> Result<()> {
        self.write_model(&self.best_model(), network, Some(record))
    }
}

fn cannot(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { action, path: path.to_owned(), source, remedy: "choose another place with --out" }
}

fn taken(path: &Path) -> Problem {
    Problem {
        place: "--name".to_owned(),
        expected: "a name that is free".to_owned(),
        found: format!("{}, which is there already", OneLine(path)),
        remedy: Some("choose another, or leave --name out to get the next number".to_owned()),
    }
}

/// Makes the folder `name` in `parent`, or one with the next free number: 001, 002, ...
///
/// # Errors
/// As [`RunFolder::create`].
pub fn new_folder(parent: &Path, name: Option<&str>) -> Result<PathBuf> {
    if let Some(problem) = name.and_then(|name| RunFolder::name_problem(parent, name)) {
        return Err(Error::Settings(vec![problem])); // before `parent` is made
    }
    fs::create_dir_all(parent).map_err(|source| cannot("create the folder", parent, source))?;
    match name {
        Some(name) => create_named(parent, name),
        None => create_numbered(parent),
    }
}

fn create_named(parent: &Path, name: &str) -> Result<PathBuf> {
    let path = parent.join(name);
    match fs::create_dir(&path) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Settings(vec![taken(&path)])),
        Err(source) => Err(cannot("create the folder", &path, source)),
    }
}

/// The number after the largest there is. Creating a folder is atomic, so two runs that start together get two numbers.
fn create_numbered(parent: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(parent).map_err(|source| cannot("read", parent, source))?;
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut number = u64::from(numbers.max().unwrap_or(0)); // wider, so that there is always a next one
    loop {
        number += 1;
        let path = parent.join(format!("{number:03}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(cannot("create the folder", &path, source)),
        }
    }
}
