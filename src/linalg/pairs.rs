//! What the pairs of columns of a batch have, pair by pair: the lists that an update runs over.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::bytes::x86::has_vectors_of_32_bytes;

/// Columns of a pair.
pub(super) const PAIR: usize = 2;

/// What a pair has in a sample in which it is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Entry(u32);

impl Entry {
    #[inline(always)]
    fn new(sample: usize, [first, second]: [u8; PAIR]) -> Self {
        Self((sample as u32) << 16 | u32::from(second) << 8 | u32::from(first))
    }

    /// The number of the sample.
    #[inline(always)]
    pub fn sample(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// The bytes of the pair.
    #[inline(always)]
    pub fn bytes(self) -> [u8; PAIR] {
        [self.0 as u8, (self.0 >> 8) as u8]
    }
}

/// The entries of each pair of columns that lie side by side, samples in order; the last column may be alone.
///
/// Where rows are not checked, kernels rely on it that no entry's sample is [`samples`](Self::samples) or more.
#[derive(Debug, Clone)]
pub(super) struct PairLists {
    /// How many samples the last lists are of; no number of samples while they are being made.
    samples: usize,
    /// Those of all pairs, one after the other. Behind them there is room that vectors overwrite.
    entries: Vec<Entry>,
    /// (pairs + 1): where those of each pair begin, and where the last ones end.
    starts: Vec<u32>,
    /// [`COLUMNS`] columns, [`SAMPLES`] samples of each together.
    turned: Vec<Turned>,
}

/// Samples, and columns, that are turned at once.
const SAMPLES: usize = 32;
const COLUMNS: usize = 16;

/// (columns, samples).
type Turned = [[u8; SAMPLES]; COLUMNS];

/// Entries that a vector has room for.
const LANES: usize = 8;

impl PairLists {
    /// Room for up to `samples` samples of `width` columns.
    ///
    /// # Panics
    /// If there are more samples than 16 bits can number, or more entries than 32 bits can.
    pub fn new(samples: usize, width: usize) -> Self {
        let pairs = width.div_ceil(PAIR);
        assert!(samples <= 1 << u16::BITS, "more samples than can be numbered");
        assert!(u32::try_from(samples * pairs).is_ok(), "more entries than can be numbered");
        Self {
            samples: 0,
            entries: vec![Entry::default(); samples * pairs + LANES],
            starts: vec![0; pairs + 1],
            turned: vec![[[0; SAMPLES]; COLUMNS]; samples.div_ceil(SAMPLES)],
        }
    }

    /// Makes the lists those of `rows`, of so much `width`: of the samples in which one of a pair's bytes is at least `least`. Allocates nothing.
    ///
    /// # Panics
    /// If there is no room for them, or a row is not whole.
    pub fn fill(&mut self, rows: &[u8], width: usize, least: u8) {
        assert!(rows.len().is_multiple_of(width), "a row is not whole");
        let (samples, pairs) = (rows.len() / width, width.div_ceil(PAIR));
        assert_eq!(self.starts.len(), pairs + 1, "another width");
        assert!(samples.div_ceil(SAMPLES) <= self.turned.len(), "more samples than there is room for");
        assert!(samples * pairs + LANES <= self.entries.len(), "more samples than there is room for");
        self.samples = usize::MAX; // should what follows not come to its end
        let turned_pairs = self.fill_by_vectors(rows, width, least);
        self.fill_one_by_one(rows, width, least, turned_pairs..pairs);
        self.samples = samples;
    }

    /// Of as many pairs as vectors do. Returns how many.
    fn fill_by_vectors(&mut self, rows: &[u8], width: usize, least: u8) -> usize {
        #[cfg(target_arch = "x86_64")]
        if has_vectors_of_32_bytes() {
            x86::fill(self, rows, width, least);
            return width / COLUMNS * COLUMNS / PAIR;
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (rows, width, least);
        0
    }

    /// Of some pairs, after those before them.
    fn fill_one_by_one(&mut self, rows: &[u8], width: usize, least: u8, pairs: Range<usize>) {
        let mut length = self.starts[pairs.start] as usize;
        for pair in pairs {
            for (sample, row) in rows.chunks_exact(width).enumerate() {
                let first = row[PAIR * pair];
                let second = row.get(PAIR * pair + 1).copied();
                self.entries[length] = Entry::new(sample, [first, second.unwrap_or(0)]);
                length += usize::from(first.max(second.unwrap_or(first)) >= least);
            }
            self.starts[pair + 1] = length as u32;
        }
    }

    /// How many samples they are of: each entry's is below.
    #[inline(always)]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Those of `pair`.
    #[inline(always)]
    pub fn of(&self, pair: usize) -> &[Entry] {
        self.of_pairs(pair..pair + 1)
    }

    /// Those of some pairs, one after the other.
    #[inline(always)]
    pub fn of_pairs(&self, pairs: Range<usize>) -> &[Entry] {
        &self.entries[self.starts[pairs.start] as usize..self.starts[pairs.end] as usize]
    }

    /// How many pairs.
    pub fn pairs(&self) -> usize {
        self.starts.len() - 1
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions of some processors only")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{COLUMNS, LANES, PAIR, PairLists, SAMPLES, Turned, has_vectors_of_32_bytes};

    /// See [`PairLists::fill`], which has compared the lengths: of all columns but the last ones that are fewer than [`COLUMNS`].
    pub fn fill(lists: &mut PairLists, rows: &[u8], width: usize, least: u8) {
        let (samples, pairs) = (rows.len() / width, width.div_ceil(PAIR));
        assert!(has_vectors_of_32_bytes() && rows.len().is_multiple_of(width) && lists.starts.len() == pairs + 1);
        assert!(samples * pairs + LANES <= lists.entries.len() && samples <= lists.turned.len() * SAMPLES);
        // SAFETY: the processor has the instructions, and there is room for every sample and every entry.
        unsafe { fill_by_columns(lists, rows, width, least) }
    }

    /// SAFETY: `lists` must have room for all of `rows`, whole ones of so much `width`.
    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn fill_by_columns(lists: &mut PairLists, rows: &[u8], width: usize, least: u8) {
        let PairLists { entries, starts, turned, .. } = lists;
        let turned = &mut turned[..(rows.len() / width).div_ceil(SAMPLES)];
        let mut length = 0;
        for column in (0..width / COLUMNS * COLUMNS).step_by(COLUMNS) {
            for (turned, rows) in turned.iter_mut().zip(rows.chunks(SAMPLES * width)) {
                // SAFETY: `COLUMNS` columns from this one on are in each row.
                unsafe { turn(rows, width, column, turned) };
            }
            for (pair, start) in starts[column / PAIR..][..COLUMNS / PAIR].iter_mut().enumerate() {
                *start = length as u32;
                for (number, turned) in turned.iter().enumerate() {
                    let (first, left) = (number * SAMPLES, rows.len() / width - number * SAMPLES);
                    let columns = [&turned[PAIR * pair], &turned[PAIR * pair + 1]];
                    // SAFETY: there are at most as many entries so far as there were samples and pairs, behind which there is room for a vector.
                    length += unsafe { list(columns, first, left, least, &mut entries[length..]) };
                }
            }
        }
        starts[width / COLUMNS * COLUMNS / PAIR] = length as u32;
    }

    /// Turns [`COLUMNS`] columns of at most [`SAMPLES`] rows from `column` on; what is behind them becomes zero.
    ///
    /// SAFETY: as many columns must be in each row.
    #[target_feature(enable = "avx2")]
    unsafe fn turn(rows: &[u8], width: usize, column: usize, turned: &mut Turned) {
        const HALF: usize = SAMPLES / 2;
        let samples = rows.len() / width;
        let load = |sample: usize| {
            if sample < samples {
                // SAFETY: the row is there, and has the columns.
                unsafe { _mm_loadu_si128(rows.as_ptr().add(sample * width + column).cast()) }
            } else {
                _mm_setzero_si128()
            }
        };
        // In both halves of each vector a row; after each round it has the bytes of twice as many rows, and of half as many columns.
        let mut vectors = [_mm256_setzero_si256(); COLUMNS];
        for (sample, vector) in vectors.iter_mut().enumerate() {
            *vector = _mm256_set_m128i(load(sample + HALF), load(sample));
        }
        for _ in 0..COLUMNS.ilog2() {
            let before = vectors;
            for i in 0..COLUMNS / 2 {
                vectors[2 * i] = _mm256_unpacklo_epi8(before[i], before[i + COLUMNS / 2]);
                vectors[2 * i + 1] = _mm256_unpackhi_epi8(before[i], before[i + COLUMNS / 2]);
            }
        }
        for (bytes, vector) in turned.iter_mut().zip(vectors) {
            // SAFETY: as many bytes as a vector has.
            unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) };
        }
    }

    /// By the samples of eight that have an entry: the places of these, in order.
    static PLACES: [[u8; LANES]; 1 << LANES] = {
        let (mut places, mut set) = ([[0; LANES]; 1 << LANES], 0);
        while set < places.len() {
            let (mut count, mut place) = (0, 0);
            while place < LANES {
                if set >> place & 1 == 1 {
                    places[set][count] = place as u8;
                    count += 1;
                }
                place += 1;
            }
            set += 1;
        }
        places
    };

    /// Lists the entries of a pair of `columns`, of at most `left` samples from the `first` on, in the front of `entries`. Returns how many there are.
    ///
    /// SAFETY: there must be room for them, and for a vector behind them.
    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn list(
        columns: [&[u8; SAMPLES]; PAIR],
        first: usize,
        left: usize,
        least: u8,
        entries: &mut [super::Entry],
    ) -> usize {
        let least = _mm256_set1_epi8(least.cast_signed());
        // SAFETY: as many bytes as a vector has.
        let [a, b] = columns.map(|column| unsafe { _mm256_loadu_si256(column.as_ptr().cast()) });
        let largest = _mm256_max_epu8(a, b);
        let counts = _mm256_cmpeq_epi8(_mm256_max_epu8(largest, least), largest);
        let mut set = _mm256_movemask_epi8(counts).cast_unsigned();
        if left < SAMPLES {
            set &= (1 << left) - 1; // where a byte of 0 counts
        }
        if set == 0 {
            return 0;
        }
        let (low, high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
        let eights = [
            _mm256_castsi256_si128(low),
            _mm256_castsi256_si128(high),
            _mm256_extracti128_si256::<1>(low),
            _mm256_extracti128_si256::<1>(high),
        ];
        let mut numbers = _mm256_slli_epi32::<16>(_mm256_add_epi32(
            _mm256_set1_epi32(first as i32),
            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
        ));
        let mut length = 0;
        for eight in eights {
            let of_eight = set as u8;
            let all = _mm256_or_si256(_mm256_cvtepu16_epi32(eight), numbers);
            // SAFETY: a place for each lane; before this vector there are at most as many entries as samples, so that there is room for it.
            unsafe {
                let places = _mm256_cvtepu8_epi32(_mm_loadu_si64(PLACES[usize::from(of_eight)].as_ptr()));
                let kept = _mm256_permutevar8x32_epi32(all, places);
                _mm256_storeu_si256(entries.as_mut_ptr().add(length).cast(), kept);
            }
            length += of_eight.count_ones() as usize;
            set >>= LANES;
            numbers = _mm256_add_epi32(numbers, _mm256_set1_epi32((LANES << 16) as i32));
        }
        length
    }
}

#[cfg(test)]
mod tests;
