//! `gemmnist doctor`: which BLAS is this, is it right, how fast is it, are the data here.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use ndarray::Array2;
use ndarray_rand::RandomExt;
use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::Distribution;
use serde_json::json;

use super::Failure;
use super::format::thousands;
use crate::data;
use crate::linalg::{blas, gemm};
use crate::seed::{Purpose, Seed, unit};
use crate::threads;

#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

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
struct Finding {
    name: &'static str,
    /// Relative to the largest sum of magnitudes.
    error: f64,
    microseconds: f64,
    gflops: f64,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    let cores = threads::available();
    let findings: Vec<Finding> = threads::with_blas_threads(1, || PRODUCTS.iter().map(Product::examine).collect());
    let peaks: Vec<(usize, f64)> =
        [1, cores].into_iter().take(cores.min(2)).map(|n| (n, threads::with_blas_threads(n, peak))).collect();
    let right = findings.iter().all(|finding| finding.error < LARGEST_ERROR);
    if args.json {
        print_json(&findings, &peaks, out)?;
    } else {
        print_text(&findings, &peaks, cores, out)?;
    }
    if right { Ok(()) } else { Err(Failure::WrongProducts { blas: blas::describe().to_string() }) }
}

fn print_text(findings: &[Finding], peaks: &[(usize, f64)], cores: usize, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "BLAS      {}", blas::describe())?;
    writeln!(out, "cores     {cores}; vectors: {}", vector_units().join(" "))?;
    for variable in ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
        if let Ok(value) = std::env::var(variable) {
            writeln!(out, "set       {variable}={value}")?;
        }
    }
    writeln!(out, "data      {}", describe_data())?;
    for (threads, gflops) in peaks {
        let noun = if *threads == 1 { "thread" } else { "threads" };
        writeln!(out, "peak      {gflops:.0} GFLOP/s on {threads} {noun}")?;
    }
    writeln!(out, "\n{:<20}{:>12}{:>12}{:>10}  against a naive loop", "product", "µs", "GFLOP/s", "error")?;
    for Finding { name, error, microseconds, gflops } in findings {
        let verdict = if *error < LARGEST_ERROR { "right" } else { "WRONG" };
        writeln!(out, "{name:<20}{microseconds:>12.1}{gflops:>12.0}{error:>10.0e}  {verdict}")?;
    }
    Ok(())
}

fn print_json(findings: &[Finding], peaks: &[(usize, f64)], out: &mut dyn Write) -> std::io::Result<()> {
    let blas = blas::describe();
    let products = findings.iter().map(|finding| {
        json!({
            "name": finding.name,
            "relative_error": finding.error,
            "right": finding.error < LARGEST_ERROR,
            "microseconds": finding.microseconds,
            "gflops": finding.gflops,
        })
    });
    let object = json!({
        "blas": { "name": blas.name, "version": blas.version, "kernel": blas.kernel, "threads": blas.threads },
        "cores": threads::available(),
        "vectors": vector_units(),
        "products": products.collect::<Vec<_>>(),
        "peak": peaks.iter().map(|(threads, gflops)| json!({ "threads": threads, "gflops": gflops })).collect::<Vec<_>>(),
    });
    writeln!(out, "{object}")
}

fn describe_data() -> String {
    match data::load("mnist") {
        Ok(splits) => {
            format!(
                "mnist: {} training and {} test images",
                thousands(splits.train.len()),
                thousands(splits.test.len())
            )
        }
        Err(error) => error.to_string(),
    }
}

fn vector_units() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let units = [
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("FMA", is_x86_feature_detected!("fma")),
            ("AVX-512", is_x86_feature_detected!("avx512f")),
        ];
        units.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    vec![std::env::consts::ARCH]
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
        (f64::from(c[(i, j)]) - sum).abs() / magnitude
    };
    let deviations = c.indexed_iter().map(|((i, j), _)| deviation(i, j));
    deviations.fold(0.0, |worst, deviation| if deviation > worst || deviation.is_nan() { deviation } else { worst })
}

/// GFLOP/s of a large square product with the threads BLAS has now.
fn peak() -> f64 {
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
