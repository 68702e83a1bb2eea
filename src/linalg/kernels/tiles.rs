//! The loops of a product, for vectors of any kind. They are written out, without iterators and `from_fn`: what is not
//! inlined here is not compiled for the processor, and every call empties its registers.
#![allow(clippy::needless_range_loop, reason = "loops of constant length, which the compiler unrolls")]

use std::hint::black_box;

use super::vector::Vector;
use super::{ColumnsMut, Left, Output, Picked, Product};

/// The columns of a tile: some vectors from `start` on, the last of them with `last` lanes.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    last: usize,
}

/// The sums of a tile of `M` rows and `N` vectors.
type Sums<V, const M: usize, const N: usize> = [[V; N]; M];

/// See [`super::multiply`].
#[inline(always)]
pub fn multiply<V: Vector>(product: Product, output: Output) {
    match (product.left, output) {
        (Left::Rows { values, stride, picked: None }, Output::Overwrite(c)) => {
            by_spans::<V>(product, Rows { values, stride, row_of_b: black_box }, Overwrite(c));
        }
        (Left::Rows { values, stride, picked: Some(picked) }, Output::Overwrite(c)) => {
            let row_of_b = |k: usize| picked[k] as usize;
            by_spans::<V>(product, Rows { values, stride, row_of_b }, Overwrite(c));
        }
        (Left::Columns { values, stride }, Output::Add { alpha, c, picked }) => {
            by_spans::<V>(product, Columns { values, stride }, Add { alpha, c, picked });
        }
        (Left::Rows { values, stride, picked: None }, Output::Transposed(c)) => {
            by_spans::<V>(product, Rows { values, stride, row_of_b: black_box }, Transposed(c));
        }
        _ => panic!("no layer needs this product"),
    }
}

/// Span after span, of as many vectors as there are: two, or one that may have fewer lanes.
#[inline(always)]
fn by_spans<V: Vector>(product: Product, left: impl Terms, mut output: impl Finish) {
    let [of_two, of_one] = V::MOST_ROWS;
    let (lanes, end) = (V::LANES, product.right.columns);
    let mut start = 0;
    while end - start >= 2 * lanes {
        by_rows::<V, 2>(product, left, Span { start, last: lanes }, of_two, &mut output);
        start += 2 * lanes;
    }
    while start < end {
        let last = lanes.min(end - start);
        by_rows::<V, 1>(product, left, Span { start, last }, of_one, &mut output);
        start += last;
    }
}

/// All rows in the columns of `span`, in as few tiles as `most` rows each allow, of like height; where there is no tile of that height, the next
/// lower one, and what is left comes after it.
#[inline(always)]
fn by_rows<V: Vector, const N: usize>(
    product: Product,
    left: impl Terms,
    span: Span,
    most: usize,
    output: &mut impl Finish,
) {
    let mut first = 0;
    while first < product.rows {
        let rest = product.rows - first;
        let rows = rest.div_ceil(rest.div_ceil(most));
        macro_rules! tile_of {
            ($($m:literal)+) => {
                match rows {
                    $( $m.. if $m <= most => {
                        let sums: Sums<V, $m, N> = left.sums(product, first, span);
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

/// A left factor.
trait Terms: Copy {
    /// `M` rows of `A·B` from `first` on, in the columns of `span`. They stay in registers.
    fn sums<V: Vector, const M: usize, const N: usize>(
        self,
        product: Product,
        first: usize,
        span: Span,
    ) -> Sums<V, M, N>;
}

/// `N` vectors of `row`, the last of them with the lanes of `span`.
#[inline(always)]
fn load<V: Vector, const N: usize>(row: &[f32], span: Span) -> [V; N] {
    if N == 1 {
        return [V::load_first(span.last, row); N];
    }
    let mut vectors = [V::splat(0.0); N];
    for n in 0..N {
        vectors[n] = V::load(&row[n * V::LANES..]);
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

/// Row-major, each column multiplied with the row of `B` that `row_of_b` says. Where that is the row of the same number, it is `black_box`: a
/// compiler that can tell how many terms there are takes two at once, and has the sums in memory then, which takes half as long again.
#[derive(Clone, Copy)]
struct Rows<'a, F> {
    values: &'a [f32],
    stride: usize,
    row_of_b: F,
}

impl<F: Fn(usize) -> usize + Copy> Terms for Rows<'_, F> {
    #[inline(always)]
    fn sums<V: Vector, const M: usize, const N: usize>(
        self,
        product: Product,
        first: usize,
        span: Span,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut rows: [&[f32]; M] = [&[]; M];
        for m in 0..M {
            rows[m] = &self.values[(first + m) * self.stride..][..product.terms];
        }
        let mut k = 0;
        while k < product.terms {
            add_term(&mut sums, |m| rows[m][k], load(&product.right.row((self.row_of_b)(k))[span.start..], span));
            k += 1;
        }
        sums
    }
}

/// Column-major.
#[derive(Clone, Copy)]
struct Columns<'a> {
    values: &'a [f32],
    stride: usize,
}

impl Terms for Columns<'_> {
    #[inline(always)]
    fn sums<V: Vector, const M: usize, const N: usize>(
        self,
        product: Product,
        first: usize,
        span: Span,
    ) -> Sums<V, M, N> {
        let mut sums = [[V::splat(0.0); N]; M];
        let mut k = 0;
        while k < product.terms {
            let a = &self.values[k * self.stride + first..][..M];
            add_term(&mut sums, |m| a[m], load(&product.right.row(k)[span.start..], span));
            k += 1;
        }
        sums
    }
}

/// What becomes of sums.
trait Finish {
    /// Puts those of the rows from `first` on and the columns of `span` where they belong.
    fn finish<V: Vector, const M: usize, const N: usize>(&mut self, sums: Sums<V, M, N>, first: usize, span: Span);
}

/// Overwrites `N` vectors of `row`.
#[inline(always)]
fn store<V: Vector, const N: usize>(vectors: [V; N], row: &mut [f32], span: Span) {
    if N == 1 {
        return vectors[0].store_first(span.last, row);
    }
    for n in 0..N {
        vectors[n].store(&mut row[n * V::LANES..]);
    }
}

struct Overwrite<'a>(ColumnsMut<'a>);

impl Finish for Overwrite<'_> {
    #[inline(always)]
    fn finish<V: Vector, const M: usize, const N: usize>(&mut self, sums: Sums<V, M, N>, first: usize, span: Span) {
        for m in 0..M {
            store(sums[m], &mut self.0.row(first + m)[span.start..], span);
        }
    }
}

struct Add<'a> {
    alpha: f32,
    c: ColumnsMut<'a>,
    picked: Option<Picked<'a>>,
}

impl Finish for Add<'_> {
    #[inline(always)]
    fn finish<V: Vector, const M: usize, const N: usize>(&mut self, sums: Sums<V, M, N>, first: usize, span: Span) {
        let (alpha, mut sums) = (V::splat(self.alpha), sums);
        let mut rows = [0; M];
        for m in 0..M {
            rows[m] = self.picked.map_or(first + m, |picked| picked.row(first + m));
        }
        // All are read before one is written: a vector that is written in part cannot be read at once.
        for m in 0..M {
            let c: [V; N] = load(&self.c.row(rows[m])[span.start..], span);
            for n in 0..N {
                sums[m][n] = alpha.multiply_add(sums[m][n], c[n]);
            }
        }
        for m in 0..M {
            store(sums[m], &mut self.c.row(rows[m])[span.start..], span);
        }
    }
}

struct Transposed<'a>(ColumnsMut<'a>);

/// Lanes of the widest vectors.
const MOST_LANES: usize = 16;

impl Finish for Transposed<'_> {
    #[inline(always)]
    fn finish<V: Vector, const M: usize, const N: usize>(&mut self, sums: Sums<V, M, N>, first: usize, span: Span) {
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
