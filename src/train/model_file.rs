//! Model files: safetensors with one JSON object in the metadata key `gemmnist`. They hold numbers and a description,
//! nothing that could be executed.

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

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorView};
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Input};
use crate::error::{Error, Mismatch, Result, obstacle, shown};
use crate::files::write_atomically;
use crate::nn::{Architecture, Loss, Network, ParameterMut};
use crate::train::{EpochRecord, TrainConfig};

/// The metadata key that holds the description.
const KEY: &str = "gemmnist";
/// Written into every file; a reader refuses what is newer than itself.
const FORMAT: u32 = 1;
/// The largest network that `train` makes has 2 GB of weights.
const LARGEST_FILE: u64 = 4 << 30;
/// A header lists a few dozen tensors and the description: 30 KB for the deepest network. The parser needs some 32 bytes
/// of memory for each byte of a hostile one.
const LARGEST_HEADER: u64 = 1 << 18;
/// Bytes before the header: its length.
const LENGTH_BYTES: u64 = 8;
/// Deeper than any perceptron that `train` makes.
const MOST_LAYERS: usize = 256;
const REMEDY: &str = "give a model.safetensors that gemmnist train has written";

/// What a model file says about its network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Version of this description.
    pub format: u32,
    /// What the network is built from.
    pub architecture: Architecture,
    /// What it expects of an image.
    pub preprocessing: Preprocessing,
    /// One name a class.
    pub class_names: Vec<String>,
    /// How it was trained.
    pub training: Training,
}

/// What is done to an image before the network sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Pixels, top to bottom.
    pub height: usize,
    /// Pixels, left to right.
    pub width: usize,
    /// How a byte becomes an input.
    pub scale: String,
}

/// What led to the network. No clock, no run folder and no number of threads enters it: the same settings, as they were
/// typed, give the same file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Every setting by its name, as in `config.toml`, but the number of threads.
    pub settings: toml::Table,
    /// Epochs that were trained.
    pub epochs: usize,
    /// Steps that were taken.
    pub steps: u64,
    /// Running mean over the last epoch.
    pub train_loss: Option<f64>,
    /// Running mean over the last epoch, in [0, 1].
    pub train_accuracy: Option<f64>,
    /// On the validation split, after the last epoch.
    pub validation_loss: Option<f64>,
    /// On the validation split, after the last epoch, in [0, 1].
    pub validation_accuracy: Option<f64>,
    /// On the test split, after the last epoch.
    pub test_loss: Option<f64>,
    /// On the test split, after the last epoch, in [0, 1].
    pub test_accuracy: Option<f64>,
}

impl Training {
    /// Of a training with the settings `config` that has come to `last`.
    pub fn new(config: &TrainConfig, last: Option<&EpochRecord>) -> Self {
        let mut settings = config.to_table();
        for of_the_run in ["threads", "checkpoint-every"] {
            settings.remove(of_the_run); // changes no bit of a small network, and is in config.toml
        }
        Self {
            settings,
            epochs: last.map_or(0, |epoch| epoch.epoch),
            steps: last.map_or(0, |epoch| epoch.step),
            train_loss: last.map(|epoch| epoch.train_loss),
            train_accuracy: last.map(|epoch| epoch.train_accuracy),
            validation_loss: last.and_then(|epoch| epoch.validation_loss),
            validation_accuracy: last.and_then(|epoch| epoch.validation_accuracy),
            test_loss: last.and_then(|epoch| epoch.test_loss),
            test_accuracy: last.and_then(|epoch| epoch.test_accuracy),
        }
    }
}

impl Description {
    /// The description of `network`, which has learnt `data`, its pixels taken by `input`.
    pub fn new(network: &Network, data: &Dataset, input: Input, training: Training) -> Self {
        let architecture = network.architecture().clone();
        let numbers = || (0..architecture.classes()).map(|class| class.to_string()).collect();
        let class_names = data.class_names().map_or_else(numbers, <[String]>::to_vec);
        let (height, width) = data.size();
        let preprocessing = Preprocessing { height, width, scale: input.to_string() };
        Self { format: FORMAT, architecture, preprocessing, class_names, training }
    }

    /// What a pixel becomes before the network sees it.
    pub fn input(&self) -> Input {
        Input::from_description(&self.preprocessing.scale).unwrap_or(Input::Gray)
    }

    /// The loss that was minimised; cross-entropy where the file does not say.
    pub fn loss(&self) -> Loss {
        self.training
            .settings
            .get("loss")
            .and_then(|name| Loss::from_name(name.as_str()?))
            .unwrap_or(Loss::CrossEntropy)
    }
}

/// Writes `network` to `path`, whole or not at all. Weights go out as (O, I), as `torch.nn.Linear` keeps them.
///
/// # Errors
/// [`Error::Io`].
pub fn write(path: &Path, network: &Network, description: &Description) -> Result<()> {
    let names = network.parameters().map(|(name, _)| name).collect();
    write_atomically(path, &to_bytes(network, names, description))
}

/// A model file whose tensors have these names, one a parameter, in order.
#[expect(clippy::expect_used, reason = "writes, and what is made here")]
pub(crate) fn to_bytes(network: &Network, names: Vec<String>, description: &Description) -> Vec<u8> {
    let parameters = network.parameters().map(|(_, parameter)| parameter);
    let tensors: Vec<_> = names
        .into_iter()
        .zip(parameters)
        .map(|(name, parameter)| {
            let bytes: Vec<u8> = parameter.file_values().iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, parameter.file_shape(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("shape and bytes of one parameter"))
    });
    let description = serde_json::to_string(description).expect("a description is plain data");
    let metadata = [(KEY.to_owned(), description)].into();
    safetensors::serialize(views, Some(metadata)).expect("names and shapes of one network")
}

/// Reads the network in `path`, and what the file says about it.
///
/// Nothing is allocated by what the file claims: its header is capped, and its description is held against the numbers
/// that are really there before a network is built from it.
///
/// # Errors
/// [`Error::Model`] if the file is not a whole model of ours.
pub fn read(path: &Path) -> Result<(Network, Description)> {
    let opened = Opened::new(path)?;
    let description = opened.description()?;
    opened.require_numbers_for(&description.architecture)?;
    let mut network = Network::zeros(description.architecture.clone());
    opened.fill(&mut network)?;
    Ok((network, description))
}

/// Overwrites the parameters of `network` with those in `path`. Any safetensors file with tensors of the right names and
/// shapes will do, with or without our description; the names may be those that PyTorch gives a `torch.nn.Sequential`
/// ([`Architecture::sequential_names`]).
///
/// # Errors
/// [`Error::Model`] if one is missing, has another shape, or is not finite; `network` is then partly overwritten.
pub fn read_parameters(path: &Path, network: &mut Network) -> Result<()> {
    Opened::new(path)?.fill(network)
}

fn mismatch(path: &Path, what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Model(Mismatch::new(path, what, shown(&expected.to_string()), shown(&found.to_string()), REMEDY))
}

/// A safetensors file whose header was read and agrees with the file's length. Its numbers are still on disk.
struct Opened<'p> {
    path: &'p Path,
    file: File,
    header: Metadata,
    /// Bytes after the header.
    body: u64,
}

impl<'p> Opened<'p> {
    fn new(path: &'p Path) -> Result<Self> {
        let unreadable = |error: io::Error| mismatch(path, "model", "a file that you may read", obstacle(&error));
        let metadata = fs::metadata(path).map_err(unreadable)?; // before opening: a pipe would wait for its other end
        if !metadata.is_file() {
            let found = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
            return Err(mismatch(path, "model", "a file", found));
        }
        let length = metadata.len();
        if !(LENGTH_BYTES..=LARGEST_FILE).contains(&length) {
            let expected = format!("{LENGTH_BYTES} to {LARGEST_FILE} bytes");
            return Err(mismatch(path, "length", expected, format!("{length} bytes")));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut start = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut start).map_err(unreadable)?;
        let header_bytes = u64::from_le_bytes(start);
        if header_bytes > LARGEST_HEADER {
            let found = format!("another kind of file, or a header of {header_bytes} bytes");
            return Err(mismatch(path, "model", "a safetensors file", found));
        }
        let limit = LARGEST_HEADER.min(length - LENGTH_BYTES);
        if header_bytes > limit {
            let expected = format!("at most {limit} bytes");
            return Err(mismatch(path, "safetensors header", expected, format!("{header_bytes} bytes")));
        }
        let mut text = vec![0; header_bytes as usize];
        file.read_exact(&mut text).map_err(unreadable)?;
        let header: Metadata = serde_json::from_slice(&text)
            .map_err(|error| mismatch(path, "safetensors header", "a list of tensors", error))?;
        let body = length - LENGTH_BYTES - header_bytes;
        if header.data_len() as u64 != body {
            let expected = format!("{} bytes of numbers after the header", header.data_len());
            return Err(mismatch(path, "length", expected, format!("{body} bytes")));
        }
        Ok(Self { path, file, header, body })
    }

    fn description(&self) -> Result<Description> {
        let entries = self.header.metadata().as_ref();
        let text = entries
            .and_then(|entries| entries.get(KEY))
            .ok_or_else(|| mismatch(self.path, "metadata", format!("the key {KEY}"), "none"))?;
        let description: Description = serde_json::from_str(text)
            .map_err(|error| mismatch(self.path, "description", "that of a network", error))?;
        check_description(self.path, &description)?;
        Ok(description)
    }

    /// That the file holds at least as many numbers as `architecture` has parameters; [`fill`](Self::fill) asks which.
    fn require_numbers_for(&self, architecture: &Architecture) -> Result<()> {
        let (wanted, there) = (architecture.parameters(), self.body / 4);
        if wanted as u64 <= there {
            return Ok(());
        }
        Err(mismatch(self.path, "parameters", format!("{wanted}, as many as {architecture} has"), there))
    }

    /// Every parameter of `network`, found by name, of its shape, finite; and no tensor beside them.
    fn fill(mut self, network: &mut Network) -> Result<()> {
        let names = self.names(network);
        self.check_tensors(network, &names)?;
        let path = self.path;
        let mut numbers = Vec::with_capacity(self.body as usize); // as many as the network's: checked above
        self.file
            .by_ref()
            .take(self.body)
            .read_to_end(&mut numbers)
            .map_err(|error| mismatch(path, "model", "a file that you may read", obstacle(&error)))?;
        for (name, (_, parameter)) in names.into_iter().zip(network.parameters_mut()) {
            let place = self.header.info(&name).map(|tensor| tensor.data_offsets); // there: checked above
            let bytes = place.and_then(|(start, end)| numbers.get(start..end)).ok_or_else(|| {
                mismatch(path, "length", format!("{} bytes of numbers", self.body), format!("{} bytes", numbers.len()))
            })?;
            set(path, &name, parameter, bytes)?;
        }
        Ok(())
    }

    /// What the file calls the parameters of `network`: as we do, or as PyTorch does where the first one says so.
    fn names(&self, network: &Network) -> Vec<String> {
        let ours: Vec<_> = network.parameters().map(|(name, _)| name).collect();
        let sequential = network.architecture().sequential_names();
        let has_first = |names: &[String]| names.first().is_some_and(|name| self.header.info(name).is_some());
        if has_first(&sequential) && !has_first(&ours) { sequential } else { ours }
    }

    fn check_tensors(&self, network: &Network, names: &[String]) -> Result<()> {
        let found = |name: &str| match self.header.info(name) {
            Some(tensor) => format!("{:?} {:?}", tensor.dtype, tensor.shape),
            None => "none".to_owned(),
        };
        let shapes = network.parameters().map(|(_, parameter)| parameter.file_shape());
        let wanted: Vec<_> = names.iter().zip(shapes).collect();
        for (name, shape) in &wanted {
            let fits = self.header.info(name).is_some_and(|t| t.dtype == Dtype::F32 && t.shape == *shape);
            if !fits {
                return Err(mismatch(self.path, "parameters", format!("{name} F32 {shape:?}"), found(name)));
            }
        }
        let names = self.header.offset_keys();
        match names.iter().find(|name| !wanted.iter().any(|(wanted, _)| wanted == name)) {
            None => Ok(()),
            Some(extra) => {
                let known = format!("{} tensors, those of {}", wanted.len(), network.architecture());
                Err(mismatch(self.path, "parameters", known, format!("{extra} {} too", found(extra))))
            }
        }
    }
}

/// Nothing is built from a description that does not hold together.
fn check_description(path: &Path, description: &Description) -> Result<()> {
    let Description { format, architecture, preprocessing, class_names, training } = description;
    if *format != FORMAT {
        return Err(mismatch(path, "format", FORMAT, format));
    }
    if !(1..=MOST_LAYERS).contains(&architecture.layers.len()) {
        return Err(mismatch(path, "layers", format!("1 to {MOST_LAYERS}"), architecture.layers.len()));
    }
    if architecture.widths().contains(&0) {
        return Err(mismatch(path, "architecture", "layers of one unit or more", architecture));
    }
    if architecture.classes() > 256 || class_names.len() != architecture.classes() {
        return Err(mismatch(
            path,
            "class names",
            format!("{}, one a class and at most 256", architecture.classes()),
            class_names.len(),
        ));
    }
    if let Some(name) = class_names.iter().find(|name| name.chars().any(char::is_control)) {
        return Err(mismatch(path, "class names", "names that can be printed", name));
    }
    let pixels = preprocessing.height.checked_mul(preprocessing.width);
    if pixels != Some(architecture.inputs) {
        let found = format!("{} x {}", preprocessing.height, preprocessing.width);
        return Err(mismatch(path, "image size", format!("{} pixels", architecture.inputs), found));
    }
    if Input::from_description(&preprocessing.scale).is_none() {
        let known = format!("{} or byte >= a threshold", Input::Gray);
        return Err(mismatch(path, "scale of the pixels", known, &preprocessing.scale));
    }
    let loss = training.settings.get("loss");
    if loss.is_some_and(|loss| loss.as_str().and_then(Loss::from_name).is_none()) {
        let found = loss.map(ToString::to_string).unwrap_or_default();
        return Err(mismatch(path, "loss", format!("one of {}", Loss::NAMES.join(", ")), found));
    }
    Ok(())
}

fn set(path: &Path, name: &str, mut parameter: ParameterMut<'_>, bytes: &[u8]) -> Result<()> {
    let values = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes);
    if let Some(value) = values.clone().find(|value| !value.is_finite()) {
        return Err(mismatch(path, "parameters", format!("finite numbers in {name}"), value));
    }
    parameter.set_from_file(values);
    Ok(())
}

#[cfg(test)]
mod tests;
