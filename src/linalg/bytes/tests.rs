use super::*;

#[test]
fn bytes_are_picked_as_their_definition_says_for_every_length() {
    for length in (0..=200).chain([784, 1000]) {
        let row: Vec<u8> = (0..length).map(|i| (i * 37 % 251) as u8).collect();
        let judged: Vec<u8> = (0..length).map(|i| (i * i * 131 % 256) as u8).collect();
        for least in [0, 1, 128, 255] {
            let kept: Vec<usize> = (0..length).filter(|&i| judged[i] >= least).collect();
            for places in [places, places_one_by_one] {
                let mut found = vec![0; length];
                let count = places(&judged, least, &mut found);
                let numbers = found[..count].iter().map(|&place| usize::from(place));
                assert!(numbers.eq(kept.iter().copied()), "{length}, {least}");
                let mut picked = [(); 2].map(|()| vec![0; length]);
                pick(&row, &judged, least, &found[..count], &mut picked[0]);
                pick_one_by_one(&row, &found[..count], &mut picked[1]);
                for picked in picked {
                    assert!(picked[..count].iter().copied().eq(kept.iter().map(|&i| row[i])), "{length}, {least}");
                }
            }
            let sets_without_vectors =
                |judged: &[u8], least, sets: &mut [u64]| sets_by(judged, sets, |bytes| set_of(bytes, least));
            for find in [&sets as &dyn Fn(&[u8], u8, &mut [u64]) -> usize, &sets_without_vectors] {
                let mut found = vec![u64::MAX; length.div_ceil(64)];
                assert_eq!(find(&judged, least, &mut found), kept.len(), "{length}, {least}");
                let is_in = |&i: &usize| found[i / 64] >> (i % 64) & 1 == 1;
                assert!((0..64 * found.len()).filter(is_in).eq(kept.iter().copied()), "{length}, {least}");
            }
        }
        let mut raised = row.clone();
        raise(&mut raised, &judged);
        assert!(raised.iter().zip(row.iter().zip(&judged)).all(|(&raised, (a, b))| raised == *a.max(b)), "{length}");
    }
}

/// Up to the longest row, whose sum just has room.
#[test]
fn products_are_sums_of_products_for_every_width() {
    let widths = (1..=100).chain([784, 1023, 1024, 1025, 1100, 2100]).map(|width| (width, 251));
    for (width, modulus) in widths.chain([(1 << u16::BITS, 1)]) {
        for (rows, others) in
            (0..=17).chain([29]).flat_map(|others| [(others % 8, others), (1, others)]).chain([(10, 20)])
        {
            let zeros = |i: usize| (i / 19).is_multiple_of(3) && modulus > 1;
            let byte = |i: usize| if zeros(i) { 0 } else { 255 - (i * i % 1009 * 37 % modulus) as u8 };
            let [a, b] = [rows, others].map(|rows| (0..rows * width).map(byte).collect::<Vec<u8>>());
            let dot = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(&a, &b)| u64::from(a) * u64::from(b)).sum::<u64>();
            let of_row = |a| b.chunks_exact(width).map(move |b| dot(a, b));
            let expected: Vec<u64> = a.chunks_exact(width).flat_map(of_row).collect();
            let by = |way: &dyn Fn(&mut [u32])| {
                let mut sums = vec![u32::MAX; rows * others];
                way(&mut sums);
                assert!(sums.iter().map(|&sum| u64::from(sum)).eq(expected.iter().copied()), "{width}");
            };
            by(&|sums| products(&a, &b, width, sums));
            if others == 0 {
                continue;
            }
            by(&|sums| products_row_by_row(&a, &b, width, sums, dots_one_by_one));
            #[cfg(target_arch = "x86_64")]
            if x86::has_vectors_of_32_bytes() {
                by(&|sums| products_row_by_row(&a, &b, width, sums, x86::dots));
            }
        }
    }
}

#[test]
fn pairs_are_found_as_their_definition_says_for_every_width() {
    for width in (1..=200_usize).chain([784, 1000]) {
        for samples in [0, 1, 10, 16] {
            let byte = |i: usize| if i % 7 < 5 { 0 } else { (i * i * 131 % 256) as u8 };
            let rows: Vec<u8> = (0..samples * width).map(byte).collect();
            for least in [0, 1, 128, 255] {
                let counts = |sample, column| column < width && rows[sample * width + column] >= least;
                let bit = |sample, pair| counts(sample, 2 * pair) || counts(sample, 2 * pair + 1);
                let expected: Vec<u16> = (0..width.div_ceil(2))
                    .map(|pair| (0..samples).map(|sample| u16::from(bit(sample, pair)) << sample).sum())
                    .collect();
                let bits = expected.iter().map(|set| set.count_ones() as usize).sum::<usize>();
                let mut ways = vec![pairs, pairs_by_lines, pairs_one_by_one];
                #[cfg(target_arch = "x86_64")]
                if x86::has_vectors_of_32_bytes() {
                    ways.push(x86::pairs_by_lines);
                }
                for find in ways {
                    let mut found = vec![u16::MAX; width.div_ceil(2)];
                    assert_eq!(find(&rows, width, least, &mut found), bits, "{width}, {least}");
                    assert_eq!(found, expected, "{width}, {least}");
                }
            }
        }
    }
}
