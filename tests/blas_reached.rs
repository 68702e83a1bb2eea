//! Products that are left to BLAS really reach it: `ndarray` falls back to its own loops, silently, on layouts that
//! BLAS cannot take and on small sizes.
//!
//! This program has a `cblas_sgemm` of its own. The linker takes it before the library's, so each call is seen here.
#![cfg(feature = "blas")]

use std::ffi::c_int;
use std::sync::Mutex;

use gemmnist::linalg::kernels::Kind;
use gemmnist::linalg::team::Team;
use gemmnist::linalg::{Samples, add_product_by, gemm, multiply_by};
use ndarray::Array2;

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

/// The calls of the three products of a layer of 784 x 128, with `b` samples, that are left to BLAS.
fn calls_of_a_layer(b: usize) -> Vec<Call> {
    let (x, w, d) = (Array2::ones((b, 784)), Array2::ones((784, 128)), Array2::ones((b, 128)));
    let (mut y, mut d_w, mut d_x) = (d.clone(), w.clone(), x.clone());
    let samples = Samples::Whole(x.view());
    CALLS.lock().unwrap().clear();
    multiply_by(None, samples, w.view(), y.view_mut());
    add_product_by(None, -0.1, samples, d.view(), 1.0, d_w.view_mut());
    gemm(1.0, d.view(), w.t(), 0.0, d_x.view_mut());
    std::mem::take(&mut *CALLS.lock().unwrap())
}

/// The calls of two of them in parts for a team of two.
fn calls_of_a_team() -> Vec<Call> {
    let (x, w, d) = (Array2::ones((10, 784)), Array2::ones((784, 128)), Array2::ones((10, 128)));
    let (mut y, mut d_w) = (d.clone(), w.clone());
    let samples = Samples::Whole(x.view());
    CALLS.lock().unwrap().clear();
    Team::new(2).unwrap().lead(|| {
        multiply_by(None, samples, w.view(), y.view_mut());
        add_product_by(None, -0.1, samples, d.view(), 1.0, d_w.view_mut());
    });
    std::mem::take(&mut *CALLS.lock().unwrap())
}

/// One test, for the calls of two would mix. A batch of one is the case that `ndarray` alone does not send to BLAS (and the
/// transpose of a single row is as good a column).
#[test]
fn every_product_that_is_left_to_blas_reaches_it() {
    for b in [10, 1] {
        let m = c_int::try_from(b).unwrap();
        let expected = [
            (m, 128, 784, false, false), // X·W
            (784, 128, m, b > 1, false), // Xᵀ·δ
            (m, 784, 128, false, true),  // δ·Wᵀ
        ];
        assert_eq!(calls_of_a_layer(b), expected, "batch {b}");
    }
    let halves = [(10, 64, 784, false, false), (784, 64, 10, true, false)];
    assert_eq!(calls_of_a_team(), halves.map(|half| [half; 2]).concat());
}

#[test]
fn large_products_are_left_to_blas_and_small_ones_are_not() {
    let limit = Kind::of_this_processor().limit();
    let is_behind = limit == usize::MAX;
    assert_eq!(
        is_behind,
        gemmnist::linalg::blas::is_behind(),
        "only a BLAS that does not know this processor gets none"
    );
    assert_eq!(Kind::for_product(limit), None);
    assert!(Kind::for_product(limit - 1).is_some());
    assert!(Kind::for_product(2 * 10 * 128 * 10).is_some());
}
