//! Products of matrices, and the loops around them. The only module with `unsafe` code, but for the line that maps a file (`files::shared`).
//!
//! Row-major matrices, one sample a row. A layer has three products ([`multiply`], [`multiply_transposed`], [`add_product`]; or, where its weights are
//! turned, [`multiply_turned`], [`multiply`], [`add_product`]); each goes to whoever is fastest at it: BLAS where it is large ([`gemm`]), [`kernels`] of our own where it is not, or where most of
//! a batch is zero; on one thread or, cut into columns, rows or samples, on the [`team`].

pub mod blas;
pub mod bytes;
pub mod elementwise;
pub mod examine;
pub mod kernels;
mod pairs;
mod products;
mod samples;
mod sparse;
pub mod team;

pub(crate) use kernels::Vector;
pub use kernels::{ElementRule, Lanes, MOST_MEMORIES, update};
pub use products::{
    Gradient, Next, add_product, add_product_by, add_steps_before, learn_rows, may_leave_out_zeros, multiply,
    multiply_by, multiply_transposed, multiply_turned, parts, transposed_len,
};
pub use samples::Samples;
pub use sparse::SparseBatch;

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array, Array1, ArrayView2, ArrayViewMut2, Axis, Dimension, s};

/// `C ← alpha·A·B + beta·C`: `a` (M, K), `b` (K, N) read, `c` (M, N) written; with `beta` 0 whatever `c` held is ignored.
///
/// Pass `a.t()` for a transposed factor: no copy is made, BLAS is told.
///
/// # Panics
/// If shapes disagree.
pub fn gemm(alpha: f32, a: ArrayView2<f32>, b: ArrayView2<f32>, beta: f32, c: ArrayViewMut2<f32>) {
    general_mat_mul(alpha, &with_real_strides(a), &with_real_strides(b), beta, &mut with_real_strides_mut(c));
}

/// The same in memory that starts with a cache line. A vector of 16 then lies in one line, where rows are whole lines,
/// and threads that write columns of their own do not write into each other's. (A clone may start elsewhere.)
pub fn aligned<D: Dimension>(a: Array<f32, D>) -> Array<f32, D> {
    const LINE: usize = 64;
    let room = Array1::<f32>::zeros(a.len() + LINE / size_of::<f32>());
    let start = room.as_ptr().align_offset(LINE);
    let room = room.slice_move(s![start..start + a.len()]);
    let mut aligned = room.into_shape_with_order(a.raw_dim()).expect("as many elements");
    aligned.assign(&a);
    aligned
}

/// The rows `rows`. (A slice by `s![]` takes 12 ns, ten times as long; a small step has twenty.)
///
/// # Panics
/// If there are no such rows.
pub fn some_rows(a: ArrayView2<'_, f32>, rows: Range<usize>) -> ArrayView2<'_, f32> {
    some(a, Axis(0), rows)
}

/// [`some_rows`], to overwrite.
///
/// # Panics
/// As it.
pub fn some_rows_mut(a: ArrayViewMut2<'_, f32>, rows: Range<usize>) -> ArrayViewMut2<'_, f32> {
    a.split_at(Axis(0), rows.end).0.split_at(Axis(0), rows.start).1
}

/// The columns `columns`, as [`some_rows`].
fn some_columns(a: ArrayView2<'_, f32>, columns: Range<usize>) -> ArrayView2<'_, f32> {
    some(a, Axis(1), columns)
}

fn some(a: ArrayView2<'_, f32>, axis: Axis, range: Range<usize>) -> ArrayView2<'_, f32> {
    a.split_at(axis, range.end).0.split_at(axis, range.start).1
}

/// The same matrix with the strides it would have if it were allocated so. A slice of one row or column has stride 0
/// along it, which no BLAS takes: `ndarray` would multiply such a batch of one in loops of its own.
fn with_real_strides(a: ArrayView2<f32>) -> ArrayView2<f32> {
    match (a.nrows(), a.ncols()) {
        (1, columns) => a.to_slice().map_or(a, |row| ArrayView2::from_shape((1, columns), row).expect("one row")),
        (_, 1) => with_real_strides(a.reversed_axes()).reversed_axes(),
        _ => a,
    }
}

/// [`with_real_strides`], to overwrite.
fn with_real_strides_mut(c: ArrayViewMut2<f32>) -> ArrayViewMut2<f32> {
    match (c.nrows(), c.ncols()) {
        (1, columns) if c.is_standard_layout() => {
            let row = c.into_slice().expect("the standard layout");
            ArrayViewMut2::from_shape((1, columns), row).expect("one row")
        }
        (rows, 1) if rows > 1 => with_real_strides_mut(c.reversed_axes()).reversed_axes(),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Every combination of plain and transposed factors, of one row or column and several, cut from larger matrices.
    #[test]
    fn products_match_a_naive_loop() {
        let matrix =
            |seed: usize| Array2::from_shape_fn((12, 12), |(i, j)| ((i * 31 + j * 17 + seed * 7) % 13) as f32 - 6.0);
        for (m, n, k) in (0..125)
            .map(|case| ([1, 2, 9, 3, 11][case / 25], [1, 8, 2, 11, 5][case / 5 % 5], [1, 10, 3, 2, 9][case % 5]))
        {
            let (large_a, large_b) = (matrix(1), matrix(2));
            for (a, b) in [
                (large_a.slice(s![..m, ..k]), large_b.slice(s![..k, ..n])),
                (large_a.slice(s![..k, ..m]).reversed_axes(), large_b.slice(s![..k, ..n])),
                (large_a.slice(s![..m, ..k]), large_b.slice(s![..n, ..k]).reversed_axes()),
            ] {
                let mut c = matrix(3);
                let expected = Array2::from_shape_fn((m, n), |(i, j)| {
                    0.5 * (0..k).map(|l| a[(i, l)] * b[(l, j)]).sum::<f32>() + 2.0 * c[(i, j)]
                });
                gemm(0.5, a, b, 2.0, c.slice_mut(s![..m, ..n]));
                assert_eq!(c.slice(s![..m, ..n]), expected, "{m} x {n} x {k}"); // halves of small integers: exact
                assert_eq!(c.slice(s![m.., ..]), matrix(3).slice(s![m.., ..]), "nothing else is touched");
            }
        }
    }
}
