//! A network described: what a model file and a recipe hold, and what a network is built from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::dense::DenseSpec;
use super::{Activation, Layer, Output};

/// Inputs, layers, and what the last layer's logits mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Width of the input: pixels of an image.
    pub inputs: usize,
    /// From the input on.
    pub layers: Vec<LayerSpec>,
    /// How logits become probabilities.
    pub output: Output,
}

/// A layer described: enough to know its size before anything is allocated, and to build it.
pub trait Spec {
    /// Width of the output, O, for a width of the input I.
    fn outputs(&self, inputs: usize) -> usize;

    /// Number of floats it learns; saturating, for a description may come from a file.
    fn parameters(&self, inputs: usize) -> usize;

    /// The layer, all parameters 0.
    fn build(&self, inputs: usize) -> Box<dyn Layer>;
}

/// Defines [`LayerSpec`]: each line names a kind of layer and the type that describes it.
macro_rules! layers {
    ( $( $kind:ident($spec:ty), )+ ) => {
        /// One layer of a network, described; written as `{"dense": {"outputs": 128, "activation": "relu"}}`.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum LayerSpec { $( #[doc = concat!("See [`", stringify!($spec), "`].")] $kind($spec), )+ }

        impl LayerSpec {
            /// What every kind of layer can be asked.
            pub fn spec(&self) -> &dyn Spec {
                match self { $( Self::$kind(spec) => spec, )+ }
            }
        }
    };
}

layers! {
    Dense(DenseSpec),
}

impl Architecture {
    /// Dense layers of the widths `hidden` with `activation`, then one of `classes` logits: the usual perceptron.
    pub fn perceptron(inputs: usize, hidden: &[usize], activation: Activation, classes: usize, output: Output) -> Self {
        let hidden = hidden.iter().map(|&outputs| LayerSpec::Dense(DenseSpec { outputs, activation }));
        let last = LayerSpec::Dense(DenseSpec { outputs: classes, activation: Activation::Identity });
        Self { inputs, layers: hidden.chain([last]).collect(), output }
    }

    /// Every layer with the width of its input.
    pub fn layers_with_inputs(&self) -> impl Iterator<Item = (&LayerSpec, usize)> {
        self.layers.iter().scan(self.inputs, |width, layer| {
            let inputs = std::mem::replace(width, layer.spec().outputs(*width));
            Some((layer, inputs))
        })
    }

    /// Width of the input and of every layer after it: 784, 128, 10.
    pub fn widths(&self) -> Vec<usize> {
        let outputs = self.layers_with_inputs().map(|(layer, inputs)| layer.spec().outputs(inputs));
        std::iter::once(self.inputs).chain(outputs).collect()
    }

    /// Number of classes, K: the width of the last layer.
    pub fn classes(&self) -> usize {
        self.widths().last().copied().unwrap_or_default()
    }

    /// Weights and biases of the whole network; saturating.
    pub fn parameters(&self) -> usize {
        let each = self.layers_with_inputs().map(|(layer, inputs)| layer.spec().parameters(inputs));
        each.fold(0, usize::saturating_add)
    }
}

/// `784-128-10`.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.widths().iter().map(|width| width.to_string()).collect();
        f.write_str(&widths.join("-"))
    }
}
