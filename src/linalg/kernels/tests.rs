use super::*;
use crate::seed::{Purpose, Seed, Stream, unit};
use ndarray::{Array2, Axis, s};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Every kind of vector code that this processor runs; says which it does not.
fn kinds() -> Vec<Kind> {
    let (here, elsewhere): (Vec<_>, Vec<_>) = Kind::ALL.into_iter().partition(|kind| kind.runs_here());
    elsewhere.iter().for_each(|kind| println!("skipped, not on this processor: {kind:?}"));
    here
}

fn draw(rows: usize, columns: usize, stream: &mut Stream) -> Array2<f32> {
    Array2::from_shape_simple_fn((rows, columns), || (2.0 * unit(stream) - 1.0) as f32)
}

/// Rows, terms and columns that cut tiles in every way, and factors for them.
fn cases() -> impl Iterator<Item = (Array2<f32>, Array2<f32>)> {
    const ROWS: [usize; 12] = [1, 2, 3, 5, 7, 9, 11, 12, 13, 25, 29, 100];
    const COLUMNS: [usize; 17] = [1, 3, 4, 7, 8, 10, 15, 16, 17, 30, 31, 32, 33, 63, 64, 100, 135];
    let mut stream = Seed(7).stream(Purpose::Init, 0);
    let shapes = ROWS.into_iter().flat_map(|rows| COLUMNS.map(|columns| (rows, columns)));
    shapes.zip(0..).map(move |((rows, columns), i)| {
        let terms = 1 + i % 23;
        (draw(rows, terms, &mut stream), draw(terms, columns, &mut stream))
    })
}

/// `A·B` by the definition, in f64.
fn naive(a: &Array2<f32>, b: &Array2<f32>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        (0..a.ncols()).map(|k| f64::from(a[(i, k)]) * f64::from(b[(k, j)])).sum()
    })
}

/// The same within the rounding of sums of so many terms of at most 1.
fn assert_close(found: &Array2<f32>, expected: &Array2<f64>, terms: usize, name: &str) {
    let allowed = 1e-7 * (terms + 2) as f64;
    assert_eq!(found.dim(), expected.dim());
    for (place, &found) in found.indexed_iter() {
        let expected = expected[place];
        assert!((f64::from(found) - expected).abs() <= allowed, "{name}, {place:?}: {found}, not {expected}");
    }
}

fn rows_of(a: &Array2<f32>) -> Left<'_> {
    Left::Rows { values: a.as_slice().unwrap(), stride: a.ncols() }
}

/// The whole of a product with `b`.
fn product<'a>(left: Left<'a>, rows: usize, b: &'a Array2<f32>) -> Product<'a> {
    Product { left, rows, terms: b.nrows(), right: Columns::new(b.view()) }
}

#[test]
fn a_product_is_what_its_definition_says() {
    for (a, b) in cases() {
        for kind in kinds() {
            let mut c = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
            multiply(kind, product(rows_of(&a), a.nrows(), &b), Output::Overwrite(ColumnsMut::new(c.view_mut())));
            assert_close(&c, &naive(&a, &b), a.ncols(), &format!("{kind:?} {:?} x {:?}", a.dim(), b.dim()));
        }
    }
}

#[test]
fn a_product_of_rows_with_rows_is_what_its_definition_says() {
    for (a, b) in cases() {
        let turned = b.t().as_standard_layout().into_owned();
        for kind in kinds() {
            let mut c = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
            dots(kind, Columns::new(a.view()), Columns::new(turned.view()), ColumnsMut::new(c.view_mut()));
            assert_close(&c, &naive(&a, &b), a.ncols(), &format!("{kind:?} {:?} x {:?}", a.dim(), b.dim()));
        }
    }
}

#[test]
fn a_product_in_two_parts_has_the_same_bits() {
    for (a, b) in cases().filter(|(_, b)| b.ncols() > 1) {
        for kind in kinds() {
            let whole = product(rows_of(&a), a.nrows(), &b);
            let mut together = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
            let mut apart = together.clone();
            multiply(kind, whole, Output::Overwrite(ColumnsMut::new(together.view_mut())));
            let cut = b.ncols() / 2;
            let (left, right) = apart.view_mut().split_at(Axis(1), cut);
            let (first, rest) = b.view().split_at(Axis(1), cut);
            for (b, c) in [(first, left), (rest, right)] {
                let product = Product { right: Columns::new(b), ..whole };
                multiply(kind, product, Output::Overwrite(ColumnsMut::new(c)));
            }
            assert_eq!(together, apart, "{kind:?} {:?} x {:?}", a.dim(), b.dim());
        }
    }
}

/// What a byte stands for in these tests: those below [`LEAST`] for zero, no other.
static VALUES: [f32; 256] = {
    let (mut values, mut byte) = ([0.0; 256], 3);
    while byte < 256 {
        values[byte] = (byte as f32 - 120.5) / 100.0;
        byte += 1;
    }
    values
};
const LEAST: u8 = 3;

/// Batches of every pattern, for layers of several widths, as two kinds want them: a batch, and the outputs of the layer that it is for.
fn sparse_cases() -> impl Iterator<Item = (SparseBatch, usize)> {
    let mut stream = Seed(11).stream(Purpose::Init, 0);
    let shapes = [
        (1, 1),
        (1, 784),
        (2, 30),
        (4, 65),
        (5, 130),
        (6, 7),
        (9, 784),
        (16, 64),
        (17, 66),
        (23, 131),
        (50, 784),
        (75, 150),
        (130, 41),
        (260, 9),
    ];
    let outputs = [1, 10, 16, 30, 33, 63, 64, 65, 88, 95, 100, 105, 127, 128, 130, 144, 256]; // 17: each with every pattern
    let cases = shapes.into_iter().flat_map(move |shape| outputs.map(|outputs| (shape, outputs)));
    cases.enumerate().flat_map(move |(number, ((samples, width), outputs))| {
        let one = (number * 7919) % (samples * width);
        let mut byte = |i: usize| match number % 6 {
            0 => 0,                       // nothing at all
            1 => 200,                     // nothing is zero
            2 => u8::from(i == one) * 77, // one pixel
            3 => {
                if unit(&mut stream) < 0.2 {
                    (256.0 * unit(&mut stream)) as u8
                } else {
                    0
                }
            } // scattered
            4 => {
                if i % width / 5 % 4 == 1 {
                    (3 + i % 253) as u8
                } else {
                    2
                }
            } // stripes that all share
            _ => {
                if (i % width + 3 * (i / width)) % 20 < 5 {
                    (3 + i % 253) as u8
                } else {
                    0
                }
            } // strokes, each in a place of its own
        };
        let bytes: Vec<u8> = (0..samples * width).map(&mut byte).collect();
        [Kind::Avx512, Kind::Avx2].map(|kind| (batch_of(&bytes, width, outputs, kind), outputs))
    })
}

/// Few samples, for weights whose halves are larger than what is near.
fn far_cases() -> impl Iterator<Item = (SparseBatch, usize)> {
    [(2200, 256), (4500, 128), (4500, 100)].into_iter().map(|(width, outputs)| {
        let bytes: Vec<u8> = (0..10 * width).map(|i| if i * 7919 % 5 == 0 { (3 + i % 253) as u8 } else { 0 }).collect();
        (batch_of(&bytes, width, outputs, Kind::Avx2), outputs)
    })
}

fn batch_of(bytes: &[u8], width: usize, outputs: usize, kind: Kind) -> SparseBatch {
    let mut batch = SparseBatch::of(kind, bytes.len() / width, width, outputs, true);
    let convert =
        |bytes: &[u8], x: &mut [f32]| x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = VALUES[usize::from(byte)]);
    batch.fill(bytes.chunks(width), &VALUES, LEAST, convert);
    batch
}

/// Every sum of a half has the terms of the dense product that are not zero, in its order; those of the second half are added to what there is.
#[test]
fn a_sparse_product_has_the_bits_of_the_dense_one_half_by_half() {
    let mut stream = Seed(12).stream(Purpose::Init, 0);
    for (batch, outputs) in sparse_cases().chain(far_cases()) {
        let (x, w) = (batch.to_whole(), draw(batch.width(), outputs, &mut stream));
        for kind in kinds() {
            let halves = [Half::First, Half::Second].map(|half| {
                let columns = batch.columns_of(half);
                let (x, w) = (x.slice(s![.., columns.clone()]).to_owned(), w.slice(s![columns, ..]).to_owned());
                let mut dense = Array2::zeros((x.nrows(), outputs));
                multiply(
                    kind,
                    product(rows_of(&x), x.nrows(), &w),
                    Output::Overwrite(ColumnsMut::new(dense.view_mut())),
                );
                (half, w, dense)
            });
            let mut sparse = Array2::from_elem((x.nrows(), outputs), f32::NAN);
            let mut expected: Array2<f32> = Array2::zeros(sparse.dim());
            let cut = if x.nrows() > 10 { 10 } else { 0 };
            for (output, (half, w, dense)) in
                [SparseOutput::Overwrite, SparseOutput::Add { alpha: 1.0 }].into_iter().zip(halves)
            {
                let (first, rest) = sparse.view_mut().split_at(Axis(0), cut);
                for (first, y) in [(0, first), (cut, rest)].into_iter().filter(|(_, y)| y.nrows() > 0) {
                    let x = SomeSamples { first, half, batch: &batch };
                    multiply_sparse(kind, x, Columns::new(w.view()), output, ColumnsMut::new(y));
                }
                expected += &dense;
                assert_eq!(sparse, expected, "{kind:?}: {half:?} of {:?} by {outputs}", x.dim());
            }
            assert_close(&sparse, &naive(&x, &w), 2 * x.ncols(), "sparse");
        }
    }
}

#[test]
fn a_sparse_update_has_the_bits_of_the_dense_one_and_touches_no_other_row() {
    let mut stream = Seed(13).stream(Purpose::Init, 0);
    for (batch, outputs) in sparse_cases() {
        let (x, d) = (batch.to_whole(), draw(batch.samples(), outputs, &mut stream));
        let before = draw(batch.width(), outputs, &mut stream);
        let left = || Left::Columns(Columns::new(x.view()));
        for kind in kinds() {
            let (mut dense, mut dense_gradient) = (before.clone(), Array2::zeros(before.dim()));
            for (alpha, c) in [(-0.5, &mut dense), (1.0, &mut dense_gradient)] {
                multiply(kind, product(left(), x.ncols(), &d), Output::Add { alpha, c: ColumnsMut::new(c.view_mut()) });
            }
            let (mut sparse, mut gradient) = (before.clone(), Array2::from_elem(before.dim(), f32::NAN));
            let cut = x.ncols() / 4 * 2;
            for (output, c) in
                [(SparseOutput::Add { alpha: -0.5 }, &mut sparse), (SparseOutput::Overwrite, &mut gradient)]
            {
                if batch.is_one_group() && matches!(output, SparseOutput::Overwrite) {
                    continue; // such a batch is added only
                }
                let (first, rest) = c.view_mut().split_at(Axis(0), cut);
                for (first, c) in [(0, first), (cut, rest)].into_iter().filter(|(_, c)| c.nrows() > 0) {
                    let x = Pairs { first: first / PAIR, columns: c.nrows(), batch: &batch };
                    add_sparse(kind, x, Columns::new(d.view()), output, ColumnsMut::new(c));
                }
            }
            let name = format!("{kind:?}: {:?} by {outputs}", x.dim());
            assert_eq!(sparse, dense, "{name}");
            if !batch.is_one_group() {
                assert_eq!(gradient, dense_gradient, "{name}");
            }
            let mut touched = before.clone();
            let all = Pairs { first: 0, columns: x.ncols(), batch: &batch };
            let output = SparseOutput::Add { alpha: f32::NAN }; // even if nothing is added
            add_sparse(kind, all, Columns::new(d.view()), output, ColumnsMut::new(touched.view_mut()));
            for (pair, x) in x.axis_chunks_iter(Axis(1), PAIR).enumerate().filter(|(_, x)| x.iter().all(|&x| x == 0.0))
            {
                let rows = s![PAIR * pair..PAIR * pair + x.ncols(), ..];
                assert_eq!(touched.slice(rows), before.slice(rows), "{name}: pair {pair} is zero");
            }
            let expected = before.mapv(f64::from) - 0.5 * naive(&x.t().to_owned(), &d);
            assert_close(&sparse, &expected, 2 * x.nrows(), &name);
            for (column, row) in
                sparse.rows().into_iter().enumerate().filter(|(column, _)| x.column(*column).iter().all(|&x| x == 0.0))
            {
                assert_eq!(row, before.row(column), "{name}: column {column} is zero");
            }
        }
    }
}

/// Over one panel and several, the last of them whole or not, by more rows than run over one at once, and over right factors that are far.
#[test]
fn a_product_row_by_row_has_the_bits_of_the_dense_one() {
    let mut stream = Seed(14).stream(Purpose::Init, 0);
    let columns = [1, 7, 16, 30, 64, 75, 88, 100, 105, 127, 128, 130, 200, 260];
    for (number, (rows, terms)) in
        [(1, 1), (3, 64), (129, 65), (40, 100), (128, 128), (260, 20), (50, 200), (70, 1100)].into_iter().enumerate()
    {
        for columns in columns {
            let zeros = [0.0, 0.5, 0.95, 1.0][(number + columns) % 4];
            let mut a = draw(rows, terms, &mut stream);
            a.mapv_inplace(|a| if unit(&mut stream) < zeros { 0.0 * a } else { a }); // -0 is zero, too
            let (b, before) = (draw(terms, columns, &mut stream), draw(rows, columns, &mut stream));
            let [a_turned, b_turned] = [&a, &b].map(|matrix| matrix.t().as_standard_layout().into_owned());
            for kind in kinds() {
                let mut product_alone = Array2::from_elem(before.dim(), f32::NAN);
                let c = ColumnsMut::new(product_alone.view_mut());
                multiply(kind, product(rows_of(&a), rows, &b), Output::Overwrite(c));
                let mut added = before.clone();
                let (left, c) = (Left::Columns(Columns::new(a_turned.view())), ColumnsMut::new(added.view_mut()));
                multiply(kind, product(left, rows, &b), Output::Add { alpha: -0.5, c });
                for (output, expected) in
                    [(SparseOutput::Overwrite, &product_alone), (SparseOutput::Add { alpha: -0.5 }, &added)]
                {
                    for left in [rows_of(&a), left] {
                        for right in
                            [Right::Rows(Columns::new(b.view())), Right::Columns(Columns::new(b_turned.view()))]
                        {
                            let mut c = before.clone();
                            multiply_rows(kind, left, right, output, ColumnsMut::new(c.view_mut()));
                            assert_eq!(c, expected, "{kind:?} {rows} x {terms} x {columns}, {output:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_product_row_by_row_reads_nothing_for_a_zero_and_keeps_what_is_not_a_number() {
    let mut a = Array2::zeros((40, 70));
    (a[(3, 5)], a[(3, 69)], a[(7, 5)]) = (2.0, 3.0, f32::NAN);
    for (kind, columns) in kinds().into_iter().flat_map(|kind| [(kind, 84), (kind, 90)]) {
        let b = Array2::from_shape_fn((70, columns), |(k, _)| if k == 5 || k == 69 { 1.0 } else { f32::INFINITY });
        let mut c = Array2::from_elem((40, columns), 9.0);
        let right = Right::Rows(Columns::new(b.view()));
        multiply_rows(kind, rows_of(&a), right, SparseOutput::Overwrite, ColumnsMut::new(c.view_mut()));
        for (row, sums) in c.rows().into_iter().enumerate() {
            let is_right = |&sum: &f32| match row {
                3 => sum == 5.0,
                7 => sum.is_nan(),
                _ => sum == 0.0,
            };
            assert!(sums.iter().all(is_right), "{kind:?}, row {row}: {sums}");
        }
    }
}

#[test]
#[should_panic(expected = "shapes disagree")]
fn a_product_row_by_row_of_other_shapes_is_refused() {
    let (a, b, mut c) = (Array2::ones((2, 3)), Array2::ones((4, 3)), Array2::zeros((2, 3)));
    let right = Right::Rows(Columns::new(b.view()));
    multiply_rows(Kind::Portable, rows_of(&a), right, SparseOutput::Overwrite, ColumnsMut::new(c.view_mut()));
}

#[test]
fn weights_of_what_is_zero_are_never_read_for_it() {
    for (batch, outputs) in sparse_cases() {
        let x = batch.to_whole();
        let rows = 0..x.nrows();
        // Of one group all rows leave out the same; of another batch each what is zero in it, whatever its neighbours have.
        let some = if batch.is_one_group() {
            vec![rows]
        } else {
            rows.step_by(1 + x.nrows() / 7).map(|row| row..row + 1).collect()
        };
        for judged in some {
            let is_zero = |column: usize| x.slice(s![judged.clone(), column]).iter().all(|&x| x == 0.0);
            let w = Array2::from_shape_fn((batch.width(), outputs), |(i, _)| if is_zero(i) { f32::NAN } else { 1.0 });
            for kind in kinds() {
                for half in [Half::First, Half::Second] {
                    let mut y = Array2::from_elem((x.nrows(), outputs), f32::NAN);
                    let (x, w) =
                        (SomeSamples { first: 0, half, batch: &batch }, w.slice(s![batch.columns_of(half), ..]));
                    multiply_sparse(kind, x, Columns::new(w), SparseOutput::Overwrite, ColumnsMut::new(y.view_mut()));
                    assert!(y.slice(s![judged.clone(), ..]).iter().all(|y| y.is_finite()), "{kind:?}");
                }
            }
        }
    }
}

/// Also where a byte of 0 counts, so that no column is left out.
#[test]
fn a_batch_without_samples_is_multiplied() {
    for (least, outputs, kind) in [(0, 10), (0, 64), (1, 10), (1, 64)]
        .into_iter()
        .flat_map(|(a, b)| [Kind::Avx512, Kind::Avx2].map(|c| (a, b, c)))
    {
        let mut batch = SparseBatch::of(kind, 20, 40, outputs, true);
        batch.fill([7_u8; 800].chunks(40), &VALUES, least, |_, _| ());
        batch.fill([].into_iter(), &VALUES, least, |_, _| ());
        assert_eq!((batch.to_whole().dim(), batch.whole_group().columns), ((0, 40), &[][..]));
        for half in [Half::First, Half::Second] {
            let (w, mut y) = (Array2::ones((batch.columns_of(half).len(), outputs)), Array2::zeros((0, outputs)));
            let x = SomeSamples { first: 0, half, batch: &batch };
            multiply_sparse(
                Kind::Portable,
                x,
                Columns::new(w.view()),
                SparseOutput::Overwrite,
                ColumnsMut::new(y.view_mut()),
            );
        }
    }
}

#[test]
#[should_panic(expected = "added only")]
fn a_batch_that_is_one_group_does_not_overwrite() {
    let mut batch = SparseBatch::new(2, 8, 10);
    batch.fill([7_u8; 16].chunks(8), &VALUES, LEAST, |_, _| ());
    let (d, mut c) = (Array2::ones((2, 10)), Array2::zeros((8, 10)));
    let x = Pairs { first: 0, columns: 8, batch: &batch };
    add_sparse(Kind::Portable, x, Columns::new(d.view()), SparseOutput::Overwrite, ColumnsMut::new(c.view_mut()));
}

#[test]
#[should_panic(expected = "multiplied only")]
fn a_batch_that_is_multiplied_only_is_not_learnt_from() {
    let mut batch = SparseBatch::for_scores(20, 8, 64);
    batch.fill([7_u8; 160].chunks(8), &VALUES, LEAST, |_, _| ());
    add_ones(&batch);
}

/// A row for each of its samples, as many as it says there are.
fn add_ones(batch: &SparseBatch) {
    let (d, mut c) = (Array2::ones((batch.samples(), 64)), Array2::zeros((8, 64)));
    let x = Pairs { first: 0, columns: 8, batch };
    let output = SparseOutput::Add { alpha: 1.0 };
    add_sparse(Kind::Portable, x, Columns::new(d.view()), output, ColumnsMut::new(c.view_mut()));
}

/// It has fewer or more samples then than its lists are of.
#[test]
fn a_batch_that_was_filled_in_part_is_not_learnt_from() {
    for samples in [7, 25] {
        let mut batch = SparseBatch::of(Kind::Avx2, 30, 8, 64, true);
        batch.fill([7_u8; 160].chunks(8), &VALUES, LEAST, |_, _| ());
        add_ones(&batch);
        let asked = Cell::new(0);
        let rows = (0..samples).map(|_| {
            asked.set(asked.get() + 1);
            if asked.get() > samples { &[7_u8][..] } else { &[7; 8] } // other rows when they are asked for again
        });
        let fill = || batch.fill(rows, &VALUES, LEAST, |_, _| ());
        catch_unwind(AssertUnwindSafe(fill)).unwrap_err();
        let message = *catch_unwind(|| add_ones(&batch)).unwrap_err().downcast::<&str>().unwrap();
        assert!(message.contains("not filled"), "{samples}: {message}");
    }
}

#[test]
#[should_panic(expected = "no such samples")]
fn samples_that_a_batch_has_not_are_refused() {
    let mut batch = SparseBatch::new(20, 4, 64);
    batch.fill([7_u8; 80].chunks(4), &VALUES, LEAST, |_, _| ());
    let (w, mut y) = (Array2::ones((4, 64)), Array2::zeros((17, 64)));
    let x = SomeSamples { first: 4, half: Half::First, batch: &batch };
    multiply_sparse(Kind::Portable, x, Columns::new(w.view()), SparseOutput::Overwrite, ColumnsMut::new(y.view_mut()));
}

#[test]
#[should_panic(expected = "a pair is not cut")]
fn a_batch_is_not_cut_within_a_pair() {
    let mut batch = SparseBatch::new(20, 10, 64);
    batch.fill([7_u8; 200].chunks(10), &VALUES, LEAST, |_, _| ());
    let (d, mut c) = (Array2::ones((20, 64)), Array2::zeros((3, 64)));
    let x = Pairs { first: 0, columns: 3, batch: &batch };
    add_sparse(Kind::Portable, x, Columns::new(d.view()), SparseOutput::Overwrite, ColumnsMut::new(c.view_mut()));
}

#[test]
fn a_product_is_added_from_a_factor_that_lies_column_by_column() {
    let mut stream = Seed(10).stream(Purpose::Init, 0);
    for (a, b) in cases() {
        let before = draw(a.nrows(), b.ncols(), &mut stream);
        let expected = before.mapv(f64::from) + 2.0 * naive(&a, &b);
        let columns = a.t().as_standard_layout().into_owned();
        for kind in kinds() {
            let mut c = before.clone();
            let left = Left::Columns(Columns::new(columns.view()));
            let output = Output::Add { alpha: 2.0, c: ColumnsMut::new(c.view_mut()) };
            multiply(kind, product(left, a.nrows(), &b), output);
            assert_close(&c, &expected, 2 * a.ncols(), &format!("{kind:?} {:?} x {:?}", a.dim(), b.dim()));
        }
    }
}

#[test]
fn a_product_is_put_down_turned_without_columns_that_are_not_wanted() {
    for (a, b) in cases() {
        for kind in kinds() {
            for wanted in [b.ncols(), b.ncols().div_ceil(2)] {
                let mut c = Array2::from_elem((wanted, a.nrows()), f32::NAN);
                multiply(kind, product(rows_of(&a), a.nrows(), &b), Output::Transposed(ColumnsMut::new(c.view_mut())));
                let expected = naive(&a, &b).slice(s![.., ..wanted]).t().to_owned();
                assert_close(&c, &expected, a.ncols(), &format!("{kind:?} {:?} x {:?}", a.dim(), b.dim()));
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_every_product() {
    let mut stream = Seed(8).stream(Purpose::Init, 0);
    let (a, b) = (draw(25, 60, &mut stream), draw(60, 37, &mut stream));
    for kind in kinds() {
        let mut together = Array2::zeros((25, 37));
        multiply(kind, product(rows_of(&a), 25, &b), Output::Overwrite(ColumnsMut::new(together.view_mut())));
        for row in 0..25 {
            let (one, mut alone) = (a.slice(s![row..=row, ..]).to_owned(), Array2::zeros((1, 37)));
            multiply(kind, product(rows_of(&one), 1, &b), Output::Overwrite(ColumnsMut::new(alone.view_mut())));
            assert_eq!(alone.row(0), together.row(row), "{kind:?}, row {row}");
        }
    }
}

#[test]
fn the_largest_and_smallest_numbers_go_through_as_they_do_in_a_naive_loop() {
    let ones = Array2::ones((1, 40));
    for kind in kinds() {
        for x in [1e-40, f32::MAX, f32::INFINITY, f32::NAN] {
            let (a, mut c) = (Array2::from_elem((1, 1), x), Array2::zeros((1, 40)));
            multiply(kind, product(rows_of(&a), 1, &ones), Output::Overwrite(ColumnsMut::new(c.view_mut())));
            assert!(c.iter().all(|c| c.to_bits() == x.to_bits() || (c.is_nan() && x.is_nan())), "{kind:?} {x}: {c:?}");
        }
    }
}

#[test]
#[should_panic(expected = "another shape")]
fn a_matrix_of_another_shape_is_refused() {
    let (a, b, mut c) = (Array2::ones((2, 3)), Array2::ones((3, 4)), Array2::zeros((2, 5)));
    multiply(Kind::Portable, product(rows_of(&a), 2, &b), Output::Overwrite(ColumnsMut::new(c.view_mut())));
}
