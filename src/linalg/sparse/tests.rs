use super::*;
use ndarray::{Axis, s};
use std::cell::Cell;

static SIGNED: [f32; 256] = {
    let (mut values, mut byte) = ([0.0; 256], 0);
    while byte < 256 {
        values[byte] = if byte < 3 { 0.0 } else { 100.0 - byte as f32 };
        byte += 1;
    }
    values
};

/// `X` put together from its pairs.
fn by_pairs(batch: &SparseBatch) -> Array2<f32> {
    let mut x = Array2::zeros((batch.samples(), batch.width()));
    if let Some(lists) = batch.lists() {
        for first in (0..batch.width()).step_by(PAIR) {
            for entry in lists.of(first / PAIR) {
                for (column, byte) in (first..batch.width()).zip(entry.bytes()) {
                    x[(entry.sample(), column)] = batch.values()[usize::from(byte)];
                }
            }
        }
        return x;
    }
    let Paired { bytes, stride, values, .. } = batch.paired();
    for first in (0..batch.width()).step_by(PAIR) {
        for sample in samples_of(batch, first / PAIR) {
            for column in (first..batch.width()).take(PAIR) {
                x[(sample, column)] = values[usize::from(bytes[sample * stride + column])];
            }
        }
    }
    x
}

/// Those in which that pair is not zero.
fn samples_of(batch: &SparseBatch, number: usize) -> Vec<usize> {
    if let Some(lists) = batch.lists() {
        return lists.of(number).iter().map(|entry| entry.sample()).collect();
    }
    let columns = batch.paired();
    let is_in = |&sample: &usize| columns.set(sample / SET, number) >> (sample % SET) & 1 == 1;
    (0..columns.sets_of_pair * SET).filter(is_in).collect()
}

fn fill<'r>(batch: &mut SparseBatch, rows: impl ExactSizeIterator<Item = &'r [u8]> + Clone) {
    let convert = |bytes: &[u8], x: &mut [f32]| {
        x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = SIGNED[usize::from(byte)]);
    };
    batch.fill(rows, &SIGNED, 3, convert);
}

#[test]
fn sets_and_pairs_are_the_batch_without_what_is_zero() {
    let byte = |sample: usize, column: usize| match (sample * 7919 + column * 104_729) % 11 {
        0..8 => 0,
        8 => 2, // stands for zero, too
        _ => ((sample * 31 + column * 17) % 256) as u8,
    };
    let layers = |width| [(width, 10, Kind::Avx512), (width, 64, Kind::Avx512), (width, 64, Kind::Avx2)];
    for (width, outputs, kind) in [1, 3, 4, 25, 63, 64, 65, 130, 784].into_iter().flat_map(layers) {
        let rows: Vec<Vec<u8>> = (0..150).map(|s| (0..width).map(|c| byte(s, c)).collect()).collect();
        let mut batch = SparseBatch::of(kind, 150, width, outputs, true);
        for (start, samples) in [(0, 150), (0, 23), (3, 1), (1, 5), (7, 6), (11, 64), (50, 65), (22, 1), (0, 0)] {
            let rows = &rows[start..start + samples];
            fill(&mut batch, rows.iter().map(|row| &row[..]));
            let expected = Array2::from_shape_fn((samples, width), |(s, c)| SIGNED[usize::from(rows[s][c])]);
            assert_eq!(batch.to_whole(), expected, "{samples} of {width}, by samples");
            assert_eq!(batch.is_one_group(), outputs < 64 || samples <= 5);
            if batch.is_one_group() {
                let active = (0..width).filter(|&c| rows.iter().any(|row| row[c] >= 3));
                let columns = batch.whole_group().columns.iter().map(|&c| usize::from(c));
                assert!(columns.eq(active), "no column of zeros is kept");
                let halves = [Half::First, Half::Second].map(|half| batch.half_of_whole_group(half).columns);
                assert_eq!(halves.concat(), batch.whole_group().columns);
                assert!(halves[0].iter().all(|&column| usize::from(column) < batch.middle()));
            }
            for (sample, row) in rows.iter().enumerate().filter(|_| !batch.is_one_group()) {
                for start in (0..width).step_by(7) {
                    let columns = start..width.min(start + if start % 2 == 0 { SET } else { 50 });
                    let set = batch.each().set(sample, &columns);
                    let is_in = |&column: &usize| set >> (column - start) & 1 == 1;
                    let active = columns.clone().filter(|&column| row[column] >= 3);
                    assert!(
                        columns.clone().filter(is_in).eq(active)
                            && set.checked_shr(columns.len() as u32).unwrap_or(0) == 0
                    );
                }
            }
            if !batch.is_one_group() {
                assert_eq!(by_pairs(&batch), expected, "{samples} of {width}, by pairs");
                for (pair, columns) in expected.axis_chunks_iter(Axis(1), PAIR).enumerate() {
                    let is_zero = columns.iter().all(|&number| number == 0.0);
                    assert_eq!(samples_of(&batch, pair).is_empty(), is_zero, "{samples} of {width}, pair {pair}");
                }
                for first in (0..width).step_by(PAIR) {
                    let is_zero = |&sample: &usize| {
                        (first..width).zip(&rows[sample][first..]).take(PAIR).all(|(_, &byte)| byte < 3)
                    };
                    assert!(!samples_of(&batch, first / PAIR).iter().any(is_zero), "nor such a sample");
                }
            }
        }
    }
}

/// Where an update looks at a pair more than once: with AVX-512 that has more outputs than a span of vectors, with others always.
#[test]
fn pairs_are_listed_where_they_are_looked_at_more_than_once() {
    let rows: Vec<u8> = (0..6 * 40).map(|i| if i % 3 == 0 { 9 } else { 0 }).collect();
    for (outputs, kind, is_listed) in [
        (63, Kind::Avx2, false),
        (64, Kind::Avx2, true),
        (64, Kind::Portable, true),
        (64, Kind::Avx512, false),
        (128, Kind::Avx512, false),
        (129, Kind::Avx512, true),
        (129, Kind::Avx2, true),
    ]
    .into_iter()
    .filter(|&(_, kind, _)| cfg!(target_arch = "x86_64") || kind == Kind::Portable)
    {
        let mut batch = SparseBatch::of(kind, 6, 40, outputs, true);
        fill(&mut batch, rows.chunks_exact(40));
        assert_eq!(batch.lists().is_some(), is_listed, "{outputs} outputs, {kind:?}");
        if !batch.is_one_group() {
            let terms = PAIR * (0..20).map(|pair| samples_of(&batch, pair).len()).sum::<usize>();
            assert_eq!(batch.update_terms(), terms, "{outputs} outputs, {kind:?}");
        }
        let only = SparseBatch::of(kind, 6, 40, outputs, false);
        assert!(only.lists().is_none() && only.sets.is_empty(), "nothing for an update");
    }
}

/// Values that are proportional to bytes.
static PROPORTIONAL: [f32; 256] = {
    let (mut values, mut byte) = ([0.0; 256], 1);
    while byte < 256 {
        values[byte] = byte as f32 / 4.0;
        byte += 1;
    }
    values
};

#[test]
fn samples_of_different_steps_are_multiplied_with_each_other() {
    for (width, outputs, step) in [(784, 64, 10), (33, 64, 1), (1, 64, 3), (50, 10, 4)] {
        let byte = |i: usize| if i.is_multiple_of(3) { 0 } else { (i * i * 131 % 256) as u8 };
        let rows: Vec<u8> = (0..30 * width).map(byte).collect();
        let mut batch = SparseBatch::new(30, width, outputs).in_steps_of(step);
        for samples in [30, 27, step, 1, 0] {
            let convert = |bytes: &[u8], x: &mut [f32]| {
                x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = PROPORTIONAL[usize::from(byte)]);
            };
            batch.fill(rows.chunks_exact(width).take(samples), &PROPORTIONAL, 1, convert);
            let x = batch.to_whole().mapv(f64::from);
            for first in (0..samples).step_by(step) {
                let of_step = first..samples.min(first + step);
                let expected = x.slice(s![..first, ..]).dot(&x.slice(s![of_step.clone(), ..]).t());
                assert_eq!(batch.before(of_step), expected.mapv(|x| x as f32), "{samples} of {width} by {step}");
            }
        }
    }
}

/// As a mapped file's that is written meanwhile: each time a row is asked for it has other bytes.
#[test]
fn rows_that_change_while_they_are_read_are_taken_without_a_panic() {
    let [few, many] = [0_u8, 9].map(|byte| [byte; 32]);
    let orders = [[&few, &many], [&many, &few]];
    for (rows, kind) in orders.into_iter().flat_map(|rows| [(rows, Kind::Avx512), (rows, Kind::Avx2)]) {
        let mut batch = SparseBatch::of(kind, 8, 32, 64, true);
        fill(&mut batch, Fickle { rows: rows.map(|row| &row[..]), left: 8, turn: &Cell::new(0) });
        assert_eq!(batch.to_whole(), by_pairs(&batch));
    }
}

/// Rows, of which every pass over them finds other ones.
#[derive(Clone)]
struct Fickle<'r> {
    rows: [&'r [u8]; 2],
    left: usize,
    turn: &'r Cell<usize>,
}

impl<'r> Iterator for Fickle<'r> {
    type Item = &'r [u8];

    fn next(&mut self) -> Option<&'r [u8]> {
        self.left = self.left.checked_sub(1)?;
        self.turn.set(self.turn.get() + 1);
        Some(self.rows[self.turn.get() / 3 % 2])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fickle<'_> {}

#[test]
#[should_panic(expected = "a row of another width")]
fn rows_of_another_width_are_refused() {
    fill(&mut SparseBatch::new(2, 4, 64), [&[1_u8, 2, 3, 4][..], &[1, 2, 3]].into_iter());
}

#[test]
#[should_panic(expected = "more samples than there is room for")]
fn more_samples_than_there_is_room_for_are_refused() {
    fill(&mut SparseBatch::new(1, 2, 64), [&[1_u8, 2][..], &[1, 2]].into_iter());
}

#[test]
fn the_halves_of_a_batch_of_few_samples_are_unequal() {
    let middle = |batch, width| SparseBatch::new(batch, width, 128).middle();
    assert_eq!([middle(1, 784), middle(31, 784), middle(32, 784), middle(100, 784)], [416, 416, 400, 400]);
    assert_eq!(SparseBatch::for_scores(100, 784, 128).middle(), 416);
    assert_eq!([middle(31, 5), middle(32, 5), middle(100, 20)], [0, 0, 16]);
}
