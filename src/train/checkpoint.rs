//! Checkpoints: all that a training needs to go on as if it had never stopped, in one file.
//!
//! A checkpoint is a safetensors file. Its tensors are the parameters, by their names in a model file; what the optimizer
//! remembers of each, as `optimizer.layers.0.weight.exp_avg`; the lines of `metrics.jsonl` so far; and, last in the file,
//! `sha256`, the SHA-256 of every byte before it. One JSON object in the metadata says where the training stands, and
//! with which settings, data and machine it was begun. Random streams are found by their keys (seed, purpose, index), so
//! the position is all they need.

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

mod keeper;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::run_record::parse_metrics;
use super::{EpochRecord, History, RunningScore};
use crate::error::{Error, Result, shown};
use crate::nn::{Network, Parameter, ParameterMut};
use crate::optim::Optimizer;

pub use keeper::Found;
pub use keeper::Identity;
pub(super) use keeper::{Keeper, changed};

/// The metadata key that holds the [`State`].
const KEY: &str = "gemmnist checkpoint";
/// Written into every file; a reader refuses what is newer than itself.
const FORMAT: u32 = 1;
/// The tensor that holds the lines of `metrics.jsonl`.
const METRICS: &str = "metrics.jsonl";
/// The tensor that holds the checksum: of bytes, and with the last name of those, so that it ends the file.
const CHECKSUM: &str = "sha256";
/// Bytes of a SHA-256.
const CHECKSUM_BYTES: usize = 32;
/// The largest network that `train` makes has 2 GB of weights, and Adam remembers two more numbers for each.
const LARGEST_FILE: u64 = 8 << 30;
const REMEDY: &str = "begin the run again with --config RUN/config.toml";

/// Where a training stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch that goes on, from 1.
    pub epoch: usize,
    /// Steps of it that are done.
    pub batch: usize,
    /// Steps since the start of the run.
    pub step: u64,
    /// Of the last step.
    pub learning_rate: f64,
    /// The epoch's score so far.
    pub running: RunningScore,
    /// Wall time of the epoch's steps so far, those of earlier processes included.
    pub seconds: f64,
}

impl Position {
    /// Before the first step, which has this learning rate.
    pub fn start(learning_rate: f64) -> Self {
        Self { epoch: 1, batch: 0, step: 0, learning_rate, running: RunningScore::default(), seconds: 0.0 }
    }

    /// At the start of the next epoch.
    pub(super) fn next_epoch(self) -> Self {
        Self { epoch: self.epoch + 1, batch: 0, running: RunningScore::default(), seconds: 0.0, ..self }
    }

    /// What ends a training here: `place` is not finite.
    pub(super) fn diverged(&self, place: String) -> Error {
        let Self { epoch, step, learning_rate, .. } = *self;
        Error::Diverged { epoch, step, learning_rate, place }
    }
}

/// A training between two steps, or blocks of steps that are taken at once, with all that it needs to go on; lent.
#[derive(Debug)]
pub struct Moment<'a> {
    /// What has been learnt.
    pub network: &'a Network,
    /// With what it remembers.
    pub optimizer: &'a dyn Optimizer,
    /// The epochs that are over.
    pub history: &'a History,
    /// Where it stands; `seconds` are those before `since`.
    pub position: Position,
    /// Since when this process has been at the steps of the epoch.
    pub since: Instant,
    /// Whether no step will follow.
    pub is_over: bool,
}

/// The JSON object of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: u32,
    position: Position,
    identity: Identity,
}

impl Moment<'_> {
    /// The bytes of a checkpoint of it, for a run of this `identity`.
    #[expect(clippy::expect_used, clippy::indexing_slicing, reason = "writes, and what is made here")]
    fn encode(&self, identity: &Identity) -> Vec<u8> {
        let seconds = self.position.seconds + self.since.elapsed().as_secs_f64();
        let position = Position { seconds, ..self.position };
        let state = State { format: FORMAT, position, identity: identity.clone() };
        let state = serde_json::to_string(&state).expect("a state is plain data");
        let mut tensors: Vec<_> =
            self.network.parameters().map(|(name, parameter)| numbers(name, &parameter)).collect();
        let parameters: Vec<_> = self.network.parameters().collect();
        for memory in self.optimizer.memories() {
            let (name, parameter) = &parameters[memory.parameter];
            tensors.push(numbers(memory_name(name, memory.name), &parameter.like(memory.values)));
        }
        let metrics: String = self.history.epochs.iter().map(EpochRecord::to_line).collect();
        tensors.push((METRICS.to_owned(), Dtype::U8, vec![metrics.len()], metrics.into_bytes()));
        tensors.push((CHECKSUM.to_owned(), Dtype::U8, vec![CHECKSUM_BYTES], vec![0; CHECKSUM_BYTES]));
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).expect("shape and bytes of one array"))
        });
        let metadata = [(KEY.to_owned(), state)].into();
        let mut file = safetensors::serialize(views, Some(metadata)).expect("names and shapes of one network");
        let end = file.len() - CHECKSUM_BYTES;
        let (content, checksum) = file.split_at_mut(end);
        checksum.copy_from_slice(&Sha256::digest(content));
        file
    }
}

/// Name, type, shape and bytes of a tensor.
type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

fn numbers(name: String, parameter: &Parameter<'_>) -> Tensor {
    let bytes = parameter.file_values().iter().flat_map(|value| value.to_le_bytes()).collect();
    (name, Dtype::F32, parameter.file_shape(), bytes)
}

fn memory_name(parameter: &str, memory: &str) -> String {
    format!("optimizer.{parameter}.{memory}")
}

/// A checkpoint that was read and found whole.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    bytes: Vec<u8>,
    state: State,
    history: History,
}

impl Checkpoint {
    /// Reads the checkpoint `path`.
    ///
    /// # Errors
    /// [`Error::Model`] if it is no whole checkpoint of ours: one changed bit is enough.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_bytes(path)?;
        let (state, history) = decode(path, &bytes)?;
        Ok(Self { path: path.to_owned(), bytes, state, history })
    }

    /// Where its training stood.
    pub fn position(&self) -> Position {
        self.state.position
    }

    /// The epochs that were over.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What its training was begun with.
    pub fn identity(&self) -> &Identity {
        &self.state.identity
    }

    /// Gives `network` and `optimizer` what they had.
    ///
    /// # Errors
    /// [`Error::Model`] if an array is missing or of another shape: they were made by other settings.
    #[expect(clippy::indexing_slicing, reason = "each memory is that of a parameter of the network it was made for")]
    pub(super) fn restore(&self, network: &mut Network, optimizer: &mut dyn Optimizer) -> Result<()> {
        let tensors =
            SafeTensors::deserialize(&self.bytes).map_err(|error| self.mismatch("tensors", "a list", error))?;
        let parameters: Vec<_> = network.parameters().collect();
        for memory in optimizer.memories_mut() {
            let (name, parameter) = &parameters[memory.parameter];
            let shape = parameter.file_shape();
            self.fill(&tensors, &memory_name(name, memory.name), &shape, parameter.like_mut(memory.values))?;
        }
        let shapes: Vec<_> = parameters.iter().map(|(_, parameter)| parameter.file_shape()).collect();
        drop(parameters);
        for ((name, parameter), shape) in network.parameters_mut().zip(shapes) {
            self.fill(&tensors, &name, &shape, parameter)?;
        }
        optimizer.set_steps(self.state.position.step);
        Ok(())
    }

    fn fill(
        &self,
        tensors: &SafeTensors<'_>,
        name: &str,
        shape: &[usize],
        mut parameter: ParameterMut<'_>,
    ) -> Result<()> {
        let found = tensors.tensor(name).map_err(|_| self.mismatch("tensors", format!("one called {name}"), "none"))?;
        if found.dtype() != Dtype::F32 || found.shape() != shape {
            let expected = format!("{name} F32 {shape:?}");
            return Err(self.mismatch("tensors", expected, format!("{:?} {:?}", found.dtype(), found.shape())));
        }
        let values = found.data().as_chunks().0.iter().copied().map(f32::from_le_bytes);
        parameter.set_from_file(values);
        Ok(())
    }

    pub(super) fn mismatch(&self, what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
        mismatch(&self.path, what, expected, found)
    }
}

fn mismatch(path: &Path, what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
    let mismatch = crate::error::Mismatch::new(path, what, expected.to_string(), shown(&found.to_string()), REMEDY);
    Error::Model(mismatch)
}

/// As long as the file really is, whatever its header says.
fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error| mismatch(path, "checkpoint", "a file that you may read", error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 {
        0..=LARGEST_FILE => Ok(bytes),
        _ => Err(mismatch(path, "length", format!("at most {LARGEST_FILE} bytes"), "more")),
    }
}

/// Nothing is parsed before the checksum is found right.
fn decode(path: &Path, bytes: &[u8]) -> Result<(State, History)> {
    let wrong = |what, expected: &str, found: String| mismatch(path, what, expected, found);
    let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(wrong("length", "a checksum at the end", format!("{} bytes", bytes.len())));
    };
    if Sha256::digest(content).as_slice() != checksum {
        return Err(wrong("checksum", "that of the bytes before it", "another: the file is damaged".to_owned()));
    }
    let not_safetensors = |error| mismatch(path, "checkpoint", "a safetensors file", error);
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_safetensors)?;
    let state = header.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let state = state.ok_or_else(|| wrong("metadata", &format!("the key {KEY}"), "none".to_owned()))?;
    let state: State =
        serde_json::from_str(state).map_err(|error| wrong("state", "that of a training", error.to_string()))?;
    if state.format != FORMAT {
        return Err(mismatch(path, "format", FORMAT, state.format));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
    let metrics = tensors.tensor(METRICS).map_err(|error| mismatch(path, "epochs", METRICS, error))?;
    let epochs = match metrics.data() {
        [] => Vec::new(),
        lines => parse_metrics(lines).map_err(|(expected, found)| wrong("epochs", expected, found))?,
    };
    if epochs.len() + 1 != state.position.epoch {
        let expected = format!("{}, all but the one that goes on", state.position.epoch.saturating_sub(1));
        return Err(mismatch(path, "epochs", expected, epochs.len()));
    }
    Ok((state, History { epochs }))
}

#[cfg(test)]
mod tests;
