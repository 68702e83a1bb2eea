//! Steps that the first layer takes at once learn what they learn one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use gemmnist::data::{self, Dataset, Input};
use gemmnist::error::Error;
use gemmnist::linalg::team::{self, Team};
use gemmnist::nn::loss::Weighted;
use gemmnist::nn::naive::NaiveNetwork;
use gemmnist::nn::{
    Activation, Architecture, Batch, Init, Learner, Loss, Network, Output, ParameterMut, Step, Workspace, loss,
};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;
use gemmnist::train::{InitName, InputName, Judgement, TrainSettings, Trainer};
use ndarray::Array2;

/// Their number is a multiple of no block of steps below.
const IMAGES: usize = 403;

fn mnist() -> Dataset {
    data::load("mnist").expect("data/mnist is part of the crate").train.slice(0..IMAGES)
}

/// Smooth everywhere, so that rounding parts no two of them; its first layer is wide enough.
fn perceptron(hidden: &[usize], classes: usize) -> Architecture {
    Architecture::perceptron(784, hidden, Activation::Tanh, classes, Output::Softmax)
}

fn initialised(architecture: &Architecture) -> Network {
    Network::initialised(architecture.clone(), Init::Xavier, Seed(3))
}

/// Another in each step.
fn learning_rate(step: u64) -> f64 {
    0.02 * (1.5 + (step as f64).sin())
}

fn parameters(network: &Network) -> Vec<f64> {
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).map(f64::from).collect()
}

/// How the steps of a training follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// One after the other, with all pixels.
    WholeBatches,
    /// Some learn from what is loaded at once.
    AtOnce,
    /// The same, and the last of them begins the next.
    AtOnceAndBeginning,
}

/// Batches of so many images, and how many are learnt from at once.
type Block = (usize, usize);

/// What is trained, in which steps, and with which penalty.
#[derive(Debug, Clone, Copy)]
struct Case<'a> {
    architecture: &'a Architecture,
    block: Block,
    l2: f64,
}

/// All parameters after `steps` steps, or up to the next end of a block of them.
fn trained(way: Way, Case { architecture, block: (batch, at_once), l2 }: Case, steps: u64) -> Vec<f64> {
    let (data, mut network) = (mnist(), initialised(architecture));
    let (_, _, objective) = loss::OBJECTIVES[0];
    let mut optimizer = optimizer(OptimizerName::Sgd, l2, &network);
    // Whatever is read before it was written makes the network useless.
    let mut workspace = Workspace::filled(&network, batch, at_once, f32::NAN);
    let mut next = Batch::of_steps(&network, batch, at_once);
    let indices: Vec<u32> = (0..IMAGES as u32).collect();
    let mut blocks = indices.chunks(batch * at_once).cycle().peekable();
    let mut number = 0;
    workspace.load(&data, Input::Gray, blocks.peek().unwrap());
    while number < steps {
        let images = blocks.next().unwrap();
        if way == Way::AtOnce {
            workspace.load(&data, Input::Gray, images);
        }
        next.load(&data, Input::Gray, blocks.peek().unwrap());
        for images in images.chunks(batch) {
            if way == Way::WholeBatches {
                let (x, labels) = workspace.input(images.len());
                data.gather(Input::Gray, images, x, labels);
            }
            number += 1;
            optimizer.begin_step(learning_rate(number));
            let step = Step { seed: Seed(3), number };
            let next = (way == Way::AtOnceAndBeginning).then_some(&mut next);
            network.learn_and_begin(step, &mut workspace, images.len(), objective, &mut *optimizer, next);
        }
    }
    parameters(&network)
}

fn learn_in_f64(twin: &mut NaiveNetwork, data: &Dataset, images: &[usize], rate: f64) {
    let x = Array2::from_shape_fn((images.len(), 784), |(i, j)| f64::from(data.image(images[i])[j]) / 255.0);
    let labels: Vec<u8> = images.iter().map(|&image| data.labels()[image]).collect();
    let gradients = twin.gradients(&x, &labels);
    for (layer, gradient) in twin.layers.iter_mut().zip(gradients) {
        layer.weights.as_mut().unwrap().scaled_add(-rate, &gradient.weights.unwrap());
        layer.bias.scaled_add(-rate, &gradient.bias);
    }
}

/// The same as `trained` in `f64`, image by image.
fn trained_in_f64(Case { architecture, block: (batch, at_once), l2 }: Case, steps: u64) -> Vec<f64> {
    let (data, network) = (mnist(), initialised(architecture));
    let mut twin = NaiveNetwork { l2, ..NaiveNetwork::twin(&network, Loss::CrossEntropy) };
    let indices: Vec<usize> = (0..IMAGES).collect();
    let mut blocks = indices.chunks(batch * at_once).cycle();
    let mut number = 0;
    while number < steps {
        for images in blocks.next().unwrap().chunks(batch) {
            number += 1;
            learn_in_f64(&mut twin, &data, images, learning_rate(number));
        }
    }
    let in_file_order = twin.layers.iter().map(|layer| {
        let weights = layer.weights.as_ref().unwrap().t().iter().copied().collect::<Vec<_>>();
        [weights, layer.bias.to_vec()].concat()
    });
    in_file_order.collect::<Vec<_>>().concat()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    assert_eq!(a.len(), b.len());
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

/// The last batches of a pass over the images are short, or fewer.
const BLOCKS: [Block; 5] = [(1, 2), (1, 30), (4, 7), (10, 3), (15, 2)];

#[test]
fn a_thousand_steps_end_where_they_end_with_whole_batches_one_after_the_other() {
    // The last network's first layer is its last.
    for architecture in [perceptron(&[128], 10), perceptron(&[70, 12], 10), perceptron(&[], 65)] {
        for (block, l2) in BLOCKS.into_iter().zip([0.0, 0.05].into_iter().cycle()).chain([((10, 3), 0.0)]) {
            let case = Case { architecture: &architecture, block, l2 };
            let [at_once, one_by_one] = [Way::AtOnce, Way::WholeBatches].map(|way| trained(way, case, 1000));
            let found = distance(&at_once, &one_by_one);
            println!("{architecture}, {block:?}, L2 {l2}: {found:e}");
            assert!(found < 1e-5, "{architecture}, {block:?}, L2 {l2}: {found}");
        }
    }
}

/// Nearer, mostly: their weights are rounded less often.
#[test]
fn they_are_as_near_to_what_is_exact_as_steps_one_after_the_other() {
    let architecture = perceptron(&[66], 10);
    for (block, l2) in BLOCKS.into_iter().flat_map(|block| [(block, 0.0), (block, 0.05)]) {
        let case = Case { architecture: &architecture, block, l2 };
        let exact = trained_in_f64(case, 60);
        let [at_once, one_by_one] =
            [Way::AtOnce, Way::WholeBatches].map(|way| distance(&trained(way, case, 60), &exact));
        println!("{block:?}, L2 {l2}: {at_once:e}, one by one {one_by_one:e}");
        assert!(at_once < 1.5 * one_by_one && one_by_one < 1e-6, "{block:?}, L2 {l2}: {at_once} and {one_by_one}");
    }
}

/// Alone, and by teams.
#[test]
fn steps_that_begin_the_next_and_teams_change_no_bit() {
    for (hidden, block) in [(128, (10, 3)), (128, (1, 30)), (1030, (9, 3)), (70, (7, 4))] {
        let (batch, _) = block;
        let architecture = &perceptron(&[hidden], 10);
        let case = Case { architecture, block, l2: if batch == 10 { 0.01 } else { 0.0 } };
        let expected = trained(Way::AtOnce, case, 200);
        for threads in [1, 2, 3, 8] {
            let team = Team::new(threads).unwrap();
            let found = team.lead(|| {
                // A team that has seen jobs of a tenth of a millisecond shares those of a step.
                (0..50).for_each(|_| team::share(2, |_| thread::sleep(Duration::from_micros(50))));
                trained(Way::AtOnceAndBeginning, case, 200)
            });
            assert!(found == expected, "{hidden} units, {block:?}, {threads} threads");
        }
    }
}

#[test]
fn a_training_takes_steps_at_once_only_where_it_may() {
    let data = mnist();
    let steps = |settings: &str| {
        let mut all = TrainSettings { hidden: vec![128], batch_size: 10, ..TrainSettings::default() };
        match settings {
            "" => {}
            "batch" => all.batch_size = 11,
            "narrow" => all.hidden = vec![30],
            "adam" => all.optimizer = OptimizerName::Adam,
            "l2" => all.l2 = 1e-4,
            "much l2" => all.l2 = 2.0,
            "input" => all.input = InputName::Binary,
            "dropout" => all.dropout = 0.5,
            "input dropout" => all.input_dropout = 0.2,
            other => panic!("{other}"),
        }
        Trainer::new(all.check().unwrap(), &data).unwrap().steps_at_once()
    };
    let found = ["", "batch", "narrow", "adam", "l2", "much l2", "input", "dropout", "input dropout"].map(steps);
    assert_eq!(found, [3, 1, 1, 1, 3, 1, 1, 3, 1]);
}

/// Of those at once, too, the step is told apart, and what the steps before it left is not looked at.
#[test]
fn a_loss_that_is_not_finite_ends_the_steps_and_names_the_layer() {
    let (data, (_, _, objective)) = (mnist(), loss::OBJECTIVES[0]);
    let architecture = Architecture::perceptron(784, &[64], Activation::Relu, 10, Output::Softmax);
    let mut network = initialised(&architecture);
    let mut optimizer = optimizer(OptimizerName::Sgd, 0.0, &network);
    let (mut workspace, mut next) = (Workspace::of_steps(&network, 2, 2), Batch::of_steps(&network, 2, 2));
    workspace.load(&data, Input::Gray, &[0, 1, 2, 3]);
    next.load(&data, Input::Gray, &[4, 5, 6]);
    optimizer.begin_step(0.1);
    let mut learn = |network: &mut Network, number| {
        let step = Step { seed: Seed(0), number };
        network.learn_and_begin(step, &mut workspace, 2, objective, &mut *optimizer, Some(&mut next)).loss_sum
    };
    assert!(learn(&mut network, 1).is_finite());
    for (_, parameter) in network.parameters_mut().filter(|(name, _)| name == "layers.0.bias") {
        let ParameterMut::Bias(mut bias) = parameter else { panic!("a bias") };
        bias.fill(f32::INFINITY);
    }
    assert!(!learn(&mut network, 2).is_finite());
    assert_eq!(network.first_not_finite(&workspace, 2).as_deref(), Some("layers.0"));
    assert_eq!((workspace.images(), next.len()), (4, 3), "nothing was exchanged");
}

/// Of a network whose numbers grow from step to step until there are none so large.
#[test]
fn a_training_that_diverges_in_the_middle_of_steps_at_once_says_in_which() {
    let data = mnist();
    let settings = TrainSettings {
        hidden: vec![64; 3],
        batch_size: 6,
        learning_rate: Some(1e4),
        init: Some(InitName::Uniform),
        init_range: 1.0,
        ..TrainSettings::default()
    };
    let mut trainer = Trainer::new(settings.check().unwrap(), &data).unwrap();
    assert_eq!(trainer.steps_at_once(), 5);
    let error = trainer.run(&|_| Judgement::default(), &mut ()).unwrap_err();
    let Error::Diverged { epoch: 1, step, ref place, .. } = error else { panic!("{error}") };
    assert!((2..5).contains(&step) && place.starts_with("the output of layers."), "{error}");
}

/// With class weights, units that are left out, and those that are zero: the loss of each step, and what is learnt but for rounding.
#[test]
fn steps_at_once_are_those_of_every_kind_of_training() {
    let data = mnist();
    let architecture = Architecture::perceptron(784, &[80, 20], Activation::Relu, 10, Output::Softmax);
    let (_, _, plain) = loss::OBJECTIVES[0];
    let objective = &Weighted::new(plain, (1..=10).map(|k| k as f32 / 5.0).collect());
    let learnt = |at_once: usize| {
        let mut network = initialised(&architecture.clone().with_dropout(0.0, 0.4));
        let mut optimizer = optimizer(OptimizerName::Sgd, 0.01, &network);
        let mut workspace = Workspace::of_steps(&network, 5, at_once);
        let (mut losses, mut number) = (Vec::new(), 0);
        let indices: Vec<u32> = (0..60).collect();
        for block in indices.chunks(5 * at_once) {
            workspace.load(&data, Input::Gray, block);
            for images in block.chunks(5) {
                number += 1;
                optimizer.begin_step(0.02);
                let step = Step { seed: Seed(3), number };
                losses.push(network.learn(step, &mut workspace, images.len(), objective, &mut *optimizer).loss_sum);
            }
        }
        (losses, parameters(&network))
    };
    let ((at_once, weights), (one_by_one, expected)) = (learnt(6), learnt(1));
    assert!(at_once.iter().zip(&one_by_one).all(|(a, b)| (a - b).abs() < 1e-5 * b), "{at_once:?} {one_by_one:?}");
    assert!(distance(&weights, &expected) < 1e-6);
}

/// Learns from so many images in each step, of five that are loaded for steps of two.
fn learn_in_steps_of(images: &[usize]) {
    let mut network = initialised(&perceptron(&[64], 10));
    let mut workspace = Workspace::of_steps(&network, 2, 3);
    workspace.load(&mnist(), Input::Gray, &[0, 1, 2, 3, 4]);
    let (_, _, objective) = loss::OBJECTIVES[0];
    let mut optimizer = optimizer(OptimizerName::Sgd, 0.0, &network);
    for (&images, number) in images.iter().zip(1..) {
        network.learn(Step { seed: Seed(0), number }, &mut workspace, images, objective, &mut *optimizer);
    }
}

#[test]
#[should_panic(expected = "more samples than are left")]
fn steps_of_more_images_than_are_loaded_are_refused() {
    learn_in_steps_of(&[2, 2, 2]);
}

#[test]
#[should_panic(expected = "not the samples of a step")]
fn steps_of_another_size_are_refused() {
    learn_in_steps_of(&[2, 1]);
}

#[test]
#[should_panic(expected = "is for learning")]
fn their_workspace_is_not_for_scores() {
    let network = initialised(&perceptron(&[64], 10));
    let mut workspace = Workspace::of_steps(&network, 2, 3);
    workspace.load(&mnist(), Input::Gray, &[0, 1, 2, 3, 4]);
    let (_, _, objective) = loss::OBJECTIVES[0];
    network.score(&mut workspace, 2, objective);
}

/// Neither one whose batches are sparse nor one that keeps them whole.
#[test]
fn a_workspace_for_scores_is_not_for_learning() {
    for network in [perceptron(&[64], 10), perceptron(&[64], 10).with_dropout(0.2, 0.0)] {
        let mut network = initialised(&network);
        let (_, _, objective) = loss::OBJECTIVES[0];
        let mut workspaces = [Workspace::for_scores(&network, 8), Workspace::new(&network, 8)];
        let [score, expected] = workspaces.each_mut().map(|workspace| {
            workspace.load(&mnist(), Input::Gray, &[0, 1, 2, 3, 4, 5, 6, 7]);
            network.score(workspace, 8, objective)
        });
        let [mut workspace, as_learning] = workspaces;
        assert_eq!((score, workspace.output(0, 8)), (expected, as_learning.output(0, 8)));

        let step = Step { seed: Seed(1), number: 1 };
        let mut learner = optimizer(OptimizerName::Sgd, 0.0, &network);
        let before = parameters(&network);
        let learn = AssertUnwindSafe(|| network.learn(step, &mut workspace, 8, objective, &mut *learner));
        let message = *catch_unwind(learn).unwrap_err().downcast::<&str>().unwrap();
        assert!(message.contains("is not for learning"), "{message}");
        assert_eq!(parameters(&network), before, "nothing has learnt");
    }
}

#[test]
#[should_panic(expected = "for a layer that takes sparse batches")]
fn a_layer_that_needs_every_input_takes_no_steps_at_once() {
    Workspace::of_steps(&initialised(&perceptron(&[64], 10).with_dropout(0.2, 0.0)), 2, 3);
}

/// At rates at which weights decay to nothing in a step.
#[test]
fn a_learning_rate_is_looked_for_one_step_at_a_time() {
    let data = mnist();
    let settings = TrainSettings { hidden: vec![64], batch_size: 10, l2: 1.0, ..TrainSettings::default() };
    let mut trainer = Trainer::new(settings.check().unwrap(), &data).unwrap();
    assert_eq!(trainer.steps_at_once(), 3);
    assert!(trainer.sweep(1.0, 1.5, 5).trials.len() > 1);
}

fn learn_from_steps_at_once(learner: &mut dyn Learner, input: Input) {
    let (data, mut network) = (mnist(), initialised(&perceptron(&[64], 10)));
    let (_, _, objective) = loss::OBJECTIVES[0];
    let mut workspace = Workspace::of_steps(&network, 2, 2);
    workspace.load(&data, input, &[0, 1, 2, 3]);
    network.learn(Step { seed: Seed(0), number: 1 }, &mut workspace, 2, objective, learner);
}

#[test]
#[should_panic(expected = "are linear")]
fn another_optimizer_cannot_learn_from_them() {
    let adam = &mut *optimizer(OptimizerName::Adam, 0.0, &initialised(&perceptron(&[64], 10)));
    learn_from_steps_at_once(adam, Input::Gray);
}

#[test]
#[should_panic(expected = "not proportional")]
fn inputs_that_are_not_proportional_to_bytes_are_refused() {
    let sgd = &mut *optimizer(OptimizerName::Sgd, 0.0, &initialised(&perceptron(&[64], 10)));
    learn_from_steps_at_once(sgd, Input::Binary { threshold: 128 });
}
