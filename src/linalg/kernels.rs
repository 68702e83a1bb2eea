//! The two products of a first layer over the active columns of a batch: forward, and the update of the weights.
//!
//! Most pixels of most images are zero, and many are zero in every image of a batch. Their rows of the weights neither
//! contribute to the product nor change, so the loops here run over the other rows only, where they lie in the weights.
//!
//! A product is cut into tiles whose sums stay in registers: a few rows times a few vectors. The loops over a tile have
//! constant bounds, so the compiler unrolls them into vector code; they are compiled three times, for AVX-512, for AVX2
//! and for what the build allows anyway, and the processor at hand decides which of them run. Each element is a sum in the
//! order of the columns, however the tiles are cut: on one kind of processor the bits do not depend on the batch.

use super::ActiveColumns;

/// The vector code that this processor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Vectors of 16, fused multiplication and addition.
    Avx512,
    /// Vectors of 8, fused likewise.
    Avx2,
    /// What the build allows without asking the processor.
    Portable,
}

impl Kind {
    /// All there are, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// The fastest that this processor runs.
    pub fn of_this_processor() -> Self {
        Self::ALL.into_iter().find(|kind| kind.runs_here()).unwrap_or(Self::Portable)
    }

    /// Whether this processor runs it: it has every feature that its loops are compiled for. Asked once by the standard
    /// library, then read from memory.
    #[cfg(target_arch = "x86_64")]
    pub fn runs_here(self) -> bool {
        match self {
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("fma")
            }
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Portable => true,
        }
    }

    /// Whether this processor runs it.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn runs_here(self) -> bool {
        self == Self::Portable
    }

    /// Whether leaving out what is zero is faster than BLAS over all of it, for a product that takes `operations` floating-
    /// point operations when it is whole: docs/MEASUREMENTS.md, "A first layer without the pixels that are zero".
    pub fn beats_blas(self, operations: usize) -> bool {
        match self {
            // On 2 cores. Where BLAS has many more, it would win earlier: our kernels run on one.
            Self::Avx512 => operations < 200_000_000,
            Self::Avx2 => operations < 20_000_000,
            Self::Portable => operations < 2_000_000,
        }
    }

    /// As `gemmnist doctor` tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Portable => "portable",
        }
    }
}

/// `Y ← X·W`: `x` (B, I) by its active columns, `w` (I, O) row-major, `y` (B, O) row-major, overwritten.
///
/// # Panics
/// If lengths disagree, a column is not below I, or the processor does not run this kind.
pub fn multiply(kind: Kind, x: ActiveColumns, w: &[f32], o: usize, y: &mut [f32]) {
    assert!(kind.runs_here(), "another processor's vector code");
    assert_eq!(y.len(), x.samples() * o, "y is not (B, O)");
    assert_eq!(w.len(), x.width() * o, "w is not (I, O)");
    dispatch::multiply(kind, x, w, o, y);
}

/// `W ← W + alpha·Xᵀ·D` on the rows of the active columns of `x` (B, I); the others would not change.
/// `d` (B, O), `w` (I, O), both row-major.
///
/// # Panics
/// As [`multiply`].
pub fn add_product(kind: Kind, alpha: f32, x: ActiveColumns, d: &[f32], o: usize, w: &mut [f32]) {
    assert!(kind.runs_here(), "another processor's vector code");
    assert_eq!(d.len(), x.samples() * o, "d is not (B, O)");
    assert_eq!(w.len(), x.width() * o, "w is not (I, O)");
    dispatch::add_product(kind, alpha, x, d, o, w);
}

/// From the processor's kind to the loops compiled for it. Only for a kind that runs here, which is checked above.
mod dispatch {
    use super::{ActiveColumns, Kind, loops};

    /// NEON has it everywhere; elsewhere the build says whether the processor has it.
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    /// Compiles the loops for a set of processor features.
    macro_rules! compiled {
        ($module:ident, $features:literal, $lanes:literal, $rows:literal, $columns:literal) => {
            #[cfg(target_arch = "x86_64")]
            mod $module {
                use super::{ActiveColumns, loops};

                #[target_feature(enable = $features)]
                pub fn multiply(x: ActiveColumns, w: &[f32], o: usize, y: &mut [f32]) {
                    loops::multiply::<true, $lanes, $rows>(x, w, o, y);
                }

                #[target_feature(enable = $features)]
                pub fn add_product(alpha: f32, x: ActiveColumns, d: &[f32], o: usize, w: &mut [f32]) {
                    loops::add_product::<true, $lanes, $columns>(alpha, x, d, o, w);
                }
            }
        };
    }
    // 32 registers hold sums of 12 x 2 vectors, 16 registers of 5 x 2; the rest is for what is multiplied.
    compiled!(avx512, "avx512f,avx512vl,avx512bw,avx512dq,fma", 16, 12, 4);
    compiled!(avx2, "avx2,fma", 8, 5, 2);

    #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "code for some processors only"))]
    pub fn multiply(kind: Kind, x: ActiveColumns, w: &[f32], o: usize, y: &mut [f32]) {
        match kind {
            // SAFETY: the processor has the features: `runs_here` lists them.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::multiply(x, w, o, y) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::multiply(x, w, o, y) },
            _ => loops::multiply::<FUSED, 4, 5>(x, w, o, y),
        }
    }

    #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "code for some processors only"))]
    pub fn add_product(kind: Kind, alpha: f32, x: ActiveColumns, d: &[f32], o: usize, w: &mut [f32]) {
        match kind {
            // SAFETY: the processor has the features: `runs_here` lists them.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::add_product(alpha, x, d, o, w) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::add_product(alpha, x, d, o, w) },
            _ => loops::add_product::<FUSED, 4, 2>(alpha, x, d, o, w),
        }
    }
}

/// The loops, to be compiled for each kind: `FUSED` multiplication and addition, vectors of `L` lanes.
mod loops {
    use std::array::from_fn;

    use super::ActiveColumns;

    /// `a·b + c`, rounded once where the processor can.
    #[inline(always)]
    fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
        if FUSED { a.mul_add(b, c) } else { a * b + c }
    }

    /// The columns of a tile: `N` vectors from `start` on, of which the first `skip` lanes belong to the tile before.
    #[derive(Clone, Copy)]
    struct Span {
        start: usize,
        skip: usize,
    }

    /// Calls `$tile::<N>` for every span of the `o` columns: the widest first; the last one reaches back over columns that are
    /// done where it would reach beyond the end.
    macro_rules! for_spans {
        ($o:expr, $lanes:expr, [$($n:literal),+], |$span:ident, $count:ident| $body:block) => {{
            let (o, mut start) = ($o, 0);
            $(
                while o - start >= $n * $lanes {
                    const $count: usize = $n;
                    let $span = Span { start, skip: 0 };
                    $body
                    start += $n * $lanes;
                }
            )+
            if start < o && o >= $lanes {
                const $count: usize = 1;
                let $span = Span { start: o - $lanes, skip: start + $lanes - o };
                $body
                start = o;
            }
            start
        }};
    }

    #[inline(always)]
    fn load<const L: usize, const N: usize>(row: &[f32]) -> [[f32; L]; N] {
        from_fn(|n| *row[n * L..].first_chunk().expect("a span ends with its row"))
    }

    /// See [`super::multiply`]; tiles of up to `MOST` rows.
    #[inline(always)]
    pub fn multiply<const FUSED: bool, const L: usize, const MOST: usize>(
        x: ActiveColumns,
        w: &[f32],
        o: usize,
        y: &mut [f32],
    ) {
        let done = for_spans!(o, L, [2, 1], |span, N| {
            let tiles = x.samples().div_ceil(MOST);
            for tile in 0..tiles {
                // Rows shared out evenly: 13 are 7 and 6, not 12 and 1.
                let (first, end) = (tile * x.samples() / tiles, (tile + 1) * x.samples() / tiles);
                macro_rules! tile_of {
                    ($($m:literal)+) => {
                        match end - first {
                            $( $m => multiply_tile::<FUSED, L, $m, N>(x, first, w, o, span, y), )+
                            _ => unreachable!("a tile has 1 to 12 rows"),
                        }
                    };
                }
                tile_of!(1 2 3 4 5 6 7 8 9 10 11 12);
            }
        });
        multiply_narrow(x, w, o, done, y);
    }

    /// `M` rows of `Y` from `first` on, in the columns of `span`.
    #[inline(always)]
    fn multiply_tile<const FUSED: bool, const L: usize, const M: usize, const N: usize>(
        x: ActiveColumns,
        first: usize,
        w: &[f32],
        o: usize,
        span: Span,
        y: &mut [f32],
    ) {
        let mut sums = [[[0.0_f32; L]; N]; M];
        for (x, row) in x.columns() {
            let x: &[f32; M] = x[first..].first_chunk().expect("a value of each sample");
            let w: [[f32; L]; N] = load(&w[row * o + span.start..]);
            for m in 0..M {
                for n in 0..N {
                    for l in 0..L {
                        sums[m][n][l] = multiply_add::<FUSED>(x[m], w[n][l], sums[m][n][l]);
                    }
                }
            }
        }
        for m in 0..M {
            let y = &mut y[(first + m) * o + span.start..];
            for n in 0..N {
                y[n * L..][..L].copy_from_slice(&sums[m][n]);
            }
        }
    }

    /// The columns from `done` on, where a row is narrower than a vector.
    #[inline(always)]
    fn multiply_narrow(x: ActiveColumns, w: &[f32], o: usize, done: usize, y: &mut [f32]) {
        if done == o {
            return;
        }
        y.fill(0.0);
        for (x, row) in x.columns() {
            let w = &w[row * o..][..o];
            for (&x, y) in x.iter().zip(y.chunks_exact_mut(o)) {
                y.iter_mut().zip(w).for_each(|(y, w)| *y += x * w);
            }
        }
    }

    /// See [`super::add_product`]; tiles of `ROWS` rows and as many vectors, then of one row.
    #[inline(always)]
    pub fn add_product<const FUSED: bool, const L: usize, const ROWS: usize>(
        alpha: f32,
        x: ActiveColumns,
        d: &[f32],
        o: usize,
        w: &mut [f32],
    ) {
        let mut k = 0;
        while k + ROWS <= x.len() {
            add_rows::<FUSED, L, ROWS>(alpha, x, k, d, o, w);
            k += ROWS;
        }
        while k < x.len() {
            add_rows::<FUSED, L, 1>(alpha, x, k, d, o, w);
            k += 1;
        }
    }

    /// The `R` rows of the active columns from the `k`-th on.
    #[inline(always)]
    fn add_rows<const FUSED: bool, const L: usize, const R: usize>(
        alpha: f32,
        x: ActiveColumns,
        k: usize,
        d: &[f32],
        o: usize,
        w: &mut [f32],
    ) {
        let (x, rows): ([&[f32]; R], [usize; R]) = (from_fn(|r| x.column(k + r).0), from_fn(|r| x.column(k + r).1));
        let done = for_spans!(o, L, [4, 2, 1], |span, N| {
            add_tile::<FUSED, L, R, N>(alpha, x, rows, d, o, span, w);
        });
        add_narrow(alpha, x, rows, d, o, done, w);
    }

    /// The columns of `span` of `R` rows of the weights.
    #[inline(always)]
    fn add_tile<const FUSED: bool, const L: usize, const R: usize, const N: usize>(
        alpha: f32,
        x: [&[f32]; R],
        rows: [usize; R],
        d: &[f32],
        o: usize,
        span: Span,
        w: &mut [f32],
    ) {
        let mut sums = [[[0.0_f32; L]; N]; R];
        let samples = x[0].len();
        let x = x.map(|x| &x[..samples]);
        for i in 0..samples {
            let d: [[f32; L]; N] = load(&d[i * o + span.start..]);
            for r in 0..R {
                for n in 0..N {
                    for l in 0..L {
                        sums[r][n][l] = multiply_add::<FUSED>(x[r][i], d[n][l], sums[r][n][l]);
                    }
                }
            }
        }
        for r in 0..R {
            let w = &mut w[rows[r] * o + span.start..];
            for n in 0..N {
                let w: &mut [f32; L] = w[n * L..].first_chunk_mut().expect("a span ends with its row");
                for l in 0..L {
                    let sum = multiply_add::<FUSED>(alpha, sums[r][n][l], w[l]);
                    w[l] = if l < span.skip { w[l] } else { sum };
                }
            }
        }
    }

    /// The columns from `done` on, where a row is narrower than a vector.
    #[inline(always)]
    fn add_narrow<const R: usize>(
        alpha: f32,
        x: [&[f32]; R],
        rows: [usize; R],
        d: &[f32],
        o: usize,
        done: usize,
        w: &mut [f32],
    ) {
        if done == o {
            return;
        }
        for (x, row) in x.into_iter().zip(rows) {
            let w = &mut w[row * o..][..o];
            for (&x, d) in x.iter().zip(d.chunks_exact(o)) {
                w.iter_mut().zip(d).for_each(|(w, d)| *w += alpha * x * d);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed, Stream, unit};

    /// Every kind of vector code that this processor runs; says which it does not.
    fn kinds() -> Vec<Kind> {
        let (here, elsewhere): (Vec<_>, Vec<_>) = Kind::ALL.into_iter().partition(|kind| kind.runs_here());
        elsewhere.iter().for_each(|kind| println!("skipped, not on this processor: {kind:?}"));
        here
    }

    /// A batch, weights and gradients, drawn at random.
    struct Case {
        values: Vec<f32>,
        columns: Vec<u32>,
        samples: usize,
        width: usize,
        o: usize,
        w: Vec<f32>,
        d: Vec<f32>,
    }

    impl Case {
        /// With about a share `density` of the columns.
        fn draw(samples: usize, width: usize, o: usize, density: f64, stream: &mut Stream) -> Self {
            let columns: Vec<u32> = (0..width as u32).filter(|_| unit(stream) < density).collect();
            let mut numbers = |count: usize| (0..count).map(|_| (2.0 * unit(stream) - 1.0) as f32).collect();
            let (values, w, d) = (numbers(columns.len() * samples), numbers(width * o), numbers(samples * o));
            Self { values, columns, samples, width, o, w, d }
        }

        fn x(&self) -> ActiveColumns<'_> {
            ActiveColumns::new(&self.values, &self.columns, self.samples, self.width)
        }

        /// Every shape that cuts tiles otherwise: samples, width, columns of the weights, density.
        fn all() -> impl Iterator<Item = Self> {
            const SAMPLES: [usize; 9] = [1, 2, 5, 6, 10, 12, 13, 25, 100];
            const OUTPUTS: [usize; 17] = [1, 3, 4, 7, 8, 10, 15, 16, 17, 30, 31, 32, 33, 63, 64, 100, 135];
            const DENSITIES: [f64; 4] = [0.0, 0.1, 0.6, 1.0];
            let mut stream = Seed(7).stream(Purpose::Init, 0);
            let shapes = SAMPLES.into_iter().flat_map(|samples| OUTPUTS.map(|o| (samples, o)));
            shapes.zip(0..).map(move |((samples, o), i)| {
                Self::draw(samples, 1 + i % 23, o, DENSITIES[i % DENSITIES.len()], &mut stream)
            })
        }

        fn name(&self, kind: Kind) -> String {
            format!("{kind:?}: {} samples, {} of {} columns, {}", self.samples, self.columns.len(), self.width, self.o)
        }
    }

    /// The same within the rounding of sums of so many terms of at most 1.
    fn assert_close(found: f32, expected: f64, terms: usize, name: &str) {
        let allowed = 1e-7 * (terms + 2) as f64;
        assert!((f64::from(found) - expected).abs() <= allowed, "{name}: {found}, not {expected}");
    }

    #[test]
    fn a_product_is_the_sum_over_the_active_columns() {
        for case in Case::all() {
            for kind in kinds() {
                let mut y = vec![f32::NAN; case.samples * case.o];
                multiply(kind, case.x(), &case.w, case.o, &mut y);
                for (i, &found) in y.iter().enumerate() {
                    let (sample, j) = (i / case.o, i % case.o);
                    let term = |(x, row): (&[f32], usize)| f64::from(x[sample]) * f64::from(case.w[row * case.o + j]);
                    assert_close(found, case.x().columns().map(term).sum(), case.columns.len(), &case.name(kind));
                }
            }
        }
    }

    #[test]
    fn an_update_adds_the_product_to_the_rows_of_active_columns_and_touches_no_other() {
        for case in Case::all() {
            for kind in kinds() {
                let mut w = case.w.clone();
                add_product(kind, -0.5, case.x(), &case.d, case.o, &mut w);
                for (i, (&found, &before)) in w.iter().zip(&case.w).enumerate() {
                    let (row, j) = (i / case.o, i % case.o);
                    let Some((x, _)) = case.x().columns().find(|(_, active)| *active == row) else {
                        assert_eq!(found.to_bits(), before.to_bits(), "{}", case.name(kind));
                        continue;
                    };
                    let term = |(i, &x): (usize, &f32)| f64::from(x) * f64::from(case.d[i * case.o + j]);
                    let sum: f64 = x.iter().enumerate().map(term).sum();
                    assert_close(found, f64::from(before) - 0.5 * sum, case.samples, &case.name(kind));
                }
            }
        }
    }

    #[test]
    fn a_sample_has_the_same_bits_in_every_batch() {
        let mut stream = Seed(8).stream(Purpose::Init, 0);
        let case = Case::draw(25, 60, 37, 0.7, &mut stream);
        for kind in kinds() {
            let mut together = vec![0.0; case.samples * case.o];
            multiply(kind, case.x(), &case.w, case.o, &mut together);
            for sample in 0..case.samples {
                let values: Vec<f32> = case.x().columns().map(|(x, _)| x[sample]).collect();
                let mut alone = vec![0.0; case.o];
                multiply(kind, ActiveColumns::new(&values, &case.columns, 1, 60), &case.w, case.o, &mut alone);
                assert_eq!(alone, together[sample * case.o..][..case.o], "{kind:?}, sample {sample}");
            }
        }
    }

    #[test]
    fn the_largest_and_smallest_numbers_go_through_as_they_do_in_a_naive_loop() {
        let values = [1e-40, f32::MAX, f32::INFINITY, f32::NAN];
        let w = [1.0; 40];
        for kind in kinds() {
            for x in values {
                let mut y = [0.0; 40];
                multiply(kind, ActiveColumns::new(&[x], &[0], 1, 1), &w, 40, &mut y);
                assert!(
                    y.iter().all(|y| y.to_bits() == x.to_bits() || (y.is_nan() && x.is_nan())),
                    "{kind:?} {x}: {y:?}"
                );
            }
        }
    }
}
