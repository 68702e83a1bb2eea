//! A batch of samples as a factor of products: whole, or without the columns that are zero in every sample.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use super::gemm;
use super::kernels::{self, Kind};

/// `X` (B, I), one sample a row.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// All of it.
    Whole(ArrayView2<'a, f32>),
    /// What is not zero.
    Active(ActiveColumns<'a>),
}

/// Those columns of `X` (B, I) that are not zero in every sample, A of them.
#[derive(Debug, Clone, Copy)]
pub struct ActiveColumns<'a> {
    /// (A, B): one column of `X` after the other.
    values: &'a [f32],
    /// Which columns of `X` they are, (A).
    columns: &'a [u32],
    /// B.
    samples: usize,
    /// I.
    width: usize,
}

impl<'a> ActiveColumns<'a> {
    /// `values` (A, B) are the columns `columns` (A) of a batch of `samples` samples of width `width`.
    ///
    /// # Panics
    /// If lengths disagree or there is no sample.
    pub fn new(values: &'a [f32], columns: &'a [u32], samples: usize, width: usize) -> Self {
        assert!(samples > 0, "a batch has a sample");
        assert_eq!(values.len(), columns.len() * samples, "values are not (A, B)");
        Self { values, columns, samples, width }
    }

    /// B.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// I.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many columns are active, A.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// True if every sample is zero.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The values (B) of the `k`-th active column, and which column of `X` it is.
    #[inline(always)]
    pub(crate) fn column(&self, k: usize) -> (&'a [f32], usize) {
        (&self.values[k * self.samples..][..self.samples], self.columns[k] as usize)
    }

    /// All of them, in order.
    #[inline(always)]
    pub(super) fn columns(self) -> impl Iterator<Item = (&'a [f32], usize)> {
        let values = self.values.chunks_exact(self.samples);
        values.zip(self.columns).map(|(values, &column)| (values, column as usize))
    }
}

impl<'a> Samples<'a> {
    /// All of `X`.
    ///
    /// # Panics
    /// If it was not kept whole: a layer that needs that says so
    /// ([`Layer::takes_active_columns`](crate::nn::Layer::takes_active_columns)).
    pub fn whole(self) -> ArrayView2<'a, f32> {
        match self {
            Self::Whole(x) => x,
            Self::Active(_) => panic!("the samples were not kept whole"),
        }
    }
}

impl Samples<'_> {
    /// A copy of all of `X`, (B, I).
    pub fn to_whole(self) -> Array2<f32> {
        match self {
            Self::Whole(x) => x.to_owned(),
            Self::Active(active) => {
                let mut x = Array2::zeros((active.samples, active.width));
                for (values, column) in active.columns() {
                    x.column_mut(column).assign(&ArrayView1::from(values));
                }
                x
            }
        }
    }
}

/// `Y ← X·W`: `x` (B, I), `w` (I, O) read, `y` (B, O) overwritten.
///
/// # Panics
/// If shapes disagree or active columns meet a matrix that is not contiguous.
pub fn multiply(x: Samples, w: ArrayView2<f32>, mut y: ArrayViewMut2<f32>) {
    match x {
        Samples::Whole(x) => gemm(1.0, x, w, 0.0, y),
        Samples::Active(x) => {
            let (w, o) = (w.to_slice().expect("a contiguous matrix"), y.ncols());
            kernels::multiply(Kind::of_this_processor(), x, w, o, y.as_slice_mut().expect("a contiguous matrix"));
        }
    }
}

/// `W ← alpha·Xᵀ·D + beta·W`: `x` (B, I), `d` (B, O) read, `w` (I, O) written; with `beta` 0 whatever `w` held is ignored.
///
/// # Panics
/// As [`multiply`].
pub fn add_product(alpha: f32, x: Samples, d: ArrayView2<f32>, beta: f32, mut w: ArrayViewMut2<f32>) {
    match x {
        Samples::Whole(x) => gemm(alpha, x.t(), d, beta, w),
        Samples::Active(x) => {
            let (d, o) = (d.to_slice().expect("a contiguous matrix"), w.ncols());
            let w = w.as_slice_mut().expect("a contiguous matrix");
            match beta {
                0.0 => w.fill(0.0),
                1.0 => {}
                beta => w.iter_mut().for_each(|w| *w *= beta), // the rows of the other columns, too
            }
            kernels::add_product(Kind::of_this_processor(), alpha, x, d, o, w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers and halves: exact.
    #[test]
    fn active_columns_are_multiplied_as_the_whole_matrix_with_every_factor() {
        let (values, columns) = ([1.0, 2.0, -1.0, 0.0, 3.0, 4.0], [1, 4]);
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
