//! Is BLAS right, and how fast is it: the products of a training step against a naive loop.

use std::hint::black_box;
use std::time::Instant;

use ndarray::Array2;
use ndarray_rand::RandomExt;
use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::Distribution;

use super::{Samples, SparseBatch, add_product, gemm, multiply};
use crate::seed::{Purpose, Seed, unit};

/// The products of a training step of 784-128-10: name, factors' shapes, and whether the first is transposed.
const PRODUCTS: &[Product] = &[
    Product { name: "forward, batch 10", m: 10, n: 128, k: 784, a: Form::Plain, b: Form::Plain },
    Product { name: "forward, batch 100", m: 100, n: 128, k: 784, a: Form::Plain, b: Form::Plain },
    Product { name: "logits, batch 10", m: 10, n: 10, k: 128, a: Form::Plain, b: Form::Plain },
    Product { name: "backward, batch 10", m: 10, n: 128, k: 10, a: Form::Plain, b: Form::Transposed },
    Product { name: "update, batch 10", m: 784, n: 128, k: 10, a: Form::Transposed, b: Form::Plain },
    Product { name: "update, batch 100", m: 784, n: 128, k: 100, a: Form::Transposed, b: Form::Plain },
];
/// Large enough to be the peak, small enough for a quarter of a second on a slow machine.
const PEAK: usize = 1536;
/// Rounding of sums of 784 products of f32 stays far below; a wrong kernel is far above.
const LARGEST_ERROR: f64 = 1e-5;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Transposed,
}

/// `C (m, n) = A (m, k) · B (k, n)`.
struct Product {
    name: &'static str,
    m: usize,
    n: usize,
    k: usize,
    a: Form,
    b: Form,
}

/// What a product came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which product.
    pub name: &'static str,
    /// The largest deviation from a naive loop in f64, relative to the sum of the magnitudes that went into it.
    pub error: f64,
    /// Median time of a product.
    pub microseconds: f64,
    /// Floating-point operations, in thousand millions a second.
    pub gflops: f64,
}

impl Finding {
    /// Whether the product is what it should be, but for rounding.
    pub fn is_right(&self) -> bool {
        self.error < LARGEST_ERROR
    }
}

/// Computes, checks and times each product of a training step of 784-128-10, with the threads BLAS has now: first those by
/// BLAS, then those by our kernels over the pixels that are not zero.
pub fn products() -> Vec<Finding> {
    PRODUCTS.iter().map(Product::examine).chain(sparse_products()).collect()
}

/// Images of a batch.
const IMAGES: usize = 10;
/// Width of the layer.
const OUTPUTS: usize = 128;

/// A byte of an image on which about as much is drawn as on MNIST's, and in places like theirs: a stroke or two in each of the 20 rows in the middle.
fn drawn(image: usize, pixel: usize) -> u8 {
    let (row, column) = (pixel / 28, pixel % 28);
    let begins = 4 + (image * 7 + row * (image % 3)) % 13;
    let is_drawn = (4..24).contains(&row) && (begins..begins + 8).contains(&column);
    if is_drawn { (1 + (image * 31 + pixel * 17) % 255) as u8 } else { 0 }
}

/// What a byte is as a number.
static VALUES: [f32; 256] = {
    let (mut values, mut byte) = ([0.0; 256], 0);
    while byte < values.len() {
        values[byte] = byte as f32 / 255.0;
        byte += 1;
    }
    values
};

fn sparse_products() -> [Finding; 2] {
    let images: Vec<Vec<u8>> = (0..IMAGES).map(|i| (0..784).map(|pixel| drawn(i, pixel)).collect()).collect();
    let mut batch = SparseBatch::new(IMAGES, 784, OUTPUTS);
    let convert =
        |bytes: &[u8], x: &mut [f32]| x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = VALUES[usize::from(byte)]);
    batch.fill(images.iter().map(|image| &image[..]), &VALUES, 1, convert);
    let (x, whole) = (Samples::Sparse(&batch), batch.to_whole());
    let [w, d] = [(784, OUTPUTS), (IMAGES, OUTPUTS)].map(|(m, n)| Form::Plain.random(m, n));

    let mut y = Array2::zeros((IMAGES, OUTPUTS));
    let forward = || multiply(x, w.view(), y.view_mut());
    let forward_seconds = median_seconds(forward);
    let forward_error = relative_error(&whole, &w, &y);

    let mut gradient = Array2::zeros((784, OUTPUTS));
    let add = |sum: &mut Array2<f32>| add_product(1.0, x, d.view(), 1.0, sum.view_mut());
    add(&mut gradient);
    let update_error = relative_error(&whole.t().to_owned(), &d, &gradient);
    let update_seconds = median_seconds(|| add(&mut gradient));

    let finding = |name, error, seconds: f64, operations: usize| Finding {
        name,
        error,
        microseconds: seconds * 1e6,
        gflops: operations as f64 / seconds * 1e-9,
    };
    [
        finding("forward, sparse", forward_error, forward_seconds, x.forward_operations(OUTPUTS)),
        finding("update, sparse", update_error, update_seconds, x.update_operations(OUTPUTS)),
    ]
}

/// Uniform in ±1.
struct Signed;

impl Distribution<f32> for Signed {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f32 {
        (2.0 * unit(rng) - 1.0) as f32
    }
}

impl Form {
    /// A random matrix of `rows` x `columns`, as this form stores it.
    fn random(self, rows: usize, columns: usize) -> Array2<f32> {
        let mut stream = Seed(0).stream(Purpose::Init, (rows * columns) as u64);
        match self {
            Self::Plain => Array2::random_using((rows, columns), Signed, &mut stream),
            Self::Transposed => Array2::random_using((columns, rows), Signed, &mut stream).reversed_axes(),
        }
    }
}

impl Product {
    fn examine(&self) -> Finding {
        let (a, b) = (self.a.random(self.m, self.k), self.b.random(self.k, self.n));
        let mut c = Array2::zeros((self.m, self.n));
        gemm(1.0, a.view(), b.view(), 0.0, c.view_mut());
        let error = relative_error(&a, &b, &c);
        let seconds = median_seconds(|| gemm(1.0, a.view(), b.view(), 0.0, c.view_mut()));
        let operations = (2 * self.m * self.n * self.k) as f64;
        Finding { name: self.name, error, microseconds: seconds * 1e6, gflops: operations / seconds * 1e-9 }
    }
}

/// The largest deviation of `c` from a naive product in f64, relative to the sum of the magnitudes that went into it.
fn relative_error(a: &Array2<f32>, b: &Array2<f32>, c: &Array2<f32>) -> f64 {
    let deviation = |i: usize, j: usize| {
        let products = a.row(i).into_iter().zip(b.column(j)).map(|(&a, &b)| f64::from(a) * f64::from(b));
        let (sum, magnitude) = products.fold((0.0, 0.0), |(sum, magnitude), x| (sum + x, magnitude + x.abs()));
        let deviation = (f64::from(c[(i, j)]) - sum).abs();
        if deviation == 0.0 { 0.0 } else { deviation / magnitude } // nothing may have gone into it
    };
    let deviations = c.indexed_iter().map(|((i, j), _)| deviation(i, j));
    deviations.fold(0.0, |worst, deviation| if deviation > worst || deviation.is_nan() { deviation } else { worst })
}

/// GFLOP/s of a large square product with the threads BLAS has now.
pub fn peak() -> f64 {
    let (a, b) = (Form::Plain.random(PEAK, PEAK), Form::Plain.random(PEAK, PEAK));
    let mut c = Array2::zeros((PEAK, PEAK));
    let seconds =
        (0..3).map(|_| seconds(&mut || gemm(1.0, a.view(), b.view(), 0.0, c.view_mut()))).fold(f64::MAX, f64::min);
    black_box(&c);
    2.0 * (PEAK as f64).powi(3) / seconds * 1e-9
}

fn median_seconds(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..201).map(|_| seconds(&mut work)).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn seconds(work: &mut impl FnMut()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}
