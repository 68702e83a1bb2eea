//! The loops of a product, for vectors of any kind. They are written out, without `from_fn`, and without iterators but those of slices: what is not
//! inlined here is not compiled for the processor, and every call empties its registers.
#![allow(clippy::needless_range_loop, reason = "loops of constant length, which the compiler unrolls")]

use std::hint::black_box;

use ndarray::s;

use super::span::{Last, Part, Span, Whole, for_spans};
use super::vector::Vector;
use super::{Columns, ColumnsMut, Left, Output, Pairs, Product, SomeSamples};
use crate::linalg::pairs::{Entry, PAIR, PairLists};
use crate::linalg::sparse::{Group, Paired, SET};

/// The sums of a tile of `M` rows and `N` vectors.
type Sums<V, const M: usize, const N: usize> = [[V; N]; M];

mod dots;
mod panels;

pub use dots::dots;
pub use panels::{multiply_each, multiply_in_place, multiply_rows};

/// Rows of a tile of `N` vectors, at most: as many as there are registers for their sums, less those for what is multiplied.
#[inline(always)]
const fn most_rows<V: Vector>(n: usize) -> usize {
    let [of_two, of_one] = V::MOST_ROWS;
    match n {
        1 => of_one,
        2 => of_two,
        n => 2 * of_two / n,
    }
}

/// See [`super::multiply`].
#[inline(always)]
pub fn multiply<V: Vector>(product: Product, output: Output) {
    let Product { left, rows, terms, right } = product;
    match (left, output) {
        (Left::Rows { values, stride }, Output::Overwrite(mut c)) => {
            let left = Rows { values, stride, terms };
            for_spans!(V, right.columns, [2, 2], |span: N| {
                by_rows::<V, _, N>(rows, left, right, span, &mut Overwrite(c.reborrow()));
            });
        }
        (Left::Columns(left), Output::Add { alpha, mut c }) => {
            for_spans!(V, right.columns, [2, 2], |span: N| {
                by_rows::<V, _, N>(rows, left, right, span, &mut Add { alpha, c: c.reborrow() });
            });
        }
        (Left::Rows { values, stride }, Output::Transposed(mut c)) => {
            let left = Rows { values, stride, terms };
            for_spans!(V, right.columns, [2, 2], |span: N| {
                by_rows::<V, _, N>(rows, left, right, span, &mut Transposed(c.reborrow()));
            });
        }
        _ => panic!("no layer needs this product"),
    }
}

/// Vectors of a span of an update, and of the last one at most. A tile has two rows, of a pair of columns: with their factors and a vector to multiply with that is 19 of 32 registers, or 11 of 16, or 15
/// at last: a span of one vector takes as long as one of four, for its sums wait for each other.
#[inline(always)]
const fn pair_spans<V: Vector>() -> [usize; 2] {
    match V::LANES {
        16 => [8, 8],
        8 => [4, 6],
        _ => [4, 4],
    }
}

/// See [`super::Kind::span_of_pairs`].
pub const fn span_of_pairs<V: Vector>() -> usize {
    pair_spans::<V>()[0] * V::LANES
}

/// See [`super::multiply_sparse`]: of a batch that is one group.
#[inline(always)]
pub fn multiply_group<V: Vector>(x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) {
    let (group, start) = (x.batch.half_of_whole_group(x.half), x.batch.columns_of(x.half).start);
    let left = GroupRows { group, first: x.first, start };
    let (rows, mut output) = (y.rows(), Put { output, c: y });
    if rows == 1 {
        return for_spans!(V, w.columns, [8, 8], |span: N| by_rows::<V, _, N>(1, left, w, span, &mut output));
    }
    for_spans!(V, w.columns, [2, 2], |span: N| by_rows::<V, _, N>(rows, left, w, span, &mut output));
}

/// See [`super::add_sparse`].
#[inline(always)]
pub fn add_sparse<V: Vector>(x: Pairs, d: Columns, output: SparseOutput, c: ColumnsMut) {
    match output {
        SparseOutput::Overwrite => add_pairs::<V, true>(x, d, &mut Overwrite(c)),
        SparseOutput::Add { alpha } => add_pairs::<V, false>(x, d, &mut Add { alpha, c }),
    }
}

/// Of `ALL` pairs, or of those that are not zero in all samples.
#[inline(always)]
fn add_pairs<V: Vector, const ALL: bool>(x: Pairs, d: Columns, output: &mut impl Finish) {
    match x.batch.lists() {
        Some(lists) if d.rows * d.columns <= NEAR => add_listed::<V, ALL>(x, lists, d, output),
        Some(lists) => for_spans!(V, d.columns, const { pair_spans::<V>() }, |span: N| {
            add_listed_in::<V, _, N, ALL>(x, lists, d, span, output);
        }),
        None => for_spans!(V, d.columns, const { pair_spans::<V>() }, |span: N| {
            for_pairs::<V, _, N, ALL>(x, d, span, output);
        }),
    }
}

/// See [`super::add_sparse`]: for a batch that is one group.
#[inline(always)]
pub fn add_group<V: Vector>(x: Pairs, d: Columns, alpha: f32, c: ColumnsMut) {
    let (group, first) = (x.batch.whole_group(), x.first * PAIR);
    let [start, end] =
        [first, first + x.columns].map(|column| group.columns.partition_point(|&other| usize::from(other) < column));
    let columns = &group.columns[start..end];
    let left = Columns::new(group.matrix().slice_move(s![.., start..end]));
    let (rows, mut output) = (columns.len(), AddPicked { alpha, c, columns, start: first });
    if d.rows == 1 {
        return for_spans!(V, d.columns, [8, 8], |span: N| by_rows::<V, _, N>(rows, left, d, span, &mut output));
    }
    for_spans!(V, d.columns, [2, 2], |span: N| by_rows::<V, _, N>(rows, left, d, span, &mut output));
}

/// What becomes of the products of a sparse batch.
#[derive(Debug, Clone, Copy)]
pub enum SparseOutput {
    /// `C ← A·B`.
    Overwrite,
    /// `C ← C + alpha·A·B`.
    Add {
        /// The factor.
        alpha: f32,
    },
}

/// All rows of `A·B` in the columns of `span`, in as few tiles as their height allows, the last two of like height; where there is no tile of that height, the next
/// lower one, and what is left comes after it.
#[inline(always)]
fn by_rows<V: Vector, L: Last, const N: usize>(
    rows: usize,
    left: impl Terms,
    right: Columns,
    span: Span<L>,
    output: &mut impl Finish,
) {
    let (most, mut first) = (most_rows::<V>(N), 0);
    while first < rows {
        let rest = rows - first;
        // A division by a number that is not constant takes as long as a small tile.
        let height = if rest >= 2 * most {
            most
        } else if rest > most {
            rest.div_ceil(2)
        } else {
            rest
        };
        macro_rules! tile_of {
            ($($m:literal)+) => {
                match height {
                    $( $m.. if $m <= most => {
                        let sums: Sums<V, $m, N> = left.sums(right, first, span);
                        output.finish(sums, first, span);
                        first += $m;
                    } )+
                    _ => unreachable!("a tile has a row"),
                }
            };
        }
        tile_of!(16 12 10 8 6 5 4 3 2 1);
    }
}

/// Each pair reads all of `D`, instead of a span of it again and again: 128 KB at most, so that it stays in the second cache.
const NEAR: usize = 1 << 15;

/// Pair by pair, span after span of one before the next: how many terms there are is foreseen from the second span on.
#[inline(always)]
fn add_listed<V: Vector, const ALL: bool>(x: Pairs, lists: &PairLists, d: Columns, output: &mut impl Finish) {
    for_listed::<ALL>(x, lists, d, |listed| {
        for_spans!(V, d.columns, const { pair_spans::<V>() }, |span: N| listed.add::<V, _, N>(span, output));
    });
}

/// One span of all pairs.
#[inline(always)]
fn add_listed_in<V: Vector, L: Last, const N: usize, const ALL: bool>(
    x: Pairs,
    lists: &PairLists,
    d: Columns,
    span: Span<L>,
    output: &mut impl Finish,
) {
    for_listed::<ALL>(x, lists, d, |listed| listed.add::<V, _, N>(span, output));
}

/// Does `work` with pair after pair: `ALL`, or without those that are zero in all samples.
#[inline(always)]
fn for_listed<const ALL: bool>(x: Pairs, lists: &PairLists, d: Columns, mut work: impl FnMut(Listed)) {
    assert!(lists.samples() <= d.rows, "a row for each sample");
    let (values, mut first) = (x.batch.values(), 0);
    while first < x.columns {
        let entries = lists.of(x.first + first / PAIR);
        if ALL || !entries.is_empty() {
            work(Listed { first, is_alone: first + 1 == x.columns, entries, values, d });
        }
        first += PAIR;
    }
}

/// The rows of `Xᵀ·D` of a pair of columns, from what is listed of it.
#[derive(Clone, Copy)]
struct Listed<'a> {
    /// The first row of the two.
    first: usize,
    /// There is no second.
    is_alone: bool,
    /// Of samples for each of which `d` has a row: only [`for_listed`] makes this.
    entries: &'a [Entry],
    /// What a byte stands for.
    values: &'a [f32; 256],
    d: Columns<'a>,
}

impl Listed<'_> {
    /// Adds them up in the columns of `span`.
    #[inline(always)]
    fn add<V: Vector, L: Last, const N: usize>(self, span: Span<L>, output: &mut impl Finish) {
        if self.is_alone {
            output.finish(self.sums::<V, _, 1, N>(span), self.first, span);
        } else {
            output.finish(self.sums::<V, _, PAIR, N>(span), self.first, span);
        }
    }

    /// The first `M` of them.
    #[inline(always)]
    #[expect(unsafe_code, reason = "a check for each entry is a fourteenth of an update")]
    fn sums<V: Vector, L: Last, const M: usize, const N: usize>(self, span: Span<L>) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        for &entry in self.entries {
            let bytes = entry.bytes();
            // SAFETY: the sample of an entry is below `samples` of its lists, and `d` has a row for each of these: `for_listed` has asked.
            let row = unsafe { self.d.row_unchecked(entry.sample()) };
            add_term(&mut sums, |m| self.values[usize::from(bytes[m])], row, span);
        }
        sums
    }
}

/// Pair by pair: `ALL`, or without those that are zero in all samples.
#[inline(always)]
fn for_pairs<V: Vector, L: Last, const N: usize, const ALL: bool>(
    x: Pairs,
    d: Columns,
    span: Span<L>,
    output: &mut impl Finish,
) {
    let (columns, mut first) = (x.batch.paired(), x.first_from::<ALL>(0));
    while first < x.columns {
        let left = PairTerms { columns, pair: x.first + first / PAIR };
        if first + 1 == x.columns {
            let sums: Sums<V, 1, N> = left.sums(d, span);
            output.finish(sums, first, span);
        } else {
            let sums: Sums<V, PAIR, N> = left.sums(d, span);
            output.finish(sums, first, span);
        }
        first = x.first_from::<ALL>(first + PAIR);
    }
}

impl Pairs<'_> {
    /// Where the first pair from column `first` on begins: of all, or of those that are not zero in all samples. As many as there are columns, or more, if there is none.
    #[inline(always)]
    fn first_from<const ALL: bool>(self, first: usize) -> usize {
        let mut first = first;
        while !ALL && first < self.columns && self.batch.paired().is_zero(self.first + first / PAIR) {
            first += PAIR;
        }
        first
    }
}

/// A left factor.
trait Terms: Copy {
    /// `M` rows of `A·B` from `first` on, in the columns of `span`. They stay in registers.
    fn sums<V: Vector, L: Last, const M: usize, const N: usize>(
        self,
        right: Columns,
        first: usize,
        span: Span<L>,
    ) -> Sums<V, M, N>;
}

/// `sums ← sums + a·b`, of all `a` with the vectors of `row` in the columns of `span`. Of the two, those that are fewer stay in registers meanwhile.
#[inline(always)]
fn add_term<V: Vector, L: Last, const M: usize, const N: usize>(
    sums: &mut Sums<V, M, N>,
    a: impl Fn(usize) -> f32,
    row: &[f32],
    span: Span<L>,
) {
    if M < N {
        let (mut factors, lying) = ([V::splat(0.0); M], span.split::<V, N>(row));
        for m in 0..M {
            factors[m] = V::splat(a(m));
        }
        for n in 0..N {
            let b = span.load_nth::<V, N>(n, lying);
            for m in 0..M {
                sums[m][n] = span.multiply_add::<V, N>(n, factors[m], b, sums[m][n]);
            }
        }
    } else {
        let b: [V; N] = span.load(row);
        for m in 0..M {
            let a = V::splat(a(m));
            for n in 0..N {
                sums[m][n] = span.multiply_add::<V, N>(n, a, b[n], sums[m][n]);
            }
        }
    }
}

/// Row-major. The number of the row of `B` is `black_box`: a compiler that can tell how many terms there are takes two at once, and has the sums in
/// memory then, which takes half as long again.
#[derive(Clone, Copy)]
struct Rows<'a> {
    values: &'a [f32],
    stride: usize,
    terms: usize,
}

impl Terms for Rows<'_> {
    #[inline(always)]
    fn sums<V: Vector, L: Last, const M: usize, const N: usize>(
        self,
        right: Columns,
        first: usize,
        span: Span<L>,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut rows: [&[f32]; M] = [&[]; M];
        for m in 0..M {
            rows[m] = &self.values[(first + m) * self.stride..][..self.terms];
        }
        let mut k = 0;
        while k < self.terms {
            add_term(&mut sums, |m| rows[m][k], right.row(black_box(k)), span);
            k += 1;
        }
        sums
    }
}

/// Column-major: its rows are the columns of the factor.
impl Terms for Columns<'_> {
    #[inline(always)]
    fn sums<V: Vector, L: Last, const M: usize, const N: usize>(
        self,
        right: Columns,
        first: usize,
        span: Span<L>,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut k = 0;
        while k < self.rows {
            let a = &self.row(k)[first..][..M];
            add_term(&mut sums, |m| a[m], right.row(k), span);
            k += 1;
        }
        sums
    }
}

/// Samples of a group from the `first` on, without the columns that are zero in all of it. The right factor has a row for each column from `start` on.
#[derive(Clone, Copy)]
struct GroupRows<'a> {
    group: Group<'a>,
    first: usize,
    start: usize,
}

impl Terms for GroupRows<'_> {
    #[inline(always)]
    fn sums<V: Vector, L: Last, const M: usize, const N: usize>(
        self,
        right: Columns,
        first: usize,
        span: Span<L>,
    ) -> Sums<V, M, N> {
        let Self { group, start, .. } = self;
        let mut sums = [[V::splat(0.0); N]; M];
        let mut rows: [&[f32]; M] = [&[]; M];
        for m in 0..M {
            rows[m] = &group.entries[(self.first + first + m) * group.stride..][..group.columns.len()];
        }
        let mut k = 0;
        while k < group.columns.len() {
            let column = usize::from(group.columns[k]);
            let row = right.row(column.wrapping_sub(start)); // of a column before it there is no row
            add_term(&mut sums, |m| rows[m][k], row, span);
            k += 1;
        }
        sums
    }
}

/// A pair of columns, without the samples that are zero in both.
#[derive(Clone, Copy)]
struct PairTerms<'a> {
    columns: Paired<'a>,
    pair: usize,
}

impl PairTerms<'_> {
    /// See [`Terms::sums`]: of the first `M` of its columns.
    #[inline(always)]
    fn sums<V: Vector, L: Last, const M: usize, const N: usize>(self, right: Columns, span: Span<L>) -> Sums<V, M, N> {
        let Paired { bytes, stride, values, sets_of_pair, .. } = self.columns;
        let (mut sums, mut number) = ([[V::splat(0.0); N]; M], 0);
        while number < sets_of_pair {
            let mut left = self.columns.set(number, self.pair);
            while left != 0 {
                let sample = number * SET + left.trailing_zeros() as usize;
                left &= left - 1;
                let bytes = &bytes[sample * stride + self.pair * PAIR..][..M];
                add_term(&mut sums, |m| values[usize::from(bytes[m])], right.row(sample), span);
            }
            number += 1;
        }
        sums
    }
}

/// What becomes of sums.
trait Finish {
    /// Puts those of the rows from `first` on and the columns of `span` where they belong.
    fn finish<V: Vector, L: Last, const M: usize, const N: usize>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<L>,
    );
}

/// `C ← A·B`.
struct Overwrite<'a>(ColumnsMut<'a>);

impl Finish for Overwrite<'_> {
    #[inline(always)]
    fn finish<V: Vector, L: Last, const M: usize, const N: usize>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<L>,
    ) {
        for m in 0..M {
            span.store(sums[m], self.0.row(first + m));
        }
    }
}

/// The one or the other.
struct Put<'a> {
    output: SparseOutput,
    c: ColumnsMut<'a>,
}

impl Finish for Put<'_> {
    #[inline(always)]
    fn finish<V: Vector, L: Last, const M: usize, const N: usize>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<L>,
    ) {
        let c = self.c.reborrow();
        match self.output {
            SparseOutput::Overwrite => Overwrite(c).finish(sums, first, span),
            SparseOutput::Add { alpha } => Add { alpha, c }.finish(sums, first, span),
        }
    }
}

/// `C ← C + alpha·A·B`.
struct Add<'a> {
    alpha: f32,
    c: ColumnsMut<'a>,
}

impl Finish for Add<'_> {
    #[inline(always)]
    fn finish<V: Vector, L: Last, const M: usize, const N: usize>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<L>,
    ) {
        let mut rows = [0; M];
        for m in 0..M {
            rows[m] = first + m;
        }
        add_to(&mut self.c, rows, self.alpha, sums, span);
    }
}

/// The same in some rows of `C`: those of `columns`, counted from `start` on.
struct AddPicked<'a> {
    alpha: f32,
    c: ColumnsMut<'a>,
    columns: &'a [u16],
    start: usize,
}

impl Finish for AddPicked<'_> {
    #[inline(always)]
    fn finish<V: Vector, L: Last, const M: usize, const N: usize>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<L>,
    ) {
        let columns: &[u16; M] = self.columns[first..].first_chunk().expect("a column for each row");
        let mut rows = [0; M];
        for m in 0..M {
            rows[m] = usize::from(columns[m]).wrapping_sub(self.start); // of one before it no matrix has a row
        }
        add_to(&mut self.c, rows, self.alpha, sums, span);
    }
}

/// `C ← C + alpha·sums` in these rows of `C`.
#[inline(always)]
fn add_to<V: Vector, L: Last, const M: usize, const N: usize>(
    c: &mut ColumnsMut,
    rows: [usize; M],
    alpha: f32,
    mut sums: Sums<V, M, N>,
    span: Span<L>,
) {
    let alpha = V::splat(alpha);
    // All are read before one is written: a vector that is written in part cannot be read at once.
    for m in 0..M {
        let c: [V; N] = span.load(c.row(rows[m]));
        for n in 0..N {
            sums[m][n] = alpha.multiply_add(sums[m][n], c[n]);
        }
    }
    for m in 0..M {
        span.store(sums[m], c.row(rows[m]));
    }
}

/// `C ← (A·B)ᵀ`.
struct Transposed<'a>(ColumnsMut<'a>);

/// Lanes of the widest vectors.
const MOST_LANES: usize = 16;

impl Finish for Transposed<'_> {
    #[inline(always)]
    fn finish<V: Vector, L: Last, const M: usize, const N: usize>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<L>,
    ) {
        for n in 0..N {
            let mut done = 0;
            while done < M {
                let rows = if M - done < V::LANES { M - done } else { V::LANES };
                let mut block = [V::splat(0.0); MOST_LANES];
                for m in 0..rows {
                    block[m] = sums[done + m][n];
                }
                V::transpose(&mut block[..V::LANES]);
                for lane in 0..V::LANES {
                    let row = span.start + n * V::LANES + lane;
                    if row < self.0.rows() {
                        block[lane].store_first(rows, &mut self.0.row(row)[first + done..]);
                    }
                }
                done += rows;
            }
        }
    }
}
