//! Vectors of numbers, as each kind of processor has them.

/// Some `f32` that are computed with at once.
///
/// Its functions are compiled into loops that run on processors which have such vectors only: `super::dispatch` sees to it.
pub trait Vector: Copy {
    /// How many numbers.
    const LANES: usize;

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
}

/// What every build allows.
impl Vector for [f32; 4] {
    const LANES: usize = 4;

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
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions of some processors only")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    // SAFETY, of every block here: the processor has the instruction, since `kernels::dispatch` chose these vectors; and a
    // pointer is to as many numbers as are read or written, which is checked first.

    impl Vector for __m512 {
        const LANES: usize = 16;

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
    }

    /// A mask of the first `lanes` of 16.
    #[inline(always)]
    fn first(lanes: usize) -> u16 {
        assert!(lanes <= 16, "more lanes than a vector has");
        ((1_u32 << lanes) - 1) as u16
    }

    impl Vector for __m256 {
        const LANES: usize = 8;

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
            let values = &mut values[..lanes];
            unsafe { _mm256_maskstore_ps(values.as_mut_ptr(), signs(lanes), self) }
        }

        #[inline(always)]
        fn multiply_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm256_fmadd_ps(self, b, c) }
        }
    }

    /// A mask of the first `lanes` of 8: their signs are set.
    #[inline(always)]
    fn signs(lanes: usize) -> __m256i {
        assert!(lanes <= 8, "more lanes than a vector has");
        let lane = |l: usize| -i32::from(l < lanes);
        unsafe { _mm256_setr_epi32(lane(0), lane(1), lane(2), lane(3), lane(4), lane(5), lane(6), lane(7)) }
    }
}
