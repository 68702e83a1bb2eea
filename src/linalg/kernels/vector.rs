//! Vectors of numbers, as each kind of processor has them.

/// Some `f32` that are computed with at once.
///
/// Its functions are compiled into loops that run on processors which have such vectors only: `super::dispatch` sees to it. So nobody outside the crate
/// can name it.
pub trait Vector: Copy {
    /// How many numbers.
    const LANES: usize;

    /// Rows of a tile of two and of one vectors, at most: as many sums as there are registers for, less those for what is
    /// multiplied.
    const MOST_ROWS: [usize; 2];

    /// Half a vector may take half the time of a whole one.
    const HAS_HALVES: bool = false;

    /// The same number in every lane.
    fn splat(value: f32) -> Self;

    /// The first [`LANES`](Self::LANES) of `values`.
    fn load(values: &[f32]) -> Self;

    /// The first `lanes`, at most [`LANES`](Self::LANES), of `values`; zeros in the lanes after them.
    fn load_first(lanes: usize, values: &[f32]) -> Self;

    /// Overwrites the first [`LANES`](Self::LANES) of `values`.
    fn store(self, values: &mut [f32]);

    /// Overwrites the first `lanes`, at most [`LANES`](Self::LANES), of `values`.
    fn store_first(self, lanes: usize, values: &mut [f32]);

    /// `self·b + c` in every lane, rounded once where the processor can.
    fn multiply_add(self, b: Self, c: Self) -> Self;

    /// [`Self::load_first`] of at most half of the lanes.
    #[inline(always)]
    fn load_first_of_half(lanes: usize, values: &[f32]) -> Self {
        Self::load_first(lanes, values)
    }

    /// [`Self::multiply_add`] in the first half of the lanes; the others are unspecified after it: they are neither stored nor added up.
    #[inline(always)]
    fn multiply_add_half(self, b: Self, c: Self) -> Self {
        self.multiply_add(b, c)
    }

    /// `self + b` in every lane.
    fn add(self, b: Self) -> Self;

    /// `self - b` in every lane.
    fn subtract(self, b: Self) -> Self;

    /// `self·b` in every lane.
    fn multiply(self, b: Self) -> Self;

    /// `self / b` in every lane, within a unit in the last place where both and the quotient are between 1e-30 and 1e30 in magnitude, and 0 where `b` is
    /// infinite. Beyond 1e30 it may be anything, below 1e-30 some units off.
    fn divide(self, b: Self) -> Self;

    /// `√self` in every lane, within a unit in the last place; of a number that is less than normal, something as small.
    fn root(self) -> Self;

    /// Which lanes are not zero, a bit for each. What is not a number is not zero.
    fn not_zero(self) -> u64;

    /// 0 in every lane whose magnitude is less than `least`, the others as they are.
    fn or_zero(self, least: f32) -> Self;

    /// The sum of all lanes: of halves, of halves of that, and so on.
    fn sum(self) -> f32;

    /// Turns a square `block` of [`LANES`](Self::LANES) vectors: its rows become its columns.
    fn transpose(block: &mut [Self]);
}

/// What every build allows.
impl Vector for [f32; 4] {
    const LANES: usize = 4;
    const MOST_ROWS: [usize; 2] = [5, 8];

    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; 4]
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        *values.first_chunk().expect("a whole vector")
    }

    #[inline(always)]
    fn load_first(lanes: usize, values: &[f32]) -> Self {
        let mut vector = [0.0; 4];
        vector[..lanes].copy_from_slice(&values[..lanes]);
        vector
    }

    #[inline(always)]
    fn store(self, values: &mut [f32]) {
        *values.first_chunk_mut().expect("a whole vector") = self;
    }

    #[inline(always)]
    fn store_first(self, lanes: usize, values: &mut [f32]) {
        values[..lanes].copy_from_slice(&self[..lanes]);
    }

    #[inline(always)]
    fn multiply_add(self, b: Self, c: Self) -> Self {
        // NEON has it everywhere; elsewhere the build says whether the processor has it.
        const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
        std::array::from_fn(|l| if FUSED { self[l].mul_add(b[l], c[l]) } else { self[l] * b[l] + c[l] })
    }

    #[inline(always)]
    fn add(self, b: Self) -> Self {
        std::array::from_fn(|l| self[l] + b[l])
    }

    #[inline(always)]
    fn subtract(self, b: Self) -> Self {
        std::array::from_fn(|l| self[l] - b[l])
    }

    #[inline(always)]
    fn multiply(self, b: Self) -> Self {
        std::array::from_fn(|l| self[l] * b[l])
    }

    #[inline(always)]
    fn divide(self, b: Self) -> Self {
        std::array::from_fn(|l| self[l] / b[l])
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.map(f32::sqrt)
    }

    #[inline(always)]
    fn not_zero(self) -> u64 {
        self.iter().enumerate().fold(0, |set, (l, &value)| set | u64::from(value != 0.0) << l)
    }

    #[inline(always)]
    fn or_zero(self, least: f32) -> Self {
        self.map(|value| if value.abs() < least { 0.0 } else { value })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        (self[0] + self[2]) + (self[1] + self[3])
    }

    #[inline(always)]
    fn transpose(block: &mut [Self]) {
        let [a, b, c, d] = *block.first_chunk().expect("a square block");
        block[0] = [a[0], b[0], c[0], d[0]];
        block[1] = [a[1], b[1], c[1], d[1]];
        block[2] = [a[2], b[2], c[2], d[2]];
        block[3] = [a[3], b[3], c[3], d[3]];
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::divides_fast;

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions of some processors only")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    // SAFETY, of every block here: the processor has the instruction, since `kernels::dispatch` chose these vectors; and a
    // pointer is to as many numbers as are read or written, which is checked first.

    /// Whether the processor's own instructions divide and take roots faster than [`quotient`] and [`root`]: AMD's sixteen of each in 5 to 10 cycles, Intel's in
    /// 16 to 24. Only AMD's have SSE4a.
    #[inline(always)]
    pub fn divides_fast() -> bool {
        is_x86_feature_detected!("sse4a")
    }

    /// By the reciprocal to 14 bits, a step of Newton's that makes it as exact as a number can be, and what the quotient by it leaves (Markstein 1990): some
    /// cycles, in which others begin.
    #[inline(always)]
    fn quotient(a: __m512, b: __m512) -> __m512 {
        unsafe {
            let reciprocal = _mm512_rcp14_ps(b);
            let error = _mm512_fnmadd_ps(b, reciprocal, _mm512_set1_ps(1.0));
            let reciprocal = _mm512_fmadd_ps(reciprocal, error, reciprocal);
            let quotient = _mm512_mul_ps(a, reciprocal);
            let rest = _mm512_fnmadd_ps(quotient, b, a);
            let quotient = _mm512_fmadd_ps(rest, reciprocal, quotient);
            let by_infinity = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(_mm512_abs_ps(b), _mm512_set1_ps(f32::INFINITY));
            _mm512_mask_mul_ps(quotient, by_infinity, a, _mm512_setzero_ps())
        }
    }

    /// By the reciprocal of the root to 14 bits, likewise.
    #[inline(always)]
    fn root(a: __m512) -> __m512 {
        unsafe {
            let half = _mm512_set1_ps(0.5);
            let reciprocal = _mm512_rsqrt14_ps(_mm512_max_ps(a, _mm512_set1_ps(f32::MIN_POSITIVE))); // of 0, a finite one
            let (root, half_reciprocal) = (_mm512_mul_ps(a, reciprocal), _mm512_mul_ps(reciprocal, half));
            let error = _mm512_fnmadd_ps(root, half_reciprocal, half);
            let root = _mm512_fmadd_ps(root, error, root);
            let half_reciprocal = _mm512_fmadd_ps(half_reciprocal, error, half_reciprocal);
            let rest = _mm512_fnmadd_ps(root, root, a);
            let root = _mm512_fmadd_ps(rest, half_reciprocal, root);
            let is_infinite = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, _mm512_set1_ps(f32::INFINITY));
            _mm512_mask_mov_ps(root, is_infinite, a)
        }
    }

    impl Vector for __m512 {
        const LANES: usize = 16;
        const MOST_ROWS: [usize; 2] = [12, 16];
        const HAS_HALVES: bool = true; // a Zen 4 takes it as two of 8

        #[inline(always)]
        fn splat(value: f32) -> Self {
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        fn load(values: &[f32]) -> Self {
            let values = &values[..16];
            unsafe { _mm512_loadu_ps(values.as_ptr()) }
        }

        #[inline(always)]
        fn load_first(lanes: usize, values: &[f32]) -> Self {
            let values = &values[..lanes];
            unsafe { _mm512_maskz_loadu_ps(first(lanes), values.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, values: &mut [f32]) {
            let values = &mut values[..16];
            unsafe { _mm512_storeu_ps(values.as_mut_ptr(), self) }
        }

        #[inline(always)]
        fn store_first(self, lanes: usize, values: &mut [f32]) {
            let values = &mut values[..lanes];
            unsafe { _mm512_mask_storeu_ps(values.as_mut_ptr(), first(lanes), self) }
        }

        #[inline(always)]
        fn multiply_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm512_fmadd_ps(self, b, c) }
        }

        #[inline(always)]
        fn load_first_of_half(lanes: usize, values: &[f32]) -> Self {
            let values = &values[..lanes];
            assert!(lanes <= 8, "more lanes than half a vector has");
            unsafe { _mm512_zextps256_ps512(_mm256_maskz_loadu_ps(first(lanes) as u8, values.as_ptr())) }
        }

        #[inline(always)]
        fn multiply_add_half(self, b: Self, c: Self) -> Self {
            unsafe {
                let (a, b, c) = (_mm512_castps512_ps256(self), _mm512_castps512_ps256(b), _mm512_castps512_ps256(c));
                _mm512_zextps256_ps512(_mm256_fmadd_ps(a, b, c))
            }
        }

        #[inline(always)]
        fn add(self, b: Self) -> Self {
            unsafe { _mm512_add_ps(self, b) }
        }

        #[inline(always)]
        fn subtract(self, b: Self) -> Self {
            unsafe { _mm512_sub_ps(self, b) }
        }

        #[inline(always)]
        fn multiply(self, b: Self) -> Self {
            unsafe { _mm512_mul_ps(self, b) }
        }

        #[inline(always)]
        fn divide(self, b: Self) -> Self {
            if divides_fast() { unsafe { _mm512_div_ps(self, b) } } else { quotient(self, b) }
        }

        #[inline(always)]
        fn root(self) -> Self {
            if divides_fast() { unsafe { _mm512_sqrt_ps(self) } } else { root(self) }
        }

        #[inline(always)]
        fn not_zero(self) -> u64 {
            u64::from(unsafe { _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_ps()) })
        }

        #[inline(always)]
        fn or_zero(self, least: f32) -> Self {
            unsafe {
                let is_kept = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(_mm512_abs_ps(self), _mm512_set1_ps(least));
                _mm512_maskz_mov_ps(is_kept, self)
            }
        }

        #[inline(always)]
        fn sum(self) -> f32 {
            unsafe {
                let (low, high) = (_mm512_castps512_ps256(self), _mm512_extractf32x8_ps::<1>(self));
                _mm256_add_ps(low, high).sum()
            }
        }

        /// Blocks of 2 x 2 numbers are turned first, then blocks of 2 x 2 such blocks, and so on.
        #[inline(always)]
        fn transpose(block: &mut [Self]) {
            let rows: &mut [Self; 16] = block.first_chunk_mut().expect("a square block");
            unsafe {
                let mut pairs = [_mm512_setzero_ps(); 16];
                for i in 0..8 {
                    pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                    pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
                }
                // Of rows 4q to 4q + 3, column 4l + c in the l-th quarter of `quarters[c][q]`.
                let mut quarters = [[_mm512_setzero_ps(); 4]; 4];
                for q in 0..4 {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|i| _mm512_castps_pd(pairs[4 * q + i]));
                    quarters[0][q] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
                    quarters[1][q] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
                    quarters[2][q] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
                    quarters[3][q] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
                }
                for c in 0..4 {
                    let [a, b, d, e] = quarters[c];
                    let (even, odd) = (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b));
                    let (even_2, odd_2) = (_mm512_shuffle_f32x4::<0x88>(d, e), _mm512_shuffle_f32x4::<0xdd>(d, e));
                    rows[c] = _mm512_shuffle_f32x4::<0x88>(even, even_2);
                    rows[4 + c] = _mm512_shuffle_f32x4::<0x88>(odd, odd_2);
                    rows[8 + c] = _mm512_shuffle_f32x4::<0xdd>(even, even_2);
                    rows[12 + c] = _mm512_shuffle_f32x4::<0xdd>(odd, odd_2);
                }
            }
        }
    }

    /// A mask of the first `lanes` of 16.
    #[inline(always)]
    fn first(lanes: usize) -> u16 {
        assert!(lanes <= 16, "more lanes than a vector has");
        ((1_u32 << lanes) - 1) as u16
    }

    impl Vector for __m256 {
        const LANES: usize = 8;
        const MOST_ROWS: [usize; 2] = [5, 8];

        #[inline(always)]
        fn splat(value: f32) -> Self {
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        fn load(values: &[f32]) -> Self {
            let values = &values[..8];
            unsafe { _mm256_loadu_ps(values.as_ptr()) }
        }

        #[inline(always)]
        fn load_first(lanes: usize, values: &[f32]) -> Self {
            let values = &values[..lanes];
            unsafe { _mm256_maskload_ps(values.as_ptr(), signs(lanes)) }
        }

        #[inline(always)]
        fn store(self, values: &mut [f32]) {
            let values = &mut values[..8];
            unsafe { _mm256_storeu_ps(values.as_mut_ptr(), self) }
        }

        #[inline(always)]
        fn store_first(self, lanes: usize, values: &mut [f32]) {
            if lanes == 8 {
                return self.store(values);
            }
            assert!(lanes < 8, "more lanes than a vector has");
            let mut values = values[..lanes].as_mut_ptr();
            // By halves, quarters and eighths: AMD's processors take a dozen cycles for a store with a mask.
            unsafe {
                let mut left = _mm256_castps256_ps128(self);
                if lanes & 4 != 0 {
                    _mm_storeu_ps(values, left);
                    (left, values) = (_mm256_extractf128_ps::<1>(self), values.add(4));
                }
                if lanes & 2 != 0 {
                    _mm_storel_epi64(values.cast(), _mm_castps_si128(left));
                    (left, values) = (_mm_movehl_ps(left, left), values.add(2));
                }
                if lanes & 1 != 0 {
                    _mm_store_ss(values, left);
                }
            }
        }

        #[inline(always)]
        fn multiply_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm256_fmadd_ps(self, b, c) }
        }

        #[inline(always)]
        fn add(self, b: Self) -> Self {
            unsafe { _mm256_add_ps(self, b) }
        }

        #[inline(always)]
        fn subtract(self, b: Self) -> Self {
            unsafe { _mm256_sub_ps(self, b) }
        }

        #[inline(always)]
        fn multiply(self, b: Self) -> Self {
            unsafe { _mm256_mul_ps(self, b) }
        }

        #[inline(always)]
        fn divide(self, b: Self) -> Self {
            unsafe { _mm256_div_ps(self, b) }
        }

        #[inline(always)]
        fn root(self) -> Self {
            unsafe { _mm256_sqrt_ps(self) }
        }

        #[inline(always)]
        fn not_zero(self) -> u64 {
            let signs = unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(self, _mm256_setzero_ps())) };
            u64::from(signs.cast_unsigned())
        }

        #[inline(always)]
        fn or_zero(self, least: f32) -> Self {
            unsafe {
                let magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0), self);
                let is_kept = _mm256_cmp_ps::<_CMP_NLT_UQ>(magnitude, _mm256_set1_ps(least));
                _mm256_and_ps(is_kept, self)
            }
        }

        #[inline(always)]
        fn sum(self) -> f32 {
            unsafe {
                let halves = _mm_add_ps(_mm256_castps256_ps128(self), _mm256_extractf128_ps::<1>(self));
                let quarters = _mm_add_ps(halves, _mm_movehl_ps(halves, halves));
                _mm_cvtss_f32(_mm_add_ss(quarters, _mm_shuffle_ps::<1>(quarters, quarters)))
            }
        }

        /// As for vectors of 16.
        #[inline(always)]
        fn transpose(block: &mut [Self]) {
            let rows: &mut [Self; 8] = block.first_chunk_mut().expect("a square block");
            unsafe {
                // Of rows 4h to 4h + 3, column 4l + c in the l-th half of `halves[c][h]`.
                let mut halves = [[_mm256_setzero_ps(); 2]; 4];
                for h in 0..2 {
                    let (low, high) = (
                        _mm256_unpacklo_ps(rows[4 * h], rows[4 * h + 1]),
                        _mm256_unpackhi_ps(rows[4 * h], rows[4 * h + 1]),
                    );
                    let (low_2, high_2) = (
                        _mm256_unpacklo_ps(rows[4 * h + 2], rows[4 * h + 3]),
                        _mm256_unpackhi_ps(rows[4 * h + 2], rows[4 * h + 3]),
                    );
                    halves[0][h] = _mm256_shuffle_ps::<0x44>(low, low_2);
                    halves[1][h] = _mm256_shuffle_ps::<0xee>(low, low_2);
                    halves[2][h] = _mm256_shuffle_ps::<0x44>(high, high_2);
                    halves[3][h] = _mm256_shuffle_ps::<0xee>(high, high_2);
                }
                for c in 0..4 {
                    let [a, b] = halves[c];
                    rows[c] = _mm256_permute2f128_ps::<0x20>(a, b);
                    rows[4 + c] = _mm256_permute2f128_ps::<0x31>(a, b);
                }
            }
        }
    }

    /// A mask of the first `lanes` of 8: their signs are set.
    #[inline(always)]
    fn signs(lanes: usize) -> __m256i {
        assert!(lanes <= 8, "more lanes than a vector has");
        let lane = |l: usize| -i32::from(l < lanes);
        unsafe { _mm256_setr_epi32(lane(0), lane(1), lane(2), lane(3), lane(4), lane(5), lane(6), lane(7)) }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::linalg::kernels::Kind;

        /// Neither fewer lanes nor more: what lies behind them stays.
        #[test]
        fn some_lanes_are_stored_and_nothing_behind_them() {
            fn store<V: Vector>(lanes: usize) {
                let numbers: Vec<f32> = (1..=V::LANES).map(|number| number as f32).collect();
                let mut values = vec![-1.0; 2 * V::LANES];
                V::load(&numbers).store_first(lanes, &mut values);
                assert_eq!(values[..lanes], numbers[..lanes], "{lanes} of {}", V::LANES);
                assert!(values[lanes..].iter().all(|&value| value == -1.0), "{lanes} of {}: {values:?}", V::LANES);
            }
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
            fn store_512(lanes: usize) {
                store::<__m512>(lanes);
            }
            #[target_feature(enable = "avx2,fma")]
            fn store_256(lanes: usize) {
                store::<__m256>(lanes);
            }
            (0..=4).for_each(store::<[f32; 4]>);
            if Kind::Avx2.runs_here() {
                (0..=8).for_each(|lanes| unsafe { store_256(lanes) });
            }
            if Kind::Avx512.runs_here() {
                (0..=16).for_each(|lanes| unsafe { store_512(lanes) });
            }
        }

        /// As the whole vectors in the lanes that they have, and zeros behind what is loaded.
        #[test]
        fn halves_are_loaded_and_multiplied_as_whole_vectors_are() {
            fn lanes<V: Vector>(vector: V) -> Vec<f32> {
                let mut lanes = vec![-1.0; V::LANES];
                vector.store(&mut lanes);
                lanes
            }
            fn compare<V: Vector>() {
                let numbers: Vec<f32> = (1..=V::LANES).map(|number| number as f32 / 3.0).collect();
                let (a, b) = (V::load(&numbers), V::splat(0.7));
                let half = V::LANES / 2;
                for count in 0..=half {
                    let loaded = lanes(V::load_first_of_half(count, &numbers));
                    assert_eq!(loaded, lanes(V::load_first(count, &numbers)), "{count} of {}", V::LANES);
                    assert_eq!(
                        (&loaded[..count], &loaded[count..]),
                        (&numbers[..count], &vec![0.0; V::LANES - count][..])
                    );
                }
                let (found, expected) = (lanes(a.multiply_add_half(b, a)), lanes(a.multiply_add(b, a)));
                assert_eq!(found[..half], expected[..half], "{}", V::LANES);
            }
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
            fn compare_512() {
                compare::<__m512>();
            }
            #[target_feature(enable = "avx2,fma")]
            fn compare_256() {
                compare::<__m256>();
            }
            compare::<[f32; 4]>();
            if Kind::Avx2.runs_here() {
                unsafe { compare_256() };
            }
            if Kind::Avx512.runs_here() {
                unsafe { compare_512() };
            }
        }

        /// The processor's own are correctly rounded; which of the two it takes otherwise depends on who made it.
        #[test]
        fn quotients_and_roots_by_reciprocals_are_within_a_unit_of_those_by_the_divider() {
            if !Kind::Avx512.runs_here() {
                return println!("skipped, not on this processor");
            }
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
            fn pairs(a: f32, b: f32) -> [[f32; 16]; 4] {
                let [a, b] = [a, b].map(<__m512 as Vector>::splat);
                let all = [quotient(a, b), _mm512_div_ps(a, b), root(b), _mm512_sqrt_ps(b)];
                all.map(|vector| {
                    let mut lanes = [0.0; 16];
                    vector.store(&mut lanes);
                    lanes
                })
            }
            let units = |found: [f32; 16], expected: [f32; 16]| {
                assert!(found == [found[0]; 16], "every lane has the same");
                found[0].to_bits().abs_diff(expected[0].to_bits())
            };
            let (mut count, mut rounded) = (0, 0);
            for b in (1e-18_f32.to_bits()..1e18_f32.to_bits()).step_by(10_007).map(f32::from_bits) {
                for a in [1.0, -1.0, 1.999_999_9, 3.3, 1e-12, -7.7e9] {
                    let [quotient, divided, root, rooted] = unsafe { pairs(a, b) };
                    for off in [units(quotient, divided), units(root, rooted)] {
                        assert!(off <= 1, "{a}, {b}: {quotient:?}, {root:?}");
                        count += 1;
                        rounded += usize::from(off == 0);
                    }
                }
            }
            for square in (f32::MIN_POSITIVE.to_bits()..f32::MAX.to_bits()).step_by(10_007).map(f32::from_bits) {
                let [.., root, rooted] = unsafe { pairs(1.0, square) };
                assert!(units(root, rooted) <= 1, "{square}: {root:?}");
            }
            let [by_infinity, _, of_infinity, _] = unsafe { pairs(1.0, f32::INFINITY) };
            let [[.., of_zero, _], [.., of_little, _]] = [0.0, 1e-40].map(|square| unsafe { pairs(1.0, square) });
            assert_eq!((by_infinity[0], of_infinity[0], of_zero[0]), (0.0, f32::INFINITY, 0.0));
            assert!(of_little[0] < 1e-19, "{}", of_little[0]);
            assert!(1000 * (count - rounded) < count, "nearly all are correctly rounded: {rounded} of {count}");
        }
    }
}
