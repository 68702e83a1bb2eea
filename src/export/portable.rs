//! The one form that every export starts from: stages that all tools know.

use std::path::Path;

use toml::Value;

use crate::data::Input;
use crate::nn::{Activation, Architecture, LayerSpec, Network, Parameter};
use crate::numpy::{Archive, Element};
use crate::train::model_file::{self, Description};

/// A trained network taken apart. Dropout is gone: it does nothing once a network has learnt.
#[derive(Debug)]
pub struct Portable<'n> {
    network: &'n Network,
    description: Description,
    pub(super) stages: Vec<Stage>,
}

/// What is done to the inputs of an image, one after the other. The last one's results are the logits.
#[derive(Debug)]
pub(super) enum Stage {
    /// `y = x·Wᵀ + b`: weights (O, I), bias (O).
    Linear { weights: Tensor, bias: Tensor },
    /// `y = x + b`: bias (I).
    Bias { bias: Tensor },
    /// `y = f(x)`, element by element; never the identity.
    Activation(Activation),
}

/// A parameter as model files have it.
#[derive(Debug)]
pub(super) struct Tensor {
    /// As in a model file: `layers.0.weight`.
    pub name: String,
    /// (O, I) or (O).
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Tensor {
    fn new((name, parameter): (String, Parameter<'_>)) -> Self {
        Self { name, shape: parameter.file_shape(), values: parameter.file_values() }
    }

    /// Little-endian.
    pub fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

impl Stage {
    pub fn tensors(&self) -> Vec<&Tensor> {
        match self {
            Self::Linear { weights, bias } => vec![weights, bias],
            Self::Bias { bias } => vec![bias],
            Self::Activation(_) => Vec::new(),
        }
    }
}

impl<'n> Portable<'n> {
    /// Takes `network` apart, of which `description` tells.
    pub fn new(network: &'n Network, description: &Description) -> Self {
        let mut parameters = network.parameters().map(Tensor::new);
        let mut next = || parameters.next().expect("a parameter for every place");
        let mut stages = Vec::new();
        for layer in &network.architecture().layers {
            let activation = match layer {
                LayerSpec::Dense(dense) => {
                    stages.push(Stage::Linear { weights: next(), bias: next() });
                    dense.activation
                }
                LayerSpec::InputBias(input_bias) => {
                    stages.push(Stage::Bias { bias: next() });
                    input_bias.activation
                }
                LayerSpec::Dropout(_) => continue,
            };
            if activation != Activation::Identity {
                stages.push(Stage::Activation(activation));
            }
        }
        Self { network, description: without_paths(description.clone()), stages }
    }

    pub(super) fn architecture(&self) -> &Architecture {
        self.network.architecture()
    }

    pub(super) fn description(&self) -> &Description {
        &self.description
    }

    pub(super) fn input(&self) -> Input {
        self.description.input()
    }

    /// Height and width of an image.
    pub(super) fn image_size(&self) -> (usize, usize) {
        (self.description.preprocessing.height, self.description.preprocessing.width)
    }

    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.stages.iter().flat_map(Stage::tensors)
    }

    /// What it is and who wrote it, in a line: `784-128-10, relu, softmax; by gemmnist 0.1.0`.
    pub(super) fn title(&self) -> String {
        format!("{}; by gemmnist {}", self.architecture().describe(), env!("CARGO_PKG_VERSION"))
    }

    /// A model file of ours, but for the names of its tensors: those of a `torch.nn.Sequential`.
    pub(super) fn safetensors(&self) -> Vec<u8> {
        model_file::to_bytes(self.network, self.architecture().sequential_names(), &self.description)
    }

    /// Every parameter, named and shaped as in a model file.
    pub(super) fn npz(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut archive = Archive::new(&mut file);
        self.tensors()
            .try_for_each(|tensor| archive.array(&tensor.name, Element::F32, &tensor.shape, &tensor.bytes()))
            .and_then(|()| archive.finish())
            .expect("memory takes everything, and callers check the size");
        file
    }
}

/// What is given to others does not tell where things were on the machine it was made on: of a path, the last part stays.
fn without_paths(mut description: Description) -> Description {
    for key in ["data", "init-from"] {
        let setting = description.training.settings.get_mut(key);
        if let Some(Value::String(path)) = setting {
            *path = Path::new(path).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        }
    }
    description
}
