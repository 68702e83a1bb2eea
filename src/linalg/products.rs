//! The three products of a layer, each by whoever is fastest at it: BLAS or [`kernels`], one thread or the [`team`].

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};

use super::kernels::{self, Columns, ColumnsMut, Kind, Left, Output, Product, Right, SomeSamples, SparseOutput};
use super::samples::{Factor, Samples};
use super::sparse::{GROUP, Half, PAIR, SparseBatch};
use super::{gemm, team};

/// A part of a product has at least so many floating-point operations: it takes 2 µs, and to hand it over 0.2.
const WORTH_SHARING: usize = 300_000;

/// What an optimizer that has other matrices does with an element counts as so many operations of a product when parts are counted. With the
/// division of Intel's processors Adam's took as long as 85, that of momentum less.
const UPDATE: usize = 30;

/// Matrices are cut at multiples of so many columns or rows. As many columns are a cache line: where rows are whole lines, each has one writer.
const LINE: usize = 16;

/// Batches are cut at multiples of so many samples: no group is cut.
const SAMPLES: usize = GROUP;

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
    let Some(kind) = kind else { return gemm(1.0, x.whole(), w, 0.0, y) };
    let (samples, columns) = y.dim();
    assert_eq!((x.samples(), x.width(), columns), (samples, w.nrows(), w.ncols()), "shapes disagree");
    let (axis, parts) = cut_forward(x.forward_operations(columns), samples, columns, team::size());
    let cut = |length| cut_off(&mut y, axis, length);
    parts.share(cut, |first, y| {
        if axis == Axis(0) {
            multiply_here(kind, x, first, w, y);
        } else {
            let w = w.slice(s![.., first..first + y.ncols()]);
            multiply_here(kind, x, 0, w, y);
        }
    });
}

/// Where `Y` (B, O), a product of so many `operations`, is cut for a team of `threads`: its columns, or its samples where these make parts that are more alike. 100
/// columns are seven vectors: of two threads one would have four of them, but of 100 samples each 50. By columns each thread
/// reads its own of the weights, by samples all: for less than a twentieth it is not worth it.
fn cut_forward(operations: usize, samples: usize, columns: usize, threads: usize) -> (Axis, Parts) {
    let by_columns = Parts::new(operations, columns, LINE, threads);
    if operations < 2 * WORTH_SHARING {
        return (Axis(1), by_columns);
    }
    let by_samples = Parts::new(operations, samples, SAMPLES, threads);
    let lines = |columns: usize| columns.div_ceil(LINE);
    let [of_columns, of_samples] = [lines(by_columns.longest()) * samples, lines(columns) * by_samples.longest()];
    if 20 * of_samples < 19 * of_columns { (Axis(0), by_samples) } else { (Axis(1), by_columns) }
}

/// Parts that a forward product of so many `operations`, with `samples` and `columns`, is cut into for a team of `threads`.
pub fn parts(operations: usize, samples: usize, columns: usize, threads: usize) -> usize {
    cut_forward(operations, samples, columns, threads).1.count
}

/// `Y ← X·W` for some columns of `W` and as many samples from `first` on, a multiple of [`SAMPLES`], as `y` has rows, by this thread.
fn multiply_here(kind: Kind, x: Samples, first: usize, w: ArrayView2<f32>, y: ArrayViewMut2<f32>) {
    assert_eq!((x.width(), w.ncols()), (w.nrows(), y.ncols()), "shapes disagree");
    assert!(first + y.nrows() <= x.samples(), "shapes disagree");
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
    /// Fewer rows do not pay for a copy of the right factor, nor fewer terms for putting a row's sums aside.
    const MANY: usize = 32;
    /// Fewer columns are too few vectors to keep the processor busy.
    const WIDE: usize = 64;
    kind != Kind::Portable && rows.min(terms) >= MANY && columns >= WIDE
}

/// The sums over some halves of `X·W`, of as many samples from `first` on, a multiple of [`SAMPLES`], as `y` has rows, by this thread: `w` are the rows of
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
        let w = w.slice(s![rows.start - start..rows.end - start, ..]);
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
    let Some(kind) = kind else { return gemm(alpha, x.whole().t(), d, beta, w) };
    require_shapes(x, d, &w);
    let operations = x.update_operations(d.ncols());
    let x = x.of_rows(0..w.nrows());
    let work = |first, w: ArrayViewMut2<f32>| {
        let d = d.slice(s![.., first..first + w.ncols()]);
        add_product_here(kind, alpha, x, d, beta, w);
    };
    let columns = w.ncols();
    Parts::new(operations, columns, LINE, team::size()).share(|width| cut_off(&mut w, Axis(1), width), work);
}

/// Of `x` (B, I), `d` (B, O) and `w` (I, O).
fn require_shapes(x: Samples, d: ArrayView2<f32>, w: &ArrayViewMut2<f32>) {
    assert_eq!((x.samples(), x.width(), d.ncols()), (d.nrows(), w.nrows(), w.ncols()), "shapes disagree");
}

/// `W ← alpha·Xᵀ·D + beta·W` for some columns of `W`, or some of its rows, by this thread.
fn add_product_here(kind: Kind, alpha: f32, x: Factor, d: ArrayView2<f32>, beta: f32, mut w: ArrayViewMut2<f32>) {
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
    by: By<'x>,
    d: ArrayView2<'d, f32>,
}

/// Who multiplies a gradient.
#[derive(Debug, Clone, Copy)]
enum By<'x> {
    /// This thread, with vector code.
    Kernels(Kind, Factor<'x>),
    /// BLAS.
    Blas(Samples<'x>),
}

impl Gradient<'_, '_> {
    /// `W ← W + alpha·Xᵀ·D`, in this part.
    pub fn add_to(self, alpha: f32, w: ArrayViewMut2<f32>) {
        self.write(alpha, 1.0, w);
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
        self.write(1.0, 0.0, g);
    }

    fn write(self, alpha: f32, beta: f32, w: ArrayViewMut2<f32>) {
        match self.by {
            By::Kernels(kind, x) => add_product_here(kind, alpha, x, self.d, beta, w),
            By::Blas(x) => add_product_by(None, alpha, x, self.d, beta, w),
        }
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
    let Some(kind) = x.kernels(outputs) else {
        learn(Gradient { by: By::Blas(x), d }, matrices.each_mut().map(|matrix| matrix.view_mut()));
        return next.into_iter().for_each(|Next { x, y, .. }| multiply(x, matrices[0].view(), y));
    };
    let operations = x.update_operations(outputs) + if N > 1 { UPDATE * inputs * outputs } else { 0 };
    let learn = |first, matrices: [ArrayViewMut2<f32>; N]| {
        let x = x.of_rows(first..first + matrices[0].nrows());
        learn(Gradient { by: By::Kernels(kind, x), d }, matrices);
    };
    match next {
        Some(Next { x: Samples::Sparse(batch), y, scratch }) if learns_by_halves(operations, team::size()) => {
            learn_and_multiply_halves(kind, operations, matrices, learn, (batch, y, scratch));
        }
        next => {
            let mut rest = matrices.each_mut().map(|matrix| matrix.view_mut());
            let cut = |height| rest.each_mut().map(|matrix| cut_off(matrix, Axis(0), height));
            Parts::new(operations, inputs, LINE, team::size()).share(cut, learn);
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
        team::for_each(parts, piece, |(halves, mut rows, y)| {
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

/// `X ← D·Wᵀ`: `d` (B, O), `w` (I, O) read, `x` (B, I) and `scratch`, at least [`transposed_len`], overwritten.
///
/// # Panics
/// As [`multiply`].
pub fn multiply_transposed(d: ArrayView2<f32>, w: ArrayView2<f32>, mut x: ArrayViewMut2<f32>, scratch: &mut [f32]) {
    let ((samples, terms), inputs) = (d.dim(), x.ncols());
    assert_eq!((x.nrows(), inputs, terms), (samples, w.nrows(), w.ncols()), "shapes disagree");
    let operations = 2 * inputs * terms * samples;
    let Some(kind) = Kind::for_product(operations) else { return gemm(1.0, d, w.t(), 0.0, x) };
    if leaves_out_zeros(kind, d, [samples, terms, inputs]) {
        let work = |first, x: ArrayViewMut2<f32>| {
            let left = Left::Rows { values: slice(d), stride: terms };
            let right = Right::Columns(Columns::new(w.slice(s![first..first + x.ncols(), ..])));
            kernels::multiply_rows(kind, left, right, SparseOutput::Overwrite, ColumnsMut::new(x));
        };
        return Parts::new(operations, inputs, LINE, team::size()).share(|width| cut_off(&mut x, Axis(1), width), work);
    }
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
    /// Of what is cut: columns, rows or samples.
    length: usize,
    /// It is cut at multiples of that.
    unit: usize,
}

impl Parts {
    /// For a team of `threads`: as many at most as the length has [`LINE`]s.
    fn new(operations: usize, length: usize, unit: usize, threads: usize) -> Self {
        let most = threads.min(team::MOST_PARTS);
        Self { count: most.min(operations / WORTH_SHARING).min(length / LINE).max(1), length, unit }
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
        team::for_each(self.count, piece, |(first, piece)| work(first, piece));
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
mod tests {
    use super::*;
    use ndarray::Array2;

    use crate::linalg::SparseBatch;

    /// Small integers and halves; 0 of 0.
    static VALUES: [f32; 256] = {
        let (mut values, mut byte) = ([0.0; 256], 1);
        while byte < 256 {
            values[byte] = (byte as f32 - 50.0) / 2.0;
            byte += 1;
        }
        values
    };

    /// A batch for a layer with so many `outputs`, of `samples` by `inputs`, of which `value` says which bytes they are.
    fn sparse(samples: usize, inputs: usize, outputs: usize, value: impl Fn(usize, usize) -> u8) -> SparseBatch {
        let bytes: Vec<u8> = (0..samples * inputs).map(|i| value(i / inputs, i % inputs)).collect();
        let mut batch = SparseBatch::new(samples, inputs, outputs);
        let convert = |bytes: &[u8], x: &mut [f32]| {
            x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = VALUES[usize::from(byte)]);
        };
        batch.fill(bytes.chunks(inputs), &VALUES, 1, convert);
        batch
    }

    /// Exact.
    #[test]
    fn sparse_batches_are_multiplied_as_whole_ones_with_every_factor() {
        for (samples, outputs) in [(3, 35), (3, 100), (8, 35), (8, 100)] {
            let batch = sparse(samples, 40, outputs, |i, j| if (i + j) % 3 == 0 { (40 + 3 * i + j) as u8 } else { 0 });
            let (x, whole) = (Samples::Sparse(&batch), batch.to_whole());
            let matrix =
                |rows, width| Array2::from_shape_fn((rows, width), |(i, j)| ((i * 5 + j * 3) % 7) as f32 - 3.0);
            let (w, d) = (matrix(40, outputs), matrix(samples, outputs));
            let unknown = || Array2::from_elem((samples, outputs), f32::NAN);
            let (mut found, mut expected) = (unknown(), unknown());
            multiply(x, w.view(), found.view_mut());
            multiply(Samples::Whole(whole.view()), w.view(), expected.view_mut());
            assert_eq!(found, expected);
            for (alpha, beta) in [(-0.5, 0.0), (-0.5, 0.5), (-0.5, 1.0), (1.0, 0.0)] {
                let (mut found, mut expected) = (w.clone(), w.clone());
                add_product(alpha, x, d.view(), beta, found.view_mut());
                add_product(alpha, Samples::Whole(whole.view()), d.view(), beta, expected.view_mut());
                assert_eq!(found, expected, "{alpha}, {beta}");
            }
        }
    }

    /// By one thread and by teams, small enough for kernels and not. How BLAS rounds depends on its threads, of which other tests may have
    /// more: its case has small integers, which are exact.
    #[test]
    fn weights_learnt_in_parts_and_the_next_product_have_the_bits_of_one_after_the_other() {
        let limit = Kind::of_this_processor().limit();
        let too_large = if limit == usize::MAX { 0 } else { limit / (2 * 1100 * 1600) + 1 };
        if too_large == 0 {
            println!("skipped: a product by BLAS, which gets none here");
        }
        let [whole, without_zeros] = [false, true];
        let mut by_halves = Vec::new();
        for (batch, inputs, outputs, is_sparse) in [
            (1, 5, 3, whole),
            (10, 300, 128, whole),
            (7, 400, 135, whole),
            (1, 784, 128, without_zeros),
            (10, 784, 128, without_zeros),
            (20, 784, 100, without_zeros),
            (20, 403, 100, without_zeros), // the last column is alone
            (101, 784, 100, without_zeros),
            (200, 784, 100, without_zeros),
            (150, 240, 64, without_zeros), // the first half of the columns is zero for the most part
            (101, 784, 30, without_zeros),
            (too_large, 1100, 1600, whole),
        ]
        .into_iter()
        .filter(|&(batch, ..)| batch > 0)
        {
            let (values, unit) = if batch == too_large { (7, 1.0) } else { (101, 0.03) };
            let value = move |i: usize, j: usize| unit * (((i * 31 + j * 17) % values) as f32 - (values / 2) as f32);
            let matrix = |rows, width| Array2::from_shape_fn((rows, width), |(i, j)| value(i, j));
            let d = matrix(batch, outputs);
            // Every other column from the hundredth on, and of those not all in every sample.
            let byte = |i: usize, j: usize| {
                if j > 100 && j % 2 == 1 && (i + j) % 5 < 3 { ((i * 31 + j * 17) % 101) as u8 } else { 0 }
            };
            let batches =
                [batch, batch.div_ceil(2)].map(|batch| (matrix(batch, inputs), sparse(batch, inputs, outputs, byte)));
            let [x, next_x] = batches.each_ref().map(|(whole, sparse)| match is_sparse {
                true => Samples::Sparse(sparse),
                false => Samples::Whole(whole.view()),
            });
            let (mut expected, mut expected_gradient) = (matrix(inputs, outputs), Array2::zeros((inputs, outputs)));
            let mut expected_y = Array2::zeros((next_x.samples(), outputs));
            add_product(-0.5, x, d.view(), 1.0, expected.view_mut());
            add_product(1.0, x, d.view(), 0.0, expected_gradient.view_mut());
            multiply(next_x, expected.view(), expected_y.view_mut());
            for threads in if batch == too_large { 2..=2 } else { 1..=3 } {
                let team = team::Team::that_shares(threads);
                let unknown = || Array2::from_elem(expected_y.dim(), f32::NAN);
                let (mut y, mut scratch) = (unknown(), unknown());
                let (mut w, mut none) = (matrix(inputs, outputs), Array2::zeros((0, outputs)));
                let mut gradient = Array2::from_elem(w.dim(), f32::NAN);
                let next = Next { x: next_x, y: y.view_mut(), scratch: scratch.view_mut() };
                let by_rows = |product: Gradient, [w, gradient, none]: [ArrayViewMut2<f32>; 3]| {
                    product.add_to(-0.5, w);
                    product.overwrite(gradient);
                    assert_eq!(none.nrows(), 0);
                };
                let matrices = [w.view_mut(), gradient.view_mut(), none.view_mut()];
                team.lead(|| learn_rows(x, d.view(), matrices, Some(next), by_rows));
                let all = (&w, &y, &gradient) == (&expected, &expected_y, &expected_gradient);
                assert!(all, "{batch}, {inputs}-{outputs}, {threads} threads");

                let (mut w, mut y, mut scratch) = (matrix(inputs, outputs), unknown(), unknown());
                let next = Next { x: next_x, y: y.view_mut(), scratch: scratch.view_mut() };
                let learn = |product: Gradient, [w]: [ArrayViewMut2<f32>; 1]| product.add_to(-0.5, w);
                let team = team::Team::that_shares(threads); // its first job again
                team.lead(|| learn_rows(x, d.view(), [w.view_mut()], Some(next), learn));
                assert!((&w, &y) == (&expected, &expected_y), "{batch}, {inputs}-{outputs}, {threads} threads");
                by_halves.extend((!scratch[(0, 0)].is_nan()).then_some((batch, outputs, threads)));
            }
        }
        let expected = [
            (10, 128, 2),
            (10, 128, 3),
            (20, 100, 2),
            (20, 100, 2),
            (20, 100, 3),
            (101, 100, 2),
            (200, 100, 2),
            (150, 64, 2),
            (101, 30, 2),
        ];
        assert_eq!(by_halves, expected, "samples, outputs and threads of plain SGD by halves");
    }

    /// Small integers, so that all sums are exact: with and without zeros enough to be left out, cut into samples, columns and rows.
    #[test]
    fn the_products_of_a_rectified_layer_are_those_of_their_definitions() {
        for (samples, inputs, outputs) in
            [(128, 160, 192), (100, 100, 100), (33, 300, 70), (100, 100, 30), (1, 20, 10), (9, 20, 10)]
        {
            for zeros in [0, 2, 9] {
                let matrix = |rows, columns, zeros| {
                    Array2::from_shape_fn((rows, columns), |(i, j)| {
                        let number: usize = i * 7919 + j * 104_729;
                        if number % 97 % 10 < zeros { 0.0 } else { (number % 31) as f32 - 15.0 }
                    })
                };
                let (x, d, w) =
                    (matrix(samples, inputs, zeros), matrix(samples, outputs, zeros), matrix(inputs, outputs, 0));
                for threads in [1, 2, 3] {
                    let team = team::Team::that_shares(threads);
                    let name = format!("{samples}, {inputs}-{outputs}, {zeros} of 10 zero, {threads} threads");
                    let mut y = Array2::from_elem(d.dim(), f32::NAN);
                    team.lead(|| multiply(Samples::Whole(x.view()), w.view(), y.view_mut()));
                    assert_eq!(y, x.dot(&w), "{name}");
                    let (mut d_x, mut scratch) =
                        (Array2::from_elem(x.dim(), f32::NAN), vec![f32::NAN; transposed_len(samples, outputs)]);
                    team.lead(|| multiply_transposed(d.view(), w.view(), d_x.view_mut(), &mut scratch));
                    assert_eq!(d_x, d.dot(&w.t()), "{name}");
                    let (mut learnt, mut gradient) = (w.clone(), Array2::from_elem(w.dim(), f32::NAN));
                    team.lead(|| {
                        let matrices = [learnt.view_mut(), gradient.view_mut()];
                        learn_rows(Samples::Whole(x.view()), d.view(), matrices, None, |product, [w, gradient]| {
                            product.add_to(-0.5, w);
                            product.overwrite(gradient);
                        });
                    });
                    let expected = x.t().dot(&d);
                    assert_eq!((learnt, gradient), (&w - 0.5 * &expected, expected), "{name}");
                }
            }
        }
    }

    #[test]
    fn zeros_are_left_out_from_a_quarter_on_where_a_product_is_large_enough() {
        let quarter =
            |zeros: usize| Array2::from_shape_fn((64, 64), |(i, j)| f32::from(u8::from(i % 8 * 64 + j >= zeros)));
        for kind in [Kind::Avx512, Kind::Avx2] {
            for (zeros, shape, expected) in [
                (128, [32, 32, 64], true),
                (127, [32, 32, 64], false),
                (512, [31, 32, 64], false),
                (512, [32, 31, 64], false),
                (512, [32, 32, 63], false),
            ] {
                let some = quarter(zeros);
                let looked_at = some.slice(s![..8, ..]);
                assert_eq!(leaves_out_zeros(kind, looked_at, shape), expected, "{zeros} of 512 are zero, {shape:?}");
            }
            assert!(!leaves_out_zeros(Kind::Portable, quarter(512).view(), [64; 3]));
        }
    }

    #[test]
    fn weights_of_units_that_are_zero_in_all_samples_are_not_read() {
        if Kind::of_this_processor() == Kind::Portable {
            return println!("skipped: plain arrays leave out no units");
        }
        let x = Array2::from_shape_fn((40, 80), |(i, j)| if j % 3 == 0 { 0.0 } else { (i + j) as f32 });
        let w = Array2::from_shape_fn((80, 70), |(i, _)| if i % 3 == 0 { f32::INFINITY } else { 1.0 });
        let mut y = Array2::from_elem((40, 70), f32::NAN);
        multiply(Samples::Whole(x.view()), w.view(), y.view_mut());
        assert_eq!(y, &x.sum_axis(Axis(1)).insert_axis(Axis(1)) * &Array2::<f32>::ones((1, 70)));
    }

    #[test]
    fn samples_are_cut_where_columns_make_unequal_parts() {
        let cut = |samples, columns, threads| {
            let (axis, parts) = cut_forward(2 * samples * 500 * columns, samples, columns, threads);
            (axis.index(), parts.count)
        };
        let [by_samples, by_columns] = [0, 1];
        assert_eq!(cut(100, 100, 2), (by_samples, 2));
        assert_eq!(cut(100, 30, 2), (by_samples, 2));
        assert_eq!(cut(100, 40, 4), (by_samples, 4));
        assert_eq!(cut(10, 100, 2), (by_columns, 2));
        assert_eq!(cut(100, 128, 2), (by_columns, 2));
        assert_eq!(cut(256, 2500, 2), (by_columns, 2));
        assert_eq!(cut(10, 20, 2).1, 1);
    }

    #[test]
    #[should_panic(expected = "shapes disagree")]
    fn weights_with_more_columns_than_the_product_are_refused() {
        let (x, w, mut y) = (Array2::ones((50, 500)), Array2::ones((500, 144)), Array2::zeros((50, 128)));
        team::Team::that_shares(2).lead(|| multiply(Samples::Whole(x.view()), w.view(), y.view_mut()));
    }

    #[test]
    #[should_panic(expected = "shapes disagree")]
    fn a_next_product_with_fewer_rows_than_samples_is_refused() {
        let x = sparse(3, 7, 20, |_, _| 1);
        let (d, mut w, mut y) =
            (Array2::ones((3, 20)), Array2::zeros((7, 20)), [(); 2].map(|()| Array2::zeros((2, 20))));
        let [y, scratch] = y.each_mut().map(|y| y.view_mut());
        let next = Next { x: Samples::Sparse(&x), y, scratch };
        learn_rows(Samples::Sparse(&x), d.view(), [w.view_mut()], Some(next), |_, _| ());
    }

    #[test]
    #[should_panic(expected = "shapes disagree")]
    fn samples_wider_than_the_weights_have_rows_are_refused() {
        let (x, d, mut w) = (Array2::ones((3, 8)), Array2::ones((3, 20)), Array2::zeros((7, 20)));
        add_product(1.0, Samples::Whole(x.view()), d.view(), 1.0, w.view_mut());
    }

    #[test]
    #[should_panic(expected = "shapes disagree")]
    fn matrices_of_another_shape_are_not_learnt() {
        let (x, d, mut w, mut m) =
            (Array2::ones((3, 7)), Array2::ones((3, 20)), Array2::zeros((7, 20)), Array2::zeros((6, 20)));
        learn_rows(Samples::Whole(x.view()), d.view(), [w.view_mut(), m.view_mut()], None, |_, _| ());
    }
}
