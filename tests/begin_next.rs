//! A step that begins with the next batch changes nothing: training so, to the bit, against training step by step.

use std::thread;
use std::time::Duration;

use gemmnist::data::{self, Dataset, Input};
use gemmnist::linalg::team::{self, Team};
use gemmnist::nn::{Activation, Architecture, Batch, Init, Network, Output, Step, Workspace, loss};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;

const BATCH: usize = 10;

/// Whether a step is handed the batch of the next.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    StepByStep,
    Beginning,
}

/// All parameters after an epoch over `data`, whose last batch is short.
fn trained(way: Way, architecture: &Architecture, name: OptimizerName, data: &Dataset) -> Vec<f32> {
    let (_, _, objective) = loss::OBJECTIVES[0];
    let mut network = Network::initialised(architecture.clone(), Init::He, Seed(5));
    let (mut workspace, mut next) = (Workspace::new(&network, BATCH), Batch::new(&network, BATCH));
    let mut optimizer = optimizer(name, 1e-4, &network);
    let indices: Vec<u32> = (0..data.len() as u32).collect();
    let mut batches = indices.chunks(BATCH).peekable();
    workspace.load(data, Input::Gray, &indices[..BATCH]);
    for number in 1.. {
        let Some(images) = batches.next() else { break };
        if way == Way::StepByStep {
            workspace.load(data, Input::Gray, images);
        }
        optimizer.begin_step(name.default_learning_rate());
        let step = Step { seed: Seed(5), number };
        next.load(data, Input::Gray, batches.peek().copied().unwrap_or_default());
        let next = (way == Way::Beginning).then_some(&mut next);
        network.learn_and_begin(step, &mut workspace, images.len(), objective, &mut *optimizer, next);
    }
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).collect()
}

/// Networks whose first layer can begin, alone and shared by a team, and some whose first layer cannot.
#[test]
fn a_training_whose_steps_begin_with_the_next_batch_has_the_bits_of_one_that_goes_step_by_step() {
    let data = data::load("mnist").expect("data/mnist is part of the crate").train.slice(0..403);
    let perceptron = |hidden: &[usize]| Architecture::perceptron(784, hidden, Activation::Relu, 10, Output::Softmax);
    let architectures = [
        perceptron(&[]),
        perceptron(&[128]),
        perceptron(&[100, 30]),
        perceptron(&[20]).with_dropout(0.2, 0.5),
        perceptron(&[20]).with_input_bias(Activation::Tanh),
    ];
    for architecture in &architectures {
        for &name in OptimizerName::ALL {
            let expected = trained(Way::StepByStep, architecture, name, &data);
            for threads in [1, 2] {
                let team = Team::new(threads).unwrap();
                let found = team.lead(|| {
                    // A team that has seen jobs of a tenth of a millisecond shares those of a step.
                    (0..50).for_each(|_| team::share(2, |_| thread::sleep(Duration::from_micros(50))));
                    trained(Way::Beginning, architecture, name, &data)
                });
                assert!(found == expected, "{architecture}, {name}, {threads} threads");
            }
        }
    }
}
