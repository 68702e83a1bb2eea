//! A batch of samples as a factor of products: whole, or without most of what is zero.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

use super::kernels::{Kind, Pairs};
use super::pairs::PAIR;
use super::some_columns;
use super::sparse::SparseBatch;

/// `X` (B, I), one sample a row.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// All of it.
    Whole(ArrayView2<'a, f32>),
    /// From bytes, most of which stand for zero.
    Sparse(&'a SparseBatch),
}

/// Those columns of a batch that some rows of a weight matrix belong to, as the factor `Xᵀ` of a product.
#[derive(Debug, Clone, Copy)]
pub(super) enum Factor<'a> {
    /// All of them.
    Whole(ArrayView2<'a, f32>),
    /// Pairs.
    Sparse(Pairs<'a>),
}

impl<'a> Factor<'a> {
    /// All of it, for BLAS.
    ///
    /// # Panics
    /// If it is pairs.
    pub(super) fn whole(self) -> ArrayView2<'a, f32> {
        match self {
            Self::Whole(x) => x,
            Self::Sparse(_) => panic!("BLAS takes whole samples"),
        }
    }
}

impl<'a> Samples<'a> {
    /// The columns that `rows` of the weights belong to. A sparse batch has them by pairs: it is cut at even ones.
    ///
    /// # Panics
    /// If there are not as many columns, or a sparse batch is cut elsewhere.
    pub(super) fn of_rows(self, rows: Range<usize>) -> Factor<'a> {
        assert!(rows.end <= self.width(), "shapes disagree");
        match self {
            Self::Whole(x) => Factor::Whole(some_columns(x, rows)),
            Self::Sparse(batch) => {
                let is_cut_at_pairs = |row: usize| row.is_multiple_of(PAIR) || row == batch.width();
                assert!(is_cut_at_pairs(rows.start) && is_cut_at_pairs(rows.end), "a pair is not cut");
                Factor::Sparse(Pairs { first: rows.start / PAIR, columns: rows.len(), batch })
            }
        }
    }

    /// All of `X`.
    ///
    /// # Panics
    /// If it was not kept whole: a layer that needs that says so
    /// ([`Layer::takes_sparse_batches`](crate::nn::Layer::takes_sparse_batches)).
    pub fn whole(self) -> ArrayView2<'a, f32> {
        match self {
            Self::Whole(x) => x,
            Self::Sparse(_) => panic!("the samples were not kept whole"),
        }
    }
}

impl Samples<'_> {
    /// B.
    pub fn samples(&self) -> usize {
        match self {
            Self::Whole(x) => x.nrows(),
            Self::Sparse(x) => x.samples(),
        }
    }

    /// I.
    pub fn width(&self) -> usize {
        match self {
            Self::Whole(x) => x.ncols(),
            Self::Sparse(x) => x.width(),
        }
    }

    /// Floating-point operations of `X·W` for so many `outputs`.
    pub(super) fn forward_operations(&self, outputs: usize) -> usize {
        let terms = match self {
            Self::Whole(x) => x.len(),
            Self::Sparse(x) => x.forward_terms(),
        };
        2 * terms * outputs
    }

    /// Floating-point operations of `Xᵀ·D` for so many `outputs`.
    pub(super) fn update_operations(&self, outputs: usize) -> usize {
        let terms = match self {
            Self::Whole(x) => x.len(),
            Self::Sparse(x) => x.update_terms(),
        };
        2 * terms * outputs
    }

    /// The vector code for a product with weights for so many `outputs`; `None` where BLAS, which takes whole samples only, is faster at it.
    pub(super) fn kernels(&self, outputs: usize) -> Option<Kind> {
        match self {
            Self::Whole(x) => Kind::for_product(2 * x.len() * outputs),
            Self::Sparse(_) => Some(Kind::of_this_processor()),
        }
    }

    /// A copy of all of `X`, (B, I).
    pub fn to_whole(self) -> Array2<f32> {
        match self {
            Self::Whole(x) => x.to_owned(),
            Self::Sparse(x) => x.to_whole(),
        }
    }
}
