//! Model files: safetensors with one JSON object in the metadata key `gemmnist`. They hold numbers and a description,
//! nothing that could be executed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Mismatch, Result};
use crate::files::write_atomically;
use crate::nn::{Architecture, Loss, Network, ParameterMut};

/// The metadata key that holds the description.
const KEY: &str = "gemmnist";
/// Written into every file; a reader refuses what is newer than itself.
const FORMAT: u32 = 1;
/// The largest network that `train` makes has 2 GB of weights.
const LARGEST_FILE: u64 = 4 << 30;
/// A header lists a few dozen tensors and the description; a larger one is hostile, and the parser would chew on it.
const LARGEST_HEADER: u64 = 1 << 20;
const REMEDY: &str = "give a model.safetensors that gemmnist train has written";

/// What a model file says about its network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Version of this description.
    pub format: u32,
    pub architecture: Architecture,
    pub preprocessing: Preprocessing,
    /// One name a class.
    pub class_names: Vec<String>,
    /// How it was trained.
    pub training: Training,
}

/// What is done to an image before the network sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Pixels, top to bottom.
    pub height: usize,
    /// Pixels, left to right.
    pub width: usize,
    /// How a byte becomes an input.
    pub scale: String,
}

/// What led to the network. No clock and no path of the run enters it: the same training gives the same file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Every setting by its name, as in `config.toml`.
    pub settings: toml::Table,
    pub epochs: usize,
    pub steps: u64,
    pub train_loss: Option<f64>,
    pub train_accuracy: Option<f64>,
    pub test_loss: Option<f64>,
    pub test_accuracy: Option<f64>,
}

impl Description {
    /// The description of `network`, which takes images of `size` (height, width).
    pub fn new(network: &Network, (height, width): (usize, usize), training: Training) -> Self {
        let architecture = network.architecture().clone();
        let class_names = (0..architecture.classes()).map(|class| class.to_string()).collect();
        let preprocessing = Preprocessing { height, width, scale: "byte / 255".to_owned() };
        Self { format: FORMAT, architecture, preprocessing, class_names, training }
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
    let tensors: Vec<_> = network
        .parameters()
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
    let file = safetensors::serialize(views, Some(metadata)).expect("names and shapes of one network");
    write_atomically(path, &file)
}

/// Reads the network in `path`, and what the file says about it.
///
/// # Errors
/// [`Error::Model`] if the file is not a whole model of ours.
pub fn read(path: &Path) -> Result<(Network, Description)> {
    let bytes = read_bounded(path)?;
    let tensors = parse(path, &bytes)?;
    let description = read_description(path, &bytes)?;
    let mut network = Network::zeros(description.architecture.clone());
    fill(path, &tensors, &mut network)?;
    Ok((network, description))
}

/// Overwrites the parameters of `network` with those in `path`. Any safetensors file with tensors of the right names and
/// shapes will do, with or without our description.
///
/// # Errors
/// [`Error::Model`] if one is missing, has another shape, or is not finite; `network` is then partly overwritten.
pub fn read_parameters(path: &Path, network: &mut Network) -> Result<()> {
    let bytes = read_bounded(path)?;
    fill(path, &parse(path, &bytes)?, network)
}

fn mismatch(path: &Path, what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Model(Mismatch::new(path, what, expected.to_string(), found.to_string(), REMEDY))
}

/// The whole file, if it is of a size that a model can have and its header claims no more than is there.
fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| mismatch(path, "model", "a readable file", error);
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(mismatch(path, "model", "a file", "a folder"));
    }
    let length = metadata.len();
    if !(8..=LARGEST_FILE).contains(&length) {
        return Err(mismatch(path, "length", format!("8 to {LARGEST_FILE} bytes"), length));
    }
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(unreadable)?;
    let header = u64::from_le_bytes(start);
    if header > LARGEST_HEADER.min(length - 8) {
        let limit = LARGEST_HEADER.min(length - 8);
        return Err(mismatch(path, "safetensors header", format!("at most {limit} bytes"), header));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    bytes.extend_from_slice(&start);
    file.take(length - 8).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|error| mismatch(path, "model", "a whole safetensors file", error))
}

fn read_description(path: &Path, bytes: &[u8]) -> Result<Description> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| mismatch(path, "model", "a whole safetensors file", error))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(KEY))
        .ok_or_else(|| mismatch(path, "metadata", format!("the key {KEY}"), "none"))?;
    let description: Description =
        serde_json::from_str(text).map_err(|error| mismatch(path, "description", "that of a network", error))?;
    check_description(path, &description)?;
    Ok(description)
}

/// Nothing is built from a description that does not hold together.
fn check_description(path: &Path, description: &Description) -> Result<()> {
    let Description { format, architecture, preprocessing, class_names, .. } = description;
    if *format != FORMAT {
        return Err(mismatch(path, "format", FORMAT, format));
    }
    if architecture.layers.is_empty() || architecture.widths().contains(&0) {
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
    let pixels = preprocessing.height.checked_mul(preprocessing.width);
    if pixels != Some(architecture.inputs) {
        let found = format!("{} x {}", preprocessing.height, preprocessing.width);
        return Err(mismatch(path, "image size", format!("{} pixels", architecture.inputs), found));
    }
    Ok(())
}

/// Every parameter of `network`, found by name in `tensors`, of its shape, finite; and no tensor beside them.
fn fill(path: &Path, tensors: &SafeTensors<'_>, network: &mut Network) -> Result<()> {
    let wanted: Vec<_> = network.parameters().map(|(name, parameter)| (name, parameter.file_shape())).collect();
    let found =
        |name: &str| tensors.tensor(name).map_or("none".to_owned(), |t| format!("{:?} {:?}", t.dtype(), t.shape()));
    for (name, shape) in &wanted {
        let fits = tensors.tensor(name).is_ok_and(|t| t.dtype() == Dtype::F32 && t.shape() == shape);
        if !fits {
            return Err(mismatch(path, "parameters", format!("{name} F32 {shape:?}"), found(name)));
        }
    }
    if let Some(extra) = tensors.names().into_iter().find(|name| !wanted.iter().any(|(w, _)| w == name)) {
        let known = format!("{} tensors, those of {}", wanted.len(), network.architecture());
        return Err(mismatch(path, "parameters", known, format!("{extra} {}", found(extra))));
    }
    for (name, parameter) in network.parameters_mut() {
        let tensor = tensors.tensor(&name).expect("found above");
        set(path, parameter, tensor.data())?;
    }
    Ok(())
}

fn set(path: &Path, mut parameter: ParameterMut<'_>, bytes: &[u8]) -> Result<()> {
    let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    if let Some(value) = values.clone().find(|value| !value.is_finite()) {
        return Err(mismatch(path, "parameters", "finite numbers", value));
    }
    parameter.set_from_file(values);
    Ok(())
}
