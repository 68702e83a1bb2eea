//! Runs that have been: what their folders tell.

// A reader of files from outside: as in `data`.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo
    )
)]

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::Table;

use super::settings::{FIELDS, TrainSettings, read_toml, typed};
use super::{EpochRecord, History};
use crate::error::{Error, OneLine, Result, obstacle, shown};

/// What a run folder tells of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its folder's name; of runs whose folders are namesakes, the path.
    pub name: String,
    /// Every setting by its name, as in `config.toml`; what the file leaves out has its default.
    pub settings: Table,
    /// Its epochs so far: one at least.
    pub history: History,
}

impl RunRecord {
    /// The setting `name` as one would type it; `None` where the run has none of that name.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.settings.get(name).map(typed)
    }

    /// The epoch with the highest test accuracy, the first of equals. For the record: choosing it would be learning from
    /// the test images.
    pub fn best_on_test(&self) -> Option<(&EpochRecord, f64)> {
        let judged = self.history.epochs.iter().filter_map(|epoch| Some((epoch, epoch.test_accuracy?)));
        judged.rev().max_by(|(_, a), (_, b)| a.total_cmp(b))
    }
}

/// Names of the settings in which `runs` are not all alike, in the order of [`FIELDS`], strangers last.
pub fn differences(runs: &[RunRecord]) -> Vec<String> {
    let strangers = runs.iter().flat_map(|run| run.settings.keys().map(String::as_str));
    let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).chain(strangers).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    let differs = |name: &&str| {
        let mut values = runs.iter().map(|run| run.setting(name));
        values.next().is_some_and(|first| values.any(|other| other != first))
    };
    names.into_iter().filter(differs).map(str::to_owned).collect()
}

/// Larger than the metrics of a million epochs.
const LARGEST_METRICS: u64 = 1 << 29;
const REMEDY: &str = "give the folder of a run that gemmnist train has made";

/// Runs that were read, and what was given beside them.
#[derive(Debug)]
pub struct Runs {
    /// In the order they were given.
    pub records: Vec<RunRecord>,
    /// What is no run, or none yet.
    pub left_out: Vec<LeftOut>,
}

/// What is no run, or has not come to the end of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its folder, or file.
    pub path: PathBuf,
    /// In a few words.
    pub why: &'static str,
}

/// Reads the run folders among `paths`; other folders and files, and runs without an epoch, are left out. A run that is still
/// going on, or was killed, has the epochs that are whole.
///
/// # Errors
/// [`Error::Data`] if nothing is there, if the files of a run are not what a run writes, or if no run is left.
pub fn read_runs(paths: &[PathBuf]) -> Result<Runs> {
    let name = |path: &Path| path.file_name().map(|name| OneLine(Path::new(name)).to_string());
    let names: Vec<_> = paths.iter().map(|path| std::path::absolute(path).ok().and_then(|path| name(&path))).collect();
    let unique = |name: &Option<String>| names.iter().filter(|other| *other == name).count() == 1;
    let mut runs = Runs { records: Vec::new(), left_out: Vec::new() };
    for (path, name) in paths.iter().zip(&names) {
        match why_no_run(path)? {
            Some(why) => runs.left_out.push(LeftOut { path: path.clone(), why }),
            None => {
                let own = name.clone().filter(|_| unique(name));
                runs.records.push(read_run(path, own.unwrap_or_else(|| OneLine(path).to_string()))?);
            }
        }
    }
    match runs.left_out.first() {
        Some(LeftOut { path, why }) if runs.records.is_empty() => {
            Err(Error::data(path, "run", "a run folder", why, REMEDY))
        }
        _ => Ok(runs),
    }
}

/// Why what is at `path` is none of a run's folders, if it is not.
fn why_no_run(path: &Path) -> Result<Option<&'static str>> {
    if !path.exists() {
        return Err(Error::data(path, "run", "a run folder", "nothing there", REMEDY));
    }
    let has = |file: &str| path.join(file).is_file();
    let is_empty = || path.join("metrics.jsonl").metadata().is_ok_and(|metadata| metadata.len() == 0);
    Ok(match () {
        () if !path.is_dir() => Some("another kind of file"),
        () if has("table.json") => Some("a folder of runs that gemmnist reproduce has made: name those in it"),
        () if !has("config.toml") || !has("metrics.jsonl") => Some("no run folder"),
        () if is_empty() => Some("a run without an epoch: it is still in its first, or ended there"),
        () => None,
    })
}

fn read_run(folder: &Path, name: String) -> Result<RunRecord> {
    let config = folder.join("config.toml");
    let given = read_toml::<Table>(&config)
        .map_err(|problem| Error::data(&config, "settings of a run", problem.expected, problem.found, REMEDY))?;
    let mut settings = TrainSettings::default().to_table();
    settings.extend(given);
    let metrics = folder.join("metrics.jsonl");
    let epochs = read_bytes(&metrics)
        .and_then(|bytes| parse_metrics(&bytes))
        .map_err(|(expected, found)| Error::data(&metrics, "epochs of a run", expected, found, REMEDY))?;
    Ok(RunRecord { name, settings, history: History { epochs } })
}

/// What was expected, and what was found.
type Misread = (&'static str, String);

fn read_bytes(path: &Path) -> std::result::Result<Vec<u8>, Misread> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST_METRICS + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| ("a file that you may read", obstacle(&error)))?;
    match bytes.len() as u64 {
        0..=LARGEST_METRICS => Ok(bytes),
        _ => Err(("at most 512 MiB", "more".to_owned())),
    }
}

/// A run writes whole lines. What follows the last line break was being written when the run was killed: it counts if it
/// is whole, and else is left out.
pub(super) fn parse_metrics(bytes: &[u8]) -> std::result::Result<Vec<EpochRecord>, Misread> {
    let mut epochs: Vec<EpochRecord> = Vec::new();
    for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        match parse_line(line) {
            Ok(record) => {
                let before = epochs.last().map_or(0, |last| last.epoch);
                if record.epoch <= before {
                    let found = format!("epoch {} after {before} in line {number}", record.epoch);
                    return Err(("the epochs in order", found));
                }
                epochs.push(record);
            }
            Err(_) if !line.ends_with(b"\n") && !epochs.is_empty() => break,
            Err(found) => return Err(("one JSON object an epoch", format!("line {number}: {found}"))),
        }
    }
    if epochs.is_empty() {
        return Err(("one epoch at least", "none (it is still in its first, or ended there)".to_owned()));
    }
    Ok(epochs)
}

fn parse_line(line: &[u8]) -> std::result::Result<EpochRecord, String> {
    let record: EpochRecord = serde_json::from_slice(line).map_err(|error| shown(&error.to_string()))?;
    let shares = [Some(record.train_accuracy), record.validation_accuracy, record.test_accuracy];
    match shares.into_iter().flatten().find(|share| !(0.0..=1.0).contains(share)) {
        Some(share) => Err(format!("an accuracy of {share}, beyond 0 and 1")),
        None => Ok(record),
    }
}
