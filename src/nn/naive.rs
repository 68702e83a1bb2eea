//! The slow, obvious twin of a network: loops over `f64`, one image at a time. Tests and benches hold the fast path
//! against it; nothing else uses it.

use ndarray::{Array1, Array2, ArrayView1};

use super::{Activation, Architecture, Layer, LayerSpec, Loss, Mode, Network, Output, Parameter, Step};
use crate::linalg::Samples;

/// A perceptron in double precision.
#[derive(Debug, Clone)]
pub struct NaiveNetwork {
    pub layers: Vec<NaiveLayer>,
    pub output: Output,
    pub loss: Loss,
    /// λ of the penalty `λ/2 Σ w²` over weights; 0 at first.
    pub l2: f64,
    /// (K): how much an image of each class counts; 1 at first.
    pub class_weights: Vec<f64>,
}

/// `y = f((x ⊙ m)·W + b)`, or `y = f((x ⊙ m) + b)` without weights; also the form of its gradients.
#[derive(Debug, Clone)]
pub struct NaiveLayer {
    /// (I, O).
    pub weights: Option<Array2<f64>>,
    /// (O).
    pub bias: Array1<f64>,
    pub activation: Activation,
    /// (B, I): what a dropout before it does to each input of each image of a batch; `None`: nothing.
    pub mask: Option<Array2<f64>>,
}

impl NaiveNetwork {
    /// The twin of `network`, with the same parameters, as it evaluates.
    pub fn twin(network: &Network, loss: Loss) -> Self {
        Self::with_masks(network, loss, |_| None)
    }

    /// The twin of `network` in the training step `step` on `batch` images: with the same units left out.
    pub fn twin_in_step(network: &Network, loss: Loss, step: Step, batch: usize) -> Self {
        Self::with_masks(network, loss, |place| Some(mask(&*network.layers()[place], step, place, batch)))
    }

    /// `mask_of` gives that of the dropout at a place in the network.
    fn with_masks(network: &Network, loss: Loss, mask_of: impl Fn(usize) -> Option<Array2<f64>>) -> Self {
        let Architecture { layers, output, .. } = network.architecture();
        let mut mask = None;
        let mut parameters = network.parameters().map(|(_, parameter)| parameter);
        let mut next = || parameters.next().expect("a parameter for every place");
        let layers = layers.iter().enumerate().filter_map(|(place, layer)| {
            let (weights, activation) = match layer {
                LayerSpec::Dense(dense) => (Some(next()), dense.activation),
                LayerSpec::InputBias(input_bias) => (None, input_bias.activation),
                LayerSpec::Dropout(_) => {
                    mask = mask_of(place); // of the layer that comes next
                    return None;
                }
            };
            let weights = weights.map(|weights| match weights {
                Parameter::Weights(weights) => weights.mapv(f64::from),
                Parameter::Bias(_) => panic!("weights come first"),
            });
            let Parameter::Bias(bias) = next() else { panic!("a bias comes last") };
            Some(NaiveLayer { weights, bias: bias.mapv(f64::from), activation, mask: mask.take() })
        });
        let class_weights = vec![1.0; network.architecture().classes()];
        Self { layers: layers.collect(), output: *output, loss, l2: 0.0, class_weights }
    }

    /// The mean loss over `images` (N, I), weighted by class, and the penalty.
    pub fn mean_loss(&self, images: &Array2<f64>, labels: &[u8]) -> f64 {
        let losses = images.rows().into_iter().zip(labels).enumerate().map(|(image, (x, &label))| {
            let p = probabilities(self.output, self.layer_outputs(image, x).last().expect("a layer"));
            let errors = p.iter().enumerate().map(|(k, p)| (p - one_hot(label, k)).powi(2));
            let loss = match (self.output, self.loss) {
                (Output::Softmax, Loss::CrossEntropy) => -p[usize::from(label)].ln(),
                (Output::Sigmoid, Loss::CrossEntropy) => {
                    let terms = p
                        .iter()
                        .enumerate()
                        .map(|(k, p)| if one_hot(label, k) == 1.0 { p.ln() } else { (1.0 - p).ln() });
                    -terms.sum::<f64>()
                }
                (_, Loss::Mse) => 0.5 * errors.sum::<f64>(),
                (_, Loss::SquaredError) => errors.sum(),
            };
            self.share(label, labels) * loss
        });
        let squares = self.layers.iter().flat_map(|layer| layer.weights.iter().flatten()).map(|w| w * w);
        losses.sum::<f64>() + 0.5 * self.l2 * squares.sum::<f64>()
    }

    /// What an image of class `label` contributes to a mean over images with these `labels`.
    fn share(&self, label: u8, labels: &[u8]) -> f64 {
        let weight = |label: u8| self.class_weights[usize::from(label)];
        weight(label) / labels.iter().map(|&label| weight(label)).sum::<f64>()
    }

    /// The gradient of [`mean_loss`](Self::mean_loss) by every parameter, by the chain rule.
    pub fn gradients(&self, images: &Array2<f64>, labels: &[u8]) -> Vec<NaiveLayer> {
        let mut gradients: Vec<_> = self.layers.iter().map(NaiveLayer::zeros_like).collect();
        for (image, (x, &label)) in images.rows().into_iter().zip(labels).enumerate() {
            let outputs = self.layer_outputs(image, x);
            let mut delta = self.d_logits(outputs.last().expect("a layer"), label) * self.share(label, labels);
            for l in (0..self.layers.len()).rev() {
                let layer = &self.layers[l];
                for (o, delta) in delta.iter_mut().enumerate() {
                    *delta *= derivative(layer.activation, outputs[l][o]);
                }
                let input = layer.masked(image, if l == 0 { x } else { outputs[l - 1].view() });
                gradients[l].bias += &delta;
                let (Some(weights), Some(d_weights)) = (&layer.weights, &mut gradients[l].weights) else {
                    delta = layer.masked(image, delta.view());
                    continue;
                };
                for (i, &input) in input.iter().enumerate() {
                    for (o, &delta) in delta.iter().enumerate() {
                        d_weights[(i, o)] += input * delta;
                    }
                }
                delta = Array1::from_shape_fn(input.len(), |i| {
                    delta.iter().enumerate().map(|(o, delta)| weights[(i, o)] * delta).sum()
                });
                delta = layer.masked(image, delta.view());
            }
        }
        for (layer, gradient) in self.layers.iter().zip(&mut gradients) {
            if let (Some(weights), Some(d_weights)) = (&layer.weights, &mut gradient.weights) {
                d_weights.scaled_add(self.l2, weights);
            }
        }
        gradients
    }

    /// Every parameter, layer by layer, weights before biases.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.layers.iter_mut().flat_map(|layer| layer.weights.iter_mut().flatten().chain(layer.bias.iter_mut()))
    }

    /// Of `image` of a batch, whose pixels are `x`.
    fn layer_outputs(&self, image: usize, x: ArrayView1<f64>) -> Vec<Array1<f64>> {
        let mut outputs: Vec<Array1<f64>> = Vec::new();
        for layer in &self.layers {
            let input = outputs.last().map_or(x, |output| output.view());
            let output = layer.weighted_input(image, input).mapv(|z| activate(layer.activation, z));
            outputs.push(output);
        }
        outputs
    }

    /// Gradient of one image's loss by its logits: the gradient by its probabilities, through the Jacobian of the output.
    fn d_logits(&self, logits: &Array1<f64>, label: u8) -> Array1<f64> {
        let p = probabilities(self.output, logits);
        let d_p = Array1::from_shape_fn(p.len(), |k| match (self.output, self.loss) {
            (Output::Softmax, Loss::CrossEntropy) => -one_hot(label, k) / p[k],
            (Output::Sigmoid, Loss::CrossEntropy) => (p[k] - one_hot(label, k)) / (p[k] * (1.0 - p[k])),
            (_, Loss::Mse) => p[k] - one_hot(label, k),
            (_, Loss::SquaredError) => 2.0 * (p[k] - one_hot(label, k)),
        });
        let jacobian = |j: usize, k: usize| match self.output {
            Output::Softmax => p[j] * (one_hot(j as u8, k) - p[k]),
            Output::Sigmoid => one_hot(j as u8, k) * p[j] * (1.0 - p[j]),
        };
        Array1::from_shape_fn(p.len(), |k| (0..p.len()).map(|j| d_p[j] * jacobian(j, k)).sum())
    }
}

/// What the dropout at `place` makes of ones.
fn mask(dropout: &dyn Layer, step: Step, place: usize, batch: usize) -> Array2<f64> {
    let ones = Array2::ones((batch, dropout.outputs()));
    let (mut mask, mut scratch) = (Array2::zeros(ones.dim()), vec![0.0; dropout.scratch_len(batch)]);
    dropout.forward(Mode::Train { step, layer: place }, Samples::Whole(ones.view()), mask.view_mut(), &mut scratch);
    mask.mapv(f64::from)
}

/// 1 for the class that `label` names, 0 for the others.
fn one_hot(label: u8, class: usize) -> f64 {
    f64::from(u8::from(usize::from(label) == class))
}

impl NaiveLayer {
    /// `x ⊙ m`, of `image` of a batch.
    fn masked(&self, image: usize, x: ArrayView1<f64>) -> Array1<f64> {
        self.mask.as_ref().map_or_else(|| x.to_owned(), |mask| &mask.row(image) * &x)
    }

    /// `z = (x ⊙ m)·W + b`, of `image` of a batch.
    pub fn weighted_input(&self, image: usize, x: ArrayView1<f64>) -> Array1<f64> {
        let x = self.masked(image, x);
        Array1::from_shape_fn(self.bias.len(), |o| {
            let sum = match &self.weights {
                Some(weights) => x.iter().enumerate().map(|(i, &x)| x * weights[(i, o)]).sum(),
                None => x[o],
            };
            sum + self.bias[o]
        })
    }

    fn zeros_like(other: &Self) -> Self {
        let weights = other.weights.as_ref().map(|weights| Array2::zeros(weights.dim()));
        Self { weights, bias: Array1::zeros(other.bias.len()), activation: other.activation, mask: None }
    }
}

/// `f(z)`.
pub fn activate(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Identity => z,
        Activation::Relu => z.max(0.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Activation::Tanh => z.tanh(),
    }
}

/// `f'(z)` from `y = f(z)`.
fn derivative(activation: Activation, y: f64) -> f64 {
    match activation {
        Activation::Identity => 1.0,
        Activation::Relu => f64::from(u8::from(y > 0.0)),
        Activation::Sigmoid => y * (1.0 - y),
        Activation::Tanh => 1.0 - y * y,
    }
}

fn probabilities(output: Output, logits: &Array1<f64>) -> Array1<f64> {
    match output {
        Output::Softmax => {
            let powers = logits.mapv(f64::exp);
            let sum = powers.sum();
            powers / sum
        }
        Output::Sigmoid => logits.mapv(|z| activate(Activation::Sigmoid, z)),
    }
}
