//! The files of a run: `config.toml` before it, a line of `metrics.jsonl` an epoch, `best.safetensors` whenever the
//! validation loss is the lowest so far, `checkpoint.safetensors` now and then, `model.safetensors` after it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use toml::Table;

use super::checkpoint::{Found, Keeper, changed};
use super::lock::claim;
use super::model_file::{self, Description, Training};
use super::settings::read_toml;
use super::{EpochRecord, History, Identity, Moment, Observer, TrainConfig};
use crate::data::Dataset;
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::files::{remove_temporaries, write_atomically};
use crate::nn::Network;

/// A folder that one run fills.
#[derive(Debug)]
pub struct RunFolder<'d> {
    path: PathBuf,
    metrics: File,
    config: TrainConfig,
    /// What is learnt.
    data: &'d Dataset,
    keeper: Keeper,
    /// The number of the signal that asked for an end; 0: none has.
    signal: Arc<AtomicUsize>,
    /// Ours as long as this is open.
    _claim: File,
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
        let claim = claim(path)?;
        write_settings(path, config)?;
        Self::claimed(path, claim, config, data)
    }

    fn claimed(path: &Path, claim: File, config: &TrainConfig, data: &'d Dataset) -> Result<Self> {
        let keeper = Keeper::new(path, Identity::new(config, data), config.checkpoint_every);
        let metrics = open_metrics(path)?;
        let (path, config, signal) = (path.to_owned(), config.clone(), Arc::default());
        Ok(Self { path, metrics, config, data, keeper, signal, _claim: claim })
    }

    /// The folder of a run that has been begun, to go on with its run on `data`. Removes what a process that was killed left
    /// half-written, and nothing else: see [`checkpoint`](Self::checkpoint) and [`rewind`](Self::rewind).
    ///
    /// # Errors
    /// [`Error::Busy`] if another process is at it, [`Error::Io`] if the folder cannot be written.
    pub fn reopen(path: &Path, config: &TrainConfig, data: &'d Dataset) -> Result<Self> {
        let claim = claim(path)?;
        remove_temporaries(path)?;
        Self::claimed(path, claim, config, data)
    }

    /// The same for a run that is judged on these images.
    pub fn judging_on(mut self, validation: Option<&Dataset>, test: &Dataset) -> Self {
        let splits = validation.map(|images| ("validation images", images)).into_iter().chain([("test images", test)]);
        splits.for_each(|(split, images)| self.keeper.add_split(split, images));
        self
    }

    /// The same for a run that saves itself and ends once `signal` is not 0, but the number of a signal.
    pub fn stopping_at(self, signal: Arc<AtomicUsize>) -> Self {
        Self { signal, ..self }
    }

    /// What the run has kept to go on from.
    ///
    /// # Errors
    /// [`Error::Model`] if there are checkpoints and none is whole; [`Error::Data`] or [`Error::Settings`] if the run was
    /// begun with others.
    pub fn checkpoint(&mut self) -> Result<Found> {
        let mut found = self.keeper.find()?;
        let best = found.checkpoint.as_ref().and_then(|checkpoint| checkpoint.history().best());
        if let Some(best) = best.filter(|_| !self.best_model().exists()) {
            let (path, epoch) = (self.best_model(), best.epoch);
            found.remarks.push(format!("{}: lost, the best network so far was that of epoch {epoch}", OneLine(&path)));
        }
        Ok(found)
    }

    /// Makes the files those of a run that has come to `history`: `metrics.jsonl` has a line for each of its epochs and no
    /// other, `config.toml` the settings that it goes on with.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn rewind(&mut self, history: &History) -> Result<()> {
        let lines: String = history.epochs.iter().map(EpochRecord::to_line).collect();
        write_atomically(&self.path.join(METRICS), lines.as_bytes())?;
        self.metrics = open_metrics(&self.path)?;
        let there = read_toml::<Table>(&self.path.join(CONFIG));
        if there.is_ok_and(|there| there == self.config.to_table()) {
            Ok(())
        } else {
            write_settings(&self.path, &self.config)
        }
    }

    /// A problem for each setting of `config` that a run which was begun with `begun` cannot go on with, as the options they
    /// were typed for.
    pub fn changes(begun: &TrainConfig, config: &TrainConfig) -> Vec<Problem> {
        changed(&begun.to_table(), &config.to_table(), |name| format!("--{name}"))
    }

    /// The newest checkpoint, if the run has left one.
    pub fn newest_checkpoint(&self) -> Option<PathBuf> {
        Some(self.keeper.newest()).filter(|path| path.exists())
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
        self.metrics.sync_all().map_err(|source| cannot("write", &self.path.join(METRICS), source))?;
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
        let before = self.metrics.metadata().map(|file| file.len());
        let written = self.metrics.write_all(record.to_line().as_bytes());
        written.map_err(|source| {
            let _ = before.and_then(|length| self.metrics.set_len(length)); // half a line is none
            cannot("write", &self.path.join(METRICS), source)
        })
    }

    /// Keeps a checkpoint where one is due, or where a signal asks for an end. One that could not be gone on from is none.
    fn between_steps(&mut self, moment: &Moment<'_>) -> Result<()> {
        let signal = if moment.is_over { 0 } else { self.signal.load(Ordering::Relaxed) };
        if signal != 0 || self.keeper.is_due(moment) {
            self.data.require_unchanged()?; // or what was learnt is none of it
            self.keeper.save(moment)?;
        }
        match (signal, moment.position) {
            (0, _) => Ok(()),
            (signal, at) => {
                let folder = self.path.clone();
                Err(Error::Interrupted { signal, folder, epoch: at.epoch, step: at.step })
            }
        }
    }

    /// The network so far goes to `best.safetensors`.
    fn best(&mut self, record: &EpochRecord, network: &Network) -> Result<()> {
        self.write_model(&self.best_model(), network, Some(record))
    }
}

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";

fn write_settings(folder: &Path, config: &TrainConfig) -> Result<()> {
    let settings = toml::to_string(&config.to_table()).expect("settings are plain data");
    let path = folder.join(CONFIG);
    let command = format!("# gemmnist train --config {}\n", OneLine(&path));
    write_atomically(&path, format!("{command}{settings}").as_bytes())
}

/// To add lines to.
fn open_metrics(folder: &Path) -> Result<File> {
    let path = folder.join(METRICS);
    OpenOptions::new().create(true).append(true).open(&path).map_err(|source| cannot("create", &path, source))
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
