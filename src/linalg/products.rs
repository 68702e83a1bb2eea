//! The three products of a layer, each by whoever is fastest at it: BLAS or [`kernels`], one thread or the [`team`].

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};

use super::kernels::{self, Columns, ColumnsMut, Kind, Left, Output, Product, Right, SomeSamples, SparseOutput};
use super::pairs::PAIR;
use super::samples::{Factor, Samples};
use super::sparse::{Half, SparseBatch};
use super::{gemm, some_columns, some_rows, team};

/// A part of a product has at least so many floating-point operations: it takes 2 µs, and to hand it over 0.2.
const WORTH_SHARING: usize = 300_000;

/// What an optimizer that has other matrices does with an element counts as so many operations of a product when parts are counted. With the
/// division of Intel's processors Adam's took as long as 85, that of momentum less.
const UPDATE: usize = 30;

/// Fewer rows do not pay for a copy of the right factor, nor fewer terms for putting a row's sums aside.
const MANY_ROWS: usize = 32;

/// Matrices are cut at multiples of so many columns or rows. As many columns are a cache line: where rows are whole lines, each has one writer.
const LINE: usize = 16;

const _: () = assert!(LINE.is_multiple_of(PAIR), "no pair is cut");

/// `Y ← X·W`: `x` (B, I), `w` (I, O) read, `y` (B, O) overwritten.
///
/// # Panics
/// If shapes disagree or a matrix is not contiguous.
pub fn multiply(x: Samples, w: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    multiply_by(x.kernels(w.ncols()), x, w, y);
}

/// [`multiply`] by the vector code of a kind, or by BLAS, which takes whole samples only.
///
/// # Panics
/// As it, and if this processor does not run the kind.
pub fn multiply_by(kind: Option<Kind>, x: Samples, w: ArrayView2<f32>, mut y: ArrayViewMut2<f32>) {
    let (samples, columns) = y.dim();
    assert_eq!((x.samples(), x.width(), columns), (samples, w.nrows(), w.ncols()), "shapes disagree");
    let (axis, parts) = cut_result(x.forward_operations(columns), samples, columns, team::size());
    let cut = |length| cut_off(&mut y, axis, length);
    parts.by(kind).share(cut, |first, y| {
        if axis == Axis(0) {
            multiply_here(kind, x, first, w, y);
        } else {
            let w = some_columns(w, first..first + y.ncols());
            multiply_here(kind, x, 0, w, y);
        }
    });
}

/// `Y ← X·Wᵀ`, for `w` (O, I) of few long rows, a layer's weights that are kept turned: `x` (B, I) read, `y` (B, O) overwritten. The other two products of such a layer are `multiply(δ, w)`, and the update of `w`
/// with `δ` for samples and `x` for gradients.
///
/// # Panics
/// As [`multiply`].
pub fn multiply_turned(x: ArrayView2<f32>, w: ArrayView2<f32>, mut y: ArrayViewMut2<f32>) {
    assert_eq!((x.nrows(), w.nrows(), x.ncols()), (y.nrows(), y.ncols(), w.ncols()), "shapes disagree");
    let operations = 2 * x.len() * w.nrows();
    let kind = Kind::for_product(operations);
    let work = |first, y: ArrayViewMut2<f32>| {
        let x = some_rows(x, first..first + y.nrows());
        match kind {
            Some(kind) => kernels::dots(kind, Columns::new(x), Columns::new(w), ColumnsMut::new(y)),
            None => gemm(1.0, x, w.t(), 0.0, y),
        }
    };
    let parts = Parts::new(operations, y.nrows(), 1, team::size()).by(kind);
    parts.share(|length| cut_off(&mut y, Axis(0), length), work);
}

/// Where `X·W` or `δ·Wᵀ`, of so many `operations`, `samples` and `columns`, is cut for a team of `threads`: its columns, or its samples where these make parts that are more alike. 100
/// columns are seven vectors: of two threads one would have four of them, but of 100 samples each 50. By columns each thread
/// reads its own of the weights, by samples all: for less than a twentieth it is not worth it. (Half vectors are left out of account.)
fn cut_result(operations: usize, samples: usize, columns: usize, threads: usize) -> (Axis, Parts) {
    let by_columns = Parts::new(operations, columns, LINE, threads);
    if operations < 2 * WORTH_SHARING {
        return (Axis(1), by_columns);
    }
    let by_samples = Parts::new(operations, samples, 1, threads);
    let lines = |columns: usize| columns.div_ceil(LINE);
    let [of_columns, of_samples] = [lines(by_columns.longest()) * samples, lines(columns) * by_samples.longest()];
    if 20 * of_samples < 19 * of_columns { (Axis(0), by_samples) } else { (Axis(1), by_columns) }
}

/// [`cut_result`] for `δ·Wᵀ`, of which each part turns all of its weights: not into parts of few samples.
fn cut_backward(operations: usize, samples: usize, inputs: usize, threads: usize) -> (Axis, Parts) {
    let (axis, parts) = cut_result(operations, samples, inputs, threads);
    if axis == Axis(0) && parts.longest() < MANY_ROWS {
        return (Axis(1), Parts::new(operations, inputs, LINE, threads));
    }
    (axis, parts)
}

/// Parts that a forward product of so many `operations`, with `samples` and `columns`, is cut into for a team of `threads`.
pub fn parts(operations: usize, samples: usize, columns: usize, threads: usize) -> usize {
    cut_result(operations, samples, columns, threads).1.count
}

/// `Y ← X·W` for some columns of `W` and as many samples from `first` on as `y` has rows, by this thread.
fn multiply_here(kind: Option<Kind>, x: Samples, first: usize, w: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    assert_eq!((x.width(), w.ncols()), (w.nrows(), y.ncols()), "shapes disagree");
    assert!(first + y.nrows() <= x.samples(), "shapes disagree");
    let Some(kind) = kind else {
        return gemm(1.0, some_rows(x.whole(), first..first + y.nrows()), w, 0.0, y);
    };
    match x {
        Samples::Whole(x) => {
            let (stride, terms, rows) = (x.ncols(), x.ncols(), y.nrows());
            let left = Left::Rows { values: &slice(x)[first * stride..], stride };
            if leaves_out_zeros(kind, x, [rows, terms, w.ncols()]) {
                let (right, y) = (Right::Rows(Columns::new(w)), ColumnsMut::new(y));
                return kernels::multiply_rows(kind, left, right, SparseOutput::Overwrite, y);
            }
            let product = Product { left, rows, terms, right: Columns::new(w) };
            kernels::multiply(kind, product, Output::Overwrite(ColumnsMut::new(y)));
        }
        Samples::Sparse(batch) => multiply_halves(kind, batch, first, &[Half::First, Half::Second], w, y),
    }
}

/// Whether a product of so many `rows`, `terms` and `columns` is computed row by row, without what is zero in its left factor: `entries` are that, or what it is the transpose of. Its bits are the
/// same either way. Whole tiles are as fast where less than a quarter is zero; a few rows tell.
fn leaves_out_zeros(kind: Kind, entries: ArrayView2<f32>, shape: [usize; 3]) -> bool {
    const LOOKED_AT: usize = 8;
    may_leave_out_zeros(kind, shape) && {
        let some = entries.slice(s![..;entries.nrows().div_ceil(LOOKED_AT), ..]);
        4 * some.iter().filter(|&&entry| entry == 0.0).count() >= some.len()
    }
}

/// Whether a product of so many `rows`, `terms` and `columns` by these kernels is computed without what is zero in its left factor, if that is much.
pub fn may_leave_out_zeros(kind: Kind, [rows, terms, columns]: [usize; 3]) -> bool {
    /// Fewer columns are too few vectors to keep the processor busy.
    const WIDE: usize = 64;
    kind != Kind::Portable && rows.min(terms) >= MANY_ROWS && columns >= WIDE
}

/// The sums over some halves of `X·W`, of as many samples from `first` on as `y` has rows, by this thread: `w` are the rows of
/// these halves, or some columns of them, `y` is overwritten.
fn multiply_halves(
    kind: Kind,
    batch: &SparseBatch,
    first: usize,
    halves: &[Half],
    w: ArrayView2<f32>,
    mut y: ArrayViewMut2<f32>,
) {
    let start = batch.columns_of(halves[0]).start;
    let mut output = SparseOutput::Overwrite;
    for &half in halves {
        let rows = batch.columns_of(half);
        let w = some_rows(w, rows.start - start..rows.end - start);
        let y = ColumnsMut::new(y.view_mut());
        kernels::multiply_sparse(kind, SomeSamples { first, half, batch }, Columns::new(w), output, y);
        output = SparseOutput::Add { alpha: 1.0 };
    }
}

/// `W ← alpha·Xᵀ·D + beta·W`: `x` (B, I), `d` (B, O) read, `w` (I, O) written; with `beta` 0 whatever `w` held is ignored.
///
/// # Panics
/// As [`multiply`].
pub fn add_product(alpha: f32, x: Samples, d: ArrayView2<f32>, beta: f32, w: ArrayViewMut2<f32>) {
    add_product_by(x.kernels(d.ncols()), alpha, x, d, beta, w);
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
    mut w: ArrayViewMut2<f32>,
) {
    require_shapes(x, d, &w);
    let operations = x.update_operations(d.ncols());
    let x = x.of_rows(0..w.nrows());
    let work = |first, w: ArrayViewMut2<f32>| {
        let d = some_columns(d, first..first + w.ncols());
        add_product_here(kind, alpha, x, d, beta, w);
    };
    let parts = Parts::new(operations, w.ncols(), LINE, team::size()).by(kind);
    parts.share(|width| cut_off(&mut w, Axis(1), width), work);
}

/// Of `x` (B, I), `d` (B, O) and `w` (I, O).
fn require_shapes(x: Samples, d: ArrayView2<f32>, w: &ArrayViewMut2<f32>) {
    assert_eq!((x.samples(), x.width(), d.ncols()), (d.nrows(), w.nrows(), w.ncols()), "shapes disagree");
}

/// `W ← alpha·Xᵀ·D + beta·W` for some columns of `W`, or some of its rows, by this thread.
fn add_product_here(
    kind: Option<Kind>,
    alpha: f32,
    x: Factor,
    d: ArrayView2<f32>,
    beta: f32,
    mut w: ArrayViewMut2<f32>,
) {
    let Some(kind) = kind else { return gemm(alpha, x.whole().t(), d, beta, w) };
    let leaves_out_zeros = match x {
        Factor::Whole(x) => leaves_out_zeros(kind, x, [w.nrows(), x.nrows(), w.ncols()]),
        Factor::Sparse(x) => !x.batch.is_one_group(),
    };
    let overwrites = leaves_out_zeros && alpha == 1.0 && beta == 0.0;
    match beta {
        1.0 => {}
        0.0 if overwrites => {}
        0.0 => w.fill(0.0),
        beta => w.mapv_inplace(|w| w * beta), // every row: also those of inputs that are zero in the whole batch
    }
    let output = if overwrites { SparseOutput::Overwrite } else { SparseOutput::Add { alpha } };
    match x {
        Factor::Whole(x) => {
            let ((samples, rows), w) = (x.dim(), ColumnsMut::new(w));
            assert_eq!(samples, d.nrows(), "shapes disagree");
            let left = Left::Columns(Columns::new(x));
            if leaves_out_zeros {
                return kernels::multiply_rows(kind, left, Right::Rows(Columns::new(d)), output, w);
            }
            let product = Product { left, rows, terms: samples, right: Columns::new(d) };
            kernels::multiply(kind, product, Output::Add { alpha, c: w });
        }
        Factor::Sparse(x) => {
            assert_eq!(x.batch.samples(), d.nrows(), "shapes disagree");
            kernels::add_sparse(kind, x, Columns::new(d), output, ColumnsMut::new(w));
        }
    }
}

/// `Y' ← Y' + (X'·Xᵀ)·D`, by this thread. `y` (S, O) holds `X'·W` for the `samples` of a step, with the weights as they were before all steps that learn from `batch`; those before it,
/// with the samples `X` (R, I) and `d` (R, O), would have added `Xᵀ·D` to them by now.
///
/// # Panics
/// If shapes disagree, or these are not the samples of a step.
pub fn add_steps_before(batch: &SparseBatch, samples: Range<usize>, d: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    let left = batch.before(samples);
    let ((terms, rows), columns) = (left.dim(), y.ncols());
    assert_eq!((d.dim(), y.nrows()), ((terms, columns), rows), "shapes disagree");
    let product = Product { left: Left::Columns(Columns::new(left)), rows, terms, right: Columns::new(d) };
    kernels::multiply(Kind::of_this_processor(), product, Output::Add { alpha: 1.0, c: ColumnsMut::new(y) });
}

/// The first product of the next step: `Y ← X·W`, `x` (B, I), `y` (B, O), as soon as `W` is learnt.
#[derive(Debug)]
pub struct Next<'x, 'y> {
    /// `X`.
    pub x: Samples<'x>,
    /// `Y`.
    pub y: ArrayViewMut2<'y, f32>,
    /// As large, to be overwritten with anything.
    pub scratch: ArrayViewMut2<'y, f32>,
}

/// The gradient `Xᵀ·D` of a part of a weight matrix, not multiplied yet.
#[derive(Debug, Clone, Copy)]
pub struct Gradient<'x, 'd> {
    /// The vector code that multiplies it, or BLAS.
    kind: Option<Kind>,
    x: Factor<'x>,
    d: ArrayView2<'d, f32>,
}

impl Gradient<'_, '_> {
    /// `W ← W + alpha·Xᵀ·D`, in this part.
    pub fn add_to(self, alpha: f32, w: ArrayViewMut2<f32>) {
        add_product_here(self.kind, alpha, self.x, self.d, 1.0, w);
    }

    /// `W ← W - decay·W + alpha·Xᵀ·D`, in this part. What decays is not left to the product: `1 - decay` rounds to a multiple of 6e-8, in every step to
    /// the same side, and to 1 where `decay` is small.
    pub fn add_to_decayed(self, alpha: f32, decay: f32, mut w: ArrayViewMut2<f32>) {
        if decay > 0.0 {
            w.mapv_inplace(|w| w - decay * w);
        }
        self.add_to(alpha, w);
    }

    /// `G ← Xᵀ·D`, in this part.
    pub fn overwrite(self, g: ArrayViewMut2<f32>) {
        add_product_here(self.kind, 1.0, self.x, self.d, 0.0, g);
    }
}

/// Learns a weight matrix together with others of its shape, by rows, and then multiplies the first product of the next step. Each part of a matrix
/// is one run of memory: by columns every row would be cut, and a processor that fetches ahead of one thread what follows would take it from the
/// other. Where there are two parts, whoever has learnt one multiplies with it.
/// `matrices` are the weights `W` (I, O), then others of its shape or without a row; `learn` is called with the gradient and the same rows of all of them,
/// until it was called for each row once.
///
/// # Panics
/// As [`multiply`].
pub fn learn_rows<const N: usize>(
    x: Samples,
    d: ArrayView2<f32>,
    mut matrices: [ArrayViewMut2<f32>; N],
    next: Option<Next>,
    learn: impl Fn(Gradient, [ArrayViewMut2<f32>; N]) + Sync,
) {
    require_shapes(x, d, &matrices[0]);
    let (inputs, outputs) = matrices[0].dim();
    let alike = |matrix: &ArrayViewMut2<f32>| matrix.nrows() == 0 || matrix.dim() == (inputs, outputs);
    assert!(matrices.iter().all(alike), "shapes disagree");
    let kind = x.kernels(outputs);
    let operations = x.update_operations(outputs) + if N > 1 { UPDATE * inputs * outputs } else { 0 };
    let learn = |first, matrices: [ArrayViewMut2<f32>; N]| {
        let x = x.of_rows(first..first + matrices[0].nrows());
        learn(Gradient { kind, x, d }, matrices);
    };
    match (kind, next) {
        (Some(kind), Some(Next { x: Samples::Sparse(batch), y, scratch }))
            if learns_by_halves(operations, team::size()) =>
        {
            learn_and_multiply_halves(kind, operations, matrices, learn, (batch, y, scratch));
        }
        (_, next) => {
            let mut rest = matrices.each_mut().map(|matrix| matrix.view_mut());
            let cut = |height| rest.each_mut().map(|matrix| cut_off(matrix, Axis(0), height));
            Parts::new(operations, inputs, LINE, team::size()).by(kind).share(cut, learn);
            next.into_iter().for_each(|Next { x, y, .. }| multiply(x, matrices[0].view(), y));
        }
    }
}

/// Whether a team learns by halves of the rows, each of which whoever learnt it multiplies with at once. More than two threads do only where learning
/// takes so few `operations` that another hand-over, and fetching the weights that others have learnt, would take longer.
fn learns_by_halves(operations: usize, threads: usize) -> bool {
    threads <= 2 || operations < 4 * WORTH_SHARING
}

/// [`learn_rows`] in two parts, or one. The first multiplies `batch` with its half of `W` into `y`, the second into `scratch`, which is then added.
fn learn_and_multiply_halves<const N: usize>(
    kind: Kind,
    operations: usize,
    mut matrices: [ArrayViewMut2<f32>; N],
    learn: impl Fn(usize, [ArrayViewMut2<f32>; N]) + Sync,
    (batch, mut y, mut scratch): (&SparseBatch, ArrayViewMut2<f32>, ArrayViewMut2<f32>),
) {
    let outputs = matrices[0].ncols();
    assert_eq!((y.dim(), batch.width()), ((batch.samples(), outputs), matrices[0].nrows()), "shapes disagree");
    assert_eq!(y.dim(), scratch.dim(), "shapes disagree");
    let operations = operations + 2 * batch.forward_terms() * outputs;
    let is_too_small = operations < 2 * WORTH_SHARING || !(1..batch.width()).contains(&batch.middle());
    let parts = if is_too_small { 1 } else { 2.min(team::size()) };
    let mut is_cut = false;
    {
        let mut sums = [y.view_mut(), scratch.view_mut()].into_iter();
        let piece = |part, of| {
            is_cut = of == 2;
            let halves = match (part, of) {
                (_, 1) => &[Half::First, Half::Second][..],
                (0, _) => &[Half::First],
                _ => &[Half::Second],
            };
            let height = halves.iter().map(|&half| batch.columns_of(half).len()).sum();
            let rows = matrices.each_mut().map(|matrix| cut_off(matrix, Axis(0), height));
            (halves, rows, sums.next().expect("one for each half"))
        };
        team::for_each(parts, 1, piece, |(halves, mut rows, y)| {
            let first = batch.columns_of(halves[0]).start;
            learn(first, rows.each_mut().map(|rows| rows.view_mut()));
            multiply_halves(kind, batch, 0, halves, rows[0].view(), y);
        });
    }
    if is_cut {
        y += &scratch;
    }
}

/// Floats of scratch that [`multiply_transposed`] needs for `d` (B, O): of rows that are filled up for the widest vectors.
pub fn transposed_len(b: usize, o: usize) -> usize {
    b.next_multiple_of(LINE) * o
}

/// `X ← D·Wᵀ`, for `w` of many short rows: `d` (B, O), `w` (I, O) read, `x` (B, I) and `scratch`, at least [`transposed_len`], overwritten.
///
/// # Panics
/// As [`multiply`].
pub fn multiply_transposed(d: ArrayView2<f32>, w: ArrayView2<f32>, mut x: ArrayViewMut2<f32>, scratch: &mut [f32]) {
    let ((samples, terms), inputs) = (d.dim(), x.ncols());
    assert_eq!((x.nrows(), inputs, terms), (samples, w.nrows(), w.ncols()), "shapes disagree");
    let operations = 2 * inputs * terms * samples;
    let kind = Kind::for_product(operations);
    let Some(kind) = kind.filter(|&kind| !leaves_out_zeros(kind, d, [samples, terms, inputs])) else {
        let (axis, parts) = cut_backward(operations, samples, inputs, team::size());
        let work = |first, x: ArrayViewMut2<f32>| {
            let (sample, input) = if axis == Axis(0) { (first, 0) } else { (0, first) };
            let (d, w) = (some_rows(d, sample..sample + x.nrows()), some_rows(w, input..input + x.ncols()));
            let Some(kind) = kind else { return gemm(1.0, d, w.t(), 0.0, x) };
            let (left, right) = (Left::Rows { values: slice(d), stride: terms }, Right::Columns(Columns::new(w)));
            kernels::multiply_rows(kind, left, right, SparseOutput::Overwrite, ColumnsMut::new(x));
        };
        return parts.by(kind).share(|length| cut_off(&mut x, axis, length), work);
    };
    // Kernels want rows of the right factor, and Wᵀ has none. So Xᵀ = W·Dᵀ; only D is turned, which is small where a layer is wider than its batch.
    let columns = samples.next_multiple_of(kind.lanes());
    let turned = &mut scratch[..columns * terms];
    turn(slice(d), samples, turned);
    let right = Columns::new(ArrayView2::from_shape((terms, columns), turned).expect("as many elements"));
    let work = |first, x: ArrayViewMut2<f32>| {
        let left = Left::Rows { values: &slice(w)[first * terms..], stride: terms };
        let product = Product { left, rows: x.ncols(), terms, right };
        kernels::multiply(kind, product, Output::Transposed(ColumnsMut::new(x)));
    };
    Parts::new(operations, inputs, LINE, team::size()).share(|width| cut_off(&mut x, Axis(1), width), work);
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

/// Where the columns, rows or samples of a product are cut, for as many parts as its operations are worth.
#[derive(Debug, Clone, Copy)]
struct Parts {
    count: usize,
    /// How many where one thread does all.
    alone: usize,
    /// Of what is cut: columns, rows or samples.
    length: usize,
    /// It is cut at multiples of that.
    unit: usize,
}

impl Parts {
    /// For a team of `threads`: as many at most as the length has [`LINE`]s.
    fn new(operations: usize, length: usize, unit: usize, threads: usize) -> Self {
        let most = threads.min(team::MOST_PARTS);
        let count = most.min(operations / WORTH_SHARING).min(length / LINE).max(1);
        Self { count, alone: 1, length, unit }
    }

    /// Of a product by vector code, which has the same bits in parts and as a whole, or by BLAS, which has not: so that it always has the same parts.
    fn by(self, kind: Option<Kind>) -> Self {
        Self { alone: if kind.is_some() { 1 } else { self.count }, ..self }
    }

    /// Where `part` begins.
    fn start(self, part: usize) -> usize {
        match part == self.count {
            true => self.length,
            false => (self.length * part / self.count + self.unit / 2) / self.unit * self.unit,
        }
    }

    /// The length of the longest part.
    fn longest(self) -> usize {
        (0..self.count).map(|part| self.start(part + 1) - self.start(part)).max().unwrap_or(self.length)
    }

    /// Does `work` with where each part begins and what `cut` makes of its length, by the team.
    fn share<T: Send>(self, mut cut: impl FnMut(usize) -> T, work: impl Fn(usize, T) + Sync) {
        let piece = |part, count| {
            let parts = Self { count, ..self };
            (parts.start(part), cut(parts.start(part + 1) - parts.start(part)))
        };
        team::for_each(self.count, self.alone, piece, |(first, piece)| work(first, piece));
    }
}

/// The first `length` columns, or rows, of `rest`, which loses them; none if it has none.
fn cut_off<'a>(rest: &mut ArrayViewMut2<'a, f32>, axis: Axis, length: usize) -> ArrayViewMut2<'a, f32> {
    let length = if rest.len_of(axis) == 0 { 0 } else { length };
    let (first, others) = std::mem::replace(rest, no_rows(0)).split_at(axis, length);
    *rest = others;
    first
}

fn no_rows<'a>(columns: usize) -> ArrayViewMut2<'a, f32> {
    ArrayViewMut2::from_shape((0, columns), &mut []).expect("no elements")
}

fn slice<'a>(a: ArrayView2<'a, f32>) -> &'a [f32] {
    a.to_slice().expect("a contiguous matrix")
}

#[cfg(test)]
mod tests;
