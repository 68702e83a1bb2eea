//! The products of a training step really reach BLAS: `ndarray` falls back to its own loops, silently, on layouts that
//! BLAS cannot take and on small sizes.
//!
//! This program has a `cblas_sgemm` of its own. The linker takes it before the library's, so each call is seen here.
#![cfg(feature = "blas")]

use std::ffi::c_int;
use std::sync::Mutex;

use gemmnist::nn::{Activation, Architecture, Init, Network, Output, Step, Workspace, loss};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;

const ROW_MAJOR: c_int = 101;
const NO_TRANSPOSE: c_int = 111;
const TRANSPOSE: c_int = 112;

/// m, n, k of a product, and whether each factor comes transposed.
type Call = (c_int, c_int, c_int, bool, bool);

static CALLS: Mutex<Vec<Call>> = Mutex::new(Vec::new());

/// Stands in for BLAS. Computes nothing: which products arrive does not depend on their values.
///
/// # Safety
/// It touches none of the pointers.
#[unsafe(no_mangle)]
unsafe extern "C" fn cblas_sgemm(
    layout: c_int,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    _alpha: f32,
    _a: *const f32,
    _lda: c_int,
    _b: *const f32,
    _ldb: c_int,
    _beta: f32,
    _c: *mut f32,
    _ldc: c_int,
) {
    assert_eq!(layout, ROW_MAJOR);
    assert!([transpose_a, transpose_b].iter().all(|t| [NO_TRANSPOSE, TRANSPOSE].contains(t)));
    CALLS.lock().unwrap().push((m, n, k, transpose_a == TRANSPOSE, transpose_b == TRANSPOSE));
}

/// The calls of one step of `b` images through 784-128-10.
fn calls_of_a_step(b: usize) -> Vec<Call> {
    let architecture = Architecture::perceptron(784, &[128], Activation::Relu, 10, Output::Softmax);
    let mut network = Network::initialised(architecture, Init::He, Seed(0));
    let mut workspace = Workspace::new(&network, 10);
    workspace.input(b).0.fill(0.5);
    let (_, _, objective) = loss::OBJECTIVES[0];
    let mut sgd = optimizer(OptimizerName::Sgd, 0.0, &network);
    sgd.begin_step(0.1);
    CALLS.lock().unwrap().clear();
    network.learn(Step { seed: Seed(0), number: 1 }, &mut workspace, b, objective, &mut *sgd);
    std::mem::take(&mut *CALLS.lock().unwrap())
}

/// One test, for the calls of two would mix. A batch of one is the case that `ndarray` alone does not send to BLAS (and the
/// transpose of a single row is as good a column).
#[test]
fn every_product_of_a_step_reaches_blas() {
    for b in [10, 1] {
        let m = c_int::try_from(b).unwrap();
        let expected = [
            (m, 128, 784, false, false), // X·W
            (m, 10, 128, false, false),  // H·W
            (m, 128, 10, false, true),   // δ·Wᵀ
            (128, 10, m, b > 1, false),  // Hᵀ·δ
            (784, 128, m, b > 1, false), // Xᵀ·δ
        ];
        assert_eq!(calls_of_a_step(b), expected, "batch {b}");
    }
}
