//! A batch of rows of bytes, most of which stand for zero, as the two products of a layer want it.
//!
//! A product with weights runs over the columns of a few samples at once, an update over the samples of a few columns. So a batch is kept
//! twice: by groups of samples, each without the columns that are zero in all of its samples; and by quads of columns, each without the samples
//! that are zero in all of its columns. A batch of few samples, and one for a narrow layer, whose tiles are too short for that, is one group, as numbers, for
//! both products. All of them leave out zeros only: every sum has the terms it would have otherwise, in the same order.
//!
//! A sum over columns is the sum over the first half of them plus that over the second ([`Half`]), whoever computes it: so two threads that have half of the rows of
//! the weights each multiply with them, and its bits do not depend on that.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

use super::bytes::{self, prefetch};

/// Samples of a group. More of them share a read of the weights, but have fewer zeros in common.
pub(super) const GROUP: usize = 5;

/// Columns of a quad.
pub(super) const QUAD: usize = 4;

/// A layer of fewer outputs is narrow.
const NARROW: usize = 64;

/// A half of a batch's columns, and of the rows of weights that belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// Those before the middle.
    First,
    /// The others.
    Second,
}

/// The middle is a multiple of so many columns: as many rows of weights are whole cache lines, however wide.
const MIDDLE: usize = 16;

const _: () = assert!(MIDDLE.is_multiple_of(QUAD), "no quad is cut");

/// `X` (B, I), row by row from bytes. Room for the largest batch; a smaller one uses the front of it.
#[derive(Debug, Clone)]
pub struct SparseBatch {
    /// I.
    width: usize,
    /// Of the largest batch.
    most: usize,
    /// Of the layer that it is for.
    is_narrow: bool,
    /// B of the last batch.
    samples: usize,
    /// What a byte stands for.
    values: &'static [f32; 256],
    /// By group: how many columns it has.
    counts: Vec<u32>,
    /// By group: how many of these are in the first half.
    middles: Vec<u32>,
    /// (groups, I): the columns of each group, in order, in the front of its row.
    columns: Vec<u16>,
    /// (groups, I): each column's largest byte.
    largest: Vec<u8>,
    /// (B, I): each sample's bytes in the columns of its group, in the front of its row. Of a batch that is one group only the first row is used.
    bytes: Vec<u8>,
    /// The samples of a batch that is one group in its columns, row by row.
    numbers: Vec<f32>,
    /// By quad: where it ends in `terms`.
    ends: Vec<u32>,
    /// By quad: its samples, in order.
    terms: Vec<Term>,
    found: Found,
    /// Products of a number with a row of weights that `X·W` takes, and with a row of gradients that `Xᵀ·D` does.
    operations: [usize; 2],
}

/// By sample: its quads that are not zero.
#[derive(Debug, Clone)]
struct Found {
    /// How many.
    counts: Vec<u32>,
    /// Their numbers, in the front of a row for all quads.
    numbers: Vec<u16>,
    /// Their bytes, likewise.
    quads: Vec<[u8; QUAD]>,
}

/// A sample in which a quad is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Term {
    /// The quad's.
    pub bytes: [u8; QUAD],
    /// Its number.
    pub sample: u16,
}

/// Samples of a batch that share their columns, as bytes or as numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a, T> {
    /// The columns that are not zero in all of them, in order.
    pub columns: &'a [u16],
    /// What is in these, each sample's in the front of its row.
    pub entries: &'a [T],
    /// From a row to the next.
    pub stride: usize,
    /// How many.
    pub samples: usize,
}

impl<'a> Group<'a, f32> {
    /// (samples, columns): what is not left out.
    pub fn matrix(&self) -> ArrayView2<'a, f32> {
        ArrayView2::from_shape((self.samples, self.stride), self.entries)
            .expect("a batch that is one group has no gaps")
    }
}

/// Four columns of a batch that lie side by side; the last may be fewer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quad<'a> {
    /// The samples in which they are not all zero, in order.
    pub terms: &'a [Term],
    /// What a byte stands for.
    pub values: &'static [f32; 256],
}

/// Every byte is zero.
static NOTHING: [f32; 256] = [0.0; 256];

impl SparseBatch {
    /// Samples and columns are numbered by 16 bits: there are no more of either.
    pub const MOST: usize = 1 << u16::BITS;

    /// Room for up to `batch` samples of `width` columns, for a layer with so many `outputs`.
    ///
    /// # Panics
    /// If a batch or its width exceeds [`MOST`](Self::MOST).
    pub fn new(batch: usize, width: usize, outputs: usize) -> Self {
        assert!(batch.max(width) <= Self::MOST, "too many samples or columns to be numbered");
        let is_narrow = outputs < NARROW;
        // As tiles, and as one group.
        let [tiles, one] = if is_narrow { [0, batch] } else { [batch, batch.min(GROUP)] };
        let (groups, quads) = (tiles.div_ceil(GROUP).max(1), if is_narrow { 0 } else { width.div_ceil(QUAD) });
        Self {
            width,
            most: batch,
            is_narrow,
            samples: 0,
            values: &NOTHING,
            counts: vec![0; groups],
            middles: vec![0; groups],
            columns: vec![0; groups * width],
            largest: vec![0; groups * width],
            bytes: vec![0; tiles.max(1) * width],
            numbers: vec![0.0; one * width],
            ends: vec![0; quads],
            terms: vec![Term::default(); tiles * quads],
            found: Found {
                counts: vec![0; tiles],
                numbers: vec![0; tiles * quads],
                quads: vec![[0; QUAD]; tiles * quads],
            },
            operations: [0; 2],
        }
    }

    /// Makes `rows`, each of the width, the batch. A byte stands for what `values` says, which is zero for those below `least`; `convert` writes that of several
    /// bytes. Allocates nothing.
    ///
    /// # Panics
    /// If there is no room, or a row has another length.
    pub fn fill<'r>(
        &mut self,
        rows: impl ExactSizeIterator<Item = &'r [u8]> + Clone,
        values: &'static [f32; 256],
        least: u8,
        convert: impl Fn(&[u8], &mut [f32]),
    ) {
        assert!(rows.len() <= self.most, "more samples than there is room for");
        assert!(rows.clone().all(|row| row.len() == self.width), "a row of another width");
        (self.samples, self.values) = (rows.len(), values);
        self.find_columns(rows.clone(), least);
        if self.is_one_group() {
            self.fill_numbers(rows, least, convert);
        } else {
            self.fill_bytes(rows.clone(), least);
            self.fill_quads(rows, least);
        }
    }

    fn find_columns<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>, least: u8) {
        let (width, size) = (self.width, self.group_size());
        let (groups, middle) = (self.samples.div_ceil(size), self.middle());
        (self.counts[0], self.middles[0]) = (0, 0); // of a batch without samples
        self.largest[..groups * width].fill(0);
        for (sample, row) in rows.enumerate() {
            bytes::raise(&mut self.largest[sample / size * width..][..width], row);
        }
        for number in 0..groups {
            let [largest, columns] = [number * width; 2];
            let (largest, columns) = (&self.largest[largest..][..width], &mut self.columns[columns..][..width]);
            let count = bytes::places(largest, least, columns);
            self.counts[number] = count as u32;
            self.middles[number] = columns[..count].partition_point(|&column| usize::from(column) < middle) as u32;
        }
    }

    fn fill_numbers<'r>(
        &mut self,
        rows: impl Iterator<Item = &'r [u8]>,
        least: u8,
        convert: impl Fn(&[u8], &mut [f32]),
    ) {
        let count = self.counts[0] as usize;
        let (picked, largest) = (&mut self.bytes[..self.width], &self.largest[..self.width]);
        for (sample, row) in rows.enumerate() {
            bytes::pick(row, largest, least, picked);
            convert(&picked[..count], &mut self.numbers[sample * count..][..count]);
        }
        self.operations = [self.samples * count; 2];
    }

    fn fill_bytes<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>, least: u8) {
        let width = self.width;
        self.operations[0] = 0;
        for (sample, row) in rows.enumerate() {
            let largest = &self.largest[sample / GROUP * width..][..width];
            self.operations[0] += bytes::pick(row, largest, least, &mut self.bytes[sample * width..][..width]);
        }
    }

    /// Each row is read once: a file that it may be mapped from may be written meanwhile.
    fn fill_quads<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>, least: u8) {
        let Self { ends, terms, found, .. } = self;
        let room = ends.len();
        ends.fill(0);
        for (sample, row) in rows.enumerate() {
            let of_sample = sample * room..(sample + 1) * room;
            let (numbers, quads) = (&mut found.numbers[of_sample.clone()], &mut found.quads[of_sample]);
            let count = bytes::quads(row, least, numbers, quads);
            numbers[..count].iter().for_each(|&number| ends[usize::from(number)] += 1);
            found.counts[sample] = count as u32;
        }
        let mut start = 0;
        for end in ends.iter_mut() {
            start += std::mem::replace(end, start); // from here on, where the next term of the quad goes
        }
        self.operations[1] = QUAD * start as usize;
        for (sample, &count) in found.counts[..self.samples].iter().enumerate() {
            let of_sample = sample * room..sample * room + count as usize;
            for (&number, &bytes) in found.numbers[of_sample.clone()].iter().zip(&found.quads[of_sample]) {
                let next = &mut ends[usize::from(number)];
                terms[*next as usize] = Term { bytes, sample: sample as u16 };
                *next += 1;
            }
        }
    }

    /// Asks for what products will read of its first half, or of all of it where it is one group, to be brought into the second cache: another thread
    /// may have filled it, and does the other half if both work.
    pub fn prefetch(&self) {
        if self.is_one_group() {
            let Group { columns, entries, .. } = self.whole_group();
            prefetch(columns);
            return prefetch(entries);
        }
        for number in 0..self.samples.div_ceil(GROUP) {
            let Group { columns, entries, stride, .. } = self.half(number, self.group(number), Half::First);
            prefetch(columns);
            entries.chunks(stride).for_each(|row| prefetch(&row[..columns.len()]));
        }
        let ends = &self.ends[..self.middle().div_ceil(QUAD)];
        prefetch(ends);
        prefetch(&self.terms[..ends.last().map_or(0, |&end| end as usize)]);
    }

    /// B.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// I.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Where the second half of the columns begins: after 17 of 32 of them, for the thread that has it begins later.
    pub(super) fn middle(&self) -> usize {
        ((self.width * 17 / 32 + MIDDLE / 2) / MIDDLE * MIDDLE).min(self.width)
    }

    /// The columns of a half.
    #[inline(always)]
    pub(super) fn columns_of(&self, half: Half) -> Range<usize> {
        match half {
            Half::First => 0..self.middle(),
            Half::Second => self.middle()..self.width,
        }
    }

    /// What `group`, the `number`-th, has in a half.
    #[inline(always)]
    pub(super) fn half<'a, T>(&self, number: usize, group: Group<'a, T>, half: Half) -> Group<'a, T> {
        let middle = self.middles[number] as usize;
        match half {
            Half::First => Group { columns: &group.columns[..middle], ..group },
            Half::Second => Group { columns: &group.columns[middle..], entries: &group.entries[middle..], ..group },
        }
    }

    /// Products of a number with a row of weights that `X·W` takes.
    pub(super) fn forward_terms(&self) -> usize {
        self.operations[0]
    }

    /// Products of a number with a row of gradients that `Xᵀ·D` takes.
    pub(super) fn update_terms(&self) -> usize {
        self.operations[1]
    }

    /// Whether it is kept as one group, without quads.
    #[inline(always)]
    pub(super) fn is_one_group(&self) -> bool {
        self.is_narrow || self.samples <= GROUP
    }

    /// Samples of each group, but the last may have fewer.
    fn group_size(&self) -> usize {
        if self.is_one_group() { self.samples.max(1) } else { GROUP }
    }

    /// All of a batch that is one group.
    pub(super) fn whole_group(&self) -> Group<'_, f32> {
        let (stride, samples) = (self.counts[0] as usize, self.samples);
        Group { columns: &self.columns[..stride], entries: &self.numbers[..samples * stride], stride, samples }
    }

    /// The `number`-th group of a batch that is several.
    #[inline(always)]
    pub(super) fn group(&self, number: usize) -> Group<'_, u8> {
        let (stride, first) = (self.width, number * GROUP);
        let samples = GROUP.min(self.samples - first);
        let columns = &self.columns[number * stride..][..self.counts[number] as usize];
        Group { columns, entries: &self.bytes[first * stride..][..samples * stride], stride, samples }
    }

    /// What a byte stands for.
    #[inline(always)]
    pub(super) fn values(&self) -> &'static [f32; 256] {
        self.values
    }

    /// The `number`-th quad of a batch that is several groups.
    #[inline(always)]
    pub(super) fn quad(&self, number: usize) -> Quad<'_> {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        Quad { terms: &self.terms[start as usize..self.ends[number] as usize], values: self.values }
    }

    /// A copy of all of `X`, (B, I).
    pub fn to_whole(&self) -> Array2<f32> {
        let mut x = Array2::zeros((self.samples, self.width));
        for sample in 0..self.samples {
            let mut put = |column: &u16, value: f32| x[(sample, usize::from(*column))] = value;
            if self.is_one_group() {
                let Group { columns, entries, stride, .. } = self.whole_group();
                columns.iter().zip(&entries[sample * stride..]).for_each(|(column, &value)| put(column, value));
            } else {
                let Group { columns, entries, stride, .. } = self.group(sample / GROUP);
                let bytes = &entries[sample % GROUP * stride..];
                columns.iter().zip(bytes).for_each(|(column, &byte)| put(column, self.values[usize::from(byte)]));
            }
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    static SIGNED: [f32; 256] = {
        let (mut values, mut byte) = ([0.0; 256], 0);
        while byte < 256 {
            values[byte] = if byte < 3 { 0.0 } else { 100.0 - byte as f32 };
            byte += 1;
        }
        values
    };

    /// `X` put together from its quads.
    fn by_quads(batch: &SparseBatch) -> Array2<f32> {
        let mut x = Array2::zeros((batch.samples(), batch.width()));
        for number in 0..batch.width().div_ceil(QUAD) {
            let quad = batch.quad(number);
            assert!(quad.terms.is_sorted_by_key(|term| term.sample), "samples are in order");
            for term in quad.terms {
                for (column, &byte) in (number * QUAD..batch.width()).zip(&term.bytes) {
                    x[(usize::from(term.sample), column)] = batch.values[usize::from(byte)];
                }
            }
        }
        x
    }

    fn fill<'r>(batch: &mut SparseBatch, rows: impl ExactSizeIterator<Item = &'r [u8]> + Clone) {
        let convert = |bytes: &[u8], x: &mut [f32]| {
            x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = SIGNED[usize::from(byte)]);
        };
        batch.fill(rows, &SIGNED, 3, convert);
    }

    #[test]
    fn groups_and_quads_are_the_batch_without_what_is_zero() {
        let byte = |sample: usize, column: usize| match (sample * 7919 + column * 104_729) % 11 {
            0..8 => 0,
            8 => 2, // stands for zero, too
            _ => ((sample * 31 + column * 17) % 256) as u8,
        };
        for (width, outputs) in
            [1, 3, 4, 25, 63, 64, 65, 130, 784].into_iter().flat_map(|width| [(width, 10), (width, 64)])
        {
            let rows: Vec<Vec<u8>> = (0..23).map(|s| (0..width).map(|c| byte(s, c)).collect()).collect();
            let mut batch = SparseBatch::new(23, width, outputs);
            for (start, samples) in [(0, 23), (3, 1), (1, 5), (7, 6), (11, 12), (22, 1), (0, 0)] {
                let rows = &rows[start..start + samples];
                fill(&mut batch, rows.iter().map(|row| &row[..]));
                let expected = Array2::from_shape_fn((samples, width), |(s, c)| SIGNED[usize::from(rows[s][c])]);
                assert_eq!(batch.to_whole(), expected, "{samples} of {width}, by groups");
                let size = batch.group_size();
                for (number, rows) in rows.chunks(size).enumerate() {
                    let columns =
                        if batch.is_one_group() { batch.whole_group().columns } else { batch.group(number).columns };
                    let active = (0..width).filter(|&c| rows.iter().any(|row| row[c] >= 3));
                    assert!(columns.iter().map(|&c| usize::from(c)).eq(active), "no column of zeros is kept");
                }
                assert_eq!(batch.is_one_group(), outputs < 64 || samples <= 5);
                if !batch.is_one_group() {
                    assert_eq!(by_quads(&batch), expected, "{samples} of {width}, by quads");
                    let terms = (0..width.div_ceil(QUAD)).flat_map(|number| batch.quad(number).terms);
                    assert!(terms.into_iter().all(|term| term.bytes.iter().any(|&byte| byte >= 3)), "nor such a term");
                }
            }
        }
    }

    /// As a mapped file's that is written meanwhile: each time a row is asked for it has other bytes.
    #[test]
    fn rows_that_change_while_they_are_read_are_taken_without_a_panic() {
        let [few, many] = [0_u8, 9].map(|byte| [byte; 32]);
        for rows in [[&few, &many], [&many, &few]] {
            let mut batch = SparseBatch::new(8, 32, 64);
            fill(&mut batch, Fickle { rows: rows.map(|row| &row[..]), left: 8, turn: &Cell::new(0) });
            let all = (0..8).map(|number| batch.quad(number).terms.len()).sum::<usize>();
            assert!(all <= 64 && (0..2).all(|number| batch.group(number).columns.len() <= 32));
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
}
