//! Bytes of images on their way into a batch: those that count, picked out of rows; and those that will, asked for ahead.

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

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions of some processors only")]
pub(super) mod x86 {
    use std::arch::x86_64::*;

    /// Bytes of a vector, and of a line of the cache.
    const BYTES: usize = 64;

    /// Asked once by the standard library, then read from memory.
    pub fn runs_here() -> bool {
        is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi2")
    }

    /// And an instruction that counts bits. Asked once, as above.
    pub fn has_vectors_of_32_bytes() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
    }

    /// Whether an instruction adds the products of four bytes and four others to each of 16 sums. Asked once, as above.
    pub fn multiplies_bytes() -> bool {
        is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni")
    }

    /// See [`super::pairs_by_lines`].
    pub fn pairs_by_lines(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
        #[target_feature(enable = "avx2,popcnt")]
        fn compiled_for_them(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
            super::pairs_by_lines(rows, width, least, sets)
        }
        assert!(has_vectors_of_32_bytes());
        // SAFETY: the processor has the instructions.
        unsafe { compiled_for_them(rows, width, least, sets) }
    }

    /// See [`super::sets`], which has compared the lengths.
    pub fn sets(judged: &[u8], least: u8, sets: &mut [u64]) -> usize {
        #[target_feature(enable = "avx2,popcnt")]
        fn of_vectors(judged: &[u8], least: u8, sets: &mut [u64]) -> usize {
            let least = _mm256_set1_epi8(least.cast_signed());
            super::sets_by(judged, sets, |bytes| {
                let [low, high] = [0, BYTES / 2].map(|start| {
                    // SAFETY: half of the bytes are from there on.
                    let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().add(start).cast()) };
                    let counts = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, least), bytes);
                    u64::from(_mm256_movemask_epi8(counts).cast_unsigned())
                });
                high << (BYTES / 2) | low
            })
        }
        assert!(has_vectors_of_32_bytes());
        // SAFETY: the processor has the instructions.
        unsafe { of_vectors(judged, least, sets) }
    }

    /// See [`super::products`], which has compared the lengths.
    pub fn products(rows: &[u8], others: &[u8], width: usize, sums: &mut [u32]) {
        assert!(multiplies_bytes() && rows.len().is_multiple_of(width) && others.len() >= width);
        assert_eq!(rows.len() / width * (others.len() / width), sums.len());
        let (mut rows, mut sums) = (rows, sums);
        while !rows.is_empty() {
            // SAFETY: the processor has the instructions; so many rows are left, and sums of each.
            let done = match rows.len() / width {
                4.. => unsafe { products_of::<4>(rows, others, width, sums) },
                2.. => unsafe { products_of::<2>(rows, others, width, sums) },
                _ => unsafe { products_of::<1>(rows, others, width, sums) },
            };
            (rows, sums) = (&rows[done * width..], &mut sums[done * (others.len() / width)..]);
        }
    }

    /// Of the first `M` rows. Returns `M`.
    ///
    /// SAFETY: there must be as many rows, and sums of each with all others.
    #[target_feature(enable = "avx512bw,avx512vnni")]
    unsafe fn products_of<const M: usize>(rows: &[u8], others: &[u8], width: usize, sums: &mut [u32]) -> usize {
        let (all, mut first) = (others.len() / width, 0);
        let bytes: [u32; M] =
            std::array::from_fn(|m| rows[m * width..][..width].iter().map(|&byte| u32::from(byte)).sum());
        while first < all {
            let (others, sums) = (&others[first * width..], &mut sums[first..]);
            // SAFETY: there are these rows, and so many others.
            first += match all - first {
                8.. if M < 4 => unsafe { tile::<M, 8>(rows, others, width, bytes, all, sums) },
                4.. => unsafe { tile::<M, 4>(rows, others, width, bytes, all, sums) },
                2.. => unsafe { tile::<M, 2>(rows, others, width, bytes, all, sums) },
                _ => unsafe { tile::<M, 1>(rows, others, width, bytes, all, sums) },
            };
        }
        M
    }

    /// Of the first `M` rows, whose sums of `bytes` these are, and `N` others, into sums of which a row begins so much behind the one before. Returns `N`.
    ///
    /// The instruction takes the bytes of one factor for signed. So what is multiplied is `Σ a·(b - 128)`, and `128·Σ a` is added.
    ///
    /// SAFETY: there must be as many rows and others.
    #[target_feature(enable = "avx512bw,avx512vnni")]
    unsafe fn tile<const M: usize, const N: usize>(
        rows: &[u8],
        others: &[u8],
        width: usize,
        bytes: [u32; M],
        stride: usize,
        sums: &mut [u32],
    ) -> usize {
        let (mut parts, mut start) = ([[_mm512_setzero_si512(); N]; M], 0);
        while start < width {
            let first = u64::MAX >> (BYTES - BYTES.min(width - start));
            let load = |rows: &[u8], row| {
                // SAFETY: as many bytes from `start` on are in each of these rows.
                unsafe { _mm512_maskz_loadu_epi8(first, rows.as_ptr().add(row * width + start).cast()) }
            };
            let pieces: [__m512i; M] = std::array::from_fn(|m| load(rows, m));
            let others: [__m512i; N] = std::array::from_fn(|n| load(others, n));
            for (part, piece) in parts.iter_mut().zip(pieces) {
                for (part, other) in part.iter_mut().zip(others) {
                    *part = _mm512_dpbusd_epi32(*part, piece, _mm512_xor_si512(other, _mm512_set1_epi8(i8::MIN)));
                }
            }
            start += BYTES;
        }
        for (m, (part, bytes)) in parts.into_iter().zip(bytes).enumerate() {
            for (sum, part) in sums[m * stride..][..N].iter_mut().zip(part) {
                // It is below 2^32: to wrap on the way does no harm.
                *sum = _mm512_reduce_add_epi32(part).cast_unsigned().wrapping_add(bytes.wrapping_mul(128));
            }
        }
        N
    }

    /// One row of [`super::products`], which has compared the lengths.
    pub fn dots(row: &[u8], others: &[u8], sums: &mut [u32]) {
        assert!(has_vectors_of_32_bytes() && others.len() == sums.len() * row.len());
        sums.fill(0);
        // SAFETY: the processor has the instructions, and there is a row for each sum.
        unsafe { add_dots(row, others, sums) }
    }

    /// Bytes that are multiplied at once.
    const PIECE: usize = 16;

    /// SAFETY: `others` must be as many rows as there are sums.
    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn add_dots(row: &[u8], others: &[u8], sums: &mut [u32]) {
        let (pieces, rest) = row.as_chunks::<PIECE>();
        for (number, some) in pieces.chunks(u64::BITS as usize).enumerate() {
            // Those that are not all zero: of an image, about 0.6.
            let set = some.iter().rev().fold(0, |set, piece| {
                // SAFETY: as many bytes are there.
                let bytes = unsafe { _mm_loadu_si128(piece.as_ptr().cast()) };
                set << 1 | u64::from(_mm_testz_si128(bytes, bytes) == 0)
            });
            let (first, mut done) = (number * u64::BITS as usize * PIECE, 0);
            // SAFETY: below, as many rows are left as sums; the pieces are in all of them.
            while done < sums.len() {
                let (others, sums) = (&others[done * row.len() + first..], &mut sums[done..]);
                done += match sums.len() {
                    8.. => unsafe { add_dots_of::<8>(some, set, others, row.len(), sums) },
                    4.. => unsafe { add_dots_of::<4>(some, set, others, row.len(), sums) },
                    2.. => unsafe { add_dots_of::<2>(some, set, others, row.len(), sums) },
                    _ => unsafe { add_dots_of::<1>(some, set, others, row.len(), sums) },
                }
            }
        }
        if !rest.is_empty() {
            for (other, sum) in others.chunks_exact(row.len()).zip(sums) {
                let ends = rest.iter().zip(&other[row.len() - rest.len()..]);
                *sum += ends.map(|(&a, &b)| u32::from(a) * u32::from(b)).sum::<u32>();
            }
        }
    }

    /// Adds what those `pieces` of a row that are in `set` come to, with each of `N` rows of so much `width`, from the first piece on in `others`. Returns `N`.
    ///
    /// SAFETY: the pieces must be in each of these rows.
    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn add_dots_of<const N: usize>(
        pieces: &[[u8; PIECE]],
        mut set: u64,
        others: &[u8],
        width: usize,
        sums: &mut [u32],
    ) -> usize {
        let mut parts = [_mm256_setzero_si256(); N];
        while set > 0 {
            let number = set.trailing_zeros() as usize;
            set &= set - 1;
            // SAFETY: the piece is there, and in each of the rows.
            unsafe {
                let piece = _mm256_cvtepu8_epi16(_mm_loadu_si128(pieces[number].as_ptr().cast()));
                for (part, other) in parts.iter_mut().zip(0..) {
                    let other = others.as_ptr().add(other * width + number * PIECE);
                    let other = _mm256_cvtepu8_epi16(_mm_loadu_si128(other.cast()));
                    *part = _mm256_add_epi32(*part, _mm256_madd_epi16(piece, other));
                }
            }
        }
        for (sum, part) in sums.iter_mut().zip(parts) {
            let four = _mm_add_epi32(_mm256_castsi256_si128(part), _mm256_extracti128_si256::<1>(part));
            let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
            let one = _mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two));
            *sum += _mm_cvtsi128_si32(one).cast_unsigned();
        }
        N
    }

    /// See [`super::pick`], which has compared the lengths.
    pub fn pick(row: &[u8], judged: &[u8], least: u8, picked: &mut [u8]) -> usize {
        assert!(runs_here() && row.len() == judged.len() && judged.len() == picked.len());
        // SAFETY: the processor has the instructions, and the three are of one length.
        unsafe { pick_vectors(row, judged, least, picked) }
    }

    /// SAFETY: the three must be of one length.
    #[target_feature(enable = "avx512bw,avx512vbmi2")]
    unsafe fn pick_vectors(row: &[u8], judged: &[u8], least: u8, picked: &mut [u8]) -> usize {
        let least = _mm512_set1_epi8(least.cast_signed());
        let (mut count, mut start) = (0, 0);
        while start < row.len() {
            let lanes = BYTES.min(row.len() - start);
            let first = u64::MAX >> (BYTES - lanes);
            // SAFETY: `lanes` bytes from `start` on are in both, and as many from `count`, which is not behind `start`, in `picked`.
            unsafe {
                let bytes = _mm512_maskz_loadu_epi8(first, row.as_ptr().add(start).cast());
                let judged = _mm512_maskz_loadu_epi8(first, judged.as_ptr().add(start).cast());
                let mask = _mm512_mask_cmpge_epu8_mask(first, judged, least);
                let kept = _mm512_maskz_compress_epi8(mask, bytes);
                _mm512_mask_storeu_epi8(picked.as_mut_ptr().add(count).cast(), first, kept);
                count += mask.count_ones() as usize;
            }
            start += BYTES;
        }
        count
    }

    /// See [`super::places`], which has compared the lengths.
    pub fn places(judged: &[u8], least: u8, places: &mut [u16]) -> usize {
        assert!(runs_here() && judged.len() == places.len());
        // SAFETY: the processor has the instructions, and the two are of one length.
        unsafe { places_of_vectors(judged, least, places) }
    }

    /// SAFETY: the two must be of one length.
    #[target_feature(enable = "avx512bw,avx512vl,avx512vbmi2")]
    unsafe fn places_of_vectors(judged: &[u8], least: u8, places: &mut [u16]) -> usize {
        const LANES: usize = BYTES / 2;
        let least = _mm256_set1_epi8(least.cast_signed());
        let first_places: [u16; LANES] = std::array::from_fn(|lane| lane as u16);
        // SAFETY: as many bytes as a vector has.
        let mut numbers = unsafe { _mm512_loadu_epi16(first_places.as_ptr().cast()) };
        let (mut count, mut start) = (0, 0);
        while start < judged.len() {
            let lanes = LANES.min(judged.len() - start);
            let first = u32::MAX >> (LANES - lanes);
            // SAFETY: `lanes` bytes from `start` on are in `judged`, and as many numbers from `count`, which is not behind `start`, in `places`.
            unsafe {
                let judged = _mm256_maskz_loadu_epi8(first, judged.as_ptr().add(start).cast());
                let mask = _mm256_mask_cmpge_epu8_mask(first, judged, least);
                let kept = _mm512_maskz_compress_epi16(mask, numbers);
                _mm512_mask_storeu_epi16(places.as_mut_ptr().add(count).cast(), first, kept);
                count += mask.count_ones() as usize;
            }
            numbers = _mm512_add_epi16(numbers, _mm512_set1_epi16(LANES as i16));
            start += LANES;
        }
        count
    }

    /// See [`super::pairs`], which has compared the lengths.
    pub fn pairs(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
        assert!(runs_here() && sets.len() == width.div_ceil(2) && rows.len() / width <= u16::BITS as usize);
        // SAFETY: the processor has the instructions, and there is a set for each pair.
        unsafe { pairs_of_vectors(rows, width, least, sets) }
    }

    /// SAFETY: there must be a set for each pair of columns, and at most a sample for each bit.
    #[target_feature(enable = "avx512bw")]
    unsafe fn pairs_of_vectors(rows: &[u8], width: usize, least: u8, sets: &mut [u16]) -> usize {
        let (least, mut count, mut start) = (_mm512_set1_epi8(least.cast_signed()), 0, 0);
        while start < width {
            let lanes = BYTES.min(width - start);
            let first = u64::MAX >> (BYTES - lanes);
            let mut found = _mm512_setzero_si512();
            for (sample, row) in rows.chunks_exact(width).enumerate() {
                // SAFETY: `lanes` bytes from `start` on are in the row.
                let bytes = unsafe { _mm512_maskz_loadu_epi8(first, row.as_ptr().add(start).cast()) };
                let counted = _mm512_movm_epi8(_mm512_mask_cmpge_epu8_mask(first, bytes, least));
                let mask = _mm512_test_epi16_mask(counted, counted);
                count += mask.count_ones() as usize;
                found = _mm512_or_si512(found, _mm512_maskz_set1_epi16(mask, (1_u16 << sample).cast_signed()));
            }
            let first = u32::MAX >> (BYTES / 2 - lanes.div_ceil(2));
            // SAFETY: as many sets as there are pairs of `lanes` bytes have room from the `start`-th byte's on.
            unsafe { _mm512_mask_storeu_epi16(sets.as_mut_ptr().add(start / 2).cast(), first, found) };
            start += BYTES;
        }
        count
    }

    /// See [`super::prefetch`].
    pub fn prefetch<T>(values: std::ops::Range<*const T>) {
        let (first, end) = (values.start.cast::<i8>(), values.end.cast::<i8>());
        let mut line = first.wrapping_sub(first.addr() % BYTES);
        while line < end {
            // SAFETY: every x86-64 processor has the instruction, which reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line) };
            line = line.wrapping_add(BYTES);
        }
    }
}

#[cfg(test)]
mod tests;
