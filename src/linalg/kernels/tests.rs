use super::*;
use crate::seed::{Purpose, Seed, Stream, unit};
use ndarray::{Array2, Axis, s};

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
    Left::Rows { values: a.as_slice().unwrap(), stride: a.ncols(), picked: None }
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

#[test]
fn columns_that_are_left_out_are_columns_of_zeros() {
    for (a, b) in cases() {
        // Every other row of a taller right factor; those between are never looked at.
        let mut tall = Array2::from_elem((2 * b.nrows(), b.ncols()), f32::NAN);
        tall.slice_mut(s![1..;2, ..]).assign(&b);
        let picked: Vec<u32> = (0..b.nrows() as u32).map(|k| 2 * k + 1).collect();
        for kind in kinds() {
            let mut c = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
            let left = Left::Rows { values: a.as_slice().unwrap(), stride: a.ncols(), picked: Some(&picked) };
            let product = Product { terms: b.nrows(), ..product(left, a.nrows(), &tall) };
            multiply(kind, product, Output::Overwrite(ColumnsMut::new(c.view_mut())));
            assert_close(&c, &naive(&a, &b), a.ncols(), &format!("{kind:?} {:?} x {:?}", a.dim(), b.dim()));
        }
    }
}

#[test]
fn what_is_added_goes_to_the_rows_that_were_picked_and_touches_no_other() {
    let mut stream = Seed(9).stream(Purpose::Init, 0);
    for (a, b) in cases() {
        let before = draw(2 * a.nrows(), b.ncols(), &mut stream);
        // Counted from a row before those at hand.
        let picked: Vec<u32> = (0..a.nrows() as u32).map(|row| 5 + 2 * row + 1).collect();
        let mut expected = before.mapv(f64::from);
        expected.slice_mut(s![1..;2, ..]).scaled_add(-0.5, &naive(&a, &b));
        let columns = a.t().as_standard_layout().into_owned();
        for kind in kinds() {
            let mut c = before.clone();
            let left = Left::Columns { values: columns.as_slice().unwrap(), stride: a.nrows() };
            let output = Output::Add {
                alpha: -0.5,
                c: ColumnsMut::new(c.view_mut()),
                picked: Some(Picked { rows: &picked, first: 5 }),
            };
            multiply(kind, product(left, a.nrows(), &b), output);
            assert_close(&c, &expected, a.ncols(), &format!("{kind:?} {:?} x {:?}", a.dim(), b.dim()));
            assert_eq!(c.slice(s![..;2, ..]), before.slice(s![..;2, ..]), "{kind:?}: a row that was not picked");
        }
    }
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
            let left = Left::Columns { values: columns.as_slice().unwrap(), stride: a.nrows() };
            let output = Output::Add { alpha: 2.0, c: ColumnsMut::new(c.view_mut()), picked: None };
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
