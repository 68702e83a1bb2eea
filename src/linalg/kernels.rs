//! Products of matrices by loops of our own: where most of a factor is zero, and where matrices are too small, or the linked
//! BLAS too old, for it to reach what the processor can do.
//!
//! Most pixels of most images are zero. Their rows of the weights neither contribute to a product nor change, so there are products of a batch that
//! was kept without them ([`SparseBatch`]): each tile runs over what is not zero in it, where it lies in the weights.
//!
//! What an optimizer does with each element is done by the same vectors (`update`).
//!
//! A product is cut into tiles whose sums stay in registers: a few rows times a few vectors (`tiles`). The loops over a tile have
//! constant bounds, so the compiler unrolls them into vector code; they are compiled three times, for AVX-512, for AVX2
//! and for what the build allows anyway, and the processor at hand decides which of them run. Each element is a sum in the
//! order of the terms, or in `dots` one for each lane, however the tiles are cut: on one kind of processor its bits do not depend on what else is computed,
//! nor on the number of threads.

mod span;
mod tiles;
mod update;
mod vector;

use std::marker::PhantomData;
use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

use super::blas;
use super::pairs::PAIR;
use super::sparse::{Half, NARROW, SparseBatch};
pub(super) use tiles::SparseOutput;
pub use update::{ElementRule, Lanes, MOST_MEMORIES, update};
pub(crate) use vector::Vector;

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
                    && is_x86_feature_detected!("popcnt")
            }
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("popcnt")
            }
            Self::Portable => true,
        }
    }

    /// Whether this processor runs it.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn runs_here(self) -> bool {
        self == Self::Portable
    }

    /// The vector code for a product that takes so many floating-point operations, or `None` where BLAS is faster at it: docs/TRIALS.md,
    /// "Kernels".
    pub fn for_product(operations: usize) -> Option<Self> {
        let kind = Self::of_this_processor();
        (operations < kind.limit()).then_some(kind)
    }

    /// The vector code for a first layer of so many `outputs`, whose products would take so many floating-point `operations` with all pixels, to leave out most that are zero, or `None` where BLAS is
    /// faster with all of them. What is left is smaller, and never BLAS's. Of a narrow layer only what is zero in the whole batch is left out.
    pub fn for_pixels(operations: usize, outputs: usize) -> Option<Self> {
        let kind = Self::of_this_processor();
        let limit = if outputs < NARROW { kind.limit() } else { kind.limit_of_pixels() };
        (operations < limit).then_some(kind)
    }

    /// Floating-point operations of the smallest product that BLAS is faster at, as measured with one and two threads. A BLAS that does not know this
    /// processor is faster at none.
    pub fn limit(self) -> usize {
        match self {
            Self::Avx512 | Self::Avx2 if blas::is_behind() => usize::MAX,
            Self::Avx512 => 5_000_000_000_u64.try_into().unwrap_or(usize::MAX), // 32 bits hold no larger product
            Self::Avx2 => 20_000_000,
            Self::Portable => 2_000_000,
        }
    }

    /// The same of a first layer with all its pixels. With AVX2 one of 1 GFLOP (256 x 784 x 2500) takes 0.73 of the time without those that are zero; of plain arrays nothing larger was measured.
    pub fn limit_of_pixels(self) -> usize {
        match self {
            Self::Avx512 | Self::Portable => self.limit(),
            Self::Avx2 => self.limit().max(2_000_000_000),
        }
    }

    /// Columns of the widest span of an update of the first layer: with no more outputs it looks at each pair of pixels once.
    pub(super) fn span_of_pairs(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => tiles::span_of_pairs::<std::arch::x86_64::__m512>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => tiles::span_of_pairs::<std::arch::x86_64::__m256>(),
            _ => tiles::span_of_pairs::<[f32; 4]>(),
        }
    }

    /// Whether weights whose rows begin `stride` numbers apart are copied into panels, for so many `samples`. Vectors of 64 bytes gain by it only where rows are not whole lines of the cache: a load across two of them takes twice as long.
    fn copies_weights(self, samples: usize, stride: usize) -> bool {
        let cuts_lines = !stride.is_multiple_of(self.lanes());
        match self {
            Self::Avx512 => samples >= 64 && cuts_lines,
            Self::Avx2 | Self::Portable => samples >= 32,
        }
    }

    /// Numbers of a vector, at most 16.
    pub(super) fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => <std::arch::x86_64::__m512 as Vector>::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => <std::arch::x86_64::__m256 as Vector>::LANES,
            _ => <[f32; 4] as Vector>::LANES,
        }
    }

    /// What else may change the last bits of what it computes: who divides.
    pub fn remark(self) -> &'static str {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512 && vector::divides_fast() {
            return ", quotients by the divider";
        }
        ""
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
    },
    /// Column-major: the rows of this matrix are the columns of `A`.
    Columns(Columns<'a>),
}

/// The right factor `B` of a product, (K, N), or those columns of it that are multiplied.
#[derive(Debug, Clone, Copy)]
pub enum Right<'a> {
    /// Row-major.
    Rows(Columns<'a>),
    /// Column-major: the rows of this matrix are the columns of `B`.
    Columns(Columns<'a>),
}

/// A half of the columns of some samples of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct SomeSamples<'a> {
    /// The first of them.
    pub first: usize,
    /// Of all columns.
    pub half: Half,
    /// Of all samples.
    pub batch: &'a SparseBatch,
}

/// Pairs of columns of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs<'a> {
    /// The first of them.
    pub first: usize,
    /// How many columns: two each, but the batch's last may be alone.
    pub columns: usize,
    /// Of all columns.
    pub batch: &'a SparseBatch,
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
        /// `C`.
        c: ColumnsMut<'a>,
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
        Output::Overwrite(c) | Output::Add { c, .. } => {
            assert_eq!((c.rows(), c.columns), (rows, columns), "C has another shape");
        }
        Output::Transposed(c) => assert!(c.columns == rows && c.rows() <= columns, "C has another shape"),
    }
    if let Left::Columns(left) = product.left {
        assert!(left.rows == product.terms && left.columns >= rows, "A has another shape");
    }
    dispatch::multiply(kind, product, output);
}

/// `C ← A·Bᵀ`, with the vector code of `kind`: `a` (M, K), `b` (N, K) read, `c` (M, N) overwritten. Each element is the sum of as many sums as a vector has lanes.
///
/// # Panics
/// If the processor does not run this kind, or shapes disagree.
pub(super) fn dots(kind: Kind, a: Columns, b: Columns, c: ColumnsMut) {
    assert!(kind.runs_here(), "another processor's vector code");
    assert_eq!((a.columns, c.rows(), c.columns), (b.columns, a.rows, b.rows), "shapes disagree");
    dispatch::dots(kind, a, b, c);
}

/// `C ← A·B`, or `C ← C + alpha·A·B`, each row of `A`, (M, K), without what is zero in it, with the vector code of `kind`. The bits are those of [`multiply`], unless something
/// in `B` is not finite.
///
/// # Panics
/// If the processor does not run this kind, or shapes disagree.
pub(super) fn multiply_rows(kind: Kind, left: Left, right: Right, output: SparseOutput, c: ColumnsMut) {
    assert!(kind.runs_here(), "another processor's vector code");
    let (terms, columns) = match right {
        Right::Rows(rows) => (rows.rows, rows.columns),
        Right::Columns(columns) => (columns.columns, columns.rows),
    };
    let reaches = match left {
        Left::Rows { stride, .. } => stride >= terms, // its length shows where rows are taken
        Left::Columns(left) => left.rows == terms && left.columns >= c.rows(),
    };
    assert!(reaches && c.columns == columns, "shapes disagree");
    dispatch::multiply_rows(kind, left, right, output, c);
}

/// `Y ← X·W`, or `Y ← Y + alpha·X·W`, over half of the columns of some samples, with the vector code of `kind`: `w` read, a row for each of these
/// columns, `y` written, a row for each sample.
///
/// # Panics
/// If the processor does not run this kind, there are no such samples, or `y` has another shape.
pub(super) fn multiply_sparse(kind: Kind, x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) {
    assert!(kind.runs_here(), "another processor's vector code");
    assert!(x.first + y.rows() <= x.batch.samples(), "no such samples");
    assert_eq!((x.batch.columns_of(x.half).len(), w.columns), (w.rows, y.columns), "Y has another shape");
    // Apart: what is compiled in one place keeps less in registers.
    if x.batch.is_one_group() {
        dispatch::multiply_group(kind, x, w, output, y);
    } else if kind.copies_weights(y.rows(), w.stride) {
        dispatch::multiply_each(kind, x, w, output, y);
    } else {
        dispatch::multiply_in_place(kind, x, w, output, y);
    }
}

/// `C ← Xᵀ·D`, or `C ← C + alpha·Xᵀ·D`, for some pairs of columns, with the vector code of `kind`: `d` (B, O) read, `c` overwritten, a row for each of their
/// columns. A batch that is one group is added only.
///
/// # Panics
/// As [`multiply_sparse`], or if a batch that is one group is to overwrite, or the batch is for `X·W` only, or to fill it came to no end.
pub(super) fn add_sparse(kind: Kind, x: Pairs, d: Columns, output: SparseOutput, c: ColumnsMut) {
    assert!(kind.runs_here(), "another processor's vector code");
    assert!(x.batch.can_be_learnt_from(), "a batch that is multiplied only, or not filled");
    let end = x.first * PAIR + x.columns;
    assert!(end == x.batch.width() || x.columns.is_multiple_of(PAIR) && end < x.batch.width(), "a pair is not cut");
    assert_eq!((c.rows(), c.columns, d.rows), (x.columns, d.columns, x.batch.samples()), "C has another shape");
    match output {
        SparseOutput::Add { alpha } if x.batch.is_one_group() => dispatch::add_group(kind, x, d, alpha, c),
        SparseOutput::Overwrite if x.batch.is_one_group() => panic!("a batch that is one group is added only"),
        output => dispatch::add_sparse(kind, x, d, output, c),
    }
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
        assert!(rows == 0 || columns < 2 || view.strides()[1] == 1, "rows are not contiguous");
        let stride = if rows < 2 { columns } else { usize::try_from(view.strides()[0]).expect("rows in order") };
        Self { start: view.as_ptr(), stride, rows, columns, of: PhantomData }
    }

    /// Some of its rows, and some of the columns in them.
    #[inline(always)]
    fn part(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "no such rows");
        assert!(columns.start <= columns.end && columns.end <= self.columns, "no such columns");
        let start = self.start.wrapping_add(rows.start * self.stride + columns.start);
        Self { start, rows: rows.len(), columns: columns.len(), ..self }
    }

    /// The columns in row `row`.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the columns of a row lie together")]
    fn row(&self, row: usize) -> &'a [f32] {
        assert!(row < self.rows, "no such row");
        // SAFETY: there is such a row.
        unsafe { self.row_unchecked(row) }
    }

    /// The columns in row `row`.
    ///
    /// SAFETY: there must be such a row.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the columns of a row lie together")]
    unsafe fn row_unchecked(&self, row: usize) -> &'a [f32] {
        // SAFETY: the row is one of those of the view that `new` had, or a part of one, for as long as 'a.
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
        assert!(rows == 0 || columns < 2 || view.strides()[1] == 1, "rows are not contiguous");
        let stride = if rows < 2 { columns } else { usize::try_from(view.strides()[0]).expect("rows in order") };
        Self { start: view.as_mut_ptr(), stride, rows, columns, of: PhantomData }
    }

    /// The same, for a while.
    #[inline(always)]
    fn reborrow(&mut self) -> ColumnsMut<'_> {
        ColumnsMut { of: PhantomData, ..*self }
    }

    /// How many rows.
    #[inline(always)]
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

    use super::tiles::{self, SparseOutput};
    use super::update::{self, ElementRule, MOST_MEMORIES};
    use super::{Columns, ColumnsMut, Kind, Left, Output, Pairs, Product, Right, SomeSamples};

    /// `name(kind, ...)`: the function `by` which it is done, for each kind of vectors.
    macro_rules! dispatch {
        ($name:ident$([$rule:ident: $bound:ident])?($($argument:ident: $type:ty),*) by $($loops:ident)::+) => {
            #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "code for some processors only"))]
            pub fn $name$(<$rule: $bound>)?(kind: Kind, $($argument: $type),*) {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma,popcnt")]
                fn avx512$(<$rule: $bound>)?($($argument: $type),*) {
                    $($loops)::+::<__m512 $(, $rule)?>($($argument),*);
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma,popcnt")]
                fn avx2$(<$rule: $bound>)?($($argument: $type),*) {
                    $($loops)::+::<__m256 $(, $rule)?>($($argument),*);
                }
                match kind {
                    // SAFETY: the processor has the features: `runs_here` lists them.
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx512 => unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx2 => unsafe { avx2($($argument),*) },
                    _ => $($loops)::+::<[f32; 4] $(, $rule)?>($($argument),*),
                }
            }
        };
    }

    dispatch!(multiply(product: Product, output: Output) by tiles::multiply);
    dispatch!(dots(a: Columns, b: Columns, c: ColumnsMut) by tiles::dots);
    dispatch!(multiply_rows(left: Left, right: Right, output: SparseOutput, c: ColumnsMut) by tiles::multiply_rows);
    dispatch!(multiply_group(x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) by tiles::multiply_group);
    dispatch!(multiply_in_place(x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) by tiles::multiply_in_place);
    dispatch!(multiply_each(x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) by tiles::multiply_each);
    dispatch!(add_sparse(x: Pairs, d: Columns, output: SparseOutput, c: ColumnsMut) by tiles::add_sparse);
    dispatch!(add_group(x: Pairs, d: Columns, alpha: f32, c: ColumnsMut) by tiles::add_group);
    dispatch!(update[R: ElementRule](
        rule: &R,
        theta: &mut [f32],
        gradient: &[f32],
        memories: [&mut [f32]; MOST_MEMORIES]
    ) by update::by_vectors);
}

#[cfg(test)]
mod tests;
