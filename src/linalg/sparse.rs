//! A batch of rows of bytes, most of which stand for zero, as the two products of a layer want it.
//!
//! A product with weights runs over the columns of a sample, an update over the samples of a few columns. So beside its bytes a batch has
//! two lists of where to look: for each sample the set of its columns that are not zero; and for each pair of columns, the samples
//! without those that are zero in both, as a list with what they have ([`PairLists`]), or as a set where an update looks at it once. A batch of few samples, and one for a narrow layer, whose tiles are too short for that, is one group, as numbers, for
//! both products: what is zero in all of it is left out. All of them leave out zeros only: every sum has the terms it would have otherwise, in the same order.
//!
//! A sum over columns is the sum over the first half of them plus that over the second ([`Half`]), whoever computes it: so two threads that have half of the rows of
//! the weights each multiply with them, and its bits do not depend on that.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

use super::bytes::{self, prefetch};
use super::kernels::Kind;
use super::pairs::{PAIR, PairLists};
use super::{some_columns, some_rows};

/// Samples of a [`Set`].
pub(super) const SET: usize = Set::BITS as usize;

/// A batch of so few samples is one group.
const FEW: usize = 5;

/// A layer of fewer outputs is narrow.
pub(super) const NARROW: usize = 64;

/// A half of a batch's columns, and of the rows of weights that belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// Those before the middle.
    First,
    /// The others.
    Second,
}

/// The halves of a batch with room for so many samples are equal.
const EQUAL_HALVES: usize = 32;

/// The middle is a multiple of so many columns: as many rows of weights are whole cache lines, however wide.
const MIDDLE: usize = 16;

const _: () = assert!(MIDDLE.is_multiple_of(PAIR), "no pair is cut");

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
    /// How many columns a batch that is one group has that are not zero in all of it.
    count: usize,
    /// How many of these are in the first half.
    before_middle: usize,
    /// (I): these columns, in order, in the front.
    columns: Vec<u16>,
    /// (I): each column's largest byte in the group.
    largest: Vec<u8>,
    /// (I): a sample's bytes in these columns, in the front.
    picked: Vec<u8>,
    /// (B, I): the samples.
    bytes: Vec<u8>,
    /// The samples of a batch that is one group in its columns, row by row.
    numbers: Vec<f32>,
    /// (B, sets): which of the first [`SET`] columns are not zero in each sample, which of the next, and so on.
    of_samples: Vec<Set>,
    /// What each pair has that is not zero, where an update looks at it more than once.
    lists: Option<PairLists>,
    /// Where there are no lists, (sets, pairs): in which of the first [`SET`] samples each pair is not zero, in which of the next, and so on.
    sets: Vec<Set>,
    /// (pairs): the same of some samples that are being looked through.
    found: Vec<u16>,
    /// Products of a number with a row of weights that `X·W` takes, and with a row of gradients that `Xᵀ·D` does.
    operations: [usize; 2],
    /// Of a batch that is learnt from in several steps.
    steps: Option<Steps>,
    /// Whether it keeps what `Xᵀ·D` runs over.
    is_learnt_from: bool,
}

/// What the steps that learn from a batch have in common.
#[derive(Debug, Clone)]
struct Steps {
    /// Samples of each, but the last may have fewer.
    each: usize,
    /// (B, B): the products of each sample with those of later steps; whatever else is in it is not read.
    products: Array2<f32>,
    /// Those of the samples of a step with those of the steps before it.
    sums: Vec<u32>,
}

/// Some of [`SET`] samples, or columns, a bit for each.
pub(super) type Set = u64;

/// A batch that is one group, or its columns of one half.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    /// The columns, in order, without those that are zero in all samples.
    pub columns: &'a [u16],
    /// What is in these, each sample's in the front of its row.
    pub entries: &'a [f32],
    /// From a row to the next.
    pub stride: usize,
    /// How many.
    pub samples: usize,
}

impl<'a> Group<'a> {
    /// (samples, columns): what is not left out.
    pub fn matrix(&self) -> ArrayView2<'a, f32> {
        ArrayView2::from_shape((self.samples, self.stride), self.entries)
            .expect("a batch that is one group has no gaps")
    }
}

/// All columns of a batch, by pairs that lie side by side; the last may be alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paired<'a> {
    /// (sets, pairs): in which of the first [`SET`] samples each pair is not zero, in which of the next, and so on.
    sets: &'a [Set],
    /// How many pairs there are.
    pairs: usize,
    /// How many sets of each.
    pub sets_of_pair: usize,
    /// (samples, columns): all of the batch.
    pub bytes: &'a [u8],
    /// From a sample to the next.
    pub stride: usize,
    /// What a byte stands for.
    pub values: &'static [f32; 256],
}

impl Paired<'_> {
    /// Those of the `number`-th [`SET`] samples in which `pair` is not zero.
    #[inline(always)]
    pub fn set(&self, number: usize, pair: usize) -> Set {
        self.sets[number * self.pairs + pair]
    }

    /// Whether `pair` is zero in all samples.
    #[inline(always)]
    pub fn is_zero(&self, pair: usize) -> bool {
        let mut number = 0;
        while number < self.sets_of_pair && self.set(number, pair) == 0 {
            number += 1;
        }
        number == self.sets_of_pair
    }
}

/// All samples of a batch, one by one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Each<'a> {
    /// (samples, sets): which of the first [`SET`] columns are not zero in each, which of the next, and so on.
    sets: &'a [Set],
    /// How many sets of each.
    sets_of_sample: usize,
    /// (samples, columns): all of the batch.
    bytes: &'a [u8],
    /// From a sample to the next.
    stride: usize,
}

impl<'a> Each<'a> {
    /// Which of these columns, [`SET`] at most, are not zero in a sample.
    #[inline(always)]
    pub fn set(&self, sample: usize, columns: &Range<usize>) -> Set {
        let sets = &self.sets[sample * self.sets_of_sample..][..self.sets_of_sample];
        let (number, shift) = (columns.start / SET, columns.start % SET);
        let mut set = sets[number] >> shift;
        if shift + columns.len() > SET {
            set |= sets[number + 1] << (SET - shift);
        }
        if columns.len() == SET { set } else { set & ((1 << columns.len()) - 1) }
    }

    /// What is in these columns of a sample.
    #[inline(always)]
    pub fn bytes(&self, sample: usize, columns: Range<usize>) -> &'a [u8] {
        &self.bytes[sample * self.stride..][columns]
    }
}

/// Every byte is zero.
static NOTHING: [f32; 256] = [0.0; 256];

impl SparseBatch {
    /// Whether a layer of so many `outputs` is narrow: its batches are one group each.
    pub fn is_for_narrow(outputs: usize) -> bool {
        outputs < NARROW
    }

    /// Columns are numbered by 16 bits: there are no more of them, nor of samples.
    pub const MOST: usize = 1 << u16::BITS;

    /// Room for up to `batch` samples of `width` columns, for a layer with so many `outputs`.
    ///
    /// # Panics
    /// If a batch or its width exceeds [`MOST`](Self::MOST), or it has no column.
    pub fn new(batch: usize, width: usize, outputs: usize) -> Self {
        Self::of(Kind::of_this_processor(), batch, width, outputs, true)
    }

    /// The same for `X·W` only: it does not keep what `Xᵀ·D` runs over.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn for_scores(batch: usize, width: usize, outputs: usize) -> Self {
        Self::of(Kind::of_this_processor(), batch, width, outputs, false)
    }

    /// [`new`](Self::new), as the vector code of `kind` wants it, to be learnt from or not.
    pub(super) fn of(kind: Kind, batch: usize, width: usize, outputs: usize, is_learnt_from: bool) -> Self {
        assert!(batch.max(width) <= Self::MOST, "too many samples or columns to be numbered");
        assert!(width > 0, "samples have columns");
        let is_narrow = Self::is_for_narrow(outputs);
        // Samples that are kept one by one, and as one group.
        let [each, one] = if is_narrow { [0, batch] } else { [batch, batch.min(FEW)] };
        let has_pairs = is_learnt_from && !is_narrow;
        let is_listed = has_pairs && outputs > kind.span_of_pairs();
        let in_sets = if has_pairs && !is_listed { width.div_ceil(PAIR) } else { 0 };
        Self {
            width,
            most: batch,
            is_narrow,
            samples: 0,
            values: &NOTHING,
            count: 0,
            before_middle: 0,
            columns: vec![0; width],
            largest: vec![0; width],
            picked: vec![0; width],
            bytes: vec![0; batch * width],
            numbers: vec![0.0; one * width],
            of_samples: vec![0; each * width.div_ceil(SET)],
            lists: is_listed.then(|| PairLists::new(each, width)),
            sets: vec![0; each.div_ceil(SET) * in_sets],
            found: vec![0; in_sets],
            operations: [0; 2],
            steps: None,
            is_learnt_from,
        }
    }

    /// The same, to be learnt from in steps of so many `samples`: it keeps the products of samples of different steps with each other. What its bytes stand for must be
    /// proportional to them.
    ///
    /// # Panics
    /// If a step has no samples.
    pub fn in_steps_of(self, samples: usize) -> Self {
        assert!(samples > 0, "a step has samples");
        let most = self.most;
        let steps =
            Steps { each: samples, products: Array2::zeros((most, most)), sums: vec![0; samples.min(most) * most] };
        Self { steps: Some(steps), ..self }
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
        // Once: a file that they may be mapped from may be written meanwhile.
        self.bytes.chunks_exact_mut(self.width).zip(rows).for_each(|(bytes, row)| bytes.copy_from_slice(row));
        self.multiply_samples();
        if self.is_one_group() {
            self.find_columns(least);
            return self.fill_numbers(least, convert);
        }
        self.find_columns_of_samples(least);
        match &mut self.lists {
            None if self.is_learnt_from => self.fill_sets(least),
            None => self.operations[1] = 0,
            Some(lists) => {
                lists.fill(&self.bytes[..self.samples * self.width], self.width, least);
                self.operations[1] = PAIR * lists.of_pairs(0..lists.pairs()).len();
            }
        }
    }

    /// Those of different steps, with each other. In whole numbers, which are exact.
    fn multiply_samples(&mut self) {
        let Some(Steps { each, products, sums }) = &mut self.steps else { return };
        let (width, unit) = (self.width, f64::from(self.values[255]) / 255.0);
        for first in (0..self.samples).step_by(*each).skip(1) {
            let (before, others) = self.bytes[..self.samples * width].split_at(first * width);
            let of_step = &others[..others.len().min(*each * width)];
            let sums = &mut sums[..first * (of_step.len() / width)];
            bytes::products(of_step, before, width, sums);
            for (sample, sums) in (first..).zip(sums.chunks_exact(first)) {
                let products = products.column_mut(sample).into_iter();
                products.zip(sums).for_each(|(x, &sum)| *x = (f64::from(sum) * unit * unit) as f32);
            }
        }
    }

    fn find_columns(&mut self, least: u8) {
        let middle = self.middle();
        self.largest.fill(0);
        let rows = self.bytes[..self.samples * self.width].chunks_exact(self.width);
        rows.for_each(|row| bytes::raise(&mut self.largest, row));
        self.count = if self.samples > 0 { bytes::places(&self.largest, least, &mut self.columns) } else { 0 };
        let columns = &self.columns[..self.count];
        self.before_middle = columns.partition_point(|&column| usize::from(column) < middle);
        self.operations[0] = self.count * self.samples;
    }

    fn find_columns_of_samples(&mut self, least: u8) {
        let rows = self.bytes.chunks_exact(self.width).take(self.samples);
        let sets = self.of_samples.chunks_exact_mut(self.width.div_ceil(SET));
        self.operations[0] = rows.zip(sets).map(|(row, sets)| bytes::sets(row, least, sets)).sum();
    }

    fn fill_numbers(&mut self, least: u8, convert: impl Fn(&[u8], &mut [f32])) {
        let (count, rows) = (self.count, self.bytes[..self.samples * self.width].chunks_exact(self.width));
        for (sample, row) in rows.enumerate() {
            bytes::pick(row, &self.largest, least, &self.columns[..count], &mut self.picked);
            convert(&self.picked[..count], &mut self.numbers[sample * count..][..count]);
        }
        self.operations[1] = self.operations[0];
    }

    fn fill_sets(&mut self, least: u8) {
        /// Samples that are looked through at once.
        const SOME: usize = u16::BITS as usize;
        let (width, pairs) = (self.width, self.width.div_ceil(PAIR));
        self.operations[1] = 0;
        for (number, rows) in self.bytes[..self.samples * width].chunks(SOME * width).enumerate() {
            self.operations[1] += PAIR * bytes::pairs(rows, width, least, &mut self.found);
            let (first, shift) = (number * SOME / SET * pairs, number * SOME % SET);
            for (set, &found) in self.sets[first..][..pairs].iter_mut().zip(&self.found) {
                let found = Set::from(found) << shift;
                *set = if shift == 0 { found } else { *set | found };
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
        prefetch(&self.of_samples[..self.samples * self.width.div_ceil(SET)]);
        let middle = self.middle();
        self.bytes[..self.samples * self.width].chunks_exact(self.width).for_each(|row| prefetch(&row[..middle]));
        if let Some(lists) = &self.lists {
            prefetch(lists.of_pairs(0..middle / PAIR));
        }
        let sets = self.sets.chunks_exact(self.width.div_ceil(PAIR)).take(self.samples.div_ceil(SET));
        sets.for_each(|sets| prefetch(&sets[..middle / PAIR]));
    }

    /// B.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// I.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Where the second half of the columns begins: in the middle; after 17 of 32 of them where there is not room for so many samples, for the thread that has it begins later then. Who only scores has no second
    /// thread, and the sums of small batches.
    pub(super) fn middle(&self) -> usize {
        let first = if self.is_learnt_from && self.most >= EQUAL_HALVES { 16 } else { 17 };
        ((self.width * first / 32 + MIDDLE / 2) / MIDDLE * MIDDLE).min(self.width)
    }

    /// The columns of a half.
    #[inline(always)]
    pub(super) fn columns_of(&self, half: Half) -> Range<usize> {
        match half {
            Half::First => 0..self.middle(),
            Half::Second => self.middle()..self.width,
        }
    }

    /// Whether it is learnt from in several steps.
    pub fn is_in_steps(&self) -> bool {
        self.steps.is_some()
    }

    /// (R, S), `X·X'ᵀ`: the products of the R samples `X` before a step with each of its S `samples`, `X'`.
    ///
    /// # Panics
    /// If it is not learnt from in steps, or these are not the samples of one.
    pub(super) fn before(&self, samples: Range<usize>) -> ArrayView2<'_, f32> {
        let steps = self.steps.as_ref().expect("a batch that is learnt from in steps");
        let is_whole = samples.len() == steps.each || samples.end == self.samples;
        assert!(samples.start.is_multiple_of(steps.each) && is_whole, "not the samples of a step");
        some_columns(some_rows(steps.products.view(), 0..samples.start), samples)
    }

    /// Whether there may be a product `Xᵀ·D` with it: it was made for that, and filled to the end.
    pub(super) fn can_be_learnt_from(&self) -> bool {
        let is_whole = |lists: &PairLists| self.is_one_group() || lists.samples() == self.samples;
        self.is_learnt_from && self.lists.as_ref().is_none_or(is_whole)
    }

    /// Products of a number with a row of weights that `X·W` takes.
    pub(super) fn forward_terms(&self) -> usize {
        self.operations[0]
    }

    /// Products of a number with a row of gradients that `Xᵀ·D` takes.
    pub(super) fn update_terms(&self) -> usize {
        self.operations[1]
    }

    /// Whether it is kept as one group, without pairs.
    #[inline(always)]
    pub(super) fn is_one_group(&self) -> bool {
        self.is_narrow || self.samples <= FEW
    }

    /// All of a batch that is one group.
    pub(super) fn whole_group(&self) -> Group<'_> {
        let (stride, samples) = (self.count, self.samples);
        Group { columns: &self.columns[..stride], entries: &self.numbers[..samples * stride], stride, samples }
    }

    /// What that has in a half of the columns.
    #[inline(always)]
    pub(super) fn half_of_whole_group(&self, half: Half) -> Group<'_> {
        let (group, middle) = (self.whole_group(), self.before_middle);
        match half {
            Half::First => Group { columns: &group.columns[..middle], ..group },
            Half::Second => Group { columns: &group.columns[middle..], entries: &group.entries[middle..], ..group },
        }
    }

    /// The samples of a batch that is not one group, one by one.
    #[inline(always)]
    pub(super) fn each(&self) -> Each<'_> {
        Each {
            sets: &self.of_samples,
            sets_of_sample: self.width.div_ceil(SET),
            bytes: &self.bytes,
            stride: self.width,
        }
    }

    /// What a byte stands for.
    #[inline(always)]
    pub(super) fn values(&self) -> &'static [f32; 256] {
        self.values
    }

    /// What the columns of a batch that is not one group have, if it is listed; if not, [`paired`](Self::paired) says where to look.
    #[inline(always)]
    pub(super) fn lists(&self) -> Option<&PairLists> {
        self.lists.as_ref()
    }

    /// The columns of a batch that is not one group, nor listed.
    #[inline(always)]
    pub(super) fn paired(&self) -> Paired<'_> {
        Paired {
            sets: &self.sets,
            pairs: self.width.div_ceil(PAIR),
            sets_of_pair: self.samples.div_ceil(SET),
            bytes: &self.bytes[..self.samples * self.width],
            stride: self.width,
            values: self.values,
        }
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
                let bytes = &self.bytes[sample * self.width..][..self.width];
                let is_in = |column: &usize| self.each().set(sample, &(*column..column + 1)) == 1;
                let put = |column: usize| put(&(column as u16), self.values[usize::from(bytes[column])]);
                (0..self.width).filter(is_in).for_each(put);
            }
        }
        x
    }
}

#[cfg(test)]
mod tests;
