//! Bytes of images on their way into a batch: those that count, picked out of rows; and those that will, asked for ahead.

/// Picks the bytes of `row` (I) whose counterpart in `judged` (I) is at least `least` into the front of `picked`, in order.
/// Whatever is behind them may be overwritten, too. Returns how many there are.
///
/// # Panics
/// If the three differ in length.
pub fn pick(row: &[u8], judged: &[u8], least: u8, picked: &mut [u8]) -> usize {
    assert!(row.len() == judged.len() && judged.len() == picked.len(), "lengths differ");
    #[cfg(target_arch = "x86_64")]
    if x86::runs_here() {
        return x86::pick(row, judged, least, picked);
    }
    pick_one_by_one(row, judged, least, picked)
}

/// Overwrites the front of `places` with the places in `judged` (I) whose byte is at least `least`, in order. Whatever is behind them may be
/// overwritten, too. Returns how many there are.
///
/// # Panics
/// If the two differ in length.
pub fn places(judged: &[u8], least: u8, places: &mut [u32]) -> usize {
    assert_eq!(judged.len(), places.len(), "lengths differ");
    let mut count = 0;
    for (place, &byte) in judged.iter().enumerate() {
        places[count] = place as u32; // `count` is at most `place`
        count += usize::from(byte >= least); // no branch: half of them would be foreseen wrongly
    }
    count
}

fn pick_one_by_one(row: &[u8], judged: &[u8], least: u8, picked: &mut [u8]) -> usize {
    let mut count = 0;
    for (&byte, &judged) in row.iter().zip(judged) {
        picked[count] = byte; // as in `places`
        count += usize::from(judged >= least);
    }
    count
}

/// Asks for `bytes` to be brought into the second cache; they are not waited for.
pub fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions of some processors only")]
mod x86 {
    use std::arch::x86_64::*;

    /// Bytes of a vector, and of a line of the cache.
    const BYTES: usize = 64;

    /// Asked once by the standard library, then read from memory.
    pub fn runs_here() -> bool {
        is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi2")
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

    /// See [`super::prefetch`].
    pub fn prefetch(bytes: &[u8]) {
        for line in bytes.chunks(BYTES) {
            // SAFETY: every x86-64 processor has the instruction, which reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_picked_as_their_definition_says_for_every_length() {
        for length in (0..=200).chain([784, 1000]) {
            let row: Vec<u8> = (0..length).map(|i| (i * 37 % 251) as u8).collect();
            let judged: Vec<u8> = (0..length).map(|i| (i * i * 131 % 256) as u8).collect();
            for least in [0, 1, 128, 255] {
                let kept: Vec<usize> = (0..length).filter(|&i| judged[i] >= least).collect();
                for pick in [pick, pick_one_by_one] {
                    let mut picked = vec![0; length];
                    let count = pick(&row, &judged, least, &mut picked);
                    assert!(picked[..count].iter().copied().eq(kept.iter().map(|&i| row[i])), "{length}, {least}");
                }
                let mut found = vec![0; length];
                let count = places(&judged, least, &mut found);
                assert!(found[..count].iter().map(|&place| place as usize).eq(kept), "{length}, {least}");
            }
        }
    }
}
