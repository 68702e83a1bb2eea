//! Products of matrices by loops of our own: where most of a factor is zero, and where matrices are too small, or the linked
//! BLAS too old, for it to reach what the processor can do.
//!
//! Most pixels of most images are zero, and many are zero in every image of a batch. Their rows of the weights neither
//! contribute to the product nor change, so a product can be told which rows to run over, where they lie in the weights.
//!
//! A product is cut into tiles whose sums stay in registers: a few rows times a few vectors (`tiles`). The loops over a tile have
//! constant bounds, so the compiler unrolls them into vector code; they are compiled three times, for AVX-512, for AVX2
//! and for what the build allows anyway, and the processor at hand decides which of them run. Each element is a sum in the
//! order of the terms, however the tiles are cut: on one kind of processor its bits do not depend on what else is computed,
//! nor on the number of threads.

mod tiles;
mod vector;

use std::marker::PhantomData;

use ndarray::{ArrayView2, ArrayViewMut2};

/// The vector code that this processor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Vectors of 16, fused multiplication and addition.
    Avx512,
    /// Vectors of 8, fused likewise.
    Avx2,
    /// What the build allows without asking the processor.
    Portable,
}

impl Kind {
    /// All there are, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// The fastest that this processor runs.
    pub fn of_this_processor() -> Self {
        Self::ALL.into_iter().find(|kind| kind.runs_here()).unwrap_or(Self::Portable)
    }

    /// Whether this processor runs it: it has every feature that its loops are compiled for. Asked once by the standard
    /// library, then read from memory.
    #[cfg(target_arch = "x86_64")]
    pub fn runs_here(self) -> bool {
        match self {
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("fma")
            }
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Portable => true,
        }
    }

    /// Whether this processor runs it.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn runs_here(self) -> bool {
        self == Self::Portable
    }

    /// The vector code for a product that takes so many floating-point operations, or `None` where BLAS is faster at it: docs/PERFORMANCE.md,
    /// "Products by kernels of our own". Whether a batch is kept without its zeros is decided by the whole product; what is left of it is
    /// smaller, and never BLAS's: docs/MEASUREMENTS.md, "A first layer without the pixels that are zero".
    pub fn for_product(operations: usize) -> Option<Self> {
        let kind = Self::of_this_processor();
        (operations < kind.limit()).then_some(kind)
    }

    /// Floating-point operations of the smallest product that BLAS is faster at, as measured with one and two threads.
    pub fn limit(self) -> usize {
        match self {
            Self::Avx512 => 5_000_000_000_u64.try_into().unwrap_or(usize::MAX), // 32 bits hold no larger product
            Self::Avx2 => 20_000_000,
            Self::Portable => 2_000_000,
        }
    }

    /// As `gemmnist doctor` tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Portable => "portable",
        }
    }
}

/// The left factor `A` of a product, (M, K).
#[derive(Debug, Clone, Copy)]
pub enum Left<'a> {
    /// Row-major.
    Rows {
        /// All of them.
        values: &'a [f32],
        /// From the start of a row to that of the next.
        stride: usize,
        /// The row of `B` that each of the K columns is multiplied with; `None` for the first K.
        picked: Option<&'a [u32]>,
    },
    /// Column-major.
    Columns {
        /// All of them.
        values: &'a [f32],
        /// From the start of a column to that of the next.
        stride: usize,
    },
}

/// Some rows of a matrix, of which only those from `first` on are at hand.
#[derive(Debug, Clone, Copy)]
pub struct Picked<'a> {
    /// Their numbers in the whole matrix, none below `first`.
    pub rows: &'a [u32],
    /// The first row that is at hand.
    pub first: usize,
}

impl Picked<'_> {
    /// The number of the `k`-th among the rows at hand; of one that is not, a number that no matrix has a row for.
    #[inline(always)]
    fn row(self, k: usize) -> usize {
        (self.rows[k] as usize).wrapping_sub(self.first)
    }
}

/// `A·B`: `A` (M, K), `B` row-major.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// `A`.
    pub left: Left<'a>,
    /// M.
    pub rows: usize,
    /// K.
    pub terms: usize,
    /// `B`, or those columns of it that are multiplied.
    pub right: Columns<'a>,
}

/// What becomes of a product.
#[derive(Debug)]
pub enum Output<'a> {
    /// `C ← A·B`.
    Overwrite(ColumnsMut<'a>),
    /// `C ← C + alpha·A·B`.
    Add {
        /// The factor.
        alpha: f32,
        /// `C`, its columns those of the product.
        c: ColumnsMut<'a>,
        /// The row of `C` that each of the M rows of the product is added to; `None` for the first M.
        picked: Option<Picked<'a>>,
    },
    /// `C ← (A·B)ᵀ`, without columns of the product that `C` has no row for.
    Transposed(ColumnsMut<'a>),
}

/// Multiplies, with the vector code of `kind`. For those pairs of a left factor and an output that the products of a layer are.
///
/// # Panics
/// If the processor does not run this kind, a factor is too short, `C` has another shape than the product, or no layer needs the pair.
pub fn multiply(kind: Kind, product: Product, output: Output) {
    assert!(kind.runs_here(), "another processor's vector code");
    let (rows, columns) = (product.rows, product.right.columns);
    match &output {
        Output::Overwrite(c) => assert_eq!((c.rows(), c.columns), (rows, columns), "C has another shape"),
        Output::Add { c, picked, .. } => {
            assert_eq!(c.columns, columns, "C has another width");
            assert_eq!(picked.map_or(c.rows(), |picked| picked.rows.len()), rows, "C has another height");
        }
        Output::Transposed(c) => assert!(c.columns == rows && c.rows() <= columns, "C has another shape"),
    }
    if let Left::Rows { picked: Some(picked), .. } = product.left {
        assert_eq!(picked.len(), product.terms, "a row of B for each column of A");
    }
    dispatch::multiply(kind, product, output);
}

/// Some columns of a row-major matrix, or all. An [`ArrayView2`] whose rows are got at without a detour.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    start: *const f32,
    stride: usize,
    rows: usize,
    columns: usize,
    of: PhantomData<&'a [f32]>,
}

// SAFETY: it is a reference to numbers that nobody writes.
#[expect(unsafe_code, reason = "as a reference is")]
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    /// All of `view`.
    ///
    /// # Panics
    /// If its rows are not contiguous.
    pub fn new(view: ArrayView2<'a, f32>) -> Self {
        let (rows, columns) = view.dim();
        assert!(columns < 2 || view.strides()[1] == 1, "rows are not contiguous");
        let stride = if rows < 2 { columns } else { usize::try_from(view.strides()[0]).expect("rows in order") };
        Self { start: view.as_ptr(), stride, rows, columns, of: PhantomData }
    }

    /// The columns in row `row`.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the columns of a row lie together")]
    fn row(&self, row: usize) -> &'a [f32] {
        assert!(row < self.rows, "no such row");
        // SAFETY: the row is one of those of the view that `new` had, for as long as 'a.
        unsafe { std::slice::from_raw_parts(self.start.add(row * self.stride), self.columns) }
    }
}

/// [`Columns`] to overwrite.
#[derive(Debug)]
pub struct ColumnsMut<'a> {
    start: *mut f32,
    stride: usize,
    rows: usize,
    columns: usize,
    of: PhantomData<&'a mut [f32]>,
}

impl<'a> ColumnsMut<'a> {
    /// All of `view`.
    ///
    /// # Panics
    /// If its rows are not contiguous.
    pub fn new(mut view: ArrayViewMut2<'a, f32>) -> Self {
        let (rows, columns) = view.dim();
        assert!(columns < 2 || view.strides()[1] == 1, "rows are not contiguous");
        let stride = if rows < 2 { columns } else { usize::try_from(view.strides()[0]).expect("rows in order") };
        Self { start: view.as_mut_ptr(), stride, rows, columns, of: PhantomData }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in row `row`.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the columns of a row lie together, those of two rows do not")]
    fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "no such row");
        // SAFETY: `new` had the only reference to these numbers, for as long as 'a; the row is one of them, and whoever has
        // a row borrows all of them.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.stride), self.columns) }
    }
}

/// From the processor's kind to the loops compiled for it. Only for a kind that runs here, which is checked above.
mod dispatch {
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::{__m256, __m512};

    use super::{Kind, Output, Product, tiles};

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
    fn avx512(product: Product, output: Output) {
        tiles::multiply::<__m512>(product, output);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn avx2(product: Product, output: Output) {
        tiles::multiply::<__m256>(product, output);
    }

    #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "code for some processors only"))]
    pub fn multiply(kind: Kind, product: Product, output: Output) {
        match kind {
            // SAFETY: the processor has the features: `runs_here` lists them.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512(product, output) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2(product, output) },
            _ => tiles::multiply::<[f32; 4]>(product, output),
        }
    }
}

#[cfg(test)]
mod tests;
