//! A batch of samples as a factor of products: whole, or without the columns that are zero in every sample.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

use super::kernels::{Kind, Picked};

/// `X` (B, I), one sample a row.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// All of it.
    Whole(ArrayView2<'a, f32>),
    /// What is not zero.
    Active(ActiveColumns<'a>),
}

/// Those columns of `X` (B, I) that are other than zero in at least one sample, A of them.
#[derive(Debug, Clone, Copy)]
pub struct ActiveColumns<'a> {
    /// (B, A).
    values: &'a [f32],
    /// Which columns of `X` they are, (A).
    columns: &'a [u32],
    /// B.
    samples: usize,
    /// I.
    width: usize,
}

impl<'a> ActiveColumns<'a> {
    /// `values` (B, A) are the columns `columns` (A), in ascending order, of a batch of `samples` samples of width `width`.
    ///
    /// # Panics
    /// If lengths disagree or there is no sample.
    pub fn new(values: &'a [f32], columns: &'a [u32], samples: usize, width: usize) -> Self {
        assert!(samples > 0, "a batch has a sample");
        assert_eq!(values.len(), columns.len() * samples, "values are not (B, A)");
        debug_assert!(columns.is_sorted(), "columns are not in order");
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

    /// (B, A): of each sample what is in active columns.
    pub(super) fn values(&self) -> &'a [f32] {
        self.values
    }

    /// Which columns of `X` they are, (A).
    pub(crate) fn picked(&self) -> &'a [u32] {
        self.columns
    }
}

/// Those columns of a batch that some rows of a weight matrix belong to, as the factor `Xᵀ` of a product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factor<'a> {
    /// From the first of them on, row-major.
    pub values: &'a [f32],
    /// From a sample to the next.
    pub stride: usize,
    /// B.
    pub samples: usize,
    /// How many columns.
    pub terms: usize,
    /// How many rows of weights.
    pub rows: usize,
    /// Which of these rows the columns belong to; `None` for all.
    pub picked: Option<Picked<'a>>,
}

impl<'a> Samples<'a> {
    /// The columns that `rows` of the weights belong to.
    ///
    /// # Panics
    /// If there are not as many columns.
    pub(super) fn of_rows(self, rows: Range<usize>) -> Factor<'a> {
        assert!(rows.end <= self.width(), "shapes disagree");
        match self {
            Self::Whole(x) => {
                let values = x.to_slice().expect("a contiguous matrix");
                let (values, terms) = (&values[rows.start..], rows.len());
                Factor { values, stride: x.ncols(), samples: x.nrows(), terms, rows: terms, picked: None }
            }
            Self::Active(x) => {
                let [start, end] =
                    [rows.start, rows.end].map(|row| x.columns.partition_point(|&column| (column as usize) < row));
                let picked = Picked { rows: &x.columns[start..end], first: rows.start };
                let (values, rows, terms) = (&x.values[start..], rows.len(), end - start);
                Factor { values, stride: x.len(), samples: x.samples, terms, rows, picked: Some(picked) }
            }
        }
    }

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
    /// B.
    pub fn samples(&self) -> usize {
        match self {
            Self::Whole(x) => x.nrows(),
            Self::Active(x) => x.samples(),
        }
    }

    /// I.
    pub fn width(&self) -> usize {
        match self {
            Self::Whole(x) => x.ncols(),
            Self::Active(x) => x.width(),
        }
    }

    /// How many columns are not left out.
    pub(super) fn terms(&self) -> usize {
        match self {
            Self::Whole(x) => x.ncols(),
            Self::Active(x) => x.len(),
        }
    }

    /// Floating-point operations of a product with weights for so many `outputs`.
    pub(super) fn operations(&self, outputs: usize) -> usize {
        2 * self.samples() * self.terms() * outputs
    }

    /// The vector code for a product with weights for so many `outputs`; `None` where BLAS is faster at it.
    pub(super) fn kernels(&self, outputs: usize) -> Option<Kind> {
        Kind::for_product(self.operations(outputs))
    }

    /// A copy of all of `X`, (B, I).
    pub fn to_whole(self) -> Array2<f32> {
        match self {
            Self::Whole(x) => x.to_owned(),
            Self::Active(active) => {
                let mut x = Array2::zeros((active.samples, active.width));
                for (mut row, values) in x.rows_mut().into_iter().zip(active.values.chunks(active.len().max(1))) {
                    active.columns.iter().zip(values).for_each(|(&column, &value)| row[column as usize] = value);
                }
                x
            }
        }
    }
}
