//! Bytes of images on their way into a batch: those that count, picked out of rows; and those that will, asked for ahead.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions of some processors only")]
pub(super) mod x86;

/// Raises each byte of `largest` (I) to that of `row` (I), where that is larger.
///
/// # Panics
/// If the two differ in length.
pub fn raise(largest: &mut [u8], row: &[u8]) {
    assert_eq!(largest.len(), row.len(), "lengths differ");
    // By whole vectors: the compiler takes eight bytes at once where it does not know how many there are.
    let ((lines, rest), (of_row, rest_of_row)) = (largest.as_chunks_mut::<64>(), row.as_chunks::<64>());
    let raise = |(largest, &byte): (&mut u8, &u8)| *largest = (*largest).max(byte);
    lines.iter_mut().zip(of_row).for_each(|(line, of_row)| line.iter_mut().zip(of_row).for_each(raise));
    rest.iter_mut().zip(rest_of_row).for_each(raise);
}

/// Picks the bytes of `row` (I) whose counterpart in `judged` (I) is at least `least` into the front of `picked` (I), in order. `places` must be what [`places`] finds in `judged`: vectors compare
/// again, other code reads the places. Whatever is behind the bytes may be overwritten, too.
///
/// # Panics
/// If the three differ in length, or there are more or fewer places, or, without vectors, one that is not in the row.
pub fn pick(row: &[u8], judged: &[u8], least: u8, places: &[u16], picked: &mut [u8]) {
    assert!(row.len() == judged.len() && judged.len() == picked.len(), "lengths differ");
    #[cfg(target_arch = "x86_64")]
    if x86::runs_here() {
        let count = x86::pick(row, judged, least, picked);
        return assert_eq!(count, places.len(), "other places");
    }
    pick_one_by_one(row, places, picked);
}

fn pick_one_by_one(row: &[u8], places: &[u16], picked: &mut [u8]) {
    picked[..places.len()].iter_mut().zip(places).for_each(|(picked, &place)| *picked = row[usize::from(place)]);
}

/// Overwrites the front of `places` with the places in `judged` (I) whose byte is at least `least`, in order. Whatever is behind them may be
/// overwritten, too. Returns how many there are.
///
/// # Panics
/// If the two differ in length, or there are more places than 16 bits can number.
pub fn places(judged: &[u8], least: u8, places: &mut [u16]) -> usize {
    assert_eq!(judged.len(), places.len(), "lengths differ");
    assert!(judged.len() <= 1 << u16::BITS, "too many to be numbered");
    #[cfg(target_arch = "x86_64")]
    if x86::runs_here() {
        return x86::places(judged, least, places);
    }
    places_one_by_one(judged, least, places)
}

fn places_one_by_one(judged: &[u8], least: u8, places: &mut [u16]) -> usize {
    let mut count = 0;
    for (place, &byte) in judged.iter().enumerate() {
        places[count] = place as u16; // `count` is at most `place`
        count += usize::from(byte >= least); // no branch: half of them would be foreseen wrongly
    }
    count
}

/// Overwrites each of `sets` with the samples in which a pair of columns counts: bit `s` of the `n`-th says whether columns `2n` and `2n + 1` of sample `s`, whose rows of
/// so much `width` are `rows`, have a byte that is at least `least`; the last column may be alone. Returns how many bits are set.
///
/// # Panics
/// If there are more samples than bits, a row is not whole or has no column, or there is not a set for each pair.
pub fn pairs(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
    assert!(width > 0 && rows.len().is_multiple_of(width), "a row is not whole");
    assert!(rows.len() / width <= u16::BITS as usize, "more samples than bits");
    assert_eq!(sets.len(), width.div_ceil(2), "lengths differ");
    #[cfg(target_arch = "x86_64")]
    if x86::runs_here() {
        return x86::pairs(rows, width, least, sets);
    } else if x86::has_vectors_of_32_bytes() {
        return x86::pairs_by_lines(rows, width, least, sets);
    }
    pairs_by_lines(rows, width, least, sets)
}

/// [`pairs`], written so that the compiler has vectors for several of them.
#[inline(always)]
fn pairs_by_lines(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
    const PAIRS: usize = 16;
    let counts = |byte: u16| byte >= u16::from(least);
    let (lines, rest) = sets[..width / 2].as_chunks_mut::<PAIRS>();
    for (line, number) in lines.iter_mut().zip(0..) {
        let mut found = [0; PAIRS];
        for (row, sample) in rows.chunks_exact(width).zip(0..) {
            let bytes: &[u8; 2 * PAIRS] = row[2 * PAIRS * number..].first_chunk().expect("a line of pairs");
            for (found, &pair) in found.iter_mut().zip(bytes.as_chunks().0) {
                let [first, second] = [u16::from_le_bytes(pair) & 0xff, u16::from_le_bytes(pair) >> 8];
                *found |= if counts(first) | counts(second) { 1 << sample } else { 0 };
            }
        }
        *line = found;
    }
    let first = width / 2 - rest.len();
    for (set, pair) in sets[first..].iter_mut().zip(first..) {
        *set = rows.chunks_exact(width).zip(0..).fold(0, |set, (row, sample)| {
            set | u16::from(row[2 * pair..].iter().take(2).any(|&byte| byte >= least)) << sample
        });
    }
    sets.iter().map(|set| set.count_ones() as usize).sum()
}

/// Overwrites the front of `sets` with the places in `judged` (I) whose byte is at least `least`: bit `i % 64` of the `i / 64`-th says so of the `i`-th. Returns how many there are.
///
/// # Panics
/// If there is not a bit for each.
pub fn sets(judged: &[u8], least: u8, sets: &mut [u64]) -> usize {
    assert!(sets.len() >= judged.len().div_ceil(BITS), "not a bit for each");
    #[cfg(target_arch = "x86_64")]
    if x86::has_vectors_of_32_bytes() {
        return x86::sets(judged, least, sets);
    }
    sets_by(judged, sets, |bytes| set_of(bytes, least))
}

/// Bits of a set.
const BITS: usize = u64::BITS as usize;

/// [`sets`], with what `set_of` says of whole sets.
#[inline(always)]
fn sets_by(judged: &[u8], sets: &mut [u64], set_of: impl Fn(&[u8; BITS]) -> u64) -> usize {
    let (lines, rest) = judged.as_chunks();
    let mut last = [0; BITS];
    last[..rest.len()].copy_from_slice(rest);
    let (mut count, sets) = (0, &mut sets[..judged.len().div_ceil(BITS)]);
    for ((set, bytes), end) in sets.iter_mut().zip(lines.iter().chain([&last])).zip((BITS..).step_by(BITS)) {
        *set = set_of(bytes);
        if end > judged.len() {
            *set &= (1 << (judged.len() + BITS - end)) - 1; // where a byte of 0 counts
        }
        count += set.count_ones() as usize;
    }
    count
}

fn set_of(bytes: &[u8; BITS], least: u8) -> u64 {
    let counts = bytes.map(|byte| u8::from(byte >= least));
    counts.as_chunks().0.iter().rev().fold(0, |set, &eight| {
        // Brings the lowest bits of eight bytes together in the highest of them.
        set << 8 | u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

#[cfg(test)]
fn pairs_one_by_one(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
    sets.fill(0);
    for (sample, row) in rows.chunks_exact(width).enumerate() {
        for (set, pair) in sets.iter_mut().zip(row.chunks(2)) {
            *set |= u16::from(pair.iter().any(|&byte| byte >= least)) << sample;
        }
    }
    sets.iter().map(|set| set.count_ones() as usize).sum()
}

/// `A·Bᵀ` of bytes, in whole numbers: `rows` (R, I) and `others` (S, I), each of so much `width`, read, `sums` (R, S) overwritten.
///
/// # Panics
/// If there are more or fewer sums, a row is not whole, or it has no byte, or more than a sum of theirs has room for.
pub fn products(rows: &[u8], others: &[u8], width: usize, sums: &mut [u32]) {
    assert!((1..=1 << u16::BITS).contains(&width), "a row has no byte, or a sum no room");
    assert!(rows.len().is_multiple_of(width) && others.len().is_multiple_of(width), "a row is not whole");
    assert_eq!(sums.len(), rows.len() / width * (others.len() / width), "not a sum for each pair of rows");
    if others.is_empty() {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if x86::multiplies_bytes() {
        return x86::products(rows, others, width, sums);
    }
    #[cfg(target_arch = "x86_64")]
    if x86::has_vectors_of_32_bytes() {
        return products_row_by_row(rows, others, width, sums, x86::dots);
    }
    products_row_by_row(rows, others, width, sums, dots_one_by_one);
}

/// [`products`], where `dots` makes those of one row.
fn products_row_by_row(
    rows: &[u8],
    others: &[u8],
    width: usize,
    sums: &mut [u32],
    dots: impl Fn(&[u8], &[u8], &mut [u32]),
) {
    let sums = sums.chunks_exact_mut(others.len() / width);
    rows.chunks_exact(width).zip(sums).for_each(|(row, sums)| dots(row, others, sums));
}

/// [`products`] of one row.
fn dots_one_by_one(row: &[u8], others: &[u8], sums: &mut [u32]) {
    for (other, sum) in others.chunks_exact(row.len()).zip(sums) {
        *sum = row.iter().zip(other).map(|(&a, &b)| u32::from(a) * u32::from(b)).sum();
    }
}

/// Asks for `values` to be brought into the second cache; they are not waited for.
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch(values.as_ptr_range());
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

#[cfg(test)]
mod tests;
