//! The slow, obvious twin of a network: loops over `f64`, one image at a time. Tests and benches hold the fast path
//! against it; nothing else uses it.

use ndarray::{Array1, Array2, ArrayView1};

use super::{Activation, Architecture, Loss, Network, Output, Parameter};

/// A perceptron in double precision.
#[derive(Debug, Clone)]
pub struct NaiveNetwork {
    pub layers: Vec<NaiveDense>,
    pub output: Output,
    pub loss: Loss,
}

/// `y = f(x·W + b)`; also the form of its gradients.
#[derive(Debug, Clone)]
pub struct NaiveDense {
    /// (I, O).
    pub weights: Array2<f64>,
    /// (O).
    pub bias: Array1<f64>,
    pub activation: Activation,
}

impl NaiveNetwork {
    /// The twin of `network`, with the same parameters.
    pub fn twin(network: &Network, loss: Loss) -> Self {
        let Architecture { layers, output, .. } = network.architecture();
        let mut parameters = network.parameters().map(|(_, parameter)| parameter);
        let layers = layers.iter().map(|layer| match layer {
            super::LayerSpec::Dense(spec) => {
                let (Some(Parameter::Weights(weights)), Some(Parameter::Bias(bias))) =
                    (parameters.next(), parameters.next())
                else {
                    panic!("a dense layer has weights and a bias");
                };
                let (weights, bias) = (weights.mapv(f64::from), bias.mapv(f64::from));
                NaiveDense { weights, bias, activation: spec.activation }
            }
        });
        Self { layers: layers.collect(), output: *output, loss }
    }

    /// The probabilities (K) of image `x` (I).
    pub fn probabilities(&self, x: ArrayView1<f64>) -> Array1<f64> {
        probabilities(self.output, self.layer_outputs(x).last().expect("a layer"))
    }

    /// The mean loss over `images` (N, I).
    pub fn mean_loss(&self, images: &Array2<f64>, labels: &[u8]) -> f64 {
        let losses = images.rows().into_iter().zip(labels).map(|(x, &label)| {
            let p = self.probabilities(x);
            let errors = p.iter().enumerate().map(|(k, p)| (p - one_hot(label, k)).powi(2));
            match (self.output, self.loss) {
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
            }
        });
        losses.sum::<f64>() / labels.len() as f64
    }

    /// The gradient of [`mean_loss`](Self::mean_loss) by every parameter, by the chain rule.
    pub fn gradients(&self, images: &Array2<f64>, labels: &[u8]) -> Vec<NaiveDense> {
        let mut gradients: Vec<_> = self.layers.iter().map(NaiveDense::zeros_like).collect();
        for (x, &label) in images.rows().into_iter().zip(labels) {
            let outputs = self.layer_outputs(x);
            let mut delta = self.d_logits(outputs.last().expect("a layer"), label) / labels.len() as f64;
            for l in (0..self.layers.len()).rev() {
                let layer = &self.layers[l];
                for (o, delta) in delta.iter_mut().enumerate() {
                    *delta *= derivative(layer.activation, outputs[l][o]);
                }
                let input = if l == 0 { x } else { outputs[l - 1].view() };
                for (i, &input) in input.iter().enumerate() {
                    for (o, &delta) in delta.iter().enumerate() {
                        gradients[l].weights[(i, o)] += input * delta;
                    }
                }
                gradients[l].bias += &delta;
                delta = Array1::from_shape_fn(input.len(), |i| {
                    delta.iter().enumerate().map(|(o, delta)| layer.weights[(i, o)] * delta).sum()
                });
            }
        }
        gradients
    }

    /// Every parameter, layer by layer, weights before biases.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.layers.iter_mut().flat_map(|layer| layer.weights.iter_mut().chain(layer.bias.iter_mut()))
    }

    fn layer_outputs(&self, x: ArrayView1<f64>) -> Vec<Array1<f64>> {
        let mut outputs: Vec<Array1<f64>> = Vec::new();
        for layer in &self.layers {
            let input = outputs.last().map_or(x, |output| output.view());
            let output = Array1::from_shape_fn(layer.bias.len(), |o| {
                let products = input.iter().enumerate().map(|(i, &input)| input * layer.weights[(i, o)]);
                activate(layer.activation, products.sum::<f64>() + layer.bias[o])
            });
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

/// 1 for the class that `label` names, 0 for the others.
fn one_hot(label: u8, class: usize) -> f64 {
    f64::from(u8::from(usize::from(label) == class))
}

impl NaiveDense {
    fn zeros_like(other: &Self) -> Self {
        let (weights, bias) = (Array2::zeros(other.weights.dim()), Array1::zeros(other.bias.len()));
        Self { weights, bias, activation: other.activation }
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
