use super::*;

/// Of every width, with more samples than are turned at once, and fewer.
#[test]
fn pairs_are_listed_as_their_definition_says() {
    for width in (1..=70).chain([100, 784]) {
        let mut by_vectors = PairLists::new(75, width);
        for samples in [0, 1, 7, 8, 9, 16, 30, 75, 31, 64, 32, 33, 0, 12] {
            let byte = |i: usize| if i % 7 < 5 { 0 } else { (i * i * 131 % 256) as u8 };
            let rows: Vec<u8> = (0..samples * width).map(byte).collect();
            let mut one_by_one = PairLists::new(samples, width);
            for least in [0, 1, 128, 255] {
                by_vectors.fill(&rows, width, least);
                one_by_one.fill_one_by_one(&rows, width, least, 0..width.div_ceil(PAIR));
                assert_eq!(by_vectors.samples(), samples);
                for pair in 0..by_vectors.pairs() {
                    let expected = rows.chunks_exact(width).map(|row| row.chunks(PAIR).nth(pair).expect("a pair"));
                    let counts = |(_, bytes): &(usize, &[u8])| bytes.iter().any(|&byte| byte >= least);
                    let expected: Vec<_> = expected.enumerate().filter(counts).collect();
                    for lists in [&by_vectors, &one_by_one] {
                        let found = lists.of(pair).iter().map(|entry| (entry.sample(), entry.bytes()));
                        let of_columns =
                            |(sample, bytes): (usize, &[u8])| (sample, [bytes[0], bytes.get(1).copied().unwrap_or(0)]);
                        assert!(
                            found.eq(expected.iter().copied().map(of_columns)),
                            "{samples} of {width}, pair {pair}, {least}"
                        );
                    }
                }
            }
        }
    }
}

/// The last number that 16 bits have.
#[test]
fn as_many_samples_as_can_be_numbered_are_listed() {
    let (samples, width) = (1 << u16::BITS, 16);
    let mut lists = PairLists::new(samples, width);
    let mut rows = vec![0; samples * width];
    rows[(samples - 1) * width] = 9;
    lists.fill(&rows, width, 1);
    assert_eq!(lists.of_pairs(0..8), [Entry::new(samples - 1, [9, 0])]);
}

#[test]
#[should_panic(expected = "more samples than there is room for")]
fn more_samples_than_there_is_room_for_are_refused() {
    PairLists::new(31, 16).fill(&[1; 32 * 16], 16, 1);
}

#[test]
#[should_panic(expected = "more samples than can be numbered")]
fn more_samples_than_can_be_numbered_are_refused() {
    PairLists::new((1 << u16::BITS) + 1, 2);
}
