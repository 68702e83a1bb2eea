//! Products whose left factor has many zeros, each row in places of its own: the outputs of a rectified layer, of which about half are zero, and the gradients of these; and images.
//!
//! A tile has one row, and its terms are those that are not zero in it. So every multiply-add takes another vector of the right factor, which has to come from the first cache: the rows of the left factor run one by one
//! over a panel of [`TERMS`] rows and some columns of it before the next. Their sums are put aside meanwhile, which changes none of their bits. Where it pays the panel is copied, so that its lines do not take each other's place, nor is a vector cut by their ends.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ops::Range;

use super::{Columns, ColumnsMut, Finish, Last, MOST_LANES, Part, Put, Span, SparseOutput, Vector, Whole, for_spans};
use crate::linalg::bytes::prefetch;
use crate::linalg::kernels::{Left, Right, SomeSamples};
use crate::linalg::sparse::Each;

/// Rows of a panel: as many terms as a set has bits. With eight vectors of 16 these are 32 KB.
const TERMS: usize = u64::BITS as usize;

/// Rows of the left factor that run over a panel, at most. More of them share its copying, and have more sums to be put aside.
const ROWS: usize = 128;

/// Samples whose sums are put aside at once, at most, where a panel is not copied.
const AT_ONCE: usize = 64;

/// A right factor of more numbers, a megabyte of them, is far: it lies outside the second cache, with all that goes with it. Asking for what is near would cost a small product a twentieth.
const FAR: usize = 1 << 18;

/// Where it is far, what a row reads is asked for so many rows before.
const AHEAD: usize = 4;

/// See [`super::super::multiply_rows`].
#[inline(always)]
pub fn multiply_rows<V: Vector>(left: Left, right: Right, output: SparseOutput, c: ColumnsMut) {
    match left {
        Left::Rows { values, stride } => by_panels::<V>(Straight { values, stride }, right, output, c),
        Left::Columns(columns) => {
            by_panels::<V>(Turned { columns, first: 0, rows: [[0.0; TERMS]; ROWS] }, right, output, c);
        }
    }
}

/// See [`super::super::multiply_sparse`]: sample by sample.
#[inline(always)]
pub fn multiply_each<V: Vector>(x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) {
    by_panels::<V>(Images::of(x), Right::Rows(w), output, y);
}

/// With panels that are copied.
#[inline(always)]
fn by_panels<V: Vector>(mut left: impl LeftRows, right: Right, output: SparseOutput, c: ColumnsMut) {
    let (rows, columns) = (c.rows(), c.columns);
    let most = rows.div_ceil(rows.div_ceil(ROWS).max(1));
    let mut output = Put { output, c };
    for_spans!(V, columns, const { [8, widest::<V>()] }, |span: N| {
        let mut first = 0;
        while first < rows {
            let end = rows.min(first + most);
            over_panels::<V, _, N>(&mut left, first..end, right, span, &mut output);
            first = end;
        }
    });
}

/// See [`super::super::multiply_sparse`]: sample by sample, the rows of the weights read where they lie.
#[inline(always)]
pub fn multiply_in_place<V: Vector>(x: SomeSamples, w: Columns, output: SparseOutput, y: ColumnsMut) {
    let (left, samples, columns) = (Images::of(x), y.rows(), w.columns);
    let mut output = Put { output, c: y };
    let mut first = 0;
    while first < samples {
        let rows = first..samples.min(first + AT_ONCE);
        first = rows.end;
        if columns == 16 * V::LANES {
            let spans = [0, 8 * V::LANES].map(|start| Span { start, last: Whole });
            over_rows::<V, _, 8, 2>(rows, left, w, spans, &mut output);
        } else {
            for_spans!(V, columns, const { [8, widest::<V>()] }, |span: N| {
                over_rows::<V, _, N, 1>(rows.clone(), left, w, [span], &mut output);
            });
        }
    }
}

/// Vectors of a span, at most: with 16 registers their sums, a factor and a vector to multiply with are 15. A span of one or two takes as long as one of four or five, for its sums wait for each other.
#[inline(always)]
const fn widest<V: Vector>() -> usize {
    if V::LANES == 4 { 8 } else { 13 }
}

/// Some `rows` of the product, at most [`ROWS`], in the columns of `span`.
#[inline(always)]
fn over_panels<V: Vector, L: Last, const N: usize>(
    left: &mut impl LeftRows,
    rows: Range<usize>,
    right: Right,
    span: Span<L>,
    output: &mut Put,
) {
    let (mut panel, mut sums) = (Room::<[V; N], TERMS>::new(), Room::<[V; N], ROWS>::new());
    let (all_terms, width) = (right.terms(), span.width::<V, N>());
    let is_far = right.len() > FAR;
    let mut start = 0;
    loop {
        let terms = start..all_terms.min(start + TERMS);
        let is_last = terms.end == all_terms;
        copy::<V, _, N>(right, terms.clone(), span, &mut panel);
        left.prepare::<V>(rows.clone(), terms.clone());
        // A row ahead: where its terms end is foreseen wrongly, and nothing is read before that is known.
        let mut next = left.set::<V>(rows.start, terms.clone());
        let mut row = rows.start;
        while row < rows.end {
            let (entries, mut set) = (left.row(row, terms.clone()), next);
            if row + 1 < rows.end {
                next = left.set::<V>(row + 1, terms.clone());
            }
            if is_far && row + AHEAD < rows.end {
                prefetch(left.row(row + AHEAD, terms.clone()));
                if is_last {
                    prefetch(&output.c.row(row + AHEAD)[span.start..][..width]);
                }
            }
            if is_far && !is_last && row - rows.start < TERMS {
                ask_for(right, terms.end, row - rows.start, span.start..span.start + width);
            }
            let mut sum = if start == 0 { [V::splat(0.0); N] } else { *sums.get(row - rows.start) };
            while set != 0 {
                let k = set.trailing_zeros() as usize;
                set &= set - 1;
                let entry = V::splat(left.number(entries[k]));
                let vectors = panel.get(k);
                for n in 0..N {
                    sum[n] = span.multiply_add::<V, N>(n, entry, vectors[n], sum[n]);
                }
            }
            if is_last {
                output.finish([sum], row, span);
            } else {
                sums.put(row - rows.start, sum);
            }
            row += 1;
        }
        if is_last {
            return;
        }
        start = terms.end;
    }
}

/// Some `rows` of the product, at most [`AT_ONCE`], in the columns of `spans`, which lie side by side. A row's second span runs over the same terms as the first, so its end is foreseen, and its entries are near.
#[inline(always)]
fn over_rows<V: Vector, L: Last, const N: usize, const SPANS: usize>(
    rows: Range<usize>,
    left: Images,
    w: Columns,
    spans: [Span<L>; SPANS],
    output: &mut Put,
) {
    let mut room = Room::<[[V; N]; SPANS], AT_ONCE>::new();
    let sums = room.all(rows.len(), [[V::splat(0.0); N]; SPANS]);
    let width = (SPANS - 1) * N * V::LANES + spans[SPANS - 1].width::<V, N>();
    let columns = spans[0].start..spans[0].start + width;
    let is_far = Right::Rows(w).len() > FAR;
    let mut start = 0;
    while start < w.rows {
        let terms = start..w.rows.min(start + TERMS);
        let lying = spans.map(|span| w.part(terms.clone(), span.start..span.start + span.width::<V, N>()));
        // A row ahead: where its terms end is foreseen wrongly, and nothing is read before that is known.
        let mut next = left.set::<V>(rows.start, terms.clone());
        let mut row = rows.start;
        for sums in &mut *sums {
            let (entries, all) = (left.row(row, terms.clone()), next);
            if is_far {
                if row + AHEAD < rows.end {
                    prefetch(left.row(row + AHEAD, terms.clone()));
                }
                if terms.end < w.rows {
                    ask_for(Right::Rows(w), terms.end, row - rows.start, columns.clone());
                }
            }
            row += 1;
            if row < rows.end {
                next = left.set::<V>(row, terms.clone());
            }
            let values = black_box(left.values); // else the compiler reads from memory, for each term, where they are
            for s in 0..SPANS {
                let (mut set, mut sum, lying) = (all, sums[s], lying[s]);
                assert_eq!(lying.rows, entries.len(), "a row for each entry"); // so that one check in the loop does for both
                while set != 0 {
                    let k = set.trailing_zeros() as usize;
                    set &= set - 1;
                    let entry = V::splat(values[usize::from(entries[k])]);
                    let vectors: [V; N] = Span { start: 0, ..spans[s] }.load(lying.row(k));
                    for n in 0..N {
                        sum[n] = spans[s].multiply_add::<V, N>(n, entry, vectors[n], sum[n]);
                    }
                }
                sums[s] = sum;
            }
        }
        start = terms.end;
    }
    for (row, sums) in rows.zip(sums) {
        for s in 0..SPANS {
            output.finish([sums[s]], row, spans[s]);
        }
    }
}

/// Copies the rows for some `terms` of the right factor, in the columns of `span`.
#[inline(always)]
fn copy<V: Vector, L: Last, const N: usize>(
    right: Right,
    terms: Range<usize>,
    span: Span<L>,
    panel: &mut Room<[V; N], TERMS>,
) {
    let mut k = 0;
    match right {
        Right::Rows(rows) => {
            while k < terms.len() {
                panel.put(k, span.load(rows.row(terms.start + k)));
                k += 1;
            }
        }
        Right::Columns(columns) => {
            while k < terms.len() {
                let some = V::LANES.min(terms.len() - k);
                let mut turned = [[V::splat(0.0); MOST_LANES]; N];
                for n in 0..N {
                    let width = if n + 1 < N { V::LANES } else { span.last.lanes::<V>() };
                    turn_block(columns, span.start + n * V::LANES, width, terms.start + k, some, &mut turned[n]);
                }
                for l in 0..some {
                    let mut vectors = [V::splat(0.0); N];
                    for n in 0..N {
                        vectors[n] = turned[n][l];
                    }
                    panel.put(k + l, vectors);
                }
                k += some;
            }
        }
    }
}

/// Turns `height` rows of `matrix` from the `row`-th on, in `width` columns from the `column`-th on, neither more than a vector has lanes: its columns are the first rows of `turned`, zeros behind them.
#[inline(always)]
fn turn_block<V: Vector>(
    matrix: Columns,
    row: usize,
    height: usize,
    column: usize,
    width: usize,
    turned: &mut [V; MOST_LANES],
) {
    for l in 0..height {
        let values = &matrix.row(row + l)[column..];
        turned[l] = if width == V::LANES { V::load(values) } else { V::load_first(width, values) };
    }
    for l in height..V::LANES {
        turned[l] = V::splat(0.0);
    }
    V::transpose(&mut turned[..V::LANES]);
}

/// Asks for as much of the panel of terms from `start` on as a row is: for its `number`-th row, or for those of its columns with that number and some more.
#[inline(always)]
fn ask_for(right: Right, start: usize, number: usize, columns: Range<usize>) {
    match right {
        Right::Rows(rows) => {
            if start + number < rows.rows {
                prefetch(&rows.row(start + number)[columns]);
            }
        }
        Right::Columns(matrix) => {
            for column in (columns.start + number..columns.end).step_by(TERMS) {
                let entries = &matrix.row(column)[start..];
                prefetch(&entries[..entries.len().min(TERMS)]);
            }
        }
    }
}

impl Right<'_> {
    /// K.
    fn terms(self) -> usize {
        match self {
            Self::Rows(rows) => rows.rows,
            Self::Columns(columns) => columns.columns,
        }
    }

    /// Numbers from its beginning to its end.
    fn len(self) -> usize {
        let (Self::Rows(matrix) | Self::Columns(matrix)) = self;
        matrix.rows * matrix.stride
    }
}

/// A left factor, some terms of a row at a time, of which there are at most [`TERMS`].
trait LeftRows {
    /// What it has of a number.
    type Entry: Copy;

    /// Called before a row is asked for, of any of these with these terms.
    #[inline(always)]
    fn prepare<V: Vector>(&mut self, _rows: Range<usize>, _terms: Range<usize>) {}

    /// These entries of a row.
    fn row(&self, row: usize, terms: Range<usize>) -> &[Self::Entry];

    /// Which of them are not zero, a bit for each.
    fn set<V: Vector>(&self, row: usize, terms: Range<usize>) -> u64;

    /// The number.
    fn number(&self, entry: Self::Entry) -> f32;
}

/// Which of at most [`TERMS`] entries are not zero, a bit for each.
#[inline(always)]
fn not_zero<V: Vector>(entries: &[f32]) -> u64 {
    let (mut set, mut k) = (0, 0);
    while k + V::LANES <= entries.len() {
        set |= V::load(&entries[k..]).not_zero() << k;
        k += V::LANES;
    }
    if k < entries.len() {
        set |= V::load_first(entries.len() - k, &entries[k..]).not_zero() << k;
    }
    set
}

/// Row-major.
struct Straight<'a> {
    values: &'a [f32],
    stride: usize,
}

impl LeftRows for Straight<'_> {
    type Entry = f32;

    #[inline(always)]
    fn row(&self, row: usize, terms: Range<usize>) -> &[f32] {
        &self.values[row * self.stride..][terms]
    }

    #[inline(always)]
    fn set<V: Vector>(&self, row: usize, terms: Range<usize>) -> u64 {
        not_zero::<V>(self.row(row, terms))
    }

    #[inline(always)]
    fn number(&self, entry: f32) -> f32 {
        entry
    }
}

/// Column-major, turned by and by.
struct Turned<'a> {
    columns: Columns<'a>,
    /// The number of the first of `rows`.
    first: usize,
    rows: [[f32; TERMS]; ROWS],
}

impl LeftRows for Turned<'_> {
    type Entry = f32;

    #[inline(always)]
    fn prepare<V: Vector>(&mut self, rows: Range<usize>, terms: Range<usize>) {
        self.first = rows.start;
        let mut k = 0;
        while k < terms.len() {
            let height = V::LANES.min(terms.len() - k);
            let mut row = 0;
            while row < rows.len() {
                let width = V::LANES.min(rows.len() - row);
                let mut block = [V::splat(0.0); MOST_LANES];
                turn_block(self.columns, terms.start + k, height, rows.start + row, width, &mut block);
                for l in 0..width {
                    block[l].store(&mut self.rows[row + l][k..]);
                }
                row += width;
            }
            k += height;
        }
    }

    #[inline(always)]
    fn row(&self, row: usize, terms: Range<usize>) -> &[f32] {
        &self.rows[row - self.first][..terms.len()]
    }

    #[inline(always)]
    fn set<V: Vector>(&self, row: usize, terms: Range<usize>) -> u64 {
        not_zero::<V>(self.row(row, terms))
    }

    #[inline(always)]
    fn number(&self, entry: f32) -> f32 {
        entry
    }
}

/// Samples of a batch from the `first` on, in its columns from `start` on.
#[derive(Clone, Copy)]
struct Images<'a> {
    each: Each<'a>,
    first: usize,
    start: usize,
    values: &'static [f32; 256],
}

impl<'a> Images<'a> {
    #[inline(always)]
    fn of(x: SomeSamples<'a>) -> Self {
        let start = x.batch.columns_of(x.half).start;
        Self { each: x.batch.each(), first: x.first, start, values: x.batch.values() }
    }
}

impl LeftRows for Images<'_> {
    type Entry = u8;

    #[inline(always)]
    fn row(&self, row: usize, terms: Range<usize>) -> &[u8] {
        self.each.bytes(self.first + row, self.start + terms.start..self.start + terms.end)
    }

    #[inline(always)]
    fn set<V: Vector>(&self, row: usize, terms: Range<usize>) -> u64 {
        self.each.set(self.first + row, &(self.start + terms.start..self.start + terms.end))
    }

    #[inline(always)]
    fn number(&self, entry: u8) -> f32 {
        self.values[usize::from(entry)]
    }
}

/// Room for values, of which a product needs a part. It is not cleared as a whole: that would take as long as a tenth of a small product. Values are put into it in order at first, and overwritten then; or all that are needed are set before.
struct Room<T, const SIZE: usize> {
    values: [MaybeUninit<T>; SIZE],
    filled: usize,
}

impl<T: Copy, const SIZE: usize> Room<T, SIZE> {
    #[inline(always)]
    fn new() -> Self {
        Self { values: [const { MaybeUninit::uninit() }; SIZE], filled: 0 }
    }

    /// The first `count` places, with `value` in each.
    #[inline(always)]
    #[expect(unsafe_code, reason = "only what was written is lent")]
    fn all(&mut self, count: usize, value: T) -> &mut [T] {
        let places = &mut self.values[..count];
        for place in &mut *places {
            place.write(value);
        }
        self.filled = count;
        // SAFETY: each of these places was written just now, and `MaybeUninit` lies in memory as what is in it.
        unsafe { &mut *(std::ptr::from_mut(places) as *mut [T]) }
    }

    #[inline(always)]
    fn put(&mut self, place: usize, value: T) {
        assert!(place <= self.filled, "in order");
        self.values[place].write(value);
        self.filled = self.filled.max(place + 1);
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "read only where something was put")]
    fn get(&self, place: usize) -> &T {
        assert!(place < self.filled, "nothing was put there");
        // SAFETY: every place before `filled` was written.
        unsafe { self.values[place].assume_init_ref() }
    }
}
