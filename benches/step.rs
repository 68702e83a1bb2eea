//! Training steps and whole epochs: `cargo bench --bench step`.
//!
//! Steps run on one BLAS thread; an epoch divides the cores as `train` does.
//! `epoch/784-128-10_b10` is the number that the README sets against the paper's 65.15 s.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gemmnist::data::{self, Input};
use gemmnist::nn::naive::NaiveNetwork;
use gemmnist::nn::{Activation, Architecture, Init, Loss, Network, Output, Step, Workspace, loss};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;
use gemmnist::threads::with_blas_threads;
use gemmnist::train::{Judgement, TrainSettings, Trainer};
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
        let mut group = criterion.benchmark_group("step");
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(&name, |bench| {
            with_blas_threads(1, || {
                bench.iter(|| {
                    workspace.load(&images, Input::Gray, &indices);
                    black_box(network.learn(
                        Step { seed: Seed(0), number: 1 },
                        &mut workspace,
                        batch,
                        objective,
                        &mut *sgd,
                    ))
                })
            })
        });
    }
}

fn epochs(criterion: &mut Criterion) {
    let images = data::load("mnist").expect("data/mnist is part of the crate").train;
    let settings = TrainSettings { epochs: 1, ..TrainSettings::default() };
    assert_eq!((settings.hidden.as_slice(), settings.batch_size, settings.output), (&[128][..], 10, Output::Softmax));
    let config = settings.check().expect("the defaults");
    let mut group = criterion.benchmark_group("epoch");
    group.sample_size(10).throughput(Throughput::Elements(images.len() as u64));
    group.bench_function("784-128-10_b10", |bench| {
        bench.iter_batched(
            || Trainer::new(config.clone(), &images).expect("checked settings"),
            |mut trainer| trainer.run(&|_| Judgement::default(), &mut ()).expect("a rate that converges"),
            BatchSize::PerIteration,
        )
    });
}

criterion_group!(benches, steps, epochs);
criterion_main!(benches);
