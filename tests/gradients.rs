//! Gradients: the naive twin against central differences, the fast path against its naive twin.

use gemmnist::linalg::{Next, Samples};
use gemmnist::nn::loss::Weighted;
use gemmnist::nn::naive::{NaiveLayer, NaiveNetwork};
use gemmnist::nn::{
    Activation, Architecture, Init, LayerSpec, Learner, Loss, Network, Objective, Parameter, ParameterMut, Step,
    Workspace, loss,
};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::{Purpose, Seed, Stream, normal, unit};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

const STEP: Step = Step { seed: Seed(0), number: 1 };
const ACTIVATIONS: [Activation; 3] = [Activation::Relu, Activation::Sigmoid, Activation::Tanh];

/// A random network with 0 to 3 hidden layers, and a batch for it, a third of its pixels 0 as in real images.
struct Case {
    network: Network,
    images: Array2<f32>,
    labels: Vec<u8>,
    loss: Loss,
    l2: f64,
    objective: &'static dyn Objective,
    class_weights: Option<Vec<f32>>,
}

impl Case {
    fn random(number: u64) -> Self {
        let mut stream = Seed(number).stream(Purpose::Init, 1000);
        let mut between = |from: u32, to: u32| (from + stream.below(to - from)) as usize;
        let (inputs, classes, batch) = (between(3, 12), between(2, 7), between(1, 9));
        // Digits of the number in mixed bases, so that 72 numbers in a row meet every combination of these; what else there
        // is comes and goes in periods that share no divisor with 72 nor with each other.
        let number = number as usize;
        let activation = ACTIVATIONS[number % 3];
        let (output, loss, objective) = loss::OBJECTIVES[number / 3 % 6];
        let hidden: Vec<_> = (0..number / 18 % 4).map(|_| between(2, 9)).collect();
        let mut architecture = Architecture::perceptron(inputs, &hidden, activation, classes, output);
        let input_dropout = if number % 7 < 3 { 0.2 } else { 0.0 };
        let dropout = if (2..5).contains(&(number % 7)) { 0.4 } else { 0.0 };
        architecture = architecture.with_dropout(input_dropout, dropout);
        if number % 5 < 2 {
            architecture = architecture.with_input_bias(Activation::ALL[number / 5 % 4]);
        }
        let l2 = if number % 11 < 5 { 0.05 } else { 0.0 };
        // Weights that saturate nothing: where a gradient vanishes, a difference of losses is all rounding.
        let mut network = Network::initialised(architecture, Init::Xavier, Seed(number as u64));
        for (_, parameter) in network.parameters_mut() {
            if let ParameterMut::Bias(mut bias) = parameter {
                bias.mapv_inplace(|_| 0.5 * normal(&mut stream) as f32);
            }
        }
        let class_weights =
            (number % 13 < 6).then(|| (0..classes).map(|_| 0.25 + 2.0 * unit(&mut stream) as f32).collect());
        Self {
            network,
            l2,
            class_weights,
            images: Array2::from_shape_simple_fn((batch, inputs), || pixel(&mut stream)),
            labels: (0..batch).map(|_| stream.below(classes as u32) as u8).collect(),
            loss,
            objective,
        }
    }

    /// With the same units left out, weights and penalty.
    fn twin(&self) -> NaiveNetwork {
        let mut twin = NaiveNetwork::twin_in_step(&self.network, self.loss, STEP, self.labels.len());
        twin.l2 = self.l2;
        if let Some(weights) = &self.class_weights {
            twin.class_weights = weights.iter().copied().map(f64::from).collect();
        }
        twin
    }

    /// One step with `learner`; returns the sum of the losses before it.
    fn learn(&mut self, workspace: &mut Workspace, learner: &mut dyn Learner) -> f64 {
        let weighted = self.class_weights.clone().map(|weights| Weighted::new(self.objective, weights));
        let objective = weighted.as_ref().map_or(self.objective, |weighted| weighted);
        self.network.learn(STEP, workspace, self.labels.len(), objective, learner).loss_sum
    }

    fn images_f64(&self) -> Array2<f64> {
        self.images.mapv(f64::from)
    }

    /// Larger than the batch, so that only its first rows are used.
    fn workspace(&self, fill: f32) -> Workspace {
        let mut workspace = Workspace::filled(&self.network, self.labels.len() + 2, 1, fill);
        let (mut x, labels) = workspace.input(self.labels.len());
        x.assign(&self.images);
        labels.copy_from_slice(&self.labels);
        workspace
    }

    /// Mean loss and gradients of the fast path; the network is left as it was.
    fn fast_gradients(&mut self, fill: f32) -> (f64, Gradients) {
        let mut gradients = Gradients::default();
        let mut workspace = self.workspace(fill);
        let loss_sum = self.learn(&mut workspace, &mut gradients);
        gradients.0.sort_by_key(|(parameter, _)| *parameter);
        for ((_, gradient), (_, parameter)) in gradients.0.iter_mut().zip(self.network.parameters()) {
            *gradient = row_by_row(&parameter.like(gradient)); // a layer may keep its weights turned
        }
        (loss_sum / self.labels.len() as f64, gradients)
    }

    /// Every parameter, as the values of a matrix row by row.
    fn parameters(&self) -> Vec<Vec<f32>> {
        self.network.parameters().map(|(_, parameter)| row_by_row(&parameter)).collect()
    }
}

fn row_by_row(parameter: &Parameter) -> Vec<f32> {
    match parameter {
        Parameter::Weights(w) => w.iter().copied().collect(),
        Parameter::Bias(b) => b.to_vec(),
    }
}

fn pixel(stream: &mut Stream) -> f32 {
    if unit(stream) < 1.0 / 3.0 { 0.0 } else { normal(stream) as f32 }
}

/// Keeps the gradient of every parameter, a matrix row by row, and changes nothing.
#[derive(Debug, Default, PartialEq)]
struct Gradients(Vec<(usize, Vec<f32>)>);

impl Learner for Gradients {
    fn weights(&mut self, parameter: usize, _: ArrayViewMut2<f32>, x: Samples, d: ArrayView2<f32>, _: Option<Next>) {
        self.0.push((parameter, x.to_whole().t().dot(&d).iter().copied().collect()));
    }

    fn bias(&mut self, parameter: usize, _: ArrayViewMut1<f32>, d_b: ArrayView1<f32>) {
        self.0.push((parameter, d_b.to_vec()));
    }
}

/// `‖a - b‖ / ‖b‖`, or `‖a - b‖` where `b` vanishes.
fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    let (difference, size) = (distance(a, b), distance(b, &vec![0.0; b.len()]));
    if size > 0.0 { difference / size } else { difference }
}

/// `‖a - b‖`.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Step of the central differences: too large adds h²/6·f''', too small 1e-16/h; both are near 1e-10 here.
const H: f64 = 1e-5;

/// No derivative exists where a ReLU switches, so networks in which one does between -H and +H are passed over: there the
/// one-sided differences disagree by more than curvature explains.
#[test]
fn naive_gradients_match_central_differences_on_100_random_networks() {
    let mut compared = 0;
    for number in 0.. {
        let case = Case::random(number);
        let (mut twin, images) = (case.twin(), case.images_f64());
        if relu_inputs(&twin, &images).iter().any(|z| z.abs() < 1e-3) {
            continue;
        }
        let gradients = twin.gradients(&images, &case.labels);
        let analytic = gradients.iter().flat_map(|layer| layer.weights.iter().flatten().chain(&layer.bias)).copied();
        let analytic: Vec<f64> = analytic.collect();
        let mut loss_with = |parameter: usize, offset: f64| {
            *twin.parameters_mut().nth(parameter).unwrap() += offset;
            let loss = twin.mean_loss(&images, &case.labels);
            *twin.parameters_mut().nth(parameter).unwrap() -= offset;
            loss
        };
        let numeric: Vec<f64> = (0..analytic.len()).map(|i| (loss_with(i, H) - loss_with(i, -H)) / (2.0 * H)).collect();
        let error = relative_error(&analytic, &numeric);
        assert!(error < 1e-6, "network {number}, {}: {error:e}", case.network.architecture());
        compared += 1;
        if compared == 100 {
            return;
        }
    }
}

/// The inputs of every ReLU for every image.
fn relu_inputs(twin: &NaiveNetwork, images: &Array2<f64>) -> Vec<f64> {
    let mut found = Vec::new();
    for (image, x) in images.rows().into_iter().enumerate() {
        let mut x = x.to_owned();
        for layer in &twin.layers {
            let z = layer.weighted_input(image, x.view());
            if layer.activation == Activation::Relu {
                found.extend(z.iter().copied());
            }
            x = z.mapv(|z| gemmnist::nn::naive::activate(layer.activation, z));
        }
    }
    found
}

/// f32 rounds at 6e-8; sums of at most 12 products through 4 layers stay below 1e-5 of a gradient's norm. Where an output
/// is almost its label, p - y loses the digits that p has in common with y: 6e-8 of 1 may be all of it, so 1e-6 is allowed.
#[test]
fn the_fast_path_has_the_loss_and_gradients_of_its_naive_twin() {
    for number in 0..100 {
        let mut case = Case::random(number);
        let (mut twin, images) = (case.twin(), case.images_f64());
        twin.l2 = 0.0; // the penalty is the optimizer's
        let (loss, gradients) = case.fast_gradients(0.0);
        let naive = by_parameter(&twin.gradients(&images, &case.labels));
        twin.class_weights.fill(1.0); // the loss that is told leaves them out
        let naive_loss = twin.mean_loss(&images, &case.labels);
        assert!((loss - naive_loss).abs() <= 1e-5 * naive_loss.max(1e-2), "network {number}: {loss} {naive_loss}");
        assert_eq!(gradients.0.len(), naive.len());
        for ((parameter, fast), naive) in gradients.0.iter().zip(naive) {
            let fast: Vec<f64> = fast.iter().copied().map(f64::from).collect();
            let difference = distance(&fast, &naive);
            let bound = 1e-5 * distance(&naive, &vec![0.0; naive.len()]) + 1e-6;
            assert!(difference < bound, "network {number}, parameter {parameter}: {difference:e} {bound:e}");
        }
    }
}

/// The gradient of every parameter, weights before biases, a matrix row by row.
fn by_parameter(gradients: &[NaiveLayer]) -> Vec<Vec<f64>> {
    let of_layer = |layer: &NaiveLayer| {
        let weights = layer.weights.as_ref().map(|weights| weights.iter().copied().collect());
        weights.into_iter().chain([layer.bias.to_vec()]).collect::<Vec<_>>()
    };
    gradients.iter().flat_map(of_layer).collect()
}

#[test]
fn leftover_workspace_contents_do_not_change_the_gradients() {
    for number in 0..20 {
        let mut case = Case::random(number);
        assert_eq!(case.fast_gradients(0.0), case.fast_gradients(f32::NAN), "network {number}");
    }
}

/// Penalty, class weights and dropout included, against the gradient of the twin. The first step of momentum is one of
/// plain SGD; it goes through the pass that the other optimizers share. 1e-6 is a few roundings of a weight near 1.
#[test]
fn a_first_step_subtracts_the_gradient_times_the_learning_rate() {
    const LEARNING_RATE: f64 = 0.25;
    for (number, name) in (0..100).flat_map(|number| [(number, OptimizerName::Sgd), (number, OptimizerName::Momentum)])
    {
        let mut case = Case::random(number);
        let gradients = by_parameter(&case.twin().gradients(&case.images_f64(), &case.labels));
        let before = case.parameters();
        let mut optimizer = optimizer(name, case.l2, &case.network);
        optimizer.begin_step(LEARNING_RATE);
        let mut workspace = case.workspace(0.0);
        case.learn(&mut workspace, &mut *optimizer);
        let parameters: Vec<_> = case.network.parameters().map(|(_, parameter)| parameter).collect();
        for memory in optimizer.memories() {
            let remembered = row_by_row(&parameters[memory.parameter].like(memory.values));
            let remembered: Vec<f64> = remembered.into_iter().map(f64::from).collect();
            let (difference, size) = (
                distance(&remembered, &gradients[memory.parameter]),
                distance(&remembered, &vec![0.0; remembered.len()]),
            );
            assert!(difference <= 1e-5 * size + 1e-6, "{name}, network {number}, what is remembered: {difference:e}");
        }
        assert_eq!(before.len(), gradients.len());
        for ((before, after), gradient) in before.iter().zip(case.parameters()).zip(&gradients) {
            assert_eq!((before.len(), after.len()), (gradient.len(), gradient.len()));
            for ((before, after), gradient) in before.iter().zip(after).zip(gradient) {
                let expected = f64::from(*before) - LEARNING_RATE * gradient;
                let difference = (f64::from(after) - expected).abs();
                assert!(difference <= 1e-6 * (1.0 + expected.abs()), "{name}, network {number}: {after} {expected}");
            }
        }
    }
}

/// Or the others would show less than they seem to.
#[test]
fn a_hundred_random_networks_meet_everything_there_is_alone_and_together() {
    let cases: Vec<_> = (0..100).map(Case::random).collect();
    let has = |case: &Case| {
        let layers = &case.network.architecture().layers;
        let bias = matches!(layers[0], LayerSpec::InputBias(_));
        let dropout = |place: usize| matches!(layers.get(place), Some(LayerSpec::Dropout(_)));
        let on_input = dropout(usize::from(bias));
        let hidden = (1 + usize::from(bias) + usize::from(on_input)..layers.len()).any(dropout);
        [bias, on_input, hidden, case.l2 > 0.0, case.class_weights.is_some()]
    };
    for first in 0..5 {
        for second in 0..5 {
            assert!(cases.iter().any(|case| has(case)[first] && has(case)[second]), "{first} with {second}");
            assert!(first == second || cases.iter().any(|case| has(case)[first] && !has(case)[second]));
        }
    }
}
