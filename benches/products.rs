//! The matrix products of a step, by shape: `cargo bench --bench products`.

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gemmnist::linalg::gemm;
use gemmnist::threads::{available, with_blas_threads};
use ndarray::Array2;

/// (B, I, O): batches through the first layer of the published networks, and one large enough to show the peak.
const SHAPES: &[(usize, usize, usize)] =
    &[(1, 784, 128), (10, 784, 128), (10, 784, 192), (100, 784, 100), (128, 784, 800), (128, 800, 800)];

/// A layer's input, weights, output and gradient of the output, filled with small integers: products are then exact.
struct Case {
    x: Array2<f32>,
    w: Array2<f32>,
    y: Array2<f32>,
    d_y: Array2<f32>,
}

impl Case {
    fn new(b: usize, i: usize, o: usize) -> Self {
        let integers = |rows, columns, step: usize| {
            Array2::from_shape_fn((rows, columns), |(r, c)| ((r * 7 + c * step) % 5) as f32 - 2.0)
        };
        Self { x: integers(b, i, 3), w: integers(i, o, 11), y: Array2::zeros((b, o)), d_y: integers(b, o, 13) }
    }

    /// `Y = X·W`.
    fn forward(&mut self) {
        gemm(1.0, self.x.view(), self.w.view(), 0.0, self.y.view_mut());
    }

    /// `W ← W + η·Xᵀ·δ`, with an η so small that the weights stay what they are.
    fn update(&mut self) {
        gemm(1e-30, self.x.t(), self.d_y.view(), 1.0, self.w.view_mut());
    }

    fn agrees_with_a_naive_loop(&mut self) -> bool {
        self.forward();
        let naive = |(r, c)| (0..self.x.ncols()).map(|k| self.x[(r, k)] * self.w[(k, c)]).sum::<f32>();
        self.y.indexed_iter().all(|(place, &y)| y == naive(place))
    }
}

fn products(criterion: &mut Criterion) {
    for &(b, i, o) in SHAPES {
        let mut case = Case::new(b, i, o);
        assert!(case.agrees_with_a_naive_loop(), "a wrong answer has no speed");
        let mut group = criterion.benchmark_group(format!("products/b{b}_{i}x{o}"));
        group.throughput(Throughput::Elements((2 * b * i * o) as u64)); // floating-point operations
        for (threads, name) in [(1, "one_thread"), (available(), "all_threads")] {
            with_blas_threads(threads, || {
                group.bench_function(format!("forward/{name}"), |bench| bench.iter(|| black_box(&mut case).forward()));
                group.bench_function(format!("update/{name}"), |bench| bench.iter(|| black_box(&mut case).update()));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = common::brief();
    targets = products
}
criterion_main!(benches);
