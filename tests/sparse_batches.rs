//! Leaving out pixels that are zero changes nothing: training on sparse batches against training on whole ones.

use gemmnist::data::{self, Dataset, Input};
use gemmnist::linalg::Samples;
use gemmnist::nn::{Activation, Architecture, Init, LayerSpec, Network, Output, Step, Workspace, loss};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;

fn mnist() -> Dataset {
    data::load("mnist").expect("data/mnist is part of the crate").train.slice(0..2000)
}

/// Smooth everywhere: on which side of 0 a ReLU's input is may depend on the rounding of a sum, and then networks that are both
/// right part.
fn perceptron(hidden: &[usize]) -> Architecture {
    Architecture::perceptron(784, hidden, Activation::Tanh, 10, Output::Softmax)
}

/// How the images of a batch get into the workspace.
#[derive(Clone, Copy)]
enum Kept {
    Sparse,
    Whole,
}

/// All parameters after `steps` steps of batches of 9 images.
fn trained(kept: Kept, data: &Dataset, hidden: &[usize], name: OptimizerName, l2: f64, steps: u64) -> Vec<f64> {
    let (_, _, objective) = loss::OBJECTIVES[0];
    let mut network = Network::initialised(perceptron(hidden), Init::Xavier, Seed(3));
    let mut workspace = Workspace::new(&network, 9);
    let mut optimizer = optimizer(name, l2, &network);
    let indices: Vec<u32> = (0..data.len() as u32).collect();
    for (number, indices) in (1..=steps).zip(indices.chunks(9).cycle()) {
        match kept {
            Kept::Sparse => workspace.load(data, Input::Gray, indices),
            Kept::Whole => {
                let (x, labels) = workspace.input(indices.len());
                data.gather(Input::Gray, indices, x, labels);
            }
        }
        let is_sparse = matches!(workspace.samples(indices.len()), Samples::Sparse(_));
        assert_eq!(is_sparse, matches!(kept, Kept::Sparse));
        optimizer.begin_step(0.5 * name.default_learning_rate());
        network.learn(Step { seed: Seed(3), number }, &mut workspace, indices.len(), objective, &mut *optimizer);
    }
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).map(f64::from).collect()
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// How far apart the two ways of training end, relative to all the parameters.
fn distance(hidden: &[usize], name: OptimizerName, l2: f64, steps: u64) -> f64 {
    let data = mnist();
    let [sparse, whole] = [Kept::Sparse, Kept::Whole].map(|kept| trained(kept, &data, hidden, name, l2, steps));
    let distance = norm(sparse.iter().zip(&whole).map(|(a, b)| a - b)) / norm(whole.iter().copied());
    println!("{hidden:?} {name} L2 {l2}: {distance:e}");
    distance
}

#[test]
fn a_thousand_steps_end_where_they_end_with_whole_batches() {
    // A wide layer's batches are kept by samples and pairs.
    for (hidden, l2) in [(&[37][..], 0.0), (&[20, 12], 1e-3), (&[], 0.0), (&[70], 0.0), (&[130], 1e-3)] {
        let distance = distance(hidden, OptimizerName::Sgd, l2, 1000);
        assert!(distance < 1e-5, "{hidden:?}, L2 {l2}: {distance}");
    }
}

/// Their weights move even where a pixel is zero: by what they remember.
#[test]
fn every_optimizer_moves_the_weights_of_pixels_that_are_zero_as_with_whole_batches() {
    for (&name, (hidden, l2)) in
        OptimizerName::ALL.iter().flat_map(|name| [(20, 1e-3), (70, 1e-3), (70, 0.0)].map(|case| (name, case)))
    {
        let distance = distance(&[hidden], name, l2, 200);
        assert!(distance < 1e-5, "{name}, {hidden}, L2 {l2}: {distance}");
    }
}

#[test]
fn a_layer_that_needs_every_input_gets_whole_batches() {
    let data = mnist();
    for architecture in [perceptron(&[20]).with_input_bias(Activation::Tanh), perceptron(&[20]).with_dropout(0.2, 0.0)]
    {
        assert!(!matches!(architecture.layers[0], LayerSpec::Dense(_)));
        let network = Network::initialised(architecture, Init::He, Seed(0));
        let mut workspace = Workspace::new(&network, 5);
        workspace.load(&data, Input::Gray, &[0, 1, 2]);
        assert_eq!(workspace.samples(3).whole().dim(), (3, 784));
    }
}

#[test]
fn a_sparse_batch_put_back_is_the_whole_one() {
    let data = mnist();
    for hidden in [20, 70] {
        let network = Network::initialised(perceptron(&[hidden]), Init::He, Seed(0));
        let mut workspace = Workspace::new(&network, 8);
        let indices = [7, 3, 11, 0, 7, 1999, 2];
        workspace.load(&data, Input::Gray, &indices);
        let x = workspace.samples(7).to_whole();
        let bytes = indices.map(|index| data.image(index as usize)).concat();
        assert!(x.iter().zip(&bytes).all(|(&x, &byte)| x == f32::from(byte) / 255.0));
    }
}
