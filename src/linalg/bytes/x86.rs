//! What of [`super`] is done by vectors of x86-64.

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
        // SAFETY: the processor has the instructions.
        let done = match rows.len() / width {
            4.. => unsafe { products_of::<4>(rows, others, width, sums) },
            2.. => unsafe { products_of::<2>(rows, others, width, sums) },
            _ => unsafe { products_of::<1>(rows, others, width, sums) },
        };
        (rows, sums) = (&rows[done * width..], &mut sums[done * (others.len() / width)..]);
    }
}

/// Of the first `M` rows. Returns `M`.
#[target_feature(enable = "avx512bw,avx512vnni")]
fn products_of<const M: usize>(rows: &[u8], others: &[u8], width: usize, sums: &mut [u32]) -> usize {
    let (all, mut first) = (others.len() / width, 0);
    let bytes: [u32; M] = std::array::from_fn(|m| rows[m * width..][..width].iter().map(|&byte| u32::from(byte)).sum());
    while first < all {
        let (others, sums) = (&others[first * width..], &mut sums[first..]);
        // SAFETY: there are these rows, of which `bytes` were summed, and so many others.
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
