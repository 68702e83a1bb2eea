use super::*;
use ndarray::Array2;

use crate::linalg::SparseBatch;
use crate::threads::with_one_blas_thread;

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
        let matrix = |rows, width| Array2::from_shape_fn((rows, width), |(i, j)| ((i * 5 + j * 3) % 7) as f32 - 3.0);
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

/// So many that products with weights of such a shape are BLAS's; 0 where it gets none.
fn samples_for_blas(inputs: usize, outputs: usize) -> usize {
    let limit = Kind::of_this_processor().limit();
    if limit == usize::MAX {
        println!("skipped: a product by BLAS, which gets none here");
        return 0;
    }
    limit / (2 * inputs * outputs) + 1
}

/// By one thread and by teams, small enough for kernels and not. How BLAS rounds depends on its threads, of which other tests may have
/// more: its case has small integers, which are exact.
#[test]
fn weights_learnt_in_parts_and_the_next_product_have_the_bits_of_one_after_the_other() {
    let too_large = samples_for_blas(1100, 1600);
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
                let turned = w.t().as_standard_layout().into_owned();
                let mut y = Array2::from_elem(d.dim(), f32::NAN);
                team.lead(|| multiply_turned(x.view(), turned.view(), y.view_mut()));
                assert_eq!(y, x.dot(&w), "{name}, turned");
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

/// Small integers, so that all sums are exact.
#[test]
fn products_by_blas_are_cut_for_a_team() {
    let (inputs, outputs) = (1100, 1600);
    let samples = samples_for_blas(inputs, outputs);
    if samples == 0 {
        return;
    }
    let matrix = |rows, columns| Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 7 + j * 11) % 13) as f32 - 6.0);
    let (x, d, w) = (matrix(samples, inputs), matrix(samples, outputs), matrix(inputs, outputs));
    let turned = w.t().as_standard_layout().into_owned();
    let unknown = |shape| Array2::from_elem(shape, f32::NAN);
    for threads in [1, 2, 3] {
        let product = |work: &mut dyn FnMut()| {
            with_one_blas_thread(|| team::Team::that_shares(threads).lead(work));
        };
        let mut y = unknown(d.dim());
        product(&mut || multiply(Samples::Whole(x.view()), w.view(), y.view_mut()));
        assert_eq!(y, x.dot(&w), "{threads} threads");
        y = unknown(d.dim());
        product(&mut || multiply_turned(x.view(), turned.view(), y.view_mut()));
        assert_eq!(y, x.dot(&w), "turned, {threads} threads");
        let mut d_x = unknown(x.dim());
        product(&mut || multiply_transposed(d.view(), w.view(), d_x.view_mut(), &mut []));
        assert_eq!(d_x, d.dot(&w.t()), "{threads} threads");
        let expected = &w - 0.5 * &x.t().dot(&d);
        let mut learnt = w.clone();
        product(&mut || add_product(-0.5, Samples::Whole(x.view()), d.view(), 1.0, learnt.view_mut()));
        assert_eq!(learnt, expected, "{threads} threads");
        learnt = w.clone();
        product(&mut || {
            let learn = |product: Gradient, [w]: [ArrayViewMut2<f32>; 1]| product.add_to(-0.5, w);
            learn_rows(Samples::Whole(x.view()), d.view(), [learnt.view_mut()], None, learn);
        });
        assert_eq!(learnt, expected, "by rows, {threads} threads");
    }
    // Few samples are columns; many are cut themselves.
    let (x, w, mut y) = (matrix(200, 300), matrix(300, 100), unknown((200, 100)));
    with_one_blas_thread(|| {
        team::Team::that_shares(2).lead(|| multiply_by(None, Samples::Whole(x.view()), w.view(), y.view_mut()));
    });
    assert_eq!(y, x.dot(&w));
}

/// BLAS rounds parts otherwise than the whole, so a busy machine must not decide whether it gets parts.
#[test]
fn products_by_blas_do_not_depend_on_whether_a_team_shares_them() {
    let x = Array2::from_shape_fn((100, 203), |(i, j)| ((i * 203 + j) as f32).sin());
    let w = Array2::from_shape_fn((203, 304), |(i, j)| ((i * 304 + j) as f32).cos());
    let results = [team::Team::new(2).unwrap(), team::Team::that_shares(2)].map(|team| {
        let (mut y, mut learnt) = (Array2::zeros((100, 304)), w.clone());
        with_one_blas_thread(|| {
            team.lead(|| {
                multiply_by(None, Samples::Whole(x.view()), w.view(), y.view_mut());
                add_product_by(None, -0.1, Samples::Whole(x.view()), y.view(), 1.0, learnt.view_mut());
            });
        });
        (y, learnt)
    });
    assert!(results[0] == results[1]);
}

#[test]
fn zeros_are_left_out_from_a_quarter_on_where_a_product_is_large_enough() {
    let quarter = |zeros: usize| Array2::from_shape_fn((64, 64), |(i, j)| f32::from(u8::from(i % 8 * 64 + j >= zeros)));
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
        let (axis, parts) = cut_result(2 * samples * 500 * columns, samples, columns, threads);
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
fn a_backward_product_is_not_cut_into_few_samples() {
    let axis = |threads| cut_backward(2 * 100 * 100 * 100, 100, 100, threads).0.index();
    assert_eq!([2, 3, 4, 6].map(axis), [0, 0, 1, 1]);
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
    let (d, mut w, mut y) = (Array2::ones((3, 20)), Array2::zeros((7, 20)), [(); 2].map(|()| Array2::zeros((2, 20))));
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
