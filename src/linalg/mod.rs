//! Products of matrices, and the loops around them. The only module with `unsafe` code.
//!
//! Row-major matrices, one sample a row. Every product of a training step goes through [`gemm`], and with a BLAS feature
//! through BLAS.

pub mod blas;
pub mod elementwise;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// `C ← alpha·A·B + beta·C`: `a` (M, K), `b` (K, N) read, `c` (M, N) written; with `beta` 0 whatever `c` held is ignored.
///
/// Pass `a.t()` for a transposed factor: no copy is made, BLAS is told.
///
/// # Panics
/// If shapes disagree.
pub fn gemm(alpha: f32, a: ArrayView2<f32>, b: ArrayView2<f32>, beta: f32, mut c: ArrayViewMut2<f32>) {
    general_mat_mul(alpha, &a, &b, beta, &mut c);
}
