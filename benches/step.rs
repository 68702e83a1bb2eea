//! Training steps by shape and by part: `cargo bench --bench step`.
//!
//! On one thread, on one batch of MNIST's training images. `load` gathers the batch, `judge` adds the way forward and the loss,
//! `learn` is the whole step: so the way back and the update are what `learn` takes beyond `judge`. `learn_at_once` is as many steps as
//! the first layer takes at once, on as many images.

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gemmnist::data::{self, Input};
use gemmnist::nn::naive::NaiveNetwork;
use gemmnist::nn::{Activation, Architecture, Init, Loss, Network, Step, Workspace, loss};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;
use gemmnist::threads::with_one_blas_thread;
use ndarray::Array2;

/// Hidden widths, activation and batch of a step.
const STEPS: &[(&[usize], Activation, usize)] = &[
    (&[128], Activation::Relu, 1),
    (&[128], Activation::Relu, 10),
    (&[192, 30], Activation::Sigmoid, 10),
    (&[100, 100], Activation::Sigmoid, 100),
    (&[800, 800], Activation::Relu, 128),
];

fn steps(criterion: &mut Criterion) {
    let images = data::load("mnist").expect("data/mnist is part of the crate").train;
    let (output, _, objective) = loss::OBJECTIVES[0];
    for &(hidden, activation, batch) in STEPS {
        let architecture = Architecture::perceptron(784, hidden, activation, 10, output);
        let name = format!("{architecture}_{activation}_b{batch}");
        let mut network = Network::initialised(architecture, Init::Xavier, Seed(0));
        let mut workspace = Workspace::new(&network, batch);
        let indices: Vec<u32> = (0..batch as u32).collect();
        let (mut x, mut labels) = (Array2::zeros((batch, 784)), vec![0; batch]);
        images.gather(Input::Gray, &indices, x.view_mut(), &mut labels);
        workspace.load(&images, Input::Gray, &indices);
        let x = x.mapv(f64::from);
        let score = network.score(&mut workspace, batch, objective);
        let naive = NaiveNetwork::twin(&network, Loss::CrossEntropy).mean_loss(&x, &images.labels()[..batch]);
        assert!((score.loss_sum / batch as f64 - naive).abs() < 1e-4 * naive, "a wrong answer has no speed");

        let mut sgd = optimizer(OptimizerName::Sgd, 0.0, &network);
        sgd.begin_step(1e-3);
        let mut group = criterion.benchmark_group(format!("step/{name}"));
        group.throughput(Throughput::Elements(batch as u64));
        let step = Step { seed: Seed(0), number: 1 };
        with_one_blas_thread(|| {
            group.bench_function("load", |bench| {
                bench.iter(|| workspace.load(black_box(&images), Input::Gray, &indices));
            });
            group.bench_function("judge", |bench| {
                bench.iter(|| {
                    workspace.load(&images, Input::Gray, &indices);
                    black_box(network.score(&mut workspace, batch, objective))
                });
            });
            group.bench_function("learn", |bench| {
                bench.iter(|| {
                    workspace.load(&images, Input::Gray, &indices);
                    black_box(network.learn(step, &mut workspace, batch, objective, &mut *sgd))
                });
            });
            let at_once = network.steps_at_once(batch);
            if at_once > 1 {
                let mut workspace = Workspace::of_steps(&network, batch, at_once);
                let indices: Vec<u32> = (0..(batch * at_once) as u32).collect();
                group.throughput(Throughput::Elements(indices.len() as u64));
                group.bench_function("learn_at_once", |bench| {
                    bench.iter(|| {
                        workspace.load(&images, Input::Gray, &indices);
                        for _ in 0..at_once {
                            black_box(network.learn(step, &mut workspace, batch, objective, &mut *sgd));
                        }
                    });
                });
            }
        });
    }
}

criterion_group! {
    name = benches;
    config = common::brief();
    targets = steps
}
criterion_main!(benches);
