//! The products of a first layer, by active pixels and whole: `cargo bench --bench kernels`.
//!
//! Batches of MNIST's training images, on one thread. Each answer is checked first. `whole` is the product by BLAS over all
//! pixels; the others leave out those that are zero in the whole batch, each with another kind of vector code.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gemmnist::data::{self, ActivePixels, Input};
use gemmnist::linalg::kernels::{self, Kind};
use gemmnist::linalg::{Samples, add_product, multiply};
use gemmnist::threads::with_blas_threads;
use ndarray::Array2;

/// Batch and outputs of a layer on 784 pixels.
const SHAPES: &[(usize, usize)] = &[(1, 128), (10, 16), (10, 128), (100, 100), (250, 128), (128, 800), (256, 2500)];

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) % 101) as f32 / 101.0 - 0.5)
}

fn close(found: &Array2<f32>, expected: &Array2<f32>) -> bool {
    let distance = (found - expected).mapv(|x| x * x).sum().sqrt();
    distance <= 1e-5 * expected.mapv(|x| x * x).sum().sqrt()
}

fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| kind.runs_here())
}

fn first_layers(criterion: &mut Criterion) {
    let images = data::load("mnist").expect("data/mnist is part of the crate").train;
    for &(b, o) in SHAPES {
        let indices: Vec<u32> = (0..b as u32).collect();
        let (mut active, mut labels) = (ActivePixels::new(b, 784), vec![0; b]);
        images.gather_active(Input::Gray, &indices, &mut active, &mut labels);
        let x = active.columns();
        let whole = Samples::Active(x).to_whole();
        let (w, d, mut y) = (matrix(784, o), matrix(b, o), Array2::zeros((b, o)));
        let (w_slice, d_slice) = (w.as_slice().expect("contiguous"), d.as_slice().expect("contiguous"));

        let mut group = criterion.benchmark_group(format!("b{b}_784x{o}_{}_active", x.len()));
        group.throughput(Throughput::Elements(b as u64));
        with_blas_threads(1, || {
            multiply(Samples::Whole(whole.view()), w.view(), y.view_mut());
            let expected = y.clone();
            group.bench_function("forward/whole", |bench| {
                bench.iter(|| multiply(Samples::Whole(black_box(whole.view())), w.view(), y.view_mut()))
            });
            for kind in kinds() {
                let y = y.as_slice_mut().expect("contiguous");
                kernels::multiply(kind, x, w_slice, o, y);
                let found = Array2::from_shape_vec((b, o), y.to_vec()).expect("(B, O)");
                assert!(close(&found, &expected), "a wrong answer has no speed");
                group.bench_function(format!("forward/{}", kind.name()), |bench| {
                    bench.iter(|| kernels::multiply(kind, black_box(x), w_slice, o, y))
                });
            }

            let mut expected = w.clone();
            add_product(-0.5, Samples::Whole(whole.view()), d.view(), 1.0, expected.view_mut());
            let mut updated = w.clone();
            group.bench_function("update/whole", |bench| {
                bench.iter(|| {
                    add_product(-1e-9, Samples::Whole(black_box(whole.view())), d.view(), 1.0, updated.view_mut())
                })
            });
            for kind in kinds() {
                let mut updated = w.clone();
                kernels::add_product(kind, -0.5, x, d_slice, o, updated.as_slice_mut().expect("contiguous"));
                assert!(close(&updated, &expected), "a wrong answer has no speed");
                let updated = updated.as_slice_mut().expect("contiguous");
                group.bench_function(format!("update/{}", kind.name()), |bench| {
                    bench.iter(|| kernels::add_product(kind, -1e-9, black_box(x), d_slice, o, updated))
                });
            }
        });
    }
}

criterion_group!(benches, first_layers);
criterion_main!(benches);
