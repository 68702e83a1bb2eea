//! Which checkpoints a run folder keeps, and when one is due.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use toml::Table;

use super::{Checkpoint, Moment};
use crate::data::Dataset;
use crate::error::{Error, Mismatch, OneLine, Problem, Result};
use crate::files::{write_atomically, write_keeping};
use crate::format::thousands;
use crate::linalg::{blas, kernels::Kind, team};
use crate::optim::ScheduleName;
use crate::train::TrainConfig;
use crate::train::settings::typed;

/// The newest checkpoint.
const NEWEST: &str = "checkpoint.safetensors";
/// The one before, for the case that the newest is damaged.
const BEFORE: &str = "checkpoint.previous.safetensors";
/// Unless told otherwise, a run takes this many times as long from one checkpoint to the next as writing one took: what
/// they cost is about half a per cent, whatever the network and the disk.
const TIMES_AS_LONG: u32 = 200;
/// Before the first is written, nobody knows how long that takes.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// Settings that may change when a run goes on: they change no step that was made.
const FREE: [&str; 2] = ["epochs", "checkpoint-every"];

/// What a run is bound to: with the same, the same steps follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Of gemmnist.
    pub version: String,
    /// The BLAS with the kind of processor it works for, and our own kernels.
    pub machine: String,
    /// Number, size, classes and checksum of the images of each split.
    pub data: BTreeMap<String, String>,
    /// Every setting, as in `config.toml`.
    pub settings: Table,
}

impl Identity {
    /// Of a run with these settings, here, that learns `data`.
    pub fn new(config: &TrainConfig, data: &Dataset) -> Self {
        let kind = Kind::of_this_processor();
        let mut identity = Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: format!("{}, {} kernels{}", blas::describe(), kind.name(), kind.remark()),
            data: BTreeMap::new(),
            settings: config.to_table(),
        };
        identity.add("training images", data);
        identity
    }

    /// The same, judged on the images `split`, too.
    pub fn add(&mut self, split: &str, data: &Dataset) {
        let (height, width) = data.size();
        let mut checksum = crc32fast::Hasher::new();
        (0..data.len()).for_each(|i| checksum.update(data.image(i))); // copies none, wherever they lie
        checksum.update(data.labels());
        let described = format!(
            "{} of {height} x {width} in {} classes with CRC-32 {:08x}",
            thousands(data.len()),
            data.classes(),
            checksum.finalize()
        );
        self.data.insert(split.to_owned(), described);
    }

    /// Whether a run that was begun as `begun` may go on as this. What cannot change a result is not looked at; what may
    /// change its last bits comes back as a remark each.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Settings`] naming all that is not as it was.
    fn goes_on(&self, begun: &Self, folder: &Path) -> Result<Vec<String>> {
        for (split, expected) in &begun.data {
            let found = self.data.get(split).map_or("none", String::as_str);
            if found != expected {
                let data = self.settings.get("data").map(typed).unwrap_or_default();
                let remedy = "give the run its data back, or begin a new one";
                return Err(Error::data(Path::new(&data), "images", format!("{expected} as {split}"), found, remedy));
            }
        }
        let problems = changed(&begun.settings, &self.settings, |name| {
            format!("{}: {name}", OneLine(&folder.join("config.toml")))
        });
        if !problems.is_empty() {
            return Err(Error::Settings(problems));
        }
        let remark = |what: &str, was: &String, is: &String| {
            let folder = OneLine(folder);
            let differs = || format!("{folder}: begun with {what}{was}, goes on with {is}: its last bits may differ");
            (was != is).then(differs)
        };
        let version = remark("gemmnist ", &begun.version, &self.version);
        Ok(version.into_iter().chain(remark("", &begun.machine, &self.machine)).collect())
    }
}

/// A problem for each setting that has another value than in `begun`, at the place `place` tells of its name. Those that
/// may change are left out; but not the number of epochs, where the learning rate is stretched over all of them.
pub(in crate::train) fn changed(begun: &Table, now: &Table, place: impl Fn(&str) -> String) -> Vec<Problem> {
    let stretched = [ScheduleName::Cosine, ScheduleName::OneCycle].map(ScheduleName::name);
    let schedule = begun.get("schedule").and_then(|name| name.as_str());
    let is_stretched = schedule.is_some_and(|name| stretched.contains(&name));
    let bound = |name: &str| !FREE.contains(&name) || (name == "epochs" && is_stretched);
    let names = begun.keys().chain(now.keys().filter(|name| !begun.contains_key(*name)));
    let differs = names.filter(|name| bound(name) && begun.get(*name) != now.get(*name));
    let told = |value: Option<&toml::Value>| value.map_or("nothing".to_owned(), typed);
    let problem = |name: &String| Problem {
        place: place(name),
        expected: format!("{}, as the run was begun with", told(begun.get(name))),
        found: told(now.get(name)),
        remedy: Some(match name.as_str() {
            "epochs" => format!("{} is laid over all epochs: begin a new run", schedule.unwrap_or_default()),
            _ => "leave it as it was, or begin a new run".to_owned(),
        }),
    };
    differs.map(problem).collect()
}

/// Keeps the last two checkpoints of a run.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    identity: Identity,
    /// Steps from one to the next; 0: by the clock.
    every: u64,
    /// When the next is due by the clock.
    pub(super) due: Instant,
    /// The step of the last one.
    step: u64,
    /// Whether the newest file is whole, and worth keeping beside a newer one.
    is_newest_whole: bool,
}

/// What a folder held.
#[derive(Debug)]
pub struct Found {
    /// The newest checkpoint that is whole, if there is any.
    pub checkpoint: Option<Checkpoint>,
    /// What a person should know of it: a sentence each.
    pub remarks: Vec<String>,
}

impl Keeper {
    /// For a run of this `identity` in `folder`, with a checkpoint each `every` steps; 0: as often as costs about half a per cent of the time.
    pub fn new(folder: &Path, identity: Identity, every: usize) -> Self {
        let due = Instant::now() + FIRST_AFTER;
        Self { folder: folder.to_owned(), identity, every: every as u64, due, step: 0, is_newest_whole: true }
    }

    /// The same for a run that is judged on `data`, too.
    pub fn add_split(&mut self, split: &str, data: &Dataset) {
        self.identity.add(split, data);
    }

    /// Where the newest is.
    pub fn newest(&self) -> PathBuf {
        self.folder.join(NEWEST)
    }

    /// The newest checkpoint of the folder that is whole, if there has been one; and if the run may go on from it here.
    ///
    /// # Errors
    /// [`Error::Model`] if there were some and none is whole, [`Error::Data`] or [`Error::Settings`] if the run was begun
    /// otherwise.
    pub fn find(&mut self) -> Result<Found> {
        let (newest, before) = (self.newest(), self.folder.join(BEFORE));
        if !newest.exists() && !before.exists() {
            return Ok(Found { checkpoint: None, remarks: Vec::new() });
        }
        let mut remarks = Vec::new();
        let checkpoint = match Checkpoint::read(&newest) {
            Ok(checkpoint) => checkpoint,
            Err(_) if !newest.exists() => Checkpoint::read(&before)?, // killed just before the newest got its name
            Err(error) => {
                self.is_newest_whole = false;
                let Ok(checkpoint) = Checkpoint::read(&before) else { return Err(error_of_both(error, &before)) };
                let at = checkpoint.position();
                remarks.push(format!("{error}: goes on from the one before it, epoch {}, step {}", at.epoch, at.step));
                checkpoint
            }
        };
        remarks.extend(self.identity.goes_on(checkpoint.identity(), &self.folder)?);
        self.step = checkpoint.position().step;
        Ok(Found { checkpoint: Some(checkpoint), remarks })
    }

    /// Whether one is due at `moment`. After the last step it always is.
    pub fn is_due(&self, moment: &Moment<'_>) -> bool {
        let by_steps = || moment.position.step / self.every > self.step / self.every;
        moment.is_over || if self.every > 0 { by_steps() } else { Instant::now() >= self.due }
    }

    /// Writes one; the newest becomes the one before.
    ///
    /// # Errors
    /// [`Error::Diverged`] if a parameter is not finite, [`Error::Io`]; those that there were are still there.
    pub fn save(&mut self, moment: &Moment<'_>) -> Result<()> {
        if let Some(place) = moment.network.first_parameter_not_finite() {
            return Err(moment.position.diverged(place));
        }
        let started = Instant::now();
        team::aside(|| self.write(&moment.encode(&self.identity)))?;
        self.is_newest_whole = true;
        self.step = moment.position.step;
        self.due = Instant::now() + started.elapsed() * TIMES_AS_LONG;
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        match self.is_newest_whole {
            true => write_keeping(&self.newest(), &self.folder.join(BEFORE), bytes),
            false => write_atomically(&self.newest(), bytes),
        }
    }
}

/// That of the newest, which says that the one before is no help.
fn error_of_both(error: Error, before: &Path) -> Error {
    match error {
        Error::Model(mismatch) => {
            let found = format!("{}, and {} is no help either", mismatch.found, OneLine(before));
            Error::Model(Mismatch { found, ..mismatch })
        }
        other => other,
    }
}
