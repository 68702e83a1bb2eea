//! The three products of a layer, each by whoever is fastest at it: BLAS or [`kernels`], one thread or the [`team`].

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::kernels::{self, ColumnsMut, Kind, Left, Output, Product};
use super::{Samples, gemm, team};

/// A part of a product has at least so many floating-point operations: it takes 2 µs, and to hand it over 0.2.
const WORTH_SHARING: usize = 300_000;

/// The columns where a product is cut are multiples of this: a cache line, which then has one writer.
const LINE: usize = 16;

/// `Y ← X·W`: `x` (B, I), `w` (I, O) read, `y` (B, O) overwritten.
///
/// # Panics
/// If shapes disagree or a matrix is not contiguous.
pub fn multiply(x: Samples, w: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    multiply_by(Kind::for_product(2 * x.samples() * x.terms() * w.ncols()), x, w, y);
}

/// [`multiply`] by the vector code of a kind, or by BLAS, which takes whole samples only.
///
/// # Panics
/// As it, and if this processor does not run the kind.
pub fn multiply_by(kind: Option<Kind>, x: Samples, w: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    let (rows, columns) = y.dim();
    assert_eq!((x.samples(), x.width(), columns), (rows, w.nrows(), w.ncols()), "shapes disagree");
    let Some(kind) = kind else { return gemm(1.0, x.whole(), w, 0.0, y) };
    let (values, picked) = values_of(x);
    let terms = x.terms();
    let left = Left::Rows { values, stride: terms, picked };
    let product = Product { left, rows, terms, right: slice(w), stride: columns, first: 0, columns };
    team::for_each(by_columns(product.operations(), y), |(first, y)| {
        kernels::multiply(
            kind,
            Product { first, columns: y.ncols(), ..product },
            Output::Overwrite(ColumnsMut::new(y)),
        );
    });
}

/// `W ← alpha·Xᵀ·D + beta·W`: `x` (B, I), `d` (B, O) read, `w` (I, O) written; with `beta` 0 whatever `w` held is ignored.
///
/// # Panics
/// As [`multiply`].
pub fn add_product(alpha: f32, x: Samples, d: ArrayView2<f32>, beta: f32, w: ArrayViewMut2<f32>) {
    add_product_by(Kind::for_product(2 * x.samples() * x.terms() * d.ncols()), alpha, x, d, beta, w);
}

/// [`add_product`] by the vector code of a kind, or by BLAS, which takes whole samples only.
///
/// # Panics
/// As it, and if this processor does not run the kind.
pub fn add_product_by(
    kind: Option<Kind>,
    alpha: f32,
    x: Samples,
    d: ArrayView2<f32>,
    beta: f32,
    w: ArrayViewMut2<f32>,
) {
    let (terms, columns) = d.dim();
    assert_eq!((x.samples(), x.width(), columns), (terms, w.nrows(), w.ncols()), "shapes disagree");
    let Some(kind) = kind else { return gemm(alpha, x.whole().t(), d, beta, w) };
    let (values, picked) = values_of(x);
    let rows = x.terms();
    let left = Left::Columns { values, stride: rows };
    let product = Product { left, rows, terms, right: slice(d), stride: columns, first: 0, columns };
    team::for_each(by_columns(product.operations(), w), |(first, mut c)| {
        match beta {
            0.0 => c.fill(0.0),
            1.0 => {}
            beta => c.mapv_inplace(|w| w * beta), // the rows of the other columns, too
        }
        let product = Product { first, columns: c.ncols(), ..product };
        kernels::multiply(kind, product, Output::Add { alpha, c: ColumnsMut::new(c), picked });
    });
}

/// Floats of scratch that [`multiply_transposed`] needs for `d` (B, O).
pub fn transposed_len(b: usize, o: usize) -> usize {
    b.next_multiple_of(LINE) * o
}

/// `X ← D·Wᵀ`: `d` (B, O), `w` (I, O) read, `x` (B, I) and `scratch`, at least [`transposed_len`], overwritten.
///
/// # Panics
/// As [`multiply`].
pub fn multiply_transposed(d: ArrayView2<f32>, w: ArrayView2<f32>, x: ArrayViewMut2<f32>, scratch: &mut [f32]) {
    let ((samples, terms), rows) = (d.dim(), x.ncols());
    assert_eq!((x.nrows(), rows, terms), (samples, w.nrows(), w.ncols()), "shapes disagree");
    let Some(kind) = Kind::for_product(2 * rows * terms * samples) else { return gemm(1.0, d, w.t(), 0.0, x) };
    // Kernels want rows of the right factor, and Wᵀ has none. So Xᵀ = W·Dᵀ; of the three only D, the smallest, is turned.
    let columns = samples.next_multiple_of(LINE);
    let turned = &mut scratch[..columns * terms];
    turn(slice(d), samples, turned);
    let right = &*turned;
    let rows_from = |first: usize| Left::Rows { values: &slice(w)[first * terms..], stride: terms, picked: None };
    let product = Product { left: rows_from(0), rows, terms, right, stride: columns, first: 0, columns };
    team::for_each(by_columns(product.operations(), x), |(first, x)| {
        let left = rows_from(first);
        kernels::multiply(kind, Product { left, rows: x.ncols(), ..product }, Output::Transposed(ColumnsMut::new(x)));
    });
}

/// `Dᵀ`, each row filled up with zeros: `d` (B, O), `turned` (O, B or more).
fn turn(d: &[f32], samples: usize, turned: &mut [f32]) {
    let terms = d.len() / samples;
    let width = turned.len() / terms;
    for (k, row) in turned.chunks_exact_mut(width).enumerate() {
        let (row, rest) = row.split_at_mut(samples);
        rest.fill(0.0);
        row.iter_mut().zip(d[k..].iter().step_by(terms)).for_each(|(turned, d)| *turned = *d);
    }
}

/// `c` in parts of some columns each, with the first column of each: as many as a product of so many `operations` is worth.
fn by_columns(operations: usize, c: ArrayViewMut2<'_, f32>) -> impl Iterator<Item = (usize, ArrayViewMut2<'_, f32>)> {
    let columns = c.ncols();
    let parts = team::size().min(operations / WORTH_SHARING).min(columns / LINE).max(1);
    let end_of = move |part: usize| match part + 1 == parts {
        true => columns,
        false => (columns * (part + 1) / parts).next_multiple_of(LINE),
    };
    let mut rest = Some(c);
    let mut first = 0;
    (0..parts).map(move |part| {
        let c = rest.take().expect("a part is left");
        let (this, others) = c.split_at(Axis(1), end_of(part) - first);
        rest = Some(others);
        let start = first;
        first = end_of(part);
        (start, this)
    })
}

/// `X`, (B, I) or (B, A), row-major; and which columns these A are.
fn values_of<'a>(x: Samples<'a>) -> (&'a [f32], Option<&'a [u32]>) {
    match x {
        Samples::Whole(x) => (slice(x), None),
        Samples::Active(x) => (x.values(), Some(x.picked())),
    }
}

fn slice<'a>(a: ArrayView2<'a, f32>) -> &'a [f32] {
    a.to_slice().expect("a contiguous matrix")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    use crate::linalg::ActiveColumns;

    /// Small integers and halves: exact.
    #[test]
    fn active_columns_are_multiplied_as_the_whole_matrix_with_every_factor() {
        let (values, columns) = ([1.0, 0.0, 2.0, 3.0, -1.0, 4.0], [1, 4]);
        let active = Samples::Active(ActiveColumns::new(&values, &columns, 3, 6));
        let whole = active.to_whole();
        let matrix = |rows, width| Array2::from_shape_fn((rows, width), |(i, j)| ((i * 5 + j * 3) % 7) as f32 - 3.0);
        let (w, d) = (matrix(6, 35), matrix(3, 35));
        let (mut found, mut expected) = (Array2::from_elem((3, 35), f32::NAN), Array2::zeros((3, 35)));
        multiply(active, w.view(), found.view_mut());
        multiply(Samples::Whole(whole.view()), w.view(), expected.view_mut());
        assert_eq!(found, expected);
        for beta in [0.0, 0.5, 1.0] {
            let (mut found, mut expected) = (w.clone(), w.clone());
            add_product(-0.5, active, d.view(), beta, found.view_mut());
            add_product(-0.5, Samples::Whole(whole.view()), d.view(), beta, expected.view_mut());
            assert_eq!(found, expected, "beta {beta}");
        }
    }
}
