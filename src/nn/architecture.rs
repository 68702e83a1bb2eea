//! A network described: what a model file and a recipe hold, and what a network is built from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Activation, DenseSpec, DropoutSpec, InputBiasSpec, Layer, Output};

/// Inputs, layers, and what the last layer's logits mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

    /// Multiplications of its product for one image; saturating.
    fn multiplications(&self, inputs: usize) -> usize {
        let _ = inputs;
        0
    }

    /// The layer, all parameters 0. Only the first one may be given sparse batches.
    fn build(&self, inputs: usize, is_first: bool) -> Box<dyn Layer>;
}

/// Defines [`LayerSpec`]: each line names a kind of layer and the type that describes it.
macro_rules! layers {
    ( $( $kind:ident($spec:ty), )+ ) => {
        /// One layer of a network, described; written as `{"dense": {"outputs": 128, "activation": "relu"}}`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    Dropout(DropoutSpec),
    InputBias(InputBiasSpec),
}

impl Architecture {
    /// Dense layers of the widths `hidden` with `activation`, then one of `classes` logits: the usual perceptron.
    pub fn perceptron(inputs: usize, hidden: &[usize], activation: Activation, classes: usize, output: Output) -> Self {
        let hidden = hidden.iter().map(|&outputs| LayerSpec::Dense(DenseSpec { outputs, activation }));
        let last = LayerSpec::Dense(DenseSpec { outputs: classes, activation: Activation::Identity });
        Self { inputs, layers: hidden.chain([last]).collect(), output }
    }

    /// The same with dropout: a share `input` of the inputs, and a share `hidden` of the outputs of every dense layer but
    /// the last. A share of 0 adds no layer.
    pub fn with_dropout(mut self, input: f64, hidden: f64) -> Self {
        let dropout = |rate: f64| (rate > 0.0).then_some(LayerSpec::Dropout(DropoutSpec { rate }));
        let last = self.layers.pop();
        let before_last = self.layers.into_iter().flat_map(|layer| [Some(layer), dropout(hidden)]);
        self.layers = [dropout(input)].into_iter().chain(before_last).chain([last]).flatten().collect();
        self
    }

    /// The same behind a learned bias on the input, with `activation`.
    pub fn with_input_bias(mut self, activation: Activation) -> Self {
        self.layers.insert(0, LayerSpec::InputBias(InputBiasSpec { activation }));
        self
    }

    /// The network in a line: `784-128-10, relu, softmax`.
    pub fn describe(&self) -> String {
        let mut parts = vec![self.to_string()];
        for layer in &self.layers {
            let part = match layer {
                LayerSpec::Dense(dense) if dense.activation != Activation::Identity => dense.activation.to_string(),
                LayerSpec::Dense(_) => continue,
                LayerSpec::Dropout(dropout) => format!("dropout {}", dropout.rate),
                LayerSpec::InputBias(input_bias) => format!("input bias with {}", input_bias.activation),
            };
            if !parts.contains(&part) {
                parts.push(part); // all hidden layers have the same, as a rule
            }
        }
        parts.push(self.output.to_string());
        parts.join(", ")
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

/// The input and every dense layer: `784-128-10`.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inputs)?;
        self.layers.iter().try_for_each(|layer| match layer {
            LayerSpec::Dense(dense) => write!(f, "-{}", dense.outputs),
            LayerSpec::Dropout(_) | LayerSpec::InputBias(_) => Ok(()),
        })
    }
}
