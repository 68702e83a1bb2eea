//! An epoch of the main job and of each published system: `cargo bench --bench epoch`.
//!
//! Threads are divided as `train` does; judging is left out. Beside them the largest product there is, for the floor that
//! dense products cannot go below. Ends with a table.

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::{EPOCH, IMAGES, PEAK, PEAK_SIDE};
use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group};
use gemmnist::data;
use gemmnist::linalg::gemm;
use gemmnist::threads::{available, with_blas_threads};
use gemmnist::train::{Judgement, Trainer};
use ndarray::Array2;

fn peak(criterion: &mut Criterion) {
    let a = Array2::from_elem((PEAK_SIDE, PEAK_SIDE), 0.5);
    let mut c = Array2::zeros((PEAK_SIDE, PEAK_SIDE));
    with_blas_threads(available(), || {
        gemm(1.0, a.view(), a.view(), 0.0, c.view_mut());
        assert_eq!(c[(7, 9)], 0.25 * PEAK_SIDE as f32, "a wrong answer has no speed");
        let mut group = criterion.benchmark_group(PEAK);
        group.sample_size(20).throughput(Throughput::Elements(2 * (PEAK_SIDE as u64).pow(3)));
        group.bench_function(format!("{PEAK_SIDE}x{PEAK_SIDE}x{PEAK_SIDE}"), |bench| {
            bench.iter(|| gemm(1.0, black_box(a.view()), a.view(), 0.0, c.view_mut()))
        });
    });
}

fn epochs(criterion: &mut Criterion) {
    let images = data::load("mnist").expect("data/mnist is part of the crate").train;
    assert_eq!(images.len(), IMAGES);
    let mut group = criterion.benchmark_group(EPOCH);
    group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(IMAGES as u64));
    for (name, config) in common::epochs() {
        group.bench_function(&name, |bench| {
            bench.iter_batched(
                || Trainer::new(config.clone(), &images).expect("checked settings"),
                |mut trainer| {
                    trainer.run(&|_| Judgement::default(), &mut ()).expect("a rate that converges");
                    let accuracy = trainer.history().epochs[0].train_accuracy;
                    assert!(accuracy > 0.15, "an epoch that learns nothing has no speed");
                },
                BatchSize::PerIteration,
            )
        });
    }
}

criterion_group!(benches, peak, epochs);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    println!("\n{}", common::epoch_table(&common::estimates::of_this_build()));
}
