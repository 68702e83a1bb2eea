//! Reading MNIST, gathering batches, drawing orders: `cargo bench --bench data`.

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gemmnist::data::{self, Input};
use gemmnist::seed::Seed;
use ndarray::Array2;

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("data");
    group.sample_size(10).throughput(Throughput::Elements(70_000));
    group.bench_function("load_mnist", |bench| {
        bench.iter(|| data::load("mnist").expect("data/mnist is part of the crate"))
    });
}

fn gathering(criterion: &mut Criterion) {
    let images = data::load("mnist").expect("data/mnist is part of the crate").train;
    let mut order = vec![0; images.len()];
    Seed(0).shuffle(1, &mut order);
    let mut group = criterion.benchmark_group("gather");
    for batch in [10, 100] {
        let (mut x, mut labels) = (Array2::zeros((batch, images.pixels())), vec![0; batch]);
        images.gather(Input::Gray, &order[..batch], x.view_mut(), &mut labels);
        let byte = images.image(order[0] as usize)[300];
        assert_eq!(x[(0, 300)], f32::from(byte) / 255.0, "a wrong answer has no speed");
        group.throughput(Throughput::Elements(batch as u64));
        let mut batches = order.chunks_exact(batch).cycle();
        group.bench_function(format!("b{batch}"), |bench| {
            bench.iter(|| {
                images.gather(Input::Gray, batches.next().expect("a cycle"), black_box(x.view_mut()), &mut labels)
            })
        });
    }
    group.throughput(Throughput::Elements(order.len() as u64));
    group.bench_function("shuffle_60000", |bench| bench.iter(|| Seed(0).shuffle(2, black_box(&mut order))));
}

criterion_group! {
    name = benches;
    config = common::brief();
    targets = reading, gathering
}
criterion_main!(benches);
