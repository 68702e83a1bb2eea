//! The products of a first layer, and of one after a rectified layer, without zeros and whole: `cargo bench --bench kernels`.
//!
//! Batches of MNIST's training images, or outputs of which half are zero, on one thread. Each answer is checked first. `whole` is the product by BLAS over all of them; the others leave out zeros, each with another
//! kind of vector code, from a batch as this processor wants it: on one with AVX-512 the other kinds, too, find pairs of pixels in sets, where they would have lists.

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gemmnist::data::{self, Input};
use gemmnist::linalg::kernels::Kind;
use gemmnist::linalg::{Samples, SparseBatch, add_product_by, multiply_by};
use gemmnist::threads::with_one_blas_thread;
use ndarray::{Array2, ArrayView2};

/// Batch and outputs of a layer on 784 pixels.
const SHAPES: &[(usize, usize)] = &[(1, 128), (10, 16), (10, 128), (100, 100), (250, 128), (128, 800), (256, 2500)];

/// Batch, inputs and outputs of a layer after a rectified one.
const RECTIFIED: &[[usize; 3]] = &[[100, 100, 100], [128, 800, 800]];

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) % 101) as f32 / 101.0 - 0.5)
}

fn close(found: &Array2<f32>, expected: &Array2<f32>) -> bool {
    let distance = (found - expected).mapv(|x| x * x).sum().sqrt();
    distance <= 1e-5 * expected.mapv(|x| x * x).sum().sqrt()
}

/// Who multiplies: BLAS, all of it; kernels of every kind that this processor runs, without what is zero.
fn ways<'a>(
    x: Samples<'a>,
    whole: ArrayView2<'a, f32>,
) -> impl Iterator<Item = (&'static str, Option<Kind>, Samples<'a>)> {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.runs_here());
    let kernels = kinds.map(move |kind| (kind.name(), Some(kind), x));
    std::iter::once(("whole", None, Samples::Whole(whole))).chain(kernels)
}

fn first_layers(criterion: &mut Criterion) {
    let images = data::load("mnist").expect("data/mnist is part of the crate").train;
    for &(b, o) in SHAPES {
        let indices: Vec<u32> = (0..b as u32).collect();
        let (mut sparse, mut labels) = (SparseBatch::new(b, 784, o), vec![0; b]);
        images.gather_sparse(Input::Gray, &indices, &mut sparse, &mut labels);
        products(criterion, format!("b{b}_784x{o}"), Samples::Sparse(&sparse), sparse.to_whole().view(), o);
    }
}

fn rectified_layers(criterion: &mut Criterion) {
    for &[b, i, o] in RECTIFIED {
        let x = matrix(b, i).mapv(|x| x.max(0.0));
        products(criterion, format!("rectified_b{b}_{i}x{o}"), Samples::Whole(x.view()), x.view(), o);
    }
}

/// Forward and update of a layer with so many outputs.
fn products<'a>(criterion: &mut Criterion, name: String, x: Samples<'a>, whole: ArrayView2<'a, f32>, o: usize) {
    let (b, i) = whole.dim();
    let (w, d, mut y) = (matrix(i, o), matrix(b, o), Array2::zeros((b, o)));
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(b as u64));
    with_one_blas_thread(|| {
        multiply_by(None, Samples::Whole(whole), w.view(), y.view_mut());
        let expected = y.clone();
        for (name, kind, x) in ways(x, whole) {
            multiply_by(kind, x, w.view(), y.view_mut());
            assert!(close(&y, &expected), "a wrong answer has no speed");
            group.bench_function(format!("forward/{name}"), |bench| {
                bench.iter(|| multiply_by(kind, black_box(x), w.view(), y.view_mut()))
            });
        }

        let mut expected = w.clone();
        add_product_by(None, -0.5, Samples::Whole(whole), d.view(), 1.0, expected.view_mut());
        for (name, kind, x) in ways(x, whole) {
            let mut updated = w.clone();
            add_product_by(kind, -0.5, x, d.view(), 1.0, updated.view_mut());
            assert!(close(&updated, &expected), "a wrong answer has no speed");
            group.bench_function(format!("update/{name}"), |bench| {
                bench.iter(|| add_product_by(kind, -1e-9, black_box(x), d.view(), 1.0, updated.view_mut()))
            });
        }
    });
}

criterion_group! {
    name = benches;
    config = common::brief();
    targets = first_layers, rectified_layers
}
criterion_main!(benches);
