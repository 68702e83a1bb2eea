//! The loops of a product, for vectors of any kind. They are written out, without iterators and `from_fn`: what is not
//! inlined here is not compiled for the processor, and every call empties its registers.
#![allow(clippy::needless_range_loop, reason = "loops of constant length, which the compiler unrolls")]

use std::hint::black_box;

use ndarray::s;

use super::vector::Vector;
use super::{Columns, ColumnsMut, Left, Output, Product, Quads, SomeSamples};
use crate::linalg::sparse::{GROUP, Group, QUAD, Quad};

/// The columns of a tile: some vectors from `start` on, the last of them with `last` lanes. If it is `WHOLE`, these are all lanes.
#[derive(Clone, Copy)]
struct Span<const WHOLE: bool> {
    start: usize,
    last: usize,
}

/// The sums of a tile of `M` rows and `N` vectors.
type Sums<V, const M: usize, const N: usize> = [[V; N]; M];

/// Does `$work` with span after span of so many columns: of `$most` vectors each, two or four, and then one of those that are left, the last of which may have
/// fewer lanes.
macro_rules! for_spans {
    ($v:ident, $columns:expr, $most:expr, |$span:ident: $n:ident| $work:expr) => {{
        let (columns, most, mut start) = ($columns, $most, 0);
        macro_rules! span_of {
            ($of:literal, $whole:literal) => {{
                const $n: usize = $of;
                let last = (columns - start - ($n - 1) * $v::LANES).min($v::LANES);
                let $span = Span::<$whole> { start, last };
                $work;
                start += ($n - 1) * $v::LANES + last;
            }};
        }
        while columns - start >= most * $v::LANES {
            if most == 4 { span_of!(4, true) } else { span_of!(2, true) }
        }
        match (columns - start).div_ceil($v::LANES) {
            0 => {}
            1 => span_of!(1, false),
            2 => span_of!(2, false),
            3 if most == 4 => span_of!(3, false),
            _ if most == 4 => span_of!(4, false),
            _ => unreachable!("fewer are left"),
        }
        debug_assert_eq!(start, columns);
    }};
}

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
            for_spans!(V, right.columns, 2, |span: N| {
                by_rows::<V, N, _>(rows, left, right, span, &mut Overwrite(c.reborrow()));
            });
        }
        (Left::Columns(left), Output::Add { alpha, mut c }) => {
            for_spans!(V, right.columns, 2, |span: N| {
                by_rows::<V, N, _>(rows, left, right, span, &mut Add { alpha, c: c.reborrow() });
            });
        }
        (Left::Rows { values, stride }, Output::Transposed(mut c)) => {
            let left = Rows { values, stride, terms };
            for_spans!(V, right.columns, 2, |span: N| {
                by_rows::<V, N, _>(rows, left, right, span, &mut Transposed(c.reborrow()));
            });
        }
        _ => panic!("no layer needs this product"),
    }
}

/// Vectors of a span of a sparse product: a tile of five rows and four vectors has room in 32 registers, one of five and two in 16.
#[inline(always)]
const fn sparse_span<V: Vector>() -> usize {
    if V::LANES == 16 { 4 } else { 2 }
}

/// See [`super::multiply_sparse`]. Span after span, so that its columns of the weights are near when the next group reads them.
#[inline(always)]
pub fn multiply_sparse<V: Vector>(x: SomeSamples, w: Columns, output: SparseOutput, mut y: ColumnsMut) {
    let start = x.batch.columns_of(x.half).start;
    if x.batch.is_one_group() {
        let group = x.batch.half(0, x.batch.whole_group(), x.half);
        let left = GroupRows { group, first: x.first, start, value: |number| number };
        return for_spans!(V, w.columns, 2, |span: N| {
            by_rows::<V, N, _>(y.rows(), left, w, span, &mut Put { output, c: y.reborrow(), first: 0 });
        });
    }
    let values = x.batch.values();
    for_spans!(V, w.columns, sparse_span::<V>(), |span: N| {
        let mut first = 0;
        while first < y.rows() {
            let number = (x.first + first) / GROUP;
            let group = x.batch.half(number, x.batch.group(number), x.half);
            let left = GroupRows { group, first: 0, start, value: |byte| values[usize::from(byte)] };
            by_rows::<V, N, _>(group.samples, left, w, span, &mut Put { output, c: y.reborrow(), first });
            first += GROUP;
        }
    });
}

/// See [`super::add_sparse`].
#[inline(always)]
pub fn add_sparse<V: Vector>(x: Quads, d: Columns, output: SparseOutput, mut c: ColumnsMut) {
    match output {
        SparseOutput::Overwrite => for_spans!(V, d.columns, sparse_span::<V>(), |span: N| {
            for_quads::<V, N, _>(x, d, span, &mut Overwrite(c.reborrow()), |_| true);
        }),
        SparseOutput::Add { alpha } => for_spans!(V, d.columns, sparse_span::<V>(), |span: N| {
            let mut output = Add { alpha, c: c.reborrow() };
            for_quads::<V, N, _>(x, d, span, &mut output, |quad| !quad.terms.is_empty());
        }),
    }
}

/// See [`super::add_sparse`]: for a batch that is one group.
#[inline(always)]
pub fn add_group<V: Vector>(x: Quads, d: Columns, alpha: f32, mut c: ColumnsMut) {
    let (group, first) = (x.batch.whole_group(), x.first * QUAD);
    let [start, end] =
        [first, first + x.columns].map(|column| group.columns.partition_point(|&other| usize::from(other) < column));
    let columns = &group.columns[start..end];
    let left = Columns::new(group.matrix().slice_move(s![.., start..end]));
    for_spans!(V, d.columns, 2, |span: N| {
        let mut output = AddPicked { alpha, c: c.reborrow(), columns, start: first };
        by_rows::<V, N, _>(columns.len(), left, d, span, &mut output);
    });
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

/// All rows of `A·B` in the columns of `span`, in as few tiles as their height allows, of like height; where there is no tile of that height, the next
/// lower one, and what is left comes after it.
#[inline(always)]
fn by_rows<V: Vector, const N: usize, const WHOLE: bool>(
    rows: usize,
    left: impl Terms,
    right: Columns,
    span: Span<WHOLE>,
    output: &mut impl Finish,
) {
    let (most, mut first) = (most_rows::<V>(N), 0);
    while first < rows {
        let rest = rows - first;
        let height = rest.div_ceil(rest.div_ceil(most));
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

/// Quad by quad, those that count.
#[inline(always)]
fn for_quads<V: Vector, const N: usize, const WHOLE: bool>(
    x: Quads,
    d: Columns,
    span: Span<WHOLE>,
    output: &mut impl Finish,
    counts: impl Fn(Quad) -> bool,
) {
    let mut first = 0;
    while first < x.columns {
        let quad = x.batch.quad(x.first + first / QUAD);
        macro_rules! quad_of {
            ($m:literal) => {{
                let sums: Sums<V, $m, N> = quad.sums(d, 0, span);
                output.finish(sums, first, span);
            }};
        }
        match x.columns - first {
            _ if !counts(quad) => {}
            1 => quad_of!(1),
            2 => quad_of!(2),
            3 => quad_of!(3),
            _ => quad_of!(4),
        }
        first += QUAD;
    }
}

/// A left factor.
trait Terms: Copy {
    /// `M` rows of `A·B` from `first` on, in the columns of `span`. They stay in registers.
    fn sums<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        self,
        right: Columns,
        first: usize,
        span: Span<WHOLE>,
    ) -> Sums<V, M, N>;
}

/// `N` vectors of `row`, the last of them with the lanes of `span`.
#[inline(always)]
fn load<V: Vector, const N: usize, const WHOLE: bool>(row: &[f32], span: Span<WHOLE>) -> [V; N] {
    let mut vectors = [V::splat(0.0); N];
    for n in 0..N {
        let (values, is_short) = (&row[span.start + n * V::LANES..], !WHOLE && n + 1 == N);
        vectors[n] = if is_short { V::load_first(span.last, values) } else { V::load(values) };
    }
    vectors
}

/// `sums ← sums + a·b`, of all `a` with all `b`.
#[inline(always)]
fn add_term<V: Vector, const M: usize, const N: usize>(sums: &mut Sums<V, M, N>, a: impl Fn(usize) -> f32, b: [V; N]) {
    for m in 0..M {
        let a = V::splat(a(m));
        for n in 0..N {
            sums[m][n] = a.multiply_add(b[n], sums[m][n]);
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
    fn sums<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        self,
        right: Columns,
        first: usize,
        span: Span<WHOLE>,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut rows: [&[f32]; M] = [&[]; M];
        for m in 0..M {
            rows[m] = &self.values[(first + m) * self.stride..][..self.terms];
        }
        let mut k = 0;
        while k < self.terms {
            add_term(&mut sums, |m| rows[m][k], load(right.row(black_box(k)), span));
            k += 1;
        }
        sums
    }
}

/// Column-major: its rows are the columns of the factor.
impl Terms for Columns<'_> {
    #[inline(always)]
    fn sums<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        self,
        right: Columns,
        first: usize,
        span: Span<WHOLE>,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut k = 0;
        while k < self.rows {
            let a = &self.row(k)[first..][..M];
            add_term(&mut sums, |m| a[m], load(right.row(k), span));
            k += 1;
        }
        sums
    }
}

/// Samples of a group from the `first` on, without the columns that are zero in all of the group. The right factor has a row for each column from `start` on; `value` says
/// what an entry is.
#[derive(Clone, Copy)]
struct GroupRows<'a, T, F> {
    group: Group<'a, T>,
    first: usize,
    start: usize,
    value: F,
}

impl<T: Copy, F: Fn(T) -> f32 + Copy> Terms for GroupRows<'_, T, F> {
    #[inline(always)]
    fn sums<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        self,
        right: Columns,
        first: usize,
        span: Span<WHOLE>,
    ) -> Sums<V, M, N> {
        let Self { group, start, value, .. } = self;
        let mut sums = [[V::splat(0.0); N]; M];
        let mut rows: [&[T]; M] = [&[]; M];
        for m in 0..M {
            rows[m] = &group.entries[(self.first + first + m) * group.stride..][..group.columns.len()];
        }
        let mut k = 0;
        while k < group.columns.len() {
            let row = right.row(usize::from(group.columns[k]).wrapping_sub(start)); // of a column before it there is no row
            add_term(&mut sums, |m| value(rows[m][k]), load(row, span));
            k += 1;
        }
        sums
    }
}

/// Its columns, without the samples that are zero in all of them.
impl Terms for Quad<'_> {
    #[inline(always)]
    fn sums<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        self,
        right: Columns,
        _first: usize,
        span: Span<WHOLE>,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut k = 0;
        while k < self.terms.len() {
            let term = &self.terms[k];
            let row = right.row(usize::from(term.sample));
            add_term(&mut sums, |m| self.values[usize::from(term.bytes[m])], load(row, span));
            k += 1;
        }
        sums
    }
}

/// What becomes of sums.
trait Finish {
    /// Puts those of the rows from `first` on and the columns of `span` where they belong.
    fn finish<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<WHOLE>,
    );
}

/// Overwrites `N` vectors of `row`.
#[inline(always)]
fn store<V: Vector, const N: usize, const WHOLE: bool>(vectors: [V; N], row: &mut [f32], span: Span<WHOLE>) {
    for n in 0..N {
        let (values, is_short) = (&mut row[span.start + n * V::LANES..], !WHOLE && n + 1 == N);
        if is_short { vectors[n].store_first(span.last, values) } else { vectors[n].store(values) }
    }
}

/// `C ← A·B`.
struct Overwrite<'a>(ColumnsMut<'a>);

impl Finish for Overwrite<'_> {
    #[inline(always)]
    fn finish<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<WHOLE>,
    ) {
        for m in 0..M {
            store(sums[m], self.0.row(first + m), span);
        }
    }
}

/// The one or the other, from the `first` row of `C` on.
struct Put<'a> {
    output: SparseOutput,
    c: ColumnsMut<'a>,
    first: usize,
}

impl Finish for Put<'_> {
    #[inline(always)]
    fn finish<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<WHOLE>,
    ) {
        let (c, first) = (self.c.reborrow(), self.first + first);
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
    fn finish<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<WHOLE>,
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
    fn finish<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<WHOLE>,
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
fn add_to<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
    c: &mut ColumnsMut,
    rows: [usize; M],
    alpha: f32,
    mut sums: Sums<V, M, N>,
    span: Span<WHOLE>,
) {
    let alpha = V::splat(alpha);
    // All are read before one is written: a vector that is written in part cannot be read at once.
    for m in 0..M {
        let c: [V; N] = load(c.row(rows[m]), span);
        for n in 0..N {
            sums[m][n] = alpha.multiply_add(sums[m][n], c[n]);
        }
    }
    for m in 0..M {
        store(sums[m], c.row(rows[m]), span);
    }
}

/// `C ← (A·B)ᵀ`.
struct Transposed<'a>(ColumnsMut<'a>);

/// Lanes of the widest vectors.
const MOST_LANES: usize = 16;

impl Finish for Transposed<'_> {
    #[inline(always)]
    fn finish<V: Vector, const M: usize, const N: usize, const WHOLE: bool>(
        &mut self,
        sums: Sums<V, M, N>,
        first: usize,
        span: Span<WHOLE>,
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
